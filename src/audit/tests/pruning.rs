//! The start moves.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread;

use super::*;
use crate::lock::lock;

#[test]
fn what_is_old_is_removed_and_the_rest_is_verified() {
    let dir = log_of(10);
    let audit = open_quietly(dir.path());
    let (fifth, tenth) = (record_of(dir.path(), 5), record_of(dir.path(), 10));
    assert_eq!(audit.prune(KeepAfter::Seq(0)).unwrap(), None);
    let pruned = audit.prune(KeepAfter::Seq(5)).unwrap();
    assert_eq!(pruned, Some(Pruned { from: 1, to: 5, count: 5 }));
    assert_eq!(audit.append(&record("a", "next"), Sync::Before).unwrap(), 12);
    let start: Record = serde_json::from_str(&lines(dir.path())[0]).unwrap();
    assert_eq!((start.kind.as_str(), start.prev), ("pruned", fifth.hash));
    assert_eq!(start.data["from"], 1);
    assert_eq!(start.data["to"], 5);
    assert_eq!(start.data["count"], 5);
    assert_eq!(start.data["hash"], fifth.hash.to_string());
    let report = whole(dir.path());
    assert_eq!((report.first, report.removed, report.records), (Some(6), Some((1, 5)), 7));
    // Anchors: of what is there, the last of what is gone, and before.
    for (seq, hash, says) in [
        (10, tenth.hash, AnchorSays::Holds),
        (5, fifth.hash, AnchorSays::Holds),
        (5, tenth.hash, AnchorSays::Differs { seq: 5 }),
        (4, tenth.hash, AnchorSays::Removed),
    ] {
        let report = verify(dir.path(), Some(Anchor { seq, hash })).unwrap();
        // What cannot be compared proves nothing.
        assert_eq!(report.is_whole(), says == AnchorSays::Holds);
        assert_eq!(report.anchor, Some((seq, says)));
    }
    // Again, over the order of the first time.
    let pruned = audit.prune(KeepAfter::Seq(11)).unwrap();
    assert_eq!(pruned, Some(Pruned { from: 1, to: 11, count: 6 }));
    assert_eq!(whole(dir.path()).records, 2);
    drop(audit);
    let (audit, opened) = Audit::open(dir.path()).unwrap();
    assert_eq!(opened, Opened::default());
    assert_eq!(audit.append(&record("a", "next"), Sync::Before).unwrap(), 14);
    // More than there is: what ordered it stays.
    audit.prune(KeepAfter::Seq(100)).unwrap().unwrap();
    assert_eq!(numbers(dir.path()), [14, 15]);
    whole(dir.path());
}

fn record_of(dir: &Path, seq: Seq) -> Record {
    read(dir, &Filter::default()).unwrap().records.into_iter().find(|record| record.seq == seq).unwrap()
}

#[test]
fn a_crash_at_any_step_leaves_the_old_file_or_the_new_one() {
    for (count, keep) in [(1, 1), (8, 1), (8, 5), (8, 8)] {
        let dir = log_of(count);
        let copies: Arc<Mutex<Vec<(Step, TempDir)>>> = Arc::default();
        let (into, from) = (copies.clone(), dir.path().to_owned());
        let steps = watch(move |step| {
            lock(&into).push((step, copy(&from)));
            fine(step)
        });
        let (audit, _) = open_with(dir.path(), steps);
        audit.append(&record("a", "not synced"), Sync::Later).unwrap();
        audit.prune(KeepAfter::Seq(keep)).unwrap().unwrap();
        drop(audit);
        let copies = std::mem::take(&mut *lock(&copies));
        let steps: Vec<Step> = copies.iter().map(|(step, _)| *step).collect();
        assert!(steps.contains(&Step::PruneCopied) && steps.contains(&Step::PruneRename), "{steps:?}");
        assert_eq!(steps[steps.len() - 3..], [Step::PruneRenamed, Step::Head, Step::HeadWritten]);
        for (step, copy) in copies {
            let report = whole(copy.path());
            let new = report.removed.is_some();
            assert!(!new || report.removed == Some((1, keep)));
            let renamed = matches!(step, Step::PruneRenamed | Step::HeadWritten | Step::Head);
            assert!(!new || renamed, "{step:?}");
            let (audit, opened) = Audit::open(copy.path()).unwrap();
            assert_eq!(opened.alarms, [], "{step:?}");
            assert_eq!(opened.repaired.contains(&Repaired::Pruned), new && step != Step::HeadWritten);
            assert!(beside(copy.path()).is_empty());
            audit.append(&record("a", "after"), Sync::Before).unwrap();
            audit.prune(KeepAfter::Seq(keep)).unwrap();
            drop(audit);
            assert_eq!(whole(copy.path()).removed, Some((1, keep)));
        }
    }
}

