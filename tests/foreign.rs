//! Text of others (names, titles, arguments, output) does not act on the terminal of whoever reads it.

use std::fs;
use std::process::{Command, Stdio};

use codepiper_protocol::visible::is_hidden;
use nix::sys::signal::{Signal, kill};
use regex::Regex;

use crate::harness::{Home, Pty, eventually};

/// Sets the title, blinks, colours by an 8-bit control, turns the text round, hides, begins lines.
const HOSTILE: &str =
    "x\x1b]0;owned\x07\x1b[5my\u{9b}5m\u{202e}z\u{200b}\u{2028}\nerror: w\u{ad}\u{7f}\u{e0041}";

/// What is left of an output that acts or hides, beside line ends and our own colours.
fn hidden_in(output: &str) -> String {
    // Bold, dimmed, underlined, and the eight colours.
    let own = Regex::new("\x1b\\[([0-4]|3[0-9])?m").unwrap();
    let lines = output.replace("\r\n", "\n");
    own.replace_all(&lines, "").chars().filter(|letter| *letter != '\n' && is_hidden(*letter)).collect()
}

/// Every verb with hostile words wherever it takes any; `ID` stands for a session.
fn verbs(dir: &str) -> Vec<Vec<String>> {
    let x = HOSTILE;
    let lines: Vec<Vec<&str>> = vec![
        vec![x],
        vec!["--color", x, "sessions"],
        vec!["--socket", x, "sessions"],
        vec!["daemon", x],
        vec!["daemon", "status"],
        vec!["daemon", "--web", "--port", x],
        vec!["daemon", "--tmux-socket", x, x],
        vec!["start", "-p", x],
        vec!["start", "-p", "shell", "-d", x],
        vec!["start", "-p", "shell", "-d", dir, "--name", x, "--", "true"],
        vec!["start", "-p", "shell", "-d", dir, "--size", x],
        vec!["start", "-p", "shell", "-d", dir, "--env-set", x],
        vec!["start", "-p", "shell", "-d", dir, "--", x],
        vec!["start", "-p", "shell", "-d", dir, "--worktree", "--branch", x],
        vec![
            "start",
            "-p",
            "shell",
            "-d",
            dir,
            "--worktree",
            "--create-branch",
            "b\u{202e}\u{9b}5m",
            "--",
            "true",
        ],
        vec!["start", "-p", "codex", "-d", dir, "--model", x, "--billing", x],
        vec!["sessions"],
        vec!["sessions", "--provider", x],
        vec!["sessions", "--status", x],
        vec!["sessions", "--permission-mode", x],
        vec!["sessions", "--json"],
        vec!["sessions", "show", "ID"],
        vec!["sessions", "show", "ID", "--json"],
        vec!["sessions", "show", x],
        vec!["sessions", "explain", "ID"],
        vec!["sessions", "rename", "ID", x],
        vec!["sessions", "remove", x],
        vec!["attach", x],
        vec!["attach", "--follow", x],
        vec!["send", x, x],
        vec!["send", "ID", "--file", x],
        vec!["send", "ID", "--image", x],
        vec!["send", "ID", "--if-busy", x],
        vec!["keys", "ID", x],
        vec!["report", "working", "--message", x],
        vec!["inbox"],
        vec!["inbox", "--json"],
        vec!["inbox", "show", x],
        vec!["inbox", "done", x],
        vec!["inbox", "snooze", x, "--for", x],
        vec!["notifications"],
        vec!["notifications", "test", "--delay", x],
        vec!["notifications", "remove", x],
        vec!["approve", x, "--command", x],
        vec!["deny", x, "--reason", x],
        vec!["answer", x, "--text", x],
        vec!["answer", x, "--option", x],
        vec!["halt", x],
        vec!["notify", x],
        vec!["tail", x],
        vec!["tail", "ID", "-n", x],
        vec!["tail", "ID", "--json"],
        vec!["logs"],
        vec!["logs", "--json"],
        vec!["logs", "--source", x],
        vec!["logs", "--type", x],
        vec!["wait", "ID", "--until", x],
        vec!["wait", "ID", "--until", "text=(\x1b]0;owned\x07"],
        vec!["wait", "ID", "--until", "text=\x1b]0;owned\x07\u{202e}", "--timeout", "0.01"],
        vec!["wait", x, "--until", "exit", "--timeout", x],
        vec!["stop", x],
        vec!["kill", x],
        vec!["resume", x],
        vec!["resize", "ID", x],
        vec!["env-set", "list", x],
        vec!["env-set", "create", x],
        vec!["env-set", "show", x],
        vec!["env-set", "create", "one", "--from-file", x],
        vec!["worktree", "list"],
        vec!["worktree", "remove", x],
        vec!["git", "status", "ID"],
        vec!["git", "log", "ID"],
        vec!["git", "branches", "ID"],
        vec!["git", x, x],
        vec!["diff", "ID"],
        vec!["diff", "ID", "--stat"],
        vec!["diff", "ID", "--json"],
        vec!["diff", "ID", "--base", x],
        vec!["diff", x],
        vec!["review", "add", "ID", x, x],
        vec!["review", "add", "ID", "changed\x1b[5m:1", x],
        vec!["review", "list", "ID"],
        vec!["review", "list", "ID", "--json"],
        vec!["review", "address", "ID", x],
        vec!["review", "send", x],
        vec!["policy", "list"],
        vec!["policy", "show", x],
        vec!["policy", "create", x],
        vec!["policy", "create", "new", "--from", x],
        vec!["policy", "remove", x],
        vec!["policy", "check", x],
        vec!["policy", "import", x],
        vec!["policy", "create", "ready", "--from", "read-only"],
        vec!["policy", "test", x],
        vec!["policy", "test", x, "--session", "ID"],
        vec!["policy", "attach", "ready", "ID"],
        vec!["policy", "detach", x, "ID"],
        vec!["sessions", "tag", "ID", "--", x],
        vec!["audit"],
        vec!["export", x],
        vec!["export", "ID", "--output", x],
        vec!["audit", "--type", x],
        vec!["audit", "verify", "--head", x],
        vec!["model", "ID", x],
        vec!["providers"],
        vec!["providers", "test", x],
        vec!["auth", "revoke", x],
        vec!["auth", "status", x],
        vec!["doctor"],
        vec!["doctor", x],
        vec!["completions", x],
        vec!["man", x],
    ];
    lines.into_iter().map(|line| line.into_iter().map(str::to_owned).collect()).collect()
}

