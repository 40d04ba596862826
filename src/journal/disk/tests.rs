use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, mpsc};
use std::thread;

use bytes::Bytes;
use codepiper_protocol::Size;
use codepiper_protocol::wire::stream::{GapReason, KeyframeReason, Lost};
use tempfile::TempDir;

use super::*;
use crate::journal::{Content, Mark, Memory};
use crate::lock::lock;

/// Numbers that come out the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// Appends as a bus does.
struct Feed {
    session: SessionId,
    end: Position,
}

impl Feed {
    fn new() -> Self {
        Self { session: SessionId::random(), end: Position::default() }
    }

    fn append(&mut self, journals: &[&dyn Journal], time: i64, content: Content) {
        let entry = Entry { at: self.end, time, content };
        self.end = entry.end();
        for journal in journals {
            journal.append(self.session, &entry);
            journal.wake();
        }
    }

    fn output(&mut self, journal: &Disk, bytes: &[u8]) {
        self.append(&[journal], 0, Content::Output(Bytes::copy_from_slice(bytes)));
    }

    /// `bytes` of the numbered lines that go on where the log ends.
    fn lines(&mut self, journal: &Disk, bytes: u64) {
        let until = self.end.offset + bytes;
        while self.end.offset < until {
            let piece = numbered(self.end.offset, (until - self.end.offset).min(4096) as usize);
            self.output(journal, &piece);
        }
    }
}

/// Bytes that tell where they stand: lines of 16 with their number.
fn numbered(offset: u64, len: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len + 32);
    let mut line = offset / 16;
    while bytes.len() < len + 16 {
        bytes.extend_from_slice(format!("{line:015}\n").as_bytes());
        line += 1;
    }
    let skip = (offset % 16) as usize;
    bytes[skip..skip + len].to_vec()
}

fn options(dir: &TempDir) -> Options {
    Options { reserve_bytes: 0, output_waits: Duration::from_millis(20), ..Options::new(dir.path()) }
}