#[test]
fn a_crash_after_the_start_was_removed_may_also_cut_the_last_line() {
    let dir = log_of(8);
    let copies: Arc<Mutex<Vec<TempDir>>> = Arc::default();
    let (into, from) = (copies.clone(), dir.path().to_owned());
    let (audit, _) = open_with(
        dir.path(),
        watch(move |step| {
            if step == Step::PruneRenamed {
                lock(&into).push(copy(&from));
            }
            fine(step)
        }),
    );
    audit.prune(KeepAfter::Seq(4)).unwrap();
    let copy = lock(&copies).pop().unwrap();
    set(copy.path(), [&bytes(copy.path())[..], b"{\"seq\""].concat());
    whole(copy.path());
    let (_, opened) = Audit::open(copy.path()).unwrap();
    assert_eq!(opened.repaired, [Repaired::Pruned, Repaired::Cut { bytes: 6 }]);
    assert_eq!(opened.alarms, []);
}

#[test]
fn an_error_at_any_step_leaves_a_log_that_goes_on() {
    for broken in [Step::PruneCopied, Step::PruneRename, Step::PruneRenamed, Step::Head] {
        let dir = log_of(8);
        let breaks = Arc::new(AtomicBool::new(false));
        let broken_now = breaks.clone();
        let steps = watch(move |step| {
            if step == Step::PruneCopied {
                broken_now.store(true, Ordering::SeqCst);
            }
            match step == broken && broken_now.load(Ordering::SeqCst) {
                true => Err(full()),
                false => fine(step),
            }
        });
        let (audit, _) = open_with(dir.path(), steps);
        audit.prune(KeepAfter::Seq(4)).unwrap_err();
        breaks.store(false, Ordering::SeqCst);
        assert!(beside(dir.path()).is_empty(), "{broken:?}");
        whole(dir.path());
        assert_eq!(audit.append(&record("a", "after"), Sync::Before).unwrap(), 10);
        whole(dir.path());
        drop(audit);
        assert_eq!(Audit::open(dir.path()).unwrap().1, Opened::default());
    }
}

#[test]
fn who_waits_while_the_start_is_removed_is_told_when_the_head_cannot_be_written() {
    let dir = log_of(8);
    let audit: Arc<OnceLock<Audit>> = Arc::default();
    let (inner, failing) = (audit.clone(), Arc::new(AtomicBool::new(false)));
    let fails = failing.clone();
    let steps = watch(move |step| {
        if step == Step::PruneCopied {
            // Somebody who has written, and has not begun to sync.
            let audit = inner.get().unwrap();
            audit.append(&record("a", "stays"), Sync::Later).unwrap();
            let mut state = lock(&audit.state);
            state.undecided = Some(state.tip);
            drop(state);
            audit.append(&record("a", "is refused"), Sync::Later).unwrap();
        }
        match step == Step::Head && fails.load(Ordering::SeqCst) {
            true => Err(full()),
            false => fine(step),
        }
    });
    let audit = audit.get_or_init(|| open_with(dir.path(), steps).0);
    audit.prune(KeepAfter::Seq(4)).unwrap();
    failing.store(true, Ordering::SeqCst);
    audit.flush().unwrap_err();
    assert!(text(dir.path()).ends_with('\n'));
    assert_eq!(numbers(dir.path()), [4, 5, 6, 7, 8, 9, 10]);
    whole(dir.path());
}

