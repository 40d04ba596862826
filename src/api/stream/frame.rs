//! Frames as they are written.

use bytes::{BufMut, BytesMut};
use fastwebsockets::OpCode;

/// One whole, unmasked frame: RFC 6455 §5.2. `tag` is the first byte of its payload.
pub fn put_frame(out: &mut BytesMut, opcode: OpCode, tag: Option<u8>, payload: &[u8]) {
    const FIN: u8 = 0x80;
    let length = payload.len() + usize::from(tag.is_some());
    out.reserve(length + 10);
    out.put_u8(FIN | opcode as u8);
    match length {
        0..126 => out.put_u8(length as u8),
        126..=0xffff => {
            out.put_u8(126);
            out.put_u16(length as u16);
        }
        _ => {
            out.put_u8(127);
            out.put_u64(length as u64);
        }
    }
    if let Some(tag) = tag {
        out.put_u8(tag);
    }
    out.put_slice(payload);
}

/// RFC 6455 §5.5.1.
pub fn put_close_frame(out: &mut BytesMut, code: u16, reason: &str) {
    put_frame(out, OpCode::Close, None, &[&code.to_be_bytes()[..], reason.as_bytes()].concat());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_have_the_length_in_three_forms() {
        for (length, head) in [
            (0, &[0x82, 1][..]),
            (124, &[0x82, 125]),
            (125, &[0x82, 126, 0, 126]),
            (65534, &[0x82, 126, 0xff, 0xff]),
            (65535, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let mut out = BytesMut::new();
            put_frame(&mut out, OpCode::Binary, Some(7), &vec![1; length]);
            assert!(out.starts_with(head), "{length}");
            assert_eq!(out[head.len()], 7);
            assert_eq!(out.len(), head.len() + 1 + length);
        }
    }
}
