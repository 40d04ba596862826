//! From evidence to what people see: how long after a hook, a change of a state file or a report in the output a client
//! that follows the session is told its new state; and how long an ask and its answer take. A hook counts from the start
//! of its process. The agents are stand-ins; everything else is real.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use codepiper_protocol::wire::session::{Activity, Session};
use nix::sys::stat::Mode;

use crate::bed::{Bed, output};
use crate::daemon::Daemon;
use crate::report::{Report, Samples, Target, heading, percentiles};
use crate::viewer::Viewer;
use crate::{Options, Result};

const HOOKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/hooks/claude-code");
/// Reports the states that are written into a pipe.
const REPORTER: &str = "#!/bin/sh
exec 3<>\"$HOME/reports\"
while read -r state <&3; do printf '\\033]7501;state=%s:app=codex\\033\\\\' \"$state\"; done
";

pub fn measure(bed: &Bed, options: &Options, report: &mut Report) -> Result<()> {
    let (bin, state_files) = (bed.path("agents"), bed.path(".claude/sessions"));
    fs::create_dir_all(&bin)?;
    fs::create_dir_all(&state_files)?;
    for (name, script) in [("claude", "#!/bin/sh\nexec cat\n"), ("codex", REPORTER)] {
        fs::write(bin.join(name), script)?;
        fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755))?;
    }
    nix::unistd::mkfifo(&bed.path("reports"), Mode::S_IRWXU)?;
    let daemon = Daemon::start(bed, "states")?;
    let start = |provider: &str| -> Result<Session> {
        let path = format!("{}:{}", bin.display(), std::env::var("PATH")?);
        let mut start = daemon.codepiper(&["start", "-p", provider, "--name", provider, "--json"]);
        Ok(serde_json::from_str(&output(start.env("PATH", path))?)?)
    };
    let (claude, _) = (start("claude-code")?, start("codex")?);
    let rounds = options.rounds(200, 20);

    let forward = |activity| -> Result<()> {
        let payload = if activity == Activity::Working { "UserPromptSubmit" } else { "Stop" };
        let mut forward = bed.command(env!("CARGO_BIN_EXE_codepiper"));
        forward.arg("hook-forward").env("CODEPIPER_SESSION", claude.id.to_string());
        forward.env("CODEPIPER_SOCKET", daemon.socket()).env("CODEPIPER_SPOOL", daemon.spool());
        let payload = File::open(format!("{HOOKS}/{payload}.json"))?;
        let status = forward.stdin(payload).stdout(Stdio::null()).status()?;
        ensure!(status.success(), "{forward:?} ended with {status}");
        Ok(())
    };
    let hook = delays(&daemon, "claude-code", rounds, forward)?;
    let state_file = state_files.join(format!("{}.json", claude.pid.unwrap_or_default()));
    let write = |activity| -> Result<()> {
        let status = if activity == Activity::Working { "busy" } else { "idle" };
        Ok(fs::write(&state_file, format!("{{\"status\":\"{status}\"}}"))?)
    };
    let file = delays(&daemon, "claude-code", rounds, write)?;
    let mut states = OpenOptions::new().write(true).open(bed.path("reports"))?;
    let reported = delays(&daemon, "codex", rounds, |activity| {
        let state = if activity == Activity::Working { "working" } else { "idle" };
        Ok(writeln!(states, "{state}")?)
    })?;

    let (asked, answered) = asks(bed, &daemon, &claude, rounds)?;

    heading("states, from the evidence to a client that follows the session");
    let sources = [("a hook", &hook), ("a state file", &file), ("a report", &reported)];
    percentiles(&sources);
    for (source, samples) in sources {
        let name = format!("from {source} until the state is told, median, ms");
        report.ratio(name, samples.median(), Target::AtMost(50.0));
    }
    heading("asks, between an agent's hook and a client");
    percentiles(&[("an ask, to the client", &asked), ("an answer, to the agent", &answered)]);
    let (asked, answered) = (asked.median(), answered.median());
    report.ratio("from an agent's hook until its ask is shown, median, ms", asked, Target::AtMost(50.0));
    report.ratio(
        "from an answer until the agent's hook has ended, median, ms",
        answered,
        Target::AtMost(50.0),
    );
    Ok(())
}

/// From the start of the hook's process until a client that follows the session has the ask; and from the client's answer, which is
/// on record and on the disk before, until the hook's process has ended.
fn asks(bed: &Bed, daemon: &Daemon, session: &Session, rounds: usize) -> Result<(Samples, Samples)> {
    let mut viewer = Viewer::connect(&daemon.socket())?;
    viewer.subscribe("claude-code")?;
    let (mut asked, mut answered) = (Samples::default(), Samples::default());
    for round in 0..rounds {
        let payload = serde_json::json!({
            "hook_event_name": "PermissionRequest", "tool_name": "Bash", "cwd": "/",
            "tool_input": {"command": format!("touch file-{round}")},
        });
        let mut forward = bed.command(env!("CARGO_BIN_EXE_codepiper"));
        forward.args(["hook-forward", "beside-dialog"]).env("CODEPIPER_SESSION", session.id.to_string());
        forward.env("CODEPIPER_SOCKET", daemon.socket()).env("CODEPIPER_SPOOL", daemon.spool());
        let begun = Instant::now();
        let mut hook = forward.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        hook.stdin.take().context("no stdin")?.write_all(payload.to_string().as_bytes())?;
        let ask = viewer.until_it_asks()?;
        asked.push(begun.elapsed());

        let answer = r#"{"decision":"allow"}"#;
        let request = format!(
            "POST /api/asks/{ask}/answer HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{answer}",
            answer.len()
        );
        let mut connection = UnixStream::connect(daemon.socket())?;
        let begun = Instant::now();
        connection.write_all(request.as_bytes())?;
        let told = hook.wait_with_output()?;
        answered.push(begun.elapsed());
        ensure!(String::from_utf8_lossy(&told.stdout).contains("allow"), "the hook was told {told:?}");
    }
    Ok((asked, answered))
}

/// How long it takes each time until a new state is told.
fn delays(
    daemon: &Daemon,
    session: &str,
    rounds: usize,
    mut prove: impl FnMut(Activity) -> Result<()>,
) -> Result<Samples> {
    let mut viewer = Viewer::connect(&daemon.socket())?;
    viewer.subscribe(session)?;
    let mut samples = Samples::default();
    for activity in [Activity::Working, Activity::Idle].into_iter().cycle().take(rounds) {
        let begun = Instant::now();
        prove(activity)?;
        viewer.until_it_is(activity)?;
        samples.push(begun.elapsed());
        // Agents take their time, too.
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(samples)
}
