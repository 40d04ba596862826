//! One generation: a directory with a segment and the database that finds things in it, and its summary beside it.
//! Generations of older versions have a database only, and are read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::thread;
use std::time::{Duration, Instant};

use codepiper_protocol::SessionId;

use super::Probes;
use super::guard::{Silence, caught, limited};
use super::segment::{self, Segment};
use super::space::{self, OPENING};
use super::store::{self, Store};
use super::summary::{self, Summary, Tally};
use crate::lock::lock;

/// Reading everything to count it.
const SCAN_LIMIT: Duration = Duration::from_secs(30);
/// Reading from a generation whose writer hangs.
const STUCK_LIMIT: Duration = Duration::from_secs(2);
/// Closing one.
const CLOSE_LIMIT: Duration = Duration::from_secs(3);
/// A generation that is only read is closed when nobody read it for so long.
const READ_IDLE: Duration = Duration::from_secs(10);

pub struct Generation {
    pub number: u64,
    pub dir: PathBuf,
    /// On the disk, when it was measured last.
    pub bytes: AtomicU64,
    /// Its writer hangs in it.
    pub stuck: AtomicBool,
    /// A writer appends to it: how its files are left is noted when that ends.
    pub written: AtomicBool,
    /// The previous daemon did not close it, and its database was not made anew since.
    pub unchecked: AtomicBool,
    probes: Probes,
    summary: Mutex<Summary>,
    /// The same for all who use it at once.
    segment: Mutex<Weak<Segment>>,
    handle: Mutex<Handle>,
    /// Why it could not be read when somebody tried last.
    unreadable: Mutex<Option<String>>,
}

enum Handle {
    Closed,
    Open {
        store: Store,
        used: Instant,
    },
    /// It is not ours any more.
    Gone,
}

/// Why a generation does not answer.
#[derive(Debug)]
pub enum Failure {
    /// Somebody else has it open.
    Locked,
    /// The system does not let us: the disk is full, read-only or broken, or there is no descriptor left. What the
    /// generation holds is as it was.
    Refused(String),
    /// It does not answer.
    Hung,
    /// What it says cannot be right.
    Damaged(String),
}

impl From<Silence> for Failure {
    fn from(silence: Silence) -> Self {
        match silence {
            Silence::Panicked(message) => Self::Damaged(message),
            Silence::TimedOut => Self::Hung,
        }
    }
}

impl From<sled::Error> for Failure {
    fn from(error: sled::Error) -> Self {
        match error {
            sled::Error::Io(error) => error.into(),
            _ => Self::Damaged(error.to_string()),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error {
            error if is_lock(&error) => Self::Locked,
            error if space::is_refusal(&error) => Self::Refused(space::reason(&error)),
            error => Self::Damaged(error.to_string()),
        }
    }
}

fn is_lock(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.to_string().contains("could not acquire lock")
}

impl Generation {
    /// One that lies there, closed.
    pub fn existing(number: u64, dir: PathBuf, summary: Summary, probes: Probes) -> Self {
        Self {
            number,
            bytes: AtomicU64::new(space::used(&dir)),
            dir,
            stuck: AtomicBool::new(false),
            written: AtomicBool::new(false),
            unchecked: AtomicBool::new(false),
            probes,
            summary: Mutex::new(summary),
            segment: Mutex::default(),
            handle: Mutex::new(Handle::Closed),
            unreadable: Mutex::default(),
        }
    }

    /// It has a segment, and its database can be made again.
    pub fn has_segment(&self) -> bool {
        self.summary().has_segment() || segment::path(&self.dir).exists()
    }

    pub fn segment(&self) -> io::Result<Arc<Segment>> {
        let mut shared = lock(&self.segment);
        if let Some(segment) = shared.upgrade() {
            return Ok(segment);
        }
        let segment = Arc::new(Segment::open(&self.dir)?);
        *shared = Arc::downgrade(&segment);
        Ok(segment)
    }

    /// Counts as [`Self::count`] does; the database is made anew.
    pub fn recount(&self) -> Result<((u64, u64), u64), Failure> {
        let counted = self.count()?;
        if self.forget_index() { Ok(counted) } else { Err(Failure::Hung) }
    }

    /// Reads the whole segment and compares it with the summary, and writes nothing. The bytes and marks that are missing,
    /// and where the segment ends.
    pub fn count(&self) -> Result<((u64, u64), u64), Failure> {
        let segment = self.segment()?;
        // What is counted stands in the segment already; what is appended meanwhile is not missing.
        let mut counted = self.summary().clone();
        let (contents, scanned) = limited(SCAN_LIMIT, move || store::count(&segment))??;
        let mut summary = self.summary();
        counted.sessions.retain(|session, _| summary.sessions.contains_key(session));
        let lost = counted.missing_in(&contents.sessions);
        if lost != (0, 0) {
            summary.damage = Some("rows are missing".to_owned());
        }
        if lost != (0, 0) || !self.written.load(Ordering::Relaxed) {
            summary.sessions = contents.sessions;
        }
        summary.files.clear();
        Ok((lost, scanned.end))
    }

    /// Deletes the database; what follows makes it again from the segment.
    pub fn forget_index(&self) -> bool {
        let mut handle = self.handle();
        if let Handle::Open { store, .. } = std::mem::replace(&mut *handle, Handle::Closed)
            && limited(CLOSE_LIMIT, move || drop(store)).is_err()
        {
            return false;
        }
        let deleted = self.delete_index();
        if let Err(error) = &deleted {
            tracing::warn!(generation = self.number, %error, "the index of the journal cannot be deleted");
        }
        deleted.is_ok()
    }

