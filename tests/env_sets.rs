//! Env sets: their values are in the program's environment, and nowhere else.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::Engine;
use codepiper_protocol::wire::env_set::{EnvSet, EnvSets};
use codepiper_protocol::wire::session::{Session, Status};

use crate::harness::{Home, Pty, mentioning};

const SECRET: &str = "hunter2-Zq8vK3xW";
const OTHER: &str = "correct-horse-Tn5m";

fn set(home: &Home, name: &str, key: &str, value: &str) {
    let ran = home.run_with(["env-set", "set", name, key], value.as_bytes());
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

/// A home with two sets that have a variable in common.
fn home() -> Home {
    let home = Home::running();
    for name in ["one", "two"] {
        home.ok(["env-set", "create", name]);
    }
    set(&home, "one", "SECRET_TOKEN", &format!("{SECRET}\n"));
    set(&home, "one", "BOTH", "of one");
    set(&home, "two", "BOTH", OTHER);
    home
}

fn environment(pid: i32) -> Vec<String> {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap();
    environment.split(|byte| *byte == 0).map(|pair| String::from_utf8_lossy(pair).into_owned()).collect()
}

fn has(pid: i32, pair: String) -> bool {
    environment(pid).contains(&pair)
}

/// Both as they are and as base64 would have them, whose ends depend on what is around.
fn is_in(bytes: &[u8]) -> bool {
    [SECRET, OTHER].iter().any(|secret| {
        let encoded = base64::engine::general_purpose::STANDARD.encode(secret);
        [secret, &encoded[..encoded.len() - 4]]
            .iter()
            .any(|text| memchr::memmem::find(bytes, text.as_bytes()).is_some())
    })
}

fn files_with_it(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let meta = path.symlink_metadata().unwrap();
        if meta.is_dir() {
            found.extend(files_with_it(&path));
        } else if meta.is_file() && is_in(&fs::read(&path).unwrap_or_default()) {
            found.push(path.display().to_string());
        }
    }
    found
}

/// Everything that the daemon tells of a session, of sets and of itself.
fn told(home: &Home, session: &Session) -> String {
    let id = session.short_id.as_str();
    let mut told = String::new();
    for args in [
        &["env-set", "list"][..],
        &["env-set", "list", "--json"],
        &["env-set", "show", "one"],
        &["env-set", "show", "two", "--json"],
        &["sessions", "--json"],
        &["sessions", "show", id],
        &["sessions", "show", id, "--json"],
        &["sessions", "explain", id, "--json"],
        &["logs", "-n", "1000", "--json"],
        &["tail", id, "-n", "all", "--raw"],
        &["tail", id, "-n", "all", "--json"],
        &["daemon", "status", "--json"],
        &["providers", "--json"],
        &["worktree", "list", "--json"],
    ] {
        told += &home.ok(args);
    }
    let doctor = home.run(["doctor", "--json"]);
    told + &doctor.stdout + &doctor.stderr + &home.log()
}

#[test]
fn a_secret_is_in_the_programs_environment_and_nowhere_else() {
    let mut home = home();
    let session = home.start_with(
        &["--env-set", "one", "--env-set", "two"],
        &["bash", "-c", "echo ${#SECRET_TOKEN} ready; read -r line"],
    );
    home.until_printed(&session, &format!("{} ready", SECRET.len()));
    assert_eq!(session.env_sets, ["one", "two"]);
    let run = |pid: i32, home: &Home| {
        assert!(has(pid, format!("SECRET_TOKEN={SECRET}")), "without its line end");
        assert!(has(pid, format!("BOTH={OTHER}")), "the later set counts");
        for process in mentioning(&home.path("")) {
            let read = |file: &str| fs::read(format!("/proc/{process}/{file}")).unwrap_or_default();
            assert!(!is_in(&read("cmdline")), "{process}");
            assert!(process.as_raw() == pid || !is_in(&read("environ")), "{process}");
        }
        let target = format!("codepiper-{}", session.short_id);
        for args in [
            &["show-environment", "-g"][..],
            &["show-environment", "-t", &target],
            &["show-options", "-g"],
            &["show-options", "-t", &target],
            &["show-messages"],
            &["list-panes", "-a", "-F", "#{pane_start_command} #{pane_current_command} #{pane_title}"],
            &["list-buffers", "-F", "#{buffer_sample}"],
        ] {
            assert!(!is_in(home.tmux_says(args).as_bytes()), "{args:?}");
        }
        assert!(!is_in(told(home, &session).as_bytes()));
        assert_eq!(files_with_it(&home.path("")), [""; 0]);
    };
    run(session.pid.unwrap(), &home);
    // The next run has them too, and a daemon that was away finds them.
    home.ok(["stop", &session.short_id]);
    home.stop_daemon();
    assert_eq!(files_with_it(&home.path("")), [""; 0], "when everything is written");
    home.start_daemon();
    let again: Session = serde_json::from_str(&home.ok(["resume", &session.short_id, "--json"])).unwrap();
    run(again.pid.unwrap(), &home);
    let mode = |name: &str| fs::metadata(home.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        [mode("data/env.key"), mode("data/env-sets/one.json"), mode("data/env-sets")],
        [0o600, 0o600, 0o700]
    );
}

