//! Halts of what has not begun yet: it does not begin.

use std::fs;
use std::thread;
use std::time::Duration;

use codepiper_protocol::wire::ask::{HaltOutcome, Halted};
use codepiper_protocol::wire::session::{Activity, Session, Status};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::{Home, eventually, mentioning};
use crate::worktrees::git;

/// Stands in for `claude`: writes down that it was launched, has a conversation, and never says what it does.
const AGENT: &str = r#"#!/bin/bash
echo "$*" >> "$HOME/launches"
folder="$HOME/.claude/projects/$(pwd -P | sed 's/[^a-zA-Z0-9]/-/g')"
mkdir -p "$folder"
while [ $# -gt 0 ]; do [ "$1" = --session-id ] && echo '{"type":"user"}' > "$folder/$2.jsonl"; shift; done
trap 'exit 0' INT
echo ready
while :; do read -t 1; done
"#;
/// An agent that says nothing keeps the next one waiting for less than this.
const TURN: Duration = Duration::from_secs(5);

fn home(configuration: &str) -> Home {
    let mut home = Home::new();
    home.add_program("claude", AGENT);
    fs::write(home.path("config.toml"), configuration).unwrap();
    home
}

fn start(home: &Home, name: &str) -> Session {
    let session = home.ok(["start", "-p", "claude-code", "--name", name, "--json"]);
    let session: Session = serde_json::from_str(&session).unwrap();
    home.until_printed(&session, "ready");
    session
}

fn halt(home: &Home, whom: &str) -> Vec<Halted> {
    serde_json::from_str(&home.ok(["halt", "--json", whom])).unwrap()
}

fn launches(home: &Home) -> usize {
    fs::read_to_string(home.path("user/launches")).unwrap_or_default().lines().count()
}

#[test]
fn a_session_whose_worktree_is_being_made_does_not_start() {
    let mut home = home("");
    home.start_daemon();
    let repository = home.path("repository");
    fs::create_dir(&repository).unwrap();
    git(&repository, &["init", "-q", "-b", "main"]);
    for number in 0..10_000 {
        fs::write(repository.join(format!("file-{number}")), "content").unwrap();
    }
    git(&repository, &["add", "-A"]);
    git(&repository, &["commit", "-qm", "first"]);
    let branches = || git(&repository, &["branch", "--format=%(refname:short)"]);
    let home = &home;
    let started = thread::scope(|scope| {
        let dir = repository.to_str().unwrap();
        let args = ["start", "-p", "claude-code", "-d", dir, "--worktree", "--name", "far", "--prompt", "x"];
        let started = scope.spawn(move || home.run(args));
        eventually("its worktree is being made", || branches().contains('\n').then_some(()));
        let halted = halt(home, "--all");
        assert_eq!(halted.len(), 1, "{halted:?}");
        assert_eq!((halted[0].name.as_deref(), halted[0].outcome), (Some("far"), HaltOutcome::NotStarted));
        started.join().unwrap()
    });
    assert!(started.code == Some(1) && started.stderr.contains("was halted before it began"), "{started:?}");
    assert_eq!((launches(home), home.sessions()), (0, vec![]));
    assert_eq!((home.ok(["worktree", "list", "--json"]).trim(), branches().as_str()), ("[]", "main"));
    // What comes afterwards is started.
    start(home, "later");
}

#[test]
fn a_resume_that_waits_for_its_turn_is_called_off() {
    let mut home = home("[sessions]\nlaunches_at_once = 1\n");
    home.start_daemon();
    start(&home, "waits");
    home.ok(["kill", "waits"]);
    for whom in ["waits", "--all"] {
        let first = start(&home, &format!("first-{}", whom.trim_matches('-')));
        home.ok(["resume", "waits", "--no-wait"]);
        let halted = halt(&home, whom);
        let outcome = halted.iter().find(|halted| halted.name.as_deref() == Some("waits")).unwrap().outcome;
        assert_eq!(outcome, HaltOutcome::NotStarted, "{halted:?}");
        home.ok(["kill", &first.short_id]);
        thread::sleep(Duration::from_secs(1));
        assert_eq!(home.session("waits").status, Status::Stopped);
    }
    assert_eq!(launches(&home), 3);
    home.ok(["resume", "waits"]);
}

#[test]
fn agents_that_would_be_resumed_after_a_reboot_stay_stopped() {
    let mut home = home("");
    home.start_daemon_in([("CODEPIPER_TEST_BOOT_ID", "one")]);
    let agents = ["a1", "a2", "a3", "a4", "a5"].map(|name| start(&home, name));
    home.signal_daemon(Signal::SIGKILL);
    home.daemon_ended();
    home.tmux_says(&["kill-server"]);
    eventually("nothing runs any more", || mentioning(&home.path("")).is_empty().then_some(()));
    fs::write(home.path("config.toml"), "[sessions]\nlaunches_at_once = 1\n").unwrap();
    home.start_daemon_in([("CODEPIPER_TEST_BOOT_ID", "two")]);
    eventually("the first one runs", || (launches(&home) == agents.len() + 1).then_some(()));
    let halted = halt(&home, "--all");
    let called_off = halted.iter().filter(|halted| halted.outcome == HaltOutcome::NotStarted).count();
    assert_eq!((halted.len(), called_off), (agents.len(), agents.len() - 1), "{halted:?}");
    thread::sleep(TURN);
    assert_eq!(launches(&home), agents.len() + 1, "none goes on");
    assert!(home.sessions().iter().all(|session| session.status == Status::Stopped));
}

#[test]
fn a_text_that_is_on_its_way_is_not_submitted() {
    let config = r#"
        [providers.patient]
        command = ["sh", "-c", "printf '\\033]7501;state=idle\\033\\\\'; exec cat"]
        [[providers.patient.signals]]
        osc_7501 = "idle"
        means = "idle"
    "#;
    let mut home = home(config);
    home.start_daemon();
    let dir = home.path("").display().to_string();
    home.ok(["start", "-p", "patient", "-d", &dir, "--name", "idle"]);
    eventually("it is idle", || (home.session("idle").activity == Activity::Idle).then_some(()));
    let server = Pid::from_raw(home.status().tmux.server_pid.unwrap());
    let sent = thread::scope(|scope| {
        kill(server, Signal::SIGSTOP).unwrap();
        let sent = scope.spawn(|| home.run(["send", "idle", "begin with it"]));
        thread::sleep(Duration::from_millis(500));
        let halted = halt(&home, "--all");
        kill(server, Signal::SIGCONT).unwrap();
        assert_eq!(halted[0].outcome, HaltOutcome::Idle);
        sent.join().unwrap()
    });
    assert!(
        sent.code == Some(1) && sent.stderr.contains("was halted before the text was submitted"),
        "{sent:?}"
    );
    assert!(!home.ok(["logs", "idle"]).contains("input.sent"));
}
