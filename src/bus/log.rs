//! One session's log, and its readers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use codepiper_protocol::wire::stream::Begin;
use codepiper_protocol::{Cursor, SessionId};
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{Notify, oneshot};

use super::ring::Ring;
use crate::journal::{Checkpoint, Content, Entry, Journal, Mark, Position, Start};

/// At most this many bytes are read from the journal at once.
const JOURNAL_READ: usize = 256 * 1024;

/// The log of one session: one writer, many readers.
pub struct Log {
    session: SessionId,
    journal: Arc<dyn Journal>,
    state: Mutex<State>,
}

struct State {
    /// The epoch that is being written, and where each one began, oldest first.
    epochs: Vec<(u32, u64)>,
    end: Position,
    ring: Ring,
    watchers: Vec<Watcher>,
}

/// Whoever follows the log.
struct Watcher {
    notify: Weak<Notify>,
    /// There while its reader has nothing to read and wants to be given what comes.
    waiting: Option<Waiting>,
}

struct Waiting {
    at: Position,
    /// So many bytes it may be given.
    room: u64,
    give: Give,
}

/// Takes output where it is published, and must not wait; false when it does not take it.
pub type Give = Arc<dyn Fn(&[u8]) -> bool + Send + Sync>;

impl Log {
    pub(super) fn new(session: SessionId, journal: Arc<dyn Journal>, epoch: u32, end: Position) -> Self {
        let state = State {
            // Where it began is not known any more, and nobody has a cursor of it from before that.
            epochs: vec![(epoch, 0)],
            end,
            ring: Ring::default(),
            watchers: Vec::new(),
        };
        Self { session, journal, state: Mutex::new(state) }
    }

    /// Appends output, and gives it to the readers or wakes them. `time` is in ms since 1970.
    pub fn output(&self, time: i64, bytes: Bytes) {
        self.append(time, Content::Output(bytes));
    }

    /// Appends a mark and wakes the readers.
    pub fn mark(&self, time: i64, mark: Mark) {
        self.append(time, Content::Mark(Arc::new(mark)));
    }

    /// Saves a screen from which rendering can begin.
    pub fn checkpoint(&self, checkpoint: Checkpoint) {
        self.journal.checkpoint(self.session, checkpoint);
    }

    /// The end of the output so far.
    pub fn cursor(&self) -> Cursor {
        let state = self.state();
        Cursor::new(state.epoch(), state.end.offset)
    }

    /// The cursor of an offset of this log.
    pub fn cursor_at(&self, offset: u64) -> Cursor {
        let state = self.state();
        let epoch = state.epochs.iter().rev().find(|(_, start)| *start <= offset);
        Cursor::new(epoch.map_or_else(|| state.epoch(), |(epoch, _)| *epoch), offset)
    }

    /// Wakes all readers although nothing was appended: what belongs to the session changed.
    pub fn wake(&self) {
        self.state().watchers.retain(Watcher::wake);
    }

    /// A reader that begins where `begin` says, and what must be told to it first.
    pub async fn reader(self: &Arc<Self>, begin: Begin, watcher: &Arc<Notify>) -> (Reader, Begun) {
        let (at, begun) = match begin {
            Begin::Live => (self.end(), Begun::NeedsKeyframe),
            Begin::Start => (self.journal.oldest(self.session), Begun::Continued),
            Begin::Cursor(cursor) => match self.state().position(cursor) {
                Ok(position) => (position, Begun::Continued),
                Err(end) => (end, Begun::NeedsKeyframe),
            },
            Begin::Lines(lines) => {
                self.search(move |journal, session| journal.start_for_lines(session, lines)).await
            }
            Begin::Since(time) => {
                self.search(move |journal, session| journal.start_for_time(session, time)).await
            }
        };
        let mut state = self.state();
        state.watchers.retain(|other| other.notify.strong_count() > 0);
        if state.watcher(watcher).is_none() {
            state.watchers.push(Watcher { notify: Arc::downgrade(watcher), waiting: None });
        }
        let history_end = state.end;
        drop(state);
        let (log, watcher) = (self.clone(), watcher.clone());
        let (read, fetching) = (Vec::new(), None);
        (Reader { log, watcher, at, time: 0, history_end, read, fetching, handed_over: false }, begun)
    }

