//! Another version: of the program, of the shims that are there already, of what was written down.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use codepiper_protocol::event::Event;
use codepiper_protocol::wire::daemon::{Check, Verdict};
use codepiper_protocol::wire::session::{ExitReason, Session, Status};
use nix::sys::signal::Signal;

use crate::harness::{CODEPIPER, Home, numbers};

/// A program that counts the lines that it is told, and ends with 7 at the third.
const COUNTER: &str =
    "stty -echo; n=0; echo ready; while read -r; do n=$((n+1)); echo line $n; [ $n = 3 ] && exit 7; done";

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// Puts a copy of a file into the place of an executable one, which may be running. Another process
/// copies it: what this one has open for writing, a program that is started meanwhile holds open too, and
/// then it cannot be executed.
fn replace(program: &Path, source: &Path) {
    let beside = program.with_extension("new");
    assert!(Command::new("cp").arg(source).arg(&beside).status().unwrap().success());
    fs::set_permissions(&beside, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(beside, program).unwrap();
}

fn install(program: &Path) {
    replace(program, CODEPIPER.as_ref());
}

/// A home whose daemon runs from a program of its own, which can be replaced.
fn home() -> (Home, PathBuf) {
    let mut home = Home::new();
    let program = home.path("bin/codepiper");
    fs::create_dir(home.path("bin")).unwrap();
    install(&program);
    home.set_program(&program);
    home.start_daemon();
    home.set_program(CODEPIPER.as_ref());
    (home, program)
}

#[test]
fn a_restart_executes_the_program_that_was_put_into_its_place() {
    let (home, program) = home();
    let session = home.bash(COUNTER);
    let pid = home.daemon_pid();
    let executable = || fs::read_link(format!("/proc/{pid}/exe")).unwrap();
    install(&program);
    assert!(executable().to_str().unwrap().ends_with(" (deleted)"));
    // Before the restart, too, sessions start; their shims are of the new program.
    let meanwhile = home.bash(COUNTER);
    home.ok(["daemon", "restart"]);
    assert_eq!(executable(), program);
    for session in [&session, &meanwhile, &home.bash(COUNTER)] {
        assert_eq!(home.session(&session.short_id).pid, session.pid);
        for line in 1..=3 {
            home.ok(["send", &session.short_id, "x"]);
            home.until_printed(session, &format!("line {line}\r\n"));
        }
        let ended = home.until_ended(session);
        assert_eq!((ended.status, ended.exit.unwrap().code), (Status::Crashed, Some(7)));
    }
}

#[test]
fn a_daemon_whose_program_is_gone_goes_on_and_says_so() {
    let (home, program) = home();
    let session = home.bash(COUNTER);
    let pid = home.daemon_pid();
    let hidden = program.with_extension("hidden");
    let named = |message: &str, why: &str| {
        assert!(message.contains(program.to_str().unwrap()) && message.contains(why), "{message}");
    };
    fs::rename(&program, &hidden).unwrap();
    named(&home.fails(1, ["daemon", "restart"]), "the file is missing");
    named(&home.fails(1, ["start", "-p", "shell", "--", "true"]), "the file is missing");
    // What lies there is no program, by its rights, by its content, by what it does.
    fs::write(&program, "no program").unwrap();
    named(&home.fails(1, ["daemon", "restart"]), "permission denied");
    replace(&program, Path::new("/bin/false"));
    named(&home.fails(1, ["daemon", "restart"]), "exit status: 1");
    named(&home.fails(1, ["start", "-p", "shell", "--", "true"]), "exit status: 1");
    assert_eq!((home.status().pid as i32, home.sessions().len()), (pid, 1));
    home.ok(["send", &session.short_id, "x"]);
    home.until_printed(&session, "line 1\r\n");
    fs::rename(&hidden, &program).unwrap();
    // The next one could not read its configuration; the command line would say so itself.
    fs::write(home.path("config.toml"), "[daemon]\nsocket = 1\n").unwrap();
    let request =
        "POST /api/daemon/restart HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let mut socket = std::os::unix::net::UnixStream::connect(home.socket()).unwrap();
    std::io::Write::write_all(&mut socket, request.as_bytes()).unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut socket, &mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 422 ") && answer.contains("line 2"), "{answer}");
    fs::remove_file(home.path("config.toml")).unwrap();
    assert_eq!(home.status().pid as i32, pid);
    home.ok(["daemon", "restart"]);
    assert_eq!(home.status().pid as i32, pid);
    home.until_ended(&home.start(&["true"]));
}

/// A shim outlives the daemon that started it. Those of an earlier release say 0, those of a later one,
/// which a replaced program starts before the daemon is restarted, say more.
#[test]
fn shims_of_other_protocol_numbers_are_understood() {
    for number in [0, 1, 2, 99] {
        let (mut home, program) = home();
        let script = fixtures().join("shims/scripted.mjs");
        let text = format!("#!/bin/sh\nexec node '{}' {number} \"$@\"\n", script.display());
        let written = home.path("bin/scripted");
        fs::write(&written, text).unwrap();
        replace(&program, &written);
        let seen = home.bash("printf 'the tail'; exit 3");
        let ended = home.until_ended(&seen);
        assert_eq!((ended.status, ended.exit.unwrap().code), (Status::Crashed, Some(3)), "{number}");
        assert_eq!(home.output(&seen), "the tail", "{number}");
        let (stopped, adopted) = (home.start(&["sleep", "1000"]), home.bash(COUNTER));
        home.until_printed(&adopted, "ready");
        home.ok(["stop", &stopped.short_id]);
        assert_eq!(home.session(&stopped.short_id).exit.unwrap().signal, Some(1), "{number}");

        home.signal_daemon(Signal::SIGKILL);
        home.daemon_ended();
        install(&program);
        home.start_daemon();
        assert_eq!(home.session(&adopted.short_id).pid, adopted.pid);
        for line in 1..=3 {
            home.ok(["send", &adopted.short_id, "x"]);
            home.until_printed(&adopted, &format!("line {line}\r\n"));
        }
        let ended = home.until_ended(&adopted);
        assert_eq!((ended.status, ended.exit.unwrap().code), (Status::Crashed, Some(7)), "{number}");
    }
}

#[test]
fn a_launch_record_without_what_came_later_is_enough() {
    let mut home = Home::running();
    let session = home.bash(COUNTER);
    home.stop_daemon();
    let path = home.path(&format!("data/sessions/{}.json", session.id));
    let mut record: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for newer in ["server", "complete", "crashes"] {
        record.as_object_mut().unwrap().remove(newer).unwrap();
    }
    fs::write(&path, record.to_string()).unwrap();
    home.start_daemon();
    let now = home.session(&session.short_id);
    assert_eq!((now.status, now.pid), (Status::Running, session.pid));
}

/// What each release wrote, opened by this program: `fixtures/stores/make` says what is in it.
#[test]
fn frozen_stores_are_opened() {
    let mut stores: Vec<PathBuf> = fs::read_dir(fixtures().join("stores"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    stores.sort();
    assert!(stores.iter().any(|store| store.ends_with("0.1.0")));
    for store in stores {
        opens(&store);
    }
}

fn opens(store: &Path) {
    let release = store.display();
    let mut home = Home::new();
    copy(store, &home.path("data"));
    home.start_daemon_in([("CODEPIPER_TEST_BOOT_ID", "frozen")]);
    let checks: Vec<Check> = serde_json::from_str(&home.run(["doctor", "--json"]).stdout).unwrap();
    for name in ["launch records", "state files", "journal"] {
        let check = checks.iter().find(|check| check.name == name).unwrap();
        assert_eq!(check.verdict, Verdict::Fine, "{release}: {}", check.detail);
    }
    let end = |session: &Session| {
        let exit = session.exit.unwrap();
        (session.status, exit.reason, exit.code)
    };
    let lost = (Status::Stopped, ExitReason::ServerGone, None);
    let wanted = [
        ("finished", (Status::Crashed, ExitReason::Exited, Some(7))),
        ("stopped", (Status::Stopped, ExitReason::Stopped, None)),
        ("running", lost),
        ("away", (Status::Crashed, ExitReason::Exited, Some(5))),
        ("agent", lost),
    ];
    let sessions = home.sessions();
    let found: Vec<_> =
        sessions.iter().map(|session| (session.name.as_deref().unwrap(), end(session))).collect();
    assert_eq!(found, wanted, "{release}");
    assert_eq!((sessions[2].size.cols(), sessions[2].size.rows()), (100, 30), "{release}");
    assert_eq!(
        (sessions[4].provider.as_str(), sessions[4].args.as_slice()),
        ("claude-code", &["--model".into(), "opus".into()][..])
    );

    let logs = home.ok(["logs", "agent", "--source", "hook", "--json"]);
    let events: Vec<Event> = logs.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let prompts: Vec<&str> = events
        .iter()
        .map(|event| event.body.as_hook().unwrap().payload["prompt"].as_str().unwrap())
        .collect();
    assert_eq!(prompts, ["while it ran", "while it was away", "and again"], "{release}");
    assert_eq!(home.output(&sessions[0]), numbers(1000), "{release}");
    assert!(home.output(&sessions[4]).contains("ready"), "{release}");

    // A session of then goes on.
    home.ok(["resume", "finished"]);
    assert_eq!(end(&home.until_ended(&sessions[0])), wanted[0].1);
    let output = home.output(&sessions[0]);
    assert_eq!(output, numbers(1000).repeat(2), "{release}");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &target),
            false => {
                fs::copy(&path, &target).unwrap();
            }
        }
    }
}
