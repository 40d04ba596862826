//! The journal in files.
//!
//! Whoever appends puts it into the [`cache`] and goes on. One [`writer`] thread takes it from there
//! into the newest [`generation`]: a directory with a database, begun anew by size or day, and deleted
//! as a whole when it is old. Readers take what is newest from the cache and the rest from the
//! [`generations`], each piece once, by its place.
//!
//! The database answers damage with a panic, with silence or with nothing at all, and does not survive
//! a full disk. So it is asked under [`guard`], its contents are counted in a [`summary`] beside it,
//! space is looked at before each write, and a writer that hangs is replaced. Whatever happens to the
//! files, a journal opens, and what is appended can be read.

mod cache;
mod chunk;
mod clock;
mod generation;
mod generations;
mod guard;
mod row;
mod space;
mod summary;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use codepiper_protocol::SessionId;
use nix::errno::Errno;
use nix::fcntl::Flock;

use self::cache::{Cache, Limits, Taken};
use self::generation::Generation;
use self::generations::{Generations, Opened};
use self::writer::{Work, Writer};
use super::{Checkpoint, Content, Entry, Journal, Last, Position, Start};
use crate::lock::{lock, lock_file, wait, wait_for};

/// Another daemon that is ending may hold the directory for so long.
const LOCK_LIMIT: Duration = Duration::from_secs(5);
/// Closing waits for the writer at most for this.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);
/// So many unwritten bytes do not wait for the tick.
const URGENT: usize = 1 << 20;

/// Where and how much.
#[derive(Clone)]
pub struct Options {
    pub dir: PathBuf,
    /// A generation that takes more than this on the disk is followed by a new one.
    pub generation_bytes: u64,
    /// All together take at most this.
    pub retention_bytes: u64,
    pub retention_days: u32,
    /// This much is left free on the disk.
    pub reserve_bytes: u64,
    /// What is kept in memory of one session, and of all.
    pub cache_per_session: usize,
    pub cache_total: usize,
    /// What may wait to be written, beyond the cache; more is dropped, oldest first.
    pub unwritten_bytes: usize,
    /// A writer that is silent for so long is replaced.
    pub hung_after: Duration,
    pub probes: Probes,
}

impl Options {
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            generation_bytes: 32 << 20,
            retention_bytes: 4 << 30,
            retention_days: 30,
            reserve_bytes: 64 << 20,
            cache_per_session: 512 << 10,
            cache_total: 12 << 20,
            unwritten_bytes: 64 << 20,
            hung_after: Duration::from_secs(5),
            probes: Probes::default(),
        }
    }
}

/// How much may still be written where a path lies.
pub type FreeSpace = dyn Fn(&Path) -> io::Result<u64> + Send + Sync;

/// Whether so many bytes can be written where a path lies.
pub type Reserve = dyn Fn(&Path, u64) -> io::Result<()> + Send + Sync;

/// What the journal asks of the world, and what it tells.
#[derive(Clone)]
pub struct Probes {
    /// Bytes that may still be written where a path lies.
    pub free_space: Arc<FreeSpace>,
    /// Tries whether so many bytes can be written there.
    pub reserve: Arc<Reserve>,
    /// Runs in the writer before each write.
    pub before_write: Arc<dyn Fn() + Send + Sync>,
    /// Milliseconds since 1970.
    pub now: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// Is told what happens to the journal, by any thread; it must not block, nor ask the
    /// journal.
    pub notice: Arc<dyn Fn(Notice) + Send + Sync>,
}

impl Default for Probes {
    fn default() -> Self {
        Self {
            free_space: Arc::new(space::free),
            reserve: Arc::new(space::reserve),
            before_write: Arc::new(|| {}),
            now: Arc::new(|| {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                since.as_millis() as i64
            }),
            notice: Arc::new(|_| {}),
        }
    }
}

impl Probes {
    /// # Errors
    /// When so many bytes cannot be written where `dir` lies.
    fn room(&self, dir: &Path, bytes: u64) -> io::Result<()> {
        self.is_free(dir, bytes)?;
        (self.reserve)(dir, bytes)
    }

