//! The command line against a real daemon, which has a directory and a tmux server of its own.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

/// A daemon, ended with everything that it runs when this is dropped.
struct Daemon {
    home: TempDir,
}

impl Daemon {
    fn start() -> Self {
        let daemon = Self { home: tempfile::tempdir().unwrap() };
        let started = daemon.run(&["daemon", "--detach"]);
        let socket = daemon.home.path().join("codepiper.sock");
        assert_eq!(
            text(&started.stdout),
            format!("✓ Daemon started on {}\n", socket.display()),
            "{started:?}"
        );
        daemon
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_codepiper"));
        command.args(args).env("CODEPIPER_HOME", self.home.path()).env_remove("CODEPIPER_SOCKET");
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// What a command prints that succeeds.
    #[track_caller]
    fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        text(&output.stdout)
    }

    /// The exit code and the message of a command that fails.
    #[track_caller]
    fn fails(&self, args: &[&str]) -> (i32, String) {
        let output = self.run(args);
        assert!(output.stdout.is_empty(), "{args:?}: {output:?}");
        (output.status.code().unwrap(), text(&output.stderr))
    }

    #[track_caller]
    fn json(&self, args: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.ok(args)).unwrap()
    }

    /// Starts a session of a shell command, and tells its id.
    #[track_caller]
    fn shell(&self, script: &str) -> String {
        let home = self.home.path().to_str().unwrap();
        let session = self.json(&["start", "-p", "shell", "-d", home, "--json", "--", "sh", "-c", script]);
        session["short_id"].as_str().unwrap().to_owned()
    }

    /// A command that goes on.
    fn spawn(&self, args: &[&str]) -> Running {
        Running(self.command(args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.command(&["daemon", "stop", "--kill-sessions"]).output();
    }
}

struct Running(Child);

impl Running {
    /// Waits for the end of its output.
    fn output(mut self) -> String {
        let text = std::io::read_to_string(self.0.stdout.take().unwrap()).unwrap();
        assert!(self.0.wait().unwrap().success());
        text
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn without_a_daemon_every_verb_says_how_to_start_it() {
    let daemon = Daemon { home: tempfile::tempdir().unwrap() };
    for args in
        [&["sessions"][..], &["daemon", "status"], &["tail", "x"], &["send", "x", "y"], &["daemon", "stop"]]
    {
        let (code, message) = daemon.fails(args);
        assert_eq!(code, 4, "{args:?}");
        assert!(message.starts_with("error: ") && message.contains("`codepiper daemon`"), "{message}");
        assert_eq!(message.lines().count(), 2, "{message}");
    }
    let checks = daemon.json(&["doctor", "--json"]);
    assert_eq!(checks[0]["name"], "daemon");
    assert_eq!(checks[0]["verdict"], "warning");
}

#[test]
fn a_daemon_that_cannot_start_hands_on_why() {
    let daemon = Daemon::start();
    let (code, message) = daemon.fails(&["daemon", "--detach"]);
    assert_eq!(code, 1);
    assert!(message.starts_with("error: "), "{message}");
    let status = daemon.json(&["daemon", "status", "--json"]);
    assert_eq!(status["protocol"], 1);
    assert_eq!(status["sessions"], serde_json::json!({"live": 0, "ended": 0}));
}

#[test]
fn the_life_of_a_session() {
    let daemon = Daemon::start();
    let started = daemon.ok(&["start", "-p", "shell", "--name", "one", "--", "sh", "-c", "read x; exit $x"]);
    let id = started.strip_prefix("✓ Session ").and_then(|rest| rest.strip_suffix(" started (shell)\n"));
    let id = id.unwrap_or_else(|| panic!("{started}"));
    assert!(id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");

    let list = daemon.json(&["sessions", "--json"]);
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!(list[0]["status"], "running");
    assert_eq!(list[0]["exit"], serde_json::Value::Null);
    assert!(daemon.ok(&["sessions", "--status", "running"]).contains(id));
    assert_eq!(daemon.json(&["sessions", "--json", "--provider", "codex"]), serde_json::json!([]));

    daemon.ok(&["send", "one", "3", "--wait", "exit", "--timeout", "20"]);
    let session = daemon.json(&["sessions", "show", &id[..4], "--json"]);
    assert_eq!(session["status"], "crashed");
    assert_eq!(session["exit"], serde_json::json!({"code": 3, "signal": null, "reason": "exited"}));
    assert_eq!(daemon.fails(&["send", id, "x"]).0, 7);
    assert_eq!(daemon.fails(&["keys", id, "enter"]).0, 7);
    daemon.ok(&["stop", id]);

    daemon.ok(&["resume", id]);
    assert_eq!(daemon.json(&["sessions", "show", id, "--json"])["status"], "running");
    assert_eq!(daemon.json(&["stop", id, "--json"])["status"], "stopped");
    daemon.ok(&["kill", id]);
    daemon.ok(&["sessions", "rename", id, "--clear"]);
    assert_eq!(daemon.fails(&["sessions", "show", "one"]).0, 3);
    daemon.ok(&["sessions", "remove", id]);
    let none = daemon.run(&["sessions"]);
    assert!(none.stdout.is_empty() && text(&none.stderr).contains("codepiper start"), "{none:?}");
}

#[test]
fn what_cannot_be_started_leaves_nothing_behind() {
    let daemon = Daemon::start();
    assert_eq!(daemon.fails(&["start", "-p", "shell", "-d", "/nowhere"]).0, 2);
    assert_eq!(daemon.fails(&["start", "-p", "nobody"]).0, 2);
    assert!(daemon.fails(&["start"]).1.contains("claude-code"));
    assert_eq!(daemon.fails(&["start", "-p", "shell", "--", "/nowhere/x"]).0, 1);
    assert_eq!(daemon.fails(&["tail", "none"]).0, 3);
    assert_eq!(daemon.json(&["sessions", "--json"]), serde_json::json!([]));
}

#[test]
fn following_from_the_start_misses_and_doubles_nothing() {
    let daemon = Daemon::start();
    let id = daemon.shell("read go; seq 1 20000; read go; seq 20001 40000");
    let early = daemon.spawn(&["tail", &id, "--follow", "-n", "all"]);
    daemon.ok(&["send", &id, "go", "--wait", "text=^20000$", "--timeout", "60"]);
    let late = daemon.spawn(&["tail", &id, "--follow", "-n", "all", "--raw"]);
    daemon.ok(&["send", &id, "on"]);
    let expected: Vec<String> = (1..=40000).map(|number| number.to_string()).collect();
    for text in [early.output(), late.output(), daemon.ok(&["tail", &id, "-n", "all"])] {
        let numbers: Vec<&str> =
            text.lines().filter(|line| line.bytes().all(|byte| byte.is_ascii_digit())).collect();
        assert!(numbers == expected, "{} lines", numbers.len());
    }
    assert_eq!(daemon.ok(&["tail", &id, "-n", "2"]), "39999\n40000\n");
}

#[test]
fn text_arrives_as_it_was_given() {
    let daemon = Daemon::start();
    let id = daemon.shell("stty raw -echo; echo READY; head -c 9 | od -An -tx1");
    daemon.ok(&["wait", &id, "--until", "text=READY", "--timeout", "20"]);
    daemon.ok(&["send", &id, "--no-newline", ""]);
    daemon.ok(&["send", &id, "--no-newline", "--", "-n", "é"]);
    let mut send =
        daemon.command(&["send", &id, "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    send.stdin.take().unwrap().write_all(b"\xff\x00-").unwrap();
    assert!(send.wait().unwrap().success());
    daemon.ok(&["wait", &id, "--until", "exit", "--from", "0:0", "--timeout", "20"]);
    assert!(daemon.ok(&["tail", &id]).contains("2d 6e 20 c3 a9 ff 00 2d 0d"));
}

#[test]
fn waiting_has_three_ends() {
    let daemon = Daemon::start();
    let id = daemon.shell("read x; echo got $x; read x");
    let sent = daemon.json(&["send", &id, "it", "--json"]);
    let from = sent["cursor"].as_str().unwrap();
    let wait = |until: &str, timeout: &str| {
        daemon.run(&["wait", &id, "--until", until, "--from", from, "--timeout", timeout, "--json"])
    };
    let happened: serde_json::Value = serde_json::from_slice(&wait("text=^got (it)$", "20").stdout).unwrap();
    assert_eq!(happened["line"], "got it");
    assert_eq!(wait("quiet=0.2", "20").status.code(), Some(0));
    assert_eq!(wait("text=never", "0.2").status.code(), Some(5));
    assert_eq!(wait("idle", "0.2").status.code(), Some(5));
    daemon.ok(&["kill", &id]);
    assert_eq!(wait("text=never", "20").status.code(), Some(7));
    assert_eq!(wait("exit", "20").status.code(), Some(0));
}

#[test]
fn a_restart_of_the_daemon_interrupts_nobody() {
    let daemon = Daemon::start();
    let id = daemon.shell("echo before; read x; echo after");
    let mut follow = daemon.spawn(&["tail", &id, "--follow", "-n", "all"]);
    let mut lines = BufReader::new(follow.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(lines.next().as_deref(), Some("before"));
    let wait = daemon.spawn(&["wait", &id, "--until", "exit", "--timeout", "60"]);
    let before = daemon.json(&["daemon", "status", "--json"]);
    daemon.ok(&["daemon", "restart"]);
    let after = daemon.json(&["daemon", "status", "--json"]);
    assert_eq!(before["pid"], after["pid"]);
    assert_ne!(before["started_at"], after["started_at"]);
    daemon.ok(&["send", &id, "x"]);
    assert_eq!(lines.by_ref().collect::<Vec<_>>(), ["x", "after"]);
    assert!(follow.0.wait().unwrap().success());
    wait.output();
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let daemon = Daemon::start();
    let id = daemon.shell("yes");
    for args in [&["--raw"][..], &["--json"], &[]] {
        let args = [&["tail", &id, "--follow", "-n", "all"], args].concat();
        let mut tail = daemon.command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        BufReader::new(tail.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
        let output = tail.wait_with_output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""), "{args:?}");
    }
    daemon.ok(&["kill", &id]);
}

#[test]
fn attaching_needs_a_terminal() {
    let daemon = Daemon::start();
    let id = daemon.shell("read x");
    for args in [&["attach", &id][..], &["attach", &id, "--follow"]] {
        assert_eq!(daemon.fails(args).0, 2);
    }
    assert_eq!(daemon.json(&["resize", &id, "100x40", "--json"])["size"]["cols"], 100);
}
