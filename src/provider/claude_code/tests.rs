use super::*;

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
        cwd: &cwd,
        env: &env,
        hook: "hook",
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
    std::fs::write(&transcript, "{}").unwrap();
    assert_eq!(own(ClaudeCode.resume(&launch, Some("id"))), ["--resume", "id", "--model", "opus"]);
    // A fork that was never spoken in is forked again.
    let fork = LaunchRequest { forked_from: Some("id"), ..launch };
    let forked = ["--resume", "id", "--fork-session", "--session-id", "new", "--model", "opus"];
    assert_eq!(own(ClaudeCode.fork(&fork, Some("new")).unwrap()), forked);
    assert_eq!(own(ClaudeCode.resume(&fork, Some("new"))), forked);
    assert_eq!(ClaudeCode.fork(&LaunchRequest { forked_from: Some("other"), ..fork }, Some("new")), None);
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
        ("PermissionRequest.ExitPlanMode", waiting(WaitingFor::Question)),
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
    let meanings: Vec<_> = samples.iter().map(state_file_meaning).collect();
    assert_eq!(
        meanings,
        [Activity::Idle, Activity::Working, Activity::Waiting].map(|activity| Some((activity, None)))
    );
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
fn a_prompt_cannot_be_taken_for_an_option() {
    let env = BTreeMap::new();
    let launch = LaunchRequest {
        session: SessionId::random(),
        args: &[],
        model: None,
        cwd: "/".as_ref(),
        env: &env,
        hook: "hook",
        forked_from: None,
    };
    let argv = ClaudeCode.start(&launch, Some("id"), Some("--help me"));
    assert!(argv.args.ends_with(&["--".to_owned(), "--help me".to_owned()]));
}
