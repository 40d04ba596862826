//! What a dashboard costs: opening a running session, many viewers of one session, a browser that does not
//! read.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::bed::{Bed, output, wait_for_file};
use crate::daemon::Daemon;
use crate::echo;
use crate::login::Login;
use crate::process::{Work, memory};
use crate::program::{self, Flood};
use crate::report::{Report, Samples, Target, fact, heading, percentiles};
use crate::viewer::Viewer;
use crate::{Options, Result};

const VIEWERS: usize = 20;
/// What the watched session prints, in bytes a second.
const RATE: u64 = 1_000_000;

/// From the request to the screen.
pub fn measure_opening(bed: &Bed, options: &Options, report: &mut Report) -> Result<()> {
    let daemon = Daemon::start_web(bed, "opening")?;
    let login = Login::sign_up(&daemon)?;
    let listener = std::os::unix::net::UnixListener::bind(bed.path("opening.sock"))?;
    daemon.start_session("full", &program::print_command(&bed.path("opening.sock"), 1)?)?;
    let mut printer = program::accept(&listener)?;
    let mut viewer = Viewer::of_browser(&login)?;
    let mut samples = Samples::default();
    for round in 0..options.rounds(300, 50) {
        // Each time another screen.
        std::io::Write::write_all(&mut printer, &20_000_u64.to_be_bytes())?;
        settled(&daemon, "full", 20_000 * (round as u64 + 1))?;
        let asked = Instant::now();
        viewer.subscribe("full")?;
        samples.push(asked.elapsed());
        viewer.unsubscribe()?;
    }
    heading("opening a running session over TCP, from the request to its whole screen");
    percentiles(&[("codepiper", &samples)]);
    report.ratio("opening a session, median, ms", samples.median(), Target::AtMost(5.0));
    Ok(())
}

/// Bytes that a session printed so far.
fn printed(daemon: &Daemon<'_>, session: &str) -> Result<u64> {
    let shown = output(&mut daemon.codepiper(&["sessions", "show", session, "--json"]))?;
    let session: serde_json::Value = serde_json::from_str(&shown)?;
    let offset = session["cursor"].as_str().and_then(|cursor| cursor.rsplit(':').next()?.parse().ok());
    offset.context("a session has no cursor")
}

fn settled(daemon: &Daemon<'_>, session: &str, bytes: u64) -> Result<()> {
    let give_up = Instant::now() + crate::bed::LIMIT;
    while printed(daemon, session)? < bytes {
        ensure!(Instant::now() < give_up, "{session} has not printed everything");
    }
    Ok(())
}

/// One viewer of a session that prints, then twenty.
pub fn measure_viewers(bed: &Bed, options: &Options, report: &mut Report) -> Result<()> {
    let daemon = Daemon::start_web(bed, "viewers")?;
    let login = Login::sign_up(&daemon)?;
    let mut flood = Flood::new(bed, "viewers-flood")?;
    daemon.start_session("flood", &flood.command(RATE)?)?;
    let time = Duration::from_secs(options.rounds(20, 4) as u64);
    let one = watched(&daemon, &login, &mut flood, 1, time)?;
    let many = watched(&daemon, &login, &mut flood, VIEWERS, time)?;
    heading(&format!(
        "a session that prints {} MB/s, seen over TCP for {} s",
        RATE / 1_000_000,
        time.as_secs()
    ));
    let percent = |used: Duration| 100.0 * used.as_secs_f64() / time.as_secs_f64();
    fact("processor time of the daemon, one viewer", percent(one), "%");
    fact(&format!("{VIEWERS} viewers, each with every byte"), percent(many), "%");
    let ratio = many.as_secs_f64() / one.as_secs_f64();
    report.ratio(format!("processor time of {VIEWERS} viewers / of one"), ratio, Target::AtMost(6.0));
    Ok(())
}

/// The processor time of the daemon while so many look on. Fails when one of them misses something.
fn watched(
    daemon: &Daemon<'_>,
    login: &Login,
    flood: &mut Flood,
    viewers: usize,
    time: Duration,
) -> Result<Duration> {
    let mut all = Vec::new();
    for _ in 0..viewers {
        let mut viewer = Viewer::of_browser(login)?;
        viewer.subscribe("flood")?;
        all.push(viewer);
    }
    let daemon_pid = daemon.pid()?;
    let before = Work::of(daemon_pid)?;
    flood.toggle()?;
    thread::scope(|scope| {
        let reading: Vec<_> = all.iter_mut().map(|viewer| scope.spawn(|| viewer.read_for(time))).collect();
        reading.into_iter().try_for_each(|thread| thread.join().expect("a viewer panicked"))
    })?;
    let used = Work::of(daemon_pid)?.since(&before).cpu();
    flood.toggle()?;
    let mut end = printed(daemon, "flood")?;
    loop {
        thread::sleep(Duration::from_millis(200));
        let now = printed(daemon, "flood")?;
        if now == end {
            break;
        }
        end = now;
    }
    for viewer in &mut all {
        viewer.read_up_to(end)?;
        ensure!(viewer.offset() == end && viewer.keyframes() == 1, "a viewer missed something");
    }
    Ok(used)
}

/// How often the memory is looked at.
const PARTS: usize = 20;

/// A browser that stops reading beside a flood, and what another viewer notices.
pub fn measure_stuck(bed: &Bed, options: &Options, report: &mut Report) -> Result<()> {
    let daemon = Daemon::start_web(bed, "stuck")?;
    let login = Login::sign_up(&daemon)?;
    let mut flood = Flood::new(bed, "stuck-flood")?;
    daemon.start_session("flood", &flood.command(2 * RATE)?)?;
    let ready = bed.path("stuck.ready");
    daemon.start_session("echo", &program::echo(&ready))?;
    wait_for_file(&ready)?;
    let mut other = Viewer::of_browser(&login)?;
    other.subscribe("echo")?;
    let keys = options.rounds(1200, 200);

    let mut reader = Viewer::of_browser(&login)?;
    reader.subscribe("flood")?;
    flood.toggle()?;
    let mut beside = || -> Result<(Samples, f64)> {
        let (mut samples, mut peak) = (Samples::default(), 0.0_f64);
        for _ in 0..PARTS {
            samples.append(echo::keys(&mut other, keys / PARTS)?);
            peak = peak.max(memory(daemon.pid()?)?.mib());
        }
        Ok((samples, peak))
    };
    let (reads, stuck) = thread::scope(|scope| -> Result<_> {
        let time = Duration::from_millis(50) * (2 * keys as u32 + 40);
        let reading = scope.spawn(move || reader.read_for(time).map(|()| reader));
        // Caches fill.
        beside()?;
        let reads = beside()?;
        let reader = reading.join().expect("the reader panicked")?;
        // From here on it does not read.
        let stuck = beside()?;
        drop(reader);
        Ok((reads, stuck))
    })?;
    flood.toggle()?;
    let ((reads, reads_peak), (stuck, stuck_peak)) = (reads, stuck);
    heading(&format!("echo in another session beside a flood of 2 MB/s ({keys} keys each)"));
    percentiles(&[("while a browser reads the flood", &reads), ("while it does not read", &stuck)]);
    // The journal's database grows and is closed, so one moment's memory says little.
    fact("most memory while a browser read", reads_peak, "MiB");
    fact("while it did not read", stuck_peak, "MiB");
    let grown = stuck_peak - reads_peak;
    report.ratio("a browser that does not read: memory it costs, MiB", grown, Target::AtMost(8.0));
    let ratio = stuck.median() / reads.median();
    report.ratio("echo of others beside it / before, p50", ratio, Target::AtMost(1.2));
    Ok(())
}
