//! One session's screen, and where in the output it stands.

use bytes::Bytes;
use codepiper_protocol::Size;
use codepiper_protocol::wire::stream::Lost;

use super::Notice;
use crate::terminal::capture::Capture;
use crate::terminal::heal::{self, Held, Known, KnownRow};
use crate::terminal::screen::{self, Screen};

/// A checkpoint is made after so many bytes: so much is replayed when a daemon takes over a session.
const CHECKPOINT_EVERY: u64 = 256 * 1024;

/// A screen at one place of the output.
#[derive(Clone, Debug, PartialEq)]
pub struct Keyframe {
    /// The screen shows everything before this offset, in bytes.
    pub offset: u64,
    pub size: Size,
    /// Escape sequences for a fresh terminal of this size.
    pub screen: Bytes,
}

/// What became of a capture.
#[derive(Debug, PartialEq)]
pub struct Loaded {
    /// Behind `healed`.
    pub keyframe: Keyframe,
    /// What was printed since the screen was fed last, if it was to be found and can be.
    pub healed: Result<Bytes, Lost>,
}

/// How to find what was printed meanwhile.
#[derive(Debug)]
pub struct Heal {
    pub held: Held,
    /// When it cannot be found, leave everything as it is.
    pub or_nothing: bool,
}

/// A screen, and where in the output it stands.
pub struct Model {
    pub(super) screen: Screen,
    history: History,
    pub(super) asked_for_capture: bool,
    pub(super) offset: u64,
    pub(super) checkpoint_at: u64,
}

/// Counts the rows that scrolled off the main screen, as tmux counts its history. `None` when it is not
/// known how many there were before.
struct History(Option<u64>);

impl screen::Sink for History {
    fn scrolls_off(&mut self, _: &mut screen::Model, _: usize) {
        if let Some(rows) = &mut self.0 {
            *rows += 1;
        }
    }

    fn forgets_history(&mut self) {
        self.0 = Some(0);
    }
}

impl Model {
    /// A blank screen of a program whose next byte has this offset.
    pub fn new(size: Size, offset: u64) -> Self {
        Self {
            screen: Screen::new(size),
            history: History(Some(0)),
            asked_for_capture: false,
            offset,
            checkpoint_at: offset + CHECKPOINT_EVERY,
        }
    }

    /// A screen that was saved, and the rows that had scrolled into tmux's history, if known.
    pub fn saved(keyframe: &Keyframe, scrolled: Option<u64>) -> Self {
        let mut model = Self::new(keyframe.size, keyframe.offset);
        model.screen.feed(&keyframe.screen);
        model.history.0 = scrolled;
        model
    }

    pub fn feed(&mut self, bytes: &[u8]) {
        self.screen.feed_with(bytes, &mut self.history);
        self.offset += bytes.len() as u64;
    }

    /// From here on the screen is this one. What scrolled off before still counts.
    pub fn show(&mut self, size: Size, screen: &[u8]) {
        self.screen = Screen::new(size);
        self.screen.feed(screen);
    }

    /// What stands before `offset` was not seen. The modes are most likely still right: they change rarely.
    pub fn skip_to(&mut self, offset: u64) {
        if self.offset != offset {
            (self.offset, self.checkpoint_at) = (offset, offset + CHECKPOINT_EVERY);
            self.forget_history();
        }
    }

    /// How many rows scrolled off is not known any more.
    pub fn forget_history(&mut self) {
        self.history.0 = None;
    }

    pub(super) fn checkpoint(&mut self) -> Notice {
        self.checkpoint_at = self.offset + CHECKPOINT_EVERY;
        Notice::Checkpoint(self.keyframe(), self.history.0)
    }

    pub(super) fn load(&mut self, size: Size, capture: &Capture, heal: Option<Heal>) -> Option<Loaded> {
        let mut healed = Err(Lost::Unknown);
        if let Some(Heal { held, or_nothing }) = heal {
            healed = self.heal(&held);
            if healed.is_err() && or_nothing {
                return None;
            }
        }
        self.history.0 = Some(capture.history);
        self.screen.load(size, capture);
        self.asked_for_capture = false;
        Some(Loaded { keyframe: self.keyframe(), healed })
    }

    /// What the program printed since it was fed last. The offset counts it.
    fn heal(&mut self, held: &Held) -> Result<Bytes, Lost> {
        if self.screen.is_alternate() {
            return Err(Lost::Unknown);
        }
        let rows = 0..=self.screen.cursor().y;
        let row = |y| KnownRow { text: self.screen.row_text_in_tmux(y), wraps: self.screen.row_wraps(y) };
        let cols = self.screen.size().cols();
        let known = Known { cols, history: self.history.0, rows: rows.map(row).collect() };
        match heal::missing(&known, held) {
            Ok(missing) => {
                self.offset += missing.len() as u64;
                Ok(missing.into())
            }
            // What is on the screen was overwritten.
            Err(None | Some(0)) => Err(Lost::Unknown),
            Err(Some(lines)) => Err(Lost::Lines(lines)),
        }
    }

    pub fn keyframe(&self) -> Keyframe {
        Keyframe { offset: self.offset, size: self.screen.size(), screen: self.screen.keyframe().into() }
    }
}
