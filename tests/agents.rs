//! The real agents, Claude Code and Codex, against the scripted model (`fixtures/agents`,
//! `fixtures/model`): what is known of them must be true of them.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use codepiper_protocol::event::Event;
use codepiper_protocol::wire::session::{Activity, Exit, ExitReason, Session, Status, WaitingFor};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::harness::{Home, Reader, eventually, exited};

/// What differs between them.
pub(crate) struct Agent {
    pub(crate) provider: &'static str,
    /// The folder below `fixtures/agents` with its version.
    pub(crate) set: &'static str,
    program: &'static str,
    /// What makes the model use a tool that needs permission, before a file's name.
    pub(crate) touch: &'static str,
    pub(crate) asks: &'static str,
    /// The key that says yes.
    yes: &'static str,
    pub(crate) quit: &'static str,
    model: &'static str,
}

pub(crate) const CLAUDE_CODE: Agent = Agent {
    provider: "claude-code",
    set: "",
    program: "claude",
    touch: "run: touch ",
    asks: "Do you want to proceed",
    yes: "1",
    quit: "/exit",
    model: "haiku",
};

pub(crate) const CODEX: Agent = Agent {
    provider: "codex",
    set: "",
    program: "codex",
    touch: "run: !touch ",
    asks: "Would you like to run",
    yes: "y",
    quit: "/quit",
    model: "gpt-5.4",
};

/// The newest versions that they were tested with.
pub(crate) const NEWEST_CLAUDE_CODE: Agent = Agent { set: "newest", ..CLAUDE_CODE };
pub(crate) const NEWEST_CODEX: Agent = Agent { set: "newest", ..CODEX };

const STOPPED: Exit = Exit { code: Some(0), signal: None, reason: ExitReason::Stopped };

#[test]
fn claude_code_continues_its_conversation() {
    conversation(&CLAUDE_CODE);
}

#[test]
fn codex_continues_its_conversation() {
    conversation(&CODEX);
}

fn conversation(agent: &Agent) {
    let bed = Bed::new(agent);
    // As soon as it was started.
    let id = &bed.start(&[]).id.to_string();
    bed.says(id, "hello one");
    let tail = bed.home.ok(["tail", id]);
    assert!(tail.contains("You said: hello one"), "{tail}");
    bed.says(id, "two lines\nin one prompt");

    let stopped = bed.stop(id);
    assert_eq!((stopped.status, stopped.exit), (Status::Stopped, Some(STOPPED)));
    let refused = bed.home.fails(7, ["send", id, "too late"]);
    assert!(refused.contains("resume"), "{refused}");

    bed.home.ok(["resume", id]);
    bed.says(id, "hello two");
    let request = bed.request("hello two");
    assert_eq!(request["earlier"], serde_json::json!(["hello one", "two lines\nin one prompt"]), "{request}");

    bed.home.ok(["send", id, agent.quit, "--wait", "exit", "--timeout", "20"]);
    let ended = bed.home.session(id);
    assert_eq!((ended.status, ended.exit), (Status::Stopped, Some(exited(0))));
}

#[test]
fn claude_code_forks_its_conversation() {
    forks(&CLAUDE_CODE);
}

#[test]
fn codex_forks_its_conversation() {
    forks(&CODEX);
}

fn forks(agent: &Agent) {
    let bed = Bed::new(agent);
    let id = &bed.start(&["--", "--model", agent.model]).id.to_string();
    bed.says(id, "hello one");
    // The original goes on, and neither hears of the other.
    let fork: Session = serde_json::from_str(&bed.home.ok(["resume", id, "--fork", "--json"])).unwrap();
    let fork_id = &fork.id.to_string();
    bed.says(fork_id, "in the fork");
    bed.says(id, "in the original");
    let earlier = |typed: &str| bed.request(typed)["earlier"].clone();
    assert_eq!(earlier("in the fork"), serde_json::json!(["hello one"]));
    assert_eq!(earlier("in the original"), serde_json::json!(["hello one"]));
    // Each resumes its own.
    for (id, before, typed) in
        [(fork_id, "in the fork", "fork again"), (id, "in the original", "original again")]
    {
        bed.stop(id);
        bed.home.ok(["resume", id]);
        bed.says(id, typed);
        let request = bed.request(typed);
        assert_eq!(request["earlier"], serde_json::json!(["hello one", before]), "{request}");
        assert!(request["model"].as_str().unwrap().contains(agent.model), "{request}");
    }
}

