//! A session's life: started, resized, attached to, renamed, ended, resumed, removed.

use codepiper_protocol::Size;
use codepiper_protocol::wire::session::{ExitReason, Session, Status};
use codepiper_protocol::wire::stream::{Begin, Delivery, KeyframeReason, ServerMessage};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::{Frame, Home, Pty, Reader, assert_same, eventually, exited, is_gone, numbers};

/// Prints its size whenever that changes.
const SIZES: &str = "trap 'stty size' WINCH; stty size; while :; do read -t 0.02; done";

fn tmux_session(session: &Session) -> String {
    format!("=codepiper-{}", session.short_id)
}

#[test]
fn a_session_is_resumed_after_every_end_and_its_history_goes_on() {
    let home = Home::running();
    // The first three runs wait to be ended, by request or by signal.
    let script =
        "echo >>runs; n=$(grep -c '' runs); echo run $n; case $n in 4) exit 3;; 5) exit 0;; esac; read";
    let session = home.bash(script);
    let id = session.short_id.as_str();
    let mut reader = home.follow(&session, &["--raw", "-n", "all"]);
    let window = || home.tmux_says(&["list-windows", "-t", &tmux_session(&session), "-F", "#{window_id}"]);
    let mut windows = vec![window()];
    for run in 1..=5 {
        home.until_printed(&session, &format!("run {run}\r\n"));
        let (status, reason) = match run {
            1 => {
                home.ok(["stop", id]);
                (Status::Stopped, ExitReason::Stopped)
            }
            2 => {
                home.ok(["kill", id]);
                (Status::Stopped, ExitReason::Killed)
            }
            3 => {
                let pid = home.session(id).pid.unwrap();
                nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL)
                    .unwrap();
                (Status::Crashed, ExitReason::Exited)
            }
            4 => (Status::Crashed, ExitReason::Exited),
            _ => (Status::Stopped, ExitReason::Exited),
        };
        let ended = home.until_ended(&session);
        assert_eq!((ended.status, ended.exit.unwrap().reason), (status, reason), "{run}");
        assert_eq!(ended.pid, None);
        // A reader that follows stops at the end of a run, and can go on from there.
        let seen: String = (1..=run).map(|run| format!("run {run}\r\n")).collect();
        assert_same(&reader.finish(), seen.as_bytes());
        if run == 5 {
            break;
        }
        let resumed: Session = serde_json::from_str(&home.ok(["resume", id, "--json"])).unwrap();
        assert_eq!(resumed.id, session.id);
        // Each run has a window of its own, and that of the run before goes.
        let new = |window: &String| !window.contains('\n') && !windows.contains(window);
        let window = eventually("a new window", || Some(window()).filter(new));
        windows.push(window);
        reader = home.follow(&session, &["--raw", "-n", "all"]);
    }
    let message = home.fails(7, ["send", id, "x"]);
    assert!(message.contains("resume"), "{message}");
}

/// The shim of the run before ends while the next run begins.
#[test]
fn a_run_is_not_ended_by_what_is_left_of_the_one_before() {
    let home = Home::running();
    let session = home.bash("echo >>runs; echo ready; read; exit 3");
    let id = session.short_id.as_str();
    home.until_printed(&session, "ready");
    let target = format!("{}:", tmux_session(&session));
    let shim: i32 = home.tmux_says(&["display-message", "-p", "-t", &target, "#{pane_pid}"]).parse().unwrap();
    let server = home.status().tmux.server_pid.unwrap();
    let signal = |pid: i32, signal| kill(Pid::from_raw(pid), signal).unwrap();
    // The daemon gets the shim's word, and not the mark in the output.
    signal(server, Signal::SIGSTOP);
    signal(session.pid.unwrap(), Signal::SIGKILL);
    eventually("the shim has told it", || {
        let fds = std::fs::read_dir(format!("/proc/{shim}/fd")).unwrap();
        let links = fds.filter_map(|fd| std::fs::read_link(fd.ok()?.path()).ok());
        links.into_iter().any(|link| link.to_string_lossy().starts_with("socket:")).then_some(())
    });
    // It has a connection, and may not have said a word yet: it goes on in small steps until it has.
    eventually("the daemon has the shim's word", || {
        signal(shim, Signal::SIGSTOP);
        let ended = home.session(id).status == Status::Crashed;
        if !ended {
            signal(shim, Signal::SIGCONT);
        }
        ended.then_some(())
    });
    let mut resume = Reader::start(home.command(["resume", id]));
    home.until(&session, "it starts again", |session| session.status == Status::Starting);
    signal(shim, Signal::SIGKILL);
    signal(server, Signal::SIGCONT);
    assert_eq!(resume.ended().code, Some(0));
    // Longer than anything that is waited for at the end of a run.
    home.ok(["wait", id, "--until", "quiet=4"]);
    assert_eq!(home.session(id).status, Status::Running, "{:#?}", home.explain(id).evidence);
}

