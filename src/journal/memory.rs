//! The journal's twin in memory: the last bytes of every session, bounded for each and for all.

mod log;

pub(super) use log::{CHUNK, Log, OVERHEAD};

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use codepiper_protocol::SessionId;

use super::{Checkpoint, Entry, Journal, Last, Position, Start};
use crate::lock::lock;

/// See the module.
pub struct Memory {
    per_session: usize,
    total: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    logs: HashMap<SessionId, Kept>,
    /// Bytes held by all logs.
    used: usize,
}

#[derive(Default)]
struct Kept {
    log: Log,
    last: Last,
}

impl Memory {
    /// Keeps at most `per_session` bytes of each session and `total` bytes of all.
    pub fn new(per_session: usize, total: usize) -> Self {
        Self { per_session, total, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl State {
    fn evict(&mut self, session: SessionId, per_session: usize, total: usize) {
        while self.logs.get(&session).is_some_and(|kept| kept.log.used > per_session) {
            self.evict_oldest(session);
        }
        while self.used > total {
            // Of two that are alike, not the one that is going on.
            let largest = self.logs.iter().max_by_key(|(id, kept)| (kept.log.used, **id != session));
            let Some(largest) = largest.map(|(id, _)| *id) else { return };
            self.evict_oldest(largest);
        }
    }

    fn evict_oldest(&mut self, session: SessionId) {
        let Some(Kept { log, .. }) = self.logs.get_mut(&session) else { return };
        let before = log.used;
        log.evict_oldest();
        self.used = self.used.saturating_sub(before - log.used);
    }
}

impl Journal for Memory {
    fn append(&self, session: SessionId, entry: &Entry) {
        let state = &mut *self.state();
        let Kept { log, last } = state.logs.entry(session).or_default();
        let before = log.used;
        log.append(entry);
        last.follow(entry);
        state.used += log.used - before;
        state.evict(session, self.per_session, self.total);
    }

    fn checkpoint(&self, session: SessionId, checkpoint: Checkpoint) {
        let state = &mut *self.state();
        let Some(Kept { log, .. }) = state.logs.get_mut(&session) else { return };
        let before = log.used;
        log.save(checkpoint);
        state.used += log.used - before;
    }

    fn read(&self, session: SessionId, from: Position, max: usize) -> Vec<Entry> {
        let state = self.state();
        state.logs.get(&session).map(|kept| kept.log.read(from, max)).unwrap_or_default()
    }

    fn oldest(&self, session: SessionId) -> Position {
        self.state().logs.get(&session).map(|kept| kept.log.oldest()).unwrap_or_default()
    }

    fn read_at_once(&self, session: SessionId, from: Position, max: usize) -> Option<Vec<Entry>> {
        Some(self.read(session, from, max))
    }

    fn newlines_back(&self, session: SessionId, newlines: u64) -> Option<u64> {
        self.state().logs.get(&session)?.log.offset_of_newlines(&mut { newlines })
    }

    fn offset_at(&self, session: SessionId, time: i64) -> u64 {
        let state = self.state();
        let Some(Kept { log, last }) = state.logs.get(&session) else { return 0 };
        log.offset_of_time(time).unwrap_or(last.end.offset)
    }

    fn start_before(&self, session: SessionId, offset: u64) -> Start {
        let state = self.state();
        let none = || Start { at: Position::default(), checkpoint: None };
        state.logs.get(&session).map_or_else(none, |kept| kept.log.start_before(offset))
    }

    fn last(&self, session: SessionId) -> Option<Last> {
        self.state().logs.get(&session).map(|kept| kept.last)
    }

    fn remove(&self, session: SessionId) {
        let state = &mut *self.state();
        if let Some(kept) = state.logs.remove(&session) {
            state.used = state.used.saturating_sub(kept.log.used);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use codepiper_protocol::Size;

    use super::*;
    use crate::journal::{Content, Mark};

    fn output(offset: u64, time: i64, text: &str) -> Entry {
        Entry {
            at: Position::at(offset),
            time,
            content: Content::Output(Bytes::copy_from_slice(text.as_bytes())),
        }
    }

    fn ended(offset: u64, mark: u32) -> Entry {
        let content = Content::Mark(Arc::new(Mark::Ended { exit: None }));
        Entry { at: Position { offset, mark }, time: 0, content }
    }

    fn text(entries: &[Entry]) -> String {
        entries
            .iter()
            .map(|entry| match &entry.content {
                Content::Output(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                Content::Mark(_) => "|".to_owned(),
            })
            .collect()
    }

    #[test]
    fn entries_come_back_from_any_position() {
        let memory = Memory::new(1 << 20, 1 << 20);
        let session = SessionId::random();
        memory.append(session, &output(0, 0, "abc"));
        memory.append(session, &output(3, 1, "def"));
        memory.append(session, &ended(6, 0));
        memory.append(session, &ended(6, 1));
        memory.append(session, &output(6, 2, "ghi"));
        let read = |offset, mark, max| text(&memory.read(session, Position { offset, mark }, max));
        assert_eq!(read(0, 0, 100), "abcdef||ghi");
        assert_eq!(read(4, 0, 100), "ef||ghi");
        assert_eq!(read(6, 0, 100), "||ghi");
        assert_eq!(read(6, 1, 100), "|ghi");
        assert_eq!(read(6, 2, 100), "ghi");
        assert_eq!(read(9, 0, 100), "");
        assert_eq!(read(0, 0, 2), "ab");
        assert_eq!(read(2, 0, 2), "cd");
    }

    #[test]
    fn old_entries_leave_when_a_limit_is_reached() {
        let memory = Memory::new(3 * (CHUNK + OVERHEAD), 5 * (CHUNK + OVERHEAD));
        let (one, two) = (SessionId::random(), SessionId::random());
        let chunk = "x".repeat(CHUNK);
        for number in 0..10 {
            memory.append(one, &output(number * CHUNK as u64, 0, &chunk));
        }
        assert_eq!(memory.oldest(one), Position::at(7 * CHUNK as u64));
        for number in 0..10 {
            memory.append(two, &output(number * CHUNK as u64, 0, &chunk));
        }
        let kept = |session| memory.read(session, Position::default(), usize::MAX).len();
        assert_eq!(kept(one) + kept(two), 5);
        assert!(kept(one) <= 3 && kept(two) <= 3, "each has its own limit too");
        memory.remove(one);
        memory.remove(two);
        assert_eq!(memory.state().used, 0);
    }

    #[test]
    fn rendering_starts_at_a_checkpoint() {
        let memory = Memory::new(1 << 24, 1 << 24);
        let session = SessionId::random();
        let line = "x\n".repeat(CHUNK / 2);
        for number in 0..4 {
            memory.append(session, &output(number * CHUNK as u64, number as i64 * 5000, &line));
        }
        let offset = CHUNK as u64 + 7;
        let size = Size::new(80, 24).unwrap();
        memory.checkpoint(
            session,
            Checkpoint { offset, size, screen: Bytes::from_static(b"s"), scrolled: None },
        );
        assert_eq!(memory.start_for_lines(session, 10).at, Position::at(offset));
        assert_eq!(memory.start_for_lines(session, 1_000_000).at, Position::default());
        assert_eq!(memory.start_for_time(session, 10_000).at, Position::at(offset));
        assert_eq!(memory.start_for_time(session, 0).at, Position::default());
    }
}
