//! One generation: a directory with a database, and its summary beside it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use codepiper_protocol::SessionId;
use sled::{Db, IVec};

use super::Probes;
use super::guard::{Silence, caught, limited};
use super::row::{self, Kind, Row};
use super::space::{self, OPENING};
use super::summary::{self, Summary, Tally};
use crate::journal::{Checkpoint, Content, Entry, Last, Position};
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
/// Rows visited at once.
const PAGE: usize = 256;

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

/// What a whole generation holds.
#[derive(Default)]
pub struct Contents {
    pub sessions: BTreeMap<SessionId, Tally>,
    pub lasts: BTreeMap<SessionId, Last>,
    /// Sessions with output that was never packed.
    pub tails: Vec<SessionId>,
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
            // A process that was killed may still be on its way out.
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

/// Visits rows from `from` on, up to and with `to`, in pages.
fn visit(
    db: &Db,
    from: &[u8],
    to: &[u8],
    mut each: impl FnMut(&IVec, &IVec) -> ControlFlow<()>,
) -> sled::Result<()> {
    let mut from = from.to_vec();
    loop {
        let mut count = 0;
        for row in db.range(&from[..]..=to).take(PAGE) {
            let (key, value) = row?;
            count += 1;
            if each(&key, &value).is_break() {
                return Ok(());
            }
            from.clear();
            from.extend_from_slice(&key);
        }
        if count < PAGE {
            return Ok(());
        }
        from.push(0);
    }
}

/// The sessions with output that waits to be packed.
pub fn tailed(db: &Db) -> sled::Result<Vec<SessionId>> {
    let mut sessions = Vec::new();
    visit(db, &[Kind::Tail as u8], &[Kind::Tail as u8 + 1], |key, _| {
        let session = row::parse_key(key).map(|(session, _)| session);
        if session.is_some() && sessions.last() != session.as_ref() {
            sessions.extend(session);
        }
        ControlFlow::Continue(())
    })?;
    Ok(sessions)
}

fn scan(db: &Db) -> sled::Result<Contents> {
    let mut contents = Contents::default();
    // Packed rows and marks first, then what waits to be packed, as it was written.
    for kind in [Kind::Log, Kind::Tail] {
        visit(db, &[kind as u8], &[kind as u8 + 1], |key, value| {
            let Some((session, at)) = row::parse_key(key) else { return ControlFlow::Continue(()) };
            let tally = contents.sessions.entry(session).or_default();
            match row::parse(value) {
                Some(Row::Output { pieces, .. }) => {
                    let mut at = at;
                    for piece in pieces {
                        let end = Position::at(at.offset + u64::from(piece.len));
                        let (bytes, newlines) = (u64::from(piece.len), u64::from(piece.newlines));
                        tally.add(at, end, piece.time, bytes, newlines);
                        at = end;
                    }
                }
                Some(Row::Mark { time, mark }) => {
                    tally.add_entry(&Entry { at, time, content: Content::Mark(mark.into()) });
                }
                None => {}
            }
            if kind == Kind::Tail && contents.tails.last() != Some(&session) {
                contents.tails.push(session);
            }
            ControlFlow::Continue(())
        })?;
    }
    visit(db, &[Kind::Checkpoint as u8], &[Kind::Checkpoint as u8 + 1], |key, _| {
        if let Some((session, at)) = row::parse_key(key) {
            contents.sessions.entry(session).or_default().add_checkpoint(at.offset);
        }
        ControlFlow::Continue(())
    })?;
    visit(db, &[Kind::Last as u8], &[Kind::Last as u8 + 1], |key, value| {
        if let (Some((session, _)), Some(last)) = (row::parse_key(key), row::parse_last(value)) {
            contents.lasts.insert(session, last);
        }
        ControlFlow::Continue(())
    })?;
    Ok(contents)
}

/// The ends of all sessions' logs, as they were when this generation was written.
pub fn lasts(db: &Db) -> sled::Result<BTreeMap<SessionId, Last>> {
    let mut lasts = BTreeMap::new();
    visit(db, &[Kind::Last as u8], &[Kind::Last as u8 + 1], |key, value| {
        if let (Some((session, _)), Some(last)) = (row::parse_key(key), row::parse_last(value)) {
            lasts.insert(session, last);
        }
        ControlFlow::Continue(())
    })?;
    Ok(lasts)
}

/// The rows that wait to be packed, oldest first.
pub fn tails(db: &Db, session: SessionId) -> sled::Result<Vec<(Position, IVec)>> {
    let mut tails = Vec::new();
    let (from, to) = (row::key(Kind::Tail, session, Position::default()), row::last_key(Kind::Tail, session));
    visit(db, &from, &to, |key, value| {
        if let Some((_, at)) = row::parse_key(key) {
            tails.push((at, value.clone()));
        }
        ControlFlow::Continue(())
    })?;
    Ok(tails)
}

/// What [`Journal::read`](crate::journal::Journal::read) says, of this generation.
pub fn read(db: &Db, session: SessionId, from: Position, max: usize) -> sled::Result<Vec<Entry>> {
    // The writer packs tails into the log: whoever reads them first misses nothing, and what was
    // packed in between is then known by its place.
    let tails = tails(db, session)?;
    let mut page = Page { next: from, left: max, entries: Vec::new() };
    let lowest = row::key(Kind::Log, session, Position::default());
    let start = db.range(&lowest[..]..=&row::key(Kind::Log, session, from)[..]).next_back().transpose()?;
    let start = start.map_or(lowest.to_vec(), |(key, _)| key.to_vec());
    let mut full = false;
    visit(db, &start, &row::last_key(Kind::Log, session), |key, value| {
        let Some((_, at)) = row::parse_key(key) else { return ControlFlow::Continue(()) };
        if page.push(at, value).is_break() {
            full = true;
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    if !full {
        for (at, value) in tails {
            if page.push(at, &value).is_break() {
                break;
            }
        }
    }
    Ok(page.entries)
}

struct Page {
    /// What lies before is known.
    next: Position,
    left: usize,
    entries: Vec<Entry>,
}

impl Page {
    fn push(&mut self, at: Position, value: &[u8]) -> ControlFlow<()> {
        if self.left == 0 {
            return ControlFlow::Break(());
        }
        let Some(row) = row::parse(value) else { return ControlFlow::Continue(()) };
        if let Row::Output { pieces, .. } = &row {
            let len: u64 = pieces.iter().map(|piece| u64::from(piece.len)).sum();
            if Position::at(at.offset + len) <= self.next {
                return ControlFlow::Continue(());
            }
        }
        for entry in row::entries(at, row).unwrap_or_default() {
            self.push_entry(entry)?;
        }
        ControlFlow::Continue(())
    }

    fn push_entry(&mut self, mut entry: Entry) -> ControlFlow<()> {
        if self.left == 0 {
            return ControlFlow::Break(());
        }
        let end = entry.end();
        if end <= self.next {
            return ControlFlow::Continue(());
        }
        if let Content::Output(bytes) = &mut entry.content {
            let skip = self.next.offset.saturating_sub(entry.at.offset) as usize;
            if skip > 0 {
                entry.at = Position::at(self.next.offset);
                *bytes = bytes.slice(skip..);
            }
            bytes.truncate(self.left);
            self.left -= bytes.len();
        }
        let cut = entry.end() < end;
        self.next = entry.end();
        if !matches!(&entry.content, Content::Output(bytes) if bytes.is_empty()) {
            self.entries.push(entry);
        }
        if cut { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Counts newlines backwards from `before` on. The offset from which on there are `wanted`; otherwise
/// what was found is taken off `wanted`.
pub fn newlines_back(
    db: &Db,
    session: SessionId,
    before: Position,
    mut wanted: u64,
) -> sled::Result<Result<u64, u64>> {
    let tails = tails(db, session)?;
    let first_tail = tails.first().map(|(at, _)| *at);
    let mut look = |at: Position, value: &[u8], before: Position| {
        let Some(Row::Output { pieces, .. }) = row::parse(value) else { return ControlFlow::Continue(()) };
        let mut end = at.offset + pieces.iter().map(|piece| u64::from(piece.len)).sum::<u64>();
        for piece in pieces.iter().rev() {
            let start = end - u64::from(piece.len);
            if Position::at(end) <= before {
                if u64::from(piece.newlines) >= wanted {
                    return ControlFlow::Break(start);
                }
                wanted -= u64::from(piece.newlines);
            }
            end = start;
        }
        ControlFlow::Continue(())
    };
    for (at, value) in tails.iter().rev() {
        if let ControlFlow::Break(found) = look(*at, value, before) {
            return Ok(Ok(found));
        }
    }
    // What was packed since the tails were read has been counted.
    let before = first_tail.map_or(before, |first| first.min(before));
    let lowest = row::key(Kind::Log, session, Position::default());
    let highest = row::key(Kind::Log, session, before);
    for row in db.range(&lowest[..]..=&highest[..]).rev() {
        let (key, value) = row?;
        let Some((_, at)) = row::parse_key(&key) else { continue };
        if let ControlFlow::Break(found) = look(at, &value, before) {
            return Ok(Ok(found));
        }
    }
    Ok(Err(wanted))
}

/// The first place that is not older than `time`.
pub fn offset_of_time(db: &Db, session: SessionId, time: i64) -> sled::Result<Option<u64>> {
    let mut found: Option<u64> = None;
    let mut look = |at: Position, value: &[u8]| {
        match row::parse(value) {
            Some(Row::Output { pieces, .. }) => {
                let mut offset = at.offset;
                for piece in pieces {
                    if piece.time >= time {
                        found = Some(found.map_or(offset, |other| other.min(offset)));
                        return ControlFlow::Break(());
                    }
                    offset += u64::from(piece.len);
                }
            }
            Some(Row::Mark { time: marked, .. }) if marked >= time => {
                found = Some(found.map_or(at.offset, |other| other.min(at.offset)));
                return ControlFlow::Break(());
            }
            _ => {}
        }
        ControlFlow::Continue(())
    };
    for (at, value) in tails(db, session)? {
        if look(at, &value).is_break() {
            break;
        }
    }
    let (from, to) = (row::key(Kind::Log, session, Position::default()), row::last_key(Kind::Log, session));
    visit(db, &from, &to, |key, value| match row::parse_key(key) {
        Some((_, at)) => look(at, value),
        None => ControlFlow::Continue(()),
    })?;
    Ok(found)
}

/// The latest checkpoint at or before `offset`.
pub fn checkpoint_before(db: &Db, session: SessionId, offset: u64) -> sled::Result<Option<Checkpoint>> {
    let lowest = row::key(Kind::Checkpoint, session, Position::default());
    let highest = row::key(Kind::Checkpoint, session, Position::at(offset));
    for row in db.range(&lowest[..]..=&highest[..]).rev() {
        let (key, value) = row?;
        let Some((_, at)) = row::parse_key(&key) else { continue };
        if let Some(checkpoint) = row::parse_checkpoint(at.offset, &value) {
            return Ok(Some(checkpoint));
        }
    }
    Ok(None)
}

/// The place behind the marks that stand at `offset`.
pub fn behind_marks(db: &Db, session: SessionId, offset: u64) -> sled::Result<Position> {
    let mut behind = Position::at(offset);
    let lowest = row::key(Kind::Log, session, behind);
    let highest = row::key(Kind::Log, session, Position { offset, mark: u32::MAX });
    visit(db, &lowest, &highest, |key, value| {
        if let (Some((_, at)), Some(Row::Mark { .. })) = (row::parse_key(key), row::parse(value)) {
            behind = behind.max(Position { offset, mark: at.mark + 1 });
        }
        ControlFlow::Continue(())
    })?;
    Ok(behind)
}

/// Deletes a page of a session's rows; `false` when there were none.
pub fn remove_page(db: &Db, session: SessionId) -> sled::Result<bool> {
    for kind in Kind::ALL {
        let (from, to) = (row::key(kind, session, Position::default()), row::last_key(kind, session));
        let mut batch = sled::Batch::default();
        let mut count = 0;
        for row in db.range(&from[..]..=&to[..]).take(PAGE) {
            batch.remove(row?.0);
            count += 1;
        }
        if count > 0 {
            db.apply_batch(batch)?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// The bytes of a value, for whoever packs tails.
pub fn output_of(value: &[u8]) -> Option<(Vec<row::Piece>, Bytes)> {
    match row::parse(value)? {
        Row::Output { pieces, body } => Some((pieces, body.bytes()?)),
        Row::Mark { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_do_not_lock_the_writer_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("1");
        create_dir(&path).unwrap();
        let generation = Generation::existing(1, path, Summary::default(), Probes::default());
        drop(generation.open_for_writing().unwrap());
        assert!(generation.close());
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        generation.ask(|db| Ok(db.len())).unwrap();
                    }
                });
            }
            for round in 0..40 {
                let opened = generation.open_again().map(drop);
                done.store(opened.is_err() || round == 39, Ordering::Relaxed);
                opened.unwrap();
                generation.close();
            }
        });
    }
}
