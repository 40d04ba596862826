//! What many sessions cost whose programs do nothing: 50, as people have, and 500.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::bed::{Bed, output};
use crate::daemon::Daemon;
use crate::process::{Memory, Work, children, is_alone, memory, newest_id};
use crate::report::{Report, Samples, Target, fact, heading, percentiles};
use crate::viewer::Viewer;
use crate::{Options, Result, program};

/// The journal closes its files when nothing was written for 10 s; it packs and sums up before that.
const QUIET: Duration = Duration::from_secs(16);

const STORE_THREADS: f64 = 7.0;

pub fn measure(bed: &Bed, options: &Options, report: &mut Report) -> Result<()> {
    let daemon = Daemon::start(bed, "idle")?;
    let crowd = Crowd::gather(bed, &daemon, 50)?;
    crowd.look(options.rounds(30, 5), report)?;
    report.ratio("idle, 50 sessions: memory of the daemon, MiB", crowd.resident()?, Target::AtMost(30.0));
    Ok(())
}

pub fn measure_many(bed: &Bed, options: &Options, report: &mut Report) -> Result<()> {
    let sessions = options.rounds(500, 100);
    let daemon = Daemon::start(bed, "many")?;
    let crowd = Crowd::gather(bed, &daemon, sessions)?;
    crowd.look(options.rounds(30, 5), report)?;
    let name = format!("idle, {sessions} sessions: memory of the daemon, MiB");
    report.ratio(name, crowd.resident()?, Target::AtMost(128.0));
    let (mut bare, mut list) = (Samples::default(), Samples::default());
    for _ in 0..options.rounds(50, 10) {
        bare.push(timed(&mut daemon.codepiper(&["--version"]))?);
        list.push(timed(&mut daemon.codepiper(&["sessions"]))?);
    }
    percentiles(&[("codepiper --version", &bare), (&format!("codepiper sessions, of {sessions}"), &list)]);
    let name = format!("codepiper sessions, of {sessions}, p50, ms");
    report.ratio(name, list.median(), Target::AtMost(100.0));
    Ok(())
}

/// Sessions that do nothing.
struct Crowd<'a> {
    bed: &'a Bed,
    daemon: &'a Daemon<'a>,
    sessions: usize,
    /// Of the daemon and of tmux, before the first session.
    empty: (Memory, Memory),
}

impl<'a> Crowd<'a> {
    fn gather(bed: &'a Bed, daemon: &'a Daemon<'a>, sessions: usize) -> Result<Self> {
        let empty = (memory(daemon.pid()?)?, memory(daemon.tmux_pid()?)?);
        let program = ["cat".to_owned()];
        for number in 0..sessions {
            daemon.start_session(&format!("idle-{number}"), &program)?;
        }
        Ok(Self { bed, daemon, sessions, empty })
    }

    fn resident(&self) -> Result<f64> {
        Ok(memory(self.daemon.pid()?)?.mib())
    }

