//! One session's log, and its readers.

mod density;
mod reader;
#[cfg(test)]
mod tests;

pub use density::Slices;
pub use reader::{Begun, Next, Reader};

use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use codepiper_protocol::wire::stream::Begin;
use codepiper_protocol::{Cursor, SessionId};
use tokio::sync::Notify;

use super::ring::Ring;
use super::watchers::Watchers;
use crate::journal::{Checkpoint, Content, Entry, Journal, Mark, Position, Start};
use crate::lock::lock;
use crate::tasks::blocking;

/// The log of one session: one writer, many readers.
pub struct Log {
    session: SessionId,
    journal: Arc<dyn Journal>,
    state: Mutex<LogState>,
}

/// The most bytes that a reader may have seen of what was never stored: more than is published between two writes.
const UNSTORED: u64 = 1024 * 1024;
/// Bytes that are read from the journal at once.
const READ: usize = 256 * 1024;

struct LogState {
    /// The epoch that is being written, and where each one began, oldest first.
    epochs: Vec<(u32, Position)>,
    end: Position,
    /// When something was printed last, in ms since 1970; 0 when that is not known.
    printed: i64,
    slices: Slices,
    ring: Ring,
    /// With those whose reader has nothing to read and wants to be given what comes.
    watchers: Watchers<Option<Waiting>>,
}

struct Waiting {
    at: Position,
    /// So many bytes it may be given.
    room: u64,
    give: DirectOutput,
}

/// Takes output where it is published, and must not wait; false when it does not take it.
pub type DirectOutput = Arc<dyn Fn(&[u8]) -> bool + Send + Sync>;

impl Log {
    pub(super) fn new(session: SessionId, journal: Arc<dyn Journal>, epoch: u32, end: Position) -> Self {
        let printed = journal.last(session).map_or(0, |last| last.time);
        let state = LogState {
            // Where it began is not known any more, and nobody has a cursor of it from before that.
            epochs: vec![(epoch, Position::default())],
            end,
            printed,
            slices: Slices::default(),
            ring: Ring::default(),
            watchers: Watchers::default(),
        };
        Self { session, journal, state: Mutex::new(state) }
    }

    /// Appends output, and gives it to the readers or wakes them. `time` is in ms since 1970.
    pub fn output(&self, time: i64, bytes: Bytes) {
        self.append(time, Content::Output(bytes));
    }

    /// Appends a mark and wakes the readers.
    pub fn mark(&self, time: i64, mark: Mark) {
        self.append(time, Content::Mark(Arc::new(mark)));
    }

    /// Saves a screen from which rendering can begin.
    pub fn checkpoint(&self, checkpoint: Checkpoint) {
        self.journal.checkpoint(self.session, checkpoint);
    }

    /// The end of the output so far.
    pub fn cursor(&self) -> Cursor {
        let state = self.state();
        Cursor::new(state.epoch(), state.end.offset)
    }

    /// When something was printed last, in ms since 1970, and where the output ended then.
    pub fn printed(&self) -> (i64, Cursor) {
        let state = self.state();
        (state.printed, Cursor::new(state.epoch(), state.end.offset))
    }

    /// How much was printed when, up to this place.
    pub fn slices(&self) -> (Slices, Cursor) {
        let state = self.state();
        (state.slices.clone(), Cursor::new(state.epoch(), state.end.offset))
    }

    /// The cursor of an offset of this log.
    pub fn cursor_at(&self, offset: u64) -> Cursor {
        let state = self.state();
        let epoch = state.epochs.iter().rev().find(|(_, start)| start.offset <= offset);
        Cursor::new(epoch.map_or_else(|| state.epoch(), |(epoch, _)| *epoch), offset)
    }

    /// The cursor of a place: marks at one offset may be of several epochs.
    fn cursor_of(&self, at: Position) -> Cursor {
        let state = self.state();
        let epoch = state.epochs.iter().rev().find(|(_, start)| *start <= at);
        Cursor::new(epoch.map_or_else(|| state.epoch(), |(epoch, _)| *epoch), at.offset)
    }

