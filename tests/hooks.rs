//! Hooks and state files, with a stand-in for the agent that forwards what is typed into it.

use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use codepiper_protocol::event::Event;
use codepiper_protocol::hook::{DELIVERY_HEADER, MAX_PAYLOAD, delivery};
use codepiper_protocol::wire::ask::Ask;
use codepiper_protocol::wire::session::{Activity, Session, WaitingFor};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::harness::{Answer, Home, Owner, eventually, status_of};

/// Runs the hook of its settings for each line it reads, and writes the state file when told to. It takes pastes,
/// as agents do.
const AGENT: &str = r#"#!/bin/bash
while [ $# -gt 0 ]; do [ "$1" = --settings ] && settings=$2; shift; done
commands=$(printf %s "$settings" | grep -o '"command":"[^"]*"' | cut -d'"' -f4)
hook=$(head -1 <<<"$commands")
status_line=$(tail -1 <<<"$commands")
mkdir -p "$HOME/.claude/sessions"
stty -icanon
printf '\033[?2004hready\n'
number=0
while IFS= read -r line; do
    number=$((number + 1))
    line=${line#$'\033[200~'}
    line=${line%$'\033[201~'}
    case $line in
        state:*) printf '{"status":"%s"}' "${line#state:}" > "$HOME/.claude/sessions/$$.json" ;;
        status-line:*) printf %s "${line#status-line:}" | sh -c "$status_line" ;;
        # It waits for an answer, beside the agent's own question.
        *'"PermissionRequest"'*) printf %s "$line" | sh -c "$hook" & ;;
        *) printf %s "$line" | sh -c "$hook" ;;
    esac
    echo "line $number taken with status $?"
done
"#;

struct Agent {
    home: Home,
    session: Session,
    lines: u32,
}

impl Agent {
    fn start() -> Self {
        Self::start_in(Home::running())
    }

    fn start_in(mut home: Home) -> Self {
        home.add_program("claude", AGENT);
        let session = started(&home);
        home.until_printed(&session, "ready");
        Self { home, session, lines: 0 }
    }

    /// Another session of the same kind.
    fn another(&self) -> Session {
        started(&self.home)
    }

    /// Types a line and waits until the agent has done what it says.
    fn take(&mut self, line: &str) {
        self.lines += 1;
        self.home.ok(["send", &self.session.id.to_string(), "--if-busy", "now", "--", line]);
        self.home.until_printed(&self.session, &format!("line {} taken with status 0", self.lines));
    }

    /// As `take`, when no daemon can help.
    fn take_by_tmux(&mut self, line: &str) {
        let target = format!("=codepiper-{}:", self.session.short_id);
        self.home.tmux_says(&["send-keys", "-t", &target, "-l", "--", line]);
        self.home.tmux_says(&["send-keys", "-t", &target, "Enter"]);
        self.lines += 1;
        let wanted = format!("line {} taken with status 0", self.lines);
        eventually(&wanted, || {
            self.home.tmux_says(&["capture-pane", "-p", "-J", "-t", &target]).contains(&wanted).then_some(())
        });
    }

    fn until_it_is(&self, activity: Activity, waiting_for: Option<WaitingFor>) {
        let what = format!("it is {activity:?} {waiting_for:?}");
        self.home.until(&self.session, &what, |session| {
            (session.activity, session.waiting_for) == (activity, waiting_for)
        });
    }