    /// The same without a try: it takes only a look.
    fn is_free(&self, dir: &Path, bytes: u64) -> io::Result<()> {
        match (self.free_space)(dir) {
            Ok(free) if free < bytes => Err(nix::errno::Errno::ENOSPC.into()),
            Err(error) if space::is_refusal(&error) => Err(error),
            // Where nothing can be asked, writing says what is wrong.
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

/// Something that an owner wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    Damaged(Damage),
    /// The disk is full or cannot be written to; what is appended waits in memory.
    Paused,
    /// There is space again. So many bytes were dropped since the journal was opened.
    Resumed {
        dropped_bytes: u64,
    },
    /// The writer hung and another one goes on in a new generation.
    WriterReplaced,
    /// A generation cannot be written to any more; a new one goes on.
    Failed(String),
}

/// A generation that does not hold what it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    pub generation: u64,
    pub what: String,
    /// Where its files are now.
    pub kept: Option<PathBuf>,
    /// Bytes of output, and marks, that were stored and cannot be read.
    pub lost_bytes: u64,
    pub lost_marks: u64,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { generation, what, kept, lost_bytes, lost_marks } = self;
        write!(f, "generation {generation} of the journal is damaged ({what}): ")?;
        // Without its summary nobody knows.
        match (lost_bytes, lost_marks) {
            (0, 0) => write!(f, "how much is lost is not known")?,
            _ => write!(f, "{lost_bytes} bytes of output and {lost_marks} marks are lost")?,
        }
        match kept {
            Some(path) => write!(f, "; its files are kept in {}", path.display()),
            None => Ok(()),
        }
    }
}

/// What was found when the journal was opened.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub generations: usize,
    /// On the disk.
    pub bytes: u64,
    /// Sessions whose log goes on.
    pub sessions: usize,
    pub damage: Vec<Damage>,
    /// Why nothing can be stored: everything stays in memory, bounded.
    pub unusable: Option<String>,
}

/// How the journal is.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    /// On the disk, as measured last, and at most.
    pub disk_bytes: u64,
    pub limit_bytes: u64,
    pub generations: usize,
    /// Output stored, and entries, since the journal was opened.
    pub written_bytes: u64,
    pub written_entries: u64,
    /// What waits to be written.
    pub unwritten_bytes: usize,
    /// What was dropped because too much waited.
    pub dropped_bytes: u64,
    pub dropped_entries: u64,
    pub damage: Vec<Damage>,
    /// Why nothing is written at the moment: the disk is full, or cannot be written to.
    pub paused: Option<String>,
    /// Why the clock looks wrong, by what was stored before.
    pub clock: Option<String>,
    /// Why a part of what is stored could not be read when somebody tried last.
    pub unreadable: Option<String>,
    /// Why nothing can be written, other than a full disk.
    pub failing: Option<String>,
    /// Writers that hung.
    pub replaced_writers: u64,
}

/// The journal in files. See the module.
pub struct Disk {
    shared: Arc<Shared>,
    /// Held as long as the directory is ours.
    _lock: Option<Flock<File>>,
}

struct Shared {
    options: Options,
    generations: Generations,
    state: Mutex<State>,
    /// The writer waits here.
    wake: Condvar,
    /// Who closes waits here.
    done: Condvar,
}

struct State {
    cache: Cache,
    removals: Vec<(SessionId, Vec<Arc<Generation>>)>,
    /// The generation that is written to.
    active: Option<Arc<Generation>>,
    /// Which writer is the right one.
    ticket: u64,
    /// The writer sleeps until it is woken.
    idle: bool,
    /// Since when the writer is at one piece of work.
    busy: Option<Instant>,
    closing: bool,
    closed: bool,
    paused: Option<String>,
    failing: Option<String>,
    written_bytes: u64,
    written_entries: u64,
}

impl Disk {
    /// Opens what is there. Damage is reported, never an error.
    pub fn open(options: Options) -> (Self, Report) {
        let generations = Generations::new(options.clone());
        let mut report = Report::default();
        let (lock, mut opened) = match lock_dir(&options.dir) {
            Ok(lock) => match generations.open() {
                Ok(opened) => (Some(lock), opened),
                Err(error) => {
                    report.unusable = Some(error.to_string());
                    (Some(lock), Opened::default())
                }
            },
            Err(error) => {
                report.unusable = Some(error.to_string());
                (None, Opened::default())
            }
        };
        let usable = report.unusable.is_none();
        let lasts = std::mem::take(&mut opened.lasts);
        report.sessions = lasts.len();
        report.generations = generations.count();
        report.bytes = generations.bytes();
        let shared = Arc::new(Shared::new(options, generations, lasts));
        if usable {
            shared.state().active = opened.active.as_ref().map(|(generation, _)| generation.clone());
            shared.begin(0, opened);
        } else {
            shared.state().closed = true;
        }
        report.damage = shared.generations.damage();
        let disk = Self { shared, _lock: lock };
        disk.shared.state().failing = report.unusable.clone();
        (disk, report)
    }

