//! What the real agents ask before they begin: seen, said, and answered by nobody but a person, there or from elsewhere.

use std::fs;
use std::process::Command;

use codepiper_protocol::wire::ask::{Ask, AskKind};
use codepiper_protocol::wire::session::{EvidenceSource, Session, WaitingFor};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::agents::{Agent, Bed, CLAUDE_CODE, CODEX, NEWEST_CLAUDE_CODE, NEWEST_CODEX};
use crate::asks::asked;
use crate::harness::{Owner, eventually};

const PROMPT: &str = "hello first";

#[test]
fn claude_code_asks_whether_a_folder_is_trusted() {
    let asking = Asking::start(&CLAUDE_CODE, &[]);
    asking.asks("Accessing workspace:", WaitingFor::Trust);
    asking.answer("❯ 1. Yes", "enter");
    asking.begins();
}

/// Its questions have no numbers, and the pointer stands on what refuses.
#[test]
fn newest_claude_code_asks_whether_a_folder_is_trusted() {
    let asking = Asking::start(&NEWEST_CLAUDE_CODE, &[]);
    asking.asks("Accessing workspace:", WaitingFor::Trust);
    asking.answer("❯ No, exit", "down");
    asking.answer("❯ Yes, I trust", "enter");
    asking.begins();
}

#[test]
fn claude_code_asks_about_a_key() {
    asks_about_a_key(&CLAUDE_CODE, ["❯ 2. No", "❯ 1. Yes"]);
}

#[test]
fn newest_claude_code_asks_about_a_key() {
    asks_about_a_key(&NEWEST_CLAUDE_CODE, ["❯ No", "❯ Yes"]);
}

fn asks_about_a_key(agent: &Agent, [no, yes]: [&str; 2]) {
    let mut bed = Bed::prepared(agent);
    let file = bed.home.path("user/.claude.json");
    let mut answers: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    answers["customApiKeyResponses"] = serde_json::json!({"approved": [], "rejected": []});
    fs::write(&file, answers.to_string()).unwrap();
    bed.home.start_daemon();
    let session = bed.start(&["--prompt", PROMPT]);
    let asking = Asking { bed, session };
    asking.asks("Detected a custom API key", WaitingFor::Dialog);
    asking.answer(no, "up");
    asking.answer(yes, "enter");
    asking.begins();
}

#[test]
fn claude_code_warns_of_asking_for_nothing() {
    warns_of_asking_for_nothing(&CLAUDE_CODE, ["❯ 1. No", "❯ 2. Yes"]);
}

#[test]
fn newest_claude_code_warns_of_asking_for_nothing() {
    warns_of_asking_for_nothing(&NEWEST_CLAUDE_CODE, ["❯ No", "❯ Yes"]);
}

fn warns_of_asking_for_nothing(agent: &Agent, [no, yes]: [&str; 2]) {
    let bed = Bed::new(agent);
    // It refuses this to root outside of a sandbox.
    bed.home.ok(["env-set", "create", "sandbox"]);
    assert_eq!(bed.home.run_with(["env-set", "set", "sandbox", "IS_SANDBOX"], b"1").code, Some(0));
    let session = bed.start(&["--prompt", PROMPT, "--dangerous", "--yes", "--env-set", "sandbox"]);
    let asking = Asking { bed, session };
    asking.asks("Bypass Permissions mode", WaitingFor::Dialog);
    asking.answer(no, "down");
    asking.answer(yes, "enter");
    asking.begins();
}

#[test]
fn codex_asks_whether_a_folder_and_hooks_are_trusted() {
    asks_whether_it_is_trusted(&CODEX);
}

#[test]
fn newest_codex_asks_whether_a_folder_and_hooks_are_trusted() {
    asks_whether_it_is_trusted(&NEWEST_CODEX);
}

fn asks_whether_it_is_trusted(agent: &Agent) {
    let hook = serde_json::json!([{"hooks": [{"type": "command", "command": "true"}]}]);
    let hooks = serde_json::json!({"hooks": {"Stop": hook}}).to_string();
    let asking = Asking::start(agent, &[("user/.codex/hooks.json", &hooks)]);
    asking.asks("Trust this folder?", WaitingFor::Trust);
    asking.answer("› 1. Trust", "enter");
    asking.asks("Hooks need review", WaitingFor::Trust);
    asking.answer("› 1. Review", "3");
    asking.begins();
}