    fn hooks(&self) -> Vec<Event> {
        let logs = self.home.ok(["logs", &self.session.short_id, "--source", "hook", "--json"]);
        logs.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The one that is in its launch record.
    fn conversation(&self) -> String {
        let record = self.home.path(&format!("data/sessions/{}.json", self.session.id));
        let record: Value = serde_json::from_slice(&std::fs::read(record).unwrap()).unwrap();
        record["conversation"].as_str().unwrap().to_owned()
    }

    fn prompts(&self) -> Vec<String> {
        let prompt =
            |event: &Event| event.body.as_hook().unwrap().payload["prompt"].as_str().map(str::to_owned);
        self.hooks().iter().filter_map(prompt).collect()
    }
}

fn started(home: &Home) -> Session {
    serde_json::from_str(&home.ok(["start", "-p", "claude-code", "--json"])).unwrap()
}

fn payload(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hooks/claude-code");
    let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
    serde_json::from_str::<Value>(&text).unwrap().to_string()
}

fn prompt(text: &str) -> String {
    json!({"hook_event_name": "UserPromptSubmit", "prompt": text}).to_string()
}

#[test]
fn hooks_become_events_and_states_each_once_and_in_order() {
    let mut agent = Agent::start();
    for (name, activity, waiting_for) in [
        ("SessionStart", Activity::Idle, None),
        ("UserPromptSubmit", Activity::Working, None),
        ("PermissionRequest", Activity::Waiting, Some(WaitingFor::Permission)),
        ("PostToolUse", Activity::Working, None),
        ("PermissionRequest.AskUserQuestion", Activity::Waiting, Some(WaitingFor::Question)),
        ("Stop", Activity::Idle, None),
    ] {
        agent.take(&payload(name));
        agent.until_it_is(activity, waiting_for);
    }
    let kinds: Vec<_> = agent.hooks().iter().map(Event::kind).collect();
    assert_eq!(
        kinds,
        [
            "hook.session_started",
            "hook.prompt_submitted",
            "hook.permission_requested",
            "hook.tool_used",
            "hook.permission_requested",
            "hook.turn_ended"
        ]
    );
    let explanation = agent.home.explain(&agent.session.short_id);
    assert!(explanation.evidence.iter().any(|evidence| evidence.what == "the hook PermissionRequest"));
    agent.home.ok(["wait", &agent.session.short_id, "--until", "idle", "--timeout", "5"]);
}

/// The daemon learns what its own status line is given, and shows the person's.
#[test]
fn what_an_agent_has_used_comes_with_its_status_line() {
    let home = Home::running();
    std::fs::create_dir_all(home.path("user/.claude")).unwrap();
    let own = "sed s/^/mine:/; exit 3";
    let settings = json!({"statusLine": {"type": "command", "command": own}});
    std::fs::write(home.path("user/.claude/settings.json"), settings.to_string()).unwrap();
    let agent = Agent::start_in(home);
    let (home, session) = (&agent.home, &agent.session);
    assert_eq!(session.meters, None);
    let given = json!({"workspace": {}, "cost": {"total_cost_usd": 1.25},
        "context_window": {"context_window_size": 200_000, "current_usage": {"input_tokens": 50_000}},
        "rate_limits": {"five_hour": {"used_percentage": 80}}})
    .to_string();
    home.ok(["send", &session.short_id, "--if-busy", "now", "--", &format!("status-line:{given}")]);
    home.until_printed(session, "line 1 taken with status 3");
    assert!(home.output(session).contains("mine:{"), "{}", home.output(session));
    let told = home.until(session, "it is known", |session| session.meters.is_some()).meters.unwrap();
    assert_eq!(told.context.map(|context| context.percent()), Some(25));
    assert_eq!((told.cost_usd, told.quota[0].used_percent), (Some(1.25), 80.0));
    assert!(home.ok(["sessions"]).contains("context 25%, 5h 80%"), "{}", home.ok(["sessions"]));
    assert!(agent.hooks().is_empty(), "it is no hook");
}

#[test]
fn a_refusal_that_no_hook_tells_is_seen_in_the_state_file() {
    let mut agent = Agent::start();
    agent.take(&payload("UserPromptSubmit"));
    agent.take("state:busy");
    agent.take(&payload("PermissionRequest"));
    agent.take("state:waiting");
    agent.until_it_is(Activity::Waiting, Some(WaitingFor::Permission));
    agent.take("state:idle");
    agent.until_it_is(Activity::Idle, None);
}

#[test]
fn hooks_wait_for_a_daemon_that_is_away_and_come_once() {
    let mut agent = Agent::start();
    agent.take(&prompt("one"));
    agent.home.stop_daemon();
    agent.take_by_tmux(&prompt("two"));
    agent.take_by_tmux(&prompt("three"));
    agent.home.start_daemon();
    assert_eq!(agent.prompts(), ["one", "two", "three"]);
    agent.home.stop_daemon();
    agent.home.start_daemon();
    assert_eq!(agent.prompts(), ["one", "two", "three"], "the spool is empty");
}

#[test]
fn hooks_wait_for_the_launch_record_of_their_session() {
    let mut agent = Agent::start();
    agent.home.stop_daemon();
    let record = agent.home.path(&format!("data/sessions/{}.json", agent.session.id));
    let json = std::fs::read(&record).unwrap();
    std::fs::write(&record, "{").unwrap();
    agent.home.start_daemon();
    agent.take_by_tmux(&prompt("one"));
    agent.home.stop_daemon();
    std::fs::write(&record, json).unwrap();
    agent.home.start_daemon();
    assert_eq!(agent.prompts(), ["one"]);
}

impl Agent {
    /// Forwards a payload as its hook would, whatever its program does; how long that took.
    fn forward(&self, payload: &str) -> Duration {
        self.forward_to(&self.home.socket(), payload)
    }