/// So that everything is read from the disk.
fn uncached(dir: &TempDir) -> Options {
    Options { cache_per_session: 0, cache_total: 0, ..options(dir) }
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn is_stored(disk: &Disk, feed: &Feed) {
    eventually("stored", || disk.stored(feed.session) >= feed.end);
}

/// Everything from `from` on: each entry where the one before ended, or with what was skipped.
fn drain(journal: &dyn Journal, session: SessionId, from: Position, max: usize) -> (Vec<Entry>, u64) {
    let (mut entries, mut next, mut skipped) = (Vec::<Entry>::new(), from, 0);
    loop {
        let read = journal.read(session, next, max);
        let Some(last) = read.last() else { return (entries, skipped) };
        let end = last.end();
        for entry in read {
            assert!(entry.at >= next || entry.at.offset == next.offset, "{:?} < {next:?}", entry.at);
            skipped += entry.at.offset - next.offset;
            next = entry.end();
            entries.push(entry);
        }
        assert_eq!(next, end);
    }
}

/// The bytes with `|` for marks.
fn text(entries: &[Entry]) -> Vec<u8> {
    let pieces = entries.iter().map(|entry| match &entry.content {
        Content::Output(bytes) => &bytes[..],
        Content::Mark(_) => b"|",
    });
    pieces.flatten().copied().collect()
}

fn assert_numbered(disk: &Disk, feed: &Feed) {
    let (entries, skipped) = drain(disk, feed.session, Position::default(), 200_000);
    assert_eq!(skipped, 0);
    assert!(text(&entries) == numbered(0, feed.end.offset as usize));
}

fn ended() -> Content {
    Content::Mark(Arc::new(Mark::Ended { exit: None }))
}

fn gap(epoch: u32) -> Content {
    Content::Mark(Arc::new(Mark::Gap { epoch, reason: GapReason::DaemonAway, lost: Lost::Unknown }))
}

#[test]
fn what_was_appended_is_there_after_opening_again() {
    let dir = TempDir::new().unwrap();
    let (disk, report) = Disk::open(uncached(&dir));
    assert!(report.damage.is_empty() && report.unusable.is_none());
    let mut feed = Feed::new();
    feed.lines(&disk, 200_000);
    assert_numbered(&disk, &feed);
    feed.append(&[&disk], 70, gap(3));
    feed.append(&[&disk], 71, ended());
    let screen = Bytes::from_static(b"screen");
    let saved = Checkpoint { offset: 200_000, size: Size::DEFAULT, screen, scrolled: Some(12_500) };
    disk.checkpoint(feed.session, saved.clone());
    let before = drain(&disk, feed.session, Position::default(), 100_000).0;
    disk.close();
    drop(disk);

    let (disk, report) = Disk::open(uncached(&dir));
    assert_eq!((report.damage, report.sessions, report.generations), (vec![], 1, 1));
    let expected = Last { epoch: 3, end: feed.end, time: 71 };
    assert_eq!(disk.last(feed.session), Some(expected));
    let after = drain(&disk, feed.session, Position::default(), 100_000).0;
    assert_eq!(text(&after), text(&before));
    assert_eq!(after[after.len() - 2..], before[before.len() - 2..]);
    let start = disk.start_for_lines(feed.session, 3);
    assert_eq!(start, Start { at: Position::default(), checkpoint: None });
    // The newest output stands before the checkpoint: only from its end on is it of use.
    let start = disk.start_for_time(feed.session, 1000);
    assert_eq!(start, Start { at: feed.end, checkpoint: Some(saved) });
    assert_eq!(disk.oldest(feed.session), Position::default());
}

#[test]
fn it_answers_as_the_twin_in_memory_does() {
    for seed in 1..=2 {
        let random = &mut Random(seed * 7919);
        let dir = TempDir::new().unwrap();
        let mut disk = Disk::open(Options { generation_bytes: 1 << 20, ..uncached(&dir) }).0;
        let memory = Memory::new(1 << 30, 1 << 30);
        let mut feeds: Vec<Feed> = (0..3).map(|_| Feed::new()).collect();
        let mut time = 1_000_000;
        for step in 0..1000 {
            time += random.below(400) as i64;
            let which = random.below(3) as usize;
            let feed = &mut feeds[which];
            match random.below(40) {
                0 => feed.append(&[&disk, &memory], time, ended()),
                1 => {
                    let screen = Bytes::from(vec![b's'; random.below(9000) as usize]);
                    let mark = Mark::Keyframe { size: Size::DEFAULT, screen, reason: KeyframeReason::Resize };
                    feed.append(&[&disk, &memory], time, Content::Mark(Arc::new(mark)));
                }
                2 => {
                    let offset = feed.end.offset;
                    let saved = Checkpoint {
                        offset,
                        size: Size::DEFAULT,
                        screen: Bytes::from(vec![b'c'; 3000]),
                        scrolled: None,
                    };
                    disk.checkpoint(feed.session, saved.clone());
                    memory.checkpoint(feed.session, saved);
                }
                _ => {
                    let mut bytes = vec![0; 1 + random.below(9000) as usize];
                    bytes.fill_with(|| b"ab \n"[random.below(4) as usize]);
                    feed.append(&[&disk, &memory], time, Content::Output(Bytes::from(bytes)));
                }
            }
            if step % 500 == 250 {
                let feed = std::mem::replace(&mut feeds[which], Feed::new());
                disk.remove(feed.session);
                memory.remove(feed.session);
                assert_eq!(drain(&disk, feed.session, Position::default(), 1000).0, []);
            }
            if step % 400 == 399 {
                drop(disk);
                disk = Disk::open(Options { generation_bytes: 1 << 20, ..uncached(&dir) }).0;
            }
            if step % 100 == 0 {
                for feed in &feeds {
                    compare(&disk, &memory, feed, random, time);
                }
            }
        }
        let usage = disk.usage();
        assert!(usage.damage.is_empty() && usage.dropped_entries == 0, "{usage:?}");
    }
}

fn compare(disk: &Disk, memory: &Memory, feed: &Feed, random: &mut Random, now: i64) {
    let session = feed.session;
    let from = Position { offset: random.below(feed.end.offset + 1), mark: random.below(3) as u32 };
    let max = 5_000 + random.below(200_000) as usize;
    let (one, two) = (drain(disk, session, from, max).0, drain(memory, session, from, max).0);
    assert!(text(&one) == text(&two));
    let marks = |entries: Vec<Entry>| -> Vec<Entry> {
        entries.into_iter().filter(|entry| matches!(entry.content, Content::Mark(_))).collect()
    };
    assert_eq!(marks(one), marks(two));
    assert_eq!(disk.oldest(session), memory.oldest(session));
    // The pieces are not cut alike, so that rendering may begin a little later; never too late.
    let lines = random.below(20_000) as u32;
    let (one, two) = (disk.start_for_lines(session, lines), memory.start_for_lines(session, lines));
    let newlines = |start: &Start| {
        text(&drain(memory, session, start.at, 1 << 20).0).iter().filter(|byte| **byte == b'\n').count()
    };
    let all = newlines(&Start { at: Position::default(), checkpoint: None });
    assert!(newlines(&one) >= all.min(lines as usize) && newlines(&two) >= all.min(lines as usize));
    assert!(one.at.offset + (1 << 20) >= two.at.offset);
    let since = now - random.below(200_000) as i64;
    let (one, two) = (disk.start_for_time(session, since), memory.start_for_time(session, since));
    for entry in drain(memory, session, Position::default(), 1 << 20).0 {
        assert!(entry.time < since || entry.end() >= one.at, "{entry:?} {one:?}");
    }
    if one.checkpoint == two.checkpoint {
        assert_eq!(one.at, two.at);
    }
}

#[test]
fn cursors_are_exact_across_generations() {
    let dir = TempDir::new().unwrap();
    let (disk, _) = Disk::open(Options { generation_bytes: 1 << 20, ..uncached(&dir) });
    let mut feed = Feed::new();
    let random = &mut Random(99);
    let mut expected = Vec::new();
    for _ in 0..600 {
        let mut bytes = vec![0; 1 + random.below(16_000) as usize];
        bytes.fill_with(|| random.next() as u8);
        feed.output(&disk, &bytes);
        expected.extend_from_slice(&bytes);
    }
    is_stored(&disk, &feed);
    assert!(disk.usage().generations > 2, "{:?}", disk.usage());
    for _ in 0..100 {
        let (from, max) = (random.below(feed.end.offset), 1 + random.below(300_000) as usize);
        let read = disk.read(feed.session, Position::at(from), max);
        let until = expected.len().min(from as usize + max);
        assert!(text(&read) == expected[from as usize..until]);
    }
}

#[test]
fn old_generations_go_when_the_limit_is_reached() {
    let dir = TempDir::new().unwrap();
    let limit = 8 << 20;
    let (disk, _) = Disk::open(Options { retention_bytes: limit, ..uncached(&dir) });
    let (mut quiet, mut feed) = (Feed::new(), Feed::new());
    quiet.lines(&disk, 1000);
    let random = &mut Random(5);
    for _ in 0..1500 {
        let mut bytes = vec![0; 16_000];
        bytes.fill_with(|| random.next() as u8);
        feed.output(&disk, &bytes);
    }
    is_stored(&disk, &feed);
    // The writer looks after what it has written.
    eventually("the directory is small enough", || space::used(dir.path()) <= limit);
    drop(disk);
    assert!(space::used(dir.path()) <= limit, "{}", space::used(dir.path()));
    let (disk, _) = Disk::open(Options { retention_bytes: limit, ..uncached(&dir) });
    let oldest = disk.oldest(feed.session);
    assert!(oldest > Position::default());
    let (_, skipped) = drain(&disk, feed.session, Position::default(), 1 << 20);
    assert_eq!(skipped, oldest.offset);
    drop(disk);
    // The end of a log outlives its output.
    let (disk, report) = Disk::open(uncached(&dir));
    assert_eq!(report.damage, []);
    assert_eq!(disk.last(quiet.session).map(|last| last.end), Some(quiet.end));
    assert_eq!(disk.read(quiet.session, Position::default(), 10), []);
}

#[test]
fn each_day_has_its_generation_and_old_days_go() {
    let dir = TempDir::new().unwrap();
    let now = Arc::new(AtomicI64::new(1_700_000_000_000));
    let clock = now.clone();
    let mut options = Options { retention_days: 3, ..uncached(&dir) };
    options.probes.now = Arc::new(move || clock.load(Ordering::Relaxed));
    let (disk, _) = Disk::open(options);
    let mut feed = Feed::new();
    for _ in 0..10 {
        feed.lines(&disk, 1000);
        is_stored(&disk, &feed);
        now.fetch_add(24 * 60 * 60 * 1000, Ordering::Relaxed);
    }
    feed.lines(&disk, 1000);
    is_stored(&disk, &feed);
    eventually("old days go", || (2..=5).contains(&disk.usage().generations));
    assert!(disk.oldest(feed.session) > Position::default());
}

#[test]
fn a_clock_that_is_a_year_ahead_deletes_nothing() {
    const DAYS: i64 = 24 * 60 * 60 * 1000;
    let dir = TempDir::new().unwrap();
    let now = Arc::new(AtomicI64::new(1_700_000_000_000));
    let clock = now.clone();
    let mut options = uncached(&dir);
    options.probes.now = Arc::new(move || clock.load(Ordering::Relaxed));
    let (disk, _) = Disk::open(options.clone());
    let mut feed = Feed::new();
    let print = |disk: &Disk, feed: &mut Feed| {
        feed.lines(disk, 50_000);
        is_stored(disk, feed);
    };
    for _ in 0..3 {
        print(&disk, &mut feed);
        now.fetch_add(DAYS, Ordering::Relaxed);
    }
    assert_eq!(disk.usage().clock, None);
    // For a moment, and at a start.
    now.fetch_add(365 * DAYS, Ordering::Relaxed);
    print(&disk, &mut feed);
    assert!(disk.usage().clock.unwrap().contains("days ahead"));
    drop(disk);
    let (disk, _) = Disk::open(options.clone());
    print(&disk, &mut feed);
    print(&disk, &mut feed);
    assert_eq!(disk.oldest(feed.session), Position::default());
    now.fetch_add(-365 * DAYS, Ordering::Relaxed);
    for _ in 0..3 {
        print(&disk, &mut feed);
        now.fetch_add(DAYS, Ordering::Relaxed);
    }
    assert_numbered(&disk, &feed);
    drop(disk);
    // Really so much later, it goes.
    let (disk, _) = Disk::open(options);
    now.fetch_add(50 * DAYS, Ordering::Relaxed);
    print(&disk, &mut feed);
    assert_eq!(disk.oldest(feed.session), Position::default());
    // The writer may look at the clock later than we: time goes on in steps.
    eventually("what is old goes", || {
        now.fetch_add(DAYS / 4, Ordering::Relaxed);
        print(&disk, &mut feed);
        disk.oldest(feed.session) > Position::default()
    });
}

/// What TUIs print: colours, cursor movements, words, never the same twice.
fn tui(random: &mut Random, len: usize) -> Vec<u8> {
    const WORDS: [&str; 16] = [
        "reading",
        "src/journal.rs",
        "the",
        "function",
        "returns",
        "error",
        "│",
        "●",
        "tests",
        "passed",
        "let",
        "match",
        "──────────",
        "const",
        "why",
        "because",
    ];
    let mut bytes = Vec::with_capacity(len + 64);
    while bytes.len() < len {
        match random.below(6) {
            0 => bytes.extend_from_slice(
                format!("\x1b[{};{}H\x1b[K", random.below(50), random.below(200)).as_bytes(),
            ),
            1 => bytes.extend_from_slice(format!("\x1b[38;5;{}m", random.below(256)).as_bytes()),
            2 => bytes.extend_from_slice(format!("{} ", random.below(1_000_000)).as_bytes()),
            3 if random.below(3) == 0 => bytes.extend_from_slice(b"\x1b[0m\r\n"),
            _ => {
                bytes.extend_from_slice(WORDS[random.below(16) as usize].as_bytes());
                bytes.push(b' ');
            }
        }
    }
    bytes.truncate(len);
    bytes
}

#[test]
fn the_disk_holds_half_of_what_was_printed() {
    let dir = TempDir::new().unwrap();
    let (disk, _) = Disk::open(options(&dir));
    let random = &mut Random(11);
    let mut feeds: Vec<Feed> = (0..4).map(|_| Feed::new()).collect();
    let raw = 64 << 20;
    let block = tui(random, 4 << 20);
    let mut written = 0usize;
    while written < raw {
        let start = random.below((block.len() - 9000) as u64) as usize;
        let piece = &block[start..start + 1 + random.below(8000) as usize];
        written += piece.len();
        feeds[random.below(4) as usize].output(&disk, piece);
        // How much is written at once must not depend on how fast this machine is.
        if disk.usage().unwritten_bytes >= 1 << 20 {
            feeds.iter().for_each(|feed| is_stored(&disk, feed));
        }
    }
    feeds.iter().for_each(|feed| is_stored(&disk, feed));
    drop(disk);
    let used = space::used(dir.path());
    println!("{used} bytes on disk for {written}: {:.3}", used as f64 / written as f64);
    assert!(used * 2 <= written as u64);
}

/// A closed journal of some generations, the last of them not closed cleanly if `crashed`.
fn some_generations(dir: &TempDir) -> Feed {
    let (disk, _) = Disk::open(Options { generation_bytes: 1 << 20, ..uncached(dir) });
    let mut feed = Feed::new();
    let random = &mut Random(3);
    while disk.usage().generations < 3 {
        for _ in 0..12 {
            let mut bytes = vec![0; 50_000];
            bytes.fill_with(|| random.next() as u8);
            feed.output(&disk, &bytes);
        }
        is_stored(&disk, &feed);
    }
    feed.output(&disk, &vec![7; 300_000]);
    is_stored(&disk, &feed);
    feed
}

#[test]
fn damage_is_counted_and_never_in_the_way() {
    type Harm = fn(&Path);
    fn cut(path: &Path, part: f64) {
        let file = File::options().write(true).open(path).unwrap();
        file.set_len((file.metadata().unwrap().len() as f64 * part) as u64).unwrap();
    }
    fn overwrite(path: &Path, at: f64, len: usize) {
        use std::os::unix::fs::FileExt;
        let file = File::options().write(true).open(path).unwrap();
        let size = file.metadata().unwrap().len();
        let noise = vec![0xa5; len.min(size as usize)];
        file.write_all_at(&noise, ((size - noise.len() as u64) as f64 * at) as u64).unwrap();
    }
    let harms: [(&str, Harm); 9] = [
        ("cut in half", |db| cut(db, 0.5)),
        ("cut at the end", |db| cut(db, 0.8)),
        ("emptied", |db| cut(db, 0.0)),
        ("overwritten in front", |db| overwrite(db, 0.0, 200_000)),
        ("overwritten in the middle", |db| overwrite(db, 0.5, 400_000)),
        ("overwritten at the end", |db| overwrite(db, 1.0, 400_000)),
        ("random", |db| overwrite(db, 0.0, usize::MAX)),
        ("unreadable", |db| {
            fs::remove_file(db).unwrap();
            fs::create_dir(db).unwrap();
        }),
        ("not a directory", |db| {
            let dir = db.parent().unwrap();
            fs::remove_dir_all(dir).unwrap();
            fs::write(dir, "x").unwrap();
        }),
    ];
    // The newest generation, and one before it.
    for which in [3, 2] {
        for (name, harm) in harms.into_iter().step_by(if which == 3 { 1 } else { 3 }) {
            let dir = TempDir::new().unwrap();
            let mut feed = some_generations(&dir);
            harm(&dir.path().join(format!("{which}/segment")));
            let (disk, report) = Disk::open(uncached(&dir));
            let lost: u64 = report.damage.iter().map(|damage| damage.lost_bytes).sum();
            // A part of a file may hold nothing but what was replaced.
            let all = ["emptied", "random", "unreadable", "not a directory"].contains(&name);
            assert!(lost > 0 || !all, "{name} of {which}: {report:?}");
            assert_eq!(disk.last(feed.session).map(|last| last.end), Some(feed.end), "{name}");
            let lived = feed.end;
            feed.output(&disk, b"life goes on");
            is_stored(&disk, &feed);
            let (entries, skipped) = drain(&disk, feed.session, Position::default(), 1 << 20);
            assert_eq!(skipped, lost, "{name} of {which}: {report:?}");
            assert_eq!(text(&disk.read(feed.session, lived, 100)), b"life goes on", "{name}");
            assert_eq!(entries.last().map(Entry::end), Some(feed.end));
            drop(disk);
            let (disk, report) = Disk::open(uncached(&dir));
            assert_eq!(report.damage, [], "{name} of {which}, once more");
            assert_eq!(drain(&disk, feed.session, Position::default(), 1 << 20).1, lost);
        }
    }
}

#[test]
fn an_index_that_is_damaged_or_gone_is_made_again() {
    type Harm = fn(&Path);
    let harms: [(&str, Harm); 4] = [
        ("gone", |index| fs::remove_dir_all(index).unwrap()),
        ("empty", |index| File::options().write(true).open(index.join("db")).unwrap().set_len(0).unwrap()),
        ("random", |index| {
            let len = fs::metadata(index.join("db")).unwrap().len();
            fs::write(index.join("db"), vec![0xa5; len as usize]).unwrap();
        }),
        ("no directory", |index| {
            fs::remove_dir_all(index).unwrap();
            fs::create_dir_all(index.join("db")).unwrap();
        }),
    ];
    for (name, harm) in harms {
        let dir = TempDir::new().unwrap();
        let feed = some_generations(&dir);
        let (disk, _) = Disk::open(uncached(&dir));
        let before = text(&drain(&disk, feed.session, Position::default(), 1 << 20).0);
        drop(disk);
        for which in [1, 3] {
            harm(&dir.path().join(format!("{which}/index")));
        }
        let (disk, report) = Disk::open(uncached(&dir));
        let (entries, skipped) = drain(&disk, feed.session, Position::default(), 1 << 20);
        assert_eq!((skipped, report.damage, disk.usage().damage), (0, vec![], vec![]), "{name}");
        assert!(text(&entries) == before, "{name}");
    }
}

#[test]
fn what_was_on_its_way_when_the_daemon_died_is_cut_off() {
    let dir = TempDir::new().unwrap();
    let (disk, _) = Disk::open(uncached(&dir));
    let mut feed = Feed::new();
    feed.lines(&disk, 100_000);
    is_stored(&disk, &feed);
    drop(disk);
    let segment = dir.path().join("1/segment");
    let whole = fs::read(&segment).unwrap();
    // The first half of a frame that was being appended.
    fs::write(&segment, [&whole[..], &whole[..500]].concat()).unwrap();
    let (disk, report) = Disk::open(uncached(&dir));
    assert_eq!(report.damage, []);
    assert_eq!(fs::metadata(&segment).unwrap().len(), whole.len() as u64);
    feed.lines(&disk, 100_000);
    is_stored(&disk, &feed);
    assert_numbered(&disk, &feed);
    assert_eq!(disk.usage().generations, 1);
}

#[test]
fn what_waits_is_written_at_the_end_though_only_the_reserve_is_left() {
    let dir = TempDir::new().unwrap();
    let free = Arc::new(AtomicU64::new(1 << 40));
    let asked = free.clone();
    let mut options = Options { reserve_bytes: 64 << 20, ..uncached(&dir) };
    options.probes.free_space = Arc::new(move |_| Ok(asked.load(Ordering::Relaxed)));
    let (disk, _) = Disk::open(options.clone());
    let mut feed = Feed::new();
    feed.lines(&disk, 10_000);
    is_stored(&disk, &feed);
    free.store(60 << 20, Ordering::Relaxed);
    feed.lines(&disk, 10_000);
    eventually("it pauses", || disk.usage().paused.is_some());
    drop(disk);
    let (disk, _) = Disk::open(options);
    assert_eq!(disk.last(feed.session).map(|last| last.end), Some(feed.end));
}

#[test]
fn a_journal_that_cannot_be_stored_is_kept_in_memory() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, "x").unwrap();
    let (disk, report) = Disk::open(Options::new(path.join("journal")));
    assert!(report.unusable.is_some());
    let mut feed = Feed::new();
    feed.lines(&disk, 10_000);
    assert_numbered(&disk, &feed);
    assert!(disk.usage().failing.is_some());
}