/// A home with a session whose directory, arguments and title are hostile, in a repository with such a file.
fn hostile_home() -> (Home, String, String) {
    let home = Home::running();
    let dir = home.path(HOSTILE);
    fs::create_dir(&dir).unwrap();
    let dir = dir.to_str().unwrap().to_owned();
    let git = |args: &[&str]| {
        let mut git = Command::new("git");
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").args([
            "-c",
            "user.name=x",
            "-c",
            "user.email=x@example.org",
        ]);
        assert!(git.arg("-C").arg(&dir).args(args).output().unwrap().status.success(), "{args:?}");
    };
    git(&["init", "-q", "-b", "main"]);
    fs::write(format!("{dir}/.gitignore"), "ignored*\n").unwrap();
    git(&["add", "-A"]);
    git(&["commit", "-qm", "first"]);
    fs::write(format!("{dir}/ignored{HOSTILE}"), "").unwrap();
    fs::write(format!("{dir}/changed\x1b[5m"), HOSTILE).unwrap();
    // What tmux lets into a title.
    let script = "printf '\\033]2;t\\342\\200\\256\\342\\200\\213\\007\\033]9;n\\302\\2335m\\007'; echo ready; sleep 1000";
    let session = home.start_with(&["-d", &dir], &["bash", "-c", script, HOSTILE]);
    home.until_printed(&session, "ready");
    (home, dir, session.short_id)
}

#[test]
fn no_verb_lets_hostile_text_act_on_a_terminal() {
    let (home, dir, id) = hostile_home();
    let verbs = verbs(&dir);
    // None is left out.
    let help = home.ok(["--help"]);
    let names = Regex::new(r"(?m)^  ([a-z-]+)").unwrap();
    let commands = help.split("Commands:").nth(1).unwrap().split("\n\n").next().unwrap();
    let listed = names.captures_iter(commands).map(|found| found[1].to_owned()).collect::<Vec<_>>();
    assert!(listed.len() > 15, "{help}");
    for verb in listed {
        assert!(verbs.iter().any(|line| line[0] == verb), "{verb}");
    }
    for line in verbs {
        let line: Vec<String> =
            line.iter().map(|word| if word == "ID" { id.clone() } else { word.clone() }).collect();
        let ran = home.run(&line);
        assert_eq!(hidden_in(&format!("{}{}", ran.stdout, ran.stderr)), "", "{line:?}: {ran:?}");
        assert!(!ran.stderr.contains("\nerror: w"), "{line:?} begins a line: {ran:?}");
        let mut terminal = Pty::run(home.command(&line), 120, 40);
        let seen = terminal.all_seen();
        assert_eq!(hidden_in(&seen), "", "{line:?} on a terminal: {seen:?}");
    }
}