    /// As if there were no daemon.
    fn forward_into_spool(&self, payload: &str) {
        self.forward_to(&self.home.path("no.sock"), payload);
    }

    /// Delivers a payload by itself, and reads no answer.
    fn deliver(&self, number: &str, payload: &Value) -> UnixStream {
        let body = payload.to_string();
        let mut stream = UnixStream::connect(self.home.socket()).unwrap();
        let (path, length) = (format!("/api/sessions/{}/hooks", self.session.id), body.len());
        let head = format!("POST {path} HTTP/1.0\r\nHost: x\r\n{DELIVERY_HEADER}: {number}\r\n");
        write!(stream, "{head}Content-Length: {length}\r\n\r\n{body}").unwrap();
        stream
    }

    fn forward_to(&self, socket: &Path, payload: &str) -> Duration {
        let start = Instant::now();
        let mut forward = self.home.command(["hook-forward"]);
        forward.env("CODEPIPER_SESSION", self.session.id.to_string());
        forward.env("CODEPIPER_SOCKET", socket);
        forward.env("CODEPIPER_SPOOL", self.home.path(&format!("data/spool/{}", self.session.id)));
        let mut child =
            forward.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), payload.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!((output.stdout.len(), output.stderr.len()), (0, 0), "{output:?}");
        start.elapsed()
    }
}

fn since_1970() -> Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap()
}

fn asks_for(command: &str) -> Value {
    json!({
        "hook_event_name": "PermissionRequest", "cwd": "/", "tool_name": "Bash", "tool_input": {"command": command},
    })
}

/// A sub-agent works beside the agent that asks, and its hooks come right behind.
#[test]
fn an_ask_is_not_lost_to_a_hook_right_behind_it() {
    let mut agent = Agent::start();
    // The place of its state file is known from its first hook on.
    agent.take(&prompt("one"));
    agent.take("state:idle");
    agent.until_it_is(Activity::Idle, None);
    agent.take("state:busy");
    agent.until_it_is(Activity::Working, None);
    let used = json!({
        "hook_event_name": "PostToolUse", "agent_id": "a1", "cwd": "/", "tool_name": "Bash", "tool_input": {"command": "ls"},
    });
    for round in 0..20 {
        let number = |of: u32| delivery(since_1970().as_nanos(), of);
        let asks = agent.deliver(&number(1), &asks_for(&format!("touch {round}")));
        let behind = agent.deliver(&number(2), &used);
        let status = Answer::read(&asks).status;
        assert_eq!(status, 202, "{round}");
        assert_eq!(Answer::read(&behind).status, 204, "{round}");
        agent.until_it_is(Activity::Waiting, Some(WaitingFor::Permission));
    }
}

