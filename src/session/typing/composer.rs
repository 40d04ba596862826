//! What an agent's composer shows of a text that was typed.
//!
//! Agents read Enter as a part of a paste when it comes too early, and a dialog that is open takes it for
//! its answer. So Enter waits until the text is on the screen.

use std::sync::Arc;
use std::time::Duration;

use codepiper_protocol::wire::input::Receipt;
use codepiper_protocol::wire::session::Activity;
use jiff::Timestamp;
use tokio::time::{Instant, timeout, timeout_at};
use unicode_width::UnicodeWidthStr;

use crate::provider;
use crate::session::cell::Session;
use crate::session::link::Link;
use crate::session::screen_source::{Follower, ScreenSource};
use crate::terminal::screen::Screen;

mod letters;
mod line;
mod needle;

use line::{CursorLine, draft, images};
pub use needle::other_than_prompt;
use needle::{Expected, Needle, Piece};

/// A program that has just been started gets so much time until it takes a paste.
const READY_LIMIT: Duration = Duration::from_secs(20);
/// How long it may take until a text is shown.
const SHOW_LIMIT: Duration = Duration::from_secs(5);
/// What only resembles the text, because cells and letters are not the same in every script, has to rest for so long.
const REST: Duration = Duration::from_millis(400);
/// How long an agent may take to take a text out of its composer, and after which time it is looked whether Enter was lost.
pub const ENTER_LIMIT: Duration = Duration::from_millis(1500);
pub const SUBMIT_LIMIT: Duration = Duration::from_secs(5);
/// How long others wait with their keys until a text has left the composer.
const LEAVE_LIMIT: Duration = Duration::from_secs(1);
/// What does not stand where it was typed for so long was taken.
const GONE_LIMIT: Duration = Duration::from_millis(500);
/// And then until it says that it works on it; commands are no work.
const TURN_LIMIT: Duration = Duration::from_secs(1);
/// How long it may take until a path is an image.
const IMAGE_LIMIT: Duration = Duration::from_secs(5);

/// Follows the screen while a text is typed.
pub struct Composer {
    session: Arc<Session>,
    follower: Follower,
    composer: provider::Composer,
    expected: Option<Expected>,
    /// What was typed.
    typed: Option<Needle>,
    /// It was empty before.
    was_empty: bool,
    /// Turns and prompts before Enter, and whether the agent worked.
    before: (u64, u64, bool),
    /// What stood in it before Enter.
    held: Option<String>,
}

/// What is left of the time that a session's program gets to become ready.
pub fn start_limit(session: &Session) -> Duration {
    let since_launch = Timestamp::now().duration_since(session.life().record().life.launched_at);
    READY_LIMIT.saturating_sub(since_launch.unsigned_abs())
}

impl Composer {
    /// `None` when the program has no composer, or its screen is not known.
    pub async fn open(source: &ScreenSource, session: &Arc<Session>) -> Option<Self> {
        let composer = session.provider.prompts.composer?;
        let follower = source.follow(session).await?;
        let (expected, typed, before) = (None, None, (0, 0, false));
        let session = session.clone();
        Some(Self { session, follower, composer, expected, typed, was_empty: false, before, held: None })
    }

    /// Waits until a program that was just started takes a paste. Later it is as ready as it will be.
    pub async fn ready(&mut self, link: &Link) {
        let rest = start_limit(&self.session);
        let session = self.session.clone();
        let ready = async {
            // Some ask for pastes before they take the terminal, which would echo the text and turn Enter
            // into a line feed.
            while self.shows(|screen| screen.modes().bracketed_paste).await
                && link.edits_lines(&session).await
            {
                self.changed().await;
            }
        };
        // Without them, it gets what was sent all the same.
        let _ = timeout(rest, ready).await;
    }

    /// Waits until a program that was just started has painted its composer: Claude Code says that it is idle before it
    /// paints anything. Later, what is not shown is hidden.
    pub async fn painted(&mut self) {
        let rest = start_limit(&self.session);
        let session = self.session.clone();
        let idle = || session.turn() == Activity::Idle;
        let _ = timeout(rest, self.until(|composer| composer.is_shown() || !idle())).await;
    }

    /// Whether the text needs a blank at its end to be sent as it is.
    pub fn needs_blank(&self, text: &[u8]) -> bool {
        self.composer.needs_blank(text)
    }

    /// Whether the text is to be typed: pasted, it would not count as the person's words. Only into a composer that is
    /// shown: a letter could be the answer to something else.
    pub fn is_typed(&self, text: &[u8]) -> bool {
        self.composer.is_typed(text) && self.is_shown() && self.session.turn() != Activity::Waiting
    }

    /// Whether the agent will tell its model that the text is a paste.
    pub fn demotes(&self, text: &[u8]) -> bool {
        self.composer.is_demoted(text)
    }

    /// To be called before a piece of a text is typed.
    pub fn piece(&mut self, text: &str) -> Piece {
        self.catch_up();
        Piece::new(self.composer, text, self.follower.screen())
    }

