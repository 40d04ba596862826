use codepiper_protocol::wire::session::{Activity, WaitingFor};
use serde_json::json;

use super::*;
use crate::policy::native::NativeDeny;
use crate::provider::{AtLimit, Hooks, OnScreen, Press, Signals};
use crate::terminal::reports::Report;

#[test]
fn resume_needs_a_transcript() {
    let home = tempfile::tempdir().unwrap();
    let cwd = home.path().join("a.b");
    std::fs::create_dir(&cwd).unwrap();
    let env = BTreeMap::from([("HOME".to_owned(), home.path().display().to_string())]);
    let args = ["--model".to_owned(), "opus".to_owned()];
    let launch = LaunchRequest {
        session: SessionId::random(),
        args: &args,
        model: None,
        permission_mode: None,
        cwd: &cwd,
        env: &env,
        hook: "hook",
        denied: &[],
        forked_from: None,
    };
    let own = |argv: Argv| -> Vec<String> {
        let settings = argv.args.iter().position(|arg| arg == "--settings").unwrap();
        let is_json = serde_json::from_str::<Value>(&argv.args[settings + 1]).is_ok();
        assert!(is_json);
        [&argv.args[..settings], &argv.args[settings + 2..]].concat()
    };
    let argv = ClaudeCode.resume(&launch, Some("id"));
    assert_eq!(own(argv), ["--session-id", "id", "--model", "opus"]);
    let transcript = transcript(&env, &cwd, "id");
    assert!(transcript.to_str().unwrap().ends_with("-a-b/id.jsonl"));
    std::fs::create_dir_all(transcript.parent().unwrap()).unwrap();
    // Left by a command: its id is taken.
    std::fs::write(&transcript, "{\"type\":\"mode\"}\n").unwrap();
    assert_eq!(own(ClaudeCode.resume(&launch, Some("id"))), ["--model", "opus"]);
    std::fs::write(&transcript, "{\"type\":\"mode\"}\n{\"type\":\"user\"}\n").unwrap();
    assert_eq!(own(ClaudeCode.resume(&launch, Some("id"))), ["--resume", "id", "--model", "opus"]);
    let planning = LaunchRequest { permission_mode: Some("plan"), ..launch };
    let resumed = ["--resume", "id", "--permission-mode", "plan", "--model", "opus"];
    assert_eq!(own(ClaudeCode.resume(&planning, Some("id"))), resumed);
    let launch = LaunchRequest { permission_mode: None, ..planning };
    // A fork that was never spoken in is forked again.
    let fork = LaunchRequest { forked_from: Some("id"), ..launch };
    let forked = ["--resume", "id", "--fork-session", "--session-id", "new", "--model", "opus"];
    assert_eq!(own(ClaudeCode.fork(&fork, Some("new")).unwrap()), forked);
    assert_eq!(own(ClaudeCode.resume(&fork, Some("new"))), forked);
    assert_eq!(ClaudeCode.fork(&LaunchRequest { forked_from: Some("other"), ..fork }, Some("new")), None);
}

/// Whoever launches it waits for what it reads.
#[test]
fn settings_and_transcripts_without_an_end_are_not_read() {
    let home = tempfile::tempdir().unwrap();
    let env = BTreeMap::from([("HOME".to_owned(), home.path().display().to_string())]);
    let (settings, transcript) = (home.path().join(".claude/settings.json"), home.path().join("t.jsonl"));
    std::fs::create_dir(home.path().join(".claude")).unwrap();
    let (done, ends) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let read = |settings: &Path, transcript: &Path| {
            let found = stored_keys(&env)[0].found;
            let own = status_line::setting("hook", settings.parent().unwrap(), "/".as_ref());
            (found, own["command"] == "hook status-line", is_spoken_in(transcript))
        };
        for path in [&settings, &transcript] {
            std::fs::File::create(path).unwrap().set_len(1 << 40).unwrap();
        }
        let long = read(&settings, &transcript);
        for path in [&settings, &transcript] {
            std::fs::remove_file(path).unwrap();
            nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        }
        done.send([long, read(&settings, &transcript)])
    });
    let read = ends.recv_timeout(std::time::Duration::from_secs(60)).expect("it reads on and on");
    assert_eq!(read, [(false, true, true), (false, true, false)]);
}

