//! The thread that writes. It sleeps until something was appended.

mod upkeep;

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use zstd::bulk::Compressor;

use super::cache::Taken;
use super::frames;
use super::generation::{Failure, Generation};
use super::guard::{Silence, caught};
use super::segment::Segment;
use super::space;
use super::summary::Tally;
use super::{Notice, Shared, State};
use crate::heap;
use crate::journal::{Content, Entry, Mark};

/// What is no output waits so long for more, and output of which there is enough.
const WAITS: Duration = Duration::from_millis(50);
/// So many bytes of each session are enough (in larger frames they take less), and so many wait for nothing.
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
/// The database follows when so much was appended to the segment: it takes a few rows then, or a thousand.
const FOLLOW_EVERY: u64 = 1 << 20;
/// When nothing was written for so long, it is noted how the files were left.
const SEAL_IDLE: Duration = Duration::from_secs(10);
/// The summary on the disk is at most this old.
const SUMMARY_EVERY: Duration = Duration::from_secs(5);
/// Space is measured after so many bytes of output, or after a 64th of the limit.
const MEASURE_EVERY: u64 = 2 << 20;
/// What a byte of output takes on the disk at worst, until a generation has grown.
const WORST: u64 = 4;
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
    zstd: Compressor<'static>,
    closing: bool,
    begin_after: Option<Instant>,
    close_idle_at: Option<Instant>,
    /// When it was tried last whether something can be written.
    tried: Option<Instant>,
}

/// The generation that is written to.
struct Active {
    generation: Arc<Generation>,
    segment: Arc<Segment>,
    touched: Instant,
    /// When the summary on the disk became older than what is stored.
    stale_since: Option<Instant>,
    written: u64,
    /// Space is measured when so much was written.
    measure_at: u64,
    /// The database follows when the segment is so long.
    follow_at: u64,
    frames: Vec<u8>,
}

/// The writer could not go on.
enum Trouble {
    /// The generation cannot be written to.
    Failed(String),
    Abandoned,
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

fn measure_every(limit: u64) -> u64 {
    MEASURE_EVERY.min(limit / 64)
}

impl Writer {
    pub fn new(shared: Arc<Shared>, ticket: u64) -> io::Result<Self> {
        let zstd = Compressor::new(1)?;
        let (active, begin_after, close_idle_at, tried) = (None, None, None, None);
        Ok(Self { shared, ticket, active, zstd, closing: false, begin_after, close_idle_at, tried })
    }

    /// Goes on with a generation.
    pub fn go_on(&mut self, generation: Arc<Generation>) -> io::Result<()> {
        let segment = generation.segment()?;
        self.active = Some(Active::new(generation, segment));
        Ok(())
    }

    pub fn run(mut self) {
        loop {
            let work = self.shared.wait(self.ticket, self.put_off_until(), self.begin_after);
            if let Work::Abandoned = work {
                break;
            }
            self.closing = matches!(work, Work::Close);
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
            if self.closing {
                self.shared.closed(self.ticket);
                return;
            }
        }
        // What hung has come back: what it holds may be read again, and closed.
        if let Some(active) = self.active.take() {
            active.generation.stuck.store(false, Ordering::Relaxed);
            active.generation.written.store(false, Ordering::Relaxed);
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
        self.follow_if_due();
        self.write_summary_if(|stale| stale.elapsed() >= SUMMARY_EVERY)?;
        self.rotate_if_due()?;
        self.seal_if_idle();
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
            if !self.write(taken)? {
                return Ok(());
            }
            self.follow_if_due();
            self.rotate_if_due()?;
        }
    }

    /// There is room for so many bytes; otherwise the journal is paused.
    fn has_room(&mut self, bytes: u64) -> bool {
        let generations = &self.shared.generations;
        let mut lacks = generations.no_room(bytes, self.closing);
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
            && active.generation.summary().damage.is_none()
        {
            return Ok(true);
        }
        if let Some(active) = self.active.take() {
            // A reader found it damaged: what was on its way is still here.
            active.generation.written.store(false, Ordering::Relaxed);
            self.shared.give_back(self.ticket);
        }
        if self.begin_after.is_some_and(|at| Instant::now() < at) {
            return Ok(false);
        }
        let created = self.shared.generations.create(self.shared.all_stored());
        let created = created.and_then(|generation| Ok((generation.segment()?, generation)));
        let (segment, generation) = match created {
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
        self.active = Some(Active::new(generation, segment));
        Ok(true)
    }

    /// `false` when there was no room.
    fn write(&mut self, taken: Vec<Taken>) -> Result<bool, Trouble> {
        let Some(active) = &mut self.active else { return Ok(true) };
        active.frames.clear();
        for piece in &taken {
            frames::put(&mut active.frames, piece, &mut self.zstd)?;
        }
        // An epoch must never be used twice, and a new generation must not be lost unnoticed.
        let urgent = active.written == 0 || taken.iter().flat_map(|piece| &piece.entries).any(begins_epoch);
        (self.shared.options.probes.before_write)();
        active.generation.written.store(true, Ordering::Relaxed);
        match active.segment.append(&active.frames) {
            Err(error) if space::is_full(&error) => {
                self.shared.set_paused(Some(space::reason(&error)));
                self.shared.give_back(self.ticket);
                self.tried = None;
                return Ok(false);
            }
            appended => appended?,
        }
        // A burst is over some time.
        active.frames.shrink_to(BATCH / 8);
        let bytes = self.shared.written(self.ticket, taken, &active.generation).ok_or(Trouble::Abandoned)?;
        active.written += bytes.max(1);
        active.touched = Instant::now();
        active.stale_since.get_or_insert_with(Instant::now);
        if urgent {
            self.write_summary_if(|_| true)?;
        }
        Ok(true)
    }

    fn finish(&mut self) -> Result<(), Trouble> {
        self.end_generation()?;
        self.shared.generations.close_all();
        Ok(())
    }

    /// The generation is not written to any more; what was on its way goes into the next.
    fn fail(&mut self, what: &str) {
        tracing::error!(what, "the journal begins a new generation");
        if let Some(active) = self.active.take() {
            active.generation.written.store(false, Ordering::Relaxed);
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
            match active.stale_since {
                Some(since) => sooner(since + SUMMARY_EVERY),
                None if active.generation.written.load(Ordering::Relaxed) => {
                    sooner(active.touched + SEAL_IDLE)
                }
                None => {}
            }
        }
        until
    }
}

impl Active {
    fn new(generation: Arc<Generation>, segment: Arc<Segment>) -> Self {
        let follow_at = segment.end() + FOLLOW_EVERY;
        let (touched, stale_since, frames) = (Instant::now(), None, Vec::new());
        Self { generation, segment, touched, stale_since, written: 0, measure_at: 1, follow_at, frames }
    }
}

fn begins_epoch(entry: &Entry) -> bool {
    matches!(&entry.content, Content::Mark(mark) if matches!(**mark, Mark::Gap { .. }))
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
        bytes if bytes >= ENOUGH * state.cache.dirty_sessions().max(1) => WAITS,
        _ if state.cache.urgent || !state.removals.is_empty() => WAITS,
        _ => output_waits,
    }
}
