//! Programs inside a session are not the owner.

use codepiper_protocol::event::{Body, Event};
use codepiper_protocol::wire::session::Session;
use codepiper_protocol::wire::stream::{ClientMessage, ServerMessage};

use crate::harness::{CODEPIPER, Home, WebSocket, eventually, exited};

/// A session that runs what it is told, and one that is the prey.
struct Cell {
    home: Home,
    agent: Session,
    other: Session,
    events: WebSocket,
}

impl Cell {
    fn new() -> Self {
        let home = Home::running();
        let other = home.start_with(&["--name", "other"], &["sleep", "1000"]);
        let agent = home.bash("stty -echo; echo ready; while read -r line; do eval \"$line\"; done");
        home.until_printed(&agent, "ready");
        let mut events = home.websocket();
        events.tell(&ClientMessage::Events { session: None, after: Some(0) });
        Self { home, agent, other, events }
    }

    /// Lets the agent run the command line, and tells its exit code. `wrap` is how it runs it, with
    /// `{}` for the command.
    fn runs(&self, wrap: &str, args: &str) -> i32 {
        self.runs_line(wrap, &format!("{CODEPIPER} {args}"))
    }

    /// The same with any program.
    fn runs_line(&self, wrap: &str, line: &str) -> i32 {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let file = self.home.path(&format!("code-{number}"));
        let script = self.home.path(&format!("script-{number}"));
        let (path, script_path) = (file.display(), script.display());
        let inner = format!("{line} >{path}.out 2>{path}.err; echo $? >{path}.new; mv {path}.new {path}");
        std::fs::write(&script, inner).unwrap();
        let command = wrap.replace("{}", &format!("bash {script_path}"));
        self.home.ok(["send", &self.agent.short_id, "--", &command]);
        let code = eventually(&command, || std::fs::read_to_string(&file).ok());
        code.trim().parse().unwrap()
    }

    /// The next request of an agent that was refused and recorded.
    fn refused(&mut self) -> (Option<codepiper_protocol::SessionId>, String) {
        self.events.until(|message| match message {
            ServerMessage::Event {
                event: Event { session, body: Body::AuthAgentRefused { request, .. }, .. },
            } => Some((session, request)),
            _ => None,
        })
    }
}

#[test]
fn an_agent_is_refused_everything_but_its_own_session() {
    let mut cell = Cell::new();
    let (agent, other) = (cell.agent.short_id.clone(), cell.other.short_id.clone());
    for (args, request) in [
        ("sessions".to_owned(), "GET /api/sessions"),
        (format!("sessions show {other}"), "GET /api/sessions/"),
        ("sessions show other".to_owned(), "GET /api/sessions/other"),
        (format!("send {other} x"), "/input"),
        (format!("keys {other} enter"), "/keys"),
        (format!("tail {other}"), "subscribe"),
        (format!("wait {other} --until exit"), "subscribe"),
        (format!("stop {other}"), "/stop"),
        (format!("kill {other}"), "/kill"),
        (format!("resume {other}"), "/resume"),
        (format!("resize {other} 80x24"), "/resize"),
        (format!("sessions rename {other} x"), "PATCH"),
        (format!("sessions remove {other}"), "DELETE"),
        (format!("sessions explain {other}"), "/explain"),
        ("start -p shell -- true".to_owned(), "POST /api/sessions"),
        ("daemon status".to_owned(), "GET /api/daemon"),
        ("daemon stop".to_owned(), "/api/daemon"),
        ("daemon restart".to_owned(), "/api/daemon"),
        ("providers".to_owned(), "GET /api/providers"),
        ("env-set list".to_owned(), "GET /api/env-sets"),
        ("env-set show secrets".to_owned(), "GET /api/env-sets/secrets"),
        ("env-set create x".to_owned(), "POST /api/env-sets"),
        ("env-set unset secrets TOKEN".to_owned(), "PATCH /api/env-sets/secrets"),
        ("env-set remove secrets".to_owned(), "GET /api/env-sets/secrets"),
        ("worktree list".to_owned(), "GET /api/worktrees"),
        (format!("resume {other} --fork"), "/fork"),
        (format!("resume {agent} --fork"), "/fork"),
        // Its own session may be read, not worked.
        (format!("send {agent} x"), "/input"),
        (format!("stop {agent}"), "/stop"),
        (format!("sessions rename {agent} x"), "PATCH"),
        // Unknown ones tell nothing about which exist.
        ("sessions show ffffffff".to_owned(), "GET /api/sessions/ffffffff"),
    ] {
        assert_eq!(cell.runs("{}", &args), 6, "{args}");
        let (session, recorded) = cell.refused();
        assert_eq!(session, Some(cell.agent.id), "{args}");
        assert!(recorded.contains(request), "{args}: {recorded}");
    }
    for args in [
        format!("sessions show {agent}"),
        format!("sessions explain {agent}"),
        format!("tail {agent}"),
        "sessions show $CODEPIPER_SESSION".to_owned(),
        format!("wait {agent} --until text=ready --from 0:0"),
    ] {
        assert_eq!(cell.runs("{}", &args), 0, "{args}");
    }
    assert_eq!(cell.home.session(&other).pid, cell.other.pid);
    assert_eq!(cell.home.sessions().len(), 2);
}

