//! The model against the tmux that is installed.

use std::path::Path;
use std::process::{Command, Output};

use bytes::Bytes;
use codepiper::terminal::capture::{self, Capture};
use codepiper::terminal::screen::{Rules, Screen};
use codepiper_protocol::Size;
use codepiper_protocol::tmux::{Facts, ScreenFacts};
use proptest::prelude::*;

use super::{cases, size, stream};

/// A server of its own, ended when it goes.
struct Tmux {
    program: String,
    directory: tempfile::TempDir,
    printed: std::cell::Cell<u32>,
}

/// The directory of a tmux 3.7, beside the one that is installed.
const NEWER: &str = "TMUX37";

impl Tmux {
    fn start() -> Self {
        Self::start_program("tmux".to_owned())
    }

    fn start_program(program: String) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let tmux = Self { program, directory, printed: std::cell::Cell::new(0) };
        let keeper = ["new-session", "-d", "-s", "keeper", "sleep 3600"];
        let options = [";", "set", "-g", "status", "off", ";", "set", "-g", "allow-passthrough", "off"];
        let output = tmux.run(&[&keeper[..], &options[..]].concat());
        assert!(output.status.success(), "{output:?}");
        tmux
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        // A command that hangs ends by itself: the only time limit here.
        Command::new("timeout")
            .args(["30", &self.program, "-u", "-f", "/dev/null", "-S", &self.path("socket")])
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("TERM", "xterm-256color")
            .output()
            .expect("tmux can be started")
    }

    fn rules(&self) -> Rules {
        let printed = self.run(&["display-message", "-p", "#{version}"]);
        Rules::of(&String::from_utf8_lossy(&printed.stdout).trim().parse().expect("a version"))
    }

    /// What tmux shows after a program has printed `stream`.
    fn print(&self, size: Size, stream: &[u8]) -> Capture {
        std::fs::write(self.path("stream"), stream).expect("the stream can be written");
        // A case that failed leaves its session behind.
        let case = &format!("case-{}", self.printed.replace(self.printed.get() + 1));
        // tmux answers the status report when it has read everything before it.
        let program = format!(
            "stty raw -echo; cat '{}'; printf '\\033[5n'; head -c 4 >'{}'; '{}' -S '{}' wait-for -S {case}; sleep 3600",
            self.path("stream"),
            self.path("answer"),
            self.program,
            self.path("socket")
        );
        let (cols, rows) = (size.cols().to_string(), size.rows().to_string());
        let facts = format!("\x1e\n{}\x1e\n#{{pane_title}}", ScreenFacts::FORMAT.as_str());
        let capture = ["capture-pane", "-p", "-e", "-N", "-t", case];
        let mark = [";", "display-message", "-p", "-t", case, "\x1e", ";"];
        let output = self.run(
            &[
                &["new-session", "-d", "-s", case, "-x", &cols, "-y", &rows, &program, ";"][..],
                &["wait-for", case, ";"],
                &capture,
                &mark,
                &["capture-pane", "-p", "-J", "-t", case],
                &mark,
                &capture,
                &["-a", "-q"],
                &mark,
                &["capture-pane", "-p", "-P", "-C", "-t", case, ";"],
                &["display-message", "-p", "-t", case, &facts, ";", "kill-session", "-t", case],
            ]
            .concat(),
        );
        assert!(output.status.success(), "{output:?} {size} {}", stream.escape_ascii());
        let answer = Bytes::from(output.stdout);
        let parts: Vec<Bytes> = split(&answer, b"\x1e\n");
        let lines = |part: &Bytes| split(&part.slice(..part.len().saturating_sub(1)), b"\n");
        let facts = ScreenFacts::parse(&parts[4]).expect("facts");
        let title = String::from_utf8_lossy(&parts[5]).trim_end_matches('\n').to_owned();
        Capture {
            lines: lines(&parts[0]),
            joined_lines: Some(lines(&parts[1])),
            saved_lines: facts.alternate_on.then(|| lines(&parts[2])),
            pending: parts[3].slice(..parts[3].len().saturating_sub(1)),
            history: facts.history_size.into(),
            facts: capture::Facts { title, ..facts.into() },
        }
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        self.run(&["kill-server"]);
    }
}

