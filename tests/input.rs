//! What is sent arrives: exactly, as a whole, wherever the person looks.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use codepiper_protocol::wire::problem::Code;
use codepiper_protocol::wire::session::Session;
use codepiper_protocol::wire::stream::{Begin, Delivery, ServerMessage};

use crate::harness::{Home, assert_same, eventually, on_each_tmux};

const MEBIBYTE: usize = 1024 * 1024;

/// A program in raw mode that writes what it reads to a file.
struct RawReader {
    session: Session,
    file: PathBuf,
}

impl RawReader {
    fn start(home: &Home, name: &str) -> Self {
        let session = home.bash(&format!("stty raw -echo; echo ready; exec cat >{name}"));
        home.until_printed(&session, "ready");
        Self { session, file: home.path(name) }
    }

    fn id(&self) -> &str {
        &self.session.short_id
    }

    fn received(&self) -> Vec<u8> {
        fs::read(&self.file).unwrap_or_default()
    }

    /// Waits for as many bytes, which have to be these. A byte too much would come with the next ones.
    fn expect(&self, wanted: &[u8]) {
        eventually("all bytes arrive", || (self.received().len() >= wanted.len()).then_some(()));
        assert_same(&self.received(), wanted);
    }
}

/// Bytes without a pattern, the same in each run.
fn random(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(&mut next).take(length).collect()
}

/// In copy mode, as when a person who is attached scrolls.
fn scroll(home: &Home, session: &Session) {
    let name = format!("={}:", "codepiper-".to_owned() + &session.short_id);
    home.tmux_says(&["copy-mode", "-t", &name]);
    assert_eq!(home.tmux_says(&["display-message", "-p", "-t", &name, "#{pane_in_mode}"]), "1");
}

#[test]
fn a_mebibyte_of_any_bytes_arrives_also_while_somebody_scrolls() {
    on_each_tmux(|home| a_mebibyte(home));
}

fn a_mebibyte(home: &Home) {
    let bytes = random(MEBIBYTE);
    for byte in 0..=u8::MAX {
        assert!(bytes.contains(&byte));
    }
    let program = RawReader::start(home, "got");
    let sent = home.run_with(["send", program.id(), "--no-newline", "-"], &bytes);
    assert_eq!((sent.code, sent.stderr.as_str()), (Some(0), ""));
    program.expect(&bytes);

    scroll(home, &program.session);
    let file = home.path("text");
    fs::write(&file, &bytes).unwrap();
    home.ok(["send", program.id(), "--no-newline", "--file", file.to_str().unwrap()]);
    program.expect(&[bytes.as_slice(), &bytes].concat());
    assert_eq!(home.files("data/run"), ["shim.sock"], "no text is left behind");
}

#[test]
fn every_text_arrives_as_it_is() {
    on_each_tmux(|home| texts(home));
}

fn texts(home: &Home) {
    let program = RawReader::start(home, "got");
    let texts: [&[u8]; 22] = [
        b"-x",
        b"--",
        b"text;",
        b";",
        b"\\;",
        b"$HOME ${HOME} $(id) `id`",
        b"~ ~root",
        b"#{pane_id} #[fg=red] #(id) ##",
        b"%H %% %",
        b"'single' \"double\" \\ \\\\ \\n",
        b"one\ntwo\r\nthree\n",
        b"\n",
        b"\t tab and blanks  ",
        "ümlaut ★ 漢字 👩\u{200d}💻 e\u{301}".as_bytes(),
        b"\xff\xfe\x80 \xc3\x28 \xed\xa0\x80",
        b"\x1b[A\x1b[200~\x1b]0;t\x07\x9b",
        b"\x01\x03\x04\x11\x13\x1a\x1c\x7f",
        b"Enter",
        b"C-c",
        b"{ a ; b }",
        b"%begin 1 2 1\n%end 1 2 1\n%exit",
        b"=:.@$",
    ];
    let mut wanted = Vec::new();
    for text in texts {
        home.ok([
            OsStr::new("send"),
            program.id().as_ref(),
            "--no-newline".as_ref(),
            "--".as_ref(),
            OsStr::from_bytes(text),
        ]);
        wanted.extend_from_slice(text);
    }
    program.expect(&wanted);
    // Enter is a carriage return; arguments cannot hold NUL, and stdin can.
    home.ok(["send", program.id(), "line"]);
    home.run_with(["send", program.id(), "-"], b"a\0b\0");
    home.ok(["send", program.id(), ""]);
    wanted.extend_from_slice(b"line\ra\0b\0\r\r");
    program.expect(&wanted);
}

