//! A disk that is full, really: the test runs again in a mount namespace of its own, with a small file system.

use std::io::Write;
use std::process::Command;

use super::*;

const INSIDE: &str = "CODEPIPER_TEST_INSIDE";

/// Runs the test in a mount namespace. False outside: there it has run, or cannot.
fn inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let unshare = || {
        let mut unshare = Command::new("unshare");
        unshare.args(["--map-root-user", "--mount", "--"]);
        unshare
    };
    let probe = unshare().args(["mount", "-t", "tmpfs", "none", "/mnt"]).output();
    if !probe.is_ok_and(|probe| probe.status.success()) {
        eprintln!("not tried: no file system can be mounted here");
        return false;
    }
    let test = format!("{}::{test}", module_path!().split_once("::").unwrap().1);
    let exe = std::env::current_exe().unwrap();
    let ran = unshare().arg(exe).args(["--exact", "--nocapture", &test]).env(INSIDE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && said.contains("1 passed"), "{said}");
    false
}

#[test]
fn on_a_disk_that_is_full_nothing_half_written_stays_and_appends_go_on_later() {
    if !inside("on_a_disk_that_is_full_nothing_half_written_stays_and_appends_go_on_later") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mount =
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=256k", "none"]).arg(dir.path()).status();
    assert!(mount.unwrap().success());
    let audit = open_quietly(dir.path());
    let filler = dir.path().join("filler");
    let fill = || {
        let mut file = fs::File::options().append(true).create(true).open(&filler).unwrap();
        while file.write_all(&[0; 1024]).is_ok() {}
    };
    let (mut appended, mut refused) = (0, 0);
    for round in 0..4 {
        fill();
        for size in [100, 3000, 10_000] {
            match audit.append(&record("a", &"x".repeat(size)), Sync::Before) {
                Ok(seq) => {
                    appended += 1;
                    assert_eq!(seq, appended);
                }
                Err(error) => {
                    refused += 1;
                    assert!(error.to_string().contains("No space left"), "{error}");
                }
            }
            whole(dir.path());
            assert_eq!(numbers(dir.path()), (1..=appended).collect::<Vec<_>>(), "{round}");
        }
        if round % 2 == 1 {
            audit.prune(KeepAfter::Seq(0)).unwrap();
        }
        fs::remove_file(&filler).unwrap();
        appended += 1;
        assert_eq!(audit.append(&record("a", ""), Sync::Before).unwrap(), appended);
    }
    assert!(refused > 8, "{refused}");
    fill();
    // Opened on a full disk: what was there is there.
    drop(audit);
    let (audit, opened) = Audit::open(dir.path()).unwrap();
    assert_eq!(opened, Opened::default());
    audit.prune(KeepAfter::Seq(2)).unwrap_err();
    whole(dir.path());
    assert!(beside(dir.path()).is_empty());
    drop(audit);
    Command::new("umount").arg("--lazy").arg(dir.path()).status().unwrap();
}