#[test]
fn the_conversation_changes_when_a_hook_proves_another_one() {
    let names = |event: &str, source: &str, id: &str| {
        let payload = json!({"hook_event_name": event, "source": source, "session_id": id});
        ClaudeCode.conversation(&payload).is_some()
    };
    let proves = |event: &str, source: &str| names(event, source, "59d90e52-3c4c-4d2c-9c3e-6e4c6f2b7a10");
    assert!(proves("SessionStart", "clear") && proves("UserPromptSubmit", ""));
    assert!(!names("UserPromptSubmit", "", "../../elsewhere"), "it becomes the name of a file");
    for (event, source) in [("SessionStart", "startup"), ("SessionStart", "resume"), ("SessionEnd", "clear")]
    {
        assert!(!proves(event, source), "{event} {source}");
    }
}

/// Real payloads, and what each proves.
#[test]
fn hooks_tell_the_state() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hooks/claude-code");
    let meaning = |name: &str| {
        let text = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
        ClaudeCode.meaning(&serde_json::from_str(&text).unwrap())
    };
    let (working, idle) = (Some((Activity::Working, None)), Some((Activity::Idle, None)));
    let waiting = |what| Some((Activity::Waiting, Some(what)));
    for (name, expected) in [
        ("SessionStart", idle),
        ("SessionStart.clear", None),
        ("SessionStart.compact", None),
        ("UserPromptSubmit", working),
        ("PreToolUse", working),
        ("PermissionRequest", waiting(WaitingFor::Permission)),
        ("PermissionRequest.AskUserQuestion", waiting(WaitingFor::Question)),
        ("PermissionRequest.ExitPlanMode", waiting(WaitingFor::Plan)),
        ("PostToolUse", working),
        ("PostToolUseFailure", working),
        ("Notification", None),
        ("Notification.idle_prompt", idle),
        ("Stop", idle),
        ("StopFailure", idle),
        ("SubagentStop", None),
        ("SessionEnd", Some((Activity::Unknown, None))),
    ] {
        assert_eq!(meaning(name), expected, "{name}");
    }
}

#[test]
fn the_state_file_tells_the_state() {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hooks/claude-code/sessions-pid-file.json");
    let samples: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let meanings: Vec<_> = samples.iter().map(STATE_FILE.meaning).collect();
    assert_eq!(
        meanings,
        [Activity::Idle, Activity::Working, Activity::Waiting].map(|activity| Some((activity, None)))
    );
    let with = |status: &str, what: Option<&str>| {
        let content = json!({"status": status, "waitingFor": what});
        ((STATE_FILE.meaning)(&content), (STATE_FILE.left_running)(&content))
    };
    let waiting = |what| (Some((Activity::Waiting, what)), None);
    assert_eq!(with("shell", None), (Some((Activity::Idle, None)), Some(true)));
    assert_eq!(with("idle", None), (Some((Activity::Idle, None)), Some(false)));
    assert_eq!(with("waiting", Some("dialog open")), waiting(Some(WaitingFor::Dialog)));
    assert_eq!(with("waiting", Some("input needed")), waiting(Some(WaitingFor::Question)));
    assert_eq!(with("waiting", Some("permission prompt")), waiting(None));
    assert_eq!(with("something new", None), (None, None));
    let moved = (STATE_FILE.moved_to)(&json!({"status": "idle", "parkedJobId": "4299509c"})).unwrap();
    assert!(moved.contains("`claude attach 4299509c`"), "{moved}");
    assert_eq!((STATE_FILE.moved_to)(&json!({"status": "idle"})), None);
}

#[test]
fn what_is_left_running_is_told_at_the_end_of_a_turn() {
    let left = |payload: Value| ClaudeCode.left_running(&payload).map(|left| (left.tasks, left.scheduled));
    let stop = json!({
        "hook_event_name": "Stop",
        "background_tasks": [
            {"id": "b", "type": "shell", "status": "running", "description": "tests", "command": "npm test\nmore"},
            {"id": "a", "type": "subagent", "status": "running", "description": "Look around"},
            {"id": "c", "type": "shell", "status": "completed", "command": "ls"},
        ],
        "session_crons": [{"id": "5", "schedule": "*/5 * * * *", "prompt": "look again"}],
    });
    let tasks = vec!["npm test".to_owned(), "Look around".to_owned()];
    assert_eq!(left(stop), Some((tasks, vec!["look again".to_owned()])));
    assert_eq!(left(json!({"hook_event_name": "Stop"})), Some((vec![], vec![])), "of an older version");
    assert_eq!(left(json!({"hook_event_name": "PreToolUse"})), Some((vec![], vec![])));
    assert_eq!(left(json!({"hook_event_name": "PreToolUse", "agent_id": "a"})), None);
}

