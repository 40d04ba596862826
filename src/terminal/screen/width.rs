//! How many columns a character takes, and which characters share one: what tmux believes, since tmux places the cursor.
//!
//! tmux asks the C library's `wcwidth`. Measured against glibc 2.36 (Unicode 15): it agrees with `unicode-width` except for
//! the ranges below. Known to differ from it all the same:
//!
//! * Characters newer than the C library of the machine: tmux 3.3 drops them, 3.4 gives them one column, we give them
//!   their width.
//! * A tmux that was built with utf8proc, as on macOS, asks that.
//! * `codepoint-widths` (tmux 3.6) is not read: nobody sets it on our server.

use codepiper_protocol::tmux::Version;
use unicode_width::UnicodeWidthChar;

/// How a version of tmux counts (`utf8_width` in utf8.c) and joins (`screen_write_combine` in screen-write.c).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rules {
    /// 3.2 and 3.3: a width never depends on neighbours. Skin tones take two columns of their own, a flag takes two, U+FE0F
    /// changes nothing.
    #[default]
    Plain,
    /// 3.4 and 3.5: skin tones and regional indicators join what stands before them, and with U+FE0F make it wide. What the
    /// C library does not know takes one column.
    Modifiers,
    /// 3.6: skin tones join only what can have one, regional indicators one another.
    Bases,
    /// 3.7: two regional indicators are a flag, and no more.
    Pairs,
}

impl Rules {
    const NAMES: [(Self, &'static str, (u32, u32)); 4] = [
        (Self::Pairs, "3.7", (3, 7)),
        (Self::Bases, "3.6", (3, 6)),
        (Self::Modifiers, "3.4", (3, 4)),
        (Self::Plain, "3.2", (0, 0)),
    ];

    pub fn of(version: &Version) -> Self {
        let known = Self::NAMES.iter().find(|(_, _, (major, minor))| version.at_least(*major, *minor));
        known.map_or(Self::Plain, |(rules, ..)| *rules)
    }

    /// The first version that counts so.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(rules, ..)| *rules == self).map_or("", |(_, name, _)| name)
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, other, _)| *other == name).map(|(rules, ..)| *rules)
    }

    /// 0 combines with the character before; `None` is not printed at all.
    pub fn width(self, character: char) -> Option<usize> {
        let own = width(character);
        if self == Self::Plain {
            return own;
        }
        if ALWAYS_WIDE.contains(&character) || self == Self::Modifiers && is_regional(character) {
            return Some(2);
        }
        own.or(Some(usize::from(!character.is_control())))
    }

    /// Whether a character joins the cell on its left though it has a width: `None` when it does not, otherwise whether
    /// that cell becomes wide.
    pub fn joins(self, cell: &str, character: char) -> Option<bool> {
        let first = cell.chars().next()?;
        let joined = match self {
            Self::Plain => false,
            Self::Modifiers => {
                !cell.is_char_boundary(1) && (is_regional(character) || is_skin_tone(character))
            }
            Self::Bases | Self::Pairs => {
                let flag = is_regional(first) && is_regional(character);
                let whole =
                    self == Self::Pairs && cell.chars().filter(|other| is_regional(*other)).count() != 1;
                flag && !whole || takes_skin_tone(first, character) || takes_skin_tone(character, first)
            }
        };
        let behind_joiner = cell.ends_with(JOINER);
        (joined || behind_joiner).then_some(joined)
    }

    /// Bytes of a cell (`UTF8_SIZE` in tmux.h).
    pub fn longest_cell(self) -> usize {
        if self >= Self::Bases { 32 } else { 21 }
    }
}

pub const JOINER: char = '\u{200d}';
/// Asks for an emoji; from 3.4 on it makes a cell wide (`variation-selector-always-wide` from 3.6 on).
pub const EMOJI_STYLE: char = '\u{fe0f}';

/// Wide from 3.4 on though the C library says otherwise.
const ALWAYS_WIDE: [char; 9] = [
    '\u{261d}',
    '\u{26f9}',
    '\u{270c}',
    '\u{270d}',
    '\u{1f3cb}',
    '\u{1f3cc}',
    '\u{1f574}',
    '\u{1f575}',
    '\u{1f590}',
];

