//! What the real Codex does beside what all agents do: hooks, where a person allowed them, and other conversations in
//! the same process.

use std::fs;

use codepiper_protocol::event::{Body, Event};
use codepiper_protocol::wire::session::{Activity, EvidenceSource, Session, WaitingFor};
use nix::sys::signal::Signal;

use crate::agents::{Bed, CODEX};
use crate::harness::eventually;

const HOOKS: &str = "[providers.codex]\nhooks_without_review = true\n";
const BYPASS: &str = "--dangerously-bypass-hook-trust";

#[test]
fn hooks_tell_each_event_once_and_in_order() {
    let bed = Bed::configured(&CODEX, HOOKS);
    let id = &bed.start(&[]).id.to_string();
    let send = |text: &str, until: &str| bed.home.ok(["send", id, text, "--wait", until, "--timeout", "20"]);
    send("hello", "text=You said: hello");
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "20"]);
    send("run: !touch made", "waiting");
    bed.home.ok(["wait", id, "--until", "text=Would you like to run", "--timeout", "20"]);
    bed.home.ok(["keys", id, "y"]);
    bed.home.ok(["wait", id, "--until", "text=Tool result:", "--timeout", "20"]);
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "20"]);
    send("slow: 500 100", "text=word3");
    bed.home.ok(["keys", id, "escape"]);
    bed.until_proved(id, "idle", "the hook Interrupt");
    bed.home.ok(["keys", id, "ctrl+u"]);
    // Of this no hook tells.
    send("error: 400", "text=Scripted error 400");
    bed.until_proved(id, "idle", "it reported the state 'error'");
    send("!sleep 0.1", "idle");
    send("/compact", "text=Context compacted");
    bed.until_proved(id, "idle", "the hook PostCompact");
    bed.home.ok(["send", id, "/quit", "--wait", "exit", "--timeout", "20"]);

    let logs = bed.home.ok(["logs", id, "--source", "hook", "-n", "1000", "--json"]);
    let events = logs.lines().map(|line| serde_json::from_str::<Event>(line).unwrap());
    let kinds: Vec<_> = events.map(|event| event.kind().trim_start_matches("hook.").to_owned()).collect();
    let wanted = "session_started prompt_submitted turn_ended \
                  prompt_submitted tool_announced permission_requested tool_used turn_ended \
                  prompt_submitted interrupted prompt_submitted \
                  compaction_announced compacted session_ended";
    assert_eq!(kinds.join(" "), wanted);
}

#[test]
fn it_gets_hooks_only_where_a_person_allowed_them() {
    let mut bed = Bed::new(&CODEX);
    let settings = bed.home.path("user/.codex/config.toml");
    let before = fs::read_to_string(&settings).unwrap();
    let session = bed.start(&[]);
    let id = &session.id.to_string();
    assert!(!command_line(&session).contains("hook"));
    bed.says(id, "hello");
    assert_eq!(bed.home.ok(["logs", id, "--source", "hook"]), "");
    bed.stop(id);
    // It is allowed now, and holds for the next launch, and for forks.
    bed.home.stop_daemon();
    fs::write(bed.home.path("config.toml"), HOOKS).unwrap();
    bed.home.start_daemon();
    assert!(bed.home.ok(["doctor"]).contains("without review"));
    bed.home.ok(["resume", id]);
    let fork: Session = serde_json::from_str(&bed.home.ok(["resume", id, "--fork", "--json"])).unwrap();
    for session in [bed.home.session(id), fork] {
        let command = command_line(&session);
        assert!(command.contains(BYPASS) && command.contains("hooks.Interrupt="), "{command}");
        bed.says(&session.id.to_string(), "again");
        assert!(bed.home.ok(["logs", &session.short_id, "--source", "hook"]).contains("again"));
    }
    assert_eq!(fs::read_to_string(&settings).unwrap().lines().next(), before.lines().next());
    assert!(!fs::read_to_string(&settings).unwrap().contains("hook"), "no file of the person's is touched");
}

