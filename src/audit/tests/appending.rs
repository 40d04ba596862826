//! Appending: numbers, syncs that are shared, disks that are full, clocks that go back.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use serde_json::Value;

use super::*;

#[test]
fn a_record_is_read_as_it_was_appended() {
    let dir = log_of(0);
    let audit = open_quietly(dir.path());
    let new = NewRecord {
        kind: "decision".into(),
        actor: "rule \"a\u{1}\n\u{2028}é".into(),
        session: None,
        data: json!({ "z": 1, "a": [1.5, 1e300, -0.0, null], "\n": "\u{0}" }),
    };
    audit.append(&new, Sync::Before).unwrap();
    let read = read(dir.path(), &Filter::default()).unwrap().records.remove(0);
    assert_eq!(
        (&read.kind, &read.actor, &read.session, &read.data),
        (&new.kind, &new.actor, &None, &new.data)
    );
    assert_eq!((read.seq, read.prev, read.clock_back_ms), (1, Hash::default(), None));
    assert_eq!(read.at.as_nanosecond() % 1_000_000, 0);
    assert_eq!(audit.head(), Anchor { seq: 1, hash: read.hash });
    // The line without its hash has that hash.
    let line = text(dir.path());
    let body = line.split(",\"hash\"").next().unwrap().to_owned() + "}";
    let sum = ring::digest::digest(&ring::digest::SHA256, body.as_bytes());
    assert_eq!(
        Hash::parse(&sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
        Some(read.hash)
    );
    let time = line.split("\"at\":\"").nth(1).unwrap();
    assert_eq!(time.find('Z'), Some("2026-01-01T00:00:00.000".len()), "{time}");
}

#[test]
fn what_is_too_long_or_of_our_own_kinds_is_refused_and_takes_no_number() {
    let dir = log_of(0);
    let audit = open_quietly(dir.path());
    let text = |length: usize| "x".repeat(length);
    let mut refused = vec![record("", ""), record("gap", ""), record("alarm", ""), record("prune", "")];
    refused.extend([record("pruned", ""), record(&text(MAX_KIND + 1), ""), record("a", &text(MAX_DATA))]);
    refused.push(NewRecord { actor: text(MAX_ACTOR + 1), ..record("a", "") });
    refused.push(NewRecord { session: Some(text(MAX_SESSION + 1)), ..record("a", "") });
    let mut deep = Value::Null;
    for _ in 0..200 {
        deep = json!([deep]);
    }
    refused.push(NewRecord { data: deep, ..record("a", "") });
    for new in &refused {
        audit.append(new, Sync::Later).unwrap_err();
    }
    let longest = NewRecord {
        kind: "\u{1}".repeat(MAX_KIND),
        actor: "\u{1}".repeat(MAX_ACTOR),
        session: Some("\u{1}".repeat(MAX_SESSION)),
        data: json!(text(MAX_DATA - 2)),
    };
    assert_eq!(audit.append(&longest, Sync::Before).unwrap(), 1);
    drop(audit);
    whole(dir.path());
    open_quietly(dir.path());
    assert_eq!(read(dir.path(), &Filter::default()).unwrap().records.len(), 1);
}

#[test]
fn later_is_written_at_once_and_synced_with_the_next_sync() {
    let dir = log_of(0);
    let syncs = Arc::new(AtomicUsize::new(0));
    let counted = syncs.clone();
    let steps = watch(move |step| {
        counted.fetch_add(usize::from(step == Step::Sync), Ordering::Relaxed);
        fine(step)
    });
    let (audit, _) = open_with(dir.path(), steps);
    audit.append(&record("a", ""), Sync::Later).unwrap();
    assert_eq!((numbers(dir.path()), audit.head().seq, audit.is_synced()), (vec![1], 0, false));
    audit.append(&record("a", ""), Sync::Before).unwrap();
    assert_eq!((audit.head().seq, audit.is_synced()), (2, true));
    audit.flush().unwrap();
    assert_eq!(syncs.load(Ordering::Relaxed), 1);
    audit.append(&record("a", ""), Sync::Later).unwrap();
    audit.flush().unwrap();
    assert_eq!((audit.head().seq, syncs.load(Ordering::Relaxed)), (3, 2));
    assert_eq!(anchor(dir.path()).unwrap(), Some(audit.head()));
}

#[test]
fn those_that_wait_together_share_one_sync() {
    const THREADS: usize = 8;
    let dir = log_of(0);
    let (syncs, writes) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (synced, written) = (syncs.clone(), writes.clone());
    let steps = watch(move |step| {
        match step {
            Step::Write(_) => drop(written.fetch_add(1, Ordering::SeqCst)),
            // The first one takes until everybody else has written.
            Step::Sync if synced.fetch_add(1, Ordering::SeqCst) == 0 => {
                while written.load(Ordering::SeqCst) < THREADS {
                    thread::yield_now();
                }
            }
            _ => {}
        }
        fine(step)
    });
    let (audit, _) = open_with(dir.path(), steps);
    let mut given: Vec<Seq> = thread::scope(|scope| {
        let append = || audit.append(&record("a", ""), Sync::Before).unwrap();
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(append)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    given.sort_unstable();
    assert_eq!(given, (1..=THREADS as Seq).collect::<Vec<_>>());
    assert_eq!(syncs.load(Ordering::SeqCst), 2);
    assert_eq!(numbers(dir.path()), given);
    whole(dir.path());
}

#[test]
fn many_threads_leave_no_hole() {
    let dir = log_of(0);
    let audit = open_quietly(dir.path());
    thread::scope(|scope| {
        for number in 0..6 {
            let audit = &audit;
            scope.spawn(move || {
                for _ in 0..20 {
                    let sync = if number % 2 == 0 { Sync::Before } else { Sync::Later };
                    let seq = audit.append(&record("a", "b"), sync).unwrap();
                    assert!(sync == Sync::Later || audit.head().seq >= seq);
                }
            });
        }
    });
    audit.flush().unwrap();
    assert_eq!(numbers(dir.path()), (1..=120).collect::<Vec<_>>());
    assert_eq!(whole(dir.path()).head, HeadSays::Fits { behind: 0 });
}

#[test]
fn a_disk_that_takes_only_a_part_leaves_nothing_of_it() {
    let dir = log_of(2);
    let before = bytes(dir.path());
    let space = Arc::new(AtomicUsize::new(usize::MAX));
    let left = space.clone();
    let steps = watch(move |step| fine(step).map(|bytes| bytes.min(left.load(Ordering::SeqCst))));
    let (audit, _) = open_with(dir.path(), steps);
    for room in [0, 1, 50] {
        for sync in [Sync::Before, Sync::Later] {
            space.store(room, Ordering::SeqCst);
            let error = audit.append(&record("a", "b"), sync).unwrap_err();
            assert!(error.to_string().contains("cannot write a record"), "{error}");
            assert!(bytes(dir.path()) == before);
        }
    }
    space.store(usize::MAX, Ordering::SeqCst);
    assert_eq!(audit.append(&record("a", "b"), Sync::Before).unwrap(), 3);
    assert_eq!(whole(dir.path()).recorded, []);
}

#[test]
fn what_cannot_be_cut_off_at_once_is_cut_off_before_the_next_record() {
    let dir = log_of(2);
    let broken = Arc::new(AtomicBool::new(true));
    let breaks = broken.clone();
    let steps = watch(move |step| match step {
        Step::Write(_) if breaks.load(Ordering::SeqCst) => Ok(20),
        Step::Cut if breaks.load(Ordering::SeqCst) => Err(full()),
        _ => fine(step),
    });
    let (audit, _) = open_with(dir.path(), steps);
    for _ in 0..3 {
        audit.append(&record("a", "b"), Sync::Later).unwrap_err();
        assert!(!text(dir.path()).ends_with('\n'));
        assert!(verified(dir.path()).rest);
    }
    broken.store(false, Ordering::SeqCst);
    assert_eq!(audit.append(&record("a", ""), Sync::Before).unwrap(), 3);
    whole(dir.path());
}

#[test]
fn everybody_who_waits_for_a_sync_that_fails_is_told_and_the_log_goes_on() {
    for broken in [Step::Sync, Step::Head] {
        let dir = log_of(2);
        let (failing, (begun, begins)) = (Arc::new(AtomicBool::new(true)), mpsc::channel());
        let (fails, gate) = (failing.clone(), Arc::new(AtomicBool::new(false)));
        let opened = gate.clone();
        let steps = watch(move |step| {
            if step == broken && fails.load(Ordering::SeqCst) {
                let _ = begun.send(());
                while !opened.load(Ordering::SeqCst) {
                    thread::yield_now();
                }
                return Err(full());
            }
            fine(step)
        });
        let (audit, _) = open_with(dir.path(), steps);
        assert_eq!(audit.append(&record("a", "later"), Sync::Later).unwrap(), 3);
        thread::scope(|scope| {
            let append = || audit.append(&record("a", "before"), Sync::Before).unwrap_err();
            let mut waiting = vec![scope.spawn(append)];
            begins.recv().unwrap();
            // Those come while it syncs.
            waiting.extend((0..3).map(|_| scope.spawn(append)));
            while numbers(dir.path()).len() < 7 {
                thread::yield_now();
            }
            gate.store(true, Ordering::SeqCst);
            for thread in waiting {
                assert!(thread.join().unwrap().to_string().contains("no storage space"));
            }
        });
        // What was refused is not there. What was given a number is there if the disk took it, or is named.
        let taken = broken == Step::Head;
        assert_eq!(numbers(dir.path()), if taken { vec![1, 2, 3] } else { vec![1, 2] });
        for _ in 0..20 {
            audit.append(&record("a", "still"), Sync::Before).unwrap_err();
        }
        failing.store(false, Ordering::SeqCst);
        let again = audit.append(&record("a", "again"), Sync::Before).unwrap();
        let report = whole(dir.path());
        if taken {
            assert_eq!((again, report.recorded), (4, vec![]));
            continue;
        }
        assert_eq!(again, 5);
        let [recorded] = &report.recorded[..] else { panic!("{report}") };
        assert_eq!((recorded.seq, recorded.missing, recorded.found), (4, Some((3, 3)), false));
        assert_eq!(recorded.why.len(), 1);
        assert_eq!(numbers(dir.path()), [1, 2, 4, 5]);
        drop(audit);
        open_quietly(dir.path());
    }
}

#[test]
fn what_was_there_before_a_crash_is_named_when_it_is_lost() {
    let dir = log_of(2);
    let audit = open_quietly(dir.path());
    audit.append(&record("a", ""), Sync::Later).unwrap();
    drop(audit);
    let failing = Arc::new(AtomicBool::new(true));
    let fails = failing.clone();
    let steps = watch(move |step| match step == Step::Sync && fails.load(Ordering::SeqCst) {
        true => Err(full()),
        false => fine(step),
    });
    let (audit, opened) = open_with(dir.path(), steps);
    assert_eq!(opened.repaired, [Repaired::Newer { records: 1 }]);
    audit.flush().unwrap_err();
    failing.store(false, Ordering::SeqCst);
    assert_eq!(audit.append(&record("a", ""), Sync::Before).unwrap(), 5);
    assert_eq!(whole(dir.path()).recorded[0].missing, Some((3, 3)));
}

#[test]
fn a_finding_that_could_not_be_recorded_comes_with_the_next_record() {
    for broken in [Step::Sync, Step::Head, Step::Write(0)] {
        let dir = log_of(5);
        set(dir.path(), lines(dir.path())[..3].concat());
        let failing = Arc::new(AtomicBool::new(true));
        let fails = failing.clone();
        let steps = watch(move |step| {
            let this = std::mem::discriminant(&step) == std::mem::discriminant(&broken);
            match this && fails.load(Ordering::SeqCst) {
                true => Err(full()),
                false => fine(step),
            }
        });
        let (audit, opened) = open_with(dir.path(), steps);
        assert!(opened.unrecorded && opened.alarms == [Alarm::TailMissing { from: 4, to: 5 }]);
        audit.append(&record("a", ""), Sync::Before).unwrap_err();
        // It is in the file when only the head could not be written.
        let says = match broken {
            Step::Head => HeadSays::Fits { behind: 1 },
            _ => HeadSays::TailMissing { from: 4, to: 5 },
        };
        assert_eq!(verified(dir.path()).head, says);
        failing.store(false, Ordering::SeqCst);
        assert_eq!(audit.append(&record("a", ""), Sync::Before).unwrap(), 7);
        let report = verified(dir.path());
        assert_eq!((report.recorded.len(), report.recorded[0].missing), (1, Some((4, 5))));
        assert!(report.recorded[0].found && report.damage.is_none());
    }
}

#[test]
fn refused_records_take_no_numbers() {
    let dir = log_of(2);
    let failing = Arc::new(AtomicBool::new(true));
    let fails = failing.clone();
    let steps = watch(move |step| match step == Step::Head && fails.load(Ordering::SeqCst) {
        true => Err(full()),
        false => fine(step),
    });
    let (audit, _) = open_with(dir.path(), steps);
    for _ in 0..3 {
        audit.append(&record("a", ""), Sync::Before).unwrap_err();
    }
    failing.store(false, Ordering::SeqCst);
    assert_eq!(audit.append(&record("a", ""), Sync::Before).unwrap(), 3);
    assert_eq!(whole(dir.path()).recorded, []);
}

#[test]
fn a_clock_that_goes_back_is_recorded_and_no_damage() {
    let dir = log_of(0);
    let clock = Arc::new(AtomicI64::new(1_000_000));
    let now = clock.clone();
    let now = move || Timestamp::from_millisecond(now.load(Ordering::SeqCst)).unwrap();
    let steps = Steps { watch: None, clock: Some(Arc::new(now)) };
    let (audit, _) = open_with(dir.path(), steps.clone());
    let back = |at: i64| {
        clock.store(at, Ordering::SeqCst);
        audit.append(&record("a", ""), Sync::Before).unwrap();
        let newest = read(dir.path(), &Filter::default()).unwrap().records.remove(0);
        assert_eq!(newest.at.as_millisecond(), at);
        newest.clock_back_ms
    };
    assert_eq!([1_000_000, 1_000_000, 400_000, 400_001].map(back), [None, None, Some(600_000), None]);
    drop(audit);
    assert_eq!(whole(dir.path()).clock_back, 1);
    // Also when it was set back while nobody looked.
    clock.store(0, Ordering::SeqCst);
    let (audit, opened) = open_with(dir.path(), steps);
    assert_eq!(opened, Opened::default());
    audit.append(&record("a", ""), Sync::Before).unwrap();
    assert_eq!(whole(dir.path()).clock_back, 2);
}
