//! Several people do something with the same session at once: one of them does it, the others are told, and what is
//! listed, written down, in tmux and running is the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use codepiper_protocol::SessionId;
use codepiper_protocol::wire::problem::{Code, Problem};
use codepiper_protocol::wire::session::{ExitReason, Session, Status};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::harness::{Answer, Home, Owner, Ran, TIMEOUT, eventually, is_gone, mentioning, png};

/// Stands in for `claude`: it has a conversation as soon as it was started, and ends when it is interrupted.
const AGENT: &str = r#"#!/bin/bash
folder="$HOME/.claude/projects/$(pwd -P | sed 's/[^a-zA-Z0-9]/-/g')"
mkdir -p "$folder"
while [ $# -gt 0 ]; do [ "$1" = --session-id ] && echo '{"type":"user"}' > "$folder/$2.jsonl"; shift; done
trap 'exit 0' INT
printf '\033[?2004h\033]9;4;0;\007ready\n'
while :; do read -t 1; done
"#;

/// A home with a stand-in for Claude Code. `configuration` is that of the daemon, which does not run yet.
fn home_of_agents(configuration: &str) -> Home {
    let mut home = Home::new();
    home.add_program("claude", AGENT);
    fs::write(home.path("config.toml"), configuration).unwrap();
    home
}

fn agent(home: &Home) -> Session {
    serde_json::from_str(&home.ok(["start", "-p", "claude-code", "--json"])).unwrap()
}

/// Runs commands at the same moment.
fn at_once<const N: usize>(home: &Home, commands: [&[&str]; N]) -> [Ran; N] {
    let start = Barrier::new(N);
    std::thread::scope(|scope| {
        let running = commands.map(|command| {
            let start = &start;
            scope.spawn(move || {
                start.wait();
                home.run(command)
            })
        });
        running.map(|thread| thread.join().unwrap())
    })
}

/// Waits until what is listed is what is written down, what is in tmux, and what runs, and nothing is in between.
fn is_consistent(home: &Home) {
    let end = Instant::now() + TIMEOUT;
    // What is being ended changes by itself.
    while let Err(difference) = compare(home) {
        assert!(Instant::now() < end, "{difference}");
    }
}

fn compare(home: &Home) -> Result<(), String> {
    let sessions = home.sessions();
    let same = |what: &str, one: String, other: String| match one == other {
        true => Ok(()),
        false => Err(format!("{what}: {other}, and listed is {one}")),
    };
    let listed: BTreeMap<SessionId, (Status, Option<String>)> =
        sessions.iter().map(|session| (session.id, (session.status, session.name.clone()))).collect();
    let in_between = listed.values().any(|(status, _)| *status == Status::Starting);
    same("starting", "false".into(), in_between.to_string())?;
    let read = |name: &String| {
        let record: Value =
            serde_json::from_slice(&fs::read(home.path("data/sessions").join(name)).ok()?).unwrap();
        let status: Status = serde_json::from_value(record["status"].clone()).unwrap();
        let name: Option<String> = serde_json::from_value(record["name"].clone()).unwrap();
        Some((serde_json::from_value(record["id"].clone()).unwrap(), (status, name)))
    };
    let written: BTreeMap<SessionId, (Status, Option<String>)> =
        home.files("data/sessions").iter().filter(|name| name.ends_with(".json")).filter_map(read).collect();
    same("written down", format!("{listed:?}"), format!("{written:?}"))?;

    let live: BTreeSet<SessionId> =
        sessions.iter().filter(|session| session.status.is_live()).map(|session| session.id).collect();
    // A window is linked to two sessions of tmux.
    let format = "#{@cp_id} #{pane_id} #{pane_dead}";
    let panes = home.tmux_says(&["list-panes", "-a", "-F", format]);
    let panes: BTreeSet<&str> = panes.lines().filter(|line| line.ends_with(" 0")).collect();
    let mut panes: Vec<SessionId> =
        panes.iter().filter_map(|line| line.split(' ').next()?.parse().ok()).collect();
    panes.sort();
    same("panes", format!("{:?}", live.iter().collect::<Vec<_>>()), format!("{panes:?}"))?;

    let programs = sessions.iter().filter_map(|session| session.pid).filter(|pid| !is_gone(*pid)).count();
    same("programs", live.len().to_string(), programs.to_string())?;
    let is_shim = |pid: &nix::unistd::Pid| {
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        words.split(|byte| *byte == 0).nth(1) == Some(b"shim") && !is_gone(pid.as_raw())
    };
    let shims = mentioning(&home.path("")).iter().filter(|pid| is_shim(pid)).count();
    same("shims", live.len().to_string(), shims.to_string())
}

#[test]
fn of_several_resumes_one_takes_place_and_the_others_are_told() {
    let home = Home::running();
    let script = "echo started >> \"$CODEPIPER_HOME/starts\"; echo ready; read";
    let session =
        home.start(&["bash", "-c", &script.replace("$CODEPIPER_HOME", home.path("").to_str().unwrap())]);
    let starts = || fs::read_to_string(home.path("starts")).unwrap().lines().count();
    let id = session.short_id.as_str();
    home.ok(["kill", id]);
    for round in 0..20 {
        for several in [2, 3] {
            let before = starts();
            let command: &[&str] = &["resume", id];
            let ran: Vec<Ran> = match several {
                2 => at_once(&home, [command; 2]).into(),
                _ => at_once(&home, [command; 3]).into(),
            };
            let (done, refused): (Vec<_>, Vec<_>) = ran.iter().partition(|ran| ran.code == Some(0));
            assert_eq!(done.len(), 1, "round {round}: {ran:?}");
            for ran in refused {
                assert_eq!(ran.code, Some(1), "{ran:?}");
                let told = ["is being resumed by somebody else", "is running"];
                assert!(told.iter().any(|told| ran.stderr.contains(told)), "{ran:?}");
            }
            is_consistent(&home);
            home.until_printed(&session, "ready");
            assert_eq!(starts(), before + 1);
            home.ok(["kill", id]);
        }
    }
}

#[test]
fn what_is_removed_is_not_resumed_and_what_is_resumed_is_not_removed() {
    let home = Home::running();
    for round in 0..15 {
        let session = home.until_ended(&home.start(&["bash", "-c", "read -t 0.01; [ -e stay ] && read"]));
        fs::write(home.path("stay"), "").unwrap();
        let id = session.short_id.as_str();
        let [resumed, removed] = at_once(&home, [&["resume", id], &["sessions", "remove", id]]);
        match (resumed.code, removed.code) {
            (Some(0), Some(1)) => home.ok(["kill", id]),
            (Some(1 | 3), Some(0)) => String::new(),
            _ => panic!("round {round}: {resumed:?} {removed:?}"),
        };
        fs::remove_file(home.path("stay")).unwrap();
        is_consistent(&home);
    }
}

#[test]
fn a_worktree_goes_or_its_session_runs() {
    let home = Home::running();
    let repository = home.path("repository");
    let script =
        "git init -q . && echo 1 >f && git add . && git -c user.email=a@b -c user.name=a commit -q -m x";
    fs::create_dir(&repository).unwrap();
    assert!(Command::new("sh").args(["-c", script]).current_dir(&repository).status().unwrap().success());
    for round in 0..10 {
        let flags = ["-d", repository.to_str().unwrap(), "--worktree"];
        let session = home.start_with(&flags, &["bash", "-c", "read"]);
        home.ok(["kill", &session.short_id]);
        let path = session.worktree.unwrap().path;
        let remove = ["worktree", "remove", path.to_str().unwrap()];
        let start = ["start", "-p", "shell", "-d", path.to_str().unwrap(), "--", "bash", "-c", "read"];
        let [resumed, removed, started] = at_once(&home, [&["resume", &session.short_id], &remove, &start]);
        let ran = (resumed.code, started.code);
        if path.exists() {
            assert!(
                removed.code == Some(1) && (ran.0 == Some(0) || ran.1 == Some(0)),
                "{resumed:?} {removed:?} {started:?}"
            );
        } else {
            let failed = |code: Option<i32>| matches!(code, Some(1 | 2));
            assert!(
                removed.code == Some(0) && failed(ran.0) && failed(ran.1),
                "round {round}: {resumed:?} {removed:?} {started:?}"
            );
        }
        is_consistent(&home);
        for session in home.sessions() {
            home.ok(["kill", &session.short_id]);
            home.ok(["sessions", "remove", &session.short_id]);
        }
    }
}

#[test]
fn stop_beside_resume_leaves_nothing_in_between() {
    let home = Home::running();
    let session = home.start(&["bash", "-c", "read"]);
    let id = session.short_id.as_str();
    home.ok(["kill", id]);
    for end in ["stop", "kill"].repeat(10) {
        let [resumed, ended] = at_once(&home, [&["resume", id], &[end, id]]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(matches!(resumed.code, Some(0 | 1)), "{resumed:?}");
        is_consistent(&home);
        home.ok(["kill", id]);
    }
}

/// The turn to start is taken by an agent that says nothing.
#[test]
fn a_launch_that_waits_for_its_turn_is_called_off_by_an_end() {
    let mut home = home_of_agents("[sessions]\nlaunches_at_once = 1\n");
    home.add_program("claude", &AGENT.replace("printf", "exit_quietly="));
    home.start_daemon();
    let first = agent(&home);
    let id = first.short_id.as_str();
    home.ok(["kill", id]);
    let silent = agent(&home);
    for end in ["stop", "kill"] {
        home.ok(["resume", id, "--no-wait"]);
        for command in [&["resume", id][..], &["sessions", "remove", id]] {
            let refused = home.fails(1, command);
            assert!(refused.contains("is being resumed by somebody else"), "{refused}");
        }
        home.ok([end, id]);
        assert_eq!(home.session(id).status, Status::Stopped);
        is_consistent(&home);
    }
    // Whoever waits for the launch is told. The turn is taken anew.
    home.ok(["kill", &silent.short_id]);
    home.ok(["resume", &silent.short_id]);
    let (ended, ends) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let (home, ended) = (&home, ended.clone());
            scope.spawn(move || ended.send(home.run(["resume", id])).unwrap());
        }
        let [second, first] = [(), ()].map(|()| {
            let ran = ends.recv().unwrap();
            home.ok(["stop", id]);
            ran
        });
        assert!(second.code == Some(1) && second.stderr.contains("is being resumed"), "{second:?}");
        assert!(
            first.code == Some(1) && first.stderr.contains("was stopped before its program"),
            "{first:?}"
        );
    });
    // A new one is gone, as if it had never been asked for.
    std::thread::scope(|scope| {
        let starting = scope.spawn(|| home.run(["start", "-p", "claude-code", "--name", "new"]));
        eventually("it is listed", || {
            home.sessions().iter().any(|session| session.name.is_some()).then_some(())
        });
        home.ok(["stop", "new"]);
        assert_eq!(starting.join().unwrap().code, Some(1));
    });
    assert_eq!(home.sessions().len(), 2);
    home.ok(["kill", &silent.short_id]);
    is_consistent(&home);
}