/// It is not waiting for a person when a hook of the person's gives the permission.
#[test]
fn a_permission_that_a_hook_gives_is_not_waited_for() {
    let mut bed = Bed::prepared(&CODEX);
    fs::write(bed.home.path("config.toml"), HOOKS).unwrap();
    let allow = serde_json::json!({"hookSpecificOutput":
        {"hookEventName": "PermissionRequest", "decision": {"behavior": "allow"}}});
    let hook = serde_json::json!([{"hooks": [{"type": "command", "command": format!("echo '{allow}'")}]}]);
    let own = serde_json::json!({"hooks": {"PermissionRequest": hook}}).to_string();
    fs::write(bed.home.path("user/.codex/hooks.json"), own).unwrap();
    bed.home.start_daemon();
    let id = &bed.start(&[]).id.to_string();
    bed.home.ok(["send", id, "run: !touch made", "--wait", "text=Tool result:", "--timeout", "20"]);
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "20"]);
    assert!(bed.project.join("made").exists());
    assert!(bed.home.ok(["logs", id, "--source", "hook"]).contains("hook.permission_requested"));
    let states = bed.home.ok(["logs", id, "--type", "session.activity_changed"]);
    assert!(!states.contains("waiting"), "{states}");
}

fn command_line(session: &Session) -> String {
    let words = fs::read(format!("/proc/{}/cmdline", session.pid.unwrap())).unwrap();
    String::from_utf8(words).unwrap().replace('\0', " ")
}

#[test]
fn the_conversation_after_new_goes_on() {
    goes_on_after_new("");
}

#[test]
fn the_conversation_after_new_goes_on_by_hooks() {
    goes_on_after_new(HOOKS);
}

fn goes_on_after_new(config: &str) {
    let bed = Bed::configured(&CODEX, config);
    let id = &bed.start(&[]).id.to_string();
    // Another one in the same directory is not taken for it.
    let other = &bed.start(&[]).id.to_string();
    bed.says(other, "elsewhere");
    bed.says(id, "before");
    bed.until_said(id, "before");
    bed.home.ok(["send", id, "/new", "--wait", "text=Where should the new", "--timeout", "20"]);
    bed.home.ok(["keys", id, "enter"]);
    bed.home.ok(["wait", id, "--until", "text=Ask Codex to do anything", "--timeout", "20"]);
    bed.home.ok(["wait", id, "--until", "quiet=0.5", "--timeout", "20"]);
    bed.says(id, "after");
    bed.until_said(id, "after");
    assert!(!bed.conversation(id).contains("before"));
    bed.says(other, "elsewhere still");
    // A fork continues a copy of it, and resume continues it.
    let fork: Session = serde_json::from_str(&bed.home.ok(["resume", id, "--fork", "--json"])).unwrap();
    bed.says(&fork.id.to_string(), "in the fork");
    bed.stop(id);
    bed.home.ok(["resume", id]);
    bed.says(id, "and on");
    for typed in ["in the fork", "and on"] {
        assert_eq!(bed.request(typed)["earlier"], serde_json::json!(["after"]), "{typed}");
    }
    assert_eq!(bed.request("elsewhere still")["earlier"], serde_json::json!(["elsewhere"]));
}

/// What it printed of its state before is not known to the next daemon; what it wrote down is.
#[test]
fn its_state_is_known_after_a_restart_of_the_daemon() {
    let mut bed = Bed::new(&CODEX);
    let id = &bed.start(&[]).id.to_string();
    bed.says(id, "hello");
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "20"]);
    assert_eq!(bed.home.ok(["model", id]), "gpt-5.5\n", "it writes that down, too");
    bed.home.ok(["daemon", "restart"]);
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "20"]);
    // It printed nothing meanwhile, or its transcript was read first.
    let source = bed.home.explain(id).evidence.last().unwrap().source;
    assert!(matches!(source, EvidenceSource::Silence | EvidenceSource::Transcript), "{source:?}");
    eventually("its model is known", || (bed.home.ok(["model", id]) == "gpt-5.5\n").then_some(()));

    // Killed during a turn, which goes on; a text waits for its end.
    bed.home.ok(["send", id, "slow: 60 100", "--wait", "text=word3", "--timeout", "20"]);
    bed.home.ok(["send", id, "what waited"]);
    let shown = bed.home.ok(["sessions", "show", id]);
    let queued = shown.lines().find(|line| line.starts_with("queued texts")).unwrap();
    assert!(queued.ends_with(" 1") && shown.contains("gpt-5.5"), "{shown}");
    bed.kill_daemon();
    bed.home.start_daemon();
    bed.home.until(&bed.home.session(id), "it works", |session| session.activity == Activity::Working);
    bed.home.ok(["wait", id, "--until", "text=You said: what waited", "--timeout", "30"]);
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "20"]);

    // The turn ends while nobody is there.
    bed.home.ok(["send", id, "slow: 20 100", "--wait", "text=word3", "--timeout", "20"]);
    bed.home.ok(["send", id, "what waited longer"]);
    bed.kill_daemon();
    let ended = |log: &str| log.matches("\"task_complete\"").count() == 4;
    eventually("the turn ends", || ended(&bed.rollout()).then_some(()));
    bed.home.start_daemon();
    bed.home.ok(["wait", id, "--until", "text=You said: what waited longer", "--timeout", "30"]);
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "20"]);
    assert_eq!(bed.request("what waited longer")["earlier"].as_array().unwrap().len(), 4);
}

