//! What an ordinary crash leaves is no alarm: a process that is killed, a machine that loses power.

use std::sync::Mutex;

use super::*;
use crate::lock::lock;

/// Copies of the directory at every step that is taken.
type Copies = Arc<Mutex<Vec<(Step, TempDir)>>>;

fn copying(dir: &Path) -> (Steps, Copies) {
    let (copies, dir) = (Copies::default(), dir.to_owned());
    let into = copies.clone();
    let steps = watch(move |step| {
        lock(&into).push((step, copy(&dir)));
        fine(step)
    });
    (steps, copies)
}

/// Opened again, it goes on, and nothing is wrong.
fn goes_on(dir: &Path) -> Opened {
    whole(dir);
    let (audit, opened) = Audit::open(dir).unwrap();
    assert_eq!(opened.alarms, []);
    audit.append(&record("decision", "after"), Sync::Before).unwrap();
    drop(audit);
    let report = whole(dir);
    assert!(report.recorded.is_empty() && !report.rest, "{report}");
    assert_eq!(report.head, HeadSays::Fits { behind: 0 });
    assert_eq!(numbers(dir), (1..=report.last.unwrap().seq).collect::<Vec<_>>());
    assert!(beside(dir).is_empty());
    opened
}

#[test]
fn a_crash_at_any_step_of_an_append_is_no_alarm() {
    let dir = log_of(2);
    let (steps, copies) = copying(dir.path());
    let (audit, _) = open_with(dir.path(), steps);
    audit.append(&record("decision", "one"), Sync::Later).unwrap();
    audit.append(&record("decision", "two"), Sync::Before).unwrap();
    drop(audit);
    let copies = std::mem::take(&mut *lock(&copies));
    let steps: Vec<Step> = copies.iter().map(|(step, _)| *step).collect();
    assert!(matches!(steps[..], [Step::Write(_), Step::Write(_), Step::Sync, Step::Head, Step::HeadWritten]));
    for (_, copy) in &copies {
        goes_on(copy.path());
    }
}

#[test]
fn a_crash_within_a_write_is_no_alarm_wherever_it_is() {
    let dir = log_of(2);
    let head = fs::read(head_path(dir.path())).unwrap();
    let synced = bytes(dir.path()).len();
    let audit = open_quietly(dir.path());
    audit.append(&record("decision", "three"), Sync::Later).unwrap();
    audit.append(&record("decision", "four"), Sync::Before).unwrap();
    drop(audit);
    let all = bytes(dir.path());
    let line = 1 + all[synced..].iter().position(|byte| *byte == b'\n').unwrap();
    for length in synced..=all.len() {
        set(dir.path(), &all[..length]);
        fs::write(head_path(dir.path()), &head).unwrap();
        let left = length - synced;
        let records = [line, all.len() - synced].iter().filter(|end| **end <= left).count() as u64;
        let cut = left - [0, line, all.len() - synced][records as usize];
        assert_eq!(verified(dir.path()).rest, cut > 0);
        let opened = goes_on(dir.path());
        let mut repaired = Vec::new();
        if cut > 0 {
            repaired.push(Repaired::Cut { bytes: cut as u64 });
        }
        if records > 0 {
            repaired.push(Repaired::Newer { records });
        }
        assert_eq!(opened.repaired, repaired, "{length}");
    }
}

#[test]
fn what_a_power_loss_leaves_behind_the_head_is_no_alarm() {
    let original = log_of(2);
    for rest in [vec![0; 5000], vec![b'\n'; 10], vec![b'x'; 200_000], b"{\"seq\":3}\n{".to_vec()] {
        let dir = copy(original.path());
        set(dir.path(), [bytes(dir.path()), rest.clone()].concat());
        assert!(verified(dir.path()).rest);
        let opened = goes_on(dir.path());
        assert_eq!(opened.repaired, [Repaired::Cut { bytes: rest.len() as u64 }]);
    }
}

#[test]
fn a_first_opening_that_crashed_is_no_alarm() {
    let dir = directory();
    let (steps, copies) = copying(dir.path());
    let (audit, opened) = open_with(dir.path(), steps);
    assert_eq!(opened, Opened::default());
    assert_eq!(audit.head().to_string(), format!("0:{}", "0".repeat(64)));
    drop(audit);
    let copies = std::mem::take(&mut *lock(&copies));
    assert_eq!(copies.len(), 2);
    for (_, copy) in &copies {
        goes_on(copy.path());
    }
    let nothing = directory();
    assert!(verified(nothing.path()).is_whole());
    assert_eq!(read(nothing.path(), &Filter::default()).unwrap(), Page::default());
}

#[test]
fn a_head_that_was_being_written_is_removed() {
    let dir = log_of(2);
    fs::write(head_path(dir.path()).with_added_extension("new"), "{").unwrap();
    let opened = goes_on(dir.path());
    assert_eq!(opened.repaired, [Repaired::Beside { name: "audit.head.new" }]);
}

#[test]
fn a_crash_while_a_cut_tail_is_recorded_leaves_it_recorded_once() {
    let original = log_of(5);
    set(original.path(), lines(original.path())[..3].concat());
    let dir = copy(original.path());
    let (steps, copies) = copying(dir.path());
    drop(open_with(dir.path(), steps));
    let copies = std::mem::take(&mut *lock(&copies));
    assert_eq!(copies.len(), 4);
    for (_, copy) in &copies {
        drop(Audit::open(copy.path()).unwrap());
        open_quietly(copy.path()).append(&record("decision", "after"), Sync::Before).unwrap();
        let report = verified(copy.path());
        assert_eq!(report.recorded.len(), 1, "{report}");
        assert_eq!(report.recorded[0].missing, Some((4, 5)));
        assert_eq!(report.head, HeadSays::Fits { behind: 0 });
        assert_eq!(numbers(copy.path()), [1, 2, 3, 6, 7]);
    }
}

#[test]
fn another_process_cannot_open_it() {
    let dir = log_of(1);
    let audit = open_quietly(dir.path());
    assert!(Audit::open(dir.path()).err().unwrap().to_string().contains("another process"));
    drop(audit);
    open_quietly(dir.path());
}
