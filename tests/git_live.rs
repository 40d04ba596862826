//! What those are told who follow a session's repository: commits, branches, what is under way, how much changed; and
//! since when, on each device.

use std::fs;
use std::process::Command;

use codepiper_protocol::wire::git::{GitDiff, GitOperation, GitProgress, GitStatus, Marks};
use codepiper_protocol::wire::problem::{Code, Next};
use codepiper_protocol::wire::stream::{ClientMessage, ServerMessage};
use nix::sys::signal::Signal;
use serde_json::json;

use crate::agents::{Bed, CLAUDE_CODE};
use crate::git::{api, numbers, repository};
use crate::harness::{Browser, Home, WebSocket, eventually};
use crate::worktrees::git;

#[test]
fn commits_and_branches_are_events_and_the_changes_are_counted() {
    let home = Home::running();
    let (dir, session) = repository(&home);
    let events = || home.ok(["logs", "work", "--source", "git"]);
    assert_eq!(events(), "");
    fs::write(dir.join("new"), "a\nb\n").unwrap();
    git(&dir, &["add", "-A"]);
    git(&dir, &["commit", "-qm", "second"]);
    eventually("the commit is an event", || events().contains("Committed to main: second").then_some(()));
    git(&dir, &["checkout", "-q", "-b", "topic/one"]);
    eventually("the branch is an event", || {
        events().contains("Switched from main to topic/one").then_some(())
    });
    fs::write(dir.join("f"), numbers(|number| (number == 3).then_some("changed"))).unwrap();
    git(&dir, &["commit", "-qam", "third"]);
    eventually("the next commit, too", || events().contains("Committed to topic/one: third").then_some(()));
    assert_eq!(events().lines().count(), 3, "{}", events());
    eventually("the changes are counted", || {
        let shown = home.ok(["sessions", "show", "work"]);
        shown.contains("+3 −1 in 2 files").then_some(())
    });
    let changes = home.session(&session.short_id).changes.unwrap();
    assert!(changes.whole && (changes.files, changes.added, changes.removed) == (2, 3, 1), "{changes:?}");
    // What a program commits last is its work.
    let last =
        ["sh", "-c", "git -c user.name=x -c user.email=x@example.org commit -q --allow-empty -m at-the-end"];
    let other = home.start_with(&["-d", dir.to_str().unwrap()], &last);
    home.until_ended(&other);
    eventually("the last commit is an event", || {
        home.ok(["logs", &other.short_id, "--source", "git"]).contains("at-the-end").then_some(())
    });
    // What is done there when its program has ended is not.
    home.ok(["stop", "work"]);
    git(&dir, &["commit", "-q", "--allow-empty", "-m", "fourth"]);
    home.ok(["resume", "work"]);
    git(&dir, &["commit", "-q", "--allow-empty", "-m", "fifth"]);
    eventually("it is heard of again", || events().contains("fifth").then_some(()));
    assert!(!events().contains("fourth"), "{}", events());
}

#[test]
fn what_is_committed_next_to_a_switch_and_in_a_new_repository_is_told() {
    let home = Home::running();
    let dir = home.path("plain");
    fs::create_dir(&dir).unwrap();
    home.start_with(&["-d", dir.to_str().unwrap(), "--name", "work"], &["sleep", "1000"]);
    let events = || home.ok(["logs", "work", "--source", "git"]);
    let run = |script: &str| {
        let script =
            script.replace("commit", "-c user.name=x -c user.email=x@example.org commit -q --allow-empty");
        assert!(Command::new("sh").args(["-ec", &script]).current_dir(&dir).status().unwrap().success());
    };
    run("git init -q -b main; git commit -m first");
    eventually("the first commit is an event", || {
        events().contains("Committed to main: first").then_some(())
    });
    run("git checkout -q -b fix; git commit -m second");
    eventually("so is one on a new branch", || events().contains("Committed to fix: second").then_some(()));
    run("git commit -m third; git checkout -q main");
    eventually("and one before a switch", || events().contains("from fix to main").then_some(()));
    let told = events();
    let told: Vec<_> = told.lines().filter_map(|line| line.split_once("to ")).map(|(_, what)| what).collect();
    assert_eq!(told, ["main: first", "fix", "fix: second", "fix: third", "main"], "{}", events());
}

