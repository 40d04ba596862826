//! What somebody did to the files.

use super::*;

#[test]
fn every_changed_byte_is_found_in_its_record() {
    let dir = log_of(5);
    let original = bytes(dir.path());
    for at in 0..original.len() {
        let line = 1 + original[..at].iter().filter(|byte| **byte == b'\n').count() as u64;
        for change in [0x01, 0x20, 0x80, original[at] ^ b'\n', original[at] ^ b'"', original[at]] {
            if change == 0 {
                continue;
            }
            let mut changed = original.clone();
            changed[at] ^= change;
            set(dir.path(), &changed);
            let report = verified(dir.path());
            let damage = report.damage.clone().unwrap_or_else(|| panic!("byte {at} ^ {change:x}: {report}"));
            assert_eq!((damage.line, damage.seq), (line, line), "byte {at} ^ {change:x}: {report}");
            assert!(!report.is_whole());
        }
    }
    set(dir.path(), &original);
    whole(dir.path());
}

#[test]
fn every_changed_byte_of_the_head_is_found() {
    let dir = log_of(3);
    let original = fs::read(head_path(dir.path())).unwrap();
    for at in 0..original.len() {
        for change in [0x01, 0x02, 0x20, 0x80] {
            let mut changed = original.clone();
            changed[at] ^= change;
            fs::remove_file(head_path(dir.path())).unwrap();
            fs::write(head_path(dir.path()), &changed).unwrap();
            let report = verified(dir.path());
            assert!(!report.is_whole(), "byte {at}: {report}");
            assert_eq!(report.damage, None);
            let copy = copy(dir.path());
            let (_, opened) = Audit::open(copy.path()).unwrap();
            assert!(!opened.alarms.is_empty(), "byte {at} ^ {change:x}");
        }
    }
}

#[test]
fn a_removed_record_is_missing() {
    let dir = log_of(6);
    let all = lines(dir.path());
    for gone in 0..all.len() - 1 {
        let mut left = all.clone();
        left.remove(gone);
        set(dir.path(), left.concat());
        let (seq, line) = (gone as u64 + 1, gone as u64 + 1);
        let wrong = Wrong::Missing { from: seq, to: seq };
        assert_eq!(verified(dir.path()).damage, Some(Damage { line, seq, wrong }));
    }
}

#[test]
fn a_record_twice_is_out_of_order() {
    let dir = log_of(4);
    let all = lines(dir.path());
    for from in 0..all.len() {
        for to in from + 1..=all.len() {
            let mut more = all.clone();
            more.insert(to, all[from].clone());
            set(dir.path(), more.concat());
            let damage = verified(dir.path()).damage.unwrap();
            assert_eq!(damage.line, to as u64 + 1);
            assert_eq!(damage.wrong, Wrong::OutOfOrder { found: from as u64 + 1 });
        }
    }
}

#[test]
fn records_that_changed_places_are_found_at_the_first() {
    let dir = log_of(5);
    let all = lines(dir.path());
    for first in 0..all.len() {
        for second in first + 1..all.len() {
            let mut swapped = all.clone();
            swapped.swap(first, second);
            set(dir.path(), swapped.concat());
            let damage = verified(dir.path()).damage.unwrap();
            let wrong = Wrong::Missing { from: first as u64 + 1, to: second as u64 };
            assert_eq!(damage, Damage { line: first as u64 + 1, seq: first as u64 + 1, wrong });
        }
    }
}

#[test]
fn a_record_of_another_log_does_not_follow() {
    let (dir, other) = (log_of(4), log_by("launch", 4));
    let mut mixed = lines(dir.path());
    mixed[2] = lines(other.path())[2].clone();
    set(dir.path(), mixed.concat());
    let wrong = Wrong::DoesNotFollow;
    assert_eq!(verified(dir.path()).damage, Some(Damage { line: 3, seq: 3, wrong }));
}