#[test]
fn two_journals_do_not_share_a_directory() {
    let dir = TempDir::new().unwrap();
    let (first, _) = Disk::open(options(&dir));
    let path = dir.path().to_owned();
    let second = thread::spawn(move || Disk::open(Options::new(path)).1);
    // The second waits for the first to end.
    thread::sleep(Duration::from_millis(100));
    drop(first);
    assert_eq!(second.join().unwrap().unusable, None);
}

#[test]
fn a_full_disk_pauses_the_journal_and_nothing_else() {
    let dir = TempDir::new().unwrap();
    let free = Arc::new(AtomicU64::new(1 << 40));
    let (asked, notices) = (free.clone(), Arc::new(Mutex::new(Vec::new())));
    let noted = notices.clone();
    let mut options = Options { reserve_bytes: 64 << 20, unwritten_bytes: 2 << 20, ..uncached(&dir) };
    options.probes.free_space = Arc::new(move |_| Ok(asked.load(Ordering::Relaxed)));
    options.probes.notice = Arc::new(move |notice| lock(&noted).push(notice));
    let (disk, _) = Disk::open(options.clone());
    let mut feed = Feed::new();
    feed.lines(&disk, 100_000);
    is_stored(&disk, &feed);
    free.store(64 << 20, Ordering::Relaxed);
    feed.lines(&disk, 1_000_000);
    eventually("it pauses", || disk.usage().paused.is_some());
    let size = || fs::metadata(dir.path().join("1/segment")).unwrap().len();
    let before = size();
    // What waits can be read, up to a bound.
    assert_numbered(&disk, &feed);
    feed.lines(&disk, 3_000_000);
    let usage = disk.usage();
    assert!(usage.dropped_bytes > 0 && usage.unwritten_bytes <= 2 << 20, "{usage:?}");
    let (_, skipped) = drain(&disk, feed.session, Position::default(), 1 << 20);
    assert_eq!(skipped, usage.dropped_bytes);
    assert_eq!(size(), before);
    free.store(1 << 40, Ordering::Relaxed);
    is_stored(&disk, &feed);
    assert_eq!(disk.usage().paused, None);
    assert_eq!(*lock(&notices), [Notice::Paused, Notice::Resumed { dropped_bytes: skipped }]);
    drop(disk);
    // Opened while it is full, it stays as it is.
    free.store(0, Ordering::Relaxed);
    let (disk, report) = Disk::open(options);
    assert_eq!(report.damage, []);
    assert_eq!(disk.last(feed.session).map(|last| last.end), Some(feed.end));
    feed.lines(&disk, 1000);
    free.store(1 << 40, Ordering::Relaxed);
    is_stored(&disk, &feed);
    assert_eq!(drain(&disk, feed.session, Position::default(), 1 << 20).1, skipped);
}

