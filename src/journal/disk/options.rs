//! Where the journal is, how much it keeps, and what it asks of the world.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::report::Notice;
use super::space;

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
    /// Output waits so long for more: a batch costs the same, however little is in it.
    pub output_waits: Duration,
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
            cache_total: 8 << 20,
            unwritten_bytes: 64 << 20,
            output_waits: Duration::from_millis(500),
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
    /// Files below it are memory: there an index is made while none can be on the disk.
    pub memory: PathBuf,
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
            memory: PathBuf::from("/dev/shm"),
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
    pub(super) fn room(&self, dir: &Path, bytes: u64) -> io::Result<()> {
        self.is_free(dir, bytes)?;
        (self.reserve)(dir, bytes)
    }

    /// The same without a try: it takes only a look.
    pub(super) fn is_free(&self, dir: &Path, bytes: u64) -> io::Result<()> {
        match (self.free_space)(dir) {
            Ok(free) if free < bytes => Err(nix::errno::Errno::ENOSPC.into()),
            Err(error) if space::is_refusal(&error) => Err(error),
            // Where nothing can be asked, writing says what is wrong.
            Ok(_) | Err(_) => Ok(()),
        }
    }
}
