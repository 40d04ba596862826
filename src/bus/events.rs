//! Events: appended, then published.
//!
//! They are lines of JSON in a log of their own, which the journal keeps like any other: in chunks, with
//! its limits and its care for damage. The newest are in memory too, for those who follow.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use codepiper_protocol::SessionId;
use codepiper_protocol::event::{Body, Event};
use codepiper_protocol::wire::events::{FoundEvents, ListEvents, MAX_EVENTS};
use jiff::{Timestamp, Unit};
use tokio::sync::{Notify, Semaphore};

use super::watchers::Watchers;
use crate::journal::{Content, Entry, Journal, Position};
use crate::lock::lock;
use crate::tasks::blocking;

/// The log of the events. No session has this id.
const LOG: SessionId = SessionId::from_bytes([0; 16]);
/// So many events are kept in memory, and so many bytes of them.
const KEPT: usize = 1000;
const KEPT_BYTES: usize = 16 * 1024 * 1024;
/// A reader is given so many bytes of events at once, and one that is longer alone.
const GIVEN: usize = 1024 * 1024;
/// Bytes of memory that a value of a payload takes beside its letters (measured: 30 to 60).
const OF_VALUE: usize = 50;
/// And who asks for events gets so many bytes of them, the newest.
const FOUND: usize = 32 * 1024 * 1024;
const READERS: usize = 4;
/// Bytes read from the journal at once.
const PAGE: usize = 256 * 1024;

/// The events of the daemon and of those before it. A reader is the `seq` of the last event it has seen.
pub struct EventLog {
    journal: Arc<dyn Journal>,
    /// So many read the journal at once: long events take memory meanwhile.
    readers: Semaphore,
    state: Mutex<EventsState>,
}

struct EventsState {
    /// With their sizes in memory.
    newest: VecDeque<(Event, usize)>,
    /// The sum of the sizes.
    kept: usize,
    /// `newest` holds all events behind this `seq`.
    before: u64,
    last: u64,
    end: Position,
    watchers: Watchers,
}

impl EventLog {
    /// Goes on with the events that the journal has. Reads it.
    pub(super) fn open(journal: Arc<dyn Journal>) -> Self {
        let end = journal.last(LOG).map(|last| last.end).unwrap_or_default();
        let mut newest = None;
        read(&*journal, start_of_last(&*journal, 1), end, |event, _| {
            newest = Some(event);
            true
        });
        let (seq, in_order) = newest
            .map_or((0, false), |event| (event.seq, matches!(event.body, Body::SystemDaemonStopping {})));
        // Readers may have seen events that the journal did not get: of the daemon before this one, of others
        // before it, or of the very first that was killed before it stored anything. The time is later than all of them, a thousand events a second allowed for.
        let now = Timestamp::now().as_millisecond().unsigned_abs();
        let last = if in_order { seq } else { now.max(seq + 1) };
        let state = EventsState {
            newest: VecDeque::new(),
            kept: 0,
            before: seq,
            last,
            end,
            watchers: Watchers::default(),
        };
        let log = Self { journal, readers: Semaphore::new(READERS), state: Mutex::new(state) };
        if !in_order && end.offset > 0 {
            // What was cut in the middle of a line shall not spoil the next one.
            log.store(&mut log.state(), 0, b"\n");
        }
        log
    }

    pub fn append(&self, at: Timestamp, session: Option<SessionId>, body: Body) {
        let mut state = self.state();
        state.last += 1;
        let event = Event { seq: state.last, at: to_millisecond(at), session, source: body.source(), body };
        tracing::debug!(?event, "event");
        let mut size = 0;
        match serde_json::to_vec(&event) {
            Ok(mut line) => {
                size = size_in_memory(&line);
                line.push(b'\n');
                self.store(&mut state, event.at.as_millisecond(), &line);
            }
            Err(error) => tracing::error!(%error, ?event, "an event cannot be written"),
        }
        state.kept += size;
        state.newest.push_back((event, size));
        // What is too large alone stands in the journal.
        while (state.newest.len() > KEPT || state.kept > KEPT_BYTES)
            && let Some((oldest, size)) = state.newest.pop_front()
        {
            state.kept -= size;
            state.before = oldest.seq;
        }
        state.watchers.wake();
    }

    fn store(&self, state: &mut EventsState, time: i64, line: &[u8]) {
        let content = Content::Output(Bytes::copy_from_slice(line));
        let entry = Entry { at: state.end, time, content };
        state.end = entry.end();
        self.journal.append(LOG, &entry);
        self.journal.hurry();
    }

    /// The `seq` of the newest event.
    pub fn last(&self) -> u64 {
        self.state().last
    }

