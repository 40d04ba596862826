//! What sessions printed, and what happened to them, outlives the daemon.

use std::fs;

use codepiper_protocol::event::Event;
use codepiper_protocol::wire::daemon::{Check, Verdict};
use codepiper_protocol::wire::session::{Session, Status};
use nix::sys::signal::Signal;

use crate::harness::{Frame, Home, Reader, assert_same, eventually, numbers};

/// Ends the daemon without a warning.
fn kill_daemon(home: &mut Home) {
    home.signal_daemon(Signal::SIGKILL);
    home.daemon_ended();
}

/// What happened in the last 50 ms may not be stored yet.
fn until_stored(home: &Home) {
    eventually("all of it is stored", || {
        (!journal_check(home).detail.contains("not written yet")).then_some(())
    });
}

/// Where a session is that counts.
fn count(home: &Home, session: &Session) -> u32 {
    let target = format!("=codepiper-{}:", session.short_id);
    eventually("it counts", || {
        let screen = home.tmux_says(&["capture-pane", "-p", "-t", &target]);
        screen.lines().rev().find_map(|line| line.parse().ok())
    })
}

/// Waits until it has come so far; where it is then.
fn until_counted(home: &Home, session: &Session, to: u32) -> u32 {
    eventually("it goes on", || Some(count(home, session)).filter(|count| *count >= to))
}

fn tail(home: &Home, session: &Session) -> String {
    home.ok(["tail", &session.short_id, "-n", "all"])
}

fn counted(last: u32) -> String {
    numbers(last).replace('\r', "")
}

/// What a session prints is told to a program by this file.
fn gate(home: &Home) -> String {
    home.path("gate").display().to_string()
}

fn open_gate(home: &Home) {
    fs::write(gate(home), "").unwrap();
}

fn journal_check(home: &Home) -> Check {
    let ran = home.run(["doctor", "--json"]);
    let checks: Vec<Check> = serde_json::from_str(&ran.stdout).unwrap();
    checks.into_iter().find(|check| check.name == "journal").unwrap()
}