#[test]
fn what_a_person_decides_counts_more_than_what_goes_on_by_itself() {
    let mut home = home_of_agents("");
    home.start_daemon_in([("CODEPIPER_TEST_BOOT_ID", "one")]);
    let agents: Vec<Session> = (0..4).map(|_| agent(&home)).collect();
    home.signal_daemon(Signal::SIGKILL);
    home.daemon_ended();
    home.tmux_says(&["kill-server"]);
    eventually("nothing runs any more", || mentioning(&home.path("")).is_empty().then_some(()));

    // The first takes the turn, and the others wait for it.
    fs::write(home.path("config.toml"), "[sessions]\nlaunches_at_once = 1\n").unwrap();
    home.add_program("claude", &AGENT.replace("printf", "exit_quietly="));
    home.start_daemon_in([("CODEPIPER_TEST_BOOT_ID", "two")]);
    let waits = |session: &Session| {
        let evidence = home.explain(&session.short_id).evidence;
        evidence.last().is_some_and(|last| last.what.contains("the daemon resumes it"))
    };
    let waiting = eventually("the others wait for their turn", || {
        let waiting: Vec<&Session> = agents.iter().filter(|session| waits(session)).collect();
        (waiting.len() >= 2).then_some(waiting)
    });
    let [one, other, ..] = waiting[..] else { unreachable!() };
    let second = home.fails(1, ["resume", &one.short_id]);
    assert!(second.contains("is being resumed by the daemon"), "{second}");
    home.ok(["stop", &one.short_id]);
    home.ok(["kill", &other.short_id]);
    for session in [one, other] {
        let session = home.session(&session.short_id);
        assert_eq!((session.status, session.exit.unwrap().reason), (Status::Stopped, ExitReason::ServerGone));
    }
    is_consistent(&home);
}

