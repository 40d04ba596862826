use codepiper_protocol::Size;
use codepiper_protocol::wire::stream::{GapReason, KeyframeReason, Lost};
use futures_util::FutureExt;

use super::*;
use crate::bus::Bus;
use crate::journal::Memory;

fn drain(reader: &mut Reader, max: usize) -> String {
    let mut text = String::new();
    loop {
        match reader.next(max) {
            Next::Output(bytes) => text.push_str(&String::from_utf8_lossy(&bytes)),
            Next::Mark(_) => text.push('|'),
            Next::Gap { lost, .. } => text.push_str(&format!("<{lost}>")),
            Next::Pending | Next::Fetching => return text,
        }
    }
}

fn numbered(count: u32) -> String {
    (0..count).map(|number| format!("{number}\n")).collect()
}

#[tokio::test]
async fn a_slow_reader_is_served_by_the_journal_without_loss() {
    let bus = Bus::new(Arc::new(Memory::new(64 << 20, 64 << 20)));
    let log = bus.open(SessionId::random(), 0, Position::default());
    let watcher = Arc::new(Notify::new());
    let (mut slow, begun) = log.reader(Begin::Start, &watcher).await;
    assert_eq!(begun, Begun::Continued);
    let text = numbered(200_000);
    for piece in text.as_bytes().chunks(1000) {
        log.output(0, Bytes::copy_from_slice(piece));
    }
    log.mark(0, Mark::Ended { exit: None });
    assert!(drain(&mut slow, 777) == text.clone() + "|");
    let (mut middle, _) = log.reader(Begin::Cursor(Cursor::new(0, 500_000)), &watcher).await;
    assert!(drain(&mut middle, 1 << 20) == text[500_000..].to_owned() + "|");
}

#[tokio::test]
async fn who_begins_now_is_not_told_of_an_earlier_end() {
    let bus = Bus::new(Arc::new(Memory::new(1 << 20, 1 << 20)));
    let log = bus.open(SessionId::random(), 0, Position::default());
    let watcher = Arc::new(Notify::new());
    log.output(0, Bytes::from_static(b"abc"));
    log.mark(0, Mark::Ended { exit: None });
    let (mut reader, _) = log.reader(Begin::Live, &watcher).await;
    reader.seek(3);
    assert_eq!(drain(&mut reader, 10), "");
    log.output(0, Bytes::from_static(b"d"));
    log.mark(0, Mark::Ended { exit: None });
    assert_eq!(drain(&mut reader, 10), "d|");
    // The screen may have been taken before all of what was there was fed to it.
    reader.seek(1);
    assert_eq!(drain(&mut reader, 10), "bcd|");
}

#[tokio::test]
async fn beyond_the_journal_lies_a_gap_that_says_how_much() {
    let bus = Bus::new(Arc::new(Memory::new(1 << 20, 1 << 20)));
    let log = bus.open(SessionId::random(), 0, Position::default());
    let watcher = Arc::new(Notify::new());
    let (mut slow, _) = log.reader(Begin::Start, &watcher).await;
    for _ in 0..4096 {
        log.output(0, Bytes::from(vec![b'x'; 1024]));
    }
    let Next::Gap { lost, .. } = slow.next(1 << 20) else { panic!("no gap") };
    assert_eq!(lost + drain(&mut slow, 1 << 20).len() as u64, 4096 * 1024);
}

#[tokio::test]
async fn a_cursor_of_another_epoch_continues_only_inside_it() {
    let bus = Bus::new(Arc::new(Memory::new(1 << 20, 1 << 20)));
    let log = bus.open(SessionId::random(), 3, Position::at(100));
    let watcher = Arc::new(Notify::new());
    log.output(0, Bytes::from_static(b"abc"));
    log.mark(0, Mark::Gap { epoch: 4, reason: GapReason::Paused, lost: Lost::Unknown });
    log.output(0, Bytes::from_static(b"def"));
    let begin = async |epoch, offset| log.reader(Begin::Cursor(Cursor::new(epoch, offset)), &watcher).await;
    assert_eq!(drain(&mut begin(3, 102).await.0, 100), "c|def");
    assert_eq!(drain(&mut begin(4, 104).await.0, 100), "ef");
    // This one saw a byte that is not there; where it was, something else is.
    let (mut reader, begun) = begin(3, 104).await;
    assert_eq!((drain(&mut reader, 100).as_str(), begun), ("|def", Begun::Rewound));
    // And this one followed a daemon that used the same number.
    let (mut reader, begun) = begin(4, 107).await;
    assert_eq!((drain(&mut reader, 100).as_str(), begun), ("|def", Begun::Rewound));
    for (epoch, offset) in [(4, 102), (2, 50)] {
        assert_eq!(begin(epoch, offset).await.1, Begun::NeedsKeyframe, "{epoch}:{offset}");
    }
    assert_eq!(log.cursor(), Cursor::new(4, 106));
}

