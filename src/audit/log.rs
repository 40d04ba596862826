//! Append, and one sync for all that wait.
//!
//! A record is written into the file at once, under a lock. Who waits for the disk becomes the leader, or waits for one:
//! the leader syncs the file and replaces the head without the lock, and everything that was written before it began is
//! done. What is written meanwhile is the next one's. There is no thread, no timer and no runtime in here; async code calls
//! these functions where blocking is allowed (`tasks::blocking`), and a call that nobody waits for any more comes to its end.

use std::fs::File;
use std::mem;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock};

use nix::fcntl::Flock;
use serde_json::{Value, json};

use super::head::Head;
use super::opening::Opened;
use super::record::{ALARM, GAP, MAX_SEQ, Place, SELF, whole_milliseconds};
use super::steps::{Step, Steps};
use super::{Anchor, Error, NewRecord, Result, Seq};
use crate::lock::{lock, wait};

/// When `append` returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// When the record is on the disk: before what it is about takes effect.
    Before,
    /// At once. It is on the disk with the next sync; who appends so calls [`Audit::flush`] within a second.
    Later,
}

/// The log, opened to be written. One process has it. All of its functions may be called from several threads.
pub struct Audit {
    pub(super) dir: PathBuf,
    pub(super) steps: Steps,
    pub(super) state: Mutex<State>,
    /// A sync or a shortening has ended.
    pub(super) changed: Condvar,
    /// One shortens at a time.
    pub(super) pruning: Mutex<()>,
    /// Held for other processes to see.
    pub(super) _locked: Flock<File>,
}

pub(super) struct State {
    pub file: Arc<File>,
    /// The last record in the file, and where the next one is written.
    pub tip: Head,
    /// The last record that the head file knows.
    pub synced: Head,
    /// The next record's number: higher than the tip's by more than one when numbers were lost.
    pub next: Seq,
    /// The last number that was given to somebody who did not wait for the disk.
    pub given: Seq,
    /// The tip before the first record that somebody waits for, of those that no sync has begun for.
    pub undecided: Option<Head>,
    /// What has to be recorded before anything else.
    pub due: Option<Due>,
    /// The same, while it is written and not synced.
    pub due_written: Option<(Seq, Due)>,
    /// Something may stand behind the tip that could not be cut off.
    pub torn: bool,
    /// Somebody syncs or shortens.
    pub busy: bool,
    /// The end of the sync that everything not yet synced waits for.
    pub batch: Arc<Batch>,
}

/// No record of ours has more reasons.
pub(super) const MOST_REASONS: usize = 8;

/// What was lost or found, to be recorded.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Due {
    /// The numbers that are missing.
    pub missing: Option<(Seq, Seq)>,
    pub why: Vec<String>,
    /// Found when it was opened.
    pub found: bool,
    /// The head that was found, if it says more than the file.
    pub head: Option<Anchor>,
    /// The file ends within a line that is kept.
    pub within_line: bool,
}

#[derive(Default)]
pub(super) struct Batch(OnceLock<Result<()>>);

impl Audit {
    /// Opens the log of a directory, or begins one. What an ordinary crash leaves is repaired; what it cannot leave is
    /// recorded and returned. The end of the file is read, and all of it only when the head does not fit.
    ///
    /// # Errors
    /// When another process has it, or the disk does not do what is needed.
    pub fn open(dir: &Path) -> Result<(Self, Opened)> {
        Self::open_with(dir, Steps::default())
    }

    /// Records something. An error means that it is not recorded, and the numbers go on without a hole; what was given a
    /// number with [`Sync::Later`] and could not be synced is named in a `gap` record as soon as one can be written.
    ///
    /// # Errors
    /// What [`NewRecord`] says about sizes, and whatever the disk says: everybody who waits for the same sync is told.
    pub fn append(&self, record: &NewRecord, sync: Sync) -> Result<Seq> {
        record.check()?;
        self.append_own(record, sync)
    }

    /// The same for the audit's own kinds.
    pub(super) fn append_own(&self, record: &NewRecord, sync: Sync) -> Result<Seq> {
        let mut state = lock(&self.state);
        let before = state.tip;
        let seq = state.write(Some(record), &self.steps)?;
        match sync {
            Sync::Later => state.given = seq,
            Sync::Before => {
                state.undecided.get_or_insert(before);
                self.until_synced(state)?;
            }
        }
        Ok(seq)
    }

    /// Returns when everything that was appended is on the disk.
    ///
    /// # Errors
    /// When it could not be brought there. What the disk refused is lost, and will be named in a `gap` record; when only the
    /// head could not be written, everything is still there.
    pub fn flush(&self) -> Result<()> {
        let state = lock(&self.state);
        match state.is_synced() {
            true => Ok(()),
            false => self.until_synced(state),
        }
    }

    /// Whether a [`Audit::flush`] has something to do.
    pub fn is_synced(&self) -> bool {
        lock(&self.state).is_synced()
    }

    /// The anchor of what is on the disk.
    pub fn head(&self) -> Anchor {
        let Head { seq, hash, .. } = lock(&self.state).synced;
        Anchor { seq, hash }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Records what `open` found.
    pub(super) fn record_due(&self) -> Result<()> {
        let mut state = lock(&self.state);
        state.write(None, &self.steps)?;
        self.until_synced(state)
    }

    /// Waits for the end of the batch, or brings it about.
    fn until_synced<'a>(&'a self, mut state: MutexGuard<'a, State>) -> Result<()> {
        let batch = state.batch.clone();
        loop {
            if let Some(end) = batch.0.get() {
                return end.clone();
            }
            state = match state.busy {
                true => wait(&self.changed, state),
                false => self.sync(state),
            };
        }
    }

