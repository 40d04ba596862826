//! Fork and `--dangerous`, with stand-ins for the agents: what is handed to them, and what is remembered.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use codepiper_protocol::wire::session::{Billing, Session, Status};

use crate::harness::{Home, Pty, eventually};

/// Writes down how it was started, and that it was spoken in.
const AGENT: &str = r#"#!/bin/bash
echo "${0##*/} $*" | sed -E 's/ --settings \{.*\}//' >> "$HOME/launches"
env | grep MARK >> "$HOME/launches"
if [ "${0##*/}" = claude ]; then
    folder="$HOME/.claude/projects/$(pwd -P | sed 's/[^a-zA-Z0-9]/-/g')"
    mkdir -p "$folder"
    while [ $# -gt 0 ]; do [ "$1" = --session-id ] && echo '{"type":"user"}' > "$folder/$2.jsonl"; shift; done
fi
trap 'exit 0' INT
printf '\033[?2004hready\n'
while :; do read -t 1; done
"#;

fn home() -> Home {
    let mut home = Home::new();
    fs::create_dir(home.path("bin")).unwrap();
    for name in ["claude", "codex"] {
        let program = home.path("bin").join(name);
        fs::write(&program, AGENT).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:{}", home.path("bin").display(), std::env::var("PATH").unwrap());
    home.set_environment(&[("PATH", &path)]);
    home.start_daemon();
    home
}

fn started(home: &Home, args: &[&str]) -> Session {
    let session: Session = serde_json::from_str(&home.ok([args, &["--json"]].concat())).unwrap();
    home.until_printed(&session, "ready");
    session
}

fn launches(home: &Home) -> Vec<String> {
    fs::read_to_string(home.path("user/launches")).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_fork_is_launched_like_its_origin_and_both_are_remembered() {
    let mut home = home();
    home.ok(["env-set", "create", "marks"]);
    assert_eq!(home.run_with(["env-set", "set", "marks", "MARK"], b"here").code, Some(0));
    assert_eq!(home.run_with(["env-set", "set", "marks", "ANTHROPIC_API_KEY"], b"key").code, Some(0));
    let flags =
        ["start", "-p", "claude-code", "--billing", "api", "--env-set", "marks", "--dangerous", "--yes"];
    let mut command =
        home.command([&flags[..], &["--size", "90x30", "--json", "--", "--model", "opus"]].concat());
    let origin: Session = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    home.until_printed(&origin, "ready");
    let fork = started(&home, &["resume", &origin.short_id, "--fork", "--name", "twin"]);
    assert_ne!(fork.id, origin.id);
    assert_eq!(home.session(&origin.short_id).pid, origin.pid, "it goes on");
    let own = "--model opus --dangerously-skip-permissions";
    let (new, old) = (format!("claude --session-id {} {own}", origin.id), "MARK=here".to_owned());
    let forked = format!("claude --resume {} --fork-session --session-id {} {own}", origin.id, fork.id);
    assert_eq!(launches(&home), [new, old.clone(), forked, old.clone()]);
    // Nothing of the launch record is lost, over a daemon that was away too.
    home.ok(["stop", "twin"]);
    home.stop_daemon();
    home.start_daemon();
    let again = started(&home, &["resume", "twin"]);
    eventually("it is launched again", || (launches(&home).len() == 6).then_some(()));
    assert_eq!((again.id, again.name.as_deref()), (fork.id, Some("twin")));
    assert_eq!(launches(&home)[4..], [format!("claude --resume {} {own}", fork.id), old]);
    for session in [&origin, &fork, &again] {
        assert_eq!(session.billing, Some(Billing::Api));
        assert_eq!((session.env_sets.as_slice(), session.dangerous), (&["marks".to_owned()][..], true));
        assert_eq!(
            (session.args.join(" "), session.size.to_string()),
            ("--model opus".into(), "90x30".into())
        );
        assert_eq!(session.cwd, origin.cwd);
    }
    let shown = home.ok(["sessions", "show", "twin"]);
    assert!(shown.contains("without asking for permission") && shown.contains("marks"), "{shown}");
}

#[test]
fn what_has_no_conversation_is_not_forked() {
    let home = home();
    let shell = home.start(&["sleep", "1000"]);
    let codex = started(&home, &["start", "-p", "codex"]);
    let refused = home.fails(1, ["resume", &shell.short_id, "--fork"]);
    assert!(refused.contains("shell cannot"), "{refused}");
    let claude = started(&home, &["start", "-p", "claude-code"]);
    fs::remove_dir_all(home.path("user/.claude")).unwrap();
    for session in [&codex, &claude] {
        let refused = home.fails(1, ["resume", &session.short_id, "--fork"]);
        let said = format!("session {} has no conversation", session.short_id);
        assert!(refused.contains(&said) && refused.contains("send it a prompt"), "{refused}");
    }
    assert!(home.fails(2, ["resume", &claude.short_id, "--fork", "--name=-x"]).contains("name"));
    home.fails(3, ["resume", "none", "--fork"]);
    assert_eq!(home.sessions().len(), 3, "nothing is left behind");
}

#[test]
fn dangerous_is_asked_for_and_refused_where_nobody_can_be_asked() {
    let home = home();
    let refused = home.fails(2, ["start", "-p", "claude-code", "--dangerous"]);
    assert!(refused.contains("--yes"), "{refused}");
    for (answer, code) in [("\r", 1), ("no\r", 1), ("y\r", 0)] {
        let mut terminal =
            Pty::run(home.command(["start", "-p", "codex", "--dangerous", "--name", "brave"]), 100, 24);
        terminal.wait_for("[y/N]");
        terminal.type_(answer.as_bytes());
        assert_eq!(terminal.exit_code(), Some(code), "{answer:?}: {}", terminal.seen());
    }
    let session = home.session("brave");
    assert!(session.dangerous && session.status == Status::Running);
    home.until_printed(&session, "ready");
    assert_eq!(
        launches(&home),
        ["codex --no-daemon --no-alt-screen --dangerously-bypass-approvals-and-sandbox"]
    );
    // What is handed to the program behind our back would not be remembered.
    for (provider, flag) in [
        ("claude-code", "--dangerously-skip-permissions"),
        ("codex", "--dangerously-bypass-approvals-and-sandbox"),
        ("codex", "--yolo"),
    ] {
        let refused = home.fails(2, ["start", "-p", provider, "--", flag]);
        assert!(refused.contains("--dangerous") && refused.contains(flag), "{refused}");
    }
    assert!(home.fails(2, ["start", "-p", "shell", "--dangerous", "--yes", "--", "true"]).contains("shell"));
    assert_eq!(home.sessions().len(), 1);
}
