//! The thread that writes. It sleeps until something was appended.

mod upkeep;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use codepiper_protocol::SessionId;
use sled::{Batch, Db};
use zstd::bulk::Compressor;

use super::cache::Taken;
use super::chunk::OpenChunk;
use super::generation::{Failure, Generation};
use super::guard::{Silence, caught};
use super::query;
use super::row::{self, Kind};
use super::summary::Tally;
use super::{Notice, Shared, State};
use crate::heap;
use crate::journal::{Content, Mark};

/// What is no output waits so long for more, and output of which there is enough.
const WAITS: Duration = Duration::from_millis(50);
/// So many bytes are enough, and so many wait for nothing.
const ENOUGH: usize = 8 << 10;
const URGENT: usize = 1 << 20;
/// While the disk is full, it is looked at so often.
const SPACE_RETRY: Duration = Duration::from_millis(500);
/// While something is written, it is tried so often whether more can be.
const TRY_EVERY: Duration = Duration::from_secs(2);
/// When no generation can be begun, it is tried again so often.
const BEGIN_RETRY: Duration = Duration::from_secs(2);
/// At most about so much is written at once.
const BATCH: usize = 2 << 20;
/// What was printed is packed when nothing followed for so long, if it is worth a chunk.
const PACK_IDLE: Duration = Duration::from_secs(3);
const PACK_MIN: usize = 4096;
/// An open database wakes up fourteen times a second (measured); when nothing was written for so long it
/// is closed.
const PARK_IDLE: Duration = Duration::from_secs(10);
/// The summary on the disk is at most this old.
const SUMMARY_EVERY: Duration = Duration::from_secs(5);
/// Space is measured after so many bytes of output, or after a 64th of the limit.
const MEASURE_EVERY: u64 = 2 << 20;
/// What a byte of output takes on the disk at worst, until a generation has grown.
const WORST: u64 = 4;
/// The times of files are as coarse as this.
const CLOCK_GRAIN: Duration = Duration::from_secs(2);
const MIN_GENERATION: u64 = 1 << 20;

/// What the writer is woken for.
pub enum Work {
    /// Something is to be written.
    Write,
    /// Time has come for what was put off.
    Later,
    /// Write everything and end.
    Close,
    /// Another writer does the work.
    Abandoned,
}

pub struct Writer {
    shared: Arc<Shared>,
    /// Which writer this is.
    ticket: u64,
    active: Option<Active>,
    /// The generation that is written to, when its database is closed.
    parked: Option<Parked>,
    zstd: Compressor<'static>,
    begin_after: Option<Instant>,
    close_idle_at: Option<Instant>,
    /// When it was tried last whether something can be written.
    tried: Option<Instant>,
}

struct Active {
    generation: Arc<Generation>,
    db: Db,
    open: HashMap<SessionId, OpenChunk>,
    touched: Instant,
    /// When the summary on the disk became older than what is stored.
    stale_since: Option<Instant>,
    /// What was written before this has been synced.
    synced: SystemTime,
    written: u64,
    /// Space is measured when so much was written.
    measure_at: u64,
}

struct Parked {
    generation: Arc<Generation>,
    open: HashMap<SessionId, OpenChunk>,
}

/// The writer could not go on.
enum Trouble {
    /// The generation cannot be written to.
    Failed(String),
    Abandoned,
}

