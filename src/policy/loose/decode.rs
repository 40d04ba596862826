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
        // `\_` is a blank for `env -S`.
        Some('n' | 't' | 'r' | 'v' | 'f' | '_') => (Some(' '), 1),
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

/// The words of a brace expression. If there are more than `most`, a pattern stands for all of them.
pub fn braces(word: &str, most: usize) -> Vec<String> {
    let mut open = vec![word.to_owned()];
    let mut done = Vec::new();
    while let Some(next) = open.pop() {
        let Some((before, inner, after)) = innermost(&next) else {
            done.push(next);
            continue;
        };
        let choices = range(inner, most + 1).unwrap_or_else(|| inner.split(',').map(str::to_owned).collect());
        if open.len() + done.len() + choices.len() > most {
            let (begin, end) = (word.find('{').unwrap_or(0), word.rfind('}').unwrap_or(word.len()));
            done.push(format!("{}*{}", &word[..begin], word.get(end + 1..).unwrap_or("")));
            break;
        }
        // The first one is taken first.
        open.extend(choices.iter().rev().map(|choice| format!("{before}{choice}{after}")));
    }
    done
}

/// `{a..e}`, `{1..9..2}`
fn range(inner: &str, most: usize) -> Option<Vec<String>> {
    let mut ends = inner.split("..");
    let (first, last) = (ends.next()?, ends.next()?);
    let step = ends.next().map_or(Some(1), |step| step.trim_start_matches('-').parse().ok())?.max(1);
    let letter = |text: &str| text.chars().next().filter(|letter| letter.len_utf8() == text.len());
    let (first, last, is_number) = match (first.parse::<i64>(), last.parse::<i64>()) {
        (Ok(first), Ok(last)) => (first, last, true),
        _ => (i64::from(u32::from(letter(first)?)), i64::from(u32::from(letter(last)?)), false),
    };
    let (low, high) = (first.min(last), first.max(last));
    let value = |at: i64| match is_number {
        true => Some(at.to_string()),
        false => u32::try_from(at).ok().and_then(char::from_u32).map(String::from),
    };
    let up = (low..=high).step_by(step).take(most);
    let down = (low..=high).rev().step_by(step).take(most);
    let all: Vec<String> =
        if first <= last { up.filter_map(value).collect() } else { down.filter_map(value).collect() };
    ends.next().is_none().then_some(all)
}

fn is_choice(inner: &str) -> bool {
    inner.contains(',') || range(inner, 1).is_some()
}

/// The first `{…,…}` or `{…..…}` that contains no other.
fn innermost(word: &str) -> Option<(&str, &str, &str)> {
    let mut from = None;
    for (at, letter) in word.char_indices() {
        match (letter, from) {
            ('{', _) => from = Some(at),
            ('}', Some(start)) if is_choice(&word[start + 1..at]) => {
                return Some((&word[..start], &word[start + 1..at], &word[at + 1..]));
            }
            ('}', _) => from = None,
            _ => {}
        }
    }
    None
}