#[tokio::test]
async fn a_cursor_of_an_epoch_that_was_never_stored_goes_on_where_it_began() {
    let bus = Bus::new(Arc::new(Memory::new(1 << 20, 1 << 20)));
    let log = bus.open(SessionId::random(), 3, Position::at(100));
    let watcher = Arc::new(Notify::new());
    log.output(0, Bytes::from_static(b"abc"));
    log.mark(0, Mark::Gap { epoch: 6, reason: GapReason::DaemonAway, lost: Lost::Nothing });
    log.output(0, Bytes::from_static(b"def"));
    let begin = async |epoch, offset| log.reader(Begin::Cursor(Cursor::new(epoch, offset)), &watcher).await;
    for (epoch, offset) in [(4, 103), (5, 104), (5, 200)] {
        let (mut reader, begun) = begin(epoch, offset).await;
        assert_eq!((drain(&mut reader, 100).as_str(), begun), ("|def", Begun::Rewound), "{epoch}:{offset}");
    }
    for (epoch, offset) in [(2, 104), (5, 102), (7, 104)] {
        assert_eq!(begin(epoch, offset).await.1, Begun::NeedsKeyframe, "{epoch}:{offset}");
    }
}

/// A daemon was killed, and the next one, too, before the reader came back.
#[tokio::test]
async fn a_cursor_of_an_epoch_that_ended_two_daemons_ago_goes_on_where_that_ended() {
    let journal = Arc::new(Memory::new(1 << 20, 1 << 20));
    let session = SessionId::random();
    let gap = |epoch| Mark::Gap { epoch, reason: GapReason::DaemonAway, lost: Lost::Nothing };
    let log = Bus::new(journal.clone()).open(session, 1, Position::default());
    log.output(0, Bytes::from_static(b"abcdef"));
    log.mark(0, gap(3));
    log.output(0, Bytes::from_static(b"ghi"));
    let log = Bus::new(journal).open(session, 3, Position::at(9));
    log.mark(0, gap(6));
    log.output(0, Bytes::from_static(b"jkl"));
    let watcher = Arc::new(Notify::new());
    for (offset, rest, wanted) in [
        (8, "|ghi|jkl", Begun::Rewound),
        (7, "|ghi|jkl", Begun::Rewound),
        (6, "|ghi|jkl", Begun::Continued),
        (4, "ef|ghi|jkl", Begun::Continued),
    ] {
        let (mut reader, begun) = log.reader(Begin::Cursor(Cursor::new(1, offset)), &watcher).await;
        assert_eq!((drain(&mut reader, 100).as_str(), begun), (rest, wanted), "{offset}");
    }
}

/// A daemon rewound a reader and was killed before there was anything to read: the screens that stand there are older
/// than what the reader has seen.
#[tokio::test]
async fn a_cursor_where_its_epoch_began_goes_on_behind_older_marks() {
    let journal = Arc::new(Memory::new(1 << 20, 1 << 20));
    let session = SessionId::random();
    let gap = |epoch| Mark::Gap { epoch, reason: GapReason::DaemonAway, lost: Lost::Nothing };
    let screen = Mark::Keyframe { size: Size::DEFAULT, screen: Bytes::new(), reason: KeyframeReason::Healed };
    let log = Bus::new(journal.clone()).open(session, 1, Position::default());
    log.output(0, Bytes::from_static(b"abc"));
    log.mark(0, screen);
    log.mark(0, gap(2));
    let watcher = Arc::new(Notify::new());
    let reader = async |log: &Arc<Log>, cursor| log.reader(Begin::Cursor(cursor), &watcher).await;
    let (rewound, begun) = reader(&log, Cursor::new(1, 5)).await;
    assert_eq!((rewound.cursor(), begun), (Cursor::new(2, 3), Begun::Rewound));
    let next = Bus::new(journal).open(session, 2, Position { offset: 3, mark: 2 });
    next.mark(0, gap(3));
    next.output(0, Bytes::from_static(b"def"));
    for (log, epoch, rest) in [(&log, 2, "|"), (&log, 1, "||"), (&next, 2, "||def"), (&next, 1, "|||def")] {
        let (mut reader, begun) = reader(log, Cursor::new(epoch, 3)).await;
        assert_eq!((drain(&mut reader, 100).as_str(), begun), (rest, Begun::Continued), "{epoch}");
    }
}