#[test]
fn what_runs_is_not_resumed() {
    let home = Home::running();
    let session = home.start(&["sleep", "1000"]);
    home.fails(1, ["resume", &session.short_id]);
    assert_eq!(home.session(&session.short_id).pid, session.pid);
}

#[test]
fn stop_asks_first_and_insists_then() {
    let home = Home::running();
    let gentle = home.bash("trap 'echo bye; exit 0' HUP; echo ready; while :; do read -t 0.02; done");
    let stubborn = home.bash("trap '' HUP TERM INT; echo ready; while :; do read -t 0.02; done");
    for session in [&gentle, &stubborn] {
        home.until_printed(session, "ready");
        let stopped: Session = serde_json::from_str(&home.ok(["stop", &session.short_id, "--json"])).unwrap();
        assert_eq!((stopped.status, stopped.exit.unwrap().reason), (Status::Stopped, ExitReason::Stopped));
        assert!(is_gone(session.pid.unwrap()));
        // The scrollback stays, for people who attach natively.
        assert!(home.tmux(&["has-session", "-t", &tmux_session(session)]).status.success());
        home.ok(["stop", &session.short_id]);
    }
    assert_eq!(home.session(&gentle.short_id).exit.unwrap().code, Some(0));
    assert_eq!(home.session(&stubborn.short_id).exit.unwrap().signal, Some(9));
    assert_eq!(home.output(&gentle), "ready\r\nbye\r\n");
    home.ok(["kill", &gentle.short_id]);
    eventually("kill takes the tmux session away", || {
        (!home.tmux(&["has-session", "-t", &tmux_session(&gentle)]).status.success()).then_some(())
    });
}

#[test]
fn a_removed_session_leaves_nothing_behind_also_while_somebody_follows() {
    let home = Home::running();
    let session = home.bash("echo ready; read");
    let id = session.short_id.as_str();
    let mut reader = home.follow(&session, &["--raw", "-n", "all"]);
    reader.wait_for("ready");
    let mut socket = home.websocket();
    socket.subscribe(id, Begin::Start, Delivery::Every);
    socket.until(|message| matches!(message, ServerMessage::CaughtUp { .. }).then_some(()));
    let message = home.fails(1, ["sessions", "remove", id]);
    assert!(message.contains("codepiper stop"), "{message}");
    home.ok(["stop", id]);
    home.ok(["sessions", "remove", id]);
    assert_eq!(reader.ended().code, Some(0));
    socket.until(|message| matches!(message, ServerMessage::Ended { .. }).then_some(()));
    home.fails(3, ["sessions", "show", id]);
    assert_eq!(home.sessions(), []);
    assert_eq!(home.files("data/sessions"), [""; 0]);
    assert_eq!(home.files("data/run"), ["shim.sock"]);
    eventually("the tmux session is gone", || {
        (home.tmux_says(&["list-sessions", "-F", "#{session_name}"]) == "_hub").then_some(())
    });
}

#[test]
fn names_are_unique_and_can_be_changed() {
    let home = Home::running();
    let one = home.start_with(&["--name", "one"], &["sleep", "1000"]);
    let other = home.start(&["sleep", "1000"]);
    assert_eq!(home.session("one").id, one.id);
    home.fails(2, ["start", "-p", "shell", "--name", "one", "--", "true"]);
    home.fails(2, ["sessions", "rename", &other.short_id, "one"]);
    for bad in [" x", "-x", "", "a\nb", &"x".repeat(65)] {
        home.fails(2, ["sessions", "rename", "one", "--", bad]);
    }
    home.ok(["sessions", "rename", &other.short_id, "ümlaut / two"]);
    assert_eq!(home.session("ümlaut / two").id, other.id);
    home.ok(["sessions", "rename", "one", "--clear"]);
    home.fails(3, ["sessions", "show", "one"]);
    home.ok(["sessions", "rename", &other.short_id, "one"]);
    assert_eq!(home.session("one").id, other.id);
    assert_eq!(home.sessions().len(), 2);
}

