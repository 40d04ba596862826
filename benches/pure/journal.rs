//! How fast the journal takes output and gives it back: in memory, to a reader that fell behind the
//! ring; and on the disk, with the writer in its own thread.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use codepiper::bus::{Bus, Next};
use codepiper::journal::disk::{Disk, Options};
use codepiper::journal::{Content, Entry, Journal, Memory, Position};
use codepiper_protocol::SessionId;
use codepiper_protocol::wire::stream::Begin;
use divan::Bencher;
use divan::counter::BytesCount;
use tokio::sync::Notify;

use crate::now;

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
    let log = bus.open(SessionId::random(), 0, Position::default());
    let watcher = Arc::new(Notify::new());
    let piece = Bytes::from(vec![b'x'; 8192]);
    for _ in 0..KEPT / piece.len() {
        log.output(0, piece.clone());
    }
    bencher.counter(BytesCount::new(KEPT)).bench_local(|| {
        let (mut reader, _) = now(log.reader(Begin::Start, &watcher));
        let mut taken = 0;
        while let Next::Output(bytes) = black_box(reader.next(64 * 1024)) {
            taken += bytes.len();
        }
        assert_eq!(taken, KEPT);
    });
}

/// What is appended at once: about a line of tmux's.
const PIECE: usize = 2730;
const AMOUNT: usize = 32 << 20;
const SESSIONS: usize = 4;

#[divan::bench(sample_count = 5, sample_size = 1)]
fn store_on_disk(bencher: Bencher<'_, '_>) {
    let printed = printed();
    bencher.counter(BytesCount::of_slice(&printed)).with_inputs(|| open(0)).bench_local_values(
        |(dir, disk)| {
            fill(&disk, &printed);
            (dir, disk)
        },
    );
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn read_from_disk(bencher: Bencher<'_, '_>) {
    let printed = printed();
    let (_dir, disk) = open(0);
    let sessions = fill(&disk, &printed);
    bencher.counter(BytesCount::of_slice(&printed)).bench_local(|| {
        for session in &sessions {
            let mut from = Position::default();
            while let Some(end) = black_box(disk.read(*session, from, 256 << 10)).last().map(Entry::end) {
                from = end;
            }
        }
    });
}

/// What a caller waits for an append, the writer at work beside it.
#[divan::bench]
fn append_to_disk(bencher: Bencher<'_, '_>) {
    let (_dir, disk) = open(1 << 20);
    let session = SessionId::random();
    let bytes = Bytes::from(printed()[..PIECE].to_vec());
    let mut at = Position::default();
    bencher.counter(BytesCount::of_slice(&bytes)).bench_local(|| {
        let entry = Entry { at, time: 0, content: Content::Output(bytes.clone()) };
        at = entry.end();
        disk.append(session, &entry);
        disk.wake();
    });
}

fn open(cache: usize) -> (tempfile::TempDir, Disk) {
    let dir = tempfile::tempdir().expect("a directory");
    let options = Options { cache_per_session: cache, cache_total: cache, ..Options::new(dir.path()) };
    let (disk, report) = Disk::open(options);
    assert!(report.unusable.is_none());
    (dir, disk)
}

/// Appends everything, interleaved over sessions, and waits until it is stored.
fn fill(disk: &Disk, printed: &[u8]) -> Vec<SessionId> {
    let sessions: Vec<_> = (0..SESSIONS).map(|_| SessionId::random()).collect();
    let mut ends = [Position::default(); SESSIONS];
    for (number, piece) in printed.chunks(PIECE).enumerate() {
        let which = number % SESSIONS;
        let content = Content::Output(Bytes::copy_from_slice(piece));
        let entry = Entry { at: ends[which], time: number as i64, content };
        ends[which] = entry.end();
        disk.append(sessions[which], &entry);
        disk.wake();
        while number % 1000 == 0 && disk.usage().unwritten_bytes > 16 << 20 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    for (session, end) in sessions.iter().zip(ends) {
        while disk.stored(*session) < end {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    sessions
}

/// Coloured words that do not repeat.
fn printed() -> Vec<u8> {
    let mut printed = Vec::with_capacity(AMOUNT + 64);
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    while printed.len() < AMOUNT {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let (colour, number) = (seed % 256, seed >> 40);
        printed.extend_from_slice(format!("\x1b[38;5;{colour}m{number:x} the test passed \r\n").as_bytes());
    }
    printed.truncate(AMOUNT);
    printed
}
