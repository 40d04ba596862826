//! Simple encodings, decoded once.

/// Shorter words are not taken for base64 or hexadecimal.
const SHORTEST: usize = 8;

/// `\x72`, `\162`, `\u0072` and `\n` anywhere in a text.
pub fn escapes(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        decoded.push_str(&rest[..at]);
        let tail = &rest[at + 1..];
        let (letter, length) = escape(tail);
        decoded.extend(letter);
        rest = &tail[length..];
    }
    // `$'…'` is a quote like any other for whoever splits the words.
    (decoded + rest).replace("$'", "'").replace("$\"", "\"")
}

/// The character behind a backslash, and how many bytes spell it.
fn escape(tail: &str) -> (Option<char>, usize) {
    let number = |from: usize, most: usize, radix: u32| {
        let digits: String =
            tail[from..].chars().take(most).take_while(|letter| letter.is_digit(radix)).collect();
        let value = u32::from_str_radix(&digits, radix).ok().and_then(char::from_u32);
        (value, from + digits.len())
    };
    match tail.chars().next() {
        None => (None, 0),
        Some('x') => number(1, 2, 16),
        Some('u') => number(1, 4, 16),
        Some('U') => number(1, 8, 16),
        Some('0') => number(0, 4, 8),
        Some('1'..='7') => number(0, 3, 8),
        Some('n' | 't' | 'r') => (Some(' '), 1),
        Some(letter) => (Some(letter), letter.len_utf8()),
    }
}

/// The text in a word of base64 or hexadecimal digits.
pub fn encoded(word: &str) -> Option<String> {
    let word = word.trim_matches(|letter: char| "'\",;".contains(letter));
    if word.len() < SHORTEST {
        return None;
    }
    [hexadecimal(word), base64(word)].into_iter().flatten().find_map(|bytes| {
        let text = String::from_utf8(bytes).ok()?;
        let readable = text.chars().all(|letter| !letter.is_control() || "\n\t\r".contains(letter));
        (readable && !text.trim().is_empty()).then_some(text)
    })
}

fn hexadecimal(word: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        word.chars().map(|letter| letter.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.filter(|digits| digits.len().is_multiple_of(2))?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

fn base64(word: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0u32, 0);
    for letter in word.trim_end_matches('=').bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xff_ffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    Some(bytes)
}

/// The words of a brace expression, not more than `most`.
pub fn braces(word: &str, most: usize) -> Vec<String> {
    let mut open = vec![word.to_owned()];
    let mut done = Vec::new();
    while let Some(word) = open.pop() {
        let Some((before, inner, after)) = innermost(&word) else {
            done.push(word);
            continue;
        };
        if open.len() + done.len() >= most {
            break;
        }
        // The first one is taken first.
        open.extend(inner.split(',').rev().take(most).map(|choice| format!("{before}{choice}{after}")));
    }
    done.truncate(most);
    done
}

/// The first `{…,…}` that contains no other.
fn innermost(word: &str) -> Option<(&str, &str, &str)> {
    let mut from = None;
    for (at, letter) in word.char_indices() {
        match (letter, from) {
            ('{', _) => from = Some(at),
            ('}', Some(start)) if word[start..at].contains(',') => {
                return Some((&word[..start], &word[start + 1..at], &word[at + 1..]));
            }
            ('}', _) => from = None,
            _ => {}
        }
    }
    None
}