/// The number of a delivery is the time of a clock that was set back since.
#[test]
fn the_end_of_a_turn_is_known_after_the_clock_was_set_back() {
    let agent = Agent::start();
    let state = agent.home.path(&format!("user/.claude/sessions/{}.json", agent.session.pid.unwrap()));
    let told = |status: &str| {
        let now = since_1970().as_millis() as u64;
        std::fs::write(&state, json!({"status": status, "statusUpdatedAt": now}).to_string()).unwrap();
    };
    told("busy");
    let uses = json!({"hook_event_name": "PreToolUse", "cwd": "/", "tool_name": "Bash", "tool_input": {"command": "ls"}});
    let ahead = since_1970() + Duration::from_secs(3600);
    assert_eq!(Answer::read(&agent.deliver(&delivery(ahead.as_nanos(), 1), &uses)).status, 204);
    agent.until_it_is(Activity::Working, None);
    told("idle");
    agent.until_it_is(Activity::Idle, None);
}

/// The benchmark has the exact limits.
const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn a_daemon_that_stands_still_holds_no_agent_up() {
    let mut agent = Agent::start();
    agent.home.signal_daemon(Signal::SIGSTOP);
    let took = agent.forward(&prompt("held"));
    assert!(took < PATIENCE, "it waited for {took:?}");
    agent.home.signal_daemon(Signal::SIGCONT);
    eventually("the hook that waited comes, and not only with the next", || {
        (agent.prompts() == ["held"]).then_some(())
    });
    agent.take(&prompt("next"));
    assert_eq!(agent.prompts(), ["held", "next"], "once, though it came by two ways");
}

#[test]
fn nor_does_one_whose_queue_is_full() {
    let mut agent = Agent::start();
    agent.home.signal_daemon(Signal::SIGSTOP);
    let mut queue = Vec::new();
    while let Some(connection) = connect(&agent.home.socket()) {
        queue.push(connection);
    }
    let took = agent.forward(&prompt("held"));
    assert!(took < PATIENCE, "it waited for {took:?}");
    drop(queue);
    agent.home.signal_daemon(Signal::SIGCONT);
    eventually("the spooled hook comes, without another one", || (agent.prompts() == ["held"]).then_some(()));
    agent.take(&prompt("next"));
    assert_eq!(agent.prompts(), ["held", "next"]);
}

/// After an update the program may be gone, and its hooks go into the spool by themselves.
#[test]
fn what_is_spooled_is_known_at_once_also_after_a_restart_of_the_daemon() {
    let mut agent = Agent::start();
    agent.forward_into_spool(&prompt("one"));
    eventually("the spooled hook comes", || (agent.prompts() == ["one"]).then_some(()));
    agent.home.stop_daemon();
    agent.home.start_daemon();
    agent.forward_into_spool(&prompt("two"));
    eventually("the next one, too", || (agent.prompts() == ["one", "two"]).then_some(()));
    let spool = format!("data/spool/{}", agent.session.id);
    eventually("the spool is empty", || agent.home.files(&spool).is_empty().then_some(()));
}

/// `None` when the queue is full.
fn connect(path: &Path) -> Option<OwnedFd> {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None).unwrap();
    match connect(socket.as_raw_fd(), &UnixAddr::new(path).unwrap()) {
        Ok(()) => Some(socket),
        Err(errno) => {
            assert_eq!(errno, nix::errno::Errno::EAGAIN);
            None
        }
    }
}