/// Neither for itself nor for others, however it is started.
#[test]
fn an_agent_decides_nothing() {
    let mut cell = Cell::new();
    cell.home.ok(["policy", "create", "deny-list", "--from", "deny-list"]);
    // Something is open, and it is the agent's own.
    assert_eq!(cell.runs("{}", "notify 'look here'"), 0);
    let ask = eventually("it asks", || cell.home.session(&cell.agent.short_id).asks.pop());
    let (ask, other) = (ask.id, cell.other.short_id.clone());
    let verbs = [
        "policy list".to_owned(),
        "policy show deny-list".to_owned(),
        "policy create mine --from read-only".to_owned(),
        "policy remove deny-list".to_owned(),
        format!("policy attach deny-list {other}"),
        "policy test 'git push'".to_owned(),
        "inbox".to_owned(),
        format!("approve {ask}"),
        format!("deny {ask}"),
        format!("answer {ask} --option 1"),
        "halt --all".to_owned(),
        format!("halt {other}"),
        format!("send {other} x"),
        "auth status".to_owned(),
        "auth bootstrap".to_owned(),
        "auth sessions".to_owned(),
    ];
    let wraps = ["{}", "setsid -f {}", "nohup {} >/dev/null 2>&1 &", "(( {} & ) & )"];
    for (number, verb) in verbs.iter().enumerate() {
        let wrap = wraps[number % wraps.len()];
        assert_eq!(cell.runs(wrap, verb), 6, "{wrap}: {verb}");
        assert_eq!(cell.refused().0, Some(cell.agent.id), "{wrap}: {verb}");
    }
    for wrap in wraps {
        for (method, path, body) in [
            ("POST", format!("asks/{ask}/answer"), r#"{"decision":"allow"}"#),
            ("DELETE", "policies/deny-list".to_owned(), ""),
            ("POST", "halt".to_owned(), "{}"),
        ] {
            let curl = format!(
                "curl --silent --fail --unix-socket $CODEPIPER_SOCKET -X {method} -H 'Content-Type: application/json' \
                 -d '{body}' http://localhost/api/{path}"
            );
            // The status is 400 or higher.
            assert_eq!(cell.runs_line(wrap, &curl), 22, "{wrap}: {curl}");
            assert_eq!(cell.refused().0, Some(cell.agent.id), "{wrap}: {curl}");
        }
    }
    assert_eq!(cell.home.session(&cell.agent.short_id).asks.len(), 1);
    assert!(cell.home.ok(["policy", "show", "deny-list"]).contains("deny"));
    assert!(cell.home.session(&other).status.is_live());
}

#[test]
fn leaving_the_process_session_does_not_make_an_agent_an_owner() {
    let mut cell = Cell::new();
    let args = format!("kill {}", cell.other.short_id);
    for wrap in [
        "setsid {}",
        "setsid -f {}",
        "nohup {} >/dev/null 2>&1 &",
        "(setsid {} &)",
        "(( {} & ) & )",
        "env -i CODEPIPER_SOCKET=$CODEPIPER_SOCKET {}",
        "bash -c 'trap \"\" HUP; exec setsid setsid -f {}' & disown",
    ] {
        assert_eq!(cell.runs(wrap, &args), 6, "{wrap}");
        assert_eq!(cell.refused().0, Some(cell.agent.id), "{wrap}");
    }
    assert_eq!(cell.home.session(&cell.other.short_id).pid, cell.other.pid);
}

#[test]
fn an_agent_of_a_daemon_that_was_restarted_is_still_an_agent() {
    let mut cell = Cell::new();
    cell.home.stop_daemon();
    cell.home.start_daemon();
    cell.events = cell.home.websocket();
    cell.events.tell(&ClientMessage::Events { session: None, after: Some(0) });
    assert_eq!(cell.runs("{}", "sessions"), 6);
    assert_eq!(cell.refused().0, Some(cell.agent.id));
}

#[test]
fn a_program_beside_the_agents_is_no_agent() {
    let cell = Cell::new();
    // A shell of tmux's own, without a shim, is one: nobody supervises it.
    let code = cell.home.path("foreign");
    let script = format!("{CODEPIPER} sessions >/dev/null 2>&1; echo $? >{}", code.display());
    let socket = format!("CODEPIPER_SOCKET={}", cell.home.socket().display());
    cell.home.tmux_says(&["new-session", "-d", "-s", "foreign", "-e", &socket, "bash", "-c", &script]);
    let told = eventually("the foreign pane's answer", || {
        std::fs::read_to_string(&code).ok().filter(|text| text.ends_with('\n'))
    });
    assert_eq!(told.trim(), "6");
    cell.home.ok(["sessions"]);
}

#[test]
fn a_forged_exit_marker_is_ordinary_output() {
    let home = Home::running();
    let forged = "\\e]5379;exit;00112233445566778899aabbccddeeff;0;\\a";
    let session = home.bash(&format!("printf 'a{forged}b'; read; exit 4"));
    home.until_printed(&session, "\x1b]5379;exit;00112233445566778899aabbccddeeff;0;\x07b");
    assert!(home.session(&session.short_id).status.is_live());
    home.ok(["send", &session.short_id, ""]);
    assert_eq!(home.until_ended(&session).exit, Some(exited(4)));
}

#[test]
fn a_process_that_is_no_shim_gets_no_launch_record() {
    use std::io::{BufRead, BufReader, Write};
    let mut cell = Cell::new();
    let mut shim = std::os::unix::net::UnixStream::connect(cell.home.path("data/run/shim.sock")).unwrap();
    shim.set_read_timeout(Some(crate::harness::TIMEOUT)).unwrap();
    let id = cell.agent.id;
    writeln!(shim, "{{\"type\":\"exited\",\"protocol\":1,\"session\":\"{id}\",\"status\":{{\"code\":0,\"signal\":null}}}}").unwrap();
    let mut answer = String::new();
    BufReader::new(shim).read_line(&mut answer).unwrap();
    assert!(answer.contains("refused"), "{answer}");
    let recorded = cell.events.until(|message| match message {
        ServerMessage::Event { event: Event { session, body: Body::AuthShimRefused { .. }, .. } } => {
            Some(session)
        }
        _ => None,
    });
    assert_eq!(recorded, Some(id));
    assert!(cell.home.session(&cell.agent.short_id).status.is_live());
}

#[test]
fn strangers_at_the_shims_socket_keep_nobody_from_the_daemon() {
    use std::io::Read;
    let home = Home::running();
    let path = home.path("data/run/shim.sock");
    let connect = || {
        let connection = std::os::unix::net::UnixStream::connect(&path).unwrap();
        connection.set_nonblocking(true).unwrap();
        connection
    };
    let mut silent: Vec<_> = (0..200).map(|_| connect()).collect();
    let mut open = || {
        silent.retain_mut(|connection| connection.read(&mut [0]).is_err());
        silent.len()
    };
    eventually("one process holds few", || (open() <= 4).then_some(()));
    let session = home.bash("exit 3");
    assert_eq!(home.until_ended(&session).exit, Some(exited(3)));
    eventually("who says nothing is not kept", || (open() == 0).then_some(()));
}