    fn delete_index(&self) -> io::Result<()> {
        match fs::remove_dir_all(store::path(&self.dir)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => self.unchecked.store(false, Ordering::Relaxed),
        }
        Ok(())
    }

    /// Asks the database, which is opened for it.
    pub fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Store) -> sled::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let answer = self.store().and_then(|store| self.ask_store(store, ask));
        let refused = match &answer {
            Err(Failure::Refused(why)) => Some(why.clone()),
            _ => None,
        };
        if refused.is_some() {
            // There may have been room for a part of its index.
            self.leave(Handle::Closed);
        }
        *self.unreadable() = refused;
        answer
    }

    fn ask_store<T: Send + 'static>(
        &self,
        store: Store,
        ask: impl FnOnce(&Store) -> sled::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let ask = move || {
            store.follow()?;
            ask(&store)
        };
        let answer =
            if self.stuck.load(Ordering::Relaxed) { limited(STUCK_LIMIT, ask)? } else { caught(ask)? };
        Ok(answer?)
    }

    fn store(&self) -> Result<Store, Failure> {
        let mut handle = self.handle();
        match &mut *handle {
            Handle::Open { store, used } => {
                *used = Instant::now();
                Ok(store.clone())
            }
            Handle::Closed => {
                let store = self.open();
                if let Err(Failure::Hung) = store {
                    *handle = Handle::Gone;
                }
                let store = store?;
                *handle = Handle::Open { store: store.clone(), used: Instant::now() };
                Ok(store)
            }
            Handle::Gone => Err(Failure::Hung),
        }
    }

    fn open(&self) -> Result<Store, Failure> {
        let room = self.probes.room(&self.dir, OPENING);
        if !self.has_segment() {
            room.map_err(|error| Failure::Refused(space::reason(&error)))?;
            return Store::open(&self.dir, None);
        }
        let segment = Some(self.segment()?);
        let Err(error) = room else {
            if self.unchecked.load(Ordering::Relaxed) {
                self.delete_index()?;
            }
            return Store::open(&store::path(&self.dir), segment);
        };
        let memory = &self.probes.memory;
        let room = self.probes.room(memory, OPENING).map_err(Failure::from);
        let opened = room.and_then(|()| Store::open_in_memory(memory, &self.dir, segment));
        opened.map_err(|_| Failure::Refused(space::reason(&error)))
    }

    /// Closes it if nobody read it for a while; says when to look again.
    pub fn close_if_idle(&self) -> Option<Instant> {
        // Somebody who opens it holds the lock, maybe for long.
        let used = match self.handle.try_lock().as_deref() {
            Ok(Handle::Open { used, .. }) => *used,
            _ => return None,
        };
        if used.elapsed() < READ_IDLE {
            return Some(used + READ_IDLE);
        }
        self.close();
        None
    }

    /// Closes it, if it is open.
    pub fn close_if_open(&self) {
        let open = matches!(self.handle.try_lock().as_deref(), Ok(Handle::Open { .. }));
        if open {
            self.close();
        }
    }

    /// Closes it and notes how its files were left. `false` when it does not close.
    pub fn close(&self) -> bool {
        let handle = std::mem::replace(&mut *self.handle(), Handle::Closed);
        if let Handle::Open { store, .. } = handle
            && limited(CLOSE_LIMIT, move || drop(store)).is_err()
        {
            return false;
        }
        if self.written.load(Ordering::Relaxed) || self.unchecked.load(Ordering::Relaxed) {
            return true;
        }
        let mut summary = self.summary();
        let before = std::mem::replace(&mut summary.files, summary::files(&self.dir));
        if summary.files == before {
            return true;
        }
        let written = summary.write(&summary::path(&self.dir));
        if let Err(error) = &written {
            tracing::warn!(generation = self.number, %error, "how its files were left was not written down");
            summary.files = before;
        }
        written.is_ok()
    }

    /// Nobody opens it again. The database is left to a thread that may hang in it.
    pub fn give_up(&self) {
        self.leave(Handle::Gone);
    }

    fn leave(&self, with: Handle) {
        let handle = match &mut *self.handle() {
            // It was given up meanwhile.
            Handle::Gone => return,
            handle => std::mem::replace(handle, with),
        };
        if let Handle::Open { store, .. } = handle {
            let _ =
                thread::Builder::new().name("journal-close".to_owned()).spawn(move || caught(|| drop(store)));
        }
    }

    pub fn summary(&self) -> MutexGuard<'_, Summary> {
        lock(&self.summary)
    }

    pub fn tally(&self, session: SessionId) -> Option<Tally> {
        self.summary().sessions.get(&session).copied()
    }

    /// Why it could not be read when somebody tried last; what it holds is as it was.
    pub fn unreadable(&self) -> MutexGuard<'_, Option<String>> {
        lock(&self.unreadable)
    }

    pub fn measure(&self) -> u64 {
        let bytes = space::used(&self.dir);
        self.bytes.store(bytes, Ordering::Relaxed);
        bytes
    }

    /// Its files are as a clean close left them.
    pub fn is_untouched(&self) -> bool {
        let summary = self.summary();
        !summary.files.is_empty() && summary.files == summary::files(&self.dir)
    }

    fn handle(&self) -> MutexGuard<'_, Handle> {
        lock(&self.handle)
    }
}

/// Makes the directory of a new generation.
pub fn create_dir(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

#[cfg(test)]
mod tests;
