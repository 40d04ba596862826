//! The journal's twin in memory: the last bytes of every session, bounded for each and for all.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use codepiper_protocol::SessionId;

use super::{Checkpoint, Content, Entry, Journal, Mark, Position, Start};

/// Output is packed into chunks of this many bytes.
const CHUNK: usize = 64 * 1024;
/// A chunk holds output of at most this long, so that a time can be found again. Milliseconds.
const CHUNK_TIME: i64 = 1000;
/// What an entry costs beside its bytes.
const OVERHEAD: usize = 128;

/// See the module.
pub struct Memory {
    per_session: usize,
    total: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    logs: HashMap<SessionId, Log>,
    /// Bytes held by all logs.
    used: usize,
}

#[derive(Default)]
struct Log {
    entries: VecDeque<Stored>,
    checkpoints: BTreeMap<u64, Checkpoint>,
    used: usize,
}

struct Stored {
    at: Position,
    time: i64,
    content: StoredContent,
}

enum StoredContent {
    Output(BytesMut),
    Mark(Arc<Mark>),
}

impl Stored {
    fn end(&self) -> Position {
        match &self.content {
            StoredContent::Output(bytes) => Position::at(self.at.offset + bytes.len() as u64),
            StoredContent::Mark(_) => Position { offset: self.at.offset, mark: self.at.mark + 1 },
        }
    }

    fn cost(&self) -> usize {
        OVERHEAD
            + match &self.content {
                StoredContent::Output(bytes) => bytes.capacity(),
                StoredContent::Mark(mark) => mark_cost(mark),
            }
    }
}

fn mark_cost(mark: &Mark) -> usize {
    match mark {
        Mark::Keyframe { screen, .. } => screen.len(),
        Mark::Gap { .. } | Mark::Ended { .. } => 0,
    }
}

