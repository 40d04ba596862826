//! What lies there when a daemon begins: what is damaged is set aside, and the newest is gone on with.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use codepiper_protocol::SessionId;

use super::{Generations, Opened};
use crate::journal::Last;
use crate::journal::disk::generation::{Failure, Generation};
use crate::journal::disk::query;
use crate::journal::disk::store;
use crate::journal::disk::summary::{self, Summary};

impl Generations {
    /// Looks through the directory. What is damaged is set aside.
    pub fn open(&self) -> io::Result<Opened> {
        let mut opened = Opened::default();
        let numbers = self.numbers()?;
        let newest = numbers.last().copied();
        let enough_space = self.options.probes.room(&self.dir, self.reserve()).is_ok();
        for number in numbers {
            let Some((generation, trusted)) = self.find(number, &mut opened.lasts) else { continue };
            self.all().insert(number, generation.clone());
            store::forget_in_memory(&self.options.probes.memory, &generation.dir);
            if !enough_space {
                // Nothing is written then; where the logs end has to be known all the same, or what follows is stored
                // at places that are taken.
                if !trusted && generation.has_segment() {
                    self.count_only(&generation, &mut opened.lasts);
                }
                continue;
            }
            let is_newest = newest == Some(number);
            if trusted && !is_newest {
                continue;
            }
            self.check(&generation, trusted, is_newest, &mut opened);
        }
        if opened.active.is_none() && enough_space {
            self.find_lasts(&mut opened.lasts);
        }
        Ok(opened)
    }

    pub(super) fn numbers(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let name = entry?.file_name();
            let Some(name) = name.to_str() else { continue };
            numbers.extend(name.strip_suffix(".json").unwrap_or(name).parse::<u64>().ok());
        }
        numbers.sort_unstable();
        numbers.dedup();
        Ok(numbers)
    }

    /// One that lies there, and whether its files are as a clean close left them.
    pub(super) fn find(
        &self,
        number: u64,
        lasts: &mut BTreeMap<SessionId, Last>,
    ) -> Option<(Arc<Generation>, bool)> {
        let dir = self.dir.join(number.to_string());
        let read = Summary::read(&summary::path(&dir));
        let unreadable = read.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::NotFound);
        let summary = read.unwrap_or_default();
        let generation = Arc::new(Generation::existing(number, dir, summary, self.options.probes.clone()));
        merge_all(lasts, &generation);
        if !generation.dir.is_dir() {
            let what = if generation.dir.exists() { "not a directory" } else { "missing" };
            self.set_aside(&generation, what);
            return None;
        }
        if unreadable {
            self.note(&generation, "cannot read its summary", None, (0, 0));
        }
        let trusted = generation.is_untouched();
        Some((generation, trusted))
    }

    /// Compares one with its summary, if it is not known to be whole.
    pub(super) fn check(
        &self,
        generation: &Arc<Generation>,
        trusted: bool,
        newest: bool,
        opened: &mut Opened,
    ) {
        let read_only = generation.summary().damage.is_some();
        if read_only && trusted {
            return;
        }
        if generation.has_segment() {
            let whole = trusted || self.recount(generation, opened);
            if newest && whole && !read_only {
                opened.active = Some(generation.clone());
            }
        } else if !trusted {
            self.scan(generation, opened);
        } else if let Some(stored) = self.ask(generation, |store| query::lasts(&store.db)) {
            for (session, stored) in stored {
                merge(&mut opened.lasts, session, stored);
            }
            generation.close();
        }
    }

    /// Counts what its segment holds; `true` when nothing is missing.
    fn recount(&self, generation: &Arc<Generation>, opened: &mut Opened) -> bool {
        match generation.recount() {
            Ok((lost, end)) => {
                merge_all(&mut opened.lasts, generation);
                let whole = self.is_whole(generation, lost);
                // A frame may have been on its way.
                whole && generation.segment().is_ok_and(|segment| segment.cut(end).is_ok())
            }
            Err(failure) => {
                self.not_answering(generation, failure);
                false
            }
        }
    }

    /// The same where nothing can be written.
    fn count_only(&self, generation: &Arc<Generation>, lasts: &mut BTreeMap<SessionId, Last>) {
        generation.unchecked.store(true, Ordering::Relaxed);
        match generation.count() {
            Ok((lost, _)) => {
                merge_all(lasts, generation);
                self.note_missing(generation, lost);
            }
            Err(failure) => {
                tracing::warn!(generation = generation.number, ?failure, "it is left as it is");
            }
        }
    }

    /// Counts what a database of an older version holds.
    fn scan(&self, generation: &Arc<Generation>, opened: &mut Opened) {
        let contents = match generation.ask(|store| query::scan(&store.db)) {
            Ok(contents) => contents,
            Err(failure) => return self.not_answering(generation, failure),
        };
        let lost = {
            let mut summary = generation.summary();
            let lost = summary.missing_in(&contents.sessions);
            summary.sessions = contents.sessions;
            summary.files.clear();
            if lost != (0, 0) {
                summary.damage = Some("rows are missing".to_owned());
            }
            lost
        };
        for (session, stored) in contents.lasts {
            merge(&mut opened.lasts, session, stored);
        }
        self.is_whole(generation, lost);
        generation.close();
    }

    /// Nothing is missing; otherwise it is told, and one that is empty is set aside.
    fn is_whole(&self, generation: &Arc<Generation>, lost: (u64, u64)) -> bool {
        let kept = generation.summary().sessions.values().any(summary::Tally::has_entries);
        match lost {
            (0, 0) => return true,
            _ if kept => self.note_missing(generation, lost),
            _ => self.set_aside_with(generation, "opened empty", lost),
        }
        false
    }

    fn not_answering(&self, generation: &Arc<Generation>, failure: Failure) {
        match failure {
            Failure::Damaged(what) => self.set_aside(generation, &what),
            Failure::Hung => self.set_aside(generation, "it does not answer"),
            Failure::Refused(why) => {
                tracing::warn!(generation = generation.number, why, "it is left as it is");
            }
            Failure::Locked => self.note(generation, "in use by another process", None, (0, 0)),
        }
    }

    /// The ends of the logs stand in every generation; the newest that answers knows them best. Older versions have
    /// them in the database.
    pub(super) fn find_lasts(&self, lasts: &mut BTreeMap<SessionId, Last>) {
        let all: Vec<_> = self.all().values().rev().cloned().collect();
        for generation in all {
            if generation.has_segment() {
                return;
            }
            let Some(stored) = self.ask(&generation, |store| query::lasts(&store.db)) else { continue };
            for (session, stored) in stored {
                merge(lasts, session, stored);
            }
            return;
        }
    }
}

/// Takes in the ends of the logs as a generation knows them.
fn merge_all(lasts: &mut BTreeMap<SessionId, Last>, generation: &Generation) {
    for (session, stored) in generation.summary().lasts() {
        merge(lasts, session, stored);
    }
}

/// Takes in the end of a log as one generation knows it.
fn merge(lasts: &mut BTreeMap<SessionId, Last>, session: SessionId, stored: Last) {
    let last = lasts.entry(session).or_default();
    let epoch = last.epoch.max(stored.epoch);
    if stored.end >= last.end {
        *last = stored;
    }
    last.epoch = epoch;
}
