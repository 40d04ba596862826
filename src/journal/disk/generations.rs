//! All generations, oldest first: reading across them, setting damaged ones aside, deleting old ones.

mod opening;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use codepiper_protocol::SessionId;

use super::clock;
use super::generation::{self, Failure, Generation};
use super::query;
use super::segment::Segment;
use super::space::{self, OPENING};
use super::store::Store;
use super::summary::{self, Summary};
use super::{Damage, Notice, Options};
use crate::journal::{Checkpoint, Entry, Last, Position};
use crate::lock::lock;

pub struct Generations {
    dir: PathBuf,
    options: Options,
    all: Mutex<BTreeMap<u64, Arc<Generation>>>,
    damage: Mutex<Vec<Damage>>,
}

/// What a daemon begins with.
#[derive(Default)]
pub struct Opened {
    /// The generation that is gone on with.
    pub active: Option<Arc<Generation>>,
    pub lasts: BTreeMap<SessionId, Last>,
}

impl Generations {
    pub fn new(options: Options) -> Self {
        Self { dir: options.dir.clone(), options, all: Mutex::default(), damage: Mutex::default() }
    }

    /// Begins a new one, behind all others. The ends of all logs are in each, so that old ones can go.
    pub fn create(&self, ends: Vec<(SessionId, Last)>) -> Result<Arc<Generation>, Failure> {
        let unusable = |error: io::Error| match space::is_refusal(&error) {
            true => Failure::Refused(space::reason(&error)),
            false => Failure::Damaged(format!("{}: {error}", self.dir.display())),
        };
        generation::create_dir(&self.dir).map_err(unusable)?;
        self.options.probes.room(&self.dir, OPENING).map_err(unusable)?;
        let taken = self.numbers().map_err(unusable)?;
        let newest = self.all().keys().next_back().copied();
        // Those that were set aside keep their number.
        let aside = self.set_asides().into_iter().map(|(number, _)| number).max();
        let number = taken.last().copied().max(newest).max(aside).unwrap_or(0) + 1;
        let dir = self.dir.join(number.to_string());
        generation::create_dir(&dir).map_err(unusable)?;
        Segment::create(&dir).inspect_err(|_| remove(&dir)).map_err(unusable)?;
        let summary = Summary::new((self.options.probes.now)(), ends);
        let generation = Arc::new(Generation::existing(number, dir, summary, self.options.probes.clone()));
        self.all().insert(number, generation.clone());
        Ok(generation)
    }

    pub fn contains(&self, generation: &Generation) -> bool {
        self.all().contains_key(&generation.number)
    }

    pub fn count(&self) -> usize {
        self.all().len()
    }

    pub fn damage(&self) -> Vec<Damage> {
        lock(&self.damage).clone()
    }

    /// Bytes on the disk, as they were measured last, those set aside with them.
    pub fn bytes(&self) -> u64 {
        let kept: u64 = self.all().values().map(|one| one.bytes.load(Ordering::Relaxed)).sum();
        kept + self.set_asides().iter().map(|(_, path)| size(path)).sum::<u64>()
    }

    /// Why there is no room for so many bytes above the reserve, or, at the end, with the help of it.
    pub fn no_room(&self, bytes: u64, at_the_end: bool) -> Option<String> {
        let reserve = if at_the_end { OPENING } else { self.reserve() };
        let needed = reserve.saturating_add(bytes);
        self.options.probes.is_free(&self.dir, needed).err().map(|error| space::reason(&error))
    }

    /// The same, and it is tried.
    pub fn no_room_to_open(&self) -> Option<String> {
        self.options.probes.room(&self.dir, OPENING).err().map(|error| space::reason(&error))
    }

    /// What is open has to be closed, too, and that writes.
    fn reserve(&self) -> u64 {
        self.options.reserve_bytes.max(OPENING)
    }

    /// Why one could not be read when somebody tried last.
    pub fn unreadable(&self) -> Option<String> {
        self.all().values().find_map(|generation| generation.unreadable().clone())
    }

    /// The same of what is stored of a session between two places.
    pub fn unreadable_of(&self, session: SessionId, from: Position, to: Position) -> Option<String> {
        let mut of = self.of(session).into_iter();
        of.find_map(|(generation, tally)| {
            let overlaps = tally.end() > from && tally.first() < to;
            generation.unreadable().clone().filter(|_| overlaps)
        })
    }

    /// What the clock says of what is stored; `now` is in ms since 1970.
    pub fn clock(&self, now: i64) -> clock::Reading {
        let stamps = |generation: &Arc<Generation>| {
            let summary = generation.summary();
            (summary.created, summary.updated)
        };
        let stamps: Vec<_> = self.all().values().map(stamps).collect();
        clock::read(&stamps, now, self.options.retention_days)
    }

