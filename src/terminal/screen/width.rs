//! How many columns a character takes: what tmux believes, since tmux places the cursor.
//!
//! tmux 3.3a asks the C library's `wcwidth`. Measured against glibc 2.36 (Unicode 15): it agrees with
//! `unicode-width` except for the ranges below. Known to differ from it all the same:
//!
//! * Characters newer than the C library of the machine: tmux drops them, we give them their width.
//! * The width never depends on neighbours: U+FE0F after a text symbol (❤️) leaves it 1 column wide, skin
//!   tones after an emoji take 2 columns of their own, two regional indicators (a flag) take 1 each.
//!   Emulators that join grapheme clusters, such as xterm.js with its graphemes addon, differ here; xterm.js
//!   with its unicode11 addon does not.

use unicode_width::UnicodeWidthChar;

/// 0 combines with the character before; `None` is not printed at all.
pub fn width(character: char) -> Option<usize> {
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
}