#[test]
fn the_title_tells_that_it_works() {
    let activity = |title: &str| ClaudeCode.report(&Report::Title(title.to_owned())).unwrap().0;
    for title in ["◐ Claude Code", "◑ Fix it", "⠂ Fix it", "⠐ Fix it", "> Fix it"] {
        assert_eq!(activity(title), Activity::Working, "{title}");
    }
    for title in ["✳ Claude Code", "* Claude Code", "", ">", "1 awaiting input · claude agents"] {
        assert_eq!(activity(title), Activity::Unknown, "{title}");
    }
}

/// Rows of the real list, and what each is in requests.
#[test]
fn what_is_kept_of_a_row_means_the_same_for_the_next_run() {
    for (label, description, names) in [
        (
            "Default (recommended)",
            "Use the default model (currently Opus 4.8 (1M context)) · $5/$25",
            "default",
        ),
        ("Opus", "Opus 4.8 with 1M context · Best for everyday", "opus[1m] claude-opus-4-8[1m]"),
        ("Opus (1M context)", "Opus 4.8 with 1M context · Best", "opus[1m] claude-opus-4-8[1m]"),
        ("Opus", "Opus 4.8 · Best for everyday, complex tasks", "opus claude-opus-4-8"),
        ("Opus 4.8", "Best for everyday, complex tasks (claude-opus-4-8)", "claude-opus-4-8"),
        ("Opus Plan Mode", "Use Opus in plan mode, Sonnet otherwise", "opusplan"),
        ("Sonnet", "Sonnet 5 · Efficient for routine tasks · $3/$15 per Mtok", "sonnet claude-sonnet-5"),
        ("Sonnet 5 (1M context)", "Sonnet 5 for long sessions", "claude-sonnet-5[1m] sonnet[1m]"),
        ("Sonnet 4.5", "Newer version available · select Sonnet for Sonnet 5", "claude-sonnet-4-5"),
        ("Haiku", "Haiku 4.5 · Fastest for quick answers", "haiku claude-haiku-4-5"),
        ("my-own-model", "Custom model", "my-own-model"),
    ] {
        assert_eq!(model_names(label, description).join(" "), names, "{label}: {description}");
    }
}

#[test]
fn what_policies_deny_is_written_as_its_own_rules() {
    let env = BTreeMap::new();
    let denied = [
        NativeDeny::Command(vec!["git".to_owned(), "push".to_owned()]),
        NativeDeny::Tool("mcp__x".to_owned()),
        NativeDeny::Read("/etc/**".to_owned()),
        NativeDeny::Edit("~/.bashrc".to_owned()),
    ];
    let launch = LaunchRequest {
        session: SessionId::random(),
        args: &[],
        model: None,
        permission_mode: None,
        cwd: "/".as_ref(),
        env: &env,
        hook: "hook",
        denied: &denied,
        forked_from: None,
    };
    let argv = ClaudeCode.start(&launch, None, None);
    let at = argv.args.iter().position(|arg| arg == "--settings").unwrap();
    let settings: Value = serde_json::from_str(&argv.args[at + 1]).unwrap();
    let rules = json!(["Bash(git push:*)", "mcp__x", "Read(//etc/**)", "Edit(~/.bashrc)"]);
    assert_eq!(settings["permissions"]["deny"], rules);
}

#[test]
fn a_prompt_cannot_be_taken_for_an_option() {
    let env = BTreeMap::new();
    let launch = LaunchRequest {
        session: SessionId::random(),
        args: &[],
        model: None,
        permission_mode: None,
        cwd: "/".as_ref(),
        env: &env,
        hook: "hook",
        denied: &[],
        forked_from: None,
    };
    let argv = ClaudeCode.start(&launch, Some("id"), Some("--help me"));
    assert!(argv.args.ends_with(&["--".to_owned(), "--help me".to_owned()]));
}

