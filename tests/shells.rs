//! What a shell does: whether it prompts, or which command runs.

use std::fs;

use codepiper_protocol::wire::session::{Activity, EvidenceSource, Printed, Session};
use codepiper_protocol::wire::stream::{ClientMessage, ServerMessage};
use codepiper_protocol::wire::timeline::Timeline;

use crate::harness::{Home, Owner, WebSocket, eventually};

fn interactive(home: &Home, words: &[&str]) -> Session {
    let session = home.start(words);
    home.until(&session, "it prompts", at_prompt)
}

fn at_prompt(session: &Session) -> bool {
    let prompts = session.foreground.as_ref().is_some_and(|foreground| foreground.command.is_none());
    session.activity == Activity::Idle && prompts
}

fn command(session: &Session) -> Option<&str> {
    session.foreground.as_ref()?.command.as_deref()
}

fn type_line(home: &Home, session: &Session, line: &str) {
    home.ok(["send", &session.short_id, line]);
}

const BASH: [&str; 3] = ["bash", "--norc", "--noprofile"];

#[test]
fn a_shell_is_at_its_prompt_or_runs_something() {
    let home = Home::running();
    let session = interactive(&home, &BASH);
    type_line(&home, &session, "sleep 1000 | cat");
    let works = home.until(&session, "it works", |session| session.activity == Activity::Working);
    assert_eq!(command(&works), Some("sleep 1000"));
    let shell = home.session(&session.short_id).pid;
    assert!(works.foreground.as_ref().is_some_and(|foreground| Some(foreground.pid) != shell));
    assert!(home.ok(["sessions"]).contains("running sleep 1000"), "{}", home.ok(["sessions"]));
    home.ok(["keys", &session.short_id, "ctrl+c"]);
    home.until(&session, "it prompts again", at_prompt);
    assert!(home.ok(["sessions"]).contains("at its prompt"), "{}", home.ok(["sessions"]));
    let evidence = home.explain(&session.short_id).evidence;
    let proof = evidence.last().unwrap();
    assert_eq!(
        (proof.source, proof.what.as_str()),
        (EvidenceSource::Foreground, "its shell is in the foreground")
    );
    assert_eq!(proof.state, "running, idle");
}

#[test]
fn waiting_for_idle_waits_for_the_prompt() {
    let home = Home::running();
    let session = interactive(&home, &BASH);
    let go = home.path("go");
    let line =
        format!("until [ -e {0} ]; do /bin/sleep 0.05; done; /bin/sleep 0.3; touch {0}.done", go.display());
    // In a shell of its own: what a shell does itself is not noticed.
    let line = format!("sh -c '{line}'");
    let mut waiting = crate::harness::Reader::start(home.command([
        "send",
        &session.short_id,
        &line,
        "--wait",
        "idle",
        "--timeout",
        "60",
    ]));
    home.until(&session, "it works", |session| session.activity == Activity::Working);
    fs::write(&go, "").unwrap();
    assert_eq!(waiting.ended().code, Some(0));
    assert!(home.path("go.done").exists(), "not before the command ended");
    // One that is done at once, and one that prints nothing.
    for line in ["true", "echo x", "cd /"] {
        home.ok(["send", &session.short_id, line, "--wait", "idle", "--timeout", "60"]);
    }
}

#[test]
fn a_shell_in_a_shell_prompts_and_a_script_does_not() {
    let home = Home::running();
    let session = interactive(&home, &BASH);
    type_line(&home, &session, "sh");
    let inner = home.until(&session, "the inner shell prompts", |session| {
        at_prompt(session) && session.foreground.as_ref().map(|foreground| foreground.pid) != session.pid
    });
    type_line(&home, &inner, "exit");
    home.until(&session, "the outer one does", |session| {
        at_prompt(session) && session.foreground.as_ref().map(|foreground| foreground.pid) == session.pid
    });
    let script = home.path("work.sh");
    fs::write(&script, "sleep 1000; true").unwrap();
    type_line(&home, &session, &format!("bash {}", script.display()));
    let works = home.until(&session, "the script works", |session| session.activity == Activity::Working);
    assert!(command(&works).unwrap().starts_with("bash /"), "{works:?}");
    // Stopped, it leaves the terminal to the shell.
    home.ok(["keys", &session.short_id, "ctrl+z"]);
    home.until(&session, "it prompts", at_prompt);
}