/// What can have a skin tone (`utf8_should_combine` in utf8-combined.c).
const BASES: [(char, char); 22] = [
    ('\u{1f44b}', '\u{1f450}'),
    ('\u{1f466}', '\u{1f469}'),
    ('\u{1f46e}', '\u{1f46e}'),
    ('\u{1f470}', '\u{1f478}'),
    ('\u{1f47c}', '\u{1f47c}'),
    ('\u{1f481}', '\u{1f483}'),
    ('\u{1f485}', '\u{1f487}'),
    ('\u{1f4aa}', '\u{1f4aa}'),
    ('\u{1f575}', '\u{1f575}'),
    ('\u{1f57a}', '\u{1f57a}'),
    ('\u{1f590}', '\u{1f590}'),
    ('\u{1f595}', '\u{1f596}'),
    ('\u{1f645}', '\u{1f647}'),
    ('\u{1f64b}', '\u{1f64f}'),
    ('\u{1f6b4}', '\u{1f6b6}'),
    ('\u{1f926}', '\u{1f926}'),
    ('\u{1f937}', '\u{1f939}'),
    ('\u{1f93d}', '\u{1f93e}'),
    ('\u{1f9b5}', '\u{1f9b6}'),
    ('\u{1f9b8}', '\u{1f9b9}'),
    ('\u{1f9cd}', '\u{1f9cf}'),
    ('\u{1f9d1}', '\u{1f9df}'),
];

fn is_regional(character: char) -> bool {
    ('\u{1f1e6}'..='\u{1f1ff}').contains(&character)
}

fn is_skin_tone(character: char) -> bool {
    ('\u{1f3fb}'..='\u{1f3ff}').contains(&character)
}

fn takes_skin_tone(base: char, tone: char) -> bool {
    is_skin_tone(tone) && BASES.iter().any(|(first, last)| (*first..=*last).contains(&base))
}

/// The C library's width.
fn width(character: char) -> Option<usize> {
    let code = u32::from(character);
    if code < 0x300 {
        // Control characters of Latin-1, and everything up to the first combining mark.
        return if code < 0x20 || (0x7f..0xa0).contains(&code) { None } else { Some(1) };
    }
    let exception = EXCEPTIONS.partition_point(|&(_, last, _)| last < code);
    match EXCEPTIONS.get(exception) {
        Some(&(first, _, width)) if first <= code => width,
        _ => character.width(),
    }
}