    /// Waits until a piece that was typed is seen at the cursor; false when it is not.
    pub async fn echoes(&mut self, piece: &Piece) -> bool {
        let end = Instant::now() + SHOW_LIMIT;
        while Instant::now() < end && self.session.is_live() {
            let rest = (Instant::now() + REST).min(end);
            let shown = self.until(|composer| piece.is_held(composer.screen()));
            if timeout_at(rest, shown).await.is_ok() || piece.is_taken(self.screen()) {
                return self.session.is_live();
            }
        }
        !piece.is_known()
    }

    /// Why the agent might not take the text for a prompt; `None` when it certainly does.
    pub fn not_plain(&mut self, text: &[u8]) -> Option<String> {
        self.catch_up();
        if !self.is_shown() {
            return Some("it does not show its composer".into());
        }
        // What was sent without Enter may not be shown yet.
        if self.session.typing.is_drafted() || !self.is_empty() {
            return Some("its composer already holds a draft, and the text would be added to it".into());
        }
        other_than_prompt(self.composer, text)
    }

    /// To be called before the text is typed.
    pub fn expect(&mut self, text: &[u8]) {
        self.catch_up();
        self.typed = Needle::new(self.composer, text);
        self.was_empty = self.is_empty();
        let screen = self.follower.screen();
        let needle = Needle::new(self.composer, text);
        let count = needle.as_ref().map_or(0, |needle| needle.count(screen));
        let held = needle.as_ref().is_some_and(|needle| needle.is_held(screen));
        let draft = draft(screen, self.composer.mark);
        self.expected = (!text.is_empty()).then_some(Expected { needle, count, held, draft });
    }

    /// Waits until the text is seen; false when it is not. `None` when nothing of it could be seen.
    pub async fn shows_text(&mut self) -> Option<bool> {
        let expected = self.expected.take()?;
        // Of what cannot be seen, only that the composer took it and rests.
        let limit = if expected.needle.is_some() { SHOW_LIMIT } else { REST };
        let until = Instant::now() + limit;
        let mut resting: Option<(String, Instant)> = None;
        loop {
            self.catch_up();
            if expected.is_seen(self.follower.screen(), self.composer.mark) {
                return Some(true);
            }
            let taken = expected.is_taken(self.follower.screen(), self.composer.mark);
            resting = taken.map(|text| match resting.take() {
                Some((before, since)) if before == text => (text, since),
                _ => (text, Instant::now()),
            });
            let rested = resting.as_ref().map(|(_, since)| *since + REST);
            if rested.is_some_and(|rested| Instant::now() >= rested) {
                return expected.needle.map(|_| true);
            }
            let next = rested.map_or(until, |rested| rested.min(until));
            let waited = timeout_at(next, self.changed()).await;
            if !self.session.is_live() || waited.is_err() && Instant::now() >= until {
                return expected.needle.map(|_| false);
            }
        }
    }

    /// To be called before Enter is pressed.
    pub fn before_enter(&mut self) {
        self.before = self.counts();
        self.held = draft(self.follower.screen(), self.composer.mark);
    }

    /// Waits until what was submitted has left it: a person's key before that would be submitted with it.
    pub async fn lets_go(&mut self) {
        let turns = self.before.0;
        let left = self.until(|composer| composer.counts().0 > turns || !composer.holds_text());
        let _ = timeout(LEAVE_LIMIT, left).await;
    }

    /// It is as it was before Enter, to the letter, and the agent has done nothing: Enter was lost.
    pub fn lost_enter(&mut self) -> bool {
        self.catch_up();
        let held = draft(self.follower.screen(), self.composer.mark);
        self.typed.is_some()
            && self.held.as_ref().is_some_and(|text| !text.is_empty())
            && held == self.held
            && self.counts() == self.before
            && self.session.turn() != Activity::Waiting
    }

    /// Follows what the agent makes of the text after Enter, until that is known or this time is over.
    pub async fn follow_up(&mut self, limit: Duration) -> Receipt {
        let (turns, prompts, worked) = self.before;
        let mut receipt = Receipt::Written;
        // Of Enter alone only the agent can say what it did.
        let limit = if self.typed.is_some() { limit } else { TURN_LIMIT };
        let mut until = Instant::now() + limit;
        let mut gone_since = None;
        loop {
            self.catch_up();
            let (turns_now, prompts_now, _) = self.counts();
            if turns_now > turns {
                return Receipt::TurnStarted;
            }
            let taken = prompts_now > prompts || self.typed.is_some() && self.is_empty();
            if receipt < Receipt::Submitted && taken {
                receipt = Receipt::Submitted;
                until = Instant::now() + TURN_LIMIT;
            }
            // One that works already takes it in its own time, and a command may have ended it.
            if receipt == Receipt::Submitted && worked || !self.session.is_live() {
                return Receipt::Submitted;
            }
            // A composer of another look: what was typed does not stand there any more, and that stays so.
            let gone = self.typed.is_some() && !self.holds_text();
            gone_since = if !gone { None } else { gone_since.or_else(|| Some(Instant::now())) };
            let settled = gone_since.map(|since| since + GONE_LIMIT);
            if settled.is_some_and(|settled| Instant::now() >= settled) && receipt < Receipt::Submitted {
                return Receipt::Submitted;
            }
            let next =
                settled.filter(|_| receipt < Receipt::Submitted).map_or(until, |settled| settled.min(until));
            if timeout_at(next, self.changed()).await.is_err() && Instant::now() >= until {
                return receipt;
            }
        }
    }