#[test]
fn a_fork_inherits_what_is_launched_and_nothing_of_what_happened() {
    let mut home = home_of_agents("");
    home.start_daemon();
    let origin = agent(&home);
    home.until_printed(&origin, "ready");
    let owner = Owner(&home);
    let path = |what: &str| format!("/api/sessions/{}/{what}", origin.id);
    let hook = json!({"hook_event_name": "UserPromptSubmit", "prompt": "x"});
    assert_eq!(owner.answer("POST", &path("hooks"), &hook).unwrap().status, 204);
    let picture = home.path("a.png");
    fs::write(&picture, png()).unwrap();
    let flags = ["--if-busy", "queue", "--image", picture.to_str().unwrap()];
    for _ in 0..2 {
        home.ok([&["send", &origin.short_id, "later"], &flags[..]].concat());
    }
    let fitted: Session = owner.answer("POST", &path("fit"), &json!({"cols": 61, "rows": 17})).unwrap().ok();
    assert!(fitted.lease.is_some() && fitted.queued == 2, "{fitted:?}");

    let forked = home.ok(["resume", &origin.short_id, "--fork", "--json"]);
    let fork: Session = serde_json::from_str(&forked).unwrap();
    assert_eq!((fork.queued, &fork.lease, fork.size), (0, &None, origin.size));
    let images = |session: &Session| home.path(&format!("data/images/{}", session.id)).exists();
    assert!(!images(&fork) && images(&origin));
    let record = |session: &Session| -> Value {
        serde_json::from_slice(&fs::read(home.path(&format!("data/sessions/{}.json", session.id))).unwrap())
            .unwrap()
    };
    let origin = home.session(&origin.short_id);
    assert_eq!((origin.queued, &origin.lease, origin.size), (2, &fitted.lease, fitted.size));
    // What is a fork's own is different, and there is nothing that nobody decided about.
    let (of_origin, of_fork) = (record(&origin), record(&fork));
    let same: BTreeSet<&str> = of_origin
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, value)| of_fork[name.as_str()] == **value)
        .map(|(name, _)| name.as_str())
        .collect();
    for own in ["id", "conversation", "created_at", "nonce", "pid", "queue", "lease", "size", "forked_from"] {
        assert!(!same.contains(own), "{own}: {of_fork}");
    }
    for shared in ["args", "billing", "cwd", "dangerous", "env_sets", "path", "provider", "umask"] {
        assert!(same.contains(shared), "{shared}: {of_fork}");
    }
}

