//! Daemons come and go; sessions stay, and belong to one daemon.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use codepiper_protocol::wire::session::{ExitReason, Session, Status};
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::Signal;

use crate::harness::{Home, Pty, eventually, is_gone};

/// A program that counts the lines that it is told.
const COUNTER: &str = "stty -echo; n=0; echo ready; while read -r; do n=$((n+1)); echo line $n; done";

fn pid(session: &Session) -> i32 {
    session.pid.unwrap()
}

#[test]
fn two_homes_live_side_by_side() {
    let (one, other) = (Home::running(), Home::running());
    let session = one.bash(COUNTER);
    other.bash(COUNTER);
    assert_eq!((one.sessions().len(), other.sessions().len()), (1, 1));
    other.fails(3, ["sessions", "show", &session.short_id]);
    one.ok(["send", &session.short_id, "x"]);
    one.until_printed(&session, "line 1\r\n");
}

#[test]
fn stop_returns_when_the_daemon_has_ended() {
    let mut home = Home::new();
    for _ in 0..3 {
        home.start_daemon();
        let daemon = home.daemon_pid();
        home.ok(["daemon", "stop"]);
        assert!(is_gone(daemon), "it is still at its files");
        assert_eq!(home.daemon_ended(), Some(0));
    }
}

#[test]
fn a_second_daemon_of_one_home_is_refused() {
    let home = Home::running();
    let session = home.bash(COUNTER);
    let message = home.fails(1, ["daemon"]);
    assert!(
        message.contains("another daemon (pid ") && message.contains("codepiper daemon status"),
        "{message}"
    );
    let other_socket = home.path("other.sock");
    home.fails(1, ["--socket", other_socket.to_str().unwrap(), "daemon"]);
    assert!(!other_socket.exists());
    assert_eq!(home.session(&session.short_id).status, Status::Running);
}

#[test]
fn a_daemon_that_is_given_the_tmux_server_of_another_is_refused_and_touches_nothing() {
    let owner = Home::running();
    let session = owner.bash(COUNTER);
    let facts = || {
        let format = "#{session_name} #{window_id} #{pane_id} #{pane_pid} #{window_width}x#{window_height}";
        let options = owner.tmux_says(&["show-options", "-s"]) + &owner.tmux_says(&["show-options", "-g"]);
        options + &owner.tmux_says(&["list-panes", "-a", "-F", format])
    };
    let before = facts();
    let stranger = Home::new();
    let server = owner.path("tmux.sock");
    let message = stranger.fails(1, ["daemon", "--tmux-socket", server.to_str().unwrap()]);
    assert!(message.contains("belongs to another daemon"), "{message}");
    assert!(message.contains(owner.socket().to_str().unwrap()), "{message}");
    assert_eq!(facts(), before);
    owner.ok(["send", &session.short_id, "x"]);
    owner.until_printed(&session, "line 1\r\n");
    assert!(stranger.files("").iter().all(|name| name != "codepiper.sock"));
}

#[test]
fn sessions_live_on_however_the_daemon_leaves() {
    let mut home = Home::running();
    let session = home.bash(COUNTER);
    let mut count = 0;
    let mut check = |home: &Home| {
        count += 1;
        let now = home.session(&session.short_id);
        assert_eq!((now.status, now.pid), (Status::Running, session.pid));
        home.ok(["send", &session.short_id, "x"]);
        home.until_printed(&session, &format!("line {count}\r\n"));
    };
    check(&home);
    home.stop_daemon();
    home.start_daemon();
    check(&home);
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        home.signal_daemon(signal);
        assert_eq!(home.daemon_ended(), Some(0), "{signal}");
        assert!(!home.socket().exists(), "{signal}");
        home.start_daemon();
        check(&home);
    }
    // Without a word.
    home.signal_daemon(Signal::SIGKILL);
    assert_eq!(home.daemon_ended(), None);
    home.start_daemon();
    check(&home);
    let explanation = home.explain(&session.short_id);
    assert!(
        explanation.evidence.iter().any(|evidence| evidence.what.contains("found the program still running"))
    );
}

#[test]
fn sessions_live_on_when_the_daemons_terminal_is_closed() {
    let mut home = Home::new();
    let mut terminal = Pty::run(home.command(["daemon"]), 80, 24);
    terminal.wait_for("✓ Daemon started on ");
    let session = home.bash(COUNTER);
    terminal.close();
    assert_eq!(terminal.exit_code(), Some(0));
    assert!(!is_gone(pid(&session)));
    home.start_daemon();
    home.ok(["send", &session.short_id, "x"]);
    home.until_printed(&session, "line 1\r\n");
}

