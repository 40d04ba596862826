//! What a text may mean, for denies and asks: sequences of words that a shell, or a program that is given a part of
//! the text, could make of it.
//!
//! Nothing here is exact. Quotes are removed and also taken for blanks, expansions are left out, escapes and base64
//! are decoded once. A deny that hits a word of prose is the price.

mod decode;

use std::collections::HashSet;

use super::path::Places;

/// A longer text is not read. Linux starts no program with an argument of half of that.
pub const LONGEST_TEXT: usize = 256 * 1024;
/// No system opens a longer path.
pub const LONGEST_PATH: usize = 4096;
/// So many encoded words are looked into.
const MOST_DECODED: usize = 64;
const LONGEST_BRACES: usize = 4096;
/// A brace expression makes so many words.
const MOST_BRACES: usize = 256;

/// The readings of a text, each a sequence of words.
pub fn readings(text: &str, places: &Places) -> Vec<Vec<String>> {
    let text = prepare(text, places);
    let mut texts = vec![text.clone()];
    if text.contains('\\') {
        texts.push(decode::escapes(&text));
    }
    if text.contains(['$', '`']) {
        texts.extend(texts.iter().map(|text| without_expansions(text)).collect::<Vec<_>>());
    }
    for word in shell_words(&text).iter().filter_map(|word| decode::encoded(word)).take(MOST_DECODED) {
        texts.push(prepare(&word, places));
    }
    let mut seen = HashSet::new();
    let all = texts.iter().flat_map(|text| [shell_words(text), without_quotes(text), split_at_quotes(text)]);
    all.filter(|words| !words.is_empty() && seen.insert(words.clone())).collect()
}

/// What every shell does first, and variables that everybody knows.
fn prepare(text: &str, places: &Places) -> String {
    let mut text = text.replace("\\\r\n", "").replace("\\\n", "");
    if text.contains('$') {
        for (variable, value) in [("IFS", " "), ("HOME", &places.home.path), ("PWD", &places.cwd.path)] {
            text = text.replace(&format!("${{{variable}}}"), value).replace(&format!("${variable}"), value);
        }
    }
    match text.contains("~+") {
        true => text.replace("~+", &places.cwd.path),
        false => text,
    }
}

/// The text as if every variable and substitution were empty: `pu${x}sh`, `r$@m`, ``r``m``.
fn without_expansions(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    // Where no brace closes any more, none is looked for.
    let last_brace = text.rfind('}').unwrap_or(0);
    while let Some(at) = rest.find(['$', '`']) {
        kept.push_str(&rest[..at]);
        let tail = &rest[at..];
        let name = tail[1..].find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
        let end = match tail[1..].chars().next() {
            _ if tail.starts_with("``") => 2,
            _ if tail.starts_with("$()") => 3,
            Some('{') if tail.starts_with('$') && text.len() - tail.len() < last_brace => {
                tail.find('}').map_or(2, |end| end + 1)
            }
            Some('{') if tail.starts_with('$') => 2,
            Some(special) if tail.starts_with('$') && "@*#?$!-0123456789".contains(special) => 2,
            Some(_) if tail.starts_with('$') => name.map_or(tail.len(), |end| end + 1),
            _ => 1,
        };
        rest = &tail[end..];
    }
    kept + rest
}

fn ends_word(letter: char) -> bool {
    letter.is_whitespace() || letter.is_control() || ";|&<>()`".contains(letter)
}

/// Words as a shell makes them, except that every sign ends one.
fn shell_words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), _) if open == letter => quote = None,
            (None, '\'' | '"') => quote = Some(letter),
            (None | Some('"'), '\\') => word.extend(letters.next()),
            (None, _) if ends_word(letter) => end_word(&mut word, &mut words),
            _ => word.push(letter),
        }
    }
    end_word(&mut word, &mut words);
    words
}

fn end_word(word: &mut String, words: &mut Vec<String>) {
    let word = std::mem::take(word);
    if word.contains('{') && word.contains(',') && word.len() <= LONGEST_BRACES {
        words.extend(decode::braces(&word, MOST_BRACES));
    }
    if !word.is_empty() {
        words.push(word);
    }
}

/// Quotes and backslashes left out: what `eval` or another shell makes of it.
fn without_quotes(text: &str) -> Vec<String> {
    let bare: String = text.chars().filter(|letter| !"'\"\\".contains(*letter)).collect();
    split(&bare, |letter| ends_word(letter) || "{},=!".contains(letter))
}

/// Quotes taken for blanks: what other languages make of it.
fn split_at_quotes(text: &str) -> Vec<String> {
    split(text, |letter| ends_word(letter) || "{},=![]:'\"\\".contains(letter))
}

fn split(text: &str, at: impl Fn(char) -> bool) -> Vec<String> {
    text.split(at).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The paths that a word may contain: all of it, and what stands behind `=`, `:`, `@`, `,` or an option's letters.
pub fn paths_in(word: &str) -> impl Iterator<Item = &str> {
    let inner =
        word.char_indices().filter(|(_, letter)| "=:@,".contains(*letter)).map(|(at, _)| &word[at + 1..]);
    // No path begins with a blank that nobody quoted: that is prose.
    let inner = inner.filter(|path| !path.starts_with(char::is_whitespace));
    let glued = word.starts_with('-').then(|| word.find(['/', '~', '.']).map(|at| &word[at..])).flatten();
    let behind_letter = word.strip_prefix('-').and_then(|rest| rest.get(1..));
    std::iter::once(word)
        .chain(inner)
        .chain(glued)
        .chain(behind_letter)
        .map(|path| path.strip_prefix("//").map_or(path, |_| &path[1..]))
        .filter(|path| !path.is_empty())
}

/// Whether a text has signs by which a shell joins commands.
pub fn has_operators(text: &str) -> bool {
    text.contains(['|', ';', '&', '>', '<', '`', '\n']) || text.contains("$(")
}
