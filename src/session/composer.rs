//! What an agent's composer shows of a text that was typed.
//!
//! Agents read Enter as a part of a paste when it comes too early, and a dialog that is open takes it for
//! its answer. So Enter waits until the text is on the screen.

use std::sync::Arc;
use std::time::Duration;

use codepiper_protocol::wire::input::Receipt;
use codepiper_protocol::wire::session::Activity;
use codepiper_protocol::wire::stream::Begin;
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout, timeout_at};
use unicode_width::UnicodeWidthStr;

use super::{Session, Sessions};
use crate::bus::{Next, Reader};
use crate::journal::Mark;
use crate::provider;
use crate::terminal::screen::Screen;

mod letters;

use letters::{letters, resembles};

/// A program that has just been started gets so much time until it takes a paste.
const READY_LIMIT: Duration = Duration::from_secs(20);
/// How long it may take until a text is shown.
const SHOW_LIMIT: Duration = Duration::from_secs(5);
/// What only resembles the text, because cells and letters are not the same in every script, has to rest for so long.
const REST: Duration = Duration::from_millis(400);
/// How long an agent may take to take a text out of its composer.
const SUBMIT_LIMIT: Duration = Duration::from_secs(5);
/// What does not stand where it was typed for so long was taken.
const GONE_LIMIT: Duration = Duration::from_millis(500);
/// And then until it says that it works on it; commands are no work.
const TURN_LIMIT: Duration = Duration::from_secs(1);
/// How long it may take until a path is an image.
const IMAGE_LIMIT: Duration = Duration::from_secs(5);
/// Letters of the text's end that must be seen: few enough to stand in one place.
const TAIL: usize = 24;
/// Letters of its beginning that must be seen.
const HEAD: usize = 8;
/// So many letters of ASCII are enough to know a text by.
const ENOUGH: usize = 8;
/// Bytes taken from the log at once.
const PIECE: usize = 64 * 1024;

/// Follows the screen of a session.
pub(super) struct Follower {
    reader: Reader,
    changed: Arc<Notify>,
    screen: Screen,
}

/// What a text that is typed will change.
struct Expected {
    /// `None` when nothing of the text can be known again.
    needle: Option<Needle>,
    /// How often it was on the screen before.
    count: usize,
    /// The composer ended with it before.
    held: bool,
    /// What stood in the composer before.
    draft: Option<String>,
}

/// Follows the screen while a text is typed.
pub(super) struct Composer {
    session: Arc<Session>,
    follower: Follower,
    composer: provider::Composer,
    expected: Option<Expected>,
    /// What was typed.
    typed: Option<Needle>,
    /// Turns and prompts before Enter, and whether the agent worked.
    before: (u64, u64, bool),
}

impl Sessions {
    /// `None` when the program has no composer.
    pub(super) async fn composer(&self, session: &Arc<Session>) -> Option<Composer> {
        let composer = session.provider.prompts.composer?;
        let follower = self.follow_screen(session).await?;
        let (expected, typed, before) = (None, None, (0, 0, false));
        Some(Composer { session: session.clone(), follower, composer, expected, typed, before })
    }

    /// `None` when the screen is not known.
    pub(super) async fn follow_screen(&self, session: &Arc<Session>) -> Option<Follower> {
        let changed = Arc::new(Notify::new());
        let (mut reader, _) = session.log.reader(Begin::Live, &changed).await;
        let keyframe = self.keyframe(session).await?;
        reader.seek(keyframe.offset);
        let mut screen = Screen::new(keyframe.size);
        screen.feed(&keyframe.screen);
        Some(Follower { reader, changed, screen })
    }
}

impl Session {
    /// What is left of the time that a program gets to become ready.
    pub(super) fn start_limit(&self) -> Duration {
        let since_launch = Timestamp::now().duration_since(self.state().record.life.launched_at);
        READY_LIMIT.saturating_sub(since_launch.unsigned_abs())
    }
}

