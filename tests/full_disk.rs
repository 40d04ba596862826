//! A disk that is full, really: each test runs again in a mount namespace of its own, with a small file system as its
//! home. Where nothing can be mounted it says so.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use codepiper_protocol::wire::daemon::{Check, Verdict};
use codepiper_protocol::wire::session::{Session, Status};
use nix::sys::signal::Signal;

use crate::harness::{Home, eventually};

const INSIDE: &str = "CODEPIPER_TEST_INSIDE";

/// A home on a small file system, which can be filled.
struct Small {
    home: Home,
    _mounted: Mounted,
}

/// All files are taken while it lives.
struct Hold {
    released: Arc<AtomicBool>,
    taker: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.released.store(true, Ordering::Relaxed);
        let _ = self.taker.take().map(std::thread::JoinHandle::join);
    }
}

/// The last to go.
struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
        let _ = fs::remove_dir(&self.0);
    }
}

/// Runs the test in a mount namespace. False outside: there it has run, or cannot.
fn inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let mut unshare = Command::new("unshare");
    unshare.args(if nix::unistd::getuid().is_root() {
        ["--mount", "--"].as_slice()
    } else {
        &["--map-root-user", "--mount", "--"]
    });
    let mut probe = Command::new("unshare");
    probe.args(unshare.get_args()).args(["mount", "-t", "tmpfs", "none", "/mnt"]);
    if !probe.output().is_ok_and(|probe| probe.status.success()) {
        eprintln!("not tried: no file system can be mounted here");
        return false;
    }
    unshare.arg(std::env::current_exe().unwrap()).args(["--exact", "--nocapture", test]).env(INSIDE, "1");
    let ran = unshare.output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && said.contains("1 passed"), "{said}");
    false
}

impl Small {
    fn new() -> Self {
        let home = Home::new();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64m,nr_inodes=2000,mode=700", "none"])
            .arg(home.path(""))
            .status();
        assert!(mounted.unwrap().success());
        let mounted = Mounted(home.path(""));
        fs::create_dir(home.path("user")).unwrap();
        fs::write(home.path("config.toml"), "[journal]\nreserve_mib = 16\n").unwrap();
        Self { home, _mounted: mounted }
    }

    /// Takes its bytes but for 8 MiB, less than the journal wants to be left, and waits until the journal has paused: a
    /// journal that looks for room takes some for a moment.
    fn pause_journal(&self) {
        let mut file = self.filler_file();
        let left = || {
            let disk = nix::sys::statvfs::statvfs(&self.home.path("")).unwrap();
            disk.blocks_available() * disk.fragment_size()
        };
        while left() > 8 << 20 {
            file.write_all(&[0; 1 << 16]).unwrap();
        }
        let session = self.home.start(&["echo", "something to write"]);
        self.home.until_ended(&session);
        self.home.ok(["sessions", "remove", &session.short_id]);
        eventually("the journal has paused", || (self.journal().verdict == Verdict::Broken).then_some(()));
    }

    fn filler_file(&self) -> fs::File {
        fs::File::options().append(true).create(true).open(self.filler()).unwrap()
    }

    /// Takes what is left of its bytes.
    fn fill(&self) {
        let mut file = self.filler_file();
        for size in [1 << 20, 1 << 12, 1] {
            let block = vec![0; size];
            while file.write_all(&block).is_ok() {}
        }
    }

    /// Takes its files but for those that a daemon cannot start without: its sockets.
    fn take_files(&self) {
        fs::create_dir(self.filler()).unwrap();
        let mut number = 0;
        while fs::File::create(self.filler().join(number.to_string())).is_ok() {
            number += 1;
        }
        for spare in 0..8 {
            fs::remove_file(self.filler().join(spare.to_string())).unwrap();
        }
    }

    /// Takes its files, and each that becomes free: what was being written when they were taken gives its own back.
    fn hold_all_files(&self) -> Hold {
        fs::create_dir(self.filler()).unwrap();
        let (dir, released) = (self.filler(), Arc::new(AtomicBool::new(false)));
        let is_released = released.clone();
        let (filled, is_filled) = std::sync::mpsc::channel();
        let taker = std::thread::spawn(move || {
            let mut number = 0;
            while !is_released.load(Ordering::Relaxed) {
                match fs::File::create(dir.join(number.to_string())) {
                    Ok(_) => number += 1,
                    Err(_) => {
                        let _ = filled.send(());
                        std::thread::sleep(Duration::from_micros(200));
                    }
                }
            }
        });
        is_filled.recv().unwrap();
        Hold { released, taker: Some(taker) }
    }

