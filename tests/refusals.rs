//! What cannot be done is said in one line, with its exit code, and leaves nothing half-done behind.

use codepiper_protocol::wire::session::Session;

use crate::harness::{Home, eventually};

/// Every verb that works on a session, with arguments that would do; `ID` stands for the session.
const OF_A_SESSION: [&[&str]; 14] = [
    &["sessions", "show", "ID"],
    &["sessions", "explain", "ID"],
    &["sessions", "rename", "ID", "name"],
    &["sessions", "remove", "ID"],
    &["send", "ID", "text"],
    &["keys", "ID", "enter"],
    &["tail", "ID"],
    &["tail", "ID", "--follow", "--raw"],
    &["wait", "ID", "--until", "exit", "--timeout", "1"],
    &["stop", "ID"],
    &["kill", "ID"],
    &["resume", "ID"],
    &["resize", "ID", "80x24"],
    &["send", "ID", "text", "--wait", "exit", "--timeout", "1"],
];

/// Every other verb that asks the daemon.
const OF_THE_DAEMON: [&[&str]; 6] = [
    &["daemon", "status"],
    &["daemon", "stop"],
    &["daemon", "restart"],
    &["start", "-p", "shell", "--", "true"],
    &["sessions"],
    &["providers"],
];

fn with_id<'a>(args: &[&'a str], id: &'a str) -> Vec<&'a str> {
    args.iter().map(|arg| if *arg == "ID" { id } else { arg }).collect()
}

/// Records, tmux sessions and short-lived files, as they are.
fn traces(home: &Home) -> (Vec<String>, String, Vec<String>) {
    let sessions = home.tmux_says(&["list-sessions", "-F", "#{session_name} #{session_windows}"]);
    (home.files("data/sessions"), sessions, home.files("data/run"))
}

/// Two sessions whose ids begin with the same digit, and that digit.
fn ambiguous(home: &Home) -> String {
    loop {
        home.start(&["sleep", "1000"]);
        let mut digits: Vec<char> = home
            .sessions()
            .iter()
            .map(|session: &Session| session.short_id.chars().next().unwrap())
            .collect();
        digits.sort_unstable();
        if let Some(pair) = digits.windows(2).find(|pair| pair[0] == pair[1]) {
            return pair[0].to_string();
        }
    }
}

/// The sessions, once it is known what runs in each.
fn settled(home: &Home) -> Vec<Session> {
    eventually("what runs is known", || {
        let sessions = home.sessions();
        sessions.iter().all(|session| session.foreground.is_some()).then_some(sessions)
    })
}

#[test]
fn without_a_daemon_every_verb_says_so() {
    let home = Home::new();
    for args in OF_A_SESSION.iter().chain(&OF_THE_DAEMON) {
        let message = home.fails(4, with_id(args, "a1b2c3d4"));
        assert!(message.contains("codepiper daemon"), "{args:?}: {message}");
    }
    assert_eq!(home.files(""), ["user"], "asking makes nothing");
}

#[test]
fn a_session_that_does_not_exist_is_not_found() {
    let home = Home::running();
    for args in OF_A_SESSION {
        for unknown in ["ffffffff", "no such name", "../x"] {
            let message = home.fails(3, with_id(args, unknown));
            assert!(message.contains(unknown), "{args:?}: {message}");
        }
    }
}

#[test]
fn an_id_that_fits_several_sessions_is_refused_with_the_candidates() {
    let home = Home::running();
    let digit = ambiguous(&home);
    let before = (settled(&home), traces(&home));
    for args in OF_A_SESSION {
        let message = home.fails(3, with_id(args, &digit));
        for session in home.sessions().iter().filter(|session| session.short_id.starts_with(&digit)) {
            assert!(message.contains(&session.short_id), "{args:?}: {message}");
        }
    }
    assert_eq!((home.sessions(), traces(&home)), before);
}

#[test]
fn an_ended_session_is_stopped_and_killed_and_takes_no_input() {
    let home = Home::running();
    let session = home.start(&["true"]);
    home.until_ended(&session);
    let id = session.short_id.as_str();
    for args in [
        &["send", "ID", "text"][..],
        &["send", "ID", "text", "--wait", "exit"],
        &["keys", "ID", "enter"],
        &["resize", "ID", "80x24"],
        &["wait", "ID", "--until", "text=x"],
    ] {
        let message = home.fails(7, with_id(args, id));
        assert!(message.contains(id), "{args:?}: {message}");
    }
    for args in [
        &["stop", "ID"][..],
        &["kill", "ID"],
        &["stop", "ID"],
        &["tail", "ID"],
        &["tail", "ID", "--follow"],
        &["wait", "ID", "--until", "exit"],
        &["sessions", "show", "ID"],
        &["sessions", "explain", "ID"],
        &["sessions", "remove", "ID"],
    ] {
        home.ok(with_id(args, id));
    }
}

