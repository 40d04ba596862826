use codepiper_protocol::SessionId;
use codepiper_protocol::wire::session::WaitingFor;
use codepiper_protocol::wire::status::{BlockedKind, ProgramState, StatusReport, StatusSource};

use super::*;
use crate::provider::{OnScreen, Press};
use crate::terminal::reports::Report;
use codepiper_protocol::wire::ask::AskKind;

const CODEX: Codex = Codex { has_hooks: false, fullscreen: true };
const CLASSIC: Codex = Codex { has_hooks: false, fullscreen: false };

#[test]
fn the_conversation_is_found_by_directory_and_time() {
    let home = tempfile::tempdir().unwrap();
    let day = home.path().join(".codex/sessions/2026/11/22");
    fs::create_dir_all(&day).unwrap();
    let write = |id: &str, cwd: &str, second: u32| {
        let line = serde_json::json!({"timestamp": format!("2026-11-22T10:00:{second:02}.000Z"),
            "type": "session_meta", "payload": {"id": id, "cwd": cwd, "timestamp": format!("2026-11-22T10:00:{second:02}.000Z")}});
        fs::write(day.join(format!("rollout-{id}.jsonl")), format!("{line}\n{{}}\n")).unwrap();
    };
    write("before", "/work", 1);
    write("elsewhere", "/other", 12);
    write("first", "/work", 13);
    write("second", "/work", 14);
    fs::write(day.join("rollout-broken.jsonl"), "{").unwrap();
    let env = BTreeMap::from([("HOME".to_owned(), home.path().display().to_string())]);
    let launch = LaunchRequest {
        session: SessionId::random(),
        args: &[],
        model: None,
        permission_mode: None,
        cwd: "/work".as_ref(),
        env: &env,
        hook: "hook",
        denied: &[],
        forked_from: None,
    };
    let found = |until: &str, taken: &[String]| {
        let ran = "2026-11-22T10:00:10Z".parse().unwrap()..=until.parse().unwrap();
        CODEX.find(&launch, ran, taken)
    };
    assert_eq!(found("2026-11-22T10:00:20Z", &[]), Some("first".into()));
    assert_eq!(found("2026-11-22T10:00:20Z", &["first".into()]), Some("second".into()));
    assert_eq!(found("2026-11-22T10:00:11Z", &[]), None, "both began after its end");
    assert_eq!(CODEX.resume(&launch, Some("first")).args, ["resume", "--no-daemon", "first"]);
    let classic = ["resume", "--no-daemon", "--no-alt-screen", "first"];
    assert_eq!(CLASSIC.resume(&launch, Some("first")).args, classic);
}

#[test]
fn it_gets_hooks_where_that_was_allowed() {
    let env = BTreeMap::new();
    let launch = LaunchRequest {
        session: SessionId::random(),
        args: &["-m".to_owned(), "x".to_owned()],
        model: None,
        permission_mode: None,
        cwd: "/".as_ref(),
        env: &env,
        hook: r#"'/a "b"/codepiper' hook-forward"#,
        denied: &[],
        forked_from: Some("origin"),
    };
    assert_eq!(CODEX.start(&launch, None, Some("p")).args, ["--no-daemon", "-m", "x", "--", "p"]);
    let argvs = |provider: Provider| {
        let codex = provider.launcher;
        let (start, fork) = (codex.start(&launch, None, Some("p")), codex.fork(&launch, None).unwrap());
        [start, codex.resume(&launch, Some("id")), fork]
    };
    for (with, without) in argvs(switched(&[HOOKS_WITHOUT_REVIEW])).into_iter().zip(argvs(switched(&[]))) {
        let flag = with.args.iter().position(|arg| arg == "--dangerously-bypass-hook-trust").unwrap();
        let mut rest = with.args;
        let hooks: Vec<String> = rest.drain(flag..flag + 25).skip(1).collect();
        assert_eq!(rest, without.args, "nothing else is different");
        for pair in hooks.chunks(2) {
            assert_eq!(pair[0], "-c");
            let hooks: toml::Table = toml::from_str(&pair[1]).unwrap();
            let event = hooks["hooks"].as_table().unwrap().values().next().unwrap();
            assert_eq!(event[0]["hooks"][0]["command"].as_str(), Some(launch.hook));
        }
    }
}