impl Composer {
    /// Waits until a program that was just started takes a paste. Later it is as ready as it will be.
    pub async fn ready(&mut self, sessions: &Sessions) {
        let rest = self.session.start_limit();
        let session = self.session.clone();
        let ready = async {
            // Some ask for pastes before they take the terminal, which would echo the text and turn Enter
            // into a line feed.
            while self.shows(|screen| screen.modes().bracketed_paste).await
                && sessions.edits_lines(&session).await
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
        let rest = self.session.start_limit();
        let session = self.session.clone();
        let idle = || session.state().machine.activity() == Activity::Idle;
        let _ = timeout(rest, self.until(|composer| composer.is_shown() || !idle())).await;
    }

    /// Whether the text needs a blank at its end to be sent as it is.
    pub fn needs_blank(&self, text: &[u8]) -> bool {
        self.composer.needs_blank(text)
    }

    /// Why the agent might not take the text for a prompt; `None` when it certainly does.
    pub fn not_plain(&mut self, text: &[u8]) -> Option<String> {
        self.catch_up();
        if !self.is_shown() {
            return Some("it does not show its composer".into());
        }
        // What was sent without Enter may not be shown yet.
        if self.session.state().drafted || !self.is_empty() {
            return Some("its composer already holds a draft, and the text would be added to it".into());
        }
        other_than_prompt(self.composer, text)
    }

    /// To be called before the text is typed.
    pub fn expect(&mut self, text: &[u8]) {
        self.catch_up();
        self.typed = Needle::new(self.composer, text);
        let screen = &self.follower.screen;
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
            if expected.is_seen(&self.follower.screen, self.composer.mark) {
                return Some(true);
            }
            let taken = expected.is_taken(&self.follower.screen, self.composer.mark);
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
    }

    /// Follows what the agent makes of the text after Enter, until that is known or the limit is reached.
    pub async fn follow_up(&mut self) -> Receipt {
        let (turns, prompts, worked) = self.before;
        let mut receipt = Receipt::Written;
        // Of Enter alone only the agent can say what it did.
        let limit = if self.typed.is_some() { SUBMIT_LIMIT } else { TURN_LIMIT };
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
        let screen = &self.follower.screen;
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

    /// Nothing stands in it but its mark, and what it proposes.
    pub fn is_empty(&self) -> bool {
        let line = CursorLine::of(&self.follower.screen);
        line.left.trim() == self.composer.mark && line.right.is_empty()
    }

    /// A blank stands left of the cursor, or nothing was ever drawn there.
    pub fn ends_with_blank(&self) -> bool {
        let screen = &self.follower.screen;
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
        let line = CursorLine::of(&self.follower.screen);
        let held = line.left.trim().strip_prefix(self.composer.mark);
        line.right.is_empty() && held.is_some_and(|held| held.trim() == text)
    }

    /// The cursor stands in it.
    pub fn is_shown(&self) -> bool {
        draft(&self.follower.screen, self.composer.mark).is_some()
    }

    /// Something stands in it that was not sent, or in its place.
    pub fn holds_draft(&self) -> bool {
        !self.is_empty() && !self.session.state().drafted
    }

    fn counts(&self) -> (u64, u64, bool) {
        let state = self.session.state();
        (state.machine.turns(), state.prompts, state.machine.activity() == Activity::Working)
    }

    /// How many images stand on the screen.
    pub fn images(&mut self) -> usize {
        self.catch_up();
        images(&self.follower.screen, self.composer)
    }

    /// Waits until there are more images than that; false when a path stayed a text.
    pub async fn shows_more_images(&mut self, than: usize) -> bool {
        let composer = self.composer;
        let shown = self.shows(|screen| images(screen, composer) > than);
        timeout(IMAGE_LIMIT, shown).await.unwrap_or(false)
    }

    /// Waits for a screen like that; false when the session ends.
    async fn shows(&mut self, condition: impl Fn(&Screen) -> bool) -> bool {
        self.until(|composer| condition(&composer.follower.screen)).await;
        condition(&self.follower.screen)
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
        &self.follower.screen
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

impl Follower {
    pub fn rows(&self) -> Vec<String> {
        (0..self.screen.size().rows()).map(|row| self.screen.row_text(row)).collect()
    }

    /// Returns when there may be something new.
    pub async fn changed(&self) {
        self.changed.notified().await;
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

/// The row of the cursor.
struct CursorLine {
    left: String,
    /// From the cursor on, without what is drawn faintly: that is proposed, nobody typed it.
    right: String,
}

impl CursorLine {
    fn of(screen: &Screen) -> Self {
        let cursor = screen.cursor();
        let right = screen.text_of(cursor.y, cursor.x.., true);
        let typed = screen.text_of(cursor.y, cursor.x + 1.., false);
        // Some draw the cursor themselves, on the first letter of what they propose.
        let proposed = typed.trim().is_empty() && right.trim().chars().count() > 1;
        let right = if proposed { String::new() } else { right.trim_end().to_owned() };
        Self { left: screen.text_of(cursor.y, ..cursor.x, true), right }
    }
}

fn images(screen: &Screen, composer: provider::Composer) -> usize {
    let rows = (0..screen.size().rows()).map(|row| screen.row_text(row));
    rows.collect::<String>().matches(composer.image).count()
}

/// Why the agent might take a text for something else than a prompt. Blanks and what cannot be seen do not hide a command: agents leave them out.
pub(super) fn other_than_prompt(composer: provider::Composer, text: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let seen: String = letters(&text).collect();
    if text.contains(|letter: char| letter.is_control() && !"\n\r\t".contains(letter)) {
        return Some("it contains control characters".into());
    }
    match seen.chars().next() {
        None => Some("it contains no visible characters".into()),
        Some(first) if composer.commands.contains(&first) => {
            Some(format!("a text that starts with '{first}' may be a command; put a word before it"))
        }
        _ if composer.command_words.contains(&seen.to_lowercase().as_str()) => {
            Some(format!("'{seen}' on its own is a command"))
        }
        Some(_) => None,
    }
}

/// What stands in the composer, from its mark to the end of the cursor's row; rows that go on are indented. `None`
/// when the cursor is not in it, or its beginning is not shown.
fn draft(screen: &Screen, mark: &str) -> Option<String> {
    let cursor = screen.cursor();
    let line = CursorLine::of(screen);
    let mut text = line.left + &line.right;
    for y in (0..=cursor.y).rev() {
        if y < cursor.y {
            text = screen.row_text(y) + "\n" + &text;
        }
        if let Some(draft) = text.trim_start().strip_prefix(mark) {
            return Some(draft.trim().to_owned());
        }
        if !text.starts_with([' ', '\n']) && !text.is_empty() {
            return None;
        }
    }
    None
}

impl Expected {
    /// The text stands on the screen, and in the composer, as far as that can be known.
    fn is_seen(&self, screen: &Screen, mark: &str) -> bool {
        // A short text may come with an answer while the composer is still as it was.
        if self.draft.is_some() && draft(screen, mark) == self.draft {
            return false;
        }
        // What is counted may scroll away at the top in the same moment.
        self.needle
            .as_ref()
            .is_some_and(|needle| needle.count(screen) > self.count || !self.held && needle.is_held(screen))
    }

    /// What stands in the composer, if it was changed and that resembles the text.
    fn is_taken(&self, screen: &Screen, mark: &str) -> Option<String> {
        let before = self.draft.as_ref()?;
        let now = draft(screen, mark).filter(|now| now != before)?;
        self.needle.as_ref().is_none_or(|needle| needle.resembles(&now)).then_some(now)
    }
}

/// What is looked for on the screen. Blanks do not count: composers wrap and indent.
struct Needle {
    head: String,
    tail: String,
    count: Count,
    /// The end in letters of every kind.
    whole_tail: String,
    placeholders: &'static [&'static str],
}

/// Which letters count.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Count {
    /// Others may be shown in another form, or be lost.
    Ascii,
    /// There are too few of ASCII.
    All,
}

impl Needle {
    fn new(composer: provider::Composer, text: &[u8]) -> Option<Self> {
        let text = without_escapes(&String::from_utf8_lossy(text));
        let all: Vec<char> = letters(&text).collect();
        let ascii: Vec<char> = all.iter().copied().filter(char::is_ascii).collect();
        let end = |seen: &[char]| seen[seen.len().saturating_sub(TAIL)..].iter().collect();
        let (count, seen) = if ascii.len() >= ENOUGH { (Count::Ascii, &ascii) } else { (Count::All, &all) };
        let head = seen[..seen.len().min(HEAD)].iter().collect();
        let (tail, whole_tail) = (end(seen), end(&all));
        (!all.is_empty()).then_some(Self {
            head,
            tail,
            count,
            whole_tail,
            placeholders: composer.placeholders,
        })
    }

    fn count(&self, screen: &Screen) -> usize {
        let rows = (0..screen.size().rows()).map(|row| screen.row_text(row));
        self.count_in(&rows.collect::<String>())
    }

    /// Whether it ends at the cursor, where it was typed, or at the end of the cursor's row.
    fn is_held(&self, screen: &Screen) -> bool {
        let line = CursorLine::of(screen);
        let above: String = (0..screen.cursor().y).map(|row| screen.row_text(row)).collect();
        let text = above + &line.left;
        self.ends(&text) || self.ends(&(text + &line.right))
    }

    fn ends(&self, text: &str) -> bool {
        let all = Count::All.of(text);
        let placed = self.placeholders.iter().any(|mark| all.contains(&Count::All.of(mark)));
        self.count.of(text).ends_with(&self.tail) || placed && all.ends_with(']')
    }

    fn begins(&self, text: &str) -> bool {
        self.count.of(text).starts_with(&self.head)
    }

    /// A person would see the text there, though cells lack some of its letters or hold others.
    fn resembles(&self, text: &str) -> bool {
        resembles(&self.whole_tail, &Count::All.of(text))
    }

    fn count_in(&self, rows: &str) -> usize {
        let placeholders = self.placeholders.iter().map(|mark| rows.matches(mark).count());
        self.count.of(rows).matches(&self.tail).count() + placeholders.sum::<usize>()
    }
}

impl Count {
    /// Those letters of a text that count.
    fn of(self, text: &str) -> String {
        letters(text).filter(|letter| self == Count::All || letter.is_ascii()).collect()
    }
}

/// Without control sequences (ECMA-48 §5.4): agents leave them out.
fn without_escapes(text: &str) -> String {
    let mut pieces = text.split("\x1b[");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| {
        text + piece.trim_start_matches(|letter| matches!(letter, ' '..='?')).get(1..).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use codepiper_protocol::tmux::{Item, Parser};

    use super::*;
    use crate::terminal::screen::Rules;

    const COMPOSER: provider::Composer = provider::Composer {
        mark: ">",
        placeholders: &["[Pasted"],
        image: "[Image",
        completes: &['@'],
        continues: &['\\'],
        commands: &['!', '/'],
        command_words: &["exit"],
    };

    #[test]
    fn a_text_is_recognised_however_it_is_wrapped() {
        let needle = Needle::new(COMPOSER, b"first line\nplease look at the second one\n").unwrap();
        assert_eq!(needle.count_in("> first line   please look at"), 0);
        assert_eq!(needle.count_in("> first line   please look at the sec   ond one   "), 1);
        assert_eq!(needle.count_in("> [Pasted text #1 +2 lines]"), 1);
    }

    #[test]
    fn a_text_is_recognised_in_another_form() {
        for (text, shown) in [
            ("nfd cafe\u{301} and more", "> nfd caf\u{e9} and more"),
            ("a family \u{1f468}\u{200d}\u{1f469} here", "> a family \u{1f468} \u{1f469} here"),
            ("\x1b[31mred\x1b[0m and \x1b[1;32mgreen\x1b[m", "> red and green"),
            ("日本語", "> 日 本 語"),
            ("gro\u{308}\u{df}er", "> gr\u{f6}\u{df}er"),
            ("\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}", "> \u{d55c}\u{ad6d}"),
            ("\u{30ab}\u{3099}", "> \u{30ac}"),
            ("so\u{ad}ft\u{200b} wo\u{2060}rd\u{feff}", "> soft word"),
            ("\u{1f44d}\u{1f3fd}", "> \u{1f44d}"),
        ] {
            assert_eq!(Needle::new(COMPOSER, text.as_bytes()).unwrap().count_in(shown), 1, "{text:?}");
        }
    }

    #[test]
    fn what_may_be_a_command_is_not_plain() {
        for text in [
            "!ls",
            " \t!ls",
            "\u{feff}/clear",
            "\u{200b}/x",
            "\u{ff01}ls",
            "\n\n/x",
            "exit",
            " Exit\n",
            "",
            " ",
            "\u{200d}",
            "a\x1b[A",
            "a\x03",
        ] {
            assert!(other_than_prompt(COMPOSER, text.as_bytes()).is_some(), "{text:?}");
        }
        for text in ["ls", "a !b", "look at /etc", "exit now", "\u{e9}t\u{e9}", "two\n/lines", "\u{1f44d}"] {
            assert_eq!(other_than_prompt(COMPOSER, text.as_bytes()), None, "{text:?}");
        }
    }

    /// Texts in the scripts of the world, as both kinds of tmux draw them.
    #[test]
    fn a_text_in_any_script_is_seen_where_it_stands() {
        let texts = "hello|caf\u{e9}|cafe\u{301}|Ти|Ώρα|Հայ|שָׁלוֹם|مُحَمَّد|ܫܠܡܐ|ދިވެހި|हिन्दी में|বাংলা ভাষায়|ਪੰਜਾਬੀ|ગુજરાતી|ଓଡ଼ିଆ|\
            தமிழ்|తెలుగు|ಕನ್ನಡ|മലയാളം|සිංහල|ภาษาไทย|ພາສາລາວ|བོད་སྐད|မြန်မာ|ქართული|한국어|\u{1112}\u{1161}\u{11ab}|ኣማርኛ|ᏣᎳᎩ|ᐃᓄᒃ|ភាសា|\
            ᠮᠣᠩᠭᠣᠯ|日本語|\u{30ab}\u{3099}|中文|ꦗꦮ|𒀀𒁀|𓀀|ｆｕｌｌ|𝕳𝖊|👍🏽|👨‍👩‍👧‍👦|🇪🇸|1️⃣|❤️|a\u{200d}b|so\u{ad}ft|\u{feff}bom";
        for rules in [Rules::Plain, Rules::Modifiers, Rules::Pairs] {
            for text in texts.split('|') {
                let mut screen = Screen::with_rules(codepiper_protocol::Size::DEFAULT, rules);
                screen.feed("answer\r\n\r\n> ".as_bytes());
                let needle = Needle::new(COMPOSER, text.as_bytes()).unwrap();
                let expected = Expected {
                    count: needle.count(&screen),
                    held: needle.is_held(&screen),
                    draft: draft(&screen, COMPOSER.mark),
                    needle: Some(needle),
                };
                assert_eq!(expected.draft.as_deref(), Some(""), "{text}");
                assert!(!expected.is_seen(&screen, COMPOSER.mark), "{text}");
                screen.feed(text.as_bytes());
                assert!(expected.is_seen(&screen, COMPOSER.mark), "{text} {rules:?}");
                assert!(expected.is_taken(&screen, COMPOSER.mark).is_some(), "{text} {rules:?}");
                // An answer says the same while the composer is as it was.
                screen.feed(format!("\x1b[H{text}\x1b[3;1H\x1b[2K> ").as_bytes());
                assert!(!expected.is_seen(&screen, COMPOSER.mark), "{text} {rules:?}");
                assert!(expected.is_taken(&screen, COMPOSER.mark).is_none(), "{text} {rules:?}");
            }
        }
    }

    #[test]
    fn what_is_proposed_was_not_typed() {
        let line = |bytes: &str| {
            let mut screen = Screen::new(codepiper_protocol::Size::DEFAULT);
            screen.feed(bytes.as_bytes());
            let line = CursorLine::of(&screen);
            (line.left.trim().to_owned(), line.right)
        };
        let drawn = |left: &str, right: &str| (left.to_owned(), right.to_owned());
        assert_eq!(line("> \x1b[2mTry this\x1b[m\x1b[3G"), drawn(">", ""));
        assert_eq!(line("> \x1b[7mT\x1b[27;2mry this\x1b[m\x1b[3G"), drawn(">", ""));
        assert_eq!(line("> \x1b[7m \x1b[m\x1b[3G"), drawn(">", ""));
        assert_eq!(line("> abc\x1b[3G"), drawn(">", "abc"));
        assert_eq!(line("> \x1b[7ma\x1b[mbc\x1b[3G"), drawn(">", "abc"));
        assert_eq!(line("> a\x1b[3G"), drawn(">", "a"));
        assert_eq!(line("> abc"), drawn("> abc", ""));
    }

    /// Its first screens are blank, and say nothing of a draft.
    #[test]
    fn the_composer_of_an_agent_that_starts_is_not_shown_and_then_empty() {
        for (name, mark) in [("claude", "❯"), ("codex", "›")] {
            let path = format!("{}/fixtures/recordings/{name}-control-mode.txt", env!("CARGO_MANIFEST_DIR"));
            let mut screen = Screen::new(codepiper_protocol::Size::new(100, 30).unwrap());
            let mut drafts = vec![draft(&screen, mark)];
            Parser::new().feed(&std::fs::read(path).unwrap(), &mut |item| {
                if let Item::Output { data, .. } = item {
                    let mut printed = bytes::BytesMut::new();
                    data.unescape_into(&mut printed);
                    screen.feed(&printed);
                    drafts.push(draft(&screen, mark));
                }
            });
            let hidden = drafts.iter().take_while(|draft| draft.is_none()).count();
            assert!(hidden > 4, "{name}: {hidden}");
            assert_eq!(drafts[hidden].as_deref(), Some(""), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_seen_is_not_waited_for() {
        for text in [b"".as_slice(), b" \n\t", b"\xff", b"\x1b"] {
            assert!(Needle::new(COMPOSER, text).is_none(), "{text:?}");
        }
    }
}