#[test]
fn sets_are_made_shown_changed_and_removed() {
    let home = home();
    let list = || -> EnvSets { serde_json::from_str(&home.ok(["env-set", "list", "--json"])).unwrap() };
    assert_eq!(list().key_file, home.path("data/env.key"));
    assert_eq!(list().sets.iter().map(|set| set.name.clone()).collect::<Vec<_>>(), ["one", "two"]);
    let file = home.path(".env");
    fs::write(&file, "# mine\nexport A='x y'\nB=\n").unwrap();
    home.ok(["env-set", "create", "file", "--from-file", file.to_str().unwrap()]);
    assert_eq!(home.run_with(["env-set", "set", "file", "--from-file", "-"], b"C=1\nD=2\n").code, Some(0));
    home.ok(["env-set", "unset", "file", "B", "D"]);
    let shown: EnvSet = serde_json::from_str(&home.ok(["env-set", "show", "file", "--json"])).unwrap();
    let lengths: Vec<_> = shown.variables.iter().map(|one| (one.name.as_str(), one.length)).collect();
    assert_eq!(lengths, [("A", 3), ("C", 1)]);
    assert!(home.ok(["env-set", "show", "file"]).contains("•••••••• 3 bytes"));

    let argument = home.fails(2, ["env-set", "set", "file", &format!("A={SECRET}")]);
    assert!(argument.contains("A") && !argument.contains(SECRET), "{argument}");
    assert!(home.fails(2, ["env-set", "set", "file", "CODEPIPER_SOCKET"]).contains("set by CodePiper"));
    assert!(home.fails(2, ["env-set", "set", "file", "A", "B"]).contains("--from-file"));
    assert!(home.fails(2, ["env-set", "create", "no/name"]).contains("no/name"));
    assert!(home.fails(2, ["env-set", "create", "one"]).contains("already"));
    assert!(home.fails(2, ["env-set", "set", "file", "--from-file", "/no/such"]).contains("/no/such"));
    fs::write(&file, format!("A=1\n{SECRET}\n")).unwrap();
    let damaged = home.fails(2, ["env-set", "set", "file", "--from-file", file.to_str().unwrap()]);
    assert!(damaged.contains("line 2") && !damaged.contains(SECRET), "{damaged}");
    for args in [
        &["env-set", "show", "none"][..],
        &["env-set", "unset", "file", "NONE"],
        &["env-set", "remove", "none"],
    ] {
        home.fails(3, args);
    }

    let session = home.start_with(&["--env-set", "file"], &["sleep", "1000"]);
    assert_eq!(list().sets[0].used_by, [session.id]);
    assert!(home.fails(1, ["env-set", "remove", "file"]).contains(&session.short_id));
    home.ok(["env-set", "remove", "file", "--yes"]);
    assert_eq!(list().sets.len(), 2);
    home.ok(["stop", &session.short_id]);
    let refused = home.fails(1, ["resume", &session.short_id]);
    assert!(refused.contains("'file'"), "{refused}");
}

#[test]
fn a_value_is_asked_for_without_being_shown() {
    let home = home();
    let mut terminal = Pty::run(home.command(["env-set", "set", "one", "TYPED"]), 80, 24);
    terminal.wait_for("TYPED: ");
    terminal.type_(format!("{SECRET}\r").as_bytes());
    assert_eq!(terminal.exit_code(), Some(0));
    terminal.wait_for("1 variable set");
    assert!(!terminal.seen().contains(SECRET), "{}", terminal.seen());
    let shown: EnvSet = serde_json::from_str(&home.ok(["env-set", "show", "one", "--json"])).unwrap();
    let typed = shown.variables.iter().find(|variable| variable.name == "TYPED").unwrap();
    assert_eq!(typed.length, SECRET.len());
}

#[test]
fn a_set_that_cannot_be_read_starts_nothing() {
    let home = home();
    let session = home.start_with(&["--env-set", "one"], &["true"]);
    home.until_ended(&session);
    let (file, key) = (home.path("data/env-sets/one.json"), home.path("data/env.key"));
    let good = fs::read(&file).unwrap();
    let refused = |said: &str| {
        let start =
            home.fails(1, ["start", "-p", "shell", "--env-set", "one", "--env-set", "two", "--", "true"]);
        let resume = home.fails(1, ["resume", &session.short_id]);
        for message in [start, resume] {
            assert!(message.contains("'one'") && message.contains(said), "{message}");
            assert!(message.contains(file.to_str().unwrap()), "{message}");
        }
        assert_eq!(home.sessions().len(), 1);
        assert_eq!(home.session(&session.short_id).status, Status::Stopped);
    };
    fs::write(&file, "{").unwrap();
    refused("damaged");
    let doctor = home.run(["doctor"]);
    assert_eq!(doctor.code, Some(1));
    assert!(doctor.stdout.contains(file.to_str().unwrap()), "{}", doctor.stdout);
    fs::write(&file, &good).unwrap();
    let moved = home.path("data/elsewhere");
    fs::rename(&key, &moved).unwrap();
    refused(key.to_str().unwrap());
    fs::rename(&moved, &key).unwrap();
    home.ok(["resume", &session.short_id]);
    assert!(home.fails(2, ["start", "-p", "shell", "--env-set", "none", "--", "true"]).contains("'none'"));
}
