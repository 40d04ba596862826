//! What is held in memory of one session.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::journal::{Checkpoint, Content, Entry, Mark, Position, Start};

/// Output is packed into chunks of this many bytes. Compressed, that is 9 KiB of what agents print: what takes more than
/// 16 KiB is a file of its own in the journal's database, and stays for a while when it was replaced
/// (measured: chunks of 64 KiB take half as much disk again).
pub const CHUNK: usize = 32 * 1024;
/// A chunk holds output of at most this long, so that a time can be found again. Milliseconds.
const CHUNK_TIME: i64 = 1000;
/// What an entry costs beside its bytes.
pub const OVERHEAD: usize = 128;

#[derive(Default)]
pub struct Log {
    entries: VecDeque<Stored>,
    checkpoints: BTreeMap<u64, Checkpoint>,
    /// Bytes held.
    pub used: usize,
}

struct Stored {
    at: Position,
    time: i64,
    content: StoredContent,
}

enum StoredContent {
    Output(BytesMut),
    Mark(Arc<Mark>),
}

impl Stored {
    fn end(&self) -> Position {
        match &self.content {
            StoredContent::Output(bytes) => Position::at(self.at.offset + bytes.len() as u64),
            StoredContent::Mark(_) => Position { offset: self.at.offset, mark: self.at.mark + 1 },
        }
    }

    fn cost(&self) -> usize {
        OVERHEAD
            + match &self.content {
                StoredContent::Output(bytes) => bytes.capacity(),
                StoredContent::Mark(mark) => mark_cost(mark),
            }
    }
}

fn mark_cost(mark: &Mark) -> usize {
    match mark {
        Mark::Keyframe { screen, .. } => screen.len(),
        Mark::Gap { .. } | Mark::Ended { .. } => 0,
    }
}

impl Log {
    /// The oldest place that is held.
    pub fn oldest(&self) -> Position {
        self.first().unwrap_or_default()
    }

    /// The same; `None` when nothing is held.
    pub fn first(&self) -> Option<Position> {
        self.entries.front().map(|stored| stored.at)
    }

    /// Where the oldest entry ends.
    pub fn first_end(&self) -> Option<Position> {
        self.entries.front().map(Stored::end)
    }

    pub fn append(&mut self, entry: &Entry) {
        let Content::Output(bytes) = &entry.content else {
            let Content::Mark(mark) = &entry.content else { return };
            self.push(Stored { at: entry.at, time: entry.time, content: StoredContent::Mark(mark.clone()) });
            return;
        };
        if let Some(last) = self.entries.back_mut()
            && last.end() == entry.at
            && let StoredContent::Output(chunk) = &mut last.content
            && chunk.len() + bytes.len() <= CHUNK
            && (0..CHUNK_TIME).contains(&(entry.time - last.time))
        {
            let before = chunk.capacity();
            chunk.extend_from_slice(bytes);
            self.used += chunk.capacity() - before;
            return;
        }
        let content = StoredContent::Output(BytesMut::from(bytes.as_ref()));
        self.push(Stored { at: entry.at, time: entry.time, content });
    }

    fn push(&mut self, stored: Stored) {
        self.used += stored.cost();
        self.entries.push_back(stored);
    }

    /// The index of the first entry that reaches beyond `from`.
    fn index(&self, from: Position) -> usize {
        self.entries.partition_point(|stored| stored.end() <= from)
    }

    /// The latest checkpoint at or before `offset`, else the oldest place.
    pub fn start_before(&self, offset: u64) -> Start {
        let checkpoint = self.checkpoint_before(offset);
        let oldest = self.oldest();
        match checkpoint {
            Some(saved) if saved.offset > oldest.offset => {
                Start { at: self.behind_marks(saved.offset), checkpoint: Some(saved.clone()) }
            }
            _ => Start { at: oldest, checkpoint: None },
        }
    }