/// What it says when it is asked whether something can be written there: yes, or this error.
fn refusing(errno: &Arc<AtomicI64>, dir: &TempDir) -> Arc<Reserve> {
    let (errno, dir) = (errno.clone(), dir.path().to_owned());
    Arc::new(move |path, _| match errno.load(Ordering::Relaxed) {
        0 => Ok(()),
        _ if !path.starts_with(&dir) => Ok(()),
        errno => Err(io::Error::from_raw_os_error(errno as i32)),
    })
}

#[test]
fn what_cannot_be_written_to_is_not_opened_and_is_there_afterwards() {
    use nix::errno::Errno;
    for (errno, said) in [
        (Errno::ENOSPC, "full"),
        (Errno::EDQUOT, "quota"),
        (Errno::EROFS, "read-only"),
        (Errno::EIO, "error"),
        (Errno::EMFILE, "open files"),
    ] {
        for (clean, memory) in [(true, true), (true, false), (false, true), (false, false)] {
            let dir = TempDir::new().unwrap();
            let refused = Arc::new(AtomicI64::new(0));
            let mut options = uncached(&dir);
            options.probes.reserve = refusing(&refused, &dir);
            let elsewhere = TempDir::new().unwrap();
            options.probes.memory = elsewhere.path().join(if memory { "" } else { "none" });
            let (disk, _) = Disk::open(options.clone());
            let mut feed = Feed::new();
            feed.lines(&disk, 300_000);
            is_stored(&disk, &feed);
            let end = feed.end;
            drop(disk);
            if !clean {
                // As after SIGKILL: nobody says how the files were left.
                let path = summary::path(&dir.path().join("1"));
                let mut left = summary::Summary::read(&path).unwrap();
                left.files.clear();
                // It is up to five seconds older than what was stored.
                left.sessions.clear();
                left.write(&path).unwrap();
            }
            let files = || summary::files(&dir.path().join("1"));
            let before = files();
            let index = store::in_memory(&options.probes.memory, &dir.path().join("1")).unwrap();
            if memory {
                // Of a daemon that was killed.
                fs::create_dir(&index).unwrap();
                fs::write(index.join("db"), "nonsense").unwrap();
            }
            refused.store(errno as i64, Ordering::Relaxed);
            let (disk, report) = Disk::open(options.clone());
            assert_eq!((report.damage, report.generations, index.exists()), (vec![], 1, false), "{errno}");
            assert_eq!(disk.last(feed.session).map(|last| last.end), Some(end));
            if memory {
                assert_numbered(&disk, &feed);
                assert!(index.exists());
            } else {
                // Whoever reads is told that there is something, and why it does not come.
                assert_eq!(disk.read(feed.session, Position::default(), 1 << 20), []);
                let why = disk.unreadable(feed.session, Position::default(), end).unwrap();
                assert!(why.contains(said), "{errno}: {why}");
                assert_eq!(disk.usage().unreadable, Some(why));
                assert_eq!(disk.unreadable(SessionId::random(), Position::default(), end), None);
            }
            feed.lines(&disk, 1000);
            eventually("it pauses", || disk.usage().paused.is_some_and(|why| why.contains(said)));
            assert_eq!((files() == before, disk.usage().generations), (true, 1), "{errno}");
            // It heals by itself.
            refused.store(0, Ordering::Relaxed);
            is_stored(&disk, &feed);
            assert_numbered(&disk, &feed);
            let usage = disk.usage();
            assert_eq!(
                (usage.unreadable, usage.paused, usage.failing, usage.damage),
                (None, None, None, vec![])
            );
            drop(disk);
            assert!(!index.exists());
            let (disk, report) = Disk::open(options);
            assert_eq!(report.damage, []);
            assert_numbered(&disk, &feed);
        }
    }
}

