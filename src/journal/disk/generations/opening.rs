//! What lies there when a daemon begins: what is damaged is set aside, and the newest is gone on with.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::sync::Arc;

use codepiper_protocol::SessionId;
use sled::Db;

use super::{Generations, Opened};
use crate::journal::Last;
use crate::journal::disk::generation::{Failure, Generation};
use crate::journal::disk::guard::caught;
use crate::journal::disk::query;
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
            if !enough_space {
                // Opening writes; what is there is looked at when somebody reads it.
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
        for (session, tally) in &summary.sessions {
            let last = lasts.entry(*session).or_default();
            last.epoch = last.epoch.max(tally.epoch);
            last.time = last.time.max(tally.time);
            last.end = last.end.max(tally.end());
        }
        let generation = Arc::new(Generation::existing(number, dir, summary, self.options.probes.clone()));
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

    /// Opens one and compares it with its summary, if it is not known to be whole.
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
        let Some((db, contents)) = self.scan(generation, trusted) else { return };
        let mut lost = (0, 0);
        if !trusted {
            let mut summary = generation.summary();
            lost = summary.missing_in(&contents.sessions);
            summary.sessions = contents.sessions;
            summary.files.clear();
            if lost != (0, 0) {
                summary.damage = Some("rows are missing".to_owned());
            }
        }
        if lost != (0, 0) {
            let kept = generation.summary().sessions.values().any(summary::Tally::has_entries);
            if !kept {
                self.set_aside_with(generation, "opened empty", lost);
                return;
            }
            self.note(generation, "rows are missing", Some(generation.dir.clone()), lost);
        }
        for (session, stored) in contents.lasts {
            let last = opened.lasts.entry(session).or_default();
            let (epoch, end) = (last.epoch.max(stored.epoch), last.end.max(stored.end));
            *last = Last { epoch, end, ..stored };
        }
        if newest && lost == (0, 0) && !read_only {
            opened.tails = contents.tails;
            opened.active = Some((generation.clone(), db));
        } else {
            drop(db);
            generation.close();
        }
    }

    /// Opens one for the writer; what it holds, of which only the ends are looked at when it is known to be whole.
    fn scan(&self, generation: &Arc<Generation>, trusted: bool) -> Option<(Db, query::Contents)> {
        let scanned = match trusted {
            true => generation.open_for_writing().and_then(|db| {
                let read = db.clone();
                let (lasts, tails) =
                    caught(|| Ok::<_, sled::Error>((query::lasts(&read)?, query::tailed(&read)?)))??;
                Ok((db, query::Contents { lasts, tails, ..Default::default() }))
            }),
            false => generation.open_and_scan(),
        };
        match scanned {
            Ok(scanned) => return Some(scanned),
            Err(Failure::Damaged(what)) => self.set_aside(generation, &what),
            Err(Failure::Hung) => self.set_aside(generation, "it does not answer"),
            Err(Failure::Refused(why)) => {
                tracing::warn!(generation = generation.number, why, "it is left as it is");
            }
            Err(Failure::Locked) => self.note(generation, "in use by another process", None, (0, 0)),
        }
        None
    }

    /// The ends of the logs stand in every generation; the newest that answers knows them best.
    pub(super) fn find_lasts(&self, lasts: &mut BTreeMap<SessionId, Last>) {
        let all: Vec<_> = self.all().values().rev().cloned().collect();
        for generation in all {
            let Some(stored) = self.ask(&generation, query::lasts) else { continue };
            for (session, stored) in stored {
                let last = lasts.entry(session).or_default();
                if stored.end >= last.end {
                    *last = Last { epoch: last.epoch.max(stored.epoch), ..stored };
                }
            }
            return;
        }
    }
}
