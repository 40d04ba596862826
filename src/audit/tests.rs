//! The log as a whole: each file of tests is about one thing that happens to it.

mod appending;
mod crashes;
mod damage;
mod full_disk;
mod killed;
mod pruning;
mod random;
mod reading;
mod size;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;
use tempfile::TempDir;

use super::opening::Opened;
use super::steps::{Step, Steps};
use super::*;

fn record(kind: &str, text: &str) -> NewRecord {
    NewRecord {
        kind: kind.into(),
        actor: "owner".into(),
        session: Some("s1".into()),
        data: json!({ "text": text }),
    }
}

/// In memory where that is possible: thousands of syncs are about the bytes, not about the disk.
fn directory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// A log of records that say their number.
fn log_of(count: u64) -> TempDir {
    log_by("decision", count)
}

fn log_by(kind: &str, count: u64) -> TempDir {
    let dir = directory();
    let audit = open_quietly(dir.path());
    for number in 1..=count {
        assert_eq!(audit.append(&record(kind, &number.to_string()), Sync::Later).unwrap(), number);
    }
    audit.flush().unwrap();
    dir
}

/// Opens what an ordinary crash may have left.
fn open_quietly(dir: &Path) -> Audit {
    let (audit, opened) = Audit::open(dir).unwrap();
    assert_eq!(opened.alarms, [], "{opened:?}");
    audit
}

fn verified(dir: &Path) -> Report {
    verify(dir, None).unwrap()
}

fn whole(dir: &Path) -> Report {
    let report = verified(dir);
    assert!(report.is_whole(), "{report}\n{}", text(dir));
    report
}

fn bytes(dir: &Path) -> Vec<u8> {
    fs::read(log_path(dir)).unwrap()
}

fn text(dir: &Path) -> String {
    String::from_utf8_lossy(&bytes(dir)).into_owned()
}

fn set(dir: &Path, content: impl AsRef<[u8]>) {
    // The file system brings what was truncated and written to the disk at once; nobody needs that here.
    let _ = fs::remove_file(log_path(dir));
    fs::write(log_path(dir), content).unwrap();
}

fn lines(dir: &Path) -> Vec<String> {
    text(dir).lines().map(|line| format!("{line}\n")).collect()
}

/// The numbers in the file.
fn numbers(dir: &Path) -> Vec<Seq> {
    let filter = Filter { order: Order::OldestFirst, ..Filter::default() };
    read(dir, &filter).unwrap().records.iter().map(|record| record.seq).collect()
}

/// A copy of both files and of what lies beside them.
fn copy(dir: &Path) -> TempDir {
    let to = directory();
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.path().join(entry.file_name())).unwrap();
    }
    to
}

fn watch(each: impl Fn(Step) -> io::Result<usize> + Send + std::marker::Sync + 'static) -> Steps {
    Steps { watch: Some(Arc::new(each)), clock: None }
}

/// What a step answers when nothing is broken.
fn fine(step: Step) -> io::Result<usize> {
    Ok(if let Step::Write(bytes) = step { bytes } else { 0 })
}

fn full() -> io::Error {
    io::ErrorKind::StorageFull.into()
}

fn open_with(dir: &Path, steps: Steps) -> (Audit, Opened) {
    Audit::open_with(dir, steps).unwrap()
}

fn beside(dir: &Path) -> Vec<PathBuf> {
    let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.extension().is_some_and(|extension| extension == "new"));
    names
}
