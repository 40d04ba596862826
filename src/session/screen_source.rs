//! Where the screen of a session is got from: the model that is fed, or the journal.

use std::sync::Arc;
use std::time::Duration;

use codepiper_protocol::wire::stream::{Begin, KeyframeReason};
use codepiper_protocol::{SessionId, Size};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::bus::{Next, Reader};
use crate::journal::{Checkpoint, Content, Journal, Mark, Position};
use crate::session::cell::Session;
use crate::session::context::Context;
use crate::tasks::blocking;
use crate::terminal::screen::Screen;
use crate::terminal::screens::{Keyframe, Model};

/// Bytes of output that are read from the journal at once.
const REPLAYED: usize = 256 * 1024;
/// Bytes taken from the log at once.
const PIECE: usize = 64 * 1024;
/// A screen is looked at when it has rested for so long, or was painted for so long.
const REST: Duration = Duration::from_millis(50);
const PAINTED: Duration = Duration::from_millis(250);

/// See the module. Clones share it.
#[derive(Clone)]
pub struct ScreenSource(Arc<Context>);

impl ScreenSource {
    pub(super) fn new(context: Arc<Context>) -> Self {
        Self(context)
    }

    /// The screen of a session as it is now, or as it was when its program ended. `None` when that is
    /// not known.
    pub async fn keyframe(&self, session: &Arc<Session>) -> Option<Keyframe> {
        match self.0.screens.keyframe(session.id).await {
            // It ended before this daemon started.
            None if !session.is_live() => {
                let (model, whole) = self.replay(session).await?;
                whole.then(|| model.keyframe())
            }
            keyframe => keyframe,
        }
    }

    /// Its text, row by row.
    pub async fn rows(&self, session: &Arc<Session>) -> Option<Vec<String>> {
        let keyframe = self.keyframe(session).await?;
        let mut screen = Screen::new(keyframe.size);
        screen.feed(&keyframe.screen);
        Some((0..screen.size().rows()).map(|row| screen.row_text(row)).collect())
    }

    /// The screen of a session where its log ends, by the journal, and whether that has all of it.
    pub(super) async fn replay(&self, session: &Arc<Session>) -> Option<(Model, bool)> {
        let (journal, session) = (self.0.bus.journal().clone(), session.clone());
        let replayed =
            blocking(move || replay(&*journal, session.id, session.size(), session.cursor().offset));
        replayed.await.ok().flatten()
    }

    /// `None` when the screen is not known.
    pub(super) async fn follow(&self, session: &Arc<Session>) -> Option<Follower> {
        let changed = Arc::new(Notify::new());
        let (mut reader, _) = session.log.reader(Begin::Live, &changed).await;
        let keyframe = self.keyframe(session).await?;
        reader.seek(keyframe.offset);
        let mut screen = Screen::new(keyframe.size);
        screen.feed(&keyframe.screen);
        Some(Follower { reader, changed, screen })
    }
}

/// Follows the screen of a session.
pub(super) struct Follower {
    reader: Reader,
    changed: Arc<Notify>,
    screen: Screen,
}

impl Follower {
    /// As it was at the last [`Follower::catch_up`].
    pub fn screen(&self) -> &Screen {
        &self.screen
    }

    pub fn rows(&self) -> Vec<String> {
        (0..self.screen.size().rows()).map(|row| self.screen.row_text(row)).collect()
    }

    /// Returns when there may be something new.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Brings the screen up to date when it has rested, or was painted for a while.
    pub async fn settles(&mut self) {
        let end = Instant::now() + PAINTED;
        loop {
            self.catch_up();
            let rest = (Instant::now() + REST).min(end);
            if timeout_at(rest, self.changed()).await.is_err() {
                break;
            }
        }
        self.catch_up();
    }

    /// Brings the screen up to date.
    pub fn catch_up(&mut self) {
        loop {
            match self.reader.next(PIECE) {
                Next::Output(bytes) => self.screen.feed(&bytes),
                Next::Mark(mark) => {
                    if let Mark::Keyframe { size, screen, .. } = &*mark {
                        self.screen = Screen::new(*size);
                        self.screen.feed(screen);
                    }
                }
                Next::Gap { .. } => {}
                Next::Pending | Next::Fetching => return,
            }
        }
    }
}

/// The screen of a session where its log ends, by the journal alone, and whether that has all of it: after an unclean end
/// the last second may be missing. `None` when another piece is not kept. Reads the journal.
fn replay(journal: &dyn Journal, session: SessionId, size: Size, end: u64) -> Option<(Model, bool)> {
    let start = journal.start_before(session, end);
    let mut model = match start.checkpoint {
        Some(Checkpoint { offset, size, screen, scrolled }) => {
            Model::saved(&Keyframe { offset, size, screen }, scrolled)
        }
        None if start.at == Position::default() => Model::new(size, 0),
        None => return None,
    };
    let mut at = start.at;
    loop {
        let entries = journal.read(session, at, REPLAYED);
        if entries.is_empty() {
            let whole = at.offset == end;
            model.skip_to(end);
            return Some((model, whole));
        }
        for entry in entries {
            if entry.at.offset != at.offset {
                return None;
            }
            at = entry.end();
            match &entry.content {
                Content::Output(bytes) => model.feed(bytes),
                Content::Mark(mark) => match &**mark {
                    Mark::Keyframe { size, screen, reason: KeyframeReason::Launch } => {
                        model = Model::new(*size, at.offset);
                        model.show(*size, screen);
                    }
                    Mark::Keyframe { size, screen, .. } => {
                        model.show(*size, screen);
                        // The checkpoint that was made with it knows what had scrolled off.
                        if at.offset != start.at.offset {
                            model.forget_history();
                        }
                    }
                    Mark::Gap { .. } | Mark::Ended { .. } => {}
                },
            }
        }
    }
}

/// What the thread of the screens does with a checkpoint.
pub fn save_checkpoint(
    journal: &dyn Journal,
    session: SessionId,
    Keyframe { offset, size, screen }: Keyframe,
    scrolled: Option<u64>,
) {
    journal.checkpoint(session, Checkpoint { offset, size, screen, scrolled });
}
