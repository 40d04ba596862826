//! What sessions cost while they work: 1 and 20 that print 10 kB a second, of what agents draw, of lines of text, and of
//! what does not compress, with nobody looking.

use std::fs;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::bed::{Bed, output};
use crate::daemon::Daemon;
use crate::journal::{mib, size};
use crate::process::{Work, memory};
use crate::program::{self, Kind};
use crate::report::{Report, Samples, Target, fact, heading, percentiles};
use crate::viewer::Viewer;
use crate::{Options, Result};

/// Bytes a second.
pub const RATE: u64 = 10_000;
/// Until what a session does at its start is done.
const SETTLE: Duration = Duration::from_secs(8);

pub fn measure(bed: &Bed, options: &Options, report: &mut Report) -> Result<()> {
    for kind in [Kind::Screens, Kind::Text, Kind::Base64] {
        let used = look(bed, options, kind, 1)?;
        let mut row = |what: &str, value, limit| {
            report.ratio(
                format!("1 session at 10 kB/s, {}: {what}", kind.name()),
                value,
                Target::AtMost(limit),
            );
        };
        row("daemon, ms a s", used.processor, 6.0);
        row("bytes written / printed", used.written, 2.5);
        row("bytes kept / printed", used.kept, if kind == Kind::Base64 { 1.05 } else { 0.4 });
    }
    Ok(())
}

pub fn measure_twenty(bed: &Bed, options: &Options, report: &mut Report) -> Result<()> {
    for kind in [Kind::Screens, Kind::Base64] {
        let used = look(bed, options, kind, 20)?;
        let mut row = |what: &str, value, limit| {
            report.ratio(
                format!("20 sessions at 10 kB/s, {}: {what}", kind.name()),
                value,
                Target::AtMost(limit),
            );
        };
        row("daemon, ms a s", used.processor, 30.0);
        row("bytes written / printed", used.written, 2.5);
        row("bytes kept / printed", used.kept, if kind == Kind::Base64 { 1.05 } else { 0.4 });
    }
    Ok(())
}

/// 300 sessions, of which 50 work, and somebody who looks at the list.
pub fn measure_many(bed: &Bed, options: &Options, report: &mut Report) -> Result<()> {
    let (sessions, working) = if options.quick { (60, 10) } else { (300, 50) };
    let seconds = options.seconds.unwrap_or(if options.quick { 20 } else { 60 });
    let daemon = Daemon::start(bed, "steady-many")?;
    for number in working..sessions {
        daemon.start_session(&format!("idle-{number}"), &["cat".to_owned()])?;
    }
    let _printers = work(bed, &daemon, "steady-many", Kind::Screens, working)?;
    let mut viewer = Viewer::connect(&daemon.socket())?;
    let list = viewer.list()?;
    sleep(SETTLE);
    let used = used(&daemon, Kind::Screens, (sessions, working), seconds)?;

    let (mut listed, mut told) = (Samples::default(), Samples::default());
    let (mut messages, mut bytes) = (0, 0);
    let rounds = options.rounds(50, 10);
    for round in 0..rounds {
        let begun = Instant::now();
        output(&mut daemon.codepiper(&["sessions"]))?;
        listed.push(begun.elapsed());
        let name = format!("renamed-{round}");
        let begun = Instant::now();
        let mut rename =
            daemon.codepiper(&["sessions", "rename", &format!("idle-{}", working + round as u64), &name]);
        let mut rename = rename.stdout(Stdio::null()).spawn()?;
        let came = viewer.until_it_is_named(&name)?;
        told.push(begun.elapsed());
        (messages, bytes) = (messages + came.0, bytes + came.1);
        rename.wait()?;
    }
    percentiles(&[("codepiper sessions", &listed), ("a session is renamed, until the list shows it", &told)]);
    fact("the list", list as f64 / 1024.0, "KiB");
    let each = |all: usize| all as f64 / rounds as f64;
    fact("messages for a change", each(messages), "");
    let mut row = |what: &str, value, limit| {
        report.ratio(
            format!("{sessions} sessions, {working} of them at 10 kB/s: {what}"),
            value,
            Target::AtMost(limit),
        );
    };
    row("daemon, ms a s", used.processor, 75.0);
    row("memory, MiB", memory(daemon.pid()?)?.mib(), 64.0);
    row("codepiper sessions, p50, ms", listed.median(), 50.0);
    row("a change of one, KiB", each(bytes) / 1024.0, 4.0);
    Ok(())
}

struct Used {
    /// Milliseconds of a processor a second.
    processor: f64,
    /// Bytes written to the disk, and those on it, for one that was printed.
    written: f64,
    kept: f64,
}

fn look(bed: &Bed, options: &Options, kind: Kind, sessions: u64) -> Result<Used> {
    let seconds = options.seconds.unwrap_or(if options.quick { 20 } else { 600 });
    let name = format!("steady-{}-{sessions}", kind.name());
    let daemon = Daemon::start(bed, &name)?;
    let _printers = work(bed, &daemon, &name, kind, sessions)?;
    sleep(SETTLE);
    used(&daemon, kind, (sessions, sessions), seconds)
}

/// Starts sessions that print as long as what is returned lives.
fn work(bed: &Bed, daemon: &Daemon<'_>, name: &str, kind: Kind, sessions: u64) -> Result<Vec<UnixStream>> {
    let socket = bed.path(&format!("{name}.sock"));
    let listener = UnixListener::bind(&socket)?;
    let mut printers = Vec::new();
    for number in 0..sessions {
        let program = program::drip_command(&socket, kind, RATE, number)?;
        daemon.start_session(&format!("works-{number}"), &program)?;
        printers.push(program::accept(&listener)?);
    }
    Ok(printers)
}

/// What the daemon uses in so many seconds, with so many sessions, and so many of them at work.
fn used(daemon: &Daemon<'_>, kind: Kind, (sessions, working): (u64, u64), seconds: u64) -> Result<Used> {
    let (ours, tmux) = (daemon.pid()?, daemon.tmux_pid()?);
    let before = (Work::of(ours)?, Work::of(tmux)?, written(ours)?, size(&daemon.journal())?);
    sleep(Duration::from_secs(seconds));
    let (work, server) = (Work::of(ours)?.since(&before.0), Work::of(tmux)?.since(&before.1));
    let printed = (RATE * working * seconds) as f64;
    let a_second = |time: Duration| time.as_secs_f64() * 1000.0 / seconds as f64;
    let used = Used {
        processor: a_second(work.cpu()),
        written: (written(ours)? - before.2) / printed,
        kept: (size(&daemon.journal())? - before.3) / printed,
    };

    heading(&format!("{sessions} sessions, {working} of them at 10 kB/s, {}, {seconds} s", kind.name()));
    for (thread, time) in &work.threads {
        fact(&format!("processor time, {thread}"), a_second(*time), "ms a second");
    }
    fact("processor time of tmux", a_second(server.cpu()), "ms a second");
    fact("wake-ups of the daemon", work.switches as f64 / seconds as f64, "a second");
    fact("memory of the daemon", memory(ours)?.mib(), "MiB");
    fact("the journal on the disk", mib(size(&daemon.journal())?), "MiB");
    Ok(used)
}

/// Bytes that a process had written to a disk.
fn written(pid: i32) -> Result<f64> {
    let io = fs::read_to_string(format!("/proc/{pid}/io"))?;
    let bytes = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")?.parse().ok());
    bytes.context("/proc does not say what was written")
}