#[test]
fn a_tail_that_was_cut_is_named_and_recorded_at_every_byte() {
    let original = log_of(3);
    let all = bytes(original.path());
    for length in 0..all.len() {
        let dir = copy(original.path());
        set(dir.path(), &all[..length]);
        let left = all[..length].iter().filter(|byte| **byte == b'\n').count() as u64;
        let report = verified(dir.path());
        assert_eq!(report.head, HeadSays::TailMissing { from: left + 1, to: 3 }, "{length}: {report}");
        let (audit, opened) = Audit::open(dir.path()).unwrap();
        assert!(opened.alarms.contains(&Alarm::TailMissing { from: left + 1, to: 3 }), "{length} {opened:?}");
        assert!(!opened.unrecorded && opened.repaired.is_empty());
        assert_eq!(audit.append(&record("decision", "next"), Sync::Before).unwrap(), 5);
        drop(audit);
        // What is left of a record stays as it is.
        assert!(bytes(dir.path()).starts_with(&all[..length]));
        let report = verified(dir.path());
        assert!(!report.is_whole(), "{report}");
        assert_eq!(report.recorded[0].missing, Some((left + 1, 3)));
        assert!(report.recorded[0].found && report.recorded[0].seq == 4);
        assert_eq!(report.head, HeadSays::Fits { behind: 0 }, "{length}: {report}");
        assert_eq!(numbers(dir.path()).last(), Some(&5));
        let within_line = all[..length].last().is_some_and(|byte| *byte != b'\n');
        assert_eq!(report.damage.is_some(), within_line, "{length}: {report}");
        open_quietly(dir.path());
    }
}

#[test]
fn what_was_found_counts_until_an_anchor_from_later_is_given() {
    let dir = log_of(5);
    set(dir.path(), lines(dir.path())[..3].concat());
    let (audit, _) = Audit::open(dir.path()).unwrap();
    let anchor = audit.head();
    assert_eq!(anchor.seq, 6);
    assert!(!verified(dir.path()).is_whole());
    assert!(verify(dir.path(), Some(anchor)).unwrap().is_whole());
}

#[test]
fn an_anchor_shows_a_cut_tail_with_a_head_that_fits_and_nothing_else_does() {
    let dir = log_of(5);
    let anchor: Anchor = anchor(dir.path()).unwrap().unwrap().to_string().parse().unwrap();
    let shorter = log_of(0);
    let kept = lines(dir.path())[..3].concat();
    set(shorter.path(), &kept);
    // A head that fits, as somebody would write it.
    fs::remove_file(head_path(shorter.path())).unwrap();
    let last: Record = serde_json::from_str(kept.lines().last().unwrap()).unwrap();
    let head = head::Head::new(3, last.hash, last.at, kept.len() as u64);
    head.write(shorter.path(), &Steps::default()).unwrap();
    let report = whole(shorter.path());
    assert!(report.to_string().contains("without") || report.to_string().contains("would not be noticed"));
    let report = verify(shorter.path(), Some(anchor)).unwrap();
    assert_eq!(report.anchor, Some((5, AnchorSays::TailMissing { from: 4, to: 5 })));
    assert!(!report.is_whole());
    assert!(verify(dir.path(), Some(anchor)).unwrap().is_whole());
}

#[test]
fn an_anchor_shows_a_log_that_was_made_anew() {
    let (dir, other) = (log_of(5), log_by("launch", 7));
    let anchor = anchor(dir.path()).unwrap().unwrap();
    let report = verify(other.path(), Some(anchor)).unwrap();
    assert_eq!(report.anchor, Some((5, AnchorSays::Differs { seq: 5 })));
    assert!(!report.is_whole() && verified(other.path()).is_whole());
    // The head, when it was left.
    set(dir.path(), bytes(other.path()));
    assert_eq!(verified(dir.path()).head, HeadSays::Differs { line: 5 });
    let (_, opened) = Audit::open(dir.path()).unwrap();
    assert!(matches!(&opened.alarms[..], [Alarm::Head(_)]), "{opened:?}");
}

#[test]
fn an_anchor_shows_a_log_that_was_removed() {
    let anchor = anchor(log_of(3).path()).unwrap();
    let report = verify(directory().path(), anchor).unwrap();
    assert_eq!(report.anchor, Some((3, AnchorSays::TailMissing { from: 1, to: 3 })));
    assert!(!report.is_whole());
}

