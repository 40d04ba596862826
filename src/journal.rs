//! What the bus appends to: the output of every session, in order, with its marks.
//!
//! [`Journal`] is the trait; [`Disk`] keeps it in files, [`Memory`] in memory, bounded.

pub mod disk;
mod memory;

pub use disk::Disk;
pub use memory::Memory;

use std::sync::Arc;

use bytes::Bytes;
use codepiper_protocol::wire::session::Exit;
use codepiper_protocol::wire::stream::{GapReason, KeyframeReason, Lost};
use codepiper_protocol::{SessionId, Size};

/// A place in one session's log. Marks have no length: several may stand at one offset, and `mark`
/// counts those that lie before this place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Bytes of output since the session began.
    pub offset: u64,
    pub mark: u32,
}

impl Position {
    pub fn at(offset: u64) -> Self {
        Self { offset, mark: 0 }
    }
}

/// One entry of a session's log.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub at: Position,
    /// Milliseconds since 1970.
    pub time: i64,
    pub content: Content,
}

impl Entry {
    /// The place right behind this entry.
    pub fn end(&self) -> Position {
        match &self.content {
            Content::Output(bytes) => Position::at(self.at.offset + bytes.len() as u64),
            Content::Mark(_) => Position { offset: self.at.offset, mark: self.at.mark + 1 },
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    Output(Bytes),
    Mark(Arc<Mark>),
}

/// What happened to the stream at one place of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Mark {
    /// From here on the screen is this one.
    Keyframe { size: Size, screen: Bytes, reason: KeyframeReason },
    /// Output is missing here. A new epoch begins.
    Gap { epoch: u32, reason: GapReason, lost: Lost },
    /// The program ended.
    Ended { exit: Option<Exit> },
}

/// A screen that was saved so that rendering can begin in the middle of the log. Readers never see it
/// otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    pub offset: u64,
    pub size: Size,
    pub screen: Bytes,
    /// Rows of the main screen that had scrolled into tmux's history, if that is known. After an absence
    /// of the daemon, what tmux holds behind them is what the journal may lack.
    pub scrolled: Option<u64>,
}

/// Where rendering can begin: at a checkpoint, or at a place where the screen is known anyway.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    pub at: Position,
    pub checkpoint: Option<Checkpoint>,
}

/// The end of a session's log, for a daemon that goes on with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Last {
    /// The newest epoch that a [`Mark::Gap`] began; 0 when there was none.
    pub epoch: u32,
    pub end: Position,
    /// Of the newest entry. Milliseconds since 1970.
    pub time: i64,
}

impl Last {
    /// Moves behind an entry.
    fn follow(&mut self, entry: &Entry) {
        self.end = entry.end();
        self.time = entry.time;
        if let Content::Mark(mark) = &entry.content
            && let Mark::Gap { epoch, .. } = **mark
        {
            self.epoch = epoch;
        }
    }
}

/// Keeps the log of every session. Appending never blocks; reading may.
pub trait Journal: Send + Sync {
    /// Output that was appended may wait for [`Journal::wake`] before it is stored.
    fn append(&self, session: SessionId, entry: &Entry);

    /// Whoever waits for what was appended was served: now it may be stored.
    fn wake(&self) {}

    /// What was appended is to be stored soon, not when there is enough of it: somebody may act on it.
    fn hurry(&self) {}

    fn checkpoint(&self, session: SessionId, checkpoint: Checkpoint);

    /// The entries from `from` on, at most about `max` bytes of output, at least one entry if there is
    /// any. The first entry begins later than `from` when what lay between is no longer kept.
    fn read(&self, session: SessionId, from: Position, max: usize) -> Vec<Entry>;

    /// The oldest place that is kept.
    fn oldest(&self, session: SessionId) -> Position;

    /// What [`Journal::read`] says, unless that must look at a disk.
    fn read_at_once(&self, session: SessionId, from: Position, max: usize) -> Option<Vec<Entry>>;

    /// An offset from which on there are at least `newlines` line feeds. `None` when there are fewer.
    fn newlines_back(&self, session: SessionId, newlines: u64) -> Option<u64>;

    /// The offset of the first output that is not older than `time` (ms since 1970), or the end.
    fn offset_at(&self, session: SessionId, time: i64) -> u64;

    /// The latest checkpoint at or before `offset`, else the oldest place.
    fn start_before(&self, session: SessionId, offset: u64) -> Start;

    /// The latest place from which at least the last `lines` lines can be rendered.
    fn start_for_lines(&self, session: SessionId, lines: u32) -> Start {
        // A line may be drawn anywhere on the screen, so a screen's worth more than asked for is read.
        match self.newlines_back(session, u64::from(lines) + u64::from(Size::MAX)) {
            Some(offset) => self.start_before(session, offset),
            None => Start { at: self.oldest(session), checkpoint: None },
        }
    }

    /// The latest place from which everything since `time` (ms since 1970) can be rendered.
    fn start_for_time(&self, session: SessionId, time: i64) -> Start {
        self.start_before(session, self.offset_at(session, time))
    }

    /// Forgets the session.
    fn remove(&self, session: SessionId);

    /// Why a part of what is stored between these places could not be read just now, though it is kept. Whoever reads
    /// and gets less than there was asks.
    fn unreadable(&self, _session: SessionId, _from: Position, _to: Position) -> Option<String> {
        None
    }

    /// What was appended last, by this daemon or the one before; `None` for a session that is not known.
    fn last(&self, session: SessionId) -> Option<Last>;
}