    /// Deletes the oldest until all others take at most `limit` bytes, and those that are older than they may be by a
    /// clock that can be believed, but never `active`. `now` is in ms since 1970.
    pub fn retain(&self, active: u64, limit: u64, now: i64) {
        let reading = self.clock(now);
        let outdated: Vec<u64> = match reading.doubt {
            Some(_) => Vec::new(),
            None => self
                .all()
                .keys()
                .copied()
                .zip(&reading.outdated)
                .filter(|(_, old)| **old)
                .map(|(number, _)| number)
                .collect(),
        };
        let mut total = self.bytes();
        let mut candidates: Vec<(u64, PathBuf, u64)> = Vec::new();
        for (number, path) in self.set_asides() {
            let bytes = size(&path);
            candidates.push((number, path, bytes));
        }
        for generation in self.all().values().filter(|one| one.number != active) {
            let bytes = generation.bytes.load(Ordering::Relaxed);
            candidates.push((generation.number, generation.dir.clone(), bytes));
        }
        candidates.sort();
        for (number, path, bytes) in candidates {
            let kept = self.all().get(&number).filter(|one| one.dir == path).cloned();
            if total <= limit && !(kept.is_some() && outdated.contains(&number)) {
                continue;
            }
            if let Some(generation) = kept {
                self.all().remove(&number);
                generation.give_up();
            }
            tracing::info!(path = %path.display(), bytes, "old output is deleted");
            remove(&path);
            remove(&summary::path(&path));
            total = total.saturating_sub(bytes);
        }
    }

    /// Closes what nobody reads; says when to look again.
    pub fn close_idle(&self) -> Option<Instant> {
        let all: Vec<_> = self.all().values().cloned().collect();
        all.iter().filter_map(|generation| generation.close_if_idle()).min()
    }

    /// Closes all that are open.
    pub fn close_all(&self) {
        let all: Vec<_> = self.all().values().cloned().collect();
        for generation in all {
            generation.close_if_open();
        }
    }

    /// Takes a session out of all generations; those that hold rows of it.
    pub fn forget(&self, session: SessionId) -> Vec<Arc<Generation>> {
        let mut all: Vec<_> = self.all().values().cloned().collect();
        all.retain(|generation| {
            let mut summary = generation.summary();
            let had_end = summary.forget_end(session);
            summary.sessions.remove(&session).is_some() || had_end
        });
        all
    }

    pub fn oldest(&self, session: SessionId) -> Option<Position> {
        self.of(session).first().map(|(_, tally)| tally.first())
    }

    /// Entries from `from` on, across generations.
    pub fn read(&self, session: SessionId, from: Position, max: usize) -> Vec<Entry> {
        let (mut next, mut left) = (from, max);
        let mut entries = Vec::new();
        for (generation, tally) in self.of(session) {
            if tally.end() <= next {
                continue;
            }
            if left == 0 {
                break;
            }
            let (at, max) = (next, left);
            let Some(read) = self.ask(&generation, move |store| query::read(store, session, at, max)) else {
                continue;
            };
            for entry in &read {
                if let crate::journal::Content::Output(bytes) = &entry.content {
                    left = left.saturating_sub(bytes.len());
                }
            }
            next = read.last().map_or(next, Entry::end);
            entries.extend(read);
        }
        entries
    }

    /// The offset from which on there are `wanted` newlines before `before`.
    pub fn newlines_back(
        &self,
        session: SessionId,
        before: Option<Position>,
        mut wanted: u64,
    ) -> Option<u64> {
        let before = before.unwrap_or(Position { offset: u64::MAX, mark: u32::MAX });
        for (generation, tally) in self.of(session).into_iter().rev() {
            if tally.end() <= before && tally.newlines < wanted {
                wanted -= tally.newlines;
                continue;
            }
            let asked =
                self.ask(&generation, move |store| query::newlines_back(&store.db, session, before, wanted));
            match asked {
                Some(Ok(offset)) => return Some(offset),
                Some(Err(left)) => wanted = left,
                None => {}
            }
        }
        None
    }

    pub fn offset_of_time(&self, session: SessionId, time: i64) -> Option<u64> {
        let mut generations = self.of(session).into_iter().filter(|(_, tally)| tally.latest >= time);
        generations.find_map(|(generation, _)| {
            self.ask(&generation, move |store| query::offset_of_time(&store.db, session, time)).flatten()
        })
    }