    /// Asks the journal, which may look at a disk.
    async fn search(
        self: &Arc<Self>,
        ask: impl FnOnce(&dyn Journal, SessionId) -> Start + Send + 'static,
    ) -> (Position, Begun) {
        let log = self.clone();
        match tokio::task::spawn_blocking(move || ask(&*log.journal, log.session)).await {
            Ok(start) => (start.at, start.checkpoint.map_or(Begun::Continued, Begun::Checkpoint)),
            Err(_) => (self.end(), Begun::NeedsKeyframe),
        }
    }

    fn end(&self) -> Position {
        self.state().end
    }

    pub(super) fn limit_ring(&self, bytes: usize) {
        self.state().ring.set_limit(bytes);
    }

    fn append(&self, time: i64, content: Content) {
        let mut state = self.state();
        if let Content::Mark(mark) = &content
            && let Mark::Gap { epoch, .. } = **mark
        {
            let offset = state.end.offset;
            state.epochs.push((epoch, offset));
        }
        let entry = Entry { at: state.end, time, content };
        state.end = entry.end();
        // Whoever waits for the echo of a key goes first.
        state.watchers.retain_mut(|watcher| watcher.take(&entry) || watcher.wake());
        self.journal.append(self.session, &entry);
        state.ring.push(entry);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn epoch(&self) -> u32 {
        self.epochs.last().map_or(0, |(epoch, _)| *epoch)
    }

    fn watcher(&mut self, notify: &Arc<Notify>) -> Option<&mut Watcher> {
        self.watchers.iter_mut().find(|watcher| watcher.notify.as_ptr() == Arc::as_ptr(notify))
    }

    /// Where a reader with this cursor goes on; the end of the log when it cannot be continued.
    fn position(&self, cursor: Cursor) -> Result<Position, Position> {
        let index = self.epochs.iter().position(|(epoch, _)| *epoch == cursor.epoch).ok_or(self.end)?;
        let (_, start) = self.epochs[index];
        let end = self.epochs.get(index + 1).map_or(self.end.offset, |(_, next)| *next);
        let inside = (start..=end).contains(&cursor.offset);
        inside.then(|| Position::at(cursor.offset)).ok_or(self.end)
    }
}

impl Watcher {
    /// False when nobody watches any more.
    fn wake(&self) -> bool {
        let watcher = self.notify.upgrade();
        if let Some(watcher) = &watcher {
            watcher.notify_one();
        }
        watcher.is_some()
    }

    /// True when its reader was given the entry, and does not have to be woken.
    fn take(&mut self, entry: &Entry) -> bool {
        let (Some(waiting), Content::Output(bytes)) = (&mut self.waiting, &entry.content) else {
            return false;
        };
        let length = bytes.len() as u64;
        if waiting.at != entry.at || length > waiting.room || !(waiting.give)(bytes) {
            return false;
        }
        waiting.at = entry.end();
        waiting.room -= length;
        true
    }
}

/// How a reader begins.
#[derive(Debug, PartialEq)]
pub enum Begun {
    /// With what is in the log.
    Continued,
    /// With this screen, then what is in the log.
    Checkpoint(Checkpoint),
    /// The reader needs the screen of now first, and is moved to its offset with [`Reader::seek`].
    NeedsKeyframe,
}

/// A position in a log. It is woken through the watcher that it was made with.
pub struct Reader {
    log: Arc<Log>,
    watcher: Arc<Notify>,
    at: Position,
    /// When what was taken last was published. Milliseconds since 1970.
    time: i64,
    /// Where the log ended when this reader was made.
    history_end: Position,
    /// Read from the journal and not yet taken, last first.
    read: Vec<Entry>,
    /// What stands at `at`, or behind `read`, is being read from a disk.
    fetching: Option<oneshot::Receiver<Vec<Entry>>>,
    /// What comes is given to somebody.
    handed_over: bool,
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.take_back();
    }
}

