//! What a text may mean, for denies and asks: sequences of words that a shell, or a program that is given a part of
//! the text, could make of it.
//!
//! Nothing here is exact. Quotes are removed and also taken for blanks, expansions and redirections are left out, escapes
//! and base64 are decoded once. A deny that hits a word of prose is the price.

mod decode;
mod expand;
mod forms;

pub use forms::{forms, is_blank, urls};

use std::collections::HashSet;

use super::path::Places;
use expand::{Unknown, expanded, without_redirections};

/// A longer text is not read. Linux starts no program with an argument of half of that.
pub const LONGEST_TEXT: usize = 256 * 1024;
/// No system opens a longer path.
pub const LONGEST_PATH: usize = 4096;
/// No file has a longer name.
pub const LONGEST_NAME: usize = 255;
/// So many encoded words are looked into.
const MOST_DECODED: usize = 64;
const LONGEST_BRACES: usize = 4096;
/// So many letters may stand before what is glued to an option.
const MOST_LETTERS: usize = 4;
/// A brace expression makes so many words.
pub const MOST_BRACES: usize = 256;

/// The readings of a text, each a sequence of words.
pub fn readings(text: &str, places: &Places) -> Vec<Vec<String>> {
    let raw = text.replace("\\\r\n", "").replace("\\\n", "");
    let text = prepare(&raw, places);
    let mut texts = vec![text.clone()];
    if text.contains('\\') {
        texts.push(decode::escapes(&text));
    }
    let mut unexpanded = Vec::new();
    if raw.contains(['$', '`', '(']) {
        texts.extend(texts.iter().map(|text| without_expansions(text)).collect::<Vec<_>>());
        texts.push(expanded(&raw, places, Unknown::Nothing));
        texts.push(expanded(&raw, places, Unknown::Something));
        texts.push(expanded(&raw, places, Unknown::Here));
        // A rule may name the variable.
        if raw != text {
            unexpanded = vec![shell_words(&raw), shell_words(&plain_variables(&raw))];
        }
    }
    if text.contains(['<', '>']) {
        texts.extend(texts.iter().map(|text| without_redirections(text)).collect::<Vec<_>>());
    }
    for word in shell_words(&text).iter().filter_map(|word| decode::encoded(word)).take(MOST_DECODED) {
        texts.push(prepare(&word, places));
    }
    behind_options(&mut texts);
    let mut known = HashSet::new();
    texts.retain(|text| known.insert(text.clone()));
    let mut seen = HashSet::new();
    let all = texts.iter().flat_map(|text| [shell_words(text), without_quotes(text), split_at_quotes(text)]);
    let all = all.chain(unexpanded);
    all.filter(|words| !words.is_empty() && seen.insert(words.clone())).collect()
}

/// Adds what is glued to options in the texts. A command there may have another one behind an option.
fn behind_options(texts: &mut Vec<String>) {
    let (mut at, most, mut left) = (0, texts.len() + MOST_DECODED, LONGEST_TEXT);
    while let Some(text) = texts.get(at).filter(|_| texts.len() < most) {
        let words = if text.contains('-') { shell_words(text) } else { Vec::new() };
        for tail in words.iter().flat_map(|word| behind_letters(word)) {
            if texts.len() == most || tail.len() > left {
                return;
            }
            left -= tail.len();
            texts.push(tail.to_owned());
        }
        at += 1;
    }
}

/// What may be glued to the letters of an option, if that is more than a word: `env -iS'git push'`.
pub fn behind_letters(word: &str) -> impl Iterator<Item = &str> {
    let is_more = |letter: char| letter.is_whitespace() || ";|&<>\\$`".contains(letter);
    let letters = word.strip_prefix('-').filter(|rest| !rest.starts_with('-') && rest.contains(is_more));
    let letters = letters.unwrap_or("");
    letters.char_indices().skip(1).take(MOST_LETTERS).map(|(at, _)| &letters[at..])
}

/// `${x}` as `$x`.
fn plain_variables(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let tail = &rest[at + 2..];
        let end = tail.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
        kept.push_str(&rest[..=at]);
        rest = match end.filter(|end| tail[*end..].starts_with('}')) {
            Some(end) => {
                kept.push_str(&tail[..end]);
                &tail[end + 1..]
            }
            None => &rest[at + 1..],
        };
    }
    kept + rest
}

/// Variables that everybody knows.
fn prepare(text: &str, places: &Places) -> String {
    let mut text = text.to_owned();
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
    if word.contains('{') && (word.contains(',') || word.contains("..")) && word.len() <= LONGEST_BRACES {
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

/// The paths that a word may contain: all of it, what stands behind `=`, `:`, `@`, `,` or an option's letters, and behind
/// the signs of a pathspec of git.
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
        .chain(pathspec(word))
        .map(|path| path.strip_prefix("//").map_or(path, |_| &path[1..]))
        .filter(|path| !path.is_empty())
}

/// Whether a path is too long to be opened as it is, and no name in it is: nobody can say where it leads. Prose and data
/// lead nowhere.
pub fn is_too_long(path: &str) -> bool {
    path.len() > LONGEST_PATH
        && path.split('/').all(|name| name.len() <= LONGEST_NAME)
        && !path.contains(|letter: char| letter.is_whitespace() || letter == '"')
}

/// The path in `:/x`, `:(top,icase)x` or `:!x`, which git looks up from the top of its repository or from here.
pub fn pathspec(word: &str) -> Option<&str> {
    let magic = word.strip_prefix(':')?;
    match magic.strip_prefix('(') {
        Some(long) => long.split_once(')').map(|(_, path)| path),
        None => Some(magic.trim_start_matches(['/', '!', '^', ':'])),
    }
}

/// The patterns that a program may expand by itself in a word, without their braces.
pub fn patterns_in(word: &str) -> Vec<String> {
    let is_pattern = word.len() <= LONGEST_PATH && word.contains(['*', '?', '[', '{']);
    let words = paths_in(word).filter(|path| is_pattern && path.contains(['*', '?', '[', '{']));
    let expanded = words.take(MOST_BRACES).flat_map(|path| decode::braces(path, MOST_BRACES));
    let bare = expanded.map(|path| path.replace(['{', '}'], ""));
    bare.take(MOST_BRACES).collect()
}

/// Whether a text has signs by which a shell joins commands.
pub fn has_operators(text: &str) -> bool {
    text.contains(['|', ';', '&', '>', '<', '`', '\n']) || text.contains("$(")
}