#[test]
fn marks_cover_what_a_shell_does_itself() {
    let home = Home::running();
    let rc = home.path("rc");
    fs::write(&rc, "PS0='\\e]133;C\\a'\nPS1='\\[\\e]133;A\\a\\]$ '\n").unwrap();
    let session = interactive(&home, &["bash", "--noprofile", "--rcfile", rc.to_str().unwrap()]);
    type_line(&home, &session, "read answer");
    let works = home.until(&session, "it works", |session| session.activity == Activity::Working);
    assert_eq!(command(&works), None, "the shell itself is in the foreground");
    home.ok(["keys", &session.short_id, "enter"]);
    home.until(&session, "it prompts", |session| session.activity == Activity::Idle);
    // A shell without marks in it, and back.
    type_line(&home, &session, "env PS0= PS1='$ ' bash --norc --noprofile");
    home.until(&session, "the inner shell prompts", |session| {
        at_prompt(session) && session.foreground.as_ref().map(|foreground| foreground.pid) != session.pid
    });
}

#[test]
fn a_report_ends_with_the_program_that_made_it() {
    let home = Home::running();
    let session = interactive(&home, &BASH);
    type_line(
        &home,
        &session,
        "printf '\\033]7501;state=working:progress=5\\033\\\\'; sh -c 'sleep 1000; true'",
    );
    home.until(&session, "it reports", |session| session.program_status.is_some());
    home.ok(["keys", &session.short_id, "ctrl+c"]);
    home.until(&session, "it prompts", |session| at_prompt(session) && session.program_status.is_none());
}

/// The daemon finds a shell running, and knows what it does and since when.
#[test]
fn a_restart_finds_what_runs() {
    let mut home = Home::running();
    let session = interactive(&home, &BASH);
    type_line(&home, &session, "sleep 1000");
    let before = home.until(&session, "it works", |session| command(session) == Some("sleep 1000"));
    home.stop_daemon();
    home.start_daemon();
    let after = home.until(&session, "it is known again", |session| command(session) == Some("sleep 1000"));
    assert_eq!(after.activity, Activity::Working);
    let (before, after) = (before.foreground.unwrap(), after.foreground.unwrap());
    assert_eq!(before.pid, after.pid);
    let moved = after.since.duration_since(before.since).unsigned_abs();
    assert!(moved.as_secs() < 2, "{moved:?}");
    home.ok(["kill", &session.short_id]);
    eventually("nothing is in its foreground", || {
        home.session(&session.short_id).foreground.is_none().then_some(())
    });
}

/// What a daemon knew of a session is as old as it was for the next one, and so is what it rested on.
#[test]
fn a_restart_keeps_the_age_of_a_state_and_its_evidence() {
    let home = Home::running();
    let session = interactive(&home, &BASH);
    let silent = home.start(&["sh", "-c", "sleep 1000; true"]);
    let works = home.until(&silent, "it works", |session| session.activity == Activity::Working);
    let idle = home.session(&session.short_id);
    for _ in 0..2 {
        home.ok(["daemon", "restart"]);
        let after = home.until(&session, "it prompts", at_prompt);
        assert_eq!(after.state_since, idle.state_since);
        let after = home.until(&silent, "it works", |session| session.activity == Activity::Working);
        assert_eq!(after.state_since, works.state_since);
    }
    let evidence = home.explain(&session.short_id).evidence;
    let before = "its shell is in the foreground (before the restart)";
    assert!(evidence.iter().any(|one| one.what == before), "{evidence:?}");
}