    fn free(&self) {
        let filler = self.filler();
        match filler.is_dir() {
            true => fs::remove_dir_all(filler).unwrap(),
            false => fs::remove_file(filler).unwrap(),
        }
    }

    fn filler(&self) -> PathBuf {
        self.home.path("filler")
    }

    fn journal(&self) -> Check {
        self.check("journal")
    }

    fn check(&self, name: &str) -> Check {
        let ran = self.home.run(["doctor", "--json"]);
        let checks: Vec<Check> = serde_json::from_str(&ran.stdout).unwrap();
        checks.into_iter().find(|check| check.name == name).unwrap()
    }

    fn record(&self, session: &Session) -> serde_json::Value {
        let path = self.home.path(&format!("data/sessions/{}.json", session.id));
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }
}

#[test]
fn what_was_stored_survives_a_restart_on_a_full_disk() {
    if !inside("full_disk::what_was_stored_survives_a_restart_on_a_full_disk") {
        return;
    }
    for fill in [Small::fill, Small::take_files] {
        let mut small = Small::new();
        small.home.start_daemon();
        let session = small.home.start(&["seq", "1", "300000"]);
        small.home.until_ended(&session);
        let id = &session.short_id;
        let before = small.home.ok(["tail", id, "-n", "all"]);
        assert_eq!(before.lines().count(), 300_000);
        small.home.stop_daemon();
        fill(&small);
        small.home.start_daemon();
        assert!(small.home.ok(["tail", id, "-n", "all"]) == before);
        assert!(small.home.ok(["logs"]).contains("session.ended"));
        let check = small.journal();
        assert!(check.verdict == Verdict::Broken && check.detail.contains("disk"), "{check:?}");
        small.free();
        assert!(small.home.ok(["tail", id, "-n", "all"]) == before);
        small.home.stop_daemon();
        small.home.start_daemon();
        assert!(small.home.ok(["tail", id, "-n", "all"]) == before);
        assert_eq!(small.journal().verdict, Verdict::Fine);
    }
}

#[test]
fn what_was_not_yet_stored_is_found_in_tmux_on_a_full_disk() {
    if !inside("full_disk::what_was_not_yet_stored_is_found_in_tmux_on_a_full_disk") {
        return;
    }
    let restart = |home: &mut Home| {
        home.stop_daemon();
        home.start_daemon();
    };
    let crash = |home: &mut Home| {
        home.signal_daemon(Signal::SIGKILL);
        home.daemon_ended();
        home.start_daemon();
    };
    for again in [restart as fn(&mut Home), crash] {
        let mut small = Small::new();
        small.home.start_daemon();
        let script = "seq 1 1000; read x; seq 1001 2000; read x; seq 2001 3000; read x; seq 3001 4000; cat";
        let session = small.home.start(&["sh", "-c", script]);
        let id = &session.short_id;
        // What stands on the disk is newer than its summary.
        small.home.until_printed(&session, "1000");
        small.home.ok(["keys", id, "enter"]);
        small.home.until_printed(&session, "2000");
        small.pause_journal();
        small.fill();
        small.home.ok(["keys", id, "enter"]);
        small.home.until_printed(&session, "3000");
        again(&mut small.home);
        let numbers = |home: &Home| -> Vec<u32> {
            home.ok(["tail", id, "-n", "all"]).lines().filter_map(|line| line.parse().ok()).collect()
        };
        assert!(numbers(&small.home).into_iter().eq(1..=3000));
        small.free();
        small.home.ok(["keys", id, "enter"]);
        small.home.until_printed(&session, "4000");
        eventually("it is stored", || (small.journal().verdict == Verdict::Fine).then_some(()));
        again(&mut small.home);
        assert!(numbers(&small.home).into_iter().eq(1..=4000));
    }
}

#[test]
fn what_cannot_be_written_down_is_not_done_or_said() {
    if !inside("full_disk::what_cannot_be_written_down_is_not_done_or_said") {
        return;
    }
    let mut small = Small::new();
    small.home.start_daemon();
    let home = &small.home;
    let session = home.start(&["cat"]);
    let id = &session.short_id;
    home.ok(["sessions", "rename", id, "before"]);
    small.pause_journal();
    small.fill();
    for verb in [
        ["sessions", "rename", id, "after"].as_slice(),
        &["resize", id, "101x31"],
        &["start", "-p", "shell", "--", "cat"],
        &["env-set", "create", "secrets"],
    ] {
        let said = home.fails(1, verb);
        assert!(said.contains("cannot write") && said.contains("No space left"), "{verb:?}: {said}");
    }
    let now = home.session(id);
    assert_eq!((now.name.as_deref(), now.size), (Some("before"), session.size));
    assert_eq!(home.sessions().len(), 1);
    assert!(!home.ok(["env-set", "list"]).contains("secrets"));
    let said = home.fails(1, ["stop", id]);
    assert!(said.contains("has ended") && said.contains("could not save that"), "{said}");
    assert_eq!(small.record(&session)["status"], "running");
    small.free();
    eventually("the end is written down", || (small.record(&session)["status"] == "stopped").then_some(()));
    assert_eq!(home.session(id).status, Status::Stopped);
    home.ok(["sessions", "rename", id, "after"]);
    // Nothing half written lies about.
    for dir in ["data", "data/sessions"] {
        assert!(home.files(dir).iter().all(|name| !name.ends_with(".new")), "{:?}", home.files(dir));
    }
}

