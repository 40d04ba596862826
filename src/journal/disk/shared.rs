//! What those who append, those who read and the writer share.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use codepiper_protocol::SessionId;

use super::cache::{Cache, Limits, Taken};
use super::generation::Generation;
use super::generations::Generations;
use super::options::Options;
use super::report::Notice;
use super::writer::{self, Work, Writer};
use crate::journal::Last;
use crate::lock::{lock, wait, wait_for};

pub(super) struct Shared {
    pub(super) options: Options,
    pub(super) generations: Generations,
    pub(super) state: Mutex<State>,
    /// The writer waits here.
    pub(super) wake: Condvar,
    /// Who closes waits here.
    pub(super) done: Condvar,
}

pub(super) struct State {
    pub(super) cache: Cache,
    pub(super) removals: Vec<(SessionId, Vec<Arc<Generation>>)>,
    /// The generation that is written to.
    pub(super) active: Option<Arc<Generation>>,
    /// Which writer is the right one.
    pub(super) ticket: u64,
    /// The writer sleeps until it is woken.
    pub(super) idle: bool,
    /// Since when the writer is at one piece of work.
    pub(super) busy: Option<Instant>,
    pub(super) closing: bool,
    pub(super) closed: bool,
    pub(super) paused: Option<String>,
    pub(super) failing: Option<String>,
    pub(super) written_bytes: u64,
    pub(super) written_entries: u64,
}

impl Shared {
    pub(super) fn new(options: Options, generations: Generations, lasts: BTreeMap<SessionId, Last>) -> Self {
        let limits = Limits {
            per_session: options.cache_per_session,
            total: options.cache_total,
            unwritten: options.unwritten_bytes,
        };
        let state = State {
            cache: Cache::new(limits, lasts),
            removals: Vec::new(),
            active: None,
            ticket: 0,
            idle: false,
            busy: None,
            closing: false,
            closed: false,
            paused: None,
            failing: None,
            written_bytes: 0,
            written_entries: 0,
        };
        Self { options, generations, state: Mutex::new(state), wake: Condvar::new(), done: Condvar::new() }
    }

    /// Starts a writer.
    pub(super) fn begin(self: &Arc<Self>, ticket: u64, active: Option<Arc<Generation>>) {
        let shared = self.clone();
        let spawned = thread::Builder::new().name("journal".to_owned()).spawn(move || {
            let mut writer = match Writer::new(shared.clone(), ticket) {
                Ok(writer) => writer,
                Err(error) => return shared.set_failing(Some(error.to_string())),
            };
            if let Some(generation) = active
                && let Err(error) = writer.go_on(generation.clone())
            {
                shared.generations.set_aside(&generation, &error.to_string());
            }
            writer.run();
        });
        if let Err(error) = spawned {
            tracing::error!(%error, "the journal has no writer");
        }
    }

    /// Leaves a writer that hangs to itself. Another one goes on in a new generation.
    pub(super) fn replace_writer(self: &Arc<Self>, state: &mut State) {
        tracing::error!("the journal's writer hangs and is replaced");
        state.ticket += 1;
        state.busy = None;
        state.idle = false;
        state.cache.give_back();
        if let Some(active) = state.active.take() {
            active.stuck.store(true, Ordering::Relaxed);
        }
        self.begin(state.ticket, None);
        (self.options.probes.notice)(Notice::WriterReplaced);
    }

    /// Waits for work, and for the time at which to do it.
    pub(super) fn wait(&self, ticket: u64, later: Option<Instant>, not_before: Option<Instant>) -> Work {
        let mut state = self.state();
        let mut waits_since: Option<Instant> = None;
        loop {
            state.idle = false;
            if state.ticket != ticket {
                return Work::Abandoned;
            }
            if state.closing {
                state.busy = Some(Instant::now());
                return Work::Close;
            }
            let now = Instant::now();
            let waits = !state.cache.is_clean() || !state.removals.is_empty();
            let mut write_at = None;
            if waits {
                let at = *waits_since.get_or_insert(now) + self.patience(&state);
                let at = not_before.map_or(at, |not_before| at.max(not_before));
                if now >= at {
                    state.busy = Some(now);
                    return Work::Write;
                }
                write_at = Some(at);
            } else {
                waits_since = None;
                if later.is_some_and(|later| now >= later) {
                    state.busy = Some(now);
                    return Work::Later;
                }
            }
            state.idle = !waits;
            state = match write_at.or(later.filter(|_| !waits)) {
                Some(until) => {
                    let left = until.saturating_duration_since(now);
                    wait_for(&self.wake, state, left)
                }
                None => wait(&self.wake, state),
            };
        }
    }

