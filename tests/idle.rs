//! Sessions that do nothing cost nothing.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use crate::harness::{Home, eventually, status_of};

const SESSIONS: usize = 50;
/// How long nothing may happen.
const WATCHED: Duration = Duration::from_secs(10);
/// Looks without a change until the daemon counts as asleep.
const QUIET_LOOKS: u32 = 50;

/// How often each thread of a process went to sleep. The threads of the journal's database are not ours:
/// as long as the process lives, seven of them wake up once a second.
fn switches(pid: i32) -> BTreeMap<String, u64> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let of = |task: fs::DirEntry| {
        let name = fs::read_to_string(task.path().join("comm")).ok()?;
        if name.starts_with("sled-io") {
            return None;
        }
        let status = fs::read_to_string(task.path().join("status")).ok()?;
        let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
        let thread = format!("{} {}", name.trim(), task.file_name().display());
        Some((thread, count.trim().parse().unwrap()))
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
    // Threads that the starts needed wait a while for more work, and so does the journal's database; the journal
    // writes down how it left its files then.
    let (mut last, mut looks) = (switches(daemon), 0);
    eventually("only the daemon's own threads are left, and they sleep", || {
        let now = switches(daemon);
        let own = |thread: &String| !thread.starts_with("tokio") && !thread.starts_with("log flusher");
        looks = if now == last && now.keys().all(own) { looks + 1 } else { 0 };
        last = now;
        (looks >= QUIET_LOOKS).then_some(())
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
    let woken: BTreeMap<_, _> =
        after.0.iter().map(|(thread, count)| (thread, count - before.0[thread])).collect();
    println!("wake-ups by thread: {woken:?}");
    assert!(woken.values().sum::<u64>() <= 3, "the daemon woke up: {woken:?}");
}

fn rss(pid: i32) -> String {
    status_of(pid, "VmRSS").unwrap()
}
