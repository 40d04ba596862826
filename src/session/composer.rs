//! What an agent's composer shows of a text that was typed.
//!
//! Agents read Enter as a part of a paste when it comes too early, and a dialog that is open takes it for
//! its answer. So Enter waits until the text is on the screen.

use std::sync::Arc;
use std::time::Duration;

use codepiper_protocol::wire::stream::Begin;
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::{Session, Sessions};
use crate::bus::{Next, Reader};
use crate::journal::Mark;
use crate::provider;
use crate::terminal::screen::Screen;

/// A program that has just been started gets so much time until it takes a paste.
const READY_LIMIT: Duration = Duration::from_secs(20);
/// How long it may take until a text is shown.
const SHOW_LIMIT: Duration = Duration::from_secs(5);
/// How long it may take until a path is an image.
const IMAGE_LIMIT: Duration = Duration::from_secs(2);
/// Letters of the text's end that must be seen: few enough to stand in one place.
const TAIL: usize = 24;
/// Bytes taken from the log at once.
const PIECE: usize = 64 * 1024;

/// Follows the screen while a text is typed.
pub(super) struct Composer {
    session: Arc<Session>,
    reader: Reader,
    changed: Arc<Notify>,
    screen: Screen,
    composer: provider::Composer,
    /// What must be seen, and how often it was there before the text was typed.
    expected: Option<(Needle, usize)>,
}

impl Sessions {
    /// `None` when the program has no composer.
    pub(super) async fn composer(&self, session: &Arc<Session>) -> Option<Composer> {
        let composer = session.provider.composer()?;
        let changed = Arc::new(Notify::new());
        let (mut reader, _) = session.log.reader(Begin::Live, &changed).await;
        let keyframe = self.keyframe(session).await?;
        reader.seek(keyframe.offset);
        let mut screen = Screen::new(keyframe.size);
        screen.feed(&keyframe.screen);
        Some(Composer { session: session.clone(), reader, changed, screen, composer, expected: None })
    }
}

impl Composer {
    /// Waits until a program that was just started takes a paste. Later it is as ready as it will be.
    pub async fn ready(&mut self, sessions: &Sessions) {
        let since_launch = Timestamp::now().duration_since(self.session.state().record.launched_at);
        let rest = READY_LIMIT.saturating_sub(since_launch.unsigned_abs());
        let session = self.session.clone();
        let ready = async {
            // Some ask for pastes before they take the terminal, which would echo the text and turn Enter
            // into a line feed.
            while self.shows(|screen| screen.modes().bracketed_paste).await
                && sessions.edits_lines(&session).await
            {
                self.changed.notified().await;
            }
        };
        // Without them, it gets what was sent all the same.
        let _ = timeout(rest, ready).await;
    }

    /// To be called before the text is typed.
    pub fn expect(&mut self, text: &[u8]) {
        self.catch_up();
        self.expected = Needle::new(self.composer, text).map(|needle| {
            let before = needle.count(&self.screen);
            (needle, before)
        });
    }

    /// Waits until the text is seen; false when it is not. `None` when nothing of it could be seen.
    pub async fn shows_text(&mut self) -> Option<bool> {
        let (needle, before) = self.expected.take()?;
        let shown = self.shows(|screen| needle.count(screen) > before);
        Some(timeout(SHOW_LIMIT, shown).await.unwrap_or(false))
    }

    /// How many images stand on the screen.
    pub fn images(&mut self) -> usize {
        self.catch_up();
        images(&self.screen, self.composer)
    }

    /// Waits until there are more images than that; false when a path stayed a text.
    pub async fn shows_more_images(&mut self, than: usize) -> bool {
        let composer = self.composer;
        let shown = self.shows(|screen| images(screen, composer) > than);
        timeout(IMAGE_LIMIT, shown).await.unwrap_or(false)
    }

    /// Waits for a screen like that; false when the session ends.
    async fn shows(&mut self, condition: impl Fn(&Screen) -> bool) -> bool {
        loop {
            self.catch_up();
            if condition(&self.screen) {
                return true;
            }
            if !self.session.is_live() {
                return false;
            }
            self.changed.notified().await;
        }
    }

    fn catch_up(&mut self) {
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

fn images(screen: &Screen, composer: provider::Composer) -> usize {
    let rows = (0..screen.size().rows()).map(|row| screen.row_text(row));
    rows.collect::<String>().matches(composer.image).count()
}

/// What is looked for on the screen. Blanks do not count: composers wrap and indent.
struct Needle {
    tail: String,
    placeholders: &'static [&'static str],
}

impl Needle {
    fn new(composer: provider::Composer, text: &[u8]) -> Option<Self> {
        let text: Vec<char> =
            String::from_utf8_lossy(text).chars().filter(|letter| is_seen(*letter)).collect();
        let tail: String = text[text.len().saturating_sub(TAIL)..].iter().collect();
        (!tail.is_empty()).then_some(Self { tail, placeholders: composer.placeholders })
    }

    fn count(&self, screen: &Screen) -> usize {
        let rows = (0..screen.size().rows()).map(|row| screen.row_text(row));
        self.count_in(&rows.collect::<String>())
    }

    fn count_in(&self, rows: &str) -> usize {
        let text: String = rows.chars().filter(|letter| is_seen(*letter)).collect();
        let placeholders = self.placeholders.iter().map(|mark| rows.matches(mark).count());
        text.matches(&self.tail).count() + placeholders.sum::<usize>()
    }
}

fn is_seen(letter: char) -> bool {
    !letter.is_whitespace() && !letter.is_control() && letter != char::REPLACEMENT_CHARACTER
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPOSER: provider::Composer = provider::Composer { placeholders: &["[Pasted"], image: "[Image" };

    #[test]
    fn a_text_is_recognised_however_it_is_wrapped() {
        let needle = Needle::new(COMPOSER, b"first line\nplease look at the second one\n").unwrap();
        assert_eq!(needle.count_in("> first line   please look at"), 0);
        assert_eq!(needle.count_in("> first line   please look at the sec   ond one   "), 1);
        assert_eq!(needle.count_in("> [Pasted text #1 +2 lines]"), 1);
    }

    #[test]
    fn what_cannot_be_seen_is_not_waited_for() {
        for text in [b"".as_slice(), b" \n\t", b"\xff", b"\x1b"] {
            assert!(Needle::new(COMPOSER, text).is_none(), "{text:?}");
        }
    }
}