fn events(home: &Home, flags: &[&str]) -> Vec<Event> {
    let lines = home.ok(["logs", "--json"].iter().chain(flags));
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn everything_is_there_after_a_stop_and_after_a_kill() {
    const LAST: u32 = 100_000;
    let mut home = Home::running();
    let session = home.start(&["seq", &LAST.to_string()]);
    let ended = home.until_ended(&session);
    assert_same(tail(&home, &session).as_bytes(), counted(LAST).as_bytes());
    let shown = home.ok(["tail", &session.short_id, "-n", "5"]);
    home.stop_daemon();
    home.start_daemon();
    assert_same(tail(&home, &session).as_bytes(), counted(LAST).as_bytes());
    assert_eq!(home.ok(["tail", &session.short_id, "-n", "5"]), shown);
    let cursor = home.session(&session.short_id).cursor;
    assert_eq!(cursor, ended.cursor, "a reader goes on where it was");

    kill_daemon(&mut home);
    home.start_daemon();
    assert_same(tail(&home, &session).as_bytes(), counted(LAST).as_bytes());
    assert_eq!(home.session(&session.short_id).cursor, ended.cursor, "all of it had been stored");
    home.ok(["resume", &session.short_id]);
    home.until_ended(&session);
    assert_same(tail(&home, &session).as_bytes(), [counted(LAST), counted(LAST)].concat().as_bytes());
}

#[test]
fn a_daemon_that_is_killed_again_and_again_loses_no_line_and_doubles_none() {
    const KILLS: u32 = 20;
    // About 2,000 lines a second, up to a number that a file says. The daemon is away while 6,000 of them
    // are printed, and never more than tmux holds, however slow the machine is.
    let script = "i=0; while read -r limit <\"$0\" && ((limit)); do \
        for ((n = 0; n < 20 && i < limit; n++)); do echo $((++i)); done; read -t 0.01; done; exit 0";
    let mut home = Home::running();
    fs::write(gate(&home), "1000\n").unwrap();
    let session = home.start(&["bash", "-c", script, &gate(&home)]);
    for _ in 0..KILLS {
        let until = |limit: u32| {
            let beside = home.path("beside");
            fs::write(&beside, format!("{limit}\n")).unwrap();
            fs::rename(beside, gate(&home)).unwrap();
        };
        until(1_000_000);
        let before = count(&home, &session);
        let count = until_counted(&home, &session, before + 500);
        until(count + 8000);
        kill_daemon(&mut home);
        until_counted(&home, &session, count + 6000);
        home.start_daemon();
    }
    fs::write(gate(&home), "0\n").unwrap();
    home.until_ended(&session);
    let text = tail(&home, &session);
    let last = text.lines().last().unwrap().parse().unwrap();
    assert_same(text.as_bytes(), counted(last).as_bytes());
    assert!(last > KILLS * 6500, "{last}");
    let gaps = events(&home, &["--type", "terminal.gap_recorded"]);
    assert_eq!(gaps, []);
}

/// While a daemon does not read, tmux may let programs wait; they do not wait for one that is dead.
#[test]
fn programs_go_on_when_a_daemon_that_did_not_read_is_killed() {
    let mut home = Home::running();
    let script = "until [ -e \"$0\" ]; do read -t 0.01; done; seq 1000000; touch \"$0.done\"; read";
    let session = home.start(&["bash", "-c", script, &gate(&home)]);
    home.signal_daemon(Signal::SIGSTOP);
    open_gate(&home);
    count(&home, &session);
    kill_daemon(&mut home);
    let done = format!("{}.done", gate(&home));
    eventually("everything is printed", || fs::exists(&done).unwrap().then_some(()));
    let clients = || home.tmux_says(&["list-clients", "-t", "=_hub:"]);
    eventually("its client is gone", || clients().is_empty().then_some(()));
}

/// A daemon is killed while `script` waits for its gate, and comes back after it has printed the rest.
/// What `tail` shows then, and its messages.
fn printed_while_away(script: &str, meanwhile: impl FnOnce(&Home, &Session)) -> (String, String) {
    let mut home = Home::running();
    let script = format!("{script}\necho; echo the end; read");
    let session = home.start(&["bash", "-c", &script, &gate(&home)]);
    home.until_printed(&session, "before");
    until_stored(&home);
    kill_daemon(&mut home);
    meanwhile(&home, &session);
    open_gate(&home);
    let target = format!("=codepiper-{}:", session.short_id);
    eventually("the program is done", || {
        home.tmux_says(&["capture-pane", "-p", "-t", &target]).contains("the end").then_some(())
    });
    home.start_daemon();
    eventually("its screen is known", || tail(&home, &session).contains("the end").then_some(()));
    assert_eq!(home.session(&session.short_id).status, Status::Running);
    let ran = home.run(["tail", &session.short_id, "-n", "all"]);
    (ran.stdout, ran.stderr)
}

const WAIT: &str = "until [ -e \"$0\" ]; do read -t 0.01; done";

#[test]
fn what_was_printed_while_the_daemon_was_away_comes_once_or_as_one_gap() {
    let nothing = |_: &Home, _: &Session| {};
    // Lines that wrap, and one that was begun.
    let wide = "x".repeat(300);
    let script = format!(
        "echo before; echo {wide}; printf half; {WAIT}; echo ' and half'; echo {wide}1; echo {wide}2"
    );
    let (text, said) = printed_while_away(&script, nothing);
    assert_eq!(text, format!("before\n{wide}\nhalf and half\n{wide}1\n{wide}2\n\nthe end\n"));
    assert_eq!(said, "");

    // The same line, again and again.
    let script = format!(
        "echo before; for ((i = 0; i < 1000; i++)); do echo same; done; {WAIT}; \
         for ((i = 0; i < 7000; i++)); do echo same; done"
    );
    let (text, said) = printed_while_away(&script, nothing);
    assert_eq!((text.matches("same\n").count(), said.as_str()), (8000, ""));

    // A clear between the lines: tmux keeps them in its history.
    let script = format!("echo before; seq 100; {WAIT}; seq 101 200; printf '\\033[H\\033[2J'; seq 201 300");
    let (text, said) = printed_while_away(&script, nothing);
    assert_eq!((text.as_str(), said.as_str()), (&*format!("before\n{}\nthe end\n", counted(300)), ""));
}

#[test]
fn what_cannot_be_found_again_is_one_gap() {
    // The history goes too.
    let script =
        format!("seq 100; echo before; {WAIT}; seq 101 200; printf '\\033[H\\033[2J\\033[3J'; echo after");
    let (text, said) = printed_while_away(&script, |_, _| {});
    assert_eq!(said.matches("missing").count(), 1, "{said}");
    assert!(text.contains("\n100\nbefore\n") && text.ends_with("the end\n"), "{text}");

    // On the alternate screen.
    let script = format!("echo before; printf '\\033[?1049h'; seq 100; {WAIT}; seq 101 200");
    let (text, said) = printed_while_away(&script, |_, _| {});
    assert_eq!(said.matches("missing").count(), 1, "{said}");
    assert!(text.contains("the end"), "{text}");

    // More than tmux holds, numbered or always the same.
    for printed in ["seq 101 30000", "for ((i = 0; i < 30000; i++)); do echo 100; done"] {
        let script = format!("seq 100; echo before; {WAIT}; {printed}");
        let (text, said) = printed_while_away(&script, |_, _| {});
        assert_eq!(said.matches("missing").count(), 1, "{said}");
        assert!(text.contains("\n99\n100\nbefore\n") && text.ends_with("the end\n"), "{text}");
    }

    // What is on the screen is overwritten, and the lines can be counted.
    let redrawn = "printf '\\033[H'";
    let script = format!("seq 100; echo before; {WAIT}; {redrawn}; seq 101 250");
    let (text, said) = printed_while_away(&script, |_, _| {});
    assert!(said.contains(" lines of output, printed while"), "{said} {text}");
    assert!(text.contains("\n100\nbefore\n") && text.ends_with("the end\n"), "{text}");
}

#[test]
fn a_resize_meanwhile_loses_no_line() {
    let script = format!("echo before; seq 100; {WAIT}; seq 101 200");
    let (text, said) = printed_while_away(&script, |home, session| {
        let target = format!("=codepiper-{}:", session.short_id);
        home.tmux_says(&["resize-window", "-t", &target, "-x", "100", "-y", "40"]);
    });
    assert_eq!((text.as_str(), said.as_str()), (&*format!("before\n{}\nthe end\n", counted(200)), ""));
}

#[test]
fn events_are_remembered_and_numbered_on() {
    let mut home = Home::running();
    let session = home.start(&["true"]);
    home.until_ended(&session);
    let kinds = |home: &Home| -> Vec<String> {
        let found = events(home, &["--source", "session", "-n", "100"]);
        assert!(found.is_sorted_by_key(|event| event.seq));
        found.iter().map(|event| event.kind().to_owned()).collect()
    };
    let before = kinds(&home);
    assert!(before.ends_with(&["session.ended".to_owned()]), "{before:?}");
    home.stop_daemon();
    home.start_daemon();
    assert_eq!(kinds(&home), before);
    let system: Vec<_> = events(&home, &["--source", "system"]);
    let starts = system.iter().filter(|event| event.kind() == "system.daemon_started").count();
    assert_eq!(starts, 2);
    kill_daemon(&mut home);
    home.start_daemon();
    assert_eq!(kinds(&home), before);
    home.ok(["sessions", "rename", &session.short_id, "later"]);
    assert_eq!(kinds(&home).last().unwrap(), "session.renamed");
}

#[test]
fn the_screen_of_an_ended_session_is_still_shown() {
    let mut home = Home::running();
    let session = home.start(&["printf", "\\033[2J\\033[5;10Hlast words"]);
    home.until_ended(&session);
    home.stop_daemon();
    home.start_daemon();
    let mut socket = home.websocket();
    socket.subscribe(&session.short_id, Default::default(), Default::default());
    let screen = loop {
        if let Frame::Binary { bytes, .. } = socket.next() {
            break bytes;
        }
    };
    let screen = String::from_utf8(screen).unwrap();
    assert!(screen.contains("\x1b[5;10Hlast") && screen.contains("words"), "{screen:?}");
}

#[test]
fn a_damaged_journal_is_told_of_and_stops_nobody() {
    let mut home = Home::running();
    let old = home.start(&["seq", "20000"]);
    home.until_ended(&old);
    home.stop_daemon();
    let file = home.path("data/journal/1/segment");
    let size = fs::metadata(&file).unwrap().len();
    fs::File::options().write(true).open(&file).unwrap().set_len(size / 5).unwrap();
    home.start_daemon();
    let damaged = events(&home, &["--type", "journal.damaged"]);
    assert_eq!(damaged.len(), 1, "{damaged:?}");
    let check = journal_check(&home);
    assert_eq!(check.verdict, Verdict::Warning, "{check:?}");
    assert!(check.detail.contains("bytes"), "{check:?}");
    let new = home.start(&["seq", "1000"]);
    home.until_ended(&new);
    assert_eq!(tail(&home, &new), counted(1000));
    let lost = home.run(["tail", &old.short_id, "-n", "all"]);
    assert!(lost.code == Some(0) && lost.stderr.contains("missing"), "{}", lost.stderr);
    home.stop_daemon();
    home.start_daemon();
    assert_eq!(tail(&home, &new), counted(1000));
}

#[test]
fn a_full_disk_stops_the_journal_and_nothing_else() {
    let mut home = Home::new();
    fs::write(home.path("config.toml"), "[journal]\nreserve_mib = 100000000\n").unwrap();
    home.start_daemon();
    let session = home.start(&["seq", "1000"]);
    home.until_ended(&session);
    assert_eq!(tail(&home, &session), counted(1000));
    let check = eventually("doctor says that the disk is full", || {
        Some(journal_check(&home)).filter(|check| check.verdict == Verdict::Broken)
    });
    assert!(check.detail.contains("disk is full"), "{check:?}");
    assert_eq!(events(&home, &["--type", "journal.paused"]).len(), 1);
}

#[test]
fn whoever_follows_events_gets_each_once_over_a_killed_daemon() {
    let mut home = Home::running();
    let session = home.start(&["sleep", "1000"]);
    let reader = Reader::start(home.command(["logs", &session.short_id, "--follow", "--json"]));
    for name in ["one", "two", "three"] {
        home.ok(["sessions", "rename", &session.short_id, name]);
        reader.wait_for(&format!("\"{name}\""));
        kill_daemon(&mut home);
        home.start_daemon();
    }
    home.ok(["kill", &session.short_id]);
    reader.wait_for("session.ended");
    let text = String::from_utf8(reader.bytes()).unwrap();
    let renamed: Vec<_> = text.lines().filter(|line| line.contains("session.renamed")).collect();
    assert_eq!(renamed.len(), 3, "{text}");
}

#[test]
fn tail_as_json_is_one_stream_of_output_and_events() {
    let mut home = Home::running();
    let session = home.bash("stty -echo; echo one; read; echo two; read; echo three; sleep 0.01");
    let mut reader = home.follow(&session, &["--json", "-n", "all"]);
    home.until_printed(&session, "one");
    home.ok(["send", &session.short_id, "go"]);
    home.until_printed(&session, "two");
    home.ok(["resize", &session.short_id, "100x30"]);
    home.until(&session, "it has the size", |session| session.size.cols() == 100);
    home.ok(["send", &session.short_id, "go"]);
    home.until_ended(&session);
    let live = String::from_utf8(reader.finish()).unwrap();
    let words = |stream: &str| -> Vec<String> {
        let word = |line: &str| -> Option<String> {
            let entry: serde_json::Value = serde_json::from_str(line).unwrap();
            let kind = match entry["type"].as_str().unwrap() {
                "output" => entry["text"].as_str().unwrap().trim().to_owned(),
                "event" => entry["event"]["kind"].as_str().unwrap().to_owned(),
                other => other.to_owned(),
            };
            assert!(entry["cursor"].is_string(), "{line}");
            ["one", "two", "three", "input.sent", "terminal.resized", "keyframe", "session.ended", "ended"]
                .contains(&kind.as_str())
                .then_some(kind)
        };
        stream.lines().filter_map(word).collect()
    };
    let wanted = [
        "keyframe",
        "one",
        "input.sent",
        "two",
        "keyframe",
        "terminal.resized",
        "input.sent",
        "three",
        "session.ended",
        "ended",
    ];
    let sorted = |words: &[String]| {
        // What happens in the same millisecond may stand either way.
        let mut words = words.to_vec();
        words.sort();
        words
    };
    assert_eq!(sorted(&words(&live)), sorted(&wanted.map(str::to_owned)), "{live}");
    let order = |words: &[String], first: &str, then: &str| {
        words.iter().position(|word| word == first) < words.iter().rposition(|word| word == then)
    };
    until_stored(&home);
    kill_daemon(&mut home);
    home.start_daemon();
    let past = home.ok(["tail", &session.short_id, "-n", "all", "--json"]);
    for stream in [&live, &past] {
        let words = words(stream);
        assert_eq!(sorted(&words), sorted(&wanted.map(str::to_owned)), "{stream}");
        for pair in
            ["one", "input.sent", "three"].windows(2).chain(["two", "terminal.resized", "three"].windows(2))
        {
            assert!(order(&words, pair[0], pair[1]), "{pair:?} {words:?}");
        }
    }
}