#[test]
fn ctrl_c_in_the_daemons_terminal_reaches_no_session() {
    let mut home = Home::new();
    let mut terminal = Pty::run(home.command(["daemon"]), 80, 24);
    terminal.wait_for("✓ Daemon started on ");
    let session = home.bash(COUNTER);
    terminal.type_(b"\x03");
    assert_eq!(terminal.exit_code(), Some(0));
    home.start_daemon();
    assert_eq!(home.session(&session.short_id).pid, session.pid);
}

#[test]
fn a_program_that_ended_while_no_daemon_ran_tells_its_status() {
    let mut home = Home::running();
    let wait = "until [ -e go ]; do read -t 0.01; done; exit 7";
    let session = home.bash(wait);
    home.stop_daemon();
    fs::write(home.path("go"), "").unwrap();
    eventually("the program ends", || is_gone(pid(&session)).then_some(()));
    home.start_daemon();
    let ended = home.until_ended(&session);
    assert_eq!((ended.status, ended.exit.unwrap().code), (Status::Crashed, Some(7)));
}

#[test]
fn a_restart_keeps_the_process_and_the_sessions() {
    let home = Home::running();
    let session = home.bash(COUNTER);
    let before = home.status();
    home.ok(["daemon", "restart"]);
    let after = home.status();
    assert_eq!((after.pid, after.sessions), (before.pid, before.sessions));
    assert!(after.started_at > before.started_at);
    home.ok(["send", &session.short_id, "x"]);
    home.until_printed(&session, "line 1\r\n");
}

#[test]
fn a_detached_daemon_needs_nobody() {
    let home = Home::new();
    let mut terminal = Pty::run(home.command(["daemon", "--detach"]), 80, 24);
    assert_eq!(terminal.exit_code(), Some(0));
    terminal.wait_for("Daemon started on ");
    terminal.close();
    let session = home.bash(COUNTER);
    home.ok(["daemon", "stop"]);
    home.fails(4, ["sessions"]);
    home.ok(["daemon", "--detach"]);
    assert_eq!(home.session(&session.short_id).pid, session.pid);
    assert!(home.ok(["daemon", "stop"]).contains("1 session keeps running"));
}

#[test]
fn killing_the_sessions_with_the_daemon_ends_everything() {
    let mut home = Home::running();
    let stubborn = home.bash("trap '' HUP TERM INT; echo ready; while :; do read -t 1; done");
    home.until_printed(&stubborn, "ready");
    let gentle = home.start(&["sleep", "1000"]);
    let server = home.status().tmux.server_pid.unwrap();
    home.ok(["daemon", "stop", "--kill-sessions"]);
    assert_eq!(home.daemon_ended(), Some(0));
    for (what, pid) in [("one", pid(&stubborn)), ("the other", pid(&gentle)), ("the server", server)] {
        eventually(what, || is_gone(pid).then_some(()));
    }
    home.start_daemon();
    for session in home.sessions() {
        assert_eq!((session.status, session.exit.unwrap().reason), (Status::Stopped, ExitReason::Killed));
    }
}

#[test]
fn a_daemon_waits_for_the_one_that_leaves() {
    let mut home = Home::running();
    let lock = fs::File::open(home.path("data/daemon.lock")).unwrap();
    home.stop_daemon();
    // As one that has stopped listening, and still writes its records.
    let lock = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, errno)| errno).unwrap();
    let mut command = home.command(["daemon"]);
    let mut waiting = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    eventually("it waits for the lock", || {
        let fds = fs::read_dir(format!("/proc/{}/fd", waiting.id())).ok()?;
        let links = fds.filter_map(|fd| fs::read_link(fd.ok()?.path()).ok());
        links.into_iter().any(|link| link.ends_with("daemon.lock")).then_some(())
    });
    drop(lock);
    let mut ready = String::new();
    BufReader::new(waiting.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    assert!(ready.starts_with("✓ Daemon started"), "{ready}");
    home.ok(["daemon", "stop"]);
    assert_eq!(waiting.wait().unwrap().code(), Some(0));
}