#[test]
fn a_gap_explains_only_the_numbers_it_names() {
    let original = log_of(3);
    set(original.path(), lines(original.path())[..2].concat());
    drop(Audit::open(original.path()).unwrap());
    let all = lines(original.path());
    let gap: Record = serde_json::from_str(&all[2]).unwrap();
    assert_eq!((gap.kind.as_str(), gap.seq, &gap.data["from"]), ("gap", 4, &json!(3)));
    for (from, to, explained) in [(3, 3, true), (2, 3, true), (4, 3, false), (3, 2, false), (3, 4, false)] {
        let mut data = gap.data.clone();
        (data["from"], data["to"]) = (json!(from), json!(to));
        let forged = NewRecord { kind: gap.kind.clone(), actor: gap.actor.clone(), session: None, data };
        let place = record::Place { seq: 4, at: gap.at, clock_back_ms: None, prev: gap.prev };
        let mut line = Vec::new();
        forged.put(place, &mut line).unwrap();
        set(original.path(), [all[..2].concat().as_bytes(), &line].concat());
        let wrong = Wrong::Missing { from: 3, to: 3 };
        let damage = (!explained).then_some(Damage { line: 3, seq: 3, wrong });
        assert_eq!(verified(original.path()).damage, damage, "{from} {to}");
    }
}

#[test]
fn whole_records_in_the_wrong_order_behind_the_head_are_kept_and_an_alarm() {
    let dir = log_of(3);
    set(dir.path(), text(dir.path()) + &lines(dir.path())[2]);
    let before = text(dir.path());
    let (_, opened) = Audit::open(dir.path()).unwrap();
    let wrong = Wrong::OutOfOrder { found: 3 };
    assert_eq!(opened.alarms, [Alarm::Damage(Damage { line: 4, seq: 4, wrong })]);
    assert!(opened.repaired.is_empty() && text(dir.path()).starts_with(&before));
}

#[test]
fn a_missing_file_is_named_and_recorded() {
    let dir = log_of(3);
    fs::remove_file(log_path(dir.path())).unwrap();
    assert_eq!(verified(dir.path()).head, HeadSays::TailMissing { from: 1, to: 3 });
    let (audit, opened) = Audit::open(dir.path()).unwrap();
    assert_eq!(opened.alarms, [Alarm::TailMissing { from: 1, to: 3 }]);
    assert_eq!(audit.head().seq, 4);
    let dir = log_of(3);
    fs::remove_file(head_path(dir.path())).unwrap();
    assert_eq!(verified(dir.path()).head, HeadSays::Missing);
    let (audit, opened) = Audit::open(dir.path()).unwrap();
    assert!(matches!(&opened.alarms[..], [Alarm::Head(_)]), "{opened:?}");
    assert_eq!(audit.head().seq, 4);
    let report = verified(dir.path());
    assert_eq!((report.recorded[0].seq, report.recorded[0].missing), (4, None));
    assert_eq!(report.damage, None);
}

#[test]
fn no_bytes_in_either_file_are_too_strange() {
    let long = vec![b'x'; 300_000];
    let deep = "[".repeat(100_000);
    let huge = format!(
        "{{\"version\":1,\"seq\":{0},\"hash\":\"{1}\",\"at\":\"1970-01-01T00:00:00.000Z\",\"length\":{0}}}\n",
        u64::MAX,
        "0".repeat(64)
    );
    let far = huge.replace(&u64::MAX.to_string(), &(1_u64 << 53).to_string());
    let strange: [&[u8]; 9] = [
        b"",
        b"\n\n\n",
        b"\0\0\0\0",
        b"{}",
        b"\xff\xfe\n",
        &long,
        deep.as_bytes(),
        huge.as_bytes(),
        far.as_bytes(),
    ];
    for log in strange {
        for head in strange {
            let dir = directory();
            set(dir.path(), log);
            fs::write(head_path(dir.path()), head).unwrap();
            assert!(!verified(dir.path()).is_whole());
            let (audit, opened) = Audit::open(dir.path()).unwrap();
            assert!(!opened.alarms.is_empty());
            audit.append(&record("decision", "goes on"), Sync::Before).unwrap();
            drop(audit);
            assert_eq!(read(dir.path(), &Filter::default()).unwrap().records[0].data["text"], "goes on");
            open_quietly(dir.path());
        }
    }
}

#[test]
fn directories_in_the_place_of_files_are_errors() {
    let dir = directory();
    fs::create_dir(log_path(dir.path())).unwrap();
    assert!(Audit::open(dir.path()).is_err());
    assert!(verify(dir.path(), None).is_err());
    assert!(read(dir.path(), &Filter::default()).is_err());
}
