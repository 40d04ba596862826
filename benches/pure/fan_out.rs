//! How fast one session's output reaches many readers: appended once, read by each of them.

use std::hint::black_box;
use std::sync::Arc;

use bytes::Bytes;
use codepiper::bus::{Bus, Next};
use codepiper::journal::{Memory, Position};
use codepiper_protocol::SessionId;
use codepiper_protocol::wire::stream::Begin;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use tokio::sync::Notify;

use crate::now;

/// What one read from tmux brings of a session that prints a lot.
const PIECE: usize = 8 * 1024;
const PIECES: usize = 64;

/// Every reader takes every piece. The number is the bytes appended a second.
#[divan::bench(args = [0, 1, 20, 100])]
fn a_flood(bencher: Bencher<'_, '_>, readers: usize) {
    let bus = bus();
    let log = bus.open(SessionId::random(), 0, Position::default());
    let watcher = Arc::new(Notify::new());
    let mut readers: Vec<_> = (0..readers).map(|_| now(log.reader(Begin::Live, &watcher)).0).collect();
    let piece = Bytes::from(vec![b'x'; PIECE]);
    bencher.counter(BytesCount::new(PIECE * PIECES)).bench_local(|| {
        for _ in 0..PIECES {
            log.output(0, piece.clone());
            for reader in &mut readers {
                assert!(matches!(black_box(reader.next(64 * 1024)), Next::Output(_)));
            }
        }
    });
}

/// Echoes of single keys: what is paid however short the output is.
#[divan::bench(args = [0, 1, 20, 100])]
fn single_keys(bencher: Bencher<'_, '_>, readers: usize) {
    let bus = bus();
    let log = bus.open(SessionId::random(), 0, Position::default());
    let watchers: Vec<_> = (0..readers).map(|_| Arc::new(Notify::new())).collect();
    let mut readers: Vec<_> =
        watchers.iter().map(|watcher| now(log.reader(Begin::Live, watcher)).0).collect();
    let key = Bytes::from_static(b"x");
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| {
        log.output(0, key.clone());
        for reader in &mut readers {
            assert!(matches!(black_box(reader.next(64 * 1024)), Next::Output(_)));
            assert!(matches!(black_box(reader.next(64 * 1024)), Next::Pending));
        }
    });
}

fn bus() -> Bus {
    Bus::new(Arc::new(Memory::new(64 << 20, 256 << 20)))
}