#[test]
fn claude_code_is_trusted_with_a_folder_from_the_inbox() {
    is_trusted_from_the_inbox(&CLAUDE_CODE);
}

#[test]
fn newest_claude_code_is_trusted_with_a_folder_from_the_inbox() {
    is_trusted_from_the_inbox(&NEWEST_CLAUDE_CODE);
}

fn is_trusted_from_the_inbox(agent: &Agent) {
    let asking = Asking::start(agent, &[]);
    let ask = asking.approve("Accessing workspace:");
    assert!(ask.text.ends_with("Allow: Yes, I trust this folder\nDeny: No, exit"), "{}", ask.text);
    assert!(ask.text.contains(asking.bed.project.to_str().unwrap()), "{}", ask.text);
    asking.begins();
    let home = &asking.bed.home;
    assert!(home.fails(1, ["deny", &ask.id]).contains("allowed by command line"));
    assert_eq!(home.ok(["audit", "--type", "ask.answered", "--json"]).lines().count(), 1);
}

#[test]
fn codex_is_trusted_from_the_inbox() {
    codex_is_trusted(&CODEX);
}

#[test]
fn newest_codex_is_trusted_from_the_inbox() {
    codex_is_trusted(&NEWEST_CODEX);
}

fn codex_is_trusted(agent: &Agent) {
    let hook = serde_json::json!([{"hooks": [{"type": "command", "command": "true"}]}]);
    let hooks = serde_json::json!({"hooks": {"Stop": hook}}).to_string();
    let asking = Asking::start(agent, &[("user/.codex/hooks.json", &hooks)]);
    asking.approve("Trust this folder?");
    let home = &asking.bed.home;
    let ask = eventually("the hooks", || {
        Some(asked(home, "the hooks")).filter(|ask| ask.title.starts_with("Hooks need review"))
    });
    // The pointer has two rows to go.
    home.ok(["deny", &ask.id]);
    asking.begins();
}

#[test]
fn newest_claude_code_is_refused_a_folder_from_the_inbox() {
    let asking = Asking::start(&NEWEST_CLAUDE_CODE, &[]);
    let home = &asking.bed.home;
    let ask = asked(home, "the folder");
    assert!(home.fails(2, ["deny", &ask.id, "--reason", "not mine"]).contains("'reason'"));
    home.ok(["deny", &ask.id]);
    home.ok(["wait", asking.id(), "--until", "exit", "--timeout", "20"]);
    assert_eq!(asking.prompts(), 0);
}

/// Nothing more is typed into what is no longer the dialog, and the answer says so, as does the audit.
#[test]
fn an_answer_to_a_dialog_that_has_changed_fails_and_is_on_record() {
    let asking = Asking::start(&NEWEST_CLAUDE_CODE, &[]);
    let home = &asking.bed.home;
    asked(home, "the folder");
    // It draws its dialog anew a moment after it is there.
    home.ok(["wait", asking.id(), "--until", "quiet=1", "--timeout", "20"]);
    let ask = asked(home, "the folder");
    let agent = Pid::from_raw(home.session(asking.id()).pid.unwrap());
    // It takes the key that moves its pointer when it goes on.
    kill(agent, Signal::SIGSTOP).unwrap();
    let pane = format!("=codepiper-{}:", asking.session.short_id);
    let terminal = home.tmux_says(&["display-message", "-p", "-t", &pane, "#{pane_tty}"]);
    let answered = std::thread::scope(|scope| {
        let approve = scope.spawn(|| home.run(["approve", &ask.id]));
        eventually("a key was pressed", || {
            let found: Value =
                Owner(home).get(&format!("/api/events?kind=input.sent&session={}", ask.session));
            (approve.is_finished() || !found["events"].as_array().unwrap().is_empty()).then_some(())
        });
        fs::write(terminal.trim(), "\x1b[2J").unwrap();
        approve.join().unwrap()
    });
    kill(agent, Signal::SIGCONT).unwrap();
    assert_eq!(answered.code, Some(1), "{answered:?}");
    assert!(answered.stderr.contains("no longer asks that"), "{answered:?}");
    let failed = home.ok(["audit", "--type", "ask.answer_failed", "--json"]);
    let failed: Value = serde_json::from_str(failed.trim()).unwrap();
    assert_eq!((&failed["data"]["ask"], &failed["actor"]), (&ask.id.into(), &"command line".into()));
    assert!(failed["data"]["why"].as_str().unwrap().contains("no longer asks that"), "{failed}");
    assert_eq!(asking.prompts(), 0, "it is not trusted");
}

