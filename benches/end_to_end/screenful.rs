//! What agents print: seeded, and never the same twice.
//!
//! Words, numbers, colours and cursor moves in about the amounts of a coding agent's interface: text
//! that appears line by line, a status line that is drawn again and again, boxes, and diffs.

use std::io::Write;

const WORDS: [&str; 32] = [
    "the",
    "test",
    "passed",
    "function",
    "returns",
    "reading",
    "src/main.rs",
    "error",
    "expected",
    "found",
    "change",
    "line",
    "if",
    "let",
    "value",
    "session",
    "because",
    "is",
    "not",
    "and",
    "we",
    "need",
    "to",
    "update",
    "config",
    "file",
    "running",
    "cargo",
    "Result",
    "match",
    "async",
    "await",
];

/// Printed text without end.
pub struct Screenful {
    random: u64,
}

impl Screenful {
    pub fn new(seed: u64) -> Self {
        Self { random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1 }
    }

    /// Appends at least so many bytes.
    pub fn print(&mut self, out: &mut Vec<u8>, amount: usize) {
        let end = out.len() + amount;
        while out.len() < end {
            match self.below(8) {
                0 | 1 => self.status(out),
                2 => self.diff(out),
                3 => self.boxed(out),
                _ => self.text(out),
            }
        }
    }

    /// A number below `limit` (xorshift64).
    fn below(&mut self, limit: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 16) % limit
    }

    fn words(&mut self, out: &mut Vec<u8>, count: u64) {
        for _ in 0..count {
            match self.below(6) {
                0 => self.name(out),
                _ => out.extend_from_slice(WORDS[self.below(WORDS.len() as u64) as usize].as_bytes()),
            }
            out.push(b' ');
        }
    }

    /// A word that nobody used before, as likely as not.
    fn name(&mut self, out: &mut Vec<u8>) {
        for _ in 0..3 + self.below(8) {
            out.push(b'a' + self.below(26) as u8);
        }
    }

    fn formatted(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
        // Writing into memory does not fail.
        let _ = out.write_fmt(text);
    }

    fn text(&mut self, out: &mut Vec<u8>) {
        let count = 4 + self.below(14);
        self.words(out, count);
        out.extend_from_slice(b"\r\n");
    }

    fn status(&mut self, out: &mut Vec<u8>) {
        let (spinner, seconds, tokens) = (self.below(6), self.below(600), self.below(100_000));
        let spinner = ["·", "✢", "✳", "✶", "✻", "✽"][spinner as usize];
        Self::formatted(
            out,
            format_args!(
                "\x1b[2K\x1b[1A\x1b[G\x1b[38;2;215;119;87m{spinner} Working… \x1b[38;2;153;153;153m({seconds}s · ↑ {tokens} tokens)\x1b[39m\r\n"
            ),
        );
    }

    fn diff(&mut self, out: &mut Vec<u8>) {
        let (line, added) = (self.below(2000), self.below(2) == 0);
        let (colour, sign) = if added { ("48;2;34;92;43", '+') } else { ("48;2;122;41;54", '-') };
        Self::formatted(out, format_args!("\x1b[38;2;153;153;153m{line:>5} \x1b[39;{colour}m{sign} "));
        let count = 3 + self.below(10);
        self.words(out, count);
        out.extend_from_slice(b"\x1b[K\x1b[49m\r\n");
    }

    fn boxed(&mut self, out: &mut Vec<u8>) {
        let (row, column) = (1 + self.below(30), 1 + self.below(40));
        Self::formatted(out, format_args!("\x1b[{row};{column}H\x1b[2m│\x1b[22m "));
        let count = 2 + self.below(6);
        self.words(out, count);
        out.extend_from_slice("\x1b[2m│\x1b[22m".as_bytes());
    }
}