#[test]
fn a_session_that_is_removed_while_nothing_can_be_written_goes_later() {
    let dir = TempDir::new().unwrap();
    let refused = Arc::new(AtomicI64::new(0));
    let mut options = uncached(&dir);
    options.probes.reserve = refusing(&refused, &dir);
    let (disk, _) = Disk::open(options.clone());
    let (mut gone, mut kept) = (Feed::new(), Feed::new());
    for feed in [&mut gone, &mut kept] {
        feed.lines(&disk, 100_000);
        is_stored(&disk, feed);
    }
    drop(disk);
    refused.store(nix::errno::Errno::ENOSPC as i64, Ordering::Relaxed);
    let (disk, _) = Disk::open(options.clone());
    disk.remove(gone.session);
    eventually("it pauses", || disk.usage().paused.is_some());
    assert_eq!(disk.shared.state().removals.len(), 1);
    refused.store(0, Ordering::Relaxed);
    eventually("it is removed", || disk.shared.state().removals.is_empty());
    drop(disk);
    let (disk, report) = Disk::open(options);
    assert_eq!((report.damage, report.sessions), (vec![], 1));
    assert_numbered(&disk, &kept);
}

#[test]
fn a_writer_that_hangs_is_replaced() {
    let dir = TempDir::new().unwrap();
    let (hold, held) = mpsc::channel::<()>();
    let (held, hangs) = (Mutex::new(held), Arc::new(AtomicBool::new(false)));
    let hang = hangs.clone();
    let mut options = Options { hung_after: Duration::from_millis(100), ..uncached(&dir) };
    options.probes.before_write = Arc::new(move || {
        if hang.swap(false, Ordering::Relaxed) {
            let _ = lock(&held).recv();
        }
    });
    let (disk, _) = Disk::open(options);
    let mut feed = Feed::new();
    feed.lines(&disk, 100_000);
    is_stored(&disk, &feed);
    hangs.store(true, Ordering::Relaxed);
    eventually("another writer", || {
        feed.lines(&disk, 1000);
        assert_numbered(&disk, &feed);
        disk.usage().replaced_writers == 1
    });
    is_stored(&disk, &feed);
    assert_numbered(&disk, &feed);
    // The first one comes back, and changes nothing.
    hold.send(()).unwrap();
    feed.lines(&disk, 100_000);
    is_stored(&disk, &feed);
    assert_numbered(&disk, &feed);
    drop(disk);
    let (disk, report) = Disk::open(uncached(&dir));
    assert_eq!((report.damage, report.generations), (vec![], 2));
    assert_numbered(&disk, &feed);
}

