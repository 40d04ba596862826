//! Lines of text: what a terminal would have left in its scrollback.

use std::collections::VecDeque;

use codepiper_protocol::wire::session::Exit;
use codepiper_protocol::wire::stream::{GapReason, KeyframeReason, Lost};
use codepiper_protocol::{Cursor, Size};

use super::{Printer, gap_marker};
use crate::cli::failure::Outcome;
use crate::cli::output;
use crate::terminal::text::TextLines;

pub(super) struct Text {
    lines: TextLines,
    /// While history comes and only its last lines are wanted.
    last: Option<(usize, VecDeque<String>)>,
    live: bool,
}

impl Text {
    pub(super) fn new(size: Size, kept: Option<usize>, live: bool) -> Self {
        Self { lines: TextLines::new(size), last: kept.map(|kept| (kept, VecDeque::new())), live }
    }

    fn print(&mut self, lines: Vec<String>) -> Outcome {
        match &mut self.last {
            Some((kept, last)) => {
                last.extend(lines);
                last.drain(..last.len().saturating_sub(*kept));
                Ok(())
            }
            None => write(lines),
        }
    }

    /// Prints the history that was held back.
    fn release(&mut self) -> Outcome {
        self.last.take().map_or(Ok(()), |(_, last)| write(last))
    }
}

impl Printer for Text {
    fn output(&mut self, bytes: &[u8], _: Cursor) -> Outcome {
        let lines = self.lines.feed(bytes);
        self.print(lines)
    }

    fn keyframe(&mut self, _: Cursor, size: Size, _: KeyframeReason, screen: &[u8]) -> Outcome {
        let lines = self.lines.keyframe(size, screen);
        self.print(lines)
    }

    fn gap(&mut self, _: Cursor, reason: GapReason, lost: Lost) -> Outcome {
        output::say(gap_marker(reason, lost));
        Ok(())
    }

    fn caught_up(&mut self) -> Outcome {
        if !self.live { Ok(()) } else { self.release() }
    }

    fn quiet(&mut self) -> Outcome {
        let lines = self.lines.quiet();
        self.print(lines)
    }

    fn finish(&mut self) -> Outcome {
        let lines = self.lines.finish();
        self.print(lines)?;
        self.release()
    }

    fn ended(&mut self, _: Cursor, _: Option<Exit>) -> Outcome {
        Ok(())
    }
}

/// In one piece: a batch of output costs one write.
fn write(lines: impl IntoIterator<Item = String>) -> Outcome {
    let mut text = String::new();
    for line in lines {
        text.push_str(&line);
        text.push('\n');
    }
    if text.is_empty() { Ok(()) } else { output::bytes(text.as_bytes()) }
}