    /// Writes what waits, packs it and closes; waits for that for at most two seconds. What is appended
    /// afterwards stays in memory.
    pub fn close(&self) {
        let mut state = self.shared.state();
        state.closing = true;
        self.shared.wake.notify_all();
        let deadline = Instant::now() + CLOSE_LIMIT;
        while !state.closed && Instant::now() < deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            state = wait_for(&self.shared.done, state, left);
        }
        if !state.closed {
            tracing::warn!("the journal does not close in time");
            state.ticket += 1;
            state.closed = true;
        }
    }

    /// The end of what is stored of a session: it survives whatever happens to this process.
    pub fn stored(&self, session: SessionId) -> Position {
        self.shared.state().cache.stored(session).map(|last| last.end).unwrap_or_default()
    }

    pub fn usage(&self) -> Usage {
        let (disk_bytes, generations) = (self.shared.generations.bytes(), self.shared.generations.count());
        let (damage, unreadable) = (self.shared.generations.damage(), self.shared.generations.unreadable());
        let state = self.shared.state();
        Usage {
            disk_bytes,
            limit_bytes: self.shared.options.retention_bytes,
            generations,
            written_bytes: state.written_bytes,
            written_entries: state.written_entries,
            unwritten_bytes: state.cache.unwritten,
            dropped_bytes: state.cache.dropped_bytes,
            dropped_entries: state.cache.dropped_entries,
            damage,
            paused: state.paused.clone(),
            unreadable,
            clock: self.shared.generations.clock((self.shared.options.probes.now)()).doubt,
            failing: state.failing.clone(),
            replaced_writers: state.ticket,
        }
    }

    /// Changes the state, wakes the writer if it sleeps, and replaces it if it hangs.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.shared.state();
        change(&mut state);
        if state.idle {
            self.shared.wake.notify_one();
        }
        let hung = state.busy.is_some_and(|since| since.elapsed() > self.shared.options.hung_after);
        if hung && !state.closed {
            self.shared.replace_writer(&mut state);
        }
    }
}

impl Journal for Disk {
    fn append(&self, session: SessionId, entry: &Entry) {
        if let Content::Mark(_) = entry.content {
            return self.change(|state| state.cache.append(session, entry));
        }
        let mut state = self.shared.state();
        state.cache.append(session, entry);
        if state.cache.unwritten >= URGENT {
            self.shared.wake.notify_one();
        }
    }

    fn wake(&self) {
        self.change(|_| {});
    }

    fn checkpoint(&self, session: SessionId, checkpoint: Checkpoint) {
        self.change(|state| state.cache.checkpoint(session, checkpoint));
    }

    fn read_at_once(&self, session: SessionId, from: Position, max: usize) -> Option<Vec<Entry>> {
        let state = self.shared.state();
        let log = state.cache.log(session)?;
        log.first().is_some_and(|first| first <= from).then(|| log.read(from, max))
    }

    fn read(&self, session: SessionId, from: Position, max: usize) -> Vec<Entry> {
        if let Some(entries) = self.read_at_once(session, from, max) {
            return entries;
        }
        // What is not in the cache was written before it left.
        let stored = self.shared.generations.read(session, from, max);
        let state = self.shared.state();
        let Some(log) = state.cache.log(session) else { return stored };
        match (stored.first(), log.first()) {
            (Some(stored_first), Some(first)) if first < stored_first.at => log.read(from, max),
            (None, _) => log.read(from, max),
            _ => stored,
        }
    }

    fn oldest(&self, session: SessionId) -> Position {
        let stored = self.shared.generations.oldest(session);
        let cached = self.shared.state().cache.log(session).and_then(|log| log.first());
        stored.into_iter().chain(cached).min().unwrap_or_default()
    }

    fn newlines_back(&self, session: SessionId, newlines: u64) -> Option<u64> {
        let mut wanted = newlines;
        let (cached, first) = {
            let state = self.shared.state();
            let log = state.cache.log(session);
            (log.and_then(|log| log.offset_of_newlines(&mut wanted)), log.and_then(|log| log.first()))
        };
        cached.or_else(|| self.shared.generations.newlines_back(session, first, wanted))
    }

    fn offset_at(&self, session: SessionId, time: i64) -> u64 {
        let stored = self.shared.generations.offset_of_time(session, time);
        let (cached, end) = {
            let state = self.shared.state();
            let cached = state.cache.log(session).and_then(|log| log.offset_of_time(time));
            (cached, state.cache.last(session).map_or(0, |last| last.end.offset))
        };
        stored.into_iter().chain(cached).min().unwrap_or(end)
    }