#[test]
fn texts_of_several_clients_are_not_interleaved() {
    const TEXTS: usize = 6;
    const LENGTH: usize = 50_000;
    let home = Home::running();
    let program = RawReader::start(&home, "got");
    std::thread::scope(|scope| {
        for letter in *b"ab" {
            let (home, program) = (&home, &program);
            scope.spawn(move || {
                for _ in 0..TEXTS {
                    let sent = home.run_with(["send", program.id(), "-"], &[letter; LENGTH]);
                    assert_eq!(sent.code, Some(0), "{}", sent.stderr);
                }
            });
        }
    });
    let length = 2 * TEXTS * (LENGTH + 1);
    eventually("all bytes arrive", || (program.received().len() >= length).then_some(()));
    let received = program.received();
    assert_eq!(received.len(), length);
    for text in received.chunks(LENGTH + 1) {
        assert!(text[..LENGTH].iter().all(|byte| *byte == text[0]) && text[LENGTH] == b'\r');
    }
}

#[test]
fn keys_arrive_also_while_somebody_scrolls() {
    on_each_tmux(|home| keys(home));
}

fn keys(home: &Home) {
    let program = RawReader::start(home, "got");
    let keys = ["ctrl+c", "escape", "up", "x", "X", "space", "enter", "tab", "backspace", "alt+x"];
    let press = || home.ok([&["keys", program.id()], keys.as_slice()].concat());
    let bytes = b"\x03\x1b\x1b[AxX \r\t\x7f\x1bx";
    press();
    program.expect(bytes);
    for round in 2..4 {
        scroll(home, &program.session);
        press();
        program.expect(&bytes.repeat(round));
    }
    scroll(home, &program.session);
    home.ok(["send", program.id(), "and a line"]);
    program.expect(&[&bytes.repeat(3), b"and a line\r".as_slice()].concat());
}

#[test]
fn what_a_viewer_types_arrives_also_while_somebody_scrolls() {
    on_each_tmux(|home| a_viewer_types(home));
}

#[test]
fn what_was_pasted_into_a_page_is_typed_as_it_is() {
    let mut home = Home::new();
    home.start_web(&[]);
    let mut browser = home.browser();
    browser.set_up(&home);
    let program = RawReader::start(&home, "got");
    let path = |query: &str| format!("/api/sessions/{}/input?raw=true{query}", program.id());
    let bytes = random(MEBIBYTE);
    assert_eq!(browser.request("POST", &path(""), Some(bytes.clone())).status, 200);
    program.expect(&bytes);
    for query in ["&enter=true", "&plain=true", "&if_busy=now", "&images=x"] {
        assert_eq!(
            browser.request("POST", &path(query), Some(b"x".to_vec())).code(),
            Code::Invalid,
            "{query}"
        );
    }
    let longer = browser.request("POST", &path(""), Some(vec![b'x'; MEBIBYTE + 1]));
    assert_eq!(longer.code(), Code::TooLarge);
    assert_same(&program.received(), &bytes);
}

