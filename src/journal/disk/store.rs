//! The open database of a generation, which finds things in its segment. It holds the places of output, and marks and
//! screens themselves. It follows when somebody asks it, or when there is enough to follow.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use sled::{Batch, Db};

use super::generation::Failure;
use super::guard::limited;
use super::query;
use super::row::{self, Kind, Row};
use super::segment::{Frame, Segment};
use super::summary::Tally;
use crate::journal::{Content, Entry, Position};
use crate::lock::lock;

/// The row that says how far the segment was followed.
const FOLLOWED: &[u8] = b"f";
/// Rows that go into the database at once.
const ROWS: usize = 1024;
/// The database of another process, or of a thread that hangs, is given up after this.
const LOCK_LIMIT: Duration = Duration::from_secs(5);
/// Opening takes as long as reading everything once.
const OPEN_LIMIT: Duration = Duration::from_secs(15);
/// What it takes in memory is two to three times this (measured).
const CACHE: u64 = 4 << 20;
/// As older versions had it: a database does not open with another one.
const SEGMENT: usize = 64 << 10;

#[derive(Clone)]
pub struct Store {
    pub db: Db,
    /// Older versions kept everything in the database.
    pub segment: Option<Arc<Segment>>,
    followed: Arc<Mutex<u64>>,
    /// Behind the database, so that it goes after it.
    _memory: Option<Arc<InMemory>>,
}

/// Files in memory: they go when nobody uses them.
struct InMemory(PathBuf);

impl Drop for InMemory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Where the database of a generation with a segment lies.
pub fn path(generation: &Path) -> PathBuf {
    generation.join("index")
}

/// Opens a database that lies there, or makes one.
fn open(dir: &Path) -> Result<Db, Failure> {
    let deadline = Instant::now() + LOCK_LIMIT;
    loop {
        let path = dir.to_owned();
        let opened = limited(OPEN_LIMIT, move || {
            sled::Config::new()
                .path(path)
                .mode(sled::Mode::LowSpace)
                .segment_size(SEGMENT)
                .cache_capacity(CACHE)
                .flush_every_ms(None)
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

/// Takes away what a daemon that was killed left there.
pub fn forget_in_memory(memory: &Path, generation: &Path) {
    let _ = in_memory(memory, generation).and_then(fs::remove_dir_all);
}

pub fn in_memory(memory: &Path, generation: &Path) -> io::Result<PathBuf> {
    let here = fs::metadata(generation)?;
    Ok(memory.join(format!("codepiper-index-{:x}-{:x}", here.dev(), here.ino())))
}

impl Store {
    /// The database in `dir`; it is made if it is not there.
    pub fn open(dir: &Path, segment: Option<Arc<Segment>>) -> Result<Self, Failure> {
        let db = open(dir)?;
        let followed =
            db.get(FOLLOWED)?.and_then(|value| Some(u64::from_be_bytes(value[..].try_into().ok()?)));
        let followed = Arc::new(Mutex::new(followed.unwrap_or_default()));
        Ok(Self { db, segment, followed, _memory: None })
    }

    /// An empty database below `memory`, for a generation beside which nothing can be written: its segment is all that is
    /// needed. It is gone when it is closed.
    pub fn open_in_memory(
        memory: &Path,
        generation: &Path,
        segment: Option<Arc<Segment>>,
    ) -> Result<Self, Failure> {
        forget_in_memory(memory, generation);
        let dir = in_memory(memory, generation)?;
        // Others may write there, too: only who finds nothing has it for himself.
        fs::DirBuilder::new().mode(0o700).create(&dir)?;
        let memory = Some(Arc::new(InMemory(dir.clone())));
        Ok(Self { _memory: memory, ..Self::open(&dir, segment)? })
    }

    /// Takes in what was appended to the segment since.
    pub fn follow(&self) -> sled::Result<()> {
        let Some(segment) = &self.segment else { return Ok(()) };
        let mut followed = lock(&self.followed);
        let end = segment.end();
        if *followed >= end {
            return Ok(());
        }
        let mut rows = Rows { db: &self.db, batch: Batch::default(), count: 0 };
        segment.scan(*followed, end, |frame| rows.take(frame))?;
        rows.apply(end)?;
        *followed = end;
        Ok(())
    }
}

struct Rows<'a> {
    db: &'a Db,
    batch: Batch,
    count: usize,
}

impl Rows<'_> {
    fn take(&mut self, frame: Frame<'_>) -> sled::Result<()> {
        let Some((session, _)) = row::parse_key(frame.key) else { return Ok(()) };
        match Kind::of(frame.key) {
            Some(Kind::Removed) => {
                self.apply(frame.place.at)?;
                while query::remove_page(self.db, session)? {}
            }
            Some(Kind::Log) => match row::parse(frame.value) {
                Some(Row::Output { pieces, .. }) => {
                    self.batch.insert(frame.key, row::placed(&pieces, frame.place));
                }
                _ => self.batch.insert(frame.key, frame.value),
            },
            _ => self.batch.insert(frame.key, frame.value),
        }
        self.count += 1;
        if self.count >= ROWS { self.apply(frame.place.end()) } else { Ok(()) }
    }

    fn apply(&mut self, followed: u64) -> sled::Result<()> {
        self.count = 0;
        let mut batch = std::mem::take(&mut self.batch);
        batch.insert(FOLLOWED, &followed.to_be_bytes());
        self.db.apply_batch(batch)
    }
}

/// Counts everything that a segment holds, and says where it ends and how much of it is damaged.
pub fn count(segment: &Segment) -> io::Result<(query::Contents, super::segment::Scanned)> {
    let mut contents = query::Contents::default();
    let scanned = segment.scan(0, segment.end(), |frame| {
        let Some((session, at)) = row::parse_key(frame.key) else { return Ok(()) };
        let kind = Kind::of(frame.key);
        if kind == Some(Kind::Removed) {
            contents.sessions.remove(&session);
            return Ok(());
        }
        let tally = contents.sessions.entry(session).or_default();
        match kind {
            Some(Kind::Checkpoint) => tally.add_checkpoint(at.offset),
            _ => count_row(tally, at, frame.value),
        }
        Ok::<_, io::Error>(())
    })?;
    Ok((contents, scanned))
}

/// Counts a row of a log.
pub fn count_row(tally: &mut Tally, at: Position, value: &[u8]) {
    match row::parse(value) {
        Some(Row::Output { pieces, .. }) => {
            let mut at = at;
            for piece in pieces {
                let end = Position::at(at.offset + u64::from(piece.len));
                tally.add(at, end, piece.time, u64::from(piece.len), u64::from(piece.newlines));
                at = end;
            }
        }
        Some(Row::Mark { time, mark }) => {
            tally.add_entry(&Entry { at, time, content: Content::Mark(mark.into()) });
        }
        None => {}
    }
}