/// Real payloads, and what each proves.
#[test]
fn hooks_tell_the_state() {
    let payload = |name: &str| -> Value {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hooks/codex");
        serde_json::from_str(&fs::read_to_string(folder.join(format!("{name}.json"))).unwrap()).unwrap()
    };
    let (working, idle) = (Some((Activity::Working, None)), Some((Activity::Idle, None)));
    for (name, expected) in [
        ("SessionStart", None),
        ("UserPromptSubmit", working),
        ("PreToolUse", None),
        ("PermissionRequest", None),
        ("PostToolUse", None),
        ("PreCompact", working),
        ("PostCompact", idle),
        ("Interrupt", idle),
        ("Stop", idle),
        ("SessionEnd", None),
    ] {
        assert_eq!(CODEX.meaning(&payload(name)), expected, "{name}");
    }
    let id = payload("UserPromptSubmit")["session_id"].as_str().map(str::to_owned);
    assert_eq!(CODEX.conversation(&payload("UserPromptSubmit")), id);
    assert_eq!(CODEX.conversation(&payload("SessionEnd")), None);
}

#[test]
fn of_the_open_rollouts_the_one_begun_last_counts() {
    let dir = tempfile::tempdir().unwrap();
    let rollout = |id: &str, second: u32, of: &str| {
        let at = format!("2026-11-22T10:00:{second:02}.000Z");
        let payload = serde_json::json!({"id": id, "cwd": "/work", "timestamp": at, "thread_source": of});
        let line = serde_json::json!({"timestamp": at, "type": "session_meta", "payload": payload});
        let file = dir.path().join(format!("rollout-{id}.jsonl"));
        fs::write(&file, format!("{line}\n")).unwrap();
        file
    };
    let other = dir.path().join("state.sqlite");
    assert_eq!(CODEX.of_files(std::slice::from_ref(&other)), None);
    let mut open =
        vec![rollout("new", 3, "user"), rollout("old", 1, "user"), rollout("sub", 4, "subagent"), other];
    assert_eq!(CODEX.of_files(&open), Some("new".into()));
    let unfinished = dir.path().join("rollout-newer.jsonl");
    fs::write(&unfinished, "").unwrap();
    open.push(unfinished);
    assert_eq!(CODEX.of_files(&open), None, "it may be that one");
}

#[test]
fn a_rollout_without_an_end_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let (long, fifo) = (dir.path().join("rollout-long.jsonl"), dir.path().join("rollout-fifo.jsonl"));
    fs::File::create(&long).unwrap().set_len(1 << 40).unwrap();
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let (done, ends) = std::sync::mpsc::channel();
    std::thread::spawn(move || done.send([long, fifo].map(|file| session_meta(&file).is_some())));
    let found = ends.recv_timeout(std::time::Duration::from_secs(60));
    assert_eq!(found.expect("it reads on and on"), [false; 2]);
}

#[test]
fn its_own_state_reports_are_understood() {
    let said = |state, kind| {
        let report = StatusReport { kind, ..StatusReport::new(Some(state)) };
        CODEX.status(report.record(StatusSource::Terminal, Timestamp::UNIX_EPOCH).as_ref())
    };
    assert_eq!(said(ProgramState::Working, None), Some((Activity::Working, None)));
    assert_eq!(said(ProgramState::Error, None), Some((Activity::Idle, None)));
    assert_eq!(
        said(ProgramState::Blocked, Some(BlockedKind::Permission)),
        Some((Activity::Waiting, Some(WaitingFor::Permission)))
    );
    assert_eq!(CODEX.status(None), Some((Activity::Unknown, None)));
    assert_eq!(CODEX.report(&Report::Bell), None);
}

/// What 0.171.0 showed.
#[test]
fn an_offer_at_a_limit_is_known() {
    let rows = [
        "  Approaching rate limits",
        "  Switch to gpt-6-luna for lower credit usage?",
        "",
        "› 1. Switch to gpt-6-luna",
        "  2. Keep current model",
        "",
        "  enter select · esc back",
    ];
    let rows = rows.map(str::to_owned);
    let codex = crate::provider::Providers::built_in().find("codex").unwrap().signals;
    assert_eq!(codex.at_limit(&rows), Some(AtLimit::Asks { leave: "escape" }));
    assert_eq!(codex.at_limit(&rows[1..]), None);
}