impl Memory {
    /// Keeps at most `per_session` bytes of each session and `total` bytes of all.
    pub fn new(per_session: usize, total: usize) -> Self {
        Self { per_session, total, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn evict(&mut self, session: SessionId, per_session: usize, total: usize) {
        while self.logs.get(&session).is_some_and(|log| log.used > per_session) {
            self.evict_oldest(session);
        }
        while self.used > total {
            let Some(largest) = self.logs.iter().max_by_key(|(_, log)| log.used).map(|(id, _)| *id) else {
                return;
            };
            self.evict_oldest(largest);
        }
    }

    fn evict_oldest(&mut self, session: SessionId) {
        let Some(log) = self.logs.get_mut(&session) else { return };
        let before = log.used;
        if let Some(stored) = log.entries.pop_front() {
            log.used = log.used.saturating_sub(stored.cost());
        }
        let oldest = log.oldest().offset;
        while let Some(entry) = log.checkpoints.first_entry() {
            if *entry.key() >= oldest {
                break;
            }
            log.used = log.used.saturating_sub(entry.remove().screen.len() + OVERHEAD);
        }
        if log.entries.is_empty() {
            log.used = log.checkpoints.values().map(|saved| saved.screen.len() + OVERHEAD).sum();
        }
        self.used = self.used.saturating_sub(before - log.used);
    }
}

impl Log {
    fn oldest(&self) -> Position {
        self.entries.front().map(|stored| stored.at).unwrap_or_default()
    }

    fn append(&mut self, entry: &Entry) {
        let Content::Output(bytes) = &entry.content else {
            let Content::Mark(mark) = &entry.content else { return };
            self.push(Stored { at: entry.at, time: entry.time, content: StoredContent::Mark(mark.clone()) });
            return;
        };
        if let Some(last) = self.entries.back_mut()
            && let StoredContent::Output(chunk) = &mut last.content
            && chunk.len() + bytes.len() <= CHUNK
            && (0..CHUNK_TIME).contains(&(entry.time - last.time))
        {
            let before = chunk.capacity();
            chunk.extend_from_slice(bytes);
            self.used += chunk.capacity() - before;
            return;
        }
        let content = StoredContent::Output(BytesMut::from(bytes.as_ref()));
        self.push(Stored { at: entry.at, time: entry.time, content });
    }

    fn push(&mut self, stored: Stored) {
        self.used += stored.cost();
        self.entries.push_back(stored);
    }

    /// The index of the first entry that reaches beyond `from`.
    fn index(&self, from: Position) -> usize {
        self.entries.partition_point(|stored| stored.end() <= from)
    }

    /// The latest checkpoint or keyframe at or before `offset`, else the oldest place.
    fn start_before(&self, offset: u64) -> Start {
        let checkpoint = self.checkpoints.range(..=offset).next_back().map(|(_, saved)| saved);
        let oldest = self.oldest();
        match checkpoint {
            Some(saved) if saved.offset > oldest.offset => {
                Start { at: self.behind_marks(saved.offset), checkpoint: Some(saved.clone()) }
            }
            _ => Start { at: oldest, checkpoint: None },
        }
    }

    /// A checkpoint is taken after what stands at its offset.
    fn behind_marks(&self, offset: u64) -> Position {
        let end = self
            .entries
            .partition_point(|stored| stored.at.offset <= offset && stored.end().offset <= offset);
        match self.entries.get(end.wrapping_sub(1)) {
            Some(last) if last.end().offset == offset => last.end(),
            _ => Position::at(offset),
        }
    }
}

impl Journal for Memory {
    fn append(&self, session: SessionId, entry: &Entry) {
        let state = &mut *self.state();
        let log = state.logs.entry(session).or_default();
        let before = log.used;
        log.append(entry);
        state.used += log.used - before;
        state.evict(session, self.per_session, self.total);
    }

    fn checkpoint(&self, session: SessionId, checkpoint: Checkpoint) {
        let state = &mut *self.state();
        let Some(log) = state.logs.get_mut(&session) else { return };
        let cost = checkpoint.screen.len() + OVERHEAD;
        if checkpoint.offset >= log.oldest().offset
            && log.checkpoints.insert(checkpoint.offset, checkpoint).is_none()
        {
            log.used += cost;
            state.used += cost;
        }
    }

    fn read(&self, session: SessionId, from: Position, max: usize) -> Vec<Entry> {
        let state = self.state();
        let Some(log) = state.logs.get(&session) else { return Vec::new() };
        let mut found = Vec::new();
        let mut bytes = 0;
        for stored in log.entries.range(log.index(from)..) {
            if bytes >= max {
                break;
            }
            let (at, content) = match &stored.content {
                StoredContent::Mark(mark) => (stored.at, Content::Mark(mark.clone())),
                StoredContent::Output(chunk) => {
                    let skip = from.offset.saturating_sub(stored.at.offset) as usize;
                    let piece = &chunk[skip..chunk.len().min(skip + max - bytes)];
                    bytes += piece.len();
                    let at = if skip > 0 { Position::at(from.offset) } else { stored.at };
                    (at, Content::Output(Bytes::copy_from_slice(piece)))
                }
            };
            let cut = matches!(&content, Content::Output(piece) if at.offset + (piece.len() as u64) < stored.end().offset);
            found.push(Entry { at, time: stored.time, content });
            if cut {
                break;
            }
        }
        found
    }

    fn oldest(&self, session: SessionId) -> Position {
        self.state().logs.get(&session).map(Log::oldest).unwrap_or_default()
    }

    fn start_for_lines(&self, session: SessionId, lines: u32) -> Start {
        let state = self.state();
        let Some(log) = state.logs.get(&session) else {
            return Start { at: Position::default(), checkpoint: None };
        };
        // A line may be drawn anywhere on the screen, so a screen's worth more than asked for is read.
        let mut wanted = u64::from(lines) + u64::from(codepiper_protocol::Size::MAX);
        for stored in log.entries.iter().rev() {
            let StoredContent::Output(chunk) = &stored.content else { continue };
            let newlines = memchr::memchr_iter(b'\n', chunk).count() as u64;
            if newlines >= wanted {
                return log.start_before(stored.at.offset);
            }
            wanted -= newlines;
        }
        Start { at: log.oldest(), checkpoint: None }
    }

    fn start_for_time(&self, session: SessionId, time: i64) -> Start {
        let state = self.state();
        let Some(log) = state.logs.get(&session) else {
            return Start { at: Position::default(), checkpoint: None };
        };
        // The clock may have jumped: take the first entry that is not older, from the oldest on.
        match log.entries.iter().find(|stored| stored.time >= time) {
            Some(stored) => log.start_before(stored.at.offset),
            None => log.start_before(log.entries.back().map_or(0, |last| last.end().offset)),
        }
    }

    fn remove(&self, session: SessionId) {
        let state = &mut *self.state();
        if let Some(log) = state.logs.remove(&session) {
            state.used = state.used.saturating_sub(log.used);
        }
    }
}

#[cfg(test)]
mod tests {
    use codepiper_protocol::Size;

    use super::*;

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
        memory.checkpoint(session, Checkpoint { offset, size, screen: Bytes::from_static(b"s") });
        assert_eq!(memory.start_for_lines(session, 10).at, Position::at(offset));
        assert_eq!(memory.start_for_lines(session, 1_000_000).at, Position::default());
        assert_eq!(memory.start_for_time(session, 10_000).at, Position::at(offset));
        assert_eq!(memory.start_for_time(session, 0).at, Position::default());
    }
}
