//! What a program prints is seen: all of it, once, in order, with its end.

use std::time::Duration;

use codepiper_protocol::wire::output::FoundOutput;
use nix::sys::signal::Signal;

use crate::harness::{Home, assert_same, eventually, exists, exited, numbers, signaled};

#[test]
fn every_line_is_seen_once_and_in_order() {
    let home = Home::running();
    let session = home.bash("stty -echo; echo ready; read; seq 1 200000");
    let mut reader = home.follow(&session, &["--raw", "-n", "all"]);
    reader.wait_for("ready\r\n");
    home.ok(["send", &session.short_id, ""]);
    reader.wait_for("\n50000\r\n");
    let mut late = home.follow(&session, &["--raw", "-n", "all"]);
    let wanted = format!("ready\r\n{}", numbers(200_000));
    assert_same(&reader.finish(), wanted.as_bytes());
    assert_same(&late.finish(), wanted.as_bytes());
    let text = home.ok(["tail", &session.short_id, "-n", "all"]);
    assert_same(text.as_bytes(), wanted.replace('\r', "").as_bytes());
}

/// Newest first, each once, wherever a search ends and the next one goes on; and as they were shown: coloured, wrapped,
/// from before a resize.
#[test]
fn lines_are_found_by_their_text() {
    let home = Home::running();
    let session = home.bash(
        "stty -echo; seq -f 'line %g of many' 1 30000; printf 'a \\033[1mNee\\033[0mdle\\n'; read x; echo $(printf '%090d' 1)needle; \
         seq 1 100; printf 'the last neeDLE'; read x",
    );
    let id = &session.id.to_string();
    home.ok(["wait", id, "--until", "text=a Needle", "--timeout", "20"]);
    home.ok(["resize", id, "70x20"]);
    home.ok(["send", id, ""]);
    home.ok(["wait", id, "--until", "text=the last", "--timeout", "20"]);
    let search = |query: &str| -> FoundOutput {
        serde_json::from_slice(&home.get(&format!("/api/sessions/{id}/search?{query}")).body).unwrap()
    };
    let lines = |query: &str| -> Vec<String> {
        let found = search(query);
        assert_eq!(found.next, None, "all of it was searched");
        found.hits.into_iter().map(|hit| hit.line).collect()
    };
    let wrapped = format!("{:090}needle", 1);
    assert_eq!(lines("text=needle"), ["the last neeDLE", &wrapped, "a Needle"]);
    assert_eq!(lines("text=line+2999+of"), ["line 2999 of many"]);
    let mut numbers = (1..=30_000).rev();
    let mut before = String::new();
    loop {
        let found = search(&format!("text=OF%20many&limit=777{before}"));
        for hit in found.hits {
            let number = numbers.next().unwrap();
            assert_eq!(hit.line, format!("line {number} of many"));
        }
        let Some(next) = found.next else { break };
        before = format!("&before={next}");
    }
    assert_eq!(numbers.next(), None);
    // In the middle of one line, behind which there are several checkpoints; and on the screen of one that prints no more.
    let long = home.bash("stty -echo; head -c 300000 /dev/zero | tr '\\0' x; printf hidden; head -c 600000 /dev/zero | tr '\\0' y; echo; echo end; read x");
    home.ok(["wait", &long.short_id, "--until", "text=end", "--timeout", "20"]);
    let found = home.get(&format!("/api/sessions/{}/search?text=xhiddeny", long.id));
    let found: FoundOutput = serde_json::from_slice(&found.body).unwrap();
    assert_eq!(found.hits.len(), 1, "{:?}", found.next);
    for (query, said) in [("text=", "'text'"), ("text=x&before=0:99999999", "past the end")] {
        let answer = home.get(&format!("/api/sessions/{id}/search?{query}"));
        let body = String::from_utf8(answer.body).unwrap();
        assert!(answer.status == 400 && body.contains(said), "{body}");
    }
}

#[test]
fn the_last_output_and_the_status_of_a_program_that_exits_at_once_are_seen() {
    let home = Home::running();
    for (end, exit) in [("exit 7", exited(7)), ("kill -9 $$", signaled(9))] {
        let session = home.bash(&format!("seq 1 20000; {end}"));
        let mut reader = home.follow(&session, &["--raw", "-n", "all"]);
        assert_same(&reader.finish(), numbers(20_000).as_bytes());
        assert_eq!(home.session(&session.short_id).exit, Some(exit));
    }
}