#[test]
fn a_write_that_fails_goes_into_a_new_generation() {
    let dir = TempDir::new().unwrap();
    let fails = Arc::new(AtomicBool::new(false));
    let fail = fails.clone();
    let mut options = uncached(&dir);
    options.probes.before_write = Arc::new(move || assert!(!fail.swap(false, Ordering::Relaxed), "as asked"));
    let (disk, _) = Disk::open(options);
    let mut feed = Feed::new();
    feed.lines(&disk, 100_000);
    is_stored(&disk, &feed);
    fails.store(true, Ordering::Relaxed);
    feed.lines(&disk, 100_000);
    is_stored(&disk, &feed);
    assert_numbered(&disk, &feed);
    assert_eq!(disk.usage().generations, 2);
    assert_eq!(disk.usage().failing, None);
}

#[test]
fn a_removed_session_leaves_nothing() {
    let dir = TempDir::new().unwrap();
    let (disk, _) = Disk::open(Options { generation_bytes: 1 << 20, ..uncached(&dir) });
    let (mut gone, mut kept) = (Feed::new(), Feed::new());
    let random = &mut Random(17);
    while disk.usage().generations < 3 {
        let mut bytes = vec![0; 100_000];
        bytes.fill_with(|| random.next() as u8);
        gone.output(&disk, &bytes);
        gone.output(&disk, SECRET);
        kept.lines(&disk, 1000);
        is_stored(&disk, &gone);
    }
    let screen = Bytes::from_static(SECRET);
    let offset = gone.end.offset;
    disk.checkpoint(gone.session, Checkpoint { offset, size: Size::DEFAULT, screen, scrolled: None });
    // Its index, too, has something of it.
    assert!(disk.read(gone.session, Position::default(), 100).len() == 1);
    gone.output(&disk, SECRET);
    is_stored(&disk, &gone);
    assert!(holds_secret(dir.path()));
    disk.remove(gone.session);
    assert_eq!(disk.read(gone.session, Position::default(), 100), []);
    assert_eq!((disk.last(gone.session), disk.oldest(gone.session)), (None, Position::default()));
    kept.lines(&disk, 1000);
    is_stored(&disk, &kept);
    eventually("the writer removes it", || disk.shared.state().removals.is_empty());
    drop(disk);
    let (disk, report) = Disk::open(uncached(&dir));
    assert_eq!((report.damage, report.sessions), (vec![], 1));
    assert_numbered(&disk, &kept);
    assert_eq!((disk.last(gone.session), disk.read(gone.session, Position::default(), 100)), (None, vec![]));
    assert!(!holds_secret(dir.path()));
}

