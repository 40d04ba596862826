//! Events: appended, then published.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use codepiper_protocol::SessionId;
use codepiper_protocol::event::{Body, Event};
use codepiper_protocol::wire::events::{FoundEvents, ListEvents, MAX_EVENTS};
use jiff::{Timestamp, Unit};
use tokio::sync::Notify;

/// So many events are kept.
const KEPT: usize = 10_000;

/// The newest events of the daemon. A reader is the `seq` of the last event it has seen.
#[derive(Default)]
pub struct EventLog {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    events: VecDeque<Event>,
    last: u64,
    watchers: Vec<Weak<Notify>>,
}

impl EventLog {
    pub fn append(&self, at: Timestamp, session: Option<SessionId>, body: Body) {
        let mut state = self.state();
        state.last += 1;
        let event = Event { seq: state.last, at: to_millisecond(at), session, source: body.source(), body };
        tracing::debug!(?event, "event");
        state.events.push_back(event);
        if state.events.len() > KEPT {
            state.events.pop_front();
        }
        state.watchers.retain(|watcher| match watcher.upgrade() {
            Some(watcher) => {
                watcher.notify_one();
                true
            }
            None => false,
        });
    }

    /// The `seq` of the newest event.
    pub fn last(&self) -> u64 {
        self.state().last
    }

    /// Events with a `seq` greater than `after`, oldest first, at most `max`.
    pub fn after(&self, after: u64, max: usize) -> Vec<Event> {
        let state = self.state();
        let start = state.events.partition_point(|event| event.seq <= after);
        state.events.range(start..).take(max).cloned().collect()
    }

    /// The newest events that are asked for, oldest first, and the `seq` of the newest of all.
    pub fn find(&self, wanted: &ListEvents) -> FoundEvents {
        let state = self.state();
        let limit = wanted.limit.min(MAX_EVENTS) as usize;
        let fitting = state.events.iter().rev().filter(|event| wanted.fits(event));
        let mut events: Vec<Event> = fitting.take(limit).cloned().collect();
        events.reverse();
        FoundEvents { events, last: state.last }
    }

    pub fn watch(&self, watcher: &Arc<Notify>) {
        self.state().watchers.push(Arc::downgrade(watcher));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The API speaks of milliseconds.
pub fn to_millisecond(at: Timestamp) -> Timestamp {
    at.round(Unit::Millisecond).unwrap_or(at)
}
