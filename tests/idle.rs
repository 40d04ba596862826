//! Sessions that do nothing cost nothing.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::time::Duration;

use crate::harness::{Home, eventually, status_of};

const SESSIONS: usize = 50;
/// How long nothing may happen.
const WATCHED: Duration = Duration::from_secs(10);

/// How often each thread of a process went to sleep.
fn switches(pid: i32) -> BTreeMap<OsString, u64> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let of = |task: fs::DirEntry| {
        let status = fs::read_to_string(task.path().join("status")).ok()?;
        let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        Some((task.file_name(), count.trim().parse().unwrap()))
    };
    tasks.filter_map(|task| of(task.ok()?)).collect()
}

/// Page faults of children that have ended: it grows with each process that was started.
fn faults_of_children(pid: i32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit_once(')').unwrap().1.split_whitespace().nth(8).unwrap().parse().unwrap()
}

fn children(pid: i32) -> String {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks.map(|task| fs::read_to_string(task.unwrap().path().join("children")).unwrap()).collect()
}

#[test]
fn fifty_idle_sessions_start_no_process_and_wake_nobody() {
    let home = Home::running();
    std::thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| {
                for _ in 0..SESSIONS / 5 {
                    home.start(&["sleep", "1000"]);
                }
            });
        }
    });
    assert_eq!(home.sessions().len(), SESSIONS);
    let (daemon, server) = (home.daemon_pid(), home.status().tmux.server_pid.unwrap());
    let shims = home.tmux_says(&["list-panes", "-a", "-F", "#{pane_pid}"]);
    let shims: Vec<i32> = shims.lines().map(|pid| pid.parse().unwrap()).collect();
    let snapshot = || {
        let shims: Vec<_> = shims.iter().map(|pid| switches(*pid)).collect();
        let started = [daemon, server].map(|pid| (faults_of_children(pid), children(pid)));
        (switches(daemon), shims, started)
    };
    // Threads that the starts needed wait a while for more work, and so does the journal's database.
    eventually("only the daemon's own threads are left", || {
        let names = fs::read_dir(format!("/proc/{daemon}/task"))
            .unwrap()
            .map(|task| fs::read_to_string(task.unwrap().path().join("comm")).unwrap_or_default());
        names
            .into_iter()
            .all(|name| !name.starts_with("tokio") && !name.starts_with("log flusher"))
            .then_some(())
    });
    let before = snapshot();
    std::thread::sleep(WATCHED);
    let after = snapshot();
    println!("RSS of the daemon: {}, of a shim: {}", rss(daemon), rss(shims[0]));
    assert_eq!(after.2, before.2, "a process was started");
    assert_eq!(after.1, before.1, "a shim woke up");
    assert_eq!(
        after.0.keys().collect::<Vec<_>>(),
        before.0.keys().collect::<Vec<_>>(),
        "a thread came or went"
    );
    let woken: u64 = after.0.iter().map(|(thread, count)| count - before.0[thread]).sum();
    assert!(woken <= 3, "the daemon woke up {woken} times");
}

fn rss(pid: i32) -> String {
    status_of(pid, "VmRSS").unwrap()
}