const SECRET: &[u8] = b"the-password-that-it-printed";

/// Whether a file below this directory has it.
fn holds_secret(dir: &Path) -> bool {
    fs::read_dir(dir).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => holds_secret(&path),
            false => memchr::memmem::find(&fs::read(path).unwrap(), SECRET).is_some(),
        }
    })
}

const WRITER_DIR: &str = "CODEPIPER_TEST_JOURNAL";
const WRITER_SESSION: &str = "CODEPIPER_TEST_JOURNAL_SESSION";

/// The process that the next test kills. Without its environment it does nothing.
#[test]
fn writer_process() {
    let (Ok(dir), Ok(session)) = (std::env::var(WRITER_DIR), std::env::var(WRITER_SESSION)) else { return };
    let (disk, report) =
        Disk::open(Options { generation_bytes: 1 << 20, reserve_bytes: 0, ..Options::new(dir) });
    assert_eq!(report.damage, []);
    let session: SessionId = session.parse().unwrap();
    let last = disk.last(session).unwrap_or_default();
    let mut feed = Feed { session, end: last.end };
    feed.append(&[&disk], 0, gap(last.epoch + 1));
    let random = &mut Random(feed.end.offset + 1);
    loop {
        feed.lines(&disk, 1 + random.below(30_000));
        println!("stored {}", disk.stored(session).offset);
        thread::sleep(Duration::from_millis(random.below(4)));
    }
}

