//! The lines of a file, forwards and backwards. However long a line is, no more than the longest record is held.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use super::record::MAX_LINE;

/// What is read at once.
const BLOCK: usize = 64 << 10;

/// A line without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Where it begins, and where the next one does.
    pub start: u64,
    pub end: u64,
    pub kind: LineKind,
    /// Empty when it is too long.
    pub bytes: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    Whole,
    /// The last one, without an end.
    Cut,
    /// Longer than any record.
    TooLong,
}

/// The lines from a place on.
pub struct Lines {
    reader: BufReader<io::Take<File>>,
    at: u64,
    bytes: Vec<u8>,
}

impl Lines {
    /// `to`: what stands behind is not read.
    pub fn from(mut file: File, at: u64, to: u64) -> io::Result<Self> {
        file.seek(SeekFrom::Start(at))?;
        let reader = BufReader::with_capacity(BLOCK, file.take(to.saturating_sub(at)));
        Ok(Self { reader, at, bytes: Vec::new() })
    }

    pub fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.bytes.clear();
        let start = self.at;
        let read = (&mut self.reader).take(MAX_LINE as u64 + 1).read_until(b'\n', &mut self.bytes)?;
        self.at += read as u64;
        let ended = self.bytes.pop_if(|last| *last == b'\n').is_some();
        let kind = match ended {
            true => LineKind::Whole,
            false if self.bytes.len() > MAX_LINE => {
                self.bytes.clear();
                self.at += self.reader.skip_until(b'\n')? as u64;
                LineKind::TooLong
            }
            false => LineKind::Cut,
        };
        Ok((read > 0).then_some(Line { start, end: self.at, kind, bytes: &self.bytes }))
    }
}

/// The lines before a place, the last one first.
pub struct Backwards<'a> {
    file: &'a File,
    /// What is held: the bytes of the file from `begin`.
    begin: u64,
    held: Vec<u8>,
    /// The end of a line that is too long to be held.
    long: Option<u64>,
}

impl<'a> Backwards<'a> {
    pub fn before(file: &'a File, end: u64) -> Self {
        Self { file, begin: end, held: Vec::new(), long: None }
    }

    /// Calls `each` with the line before, if there is one.
    pub fn next<T>(&mut self, each: impl FnOnce(Line<'_>) -> T) -> io::Result<Option<T>> {
        loop {
            let ended = self.held.last() == Some(&b'\n') && self.long.is_none();
            let text = &self.held[..self.held.len() - usize::from(ended)];
            let from = match text.iter().rposition(|byte| *byte == b'\n') {
                Some(newline) => newline + 1,
                None if self.begin == 0 && self.held.is_empty() && self.long.is_none() => return Ok(None),
                None if self.begin == 0 => 0,
                None => {
                    self.fill()?;
                    continue;
                }
            };
            let end = self.long.take();
            let kind = match (end, ended) {
                (Some(_), _) => LineKind::TooLong,
                (None, true) if text.len() - from <= MAX_LINE => LineKind::Whole,
                (None, false) if text.len() - from <= MAX_LINE => LineKind::Cut,
                (None, _) => LineKind::TooLong,
            };
            let bytes = if kind == LineKind::TooLong { &[] } else { &text[from..] };
            let end = end.unwrap_or(self.begin + self.held.len() as u64);
            let line = Line { start: self.begin + from as u64, end, kind, bytes };
            let result = each(line);
            self.held.truncate(from);
            return Ok(Some(result));
        }
    }

    /// Holds one more block.
    fn fill(&mut self) -> io::Result<()> {
        if self.held.len() > MAX_LINE + 1 {
            self.long.get_or_insert(self.begin + self.held.len() as u64);
            self.held.clear();
        }
        let size = self.begin.min(BLOCK as u64);
        let mut block = vec![0; size as usize];
        self.file.read_exact_at(&mut block, self.begin - size)?;
        block.append(&mut self.held);
        self.held = block;
        self.begin -= size;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    type Seen = (u64, u64, LineKind, Vec<u8>);

    fn seen(line: Line<'_>) -> Seen {
        (line.start, line.end, line.kind, line.bytes.to_vec())
    }

    /// The lines forwards, which has to be the same backwards.
    fn both(content: &[u8]) -> Vec<Seen> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        let mut backwards = Backwards::before(&file, content.len() as u64);
        let mut back = Vec::new();
        while let Some(line) = backwards.next(seen).unwrap() {
            assert!(backwards.held.capacity() < 2 * (MAX_LINE + BLOCK));
            back.push(line);
        }
        back.reverse();
        let mut forwards = Lines::from(file.try_clone().unwrap(), 0, u64::MAX).unwrap();
        let mut forth = Vec::new();
        while let Some(line) = forwards.next().unwrap() {
            forth.push(seen(line));
        }
        assert!(forth == back, "{:?} {:?}", short(&forth), short(&back));
        forth
    }

    fn short(lines: &[Seen]) -> Vec<(u64, u64, LineKind)> {
        lines.iter().map(|(start, end, kind, _)| (*start, *end, *kind)).collect()
    }

    #[test]
    fn lines_are_what_ends_with_a_newline_and_no_longer_than_a_record() {
        let (whole, cut, long) = (LineKind::Whole, LineKind::Cut, LineKind::TooLong);
        assert_eq!(short(&both(b"")), []);
        assert_eq!(short(&both(b"a\n\nb")), [(0, 2, whole), (2, 3, whole), (3, 4, cut)]);
        let max = MAX_LINE as u64;
        let line = |length: usize| [&vec![b'x'; length][..], b"\n"].concat();
        assert_eq!(short(&both(&line(MAX_LINE))), [(0, max + 1, whole)]);
        assert_eq!(short(&both(&line(MAX_LINE + 1))), [(0, max + 2, long)]);
        let many = [line(3), line(3 * MAX_LINE), line(3), vec![b'x'; 2 * MAX_LINE]].concat();
        let kinds: Vec<_> = both(&many).into_iter().map(|line| line.2).collect();
        assert_eq!(kinds, [whole, long, whole, long]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn backwards_are_the_same_lines(
            lengths in prop::collection::vec(
                prop_oneof![0..100_usize, BLOCK - 3..BLOCK + 3, MAX_LINE - 3..MAX_LINE + 4, Just(3 * MAX_LINE)],
                0..8,
            ),
            cut in 0..4_usize,
        ) {
            let mut content: Vec<u8> =
                lengths.iter().flat_map(|length| std::iter::repeat_n(b'x', *length).chain([b'\n'])).collect();
            content.truncate(content.len().saturating_sub(cut));
            both(&content);
        }
    }
}
