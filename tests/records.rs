//! Small files of the daemon's own that cannot be read: it starts, what they concern stays closed, and
//! `doctor` says what to do.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use codepiper_protocol::wire::daemon::{Check, Verdict};
use codepiper_protocol::wire::session::Status;

use crate::harness::{Home, is_gone};

/// A program that counts the lines that it is told.
const COUNTER: &str = "stty -echo; n=0; echo ready; while read -r; do n=$((n+1)); echo line $n; done";

fn check(home: &Home, name: &str) -> Check {
    let ran = home.run(["doctor", "--json"]);
    let checks: Vec<Check> = serde_json::from_str(&ran.stdout).unwrap();
    let check = checks.into_iter().find(|check| check.name == name).unwrap();
    assert_eq!(ran.code, Some(i32::from(check.verdict == Verdict::Broken)), "{check:?}");
    check
}

/// What can happen to a file whose content was `json`.
fn damages(json: &str) -> [String; 5] {
    let newer =
        json.replacen("\"version\": 1", "\"version\": 99", 1).replacen("\"version\":1", "\"version\":99", 1);
    assert_ne!(newer, json);
    [String::new(), json[..json.len() / 2].to_owned(), "\0".repeat(json.len()), "{}".to_owned(), newer]
}

#[test]
fn a_session_whose_record_cannot_be_read_is_left_alone_until_it_can() {
    let mut home = Home::running();
    let (session, other) = (home.bash(COUNTER), home.bash(COUNTER));
    let (id, pid) = (session.short_id.as_str(), session.pid.unwrap());
    home.until_printed(&session, "ready");
    let before = panes(&home);
    home.stop_daemon();
    let record = home.path(&format!("data/sessions/{}.json", session.id));
    let json = fs::read_to_string(&record).unwrap();
    for damaged in damages(&json) {
        fs::write(&record, &damaged).unwrap();
        home.start_daemon();
        assert_eq!(home.sessions().iter().map(|session| session.id).collect::<Vec<_>>(), [other.id]);
        assert!(!is_gone(pid));
        let message = home.fails(3, ["stop", id]);
        assert!(message.contains("launch record") && message.contains("codepiper doctor"), "{message}");
        let listed = home.run(["sessions"]);
        assert!(listed.stderr.contains("codepiper doctor"), "{listed:?}");
        assert_eq!(home.status().sessions.unreadable, 1);
        let records = check(&home, "launch records");
        assert_eq!(records.verdict, Verdict::Broken);
        let detail = records.detail;
        assert!(detail.contains(record.to_str().unwrap()) && detail.contains("repair"), "{detail}");
        home.ok(["send", &other.short_id, "x"]);
        home.stop_daemon();
        assert_eq!(fs::read_to_string(&record).unwrap(), damaged, "it is not written");
        assert_eq!(panes(&home), before, "its pane is not touched");
    }
    fs::write(&record, &json).unwrap();
    home.start_daemon();
    let again = home.session(id);
    assert_eq!((again.status, again.pid), (Status::Running, session.pid));
    home.ok(["send", id, "x"]);
    home.until_printed(&session, "line 1\r\n");
    assert_eq!(check(&home, "launch records").verdict, Verdict::Fine);
}

fn panes(home: &Home) -> String {
    home.tmux_says(&["list-panes", "-a", "-F", "#{session_name} #{pane_id} #{pane_pid} #{@cp_id}"])
}

#[test]
fn a_daemon_whose_instance_file_cannot_be_read_keeps_its_server() {
    let mut home = Home::running();
    let session = home.bash(COUNTER);
    home.stop_daemon();
    let file = home.path("data/instance");
    for damaged in damages(&fs::read_to_string(&file).unwrap()) {
        fs::write(&file, &damaged).unwrap();
        home.start_daemon();
        let now = home.session(&session.short_id);
        assert_eq!((now.status, now.pid), (Status::Running, session.pid));
        let files = check(&home, "state files");
        assert_eq!(files.verdict, Verdict::Broken);
        assert!(
            files.detail.contains(file.to_str().unwrap()) && files.detail.contains("delete"),
            "{files:?}"
        );
        home.stop_daemon();
        assert_eq!(fs::read_to_string(&file).unwrap(), damaged, "it is not written");
    }
    // As doctor said.
    fs::remove_file(&file).unwrap();
    home.start_daemon();
    assert_eq!(home.session(&session.short_id).pid, session.pid);
    assert_eq!(check(&home, "state files").verdict, Verdict::Fine);
}

#[test]
fn small_files_are_private_and_have_a_version() {
    let home = Home::running();
    let session = home.bash(COUNTER);
    let record = format!("data/sessions/{}.json", session.id);
    for file in [record.as_str(), "data/instance", "data/boot"] {
        let path = home.path(file);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{file}");
        let json: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(json["version"], 1, "{file}");
    }
    for dir in ["data", "data/sessions"] {
        assert!(!home.files(dir).iter().any(|name| name.ends_with(".new")), "{dir}");
    }
}