fn split(bytes: &Bytes, separator: &[u8]) -> Vec<Bytes> {
    let mut parts = Vec::new();
    let mut start = 0;
    for at in 0..bytes.len() {
        if at >= start && bytes[at..].starts_with(separator) {
            parts.push(bytes.slice(start..at));
            start = at + separator.len();
        }
    }
    parts.push(bytes.slice(start..));
    parts
}

/// Characters with a width in every C library, beside ASCII.
const KNOWN: &str = "世界あ한🦀👩🚀❤🇩🇪éß─│┌\u{301}\u{302}\u{303}\u{fe0f}";

const HYPERLINK: &str = "\x1b]8;";

/// The sequence that the stream ends in the middle of, without what terminals skip or execute inside it. Strings
/// count only as long as one may be a hyperlink.
fn begun(stream: &[u8]) -> String {
    let start = stream.iter().rposition(|byte| *byte == b'\x1b').unwrap_or(stream.len());
    let sequence: String = stream[start..]
        .iter()
        .filter(|byte| matches!(byte, b'\x1b' | b' '..=b'~'))
        .map(|byte| char::from(*byte))
        .collect();
    let is_ended = match sequence.strip_prefix("\x1b[") {
        Some(rest) => rest.contains(|character| matches!(character, '@'..='~')),
        None => !HYPERLINK.starts_with(&sequence),
    };
    if is_ended { String::new() } else { sequence }
}

/// The piece, if our model does with it what tmux does.
fn admit(screen: &Screen, stream: &[u8], piece: Vec<u8>) -> Option<Vec<u8>> {
    let cursor = screen.cursor();
    let row = screen.row_text(cursor.y);
    let wide = |text: &str| text.chars().any(|character| "世界あ한🦀👩🚀".contains(character));
    let text = String::from_utf8(piece).ok()?;
    let begun = begun(stream);
    let edits =
        !begun.is_empty() || text.starts_with("\x1b[") && text.ends_with(['@', 'P', 'X', 'K', 'J', 'b']);
    let prints = !text.starts_with('\x1b');
    // tmux leaves half of a wide character behind. Elsewhere it does not, but for one in the first column.
    // It does not know hyperlinks, takes an APC for a title, and joins only what it read in one piece. An
    // early status report would look like the end.
    let unknown =
        ["\u{200d}", HYPERLINK, "\x1b_", "\x1b[5n"].iter().any(|part| (begun.clone() + &text).contains(part));
    let halves = wide(&row) && (edits || prints && screen.modes().insert)
        || prints && screen.modes().insert && wide(&text)
        || cursor.x == 1 && wide(&row.chars().take(1).collect::<String>());
    // It drops characters that the C library does not know.
    let strange = text.chars().any(|character| !(character.is_ascii() || KNOWN.contains(character)));
    (!halves && !unknown && !strange).then(|| text.into_bytes())
}

/// What a capture tells of a row: it ends with the last cell that was written, not erased.
fn told(styled: &str) -> &str {
    let mut text = styled;
    loop {
        let shorter = text.trim_end_matches(' ');
        let shorter = match shorter.rfind("\x1b[") {
            Some(start) if shorter[start..].find('m') == Some(shorter.len() - start - 1) => &shorter[..start],
            _ => shorter,
        };
        if shorter == text {
            return text;
        }
        text = shorter;
    }
}

/// What a loaded capture must agree on.
fn compare(expected: &Screen, capture: &Capture) {
    let mut loaded = expected.blank();
    loaded.load(expected.size(), capture);
    for y in 0..expected.size().rows() {
        if expected.row_text_in_tmux(y) == expected.row_text(y) {
            assert_eq!(told(&expected.row_styled(y)), told(&loaded.row_styled(y)), "row {y}");
        } else {
            assert_eq!(expected.row_text_in_tmux(y), loaded.row_text(y), "row {y}");
        }
    }
    assert_eq!(expected.cursor(), loaded.cursor(), "cursor");
    assert_eq!(expected.title(), loaded.title(), "title");
    assert_eq!(expected.is_alternate(), loaded.is_alternate(), "alternate screen");
    assert_eq!(expected.region(), loaded.region(), "scroll region");
    assert_eq!(expected.modes().origin, loaded.modes().origin, "origin mode");
    assert_eq!(expected.modes().mouse, loaded.modes().mouse, "mouse");
    assert_eq!(expected.modes().application_cursor, loaded.modes().application_cursor, "cursor keys");
}