#[test]
fn claude_code_is_resumed_with_the_conversation_after_clear() {
    let bed = Bed::new(&CLAUDE_CODE);
    let id = &bed.start(&[]).id.to_string();
    bed.says(id, "before");
    bed.home.ok(["send", id, "/clear", "--wait", "quiet=1", "--timeout", "20"]);
    bed.says(id, "after");
    bed.stop(id);
    bed.home.ok(["resume", id]);
    bed.says(id, "and on");
    let request = bed.request("and on");
    assert_eq!(request["earlier"], serde_json::json!(["after"]), "{request}");
}

#[test]
fn claude_code_asks_nothing_when_that_was_said() {
    asks_nothing(&CLAUDE_CODE);
}

#[test]
fn codex_asks_nothing_when_that_was_said() {
    asks_nothing(&CODEX);
}

fn asks_nothing(agent: &Agent) {
    let bed = Bed::new(agent);
    // Claude Code refuses this to root outside of a sandbox.
    bed.home.ok(["env-set", "create", "sandbox"]);
    assert_eq!(bed.home.run_with(["env-set", "set", "sandbox", "IS_SANDBOX"], b"1").code, Some(0));
    let session = bed.start(&["--dangerous", "--yes", "--env-set", "sandbox"]);
    assert!(session.dangerous);
    let id = &session.id.to_string();
    if agent.provider == "claude-code" {
        // Its own question, once for each user: a person answers it.
        bed.home.ok(["wait", id, "--until", "text=Yes, I accept", "--timeout", "20"]);
        bed.home.ok(["keys", id, "down"]);
        bed.home.ok(["wait", id, "--until", "text=❯ 2. Yes, I accept", "--timeout", "20"]);
        bed.home.ok(["keys", id, "enter"]);
        bed.home.ok(["wait", id, "--until", "idle", "--timeout", "20"]);
    }
    let prompt = "run: touch done-unasked";
    bed.home.ok(["send", id, prompt, "--wait", "text=Tool result:", "--timeout", "20"]);
    assert!(bed.project.join("done-unasked").exists());
}

#[test]
fn claude_code_takes_a_first_prompt_and_arguments() {
    first_prompt(&CLAUDE_CODE);
}

#[test]
fn codex_takes_a_first_prompt_and_arguments() {
    first_prompt(&CODEX);
}

fn first_prompt(agent: &Agent) {
    let bed = Bed::new(agent);
    let id = &bed.start(&["--prompt", "--begin here", "--", "--model", agent.model]).id.to_string();
    bed.home.ok(["wait", id, "--until", "text=You said: --begin here", "--timeout", "20"]);
    let model = bed.request("--begin here")["model"].as_str().unwrap().to_owned();
    assert!(model.contains(agent.model), "{model}");
    // A draft in the composer is no obstacle.
    bed.home.ok(["send", id, "--no-newline", "a draft"]);
    assert_eq!(bed.stop(id).exit, Some(STOPPED));
    // The arguments hold for the next run, the first prompt does not.
    bed.home.ok(["resume", id]);
    bed.says(id, "go on");
    let request = bed.request("go on");
    assert_eq!(request["earlier"], serde_json::json!(["--begin here"]), "{request}");
    assert!(request["model"].as_str().unwrap().contains(agent.model), "{request}");
    // In the middle of a turn.
    bed.home.ok(["send", id, "slow: 500 100", "--wait", "text=word3", "--timeout", "20"]);
    assert_eq!(bed.stop(id).exit, Some(STOPPED));
}

#[test]
fn claude_code_takes_images() {
    images(&CLAUDE_CODE);
}

