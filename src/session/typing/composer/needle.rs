//! A text is known again on the screen, however it is wrapped and in whichever form it is shown.

use super::letters::{letters, resembles};
use super::line::{CursorLine, draft};
use crate::provider;
use crate::terminal::screen::Screen;

/// Letters of the text's end that must be seen: few enough to stand in one place.
const TAIL: usize = 24;
/// Letters of its beginning that must be seen.
const HEAD: usize = 8;
/// So many letters of ASCII are enough to know a text by.
const ENOUGH: usize = 8;

/// What a text that is typed will change.
pub struct Expected {
    /// `None` when nothing of the text can be known again.
    pub needle: Option<Needle>,
    /// How often it was on the screen before.
    pub count: usize,
    /// The composer ended with it before.
    pub held: bool,
    /// What stood in the composer before.
    pub draft: Option<String>,
}

impl Expected {
    /// The text stands on the screen, and in the composer, as far as that can be known.
    pub fn is_seen(&self, screen: &Screen, mark: &str) -> bool {
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
    pub fn is_taken(&self, screen: &Screen, mark: &str) -> Option<String> {
        let before = self.draft.as_ref()?;
        let now = draft(screen, mark).filter(|now| now != before)?;
        self.needle.as_ref().is_none_or(|needle| needle.resembles(&now)).then_some(now)
    }
}

/// A piece of a text that is typed where the piece before it ends.
pub struct Piece {
    /// `None` when it would not be known from what stood there before.
    needle: Option<Needle>,
    /// What stood left of the cursor, and where that was.
    before: (String, (u16, u16)),
}

impl Piece {
    pub fn new(composer: provider::Composer, text: &str, screen: &Screen) -> Self {
        let needle = Needle::new(composer, text.as_bytes()).filter(|needle| !needle.is_held(screen));
        Self { needle, before: up_to_cursor(screen) }
    }

    pub fn is_known(&self) -> bool {
        self.needle.is_some()
    }

    pub fn is_held(&self, screen: &Screen) -> bool {
        self.needle.as_ref().is_some_and(|needle| needle.is_held(screen))
    }

    /// What stands left of the cursor was changed, and resembles the piece.
    pub fn is_taken(&self, screen: &Screen) -> bool {
        let now = up_to_cursor(screen);
        now != self.before && self.needle.as_ref().is_none_or(|needle| needle.resembles(&now.0))
    }
}

/// The rows above the cursor, its own row up to there, and its column and row.
fn up_to_cursor(screen: &Screen) -> (String, (u16, u16)) {
    let cursor = screen.cursor();
    let above: String = (0..cursor.y).map(|row| screen.row_text(row)).collect();
    (above + &CursorLine::of(screen).left, (cursor.x, cursor.y))
}

/// What is looked for on the screen. Blanks do not count: composers wrap and indent.
pub struct Needle {
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
    pub fn new(composer: provider::Composer, text: &[u8]) -> Option<Self> {
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

    pub fn count(&self, screen: &Screen) -> usize {
        let rows = (0..screen.size().rows()).map(|row| screen.row_text(row));
        self.count_in(&rows.collect::<String>())
    }

    /// Whether it ends at the cursor, where it was typed, or at the end of the cursor's row.
    pub fn is_held(&self, screen: &Screen) -> bool {
        let (text, _) = up_to_cursor(screen);
        self.ends(&text) || self.ends(&(text + &CursorLine::of(screen).right))
    }

    pub fn ends(&self, text: &str) -> bool {
        let all = Count::All.of(text);
        let placed = self.placeholders.iter().any(|mark| all.contains(&Count::All.of(mark)));
        self.count.of(text).ends_with(&self.tail) || placed && all.ends_with(']')
    }

    pub fn begins(&self, text: &str) -> bool {
        self.count.of(text).starts_with(&self.head)
    }

    /// A person would see the text there, though cells lack some of its letters or hold others.
    pub fn resembles(&self, text: &str) -> bool {
        resembles(&self.whole_tail, &Count::All.of(text))
    }

    pub fn count_in(&self, rows: &str) -> usize {
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

/// Why the agent might take a text for something else than a prompt. Blanks and what cannot be seen do not hide a command: agents leave them out.
pub fn other_than_prompt(composer: provider::Composer, text: &[u8]) -> Option<String> {
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

/// Without control sequences (ECMA-48 §5.4): agents leave them out.
fn without_escapes(text: &str) -> String {
    let mut pieces = text.split("\x1b[");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| {
        text + piece.trim_start_matches(|letter| matches!(letter, ' '..='?')).get(1..).unwrap_or_default()
    })
}
