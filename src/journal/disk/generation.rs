//! One generation: a directory with a database, and its summary beside it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use codepiper_protocol::SessionId;
use sled::Db;

use super::Probes;
use super::guard::{Silence, caught, limited};
use super::query::{Contents, scan};
use super::space::{self, OPENING};
use super::summary::{self, Summary, Tally};
use crate::lock::lock;

/// The database of another process, or of a thread that hangs, is given up after this.
const LOCK_LIMIT: Duration = Duration::from_secs(5);
/// Opening takes as long as reading everything once.
const OPEN_LIMIT: Duration = Duration::from_secs(15);
/// Reading everything to count it.
const SCAN_LIMIT: Duration = Duration::from_secs(30);
/// Reading from a generation whose writer hangs.
const STUCK_LIMIT: Duration = Duration::from_secs(2);
/// Closing one.
const CLOSE_LIMIT: Duration = Duration::from_secs(3);
/// A generation that is only read is closed when nobody read it for so long.
const READ_IDLE: Duration = Duration::from_secs(10);
/// What it takes in memory is two to three times this (measured).
const WRITE_CACHE: u64 = 4 << 20;
const READ_CACHE: u64 = 4 << 20;
/// Pages and rows that exceed a quarter of this become files of their own. One that was replaced vanishes when the
/// segment is full (sled's `pagecache/segment.rs`); with larger segments half of the database is what was
/// replaced.
const SEGMENT: usize = 64 << 10;
pub struct Generation {
    pub number: u64,
    pub dir: PathBuf,
    /// On the disk, when it was measured last.
    pub bytes: AtomicU64,
    /// Its writer hangs in it.
    pub stuck: AtomicBool,
    probes: Probes,
    summary: Mutex<Summary>,
    handle: Mutex<Handle>,
    /// Why it could not be read when somebody tried last.
    unreadable: Mutex<Option<String>>,
}

enum Handle {
    Closed,
    Open {
        db: Db,
        used: Instant,
        /// The writer has it: only the writer closes it.
        written: bool,
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
        match &error {
            sled::Error::Io(io) if is_lock(io) => Self::Locked,
            sled::Error::Io(io) if space::is_refusal(io) => Self::Refused(space::reason(io)),
            _ => Self::Damaged(error.to_string()),
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
            probes,
            summary: Mutex::new(summary),
            handle: Mutex::new(Handle::Closed),
            unreadable: Mutex::default(),
        }
    }

    /// Opens it for the writer.
    pub fn open_for_writing(&self) -> Result<Db, Failure> {
        let db = open(&self.dir, true, &self.probes)?;
        *self.handle() = Handle::Open { db: db.clone(), used: Instant::now(), written: true };
        Ok(db)
    }

    /// Opens it again for the writer, who has left it for a while.
    pub fn open_again(&self) -> Result<Db, Failure> {
        // Readers wait meanwhile: one that opened it in between would lock the writer out.
        let mut handle = self.handle();
        match std::mem::replace(&mut *handle, Handle::Closed) {
            Handle::Open { db, .. } => limited(CLOSE_LIMIT, move || drop(db))?,
            Handle::Closed => {}
            Handle::Gone => {
                *handle = Handle::Gone;
                return Err(Failure::Hung);
            }
        }
        let db = open(&self.dir, true, &self.probes)?;
        *handle = Handle::Open { db: db.clone(), used: Instant::now(), written: true };
        Ok(db)
    }

    /// Opens it for the writer and counts what it holds.
    pub fn open_and_scan(&self) -> Result<(Db, Contents), Failure> {
        let db = self.open_for_writing()?;
        let scanned = db.clone();
        let contents = limited(SCAN_LIMIT, move || scan(&scanned))??;
        Ok((db, contents))
    }

