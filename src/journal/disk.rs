//! The journal in files.
//!
//! Whoever appends puts it into the [`cache`] and goes on. One [`writer`] thread takes it from there
//! into the newest [`generation`]: a directory with a [`segment`], to which everything is appended once, and the database
//! of a [`store`], which finds it there and can be made again from it. A generation is begun anew by size or day, and
//! deleted as a whole when it is old. Readers take what is newest from the cache and the rest from the
//! [`generations`], each piece once, by its place.
//!
//! The database answers damage with a panic, with silence or with nothing at all, and does not survive
//! a full disk. So it is asked under [`guard`], what a generation holds is counted in a [`summary`] beside it,
//! space is looked at before each write, and a writer that hangs is replaced. Whatever happens to the
//! files, a journal opens, and what is appended can be read.

mod cache;
pub mod clock;
mod frames;
mod generation;
mod generations;
mod guard;
mod options;
mod query;
mod report;
mod row;
mod segment;
mod shared;
mod space;
mod store;
mod summary;
#[cfg(test)]
mod tests;
mod writer;

pub use self::options::{FreeSpace, Options, Probes, Reserve};
pub use self::report::{Damage, Notice, Report, Usage};

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use codepiper_protocol::SessionId;
use nix::errno::Errno;
use nix::fcntl::Flock;

use self::generations::{Generations, Opened};
use self::shared::{Shared, State};
use super::{Checkpoint, Content, Entry, Journal, Last, Position, Start};
use crate::lock::{lock_file, wait_for};

/// Another daemon that is ending may hold the directory for so long.
const LOCK_LIMIT: Duration = Duration::from_secs(5);
/// Closing waits for the writer at most for this.
const CLOSE_LIMIT: Duration = Duration::from_secs(2);

/// The journal in files. See the module.
pub struct Disk {
    shared: Arc<Shared>,
    /// Held as long as the directory is ours.
    _lock: Option<Flock<File>>,
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
            shared.state().active.clone_from(&opened.active);
            shared.begin(0, opened.active);
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
            tracing::warn!("closing the journal timed out");
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

    /// Changes the state, wakes the writer if it sleeps or should write sooner, and replaces it if it hangs.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.shared.state();
        let patience = self.shared.patience(&state);
        change(&mut state);
        if state.idle || self.shared.patience(&state) < patience {
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
        let patience = self.shared.patience(&state);
        state.cache.append(session, entry);
        if self.shared.patience(&state) < patience {
            self.shared.wake.notify_one();
        }
    }

    fn wake(&self) {
        self.change(|_| {});
    }

    fn hurry(&self) {
        self.change(|state| state.cache.hurry());
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
