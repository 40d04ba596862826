use codepiper_protocol::SessionId;

use super::*;

const CODEX: Codex = Codex { has_hooks: false };

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
        cwd: "/work".as_ref(),
        env: &env,
        hook: "hook",
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
}

#[test]
fn it_gets_hooks_where_that_was_allowed() {
    let env = BTreeMap::new();
    let launch = LaunchRequest {
        session: SessionId::random(),
        args: &["-m".to_owned(), "x".to_owned()],
        model: None,
        cwd: "/".as_ref(),
        env: &env,
        hook: r#"'/a "b"/codepiper' hook-forward"#,
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
fn its_own_state_reports_are_understood() {
    let report = |state: &str, kind: Option<&str>| Report::AgentState {
        state: state.into(),
        kind: kind.map(Into::into),
        app: Some("codex".into()),
    };
    assert_eq!(CODEX.report(&report("working", None)), Some((Activity::Working, None)));
    assert_eq!(
        CODEX.report(&report("blocked", Some("permission"))),
        Some((Activity::Waiting, Some(WaitingFor::Permission)))
    );
    assert_eq!(CODEX.report(&report("clear", None)), Some((Activity::Unknown, None)));
    assert_eq!(CODEX.report(&Report::Bell), None);
}