    /// Events with a `seq` greater than `after`, oldest first, at most `max`; fewer when they are long, and none when
    /// there is none.
    pub async fn after(&self, after: u64, max: usize) -> Vec<Event> {
        let (end, behind) = {
            let state = self.state();
            if after >= state.before {
                let start = state.newest.partition_point(|(event, _)| event.seq <= after);
                let mut room = GIVEN;
                let newest = state.newest.range(start..).take(max).enumerate();
                let fits = newest.map_while(|(index, (event, size))| {
                    room = room.checked_sub(*size).or((index == 0).then_some(0))?;
                    Some(event.clone())
                });
                return fits.collect();
            }
            (state.end, state.last - after)
        };
        self.ask(move |journal| {
            let (mut found, mut size) = (Vec::new(), 0);
            read(journal, start_of_last(journal, behind), end, |event, length| {
                if event.seq > after {
                    found.push(event);
                    size += length;
                }
                found.len() < max && size < GIVEN
            });
            found
        })
        .await
    }

    /// The newest events that are asked for, oldest first, and the `seq` of the newest of all.
    pub async fn find(&self, wanted: ListEvents) -> FoundEvents {
        let (end, last) = {
            let state = self.state();
            (state.end, state.last)
        };
        let limit = wanted.limit.min(MAX_EVENTS) as usize;
        let find = move |journal: &dyn Journal| {
            let newest_from = |from| {
                let (mut newest, mut size, mut cut) = (VecDeque::new(), 0, false);
                read(journal, from, end, |event, length| {
                    // What was appended meanwhile comes to those who subscribe behind `last`.
                    if event.seq <= last && wanted.fits(&event) {
                        newest.push_back((event, length));
                        size += length;
                    }
                    while newest.len() > limit || size > FOUND && newest.len() > 1 {
                        size -= newest.pop_front().map_or(0, |(_, length)| length);
                        cut = true;
                    }
                    true
                });
                (newest.into_iter().map(|(event, _)| event).collect::<Vec<_>>(), cut)
            };
            if let Some(since) = wanted.since {
                return newest_from(Position::at(journal.offset_at(LOG, since))).0;
            }
            let mut lines = 4 * limit as u64;
            loop {
                let from = start_of_last(journal, lines);
                let (events, cut) = newest_from(from);
                if cut || events.len() == limit || from <= journal.oldest(LOG) {
                    return events;
                }
                lines *= 8;
            }
        };
        let asked = self.ask(move |journal| {
            let events = find(journal);
            // An answer with fewer than there may be.
            let whole = events.len() == limit;
            let unreadable = journal.unreadable(LOG, Position::default(), end).filter(|_| !whole);
            (events, unreadable)
        });
        let (events, unreadable) = asked.await;
        FoundEvents { events, last, unreadable }
    }

    /// Asks the journal, which may look at a disk.
    async fn ask<T: Default + Send + 'static>(
        &self,
        ask: impl FnOnce(&dyn Journal) -> T + Send + 'static,
    ) -> T {
        let journal = self.journal.clone();
        let _one_of_few = self.readers.acquire().await;
        // It panicked, and was reported.
        blocking(move || ask(&*journal)).await.unwrap_or_default()
    }

    /// The `seq` of the newest event from before `time` (ms since 1970), or 0.
    pub async fn before(&self, time: i64) -> u64 {
        let (end, last) = {
            let state = self.state();
            (state.end, state.last)
        };
        let found = self.ask(move |journal| {
            let mut found = None;
            read(journal, Position::at(journal.offset_at(LOG, time)), end, |event, _| {
                found = Some(event).filter(|event| event.at.as_millisecond() >= time);
                found.is_none()
            });
            Vec::from_iter(found)
        });
        found.await.first().map_or(last, |event| event.seq - 1)
    }

    pub fn watch(&self, watcher: &Arc<Notify>) {
        self.state().watchers.add(watcher);
    }

    fn state(&self) -> MutexGuard<'_, EventsState> {
        lock(&self.state)
    }
}

/// A place from which on there are at least the last so many lines; the first may be cut.
fn start_of_last(journal: &dyn Journal, lines: u64) -> Position {
    journal.newlines_back(LOG, lines + 1).map_or_else(|| journal.oldest(LOG), Position::at)
}

/// Gives the events between two places and the lengths of their lines, as far as they are kept and known to this version,
/// until it is told that they are enough.
fn read(journal: &dyn Journal, from: Position, end: Position, mut take: impl FnMut(Event, usize) -> bool) {
    let (mut at, mut line) = (from, Vec::new());
    while at < end {
        let entries = journal.read(LOG, at, PAGE);
        if entries.is_empty() {
            break;
        }
        for entry in entries {
            if entry.at != at {
                // Lost: what was begun has no end.
                line.clear();
            }
            at = entry.end();
            let Content::Output(bytes) = &entry.content else { continue };
            for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
                line.extend_from_slice(piece);
                if piece.ends_with(b"\n") {
                    let more = serde_json::from_slice(&line).map_or(true, |event| take(event, line.len()));
                    line.clear();
                    if !more {
                        return;
                    }
                }
            }
        }
    }
}