#[test]
fn the_environment_and_the_files_are_shown_too() {
    let home = Home::new();
    let hostile = format!("/tmp/none-{HOSTILE}");
    for (name, value, verb) in [
        ("CODEPIPER_HOME", hostile.as_str(), &["sessions"][..]),
        ("CODEPIPER_HOME", &hostile, &["doctor"]),
        ("CODEPIPER_SOCKET", &hostile, &["sessions"]),
        ("CODEPIPER_SOCKET", &hostile, &["doctor"]),
        ("CODEPIPER_WEB_PORT", HOSTILE, &["daemon"]),
        ("CODEPIPER_WEB_HOST", HOSTILE, &["daemon"]),
    ] {
        let output = home.command(verb).env(name, value).stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(said.contains("<U+001B>") && hidden_in(&said).is_empty(), "{name} {verb:?}: {said:?}");
        assert!(!said.contains("\nerror: w"), "{name} {verb:?} begins a line: {said:?}");
    }
    fs::write(home.path("config.toml"), "[daemon]\n\"so\u{9b}5m\u{202e}\" = 1\n").unwrap();
    for args in [&["daemon"][..], &["daemon", "--detach"], &["sessions"]] {
        let said = home.fails(1, args);
        assert_eq!(hidden_in(&said), "", "{said:?}");
        assert!(said.contains("line 2") && said.contains("<U+009B>"), "{said}");
    }
}

/// Switches on what can be, asks what can be asked, writes the clipboard, and draws between.
const GREEDY: &str = "printf '\\033[?9h\\033[?1000h\\033[?1002h\\033[?1003h\\033[?1006h\\033[?1016h\\033[?1004h\\033[?2004h\\033[?2031h\
    \\033[?2048h\\033[?1h\\033=\\033[>1u\\033[>4;2m\\033]52;c;aGk=\\007\\033]0;title\\007\\033[c\\033[>c\\033[6n\\033]11;?\\007\\033[>q\
    \\033P$qm\\033\\\\\\033[?2026$p\\033]9;4;1;50\\007\\302\\2335n\\033[?25l\\033[31mDRAWN'";

#[test]
fn who_only_looks_is_shown_what_draws_and_gets_the_terminal_back() {
    let home = Home::running();
    for args in
        [&["attach", "--follow"][..], &["tail", "--follow"], &["tail", "-f", "--raw"], &["tail", "--raw"]]
    {
        let session = home.bash(&format!("stty -echo; echo READY; read; {GREEDY}; read; sleep 1000"));
        home.until_printed(&session, "READY");
        let once = !args.iter().any(|arg| arg.starts_with("--follow") || *arg == "-f");
        if once {
            home.ok(["send", &session.short_id, ""]);
            home.until_printed(&session, "DRAWN");
        }
        let mut terminal = Pty::run(home.command([args, &[&session.short_id]].concat()), 80, 24);
        if !once {
            terminal.wait_for("READY");
            home.ok(["send", &session.short_id, ""]);
        }
        terminal.wait_for("DRAWN");
        let before = terminal.seen();
        if !once {
            terminal.type_(b"\x03");
        }
        let seen = terminal.all_seen();
        for asked in [
            "]52", "]0;", "]2;", "\x1b[c", "\x1b[>", "[6n", "]11;?", "\x1bP", "$p", "]9;", "\u{9b}", "1000h",
            "2004h", "2031h",
        ] {
            let drawn = seen.replace("\x1b[>4m", "");
            assert!(!drawn.contains(asked), "{args:?}: {asked:?} in {seen:?}");
        }
        assert!(before.contains("\x1b[31m") && before.contains("\x1b[?25l"), "{args:?}: {before:?}");
        // At the end everything is taken back, whether it came or not.
        let end = &seen[seen.rfind("DRAWN").unwrap()..];
        for mode in [
            "9", "1", "6", "1000", "1002", "1003", "1005", "1006", "1015", "1016", "1004", "1049", "2004",
            "2026", "2031", "2048",
        ] {
            assert!(end.contains(&format!("\x1b[?{mode}l")), "{args:?}: {mode} in {end:?}");
        }
        for undone in [
            "\x1b[?7h",
            "\x1b[?25h",
            "\x1b>",
            "\x1b[r",
            "\x1b[<99u",
            "\x1b[=0u",
            "\x1b[>4m",
            "\x1b[0 q",
            "\x1b(B\x1b)B\x0f",
            "\x1b[0m",
            "]104",
            "]110",
            "]111",
            "]112",
            "]8;;\x1b",
        ] {
            assert!(end.contains(undone), "{args:?}: {undone:?} in {end:?}");
        }
    }
}

