//! What a generation must hold: counted while it is written, and kept in a small synced file beside it.
//!
//! A file may come back with less than it was given and not say so. It is compared with this.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use codepiper_protocol::SessionId;
use serde::{Deserialize, Serialize};

use crate::journal::{Entry, Last, Position};
use crate::small_file::{Synced, replace};

/// The version that is written. A later one may be read as far as its fields are known. Version 1 had no segment.
const VERSION: u32 = 2;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Summary {
    #[serde(default)]
    version: u32,
    /// By the clock of the machine. Milliseconds since 1970.
    #[serde(default)]
    pub created: i64,
    #[serde(default)]
    pub updated: i64,
    /// The files as they were left by a clean close; empty while the generation is open.
    #[serde(default)]
    pub files: Vec<FileState>,
    /// What is wrong with it, if it is kept for reading only.
    #[serde(default)]
    pub damage: Option<String>,
    #[serde(default)]
    pub sessions: BTreeMap<SessionId, Tally>,
    /// Where the logs of all sessions ended when it was begun: epoch, offset, mark, time.
    #[serde(default)]
    ends: BTreeMap<SessionId, (u32, u64, u32, i64)>,
}

/// What is stored of one session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// The first place, and the place behind the last.
    first: (u64, u32),
    end: (u64, u32),
    /// The newest epoch.
    pub epoch: u32,
    /// Bytes of output.
    pub bytes: u64,
    pub marks: u64,
    pub newlines: u64,
    /// Of the newest entry, and the latest of all. Milliseconds since 1970.
    pub time: i64,
    pub latest: i64,
    /// Where the first and the last checkpoint stand.
    pub checkpoints: Option<(u64, u64)>,
}

impl Tally {
    pub fn first(&self) -> Position {
        Position { offset: self.first.0, mark: self.first.1 }
    }

    pub fn end(&self) -> Position {
        Position { offset: self.end.0, mark: self.end.1 }
    }

    /// It is more than a checkpoint of what stands elsewhere.
    pub fn has_entries(&self) -> bool {
        self.bytes > 0 || self.marks > 0
    }

    /// Counts what stands at `at`: `bytes` of output, or a mark.
    pub fn add(&mut self, at: Position, end: Position, time: i64, bytes: u64, newlines: u64) {
        if !self.has_entries() {
            self.first = (at.offset, at.mark);
            self.latest = time;
        }
        self.end = (end.offset, end.mark).max(self.end);
        self.time = time;
        self.latest = self.latest.max(time);
        self.bytes += bytes;
        self.newlines += newlines;
        self.marks += u64::from(bytes == 0);
    }

    pub fn add_entry(&mut self, entry: &Entry) {
        use crate::journal::{Content, Mark};
        match &entry.content {
            Content::Output(bytes) => {
                let newlines = memchr::memchr_iter(b'\n', bytes).count() as u64;
                self.add(entry.at, entry.end(), entry.time, bytes.len() as u64, newlines);
            }
            Content::Mark(mark) => {
                self.add(entry.at, entry.end(), entry.time, 0, 0);
                if let Mark::Gap { epoch, .. } = **mark {
                    self.epoch = self.epoch.max(epoch);
                }
            }
        }
    }

    pub fn add_checkpoint(&mut self, offset: u64) {
        let (first, last) = self.checkpoints.unwrap_or((offset, offset));
        self.checkpoints = Some((first.min(offset), last.max(offset)));
    }
}

/// By this a file is known again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileState {
    name: String,
    len: u64,
    /// Nanoseconds since 1970.
    modified: u64,
}

impl Summary {
    pub fn new(now: i64, ends: Vec<(SessionId, Last)>) -> Self {
        let ends = ends
            .into_iter()
            .map(|(session, last)| (session, (last.epoch, last.end.offset, last.end.mark, last.time)));
        Self { version: VERSION, created: now, updated: now, ends: ends.collect(), ..Self::default() }
    }

    pub fn has_segment(&self) -> bool {
        self.version > 1
    }

    /// The ends of all logs, as far as they are known here.
    pub fn lasts(&self) -> Vec<(SessionId, Last)> {
        let ends = self.ends.iter().map(|(session, &(epoch, offset, mark, time))| {
            (*session, Last { epoch, end: Position { offset, mark }, time })
        });
        let tallies = self.sessions.iter().map(|(session, tally)| {
            (*session, Last { epoch: tally.epoch, end: tally.end(), time: tally.time })
        });
        ends.chain(tallies).collect()
    }

    /// `true` when it was known.
    pub fn forget_end(&mut self, session: SessionId) -> bool {
        self.ends.remove(&session).is_some()
    }

    pub fn read(path: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&fs::read(path)?)?)
    }

    pub fn write(&self, path: &Path) -> io::Result<()> {
        replace(path, &serde_json::to_vec(self)?, Synced::Yes)
    }

    /// Bytes of output, and marks.
    pub fn totals(&self) -> (u64, u64) {
        let tallies = self.sessions.values();
        tallies.fold((0, 0), |(bytes, marks), tally| (bytes + tally.bytes, marks + tally.marks))
    }

    /// The bytes and marks that `found` lacks.
    pub fn missing_in(&self, found: &BTreeMap<SessionId, Tally>) -> (u64, u64) {
        let mut missing = (0, 0);
        for (session, tally) in &self.sessions {
            let found = found.get(session).copied().unwrap_or_default();
            missing.0 += tally.bytes.saturating_sub(found.bytes);
            missing.1 += tally.marks.saturating_sub(found.marks);
        }
        missing
    }
}

/// Where the summary of a generation lies.
pub fn path(generation: &Path) -> PathBuf {
    generation.with_added_extension("json")
}

/// The files below `dir`, sorted.
pub fn files(dir: &Path) -> Vec<FileState> {
    let mut files = Vec::new();
    collect(dir, "", &mut files);
    files.sort();
    files
}

fn collect(dir: &Path, prefix: &str, files: &mut Vec<FileState>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_dir() {
            collect(&entry.path(), &format!("{name}/"), files);
            continue;
        }
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let modified = modified.map_or(0, |since| since.as_nanos() as u64);
        files.push(FileState { name, len: metadata.len(), modified });
    }
}