/// First, last, width.
const EXCEPTIONS: &[(u32, u32, Option<usize>)] = &[
    (0x0605, 0x0605, Some(1)),
    (0x070f, 0x070f, Some(1)),
    (0x0890, 0x0891, Some(1)),
    (0x08e2, 0x08e2, Some(1)),
    (0x09be, 0x09be, Some(1)),
    (0x09d7, 0x09d7, Some(1)),
    (0x0b3e, 0x0b3e, Some(1)),
    (0x0b57, 0x0b57, Some(1)),
    (0x0bbe, 0x0bbe, Some(1)),
    (0x0bd7, 0x0bd7, Some(1)),
    (0x0cc0, 0x0cc0, Some(1)),
    (0x0cc2, 0x0cc2, Some(1)),
    (0x0cc7, 0x0cc8, Some(1)),
    (0x0cca, 0x0ccb, Some(1)),
    (0x0cd5, 0x0cd6, Some(1)),
    (0x0d3e, 0x0d3e, Some(1)),
    (0x0d4e, 0x0d4e, Some(1)),
    (0x0d57, 0x0d57, Some(1)),
    (0x0dcf, 0x0dcf, Some(1)),
    (0x0ddf, 0x0ddf, Some(1)),
    (0x1715, 0x1715, Some(1)),
    (0x1734, 0x1734, Some(1)),
    (0x17a4, 0x17a4, Some(1)),
    (0x17d8, 0x17d8, Some(1)),
    (0x1b35, 0x1b35, Some(1)),
    (0x1b3b, 0x1b3b, Some(1)),
    (0x1b3d, 0x1b3d, Some(1)),
    (0x1b43, 0x1b44, Some(1)),
    (0x1baa, 0x1baa, Some(1)),
    (0x1bf2, 0x1bf3, Some(1)),
    (0x2028, 0x2029, None),
    (0x2630, 0x2637, Some(1)),
    (0x268a, 0x268f, Some(1)),
    (0x2d7f, 0x2d7f, Some(0)),
    (0x302e, 0x302f, Some(2)),
    (0x3164, 0x3164, Some(2)),
    (0x3248, 0x324f, Some(2)),
    (0xa8fa, 0xa8fa, Some(1)),
    (0xa953, 0xa953, Some(1)),
    (0xa9c0, 0xa9c0, Some(1)),
    (0xffa0, 0xffa0, Some(1)),
    (0xfff9, 0xfffb, Some(0)),
    (0x111c0, 0x111c0, Some(1)),
    (0x111c2, 0x111c3, Some(1)),
    (0x11235, 0x11235, Some(1)),
    (0x1133e, 0x1133e, Some(1)),
    (0x1134d, 0x1134d, Some(1)),
    (0x11357, 0x11357, Some(1)),
    (0x114b0, 0x114b0, Some(1)),
    (0x114bd, 0x114bd, Some(1)),
    (0x115af, 0x115af, Some(1)),
    (0x116b6, 0x116b6, Some(1)),
    (0x1171e, 0x1171e, Some(0)),
    (0x11930, 0x11930, Some(1)),
    (0x1193d, 0x1193d, Some(1)),
    (0x1193f, 0x1193f, Some(1)),
    (0x11941, 0x11941, Some(1)),
    (0x11a84, 0x11a89, Some(1)),
    (0x11d46, 0x11d46, Some(1)),
    (0x13430, 0x13438, Some(0)),
    (0x16ff0, 0x16ff1, Some(2)),
    (0x1d165, 0x1d166, Some(1)),
    (0x1d16d, 0x1d172, Some(1)),
    (0x1d300, 0x1d356, Some(1)),
    (0x1d360, 0x1d376, Some(1)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_those_of_the_c_library() {
        for (text, expected) in [
            ("a", Some(1)),
            ("é", Some(1)),
            ("\u{ad}", Some(1)),
            ("\u{301}", Some(0)),
            ("世", Some(2)),
            ("🦀", Some(2)),
            ("❤", Some(1)),
            ("─", Some(1)),
            ("\u{fe0f}", Some(0)),
            ("\u{200d}", Some(0)),
            ("🇩", Some(1)),
            ("\u{e0b0}", Some(1)),
            ("\u{9b}", None),
            ("\u{2028}", None),
            ("\u{9be}", Some(1)),
        ] {
            assert_eq!(width(text.chars().next().unwrap()), expected, "{text}");
        }
        assert!(EXCEPTIONS.is_sorted_by(|a, b| a.1 < b.0));
    }

    #[test]
    fn each_version_has_its_rules() {
        let of = |text: &str| Rules::of(&text.parse().unwrap());
        assert_eq!(
            ["3.2a", "3.3a", "3.4", "3.5a", "3.6b", "3.7c", "4.0"].map(of),
            [
                Rules::Plain,
                Rules::Plain,
                Rules::Modifiers,
                Rules::Modifiers,
                Rules::Bases,
                Rules::Pairs,
                Rules::Pairs,
            ]
        );
        for (rules, name, _) in Rules::NAMES {
            assert_eq!((Rules::named(name), rules.name()), (Some(rules), name));
        }
    }

    /// What the browser counts by is what we count by.
    #[test]
    fn the_dashboard_has_the_same_table() {
        let table = include_str!("../../../static/src/terminal/width_table.ts");
        let table = table.replace("\" +\n  \"", "");
        for cells in [0, 2] {
            let wanted = ranges(|character| width(character).unwrap_or(0) == cells);
            assert!(
                table.contains(&format!("\"{wanted}\"")),
                "width_table.ts lacks, for {cells} cells: {wanted}"
            );
        }
    }

    fn ranges(wanted: impl Fn(char) -> bool) -> String {
        let wanted = |code: u32| char::from_u32(code).is_some_and(&wanted);
        let (mut ranges, mut at, mut code) = (Vec::new(), 0, 0);
        while code <= u32::from(char::MAX) {
            if wanted(code) {
                let first = code;
                while wanted(code + 1) {
                    code += 1;
                }
                let length = if code > first { format!("-{}", base36(code - first)) } else { String::new() };
                ranges.push(base36(first - at) + &length);
                at = code;
            }
            code += 1;
        }
        ranges.join(" ")
    }

    fn base36(number: u32) -> String {
        let rest = if number >= 36 { base36(number / 36) } else { String::new() };
        rest + &char::from_digit(number % 36, 36).unwrap().to_string()
    }
}