    fn start_before(&self, session: SessionId, offset: u64) -> Start {
        let oldest = self.oldest(session);
        let cached = {
            let state = self.shared.state();
            state.cache.log(session).and_then(|log| log.checkpoint_before(offset).cloned())
        };
        let stored = self.shared.generations.checkpoint_before(session, offset);
        let checkpoint = match (cached, stored) {
            (Some(cached), Some(stored)) if stored.offset > cached.offset => Some(stored),
            (cached, stored) => cached.or(stored),
        };
        let Some(checkpoint) = checkpoint.filter(|checkpoint| checkpoint.offset > oldest.offset) else {
            return Start { at: oldest, checkpoint: None };
        };
        let offset = checkpoint.offset;
        let stored = self.shared.generations.behind_marks(session, offset);
        let state = self.shared.state();
        let cached = state.cache.log(session).map(|log| log.behind_marks(offset)).unwrap_or_default();
        Start { at: stored.max(cached), checkpoint: Some(checkpoint) }
    }

    fn remove(&self, session: SessionId) {
        let generations = self.shared.generations.forget(session);
        self.change(|state| {
            state.cache.remove(session);
            let mut generations = generations;
            // The writer may be at it.
            if let Some(active) = &state.active
                && !generations.iter().any(|one| one.number == active.number)
            {
                generations.push(active.clone());
            }
            state.removals.push((session, generations));
        });
    }

    fn last(&self, session: SessionId) -> Option<Last> {
        self.shared.state().cache.last(session)
    }

    fn unreadable(&self, session: SessionId, from: Position, to: Position) -> Option<String> {
        self.shared.generations.unreadable_of(session, from, to)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if !self.shared.state().closed {
            self.close();
        }
    }
}

impl Shared {
    fn new(options: Options, generations: Generations, lasts: BTreeMap<SessionId, Last>) -> Self {
        let limits = Limits {
            per_session: options.cache_per_session,
            total: options.cache_total,
            unwritten: options.unwritten_bytes,
        };
        let state = State {
            cache: Cache::new(limits, lasts),
            removals: Vec::new(),
            active: None,
            ticket: 0,
            idle: false,
            busy: None,
            closing: false,
            closed: false,
            paused: None,
            failing: None,
            written_bytes: 0,
            written_entries: 0,
        };
        Self { options, generations, state: Mutex::new(state), wake: Condvar::new(), done: Condvar::new() }
    }

    /// Starts a writer.
    fn begin(self: &Arc<Self>, ticket: u64, opened: Opened) {
        let shared = self.clone();
        let spawned = thread::Builder::new().name("journal".to_owned()).spawn(move || {
            let mut writer = match Writer::new(shared.clone(), ticket) {
                Ok(writer) => writer,
                Err(error) => return shared.set_failing(Some(error.to_string())),
            };
            if let Some((generation, db)) = opened.active {
                writer.go_on(generation.clone(), db);
                let restored = guard::caught(|| writer.restore(&opened.tails));
                if !matches!(restored, Ok(Ok(()))) {
                    shared.generations.set_aside(&generation, "what was not packed cannot be read");
                }
            }
            writer.run();
        });
        if let Err(error) = spawned {
            tracing::error!(%error, "the journal has no writer");
        }
    }

    /// Leaves a writer that hangs to itself. Another one goes on in a new generation.
    fn replace_writer(self: &Arc<Self>, state: &mut State) {
        tracing::error!("the journal's writer hangs and is replaced");
        state.ticket += 1;
        state.busy = None;
        state.idle = false;
        state.cache.give_back();
        if let Some(active) = state.active.take() {
            active.stuck.store(true, Ordering::Relaxed);
        }
        self.begin(state.ticket, Opened::default());
        (self.options.probes.notice)(Notice::WriterReplaced);
    }