/// Nothing is printed between the two.
#[test]
fn the_next_command_of_a_line_is_known() {
    let home = Home::running();
    let session = interactive(&home, &BASH);
    type_line(&home, &session, "sleep 2; sleep 1000");
    home.until(&session, "the first runs", |session| command(session) == Some("sleep 2"));
    home.until(&session, "the second does", |session| command(session) == Some("sleep 1000"));
}

#[test]
fn an_escape_takes_no_letter_of_what_is_sent_after_it() {
    let home = Home::running();
    for words in [&BASH[..], &["dash"]] {
        let session = interactive(&home, words);
        home.ok(["keys", &session.short_id, "escape"]);
        type_line(&home, &session, "echo one$((1+1))");
        home.until_printed(&session, "one2");
        home.ok(["keys", &session.short_id, "escape"]);
        home.ok(["send", &session.short_id, "echo three$((3+1))\necho five$((5+1))"]);
        home.until_printed(&session, "three4");
        home.until_printed(&session, "five6");
        assert!(!home.output(&session).contains("not found"), "{}", home.output(&session));
    }
}

/// The next thing that a session prints as the list tells it, which this fits.
fn printed(socket: &mut WebSocket, session: &Session, fits: impl Fn(&str) -> bool) -> Printed {
    socket.until(|message| {
        let ServerMessage::SessionPrinted { id, printed } = message else { return None };
        // One that has printed nothing is not told of.
        assert!(printed.cursor.offset > 0, "{id} {printed:?}");
        (id == session.id && fits(&printed.line)).then_some(printed)
    })
}

#[test]
fn the_list_tells_what_shells_print() {
    let home = Home::running();
    home.start(&["sleep", "1000"]);
    let session = interactive(&home, &BASH);
    type_line(&home, &session, "echo before; PS1='ready> '");
    home.until(&session, "it prompts again", at_prompt);
    let mut socket = WebSocket::open(&home.socket());
    socket.tell(&ClientMessage::Sessions {});
    let first = printed(&mut socket, &session, |line| line == "before");
    // While a command runs it is the last line; at the prompt the one above it.
    type_line(&home, &session, "printf 'step 1\\nstep 2'; sleep 1000");
    let second = printed(&mut socket, &session, |line| line == "step 2");
    assert!(second.at >= first.at && second.cursor > first.cursor);
    home.ok(["keys", &session.short_id, "ctrl+c"]);
    let third = printed(&mut socket, &session, |line| line != "step 2");
    assert!(third.line.starts_with("step 2^C"), "{third:?}");

    let timelines: Vec<Timeline> = Owner(&home).get("/api/timelines");
    let own = timelines.iter().find(|timeline| timeline.session == session.id).unwrap();
    let density = own.printed.as_ref().unwrap();
    let total: u64 = density.bytes.iter().sum();
    assert_eq!((total, density.cursor), (third.cursor.offset, third.cursor));
    assert!(density.bytes[..30].iter().all(|bytes| *bytes == 0), "{density:?}");
    let now = jiff::Timestamp::now().as_millisecond() / i64::from(density.slice_ms);
    assert!((now - 1..=now).contains(&(density.first + density.bytes.len() as i64 - 1)));
}

/// A line is looked at once a second, however much is printed.
#[test]
fn a_flood_is_told_once_a_second() {
    let home = Home::running();
    let session = interactive(&home, &BASH);
    let mut socket = WebSocket::open(&home.socket());
    socket.tell(&ClientMessage::Sessions {});
    type_line(&home, &session, "for i in {1..300}; do echo line $i; /bin/sleep 0.01; done; echo over");
    let begun = std::time::Instant::now();
    let mut told = 0;
    while printed(&mut socket, &session, |_| true).line != "over" {
        told += 1;
    }
    let seconds = begun.elapsed().as_secs_f64();
    assert!(f64::from(told) <= seconds + 3.0, "{told} in {seconds} s");
}