    /// How long the writer waits for more before it writes.
    pub(super) fn patience(&self, state: &State) -> Duration {
        writer::patience(state, self.options.output_waits)
    }

    /// The writer has done a piece of work; `false` when it was replaced.
    pub(super) fn rest(&self, ticket: u64) -> bool {
        let mut state = self.state();
        let current = state.ticket == ticket;
        if current {
            state.busy = None;
        }
        current
    }

    /// The writer gets on; `false` when it was replaced.
    pub(super) fn beat(&self, ticket: u64) -> bool {
        let mut state = self.state();
        let current = state.ticket == ticket;
        if current && state.busy.is_some() {
            state.busy = Some(Instant::now());
        }
        current
    }

    pub(super) fn closed(&self, ticket: u64) {
        let mut state = self.state();
        if state.ticket == ticket {
            state.closed = true;
            state.active = None;
            self.done.notify_all();
        }
    }

    pub(super) fn take(&self, ticket: u64, max: usize) -> Option<Vec<Taken>> {
        let mut state = self.state();
        (state.ticket == ticket).then(|| state.cache.take(max))
    }

    /// What was taken is stored in this generation. The bytes of it; `None` for a writer that was replaced.
    pub(super) fn written(&self, ticket: u64, taken: Vec<Taken>, generation: &Generation) -> Option<u64> {
        let mut state = self.state();
        if state.ticket != ticket {
            return None;
        }
        let (mut bytes, mut entries) = (0, 0);
        {
            let mut summary = generation.summary();
            for piece in taken.iter().filter(|piece| state.cache.is_current(piece)) {
                bytes += writer::count(summary.sessions.entry(piece.session).or_default(), piece);
                entries += piece.entries.len() as u64;
            }
        }
        state.cache.written(taken);
        state.written_bytes += bytes;
        state.written_entries += entries;
        if state.busy.is_some() {
            state.busy = Some(Instant::now());
        }
        Some(bytes)
    }

    pub(super) fn give_back(&self, ticket: u64) {
        let mut state = self.state();
        if state.ticket == ticket {
            state.cache.give_back();
        }
    }

    pub(super) fn set_active(&self, ticket: u64, generation: Arc<Generation>) -> bool {
        let mut state = self.state();
        let current = state.ticket == ticket;
        if current {
            state.active = Some(generation);
        }
        current
    }

    pub(super) fn has_removals(&self) -> bool {
        !self.state().removals.is_empty()
    }

    pub(super) fn next_removal(&self, ticket: u64) -> Option<(SessionId, Vec<Arc<Generation>>)> {
        let mut state = self.state();
        if state.ticket == ticket { state.removals.pop() } else { None }
    }

    pub(super) fn set_paused(&self, paused: Option<String>) {
        let mut state = self.state();
        let before = std::mem::replace(&mut state.paused, paused);
        let notice = match (&before, &state.paused) {
            (None, Some(_)) => Notice::Paused,
            (Some(_), None) => Notice::Resumed { dropped_bytes: state.cache.dropped_bytes },
            _ => return,
        };
        let why = state.paused.clone();
        drop(state);
        tracing::warn!(?notice, why, "the journal's disk");
        (self.options.probes.notice)(notice);
    }

    pub(super) fn set_failing(&self, failing: Option<String>) {
        self.state().failing = failing;
    }

    pub(super) fn unwritten(&self) -> usize {
        self.state().cache.unwritten
    }

    pub(super) fn all_stored(&self) -> Vec<(SessionId, Last)> {
        self.state().cache.all_stored()
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}