#[test]
fn what_an_exit_marker_begins_with_is_ordinary_output() {
    let home = Home::running();
    for piece in ["\x1b", "\x1b]"] {
        let printf = piece.replace('\x1b', "\\033");
        let session = home.bash(&format!("stty -echo; printf 'a{printf}'; read; printf '[1mb'"));
        let mut reader = home.follow(&session, &["--raw", "-n", "all"]);
        reader.wait_for(&format!("a{piece}"));
        home.ok(["send", &session.short_id, ""]);
        assert_same(&reader.finish(), format!("a{piece}[1mb").as_bytes());
    }
}

#[test]
fn a_program_that_ends_while_the_daemon_stands_still_loses_nothing() {
    let home = Home::running();
    for (end, exit) in [("exit 7", exited(7)), ("kill -9 $$", signaled(9))] {
        let session =
            home.bash(&format!("until [ -e go ]; do read -t 0.01; done; rm go; seq 1 20000; {end}"));
        let mut reader = home.follow(&session, &["--raw", "-n", "all"]);
        home.signal_daemon(Signal::SIGSTOP);
        std::fs::write(home.path("go"), "").unwrap();
        eventually("the program goes on", || (!home.path("go").exists()).then_some(()));
        // The standstill.
        std::thread::sleep(Duration::from_secs(3));
        home.signal_daemon(Signal::SIGCONT);
        assert_same(&reader.finish(), numbers(20_000).as_bytes());
        assert_eq!(home.session(&session.short_id).exit, Some(exit));
    }
}

#[test]
fn a_flood_while_the_daemon_stands_still_is_neither_lost_nor_doubled() {
    let home = Home::running();
    let session = home.bash("echo ready; until [ -e go ]; do read -t 0.01; done; echo >on; seq 1 300000");
    let mut reader = home.follow(&session, &["--raw", "-n", "all"]);
    reader.wait_for("ready\r\n");
    home.signal_daemon(Signal::SIGSTOP);
    std::fs::write(home.path("go"), "").unwrap();
    eventually("the program goes on", || exists(&home.path("on")));
    // The standstill: longer than a shim waits for a daemon that is not there.
    std::thread::sleep(Duration::from_secs(7));
    home.signal_daemon(Signal::SIGCONT);
    assert_same(&reader.finish(), format!("ready\r\n{}", numbers(300_000)).as_bytes());
}

/// tmux keeps the cursor at its letter: from there, the line feed leads into the line, or beside it.
#[test]
fn a_resize_between_a_line_and_its_line_feed_takes_nothing_from_it() {
    let home = Home::running();
    let line = format!("{:040}", 7);
    for [before, after] in [["80x24", "25x24"], ["25x24", "60x24"], ["25x24", "26x24"], ["80x24", "15x2"]] {
        let script = "stty -echo -opost; read; printf 'one\r\n%040d\r' 7; read; printf '\nlast\r\n'; read";
        let session = home.bash(script);
        let id = &session.short_id;
        home.ok(["resize", id, before]);
        let mut reader = home.follow(&session, &["-n", "all"]);
        home.ok(["send", id, ""]);
        home.until_printed(&session, &format!("{line}\r"));
        home.ok(["resize", id, after]);
        home.ok(["send", id, ""]);
        home.until_printed(&session, "last");
        let wanted = format!("one\n{line}\nlast\n");
        assert_eq!(home.ok(["tail", id, "-n", "all"]), wanted, "{before} to {after}");
        home.ok(["send", id, ""]);
        assert_same(&reader.finish(), wanted.as_bytes());
    }
}

#[test]
fn what_follows_an_unfinished_control_string_is_seen() {
    let home = Home::running();
    // tmux gives up on each after 5 s. The strings that go on, or are ended in time, stay strings.
    let begun = ["\\033]0;half", "\\033P1q", "\\033_app", "\\033kname", "\\033X", "\\033^"];
    let sessions = begun.map(|string| {
        let late = "sleep 6; printf 'after\\r\\nlast\\r\\n'";
        home.bash(&format!("stty -echo; printf 'before\\r\\n{string}'; sleep 1; printf lost; {late}; read"))
    });
    for session in sessions {
        let id = &session.short_id;
        let mut reader = home.follow(&session, &["-n", "all"]);
        home.ok(["wait", id, "--until", "text=^last", "--timeout", "20"]);
        assert_eq!(home.ok(["tail", id, "-n", "all"]), "before\nafter\nlast\n");
        home.ok(["send", id, ""]);
        assert_same(&reader.finish(), b"before\nafter\nlast\n");
        let raw = home.ok(["tail", id, "-n", "all", "--raw"]);
        assert!(raw.contains("lostafter"), "{raw:?}");
        assert_eq!(home.ok(["tail", id, "-n", "all"]), "before\nafter\nlast\n");
    }
}
