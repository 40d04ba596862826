//! Bytes in, lines out.

use std::fmt;

/// The longest line that is taken, in bytes. tmux sets no limit: `%output` stays below 11 KB, a line
/// of a reply is as long as the option or the buffer it shows.
pub const MAX_LINE: usize = 16 << 20;

/// Cuts a stream into lines at LF, and takes one CR off the end of each (a pty puts it there).
pub struct Framer {
    /// The beginning of a line whose end has not come yet.
    partial: Vec<u8>,
    max_line: usize,
    /// The bytes dropped so far of a line that was too long.
    dropped: Option<u64>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Framed<'a> {
    /// Without its line end.
    Line(&'a [u8]),
    /// A line of this many bytes was dropped.
    TooLong { bytes: u64 },
}

impl Framer {
    pub fn new(max_line: usize) -> Self {
        Self { partial: Vec::new(), max_line, dropped: None }
    }

    /// Hands each complete line to `sink`. A line that lies within `bytes` is not copied.
    pub fn feed(&mut self, mut bytes: &[u8], mut sink: impl FnMut(Framed<'_>)) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            bytes = rest;
            if self.partial.is_empty() && self.dropped.is_none() {
                sink(self.framed(line));
            } else {
                self.keep(line);
                self.end_kept_line(&mut sink);
            }
        }
        self.keep(bytes);
    }

    /// The beginning of a line whose end has not come.
    pub fn partial(&self) -> &[u8] {
        &self.partial
    }

    fn framed<'a>(&self, line: &'a [u8]) -> Framed<'a> {
        if line.len() > self.max_line {
            return Framed::TooLong { bytes: line.len() as u64 };
        }
        Framed::Line(line.strip_suffix(b"\r").unwrap_or(line))
    }

    fn keep(&mut self, part: &[u8]) {
        if let Some(dropped) = &mut self.dropped {
            *dropped += part.len() as u64;
        } else if self.partial.len() + part.len() > self.max_line {
            self.dropped = Some((self.partial.len() + part.len()) as u64);
            self.partial = Vec::new();
        } else {
            self.partial.extend_from_slice(part);
        }
    }

    fn end_kept_line(&mut self, sink: &mut impl FnMut(Framed<'_>)) {
        if let Some(bytes) = self.dropped.take() {
            return sink(Framed::TooLong { bytes });
        }
        sink(self.framed(&self.partial));
        // One long line must not hold its memory for ever; ordinary ones keep theirs.
        self.partial.clear();
        self.partial.shrink_to(64 << 10);
    }
}

impl fmt::Debug for Framer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Framer")
            .field("partial", &self.partial.len())
            .field("dropped", &self.dropped)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(framer: &mut Framer, bytes: &[u8]) -> Vec<Result<Vec<u8>, u64>> {
        let mut lines = Vec::new();
        framer.feed(bytes, |framed| {
            lines.push(match framed {
                Framed::Line(line) => Ok(line.to_vec()),
                Framed::TooLong { bytes } => Err(bytes),
            })
        });
        lines
    }

    #[test]
    fn one_cr_belongs_to_the_line_end() {
        let mut framer = Framer::new(100);
        assert_eq!(lines(&mut framer, b"a\r\n\r\nb\r"), [Ok(b"a".to_vec()), Ok(vec![])]);
        assert_eq!(lines(&mut framer, b"\r\n"), [Ok(b"b\r".to_vec())]);
        assert_eq!(framer.partial(), b"");
    }

    #[test]
    fn a_line_that_is_too_long_is_dropped_whole() {
        let mut framer = Framer::new(4);
        assert_eq!(lines(&mut framer, b"12345\n1234\n123"), [Err(5), Ok(b"1234".to_vec())]);
        assert_eq!(lines(&mut framer, b"45"), []);
        assert_eq!(lines(&mut framer, b"6789"), []);
        assert_eq!(lines(&mut framer, b"\nnext\n"), [Err(9), Ok(b"next".to_vec())]);
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(text in "[ab\r\n]{0,64}", cut in 0..64usize) {
            let bytes = text.as_bytes();
            let (first, second) = bytes.split_at(cut.min(bytes.len()));
            let mut framer = Framer::new(6);
            let mut in_two = lines(&mut framer, first);
            in_two.extend(lines(&mut framer, second));
            prop_assert_eq!(in_two, lines(&mut Framer::new(6), bytes));
        }
    }
}