impl From<sled::Error> for Trouble {
    fn from(error: sled::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

fn measure_every(limit: u64) -> u64 {
    MEASURE_EVERY.min(limit / 64)
}

impl Writer {
    pub fn new(shared: Arc<Shared>, ticket: u64) -> std::io::Result<Self> {
        let zstd = Compressor::new(1)?;
        Ok(Self {
            shared,
            ticket,
            active: None,
            parked: None,
            zstd,
            begin_after: None,
            close_idle_at: None,
            tried: None,
        })
    }

    /// Goes on with a generation.
    pub fn go_on(&mut self, generation: Arc<Generation>, db: Db) {
        self.active = Some(Active::new(generation, db));
    }

    /// Takes over what a daemon before this one did not pack.
    pub fn restore(&mut self, sessions: &[SessionId]) -> sled::Result<()> {
        let Some(active) = &mut self.active else { return Ok(()) };
        let mut batch = Batch::default();
        for session in sessions {
            let mut chunk = OpenChunk::new(*session);
            for (at, value) in query::tails(&active.db, *session)? {
                let Some((pieces, bytes)) = query::output_of(&value) else { continue };
                chunk.restore(at, &pieces, &bytes, &mut batch, &mut self.zstd);
            }
            active.open.insert(*session, chunk);
        }
        active.db.apply_batch(batch)
    }

    pub fn run(mut self) {
        loop {
            let work = self.shared.wait(self.ticket, self.put_off_until(), self.begin_after);
            if let Work::Abandoned = work {
                break;
            }
            let closing = matches!(work, Work::Close);
            let done = caught(|| self.step(&work));
            if !self.shared.rest(self.ticket) {
                break;
            }
            match done {
                Ok(Ok(())) => {}
                Ok(Err(Trouble::Abandoned)) => break,
                Ok(Err(Trouble::Failed(what))) | Err(Silence::Panicked(what)) => self.fail(&what),
                Err(Silence::TimedOut) => {}
            }
            if closing {
                self.shared.closed(self.ticket);
                return;
            }
        }
        // What hung has come back: what it holds may be read again, and closed.
        if let Some(active) = self.active.take() {
            active.generation.stuck.store(false, std::sync::atomic::Ordering::Relaxed);
            drop(active.db);
            active.generation.close();
        }
    }

    fn step(&mut self, work: &Work) -> Result<(), Trouble> {
        if self.shared.has_removals() {
            self.remove_sessions()?;
        }
        if matches!(work, Work::Write | Work::Close) {
            self.write_all()?;
        }
        self.pack_idle()?;
        self.write_summary_if(|stale| stale.elapsed() >= SUMMARY_EVERY)?;
        self.rotate_if_due()?;
        self.park_if_idle();
        self.close_idle_at = self.shared.generations.close_idle();
        match work {
            // Nothing comes at the moment.
            Work::Later => heap::give_back(),
            Work::Close => self.finish()?,
            Work::Write | Work::Abandoned => {}
        }
        Ok(())
    }

    fn write_all(&mut self) -> Result<(), Trouble> {
        loop {
            let waiting = self.shared.unwritten() as u64;
            if !self.has_room(2 * waiting.min(BATCH as u64) + (1 << 20)) {
                return Ok(());
            }
            if !self.begin()? {
                return Ok(());
            }
            let taken = self.shared.take(self.ticket, BATCH).ok_or(Trouble::Abandoned)?;
            if taken.is_empty() {
                return Ok(());
            }
            self.write(taken)?;
            self.rotate_if_due()?;
        }
    }

    /// There is room for so many bytes; otherwise the journal is paused.
    fn has_room(&mut self, bytes: u64) -> bool {
        let generations = &self.shared.generations;
        let mut lacks = generations.no_room(bytes);
        if lacks.is_none() && self.tried.is_none_or(|tried| tried.elapsed() >= TRY_EVERY) {
            lacks = generations.no_room_to_open();
            self.tried = lacks.is_none().then(Instant::now);
        }
        let fits = lacks.is_none();
        self.shared.set_paused(lacks);
        fits
    }

    /// Begins a generation if there is none; `false` when it cannot be done now.
    fn begin(&mut self) -> Result<bool, Trouble> {
        if let Some(active) = &self.active
            && self.shared.generations.contains(&active.generation)
        {
            return Ok(true);
        }
        if self.active.take().is_some() {
            // A reader found it damaged: what was on its way is still here.
            self.shared.give_back(self.ticket);
        }
        if self.open_parked() || self.parked.is_some() {
            return Ok(self.active.is_some());
        }
        if self.begin_after.is_some_and(|at| Instant::now() < at) {
            return Ok(false);
        }
        let (generation, db) = match self.shared.generations.create() {
            Ok(created) => created,
            Err(failure) => {
                self.begin_after = Some(Instant::now() + BEGIN_RETRY);
                let what = match failure {
                    Failure::Damaged(what) | Failure::Refused(what) => what,
                    failure => format!("{failure:?}"),
                };
                self.shared.set_failing(Some(what));
                return Ok(false);
            }
        };
        self.begin_after = None;
        self.shared.set_failing(None);
        if !self.shared.set_active(self.ticket, generation.clone()) {
            return Err(Trouble::Abandoned);
        }
        // The ends of all logs are in every generation, so that old ones can go.
        let mut batch = Batch::default();
        for (session, last) in self.shared.all_stored() {
            batch.insert(&row::key(Kind::Last, session, Default::default()), row::last(&last));
        }
        db.apply_batch(batch)?;
        self.active = Some(Active::new(generation, db));
        Ok(true)
    }

    fn write(&mut self, taken: Vec<Taken>) -> Result<(), Trouble> {
        let Some(active) = &mut self.active else { return Ok(()) };
        let zstd = &mut self.zstd;
        let mut batch = Batch::default();
        let mut urgent = active.written == 0;
        for piece in &taken {
            let session = piece.session;
            let open = active.open.entry(session).or_insert_with(|| OpenChunk::new(session));
            for entry in &piece.entries {
                match &entry.content {
                    Content::Output(bytes) => open.push(entry.at, entry.time, bytes, &mut batch, zstd),
                    Content::Mark(mark) => {
                        open.pack(&mut batch, zstd);
                        let value = row::mark(entry.time, mark, zstd)?;
                        batch.insert(&row::key(Kind::Log, session, entry.at), value);
                        urgent |= matches!(**mark, Mark::Gap { .. });
                    }
                }
            }
            open.store_tail(&mut batch, zstd);
            for saved in &piece.checkpoints {
                let at = crate::journal::Position::at(saved.offset);
                batch.insert(&row::key(Kind::Checkpoint, session, at), row::checkpoint(saved, zstd)?);
            }
            batch.insert(&row::key(Kind::Last, session, Default::default()), row::last(&piece.last));
        }
        (self.shared.options.probes.before_write)();
        active.db.apply_batch(batch)?;
        active.db.flush()?;
        let bytes = self.shared.written(self.ticket, taken, &active.generation).ok_or(Trouble::Abandoned)?;
        active.written += bytes.max(1);
        active.touched = Instant::now();
        active.stale_since.get_or_insert_with(Instant::now);
        if urgent {
            // An epoch must never be used twice, and a new generation must not be lost unnoticed.
            self.write_summary_if(|_| true)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Trouble> {
        if self.parked.as_ref().is_some_and(|parked| !parked.open.is_empty()) {
            self.open_parked();
        }
        self.end_generation()?;
        self.shared.generations.close_all();
        Ok(())
    }

    /// The generation is not written to any more; what was on its way goes into the next.
    fn fail(&mut self, what: &str) {
        tracing::error!(what, "the journal begins a new generation");
        if let Some(active) = self.active.take() {
            // Its database may never return from closing.
            std::mem::forget(active.db);
            active.generation.summary().damage = Some(what.to_owned());
        }
        self.begin_after = Some(Instant::now() + BEGIN_RETRY / 4);
        self.shared.give_back(self.ticket);
        self.shared.set_failing(Some(what.to_owned()));
        (self.shared.options.probes.notice)(Notice::Failed(what.to_owned()));
    }

    /// When there is something to do although nothing was appended.
    fn put_off_until(&self) -> Option<Instant> {
        let mut until = self.close_idle_at;
        let mut sooner = |at: Instant| until = Some(until.map_or(at, |until| until.min(at)));
        if let Some(active) = &self.active {
            for chunk in active.open.values().filter(|chunk| chunk.len() >= PACK_MIN) {
                sooner(chunk.touched + PACK_IDLE);
            }
            match active.stale_since {
                Some(since) => sooner(since + SUMMARY_EVERY),
                None => sooner(active.touched + PARK_IDLE),
            }
        }
        until
    }
}

impl Active {
    fn new(generation: Arc<Generation>, db: Db) -> Self {
        Self {
            generation,
            db,
            open: HashMap::new(),
            touched: Instant::now(),
            stale_since: None,
            synced: UNIX_EPOCH,
            written: 0,
            measure_at: 1,
        }
    }
}

/// Counts what was written.
pub fn count(tally: &mut Tally, taken: &Taken) -> u64 {
    let before = tally.bytes;
    tally.epoch = tally.epoch.max(taken.last.epoch);
    for entry in &taken.entries {
        tally.add_entry(entry);
    }
    for saved in &taken.checkpoints {
        tally.add_checkpoint(saved.offset);
    }
    tally.bytes - before
}

/// How long what there is to write waits for more.
pub fn patience(state: &State, output_waits: Duration) -> Duration {
    match state.cache.unwritten {
        _ if state.paused.is_some() => SPACE_RETRY,
        URGENT.. => Duration::ZERO,
        ENOUGH.. => WAITS,
        _ if state.cache.has_marks || !state.removals.is_empty() => WAITS,
        _ => output_waits,
    }
}
