//! One session's log, and its readers.

use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use codepiper_protocol::wire::stream::{Begin, GapReason};
use codepiper_protocol::{Cursor, SessionId};
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{Notify, oneshot};

use super::ring::Ring;
use super::watchers::Watchers;
use crate::journal::{Checkpoint, Content, Entry, Journal, Mark, Position, Start};
use crate::lock::lock;
use crate::tasks::blocking;

/// At most this many bytes are read from the journal at once.
const JOURNAL_READ: usize = 256 * 1024;

/// The log of one session: one writer, many readers.
pub struct Log {
    session: SessionId,
    journal: Arc<dyn Journal>,
    state: Mutex<State>,
}

struct State {
    /// The epoch that is being written, and where each one began, oldest first.
    epochs: Vec<(u32, Position)>,
    end: Position,
    ring: Ring,
    /// With those whose reader has nothing to read and wants to be given what comes.
    watchers: Watchers<Option<Waiting>>,
}

struct Waiting {
    at: Position,
    /// So many bytes it may be given.
    room: u64,
    give: Give,
}

/// Takes output where it is published, and must not wait; false when it does not take it.
pub type Give = Arc<dyn Fn(&[u8]) -> bool + Send + Sync>;

impl Log {
    pub(super) fn new(session: SessionId, journal: Arc<dyn Journal>, epoch: u32, end: Position) -> Self {
        let state = State {
            // Where it began is not known any more, and nobody has a cursor of it from before that.
            epochs: vec![(epoch, Position::default())],
            end,
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

    /// The cursor of an offset of this log.
    pub fn cursor_at(&self, offset: u64) -> Cursor {
        let state = self.state();
        let epoch = state.epochs.iter().rev().find(|(_, start)| start.offset <= offset);
        Cursor::new(epoch.map_or_else(|| state.epoch(), |(epoch, _)| *epoch), offset)
    }

    /// Wakes all readers although nothing was appended: what belongs to the session changed.
    pub fn wake(&self) {
        self.state().watchers.wake();
    }

    /// A reader that begins where `begin` says, and what must be told to it first.
    pub async fn reader(self: &Arc<Self>, begin: Begin, watcher: &Arc<Notify>) -> (Reader, Begun) {
        let (at, begun) = match begin {
            Begin::Live => (self.end(), Begun::NeedsKeyframe),
            Begin::Start => (self.journal.oldest(self.session), Begun::Continued),
            Begin::Cursor(cursor) => self.state().position(cursor),
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
        (Reader { log, watcher, at, time: 0, history_end, read, fetching, handed_over: false }, begun)
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
        let entry = Entry { at: state.end, time, content };
        state.end = entry.end();
        // Whoever waits for the echo of a key goes first.
        state.watchers.wake_unless(|waiting| waiting.as_mut().is_some_and(|waiting| waiting.take(&entry)));
        self.journal.append(self.session, &entry);
        state.ring.push(entry);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl State {
    fn epoch(&self) -> u32 {
        self.epochs.last().map_or(0, |(epoch, _)| *epoch)
    }

    /// Where a reader with this cursor goes on; the end of the log when it cannot be continued.
    fn position(&self, cursor: Cursor) -> (Position, Begun) {
        let Some(index) = self.epochs.iter().position(|(epoch, _)| *epoch == cursor.epoch) else {
            return (self.end, Begun::NeedsKeyframe);
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

/// How a reader begins.
#[derive(Debug, PartialEq)]
pub enum Begun {
    /// With what is in the log.
    Continued,
    /// With this screen, then what is in the log.
    Checkpoint(Checkpoint),
    /// With what is in the log, where that differs from what the reader has seen: it saw more than was stored.
    Rewound,
    /// The reader needs the screen of now first, and is moved to its offset with [`Reader::seek`].
    NeedsKeyframe,
}

/// A position in a log. It is woken through the watcher that it was made with.
pub struct Reader {
    log: Arc<Log>,
    watcher: Arc<Notify>,
    at: Position,
    /// When what was taken last was published. Milliseconds since 1970.
    time: i64,
    /// Where the log ended when this reader was made.
    history_end: Position,
    /// Read from the journal and not yet taken, last first.
    read: Vec<Entry>,
    /// What stands at `at`, or behind `read`, is being read from a disk.
    fetching: Option<oneshot::Receiver<Vec<Entry>>>,
    /// What comes is given to somebody.
    handed_over: bool,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.take_back();
    }
}

/// What a reader gets next.
#[derive(Debug, PartialEq)]
pub enum Next {
    Output(Bytes),
    Mark(Arc<Mark>),
    /// So many bytes that lay between are kept nowhere, or cannot be read.
    Gap {
        lost: u64,
        reason: GapReason,
    },
    /// The journal is being read; the watcher is told when that is done.
    Fetching,
    /// Everything was read.
    Pending,
}

impl Reader {
    /// Takes what comes next, at most `max` bytes.
    pub fn next(&mut self, max: usize) -> Next {
        if self.read.is_empty() {
            let state = self.log.state();
            if self.at >= state.end {
                return Next::Pending;
            }
            if let Some(mut entry) = state.ring.get(self.at) {
                drop(state);
                self.fetching = None;
                return self.take(&mut entry, max);
            }
            drop(state);
            match self.read_journal() {
                Some(entries) => self.read = entries,
                None => return Next::Fetching,
            }
            self.read.reverse();
        }
        let Some(mut entry) = self.read.pop() else {
            // Evicted between the two looks, or never kept: go on with what the ring holds.
            return self.skip_to(self.log.end());
        };
        if entry.at.offset > self.at.offset {
            let gap = self.skip_to(entry.at);
            self.read.push(entry);
            return gap;
        }
        let next = self.take(&mut entry, max);
        if self.at < entry.end() {
            self.read.push(entry);
        } else if self.read.is_empty() && !self.log.state().ring.reaches(self.at) {
            // The disk is read while the client is written to.
            self.read = self.read_journal().unwrap_or_default();
            self.read.reverse();
        }
        next
    }

    fn skip_to(&mut self, to: Position) -> Next {
        let from = std::mem::replace(&mut self.at, to);
        let reason = match self.log.journal.unreadable(self.log.session, from, to) {
            Some(_) => GapReason::Unreadable,
            None => GapReason::Evicted,
        };
        Next::Gap { lost: to.offset - from.offset, reason }
    }

    /// What the journal has at `at`; `None` while it is being read.
    fn read_journal(&mut self) -> Option<Vec<Entry>> {
        match self.fetching.take() {
            None => {
                let entries = self.log.journal.read_at_once(self.log.session, self.at, JOURNAL_READ);
                if entries.is_none() {
                    self.fetch();
                }
                entries
            }
            Some(mut fetching) => match fetching.try_recv() {
                Ok(entries) => Some(entries),
                Err(TryRecvError::Empty) => {
                    self.fetching = Some(fetching);
                    None
                }
                // It panicked, and was reported.
                Err(TryRecvError::Closed) => Some(Vec::new()),
            },
        }
    }

    fn fetch(&mut self) {
        let (sender, receiver) = oneshot::channel();
        let (log, at, watcher) = (self.log.clone(), self.at, self.watcher.clone());
        let reading = blocking(move || {
            let entries = log.journal.read(log.session, at, JOURNAL_READ);
            // A reader that moved does not want it any more.
            if sender.send(entries).is_ok() {
                watcher.notify_one();
            }
        });
        // The watcher is told when it was read.
        drop(reading);
        self.fetching = Some(receiver);
    }

    /// Lets `give` take what comes from now on, at most `room` bytes, if there is nothing to read. The watcher is woken
    /// as soon as there is something else to read; it must have no other reader of this log.
    pub fn hand_over(&mut self, room: u64, give: &Give) {
        let mut state = self.log.state();
        if self.at == state.end
            && self.read.is_empty()
            && self.fetching.is_none()
            && let Some(waiting) = state.watchers.get(&self.watcher)
        {
            *waiting = Some(Waiting { at: self.at, room, give: give.clone() });
            self.handed_over = true;
        }
    }

    /// Goes on behind what was given; so many bytes were.
    pub fn take_back(&mut self) -> u64 {
        if !std::mem::take(&mut self.handed_over) {
            return 0;
        }
        let mut state = self.log.state();
        let waiting = state.watchers.get(&self.watcher).and_then(Option::take);
        let before = self.at.offset;
        self.at = waiting.map_or(self.at, |waiting| waiting.at);
        self.at.offset - before
    }

    /// Moves to a keyframe's offset. Marks at that offset from before this reader was made are history:
    /// the end of an earlier run, say.
    pub fn seek(&mut self, offset: u64) {
        self.at = match self.history_end {
            end if end.offset == offset => end,
            _ => Position::at(offset),
        };
        self.read.clear();
        self.fetching = None;
    }

    /// When what was taken last was published, in ms since 1970.
    pub fn time(&self) -> i64 {
        self.time
    }

    /// Bytes between this reader and the end of the log.
    pub fn behind(&self) -> u64 {
        self.log.state().end.offset.saturating_sub(self.at.offset)
    }

    /// Everything that was there when the reader was made has been taken.
    pub fn caught_up(&self) -> bool {
        self.at >= self.history_end
    }

    pub fn cursor(&self) -> Cursor {
        self.log.cursor_at(self.at.offset)
    }

    /// Takes from the front of an entry.
    fn take(&mut self, entry: &mut Entry, max: usize) -> Next {
        self.time = entry.time;
        match &mut entry.content {
            Content::Mark(mark) => {
                self.at = Position { offset: entry.at.offset, mark: entry.at.mark + 1 };
                Next::Mark(mark.clone())
            }
            Content::Output(bytes) => {
                let piece = bytes.split_to(bytes.len().min(max));
                self.at = Position::at(entry.at.offset + piece.len() as u64);
                entry.at = self.at;
                Next::Output(piece)
            }
        }
    }
}

#[cfg(test)]
mod tests;