#[test]
fn a_stale_socket_is_replaced_and_another_file_is_not() {
    let mut home = Home::running();
    home.signal_daemon(Signal::SIGKILL);
    home.daemon_ended();
    assert!(home.socket().exists());
    home.fails(4, ["sessions"]);
    home.start_daemon();
    home.stop_daemon();
    fs::write(home.socket(), "precious").unwrap();
    home.fails(1, ["daemon"]);
    assert_eq!(fs::read_to_string(home.socket()).unwrap(), "precious");
}

#[test]
fn a_daemon_whose_sockets_were_removed_is_reached_again() {
    let home = Home::running();
    let session = home.bash(COUNTER);
    let pid = home.status().pid;
    for socket in ["codepiper.sock", "data/run/shim.sock"] {
        fs::remove_file(home.path(socket)).unwrap();
        eventually(socket, || fs::symlink_metadata(home.path(socket)).ok());
        eventually("it answers", || home.run(["sessions"]).code.filter(|code| *code == 0));
        assert_eq!(home.status().pid, pid);
        home.until_ended(&home.start(&["true"]));
    }
    home.ok(["send", &session.short_id, "x"]);
    home.until_printed(&session, "line 1\r\n");
}

#[test]
fn a_daemon_that_cannot_be_reached_is_named_with_its_pid() {
    let mut home = Home::new();
    let elsewhere = home.path("elsewhere.sock").display().to_string();
    let mut command = home.command(["--socket", &elsewhere, "daemon"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
    let pid = child.id();
    home.adopt(child);
    for message in [home.fails(4, ["sessions"]), home.fails(4, ["daemon", "stop"]), home.fails(1, ["daemon"])]
    {
        assert!(
            message.contains(&format!("pid {pid}")) && message.contains(&format!("kill {pid}")),
            "{message}"
        );
    }
    home.ok(["--socket", &elsewhere, "daemon", "stop"]);
    assert_eq!(home.daemon_ended(), Some(0));
    let message = home.fails(4, ["sessions"]);
    assert!(message.contains("codepiper daemon") && !message.contains("kill"), "{message}");
}

#[test]
fn a_home_is_made_private_and_a_path_that_is_too_long_is_refused() {
    let home = Home::running();
    use std::os::unix::fs::PermissionsExt;
    for private in ["", "data", "data/sessions", "data/run", "state"] {
        assert_eq!(
            fs::metadata(home.path(private)).unwrap().permissions().mode() & 0o777,
            0o700,
            "{private}"
        );
    }
    assert_eq!(fs::metadata(home.socket()).unwrap().permissions().mode() & 0o777, 0o600);
    let deep = home.path(&"deep/".repeat(30));
    let mut command = home.command(["daemon"]);
    let output = command.env("CODEPIPER_HOME", deep).stdin(Stdio::null()).output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("the system allows 107"), "{message}");
}

#[test]
fn the_daemon_may_open_all_descriptors_and_programs_get_the_limit_that_was_there() {
    use nix::sys::resource::{Resource, getrlimit};
    let mut home = Home::running();
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    for _ in 0..2 {
        let limits = fs::read_to_string(format!("/proc/{}/limits", home.daemon_pid())).unwrap();
        let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
        assert_eq!(files.split_whitespace().nth(3), Some(hard.to_string().as_str()), "{files}");
        let session = home.start(&["sh", "-c", "ulimit -Sn"]);
        home.until_printed(&session, &soft.to_string());
        home.tmux(&["kill-server"]);
        home.ok(["daemon", "restart"]);
    }
    home.stop_daemon();
}

#[test]
fn a_daemon_or_a_tmux_server_that_stands_still_is_named() {
    let home = Home::running();
    let session = home.start(&["cat"]);
    let server = home.status().tmux.server_pid.unwrap();
    let stop = |pid: i32, signal| nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal).unwrap();
    stop(server, Signal::SIGSTOP);
    let ran = home.run(["doctor"]);
    stop(server, Signal::SIGCONT);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains(&format!("process {server} does not answer")), "{ran:?}");

    home.signal_daemon(Signal::SIGSTOP);
    let asked = [vec!["sessions"], vec!["stop", &session.short_id], vec!["tail", &session.short_id]];
    std::thread::scope(|scope| {
        for args in asked {
            let home = &home;
            scope.spawn(move || {
                let message = home.fails(5, &args);
                assert!(message.contains("does not answer"), "{args:?}: {message}");
            });
        }
    });
    home.signal_daemon(Signal::SIGCONT);
}
