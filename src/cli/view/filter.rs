//! What of a program's output may reach the terminal of somebody who only looks: what draws.
//!
//! The program talks to tmux, which has answered its questions and knows its modes. Here nobody answers and no key
//! reaches it, so its questions would be answered into the shell of whoever looks, and its clipboard, titles,
//! notifications, and modes of keyboard and mouse would be theirs. What is not listed here does not pass. What
//! passes is written anew from what the screen's parser understood: nothing depends on how the terminal would
//! have read the bytes.

use std::io::Write;

use crate::terminal::screen::parse::{Actions, Omitted, Parser};

/// DEC private modes that only draw: reverse video, origin, autowrap, cursor blinking and shown, alternate screen,
/// cursor saved, synchronized output.
const DRAWING_MODES: [u16; 10] = [5, 6, 7, 12, 25, 47, 1047, 1048, 1049, 2026];

#[derive(Default)]
pub(super) struct Filter {
    parser: Parser,
    passed: Passed,
}

impl Filter {
    /// What passes of these bytes. A sequence passes when it is whole.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> &[u8] {
        self.passed.0.clear();
        self.parser.advance(bytes, &mut self.passed);
        &self.passed.0
    }
}

#[derive(Default)]
struct Passed(Vec<u8>);

impl Passed {
    fn sequence(&mut self, prefix: &str, params: &[&[u16]], last: &str) {
        self.0.extend_from_slice(b"\x1b[");
        self.0.extend_from_slice(prefix.as_bytes());
        for (index, parts) in params.iter().enumerate() {
            if index > 0 {
                self.0.push(b';');
            }
            for (index, part) in parts.iter().enumerate() {
                // Into a Vec nothing fails.
                let _ = write!(self.0, "{}{part}", if index > 0 { ":" } else { "" });
            }
        }
        self.0.extend_from_slice(last.as_bytes());
    }
}

impl vte::Perform for Passed {
    fn print(&mut self, character: char) {
        if !character.is_control() {
            self.0.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }

    /// BEL to SI; not ENQ, which terminals answer.
    fn execute(&mut self, byte: u8) {
        if matches!(byte, 0x07..=0x0f) {
            self.0.push(byte);
        }
    }

    fn csi_dispatch(&mut self, params: &vte::Params, intermediates: &[u8], ignored: bool, last: char) {
        if ignored {
            return;
        }
        let all: Vec<&[u16]> = params.iter().collect();
        let first = all.first().and_then(|parts| parts.first()).copied().unwrap_or(0);
        match (intermediates, last) {
            // Saved lines are those of whoever looks.
            (b"", 'J') if first > 2 => {}
            // More parameters are of the mouse.
            (b"", 'T') if all.len() > 1 => {}
            (b"", 'h' | 'l') => {
                let insert: Vec<&[u16]> = all.into_iter().filter(|mode| *mode == [4]).collect();
                if !insert.is_empty() {
                    self.sequence("", &insert, last.encode_utf8(&mut [0; 4]));
                }
            }
            (b"?", 'h' | 'l') => {
                let drawing: Vec<&[u16]> = all
                    .into_iter()
                    .filter(|mode| matches!(mode, [mode] if DRAWING_MODES.contains(mode)))
                    .collect();
                if !drawing.is_empty() {
                    self.sequence("?", &drawing, last.encode_utf8(&mut [0; 4]));
                }
            }
            (
                b"",
                '@'
                | 'A'..='M'
                | 'P'
                | 'S'
                | 'T'
                | 'X'
                | 'Z'
                | '`'
                | 'a'
                | 'b'
                | 'd'..='g'
                | 'm'
                | 'r'
                | 's'
                | 'u',
            ) => self.sequence("", &all, last.encode_utf8(&mut [0; 4])),
            // The shape of the cursor.
            (b" ", 'q') => self.sequence("", &all, " q"),
            _ => {}
        }
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], _: bool, last: u8) {
        match (intermediates, last) {
            ([], b'c') => {
                self.0.extend_from_slice(super::RESET.as_bytes());
                self.0.extend_from_slice(super::CLEAR.as_bytes());
            }
            ([], b'7' | b'8' | b'D' | b'E' | b'H' | b'M')
            | ([b'(' | b')'], b'0' | b'A' | b'B')
            | ([b'#'], b'8') => {
                self.0.push(0x1b);
                self.0.extend_from_slice(intermediates);
                self.0.push(last);
            }
            _ => {}
        }
    }
}

impl Actions for Passed {
    fn ascii(&mut self, text: &[u8]) {
        self.0.extend_from_slice(text);
    }

    fn high_byte(&mut self) {}

    fn string_begins(&mut self) {}

    /// Links, and colours that are set or taken back. With `?` they would be asked for.
    fn command(&mut self, text: &[u8]) {
        let (number, rest) = text.split_at(text.iter().position(|byte| *byte == b';').unwrap_or(text.len()));
        let draws = match number {
            b"8" => true,
            b"4" | b"10" | b"11" | b"12" => !rest.contains(&b'?'),
            b"104" | b"110" | b"111" | b"112" => true,
            _ => false,
        };
        let harmless = std::str::from_utf8(text).is_ok_and(|text| !text.contains(char::is_control));
        if draws && harmless {
            self.0.extend_from_slice(b"\x1b]");
            self.0.extend_from_slice(text);
            self.0.extend_from_slice(b"\x1b\\");
        }
    }