const SESSIONS: usize = 6;

/// What a client may do with a session.
const OPERATIONS: [(&str, &str); 8] = [
    ("POST", "resume"),
    ("POST", "resume"),
    ("POST", "stop"),
    ("POST", "kill"),
    ("PATCH", ""),
    ("DELETE", ""),
    ("POST", "fork"),
    ("POST", "start"),
];

/// An answer that is true of what somebody else may do at the same time.
fn is_fair(method: &str, verb: &str, answer: &Answer) {
    if answer.status < 300 {
        return;
    }
    let problem: Problem = answer.problem();
    let fair = match problem.code {
        Code::NotFound | Code::InUse => true,
        Code::SessionLive => matches!((method, verb), ("POST", "resume") | ("DELETE", "")),
        Code::NameTaken => matches!((method, verb), ("PATCH", "") | ("POST", "start")),
        // Called off, or without a conversation.
        Code::LaunchFailed => matches!(verb, "resume" | "fork" | "start"),
        Code::Tmux => true,
        // The daemon is leaving.
        Code::Internal => problem.detail.contains("the daemon is stopping"),
        _ => false,
    };
    assert!(fair, "{method} {verb}: {problem:?}");
}

/// Clients do at random what they may, while the daemon is ended twice, once without warning.
fn random_operations(seed: u64, operations: usize, clients: usize) {
    let mut home = home_of_agents("[sessions]\nlaunches_at_once = 4\n");
    home.start_daemon();
    let done = AtomicUsize::new(0);
    for part in 0..3 {
        let until = operations * (part + 1) / 3;
        let (near_the_end, reached) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            for client in 0..clients {
                let (home, done, near_the_end) = (&home, &done, near_the_end.clone());
                let mut dice = fastrand::Rng::with_seed(seed * 1000 + (part * clients + client) as u64);
                scope.spawn(move || {
                    loop {
                        let number = done.fetch_add(1, Ordering::Relaxed);
                        if number + 2 * clients == until {
                            near_the_end.send(()).unwrap();
                        }
                        if number >= until {
                            return;
                        }
                        random_operation(home, &mut dice);
                    }
                });
            }
            // While the clients ask for more.
            reached.recv().unwrap();
            match part {
                0 => home.signal_daemon(Signal::SIGKILL),
                1 => home.signal_daemon(Signal::SIGTERM),
                _ => {}
            }
        });
        done.store(until, Ordering::Relaxed);
        if part < 2 {
            home.daemon_ended();
            home.start_daemon();
        }
        is_consistent(&home);
    }
}