    /// Wakes all readers although nothing was appended: what belongs to the session changed.
    pub fn wake(&self) {
        self.state().watchers.wake();
    }

    /// Wakes the watcher whenever something is appended.
    pub fn watch(&self, watcher: &Arc<Notify>) {
        self.state().watchers.add(watcher);
    }

    /// A reader that begins where `begin` says, and what must be told to it first.
    pub async fn reader(self: &Arc<Self>, begin: Begin, watcher: &Arc<Notify>) -> (Reader, Begun) {
        let (at, begun) = match begin {
            Begin::Live => (self.end(), Begun::NeedsKeyframe),
            Begin::Start => (self.journal.oldest(self.session), Begun::Continued),
            Begin::Cursor(cursor) => {
                let known = self.state().position(cursor);
                match known {
                    Some((at, Begun::Continued)) => {
                        (self.behind_older_marks(at, cursor).await, Begun::Continued)
                    }
                    Some(known) => known,
                    None => self.position_of_old_epoch(cursor).await,
                }
            }
            Begin::Lines(lines) => {
                self.search(move |journal, session| journal.start_for_lines(session, lines)).await
            }
            Begin::Since(time) => {
                self.search(move |journal, session| journal.start_for_time(session, time)).await
            }
        };
        let mut state = self.state();
        state.watchers.add(watcher);
        let history_end = state.end;
        drop(state);
        let (log, watcher) = (self.clone(), watcher.clone());
        let (read, fetching) = (Vec::new(), None);
        (
            Reader {
                log,
                watcher,
                at,
                time: 0,
                history_end,
                read,
                fetching,
                handed_over: false,
                sought: false,
            },
            begun,
        )
    }

    /// Asks the journal, which may look at a disk.
    async fn search(
        self: &Arc<Self>,
        ask: impl FnOnce(&dyn Journal, SessionId) -> Start + Send + 'static,
    ) -> (Position, Begun) {
        let log = self.clone();
        match blocking(move || ask(&*log.journal, log.session)).await {
            Ok(start) => (start.at, start.checkpoint.map_or(Begun::Continued, Begun::Checkpoint)),
            Err(_) => (self.end(), Begun::NeedsKeyframe),
        }
    }

    /// Where a reader goes on whose epoch ended before this log was opened.
    async fn position_of_old_epoch(self: &Arc<Self>, cursor: Cursor) -> (Position, Begun) {
        let log = self.clone();
        let found = blocking(move || find_end(&*log.journal, log.session, cursor)).await;
        found.ok().flatten().unwrap_or_else(|| (self.end(), Begun::NeedsKeyframe))
    }

    /// Where the cursor's epoch began, when that is at its offset: what stands there before that was seen, and shows
    /// less than the reader may have seen since.
    async fn behind_older_marks(self: &Arc<Self>, at: Position, cursor: Cursor) -> Position {
        let log = self.clone();
        let entries = blocking(move || log.journal.read(log.session, at, READ)).await.unwrap_or_default();
        let began = |entry: &&Entry| match &entry.content {
            Content::Mark(mark) => matches!(**mark, Mark::Gap { epoch, .. } if epoch <= cursor.epoch),
            Content::Output(_) => false,
        };
        let there = entries.iter().take_while(|entry| entry.end().offset == at.offset);
        there.filter(began).last().map_or(at, |entry| entry.at)
    }

    fn end(&self) -> Position {
        self.state().end
    }

    pub(super) fn limit_ring(&self, bytes: usize) {
        self.state().ring.set_limit(bytes);
    }