    /// Asks the database, which is opened for it.
    pub fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Db) -> sled::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let db = self.db();
        *self.unreadable() = match &db {
            Err(Failure::Refused(why)) => Some(why.clone()),
            _ => None,
        };
        let db = db?;
        let answer = if self.stuck.load(Ordering::Relaxed) {
            limited(STUCK_LIMIT, move || ask(&db))?
        } else {
            caught(|| ask(&db))?
        };
        Ok(answer?)
    }

    fn db(&self) -> Result<Db, Failure> {
        let mut handle = self.handle();
        match &mut *handle {
            Handle::Open { db, used, .. } => {
                *used = Instant::now();
                Ok(db.clone())
            }
            Handle::Closed => {
                let db = open(&self.dir, false, &self.probes);
                if let Err(Failure::Hung) = db {
                    *handle = Handle::Gone;
                }
                let db = db?;
                *handle = Handle::Open { db: db.clone(), used: Instant::now(), written: false };
                Ok(db)
            }
            Handle::Gone => Err(Failure::Hung),
        }
    }

    /// Closes it if nobody read it for a while; says when to look again.
    pub fn close_if_idle(&self) -> Option<Instant> {
        // Somebody who opens it holds the lock, maybe for long.
        let used = match self.handle.try_lock().as_deref() {
            Ok(Handle::Open { used, written: false, .. }) => *used,
            _ => return None,
        };
        if used.elapsed() < READ_IDLE {
            return Some(used + READ_IDLE);
        }
        self.close();
        None
    }

    /// Closes it, unless a writer has it.
    pub fn close_if_read(&self) {
        let read = matches!(self.handle.try_lock().as_deref(), Ok(Handle::Open { written: false, .. }));
        if read {
            self.close();
        }
    }

    /// Closes it and notes how its files were left. `false` when it does not close.
    pub fn close(&self) -> bool {
        let handle = std::mem::replace(&mut *self.handle(), Handle::Closed);
        let Handle::Open { db, .. } = handle else { return true };
        if limited(CLOSE_LIMIT, move || drop(db)).is_err() {
            return false;
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
        let handle = std::mem::replace(&mut *self.handle(), Handle::Gone);
        if let Handle::Open { db, .. } = handle {
            let _ =
                thread::Builder::new().name("journal-close".to_owned()).spawn(move || caught(|| drop(db)));
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

fn open(dir: &Path, write: bool, probes: &Probes) -> Result<Db, Failure> {
    probes.room(dir, OPENING).map_err(|error| Failure::Refused(space::reason(&error)))?;
    let deadline = Instant::now() + LOCK_LIMIT;
    loop {
        let path = dir.to_owned();
        let opened = limited(OPEN_LIMIT, move || {
            sled::Config::new()
                .path(path)
                .mode(sled::Mode::LowSpace)
                .segment_size(SEGMENT)
                .cache_capacity(if write { WRITE_CACHE } else { READ_CACHE })
                .flush_every_ms(write.then_some(500))
                .open()
        });
        match opened?.map_err(Failure::from) {
            // A process that was killed may still be on its way out; sled does not wait for its lock.
            Err(Failure::Locked) if Instant::now() < deadline => thread::sleep(Duration::from_millis(50)),
            Ok(db) => return Ok(db),
            Err(failure) => return Err(failure),
        }
    }
}

/// Makes the directory of a new generation.
pub fn create_dir(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Syncs what was written since then, for more than the death of the process.
pub fn sync(dir: &Path, since: SystemTime, mut beat: impl FnMut()) -> io::Result<()> {
    // Large pages are files of their own, and may be replaced and gone at any time.
    if let Ok(blobs) = fs::read_dir(dir.join("blobs")) {
        for blob in blobs.flatten() {
            let modified = blob.metadata().and_then(|metadata| metadata.modified());
            if modified.is_ok_and(|modified| modified >= since)
                && let Ok(file) = fs::File::open(blob.path())
            {
                file.sync_data()?;
                beat();
            }
        }
    }
    fs::File::open(dir.join("db"))?.sync_data()
}

#[cfg(test)]
mod tests;
