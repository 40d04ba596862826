//! What a process has used so far.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

use crate::Result;

extern "C" fn ignore(_: i32) {}

/// Ctrl+C interrupts what waits, so that everything that was started is ended.
pub fn stop_on_signals() -> Result<()> {
    let action = SigAction::new(SigHandler::Handler(ignore), SaFlags::empty(), SigSet::empty());
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        // SAFETY: the handler does nothing.
        unsafe { sigaction(signal, &action)? };
    }
    Ok(())
}

/// Executes this program again as the first process of a namespace of its own, where that is allowed:
/// there every process that is started can be counted, and none outlives the benchmark.
pub fn move_to_own_namespace(args: &[String]) {
    if is_alone() {
        return;
    }
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(["--pid", "--fork", "--kill-child", "--mount-proc"]);
        if !nix::unistd::geteuid().is_root() {
            command.args(["--user", "--map-root-user"]);
        }
        command
    };
    let tried = unshare().arg("true").stderr(Stdio::null()).status();
    if tried.is_ok_and(|status| status.success())
        && let Ok(own) = std::env::current_exe()
    {
        let error = unshare().arg(own).args(args).exec();
        eprintln!("no namespace of its own: {error}");
    }
}

/// This is the first process of its namespace.
pub fn is_alone() -> bool {
    std::process::id() == 1
}

/// The id that was given last. Threads have ids, too.
pub fn newest_id() -> Result<u64> {
    let load = fs::read_to_string("/proc/loadavg")?;
    let newest = load.split_whitespace().next_back().and_then(|text| text.parse().ok());
    newest.context("/proc/loadavg is not as expected")
}

/// Memory, in KiB.
#[derive(Clone, Copy, Default)]
pub struct Memory {
    pub resident: f64,
    /// Shared pages count for their share.
    pub proportional: f64,
}

impl Memory {
    /// Resident, in MiB.
    pub fn mib(self) -> f64 {
        self.resident / 1024.0
    }
}

pub fn memory(pid: i32) -> Result<Memory> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).context("a process is gone")?;
    let field = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or_default()
    };
    Ok(Memory { resident: field("Rss:"), proportional: field("Pss:") })
}

/// Pages of memory, 4 KiB each, that a process has touched since [`forget`](Self::forget).
pub struct Pages {
    pub all: u64,
    /// In the executable's instructions.
    pub code: u64,
}

impl Pages {
    /// Clears the marks that the processor sets (proc(5), `clear_refs`).
    pub fn forget(pid: i32) -> Result<()> {
        Ok(fs::write(format!("/proc/{pid}/clear_refs"), "1")?)
    }

    pub fn of(pid: i32) -> Result<Self> {
        let executable = fs::read_link(format!("/proc/{pid}/exe")).context("a process is gone")?;
        let (mut pages, mut in_code) = (Self { all: 0, code: 0 }, false);
        for line in fs::read_to_string(format!("/proc/{pid}/smaps"))?.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let ["Referenced:", kib, _] = words[..] {
                let touched = kib.parse::<u64>()? / 4;
                pages.all += touched;
                pages.code += if in_code { touched } else { 0 };
            } else if words.first().is_some_and(|word| word.contains('-')) {
                in_code = words.get(1) == Some(&"r-xp") && words.last().copied() == executable.to_str();
            }
        }
        Ok(pages)
    }
}

/// What the threads of a process have done so far.
#[derive(Clone, Default)]
pub struct Work {
    /// Time on a processor, by the thread's name.
    pub threads: BTreeMap<String, Duration>,
    /// How often a thread went to sleep.
    pub switches: u64,
    /// Page faults of children that were waited for: it changes when a child was started and has ended.
    pub children_faults: u64,
}

impl Work {
    pub fn of(pid: i32) -> Result<Self> {
        let mut work = Work::default();
        for thread in fs::read_dir(format!("/proc/{pid}/task")).context("a process is gone")? {
            let dir = thread?.path();
            let read = |name| fs::read_to_string(dir.join(name)).unwrap_or_default();
            let number =
                |text: Option<&str>| text.and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
            let nanos = number(read("schedstat").split_whitespace().next());
            *work.threads.entry(read("comm").trim().to_owned()).or_default() += Duration::from_nanos(nanos);
            let status = read("status");
            let switches = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            work.switches += number(switches.map(str::trim));
        }
        work.children_faults = field(pid, 8)?;
        Ok(work)
    }

    pub fn since(&self, before: &Self) -> Self {
        let used = |(name, now): (&String, &Duration)| {
            (name.clone(), now.saturating_sub(before.threads.get(name).copied().unwrap_or_default()))
        };
        Self {
            threads: self.threads.iter().map(used).collect(),
            switches: self.switches - before.switches,
            children_faults: self.children_faults - before.children_faults,
        }
    }

    pub fn cpu(&self) -> Duration {
        self.threads.values().sum()
    }
}

/// The children of a process.
pub fn children(pid: i32) -> Result<Vec<i32>> {
    let mut children = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(child) = entry?.file_name().to_string_lossy().parse::<i32>() else { continue };
        // A process may end while it is looked at.
        if field(child, 1).is_ok_and(|parent| parent == pid as u64) {
            children.push(child);
        }
    }
    children.sort_unstable();
    Ok(children)
}

/// A number of `/proc/PID/stat`, counted from the state, which stands right behind the name.
fn field(pid: i32, index: usize) -> Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("a process is gone")?;
    let (_, rest) = stat.rsplit_once(')').context("/proc is not as expected")?;
    rest.split_whitespace().nth(index).and_then(|text| text.parse().ok()).context("/proc is not as expected")
}
