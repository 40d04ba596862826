//! Frames as they are written, and messages as they are read. The library's reader neither tells whether a client masks its
//! frames, nor limits what fragments are together.

use bytes::{Buf, BufMut, BytesMut};
use fastwebsockets::{OpCode, unmask};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Payload of a frame is read in pieces of this size: a length that is only announced takes no memory.
const PIECE: usize = 64 * 1024;
/// RFC 6455 §5.5.
const LONGEST_CONTROL: usize = 125;

/// Reads what a client sends.
pub struct Messages<R> {
    read: R,
    buffer: BytesMut,
    /// A message whose last fragment has not come yet.
    begun: Option<(OpCode, BytesMut)>,
    longest_text: usize,
    longest_binary: usize,
}

/// Why nothing more is read: the code to close with (RFC 6455 §7.4.1), or `None` when there is nobody to tell.
pub type End = Option<u16>;

pub const NORMAL: u16 = 1000;
const PROTOCOL_ERROR: u16 = 1002;
const NOT_TEXT: u16 = 1007;
const TOO_BIG: u16 = 1009;

impl<R: AsyncRead + Unpin> Messages<R> {
    /// The limits, in bytes, are those of a whole message, whatever its fragments.
    pub fn new(read: R, longest_text: usize, longest_binary: usize) -> Self {
        Self { read, buffer: BytesMut::new(), begun: None, longest_text, longest_binary }
    }

    /// The next whole message, or a ping or a pong.
    pub async fn next(&mut self) -> Result<(OpCode, BytesMut), End> {
        loop {
            let (last, opcode, payload) = self.frame().await?;
            let (opcode, payload) = match (opcode, self.begun.take()) {
                (OpCode::Ping | OpCode::Pong, begun) => {
                    self.begun = begun;
                    return Ok((opcode, payload));
                }
                (OpCode::Close, _) => return Err(Some(close_code(&payload))),
                (OpCode::Continuation, Some((opcode, mut whole))) => {
                    whole.extend_from_slice(&payload);
                    (opcode, whole)
                }
                (OpCode::Text | OpCode::Binary, None) => (opcode, payload),
                (OpCode::Continuation, None) | (OpCode::Text | OpCode::Binary, Some(_)) => {
                    return Err(Some(PROTOCOL_ERROR));
                }
            };
            match last {
                false => self.begun = Some((opcode, payload)),
                true if opcode == OpCode::Text && std::str::from_utf8(&payload).is_err() => {
                    return Err(Some(NOT_TEXT));
                }
                true => return Ok((opcode, payload)),
            }
        }
    }

    async fn frame(&mut self) -> Result<(bool, OpCode, BytesMut), End> {
        self.fill(2).await?;
        let (first, second) = (self.buffer[0], self.buffer[1]);
        let (last, masked) = (first & 0x80 != 0, second & 0x80 != 0);
        let opcode = OpCode::try_from(first & 0x0f).map_err(|_| Some(PROTOCOL_ERROR))?;
        let control = matches!(opcode, OpCode::Close | OpCode::Ping | OpCode::Pong);
        let long = usize::from(second & 0x7f);
        // §5.1: a client masks what it sends. §5.2: nobody asked for an extension.
        if !masked || first & 0x70 != 0 || control && (!last || long > LONGEST_CONTROL) {
            return Err(Some(PROTOCOL_ERROR));
        }
        let extra = match long {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        self.fill(2 + extra + 4).await?;
        self.buffer.advance(2);
        let length = match extra {
            0 => long as u64,
            2 => self.buffer.get_u16().into(),
            _ => self.buffer.get_u64(),
        };
        let mask = self.buffer.get_u32().to_be_bytes();
        let length = self.fits(opcode, length).ok_or(Some(TOO_BIG))?;
        self.fill(length).await?;
        let mut payload = self.buffer.split_to(length);
        unmask(&mut payload, mask);
        Ok((last, opcode, payload))
    }

    /// The length, if what belongs together is not too long with it.
    fn fits(&self, opcode: OpCode, length: u64) -> Option<usize> {
        let (opcode, before) = match (&self.begun, opcode) {
            (Some((opcode, begun)), OpCode::Continuation) => (*opcode, begun.len()),
            _ => (opcode, 0),
        };
        let longest = if opcode == OpCode::Binary { self.longest_binary } else { self.longest_text };
        let length = usize::try_from(length).ok()?;
        (length <= longest.saturating_sub(before)).then_some(length)
    }

    /// Reads until there are so many bytes.
    async fn fill(&mut self, length: usize) -> Result<(), End> {
        while self.buffer.len() < length {
            self.buffer.reserve((length - self.buffer.len()).min(PIECE));
            match self.read.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => return Err(None),
                Ok(_) => {}
            }
        }
        Ok(())
    }
}

