//! One JSON object a line.

use codepiper_protocol::event::{DescribedEvent, Event};
use codepiper_protocol::wire::session::Exit;
use codepiper_protocol::wire::stream::{GapReason, KeyframeReason, Lost};
use codepiper_protocol::{Cursor, Size};
use serde::Serialize;

use super::Printer;
use crate::cli::failure::Outcome;
use crate::cli::output;

#[derive(Default)]
pub(super) struct Json {
    /// The beginning of a character whose rest has not come yet, and where it ends.
    partial: Vec<u8>,
    end: Cursor,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Entry<'a> {
    Output {
        cursor: Cursor,
        #[serde(flatten)]
        data: Data<'a>,
    },
    Keyframe {
        cursor: Cursor,
        size: Size,
        reason: KeyframeReason,
        #[serde(flatten)]
        data: Data<'a>,
    },
    Gap {
        cursor: Cursor,
        reason: GapReason,
        lost: Lost,
    },
    Event {
        cursor: Cursor,
        event: DescribedEvent<'a>,
    },
    Ended {
        cursor: Cursor,
        exit: Option<Exit>,
    },
}

#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Data<'a> {
    Text(&'a str),
    Base64(String),
}

impl<'a> Data<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Data::Text(text),
            Err(_) => Data::Base64(base64(bytes)),
        }
    }
}

impl Json {
    /// A character that was begun will not be completed.
    fn flush(&mut self) -> Outcome {
        if self.partial.is_empty() {
            return Ok(());
        }
        let partial = std::mem::take(&mut self.partial);
        output::json(&Entry::Output { cursor: self.end, data: Data::new(&partial) })
    }
}

impl Printer for Json {
    fn output(&mut self, bytes: &[u8], end: Cursor) -> Outcome {
        let mut whole = std::mem::take(&mut self.partial);
        whole.extend_from_slice(bytes);
        self.partial = whole.split_off(whole.len() - unfinished(&whole));
        self.end = end;
        if whole.is_empty() {
            return Ok(());
        }
        let cursor = Cursor::new(end.epoch, end.offset - self.partial.len() as u64);
        output::json(&Entry::Output { cursor, data: Data::new(&whole) })
    }

    fn keyframe(&mut self, cursor: Cursor, size: Size, reason: KeyframeReason, screen: &[u8]) -> Outcome {
        self.flush()?;
        output::json(&Entry::Keyframe { cursor, size, reason, data: Data::new(screen) })
    }

    fn gap(&mut self, cursor: Cursor, reason: GapReason, lost: Lost) -> Outcome {
        self.flush()?;
        output::json(&Entry::Gap { cursor, reason, lost })
    }

    fn event(&mut self, cursor: Cursor, event: &Event) -> Outcome {
        self.flush()?;
        output::json(&Entry::Event { cursor, event: event.into() })
    }

    fn caught_up(&mut self) -> Outcome {
        Ok(())
    }

    fn quiet(&mut self) -> Outcome {
        Ok(())
    }

    fn finish(&mut self) -> Outcome {
        self.flush()
    }

    fn ended(&mut self, cursor: Cursor, exit: Option<Exit>) -> Outcome {
        self.flush()?;
        output::json(&Entry::Ended { cursor, exit })
    }
}

/// How many bytes at the end begin a character of UTF-8 without completing it.
fn unfinished(bytes: &[u8]) -> usize {
    for length in 1..=bytes.len().min(3) {
        let whole = match bytes[bytes.len() - length] {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            0x80..=0xbf => continue,
            _ => return 0,
        };
        return if length < whole { length } else { 0 };
    }
    0
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place > group.len() { '=' } else { digit.into() });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_are_base64() {
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(Data::new(b"\xff\xfe"), Data::Base64("//4=".into()));
    }

    #[test]
    fn a_character_is_not_cut() {
        let text = "aé日🦀".as_bytes();
        for (length, left) in
            [(1, 0), (2, 1), (3, 0), (4, 1), (5, 2), (6, 0), (7, 1), (8, 2), (9, 3), (10, 0)]
        {
            assert_eq!(unfinished(&text[..length]), left, "{length}");
        }
        assert_eq!(unfinished(b"\xff"), 0);
        assert_eq!(unfinished(b"\x80\x80\x80\x80"), 0);
    }

    #[test]
    fn entries_have_a_stable_form() {
        let entry = Entry::Output { cursor: Cursor::new(0, 3), data: Data::new(b"a\n") };
        assert_eq!(
            serde_json::to_string(&entry).unwrap(),
            r#"{"type":"output","cursor":"0:3","text":"a\n"}"#
        );
        let entry =
            Entry::Gap { cursor: Cursor::new(1, 3), reason: GapReason::DaemonAway, lost: Lost::Unknown };
        assert_eq!(
            serde_json::to_string(&entry).unwrap(),
            r#"{"type":"gap","cursor":"1:3","reason":"daemon_away","lost":"unknown"}"#
        );
    }
}
