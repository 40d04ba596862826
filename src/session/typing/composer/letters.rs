//! What a person would call the same text.
//!
//! Agents show a text in another form than it was typed in, leave out what cannot be seen, and count the columns of
//! some scripts otherwise than tmux: then letters are drawn over each other.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_width::UnicodeWidthChar;

/// The letters by which a text is known, each in its plainest form (NFKD): no blanks, no marks, no skin tones, nothing
/// that cannot be seen.
pub fn letters(text: &str) -> impl Iterator<Item = char> {
    text.nfkd().filter(|&letter| {
        !letter.is_whitespace()
            && !is_combining_mark(letter)
            && !matches!(letter, char::REPLACEMENT_CHARACTER | '\u{ad}' | '\u{1f3fb}'..='\u{1f3ff}')
            && letter.width().is_some_and(|width| width > 0)
    })
}

/// Whether half of `wanted` stands at the end of `text`, in its order. So much is left where letters are drawn over each
/// other; two different texts share less.
pub fn resembles(wanted: &str, text: &str) -> bool {
    let wanted: Vec<char> = wanted.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let text = &text[text.len().saturating_sub(2 * wanted.len())..];
    2 * longest_in_common(&wanted, text) >= wanted.len()
}

/// Letters of the longest common subsequence.
fn longest_in_common(a: &[char], b: &[char]) -> usize {
    let mut lengths = vec![0; b.len() + 1];
    for x in a {
        let mut diagonal = 0;
        for (index, y) in b.iter().enumerate() {
            let above = lengths[index + 1];
            lengths[index + 1] = if x == y { diagonal + 1 } else { above.max(lengths[index]) };
            diagonal = above;
        }
    }
    lengths[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_the_same_in_every_form() {
        let seen = |text: &str| letters(text).collect::<String>();
        for text in [
            "caf\u{e9} gr\u{f6}\u{df}er",
            "Ti\u{1ebf}ng Vi\u{1ec7}t",
            "\u{d55c}\u{ad6d}\u{c5b4}",
            "\u{30ac}\u{30ae}",
        ] {
            assert_eq!(seen(text), seen(&text.nfd().collect::<String>()), "{text}");
            assert!(!seen(text).is_empty());
        }
        assert_eq!(seen("\u{feff}a\u{200b}\u{ad}\u{200d} b\u{2060}\u{fe0f}\u{e0061}\r\n"), "ab");
        assert_eq!(seen("\u{200d}\u{200b}"), "");
    }

    #[test]
    fn half_of_the_letters_are_a_resemblance() {
        assert!(resembles("okfine", "ok\u{1f44d}ine"));
        assert!(resembles("abcdef", "xabxxef"));
        assert!(!resembles("abcdef", "1.Yes,proceed"));
        assert!(!resembles("abc", ""));
    }
}
