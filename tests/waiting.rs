//! Waiting misses nothing, and ends in time.

use std::time::{Duration, Instant};

use codepiper_protocol::wire::input::Sent;
use codepiper_protocol::wire::session::Session;

use crate::harness::{Home, Reader, eventually};

/// Answers each line at once, and `end N` by exiting.
const ECHO: &str = "stty -echo; echo ready; while read -r word rest; do case $word in \
    end) exit $rest;; *) echo answer $word $rest;; esac; done";

fn echo(home: &Home) -> Session {
    let session = home.bash(ECHO);
    home.until_printed(&session, "ready");
    session
}

fn wait(home: &Home, session: &Session, flags: &[&str]) -> Option<i32> {
    let args = [&["wait", &session.short_id, "--until"], flags].concat();
    home.run(args).code
}

#[test]
fn what_was_printed_between_send_and_wait_is_not_missed() {
    let home = Home::running();
    let session = echo(&home);
    let id = session.short_id.as_str();
    for round in 0..3 {
        let sent: Sent =
            serde_json::from_str(&home.ok(["send", id, "--json", &format!("round {round}")])).unwrap();
        let answer = format!("answer round {round}");
        home.until_printed(&session, &answer);
        let (from, until) = (sent.cursor.to_string(), format!("text=^{answer}$"));
        assert_eq!(wait(&home, &session, &[&until, "--from", &from, "--timeout", "15"]), Some(0));
        // What was printed before the cursor does not count.
        let earlier = "text=^ready$";
        assert_eq!(wait(&home, &session, &[earlier, "--from", &from, "--timeout", "0.1"]), Some(5));
    }
    let args = ["send", id, "both", "--wait", "text=answer both", "--timeout", "15"];
    home.ok(args);
    home.fails_after_output(5, ["send", id, "other", "--wait", "text=never", "--timeout", "0.1"]);
}

#[test]
fn a_pattern_is_found_wherever_the_output_is_cut() {
    let home = Home::running();
    // Each byte is a write of its own, and the line has no end.
    let script = "stty -echo; echo ready; read; for c in n e e d l e ' ' 4 2; do printf %s \"$c\"; read -t 0.02; done; read";
    let session = home.bash(script);
    home.until_printed(&session, "ready");
    home.ok(["send", &session.short_id, "", "--wait", "text=^needle \\d{2}$", "--timeout", "15"]);
    // Cut by escape sequences, too.
    let script = "stty -echo; echo ready; read; printf 'nee\\e[31mdle\\e[0m 4'; read -t 0.05; printf '\\e[1m2\\e[m\\n'; read";
    let session = home.bash(script);
    home.until_printed(&session, "ready");
    home.ok(["send", &session.short_id, "", "--wait", "text=^needle \\d{2}$", "--timeout", "15"]);
}

#[test]
fn the_end_of_the_session_ends_every_wait() {
    let home = Home::running();
    for (until, code) in [("exit", 0), ("text=never", 7), ("quiet=1000", 7), ("idle", 7), ("waiting", 7)] {
        let session = echo(&home);
        let mut waiting =
            Reader::start(home.command(["wait", &session.short_id, "--until", until, "--timeout", "15"]));
        home.ok(["send", &session.short_id, "end 3"]);
        assert_eq!(waiting.ended().code, Some(code), "{until}");
        assert_eq!(wait(&home, &session, &[until]), Some(code), "{until}, afterwards");
    }
    let session = echo(&home);
    home.ok(["send", &session.short_id, "end 0", "--wait", "exit", "--timeout", "15"]);
}

#[test]
fn a_limit_in_time_is_kept() {
    let home = Home::running();
    let session = echo(&home);
    for until in ["exit", "text=never", "quiet=1000", "idle", "waiting"] {
        let begun = Instant::now();
        assert_eq!(wait(&home, &session, &[until, "--timeout", "0.3"]), Some(5), "{until}");
        let waited = begun.elapsed();
        assert!(Duration::from_millis(300) < waited && waited < Duration::from_secs(5), "{waited:?}");
    }
}

#[test]
fn silence_is_counted_from_the_last_output() {
    let home = Home::running();
    let session = home.bash("for i in 1 2 3 4 5 6 7 8; do echo $i; read -t 0.2; done; echo last; read");
    assert_eq!(wait(&home, &session, &["quiet=0.7", "--timeout", "15"]), Some(0));
    assert!(home.output(&session).ends_with("last\r\n"), "{:?}", home.output(&session));
}

#[test]
fn waiting_sleeps_until_something_is_told() {
    let home = Home::running();
    let session = echo(&home);
    let waiting = Reader::start(home.command(["wait", &session.short_id, "--until", "text=never"]));
    let switches = || -> u64 {
        crate::harness::status_of(waiting.pid(), "voluntary_ctxt_switches").unwrap().parse().unwrap()
    };
    // It has subscribed when nothing moves any more.
    let mut before = u64::MAX;
    eventually("it sleeps", || {
        let now = switches();
        std::thread::sleep(Duration::from_millis(300));
        (std::mem::replace(&mut before, now) == now && now > 0).then_some(())
    });
    let before = switches();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(switches(), before);
}

#[test]
fn changes_of_the_list_are_printed_as_they_come() {
    let mut home = Home::new();
    home.start_daemon();
    let before = home.start_with(&["--name", "before"], &["cat"]);
    home.until(&before, "what runs is known", |session| session.foreground.is_some());
    let words = Reader::start(home.command(["sessions", "--follow"]));
    let running = Reader::start(home.command(["sessions", "-f", "--status", "running", "--json"]));
    words.wait_for("before");
    running.wait_for(&before.id.to_string());
    let after = home.start_with(&["--name", "after"], &["cat"]);
    words.wait_for("after                 Running");
    home.ok(["stop", "after"]);
    words.wait_for("after                 Stopped");
    running.wait_for("\"status\":\"stopped\"");
    home.ok(["sessions", "remove", "after"]);
    words.wait_for("after                 Removed");
    // Also behind a restart of the daemon, and what has not changed is not said again.
    home.stop_daemon();
    home.start_daemon();
    home.ok(["sessions", "rename", "before", "renamed"]);
    words.wait_for("renamed               Running");
    running.wait_for("\"name\":\"renamed\"");
    let said = |reader: &Reader| String::from_utf8(reader.bytes()).unwrap();
    let lines = said(&running);
    let ends = lines.lines().filter(|line| line.contains("\"stopped\""));
    assert_eq!(ends.count(), 1, "one that left the filter: {lines}");
    assert!(!lines.contains("removed"), "it had left: {lines}");
    assert!(lines.lines().all(|line| serde_json::from_str::<Session>(line).is_ok()), "{lines}");
    assert!(lines.contains(&after.id.to_string()));
}