    fn sync<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.busy = true;
        let batch = mem::take(&mut state.batch);
        let undecided = state.undecided.take();
        let (file, target) = (state.file.clone(), state.tip);
        drop(state);
        let synced = self.steps.before(Step::Sync).and_then(|()| file.sync_data());
        let synced = synced.map_err(Error::disk("sync a record"));
        let head = || target.write(&self.dir, &self.steps).map_err(Error::disk("write its head file"));
        let done = synced.clone().and_then(|()| head());
        let mut state = lock(&self.state);
        match &done {
            Ok(()) => state.reached(target),
            Err(error) => {
                let kept = match synced {
                    // The kernel does not try again what it could not sync: all of it is uncertain.
                    Err(_) => state.synced,
                    Ok(()) => undecided.or(state.undecided).unwrap_or(state.tip),
                };
                state.lose(kept, error, &self.steps);
            }
        }
        let _ = batch.0.set(done);
        state.busy = false;
        self.changed.notify_all();
        state
    }
}

impl State {
    fn is_synced(&self) -> bool {
        self.tip.seq == self.synced.seq
    }

    /// Writes what is due, and a record. All of it or nothing; returns the last number.
    fn write(&mut self, record: Option<&NewRecord>, steps: &Steps) -> Result<Seq> {
        if self.torn {
            self.cut(steps).map_err(Error::disk("cut off what could not be written"))?;
        }
        let due = self.due.as_ref().map(Due::record);
        let (mut tip, mut next, mut lines) = (self.tip, self.next, Vec::new());
        if self.due.as_ref().is_some_and(|due| due.within_line) {
            lines.push(b'\n');
        }
        for record in due.iter().chain(record) {
            if next > MAX_SEQ {
                return Err(Error::NoNumbers);
            }
            let at = whole_milliseconds(steps.now());
            let back = tip.at.as_millisecond() - at.as_millisecond();
            let clock_back_ms = u64::try_from(back).ok().filter(|back| *back > 0);
            let hash = record.put(Place { seq: next, at, clock_back_ms, prev: tip.hash }, &mut lines)?;
            tip = Head::new(next, hash, at, self.tip.length + lines.len() as u64);
            next += 1;
        }
        if let Err(error) = write_all(&self.file, &lines, self.tip.length, steps) {
            self.torn = true;
            // If not now, before the next one.
            let _ = self.cut(steps);
            return Err(Error::disk("write a record")(error));
        }
        if let Some(due) = self.due.take() {
            self.due_written = Some((self.next, due));
        }
        (self.tip, self.next) = (tip, next);
        Ok(tip.seq)
    }

    /// Cuts off what stands behind the tip.
    fn cut(&mut self, steps: &Steps) -> std::io::Result<()> {
        steps.before(Step::Cut)?;
        self.file.set_len(self.tip.length)?;
        self.torn = false;
        Ok(())
    }

    /// A sync has ended.
    fn reached(&mut self, target: Head) {
        self.synced = target;
        self.due_written.take_if(|(seq, _)| *seq <= target.seq);
    }

    /// A sync has failed. What stands behind `kept` is taken away: who waits is told that it is not recorded, and acts so.
    fn lose(&mut self, kept: Head, error: &Error, steps: &Steps) {
        let _ = mem::take(&mut self.batch).0.set(Err(error.clone()));
        self.undecided = None;
        let lost_due = self.due_written.take_if(|(seq, _)| *seq > kept.seq);
        let mut due = lost_due.map(|(_, due)| due).or(self.due.take());
        let from = due.as_ref().and_then(|due| due.missing).map_or(kept.seq + 1, |(from, _)| from);
        if self.given > kept.seq {
            let due = due.get_or_insert_default();
            due.missing = Some((from, self.given));
            let why = format!("not synced: {error}");
            // It may fail again and again.
            if due.why.len() < MOST_REASONS && !due.why.contains(&why) {
                due.why.push(why);
            }
        }
        let missing = due.as_ref().and_then(|due| due.missing);
        self.next = missing.map_or(kept.seq, |(_, to)| to.max(kept.seq)) + 1;
        self.due = due;
        if self.tip != kept {
            self.tip = kept;
            self.torn = true;
            let _ = self.cut(steps);
        }
    }
}

impl Due {
    fn record(&self) -> NewRecord {
        let (kind, mut data) = match self.missing {
            Some((from, to)) => {
                (GAP, json!({ "from": from, "to": to, "found": self.found, "why": self.why }))
            }
            None => (ALARM, json!({ "found": self.found, "why": self.why })),
        };
        if let Some(head) = self.head {
            data["head"] = Value::String(head.to_string());
        }
        NewRecord { kind: kind.to_owned(), actor: SELF.to_owned(), session: None, data }
    }
}

fn write_all(file: &File, lines: &[u8], at: u64, steps: &Steps) -> std::io::Result<()> {
    let room = steps.room(Step::Write(lines.len()))?;
    match lines.get(..room).filter(|part| part.len() < lines.len()) {
        None => file.write_all_at(lines, at),
        Some(part) => {
            file.write_all_at(part, at)?;
            Err(std::io::ErrorKind::StorageFull.into())
        }
    }
}
