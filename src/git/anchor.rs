//! Where quoted lines are after a file has changed.

use serde::{Deserialize, Serialize};

use super::hunk::texts;

/// So many lines before and after a quote tell where it was.
pub const AROUND: usize = 3;
/// A quote with so many letters and digits is hardly there by chance.
const TELLING: usize = 8;

/// What tells the place of a quote apart.
#[derive(Serialize, Deserialize)]
pub struct Quoted {
    pub before: Vec<String>,
    pub after: Vec<String>,
    /// See [`is_unique`].
    #[serde(default)]
    pub unique: bool,
}

impl Quoted {
    /// The number of the line that the quote begins at now: where most of what was around it still is. When nothing is, the
    /// only one there is, if that is hardly by chance; otherwise nowhere.
    pub fn place(&self, lines: &[&[u8]], quote: &[String]) -> Option<u32> {
        let around = |start: usize| {
            let above = lines[..start].iter().rev().zip(self.before.iter().rev());
            let below = lines[start + quote.len()..].iter().zip(&self.after);
            let same = |(line, text): &(&&[u8], &String)| is_same(line, text);
            let telling = |(_, text): &(&&[u8], &String)| said(std::slice::from_ref(text)) > 0;
            above.take_while(same).filter(telling).count() + below.take_while(same).filter(telling).count()
        };
        let mut found: Vec<(usize, usize)> =
            starts(lines, quote).map(|start| (around(start), start)).collect();
        found.sort_unstable_by(|one, other| other.cmp(one));
        match found.as_slice() {
            [(around, only)] if *around > 0 || self.unique => u32::try_from(only + 1).ok(),
            [(best, start), (second, _), ..] if best > second => u32::try_from(start + 1).ok(),
            _ => None,
        }
    }
}

/// Whether the quote is there once, and is so long that it is hardly there by chance.
pub fn is_unique(lines: &[&[u8]], quote: &[String]) -> bool {
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