/// About what an event takes, by its JSON: short values take much more than their letters.
fn size_in_memory(json: &[u8]) -> usize {
    let values = json.iter().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count();
    json.len() + OF_VALUE * values
}

/// The API speaks of milliseconds.
pub fn to_millisecond(at: Timestamp) -> Timestamp {
    at.round(Unit::Millisecond).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Memory;

    fn renamed(number: usize) -> Body {
        Body::SessionRenamed { name: Some(number.to_string()) }
    }

    fn names(events: &[Event]) -> Vec<String> {
        let name = |event: &Event| match &event.body {
            Body::SessionRenamed { name: Some(name) } => Some(name.clone()),
            _ => None,
        };
        events.iter().filter_map(name).collect()
    }

    fn newest(limit: u32) -> ListEvents {
        ListEvents {
            session: None,
            source: None,
            kind: Some("session".into()),
            since: None,
            before: None,
            limit,
        }
    }

    #[tokio::test]
    async fn events_of_an_earlier_daemon_are_found_and_never_numbered_again() {
        let journal: Arc<dyn Journal> = Arc::new(Memory::new(1 << 24, 1 << 24));
        let log = EventLog::open(journal.clone());
        for number in 0..5000 {
            log.append(Timestamp::from_millisecond(number as i64).unwrap(), None, renamed(number));
        }
        let first = log.last() - 5000;
        assert_eq!(names(&log.after(first + 2, 3).await), ["2", "3", "4"], "from the journal");
        assert_eq!(names(&log.after(first + 4997, 9).await), ["4997", "4998", "4999"], "from memory");
        assert_eq!(log.after(first + 5000, 9).await, []);

        let killed = EventLog::open(journal.clone());
        assert!(killed.last() > first + 5000);
        let again = EventLog::open(Arc::new(Memory::new(1 << 20, 1 << 20)));
        assert!(again.last() > 1_000_000, "nothing was stored");
        assert_eq!(names(&killed.find(newest(2)).await.events), ["4998", "4999"]);
        let since = ListEvents { since: Some(4990), ..newest(3) };
        assert_eq!(names(&killed.find(since).await.events), ["4997", "4998", "4999"]);
        assert_eq!(killed.find(newest(10_000)).await.events.len(), 5000);
        assert_eq!(names(&killed.after(first + 4999, 9).await), ["4999"]);
        killed.append(Timestamp::UNIX_EPOCH, None, Body::SystemDaemonStopping {});

        let in_order = EventLog::open(journal);
        assert_eq!(in_order.last(), killed.last());
    }

    #[tokio::test]
    async fn what_is_kept_in_memory_counts_by_its_bytes_and_all_is_still_found() {
        let journal: Arc<dyn Journal> = Arc::new(Memory::new(1 << 28, 1 << 28));
        let log = EventLog::open(journal);
        let first = log.last();
        let long = |number: usize| {
            let empty: Vec<serde_json::Value> = vec![serde_json::json!([]); 100_000];
            Body::hook(serde_json::json!({"hook_event_name": number.to_string(), "a": empty}))
        };
        for number in 0..10 {
            log.append(Timestamp::UNIX_EPOCH, None, long(number));
            let state = log.state();
            assert!(state.kept <= KEPT_BYTES);
            assert_eq!(state.kept, state.newest.iter().map(|(_, size)| size).sum::<usize>());
        }
        assert!(log.state().newest.len() < 3);
        let (mut after, mut found) = (first, 0);
        loop {
            let page = log.after(after, 256).await;
            let Some(last) = page.last() else { break };
            after = last.seq;
            found += page.len();
        }
        assert_eq!(found, 10);
        assert_eq!(log.find(ListEvents { kind: None, ..newest(3) }).await.events.len(), 3);
    }

    #[tokio::test]
    async fn a_line_that_was_cut_spoils_no_other() {
        let journal: Arc<dyn Journal> = Arc::new(Memory::new(1 << 24, 1 << 24));
        let log = EventLog::open(journal.clone());
        log.append(Timestamp::UNIX_EPOCH, None, renamed(0));
        log.store(&mut log.state(), 0, b"{\"seq\":2,");
        let log = EventLog::open(journal);
        log.append(Timestamp::UNIX_EPOCH, None, renamed(1));
        assert_eq!(names(&log.find(newest(9)).await.events), ["0", "1"]);
    }
}
