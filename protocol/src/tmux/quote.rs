//! The one place where text becomes part of a command.
//!
//! tmux reads a command line with a grammar of its own (cmd-parse.y). Within double quotes it knows
//! `\ooo`, `\\`, `\"`, `\$` and others, and replaces `$NAME` and a leading `~`. Everything outside
//! printable ASCII goes as `\ooo`: a raw LF would end the line, and tmux drops bytes that are not
//! UTF-8.

use std::fmt::Write;

use bytes::{BufMut, BytesMut};

/// Appends `text` as one word. `text` must not contain NUL, at which tmux cuts.
pub(super) fn quote(text: &[u8], out: &mut BytesMut) {
    out.reserve(text.len() + 2);
    out.put_u8(b'"');
    for (index, &byte) in text.iter().enumerate() {
        match byte {
            b'"' | b'\\' | b'$' => out.put_slice(&[b'\\', byte]),
            b'~' if index == 0 => out.put_slice(b"\\~"),
            0x20..=0x7e => out.put_u8(byte),
            _ => out.put_slice(&[b'\\', b'0' + (byte >> 6), b'0' + (byte >> 3 & 7), b'0' + (byte & 7)]),
        }
    }
    out.put_u8(b'"');
}

/// Appends what prints as one word, for ids and numbers: nothing is allocated.
pub(super) fn quote_plain(value: impl std::fmt::Display, out: &mut BytesMut) {
    // `$` of a session id is the only character of them that means something within quotes.
    write!(out, "\"{value}\"").expect("memory is the only limit");
}

/// Doubles `#`, for arguments that tmux expands as formats. A run of `#` before a `[` is a style,
/// which tmux leaves alone.
pub(super) fn literal_in_format(text: &[u8]) -> Vec<u8> {
    let mut literal = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'#', rest) {
        let run = rest[at..].iter().take_while(|&&byte| byte == b'#').count();
        let after = at + run;
        literal.extend_from_slice(&rest[..after]);
        if rest.get(after) != Some(&b'[') {
            literal.extend_from_slice(&rest[at..after]);
        }
        rest = &rest[after..];
    }
    literal.extend_from_slice(rest);
    literal
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a line of commands as tmux does, as far as we write them: `"…"`, bare words, ` ; `.
    pub fn read_commands(mut line: &[u8]) -> Vec<Vec<Vec<u8>>> {
        let mut commands = vec![Vec::new()];
        loop {
            match line {
                [] => return commands,
                [b' ', rest @ ..] => line = rest,
                [b';', rest @ ..] => {
                    commands.push(Vec::new());
                    line = rest;
                }
                [b'"', rest @ ..] => {
                    let (word, rest) = read_quoted(rest);
                    assert!(matches!(rest, [] | [b' ', ..]), "a quoted word ends at its quote");
                    commands.last_mut().unwrap().push(word);
                    line = rest;
                }
                _ => {
                    let end = line.iter().position(|&byte| byte == b' ').unwrap_or(line.len());
                    let (word, rest) = line.split_at(end);
                    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-@_=".contains(byte);
                    assert!(word.iter().all(plain), "{}", word.escape_ascii());
                    commands.last_mut().unwrap().push(word.to_vec());
                    line = rest;
                }
            }
        }
    }

    /// What stands between double quotes, and what follows them.
    fn read_quoted(mut text: &[u8]) -> (Vec<u8>, &[u8]) {
        let mut word = Vec::new();
        assert_ne!(text.first(), Some(&b'~'), "would become a home directory");
        loop {
            match text {
                [b'"', rest @ ..] => return (word, rest),
                [b'$', ..] => panic!("would become a variable's value"),
                [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', rest @ ..] => {
                    word.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                    text = rest;
                }
                [b'\\', byte @ (b'"' | b'\\' | b'$' | b'~'), rest @ ..] => {
                    word.push(*byte);
                    text = rest;
                }
                [b'\\', ..] => panic!("an escape that we do not write"),
                [byte @ 0x20..=0x7e, rest @ ..] => {
                    word.push(*byte);
                    text = rest;
                }
                _ => panic!("a raw byte, or no closing quote"),
            }
        }
    }

    fn quoted(text: &[u8]) -> BytesMut {
        let mut out = BytesMut::new();
        quote(text, &mut out);
        out
    }

    #[test]
    fn what_means_something_to_tmux_is_escaped() {
        assert_eq!(quoted(b""), "\"\"");
        assert_eq!(quoted(b"~/a~"), r#""\~/a~""#);
        assert_eq!(quoted(b"$HOME \\ \"; #{x}"), r#""\$HOME \\ \"; #{x}""#);
        assert_eq!(quoted("\n\x1b\x7fé".as_bytes()), r#""\012\033\177\303\251""#);
    }

    #[test]
    fn formats_are_made_literal() {
        let literal = |text: &str| String::from_utf8(literal_in_format(text.as_bytes())).unwrap();
        assert_eq!(literal("/a#b"), "/a##b");
        assert_eq!(literal("#{x} #(y) ##"), "##{x} ##(y) ####");
        assert_eq!(literal("#[a ##[b #"), "#[a ##[b ##");
    }

    proptest! {
        #[test]
        fn any_text_is_one_word(text: Vec<u8>) {
            prop_assert_eq!(read_commands(&quoted(&text)), [[text]]);
        }
    }
}