/// A session that asks before it takes its first prompt.
struct Asking {
    bed: Bed,
    session: Session,
}

impl Asking {
    /// In a folder that nobody has trusted yet, with these files.
    fn start(agent: &Agent, files: &[(&str, &str)]) -> Self {
        let mut bed = Bed::prepared(agent);
        for (path, text) in files {
            fs::write(bed.home.path(path), text).unwrap();
        }
        bed.project = bed.home.path("unknown");
        assert!(Command::new("git").args(["init", "-q"]).arg(&bed.project).status().unwrap().success());
        bed.home.start_daemon();
        let session = bed.start(&["--prompt", PROMPT]);
        Self { bed, session }
    }

    fn id(&self) -> &str {
        &self.session.short_id
    }

    fn asks(&self, question: &str, kind: WaitingFor) {
        let home = &self.bed.home;
        let shown = format!("text={}", regex::escape(question));
        home.ok(["wait", self.id(), "--until", &shown, "--timeout", "60"]);
        let last = eventually("it is known what is asked", || {
            home.explain(self.id()).evidence.pop().filter(|last| last.what.contains(question))
        });
        assert_eq!(
            (last.source, last.state.as_str()),
            (EvidenceSource::Screen, format!("running, waiting for {kind}").as_str())
        );
        assert_eq!(home.session(self.id()).waiting_for, Some(kind));
        let refused = home.fails(1, ["send", self.id(), "1"]);
        assert!(refused.contains("is waiting for an answer"), "{refused}");
        assert_eq!(self.prompts(), 0);
    }

    /// Allows what is asked, from elsewhere.
    fn approve(&self, question: &str) -> Ask {
        let home = &self.bed.home;
        let shown = format!("text={}", regex::escape(question));
        home.ok(["wait", self.id(), "--until", &shown, "--timeout", "60"]);
        let ask = asked(home, question);
        assert_eq!((ask.kind, ask.text.contains(question)), (AskKind::Trust, true), "{ask:?}");
        home.ok(["approve", &ask.id]);
        ask
    }

    /// Presses a key when the pointer is there.
    fn answer(&self, pointer: &str, key: &str) {
        let pointer = format!("text={pointer}");
        self.bed.home.ok(["wait", self.id(), "--until", &pointer, "--timeout", "20"]);
        // It draws its dialog anew a moment after it is there, with the pointer where it was at first.
        self.bed.home.ok(["wait", self.id(), "--until", "quiet=0.5", "--timeout", "20"]);
        self.bed.home.ok(["keys", self.id(), key]);
    }

    /// The first prompt is neither lost nor repeated.
    fn begins(&self) {
        let home = &self.bed.home;
        home.ok(["wait", self.id(), "--until", "text=You said: hello first", "--timeout", "60"]);
        home.ok(["wait", self.id(), "--until", "idle", "--timeout", "20"]);
        assert_eq!(self.prompts(), 1);
        self.bed.says(self.id(), "and more");
        let evidence = home.explain(self.id()).evidence;
        let asked = evidence.iter().rev().take_while(|evidence| evidence.source != EvidenceSource::Screen);
        assert!(asked.count() > 2, "{evidence:?}");
    }

    /// How often the model was asked the first prompt.
    fn prompts(&self) -> usize {
        let log = fs::read_to_string(self.bed.home.path("requests.jsonl")).unwrap_or_default();
        let requests = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let of_its_own = |request: &Value| request["steps"].to_string().contains("side:");
        requests.filter(|request| request["typed"] == PROMPT && !of_its_own(request)).count()
    }
}
