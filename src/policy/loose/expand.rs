//! Expansions and redirections: what is left of a text without them, as far as that can be known.

use std::collections::HashSet;

use crate::policy::path::Places;

/// Longer names of variables are not looked for before a redirection, nor longer names of programs that print.
const LONGEST_VARIABLE: usize = 64;

/// What stands for an expansion that nobody knows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    Nothing,
    /// The default of `${x:-word}`, what `$(echo word)` prints, the home directory before a slash, and otherwise some word.
    Something,
    /// The current directory before a slash, as in `$(pwd)/x`.
    Here,
}

/// The text with its variables and substitutions replaced.
pub fn expanded(text: &str, places: &Places, unknown: Unknown) -> String {
    let closes = Closes::of(text);
    let mut kept = String::with_capacity(text.len());
    // The brackets of what is kept.
    let mut dropped = HashSet::new();
    let mut at = 0;
    while let Some(next) = text[at..].find(['$', '`', '(', ')', '}']) {
        kept.push_str(&text[at..at + next]);
        at += next;
        let found = match &text[at..=at] {
            _ if dropped.contains(&at) => Some(Expansion { end: at + 1, value: Some("") }),
            "$" => variable(text, at, &closes, places),
            "`" => text[at + 1..].find('`').map(|end| Expansion { end: at + end + 2, value: None }),
            "(" if text[..at].ends_with(['@', '+', '?', '*', '!', '<', '>']) => {
                closes.of_bracket(at).map(|close| Expansion { end: close + 1, value: None })
            }
            _ => None,
        };
        let Some(Expansion { end, value }) = found else {
            kept.push_str(&text[at..=at]);
            at += 1;
            continue;
        };
        let default =
            default_of(text, at, &closes).filter(|_| unknown == Unknown::Something && value.is_none());
        match (value, default) {
            (Some(value), _) => kept.push_str(value),
            (None, Some((begin, close))) => {
                dropped.insert(close);
                at = begin;
                continue;
            }
            // `@(a|b)`: a pattern for names. `<(…)`: a file.
            (None, None) if text[at..].starts_with('(') => {
                kept.pop();
                kept.push_str(if text[..at].ends_with(['<', '>']) { "" } else { "*" });
            }
            (None, None) => kept.push_str(stand_in(text, at, end, unknown)),
        }
        at = end;
    }
    kept + &text[at..]
}

struct Expansion<'t> {
    end: usize,
    /// What it is, if that is known.
    value: Option<&'t str>,
}

/// What stands for an expansion from `at` to `end`.
fn stand_in(text: &str, at: usize, end: usize, unknown: Unknown) -> &'static str {
    let quotes = ['"', '\'', '\\'];
    let begins = text[..at].ends_with(|before: char| before.is_whitespace() || "\"'".contains(before));
    match text[end..].chars().next() {
        _ if unknown == Unknown::Nothing => "",
        // A process has a number.
        _ if text[..at].trim_end_matches(quotes).ends_with("/proc/") => "1",
        _ if text[end..].trim_start_matches(quotes).starts_with('/') => match unknown {
            Unknown::Here => ".",
            _ => "~",
        },
        Some(after) if begins && (after.is_whitespace() || "\"'".contains(after)) => "x",
        _ => "",
    }
}

/// `$x`, `${x…}`, `$(…)`, and `$'…'` without its sign.
fn variable<'t>(text: &str, at: usize, closes: &Closes, places: &'t Places) -> Option<Expansion<'t>> {
    let tail = &text[at + 1..];
    let sign = tail.chars().next()?;
    let close = closes.of_bracket(at + 1);
    let known = |name: &str| match name {
        "IFS" => Some(" "),
        "HOME" => Some(places.home.path.as_str()),
        "PWD" => Some(places.cwd.path.as_str()),
        _ => None,
    };
    let (end, value) = match (sign, close) {
        ('(', Some(close)) => (close + 1, None),
        ('{', Some(close)) => (close + 1, known(name(&tail[1..]))),
        ('\'' | '"', _) => (at + 1, Some("")),
        ('(' | '{', None) => (at + 2, None),
        (sign, _) if "@*#?$!-0123456789".contains(sign) => (at + 2, None),
        _ => (at + 1 + name(tail).len(), known(name(tail))),
    };
    Some(Expansion { end, value })
}

fn name(text: &str) -> &str {
    let end = text.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    &text[..end.unwrap_or(text.len())]
}

/// Where the word of `${x:-word}`, or what `$(echo word)` prints, begins and ends.
fn default_of(text: &str, at: usize, closes: &Closes) -> Option<(usize, usize)> {
    let printed = |inner: &str| printed(inner).map(|words| text.len() - words.len());
    let tail = &text[at + 1..];
    let (begin, close) = match text.as_bytes()[at] {
        b'`' => (printed(tail)?, at + 1 + tail.find('`')?),
        b'$' if tail.starts_with('(') => (printed(&tail[1..])?, closes.of_bracket(at + 1)?),
        b'$' if tail.starts_with('{') => {
            let word = tail[1 + name(&tail[1..]).len()..].trim_start_matches(':');
            (text.len() - word.strip_prefix(['-', '=', '+', '?'])?.len(), closes.of_bracket(at + 1)?)
        }
        _ => return None,
    };
    (begin <= close).then_some((begin, close))
}