#[test]
fn a_forwarder_never_fails_whatever_is_missing() {
    let mut agent = Agent::start();
    agent.home.stop_daemon();
    agent.forward(&prompt("one"));
    // A socket that nobody answers is left behind.
    let socket = agent.home.socket();
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    agent.forward(&prompt("two"));
    std::fs::remove_file(&socket).unwrap();
    // Whatever it is, it is no daemon.
    std::fs::write(&socket, "a file").unwrap();
    agent.forward(&prompt("three"));
    std::fs::remove_file(&socket).unwrap();
    let mut without = agent.home.command(["hook-forward"]);
    assert!(without.stdin(Stdio::null()).status().unwrap().success());
    // What is no JSON is no hook, and does not stay in the way.
    agent.forward("no JSON");
    agent.forward(&prompt("four"));
    agent.home.start_daemon();
    assert_eq!(agent.prompts(), ["one", "two", "three", "four"]);
    assert_eq!(agent.home.files(&format!("data/spool/{}", agent.session.id)), [""; 0]);
}

#[test]
fn nobody_delivers_hooks_for_another_session() {
    let mut agent = Agent::start();
    let other = agent.home.bash(&format!(
        "echo '{}' | CODEPIPER_SESSION={} {} hook-forward; echo forwarded",
        prompt("forged"),
        agent.session.id,
        crate::harness::CODEPIPER
    ));
    agent.home.until_printed(&other, "forwarded");
    agent.take(&prompt("own"));
    assert_eq!(agent.prompts(), ["own"]);
    let refused = agent.home.ok(["logs", &other.short_id, "--type", "auth.agent_refused"]);
    assert!(refused.contains("hooks"), "{refused}");
}

/// Files of any length cost an agent nothing, and the daemon little.
#[test]
fn a_full_spool_is_read_file_by_file_and_holds_up_no_other_session() {
    let agent = Agent::start();
    let full = agent.another();
    let spool = format!("data/spool/{}", full.id);
    let dir = agent.home.path(&spool);
    std::fs::create_dir_all(&dir).unwrap();
    agent.home.signal_daemon(Signal::SIGSTOP);
    for time in 1..=60 {
        let file = std::fs::File::create(dir.join(format!("{}.json", delivery(time, 1)))).unwrap();
        file.set_len(MAX_PAYLOAD as u64).unwrap();
    }
    agent.home.signal_daemon(Signal::SIGCONT);
    eventually("it is being read", || (agent.home.files(&spool).len() < 60).then_some(()));
    agent.forward(&prompt("of another session"));
    assert_eq!(agent.prompts(), ["of another session"]);
    assert_ne!(agent.home.files(&spool).len(), 0, "it did not wait for the spool");
    eventually("the spool is empty", || agent.home.files(&spool).is_empty().then_some(()));
    let peak = status_of(agent.home.daemon_pid(), "VmHWM").unwrap();
    let peak: usize = peak.trim_end_matches(" kB").parse().unwrap();
    assert!(peak * 1024 < 16 * MAX_PAYLOAD, "{peak} kB");
}

/// Whatever a program claims of itself: the conversation of another session stays that session's, running or ended.
#[test]
fn a_conversation_that_another_session_has_is_not_followed() {
    let mut agent = Agent::start();
    let own = agent.conversation();
    let other = agent.another();
    let claim = |kind: &str, conversation: &str| {
        let (source, prompt) = ("clear", "claimed");
        json!({"hook_event_name": kind, "source": source, "prompt": prompt, "session_id": conversation})
            .to_string()
    };
    let theirs = other.id.to_string();
    for _ in 0..2 {
        agent.take(&claim("SessionStart", &theirs));
        agent.take(&claim("UserPromptSubmit", &theirs));
        agent.take(&claim("UserPromptSubmit", &theirs.to_uppercase()));
        agent.take(&claim("UserPromptSubmit", &theirs.replace('-', "")));
        assert_eq!(agent.conversation(), own);
        let refused = agent.home.ok(["logs", &agent.session.short_id, "--type", "auth.agent_refused"]);
        assert!(refused.contains(&theirs) && refused.contains(&other.short_id), "{refused}");
        agent.home.ok(["stop", &theirs]);
    }
    // One that is nobody's is followed.
    let new = "0e984725-c51c-4bf4-9960-e1c80e27aba0";
    agent.take(&claim("SessionStart", new));
    eventually("the new one is followed", || (agent.conversation() == new).then_some(()));
}