#[test]
fn the_changes_of_an_ended_session_are_known_after_the_daemon_was_killed() {
    let mut home = Home::running();
    let (dir, _) = repository(&home);
    fs::write(dir.join("f"), numbers(|number| (number == 3).then_some("changed"))).unwrap();
    home.ok(["kill", "work"]);
    let changes =
        || home.session("work").changes.map(|changes| (changes.files, changes.added, changes.removed));
    eventually("the changes are counted", || changes().filter(|changes| *changes == (1, 1, 1)));
    eventually("they are written down", || {
        let name = home.files("data/sessions").into_iter().find(|name| name.ends_with(".json"))?;
        fs::read_to_string(home.path(&format!("data/sessions/{name}")))
            .ok()?
            .contains("counted_at")
            .then_some(())
    });
    home.signal_daemon(Signal::SIGKILL);
    home.daemon_ended();
    fs::remove_dir_all(&dir).unwrap();
    home.start_daemon();
    let changes = home.session("work").changes.unwrap();
    assert_eq!((changes.files, changes.added, changes.removed), (1, 1, 1));
}

#[test]
fn a_repository_that_blocks_stops_no_other_ones_counts() {
    let home = Home::running();
    let stuck = home.path("stuck");
    fs::create_dir(&stuck).unwrap();
    git(&stuck, &["init", "-q"]);
    let session = home.start_with(&["-d", stuck.to_str().unwrap()], &["sleep", "1000"]);
    eventually("its beginning is known", || {
        (!git(&stuck, &["for-each-ref", "refs/codepiper/start"]).is_empty()).then_some(())
    });
    // Reading it waits for somebody who writes.
    nix::unistd::mkfifo(&stuck.join(".gitignore"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    home.ok(["kill", &session.short_id]);
    let (dir, _) = repository(&home);
    fs::write(dir.join("f"), numbers(|number| (number == 3).then_some("changed"))).unwrap();
    home.ok(["sessions"]);
    eventually("the changes are counted", || {
        home.session("work").changes.filter(|changes| changes.files == 1)
    });
}

#[test]
fn a_repository_that_cannot_be_opened_holds_nobody_up() {
    let home = Home::running();
    let stuck = home.path("stuck");
    fs::create_dir(&stuck).unwrap();
    git(&stuck, &["init", "-q"]);
    home.start_with(&["-d", stuck.to_str().unwrap(), "--name", "stuck"], &["sleep", "1000"]);
    let (dir, _) = repository(&home);
    fs::remove_file(stuck.join(".git/config")).unwrap();
    nix::unistd::mkfifo(&stuck.join(".git/config"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    // It is looked at.
    fs::write(stuck.join(".git/HEAD"), "ref: refs/heads/other\n").unwrap();
    for _ in 0..8 {
        assert!(home.ok(["sessions"]).contains("stuck"));
    }
    git(&dir, &["commit", "-q", "--allow-empty", "-m", "second"]);
    let told = || home.ok(["logs", "work", "--source", "git"]).contains("Committed to main: second");
    eventually("the commit is an event", || told().then_some(()));
    assert_eq!(home.session("work").branch.as_deref(), Some("main"));
}

/// Which files changed since the device looked.
fn changed(device: &mut Browser) -> Vec<String> {
    let found: GitDiff = device.get("/api/sessions/work/git/diff?base=seen").ok();
    found.files.into_iter().map(|file| file.path).collect()
}

#[test]
fn devices_share_a_mark_until_one_has_its_own() {
    let mut home = Home::new();
    home.start_web(&[]);
    let (dir, _) = repository(&home);
    let (mut desk, mut phone) = (home.browser(), home.browser());
    let owner = desk.set_up(&home);
    assert_eq!(phone.sign_in(&owner.recovery[0]).status, 200);
    let at = |rest: &str| format!("/api/sessions/work/git{rest}");
    let (seen, marks) = (at("/seen"), at("/marks"));
    let write = |name: &str| fs::write(dir.join(name), "x\n").unwrap();
    // Nobody has looked, and the phone begins with that.
    assert_eq!(phone.post(&marks, &json!({"marks": "own"})).status, 204);
    assert_eq!(phone.get(&at("/diff?base=seen")).code(), Code::NotFound);
    assert_eq!(phone.post(&marks, &json!({"marks": "shared"})).status, 204);
    // What one has seen, the other has.
    write("one");
    assert_eq!(desk.post(&seen, &json!({})).status, 200);
    write("two");
    assert_eq!((changed(&mut desk), changed(&mut phone)), (vec!["two".to_owned()], vec!["two".to_owned()]));
    // Its own mark begins there, and goes its own way.
    assert_eq!(phone.post(&marks, &json!({"marks": "own"})).status, 204);
    assert_eq!(changed(&mut phone), ["two"]);
    assert_eq!(desk.post(&seen, &json!({})).status, 200);
    write("three");
    assert_eq!(changed(&mut desk), ["three"]);
    assert_eq!(changed(&mut phone), ["three", "two"]);
    assert_eq!(phone.post(&seen, &json!({})).status, 200);
    assert!(changed(&mut phone).is_empty());
    assert_eq!(changed(&mut desk), ["three"]);
    let whose = |status: GitStatus| status.marks;
    assert_eq!(whose(phone.get(&at("")).ok()), Marks::Own);
    assert_eq!(whose(desk.get(&at("")).ok()), Marks::Shared);
    // The command line is the owner's.
    assert!(home.ok(["diff", "work", "--base", "seen", "--stat"]).contains("three"));
    let (status, problem) = api(&home, "POST", "git/marks", Some(&json!({"marks": "own"})));
    assert!(status == 400 && problem["detail"].as_str().unwrap().contains("signed in"), "{problem}");
    // It goes back, and with the session all of it goes.
    assert_eq!(phone.post(&marks, &json!({"marks": "shared"})).status, 204);
    assert_eq!(changed(&mut phone), ["three"]);
    assert_eq!(phone.post(&marks, &json!({"marks": "own"})).status, 204);
    home.ok(["kill", "work"]);
    home.ok(["sessions", "remove", "work"]);
    eventually("its states go", || git(&dir, &["for-each-ref", "refs/codepiper"]).is_empty().then_some(()));
}

/// Waits until the daemon says that something changed there.
fn heard(socket: &mut WebSocket) {
    while !matches!(socket.message(), ServerMessage::GitChanged { .. }) {}
}

#[test]
fn a_rebase_of_the_agent_is_followed_through_its_conflicts() {
    let bed = Bed::new(&CLAUDE_CODE);
    let dir = &bed.project;
    let commit = |text: &str| {
        fs::write(dir.join("f"), text).unwrap();
        git(dir, &["add", "f"]);
        git(dir, &["commit", "-qm", text]);
    };
    git(dir, &["checkout", "-q", "-b", "main"]);
    git(dir, &["config", "user.name", "x"]);
    git(dir, &["config", "user.email", "x@example.org"]);
    commit("one");
    git(dir, &["checkout", "-q", "-b", "topic"]);
    commit("two");
    commit("three");
    git(dir, &["checkout", "-q", "main"]);
    commit("other");
    git(dir, &["checkout", "-q", "topic"]);
    let session = bed.start(&[]);
    let id = &session.id.to_string();
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "60"]);
    let runs = |command: &str| {
        let asks = format!("text={}", CLAUDE_CODE.asks);
        bed.home.ok(["send", id, &format!("run: {command}"), "--wait", &asks, "--timeout", "20"]);
        bed.home.ok(["keys", id, "1"]);
    };
    let mut socket = bed.home.websocket();
    socket.tell(&ClientMessage::Git { session: Some(session.id) });
    heard(&mut socket);
    let status = || {
        let said = bed.home.ok(["git", "status", id, "--json"]);
        serde_json::from_str::<GitStatus>(&said).unwrap()
    };
    let mut until = |what: &str, holds: &dyn Fn(&GitStatus) -> bool| {
        // Nothing but what it is told makes a client look.
        let mut found = status();
        while !holds(&found) {
            heard(&mut socket);
            found = status();
        }
        assert!(holds(&found), "{what}");
        found
    };
    let conflict_at = |step: u32| {
        move |found: &GitStatus| {
            let progress = GitProgress { branch: Some("topic".into()), step, steps: 2 };
            found.progress == Some(progress) && found.conflicted == 1
        }
    };
    runs("git rebase main");
    let found = until("the first commit conflicts", &conflict_at(1));
    assert_eq!(found.operation, Some(GitOperation::Rebase));
    let next = Next::FinishOperation { operation: GitOperation::Rebase, conflicts: true };
    assert_eq!(found.next_step, Some(next));
    let said = bed.home.ok(["git", "status", id]);
    for line in [
        "A rebase is under way: commit 1 of 2 of topic",
        "resolve the conflicts, stage the files with `git add`, then continue with `git rebase --continue`",
        "Conflicted 1\n  conflicted  f",
    ] {
        assert!(said.contains(line), "{said}");
    }
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "20"]);
    runs("echo both > f && git add f && GIT_EDITOR=true git rebase --continue");
    until("the second commit conflicts", &conflict_at(2));
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "20"]);
    runs("echo all > f && git add f && GIT_EDITOR=true git rebase --continue");
    let found = until("it is done", &|found| found.operation.is_none() && found.head.branch.is_some());
    assert_eq!((found.head.branch.as_deref(), found.conflicted), (Some("topic"), 0));
    bed.home.ok(["wait", id, "--until", "idle", "--timeout", "20"]);
    runs("git checkout -q -b next");
    eventually("what comes then is told", || {
        bed.home.ok(["logs", id, "--source", "git"]).contains("from topic to next").then_some(())
    });
    // What git checked out on the way was no switch of branches.
    let told = bed.home.ok(["logs", id, "--source", "git"]);
    assert_eq!(told.lines().count(), 1, "{told}");
    drop(socket);
}