    fn append(&self, time: i64, content: Content) {
        let mut state = self.state();
        if let Content::Mark(mark) = &content
            && let Mark::Gap { epoch, .. } = **mark
        {
            let begin = state.end;
            state.epochs.push((epoch, begin));
        }
        if let Content::Output(bytes) = &content {
            state.printed = time;
            state.slices.add(time, bytes.len() as u64);
        }
        let entry = Entry { at: state.end, time, content };
        state.end = entry.end();
        // Whoever waits for the echo of a key goes first.
        state.watchers.wake_unless(|waiting| waiting.as_mut().is_some_and(|waiting| waiting.take(&entry)));
        self.journal.append(self.session, &entry);
        state.ring.push(entry);
    }

    fn state(&self) -> MutexGuard<'_, LogState> {
        lock(&self.state)
    }
}

impl LogState {
    fn epoch(&self) -> u32 {
        self.epochs.last().map_or(0, |(epoch, _)| *epoch)
    }

    /// Where a reader with this cursor goes on; the end of the log when it cannot be continued. `None`: its epoch ended
    /// before this log was opened.
    fn position(&self, cursor: Cursor) -> Option<(Position, Begun)> {
        let old = self.epochs.first().is_some_and(|(epoch, _)| *epoch > cursor.epoch);
        (!old).then(|| self.position_of_epoch(cursor))
    }

    fn position_of_epoch(&self, cursor: Cursor) -> (Position, Begun) {
        let Some(index) = self.epochs.iter().position(|(epoch, _)| *epoch == cursor.epoch) else {
            // Of one between two of these nothing was stored, not even that it began: its daemon was killed too soon. It
            // began where the later one does, and what it published comes again.
            let later = self.epochs.iter().position(|(epoch, _)| *epoch > cursor.epoch);
            let start = later.filter(|later| *later > 0).map(|later| self.epochs[later].1);
            return match start.filter(|start| cursor.offset >= start.offset) {
                Some(start) => (start, Begun::Rewound),
                None => (self.end, Begun::NeedsKeyframe),
            };
        };
        let (_, start) = self.epochs[index];
        let next = self.epochs.get(index + 1).map(|(_, next)| *next);
        let end = next.unwrap_or(self.end);
        if (start.offset..=end.offset).contains(&cursor.offset) {
            return (Position::at(cursor.offset), Begun::Continued);
        }
        match next {
            Some(next) if cursor.offset > next.offset => (next, Begun::Rewound),
            // A daemon that was killed before it stored that the epoch began gave its number to another one, which
            // began at the same place.
            None if cursor.offset > end.offset && index > 0 => (start, Begun::Rewound),
            _ => (self.end, Begun::NeedsKeyframe),
        }
    }
}

/// Looks in the journal for the end of a cursor's epoch. Behind it, the reader has seen what a daemon that was killed had
/// published and not stored: it goes on where the next epoch began. `None` when that is not kept.
fn find_end(journal: &dyn Journal, session: SessionId, cursor: Cursor) -> Option<(Position, Begun)> {
    let mut at = Position::at(cursor.offset.saturating_sub(UNSTORED));
    // Where a new epoch began may not be kept any more.
    if at.offset < journal.oldest(session).offset {
        return None;
    }
    loop {
        let entries = journal.read(session, at, READ);
        for entry in &entries {
            let next = match &entry.content {
                Content::Mark(mark) => matches!(**mark, Mark::Gap { epoch, .. } if epoch > cursor.epoch),
                Content::Output(_) => false,
            };
            if next && entry.at.offset < cursor.offset {
                return Some((entry.at, Begun::Rewound));
            }
            // What stood there is not kept.
            if entry.at.offset > cursor.offset {
                return None;
            }
            if next || entry.end().offset > cursor.offset {
                return Some((Position::at(cursor.offset), Begun::Continued));
            }
        }
        at = entries.last()?.end();
    }
}

impl Waiting {
    /// True when its reader was given the entry, and does not have to be woken.
    fn take(&mut self, entry: &Entry) -> bool {
        let Content::Output(bytes) = &entry.content else { return false };
        let length = bytes.len() as u64;
        if self.at != entry.at || length > self.room || !(self.give)(bytes) {
            return false;
        }
        self.at = entry.end();
        self.room -= length;
        true
    }
}