/// Rows of both versions' screens.
#[test]
fn the_screen_shows_the_permission_mode() {
    let mode = |footer: &[&str]| {
        let line = "─".repeat(80);
        let rows = ["● You said: hello", "", &*line, "❯ ", &*line].into_iter().chain(footer.iter().copied());
        let rows: Vec<String> = rows.map(str::to_owned).collect();
        ClaudeCode.shown_mode(&rows).map(|(mode, _)| mode)
    };
    for (row, expected) in [
        ("  ⏸ manual mode on · ? for shortcuts", Some("default")),
        ("  ⏸ manual mode on                                 ◐ medium · /effort", Some("default")),
        ("  ⏵⏵ accept edits on (shift+tab to cycle)", Some("acceptEdits")),
        ("  ⏸ plan mode on (shift+tab to cycle)", Some("plan")),
        ("  ⏵⏵ auto mode on (shift+tab to cycle)", Some("auto")),
        ("  ⏵⏵ bypass permissions on (shift+tab to cycle)", Some("bypassPermissions")),
        ("  ? for shortcuts", Some("default")),
        ("                                                      ● high · /effort", Some("default")),
        ("  Press Ctrl-C again to exit", None),
        ("  esc to interrupt", None),
    ] {
        assert_eq!(mode(&[row]), expected, "{row}");
    }
    let own_status_line = ["  my own line", "  ⏸ plan mode on (shift+tab to cycle)"];
    assert_eq!(mode(&own_status_line), Some("plan"));
    // A dialog in its place, and words of the conversation.
    let dialog = ["⏸ plan mode on", &"─".repeat(80), "  What do you want to do?", "  ❯ 1. Stop and wait"];
    assert_eq!(ClaudeCode.shown_mode(&dialog.map(str::to_owned)), None);
    assert_eq!(ClaudeCode.shown_mode(&["  ⏸ plan mode on".to_owned()]), None);
}

/// What both versions wrote and told, without what does not matter here.
#[test]
fn a_usage_limit_is_told_from_a_429_that_passes() {
    let hook = |message: &str| {
        let payload = json!({"hook_event_name": "StopFailure", "error": "rate_limit", "last_assistant_message": message});
        ClaudeCode.meaning(&payload)
    };
    let limited = Some((Activity::Waiting, Some(WaitingFor::UsageLimit)));
    let (newest, old) = (
        "You've hit your 5-hour limit · resets 1:51pm (UTC)",
        "You've hit your session limit · resets 1:52pm (UTC)",
    );
    assert_eq!([hook(newest), hook(old)], [limited, limited]);
    assert_eq!(hook("API Error: Request rejected (429)"), Some((Activity::Idle, None)));

    let limit = |text: &str, quota: Value| {
        let line = json!({"type": "assistant", "timestamp": "2026-11-29T13:50:38.652Z", "isApiErrorMessage": true,
            "error": "rate_limit", "apiErrorStatus": 429, "quotaLimits": quota,
            "message": {"model": "<synthetic>", "content": [{"type": "text", "text": text}]}});
        let limit = (transcript::DIALECT.line)(&line).limit;
        limit.map(|limit| (limit.window, limit.resets_at.map(|reset| reset.as_second())))
    };
    let quota = json!({"status": "rejected", "resetsAt": 1795960263, "rateLimitType": "five_hour"});
    assert_eq!(limit(newest, quota), Some((Some("five_hour".into()), Some(1_795_960_263))));
    assert_eq!(limit(old, Value::Null), Some((None, None)));
    assert_eq!(limit("API Error: Request rejected (429)", Value::Null), None);
}

/// Of 2.1.332 and 2.1.197.
#[test]
fn what_the_screen_offers_at_a_limit_is_known() {
    let at_limit = |rows: &[&str]| {
        let rows: Vec<String> = rows.iter().map(|row| (*row).to_owned()).collect();
        ClaudeCode.at_limit(&rows)
    };
    let line = "─".repeat(80);
    let composer =
        ["● Usage limit reached · set to continue automatically at 1:51pm", "", &*line, "❯ ", &*line];
    let counts = [
        "  ⚠ Usage limit reached · limit resets 1:51pm",
        "    Continuing automatically at 1:51pm · Esc to cancel",
    ];
    assert_eq!(at_limit(&[&composer[..], &counts, &["  ⏸ manual mode on"]].concat()), Some(AtLimit::GoesOn));
    let shortly = ["    Continuing shortly · Esc to cancel"];
    assert_eq!(at_limit(&[&composer[..], &shortly].concat()), Some(AtLimit::GoesOn));
    assert_eq!(at_limit(&[&composer[..], &["  ⏸ manual mode on"]].concat()), None);
    let asks = |question: &str| {
        let rows = [
            &*line,
            question,
            "",
            "  ❯ 1. Stop and wait for limit to reset",
            "    2. Upgrade your plan",
            "",
            "  Enter to confirm · Esc to cancel",
        ];
        at_limit(&rows)
    };
    assert_eq!(asks("  What do you want to do?"), Some(AtLimit::Asks { leave: "escape" }));
    assert_eq!(asks("  Do you want to proceed?"), None);
}

