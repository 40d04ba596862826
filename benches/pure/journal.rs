//! How fast the journal in memory takes output, and gives it back to a reader that fell behind the ring.

use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use codepiper::bus::{Bus, Next};
use codepiper::journal::{Content, Entry, Journal, Memory, Position};
use codepiper_protocol::SessionId;
use codepiper_protocol::wire::stream::Begin;
use divan::Bencher;
use divan::counter::BytesCount;
use tokio::sync::Notify;

const KEPT: usize = 16 << 20;

/// In pieces of this many bytes, into a journal that is full: old output leaves all the time.
#[divan::bench(args = [16, 1024, 65536])]
fn append(bencher: Bencher<'_, '_>, piece: usize) {
    let memory = Memory::new(KEPT, KEPT);
    let session = SessionId::random();
    let bytes = Bytes::from(vec![b'x'; piece]);
    let mut offset = 0;
    let mut add = |amount: usize| {
        for _ in 0..amount / piece {
            let content = Content::Output(bytes.clone());
            memory.append(session, &Entry { at: Position::at(offset), time: 0, content });
            offset += piece as u64;
        }
    };
    add(KEPT);
    bencher.counter(BytesCount::new(1usize << 20)).bench_local(|| add(1 << 20));
}

/// Everything that is kept, by one reader that begins at the start.
#[divan::bench]
fn catch_up(bencher: Bencher<'_, '_>) {
    let bus = Bus::new(Arc::new(Memory::new(2 * KEPT, 2 * KEPT)));
    let log = bus.open(SessionId::random(), 0, 0);
    let watcher = Arc::new(Notify::new());
    let piece = Bytes::from(vec![b'x'; 8192]);
    for _ in 0..KEPT / piece.len() {
        log.output(0, piece.clone());
    }
    bencher.counter(BytesCount::new(KEPT)).bench_local(|| {
        let (mut reader, _) = log.reader(Begin::Start, &watcher);
        let mut taken = 0;
        while let Next::Output(bytes) = black_box(reader.next(64 * 1024)) {
            taken += bytes.len();
        }
        assert_eq!(taken, KEPT);
    });
}
