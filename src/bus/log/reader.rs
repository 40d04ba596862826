//! A position in a session's log.

use std::sync::Arc;

use bytes::Bytes;
use codepiper_protocol::Cursor;
use codepiper_protocol::wire::stream::GapReason;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{Notify, oneshot};

use super::{DirectOutput, Log, Waiting};
use crate::journal::{Checkpoint, Content, Entry, Mark, Position};
use crate::tasks::blocking;

/// At most this many bytes are read from the journal at once.
const JOURNAL_READ: usize = 256 * 1024;

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
    pub(super) log: Arc<Log>,
    pub(super) watcher: Arc<Notify>,
    pub(super) at: Position,
    /// When what was taken last was published. Milliseconds since 1970.
    pub(super) time: i64,
    /// Where the log ended when this reader was made.
    pub(super) history_end: Position,
    /// Read from the journal and not yet taken, last first.
    pub(super) read: Vec<Entry>,
    /// What stands at `at`, or behind `read`, is being read from a disk.
    pub(super) fetching: Option<oneshot::Receiver<Vec<Entry>>>,
    /// What comes is given to somebody.
    pub(super) handed_over: bool,
    /// It began with a screen: ends from before it was made are history.
    pub(super) sought: bool,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.end_direct();
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
        loop {
            let is_history = self.sought && self.at < self.history_end;
            match self.entry(max) {
                Next::Mark(mark) if is_history && matches!(*mark, Mark::Ended { .. }) => {}
                next => return next,
            }
        }
    }

    fn entry(&mut self, max: usize) -> Next {
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
    pub fn begin_direct(&mut self, room: u64, give: &DirectOutput) {
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
    pub fn end_direct(&mut self) -> u64 {
        if !std::mem::take(&mut self.handed_over) {
            return 0;
        }
        let mut state = self.log.state();
        let waiting = state.watchers.get(&self.watcher).and_then(Option::take);
        let before = self.at.offset;
        self.at = waiting.map_or(self.at, |waiting| waiting.at);
        self.at.offset - before
    }

    /// Moves to a keyframe's offset, which may lie before the place where this reader was made. The end of an earlier
    /// run is not told then.
    pub fn seek(&mut self, offset: u64) {
        self.sought = true;
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
        self.log.cursor_of(self.at)
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