const ASKS: &str = "
● Agent(d)
  ⎿  Backgrounded agent (↓ to manage · ctrl+o to expand)

────────────────────────────────────────
 Bash command · from the general-purpose agent
 Tip: auto mode handles these prompts for you
 Scripted command
╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
 touch one; echo word1 word2 word21
 word3
╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌
 Do you want to proceed?
 ❯ 1. Yes
   2. Yes, and always allow access to /work from
   this project
   3. No

 Esc to cancel · Tab to amend

";

fn on_screen(text: &str) -> Option<OnScreen> {
    let rows: Vec<String> = text.lines().map(str::to_owned).collect();
    super::dialog::dialog(&rows)
}

#[test]
fn a_permission_on_its_screen_is_read_whole() {
    let asked = on_screen(ASKS).unwrap();
    assert!(asked.is_about("touch one; echo word1 word2 word21 word3"));
    assert!(!asked.is_about("touch one; echo word1 word2 word21"));
    // A row that is not full ends a line: what comes next is another command.
    let two = on_screen(&ASKS.replace("touch one; echo word1 word2 word21", "echo ok; # note")).unwrap();
    assert!(two.is_about("echo ok; # note\nword3") && !two.is_about("echo ok; # note word3"));
    assert!(!two.is_about("echo ok; # note\n\nword3\n\nx") && !two.is_about("echo ok; # noteword3"));
    assert!(!asked.by_itself, "its hook tells");
    assert_eq!((asked.rows.len(), asked.allow, asked.deny), (11, Press::Keys(b"1"), Press::Keys(b"\x1b")));
    assert_eq!(asked.rows[0], (5, " Bash command · from the general-purpose agent".to_owned()));
}

/// What could be another question, or not all of it, is answered in the terminal alone.
#[test]
fn a_permission_that_is_not_all_on_its_screen_is_not_read() {
    let change = |from: &str, to: &str| {
        assert!(ASKS.contains(from), "{from}");
        on_screen(&ASKS.replace(from, to))
    };
    let line = "╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌";
    let cut = " (value cannot be shown in full — approval withheld; one-time options only)\n";
    assert_eq!(change(" touch one; echo word1 word2 word21\n word3\n", cut), None);
    assert_eq!(change(" word3\n", &format!("{line}\n Do you want to proceed?\n")), None);
    assert_eq!(change(" word3\n", &format!("{line}\n")), None);
    assert_eq!(change(" word3\n", "\n word3\n"), None);
    assert_eq!(change(" Bash command", " Edit file"), None);
    assert_eq!(change("● Agent(d)", "Do you want to proceed?"), None);
    // What the agent writes is indented, and not as wide as the screen.
    let forged =
        ASKS.replace(&format!("{line}\n"), "").replace(" word3\n", &format!("  {line}\n  ls\n  {line}\n"));
    assert_eq!(on_screen(&forged), None);
    let narrow = ASKS.replace(line, &line[..3 * 20]);
    assert_eq!(on_screen(&narrow), None);
    assert_eq!(change(" Do you want", " Something else\n Do you want"), None);
    assert_eq!(change(" Scripted command", "Scripted command"), None);
    // tmux would find the first of two that are alike.
    assert_eq!(change(" word3\n", " word3\n word3\n"), None);
    assert_eq!(change("● Agent(d)", "word3"), None);
    assert_eq!(change("1. Yes", "1. No"), None);
    assert_eq!(change("3. No", "3. Yes, and switch to auto mode"), None);
    // Without numbers the digit chooses nothing.
    let bare = ASKS.replace("1. Yes", "Yes").replace("3. No", "No");
    assert_eq!(on_screen(&bare), None);
    assert_eq!(on_screen(&format!("{ASKS}❯ \n")), None);
}
