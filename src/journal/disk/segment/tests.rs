use super::*;
use crate::journal::Position;
use crate::journal::disk::row::{self, Kind};
use codepiper_protocol::SessionId;

fn key(offset: u64) -> Key {
    row::key(Kind::Log, SessionId::from_bytes([7; 16]), Position::at(offset))
}

/// A segment with frames of these lengths, and where they stand.
fn filled(dir: &Path, lengths: &[usize]) -> (Segment, Vec<Place>) {
    let segment = Segment::create(dir).unwrap();
    let mut places = Vec::new();
    for (number, len) in lengths.iter().enumerate() {
        let mut frames = Vec::new();
        put(&mut frames, &key(number as u64), &vec![number as u8; *len]);
        places.push(Place { at: segment.end(), len: frames.len() as u32 });
        segment.append(&frames).unwrap();
    }
    (segment, places)
}

fn scan(segment: &Segment) -> (Vec<Place>, Scanned) {
    let mut found = Vec::new();
    let scanned = segment.scan(0, segment.end(), |frame| {
        let number = frame.value.first().copied().unwrap_or_default();
        assert_eq!(*frame.key, key(u64::from(number)));
        found.push(frame.place);
        Ok::<_, io::Error>(())
    });
    (found, scanned.unwrap())
}

const LENGTHS: [usize; 6] = [1, 5000, 300_000, 40, 700_000, 12];

#[test]
fn what_was_appended_is_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let (segment, places) = filled(dir.path(), &LENGTHS);
    assert_eq!(scan(&segment), (places.clone(), Scanned { end: segment.end(), damaged: 0 }));
    let again = Segment::open(dir.path()).unwrap();
    assert_eq!(scan(&again).0, places);
    assert_eq!(again.value(places[2]).unwrap(), vec![2; 300_000]);
    assert!(again.value(Place { at: places[2].at + 1, ..places[2] }).is_err());
}

#[test]
fn a_frame_that_was_cut_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let (segment, places) = filled(dir.path(), &LENGTHS);
    for cut in [1, 11, 12, 52] {
        segment.cut(places[5].end() - cut).unwrap();
        assert_eq!(scan(&segment), (places[..5].to_vec(), Scanned { end: places[4].end(), damaged: 0 }));
    }
}

#[test]
fn what_is_damaged_hides_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let (segment, places) = filled(dir.path(), &LENGTHS);
    for (which, at) in [(0, 0), (1, 5), (2, 9), (3, 20), (4, 200_000)] {
        let place = places[which].at + at;
        let mut kept = [0];
        segment.file.read_exact_at(&mut kept, place).unwrap();
        segment.file.write_all_at(&[!kept[0]], place).unwrap();
        let mut rest = places.clone();
        let gone = rest.remove(which);
        assert_eq!(scan(&segment), (rest, Scanned { end: segment.end(), damaged: u64::from(gone.len) }));
        assert!(segment.value(gone).is_err());
        segment.file.write_all_at(&kept, place).unwrap();
    }
}