#[test]
fn what_is_not_understood_is_a_usage_error() {
    let home = Home::running();
    let session = home.start(&["sleep", "1000"]);
    let before = (settled(&home), traces(&home));
    for args in OF_A_SESSION.iter().chain(&OF_THE_DAEMON) {
        let args = with_id(args, &session.short_id);
        // Before `--`, behind which everything is an argument of the program.
        let place = args.iter().position(|arg| *arg == "--").unwrap_or(args.len());
        home.fails_at_usage([&args[..place], &["--no-such-flag"], &args[place..]].concat());
    }
    for args in [
        &["keys", "ID", "no-such-key"][..],
        &["resize", "ID", "wide"],
        &["wait", "ID", "--until", "text=("],
        &["wait", "ID", "--until", "exit", "--timeout", "soon"],
        &["tail", "ID", "-n", "many"],
        &["tail", "ID", "--from", "here"],
        &["send", "ID", "--file", "/no/such/file"],
        &["start", "-p", "shell", "--size", "big", "--", "true"],
        &["start", "-p", "no-such-provider"],
        &["sessions", "--status", "gone"],
    ] {
        home.fails_at_usage(with_id(args, &session.short_id));
    }
    assert_eq!((home.sessions(), traces(&home)), before);
}

#[test]
fn what_cannot_be_started_leaves_nothing_behind() {
    let home = Home::running();
    let before = traces(&home);
    std::fs::write(home.path("file"), "no program").unwrap();
    let file = home.path("file");
    let file = file.to_str().unwrap();
    let program = ["start", "-p", "shell", "--"];
    for (code, args, said) in [
        (2, &["start", "-p", "shell", "-d", "/no/such/dir", "--", "true"][..], "/no/such/dir"),
        (2, &["start", "-p", "shell", "-d", file, "--", "true"], "not a directory"),
        (2, &["start", "-p", "shell", "--name=-x", "--", "true"], "name"),
        (1, &[&program[..], &["no-such-program"]].concat(), "no-such-program"),
        (1, &[&program[..], &["/no/such/program"]].concat(), "/no/such/program"),
        (1, &[&program[..], &[file]].concat(), file),
        (1, &["start", "-p", "claude-code"], "claude"),
        (1, &["start", "-p", "codex"], "codex"),
    ] {
        let mut command = home.command(args);
        // Agents that are installed on this machine are not in it.
        let output = command.env("PATH", "/usr/bin:/bin").output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(code), 0), "{args:?}: {message}");
        assert_eq!(message.lines().count(), 1, "{args:?}: {message}");
        assert!(message.contains(said), "{args:?}: {message}");
        assert_eq!(home.sessions(), [], "{args:?}");
        assert_eq!(traces(&home), before, "{args:?}");
    }
}

#[test]
fn a_program_that_the_kernel_refuses_leaves_nothing_behind() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::running();
    let before = traces(&home);
    // Found and executable, but not for the kernel: only the shim learns that.
    let script = home.path("script");
    std::fs::write(&script, "#!/no/such/interpreter\n").unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let message = home.fails(1, ["start", "-p", "shell", "--", script.to_str().unwrap()]);
    assert!(message.contains("its interpreter is missing"), "{message}");
    assert_eq!(home.sessions(), []);
    assert_eq!(traces(&home), before);
}

#[test]
fn a_session_whose_program_is_gone_is_not_resumed_and_stays_as_it_was() {
    let home = Home::running();
    let program = home.path("program");
    std::fs::copy("/bin/true", &program).unwrap();
    let session = home.start(&[program.to_str().unwrap()]);
    let before = home.until_ended(&session);
    std::fs::remove_file(&program).unwrap();
    let message = home.fails(1, ["resume", &session.short_id]);
    assert!(message.contains("program"), "{message}");
    let after = home.session(&session.short_id);
    assert_eq!((after.status, after.exit), (before.status, before.exit));
}