/// What a reader gets next.
#[derive(Debug, PartialEq)]
pub enum Next {
    Output(Bytes),
    Mark(Arc<Mark>),
    /// What lay between is kept nowhere.
    Gap {
        lost: u64,
    },
    /// The journal is being read; the watcher is told when that is done.
    Fetching,
    /// Everything was read.
    Pending,
}

impl Reader {
    /// Takes what comes next, at most `max` bytes.
    pub fn next(&mut self, max: usize) -> Next {
        if self.read.is_empty() {
            let state = self.log.state();
            if self.at >= state.end {
                return Next::Pending;
            }
            if let Some(mut entry) = state.ring.get(self.at) {
                drop(state);
                self.fetching = None;
                return self.take(&mut entry, max);
            }
            drop(state);
            match self.read_journal() {
                Some(entries) => self.read = entries,
                None => return Next::Fetching,
            }
            self.read.reverse();
        }
        let Some(mut entry) = self.read.pop() else {
            // Evicted between the two looks, or never kept: go on with what the ring holds.
            let end = self.log.end();
            let lost = end.offset - self.at.offset;
            self.at = end;
            return Next::Gap { lost };
        };
        if entry.at.offset > self.at.offset {
            let lost = entry.at.offset - self.at.offset;
            self.at = entry.at;
            self.read.push(entry);
            return Next::Gap { lost };
        }
        let next = self.take(&mut entry, max);
        if self.at < entry.end() {
            self.read.push(entry);
        } else if self.read.is_empty() && !self.log.state().ring.reaches(self.at) {
            // The disk is read while the client is written to.
            self.read = self.read_journal().unwrap_or_default();
            self.read.reverse();
        }
        next
    }

    /// What the journal has at `at`; `None` while it is being read.
    fn read_journal(&mut self) -> Option<Vec<Entry>> {
        match self.fetching.take() {
            None => {
                let entries = self.log.journal.read_at_once(self.log.session, self.at, JOURNAL_READ);
                if entries.is_none() {
                    self.fetch();
                }
                entries
            }
            Some(mut fetching) => match fetching.try_recv() {
                Ok(entries) => Some(entries),
                Err(TryRecvError::Empty) => {
                    self.fetching = Some(fetching);
                    None
                }
                // It panicked, and was reported.
                Err(TryRecvError::Closed) => Some(Vec::new()),
            },
        }
    }

    fn fetch(&mut self) {
        let (sender, receiver) = oneshot::channel();
        let (log, at, watcher) = (self.log.clone(), self.at, self.watcher.clone());
        tokio::task::spawn_blocking(move || {
            let entries = log.journal.read(log.session, at, JOURNAL_READ);
            // A reader that moved does not want it any more.
            if sender.send(entries).is_ok() {
                watcher.notify_one();
            }
        });
        self.fetching = Some(receiver);
    }

    /// Lets `give` take what comes from now on, at most `room` bytes, if there is nothing to read. The watcher is woken
    /// as soon as there is something else to read; it must have no other reader of this log.
    pub fn hand_over(&mut self, room: u64, give: &Give) {
        let mut state = self.log.state();
        if self.at == state.end
            && self.read.is_empty()
            && self.fetching.is_none()
            && let Some(watcher) = state.watcher(&self.watcher)
        {
            watcher.waiting = Some(Waiting { at: self.at, room, give: give.clone() });
            self.handed_over = true;
        }
    }

    /// Goes on behind what was given; so many bytes were.
    pub fn take_back(&mut self) -> u64 {
        if !std::mem::take(&mut self.handed_over) {
            return 0;
        }
        let mut state = self.log.state();
        let waiting = state.watcher(&self.watcher).and_then(|watcher| watcher.waiting.take());
        let before = self.at.offset;
        self.at = waiting.map_or(self.at, |waiting| waiting.at);
        self.at.offset - before
    }