/// The quota that it told before says which limit, and until when.
#[test]
fn a_used_up_quota_ends_a_turn() {
    let limit = |info: Value| {
        let line = serde_json::json!({"timestamp": "2026-11-29T13:52:17.656Z", "type": "event_msg", "payload":
            {"type": "task_complete", "error": {"message": "x", "codex_error_info": info}}});
        (transcript::DIALECT.line)(&line).limit.is_some()
    };
    assert!(limit("usage_limit_exceeded".into()));
    assert!(!limit(serde_json::json!({"response_too_many_failed_attempts": {"http_status_code": 429}})));
    assert!(!limit(Value::Null));
}

/// What 0.169.0 and 0.171.0 show, on a screen of 100 columns.
const ASKS: &str = "› run: !touch one

• Running touch one

  Would you like to run the following command?

  Environment: local

  Reason: May this run outside the sandbox?

  $ touch one; echo word0 word1 word2 word3
  word4 word5

› 1. Yes, proceed (y)
  2. Yes, and don't ask again for commands that start with `touch
     one` (p)
  3. No, and tell Codex what to do differently (esc)

  Press enter to confirm or esc to cancel
";

fn on_screen(text: &str) -> Option<OnScreen> {
    let rows: Vec<String> = text.lines().map(str::to_owned).collect();
    super::dialog::dialog(&rows)
}

#[test]
fn a_permission_on_its_screen_is_read_whole() {
    let asked = on_screen(ASKS).unwrap();
    assert_eq!(asked.command.as_deref(), Some("touch one; echo word0 word1 word2 word3\nword4 word5"));
    assert!(
        asked.text.starts_with("Environment: local\n\nReason: May this")
            && asked.text.ends_with("word4 word5")
    );
    assert!(asked.is_about("touch one; echo word0 word1 word2 word3 word4 word5"));
    assert!(!asked.is_about("touch one; echo word0 word1 word2 word3"));
    assert!(!asked.is_about("touch one; echo word0 word1 word2word3 word4 word5"));
    // A line of its own may be a command of its own.
    let in_other_rows = on_screen(&ASKS.replace("word2 word3\n  word4", "word2\n  word3 word4")).unwrap();
    assert!(!asked.is_same(&in_other_rows));
    let pointed = on_screen(&ASKS.replace("› 1.", "  1.").replace("  3. No", "› 3. No")).unwrap();
    assert!(asked.is_same(&pointed) && asked != pointed);
    assert!(!asked.is_same(&on_screen(&ASKS.replace("word2 word3", "word2word3")).unwrap()));
    assert_eq!((asked.rows.len(), asked.allow, asked.deny), (10, Press::Keys(b"y"), Press::Keys(b"\x1b")));
    assert_eq!(asked.rows[4], (11, "  word4 word5".to_owned()));
}

/// What could be another question, or not all of it, is answered in the terminal alone.
#[test]
fn a_permission_that_is_not_all_on_its_screen_is_not_read() {
    let change = |from: &str, to: &str| {
        assert!(ASKS.contains(from), "{from}");
        on_screen(&ASKS.replace(from, to))
    };
    // Too long for the screen: the command is cut, or what can be chosen.
    assert_eq!(change("  word4 word5\n", "  [… 47 lines] ^a view all\n"), None);
    assert_eq!(change("  3. No, and tell Codex what to do differently (esc)\n", ""), None);
    assert_eq!(change("  Would you like to run the following command?\n", ""), None);
    // The command itself looks like a dialog.
    let forged = "  word4\n\n  Would you like to run the following command?\n\n  $ ls\n\n";
    assert_eq!(change("  word4 word5\n", forged), None);
    let forged =
        "  word4\n\n› 1. Yes, proceed (y)\n  3. No, (esc)\n\n  Press enter to confirm or esc to cancel\n";
    assert_eq!(change("  word4 word5\n", forged), None, "tmux would find the first of two rows");
    // It is about something else, and the agent wrote the beginning; or the reason looks like a command.
    assert_eq!(change("  word4 word5\n", "\n  Would you like to make the following edits?\n"), None);
    let reason = "  Reason: May this run outside the sandbox?\n";
    assert_eq!(change(reason, "  Reason: so\n\n  $ ls\n"), None);
    assert_eq!(change(reason, "  What it means:\n"), None);
    let wrapped = change(reason, "  Reason: so\n  $ ls\n").unwrap();
    assert!(wrapped.command.unwrap().starts_with("touch one"));
    // Something else stands below it, and another key says yes.
    assert_eq!(on_screen(&format!("{ASKS}\n› Ask Codex to do anything\n")), None);
    assert_eq!(change("Yes, proceed (y)", "Yes, proceed (p)"), None);
    assert_eq!(change("\n› 1. Yes", "› 1. Yes"), None);
}

const BEFORE: &str = "  Folder access
  /tmp/work

  Trust this folder? Codex can read, edit, and run files here, subject to your permission
  settings.

› 1. Trust and continue
  2. Back to Agent Command Center

  enter continue · esc back
";

const EDITS: &str = "\
• Edited new.txt (+1 -1)
    1 -one
    1 +three
    + Show details


  Would you like to make the following edits?

  Description: Apply proposed file edits
  Destination: /tmp/work/new.txt


› 1. Yes, proceed (y)
  2. Yes, and don't ask again for these files (a)
  3. No, and tell Codex what to do differently (esc)

  Press enter to confirm or esc to cancel
";

#[test]
fn what_it_asks_before_it_begins_is_answered_by_the_pointer() {
    let asked = on_screen(BEFORE).unwrap();
    assert_eq!((asked.kind, asked.allow, asked.deny), (AskKind::Trust, Press::Choose(0), Press::Choose(1)));
    assert!(asked.text.contains("/tmp/work") && asked.text.ends_with("Deny: Back to Agent Command Center"));
    let below = on_screen(&BEFORE.replace("› 1.", "  1.").replace("  2. Back", "› 2. Back")).unwrap();
    assert_eq!((below.allow, below.deny), (Press::Choose(-1), Press::Choose(0)));
    assert!(asked.is_same(&below) && !asked.is_about(""));
    for (from, to) in [
        ("Folder access", "Something else"),
        ("1. Trust and continue", "1. Trust everything"),
        ("  2. Back to Agent Command Center\n", "  2. Back to Agent Command Center\n  3. Another\n"),
        ("  2. Back to Agent Command Center\n", ""),
        ("  2. Back", "› 2. Back"),
        ("enter continue", "enter to continue"),
        ("esc back\n", "esc back\n› next\n"),
        ("  Folder access", "  Folder access\n  Folder access"),
    ] {
        assert_eq!(on_screen(&BEFORE.replace(from, to)), None, "{from}");
    }
}

#[test]
fn edits_are_read_where_all_their_lines_are_shown() {
    let asked = on_screen(EDITS).unwrap();
    assert_eq!(
        (asked.kind, asked.allow, asked.deny),
        (AskKind::Permission, Press::Keys(b"y"), Press::Keys(b"\x1b"))
    );
    assert!(asked.text.starts_with("Edited new.txt (+1 -1)\n    1 -one\n    1 +three\n"), "{}", asked.text);
    assert!(asked.text.ends_with("Destination: /tmp/work/new.txt"));
    assert!(on_screen(&EDITS.replace("    + Show details\n", "")).is_some_and(|plain| plain.is_same(&asked)));
    for (from, to) in [
        ("(+1 -1)", "(+2 -1)"),
        ("    1 -one\n", ""),
        ("  Destination: /tmp/work/new.txt\n", ""),
        ("  Destination: /tmp/work/new.txt\n", "  Destination: /tmp/work/old.txt\n"),
        ("  Destination: /tmp/work/new.txt\n", "  Destination: /tmp/new.txt\n  Destination: /tmp/old.txt\n"),
        ("  Description:", "  Would you like to run the following command?\n  Description:"),
        ("    + Show details\n\n", "    + Show details\n  More\n"),
        ("Yes, proceed (y)", "Yes, proceed (p)"),
        ("  3. No, and tell Codex what to do differently (esc)\n", ""),
    ] {
        assert_eq!(on_screen(&EDITS.replace(from, to)), None, "{from}");
    }
    assert_eq!(on_screen(&format!("{EDITS}› \n")), None);
}
