//! The machine, or only the tmux server, was started again: who goes on by itself, and who says how.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use codepiper_protocol::wire::daemon::{Check, Verdict};
use codepiper_protocol::wire::session::{ExitReason, Session, Status};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::{Home, eventually, is_gone, lost_its_server, mentioning};

/// Stands in for `claude` and `codex`: writes down how it was started, and reads until it is ended.
const AGENT: &str = r#"#!/bin/bash
echo "${0##*/} $*" >> "$HOME/launches"
trap 'exit 0' INT
printf '\033[?2004hready\n'
while :; do read -t 1; done
"#;

/// A home with stand-ins for the agents, in the boot `one`.
fn home() -> Home {
    let mut home = Home::new();
    fs::create_dir(home.path("bin")).unwrap();
    for name in ["claude", "codex"] {
        let program = home.path("bin").join(name);
        fs::write(&program, AGENT).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:{}", home.path("bin").display(), std::env::var("PATH").unwrap());
    home.set_environment(&[("PATH", &path)]);
    start_in(&mut home, "one");
    home
}

fn start_in(home: &mut Home, boot: &str) {
    home.start_daemon_in([("CODEPIPER_TEST_BOOT_ID", boot)]);
}

fn agent(home: &Home, provider: &str, args: &[&str]) -> Session {
    let args = [&["start", "--json", "-p", provider], args].concat();
    let session: Session = serde_json::from_str(&home.ok(args)).unwrap();
    home.until_printed(&session, "ready");
    session
}

/// Daemon, tmux server and programs end without a word.
fn power_off(home: &mut Home) {
    home.signal_daemon(Signal::SIGKILL);
    home.daemon_ended();
    home.tmux_says(&["kill-server"]);
    eventually("nothing runs any more", || mentioning(&home.path("")).is_empty().then_some(()));
}

/// How the stand-ins were started so far.
fn launches(home: &Home) -> Vec<String> {
    fs::read_to_string(home.path("user/launches")).unwrap().lines().map(str::to_owned).collect()
}

fn status(home: &Home, session: &Session) -> (Status, Option<ExitReason>) {
    let session = home.session(&session.short_id);
    (session.status, session.exit.map(|exit| exit.reason))
}

const LOST: (Status, Option<ExitReason>) = (Status::Stopped, Some(ExitReason::ServerGone));

/// Waits until it was decided that the session stays stopped; what is said about it.
fn stays_stopped(home: &Home, session: &Session) -> String {
    let id = session.short_id.as_str();
    eventually("it is said why it stays stopped", || {
        let mut evidence = home.explain(id).evidence.into_iter();
        let said = evidence.find(|evidence| evidence.what.contains("not resumed automatically"))?;
        Some(said.what)
    })
}

fn check(home: &Home, name: &str) -> Check {
    let checks: Vec<Check> = serde_json::from_str(&home.run(["doctor", "--json"]).stdout).unwrap();
    checks.into_iter().find(|check| check.name == name).unwrap_or_else(|| panic!("no check '{name}'"))
}

#[test]
fn after_a_reboot_agents_with_a_conversation_go_on_and_nothing_else_does() {
    let mut home = home();
    let running = agent(&home, "claude-code", &["--prompt", "the first words", "--", "--model", "opus"]);
    let stopped = agent(&home, "claude-code", &[]);
    home.ok(["stop", &stopped.short_id]);
    let killed = agent(&home, "claude-code", &[]);
    home.ok(["kill", &killed.short_id]);
    let silent = agent(&home, "codex", &[]);
    let fragile = agent(&home, "claude-code", &[]);
    for _ in 0..2 {
        kill(Pid::from_raw(home.session(&fragile.short_id).pid.unwrap()), Signal::SIGKILL).unwrap();
        assert_eq!(home.until_ended(&fragile).status, Status::Crashed);
        home.ok(["resume", &fragile.short_id]);
    }
    let dangerous = agent(&home, "claude-code", &["--dangerous", "--yes"]);
    let command = home.bash("echo ready; read");
    let before = launches(&home).len();
    power_off(&mut home);

    start_in(&mut home, "two");
    let again = home.until(&running, "the agent runs again", |session| session.status == Status::Running);
    assert_ne!(again.pid, running.pid);
    for (session, why) in [
        (&silent, "no conversation"),
        (&fragile, "crashed twice"),
        (&dangerous, "without asking for permission"),
        (&command, "no conversation"),
    ] {
        let said = stays_stopped(&home, session);
        assert!(said.contains(why), "{said}");
        assert_eq!(status(&home, session), LOST);
    }
    assert_eq!(status(&home, &stopped), (Status::Stopped, Some(ExitReason::Stopped)));
    assert_eq!(status(&home, &killed), (Status::Stopped, Some(ExitReason::Killed)));
    home.until_printed(&again, "ready");
    let new = launches(&home).split_off(before);
    let [launch] = &new[..] else { panic!("{new:?}") };
    let id = running.id.to_string();
    assert!(launch.contains("--model opus") && launch.contains(&id), "{launch}");
    assert!(!launch.contains("the first words"), "{launch}");

    // The boot is known now: the next start of the daemon resumes nothing.
    home.ok(["stop", &running.short_id]);
    home.stop_daemon();
    start_in(&mut home, "two");
    stays_stopped(&home, &fragile);
    assert_eq!(launches(&home).len(), before + 1);
}

#[test]
fn in_the_same_boot_nothing_goes_on_and_what_could_is_offered() {
    let mut home = home();
    let (one, other) = (agent(&home, "claude-code", &[]), agent(&home, "claude-code", &[]));
    let command = home.bash("echo ready; read");
    let stopped = home.bash("echo ready; read");
    home.ok(["stop", &stopped.short_id]);
    power_off(&mut home);

    start_in(&mut home, "one");
    for session in [&one, &other, &command] {
        let said = stays_stopped(&home, session);
        assert!(said.contains("not rebooted"), "{said}");
        assert_eq!(status(&home, session), LOST);
    }
    assert_eq!(launches(&home).len(), 2);
    let offer = home.run(["sessions"]).stderr;
    assert!(offer.contains("3 sessions") && offer.contains("codepiper resume --all"), "{offer}");
    let doctor = check(&home, "ended sessions");
    assert_eq!(doctor.verdict, Verdict::Warning);
    assert!(doctor.detail.contains(&one.short_id), "{}", doctor.detail);

    // One that cannot be resumed does not keep the others from it.
    fs::rename(home.path("bin/claude"), home.path("bin/elsewhere")).unwrap();
    let mut resume = home.command(["resume", "--all"]);
    let partly = resume.env("PATH", "/usr/bin:/bin").output().unwrap();
    assert_eq!(partly.status.code(), Some(1));
    let (stdout, stderr) =
        (String::from_utf8(partly.stdout).unwrap(), String::from_utf8(partly.stderr).unwrap());
    assert_eq!(stdout, format!("✓ Session {} resumed (shell)\n", command.short_id));
    assert_eq!(stderr.lines().count(), 2, "{stderr}");
    for session in [&one, &other] {
        assert!(stderr.contains(&format!("session {} was not resumed", session.short_id)), "{stderr}");
    }
    fs::rename(home.path("bin/elsewhere"), home.path("bin/claude")).unwrap();
    let resumed = home.ok(["resume", "--all", "--json"]);
    let resumed: Vec<Session> = resumed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(resumed.iter().map(|session| session.id).collect::<Vec<_>>(), [one.id, other.id]);
    assert!(home.sessions().iter().all(|session| session.status.is_live() == (session.id != stopped.id)));
    let none = home.run(["resume", "--all"]);
    assert_eq!((none.code, none.stdout.as_str()), (Some(0), ""));
    assert_eq!(home.run(["resume"]).code, Some(2));
    assert_eq!(home.run(["resume", "--all", &one.short_id]).code, Some(2));
}

#[test]
fn nothing_goes_on_by_itself_when_the_configuration_says_never() {
    let mut home = home();
    let session = agent(&home, "claude-code", &[]);
    power_off(&mut home);
    fs::write(home.path("config.toml"), "[sessions]\nresume_after_reboot = \"never\"\n").unwrap();
    start_in(&mut home, "two");
    let said = stays_stopped(&home, &session);
    assert!(said.contains("never"), "{said}");
    assert_eq!((status(&home, &session), launches(&home).len()), (LOST, 1));
    home.ok(["resume", "--all"]);
    assert_eq!(home.session(&session.short_id).status, Status::Running);
}

#[test]
fn an_agent_that_a_shutdown_ended_by_a_signal_goes_on_too() {
    let mut home = home();
    let session = agent(&home, "claude-code", &[]);
    // In order, and then everybody gets SIGTERM at once.
    home.stop_daemon();
    kill(Pid::from_raw(session.pid.unwrap()), Signal::SIGTERM).unwrap();
    eventually("the program is gone", || is_gone(session.pid.unwrap()).then_some(()));
    home.tmux(&["kill-server"]);
    eventually("nothing runs any more", || mentioning(&home.path("")).is_empty().then_some(()));
    start_in(&mut home, "two");
    home.until(&session, "the agent runs again", |session| session.status == Status::Running);
}

#[test]
fn a_boot_that_is_not_known_resumes_nothing_and_its_file_is_left_alone() {
    let mut home = home();
    let session = agent(&home, "claude-code", &[]);
    for content in ["", "{", "\0\0\0", "{\"version\": 99, \"reboots\": []}"] {
        power_off(&mut home);
        fs::write(home.path("data/boot"), content).unwrap();
        start_in(&mut home, "two");
        home.until(&session, "it ended with its server", lost_its_server);
        stays_stopped(&home, &session);
        assert_eq!(fs::read_to_string(home.path("data/boot")).unwrap(), content);
        let files = check(&home, "state files");
        assert_eq!(files.verdict, Verdict::Broken);
        let path = home.path("data/boot");
        assert!(
            files.detail.contains(path.to_str().unwrap()) && files.detail.contains("delete"),
            "{files:?}"
        );
        home.ok(["resume", &session.short_id]);
    }
}