fn a_viewer_types(home: &Home) {
    let program = RawReader::start(home, "got");
    let mut viewer = home.websocket();
    viewer.subscribe(program.id(), Begin::Live, Delivery::Latest);
    let channel = viewer.until(|message| match message {
        ServerMessage::Subscribed { channel, .. } => Some(channel),
        _ => None,
    });
    viewer.type_(channel, b"a\0\x1b[Aq");
    program.expect(b"a\0\x1b[Aq");
    scroll(home, &program.session);
    viewer.type_(channel, b"bcd");
    program.expect(b"a\0\x1b[Aqbcd");
    // What was pasted: every byte, in order with the keys around it, also while somebody scrolls.
    let pasted: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    scroll(home, &program.session);
    let mut wanted = b"a\0\x1b[Aqbcd".to_vec();
    for part in [&pasted[..], &pasted[..20_000], &pasted[..1001], b"e"] {
        viewer.type_(channel, part);
        wanted.extend_from_slice(part);
    }
    program.expect(&wanted);
    viewer.type_(channel + 1, b"nowhere");
    let refused = viewer.until(|message| match message {
        ServerMessage::Error { problem, .. } => Some(problem.code),
        _ => None,
    });
    assert_eq!(refused, Code::Invalid);
}

#[test]
fn a_program_that_asks_for_it_gets_a_paste() {
    on_each_tmux(|home| a_paste(home));
}

fn a_paste(home: &Home) {
    let session = home.bash("stty raw -echo; printf '\\e[?2004hready'; exec cat >got");
    home.until_printed(&session, "ready");
    home.ok(["send", &session.short_id, "two\nlines"]);
    let wanted = b"\x1b[200~two\nlines\x1b[201~\r";
    let received = || fs::read(home.path("got")).unwrap_or_default();
    eventually("the paste arrives", || (received().len() >= wanted.len()).then_some(()));
    assert_same(&received(), wanted);
    // What ends a paste cannot be smuggled into one.
    let message = home.fails(2, ["send", &session.short_id, "a\x1b[201~rm -rf"]);
    assert!(message.contains("ESC [ 201 ~"), "{message}");
    assert_same(&received(), wanted);
    // One line needs no brackets: behind a key that a shell waits to go on, they would be letters.
    home.ok(["send", &session.short_id, "echo three"]);
    let wanted = [&wanted[..], b"echo three\r"].concat();
    eventually("the line arrives", || (received().len() >= wanted.len()).then_some(()));
    assert_same(&received(), &wanted);
}

#[test]
fn a_terminal_that_cuts_lines_is_warned_about() {
    let home = Home::running();
    let session = home.bash("stty -echo; echo ready; exec cat >got");
    home.until_printed(&session, "ready");
    let ran = home.run_with(["send", &session.short_id, "-"], &[b'x'; 5000]);
    assert_eq!(ran.code, Some(0));
    assert!(ran.stderr.contains("4095"), "{}", ran.stderr);
    let ran = home.run_with(["send", &session.short_id, "-"], &[b'x'; 4000]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_text_that_is_too_long_is_refused() {
    let home = Home::running();
    let program = RawReader::start(&home, "got");
    let ran = home.run_with(["send", program.id(), "-"], &[b'x'; MEBIBYTE + 1]);
    assert_eq!((ran.code, ran.stderr.lines().count()), (Some(2), 1), "{}", ran.stderr);
    home.ok(["send", program.id(), "--no-newline", "next"]);
    program.expect(b"next");
}

/// Texts and keys race with the end of the program that they are for: with tmux before 3.4, a paste into a pane whose program
/// had just ended took the server along.
#[test]
fn what_comes_when_the_program_ends_harms_nobody() {
    on_each_tmux(|home| {
        let beside = home.start(&["cat"]);
        for _ in 0..30 {
            let session = home.bash("read; exit 0");
            let (home, id) = (&*home, session.short_id.as_str());
            std::thread::scope(|scope| {
                for args in
                    [["send", id, "bye"], ["send", id, "hello"], ["keys", id, "enter"], ["send", id, "hello"]]
                {
                    scope.spawn(move || {
                        let ran = home.run(args);
                        // Arrived, or the session has ended: nothing else.
                        assert!(matches!(ran.code, Some(0 | 7)), "{ran:?}");
                        assert!(ran.code == Some(0) || ran.stderr.contains("has ended"), "{ran:?}");
                    });
                }
            });
        }
        assert_eq!(home.session(&beside.short_id).pid, beside.pid);
        assert!(home.session(&beside.short_id).status.is_live());
        assert_eq!(home.tmux_says(&["list-buffers"]), "", "no text is left behind");
    });
}