    /// Waits for work, and for the time at which to do it.
    fn wait(&self, ticket: u64, later: Option<Instant>, not_before: Option<Instant>) -> Work {
        let mut state = self.state();
        let mut write_at: Option<Instant> = None;
        loop {
            state.idle = false;
            if state.ticket != ticket {
                return Work::Abandoned;
            }
            if state.closing {
                state.busy = Some(Instant::now());
                return Work::Close;
            }
            let now = Instant::now();
            let waits = !state.cache.is_clean() || !state.removals.is_empty();
            if waits {
                let at = *write_at.get_or_insert_with(|| {
                    let at = now + writer::retry(state.paused.is_some());
                    not_before.map_or(at, |not_before| at.max(not_before))
                });
                let urgent =
                    state.cache.unwritten >= URGENT && state.paused.is_none() && not_before.is_none();
                if urgent || now >= at {
                    state.busy = Some(now);
                    return Work::Write;
                }
            } else {
                write_at = None;
                if later.is_some_and(|later| now >= later) {
                    state.busy = Some(now);
                    return Work::Later;
                }
            }
            state.idle = !waits;
            let until = if waits { write_at } else { later };
            state = match until {
                Some(until) => {
                    let left = until.saturating_duration_since(now);
                    wait_for(&self.wake, state, left)
                }
                None => wait(&self.wake, state),
            };
        }
    }

    /// The writer has done a piece of work; `false` when it was replaced.
    fn rest(&self, ticket: u64) -> bool {
        let mut state = self.state();
        let current = state.ticket == ticket;
        if current {
            state.busy = None;
        }
        current
    }

    /// The writer gets on; `false` when it was replaced.
    fn beat(&self, ticket: u64) -> bool {
        let mut state = self.state();
        let current = state.ticket == ticket;
        if current && state.busy.is_some() {
            state.busy = Some(Instant::now());
        }
        current
    }

    fn closed(&self, ticket: u64) {
        let mut state = self.state();
        if state.ticket == ticket {
            state.closed = true;
            state.active = None;
            self.done.notify_all();
        }
    }

    fn take(&self, ticket: u64, max: usize) -> Option<Vec<Taken>> {
        let mut state = self.state();
        (state.ticket == ticket).then(|| state.cache.take(max))
    }

    /// What was taken is stored in this generation. The bytes of it; `None` for a writer that was replaced.
    fn written(&self, ticket: u64, taken: Vec<Taken>, generation: &Generation) -> Option<u64> {
        let mut state = self.state();
        if state.ticket != ticket {
            return None;
        }
        let (mut bytes, mut entries) = (0, 0);
        {
            let mut summary = generation.summary();
            for piece in taken.iter().filter(|piece| state.cache.is_current(piece)) {
                bytes += writer::count(summary.sessions.entry(piece.session).or_default(), piece);
                entries += piece.entries.len() as u64;
            }
        }
        state.cache.written(taken);
        state.written_bytes += bytes;
        state.written_entries += entries;
        if state.busy.is_some() {
            state.busy = Some(Instant::now());
        }
        Some(bytes)
    }

    fn give_back(&self, ticket: u64) {
        let mut state = self.state();
        if state.ticket == ticket {
            state.cache.give_back();
        }
    }

    fn set_active(&self, ticket: u64, generation: Arc<Generation>) -> bool {
        let mut state = self.state();
        let current = state.ticket == ticket;
        if current {
            state.active = Some(generation);
        }
        current
    }

    fn has_removals(&self) -> bool {
        !self.state().removals.is_empty()
    }

    fn next_removal(&self, ticket: u64) -> Option<(SessionId, Vec<Arc<Generation>>)> {
        let mut state = self.state();
        if state.ticket == ticket { state.removals.pop() } else { None }
    }

    fn set_paused(&self, paused: Option<String>) {
        let mut state = self.state();
        let before = std::mem::replace(&mut state.paused, paused);
        let notice = match (&before, &state.paused) {
            (None, Some(_)) => Notice::Paused,
            (Some(_), None) => Notice::Resumed { dropped_bytes: state.cache.dropped_bytes },
            _ => return,
        };
        let why = state.paused.clone();
        drop(state);
        tracing::warn!(?notice, why, "the journal's disk");
        (self.options.probes.notice)(notice);
    }

    fn set_failing(&self, failing: Option<String>) {
        self.state().failing = failing;
    }

    fn unwritten(&self) -> usize {
        self.state().cache.unwritten
    }

    fn all_stored(&self) -> Vec<(SessionId, Last)> {
        self.state().cache.all_stored()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// Makes the directory ours.
fn lock_dir(dir: &Path) -> io::Result<Flock<File>> {
    generation::create_dir(dir)?;
    let file = File::options().create(true).truncate(false).write(true).open(dir.join("lock"))?;
    let deadline = Instant::now() + LOCK_LIMIT;
    lock_file(file, || Instant::now() < deadline).map_err(|errno| match errno {
        Errno::EWOULDBLOCK => {
            let what = format!("another daemon uses {}", dir.display());
            io::Error::new(io::ErrorKind::ResourceBusy, what)
        }
        other => other.into(),
    })
}
