//! Whoever asks may hang up before the answer: what was begun comes to its end, or is undone.

use std::path::Path;
use std::process::Command;

use codepiper_protocol::wire::auth::Login;
use codepiper_protocol::wire::session::{Session, Status};
use codepiper_protocol::wire::worktree::WorktreeState;
use serde_json::{Value, json};

use crate::harness::{Answer, Home, Owner, PASSWORD, eventually};

fn repository(path: &Path) {
    let script = "git init -q . && for i in $(seq 50); do echo $i >f$i; done && git add . && \
        git -c user.email=a@b -c user.name=a commit -q -m x";
    std::fs::create_dir(path).unwrap();
    assert!(Command::new("sh").args(["-c", script]).current_dir(path).status().unwrap().success());
}

/// Cut at every moment, `after` answers to others.
const MOMENTS: usize = 5;

#[test]
fn no_session_is_left_starting_and_no_worktree_without_a_session() {
    let home = Home::running();
    let owner = Owner(&home);
    repository(&home.path("repository"));
    let ended: Vec<Session> = (0..MOMENTS).map(|_| home.until_ended(&home.start(&["true"]))).collect();
    for (after, ended) in ended.iter().enumerate() {
        let path = format!("/api/sessions/{}/resume", ended.id);
        owner.ask_and_hang_up("POST", &path, &Value::Null, after);
        let plain = json!({"provider": "shell", "dir": "/", "name": format!("s{after}"), "args": ["cat"]});
        owner.ask_and_hang_up("POST", "/api/sessions", &plain, after);
        let in_worktree = json!({
            "provider": "shell", "dir": home.path("repository"), "name": format!("w{after}"), "args": ["cat"],
            "worktree": {"create_branch": format!("b{after}")},
        });
        owner.ask_and_hang_up("POST", "/api/sessions", &in_worktree, after);
    }
    eventually("every session that was asked for runs", || {
        let sessions = home.sessions();
        let runs = |name: String| {
            sessions
                .iter()
                .any(|session| session.name == Some(name.clone()) && session.status == Status::Running)
        };
        (0..MOMENTS).all(|after| runs(format!("s{after}")) && runs(format!("w{after}"))).then_some(())
    });
    eventually("nothing is starting", || {
        home.sessions().iter().all(|session| session.status != Status::Starting).then_some(())
    });
    let worktrees: Vec<WorktreeState> = owner.get("/api/worktrees");
    assert_eq!(worktrees.len(), MOMENTS);
    assert!(worktrees.iter().all(|worktree| worktree.sessions.len() == 1), "{worktrees:?}");
}

/// Every route that changes something, by the table of the documentation, is asked and cut off; afterwards memory
/// and disk agree.
#[test]
fn what_is_in_memory_is_on_the_disk_whichever_route_was_cut() {
    let mut home = Home::new();
    home.start_web(&[]);
    let mut browser = home.browser();
    let known = browser.set_up(&home);
    let owner = Owner(&home);
    for round in 0..MOMENTS {
        let session = home.start_with(&["--name", &format!("n{round}")], &["cat"]);
        let mut other = home.browser();
        assert_eq!(other.sign_in(&known.recovery[round]).status, 200);
        let logins: Vec<Login> = owner.get("/api/auth/logins");
        for (method, path) in routes() {
            let body = body_of(&method, &path, round);
            let id = match path.contains("/logins/") {
                true => logins[0].id.to_string(),
                false => format!("set{round}"),
            };
            let path = path.replace("{ref}", &session.id.to_string()).replace("{id}", &id);
            owner.ask_and_hang_up(&method, &path, &body, round);
        }
    }
    eventually("nothing is starting", || {
        home.sessions().iter().all(|session| session.status != Status::Starting).then_some(())
    });
    // Changes of one file come one after the other: this is the last.
    let reset = owner.ask("POST", "/api/auth/reset-password", &json!({"password": PASSWORD}));
    assert_eq!(Answer::read(reset).status, 204);
    let told = |home: &Home| {
        let sessions: Vec<_> =
            home.sessions().into_iter().map(|session| (session.id, session.name)).collect();
        let logins: Vec<Login> = Owner(home).get("/api/auth/logins");
        let logins: Vec<_> = logins.into_iter().map(|login| login.id).collect();
        let sets: Value = Owner(home).get("/api/env-sets");
        (sessions, logins, sets["sets"].to_string())
    };
    let in_memory = told(&home);
    home.stop_daemon();
    home.start_web(&[]);
    assert_eq!(told(&home), in_memory, "a new daemon knows what the disk says");
    assert_eq!(home.browser().sign_in(&known.recovery[9]).status, 200);
}

/// The method and the path of every route that changes something, but those that end the daemon.
fn routes() -> Vec<(String, String)> {
    let docs = include_str!("../docs/api.md");
    let rows = docs.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()?.split_once(' '));
    let changes = rows.filter(|(method, path)| *method != "GET" && path.starts_with("/api/"));
    let routes: Vec<_> = changes
        .filter(|(_, path)| !path.starts_with("/api/daemon"))
        .map(|(method, path)| (method.to_owned(), path.to_owned()))
        .collect();
    assert!(routes.len() > 30, "{routes:?}");
    routes
}

fn body_of(method: &str, path: &str, round: usize) -> Value {
    match (method, path) {
        ("POST", "/api/sessions") => json!({"provider": "shell", "dir": "/", "args": ["cat"]}),
        ("PATCH", "/api/sessions/{ref}") => json!({"name": format!("renamed{round}")}),
        (_, "/api/sessions/{ref}/resize" | "/api/sessions/{ref}/fit") => json!({"cols": 100, "rows": 30}),
        (_, "/api/sessions/{ref}/keys") => json!({"keys": ["enter"]}),
        (_, "/api/sessions/{ref}/model") => json!({"model": "x"}),
        ("POST", "/api/env-sets") => json!({"name": format!("set{round}"), "variables": {"A": "1"}}),
        ("PATCH", "/api/env-sets/{id}") => json!({"set": {"B": "2"}}),
        (_, "/api/auth/reset-password") => json!({"password": PASSWORD}),
        _ => Value::Null,
    }
}
