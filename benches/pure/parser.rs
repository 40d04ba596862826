//! How fast bytes from tmux become what the programs printed: framing, lines, blocks and unescaping
//! into one buffer. The numbers are wire bytes a second on one core.

use std::hint::black_box;

use bytes::BytesMut;
use codepiper_protocol::key::Key;
use codepiper_protocol::tmux::{Command, Item, KeyBytes, PaneId, Parser, unescape_into};
use divan::Bencher;
use divan::counter::BytesCount;

/// What one read from tmux returns at most: the size of a pipe.
const READ: usize = 64 << 10;

#[divan::bench(args = [Stream::Tui, Stream::Log, Stream::Cjk, Stream::Nul])]
fn parse_and_unescape(bencher: Bencher<'_, '_>, stream: Stream) {
    let wire = stream.wire();
    let mut out = BytesMut::with_capacity(wire.len());
    bencher.counter(BytesCount::of_slice(&wire)).bench_local(|| {
        out.clear();
        let mut parser = Parser::new();
        for read in wire.chunks(READ) {
            parser.feed(read, &mut |item| {
                if let Item::Output { data, .. } = item {
                    data.unescape_into(&mut out);
                }
            });
        }
        black_box(&out);
    });
}

#[divan::bench(args = [Stream::Tui, Stream::Log])]
fn parse_only(bencher: Bencher<'_, '_>, stream: Stream) {
    let wire = stream.wire();
    bencher.counter(BytesCount::of_slice(&wire)).bench_local(|| {
        let mut parser = Parser::new();
        for read in wire.chunks(READ) {
            parser.feed(read, &mut |item| {
                black_box(&item);
            });
        }
    });
}

#[divan::bench(args = [Stream::Tui, Stream::Log])]
fn unescape_only(bencher: Bencher<'_, '_>, stream: Stream) {
    let escaped = escape(&stream.printed());
    let mut out = BytesMut::with_capacity(escaped.len());
    bencher.counter(BytesCount::of_slice(&escaped)).bench_local(|| {
        out.clear();
        // As much as one line of output holds.
        for piece in escaped.chunks(4096) {
            unescape_into(piece, &mut out);
        }
        black_box(&out);
    });
}

/// One key press as a command, into a buffer that is there already.
#[divan::bench]
fn type_a_byte(bencher: Bencher<'_, '_>) {
    let mut out = BytesMut::with_capacity(1024);
    bencher.bench_local(|| {
        out.clear();
        let bytes = KeyBytes::new(black_box(b"x")).expect("one byte");
        Command::SendBytes { pane: PaneId(12), bytes }.write_line(&mut out);
        black_box(&out);
    });
}

#[divan::bench]
fn press_a_key(bencher: Bencher<'_, '_>) {
    let key: Key = "ctrl+c".parse().expect("a key");
    let mut out = BytesMut::with_capacity(1024);
    bencher.bench_local(|| {
        out.clear();
        Command::SendKey { pane: PaneId(12), key: black_box(key) }.write_line(&mut out);
        black_box(&out);
    });
}

#[derive(Debug, Clone, Copy)]
enum Stream {
    /// Cursor jumps, colours and short words, as full-screen programs print them.
    Tui,
    /// Lines of plain text.
    Log,
    /// Lines of wide characters.
    Cjk,
    /// Nothing but NUL: each byte is an escape.
    Nul,
}

impl Stream {
    fn printed(self) -> Vec<u8> {
        const SIZE: usize = 4 << 20;
        let mut printed = Vec::with_capacity(SIZE + 1024);
        let mut step = 0;
        while printed.len() < SIZE {
            step += 1;
            match self {
                Self::Tui => {
                    let (row, column, colour) = (step % 50 + 1, step * 7 % 100 + 1, step % 256);
                    let text = &"lorem ipsum dolor sit amet, consectetur"[..step * 5 % 23];
                    let jump = format!("\x1b[{row};{column}H\x1b[38;5;{colour}m{text}\x1b[m\x1b[K ─│");
                    printed.extend_from_slice(jump.as_bytes());
                }
                Self::Log => {
                    let line = format!(
                        "2026-11-23 12:00:{:02} INFO request {step} took {} ms\r\n",
                        step % 60,
                        step % 997
                    );
                    printed.extend_from_slice(line.as_bytes());
                }
                Self::Cjk => printed.extend_from_slice("端末多重化装置の出力を読む。\r\n".as_bytes()),
                Self::Nul => printed.extend_from_slice(&[0; 1024]),
            }
        }
        printed
    }

    /// As tmux sends it: at most 2,730 bytes of a pane in one line.
    fn wire(self) -> Vec<u8> {
        let mut wire = Vec::new();
        for (index, piece) in self.printed().chunks(2730).enumerate() {
            wire.extend_from_slice(format!("%output %{} ", index % 20).as_bytes());
            wire.extend_from_slice(&escape(piece));
            wire.push(b'\n');
        }
        wire
    }
}

fn escape(printed: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(printed.len() * 2);
    for &byte in printed {
        if byte < 0x20 || byte == b'\\' {
            escaped.extend_from_slice(format!("\\{byte:03o}").as_bytes());
        } else {
            escaped.push(byte);
        }
    }
    escaped
}
