//! The newest entries of a log, as slices that readers share.

use std::collections::VecDeque;

use crate::journal::{Content, Entry, Position};

#[derive(Default)]
pub struct Ring {
    entries: VecDeque<Entry>,
    /// Bytes of output and keyframes held.
    used: usize,
    limit: usize,
}

impl Ring {
    pub fn push(&mut self, entry: Entry) {
        self.used += size(&entry);
        self.entries.push_back(entry);
        self.trim();
    }

    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
        self.trim();
    }

    /// The entry at `from`, cut at its front if `from` lies inside. `None` when it is not in the ring.
    pub fn get(&self, from: Position) -> Option<Entry> {
        // Nearly always it is the newest one.
        let entry = match self.entries.back() {
            Some(newest) if newest.at <= from && from < newest.end() => newest,
            _ => self.entries.get(self.entries.partition_point(|entry| entry.end() <= from))?,
        };
        if entry.at > from {
            return None;
        }
        match &entry.content {
            Content::Output(bytes) if entry.at.offset < from.offset => {
                let skip = (from.offset - entry.at.offset) as usize;
                Some(Entry { at: from, time: entry.time, content: Content::Output(bytes.slice(skip..)) })
            }
            _ => Some(entry.clone()),
        }
    }

    /// Whether everything from `from` on is in the ring.
    pub fn reaches(&self, from: Position) -> bool {
        self.entries.front().is_some_and(|oldest| oldest.at <= from)
    }

    fn trim(&mut self) {
        while self.used > self.limit && self.entries.len() > 1 {
            if let Some(entry) = self.entries.pop_front() {
                self.used -= size(&entry);
            }
        }
    }
}

/// What an entry holds in memory; small ones count too.
fn size(entry: &Entry) -> usize {
    const OVERHEAD: usize = 64;
    OVERHEAD
        + match &entry.content {
            Content::Output(bytes) => bytes.len(),
            Content::Mark(mark) => match &**mark {
                crate::journal::Mark::Keyframe { screen, .. } => screen.len(),
                _ => 0,
            },
        }
}