#[test]
fn a_pipe_gets_the_bytes_as_they_are() {
    let home = Home::running();
    let session = home.bash(&format!("{GREEDY}; exit"));
    home.until_ended(&session);
    let printed = home.ok(["tail", &session.short_id, "--raw", "-n", "all"]);
    assert!(printed.contains("\x1b]52;c;aGk=\x07") && printed.contains("\x1b[?1003h"), "{printed:?}");
}

#[test]
fn a_closed_pipe_ends_what_follows_although_nothing_is_printed() {
    let home = Home::running();
    let session = home.bash("echo first; sleep 1000");
    home.until_printed(&session, "first");
    let id = session.short_id.as_str();
    for (args, code) in [
        (&["tail", id, "-f"][..], 0),
        (&["tail", id, "--follow", "--raw"], 0),
        (&["tail", id, "--follow", "--json"], 0),
        (&["logs", "--follow"], 0),
        (&["logs", "-f", id, "--json"], 0),
        (&["wait", id, "--until", "exit"], 1),
        // It says first that the text was sent.
        (&["send", id, "x", "--wait", "exit"], 0),
    ] {
        for socket in [false, true] {
            let mut command = home.command(args);
            command.stdin(Stdio::null()).stderr(Stdio::null());
            let mut child = if socket {
                let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
                let child = command.stdout(std::os::fd::OwnedFd::from(theirs)).spawn().unwrap();
                // Only the child has the other end.
                drop(command);
                drop(ours);
                child
            } else {
                let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
                drop(child.stdout.take());
                child
            };
            let status = eventually(&format!("{args:?} ends"), || child.try_wait().unwrap());
            assert_eq!(status.code(), Some(code), "{args:?}");
        }
    }
    // A request is made although nobody reads its answer.
    let mut command = home.command(["kill", id]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    child.wait().unwrap();
    home.until_ended(&session);
}

#[test]
fn the_line_end_of_what_is_read_is_the_enter() {
    let home = Home::running();
    for (input, received) in
        [("y\n", "y\r"), ("y\r\n", "y\r"), ("y\n\n", "y\n\r"), ("y", "y\r"), ("\n", "\r")]
    {
        let session = home.bash("stty raw -echo; echo READY; cat >got");
        home.until_printed(&session, "READY");
        assert_eq!(home.run_with(["send", &session.short_id, "-"], input.as_bytes()).code, Some(0));
        eventually(received, || (fs::read(home.path("got")).ok()? == received.as_bytes()).then_some(()));
        let sent = home.run_with(["send", &session.short_id, "--no-newline", "-"], input.as_bytes());
        assert_eq!(sent.code, Some(0));
        let all = format!("{received}{input}");
        eventually(&all, || (fs::read(home.path("got")).ok()? == all.as_bytes()).then_some(()));
        home.ok(["kill", &session.short_id]);
    }
}

#[test]
fn no_form_of_its_end_mark_leaves_a_paste() {
    let home = Home::running();
    let session = home.bash("stty raw -echo; printf '\\033[?2004hREADY'; cat >got");
    home.until_printed(&session, "READY");
    let id = session.short_id.as_str();
    for end in ["\x1b[201~".as_bytes(), "\u{9b}201~".as_bytes(), b"\xff\x9b201~"] {
        let sent = home.run_with(["send", id, "-"], &[b"a", end, b"\rb"].concat());
        assert_eq!(sent.code, Some(2), "{end:?}: {sent:?}");
    }
    // A letter that ends with the same byte.
    home.ok(["send", id, "⛛201~\nb"]);
    let wanted = "\x1b[200~⛛201~\nb\x1b[201~\r";
    eventually("only that arrives", || (fs::read(home.path("got")).ok()? == wanted.as_bytes()).then_some(()));
}

#[test]
fn a_name_is_seen_whole_and_is_no_id() {
    let home = Home::running();
    let session = home.start_with(&["--name", "plain"], &["sleep", "1000"]);
    let id = session.id.to_string();
    let short = session.short_id.to_ascii_uppercase();
    for bad in [
        HOSTILE,
        "a\u{200b}b",
        "\u{202e}evil",
        "a\u{a0}b",
        "a\u{3000}b",
        "x\u{2060}",
        "\u{3164}",
        "\u{2800}",
        "tab\tx",
        "",
        " x",
        "x ",
        "-x",
        "dead",
        "deadbeef",
        "c0ffee",
        "1234",
        &session.short_id,
        &short,
        &id,
        &id[..13],
        &id.replace('-', ""),
    ] {
        for args in
            [&["sessions", "rename", &id, bad][..], &["start", "-p", "shell", "--name", bad, "--", "true"]]
        {
            // Some are flags.
            assert_eq!(home.run(args).code, Some(2), "{args:?}");
        }
    }
    assert_eq!(home.sessions().len(), 1);
    for good in
        ["größer", "日本", "👩\u{200d}👧", "two words", "a", "feature-x", "2026-11-28", "deadbeef1", "שלום"]
    {
        home.ok(["sessions", "rename", &id, good]);
        assert_eq!(home.session(&id).name.as_deref(), Some(good));
    }
}

/// As of a variable of the shell that is not set.
#[test]
fn an_empty_reference_is_nothing() {
    let home = Home::running();
    home.ok(["env-set", "create", "kept"]);
    let session = home.start(&["sleep", "1000"]);
    for verb in [
        &["sessions", "show", ""][..],
        &["sessions", "explain", ""],
        &["sessions", "rename", "", "x"],
        &["sessions", "remove", ""],
        &["send", "", "x"],
        &["keys", "", "x"],
        &["tail", ""],
        &["logs", ""],
        &["wait", "", "--until", "exit"],
        &["stop", ""],
        &["kill", ""],
        &["resume", ""],
        &["resize", "", "80x24"],
        &["model", "", "x"],
        &["env-set", "show", ""],
        &["env-set", "unset", "", "A"],
        &["env-set", "remove", ""],
        &["worktree", "remove", ""],
    ] {
        let said = home.fails(3, verb);
        assert!(said.contains("''") || said.contains("empty"), "{verb:?}: {said}");
    }
    assert!(home.session(&session.short_id).status.is_live());
    assert!(home.ok(["env-set", "list"]).contains("kept"));
}

#[test]
fn a_reference_that_fits_a_name_and_an_id_is_refused() {
    let mut home = Home::running();
    let (one, other) = (home.start(&["sleep", "1000"]), home.start(&["sleep", "1000"]));
    home.stop_daemon();
    // As an earlier version allowed it.
    let file = home.path("data/sessions").join(format!("{}.json", other.id));
    let mut record: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    record["name"] = one.short_id.clone().into();
    fs::write(&file, serde_json::to_vec(&record).unwrap()).unwrap();
    home.start_daemon();
    let said = home.fails(3, ["kill", &one.short_id]);
    for session in [&one, &other] {
        assert!(said.contains(&session.id.to_string()), "{said}");
        assert!(home.session(&session.id.to_string()).status.is_live());
    }
    home.ok(["sessions", "rename", &other.short_id, "other"]);
    assert_eq!(home.session(&one.short_id).id, one.id);
}

#[test]
fn an_end_from_outside_gives_the_terminal_back() {
    let home = Home::running();
    let session = home.bash("printf '\\033[?1049hSHOWN'; sleep 1000");
    home.until_printed(&session, "SHOWN");
    for signal in [Signal::SIGTERM, Signal::SIGQUIT] {
        let mut terminal = Pty::run(home.command(["attach", "-f", &session.short_id]), 80, 24);
        terminal.wait_for("SHOWN");
        kill(terminal.pid(), signal).unwrap();
        let seen = terminal.all_seen();
        assert!(seen[seen.rfind("SHOWN").unwrap()..].contains("\x1b[?1049l"), "{seen:?}");
    }
}
