use super::*;
use crate::journal::Position;
use crate::journal::disk::row::{self, Kind};

#[test]
fn readers_see_what_is_appended_while_it_is_opened_and_closed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("1");
    create_dir(&path).unwrap();
    let segment = Segment::create(&path).unwrap();
    drop(segment);
    let generation = Generation::existing(1, path, Summary::default(), Probes::default());
    let segment = generation.segment().unwrap();
    let session = SessionId::random();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let end = segment.end();
                    let last =
                        generation.ask(move |store| Ok(store.db.range([Kind::Log as u8]..).next_back()));
                    let last = last.unwrap().map(|row| row::parse_key(&row.unwrap().0).unwrap().1.offset);
                    assert!(last.unwrap_or_default() >= end, "{last:?} {end}");
                }
            });
        }
        for _ in 0..40 {
            let mut frame = Vec::new();
            // Each has the number of the end that it makes.
            let end = segment.end() + 12 + 29 + 1;
            segment::put(&mut frame, &row::key(Kind::Log, session, Position::at(end)), b"x");
            segment.append(&frame).unwrap();
            assert!(generation.close());
        }
        done.store(true, Ordering::Relaxed);
    });
}