    fn omits(&mut self, _: Omitted) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(bytes: &[u8]) -> String {
        // In one piece and byte by byte.
        let whole = Filter::default().pass(bytes).to_vec();
        let mut filter = Filter::default();
        let pieces: Vec<u8> = bytes.iter().flat_map(|byte| filter.pass(&[*byte]).to_vec()).collect();
        assert_eq!(whole, pieces);
        String::from_utf8(whole).unwrap()
    }

    #[test]
    fn what_draws_passes() {
        for text in [
            "plain, größer, 日本 👩\u{200d}👧\r\n\t\x08\x07\x0b\x0c\x0e\x0f",
            "\x1b[1;38:2:0:1:2:3;48;5;9mx\x1b[0m",
            "\x1b[2J\x1b[5;7H\x1b[2;9r\x1b[3A\x1b[4 q\x1b[7b",
            "\x1b[?1049h\x1b[?25l\x1b[?2026h\x1b[4h\x1b[?7l",
            "\x1b7\x1b8\x1b(0\x1b)B\x1bM\x1b#8",
            "\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\",
            "\x1b]4;1;rgb:00/ff/00\x1b\\\x1b]11;#000000\x1b\\\x1b]104\x1b\\",
        ] {
            assert_eq!(passed(text.as_bytes()), text);
        }
        assert_eq!(passed(b"\x1b[?1000;25;2004h"), "\x1b[?25h");
        assert_eq!(passed(b"\x1bc"), format!("{}{}", super::super::RESET, super::super::CLEAR));
    }

    #[test]
    fn what_asks_acts_or_switches_does_not() {
        let c1 = "a\u{9b}31m\u{9d}52;c;eA==\u{9c}\u{90}x\u{9c}b".as_bytes();
        assert_eq!(passed(c1), "a31m52;c;eA==xb");
        for bytes in [
            b"\x1b]52;c;aGVsbG8=\x07".as_slice(),
            b"\x1b]52;c;?\x1b\\",
            b"\x1b]0;title\x07\x1b]2;title\x1b\\\x1b]1;icon\x07\x1bktitle\x1b\\",
            b"\x1b]4;1;?\x07\x1b]10;?\x07\x1b]11;?\x1b\\\x1b]12;?\x07",
            b"\x1b]7;file:///\x07\x1b]9;hello\x07\x1b]9;4;1;50\x07\x1b]99;;x\x1b\\\x1b]777;notify;a;b\x07",
            b"\x1b]133;A\x07\x1b]1337;File=inline=1:AA==\x07\x1b]50;?\x07",
            b"\x1b[c\x1b[>c\x1b[=c\x1b[0c\x1bZ\x05",
            b"\x1b[5n\x1b[6n\x1b[?6n\x1b[?996n",
            b"\x1b[>q\x1b[>0q\x1b[?u\x1b[?4m\x1b[x\x1b[1x",
            b"\x1b[4$p\x1b[?2026$p\x1b[$w\x1b[1$w\x1b[1$u\x1b[1;1;1;1;1;1*y",
            b"\x1b[14t\x1b[18t\x1b[21t\x1b[8;5;5t\x1b[22;0t\x1b[23t\x1b[2t",
            b"\x1bP$qm\x1b\\\x1bP+q544e\x1b\\\x1bPtmux;\x1b\x1b[c\x1b\\\x1bPq#0\x1b\\",
            b"\x1b_Gi=1,a=q;AAAA\x1b\\\x1b^x\x1b\\\x1bXx\x1b\\",
            b"\x1b[?9h\x1b[?1000h\x1b[?1002h\x1b[?1003h\x1b[?1005h\x1b[?1006h\x1b[?1015h\x1b[?1016h",
            b"\x1b[?1h\x1b=\x1b[?66h\x1b[?1004h\x1b[?1007h\x1b[?2004h\x1b[?2031h\x1b[?2048h\x1b[20h\x1b[2h",
            b"\x1b[>1u\x1b[<u\x1b[=1;1u\x1b[>4;2m\x1b[>4m",
            b"\x1b[3J\x1b[1;2;3;4;5T\x1b[!p\x1b[?3h\x1b[?69h\x1b[i\x1b[5i",
            b"\xff\x80\x9b",
        ] {
            assert_eq!(passed(bytes), "", "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn what_is_hidden_in_a_sequence_does_not_get_out() {
        // Each is one sequence for us; for another parser a part of it might be one of its own.
        for bytes in
            [b"\x1b]8;;x\xc2\x9b31m\x1b\\".as_slice(), b"\x1b]8;;x\x9b31m\x1b\\", b"\x1b]0;\xc2\x9c\x1b\\"]
        {
            assert_eq!(passed(bytes), "", "{:?}", String::from_utf8_lossy(bytes));
        }
        assert_eq!(passed(b"\x1b[3\x071m"), "\x07\x1b[31m");
        assert_eq!(passed(b"\x1b[3\x1b[1m"), "\x1b[1m");
    }
}
