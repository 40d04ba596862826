//! Large files, and how much memory they take.

use super::*;
use crate::audit::record::Place;

/// The most memory that this process ever had, in KiB.
fn most_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

const INSIDE: &str = "CODEPIPER_TEST_INSIDE";

/// In a process of its own: others' memory would be counted, too.
#[test]
fn a_hundred_thousand_records_are_verified_in_bounded_memory() {
    if std::env::var_os(INSIDE).is_none() {
        let test = std::thread::current().name().unwrap().to_owned();
        let mut inside = std::process::Command::new(std::env::current_exe().unwrap());
        let ran = inside.args(["--exact", "--nocapture", &test]).env(INSIDE, "1").output().unwrap();
        let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    const COUNT: u64 = 100_000;
    let dir = log_of(0);
    let file = fs::File::options().append(true).open(log_path(dir.path())).unwrap();
    let mut file = io::BufWriter::new(file);
    let (mut prev, mut line) = (Hash::default(), Vec::new());
    let new = record("decision", "cargo test");
    for seq in 1..=COUNT {
        line.clear();
        let at = Timestamp::from_second(seq as i64).unwrap();
        prev = new.put(Place { seq, at, clock_back_ms: None, prev }, &mut line).unwrap();
        io::Write::write_all(&mut file, &line).unwrap();
    }
    drop(file);
    let size = fs::metadata(log_path(dir.path())).unwrap().len();
    assert!(size > 24 << 20);
    let before = most_memory();
    let report = whole(dir.path());
    assert_eq!((report.records, report.last), (COUNT, Some(Anchor { seq: COUNT, hash: prev })));
    let audit = open_quietly(dir.path());
    audit.append(&new, Sync::Before).unwrap();
    audit.prune(KeepAfter::Seq(COUNT / 2)).unwrap();
    assert_eq!(read(dir.path(), &Filter { limit: Some(5), ..Filter::default() }).unwrap().records.len(), 5);
    drop(audit);
    // One line of more than 200 MiB.
    let path = log_path(dir.path());
    fs::File::options().write(true).open(&path).unwrap().set_len(1 << 28).unwrap();
    assert!(verified(dir.path()).rest);
    fs::remove_file(head_path(dir.path())).unwrap();
    assert!(verified(dir.path()).damage.unwrap().wrong.to_string().contains("longer than"));
    read(dir.path(), &Filter { limit: Some(5), ..Filter::default() }).unwrap();
    let more = most_memory() - before;
    assert!(more < 8 << 10, "{more} KiB more for {} KiB", size >> 10);
}
