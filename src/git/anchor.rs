//! Where quoted lines are after a file has changed.

use serde::{Deserialize, Serialize};

use super::hunk::texts;

/// So many lines before and after a quote tell where it was.
const AROUND: usize = 3;
/// A quote with so many letters and digits is hardly there by chance.
const TELLING: usize = 8;

/// What tells the place of a quote apart.
#[derive(Serialize, Deserialize)]
pub struct Quoted {
    before: Vec<String>,
    after: Vec<String>,
    /// See [`is_unique`].
    #[serde(default)]
    unique: bool,
    /// How much of what is around it was around another place with the same lines. More is needed to be its place.
    #[serde(default)]
    elsewhere: usize,
}

impl Quoted {
    /// The number of the line that the quote begins at now: where most of what was around it still is, and more than was
    /// around any other place when it was quoted. When nothing is, the only one there is, if that is hardly by chance;
    /// otherwise nowhere.
    pub fn place(&self, lines: &[&[u8]], quote: &[String]) -> Option<u32> {
        let mut found: Vec<(usize, usize)> =
            starts(lines, quote).map(|start| (self.around(lines, start, quote.len()), start)).collect();
        found.sort_unstable_by(|one, other| other.cmp(one));
        let place = |start: usize| u32::try_from(start + 1).ok();
        match found.as_slice() {
            [(around, only)] if *around > self.elsewhere || self.unique => place(*only),
            [(best, start), (second, _), ..] if best > second && *best > self.elsewhere => place(*start),
            _ => None,
        }
    }

    /// How many of the lines around the quote are around one that begins at `start`. Braces and blank lines tell nothing.
    fn around(&self, lines: &[&[u8]], start: usize, length: usize) -> usize {
        let above = lines[..start].iter().rev().zip(self.before.iter().rev());
        let below = lines[start + length..].iter().zip(&self.after);
        let same = |(line, text): &(&&[u8], &String)| is_same(line, text);
        let telling = |(_, text): &(&&[u8], &String)| said(std::slice::from_ref(text)) > 0;
        above.take_while(same).filter(telling).count() + below.take_while(same).filter(telling).count()
    }

    /// Of the lines that begin at `start` (from 0) and are quoted.
    pub fn of(lines: &[&[u8]], start: usize, quote: &[String]) -> Self {
        let part = |from: usize, to: usize| texts(lines[from..to].iter().copied(), None);
        let end = start + quote.len();
        let (before, after) =
            (part(start.saturating_sub(AROUND), start), part(end, lines.len().min(end + AROUND)));
        let mut quoted = Self { before, after, unique: is_unique(lines, quote), elsewhere: 0 };
        let others = starts(lines, quote).filter(|other| *other != start);
        quoted.elsewhere =
            others.map(|other| quoted.around(lines, other, quote.len())).max().unwrap_or_default();
        quoted
    }
}

/// Whether the quote is there once, and is so long that it is hardly there by chance.
fn is_unique(lines: &[&[u8]], quote: &[String]) -> bool {
    starts(lines, quote).count() == 1 && said(quote) >= TELLING
}

/// Where the quote begins, by number from 0.
fn starts<'l>(lines: &'l [&[u8]], quote: &'l [String]) -> impl Iterator<Item = usize> + 'l {
    let end = (lines.len() + 1).saturating_sub(quote.len());
    (0..end).filter(move |start| lines[*start..].iter().zip(quote).all(|(line, text)| is_same(line, text)))
}

fn is_same(line: &[u8], text: &String) -> bool {
    texts(std::iter::once(line), None).first() == Some(text)
}

/// Letters and digits of lines: braces and blanks are everywhere.
fn said(lines: &[String]) -> usize {
    lines.iter().flat_map(|line| line.chars()).filter(|letter| letter.is_alphanumeric()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Functions that differ in their names alone.
    fn functions(names: &[&str]) -> String {
        let function = |name: &&str| format!("fn {name}() {{\n    log();\n    send();\n    done();\n}}\n\n");
        names.iter().map(function).collect()
    }

    #[test]
    fn a_quote_does_not_move_to_another_function_with_the_same_lines() {
        let split = |text: &str| text.split_inclusive('\n').map(str::to_owned).collect::<Vec<_>>();
        let quote = ["    send();".to_owned()];
        let was = split(&functions(&["a", "b", "c"]));
        let was: Vec<&[u8]> = was.iter().map(String::as_bytes).collect();
        let quoted = Quoted::of(&was, 2, &quote);
        let place = |names: &[&str]| {
            let is = split(&functions(names));
            let is: Vec<&[u8]> = is.iter().map(String::as_bytes).collect();
            quoted.place(&is, &quote)
        };
        for gone in [&["b", "c"][..], &["b"], &["c"]] {
            assert_eq!(place(gone), None, "{gone:?}");
        }
        for (there, line) in [(&["b", "a"][..], 9), (&["a"], 3), (&["a", "b", "c"], 3)] {
            assert_eq!(place(there), Some(line), "{there:?}");
        }
    }
}