#[test]
fn codex_takes_images() {
    images(&CODEX);
}

fn images(agent: &Agent) {
    let bed = Bed::new(agent);
    let id = &bed.start(&[]).id.to_string();
    let file = bed.home.path("red.png");
    fs::write(&file, crate::harness::png()).unwrap();
    let file = file.to_str().unwrap();
    let text = "what is this";
    let send =
        ["send", id, "--image", file, "--image", file, text, "--wait", "text=You said", "--timeout", "30"];
    bed.home.ok(send);
    let log = fs::read_to_string(bed.home.path("requests.jsonl")).unwrap();
    let requests = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let with_images: Vec<Value> = requests
        .filter(|request| request["images"].as_array().is_some_and(|images| images.len() == 2))
        .collect();
    let typed = with_images.first().unwrap_or_else(|| panic!("{log}"))["typed"].as_str().unwrap().to_owned();
    assert!(typed.ends_with(&format!(" {text}")) || typed == text, "{typed}");
    assert!(!typed.contains("  "), "{typed:?}");
}

#[test]
fn claude_code_is_not_given_permission_by_a_text() {
    permission(&CLAUDE_CODE);
}

#[test]
fn codex_is_not_given_permission_by_a_text() {
    permission(&CODEX);
}

fn permission(agent: &Agent) {
    let bed = Bed::new(agent);
    let id = &bed.start(&[]).id.to_string();
    let asks = format!("text={}", agent.asks);
    let ask = |file: &str| {
        let prompt = format!("{}{file}", agent.touch);
        bed.home.ok(["send", id, &prompt, "--wait", &asks, "--timeout", "20"]);
    };
    ask("allowed");
    let refused = bed.home.fails(1, ["send", id, "some text", "--if-busy", "now"]);
    assert!(refused.contains("Enter was not pressed"), "{refused}");
    assert!(!bed.project.join("allowed").exists());
    bed.home.ok(["keys", id, agent.yes]);
    bed.home.ok(["wait", id, "--until", "text=Tool result:", "--timeout", "20"]);
    assert!(bed.project.join("allowed").exists());
    ask("never");
    assert_eq!(bed.stop(id).exit, Some(STOPPED));
    assert!(!bed.project.join("never").exists());
}

#[test]
fn it_is_known_what_claude_code_does() {
    states(&CLAUDE_CODE);
}

#[test]
fn it_is_known_what_codex_does() {
    states(&CODEX);
}

fn states(agent: &Agent) {
    let bed = Bed::new(agent);
    let id = &bed.start(&[]).id.to_string();
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "20"]);
    bed.home.ok(["send", id, "hello", "--wait", "idle", "--timeout", "20"]);
    // Idle may be said before the answer is drawn.
    bed.home.ok(["wait", id, "--until", "text=You said: hello", "--timeout", "20"]);
    let prompt = format!("{}it", agent.touch);
    bed.home.ok(["send", id, &prompt, "--wait", "waiting", "--timeout", "20"]);
    bed.until_it_asks(id);
    bed.home.ok(["keys", id, "escape"]);
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "20"]);
    let states: Vec<_> = bed.home.explain(id).evidence.into_iter().map(|evidence| evidence.state).collect();
    let wanted = ["running, working", "running, waiting for permission", "running, idle"];
    for state in wanted {
        assert!(states.iter().any(|seen| seen == state), "{state} is missing in {states:?}");
    }
}