/// The words of `echo` and of `printf`, without a format, and what follows.
fn printed(text: &str) -> Option<&str> {
    let mut rest = text.trim_start();
    loop {
        let (end, _) =
            rest.char_indices().take(LONGEST_VARIABLE).find(|(_, letter)| letter.is_whitespace())?;
        let word = rest[..end].trim_matches(['\\', '"', '\'']);
        rest = rest[end..].trim_start();
        match word.rsplit('/').next()? {
            "echo" => return Some(rest),
            "printf" => break,
            "builtin" | "command" | "env" | "exec" => {}
            _ => return None,
        }
    }
    let rest = rest.strip_prefix("-- ").unwrap_or(rest).trim_start();
    let end = target_end(rest);
    Some(if rest[..end].contains('%') { rest[end..].trim_start() } else { rest })
}

/// Which bracket each one closes with.
struct Closes(Vec<(usize, usize)>);

impl Closes {
    fn of(text: &str) -> Self {
        let mut open: Vec<(usize, u8)> = Vec::new();
        let mut pairs = Vec::new();
        let mut escaped = false;
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'(' | b'{' => open.push((at, if byte == b'(' { b')' } else { b'}' })),
                b')' | b'}' if open.last().is_some_and(|(_, close)| *close == byte) => {
                    pairs.extend(open.pop().map(|(begin, _)| (begin, at)));
                }
                _ => {}
            }
        }
        pairs.sort_unstable();
        Self(pairs)
    }

    fn of_bracket(&self, at: usize) -> Option<usize> {
        self.0.binary_search_by_key(&at, |(begin, _)| *begin).ok().map(|found| self.0[found].1)
    }
}

/// The text without its redirections: `git 2>log push`.
pub fn without_redirections(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut letters = text.char_indices().peekable();
    let mut quote = None;
    while let Some((at, letter)) = letters.next() {
        match (quote, letter) {
            (Some(open), _) if open == letter => quote = None,
            (None, '\'' | '"') => quote = Some(letter),
            (None, '>' | '<') if !text[at + 1..].starts_with('(') => {
                // `{name}>file`
                if kept.ends_with('}')
                    && let Some(length) =
                        kept.bytes().rev().take(LONGEST_VARIABLE).position(|byte| byte == b'{')
                {
                    kept.truncate(kept.len() - length - 1);
                }
                let before =
                    kept.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '&').len();
                let alone = kept[..before].ends_with(char::is_whitespace) || kept[before..].starts_with('&');
                if before == 0 || alone {
                    kept.truncate(before);
                }
                let end = at + target_end(&text[at..]);
                while letters.next_if(|(at, _)| *at < end).is_some() {}
                kept.push(' ');
                continue;
            }
            _ => {}
        }
        kept.push(letter);
    }
    kept
}

/// Where the file of a redirection ends.
fn target_end(text: &str) -> usize {
    let target = text.trim_start_matches(['<', '>', '&', '|', '-']).trim_start_matches([' ', '\t']);
    let begin = text.len() - target.len();
    let mut quote = None;
    for (at, letter) in target.char_indices() {
        match (quote, letter) {
            (Some(open), _) if open == letter => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(letter),
            (None, _) if letter.is_whitespace() || ";|&<>()".contains(letter) => return begin + at,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::policy::path::Entry;

    #[test]
    fn expansions_become_what_they_may_leave() {
        let places = Places::new(Path::new("/home/u/p"), Path::new("/home/u"), &|_| Entry::NoLink);
        for (text, nothing, something) in [
            ("git $(pwd) push", "git  push", "git x push"),
            ("git $(true)push", "git push", "git push"),
            ("git ${x:-push}", "git ", "git push"),
            ("git ${x:-${y=push}} a", "git  a", "git push a"),
            ("git${IFS%??}push", "git push", "git push"),
            ("cat ${HOME%/}/a $HOME/b", "cat /home/u/a /home/u/b", "cat /home/u/a /home/u/b"),
            ("cat $X/a \"$(pwd)\"/b", "cat /a \"\"/b", "cat ~/a \"~\"/b"),
            ("cat $X'/a'", "cat '/a'", "cat ~'/a'"),
            ("r$@m `a b`c", "rm c", "rm c"),
            ("$'a' $( ${ x", "'a'   x", "'a' x x x"),
            ("git $(echo push) `printf x` $(printf %s y)", "git   ", "git push x y"),
            ("p@(u|v)sh <(ls)", "p*sh ", "p*sh "),
        ] {
            assert_eq!(expanded(text, &places, Unknown::Nothing), nothing, "{text}");
            assert_eq!(expanded(text, &places, Unknown::Something), something, "{text}");
        }
        for (text, here) in [
            ("cat $X/a \"$(pwd)\"/b `pwd`/c", "cat ./a \".\"/b ./c"),
            ("cat ${X:-/y}/a ${X} b", "cat ./a x b"),
        ] {
            assert_eq!(expanded(text, &places, Unknown::Here), here, "{text}");
        }
    }

    #[test]
    fn redirections_are_left_out() {
        for (text, left) in [
            ("git >x push", "git   push"),
            ("git 2>err.log push", "git   push"),
            ("git a2>'b c' push", "git a2  push"),
            ("git &>x push", "git   push"),
            ("git {fd}>x push", "git   push"),
            ("git <<< \"a b\" push", "git   push"),
            ("git 2>&1 push", "git   push"),
            ("echo '>x'", "echo '>x'"),
        ] {
            assert_eq!(without_redirections(text), left, "{text}");
        }
    }
}