#[tokio::test]
async fn who_has_nothing_to_read_is_given_what_comes() {
    let bus = Bus::new(Arc::new(Memory::new(1 << 20, 1 << 20)));
    let log = bus.open(SessionId::random(), 0, Position::default());
    let watcher = Arc::new(Notify::new());
    let is_woken = || watcher.notified().now_or_never().is_some();
    let (mut reader, _) = log.reader(Begin::Start, &watcher).await;
    let given = Arc::new(Mutex::new(Vec::new()));
    let taken = given.clone();
    let give: DirectOutput = Arc::new(move |bytes| {
        let takes = bytes != b"refused";
        if takes {
            lock(&taken).extend_from_slice(bytes);
        }
        takes
    });
    let given = || String::from_utf8(std::mem::take(&mut *lock(&given))).unwrap();
    let print = |text: &'static str| log.output(0, Bytes::from_static(text.as_bytes()));

    reader.begin_direct(10, &give);
    print("abc");
    print("def");
    assert!(!is_woken());
    assert_eq!(given(), "abcdef");
    print("more than room");
    print("g");
    assert!(is_woken());
    assert_eq!(given(), "", "not out of order");
    assert_eq!((reader.end_direct(), drain(&mut reader, 99).as_str()), (6, "more than roomg"));

    reader.begin_direct(100, &give);
    print("refused");
    assert!(is_woken());
    assert_eq!((reader.end_direct(), drain(&mut reader, 99).as_str()), (0, "refused"));

    reader.begin_direct(100, &give);
    print("h");
    log.mark(0, Mark::Ended { exit: None });
    assert!(is_woken());
    print("i");
    assert_eq!((reader.end_direct(), drain(&mut reader, 99).as_str()), (1, "|i"));
    assert_eq!(given(), "h");

    print("there is something to read");
    is_woken();
    reader.begin_direct(100, &give);
    print("j");
    assert!(is_woken());
    assert_eq!(reader.end_direct(), 0);
    drain(&mut reader, 99);

    reader.begin_direct(100, &give);
    drop(reader);
    print("k");
    assert_eq!(given(), "", "nobody is there any more");
}

#[tokio::test]
async fn publishing_wakes_whoever_watches() {
    let bus = Bus::new(Arc::new(Memory::new(1 << 20, 1 << 20)));
    let log = bus.open(SessionId::random(), 0, Position::default());
    let watcher = Arc::new(Notify::new());
    let (mut reader, _) = log.reader(Begin::Live, &watcher).await;
    assert_eq!(reader.next(10), Next::Pending);
    log.output(0, Bytes::from_static(b"x"));
    watcher.notified().await;
    assert_eq!(reader.next(10), Next::Output(Bytes::from_static(b"x")));
}

/// The rest of a log, waiting for what is on its way from the disk.
async fn drain_all(reader: &mut Reader, watcher: &Notify, bytes: usize) -> String {
    let mut text = String::new();
    while text.len() < bytes {
        match reader.next(1 << 20) {
            Next::Output(bytes) => text.push_str(&String::from_utf8_lossy(&bytes)),
            Next::Pending | Next::Fetching => watcher.notified().await,
            other => panic!("{other:?}"),
        }
    }
    text
}

#[tokio::test]
async fn a_writer_that_hangs_and_is_replaced_is_not_noticed_by_readers() {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    use crate::journal::disk::{Disk, Options, Probes};

    let dir = tempfile::tempdir().unwrap();
    let hangs = Arc::new(AtomicBool::new(true));
    let probe = hangs.clone();
    let probes = Probes {
        before_write: Arc::new(move || {
            while probe.load(Ordering::Relaxed) {
                std::thread::park_timeout(Duration::from_millis(10));
            }
        }),
        ..Probes::default()
    };
    let hung_after = Duration::from_millis(100);
    let (disk, _) =
        Disk::open(Options { hung_after, probes, cache_total: 64 << 10, ..Options::new(dir.path()) });
    let disk = Arc::new(disk);
    let bus = Bus::new(disk.clone());
    let log = bus.open(SessionId::random(), 0, Position::default());
    let watcher = Arc::new(Notify::new());
    let (mut live, _) = log.reader(Begin::Start, &watcher).await;
    let (mut late, _) = log.reader(Begin::Start, &watcher).await;
    let text = numbered(300_000);
    let (first, rest) = text.split_at(text.len() / 2);
    let mut followed = String::new();
    for piece in first.as_bytes().chunks(10_000) {
        log.output(0, Bytes::copy_from_slice(piece));
        disk.wake();
        followed += &drain_all(&mut live, &watcher, piece.len()).await;
    }
    let deadline = Instant::now() + Duration::from_secs(30);
    while disk.usage().replaced_writers == 0 {
        assert!(Instant::now() < deadline, "the writer is replaced");
        tokio::time::sleep(Duration::from_millis(10)).await;
        disk.wake();
    }
    let cursor = live.cursor();
    hangs.store(false, Ordering::Relaxed);
    for piece in rest.as_bytes().chunks(10_000) {
        log.output(0, Bytes::copy_from_slice(piece));
        disk.wake();
        followed += &drain_all(&mut live, &watcher, piece.len()).await;
    }
    assert!(followed == text);
    assert!(drain_all(&mut late, &watcher, text.len()).await == text);
    let (mut again, begun) = log.reader(Begin::Cursor(cursor), &watcher).await;
    assert_eq!(begun, Begun::Continued);
    assert!(drain_all(&mut again, &watcher, rest.len()).await == rest);
    disk.close();
    assert_eq!(disk.stored(log.session), Position::at(text.len() as u64));
}
