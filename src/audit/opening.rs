//! Opening: what an ordinary crash leaves is repaired without a word in the log; what it cannot leave is an alarm, and
//! recorded.
//!
//! The head is replaced after the file was synced, so a crash leaves it at or before the end of the file, and anything may
//! stand behind what it names: records, parts of them, zeros. What it names, and what stands before, is never cut.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

use super::chain::{Chain, Damage, Next};
use super::head::{self, Head, HeadFile};
use super::lines::{Backwards, Lines};
use super::log::{Audit, Due, State};
use super::record::{MAX_SEQ, Seq};
use super::steps::Steps;
use super::verify::{HeadSays, walk};
use super::{Anchor, Error, Result, head_path, log_path};
use crate::lock::lock_file;

/// A head that is so far ahead of the file is none: it would use up the numbers.
const FARTHEST: u64 = 1 << 32;

/// What was found when a log was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// What an ordinary crash had left.
    pub repaired: Vec<Repaired>,
    /// What it cannot leave: somebody changed the files, or the disk did.
    pub alarms: Vec<Alarm>,
    /// The record of the alarms could not be brought to the disk yet; the next record brings it along.
    pub unrecorded: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repaired {
    /// So many bytes that were no whole record were cut off the end.
    Cut { bytes: u64 },
    /// So many records are newer than the head.
    Newer { records: u64 },
    /// The start had been removed, and the head did not know it yet.
    Pruned,
    /// A file that was being written beside another one.
    Beside { name: &'static str },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// The tail that the head knows is cut off.
    TailMissing {
        from: Seq,
        to: Seq,
    },
    Damage(Damage),
    /// The head does not fit the file.
    Head(String),
}

impl fmt::Display for Alarm {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TailMissing { from, to } => {
                write!(out, "the tail was cut off: records {from} to {to} are missing")
            }
            Self::Damage(damage) => write!(out, "{damage}"),
            Self::Head(why) => write!(out, "{why}"),
        }
    }
}

/// Where a log goes on.
struct Found {
    tip: Head,
    synced: Head,
    next: Seq,
    /// What stands behind this is cut off.
    cut: Option<u64>,
    due: Option<Due>,
    opened: Opened,
}

impl Audit {
    pub(super) fn open_with(dir: &Path, steps: Steps) -> Result<(Self, Opened)> {
        fs::create_dir_all(dir).map_err(Error::disk("make its directory"))?;
        let locked = File::open(dir).map_err(Error::disk("open its directory"))?;
        // Two would write the same numbers.
        let locked = lock_file(locked, || false)
            .map_err(|errno| Error::disk("lock its directory: another process has it")(errno.into()))?;
        let beside = remove_beside(dir).map_err(Error::disk("remove what was written beside it"))?;
        let head = head::load(dir).map_err(Error::disk("read its head file"))?;
        let file = open_file(dir).map_err(Error::disk("open its file"))?;
        let mut found = look(dir, &file, &head).map_err(Error::disk("read its file"))?;
        found.opened.repaired.splice(0..0, beside);
        if let Some(end) = found.cut {
            let cut = file.set_len(end).and_then(|()| file.sync_data());
            cut.map_err(Error::disk("cut off what a crash left"))?;
        }
        let fresh = head == HeadFile::Missing && found.due.is_none();
        if fresh || found.opened.repaired.contains(&Repaired::Pruned) {
            // From now on, a head that is missing was removed.
            let written = locked.sync_all().and_then(|()| found.synced.write(dir, &steps));
            written.and_then(|()| locked.sync_all()).map_err(Error::disk("write its head file"))?;
        }
        let Found { tip, synced, next, due, mut opened, .. } = found;
        let due_now = due.is_some();
        let state = State {
            file: Arc::new(file),
            tip,
            synced,
            next,
            // They were, before the crash.
            given: tip.seq,
            undecided: None,
            due,
            due_written: None,
            torn: false,
            busy: false,
            batch: Arc::default(),
        };
        let audit = Self {
            dir: dir.to_owned(),
            steps,
            state: Mutex::new(state),
            changed: Condvar::new(),
            pruning: Mutex::default(),
            _locked: locked,
        };
        opened.unrecorded = due_now && audit.record_due().is_err();
        Ok((audit, opened))
    }
}