#[test]
fn logs_filter_follow_and_name_what_is_wrong() {
    let mut agent = Agent::start();
    agent.take(&prompt("one"));
    let all = agent.home.ok(["logs"]);
    assert!(all.contains("system.daemon_started") && all.contains("session.started"), "{all}");
    let some = agent.home.ok(["logs", &agent.session.short_id, "--type", "session", "-n", "1"]);
    assert_eq!(some.lines().count(), 1, "{some}");
    let args = ["logs", "--follow", "--source", "hook", "--json"];
    let follower = crate::harness::Reader::start(agent.home.command(args));
    agent.take(&prompt("two"));
    follower.wait_for("two");
    agent.home.fails(3, ["logs", "nobody"]);
    assert_eq!(agent.home.run(["logs", "--source", "x"]).code, Some(2));
}

/// What a person looks at is what they answer, whatever an agent delivers meanwhile.
#[test]
fn an_open_ask_does_not_change_and_one_that_is_over_does_not_come_back() {
    let agent = Agent::start();
    let home = &agent.home;
    let number = delivery(since_1970().as_nanos(), 1);
    let deliver = |command: &str| {
        let stream = agent.deliver(&number, &asks_for(command));
        let status = Answer::read(&stream).status;
        (stream, status)
    };
    let asks = || -> Vec<Ask> { serde_json::from_str(&home.ok(["inbox", "--json"])).unwrap() };
    let (_waits, status) = deliver("ls -l");
    assert_eq!(status, 202);
    let open = asks();
    assert_eq!((open.len(), open[0].text.as_str()), (1, "ls -l"));
    let (_other, status) = deliver("rm -rf ./project");
    assert_eq!((status, asks()), (400, open.clone()));
    // Its connection was lost.
    let (_again, status) = deliver("ls -l");
    let again = asks();
    assert_eq!((status, again.len(), &again[0].id, again[0].text.as_str()), (202, 1, &open[0].id, "ls -l"));
    home.ok(["deny", &open[0].id]);
    for _ in 0..2 {
        let (_replayed, status) = deliver("ls -l");
        assert_eq!(status, 204, "nobody is asked");
        assert!(asks().iter().all(|ask| ask.id != open[0].id));
        home.ok(["daemon", "restart"]);
    }
    assert!(home.fails(1, ["approve", &open[0].id]).contains("denied by command line"));
}

/// A hook in a loop does not fill the journal, and is handled all the same.
#[test]
fn hooks_keep_so_much_a_minute_in_events() {
    let agent = Agent::start();
    let path = format!("/api/sessions/{}/hooks", agent.session.id);
    let deliver = |name: &str, bytes: usize| {
        let text = "x".repeat(bytes);
        let payload = json!({"hook_event_name": name, "tool_name": "Bash", "prompt": text});
        assert_eq!(Owner(&agent.home).answer("POST", &path, &payload).unwrap().status, 204);
    };
    let long = 8_000_000;
    for (name, bytes) in
        [("PostToolUse", long), ("PostToolUse", long), ("UserPromptSubmit", long), ("PostToolUse", 9)]
    {
        deliver(name, bytes);
    }
    agent.until_it_is(Activity::Working, None);
    let logs = agent.home.ok(["logs", &agent.session.short_id, "--source", "hook", "-n", "2", "--json"]);
    let last: Vec<Event> = logs.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [left_out, kept] = [0, 1].map(|index| last[index].body.as_hook().unwrap().payload.clone());
    assert_eq!(left_out["hook_event_name"], "UserPromptSubmit");
    assert!(left_out["prompt"].is_null());
    let why = left_out["left_out"].as_str().unwrap();
    assert!(why.contains("more than 16 MiB within a minute"), "{why}");
    assert_eq!(kept["prompt"], "xxxxxxxxx");
}