/// The end of a turn that another program had begun is no end of one of its own.
#[test]
fn a_turn_of_the_program_before_does_not_go_on() {
    let mut bed = Bed::new(&CODEX);
    let session = bed.start(&[]);
    let id = &session.id.to_string();
    bed.home.ok(["send", id, "slow: 500 100", "--wait", "text=word3", "--timeout", "20"]);
    bed.home.ok(["kill", id]);
    bed.home.ok(["resume", id]);
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "20"]);
    bed.kill_daemon();
    bed.home.start_daemon();
    bed.until_said(id, "slow: 500");
    assert_eq!(bed.home.session(id).activity, Activity::Unknown);
}

#[test]
fn a_question_about_a_new_conversation_is_seen() {
    let bed = Bed::new(&CODEX);
    let id = &bed.start(&[]).id.to_string();
    bed.says(id, "before");
    for (key, after) in [("escape", "still before"), ("enter", "after")] {
        bed.home.ok(["send", id, "/new", "--wait", "waiting", "--timeout", "20"]);
        assert_eq!(bed.home.session(id).waiting_for, Some(WaitingFor::Dialog));
        let last = bed.home.explain(id).evidence.pop().unwrap();
        assert!(last.source == EvidenceSource::Screen && last.what.contains("Where should"), "{last:?}");
        assert!(bed.home.fails(1, ["send", id, "1"]).contains("is waiting for an answer"));
        bed.home.ok(["keys", id, key]);
        bed.home.ok(["wait", id, "--until", "idle", "--timeout", "20"]);
        bed.says(id, after);
    }
    assert_eq!(bed.request("still before")["earlier"], serde_json::json!(["before"]));
    assert_eq!(bed.request("after")["earlier"], serde_json::json!([]));
}

impl Bed {
    fn kill_daemon(&mut self) {
        self.home.signal_daemon(Signal::SIGKILL);
        self.home.daemon_ended();
    }

    /// What stands in the one rollout.
    fn rollout(&self) -> String {
        let mut path = self.home.path("user/.codex/sessions");
        while path.is_dir() {
            path = fs::read_dir(&path).unwrap().next().unwrap().unwrap().path();
        }
        fs::read_to_string(path).unwrap()
    }

    /// Waits until its state is that, and that is the proof.
    fn until_proved(&self, id: &str, state: &str, proof: &str) {
        let mut last = None;
        eventually(&format!("it is {state} by {proof}"), || {
            let logs = self.home.ok(["logs", id, "--type", "session.activity_changed", "-n", "1", "--json"]);
            last = logs.lines().last().map(|line| serde_json::from_str::<Event>(line).unwrap().body);
            let Some(Body::SessionActivityChanged { activity, .. }) = &last else { return None };
            (activity.to_string() == state).then_some(())
        });
        let Some(Body::SessionActivityChanged { proof: Some(seen), .. }) = last else { panic!("{last:?}") };
        assert!(seen.what.contains(proof), "{seen:?}");
    }

    /// Everything that is said in its conversation, as the daemon tells it.
    fn conversation(&self, id: &str) -> String {
        let answer = self.home.get(&format!("/api/sessions/{id}/conversation"));
        answer.ok::<serde_json::Value>().to_string()
    }

    fn until_said(&self, id: &str, text: &str) {
        eventually(text, || self.conversation(id).contains(text).then_some(()));
    }
}
