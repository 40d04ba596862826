//! The audit: who asked for what, on record before it is done.

use std::fs;

use codepiper::audit::{Anchor, Audit, KeepAfter, NewRecord, Sync};
use codepiper_protocol::wire::auth::AuthStatus;
use codepiper_protocol::wire::session::Session;
use serde_json::{Value, json};

use crate::agents::{Bed, NEWEST_CLAUDE_CODE};
use crate::harness::{Browser, Home, Owner, Pty, eventually};
use crate::worktrees::git;

fn audited(home: &Home) -> Vec<Value> {
    let records = home.ok(["audit", "--json", "-n", "1000"]);
    records.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn only(home: &Home, kind: &str) -> Value {
    let of_kind: Vec<Value> = audited(home).into_iter().filter(|record| record["kind"] == kind).collect();
    assert_eq!(of_kind.len(), 1, "{kind}: {of_kind:?}");
    of_kind[0].clone()
}

#[test]
fn whoever_starts_and_ends_a_session_is_on_record_before() {
    let home = Home::running();
    home.ok(["env-set", "create", "keys"]);
    assert_eq!(home.run_with(["env-set", "set", "keys", "TOKEN"], b"secret-value").code, Some(0));
    let session = home.start_with(&["--env-set", "keys"], &["cat"]);
    let id = session.id.to_string();
    home.ok(["stop", &id]);
    home.ok(["resume", &id]);
    home.ok(["kill", &id]);
    home.ok(["sessions", "remove", &id]);
    home.ok(["env-set", "remove", "keys"]);
    // What follows is put down a moment later.
    eventually("its end is on record", || {
        audited(&home).iter().any(|record| record["kind"] == "session.removed").then_some(())
    });
    for (kind, before) in [("session.start", "session.created"), ("session.remove", "session.removed")] {
        let (asked, done) = (only(&home, kind), only(&home, before));
        assert!(asked["seq"].as_u64() < done["seq"].as_u64(), "{asked} {done}");
    }
    for kind in ["session.start", "session.stop", "session.resume", "session.kill", "session.remove"] {
        let record = only(&home, kind);
        assert_eq!((&record["actor"], &record["session"]), (&json!("command line"), &json!(id)), "{record}");
    }
    assert_eq!(only(&home, "session.start")["data"]["env_sets"], json!(["keys"]));
    assert_eq!(only(&home, "session.resume")["data"]["env_sets"], json!(["keys"]));
    for kind in ["env_set.create", "env_set.change", "env_set.remove"] {
        assert_eq!(only(&home, kind)["data"]["env_set"], "keys");
    }
    assert_eq!(only(&home, "env_set.change")["data"]["variables"]["set"], json!(["TOKEN"]));
    let all = home.ok(["audit", "--json", "-n", "1000"]);
    assert!(!all.contains("secret-value"), "{all}");
    let said = home.ok(["audit"]);
    for words in ["Start of shell in ", "Kill", "Creation of env set 'keys'"] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn a_device_is_on_record_with_its_name() {
    let mut home = Home::new();
    home.start_web(&[]);
    let mut browser: Browser = home.browser();
    browser.set_up(&home);
    let status: AuthStatus = browser.get("/api/auth").ok();
    let device = status.login.unwrap().device;
    let session: Session = browser
        .post("/api/sessions", &json!({"provider": "shell", "dir": home.path("").display().to_string()}))
        .ok();
    browser.post(&format!("/api/sessions/{}/stop", session.id), &json!({})).ok::<Session>();
    for kind in ["auth.signed_in", "session.start", "session.stop"] {
        assert_eq!(only(&home, kind)["actor"], json!(device));
    }
    assert_eq!(browser.post("/api/auth/sign-out", &json!({})).status, 204);
    assert_eq!(only(&home, "auth.end_logins")["actor"], json!(device));
}

#[test]
fn what_an_agent_refused_by_itself_is_on_record() {
    let home = Home::running();
    let session = home.start(&["cat"]);
    let denied = json!({
        "hook_event_name": "PermissionDenied", "tool_name": "Bash", "tool_input": {"command": "git push"},
        "reason": "not asked for", "cwd": "/",
    });
    let path = format!("/api/sessions/{}/hooks", session.id);
    assert_eq!(Owner(&home).answer("POST", &path, &denied).unwrap().status, 204);
    let record = only(&home, "agent.denied");
    assert_eq!((&record["actor"], &record["session"]), (&json!("agent"), &json!(session.id)));
    assert_eq!(record["data"]["gate"], "agent");
    assert_eq!(
        (&record["data"]["text"], &record["data"]["why"]),
        (&json!("git push"), &json!("not asked for"))
    );
}

#[test]
fn a_session_is_exported_into_a_directory_of_its_own() {
    use std::os::unix::fs::PermissionsExt;
    let bed = Bed::new(&NEWEST_CLAUDE_CODE);
    let home = &bed.home;
    let git = |args: &[&str]| {
        let mut command = std::process::Command::new("git");
        command.args(["-c", "user.name=x", "-c", "user.email=x@x.invalid"]).args(args);
        assert!(command.current_dir(&bed.project).status().unwrap().success());
    };
    git(&["init", "--quiet"]);
    git(&["commit", "--quiet", "--allow-empty", "-m", "begin"]);
    let id = bed.start(&[]).id.to_string();
    bed.says(&id, "hello there");
    std::fs::write(bed.project.join("new.txt"), "one\ntwo\n").unwrap();
    let dir = home.path("out");
    let told = home.run(["export", &id, "--output", dir.to_str().unwrap()]);
    assert_eq!(told.code, Some(0), "{told:?}");
    let read = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap();
    let said = read("conversation.md");
    assert!(said.contains("## Prompt") && said.contains("hello there"), "{said}");
    let changes = read("changes.diff");
    assert!(changes.contains("+++ b/new.txt\n@@ -0,0 +1,2 @@ \n+one\n+two\n"), "{changes}");
    let of =
        |name: &str| read(name).lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect();
    let (events, records): (Vec<Value>, Vec<Value>) = (of("events.jsonl"), of("audit.jsonl"));
    assert_eq!(events[0]["kind"], "session.created");
    assert!(events.iter().all(|event| event["session"] == *id));
    assert_eq!((&records[0]["kind"], &records[0]["session"]), (&json!("session.start"), &json!(id)));
    assert_eq!(serde_json::from_str::<Session>(&read("session.json")).unwrap().id.to_string(), id);
    for (name, mode) in [("", 0o700), ("session.json", 0o600), ("audit.jsonl", 0o600)] {
        let mode_of = std::fs::metadata(dir.join(name)).unwrap().permissions().mode();
        assert_eq!(mode_of & 0o777, mode, "{name}");
    }
    let again = home.fails(1, ["export", &id, "--output", dir.to_str().unwrap()]);
    assert!(again.contains("already exists"), "{again}");
    // A shell has no conversation.
    let shell = home.start(&["true"]);
    let told = home.run(["export", &shell.short_id, "--output", home.path("shell").to_str().unwrap()]);
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(told.stderr.contains("no conversation.md"), "{told:?}");
}

/// What is wrong from the start is refused without a record; what fails later is on record as that.
#[test]
fn a_record_does_not_say_what_did_not_happen() {
    let home = Home::running();
    let shell = home.start_with(&["--name", "sh1"], &["cat"]);
    let owner = Owner(&home);
    let put =
        |text: &str| owner.answer("PUT", "/api/policies/prod", &json!({ "text": text })).unwrap().status;
    assert_eq!(put("name = \"prod\"\ndefault = \"perhaps\""), 400);
    assert_eq!(owner.answer("DELETE", "/api/policies/prod", &Value::Null).unwrap().status, 404);
    let attach = json!({ "session": "sh1", "attached": true });
    assert_eq!(owner.answer("POST", "/api/policies/prod/attach", &attach).unwrap().status, 404);
    home.fails(3, ["env-set", "remove", "nothing"]);
    let change = json!({ "set": {"NAME": "value"}, "unset": [] });
    assert_eq!(owner.answer("PATCH", "/api/env-sets/nothing", &change).unwrap().status, 404);
    let kinds: Vec<String> =
        audited(&home).iter().map(|record| record["kind"].as_str().unwrap().to_owned()).collect();
    assert!(
        kinds.iter().all(|kind| !kind.starts_with("policy") && !kind.starts_with("env_set")),
        "{kinds:?}"
    );
    assert_eq!(put("name = \"prod\"\ndefault = \"ask\"\nsessions = []"), 200);
    assert_eq!(owner.answer("POST", "/api/policies/prod/attach", &attach).unwrap().status, 200);
    // A shell is left alone.
    home.ok(["halt", "sh1"]);
    home.fails(1, ["start", "-p", "shell", "--name", "gone", "--", "/not/there"]);
    let failed = only(&home, "session.start_failed");
    assert_eq!((&failed["actor"], &failed["data"]["name"]), (&json!("command line"), &json!("gone")));
    assert!(failed["data"]["why"].as_str().unwrap().contains("/not/there"), "{failed}");
    let said = home.ok(["audit"]);
    let halt = format!("Halt of {}", shell.short_id);
    for words in
        ["Change of policy 'prod'", "Attachment of policy 'prod'", &halt, "Start of shell in ", " failed: "]
    {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains("Halted"), "{said}");
}

/// Whatever way a text takes to an agent.
#[test]
fn a_switch_of_the_model_counts_as_typed_and_what_is_refused_does_not() {
    let home = Home::running();
    let dir = home.path("repository");
    fs::create_dir(&dir).unwrap();
    git(&dir, &["init", "-q", "-b", "main"]);
    fs::write(dir.join("file"), "one\n").unwrap();
    git(&dir, &["add", "-A"]);
    git(&dir, &["commit", "-qm", "first"]);
    fs::write(dir.join("file"), "two\n").unwrap();
    let start = || home.start_with(&["-d", dir.to_str().unwrap()], &["cat"]);
    let (reviewed, switched) = (start(), start());
    home.ok(["review", "add", &reviewed.short_id, "file:1", "why two?"]);
    // A shell takes neither: comments are refused before, and a model is typed.
    assert_ne!(home.run(["review", "send", &reviewed.short_id]).code, Some(0));
    assert_ne!(home.run(["model", &switched.short_id, "opus"]).code, Some(0));
    eventually("it is on record", || {
        let records = audited(&home);
        let of = |session: &Session| {
            let typed = records
                .iter()
                .find(|record| record["kind"] == "input" && record["session"] == json!(session.id))?;
            Some((typed["data"]["count"].clone(), typed["data"]["bytes"].as_u64()?))
        };
        assert_eq!(of(&switched)?, (json!(1), 4));
        assert_eq!(of(&reviewed), None);
        Some(())
    });
}

#[test]
fn an_attached_terminal_is_on_record() {
    let home = Home::running();
    let session = home.start(&["cat"]);
    let mut person = Pty::run(home.command(["attach", &session.short_id]), 80, 24);
    home.until(&session, "it is attached", |session| session.attached == 1);
    person.close();
    for kind in ["terminal.client_attached", "terminal.client_detached"] {
        eventually(kind, || audited(&home).iter().any(|record| record["kind"] == kind).then_some(()));
        assert_eq!(only(&home, kind)["session"], json!(session.id));
    }
}

/// A file that was made anew, with a start that says that all before was removed.
#[test]
fn an_anchor_whose_record_was_removed_proves_nothing() {
    let mut home = Home::running();
    let session = home.start(&["cat"]);
    home.ok(["kill", &session.short_id]);
    let anchor = home.ok(["audit", "head"]).trim().to_owned();
    home.ok(["audit", "verify", "--head", &anchor]);
    home.stop_daemon();
    let forged = home.path("forged");
    let (audit, _) = Audit::open(&forged).unwrap();
    let invented = NewRecord {
        kind: "session.stop".to_owned(),
        actor: "somebody else".to_owned(),
        session: None,
        data: json!({}),
    };
    let Anchor { seq, .. } = anchor.parse().unwrap();
    for _ in 0..seq + 3 {
        audit.append(&invented, Sync::Before).unwrap();
    }
    audit.prune(KeepAfter::Seq(seq + 1)).unwrap().unwrap();
    drop(audit);
    for file in ["audit.jsonl", "audit.head"] {
        fs::copy(forged.join(file), home.path("data/audit").join(file)).unwrap();
    }
    let ran = home.run(["audit", "verify", "--head", &anchor]);
    assert!(
        ran.code == Some(1) && ran.stdout.contains("its record was removed; keep a newer one"),
        "{ran:?}"
    );
    assert!(ran.stderr.contains("could not be checked against this anchor"), "{ran:?}");
}

#[test]
fn lines_that_are_no_records_are_not_left_out_silently() {
    let mut home = Home::running();
    let session = home.start(&["cat"]);
    home.ok(["kill", &session.short_id]);
    home.stop_daemon();
    let told = |args: &[&str]| {
        let ran = home.run([&["audit"], args].concat());
        (ran.code, ran.stderr)
    };
    assert_eq!((told(&[]), told(&["export"])), ((Some(0), String::new()), (Some(0), String::new())));
    let file = home.path("data/audit/audit.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("{\"seq\":2,", "{\"seq\":", 1)).unwrap();
    for (args, code) in [(&[][..], 0), (&["export"], 1)] {
        let (was, said) = told(args);
        assert_eq!(was, Some(code), "{said}");
        assert!(said.contains("1 line is not a record") && said.contains("codepiper audit verify"), "{said}");
    }
}

/// What the owner alone can do is on record with who asked, by the daemon that was asked.
#[test]
fn a_restart_and_new_ways_in_are_on_record() {
    let mut home = Home::new();
    home.start_web(&[]);
    home.ok(["auth", "bootstrap"]);
    let mut browser: Browser = home.browser();
    browser.set_up(&home);
    let path = "/api/auth/reset-mfa";
    assert_eq!(Owner(&home).answer("POST", path, &json!({})).unwrap().status, 200);
    home.ok(["daemon", "restart"]);
    // Of the password for the first sign-in there are two: one was made for the browser.
    for kind in ["auth.make_bootstrap", "auth.reset_mfa", "daemon.restart"] {
        let records = audited(&home);
        let record = records
            .iter()
            .find(|record| record["kind"] == kind)
            .unwrap_or_else(|| panic!("{kind}: {records:?}"));
        assert_eq!(record["actor"], "command line", "{record}");
    }
    let said = home.ok(["audit"]);
    assert!(said.contains("Restart of the daemon") && said.contains("New authenticator"), "{said}");
    let secret = home.ok(["audit", "--json", "-n", "1000"]);
    assert!(!secret.contains("otpauth"), "{secret}");
    home.ok(["audit", "verify"]);
}

/// Before it is done, also where it is refused.
#[test]
fn the_removal_of_a_worktree_is_on_record() {
    let home = Home::running();
    let repository = home.path("repo");
    std::fs::create_dir(&repository).unwrap();
    git(&repository, &["init", "-q", "-b", "main"]);
    git(&repository, &["commit", "-qm", "first", "--allow-empty"]);
    let flags = ["-d", repository.to_str().unwrap(), "--worktree"];
    let session = home.start_with(&flags, &["cat"]);
    let branch = format!("codepiper/{}", session.short_id);
    home.fails(1, ["worktree", "remove", &branch]);
    home.ok(["kill", &session.short_id]);
    home.ok(["worktree", "remove", &branch]);
    let records: Vec<Value> =
        audited(&home).into_iter().filter(|record| record["kind"] == "worktree.remove").collect();
    assert_eq!(records.len(), 2, "{records:?}");
    for record in &records {
        let worktree = record["data"]["worktree"].as_str().unwrap();
        assert!(record["actor"] == "command line" && worktree.ends_with(&session.short_id), "{record}");
    }
}
