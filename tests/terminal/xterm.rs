//! The model and its keyframes against xterm.js, which viewers use (`fixtures/xterm`, with Node).
//!
//! xterm.js must show the same after the whole stream as after a keyframe from its middle and the rest.
//! tmux and xterm.js treat some things differently, and the model goes with tmux; such pieces are left
//! out of the streams or led around the difference:
//!
//! * Behind the last column (a pending wrap): LF, VT, BS, CUB, CBT, VPA, RI, IND, ICH, DCH, ECH, REP, DECSC and saving
//!   the cursor for the alternate screen.
//! * Without autowrap xterm.js goes behind the last column, tmux stays in it.
//! * A wide character that does not fit: xterm.js erases the rest of the row. Half of an overwritten
//!   wide character: tmux gives it the default look, xterm.js the current one.
//! * Insert mode at the end of a row: tmux makes room before it wraps, xterm.js after.
//! * A wrap at the bottom and the alternate screen: xterm.js fills with the current background, tmux does not. SD:
//!   the other way round.
//! * IL and DL: xterm.js goes to the first column; outside the scroll region it does nothing.
//! * ICH of more than half the rest of the row: tmux leaves some of it as it is.
//! * Saved cursors: xterm.js has one for each screen, which 1049 overwrites; tmux has one, and another for
//!   1049. Scroll region, tab stops: xterm.js has them for each screen. DECRC: charsets, origin mode, underline.
//! * In origin mode DECSTBM takes xterm.js to the region's top, tmux to the screen's, and relative moves and CHA move xterm.js down by the
//!   height above the region.
//! * Combining characters not right behind their base. DECALN: looks and the scroll region.
//! * What one of the two does not know: DECSTR, CHT, HPA relative, title stack, `ESC k`, reverse wraparound.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use codepiper::terminal::screen::Screen;
use codepiper_protocol::Size;
use proptest::prelude::*;

use super::{cases, screen, size, stream};

/// A Node process with xterm.js.
struct Xterm {
    process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Xterm {
    fn start() -> Self {
        let directory = directory();
        if !directory.join("node_modules/@xterm/headless").exists() {
            let npm =
                Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&directory).output();
            let npm = npm.expect("npm is needed to compare with xterm.js");
            assert!(npm.status.success(), "npm ci in {}: {npm:?}", directory.display());
        }
        let mut process = Command::new("node")
            .arg("compare.mjs")
            .current_dir(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node is needed to compare with xterm.js");
        let requests = process.stdin.take().expect("a pipe");
        let answers = BufReader::new(process.stdout.take().expect("a pipe"));
        Self { process, requests, answers }
    }

    /// What the terminals show, one of each stream.
    fn show(&mut self, size: Size, streams: &[Vec<u8>]) -> Vec<serde_json::Value> {
        let streams: Vec<_> = streams.iter().map(|stream| base64(stream)).collect();
        let request = serde_json::json!({ "cols": size.cols(), "rows": size.rows(), "streams": streams });
        writeln!(self.requests, "{request}").expect("node reads");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("node answers");
        serde_json::from_str(&answer).expect("an array of states")
    }
}

impl Drop for Xterm {
    fn drop(&mut self) {
        // Both may fail only when it has already ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/xterm")
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = |part: &[u8]| {
        let bits =
            part.iter().fold(0u32, |bits, &byte| bits << 8 | u32::from(byte)) << (8 * (3 - part.len()));
        (0..4usize).map(move |place| (place, bits >> (18 - 6 * place) & 63)).collect::<Vec<_>>()
    };
    let mut text = String::new();
    for part in bytes.chunks(3) {
        for (place, digit) in digits(part) {
            text.push(if place <= part.len() { DIGITS[digit as usize] as char } else { '=' });
        }
    }
    text
}

/// Leads a stream around the known differences.
#[derive(Default)]
struct Agreement {
    /// DECRC would restore a cursor that was saved on this screen.
    saved: bool,
    /// The mode that entered the alternate screen.
    entered: Option<u16>,
    own_tabs: bool,
}

/// xterm.js saves neither all charsets nor the underline.
const PLAIN: &str = "\x0f\x1b(B\x1b)B\x1b[24;59m";

impl Agreement {
    /// The piece, changed where that is needed, or nothing.
    fn admit(&mut self, screen: &Screen, piece: Vec<u8>) -> Option<Vec<u8>> {
        let text = String::from_utf8(piece).ok()?;
        let size = screen.size();
        let (x, cols) = (screen.cursor().x, size.cols());
        let modes = screen.modes();
        let columns = |text: &str| -> u16 {
            text.chars().map(|c| if is_wide(c) { 2 } else { u16::from(c != '\u{301}') }).sum()
        };
        let row = screen.row_text(screen.cursor().y);
        let row_has_wide = row.chars().any(is_wide);
        let Some(sequence) = text.strip_prefix('\x1b') else {
            if text.chars().all(|character| character.is_control()) {
                let refused = x == cols && text.contains(['\n', '\x0b', '\x08']) && !text.starts_with('\r');
                // Going back from a wrapped row's first column is tmux's alone.
                return (!(refused || x == 0 && text == "\x08")).then(|| text.into_bytes());
            }
            let repeats = text
                .split_once("\x1b[")
                .map_or(0, |(_, count)| count.trim_end_matches('b').parse().unwrap_or(0));
            let text_columns = columns(text.split('\x1b').next()?) + repeats;
            let fits = x + text_columns < cols;
            let below = (0..size.rows()).any(|y| screen.row_text(y).contains(is_wide));
            let over_wide = row_has_wide && x < columns(&row) || !fits && below;
            let refused = over_wide
                || text.starts_with('\u{301}')
                || !fits && (modes.insert || !modes.autowrap || repeats > 0 || text.chars().any(is_wide));
            return (!refused).then(|| if fits { text } else { format!("\x1b[49m{text}") }.into_bytes());
        };
        let count = || sequence[1..sequence.len() - 1].parse::<u16>().unwrap_or(0).max(1);
        let refused = match (sequence.as_bytes(), sequence.chars().last()?) {
            (b"7" | b"[s", _) if x < cols && !modes.origin => {
                self.saved = true;
                return Some(format!("{PLAIN}\x1b{sequence}").into_bytes());
            }
            (b"8" | b"[u", _) if self.saved && !modes.origin => {
                return Some(format!("\x1b{sequence}{PLAIN}").into_bytes());
            }
            (b"7" | b"[s" | b"8" | b"[u" | b"#8", _) => true,
            (b"[?1049h" | b"[?1047h" | b"[?47h", _) => return self.enter(screen, sequence),
            (b"[?1049l" | b"[?1047l" | b"[?47l", _) => return self.leave(screen, sequence),
            (b"H" | b"[g" | b"[3g", _) => {
                self.own_tabs = true;
                screen.is_alternate() || x == cols
            }
            (b"M" | b"D", _) => x == cols,
            ([b'[', ..], 'D' | 'X' | 'P' | 'Z' | 'd') if x == cols => true,
            ([b'[', ..], 'X' | 'P' | 'K' | 'J' | '@') if row_has_wide => true,
            ([b'[', ..], '@') => x + 2 * count() > cols || x + 1 >= cols,
            ([b'[', ..], 'L' | 'M') => {
                let (top, bottom) = screen.region();
                x != 0 || !(top..=bottom).contains(&screen.cursor().y)
            }
            ([b'[', ..], 'T') => return Some(format!("\x1b[49m{text}").into_bytes()),
            ([b'[', ..], 'r' | 'A'..='G') if modes.origin => true,
            (_, 't') => true,
            _ => false,
        };
        (!refused).then(|| text.clone().into_bytes())
    }