    /// Moves to a keyframe's offset. Marks at that offset from before this reader was made are history:
    /// the end of an earlier run, say.
    pub fn seek(&mut self, offset: u64) {
        self.at = match self.history_end {
            end if end.offset == offset => end,
            _ => Position::at(offset),
        };
        self.read.clear();
        self.fetching = None;
    }

    /// When what was taken last was published, in ms since 1970.
    pub fn time(&self) -> i64 {
        self.time
    }

    /// Bytes between this reader and the end of the log.
    pub fn behind(&self) -> u64 {
        self.log.state().end.offset.saturating_sub(self.at.offset)
    }

    /// Everything that was there when the reader was made has been taken.
    pub fn caught_up(&self) -> bool {
        self.at >= self.history_end
    }

    pub fn cursor(&self) -> Cursor {
        self.log.cursor_at(self.at.offset)
    }

    /// Takes from the front of an entry.
    fn take(&mut self, entry: &mut Entry, max: usize) -> Next {
        self.time = entry.time;
        match &mut entry.content {
            Content::Mark(mark) => {
                self.at = Position { offset: entry.at.offset, mark: entry.at.mark + 1 };
                Next::Mark(mark.clone())
            }
            Content::Output(bytes) => {
                let piece = bytes.split_to(bytes.len().min(max));
                self.at = Position::at(entry.at.offset + piece.len() as u64);
                entry.at = self.at;
                Next::Output(piece)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use codepiper_protocol::wire::stream::{GapReason, Lost};
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
                Next::Gap { lost } => text.push_str(&format!("<{lost}>")),
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
        reader.seek(1);
        assert_eq!(drain(&mut reader, 10), "bc|d|");
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
        let Next::Gap { lost } = slow.next(1 << 20) else { panic!("no gap") };
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
        let begin =
            async |epoch, offset| log.reader(Begin::Cursor(Cursor::new(epoch, offset)), &watcher).await;
        assert_eq!(drain(&mut begin(3, 102).await.0, 100), "c|def");
        assert_eq!(drain(&mut begin(4, 104).await.0, 100), "ef");
        for (epoch, offset) in [(3, 104), (4, 102), (2, 50), (4, 107)] {
            assert_eq!(begin(epoch, offset).await.1, Begun::NeedsKeyframe, "{epoch}:{offset}");
        }
        assert_eq!(log.cursor(), Cursor::new(4, 106));
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
        let give: Give = Arc::new(move |bytes| {
            let takes = bytes != b"refused";
            if takes {
                taken.lock().unwrap().extend_from_slice(bytes);
            }
            takes
        });
        let given = || String::from_utf8(std::mem::take(&mut *given.lock().unwrap())).unwrap();
        let print = |text: &'static str| log.output(0, Bytes::from_static(text.as_bytes()));

        reader.hand_over(10, &give);
        print("abc");
        print("def");
        assert!(!is_woken());
        assert_eq!(given(), "abcdef");
        print("more than room");
        print("g");
        assert!(is_woken());
        assert_eq!(given(), "", "not out of order");
        assert_eq!((reader.take_back(), drain(&mut reader, 99).as_str()), (6, "more than roomg"));

        reader.hand_over(100, &give);
        print("refused");
        assert!(is_woken());
        assert_eq!((reader.take_back(), drain(&mut reader, 99).as_str()), (0, "refused"));

        reader.hand_over(100, &give);
        print("h");
        log.mark(0, Mark::Ended { exit: None });
        assert!(is_woken());
        print("i");
        assert_eq!((reader.take_back(), drain(&mut reader, 99).as_str()), (1, "|i"));
        assert_eq!(given(), "h");

        print("there is something to read");
        is_woken();
        reader.hand_over(100, &give);
        print("j");
        assert!(is_woken());
        assert_eq!(reader.take_back(), 0);
        drain(&mut reader, 99);

        reader.hand_over(100, &give);
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
}