#[test]
fn claude_code_says_what_it_does() {
    let bed = Bed::new(&CLAUDE_CODE);
    let id = &bed.start(&[]).id.to_string();
    // An interrupt, of which no hook tells.
    bed.home.ok(["send", id, "slow: 500 100", "--wait", "text=word3", "--timeout", "20"]);
    assert_eq!(bed.home.session(id).activity, Activity::Working);
    bed.home.ok(["keys", id, "escape"]);
    bed.home.ok(["wait", id, "--until", "text=Interrupted", "--timeout", "20"]);
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "20"]);
    // What was interrupted stands in the composer again.
    bed.home.ok(["keys", id, "ctrl+u"]);
    // A permission that is refused, and one that is given.
    for (answer, made) in [("escape", false), ("1", true)] {
        bed.home.ok(["send", id, "run: touch made", "--wait", "waiting", "--timeout", "20"]);
        bed.until_it_asks(id);
        bed.home.ok(["keys", id, answer]);
        bed.home.ok(["wait", id, "--until", "idle", "--timeout", "20"]);
        assert_eq!(bed.project.join("made").exists(), made, "after {answer}");
    }
    let logs = bed.home.ok(["logs", id, "--source", "hook", "--json"]);
    let events: Vec<Event> = logs.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let count = |kind: &str| events.iter().filter(|event| event.kind() == kind).count();
    assert_eq!(count("hook.session_started"), 1);
    assert_eq!(count("hook.prompt_submitted"), 3);
    assert_eq!(count("hook.permission_requested"), 2);
    assert_eq!(count("hook.tool_used"), 1);
    assert_eq!(count("hook.turn_ended"), 1, "an interrupt and a refusal end turns without a word");
}

/// The daemon is killed during a turn: what Claude Code told meanwhile is known afterwards, each payload once and in
/// order. The person's own hooks, which write down what they get, are the witness.
#[test]
fn what_claude_code_tells_while_no_daemon_runs_is_not_lost() {
    let mut bed = Bed::new(&CLAUDE_CODE);
    bed.add_own_hooks();
    let id = &bed.start(&[]).id.to_string();
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "20"]);
    bed.home.ok(["send", id, "run: touch first", "--wait", "waiting", "--timeout", "20"]);
    bed.until_it_asks(id);
    bed.home.ok(["keys", id, "1"]);
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "20"]);
    // Long enough to kill the daemon in its first part.
    let turn = "slow: 30 200 ;; run: touch second ;; slow: 5 100";
    bed.home.ok(["send", id, turn, "--wait", "text=word3", "--timeout", "20"]);
    assert_eq!(bed.home.session(id).activity, Activity::Working);
    let before = eventually("every payload so far was taken", || {
        let (told, taken) = (bed.own_payloads(), bed.taken_payloads(id));
        (told.len() >= 6 && told == taken).then_some(told.len())
    });

    bed.home.signal_daemon(Signal::SIGKILL);
    bed.home.daemon_ended();
    eventually("it asks, and nobody supervises it", || {
        let asked = |payload: &Value| payload["hook_event_name"] == "PermissionRequest";
        bed.own_payloads()[before..].iter().any(asked).then_some(())
    });
    bed.home.start_daemon();
    let logs = bed.home.command(["logs", id, "--follow", "--source", "hook", "--json"]);
    let follower = Reader::start(logs);
    bed.home.until(&bed.home.session(id), "it waits for a permission", |session| {
        (session.activity, session.waiting_for) == (Activity::Waiting, Some(WaitingFor::Permission))
    });
    bed.home.ok(["keys", id, "1"]);
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "20"]);
    assert!(bed.project.join("second").exists());
    // Of a refusal no hook tells.
    bed.home.ok(["send", id, "run: touch never", "--wait", "waiting", "--timeout", "20"]);
    bed.until_it_asks(id);
    bed.home.ok(["keys", id, "escape"]);
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "20"]);
    bed.home.ok(["send", id, "/exit", "--wait", "exit", "--timeout", "20"]);
    let ended = bed.home.session(id);
    assert_eq!((ended.status, ended.exit), (Status::Stopped, Some(exited(0))));
    assert!(!bed.project.join("never").exists());

    let told = bed.own_payloads();
    let kinds: Vec<_> =
        told[before..].iter().map(|payload| payload["hook_event_name"].as_str().unwrap()).collect();
    for kind in ["PreToolUse", "PermissionRequest", "PostToolUse", "Stop", "UserPromptSubmit", "SessionEnd"] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    // What was before the kill may be remembered or not.
    let taken = bed.taken_payloads(id);
    assert!(taken.len() >= told.len() - before, "{} of {}", taken.len(), told.len());
    assert_eq!(taken, told[told.len() - taken.len()..]);
    follower.wait_for("SessionEnd");
    assert_eq!(payloads(&String::from_utf8(follower.bytes()).unwrap()), taken);
    let states: Vec<_> = bed.home.explain(id).evidence.into_iter().map(|evidence| evidence.state).collect();
    let mut states = states.iter();
    for wanted in [
        "running, waiting for permission",
        "running, working",
        "running, idle",
        "running, working",
        "running, waiting for permission",
        "running, idle",
        "stopped",
    ] {
        assert!(states.any(|state| state == wanted), "{wanted}: {:?}", bed.home.explain(id).evidence);
    }
}

