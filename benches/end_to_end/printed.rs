//! When 50 sessions printed much: the memory that the daemon keeps, and how long it takes to start
//! beside a journal of that size, after a clean end and after a crash.

use std::io::Write;
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::bed::{Bed, output};
use crate::daemon::Daemon;
use crate::journal::{mib, size};
use crate::process::memory;
use crate::report::{Report, Samples, Target, fact, heading, percentiles};
use crate::{Options, Result, program};

const SESSIONS: usize = 50;
/// The second time everybody prints so many times as much.
const MORE: u64 = 10;
/// How long everything may take to arrive.
const LIMIT: Duration = Duration::from_secs(600);

pub fn measure(bed: &Bed, options: &Options, report: &mut Report) -> Result<()> {
    let amount = if options.quick { 100_000 } else { 1_000_000 };
    let rounds = options.rounds(5, 2);
    let mut silent = Daemon::start(bed, "printed-nothing")?;
    let empty = clean(&mut silent, rounds)?;
    for number in 0..SESSIONS {
        silent.start_session(&name(number), &["cat".to_owned()])?;
    }
    let quiet = clean(&mut silent, rounds)?;
    drop(silent);

    let mut daemon = Daemon::start(bed, "printed")?;
    let listener = UnixListener::bind(bed.path("printed.sock"))?;
    let mut printers = Vec::new();
    for number in 0..SESSIONS {
        let program = program::print_command(&bed.path("printed.sock"), number as u64)?;
        daemon.start_session(&name(number), &program)?;
        printers.push(program::accept(&listener)?);
    }
    let before = resident(&daemon)?;
    print(&daemon, &mut printers, amount, amount)?;
    let first = resident(&daemon)?;
    print(&daemon, &mut printers, MORE * amount, (1 + MORE) * amount)?;
    let second = resident(&daemon)?;

    heading(&format!("{SESSIONS} sessions that print {amount} bytes each, then {MORE} times as much"));
    fact("memory of the daemon before", before, "MiB");
    fact("when everything was printed", first, "MiB");
    fact("when ten times as much was printed", second, "MiB");
    sleep(Duration::from_secs(16));
    fact("when the journal has closed its files", resident(&daemon)?, "MiB");
    report.ratio("printed: memory after both parts, MiB", first.max(second), Target::AtMost(128.0));
    report.ratio("printed: memory after the second part / the first", second / first, Target::AtMost(1.1));

    let mut crashed = Samples::default();
    let full = clean(&mut daemon, rounds)?;
    fact("the journal on the disk", mib(size(&daemon.journal())?), "MiB");
    for _ in 0..rounds {
        daemon.kill()?;
        crashed.push(timed(|| daemon.run())?);
    }
    percentiles(&[
        ("start of the daemon, nothing there", &empty),
        (&format!("{SESSIONS} sessions that printed nothing"), &quiet),
        (&format!("{SESSIONS} sessions and what they printed"), &full),
        ("the same after SIGKILL", &crashed),
    ]);
    report.ratio(
        "start: with what was printed / without, p50",
        full.median() / quiet.median(),
        Target::AtMost(3.0),
    );
    report.ratio("start after SIGKILL, longest, ms", crashed.percentile(100.0), Target::AtMost(5000.0));
    Ok(())
}

fn name(number: usize) -> String {
    format!("printer-{number}")
}

fn resident(daemon: &Daemon<'_>) -> Result<f64> {
    Ok(memory(daemon.pid()?)?.mib())
}

/// Everybody prints so many bytes at once. Returns when the daemon has them, which are `in_all` then.
fn print(daemon: &Daemon<'_>, printers: &mut [UnixStream], amount: u64, in_all: u64) -> Result<()> {
    for printer in printers {
        printer.write_all(&amount.to_be_bytes())?;
    }
    let give_up = Instant::now() + LIMIT;
    for number in 0..SESSIONS {
        while printed(daemon, &name(number))? < in_all {
            ensure!(Instant::now() < give_up, "{} has not printed everything", name(number));
            sleep(Duration::from_millis(200));
        }
    }
    Ok(())
}

/// Bytes that a session printed so far.
fn printed(daemon: &Daemon<'_>, session: &str) -> Result<u64> {
    let shown = output(&mut daemon.codepiper(&["sessions", "show", session, "--json"]))?;
    let session: serde_json::Value = serde_json::from_str(&shown)?;
    let offset = session["cursor"].as_str().and_then(|cursor| cursor.rsplit(':').next()?.parse().ok());
    offset.ok_or_else(|| anyhow::anyhow!("a session has no cursor: {shown}"))
}

/// Starts it so many times, each time after it ended in order.
fn clean(daemon: &mut Daemon<'_>, rounds: usize) -> Result<Samples> {
    let mut samples = Samples::default();
    for _ in 0..rounds {
        daemon.stop()?;
        samples.push(timed(|| daemon.run())?);
    }
    Ok(samples)
}

fn timed(run: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let begun = Instant::now();
    run()?;
    Ok(begun.elapsed())
}
