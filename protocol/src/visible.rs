//! Text of others as people are shown it: it cannot act on a terminal, and it hides nothing.

use std::borrow::Cow;
use std::fmt::Write;

/// Characters that act or draw nothing: Unicode's Control, Line_Separator, Paragraph_Separator and
/// Default_Ignorable_Code_Point (bidirectional controls, joiners, fillers, variation selectors, tags), the
/// interlinear annotations, and the blank Braille pattern.
const HIDDEN: [(u32, u32); 20] = [
    (0x00, 0x1f),
    (0x7f, 0x9f),
    (0xad, 0xad),
    (0x34f, 0x34f),
    (0x61c, 0x61c),
    (0x115f, 0x1160),
    (0x17b4, 0x17b5),
    (0x180b, 0x180f),
    (0x200b, 0x200f),
    (0x2028, 0x202e),
    (0x2060, 0x206f),
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xfe00, 0xfe0f),
    (0xfeff, 0xfeff),
    (0xffa0, 0xffa0),
    (0xfff0, 0xfffb),
    (0x1bca0, 0x1bca3),
    (0x1d173, 0x1d17a),
    (0xe0000, 0xe0fff),
];

/// Whether a character acts on a terminal, or cannot be seen.
pub fn is_hidden(character: char) -> bool {
    let code = u32::from(character);
    !matches!(code, 0x20..=0x7e) && HIDDEN.iter().any(|&(first, last)| (first..=last).contains(&code))
}

/// The text with every character that is hidden written out, as `<U+001B>`. What makes an emoji of several
/// characters (a joiner between two, the selector behind one) stays.
pub fn visible(text: &str) -> Cow<'_, str> {
    replaced(text, |shown, hidden| {
        let _ = write!(shown, "<U+{:04X}>", u32::from(hidden));
    })
}

/// The text on one line: a space for every character that is hidden, line feeds too.
pub fn one_line(text: &str) -> String {
    replaced(text, |shown, _| shown.push(' ')).trim().to_owned()
}

fn replaced(text: &str, write: impl Fn(&mut String, char)) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut characters = text.chars().peekable();
    // Whether a pictograph, maybe with its selector, was the last; and whether it has its selector.
    let (mut pictograph, mut selected) = (false, false);
    while let Some(character) = characters.next() {
        let selects = character == '\u{fe0f}' && pictograph && !selected;
        let joins =
            character == '\u{200d}' && pictograph && characters.peek().copied().is_some_and(is_pictograph);
        if !is_hidden(character) || selects || joins {
            shown.push(character);
        } else {
            write(&mut shown, character);
        }
        pictograph = selects || is_pictograph(character);
        selected = selects;
    }
    Cow::Owned(shown)
}

/// A number with its noun: `1 byte`, `1,200 bytes`.
pub fn count(number: impl Into<u64>, noun: &str) -> String {
    let number = number.into();
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped} {noun}{}", if number == 1 { "" } else { "s" })
}

/// The blocks of symbols that emoji come from.
fn is_pictograph(character: char) -> bool {
    matches!(u32::from(character), 0x2190..=0x27bf | 0x2900..=0x2bff | 0x1f000..=0x1faff)
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    #[test]
    fn what_unicode_calls_ignorable_is_hidden() {
        // The interlinear annotations, and the blank pattern of Braille, are in no such class.
        let class = Regex::new(
            r"[\p{Control}\p{Line_Separator}\p{Paragraph_Separator}\p{Default_Ignorable_Code_Point}\x{fff9}-\x{fffb}\x{2800}]",
        );
        let class = class.unwrap();
        let mut buffer = [0; 4];
        for character in char::MIN..=char::MAX {
            assert_eq!(
                is_hidden(character),
                class.is_match(character.encode_utf8(&mut buffer)),
                "{character:?}"
            );
        }
    }

    #[test]
    fn what_acts_or_hides_is_written_out() {
        for (text, shown) in [
            ("plain, größer, 日本, שלום, नमस्ते", "plain, größer, 日本, שלום, नमस्ते"),
            ("\x1b[31m\x07\r\n\t\x7f", "<U+001B>[31m<U+0007><U+000D><U+000A><U+0009><U+007F>"),
            ("\u{9b}31m", "<U+009B>31m"),
            ("a\u{202e}b\u{2066}\u{200f}", "a<U+202E>b<U+2066><U+200F>"),
            ("a\u{200b}b\u{200d}c\u{feff}\u{e0041}", "a<U+200B>b<U+200D>c<U+FEFF><U+E0041>"),
            ("\u{2028}\u{2029}\u{3164}\u{ad}", "<U+2028><U+2029><U+3164><U+00AD>"),
        ] {
            assert_eq!(visible(text), shown);
        }
    }

    #[test]
    fn numbers_agree_with_their_nouns() {
        for (number, said) in
            [(0, "0 bytes"), (1, "1 byte"), (1200, "1,200 bytes"), (1_234_567, "1,234,567 bytes")]
        {
            assert_eq!(count(number as u32, "byte"), said);
        }
    }

    #[test]
    fn emoji_stay_whole() {
        for emoji in ["👩\u{200d}👧", "❤\u{fe0f}\u{200d}🔥", "👍🏽", "⚙\u{fe0f}", "👩🏽\u{200d}💻"]
        {
            assert_eq!(visible(emoji), emoji);
        }
        assert_eq!(visible("⚡\u{fe0f}\u{fe0f}"), "⚡\u{fe0f}<U+FE0F>");
        assert_eq!(visible("⚡\u{200d}"), "⚡<U+200D>");
        assert_eq!(visible("⚡\u{200d}x"), "⚡<U+200D>x");
    }
}