#[test]
fn what_was_stored_survives_sigkill() {
    let dir = TempDir::new().unwrap();
    let session = SessionId::random();
    let mut stored = 0;
    let name =
        thread::current().name().unwrap().replace("what_was_stored_survives_sigkill", "writer_process");
    for round in 0..10 {
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", &name])
            .env(WRITER_DIR, dir.path())
            .env(WRITER_SESSION, session.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
        let begun = stored;
        while stored <= begun + 50_000 * (round % 4) {
            let line = lines.next().expect("it runs until it is killed").unwrap();
            stored = line.split("stored ").nth(1).map_or(stored, |offset| offset.parse().unwrap());
        }
        writer.kill().unwrap();
        writer.wait().unwrap();
        if round % 3 == 2 {
            let (disk, report) = Disk::open(uncached(&dir));
            assert_eq!(report.damage, []);
            let last = disk.last(session).unwrap();
            assert!(last.end.offset >= stored && last.epoch > 0, "{last:?} {stored}");
            let (entries, skipped) = drain(&disk, session, Position::default(), 1 << 20);
            let output = entries.iter().filter(|entry| matches!(entry.content, Content::Output(_))).cloned();
            let output: Vec<Entry> = output.collect();
            assert_eq!((skipped, entries.len() - output.len()), (0, last.epoch as usize));
            assert!(text(&output) == numbered(0, last.end.offset as usize));
        }
    }
}

#[test]
fn who_goes_on_earlier_than_what_was_stored_is_stored_too() {
    let dir = TempDir::new().unwrap();
    let (disk, _) = Disk::open(options(&dir));
    let mut feed = Feed::new();
    feed.lines(&disk, 10_000);
    is_stored(&disk, &feed);
    feed.end = Position::at(5_000);
    feed.lines(&disk, 1_000);
    eventually("written", || disk.usage().unwritten_bytes == 0 && disk.usage().written_bytes == 11_000);
    assert_eq!(disk.last(feed.session).map(|last| last.end), Some(feed.end));
}
