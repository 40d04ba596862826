//! The content of a file between two of its states: some changes taken, the others left. Built line by line; no
//! patch is written and applied, so there is nothing in it that could be misread.

use std::collections::HashSet;

use codepiper_protocol::wire::git::ChosenHunk;

use super::error::{Failure, changed, invalid};
use super::hunk::{Hunk, Line};

/// Which lines of a file's difference were chosen.
pub struct Choice {
    removed: HashSet<u32>,
    added: HashSet<u32>,
}

impl Choice {
    /// Finds what was chosen among the hunks as they are now.
    pub fn find(hunks: &[Hunk], chosen: &[ChosenHunk], path: &str) -> Result<Self, Failure> {
        let mut choice = Self { removed: HashSet::new(), added: HashSet::new() };
        for wanted in chosen {
            let found = hunks.iter().find(|hunk| hunk.name == wanted.name);
            let hunk = found
                .ok_or_else(|| changed(format!("{path} has changed since you chose; nothing was done")))?;
            let removed = hunk.lines.iter().filter(|line| line.new.is_none()).filter_map(|line| line.old);
            let added = hunk.lines.iter().filter(|line| line.old.is_none()).filter_map(|line| line.new);
            let (removed, added): (HashSet<u32>, HashSet<u32>) = (removed.collect(), added.collect());
            let Some(lines) = &wanted.lines else {
                choice.removed.extend(removed);
                choice.added.extend(added);
                continue;
            };
            let known = lines.removed.iter().all(|number| removed.contains(number))
                && lines.added.iter().all(|number| added.contains(number));
            if !known {
                return Err(invalid(format!(
                    "a line that was chosen in {path} was neither added nor removed"
                )));
            }
            choice.removed.extend(&lines.removed);
            choice.added.extend(&lines.added);
        }
        match choice.removed.is_empty() && choice.added.is_empty() {
            true => Err(invalid(format!("no line of {path} was chosen"))),
            false => Ok(choice),
        }
    }

    /// Every change of the file.
    pub fn is_all(&self, hunks: &[Hunk]) -> bool {
        let changes =
            hunks.iter().flat_map(|hunk| &hunk.lines).filter(|line| line.old.is_none() || line.new.is_none());
        changes.into_iter().all(|line| self.has(line))
    }

    fn has(&self, line: &Line) -> bool {
        match (line.old, line.new) {
            (Some(old), None) => self.removed.contains(&old),
            (None, Some(new)) => self.added.contains(&new),
            _ => false,
        }
    }
}

/// The old content with the chosen changes, or (`inverted`) with all others.
pub fn from_old(old: &[u8], hunks: &[Hunk], choice: &Choice, inverted: bool) -> Vec<u8> {
    // A removed line stays when its change is left; an added one comes when it is taken.
    build(old, hunks, true, |line| (choice.has(line) != inverted) == (line.old.is_none()))
}

/// The new content without the chosen changes. `new` may have other ends of lines than the hunks say.
pub fn from_new(new: &[u8], hunks: &[Hunk], choice: &Choice) -> Vec<u8> {
    build(new, hunks, false, |line| choice.has(line) == line.new.is_none())
}

/// A line of the result, and whether it comes from the other side than the rest.
type Piece<'l> = (&'l [u8], bool);

fn build(base: &[u8], hunks: &[Hunk], base_is_old: bool, keeps: impl Fn(&Line) -> bool) -> Vec<u8> {
    let base: Vec<&[u8]> = base.split_inclusive(|byte| *byte == b'\n').collect();
    let number_of = |line: &Line| if base_is_old { line.old } else { line.new };
    let mut result: Vec<Piece> = Vec::new();
    let mut at = 0;
    let mut converts = false;
    for hunk in hunks {
        let span = if base_is_old { hunk.old } else { hunk.new };
        copy(&base, &mut at, span.before(), &mut result);
        for line in &hunk.lines {
            let stays = line.old.is_some() && line.new.is_some() || keeps(line);
            if number_of(line).is_none() {
                if stays {
                    result.push((&line.content, true));
                }
                continue;
            }
            if let Some(own) = base.get(at) {
                converts |= own.ends_with(b"\r\n") && !line.content.ends_with(b"\r\n");
                if stays {
                    result.push((own, false));
                }
            }
            at += 1;
        }
    }
    copy(&base, &mut at, base.len(), &mut result);
    join(&result, converts)
}

/// What is before line `end` and was not looked at yet is the same on both sides.
fn copy<'l>(base: &[&'l [u8]], at: &mut usize, end: usize, result: &mut Vec<Piece<'l>>) {
    let end = end.min(base.len());
    if *at < end {
        result.extend(base[*at..end].iter().map(|line| (*line, false)));
        *at = end;
    }
}