    pub fn checkpoint_before(&self, session: SessionId, offset: u64) -> Option<Checkpoint> {
        let mut found: Option<Checkpoint> = None;
        let mut all: Vec<_> = self.all().values().cloned().collect();
        all.reverse();
        for generation in all {
            let Some(tally) = generation.tally(session) else { continue };
            let Some((first, last)) = tally.checkpoints else { continue };
            if first > offset || found.as_ref().is_some_and(|found| found.offset >= last) {
                continue;
            }
            let asked =
                self.ask(&generation, move |store| query::checkpoint_before(&store.db, session, offset));
            let better =
                asked.flatten().filter(|new| found.as_ref().is_none_or(|old| old.offset < new.offset));
            found = better.or(found);
        }
        found
    }

    pub fn behind_marks(&self, session: SessionId, offset: u64) -> Position {
        let around = self
            .of(session)
            .into_iter()
            .filter(|(_, tally)| (tally.first().offset..=tally.end().offset).contains(&offset));
        around
            .filter_map(|(generation, _)| {
                self.ask(&generation, move |store| query::behind_marks(&store.db, session, offset))
            })
            .max()
            .unwrap_or(Position::at(offset))
    }

    /// Those with entries of a session, oldest first.
    fn of(&self, session: SessionId) -> Vec<(Arc<Generation>, summary::Tally)> {
        let all: Vec<_> = self.all().values().cloned().collect();
        let with_tally = all.into_iter().filter_map(|generation| {
            let tally = generation.tally(session).filter(summary::Tally::has_entries)?;
            Some((generation, tally))
        });
        with_tally.collect()
    }

    /// Asks one. When its answer shows damage, its database is made again from its segment, or it is set aside.
    pub fn ask<T: Send + 'static>(
        &self,
        generation: &Arc<Generation>,
        ask: impl Fn(&Store) -> sled::Result<T> + Clone + Send + 'static,
    ) -> Option<T> {
        let mut answer = generation.ask(ask.clone());
        if let Err(Failure::Damaged(what)) = &answer
            && generation.has_segment()
            && self.no_room_to_open().is_none()
        {
            tracing::warn!(generation = generation.number, what, "the index of the journal is made again");
            if let Ok((lost, _)) = generation.recount() {
                self.note_missing(generation, lost);
                answer = generation.ask(ask);
            }
        }
        match answer {
            Ok(answer) => Some(answer),
            Err(Failure::Damaged(what)) if self.no_room_to_open().is_none() => {
                self.set_aside(generation, &what);
                None
            }
            Err(failure) => {
                tracing::warn!(generation = generation.number, ?failure, "cannot be read now");
                None
            }
        }
    }

    /// Takes a damaged generation out of use. It is kept under another name.
    pub fn set_aside(&self, generation: &Arc<Generation>, what: &str) {
        let lost = generation.summary().totals();
        self.set_aside_with(generation, what, lost);
    }

    fn set_aside_with(&self, generation: &Arc<Generation>, what: &str, lost: (u64, u64)) {
        // Two readers may find it damaged at once.
        let known = self.all().remove(&generation.number).is_some();
        if !known && self.damage().iter().any(|damage| damage.generation == generation.number) {
            return;
        }
        generation.give_up();
        let now = (self.options.probes.now)();
        let aside = self.dir.join(format!("{}.damaged-{now}", generation.number));
        let kept = fs::rename(&generation.dir, &aside).is_ok();
        let summary = fs::rename(summary::path(&generation.dir), summary::path(&aside));
        if let Err(error) = summary
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "the summary of a damaged generation stays");
        }
        self.note(generation, what, kept.then_some(aside), lost);
    }

    /// Tells of what a generation lacks that is used further.
    fn note_missing(&self, generation: &Generation, lost: (u64, u64)) {
        if lost != (0, 0) {
            self.note(generation, "rows are missing", Some(generation.dir.clone()), lost);
        }
    }

    fn note(&self, generation: &Generation, what: &str, kept: Option<PathBuf>, lost: (u64, u64)) {
        let damage = Damage {
            generation: generation.number,
            what: what.to_owned(),
            kept,
            lost_bytes: lost.0,
            lost_marks: lost.1,
        };
        tracing::error!(?damage, "the journal is damaged");
        lock(&self.damage).push(damage.clone());
        (self.options.probes.notice)(Notice::Damaged(damage));
    }

    /// What was set aside, with its number.
    fn set_asides(&self) -> Vec<(u64, PathBuf)> {
        let Ok(entries) = fs::read_dir(&self.dir) else { return Vec::new() };
        let aside = entries.flatten().filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let (number, rest) = name.split_once(".damaged-")?;
            (!rest.ends_with(".json")).then_some(())?;
            Some((number.parse().ok()?, entry.path()))
        });
        aside.collect()
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Generation>>> {
        lock(&self.all)
    }
}

fn size(path: &Path) -> u64 {
    if path.is_dir() { space::used(path) } else { path.metadata().map_or(0, |metadata| metadata.len()) }
}

fn remove(path: &Path) {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    if let Err(error) = removed
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "cannot be deleted");
    }
}
