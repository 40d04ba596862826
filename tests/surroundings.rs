//! What programs get of what the daemon was started in, and of who starts them.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use codepiper_protocol::wire::session::Session;
use nix::fcntl::{Flock, FlockArg};

use crate::harness::{CODEPIPER, Home, eventually, is_gone};

/// Runs one of our commands with more in its environment; the session that it prints.
fn session_of(home: &Home, args: &[&str], environment: &[(&str, &str)]) -> Session {
    let output = home.command(args).envs(environment.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What the last run of `env` printed, sorted.
fn variables(home: &Home, session: &Session) -> Vec<String> {
    home.until_ended(session);
    let output = home.output(session).replace('\r', "");
    let run = output.rsplit("begin\n").next().unwrap();
    let mut lines: Vec<String> = run.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

fn value<'a>(variables: &'a [String], name: &str) -> Option<&'a str> {
    variables.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
}

const ENV: [&str; 10] =
    ["start", "-p", "shell", "--json", "-d", "work", "--", "sh", "-c", "echo begin; exec env"];

#[test]
fn marks_of_the_daemons_surroundings_are_taken_away() {
    let mut home = Home::new();
    fs::create_dir(home.path("work")).unwrap();
    home.start_daemon_in([
        ("CLAUDECODE", "1"),
        ("CLAUDE_CODE_ENTRYPOINT", "cli"),
        ("CLAUDE_CODE_CHILD_SESSION", "1"),
        ("CLAUDE_CODE_MAX_OUTPUT_TOKENS", "9"),
        ("GIT_EDITOR", "true"),
        ("GIT_DIR", "/elsewhere/.git"),
        ("KITTY_WINDOW_ID", "1"),
        ("ZELLIJ_SESSION_NAME", "z"),
        ("TMUX", "/tmp/tmux,1,0"),
        ("PWD", "/elsewhere"),
        ("OLDPWD", "/elsewhere"),
        ("INVOCATION_ID", "x"),
        ("MY_SETTING", "kept"),
    ]);
    let session = session_of(&home, &ENV, &[]);
    let variables = variables(&home, &session);
    let work = home.path("work").canonicalize().unwrap();
    assert_eq!(value(&variables, "PWD"), work.to_str());
    for kept in ["MY_SETTING", "CLAUDE_CODE_MAX_OUTPUT_TOKENS", "HOME", "CODEPIPER_SESSION", "COLORTERM"] {
        assert!(value(&variables, kept).is_some(), "{kept}: {variables:#?}");
    }
    for gone in ["CLAUDE", "GIT_", "KITTY", "ZELLIJ", "TMUX", "OLDPWD", "INVOCATION"] {
        let left = variables.iter().find(|line| line.starts_with(gone) && !line.contains("MAX_OUTPUT"));
        assert_eq!(left, None);
    }
}

#[test]
fn a_program_has_the_agent_the_display_and_the_language_of_who_starts_or_resumes_it() {
    let mut home = Home::new();
    fs::create_dir(home.path("work")).unwrap();
    fs::write(home.path("config.toml"), "[sessions]\nupdate_environment = ['MY_*']\n").unwrap();
    home.start_daemon_in([
        ("SSH_AUTH_SOCK", "/old"),
        ("DISPLAY", ":0"),
        ("MY_TOKEN", "of-the-daemon"),
        ("OTHER", "daemon"),
    ]);
    let first = [
        ("SSH_AUTH_SOCK", "/new"),
        ("LC_TIME", "de_DE.UTF-8"),
        ("MY_TOKEN", "secret-of-the-caller"),
        ("OTHER", "caller"),
    ];
    let session = session_of(&home, &ENV, &first);
    let seen = variables(&home, &session);
    let of = |name| value(&seen, name);
    assert_eq!(
        (of("SSH_AUTH_SOCK"), of("DISPLAY"), of("LC_TIME")),
        (Some("/new"), None, Some("de_DE.UTF-8"))
    );
    assert_eq!((of("MY_TOKEN"), of("OTHER")), (Some("secret-of-the-caller"), Some("daemon")));
    let record = home.path(&format!("data/sessions/{}.json", session.id));
    let written = fs::read_to_string(&record).unwrap();
    assert!(written.contains("/new") && !written.contains("secret"), "{written}");

    let id = session.short_id.as_str();
    session_of(
        &home,
        &["resume", id, "--json"],
        &[("SSH_AUTH_SOCK", "/newer"), ("WAYLAND_DISPLAY", "wayland-1")],
    );
    let seen = variables(&home, &session);
    let of = |name| value(&seen, name);
    assert_eq!(
        (of("SSH_AUTH_SOCK"), of("WAYLAND_DISPLAY"), of("LC_TIME")),
        (Some("/newer"), Some("wayland-1"), None)
    );
    assert_eq!(of("MY_TOKEN"), None);
}

#[test]
fn bytes_that_are_no_text_reach_the_program() {
    let home = Home::new();
    let latin = OsStr::from_bytes(b"/srv/caf\xe9");
    let mut command = home.command(["daemon", "--detach"]);
    command.env("OF_DAEMON", latin).env(OsStr::from_bytes(b"N\xfe"), "name").stdout(Stdio::null());
    assert!(command.status().unwrap().success());
    let bin = home.path("").join(OsStr::from_bytes(b"b\xefn"));
    fs::create_dir(&bin).unwrap();
    let script = "#!/bin/sh\nprintf '%s|%s|%s|' \"$OF_DAEMON\" \"$LC_PAPER\" \"$(tr '\\0' '\\n' </proc/$$/environ | grep -a name$)\" | od -An -v -tx1 | tr -d ' \\n'\n";
    fs::write(bin.join("latin"), script).unwrap();
    fs::set_permissions(bin.join("latin"), fs::Permissions::from_mode(0o755)).unwrap();
    let mut path = bin.into_os_string();
    path.push(":/usr/bin:/bin");
    let mut command = home.command(["start", "-p", "shell", "--json", "--", "latin"]);
    let output = command.env("PATH", path).env("LC_PAPER", OsStr::from_bytes(b"\xff\xc3(")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let session: Session = serde_json::from_slice(&output.stdout).unwrap();
    for _ in 0..2 {
        home.until_ended(&session);
        let wanted = "2f7372762f636166e97cffc3287c4efe3d6e616d657c";
        assert!(home.output(&session).ends_with(wanted), "{}", home.output(&session));
        // By the record, without a caller.
        home.ok(["daemon", "restart"]);
        let mut socket = std::os::unix::net::UnixStream::connect(home.socket()).unwrap();
        let request = format!(
            "POST /api/sessions/{}/resume HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            session.id
        );
        std::io::Write::write_all(&mut socket, request.as_bytes()).unwrap();
        let mut answer = String::new();
        std::io::Read::read_to_string(&mut socket, &mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    home.ok(["daemon", "stop", "--kill-sessions"]);
}

#[test]
fn a_lock_and_a_pipe_of_who_starts_the_daemon_are_not_held() {
    let home = Home::new();
    let lock = home.path("lock");
    let script = format!(
        "exec 9>{} 7>&1; flock -n 9 && {CODEPIPER} daemon --detach && {CODEPIPER} start -p shell -- sleep 1000",
        lock.display()
    );
    let mut shell = Command::new("bash");
    shell.args(["-c", &script]).env_clear().envs(home.environment()).current_dir(home.path(""));
    // It returns when nobody holds the end of the pipe any more.
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let file = fs::File::open(&lock).unwrap();
    let free = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| errno);
    assert!(free.is_ok());
    home.ok(["daemon", "stop", "--kill-sessions"]);
}

/// Signals that are ignored and standard descriptors that are closed, a strict and a loose umask, a directory that is gone.
#[test]
fn a_daemon_that_inherits_a_strange_state_works() {
    let own = Command::new("sh").args(["-c", "umask"]).output().unwrap().stdout;
    let own = String::from_utf8(own).unwrap();
    for umask in ["000", "777"] {
        let home = Home::new();
        let gone = home.path("gone");
        fs::create_dir(&gone).unwrap();
        let script = format!(
            "trap '' CHLD TERM INT QUIT USR1 ALRM; umask {umask}; rmdir {}; {CODEPIPER} daemon --detach <&- >&- 2>&-",
            gone.display()
        );
        let mut shell = Command::new("bash");
        shell.args(["-c", &script]).env_clear().envs(home.environment()).current_dir(&gone);
        assert!(shell.status().unwrap().success(), "{}", home.log());
        let session = home.bash("trap; umask; read; exit 3");
        home.until_printed(&session, own.trim());
        assert!(!home.output(&session).contains("trap"), "{}", home.output(&session));
        home.ok(["daemon", "restart"]);
        home.ok(["send", &session.short_id, ""]);
        assert_eq!(home.until_ended(&session).exit.unwrap().code, Some(3));
        let loose = |path: &std::path::Path| fs::symlink_metadata(path).unwrap().permissions().mode() & 0o077;
        for file in [
            "data/instance",
            "data/boot",
            "codepiper.sock",
            "data/run/shim.sock",
            "state/daemon.log",
            "data/journal",
        ] {
            assert_eq!(loose(&home.path(file)), 0, "{file}");
        }
        let pid = home.status().pid as i32;
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGTERM).unwrap();
        eventually("it leaves", || is_gone(pid).then_some(()));
        home.tmux(&["kill-server"]);
    }
}

#[test]
fn limits_of_who_starts_the_daemon_hold_for_programs_and_not_for_the_daemon() {
    let home = Home::new();
    let script = format!("ulimit -S -n 200; ulimit -S -f 64; exec {CODEPIPER} daemon --detach");
    let mut shell = Command::new("bash");
    shell.args(["-c", &script]).env_clear().envs(home.environment()).stdout(Stdio::null());
    assert!(shell.status().unwrap().success(), "{}", home.log());
    let session = home.bash("ulimit -S -n; ulimit -S -f; seq 1 100000");
    home.until_ended(&session);
    // What it printed is in files of more than 64 KiB.
    home.ok(["daemon", "restart"]);
    let printed = home.ok(["tail", &session.short_id, "-n", "all"]);
    assert!(printed.starts_with("200\n64\n1\n") && printed.ends_with("\n100000\n"), "{}", home.log());
    assert_eq!(printed.lines().count(), 100_002);
    let again = home.bash("ulimit -S -f");
    home.until_ended(&again);
    assert_eq!(home.output(&again).trim(), "64");
    home.ok(["daemon", "stop", "--kill-sessions"]);
}

#[test]
fn a_daemon_with_too_few_descriptors_names_the_limit() {
    let home = Home::new();
    let script = format!("ulimit -n 40; exec {CODEPIPER} daemon");
    let mut shell = Command::new("bash");
    let output = shell.args(["-c", &script]).env_clear().envs(home.environment()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("ulimit -n") && said.contains("40"), "{said}");
}

#[test]
fn a_daemon_that_shall_ignore_a_hang_up_does() {
    let home = Home::new();
    let mut command = Command::new("nohup");
    command.arg(CODEPIPER).args(["daemon", "--detach"]).env_clear().envs(home.environment());
    assert!(
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
    );
    let hang_up = || {
        let pid = home.status().pid as i32;
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGHUP).unwrap();
        home.ok(["sessions"]);
    };
    hang_up();
    home.ok(["daemon", "restart"]);
    hang_up();
    home.ok(["daemon", "stop"]);
}
