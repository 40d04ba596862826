//! What tmux 3.3a and real agents sent, parsed whole and in pieces.

use std::path::{Path, PathBuf};

use bytes::BytesMut;
use codepiper_protocol::tmux::{Item, Notification, PaneId, Parser, Reply};

#[test]
fn every_recording_has_the_same_items_however_it_is_cut() {
    for (path, bytes) in recordings() {
        let whole = items(&bytes, []);
        assert!(!whole.is_empty(), "{}", path.display());
        assert_eq!(items(&bytes, 1..bytes.len()), whole, "byte by byte: {}", path.display());

        // Where nothing is left over, the parser is as new: what comes before makes no difference to
        // what comes after. So each part is cut on its own.
        for part in parts(&bytes) {
            let whole = items(part, []);
            for cut in cuts(part) {
                assert_eq!(items(part, [cut]), whole, "cut at {cut}: {}", part.escape_ascii());
            }
        }
    }
}

/// The lines that are neither notifications nor output nor part of a reply, and why they are there.
#[test]
fn nearly_nothing_is_unknown() {
    for (path, bytes) in recordings() {
        // Some recordings end in the middle of a line.
        let lines = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let mut unknown = items(&bytes[..lines], []);
        unknown.retain(|item| matches!(item, Owned::Unknown(_)));
        match path.file_name().and_then(|name| name.to_str()).unwrap() {
            // The terminal's echo of a command, and of the end of input.
            "C-pty.txt" => assert_eq!(unknown.len(), 2),
            // A hook printed an X, twice.
            "hub-design.txt" => assert_eq!(unknown, [b"X", b"X"].map(|line| Owned::Unknown(line.to_vec()))),
            // The client's own complaint about `load-buffer -`.
            "input.txt" => assert_eq!(unknown, [Owned::Unknown(b"-: Bad file descriptor".to_vec())]),
            // No conversation: its guards do not match.
            "one-of-each-kind.txt" => assert_eq!(unknown.len(), 1),
            // The places where the recording was cut.
            "inband-exit-marker.txt" => assert_eq!(unknown.len(), 1),
            _ => assert!(unknown.is_empty(), "{}: {unknown:?}", path.display()),
        }
    }
}

#[test]
fn all_bytes_come_back() {
    let bytes = std::fs::read(fixtures().join("tmux/escape-all-bytes.txt")).unwrap();
    let (printed, malformed) = output(&bytes, PaneId(0));
    assert_eq!(malformed, 0);
    let all: Vec<u8> = (0..=255).collect();
    assert!(printed.windows(256).any(|window| window == all), "all bytes stand in a row");
}

#[test]
fn the_exit_marker_follows_the_last_line() {
    let bytes = std::fs::read(fixtures().join("tmux/inband-exit-marker.txt")).unwrap();
    let (printed, _) = output(&bytes, PaneId(3));
    assert!(printed.ends_with(b"20000\r\n\x1b]5379;exit;7\x07"), "{}", printed.escape_ascii());
}

#[test]
fn streams_end_with_the_reason_that_tmux_gives() {
    for (name, reason) in [
        ("exit-detach", None),
        ("exit-kill-server", None),
        ("CC-pty", None),
        ("exit-server-sigkill", Some("server exited unexpectedly")),
        ("respawn-crash", Some("server exited unexpectedly")),
        ("server-crash-window-size-manual", Some("server exited unexpectedly")),
        ("too-far-behind-A", Some("too far behind")),
    ] {
        let bytes = std::fs::read(fixtures().join(format!("tmux/{name}.txt"))).unwrap();
        let exit = Owned::Exit(reason.map(str::to_owned));
        assert_eq!(items(&bytes, []).pop(), Some(exit), "{name}");
    }
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures")
}

fn recordings() -> Vec<(PathBuf, Vec<u8>)> {
    let mut recordings = Vec::new();
    for folder in ["tmux", "recordings"] {
        for entry in std::fs::read_dir(fixtures().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "txt") {
                let bytes = std::fs::read(&path).unwrap();
                recordings.push((path, bytes));
            }
        }
    }
    assert!(recordings.len() > 20, "the recordings are there");
    recordings
}

/// An item that may outlive the parser.
#[derive(Debug, PartialEq)]
enum Owned {
    Output(PaneId, Option<u64>, Vec<u8>),
    Reply(Reply),
    Notification(Notification),
    Exit(Option<String>),
    Unknown(Vec<u8>),
    TooLong,
}

impl From<Item<'_>> for Owned {
    fn from(item: Item<'_>) -> Self {
        match item {
            Item::Output { pane, age_ms, data } => Self::Output(pane, age_ms, data.raw().to_vec()),
            Item::Reply(reply) => Self::Reply(reply),
            Item::Notification(notification) => Self::Notification(notification),
            Item::Exit { reason } => Self::Exit(reason),
            Item::Unknown(line) => Self::Unknown(line.to_vec()),
            Item::TooLong { .. } => Self::TooLong,
        }
    }
}

/// The items of `bytes`, fed in pieces that end at `cuts`.
fn items(bytes: &[u8], cuts: impl IntoIterator<Item = usize>) -> Vec<Owned> {
    let mut items = Vec::new();
    let mut sink = |item: Item<'_>| items.push(Owned::from(item));
    let mut parser = Parser::new();
    let mut start = 0;
    for cut in cuts {
        parser.feed(&bytes[start..cut], &mut sink);
        start = cut;
    }
    parser.feed(&bytes[start..], &mut sink);
    parser.finish(&mut sink);
    items
}

/// Cuts a stream behind each line that belongs to no reply, and behind each reply.
fn parts(bytes: &[u8]) -> Vec<&[u8]> {
    let (mut parts, mut start, mut end) = (Vec::new(), 0, 0);
    let mut parser = Parser::new();
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        end += line.len();
        let mut complete = false;
        parser.feed(line, &mut |_| complete = true);
        if complete {
            parts.push(&bytes[start..end]);
            start = end;
        }
    }
    parts.push(&bytes[start..]);
    parts
}

/// Every byte of a part; every few bytes of one that is longer than 1,024. Those were fed byte by byte
/// like all others.
fn cuts(part: &[u8]) -> impl Iterator<Item = usize> {
    (1..part.len()).step_by(1 + part.len() / 1024)
}

/// What a pane printed, and the number of malformed escapes.
fn output(bytes: &[u8], wanted: PaneId) -> (BytesMut, usize) {
    let (mut printed, mut malformed) = (BytesMut::new(), 0);
    Parser::new().feed(bytes, &mut |item| match item {
        Item::Output { pane, data, .. } if pane == wanted => malformed += data.unescape_into(&mut printed),
        _ => {}
    });
    (printed, malformed)
}