#[test]
fn of_two_starts_with_one_name_one_wins() {
    let home = Home::running();
    let start = || home.run(["start", "-p", "shell", "--name", "same", "--", "sleep", "1000"]).code;
    let mut codes = std::thread::scope(|scope| {
        let threads = [(); 4].map(|()| scope.spawn(start));
        threads.map(|thread| thread.join().unwrap())
    });
    codes.sort();
    assert_eq!(codes, [Some(0), Some(2), Some(2), Some(2)]);
    assert_eq!(home.sessions().len(), 1);
    assert_eq!(home.files("data/sessions").len(), 1);
}

#[test]
fn twenty_sessions_are_started_at_once() {
    let home = Home::running();
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| home.start(&["seq", "1", "100"]));
        }
    });
    let sessions = home.sessions();
    assert_eq!(sessions.len(), 20);
    for session in &sessions {
        assert_eq!(home.until_ended(session).exit, Some(exited(0)));
        assert_eq!(home.output(session), numbers(100), "{:#?}", home.explain(&session.short_id).evidence);
    }
}

#[test]
fn a_large_environment_and_long_arguments_arrive() {
    let mut home = Home::new();
    let variables: Vec<String> =
        (0..300).map(|number| format!("LARGE_{number}={}", "x".repeat(3000))).collect();
    let pairs = variables.iter().map(|pair| pair.split_once('=').unwrap());
    home.start_daemon_in(pairs);
    let argument = "y".repeat(100_000);
    let session = home.start(&[
        "bash",
        "-c",
        "env | grep -c '^LARGE_.*xxx$'; echo ${#1} ${#2}",
        "-",
        &argument,
        "$HOME #{x} ;",
    ]);
    home.until_ended(&session);
    assert_eq!(home.output(&session), "300\r\n100000 12\r\n");
    let too_long = "z".repeat(130 * 1024);
    let ran = home.run(["start", "-p", "shell", "--", "echo", &too_long[..131_071], "x"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

#[test]
fn the_program_gets_no_secret_of_ours_and_nothing_stands_in_tmux() {
    let mut home = Home::new();
    home.start_daemon_in([("SECRET", "hunter2")]);
    let session = home.bash("env; read");
    home.until_printed(&session, "SECRET=hunter2\r\n");
    let env = home.output(&session);
    for line in [format!("CODEPIPER_SESSION={}\r\n", session.id), "TERM=tmux-256color\r\n".to_owned()] {
        assert!(env.contains(&line), "{env}");
    }
    assert!(!env.contains("CODEPIPER_HOME"), "{env}");
    for question in [&["show-environment", "-g"][..], &["list-panes", "-a", "-F", "#{pane_start_command}"]] {
        assert!(!home.tmux_says(question).contains("hunter2"));
    }
}

#[test]
fn a_resize_reaches_the_program_and_everybody_who_watches() {
    let home = Home::running();
    let session = home.start_with(&["--size", "100x30"], &["bash", "-c", SIZES]);
    let id = session.short_id.as_str();
    home.until_printed(&session, "30 100\r\n");
    let mut socket = home.websocket();
    socket.subscribe(id, Begin::Live, Delivery::Latest);
    socket.until(|message| matches!(message, ServerMessage::CaughtUp { .. }).then_some(()));
    let resized: Session = serde_json::from_str(&home.ok(["resize", id, "70x20", "--json"])).unwrap();
    let size = Size::new(70, 20).unwrap();
    assert_eq!(resized.size, size);
    assert_eq!(home.session(id).size, size);
    home.until_printed(&session, "20 70\r\n");
    let announced = socket.until(|message| match message {
        ServerMessage::Keyframe { size, reason, .. } => Some((size, reason)),
        _ => None,
    });
    assert_eq!(announced, (size, KeyframeReason::Resize));
    assert!(matches!(socket.next(), Frame::Binary { tag: 0x80, .. }));
    for bad in ["0x0", "70", "70x", "1x1x1", "99999x2"] {
        home.fails_at_usage(["resize", id, bad]);
    }
    // The same size is no event.
    home.ok(["resize", id, "70x20"]);
    home.ok(["stop", id]);
    home.fails(7, ["resize", id, "80x24"]);
}

#[test]
fn a_person_who_attaches_decides_the_size_until_they_leave() {
    let home = Home::running();
    let session = home.start_with(&["--size", "100x30"], &["bash", "-c", SIZES]);
    let id = session.short_id.as_str();
    home.until_printed(&session, "30 100\r\n");
    let mut person = Pty::run(home.command(["attach", id]), 64, 18);
    home.until_printed(&session, "18 64\r\n");
    home.until(&session, "it is attached", |session| {
        session.attached == 1 && session.size == Size::new(64, 18).unwrap()
    });
    person.resize(72, 21);
    home.until_printed(&session, "21 72\r\n");
    // The person decides.
    home.fails(6, ["resize", id, "80x24"]);
    person.type_(b"\x02d");
    assert_eq!(person.exit_code(), Some(0));
    person.wait_for("keeps running");
    // What was asked for meanwhile is used now.
    home.until_printed(&session, "24 80\r\n");
    let after = home.until(&session, "nobody is attached", |session| session.attached == 0);
    assert_eq!(
        (after.status, after.pid, after.size),
        (Status::Running, session.pid, Size::new(80, 24).unwrap())
    );
}

#[test]
fn what_a_person_types_reaches_the_program_and_its_end_detaches() {
    let home = Home::running();
    let session = home.bash(
        "stty -echo; echo ready; while read -r line; do echo got $line; [ $line = end ] && exit 5; done",
    );
    home.until_printed(&session, "ready");
    let mut person = Pty::run(home.command(["attach", &session.short_id]), 80, 24);
    person.wait_for("ready");
    person.type_(b"hello\r");
    person.wait_for("got hello");
    person.type_(b"end\r");
    assert_eq!(person.exit_code(), Some(0));
    assert_eq!(home.until_ended(&session).exit, Some(exited(5)));
    let mut late = Pty::run(home.command(["attach", &session.short_id]), 80, 24);
    assert_eq!(late.exit_code(), Some(7));
}

#[test]
fn a_terminal_that_is_closed_only_detaches() {
    let home = Home::running();
    let session = home.bash("echo ready; read; echo over; read");
    let mut person = Pty::run(home.command(["attach", &session.short_id]), 80, 24);
    person.wait_for("ready");
    person.close();
    home.until(&session, "nobody is attached", |session| session.attached == 0);
    home.ok(["send", &session.short_id, ""]);
    home.until_printed(&session, "over");
}

#[test]
fn a_session_has_tags_a_pin_and_an_archive() {
    let mut home = Home::new();
    home.start_daemon();
    let session = home.start_with(&["--name", "one"], &["cat"]);
    home.start_with(&["--name", "two"], &["cat"]);
    assert!(home.ok(["sessions", "tag", "one", "urgent", "api/v2", "urgent"]).contains("tags api/v2 urgent"));
    home.ok(["sessions", "pin", "one"]);
    for (tag, why) in
        [("a b", "a b"), ("", "''"), ("\u{1b}[31m", "invalid tag"), ("-x", "-x"), (&"x".repeat(33), "32")]
    {
        let refused = home.fails(2, ["sessions", "tag", "one", "--", tag]);
        assert!(refused.contains(why) && !refused.contains('\u{1b}'), "{refused}");
    }
    let many: Vec<String> = (0..16).map(|number| format!("tag{number}")).collect();
    assert!(
        home.fails(2, [&["sessions", "tag", "one"].map(String::from)[..], &many].concat()).contains("16")
    );
    // Only what has ended.
    let refused = home.fails(1, ["sessions", "archive", "one"]);
    assert!(refused.contains("is running") && refused.contains("codepiper stop"), "{refused}");
    home.ok(["stop", "one"]);
    home.ok(["sessions", "archive", "one"]);
    home.stop_daemon();
    home.start_daemon();
    let kept = home.session("one");
    assert_eq!((kept.tags.join(" ").as_str(), kept.pinned, kept.archived), ("api/v2 urgent", true, true));
    // Lists leave it out, and it is found by its name, its tag and as what it is.
    let listed = |flags: &[&str]| home.ok([&["sessions"], flags].concat());
    assert!(!listed(&[]).contains(&session.short_id) && listed(&[]).contains("two"));
    assert!(listed(&["--archived"]).contains("api/v2 urgent") && !listed(&["--archived"]).contains("two"));
    assert!(!listed(&["--tag", "urgent"]).contains(&session.short_id));
    assert!(listed(&["--archived", "--tag", "urgent"]).contains(&session.short_id));
    // Whoever resumes it wants to see it.
    home.ok(["resume", "one"]);
    assert!(!home.session("one").archived);
    assert!(home.ok(["sessions", "tag", "one", "urgent", "--remove"]).contains("tags api/v2"));
    let logs = home.ok(["logs", "one", "--type", "session.labels_changed"]);
    assert!(logs.contains("Labels: tags: api/v2, urgent; pinned; archived"), "{logs}");
}