    fn look(&self, seconds: usize, report: &mut Report) -> Result<()> {
        let (ours, tmux) = (self.daemon.pid()?, self.daemon.tmux_pid()?);
        // The keeper of the hub is no shim.
        let shims: Vec<_> = children(tmux)?
            .into_iter()
            .filter(|child| !children(*child).unwrap_or_default().is_empty())
            .collect();
        ensure!(shims.len() == self.sessions, "{} of {} shims run", shims.len(), self.sessions);
        // One viewer looks on: that must not cost anything either.
        let mut viewer = Viewer::connect(&self.daemon.socket())?;
        viewer.subscribe("idle-0")?;
        sleep(QUIET);
        let store = Store::open(self.bed, &self.daemon.journal())?;
        sleep(QUIET);

        let processes: Vec<_> = [ours, tmux, store.pid()].into_iter().chain(shims.iter().copied()).collect();
        let work = || processes.iter().map(|pid| Work::of(*pid)).collect::<Result<Vec<_>>>();
        let (before, newest) = (work()?, newest_id()?);
        sleep(Duration::from_secs(seconds as u64));
        let (now, started) = (work()?, newest_id()? - newest);
        let used: Vec<_> = now.iter().zip(&before).map(|(now, before)| now.since(before)).collect();

        let full = (memory(ours)?, memory(tmux)?);
        let (mut resident, mut proportional) = (Samples::default(), Samples::default());
        for shim in &shims {
            let memory = memory(*shim)?;
            resident.push_value(memory.mib());
            proportional.push_value(memory.proportional / 1024.0);
        }
        let sessions = self.sessions;
        heading(&format!("{sessions} idle sessions, one of them watched, {seconds} s"));
        let sizes = |name, now: Memory, before: Memory| {
            println!(
                "  {name:<40} {:>9.2} MiB, of it {:.2} without sessions; {:.1} KiB a session",
                now.mib(),
                before.mib(),
                (now.resident - before.resident) / sessions as f64
            );
        };
        sizes("memory of the daemon", full.0, self.empty.0);
        sizes("memory of tmux", full.1, self.empty.1);
        println!(
            "  {:<40} {:>9.2} MiB resident, {:.2} with shared pages at their share",
            "memory of a shim",
            resident.median(),
            proportional.median()
        );
        let a_second = |used: &Work| used.cpu().as_secs_f64() * 1000.0 / seconds as f64;
        fact("processor time of the daemon", a_second(&used[0]), "ms a second");
        fact("of an idle process with the same store", a_second(&used[2]), "ms a second");
        fact("processor time of tmux", a_second(&used[1]), "ms a second");
        fact("processor time of all shims", used[3..].iter().map(a_second).sum(), "ms a second");
        let wake_ups = |used: &[Work]| used.iter().map(|used| used.switches as f64).sum::<f64>();
        fact("wake-ups of the daemon", wake_ups(&used[..1]) / seconds as f64, "a second");
        fact("wake-ups of tmux", wake_ups(&used[1..2]) / seconds as f64, "a second");
        // The store has threads that wake up once a second, for ever: each may do so once more here.
        let own = wake_ups(&used[..1]) + wake_ups(&used[3..]) - wake_ups(&used[2..3]);
        let mut row = |what: &str, value, limit| {
            report.ratio(format!("idle, {sessions} sessions: {what}"), value, Target::AtMost(limit));
        };
        row("the daemon, beyond that store, ms a s", a_second(&used[0]) - a_second(&used[2]), 1.5);
        row(&format!("wake-ups, beyond that store, in {seconds} s"), own, STORE_THREADS);
        if is_alone() {
            row("processes and threads started", started as f64, 0.0);
        } else {
            println!("  processes that were started cannot be told from those of others here");
        }
        row("memory of a shim, MiB", resident.median(), 2.0);
        Ok(())
    }
}

/// A process that has a copy of the journal open, and does nothing.
struct Store(Child);

impl Store {
    fn open(bed: &Bed, journal: &Path) -> Result<Self> {
        let copy = bed.path("copied-journal");
        let _ = std::fs::remove_dir_all(&copy);
        output(bed.command("cp").arg("-r").arg(journal).arg(&copy))?;
        let words = program::store_command(&copy)?;
        let mut command = bed.command(&words[0]);
        let mut process = command.args(&words[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdout = process.stdout.take().context("the process has no stdout")?;
        let store = Self(process);
        let mut ready = String::new();
        BufReader::new(stdout).read_line(&mut ready)?;
        ensure!(!ready.is_empty(), "the copied journal cannot be opened");
        Ok(store)
    }

    fn pid(&self) -> i32 {
        self.0.id() as i32
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// From the start of a process to its end.
fn timed(command: &mut Command) -> Result<Duration> {
    command.stdout(File::create("/dev/null")?);
    let begun = Instant::now();
    let status = command.status()?;
    let elapsed = begun.elapsed();
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(elapsed)
}
