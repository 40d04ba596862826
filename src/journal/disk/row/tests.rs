use super::*;

#[test]
fn numbers_round_trip() {
    for number in [0, 1, -1, 63, -64, 1_700_000_000_000, i64::MAX, i64::MIN] {
        let mut value = Vec::new();
        put_signed(&mut value, number);
        put(&mut value, number as u64);
        let mut rest = &value[..];
        assert_eq!((take_signed(&mut rest), take(&mut rest)), (Some(number), Some(number as u64)));
        assert!(rest.is_empty());
    }
}

#[test]
fn keys_sort_as_places_do() {
    let (one, two) = (SessionId::from_bytes([1; 16]), SessionId::from_bytes([2; 16]));
    let places = [
        key(Kind::Log, one, Position::at(0)),
        key(Kind::Log, one, Position { offset: 255, mark: 3 }),
        key(Kind::Log, one, Position::at(256)),
        last_key(Kind::Log, one),
        key(Kind::Log, two, Position::at(0)),
        key(Kind::Tail, one, Position::at(0)),
    ];
    assert!(places.is_sorted());
    assert_eq!(parse_key(&places[1]), Some((one, Position { offset: 255, mark: 3 })));
}

#[test]
fn rows_round_trip_and_no_prefix_of_one_is_taken_for_it() {
    let zstd = &mut Compressor::new(1).unwrap();
    let at = Position { offset: 7, mark: 2 };
    let raw = "some output\n".repeat(100);
    let pieces = [Piece::of(5, &raw.as_bytes()[..700]), Piece::of(-3, &raw.as_bytes()[700..])];
    let value = output(&pieces, raw.as_bytes(), zstd);
    assert!(value.len() < raw.len() / 2);
    let read = entries(at, parse(&value).unwrap(), None).unwrap();
    assert_eq!((read[0].at, read[0].time, read[1].time), (at, 5, -3));
    assert_eq!(read[1].end(), Position::at(7 + raw.len() as u64));

    let place = Place { at: 1 << 40, len: 77 };
    let value = placed(&pieces, place);
    let Some(Row::Output { pieces: read, body: Body::Placed(found) }) = parse(&value) else { panic!() };
    assert_eq!((read, found), (pieces.to_vec(), place));
    assert!((0..value.len()).all(|end| parse(&value[..end]).is_none()));

    let size = Size::DEFAULT;
    let exit =
        Exit { code: Some(3), signal: None, reason: codepiper_protocol::wire::session::ExitReason::Exited };
    for stored in [
        Mark::Keyframe { size, screen: Bytes::from(raw.clone()), reason: KeyframeReason::Resize },
        Mark::Keyframe { size, screen: Bytes::new(), reason: KeyframeReason::Healed },
        Mark::Gap { epoch: 3, reason: GapReason::Paused, lost: Lost::Lines(4) },
        Mark::Ended { exit: Some(exit) },
    ] {
        let value = mark(9, &stored, zstd).unwrap();
        let expected = Entry { at, time: 9, content: Content::Mark(Arc::new(stored)) };
        assert_eq!(entries(at, parse(&value).unwrap(), None).unwrap(), vec![expected]);
        for end in 0..value.len().min(20) {
            assert!(parse(&value[..end]).is_none());
        }
    }
    let saved = Checkpoint { offset: 12, size, screen: Bytes::from(raw), scrolled: Some(7) };
    assert_eq!(parse_checkpoint(12, &checkpoint(&saved, zstd).unwrap()), Some(saved));
    assert_eq!(parse_last(&[5, 1, 7, 2, 88]), Some(Last { epoch: 1, end: at, time: 44 }));
}
