//! Programs that are killed while they append, really.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::thread;

use super::*;

const DIRECTORY: &str = "CODEPIPER_TEST_AUDIT";
const TEST: &str = "what_was_recorded_before_it_took_effect_survives_a_kill";

/// Appends from several threads, and prints the numbers that are on the disk, until it is killed.
fn append(dir: &Path) {
    let audit = open_quietly(dir);
    thread::scope(|scope| {
        for number in 0..4 {
            let audit = &audit;
            scope.spawn(move || {
                for round in 0_u64.. {
                    let new = record("a", &"x".repeat(number * 1000));
                    audit.append(&new, Sync::Later).unwrap();
                    let seq = audit.append(&new, Sync::Before).unwrap();
                    writeln!(io::stdout().lock(), "synced {seq}").unwrap();
                    if number == 0 && round % 20 == 19 {
                        audit.prune(KeepAfter::Seq(seq.saturating_sub(60))).unwrap();
                    }
                }
            });
        }
    });
}

#[test]
fn what_was_recorded_before_it_took_effect_survives_a_kill() {
    if let Some(dir) = std::env::var_os(DIRECTORY) {
        return append(Path::new(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    let test = format!("{}::{TEST}", module_path!().split_once("::").unwrap().1);
    for round in 0..8 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", &test])
            .env(DIRECTORY, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut synced = Vec::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            synced.extend(line.unwrap().strip_prefix("synced ").map(|seq| seq.parse::<Seq>().unwrap()));
            if synced.len() == 40 + 17 * round {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        let report = whole(dir.path());
        drop(open_quietly(dir.path()));
        let (first, last) = (report.first.unwrap(), report.last.unwrap().seq);
        let found = numbers(dir.path());
        assert!(found.ends_with(&(first..=last).collect::<Vec<_>>()));
        assert!(synced.iter().all(|seq| *seq <= last), "{synced:?} {last}");
        assert_eq!(report.recorded, []);
    }
    assert!(verified(dir.path()).removed.is_some());
}