    fn enter(&mut self, screen: &Screen, sequence: &str) -> Option<Vec<u8>> {
        let behind = screen.cursor().x == screen.size().cols();
        if screen.is_alternate() || screen.modes().origin || self.own_tabs || behind {
            return None;
        }
        self.entered = mode(sequence);
        self.saved = false;
        Some(format!("\x1b[r\x1b[49m\x1b{sequence}\x1b[r").into_bytes())
    }

    fn leave(&mut self, screen: &Screen, sequence: &str) -> Option<Vec<u8>> {
        if !screen.is_alternate() || screen.modes().origin || self.entered != mode(sequence) {
            return None;
        }
        self.saved = false;
        Some(format!("\x1b[r\x1b{sequence}\x1b[r{PLAIN}").into_bytes())
    }

    /// A stream that shows what was only remembered.
    fn probe(&self, screen: &Screen) -> Vec<u8> {
        let mut probe = String::new();
        if self.saved && !screen.modes().origin {
            probe.push_str(&format!("\x1b8{PLAIN}s"));
        }
        probe.push_str("\x1b[4l\x1b[?7h\r\tt\x1b[2;2H\r\np\r\nq\x1bMr\x1b[49m\x1b[1;1Hh");
        if let Some(mode) = self.entered.filter(|_| screen.is_alternate() && !screen.modes().origin) {
            probe.push_str(&format!("\x1b[r\x1b[?{mode}l{PLAIN}\x1b[49mz"));
        }
        probe.into_bytes()
    }
}

fn mode(sequence: &str) -> Option<u16> {
    sequence.trim_matches(|character: char| !character.is_ascii_digit()).parse().ok()
}

fn is_wide(character: char) -> bool {
    "世界あ한🦀".contains(character)
}

#[test]
fn xterm_shows_the_same_after_a_keyframe() {
    let xterm = std::cell::RefCell::new(Xterm::start());
    let mut runner = proptest::test_runner::TestRunner::new(cases(64));
    let cut = any::<prop::sample::Index>();
    let strategy = (size(), stream::pieces(stream::common_piece()), cut);
    let result = runner.run(&strategy, |(size, pieces, cut)| {
        let mut whole = Screen::new(size);
        let mut agreement = Agreement::default();
        let stream = stream::agreed(&mut whole, pieces, |screen, _, piece| agreement.admit(screen, piece));
        let probe = agreement.probe(&whole);
        let cut = cut.index(stream.len() + 1);
        let before = screen(size, &stream[..cut]);
        let keyframe = before.keyframe();
        let streams = [
            stream.clone(),
            [&keyframe, &stream[cut..]].concat(),
            whole.keyframe(),
            [&stream[..], &probe].concat(),
            [&keyframe, &stream[cut..], &probe].concat(),
            [&whole.keyframe()[..], &probe].concat(),
        ];
        let shown = xterm.borrow_mut().show(size, &streams);
        let describe =
            || format!("{size} {} | {}", stream[..cut].escape_ascii(), stream[cut..].escape_ascii());
        prop_assert_eq!(
            &shown[2],
            &shown[0],
            "as the model has it: {}: {}",
            streams[2].escape_ascii(),
            describe()
        );
        prop_assert_eq!(&shown[1], &shown[0], "keyframe {}: {}", keyframe.escape_ascii(), describe());
        prop_assert_eq!(
            &shown[5],
            &shown[3],
            "model, remembered: {}: {}",
            streams[5].escape_ascii(),
            describe()
        );
        prop_assert_eq!(&shown[4], &shown[3], "remembered: {}: {}", keyframe.escape_ascii(), describe());
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}
