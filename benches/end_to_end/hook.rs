//! What a hook costs its agent: `codepiper hook-forward` as a whole process, beside `/bin/true` with the
//! same payload on its standard input; with the daemon there, away, and standing still.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::ensure;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::bed::{Bed, output};
use crate::daemon::Daemon;
use crate::report::{Report, Samples, Target, heading, percentiles};
use crate::{Options, Result};

const PAYLOAD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/hooks/claude-code/PreToolUse.json");
/// More at once than fit into the queue of a daemon that stands still would say the same.
const WHILE_IT_STANDS: usize = 3;

pub fn measure(bed: &Bed, options: &Options, report: &mut Report) -> Result<()> {
    let mut daemon = Daemon::start(bed, "hook")?;
    daemon.start_session("agent", &["cat".to_owned()])?;
    let shown = output(&mut daemon.codepiper(&["sessions", "show", "agent", "--json"]))?;
    let session: serde_json::Value = serde_json::from_str(&shown)?;
    let id = session["id"].as_str().unwrap_or_default().to_owned();
    let (socket, spool) = (daemon.socket(), daemon.spool().join(&id));
    let forward = || {
        let mut command = bed.command(env!("CARGO_BIN_EXE_codepiper"));
        command.arg("hook-forward").env("CODEPIPER_SESSION", &id);
        command.env("CODEPIPER_SOCKET", &socket).env("CODEPIPER_SPOOL", &spool);
        timed(&mut command)
    };
    let rounds = options.rounds(500, 100);
    let mut samples = [(); 4].map(|()| Samples::default());
    let [bare, there, away, still] = &mut samples;
    for _ in 0..rounds {
        bare.push(timed(&mut bed.command("/bin/true"))?);
        there.push(forward()?);
    }
    kill(Pid::from_raw(daemon.pid()?), Signal::SIGSTOP)?;
    for _ in 0..WHILE_IT_STANDS {
        still.push(forward()?);
    }
    kill(Pid::from_raw(daemon.pid()?), Signal::SIGCONT)?;
    let sent = rounds + WHILE_IT_STANDS;
    there.push(forward()?);
    let taken = taken(&daemon, Path::new(&spool))?;
    ensure!(taken == sent + 1, "{taken} of {} payloads became events", sent + 1);

    daemon.stop()?;
    for _ in 0..rounds {
        away.push(forward()?);
    }
    let waiting = std::fs::read_dir(&spool)?.count();
    ensure!(waiting == rounds, "{waiting} of {rounds} payloads wait in the spool");
    daemon.run()?;

    heading("hook");
    let [bare, there, away, still] = &samples;
    percentiles(&[
        ("/bin/true", bare),
        ("hook-forward", there),
        ("hook-forward, the daemon away", away),
        ("hook-forward, the daemon stands still", still),
    ]);
    report.ratio("hook-forward / /bin/true, p50", there.median() / bare.median(), Target::AtMost(3.0));
    report.ratio("hook-forward, the daemon away, longest, ms", away.percentile(100.0), Target::AtMost(50.0));
    let longest = still.percentile(100.0);
    report.ratio("hook-forward, the daemon stands still, longest, ms", longest, Target::AtMost(1000.0));
    Ok(())
}

/// From the start of a process to its end.
fn timed(command: &mut Command) -> Result<Duration> {
    command.stdin(File::open(PAYLOAD)?).stdout(Stdio::null());
    let begun = Instant::now();
    let status = command.status()?;
    let elapsed = begun.elapsed();
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(elapsed)
}

/// So many hooks became events; none waits any more.
fn taken(daemon: &Daemon, spool: &Path) -> Result<usize> {
    let waiting = std::fs::read_dir(spool)?.count();
    ensure!(waiting == 0, "{waiting} payloads still wait in the spool");
    let logs =
        output(&mut daemon.codepiper(&["logs", "agent", "--source", "hook", "-n", "10000", "--json"]))?;
    Ok(logs.lines().count())
}