fn open_file(dir: &Path) -> io::Result<File> {
    let path = log_path(dir);
    // What is no plain file might never open.
    if fs::metadata(&path).is_ok_and(|meta| !meta.is_file()) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "not a file"));
    }
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn remove_beside(dir: &Path) -> io::Result<Vec<Repaired>> {
    let mut removed = Vec::new();
    for (path, name) in [(log_path(dir), "audit.jsonl.new"), (head_path(dir), "audit.head.new")] {
        match fs::remove_file(path.with_added_extension("new")) {
            Ok(()) => removed.push(Repaired::Beside { name }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(removed)
}

fn look(dir: &Path, file: &File, head: &HeadFile) -> io::Result<Found> {
    let length = file.metadata()?.len();
    if let HeadFile::Read(head) = head
        && stands(file, head, length)?
        && let Some(found) = tail(dir, head, length)?
    {
        return Ok(found);
    }
    whole(dir, head, length)
}

/// Whether the line of the head's record stands where the head says.
fn stands(file: &File, head: &Head, length: u64) -> io::Result<bool> {
    if head.seq == 0 || head.length == 0 || head.length > length {
        return Ok(*head == Head::empty());
    }
    let mut chain = Chain { seq: head.seq - 1, hash: None };
    let fits = Backwards::before(file, head.length).next(|line| {
        let Next::Good(link) = chain.next(&line) else { return false };
        (link.seq, link.hash, link.at) == (head.seq, head.hash, head.at)
    })?;
    Ok(fits == Some(true))
}

/// Goes on behind the head's record. `None`: there are records that no crash leaves there.
fn tail(dir: &Path, head: &Head, length: u64) -> io::Result<Option<Found>> {
    let mut chain = Chain { seq: head.seq, hash: Some(head.hash) };
    let (mut tip, mut records) = (*head, 0);
    let mut lines = Lines::from(File::open(log_path(dir))?, head.length, length)?;
    while let Some(line) = lines.next()? {
        match chain.next(&line) {
            Next::Good(link) => tip = Head::new(link.seq, link.hash, link.at, line.end),
            Next::Unreadable(_) => break,
            Next::Misplaced(..) => return Ok(None),
        }
        records += 1;
    }
    let mut opened = Opened::default();
    let cut = (tip.length < length).then_some(tip.length);
    if cut.is_some() {
        opened.repaired.push(Repaired::Cut { bytes: length - tip.length });
    }
    if records > 0 {
        opened.repaired.push(Repaired::Newer { records });
    }
    Ok(Some(Found { tip, synced: *head, next: tip.seq + 1, cut, due: None, opened }))
}

/// Reads everything: the head does not fit.
fn whole(dir: &Path, head: &HeadFile, length: u64) -> io::Result<Found> {
    let walk = walk(Some(File::open(log_path(dir))?), head, None)?;
    if let Some(found) = walk.interrupted_prune(length) {
        let (tip, synced, cut) = found;
        let mut opened = Opened { repaired: vec![Repaired::Pruned], ..Opened::default() };
        opened.repaired.extend(cut.map(|end| Repaired::Cut { bytes: length - end }));
        return Ok(Found { tip, synced, next: tip.seq + 1, cut, due: None, opened });
    }
    let (last, taken, cut) = (walk.tip, walk.taken(), walk.rest);
    let within_line = !walk.ended && cut.is_none();
    let report = walk.report(head.clone(), None);
    let mut alarms: Vec<Alarm> = report.damage.map(Alarm::Damage).into_iter().collect();
    let mut known = None;
    match (&report.head, head) {
        (HeadSays::Fits { .. }, _) => {}
        (HeadSays::TailMissing { from, to }, HeadFile::Read(head)) if to - from < FARTHEST => {
            known = Some(Anchor { seq: head.seq, hash: head.hash });
            alarms.push(Alarm::TailMissing { from: *from, to: *to });
        }
        (says, _) => alarms.push(Alarm::Head(says.to_string())),
    }
    // Whatever else stands there stays there.
    let tip = Head { length: cut.unwrap_or(length), ..last };
    let next = taken.max(known.map_or(0, |head| head.seq)).min(MAX_SEQ) + 1;
    let due = (!alarms.is_empty()).then(|| Due {
        missing: (next > tip.seq + 1).then(|| (tip.seq + 1, next - 1)),
        why: alarms.iter().map(Alarm::to_string).collect(),
        found: true,
        head: known,
        within_line,
    });
    let repaired = cut.map(|end| Repaired::Cut { bytes: length - end }).into_iter().collect();
    let opened = Opened { repaired, alarms, unrecorded: false };
    Ok(Found { tip, synced: tip, next, cut, due, opened })
}
