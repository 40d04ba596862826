//! Queries and export.

use super::*;

fn various() -> TempDir {
    let dir = log_of(0);
    let second = std::sync::atomic::AtomicI64::new(0);
    let clock =
        move || Timestamp::from_second(second.fetch_add(1, std::sync::atomic::Ordering::SeqCst)).unwrap();
    let (audit, _) = open_with(dir.path(), Steps { watch: None, clock: Some(Arc::new(clock)) });
    for number in 0..12 {
        let kind = ["decision", "launch", "stop"][number % 3];
        let actor = ["owner", "rule"][number % 2].to_owned();
        let session = (number >= 6).then(|| format!("s{}", number % 4));
        let new = NewRecord { kind: kind.into(), actor, session, data: json!(number) };
        audit.append(&new, Sync::Later).unwrap();
    }
    audit.flush().unwrap();
    dir
}

fn found(dir: &Path, filter: &Filter) -> Vec<Seq> {
    read(dir, filter).unwrap().records.iter().map(|record| record.seq).collect()
}

#[test]
fn each_filter_takes_what_it_says() {
    let dir = various();
    let all = Filter::default();
    let at = |second| Some(Timestamp::from_second(second).unwrap());
    let text = |text: &str| Some(text.to_owned());
    let cases: [(Filter, &[Seq]); 10] = [
        (all.clone(), &[12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
        (Filter { order: Order::OldestFirst, limit: Some(3), ..all.clone() }, &[1, 2, 3]),
        (Filter { limit: Some(3), ..all.clone() }, &[12, 11, 10]),
        (Filter { limit: Some(3), before_seq: Some(10), ..all.clone() }, &[9, 8, 7]),
        (Filter { since: at(9), ..all.clone() }, &[12, 11, 10]),
        (Filter { since: at(2), until: at(4), ..all.clone() }, &[4, 3]),
        (Filter { kinds: vec!["stop".into(), "launch".into()], limit: Some(3), ..all.clone() }, &[12, 11, 9]),
        (Filter { session: text("s2"), ..all.clone() }, &[11, 7]),
        (Filter { actor: text("rule"), kinds: vec!["decision".into()], ..all.clone() }, &[10, 4]),
        (Filter { limit: Some(0), ..all.clone() }, &[]),
    ];
    for (filter, expected) in cases {
        assert_eq!(found(dir.path(), &filter), expected, "{filter:?}");
        let mut other = Filter { limit: None, ..filter.clone() };
        if filter.limit.is_none() {
            other.order = Order::OldestFirst;
            let mut reversed = found(dir.path(), &other);
            reversed.reverse();
            assert_eq!(reversed, expected, "{other:?}");
        }
    }
}

#[test]
fn pages_put_together_are_the_whole() {
    let dir = log_of(1000);
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let page = found(dir.path(), &Filter { limit: Some(7), before_seq: before, ..Filter::default() });
        let Some(last) = page.last() else { break };
        before = Some(*last);
        all.extend(page);
    }
    assert_eq!(all, (1..=1000).rev().collect::<Vec<_>>());
}

#[test]
fn what_is_no_record_is_counted_and_passed_over() {
    let dir = log_of(3);
    let mut all = lines(dir.path());
    all[1] = "x".repeat(500_000) + "\n";
    set(dir.path(), all.concat() + "{\"seq\":");
    for order in [Order::NewestFirst, Order::OldestFirst] {
        let page = read(dir.path(), &Filter { order, ..Filter::default() }).unwrap();
        assert_eq!((page.records.len(), page.unreadable), (2, 1));
    }
}

#[test]
fn the_end_is_read_without_the_rest() {
    let dir = log_of(3);
    // Bytes that cost too much to be read: 1 TiB of nothing before the records.
    let all = bytes(dir.path());
    let file = fs::File::options().write(true).open(log_path(dir.path())).unwrap();
    let end = 1_u64 << 40;
    file.set_len(end).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &[b"\n", &all[..]].concat(), end).unwrap();
    assert_eq!(found(dir.path(), &Filter { limit: Some(3), ..Filter::default() }), [3, 2, 1]);
}

#[test]
fn an_export_has_the_lines_as_they_are() {
    let dir = various();
    let mut out = Vec::new();
    let filter = Filter { order: Order::OldestFirst, ..Filter::default() };
    assert_eq!(export(dir.path(), &filter, &mut out).unwrap(), Exported { records: 12, unreadable: 0 });
    assert!(out == bytes(dir.path()));
    out.clear();
    let filter = Filter { kinds: vec!["stop".into()], limit: Some(2), ..filter };
    assert_eq!(export(dir.path(), &filter, &mut out).unwrap(), Exported { records: 2, unreadable: 0 });
    assert_eq!(String::from_utf8(out).unwrap(), lines(dir.path())[2].clone() + &lines(dir.path())[5]);
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(full())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    assert!(export(dir.path(), &filter, &mut Full).unwrap_err().to_string().contains("cannot export"));
}

#[test]
fn an_anchor_is_read_as_it_is_written_and_nothing_else_is_one() {
    let dir = log_of(2);
    let anchor = anchor(dir.path()).unwrap().unwrap();
    let text = anchor.to_string();
    assert_eq!(text.parse(), Ok(anchor));
    assert_eq!(format!(" {text}\n").parse(), Ok(anchor));
    for wrong in [
        "",
        ":",
        "1:",
        &text.to_uppercase().replace(':', ":A")[..66],
        &text[..60],
        "x:00",
        &format!("-{text}"),
    ] {
        let error = wrong.parse::<Anchor>().unwrap_err();
        assert!(error.to_string().contains("is not an anchor"), "{wrong}");
    }
}