/// What a close frame is answered with.
fn close_code(payload: &[u8]) -> u16 {
    match payload {
        [] => NORMAL,
        [_] => PROTOCOL_ERROR,
        [high, low, reason @ ..] => match u16::from_be_bytes([*high, *low]) {
            _ if std::str::from_utf8(reason).is_err() => NOT_TEXT,
            code @ (1000..=1003 | 1007..=1014 | 3000..=4999) => code,
            _ => PROTOCOL_ERROR,
        },
    }
}

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

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let length = match payload.len() {
            short @ 0..126 => vec![0x80 | short as u8],
            middle @ 126..=0xffff => [&[0x80 | 126][..], &(middle as u16).to_be_bytes()].concat(),
            long => [&[0x80 | 127][..], &(long as u64).to_be_bytes()].concat(),
        };
        let mut masked = payload.to_vec();
        unmask(&mut masked, [1, 2, 3, 4]);
        [&[first][..], &length, &[1, 2, 3, 4], &masked].concat()
    }

    /// All messages, and why there are no more. It is read in pieces of so many bytes.
    async fn read(stream: &[u8], piece: usize) -> (Vec<(OpCode, Vec<u8>)>, End) {
        let (mut theirs, ours) = tokio::io::duplex(piece);
        let stream = stream.to_vec();
        let writing = crate::tasks::owned(async move {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut theirs, &stream).await;
        });
        let mut messages = Messages::new(ours, 1000, 100_000);
        let mut read = Vec::new();
        let end = loop {
            match messages.next().await {
                Ok((opcode, payload)) => read.push((opcode, payload.to_vec())),
                Err(end) => break end,
            }
        };
        drop(messages);
        writing.await.unwrap();
        (read, end)
    }

    #[tokio::test]
    async fn fragments_are_one_message_and_pings_come_between() {
        let long = vec![7; 70_000];
        let stream = [
            frame(0x01, "gr\u{fc}".as_bytes().split_at(3).0),
            frame(0x89, b"ping"),
            frame(0x00, "gr\u{fc}".as_bytes().split_at(3).1),
            frame(0x80, "\u{df}e".as_bytes()),
            frame(0x82, &long),
            frame(0x8a, b""),
            frame(0x88, &[0x03, 0xe9]),
        ];
        for piece in [1, 7, 1 << 20] {
            let (read, end) = read(&stream.concat(), piece).await;
            let wanted = [
                (OpCode::Ping, b"ping".to_vec()),
                (OpCode::Text, "gr\u{fc}\u{df}e".as_bytes().to_vec()),
                (OpCode::Binary, long.clone()),
                (OpCode::Pong, vec![]),
            ];
            assert!(read == wanted);
            assert_eq!(end, Some(1001), "a close frame is answered with its code");
        }
    }

    #[tokio::test]
    async fn what_is_no_message_is_closed_with_the_code_of_the_rfc() {
        let many: Vec<u8> = std::iter::once(frame(0x02, &[0; 60_000]))
            .chain(std::iter::repeat_n(frame(0x00, &[0; 30_000]), 2))
            .flatten()
            .collect();
        let mut unmasked = BytesMut::new();
        put_frame(&mut unmasked, OpCode::Text, None, b"{}");
        for (what, stream, code) in [
            ("an unmasked frame", unmasked.to_vec(), Some(1002)),
            ("a reserved bit", frame(0xc1, b"{}"), Some(1002)),
            ("an unknown opcode", frame(0x83, b"{}"), Some(1002)),
            ("a fragment of a ping", frame(0x09, b""), Some(1002)),
            ("a long ping", frame(0x89, &[0; 126]), Some(1002)),
            ("a continuation of nothing", frame(0x80, b""), Some(1002)),
            ("a message inside another", [frame(0x01, b""), frame(0x81, b"")].concat(), Some(1002)),
            ("text that is none", frame(0x81, &[0xff]), Some(1007)),
            ("a long text", frame(0x81, &[b' '; 1001]), Some(1009)),
            ("an announced length", vec![0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], Some(1009)),
            ("many fragments", many, Some(1009)),
            ("no code", frame(0x88, b""), Some(1000)),
            ("half a code", frame(0x88, &[3]), Some(1002)),
            ("a code that is never sent", frame(0x88, &1006_u16.to_be_bytes()), Some(1002)),
            ("a reason that is no text", frame(0x88, &[3, 0xe8, 0xff]), Some(1007)),
            ("an end without a word", vec![0x81, 0x85, 0], None),
        ] {
            assert_eq!(read(&stream, 4096).await, (vec![], code), "{what}");
        }
    }

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
