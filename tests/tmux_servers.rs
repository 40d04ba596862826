//! Whose the tmux server is, where it is, and what becomes of it.

use std::fs;

use codepiper_protocol::wire::session::Status;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::{Home, eventually, is_gone, other_tmux};

const ECHO: &str = "stty -echo; echo ready; while read -r line; do echo got $line; done";

#[test]
fn a_server_with_sessions_of_somebody_else_is_refused_and_not_touched() {
    let home = Home::new();
    let socket = home.path("tmux.sock");
    let set = ["set-option", "-g", "prefix", "C-a"];
    home.tmux_says(&[&["-f", "/dev/null", "new-session", "-d", "-s", "mine", "cat", ";"], &set[..]].concat());
    let facts = || {
        home.tmux_says(&["show-options", "-g"])
            + &home.tmux_says(&["list-keys"])
            + &home.tmux_says(&["list-panes", "-a", "-F", "#{session_name} #{pane_pid}"])
    };
    let before = facts();
    let message = home.fails(1, ["daemon", "--tmux-socket", socket.to_str().unwrap()]);
    assert!(message.contains("not CodePiper's (mine)") && message.contains("--tmux-socket"), "{message}");
    assert_eq!(facts(), before);
    assert!(home.fails_doctor().contains("not CodePiper's (mine)"));
}

#[test]
fn sessions_of_somebody_else_outlive_ours() {
    let mut home = Home::running();
    let session = home.start(&["cat"]);
    home.tmux_says(&["new-session", "-d", "-s", "mine", "exec sleep 1000"]);
    home.ok(["daemon", "stop", "--kill-sessions"]);
    assert_eq!(home.daemon_ended(), Some(0));
    eventually("the program is gone", || is_gone(session.pid.unwrap()).then_some(()));
    assert_eq!(home.tmux_says(&["list-sessions", "-F", "#{session_name}"]), "mine");
}

#[test]
fn a_server_whose_socket_was_removed_is_found_again() {
    let mut home = Home::running();
    let session = home.bash(ECHO);
    let server = home.status().tmux.server_pid;
    fs::remove_file(home.path("tmux.sock")).unwrap();
    home.ok(["daemon", "restart"]);
    let now = home.session(&session.short_id);
    assert_eq!((now.status, now.pid), (Status::Running, session.pid));
    assert_eq!(home.status().tmux.server_pid, server);
    home.ok(["send", &session.short_id, "one"]);
    home.until_printed(&session, "got one");
    // The same after a daemon that was killed.
    home.signal_daemon(Signal::SIGKILL);
    home.daemon_ended();
    fs::remove_file(home.path("tmux.sock")).unwrap();
    home.start_daemon();
    assert_eq!((home.session(&session.short_id).pid, home.status().tmux.server_pid), (session.pid, server));
}

#[test]
fn nothing_is_resumed_that_may_run_where_nobody_reaches_it() {
    let mut home = Home::running();
    let session = home.bash(ECHO);
    let server = home.status().tmux.server_pid.unwrap();
    home.stop_daemon();
    // Another server took the place of the one that lost its socket.
    fs::remove_file(home.path("tmux.sock")).unwrap();
    home.tmux_says(&["-f", "/dev/null", "new-session", "-d", "-s", "_hub", "sleep 1000"]);
    home.start_daemon();
    assert_eq!(home.session(&session.short_id).status, Status::Running);
    assert_ne!(home.run(["resume", &session.short_id]).code, Some(0));
    assert_ne!(home.run(["send", &session.short_id, "x"]).code, Some(0));
    assert!(!is_gone(session.pid.unwrap()) && !is_gone(server));
}

#[test]
fn a_start_waits_for_the_connection_after_the_server_died() {
    let home = Home::running();
    for _ in 0..3 {
        let server = home.status().tmux.server_pid.unwrap();
        kill(Pid::from_raw(server), Signal::SIGKILL).unwrap();
        let session = home.start(&["cat"]);
        assert_eq!(session.status, Status::Running);
        assert_ne!(home.status().tmux.server_pid, Some(server));
    }
}

#[test]
fn a_server_of_another_version_goes_on() {
    let Some(newer) = other_tmux() else { return };
    let mut home = Home::running();
    let session = home.bash(ECHO);
    let server = home.status().tmux.server_pid;
    home.stop_daemon();
    let old = std::env::var("PATH").unwrap();
    home.set_environment(&[("PATH", &format!("{}:{old}", newer.display()))]);
    home.start_daemon();
    assert_eq!((home.session(&session.short_id).pid, home.status().tmux.server_pid), (session.pid, server));
    home.ok(["send", &session.short_id, "one"]);
    home.until_printed(&session, "got one");
    assert!(home.ok(["doctor"]).contains("may be incompatible"));
    home.set_environment(&[]);
}

#[test]
fn what_is_left_of_a_removed_session_goes_and_what_runs_without_a_record_stays() {
    let mut home = Home::running();
    for (name, id, program) in [
        ("codepiper-dead0000", "dead0000-0000-4000-8000-00000000000a", "exit 0"),
        ("codepiper-11fe0000", "11fe0000-0000-4000-8000-00000000000a", "exec sleep 1000"),
    ] {
        let tag = ["set-option", "-p", "-t", name, "@cp_id", id];
        home.tmux_says(&[&["new-session", "-d", "-s", name, program, ";"], &tag[..]].concat());
    }
    home.stop_daemon();
    home.start_daemon();
    eventually("the dead one goes", || {
        (home.tmux_says(&["list-sessions", "-F", "#{session_name}"]) == "_hub\ncodepiper-11fe0000")
            .then_some(())
    });
}