#[test]
fn what_is_said_with_claude_code_is_known() {
    said(&CLAUDE_CODE);
}

#[test]
fn what_is_said_with_codex_is_known() {
    said(&CODEX);
}

/// A conversation with a tool, an interrupt and a daemon that is killed during a turn.
fn said(agent: &Agent) {
    let mut bed = Bed::new(agent);
    let id = &bed.start(&[]).id.to_string();
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "20"]);
    bed.home.ok(["send", id, "run: echo hello", "--wait", "text=Tool result:", "--timeout", "20"]);
    bed.until_told(id, &["conversation_changed", "turn_ended"]);
    bed.home.ok(["send", id, "slow: 500 100", "--wait", "text=word3", "--timeout", "20"]);
    bed.home.ok(["keys", id, "escape"]);
    bed.until_told(id, &["conversation_changed", "turn_ended", "interrupted"]);
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "20"]);
    // Claude Code gives back what it was interrupted in.
    bed.home.ok(["keys", id, "ctrl+u"]);
    bed.home.ok(["send", id, "slow: 40 100", "--wait", "text=word3", "--timeout", "20"]);
    bed.home.signal_daemon(Signal::SIGKILL);
    bed.home.daemon_ended();
    bed.home.start_daemon();
    bed.until_told(id, &["conversation_changed", "turn_ended", "interrupted", "turn_ended"]);
}

/// What stands in the hook events of a log, a line each.
fn payloads(logs: &str) -> Vec<Value> {
    let events = logs.lines().map(|line| serde_json::from_str::<Event>(line).unwrap());
    events.map(|event| event.body.as_hook().unwrap().payload.clone()).collect()
}

/// One agent's CLI with a prepared home, a project and a model of its own.
pub(crate) struct Bed {
    pub(crate) home: Home,
    pub(crate) project: PathBuf,
    agent: &'static str,
    model: Model,
}

impl Bed {
    /// Hooks of the person's own, for the events that CodePiper hears of, too.
    fn add_own_hooks(&self) {
        let file = self.home.path("own-hooks");
        let command = format!("line=$(cat); printf '%s\\n' \"$line\" >> '{}'", file.display());
        let hook = serde_json::json!([{"hooks": [{"type": "command", "command": command}]}]);
        let events = [
            "SessionStart",
            "UserPromptSubmit",
            "PreToolUse",
            "PermissionRequest",
            "PostToolUse",
            "Notification",
            "Stop",
            "SessionEnd",
        ];
        let hooks: serde_json::Map<_, _> =
            events.map(|event| (event.to_owned(), hook.clone())).into_iter().collect();
        let permissions = serde_json::json!({"defaultMode": "default"});
        let settings = serde_json::json!({ "hooks": hooks, "permissions": permissions }).to_string();
        fs::write(self.home.path("user/.claude/settings.json"), settings).unwrap();
    }