#[test]
fn a_daemon_that_could_not_start_again_is_not_restarted() {
    if !inside("full_disk::a_daemon_that_could_not_start_again_is_not_restarted") {
        return;
    }
    let mut small = Small::new();
    small.home.start_daemon();
    let session = small.home.start(&["cat"]);
    let pid = small.home.daemon_pid();
    let held = small.hold_all_files();
    let said = small.home.fails(1, ["daemon", "restart"]);
    assert!(said.contains("could not start again") && said.contains("No space left"), "{said}");
    drop(held);
    assert_eq!(small.home.status().pid as i32, pid);
    small.free();
    small.home.ok(["daemon", "restart"]);
    assert!(small.home.session(&session.short_id).status.is_live());
}

#[test]
fn what_could_not_be_recorded_is_counted_and_told() {
    if !inside("full_disk::what_could_not_be_recorded_is_counted_and_told") {
        return;
    }
    let mut small = Small::new();
    small.home.start_daemon();
    let home = &small.home;
    let (one, two) = (home.start(&["cat"]), home.start(&["cat"]));
    assert_eq!(small.check("audit").verdict, Verdict::Fine);
    small.pause_journal();
    small.fill();
    for _ in 0..3 {
        home.ok(["halt", &two.short_id]);
    }
    // It has ended, whether that can be written down or not.
    home.run(["kill", &one.short_id]);
    assert_eq!(home.session(&one.short_id).status, Status::Stopped);
    for verb in [["resume", &one.short_id].as_slice(), &["start", "-p", "shell", "--", "cat"]] {
        let said = home.fails(1, verb);
        assert!(said.contains("not done, because it cannot be recorded"), "{verb:?}: {said}");
    }
    let check = small.check("audit");
    assert!(check.verdict == Verdict::Broken && check.detail.contains("No space left"), "{check:?}");
    small.free();
    home.ok(["kill", &two.short_id]);
    let records = home.ok(["audit", "--json", "-n", "1000"]);
    let records: Vec<serde_json::Value> =
        records.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| -> Vec<&serde_json::Value> {
        records.iter().filter(|record| record["kind"] == kind).collect()
    };
    let told = of("unrecorded");
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["data"]["kinds"], serde_json::json!({"halt": 3, "session.kill": 1}));
    assert_eq!((of("halt").len(), of("session.kill").len()), (0, 1), "of the second one");
    assert!(told[0]["seq"].as_u64() < of("session.kill")[0]["seq"].as_u64());
    for verb in [["audit"].as_slice(), &["audit", "verify"]] {
        let said = home.ok(verb);
        assert!(said.contains("4 actions could not be recorded from "), "{verb:?}: {said}");
    }
    let check = small.check("audit");
    assert!(check.verdict == Verdict::Warning && check.detail.contains("4 actions"), "{check:?}");
    // What happened meanwhile follows.
    eventually("the end of the first one is on record", || {
        let ended = home.ok(["audit", "--type", "session.ended", "--session", &one.short_id]);
        ended.contains("session.ended").then_some(())
    });
}

/// The directory of the audit cannot be made at first.
#[test]
fn an_audit_that_could_not_be_opened_is_opened_when_it_can_be() {
    let mut home = Home::new();
    fs::create_dir_all(home.path("data")).unwrap();
    fs::write(home.path("data/audit"), "in the way").unwrap();
    home.start_daemon();
    let said = home.fails(1, ["start", "-p", "shell", "--", "cat"]);
    assert!(said.contains("not done, because it cannot be recorded"), "{said}");
    home.ok(["halt", "--all"]);
    fs::remove_file(home.path("data/audit")).unwrap();
    home.start(&["cat"]);
    let said = home.ok(["audit"]);
    assert!(said.contains("1 action could not be recorded") && said.contains("Start of shell"), "{said}");
}
