//! The bytes as the program printed them.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;

use codepiper_protocol::wire::session::Exit;
use codepiper_protocol::wire::stream::{GapReason, KeyframeReason, Lost};
use codepiper_protocol::{Cursor, Size};
use memchr::memchr_iter;

use super::{Printer, gap_marker};
use crate::cli::failure::{Failure, Outcome};
use crate::cli::output;
use crate::cli::view::View;

pub(super) struct Raw {
    stdout: File,
    /// On a terminal only what draws.
    view: Option<View>,
    /// While history comes and only its last lines are wanted.
    last: Option<LastLines>,
}

impl Raw {
    /// With `kept` only so many lines of history are printed.
    pub(super) fn new(kept: Option<usize>, view: Option<View>) -> Result<Self, Failure> {
        // Not the standard library's stdout, which looks for line ends in everything.
        let stdout = io::stdout().as_fd().try_clone_to_owned()?.into();
        Ok(Self { stdout, view, last: kept.map(LastLines::new) })
    }

    fn write(&mut self, bytes: &[u8]) -> Outcome {
        match &mut self.view {
            Some(view) => view.output(bytes),
            None => Ok(self.stdout.write_all(bytes)?),
        }
    }
}

impl Printer for Raw {
    fn output(&mut self, bytes: &[u8], _: Cursor) -> Outcome {
        match &mut self.last {
            Some(last) => {
                last.push(bytes);
                Ok(())
            }
            None => self.write(bytes),
        }
    }

    /// Not printed by the program.
    fn keyframe(&mut self, _: Cursor, _: Size, _: KeyframeReason, _: &[u8]) -> Outcome {
        Ok(())
    }

    fn gap(&mut self, _: Cursor, reason: GapReason, lost: Lost) -> Outcome {
        match (gap_marker(reason, lost), &mut self.view) {
            (Some(marker), Some(view)) => view.say(&marker),
            (Some(marker), None) => output::say(marker),
            (None, _) => {}
        }
        Ok(())
    }

    fn caught_up(&mut self) -> Outcome {
        for piece in self.last.take().into_iter().flat_map(LastLines::pieces) {
            self.write(&piece)?;
        }
        Ok(())
    }

    fn quiet(&mut self) -> Outcome {
        Ok(())
    }

    fn finish(&mut self) -> Outcome {
        Ok(())
    }

    fn ended(&mut self, _: Cursor, _: Option<Exit>) -> Outcome {
        Ok(())
    }
}

/// The last lines of what was pushed; an unfinished one at the end counts.
struct LastLines {
    wanted: usize,
    /// Each with its number of line ends.
    pieces: VecDeque<(Vec<u8>, usize)>,
    line_ends: usize,
}

impl LastLines {
    fn new(wanted: usize) -> Self {
        Self { wanted, pieces: VecDeque::new(), line_ends: 0 }
    }

    fn push(&mut self, bytes: &[u8]) {
        let line_ends = memchr_iter(b'\n', bytes).count();
        self.line_ends += line_ends;
        self.pieces.push_back((bytes.to_vec(), line_ends));
        while let Some((_, first)) = self.pieces.front()
            && self.line_ends - first > self.wanted
        {
            self.line_ends -= first;
            self.pieces.pop_front();
        }
    }

    fn pieces(mut self) -> impl Iterator<Item = Vec<u8>> {
        let unfinished = self.pieces.back().is_some_and(|(piece, _)| !piece.ends_with(b"\n"));
        let mut surplus = (self.line_ends + usize::from(unfinished)).saturating_sub(self.wanted);
        while surplus > 0
            && let Some((piece, line_ends)) = self.pieces.front_mut()
        {
            match memchr_iter(b'\n', piece).nth(surplus - 1) {
                Some(end) => {
                    piece.drain(..=end);
                    surplus = 0;
                }
                // All of it is surplus, or the unfinished line itself when no line is wanted.
                None => {
                    surplus -= *line_ends;
                    self.pieces.pop_front();
                }
            }
        }
        self.pieces.into_iter().map(|(piece, _)| piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(wanted: usize, pieces: &[&str]) -> String {
        let mut last = LastLines::new(wanted);
        pieces.iter().for_each(|piece| last.push(piece.as_bytes()));
        String::from_utf8(last.pieces().flatten().collect()).unwrap()
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        assert_eq!(last(2, &["a\nb", "b\nc\n"]), "bb\nc\n");
        assert_eq!(last(2, &["a\nb", "b\nc\nd"]), "c\nd");
        assert_eq!(last(2, &["a\n", "b\n", "c\n", "d\n", "e"]), "d\ne");
        assert_eq!(last(9, &["a\n", "b"]), "a\nb");
        assert_eq!(last(0, &["a\n", "b"]), "");
        assert_eq!(last(0, &["a\n", "b\n"]), "");
        assert_eq!(last(1, &["x", "y", "z"]), "xyz");
        assert_eq!(last(3, &[]), "");
    }
}