    /// A checkpoint is taken after what stands at its offset.
    pub fn behind_marks(&self, offset: u64) -> Position {
        let end = self
            .entries
            .partition_point(|stored| stored.at.offset <= offset && stored.end().offset <= offset);
        match self.entries.get(end.wrapping_sub(1)) {
            Some(last) if last.end().offset == offset => last.end(),
            _ => Position::at(offset),
        }
    }

    /// The latest checkpoint at or before `offset`.
    pub fn checkpoint_before(&self, offset: u64) -> Option<&Checkpoint> {
        self.checkpoints.range(..=offset).next_back().map(|(_, saved)| saved)
    }

    /// Keeps a checkpoint of something that is held.
    pub fn save(&mut self, checkpoint: Checkpoint) {
        let cost = checkpoint.screen.len() + OVERHEAD;
        if checkpoint.offset >= self.oldest().offset
            && self.checkpoints.insert(checkpoint.offset, checkpoint).is_none()
        {
            self.used += cost;
        }
    }

    /// Forgets the oldest entry, and the checkpoints before the next one.
    pub fn evict_oldest(&mut self) {
        if let Some(stored) = self.entries.pop_front() {
            self.used = self.used.saturating_sub(stored.cost());
        }
        let oldest = self.oldest().offset;
        while let Some(entry) = self.checkpoints.first_entry() {
            if *entry.key() >= oldest {
                break;
            }
            self.used = self.used.saturating_sub(entry.remove().screen.len() + OVERHEAD);
        }
        if self.entries.is_empty() {
            self.checkpoints.clear();
            self.used = 0;
        }
    }

    /// What [`Journal::read`](crate::journal::Journal::read) says.
    pub fn read(&self, from: Position, max: usize) -> Vec<Entry> {
        let mut found = Vec::new();
        let mut bytes = 0;
        for stored in self.entries.range(self.index(from)..) {
            if bytes >= max {
                break;
            }
            let (at, content) = match &stored.content {
                StoredContent::Mark(mark) => (stored.at, Content::Mark(mark.clone())),
                StoredContent::Output(chunk) => {
                    let skip = from.offset.saturating_sub(stored.at.offset) as usize;
                    let piece = &chunk[skip..chunk.len().min(skip + max - bytes)];
                    bytes += piece.len();
                    let at = if skip > 0 { Position::at(from.offset) } else { stored.at };
                    (at, Content::Output(Bytes::copy_from_slice(piece)))
                }
            };
            let cut = matches!(&content, Content::Output(piece) if at.offset + (piece.len() as u64) < stored.end().offset);
            found.push(Entry { at, time: stored.time, content });
            if cut {
                break;
            }
        }
        found
    }

    /// The bytes of output from `from` on, and what the marks there cost.
    pub fn cost_from(&self, from: Position) -> usize {
        let entries = self.entries.range(self.index(from)..);
        entries
            .map(|stored| match &stored.content {
                StoredContent::Output(chunk) => {
                    chunk.len()
                        - from.offset.saturating_sub(stored.at.offset).min(chunk.len() as u64) as usize
                }
                StoredContent::Mark(mark) => OVERHEAD + mark_cost(mark),
            })
            .sum()
    }

    /// The place from which on there are `wanted` newlines; otherwise what is held is taken off `wanted`.
    pub fn offset_of_newlines(&self, wanted: &mut u64) -> Option<u64> {
        for stored in self.entries.iter().rev() {
            let StoredContent::Output(chunk) = &stored.content else { continue };
            let newlines = memchr::memchr_iter(b'\n', chunk).count() as u64;
            if newlines >= *wanted {
                return Some(stored.at.offset);
            }
            *wanted -= newlines;
        }
        None
    }

    /// The first entry with something that is not older than `time`. The clock may have jumped: what
    /// comes later may be older again.
    pub fn offset_of_time(&self, time: i64) -> Option<u64> {
        let latest = |stored: &Stored| match stored.content {
            StoredContent::Output(_) => stored.time + CHUNK_TIME - 1,
            StoredContent::Mark(_) => stored.time,
        };
        self.entries.iter().find(|stored| latest(stored) >= time).map(|stored| stored.at.offset)
    }
}
