//! Row 17: what 50 sessions cost whose programs do nothing.

use std::thread::sleep;
use std::time::Duration;

use anyhow::ensure;

use crate::bed::Bed;
use crate::daemon::Daemon;
use crate::process::{Memory, Work, children, memory};
use crate::report::{Report, Samples, Target, fact, heading};
use crate::viewer::Viewer;
use crate::{Options, Result};

const SESSIONS: usize = 50;

pub fn measure(bed: &Bed, options: &Options, report: &mut Report) -> Result<()> {
    let seconds = options.rounds(10, 3);
    let daemon = Daemon::start(bed, "idle")?;
    let (ours, tmux) = (daemon.pid()?, daemon.tmux_pid()?);
    let empty = (memory(ours)?, memory(tmux)?);
    let program = ["cat".to_owned()];
    for number in 0..SESSIONS {
        daemon.start_session(&format!("idle-{number}"), &program)?;
    }
    // The keeper of the hub is no shim.
    let shims: Vec<_> = children(tmux)?
        .into_iter()
        .filter(|child| !children(*child).unwrap_or_default().is_empty())
        .collect();
    ensure!(shims.len() == SESSIONS, "{} of {SESSIONS} shims run", shims.len());
    // One viewer looks on: that must not cost anything either.
    let mut viewer = Viewer::connect(&daemon.socket())?;
    viewer.subscribe("idle-0")?;
    sleep(Duration::from_secs(2));

    let processes: Vec<_> = [ours, tmux].into_iter().chain(shims.iter().copied()).collect();
    let work = || processes.iter().map(|pid| Work::of(*pid)).collect::<Result<Vec<_>>>();
    let family = || processes.iter().map(|pid| children(*pid)).collect::<Result<Vec<_>>>();
    let (before, family_before) = (work()?, family()?);
    let before = work().unwrap_or(before);
    sleep(Duration::from_secs(seconds as u64));
    let used: Vec<_> = work()?.iter().zip(&before).map(|(now, before)| now.since(before)).collect();
    let started =
        usize::from(family()? != family_before) + used.iter().filter(|used| used.children_faults > 0).count();

    let full = (memory(ours)?, memory(tmux)?);
    let shims: Vec<_> = shims.iter().map(|shim| memory(*shim)).collect::<Result<_>>()?;
    let (mut resident, mut proportional) = (Samples::default(), Samples::default());
    for shim in &shims {
        resident.push_value(shim.resident);
        proportional.push_value(shim.proportional);
    }
    heading(&format!("row 17 · {SESSIONS} idle sessions, one of them watched, {seconds} s"));
    let sizes = |name, now: Memory, before: Memory| {
        println!(
            "  {name:<40} {:>9.2} MiB, of it {:.2} without sessions; {:.1} KiB a session",
            now.resident / 1024.0,
            before.resident / 1024.0,
            (now.resident - before.resident) / SESSIONS as f64
        );
    };
    sizes("memory of the daemon", full.0, empty.0);
    sizes("memory of tmux", full.1, empty.1);
    println!(
        "  {:<40} {:>9.2} MiB resident, {:.2} with shared pages at their share",
        "memory of a shim",
        resident.median() / 1024.0,
        proportional.median() / 1024.0
    );
    let a_second = |used: &Work| used.cpu().as_secs_f64() * 1000.0 / seconds as f64;
    fact("processor time of the daemon", a_second(&used[0]), "ms a second");
    fact("processor time of tmux", a_second(&used[1]), "ms a second");
    fact("processor time of all shims", used[2..].iter().map(a_second).sum(), "ms a second");
    let wake_ups = |used: &[Work]| used.iter().map(|used| used.switches as f64).sum::<f64>();
    fact("wake-ups of tmux", wake_ups(&used[1..2]) / seconds as f64, "a second");
    let own = wake_ups(&used[..1]) + wake_ups(&used[2..]);
    report.ratio(format!("17 wake-ups of daemon and shims in {seconds} s"), own, Target::AtMost(0.0));
    report.ratio("17 processes started or ended", started as f64, Target::AtMost(0.0));
    report.ratio("17 memory of a shim, MiB", resident.median() / 1024.0, Target::AtMost(2.0));
    Ok(())
}
