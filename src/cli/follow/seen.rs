//! What was seen of a session's output last.
//!
//! A daemon that is killed had published what it had not stored. The next one finds that in tmux, with all that was
//! printed meanwhile, and its stream goes on before it, as text. Whoever saw it shall not see it again.

use std::collections::VecDeque;

use bytes::Bytes;
use codepiper_protocol::Size;
use codepiper_protocol::wire::stream::{KeyframeReason, Lost};

use crate::client::Item;
use crate::terminal::text::TextLines;

/// Bytes of output that are kept. A daemon stores what it published within half a second, or sooner when it is much.
const KEPT: usize = 1024 * 1024;

#[derive(Default)]
pub(super) struct Seen {
    last: VecDeque<Bytes>,
    length: usize,
    /// What is expected to come again.
    again: Option<Again>,
}

/// Text, as it is found in tmux.
struct Again {
    text: Vec<u8>,
    /// So much of it has come.
    came: usize,
    /// So many blanks may follow it: tmux does not tell blanks at the end of a line.
    blanks: usize,
    /// Something else came.
    differs: bool,
}

impl Seen {
    /// The stream goes on so many bytes before the end of what was seen, on a screen of this size.
    pub(super) fn rewind(&mut self, bytes: u64, size: Size) {
        if bytes == 0 {
            return;
        }
        let all: Vec<u8> = self.last.drain(..).flatten().collect();
        self.length = 0;
        let start = usize::try_from(bytes).ok().and_then(|bytes| all.len().checked_sub(bytes));
        // The daemon may be killed again before all of it has come.
        let rest = self.again.take();
        self.again = Some(Again::new(start.map(|start| &all[start..]), rest, size));
    }

    /// What is left of an item for who has seen the rest.
    pub(super) fn take(&mut self, item: Item) -> Option<Item> {
        match item {
            Item::Output(bytes) => {
                self.keep(&bytes);
                let rest = match &mut self.again {
                    Some(again) => again.strip(bytes),
                    None => bytes,
                };
                if self.again.as_ref().is_some_and(Again::is_over) {
                    self.again = None;
                }
                (!rest.is_empty()).then_some(Item::Output(rest))
            }
            // What stands before it is not what was seen: it was left out, and may be new.
            Item::Keyframe { cursor, size, bytes, .. } if self.again.take().is_some() => {
                Some(Item::Keyframe { cursor, size, bytes, reason: KeyframeReason::Discontinuity })
            }
            Item::Gap { lost, .. } if lost != Lost::Nothing => {
                self.again = None;
                Some(item)
            }
            other => Some(other),
        }
    }

    fn keep(&mut self, bytes: &Bytes) {
        self.length += bytes.len();
        self.last.push_back(bytes.clone());
        while let Some(first) = self.last.front().filter(|first| self.length - first.len() >= KEPT) {
            self.length -= first.len();
            self.last.pop_front();
        }
    }
}

impl Again {
    /// These bytes, and what else was expected behind them. `None` when they are not known any more.
    fn new(bytes: Option<&[u8]>, rest: Option<Self>, size: Size) -> Self {
        let Some(bytes) = bytes else {
            return Self { text: Vec::new(), came: 0, blanks: 0, differs: true };
        };
        let (mut lines, mut text) = (TextLines::new(size), String::new());
        lines.feed(bytes, &mut |line| line.append_to(&mut text));
        lines.finish(&mut |line| line.append_to(&mut text));
        match rest {
            Some(rest) => {
                let text = [text.as_bytes(), &rest.text[rest.came..]].concat();
                Self { text, came: 0, ..rest }
            }
            None => {
                let blanks = bytes.iter().rev().take_while(|byte| **byte == b' ').count();
                let text = text.trim_end_matches(' ').as_bytes().to_vec();
                Self { text, came: 0, blanks, differs: false }
            }
        }
    }

    fn is_over(&self) -> bool {
        !self.differs && self.came == self.text.len() && self.blanks == 0
    }