fn random_operation(home: &Home, dice: &mut fastrand::Rng) {
    let owner = Owner(home);
    let Some(list) = owner.answer("GET", "/api/sessions", &Value::Null) else { return };
    let all: Vec<Session> = list.ok();
    let (method, verb) = OPERATIONS[dice.usize(..OPERATIONS.len())];
    let name = format!("n{}", dice.u32(..SESSIONS as u32));
    let answer = match (verb, all.len()) {
        ("start", SESSIONS..) | ("fork", SESSIONS..) => return,
        ("start", _) | (_, 0) => {
            let body = match dice.bool() {
                true => json!({"provider": "claude-code", "dir": "/", "name": name, "args": []}),
                false => {
                    json!({"provider": "shell", "dir": "/", "name": name, "args": ["bash", "-c", "read"]})
                }
            };
            (owner.answer("POST", "/api/sessions", &body), "POST", "start")
        }
        _ => {
            let session = &all[dice.usize(..all.len())];
            let path = format!("/api/sessions/{}/{verb}", session.id);
            let body = match verb {
                "" if method == "PATCH" => json!({"name": name}),
                "resume" | "stop" | "kill" => json!({"no_wait": dice.u8(..4) == 0}),
                _ => Value::Null,
            };
            (owner.answer(method, path.trim_end_matches('/'), &body), method, verb)
        }
    };
    if let (Some(answer), method, verb) = answer {
        is_fair(method, verb, &answer);
    }
}

#[test]
fn random_operations_leave_nothing_in_between() {
    random_operations(1, 300, 8);
}

/// `make operations` runs it: SEEDS of 2,000 operations each.
#[test]
#[ignore = "takes minutes"]
fn random_operations_leave_nothing_in_between_for_long() {
    let seeds = std::env::var("SEEDS").unwrap_or_else(|_| "1 2 3".to_owned());
    for seed in seeds.split_whitespace() {
        random_operations(seed.parse().unwrap(), 2000, 8);
        println!("seed {seed}: 2,000 operations");
    }
}
