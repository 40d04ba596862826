//! Something that the daemon rests on is killed.

use std::time::{Duration, Instant};

use codepiper_protocol::wire::session::{Session, Status};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::{Home, assert_same, eventually, is_gone, lost_its_server, numbers};

/// Numbered lines, about 2,000 a second.
fn counting(last: u32) -> String {
    format!("for ((i = 1; i <= {last}; i++)); do echo $i; ((i % 20)) || read -t 0.01; done; exit 0")
}

fn control_client(home: &Home) -> Option<Pid> {
    let clients = home.tmux_says(&["list-clients", "-F", "#{client_control_mode} #{client_pid}"]);
    clients.lines().find_map(|line| line.strip_prefix("1 ")?.parse().ok().map(Pid::from_raw))
}

/// How long it took until both sessions were known to have ended with their server.
fn ends_with_its_server(home: &Home, session: &Session, limit: Duration) {
    let killed = Instant::now();
    home.ok(["wait", &session.short_id, "--until", "exit"]);
    let ended = home.session(&session.short_id);
    assert!(lost_its_server(&ended), "{ended:?} {:#?}", home.explain(&session.short_id).evidence);
    assert!(is_gone(session.pid.unwrap()), "only then has it ended");
    assert!(killed.elapsed() < limit, "{:?}", killed.elapsed());
}

fn new_sessions_start(home: &Home) {
    eventually("a new session starts", || {
        let started = home.run(["start", "-p", "shell", "--name", "new", "--", "sleep", "1000"]);
        (started.code == Some(0)).then_some(())
    });
    assert_eq!(home.session("new").status, Status::Running);
}

#[test]
fn sessions_end_with_their_tmux_server_and_new_ones_start() {
    for kill_server in [true, false] {
        let home = Home::running();
        let session = home.bash("echo ready; while :; do read -t 1; done");
        home.until_printed(&session, "ready");
        let server = home.status().tmux.server_pid.unwrap();
        if kill_server {
            home.tmux_says(&["kill-server"]);
        } else {
            kill(Pid::from_raw(server), Signal::SIGKILL).unwrap();
        }
        ends_with_its_server(&home, &session, Duration::from_secs(4));
        new_sessions_start(&home);
        assert_ne!(home.status().tmux.server_pid, Some(server));
        home.ok(["resume", &session.short_id]);
        assert_eq!(home.session(&session.short_id).status, Status::Running);
    }
}

#[test]
fn a_stubborn_program_ends_with_its_tmux_server_too() {
    let home = Home::running();
    let session = home.bash("trap '' HUP TERM INT; echo ready; while :; do read -t 0.1; sleep 0.1; done");
    home.until_printed(&session, "ready");
    kill(Pid::from_raw(home.status().tmux.server_pid.unwrap()), Signal::SIGKILL).unwrap();
    ends_with_its_server(&home, &session, Duration::from_secs(10));
}

#[test]
fn a_server_that_died_while_no_daemon_ran_is_noticed() {
    let mut home = Home::running();
    let session = home.bash("echo ready; read");
    let pid = session.pid.unwrap();
    home.stop_daemon();
    home.tmux_says(&["kill-server"]);
    eventually("the program is gone", || is_gone(pid).then_some(()));
    home.start_daemon();
    home.until(&session, "the session ended with its server", lost_its_server);
    new_sessions_start(&home);
}

#[test]
fn a_killed_control_client_is_replaced_and_no_line_is_lost_or_doubled() {
    const LAST: u32 = 5000;
    let home = Home::running();
    let session = home.bash(&counting(LAST));
    let mut reader = home.follow(&session, &["-n", "all"]);
    for line in ["\n1000\n", "\n2500\n", "\n4000\n"] {
        reader.wait_for(line);
        let client = eventually("the daemon has a client", || control_client(&home));
        kill(client, Signal::SIGKILL).unwrap();
        eventually("it has a new one", || control_client(&home).filter(|new| *new != client));
    }
    assert_same(&reader.finish(), numbers(LAST).replace('\r', "").as_bytes());
    let text = home.ok(["tail", &session.short_id, "-n", "all"]);
    assert_same(text.as_bytes(), numbers(LAST).replace('\r', "").as_bytes());
    assert_eq!(home.session(&session.short_id).exit.unwrap().code, Some(0));
    assert_eq!(home.tmux_says(&["list-clients", "-F", "x"]), "x", "the old clients are gone");
}

#[test]
fn a_window_that_is_killed_in_tmux_ends_its_session_and_no_other() {
    let home = Home::running();
    let (one, other) = (home.bash("echo ready; read"), home.bash("echo ready; read"));
    home.tmux_says(&["kill-session", "-t", &format!("=codepiper-{}", one.short_id)]);
    home.tmux_says(&[
        "unlink-window",
        "-k",
        "-t",
        &home.tmux_says(&[
            "list-panes",
            "-a",
            "-f",
            &format!("#{{==:#{{@cp_id}},{}}}", one.id),
            "-F",
            "#{window_id}",
        ]),
    ]);
    let ended = home.until_ended(&one);
    assert!(!ended.status.is_live());
    assert!(is_gone(one.pid.unwrap()));
    assert_eq!(home.session(&other.short_id).pid, other.pid);
}

#[test]
fn a_killed_shim_does_not_leave_a_session_that_runs_for_ever() {
    let home = Home::running();
    let session = home.bash("echo ready; read");
    home.until_printed(&session, "ready");
    let shim = home.tmux_says(&[
        "list-panes",
        "-s",
        "-t",
        &format!("=codepiper-{}", session.short_id),
        "-F",
        "#{pane_pid}",
    ]);
    kill(Pid::from_raw(shim.parse().unwrap()), Signal::SIGKILL).unwrap();
    let ended = home.until_ended(&session);
    assert_eq!(ended.status, Status::Crashed);
    eventually("its program is gone", || is_gone(session.pid.unwrap()).then_some(()));
}
