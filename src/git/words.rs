//! Which words of a line are others than in the line that it replaced.

use codepiper_protocol::wire::git::{DiffLine, Span};
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::hunk::text;

/// Longer lines are not compared, in bytes.
const LONGEST: usize = 1000;
/// Nor are lines of larger changes, in lines of a side.
const MOST_LINES: usize = 100;
/// So many pairs of words are looked at for one answer.
const MOST_PAIRS: usize = 20_000_000;

/// Goes through the lines of a page of hunks. Where as many lines were added as removed, each is compared with the one in
/// whose place it came.
pub struct Words<'l> {
    removed: Side<'l>,
    added: Side<'l>,
    /// Pairs that may still be looked at.
    left: usize,
    left_out: bool,
}

/// The lines of one side of a change: what they say, and which line of the page they are.
#[derive(Default)]
struct Side<'l> {
    lines: Vec<(&'l [u8], Option<usize>)>,
    count: usize,
}

impl<'l> Side<'l> {
    fn push(&mut self, content: &'l [u8], at: Option<usize>) {
        self.count += 1;
        if self.lines.len() < MOST_LINES {
            self.lines.push((content, at));
        }
    }
}

impl<'l> Words<'l> {
    pub fn new() -> Self {
        Self { removed: Side::default(), added: Side::default(), left: MOST_PAIRS, left_out: false }
    }

    /// The next line of a hunk; `page` has the hunk's lines, of which it is `at`, if it is one of them.
    pub fn line(&mut self, line: &git2::DiffLine<'l>, at: Option<usize>, page: &mut [DiffLine]) {
        match (line.old_lineno(), line.new_lineno()) {
            (Some(_), None) => self.removed.push(line.content(), at),
            (None, Some(_)) => self.added.push(line.content(), at),
            _ => self.end_change(page),
        }
    }

    /// The hunk ends. Whether lines of it were not compared.
    pub fn end(&mut self, page: &mut [DiffLine]) -> bool {
        self.end_change(page);
        std::mem::take(&mut self.left_out)
    }

    fn end_change(&mut self, page: &mut [DiffLine]) {
        let (removed, added) = (std::mem::take(&mut self.removed), std::mem::take(&mut self.added));
        if removed.count != added.count {
            return;
        }
        let is_shown = |side: &Side| side.lines.iter().any(|(_, at)| at.is_some());
        if removed.count > MOST_LINES {
            self.left_out |= is_shown(&removed) || is_shown(&added);
            return;
        }
        for ((old, old_at), (new, new_at)) in removed.lines.into_iter().zip(added.lines) {
            if old_at.is_none() && new_at.is_none() {
                continue;
            }
            let Some((before, after)) = self.differing(old, new) else {
                self.left_out = true;
                continue;
            };
            for (at, words) in [(old_at, before), (new_at, after)] {
                if let Some(line) = at.and_then(|at| page.get_mut(at)) {
                    line.words = words;
                }
            }
        }
    }

    fn differing(&mut self, old: &[u8], new: &[u8]) -> Option<(Vec<Span>, Vec<Span>)> {
        if old.len().max(new.len()) > LONGEST {
            return None;
        }
        let (old, new) = (text(old).0, text(new).0);
        let (before, after) = (parts(&old), parts(&new));
        self.left = self.left.checked_sub(before.len() * after.len())?;
        Some(differing(&before, &after))
    }
}

/// Words, blanks, and every other letter by itself.
fn parts(line: &str) -> Vec<&str> {
    let kind = |letter: char| match letter {
        '_' => 1,
        letter if letter.is_alphanumeric() => 1,
        letter if letter.is_whitespace() => 2,
        _ => 0,
    };
    let mut parts = Vec::new();
    let mut begin = 0;
    let mut before = 0;
    for (at, letter) in line.char_indices() {
        let now = kind(letter);
        if at > begin && (now == 0 || now != before) {
            parts.push(&line[begin..at]);
            begin = at;
        }
        before = now;
    }
    parts.extend(Some(&line[begin..]).filter(|last| !last.is_empty()));
    parts
}

/// The parts of both lines that the other one does not have. None where they have little in common: all of it marked
/// says nothing.
fn differing(before: &[&str], after: &[&str]) -> (Vec<Span>, Vec<Span>) {
    let same: Vec<(usize, usize, usize)> = capture_diff_slices(Algorithm::Myers, before, after)
        .into_iter()
        .filter_map(|step| match step {
            DiffOp::Equal { old_index, new_index, len } => Some((old_index, new_index, len)),
            _ => None,
        })
        .collect();
    let letters = |parts: &[&str]| -> usize { parts.iter().map(|part| part.trim().len()).sum() };
    let kept: usize = same.iter().map(|(at, _, len)| letters(&before[*at..at + len])).sum();
    if kept * 4 < letters(before).min(letters(after)) {
        return (vec![], vec![]);
    }
    let spans = |parts: &[&str], at: fn(&(usize, usize, usize)) -> usize| {
        let kept: Vec<_> = same.iter().map(|run| at(run)..at(run) + run.2).collect();
        spans(parts, |part| kept.iter().any(|run| run.contains(&part)))
    };
    (spans(before, |run| run.0), spans(after, |run| run.1))
}