#[test]
fn random_streams_end_in_the_screen_that_tmux_shows() {
    let tmux = Tmux::start();
    let rules = tmux.rules();
    let mut runner = proptest::test_runner::TestRunner::new(cases(32));
    let strategy = (size(), stream::pieces(stream::any_piece()));
    let result = runner.run(&strategy, |(size, pieces)| {
        let mut expected = Screen::with_rules(size, rules);
        expected.feed(b"\x1b]2;before\x07");
        let stream = stream::agreed(&mut expected, pieces, admit);
        // The end of a string, also of one that has just seen an ESC: the status report behind it must be
        // understood.
        let end = b"\x1b\\\x1b\\";
        let capture = tmux.print(size, &[b"\x1b]2;before\x07".as_slice(), &stream, end].concat());
        expected.feed(&[end.as_slice(), b"\x1b[5n"].concat());
        let shown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| compare(&expected, &capture)));
        prop_assert!(shown.is_ok(), "{} {}", size, stream.escape_ascii());
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}

/// Letters that share a cell, or do not, by what stands before them.
const JOINED: [&str; 38] = [
    "✅FIX",
    "⚠️ warn",
    "⏳ 5h",
    "👍🏻ok",
    "👍🏽👍🏿",
    "✅🏽",
    "a🏽",
    "é🏽",
    "🏽",
    "☝🏽",
    "✍️w",
    "✍🏽",
    "🇪🇸es",
    "🇪🇸🇩🇪",
    "🇪",
    "a🇪",
    "é🇪",
    "👨‍👩‍👧fam",
    "👨‍👩‍👧‍👦",
    "👩‍❤️‍💋‍👨",
    "👩🏽‍❤️‍💋‍👨🏿",
    "🧑‍💻dev",
    "🧑🏽‍🚀",
    "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "1️⃣one",
    "☺️s",
    "❤️",
    "🫠melt",
    "e\u{301}",
    "\u{301}",
    "a\u{fe0f}",
    "日本\u{301}",
    "한국",
    "\u{1112}\u{1161}\u{11ab}",
    "ｆ",
    "ক্ষমা",
    "हिन्दी",
    "a\u{3164}b",
];

#[test]
fn letters_stand_where_tmux_puts_them() {
    let mut programs = vec!["tmux".to_owned()];
    match std::env::var(NEWER) {
        Ok(directory) => programs.push(format!("{directory}/tmux")),
        Err(_) => println!("only the installed tmux is compared: {NEWER} names no directory of a newer one"),
    }
    for program in programs {
        let tmux = Tmux::start_program(program);
        let size = Size::new(60, JOINED.len() as u16 + 2).unwrap();
        let mut stream: String = JOINED.iter().map(|text| format!("{text}|end\r\n")).collect();
        for y in 1..=JOINED.len() {
            stream += &format!("\x1b[{y};8H#\x1b[{y};30H👍");
        }
        let mut expected = Screen::with_rules(size, tmux.rules());
        expected.feed(stream.as_bytes());
        let capture = tmux.print(size, stream.as_bytes());
        let mut loaded = expected.blank();
        loaded.load(size, &capture);
        for (y, text) in (0..).zip(JOINED) {
            // A joiner at the end of a cell is lost where a capture is read.
            let ours = expected.row_text_in_tmux(y).replace("\u{200d}|", "|");
            assert_eq!(ours, loaded.row_text_in_tmux(y), "{text} {}", tmux.program);
        }
        // The same behind a keyframe.
        let mut copy = Screen::new(size);
        copy.feed(&expected.keyframe());
        assert_eq!(copy, expected);
    }
}

#[test]
fn nothing_is_left_behind() {
    let tmux = Tmux::start();
    let socket = tmux.path("socket");
    assert!(Path::new(&socket).exists());
    drop(tmux);
    assert!(!Path::new(&socket).exists());
}