#[test]
fn a_start_that_was_removed_without_an_order_is_damage() {
    let dir = log_of(8);
    let all = lines(dir.path());
    set(dir.path(), all[3..].concat());
    let wrong = Wrong::Missing { from: 1, to: 3 };
    assert_eq!(verified(dir.path()).damage, Some(Damage { line: 1, seq: 1, wrong }));
    // With the mark of a log that was shortened by order.
    set(dir.path(), all.concat());
    let ordered = copy(dir.path());
    open_quietly(ordered.path()).prune(KeepAfter::Seq(3)).unwrap();
    let mark = lines(ordered.path())[0].clone();
    set(dir.path(), mark.clone() + &all[3..].concat());
    let report = verified(dir.path());
    assert_eq!(report.damage, Some(Damage { line: 1, seq: 3, wrong: Wrong::NotOrdered }));
    // And the mark elsewhere.
    set(dir.path(), all[..3].concat() + &mark + &all[3..].concat());
    assert_eq!(verified(dir.path()).damage.unwrap().line, 4);
}

#[test]
fn every_changed_byte_of_a_shortened_log_is_found() {
    let dir = log_of(4);
    let audit = open_quietly(dir.path());
    audit.prune(KeepAfter::Seq(2)).unwrap();
    drop(audit);
    let original = bytes(dir.path());
    for at in 0..original.len() {
        let mut changed = original.clone();
        changed[at] ^= 1;
        set(dir.path(), &changed);
        let line = 1 + original[..at].iter().filter(|byte| **byte == b'\n').count() as u64;
        let damage = verified(dir.path()).damage.unwrap();
        assert_eq!(damage.line, line, "byte {at}: {damage}");
    }
}

#[test]
fn damage_is_not_removed() {
    let dir = log_of(8);
    set(dir.path(), text(dir.path()).replacen("\"2\"", "\"3\"", 1));
    let audit = open_quietly(dir.path());
    let before = bytes(dir.path());
    let error = audit.prune(KeepAfter::Seq(4)).unwrap_err();
    assert!(matches!(error, Error::Damaged(Damage { line: 2, seq: 2, wrong: Wrong::Changed })), "{error}");
    assert!(bytes(dir.path()) == before);
    assert_eq!(audit.prune(KeepAfter::Seq(1)).unwrap(), Some(Pruned { from: 1, to: 1, count: 1 }));
}

#[test]
fn the_first_record_of_the_time_and_all_behind_it_stay() {
    let dir = log_of(0);
    let hours = Mutex::new([5_i64, 1, 2, 9, 3, 10, 10].into_iter());
    let clock = move || Timestamp::from_second(3600 * lock(&hours).next().unwrap()).unwrap();
    let (audit, _) = open_with(dir.path(), Steps { watch: None, clock: Some(Arc::new(clock)) });
    for _ in 0..5 {
        audit.append(&record("a", ""), Sync::Later).unwrap();
    }
    audit.prune(KeepAfter::Time(Timestamp::from_second(3600 * 6).unwrap())).unwrap();
    assert_eq!(numbers(dir.path()), [3, 4, 5, 6]);
    whole(dir.path());
}

#[test]
fn appends_go_on_while_the_start_is_removed() {
    let dir = log_of(200);
    let audit = open_quietly(dir.path());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    audit.append(&record("a", "b"), Sync::Before).unwrap();
                }
            });
        }
        for number in 1..=10 {
            audit.prune(KeepAfter::Seq(number * 15)).unwrap().unwrap();
            whole(dir.path());
        }
        done.store(true, Ordering::SeqCst);
    });
    audit.flush().unwrap();
    let last = whole(dir.path()).last.unwrap().seq;
    assert_eq!(numbers(dir.path()), (151 - 1..=last).collect::<Vec<_>>());
}