/// One line after another. What was the last line and is not any more gets an end. `converts`: the lines of the other
/// side end with LF where ours end with CR LF.
fn join(lines: &[Piece], converts: bool) -> Vec<u8> {
    let mut joined = Vec::with_capacity(lines.iter().map(|(line, _)| line.len() + 2).sum());
    for (number, (line, foreign)) in lines.iter().enumerate() {
        let text = line.strip_suffix(b"\n");
        joined.extend_from_slice(text.unwrap_or(line));
        let next = lines.get(number + 1);
        let end: &[u8] = match text {
            Some(text) if *foreign && converts && !text.ends_with(b"\r") => b"\r\n",
            Some(_) => b"\n",
            None if next.is_some_and(|(next, _)| converts || next.ends_with(b"\r\n")) => b"\r\n",
            None if next.is_some() => b"\n",
            None => b"",
        };
        joined.extend_from_slice(end);
    }
    joined
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::hunk::Span;
    use super::super::name::TreePath;
    use super::*;

    fn hunks(old: &[u8], new: &[u8]) -> Vec<Hunk> {
        let patch = git2::Patch::from_buffers(old, None, new, None, None).unwrap();
        super::super::hunk::all(&patch, &TreePath::parse("x").unwrap(), git2::Oid::ZERO_SHA1).unwrap()
    }

    fn choice(removed: &[u32], added: &[u32]) -> Choice {
        Choice { removed: removed.iter().copied().collect(), added: added.iter().copied().collect() }
    }

    #[test]
    fn a_line_without_an_end_gets_one_when_another_follows() {
        type Case = (&'static str, &'static str, &'static [u32], &'static [u32], &'static str);
        let cases: [Case; 6] = [
            ("x", "x\ny\n", &[], &[2], "x\ny\n"),
            ("a", "a\n", &[], &[1], "a\na\n"),
            ("x\n", "x\ny", &[], &[2], "x\ny"),
            ("x", "y", &[1], &[], ""),
            ("a\r\nb", "a\r\nc\r\nd\r\n", &[], &[2], "a\r\nb\r\nc\r\n"),
            ("", "a\nb", &[], &[2], "b"),
        ];
        for (old, new, removed, added, wanted) in cases {
            let hunks = hunks(old.as_bytes(), new.as_bytes());
            let got = from_old(old.as_bytes(), &hunks, &choice(removed, added), false);
            assert_eq!(String::from_utf8(got).unwrap(), wanted, "{old:?} {new:?}");
        }
    }

    #[test]
    fn lines_come_back_with_the_ends_of_the_files_own() {
        let hunks = hunks(b"a\nb\nc\n", b"a\nc\n");
        assert_eq!(from_new(b"a\r\nc\r\n", &hunks, &choice(&[2], &[])), b"a\r\nb\r\nc\r\n");
        // A file whose lines end in both ways is as it is.
        let hunks = self::hunks(b"a\r\nb\nc\n", b"a\r\nc\n");
        assert_eq!(from_new(b"a\r\nc\n", &hunks, &choice(&[2], &[])), b"a\r\nb\nc\n");
    }

    #[test]
    fn a_hunk_without_lines_around_it_has_its_place() {
        let line = |old, new, text: &str| Line { old, new, content: text.into() };
        let hunk = Hunk {
            name: String::new(),
            old: Span { start: 2, lines: 0 },
            new: Span { start: 3, lines: 1 },
            lines: vec![line(None, Some(3), "new\n")],
        };
        assert_eq!(from_old(b"a\nb\nc\n", &[hunk], &choice(&[], &[3]), false), b"a\nb\nnew\nc\n");
    }

    fn file() -> impl Strategy<Value = Vec<u8>> {
        let line = prop::sample::select(vec!["a", "b", "c", "", "a\r", "\u{e9}", "d"]);
        (prop::collection::vec(line, 0..30), any::<bool>()).prop_map(|(lines, ends)| {
            let text = lines.join("\n");
            (if ends && !text.is_empty() { text + "\n" } else { text }).into_bytes()
        })
    }

    proptest! {
        #[test]
        fn all_is_the_new_file_and_nothing_the_old_one(old in file(), new in file()) {
            let hunks = hunks(&old, &new);
            let lines = || hunks.iter().flat_map(|hunk| &hunk.lines);
            let removed: Vec<u32> = lines().filter(|line| line.new.is_none()).filter_map(|line| line.old).collect();
            let added: Vec<u32> = lines().filter(|line| line.old.is_none()).filter_map(|line| line.new).collect();
            let (all, none) = (choice(&removed, &added), choice(&[], &[]));
            prop_assert_eq!(from_old(&old, &hunks, &all, false), new.clone());
            prop_assert_eq!(from_old(&old, &hunks, &none, false), old.clone());
            prop_assert_eq!(from_old(&old, &hunks, &all, true), old.clone());
            prop_assert_eq!(from_new(&new, &hunks, &all), old);
            prop_assert_eq!(from_new(&new, &hunks, &none), new);
        }
    }
}
