//! The permission mode of the real Claude Code: seen wherever it is switched, told, and kept.

use codepiper_protocol::event::{Body, Event, Proof};
use codepiper_protocol::wire::ask::AskKind;
use codepiper_protocol::wire::session::{EvidenceSource, Session};
use nix::sys::signal::Signal;

use crate::agents::{Agent, Bed, CLAUDE_CODE, NEWEST_CLAUDE_CODE};
use crate::asks::asked;
use crate::harness::eventually;
use crate::policies::{hook, save};

#[test]
fn the_mode_of_claude_code_is_known_and_kept() {
    mode_is_known_and_kept(&CLAUDE_CODE);
}

#[test]
fn the_mode_of_newest_claude_code_is_known_and_kept() {
    mode_is_known_and_kept(&NEWEST_CLAUDE_CODE);
}

fn mode_is_known_and_kept(agent: &Agent) {
    let mut bed = Bed::new(agent);
    let session = bed.start(&[]);
    let id = &session.id.to_string();
    bed.says(id, "hello one");
    until_in(&bed, &session, "default");
    // By a key at the prompt, of which no hook tells.
    bed.home.ok(["keys", id, "shift+tab"]);
    until_in(&bed, &session, "acceptEdits");
    bed.home.ok(["keys", id, "shift+tab"]);
    until_in(&bed, &session, "plan");
    let changes = eventually("both changes are told", || {
        let changes = changes(&bed, id);
        (changes.len() == 2).then_some(changes)
    });
    let (before, mode, proof) = &changes[1];
    assert_eq!((before.as_str(), mode.as_str()), ("acceptEdits", "plan"));
    assert_eq!(
        (proof.source, proof.what.as_str()),
        (EvidenceSource::Screen, "its screen says '⏸ plan mode on'")
    );

    let list = |mode: &str| bed.home.ok(["sessions", "--permission-mode", mode]);
    assert!(list("plan").contains("plan") && !list("default").contains(&session.short_id));
    assert!(bed.home.ok(["sessions", "show", id]).contains("permission mode  plan"));

    // A daemon that is killed knows it afterwards, and sees what was switched meanwhile.
    bed.home.signal_daemon(Signal::SIGKILL);
    bed.home.daemon_ended();
    let pane = format!("=codepiper-{}:", session.short_id);
    assert!(bed.home.tmux(&["send-keys", "-t", &pane, "BTab"]).status.success());
    bed.home.start_daemon();
    until_in(&bed, &session, "auto");

    // Claude Code alone would begin in its usual mode.
    bed.stop(id);
    bed.home.ok(["resume", id]);
    bed.home.ok(["wait", id, "--until", "text=auto mode on", "--timeout", "20"]);
    bed.says(id, "hello two");
    assert_eq!(bed.home.session(id).permission_mode.as_deref(), Some("auto"));
    let told = changes_after(&bed, id, 2);
    assert!(told.iter().all(|(_, mode, _)| mode != "default"), "{told:?}");
}

/// What its arguments name is where it begins, and what was switched to later counts.
#[test]
fn a_mode_among_the_arguments_is_where_it_begins() {
    let bed = Bed::new(&NEWEST_CLAUDE_CODE);
    let session = bed.start(&["--", "--permission-mode", "plan"]);
    let id = &session.id.to_string();
    bed.says(id, "hello one");
    until_in(&bed, &session, "plan");
    let cycle = ["auto", "default"];
    for mode in cycle {
        bed.home.ok(["keys", id, "shift+tab"]);
        until_in(&bed, &session, mode);
    }
    bed.stop(id);
    bed.home.ok(["resume", id]);
    bed.says(id, "hello two");
    until_in(&bed, &session, "default");
}

