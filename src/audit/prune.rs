//! The start moves: old records are removed, and the rest can still be verified.
//!
//! First a record at the end orders it, synced; then the file is written beside with a first line that says the same, and
//! takes the place of the old one; then the head learns of its new length. A crash leaves the old file or the new one, and
//! `open` knows either. A start that was removed without such an order is damage.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, MutexGuard};

use jiff::Timestamp;
use serde_json::json;

use super::chain::{Chain, Damage, Next, Start};
use super::head::Head;
use super::lines::Lines;
use super::log::State;
use super::record::{PRUNE, PRUNED, Place, SELF, whole_milliseconds};
use super::steps::{Step, Steps};
use super::{Audit, Error, NewRecord, Result, Seq, Sync, log_path};
use crate::lock::{lock, wait};

/// Which records stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepAfter {
    /// Those with a higher number.
    Seq(Seq),
    /// The first one of this time or later, and all behind it.
    Time(Timestamp),
}

/// What was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pruned {
    pub from: Seq,
    pub to: Seq,
    /// Numbers that were missing do not count.
    pub count: u64,
}

impl Audit {
    /// Removes the oldest records. Appends go on meanwhile, and wait only while the last of it is copied. `None`: there are
    /// none so old.
    ///
    /// # Errors
    /// [`Error::Damaged`] when what would be removed is damaged: it is evidence. What the disk says: then the old file or
    /// the new one is there, and the log goes on.
    pub fn prune(&self, keep: KeepAfter) -> Result<Option<Pruned>> {
        let _one = lock(&self.pruning);
        let end = lock(&self.state).tip.length;
        let Some((before, start)) = plan(&self.dir, keep, end)? else { return Ok(None) };
        let data = json!(start);
        let order = NewRecord { kind: PRUNE.to_owned(), actor: SELF.to_owned(), session: None, data };
        self.append_own(&order, Sync::Before)?;
        let copied = Copied::begin(&self.dir, &start, &self.steps)
            .and_then(|mut copied| {
                // Most of it, while others append.
                copied.take(lock(&self.state).synced.length)?;
                copied.file.sync_all()?;
                Ok(copied)
            })
            .map_err(Error::disk("write the shortened file"));
        let done = copied.and_then(|copied| self.replace(copied));
        if done.is_err() {
            let _ = fs::remove_file(log_path(&self.dir).with_added_extension("new"));
        }
        let (from, to) = (start.from, start.to);
        done.map(|()| Some(Pruned { from, to, count: start.count - before }))
    }

    /// Copies what came since, and puts the new file in the place of the old one.
    fn replace(&self, mut copied: Copied) -> Result<()> {
        let mut state = self.alone();
        let replaced = copied
            .take(state.tip.length)
            .and_then(|()| copied.file.sync_all())
            .and_then(|()| self.steps.before(Step::PruneRename))
            .and_then(|()| {
                let path = log_path(&self.dir);
                fs::rename(path.with_added_extension("new"), path)
            });
        if replaced.is_ok() {
            let moved = |head: Head| Head { length: copied.moved(head.length), ..head };
            (state.tip, state.synced) = (moved(state.tip), moved(state.synced));
            state.undecided = state.undecided.map(moved);
            state.file = Arc::new(copied.file);
        }
        let known = replaced
            .and_then(|()| self.steps.before(Step::PruneRenamed))
            .and_then(|()| File::open(&self.dir)?.sync_all())
            .and_then(|()| state.synced.write(&self.dir, &self.steps));
        known.map_err(Error::disk("put the shortened file in its place"))
    }

    /// The state while nobody syncs; and nobody begins to before it is given back.
    fn alone(&self) -> MutexGuard<'_, State> {
        let mut state = lock(&self.state);
        while state.busy {
            state = wait(&self.changed, state);
        }
        state
    }
}

/// What is to be removed, if there is something: how many records were removed before, and the start that is then.
fn plan(dir: &Path, keep: KeepAfter, end: u64) -> Result<Option<(u64, Start)>> {
    let read = Error::disk("read its file");
    let file = File::open(log_path(dir));
    let lines = file.and_then(|file| Lines::from(file, 0, end));
    let mut lines = match lines {
        Ok(lines) => lines,
        Err(error) => return Err(read(error)),
    };
    let (mut chain, mut number, mut before, mut start) = (Chain::new(), 0, 0, None::<Start>);
    let mut removed = 0;
    while let Some(line) = lines.next().map_err(Error::disk("read its file"))? {
        number += 1;
        if number == 1
            && let Some(old) = chain.start(&line)
        {
            before = old.count;
            start = Some(old);
            continue;
        }
        let seq = chain.seq + 1;
        // What stays may be damaged.
        if matches!(keep, KeepAfter::Seq(last) if last < seq) {
            break;
        }
        let link = match chain.next(&line) {
            Next::Good(link) => link,
            Next::Misplaced(wrong, _) | Next::Unreadable(wrong) => {
                return Err(Error::Damaged(Damage { line: number, seq, wrong }));
            }
        };
        let stays = match keep {
            KeepAfter::Seq(seq) => link.seq > seq,
            KeepAfter::Time(time) => link.at >= time,
        };
        if stays {
            break;
        }
        removed += 1;
        let from = start.as_ref().map_or(1, |start| start.from);
        start = Some(Start { from, to: link.seq, count: before + removed, hash: link.hash, bytes: line.end });
    }
    Ok(start.filter(|_| removed > 0).map(|start| (before, start)))
}

/// The new file, as far as it is written.
struct Copied {
    old: File,
    file: File,
    /// Where the records that stay began in the old file, and begin in the new one.
    from: u64,
    first: u64,
    /// How far the old file was copied.
    copied: u64,
}

impl Copied {
    fn begin(dir: &Path, start: &Start, steps: &Steps) -> io::Result<Self> {
        let path = log_path(dir);
        let old = File::open(&path)?;
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(path.with_added_extension("new"))?;
        let at = whole_milliseconds(steps.now());
        let place = Place { seq: start.to, at, clock_back_ms: None, prev: start.hash };
        let (kind, actor, data) = (PRUNED.to_owned(), SELF.to_owned(), json!(start));
        let mut line = Vec::new();
        let mark = NewRecord { kind, actor, session: None, data };
        mark.put(place, &mut line).map_err(io::Error::other)?;
        file.write_all(&line)?;
        steps.before(Step::PruneCopied)?;
        Ok(Self { old, file, from: start.bytes, first: line.len() as u64, copied: start.bytes })
    }

    /// Copies up to a place in the old file.
    fn take(&mut self, end: u64) -> io::Result<()> {
        let wanted = end.saturating_sub(self.copied);
        self.old.seek(SeekFrom::Start(self.copied))?;
        let copied = io::copy(&mut (&self.old).take(wanted), &mut self.file)?;
        self.copied += copied;
        match copied == wanted {
            true => Ok(()),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// A place of the old file in the new one.
    fn moved(&self, at: u64) -> u64 {
        at - self.from + self.first
    }
}
