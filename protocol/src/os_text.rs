//! What the system takes as bytes, variables and paths, as text that can stand in JSON: nothing is lost.
//!
//! Text stays as it is. A byte that is no UTF-8 becomes a character of its own, U+10F700 and the byte, in a plane for
//! private use; such a character, where somebody has one, is taken byte by byte too, so that the way back is unambiguous.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

const FIRST: u32 = 0x10_F780;
const LAST: u32 = 0x10_F7FF;

pub fn encode(system: impl AsRef<OsStr>) -> String {
    let mut text = String::new();
    for chunk in system.as_ref().as_bytes().utf8_chunks() {
        for letter in chunk.valid().chars() {
            match byte_of(letter) {
                None => text.push(letter),
                Some(_) => text.extend(letter.encode_utf8(&mut [0; 4]).bytes().map(letter_of)),
            }
        }
        text.extend(chunk.invalid().iter().copied().map(letter_of));
    }
    text
}

pub fn decode(text: &str) -> OsString {
    let mut bytes = Vec::with_capacity(text.len());
    for letter in text.chars() {
        match byte_of(letter) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    OsString::from_vec(bytes)
}

/// All of these bytes are 128 or more: none of them is a character.
fn letter_of(byte: u8) -> char {
    char::from_u32(FIRST - 0x80 + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn byte_of(letter: char) -> Option<u8> {
    (FIRST..=LAST).contains(&u32::from(letter)).then(|| (u32::from(letter) & 0xFF) as u8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_stays_and_other_bytes_come_back() {
        assert_eq!(encode("/srv/café"), "/srv/café");
        let latin = OsStr::from_bytes(b"/srv/caf\xe9");
        assert_eq!(encode(latin), "/srv/caf\u{10F7E9}");
        assert_eq!(decode(&encode(latin)), latin);
        let marks = "\u{10F7E9}\u{10F780}\u{10F77F}";
        assert_ne!(encode(marks), marks);
        assert_eq!(decode(&encode(marks)), marks);
    }

    proptest! {
        #[test]
        fn every_bytes_come_back(bytes: Vec<u8>) {
            let text = encode(OsStr::from_bytes(&bytes));
            prop_assert_eq!(decode(&text), OsString::from_vec(bytes));
        }

        #[test]
        fn every_text_comes_back(text: String) {
            prop_assert_eq!(decode(&encode(&text)), OsString::from(text));
        }
    }
}