/// Where the parts are that are not kept. Those that touch are one.
fn spans(parts: &[&str], is_kept: impl Fn(usize) -> bool) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut at = 0;
    for (number, part) in parts.iter().enumerate() {
        let end = at + part.encode_utf16().count() as u32;
        match spans.last_mut() {
            _ if is_kept(number) => {}
            Some([_, last]) if *last == at => *last = end,
            _ => spans.push([at, end]),
        }
        at = end;
    }
    spans
}

#[cfg(test)]
mod tests {
    use codepiper_protocol::SessionId;
    use codepiper_protocol::wire::git::{FileDiff, ReadFile};
    use proptest::prelude::*;

    use super::super::base::State;
    use super::super::diff::file;
    use super::super::tests::Sandbox;
    use super::*;

    fn cut(line: &str, spans: &[Span]) -> Vec<String> {
        let units: Vec<u16> = line.encode_utf16().collect();
        let part = |[from, to]: &Span| String::from_utf16(&units[*from as usize..*to as usize]).unwrap();
        spans.iter().map(part).collect()
    }

    fn marked(before: &str, after: &str) -> (Vec<String>, Vec<String>) {
        let (old, new) = differing(&parts(before), &parts(after));
        (cut(before, &old), cut(after, &new))
    }

    #[test]
    fn the_words_that_differ_are_marked_and_no_others() {
        let cases: [(&str, &str, &[&str], &[&str]); 7] = [
            (
                "return bcrypt.compare(plain);",
                "return argon.compare(plain, 2);",
                &["bcrypt"],
                &["argon", ", 2"],
            ),
            ("  a b", "  a b c", &[], &[" c"]),
            ("x = größe + 1", "x = größer + 1", &["größe"], &["größer"]),
            // Places are counted as a browser counts them.
            ("👩‍👧 is one", "👩‍👧 is two", &["one"], &["two"]),
            ("    deep", "  deep", &["    "], &["  "]),
            ("one two three", "something else entirely", &[], &[]),
            ("", "", &[], &[]),
        ];
        for (before, after, removed, added) in cases {
            assert_eq!(marked(before, after), (own(removed), own(added)), "{before:?} {after:?}");
        }
    }

    fn own(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn difference(before: &str, after: &str, from: u32, limit: Option<u32>) -> FileDiff {
        let sandbox = Sandbox::new();
        sandbox.write("f", before);
        sandbox.git(["add", "f"]);
        sandbox.write("f", after);
        let repo = sandbox.repo();
        let state = |name| State::parse(&repo, SessionId::random(), name).unwrap();
        let (path, from) = ("f".to_owned(), Some(from));
        let wanted = ReadFile { path, old_path: None, base: None, to: None, from, limit };
        file(&repo, &state("index"), &state("work"), &wanted).unwrap()
    }

    /// What is marked in each line that was removed or added.
    fn marks(diff: &FileDiff) -> Vec<Vec<String>> {
        let lines = diff.hunks.iter().flat_map(|hunk| &hunk.lines);
        let changed = lines.filter(|line| line.old.is_none() || line.new.is_none());
        changed.map(|line| cut(&line.text, &line.words)).collect()
    }

    #[test]
    fn a_line_is_compared_with_the_one_it_replaced_also_on_another_page() {
        let (before, after) = ("a 1\nb 1\nc\nd 1\n", "a 2\nb 3\nc\nd 2\ne 1\n");
        let whole = difference(before, after, 0, None);
        let wanted: [&[&str]; 7] = [&["1"], &["1"], &["2"], &["3"], &[], &[], &[]];
        assert_eq!(marks(&whole), wanted.map(own));
        let pages: Vec<_> =
            (0..whole.lines).flat_map(|line| marks(&difference(before, after, line, Some(1)))).collect();
        assert_eq!(pages, marks(&whole));
        assert!(!whole.hunks[0].words_left_out);
    }

    #[test]
    fn what_is_too_much_to_compare_is_left_out_and_said() {
        let lines = |end: &str, count| (0..count).map(|_| format!("a {end}\n")).collect::<String>();
        for (before, after, left_out) in [
            (lines("1", MOST_LINES), lines("2", MOST_LINES), false),
            (lines("1", MOST_LINES + 1), lines("2", MOST_LINES + 1), true),
            (format!("{} 1\n", "a".repeat(LONGEST - 2)), format!("{} 2\n", "a".repeat(LONGEST)), true),
            // Each pair is less than all of them.
            (lines(&"1 ".repeat(400), 100), lines(&"2 ".repeat(400), 100), true),
        ] {
            let diff = difference(&before, &after, 0, None);
            assert_eq!(diff.hunks[0].words_left_out, left_out);
        }
    }

    proptest! {
        /// What is not marked is the same on both sides.
        #[test]
        fn the_rest_is_the_same(before in "[ab_ .é👩]{0,30}", after in "[ab_ .é👩]{0,30}") {
            let (old, new) = differing(&parts(&before), &parts(&after));
            if !(old.is_empty() && new.is_empty()) {
                let rest = |line: &str, spans: &[Span]| {
                    let units: Vec<u16> = line.encode_utf16().collect();
                    let is_marked = |at: usize| spans.iter().any(|[from, to]| (*from..*to).contains(&(at as u32)));
                    let rest: Vec<u16> = (0..units.len()).filter(|at| !is_marked(*at)).map(|at| units[at]).collect();
                    String::from_utf16(&rest).unwrap()
                };
                prop_assert_eq!(rest(&before, &old), rest(&after, &new));
            }
        }
    }
}
