//! Lines of text: what a terminal would have left in its scrollback.

use std::collections::VecDeque;

use codepiper_protocol::wire::session::Exit;
use codepiper_protocol::wire::stream::{GapReason, KeyframeReason, Lost};
use codepiper_protocol::{Cursor, Size};

use super::{Printer, gap_marker};
use crate::cli::failure::Outcome;
use crate::cli::output;
use crate::terminal::text::{Continues, Line, TextLines};

pub(super) struct Text {
    lines: TextLines,
    printed: Printed,
    /// Follows after the history.
    live: bool,
}

impl Text {
    /// With `kept` only so many lines of history are printed.
    pub(super) fn new(size: Size, kept: Option<usize>, live: bool) -> Self {
        Self { lines: TextLines::new(size), printed: Printed::new(kept), live }
    }
}

impl Printer for Text {
    fn output(&mut self, bytes: &[u8], _: Cursor) -> Outcome {
        self.lines.feed(bytes, &mut |line| self.printed.push(line));
        self.printed.write()
    }

    fn keyframe(&mut self, _: Cursor, size: Size, reason: KeyframeReason, screen: &[u8]) -> Outcome {
        let continues = match reason {
            KeyframeReason::Discontinuity | KeyframeReason::Behind => Continues::AfterGap,
            _ => Continues::Wholly,
        };
        self.lines.load_keyframe(size, screen, continues, &mut |line| self.printed.push(line));
        self.printed.write()
    }

    fn gap(&mut self, _: Cursor, reason: GapReason, lost: Lost) -> Outcome {
        if let Some(marker) = gap_marker(reason, lost) {
            output::say(marker);
        }
        Ok(())
    }

    fn caught_up(&mut self) -> Outcome {
        if self.live {
            self.lines.follow(&mut |line| self.printed.push(line));
            self.printed.release();
        }
        self.printed.write()
    }

    fn quiet(&mut self) -> Outcome {
        self.lines.flush(&mut |line| self.printed.push(line));
        self.printed.write()
    }

    fn finish(&mut self) -> Outcome {
        self.lines.finish(&mut |line| self.printed.push(line));
        self.printed.release();
        self.printed.end_line();
        self.printed.write()
    }

    fn ended(&mut self, _: Cursor, _: Option<Exit>) -> Outcome {
        Ok(())
    }
}

/// What is to be printed, in one write a batch.
struct Printed {
    /// While history comes and only its last lines are wanted.
    last: Option<(usize, VecDeque<String>)>,
    out: String,
    /// An unfinished line was printed last.
    open: bool,
    on_terminal: bool,
}

impl Printed {
    fn new(kept: Option<usize>) -> Self {
        let last = kept.map(|kept| (kept, VecDeque::new()));
        Self { last, out: String::new(), open: false, on_terminal: output::is_terminal() }
    }

    fn push(&mut self, line: Line<'_>) {
        self.open = !line.complete;
        match &mut self.last {
            None => line.append_to(&mut self.out),
            Some((kept, last)) => {
                let mut text = String::new();
                line.append_to(&mut text);
                last.push_back(text);
                if last.len() > *kept {
                    last.pop_front();
                }
            }
        }
    }

    /// The history is complete: what was held back comes.
    fn release(&mut self) {
        if let Some((_, last)) = self.last.take() {
            self.open &= !last.is_empty();
            self.out.extend(last);
        }
    }

    fn end_line(&mut self) {
        if std::mem::take(&mut self.open) {
            self.out.push('\n');
        }
    }

    fn write(&mut self) -> Outcome {
        if self.out.is_empty() {
            return Ok(());
        }
        if self.on_terminal {
            // The text is the program's own, but no terminal needs to act on it.
            self.out.retain(|letter| letter == '\n' || !letter.is_control());
        }
        output::bytes(self.out.as_bytes())?;
        self.out.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is printed of a history and then live.
    fn printed(kept: Option<usize>, history: &str, live: &[&str]) -> String {
        let mut text = Text::new(Size::DEFAULT, kept, !live.is_empty());
        let Text { lines, printed, .. } = &mut text;
        lines.feed(history.as_bytes(), &mut |line| printed.push(line));
        if !live.is_empty() {
            lines.follow(&mut |line| printed.push(line));
            printed.release();
        }
        for piece in live {
            lines.feed(piece.as_bytes(), &mut |line| printed.push(line));
            lines.flush(&mut |line| printed.push(line));
        }
        lines.finish(&mut |line| printed.push(line));
        printed.release();
        printed.end_line();
        std::mem::take(&mut printed.out)
    }

    #[test]
    fn the_last_lines_include_an_unfinished_one() {
        assert_eq!(printed(Some(2), "a\r\nb\r\n\x1b[31mc", &[]), "b\nc\n");
        assert_eq!(printed(Some(2), "a\r\nb\r\nc\r\n", &[]), "b\nc\n");
        assert_eq!(printed(Some(0), "a\r\nb", &[]), "");
        assert_eq!(printed(None, "a\r\nb\r\n", &[]), "a\nb\n");
        assert_eq!(printed(None, "", &[]), "");
    }

    #[test]
    fn a_line_that_grows_is_printed_once() {
        assert_eq!(printed(Some(1), "a\r\nb", &["c", "d\r\n", "e"]), "bcd\ne\n");
        assert_eq!(printed(Some(9), "", &["$ ", "$ ls\r\n"]), "$ $ ls\n");
    }
}