/// Any program of the session can say so: it is shown, and the agent that is resumed asks as before.
#[test]
fn a_mode_that_only_a_hook_has_said_is_not_kept() {
    let bed = Bed::new(&NEWEST_CLAUDE_CODE);
    let session = bed.start(&[]);
    let id = &session.id.to_string();
    bed.says(id, "hello");
    until_in(&bed, &session, "default");
    let payload = serde_json::json!({"hook_event_name": "CwdChanged", "permission_mode": "auto", "cwd": "/"});
    hook(&bed.home, id, &payload);
    until_in(&bed, &session, "auto");
    // Its screen knows better, when somebody looks.
    until_in(&bed, &session, "default");
    hook(&bed.home, id, &payload);
    bed.home.ok(["kill", id]);
    bed.home.ok(["resume", id]);
    bed.home.ok(["wait", id, "--until", "text=manual mode on", "--timeout", "20"]);
    assert_eq!(bed.home.session(id).permission_mode.as_deref(), Some("default"));
}

#[test]
fn policies_and_people_decide_in_every_mode_of_claude_code() {
    decide_in_every_mode(&CLAUDE_CODE);
}

#[test]
fn policies_and_people_decide_in_every_mode_of_newest_claude_code() {
    decide_in_every_mode(&NEWEST_CLAUDE_CODE);
}

/// What a policy allows, denies and asks about, and what a person answers from elsewhere.
fn decide_in_every_mode(agent: &Agent) {
    let bed = Bed::new(agent);
    save(&bed.home, "work", POLICY);
    for mode in ["default", "acceptEdits", "auto", "plan"] {
        let id = &bed.start(&["--", "--permission-mode", mode]).id.to_string();
        bed.home.ok(["wait", id, "--until", "idle", "--timeout", "60"]);
        let file = |what: &str| format!("{what}-{mode}");
        let turn = |prompt: &str, until: &str| {
            bed.home.ok(["send", id, prompt, "--wait", until, "--timeout", "20"]);
        };
        let touch = |what: &str, until: &str| turn(&format!("run: touch {}", file(what)), until);
        let is_there = |what: &str| bed.project.join(file(what)).exists();

        touch("denied", "idle");
        assert!(!is_there("denied"), "{mode}");
        // A person allows one and denies the other, also where the mode alone would not ask.
        let write = format!("write: {}/{} text", bed.project.display(), file("written"));
        for (prompt, verb, made) in [
            (format!("run: touch {}", file("asked")), "approve", "asked"),
            (write, "approve", "written"),
            (format!("run: touch {}", file("refused")), "deny", "refused"),
        ] {
            turn(&prompt, "waiting");
            let ask = asked(&bed.home, &prompt);
            assert_eq!(ask.kind, AskKind::Permission);
            bed.home.ok([verb, &ask.id]);
            bed.until_idle(id);
            assert_eq!(is_there(made), verb == "approve", "{mode}: {prompt}");
        }

        // In plan mode the newest one has its own classifier check what a policy allows; where that cannot be asked, it asks
        // without a hook.
        let asks_all_the_same = mode == "plan" && agent.set == "newest";
        touch("allowed", if asks_all_the_same { "waiting" } else { "idle" });
        if asks_all_the_same {
            bed.until_it_asks(id);
            assert!(bed.home.ok(["inbox"]).contains("permission"));
        }
        assert_eq!(is_there("allowed"), !asks_all_the_same, "{mode}");
        bed.stop(id);
    }
}

fn until_in(bed: &Bed, session: &Session, mode: &str) {
    bed.home.until(session, mode, |session| session.permission_mode.as_deref() == Some(mode));
}

const POLICY: &str = r#"name = "work"
default = "ask"

[[rule]]
action = "allow"
command = { program = "touch", words = ["allowed-*"] }

[[rule]]
action = "deny"
command = { program = "touch", words = ["denied-*"] }
"#;

/// From which mode to which, and what proves it.
fn changes(bed: &Bed, id: &str) -> Vec<(String, String, Proof)> {
    let logs = bed.home.ok(["logs", id, "--source", "session", "--json"]);
    let events = logs.lines().map(|line| serde_json::from_str::<Event>(line).unwrap());
    let change = |event: Event| match event.body {
        Body::SessionPermissionModeChanged { mode, before, proof } => Some((before, mode, proof)),
        _ => None,
    };
    events.filter_map(change).collect()
}

fn changes_after(bed: &Bed, id: &str, known: usize) -> Vec<(String, String, Proof)> {
    changes(bed, id).split_off(known)
}
