//! How fast a screen follows what programs print, dumps itself, and becomes lines of text. The numbers
//! are bytes of output a second on one core.

use std::fmt::Write as _;
use std::hint::black_box;

use codepiper::terminal::reports::Scanner;
use codepiper::terminal::screen::Screen;
use codepiper::terminal::text::TextLines;
use codepiper_protocol::Size;
use divan::Bencher;
use divan::counter::BytesCount;

/// What one read brings at most.
const READ: usize = 64 << 10;

#[divan::bench(args = [Stream::Log, Stream::ColoredLog, Stream::Tui, Stream::Cjk])]
fn feed(bencher: Bencher<'_, '_>, stream: Stream) {
    let printed = stream.printed();
    let mut screen = Screen::new(Size::DEFAULT);
    bencher.counter(BytesCount::of_slice(&printed)).bench_local(|| {
        for read in printed.chunks(READ) {
            screen.feed(read);
        }
        black_box(&screen);
    });
}

/// What reports cost beside [`feed`], which sees them too, later.
#[divan::bench(args = [Stream::Log, Stream::ColoredLog, Stream::Tui, Stream::Cjk])]
fn scan_reports(bencher: Bencher<'_, '_>, stream: Stream) {
    let printed = stream.printed();
    let mut scanner = Scanner::default();
    bencher.counter(BytesCount::of_slice(&printed)).bench_local(|| {
        for read in printed.chunks(READ) {
            scanner.scan(black_box(read), &mut |_, report| drop(black_box(report)));
        }
    });
}

#[divan::bench(args = [false, true])]
fn lines_of_text(bencher: Bencher<'_, '_>, follow: bool) {
    let printed = Stream::Log.printed();
    bencher.counter(BytesCount::of_slice(&printed)).bench_local(|| {
        let mut bytes = 0;
        let mut lines = TextLines::new(Size::DEFAULT);
        if follow {
            lines.follow(&mut |_| {});
        }
        for read in printed.chunks(READ) {
            lines.feed(read, &mut |line| bytes += line.text.len());
        }
        black_box(bytes);
    });
}

#[divan::bench(args = [Stream::Log, Stream::Tui, Stream::Cjk])]
fn keyframe(bencher: Bencher<'_, '_>, stream: Stream) {
    let mut screen = Screen::new(Size::DEFAULT);
    screen.feed(&stream.printed());
    bencher.bench_local(|| black_box(screen.keyframe()));
}

#[derive(Clone, Copy, Debug)]
enum Stream {
    /// Lines of a compiler or a test run.
    Log,
    /// The same with a few colours.
    ColoredLog,
    /// Frames of a full screen program: moves, colours, erases, boxes.
    Tui,
    /// Lines of wide characters.
    Cjk,
}

impl Stream {
    /// About 1 MiB.
    fn printed(self) -> Vec<u8> {
        let mut out = String::new();
        let mut number = 0;
        while out.len() < 1 << 20 {
            number += 1;
            self.print(number, &mut out);
        }
        out.into_bytes()
    }

    fn print(self, n: u32, out: &mut String) {
        // Writing to a string does not fail.
        let _ = match self {
            Stream::Log => {
                write!(out, "{n:6} test session::machine::tests::case_{n} has passed in {} ms\r\n", n % 97)
            }
            Stream::ColoredLog => {
                write!(
                    out,
                    "\x1b[2m{n:6}\x1b[m \x1b[1;32mok\x1b[m session::machine::case_{n} in \x1b[33m{}\x1b[m ms\r\n",
                    n % 97
                )
            }
            Stream::Tui => write!(
                out,
                "\x1b[{};1H\x1b[48;5;236m\x1b[38;2;{};180;90m│\x1b[1m item {n:<20}\x1b[22m\x1b[39m {:>6} │\x1b[0m\x1b[K",
                n % 32 + 1,
                n % 256,
                n * 7 % 1000
            ),
            Stream::Cjk => write!(out, "{n} 世界こんにちは안녕하세요端末の画面を同じにする\r\n"),
        };
    }
}
