//! Many agents started at once: so many may be starting as the configuration says, and everybody else is served.

use std::collections::HashSet;

use codepiper_protocol::event::{Body, Event};

use crate::agents::{Bed, CLAUDE_CODE};
use crate::harness::{Home, eventually};

#[test]
fn agents_start_in_turns_and_all_reach_their_prompt() {
    let bed = Bed::configured(&CLAUDE_CODE, "[sessions]\nlaunches_at_once = 2\n");
    std::thread::scope(|scope| {
        for number in 0..6 {
            let bed = &bed;
            scope.spawn(move || bed.start(&["--name", &format!("agent-{number}")]));
        }
        // The daemon answers meanwhile.
        eventually("all are known", || (bed.home.sessions().len() == 6).then_some(()));
    });
    for session in bed.home.sessions() {
        bed.home.ok(["wait", &session.short_id, "--until", "idle", "--timeout", "60"]);
    }

    let logs = bed.home.ok(["logs", "-n", "1000", "--json"]);
    let mut starting = HashSet::new();
    let (mut started, mut most) = (0, 0);
    for event in logs.lines().map(|line| serde_json::from_str::<Event>(line).unwrap()) {
        match event.body {
            Body::SessionStarted { .. } => {
                started += 1;
                starting.insert(event.session);
            }
            Body::SessionActivityChanged { .. } => drop(starting.remove(&event.session)),
            _ => {}
        }
        most = most.max(starting.len());
    }
    assert_eq!((started, most), (6, 2), "two at a time: {logs}");
}

/// Only the daemon lets others go first: sched(7).
#[cfg(target_os = "linux")]
#[test]
fn programs_do_not_inherit_that_the_daemon_gives_way() {
    // The 41st field: proc(5).
    let policy = |pid: i32| -> i32 {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.rsplit_once(')').unwrap().1.split_whitespace().nth(38).unwrap().parse().unwrap()
    };
    let home = Home::running();
    let session = home.start(&["sleep", "1000"]);
    let server = home.status().tmux.server_pid.unwrap();
    let program = home.until(&session, "it runs", |session| session.pid.is_some()).pid.unwrap();
    assert_eq!(policy(home.daemon_pid()), nix::libc::SCHED_BATCH);
    assert_eq!([server, program].map(policy), [nix::libc::SCHED_OTHER; 2]);
}