    /// Whether what was typed stands where it was typed, if only its beginning: Enter may have completed its last
    /// word.
    pub fn holds_text(&mut self) -> bool {
        self.catch_up();
        let screen = self.follower.screen();
        let line = CursorLine::of(screen);
        let begun =
            line.left.trim_start().strip_prefix(self.composer.mark).map(|text| text.to_owned() + &line.right);
        let draft = || draft(screen, self.composer.mark);
        self.typed.as_ref().is_some_and(|typed| {
            typed.is_held(screen)
                || begun.is_some_and(|text| typed.begins(&text))
                || draft().is_some_and(|draft| typed.resembles(&draft))
        })
    }

    /// The row of the cursor, without what it shows while it is empty.
    fn line(&self) -> CursorLine {
        let line = CursorLine::of(self.follower.screen());
        let hinted = self.composer.hints.iter().any(|hint| line.right.trim_start().starts_with(hint));
        if hinted { CursorLine { right: String::new(), ..line } } else { line }
    }

    /// Nothing stands in it but its mark, and what it proposes.
    pub fn is_empty(&self) -> bool {
        let line = self.line();
        line.left.trim() == self.composer.mark && line.right.is_empty()
    }

    /// It was so before the text was typed.
    pub fn was_empty(&self) -> bool {
        self.was_empty
    }

    /// Waits until it is empty; whether it is.
    pub async fn empties(&mut self) -> bool {
        let _ = timeout(SHOW_LIMIT, self.until(|composer| composer.is_empty())).await;
        self.is_empty()
    }

    /// A blank stands left of the cursor, or nothing was ever drawn there.
    pub fn ends_with_blank(&self) -> bool {
        let screen = self.follower.screen();
        let cursor = screen.cursor();
        let last = |columns: u16| screen.text_of(cursor.y, cursor.x.saturating_sub(columns)..cursor.x, true);
        match last(1).as_str() {
            // A wide letter stands in the first of its two columns.
            "" => last(2).width() < 2,
            last => last == " ",
        }
    }

    /// That stands in it, and nothing else.
    pub fn holds_only(&self, text: &str) -> bool {
        let line = self.line();
        let held = line.left.trim().strip_prefix(self.composer.mark);
        line.right.is_empty() && held.is_some_and(|held| held.trim() == text)
    }

    /// The cursor stands in it.
    pub fn is_shown(&self) -> bool {
        draft(self.follower.screen(), self.composer.mark).is_some()
    }

    /// Something stands in it that was not sent, or in its place.
    pub fn holds_draft(&self) -> bool {
        !self.is_empty() && !self.session.typing.is_drafted()
    }

    fn counts(&self) -> (u64, u64, bool) {
        let prompts = self.session.prompts();
        let life = self.session.life();
        let machine = life.machine();
        (machine.turns(), prompts, machine.turn() == Activity::Working)
    }

    /// How many images stand on the screen.
    pub fn images(&mut self) -> usize {
        self.catch_up();
        images(self.follower.screen(), self.composer)
    }

    /// Waits until there are more images than that; false when a path stayed a text.
    pub async fn shows_more_images(&mut self, than: usize) -> bool {
        let composer = self.composer;
        let shown = self.shows(|screen| images(screen, composer) > than);
        timeout(IMAGE_LIMIT, shown).await.unwrap_or(false)
    }

    /// Waits for a screen like that; false when the session ends.
    async fn shows(&mut self, condition: impl Fn(&Screen) -> bool) -> bool {
        self.until(|composer| condition(composer.follower.screen())).await;
        condition(self.follower.screen())
    }

    /// Waits until that holds, or until the session ends.
    pub async fn until(&mut self, condition: impl Fn(&mut Self) -> bool) {
        loop {
            self.catch_up();
            if condition(self) || !self.session.is_live() {
                return;
            }
            self.changed().await;
        }
    }

    /// The screen as it was at the last [`Composer::catch_up`].
    pub fn screen(&self) -> &Screen {
        self.follower.screen()
    }

    /// Returns when there may be something new.
    pub async fn changed(&self) {
        self.follower.changed().await;
    }

    /// Brings the screen up to date.
    pub fn catch_up(&mut self) {
        self.follower.catch_up();
    }
}

#[cfg(test)]
mod tests;