    /// What stands in `bytes` behind what was seen.
    fn strip(&mut self, bytes: Bytes) -> Bytes {
        for (index, &byte) in bytes.iter().enumerate() {
            match self.text.get(self.came) {
                _ if self.differs => return Bytes::new(),
                Some(wanted) if *wanted == byte => self.came += 1,
                Some(b'\n') if byte == b'\r' => {}
                Some(_) => self.differs = true,
                None if self.blanks > 0 && byte == b' ' => self.blanks -= 1,
                None => {
                    self.blanks = 0;
                    return bytes.slice(index..);
                }
            }
        }
        Bytes::new()
    }
}

#[cfg(test)]
mod tests {
    use codepiper_protocol::Cursor;

    use super::*;

    fn output(text: &str) -> Item {
        Item::Output(Bytes::copy_from_slice(text.as_bytes()))
    }

    fn keyframe() -> Item {
        let (cursor, size) = (Cursor::new(1, 0), Size::DEFAULT);
        Item::Keyframe { cursor, size, reason: KeyframeReason::Healed, bytes: Bytes::new() }
    }

    /// What is left of `again` for who has seen `seen`, the last `lost` bytes of which come again. `None` when it is a
    /// gap.
    fn left(seen: &str, lost: u64, again: &str) -> Option<String> {
        let mut whole = None;
        for cut in 0..=again.len() {
            let mut reader = Seen::default();
            assert!(reader.take(output(seen)).is_some());
            reader.rewind(lost, Size::DEFAULT);
            let (one, two) = again.split_at(cut);
            let mut left = String::new();
            for item in [output(one), output(two)].into_iter().filter_map(|item| reader.take(item)) {
                let Item::Output(bytes) = item else { panic!("{item:?}") };
                left.push_str(std::str::from_utf8(&bytes).unwrap());
            }
            let Some(Item::Keyframe { reason, .. }) = reader.take(keyframe()) else { panic!() };
            let left = (reason == KeyframeReason::Healed).then_some(left);
            assert!(whole.is_none() || whole == Some(left.clone()), "cut at {cut}: {left:?}");
            whole = Some(left);
        }
        whole.unwrap()
    }

    #[test]
    fn what_was_seen_is_left_out_when_it_comes_again() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(left("1\r\n2\r\n3\r\n", 3, "3\r\n4\r\n"), some("4\r\n"));
        assert_eq!(left("1\r\n2\r\nth", 5, "2\r\nthree\r\n"), some("ree\r\n"));
        assert_eq!(left("1\r\n1\r\n1\r\n", 6, "1\r\n1\r\n1\r\n1\r\n"), some("1\r\n1\r\n"), "the same lines");
        assert_eq!(left("a\r\n\r\n\r\n", 4, "\r\n\r\nb"), some("b"));
        // Colours and blanks at an end are not told by tmux; what was overwritten is gone.
        assert_eq!(left("\x1b[31mred\x1b[m  \r\n$ ", 17, "red\r\n$ ls"), some("ls"));
        assert_eq!(left("10%\r20%\r30%", 11, "30%\r\ndone\r\n"), some("\r\ndone\r\n"));
        assert_eq!(left("all", 0, " new"), some(" new"));
    }

    #[test]
    fn a_daemon_that_is_killed_again_meanwhile_changes_nothing() {
        // It had stored so many bytes of what came again.
        for seen in 0..=4 {
            let mut reader = Seen::default();
            reader.take(output("1\r\n2\r\n3\r\n"));
            reader.rewind(6, Size::DEFAULT);
            reader.rewind(0, Size::DEFAULT);
            assert!(reader.take(output("2\r\n3")).is_none());
            let again = "2\r\n3\r\n4\r\n";
            reader.rewind((4 - seen) as u64, Size::DEFAULT);
            let left = reader.take(output(&again[seen..]));
            assert!(matches!(&left, Some(Item::Output(bytes)) if *bytes == "4\r\n"), "{seen}: {left:?}");
        }
    }

    #[test]
    fn what_is_not_what_was_seen_is_a_gap() {
        assert_eq!(left("1\r\n2\r\n", 3, "3\r\n4\r\n"), None);
        assert_eq!(left("1\r\n2\r\n", 3, ""), None, "less came than was seen");
        assert_eq!(left("1\r\n", 1000, "1\r\n"), None, "more than is kept");
    }
}