    /// What these got so far.
    fn own_payloads(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.home.path("own-hooks")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What the daemon took.
    fn taken_payloads(&self, id: &str) -> Vec<Value> {
        payloads(&self.home.ok(["logs", id, "--source", "hook", "-n", "1000", "--json"]))
    }

    /// The kinds of the events that its transcript told.
    fn until_told(&self, id: &str, expected: &[&str]) {
        let mut told = Vec::new();
        eventually("the events of the transcript", || {
            let logs = self.home.ok(["logs", id, "--source", "transcript", "--json"]);
            let events = logs.lines().map(|line| serde_json::from_str::<Event>(line).unwrap());
            told = events.map(|event| event.kind().trim_start_matches("transcript.").to_owned()).collect();
            (told.len() >= expected.len()).then_some(())
        });
        assert_eq!(told, expected);
    }

    /// The state file may say that it waits before the hook says for what.
    /// And it shows the question: a key before that is no answer.
    pub(crate) fn until_it_asks(&self, id: &str) {
        let waits = self.home.session(id);
        assert_eq!(waits.activity, Activity::Waiting);
        self.home.until(&waits, "it waits for a permission", |session| {
            session.waiting_for == Some(WaitingFor::Permission)
        });
        let shown = "text=Do you want to proceed|Would you like to run";
        self.home.ok(["wait", id, "--until", shown, "--timeout", "20"]);
        // Claude Code takes no key in a dialog's first moments (100 to 300 ms, 2.1.332).
        self.home.ok(["wait", id, "--until", "quiet=0.4", "--timeout", "20"]);
    }

    pub(crate) fn new(agent: &Agent) -> Self {
        Self::configured(agent, "")
    }

    /// With this configuration file.
    pub(crate) fn configured(agent: &Agent, config: &str) -> Self {
        let mut bed = Self::prepared(agent);
        fs::write(bed.home.path("config.toml"), config).unwrap();
        bed.home.start_daemon();
        bed
    }

    /// Everything but a daemon.
    pub(crate) fn prepared(agent: &Agent) -> Self {
        let set = fixtures().join("agents").join(agent.set);
        let bin = set.join("node_modules/.bin");
        assert!(
            bin.join(agent.program).exists(),
            "{} is not installed in {}; `make test` installs it, or `npm ci` there",
            agent.program,
            set.display()
        );
        let mut home = Home::new();
        let project = home.path("project");
        fs::create_dir(&project).unwrap();
        done(Command::new("git").args(["init", "--quiet"]).arg(&project));
        let model = Model::start(&home.path("requests.jsonl"));
        let user = home.path("user");
        let key = "sk-test-not-a-real-key-00000000000000000000";
        let seed = |script: &str, what: &str| {
            done(
                Command::new("node")
                    .arg(fixtures().join("agents").join(script))
                    .arg(&user)
                    .arg(what)
                    .arg(&project),
            );
        };
        seed("seed-claude.mjs", key);
        seed("seed-codex.mjs", model.url.rsplit(':').next().unwrap());
        // What is installed later comes first.
        let path =
            format!("{}:{}:{}", home.path("bin").display(), bin.display(), std::env::var("PATH").unwrap());
        home.set_environment(&[
            ("PATH", &path),
            ("COLORTERM", "truecolor"),
            ("ANTHROPIC_BASE_URL", &model.url),
            ("ANTHROPIC_API_KEY", key),
            ("CLAUDE_CODE_OAUTH_TOKEN", "sk-ant-oat01-not-a-real-token"),
            ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
            ("DISABLE_TELEMETRY", "1"),
            ("DISABLE_AUTOUPDATER", "1"),
            ("DISABLE_ERROR_REPORTING", "1"),
            ("SCRIPTED_API_KEY", "any"),
        ]);
        Self { home, project, agent: agent.provider, model }
    }

    /// Where the scripted model is.
    pub(crate) fn model(&self) -> &str {
        &self.model.url
    }

    /// Other versions of the agents are found from now on.
    pub(crate) fn install(&self, set: &str) {
        let bin = self.home.path("bin");
        fs::create_dir_all(&bin).unwrap();
        for program in ["claude", "codex"] {
            let (link, new) = (bin.join(program), bin.join(format!("{program}.new")));
            let program = fixtures().join("agents").join(set).join("node_modules/.bin").join(program);
            std::os::unix::fs::symlink(fs::canonicalize(program).unwrap(), &new).unwrap();
            fs::rename(new, link).unwrap();
        }
    }

    pub(crate) fn start(&self, args: &[&str]) -> Session {
        self.start_of(self.agent, args)
    }

    /// Each set has both agents.
    pub(crate) fn start_of(&self, provider: &str, args: &[&str]) -> Session {
        let start = ["start", "--json", "-p", provider, "-d", self.project.to_str().unwrap()];
        // The scripted model is reached with a key; Codex has it in its own settings.
        let billing: &[&str] = if provider == "claude-code" { &["--billing", "api"] } else { &[] };
        serde_json::from_str(&self.home.ok([&start, billing, args].concat())).unwrap()
    }

    /// Starts it as one that a plan pays for: only these have usage limits.
    pub(crate) fn start_on_plan(&self, args: &[&str]) -> Session {
        if self.agent != "claude-code" {
            return self.start(args);
        }
        if !self.home.ok(["env-set", "list", "--json"]).contains("\"model\"") {
            self.home.ok(["env-set", "create", "model"]);
            let set = ["env-set", "set", "model", "ANTHROPIC_BASE_URL"];
            assert_eq!(self.home.run_with(set, self.model.url.as_bytes()).code, Some(0));
        }
        let start = ["start", "--json", "-p", self.agent, "-d", self.project.to_str().unwrap()];
        serde_json::from_str(&self.home.ok([&start[..], &["--env-set", "model"], args].concat())).unwrap()
    }

    /// Everything that was asked of the model with these words.
    pub(crate) fn asked(&self, typed: &str) -> usize {
        let log = fs::read_to_string(self.home.path("requests.jsonl")).unwrap();
        log.lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .filter(|request| request["typed"] == typed && !request["steps"].to_string().contains("side:"))
            .count()
    }

    /// How many turns began with these words.
    pub(crate) fn turns(&self, typed: &str) -> usize {
        let log = fs::read_to_string(self.home.path("requests.jsonl")).unwrap();
        let requests = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        // A title is made without tools, and what follows a tool has its result.
        let begins = |request: &Value| {
            request["typed"] == typed
                && request["tools"] != 0
                && request["tool_results"] == 0
                && request["aborted"] == false
        };
        requests.filter(begins).count()
    }

    /// Sends a prompt; the model repeats each line.
    pub(crate) fn says(&self, id: &str, prompt: &str) {
        let answer = format!("text=You said: {}", prompt.lines().next().unwrap());
        self.home.ok(["send", id, prompt, "--wait", &answer, "--timeout", "20"]);
        self.home.ok(["wait", id, "--until", "quiet=0.5", "--timeout", "20"]);
    }

    /// Stops the session; the agent must need nothing but its own keys.
    pub(crate) fn stop(&self, id: &str) -> Session {
        let session = serde_json::from_str(&self.home.ok(["stop", id, "--json"])).unwrap();
        let evidence = self.home.explain(id).evidence;
        assert!(!evidence.iter().any(|evidence| evidence.what.contains("SIG")), "{evidence:?}");
        session
    }

    /// The request that this prompt made.
    pub(crate) fn request(&self, typed: &str) -> Value {
        let log = fs::read_to_string(self.home.path("requests.jsonl")).unwrap();
        let requests = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        requests
            .into_iter()
            .find(|request| request["typed"] == typed)
            .unwrap_or_else(|| panic!("{typed}: {log}"))
    }
}

/// The scripted model server. It ends with its standard input.
struct Model {
    url: String,
    process: Child,
}

impl Model {
    fn start(log: &Path) -> Self {
        let mut command = Command::new("node");
        command.arg(fixtures().join("model/server.mjs")).arg("--log").arg(log).arg("--until-stdin-closes");
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut greeting = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut greeting).unwrap();
        let url = greeting.trim().strip_prefix("listening on ").unwrap().to_owned();
        Self { url, process }
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().unwrap();
    }
}

fn fixtures() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"))
}

fn done(command: &mut Command) {
    assert!(command.status().unwrap().success(), "{command:?}");
}
