//! Follows a transcript's file. Memory is bounded by one line and the index, not by the file.

mod sub_agents;

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use codepiper_protocol::event::Place;
use codepiper_protocol::wire::conversation::{
    Conversation, Entry, LONGEST_TEXT, MAX_ENTRIES, ReadConversation, Said, ToolCall, Usage,
};
use codepiper_protocol::wire::meters::Meters;
use codepiper_protocol::wire::session::UsageLimit;
use jiff::Timestamp;

use super::index::{Happening, Index, Part, Slot, Span};
use super::shorten::cut;
use super::{Dialect, Line, Outcome, Piece, SubAgents, image, parse};
use crate::plain_file;

/// Longer lines are counted and not read, in bytes. Images stand in lines.
pub const LONGEST_LINE: usize = 24 * 1024 * 1024;
/// Bytes of longer lines that are passed over in one reading: a file without a line's end may be as long as a disk.
const SKIPPED_AT_ONCE: usize = 64 * 1024 * 1024;
/// Bytes read from the file at once.
const PIECE: usize = 64 * 1024;
/// So many bytes of the beginning and of the end of what was read prove that it still stands there.
const PROOF: usize = 1024;

/// One transcript, as far as it was read.
#[derive(Debug)]
pub struct Transcript {
    dialect: &'static Dialect,
    path: PathBuf,
    /// Device and inode.
    identity: Option<(u64, u64)>,
    head: Vec<u8>,
    tail: Vec<u8>,
    /// Behind the last whole line, or within one that is too long.
    offset: u64,
    /// The rest of a line that is too long comes next.
    skips: bool,
    hash: u64,
    skipped: u32,
    generation: u64,
    index: Index,
}

/// What was new in the file.
#[derive(Debug, Default)]
pub struct News {
    /// It is another file than before, or was read for the first time.
    pub replaced: bool,
    /// Entries or usage changed.
    pub changed: bool,
    /// The model that was named last in what is new, and when.
    pub model: Option<(String, Option<Timestamp>)>,
    /// What was used, by what is new.
    pub meters: Meters,
    /// The version of the program that began to write last, and when.
    pub version: Option<(String, Option<Timestamp>)>,
    /// The usage limit that ended the last turn, or that something was said since.
    pub limit: Option<Option<UsageLimit>>,
    pub happenings: Vec<Happening>,
}

impl Transcript {
    pub fn new(dialect: &'static Dialect, path: PathBuf) -> Self {
        Self {
            dialect,
            path,
            identity: None,
            head: Vec::new(),
            tail: Vec::new(),
            offset: 0,
            skips: false,
            hash: FNV,
            skipped: 0,
            generation: 0,
            index: Index::default(),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads what was written since. A line is taken when it is whole. Behind a line that is much too long, the rest is read the
    /// next time.
    ///
    /// # Errors
    /// The file cannot be read; nothing was taken then that will not be taken again.
    pub fn catch_up(&mut self) -> io::Result<News> {
        let mut file = plain_file::open(&self.path)?;
        let meta = file.metadata()?;
        let identity = (meta.dev(), meta.ino());
        let mut news = News::default();
        if self.identity != Some(identity) || !self.stands_in(&file, meta.len())? {
            let now = Timestamp::now().as_millisecond().unsigned_abs();
            let generation = now.max(self.generation + 1);
            *self = Self { generation, ..Self::new(self.dialect, std::mem::take(&mut self.path)) };
            self.identity = Some(identity);
            news.replaced = true;
        }
        file.seek(SeekFrom::Start(self.offset))?;
        self.read_lines(BufReader::with_capacity(PIECE, file), &mut news)?;
        news.changed = self.index.settle() || news.replaced;
        Ok(news)
    }

    /// What was read is still there.
    fn stands_in(&self, file: &File, length: u64) -> io::Result<bool> {
        let stands = |proof: &[u8], at: u64| -> io::Result<bool> {
            let mut found = vec![0; proof.len()];
            file.read_exact_at(&mut found, at)?;
            Ok(found == proof)
        };
        Ok(length >= self.offset
            && stands(&self.head, 0)?
            && stands(&self.tail, self.offset - self.tail.len() as u64)?)
    }

    fn read_lines(&mut self, mut from: impl BufRead, news: &mut News) -> io::Result<()> {
        let mut line = Vec::new();
        let mut left = SKIPPED_AT_ONCE;
        loop {
            if self.skips && !self.skip(&mut from, &mut left)? {
                return Ok(());
            }
            line.clear();
            line.shrink_to(PIECE);
            from.by_ref().take(LONGEST_LINE as u64).read_until(b'\n', &mut line)?;
            if !line.ends_with(b"\n") {
                if line.len() < LONGEST_LINE {
                    // What has no end yet is read again.
                    return Ok(());
                }
                tracing::warn!(path = %self.path.display(), "a line of a transcript is too long; it is skipped");
                self.skipped += 1;
                self.skips = true;
                self.tail.clear();
                self.advance(&line);
                left = left.saturating_sub(line.len());
                continue;
            }
            self.keep_proof(&line);
            let span = Span { offset: self.offset, length: line.len() as u32 };
            self.advance(&line);
            let Some(mut content) = parse(self.dialect, &line) else {
                self.skipped += 1;
                continue;
            };
            let at = content.at;
            news.model = content.model.clone().map(|model| (model, at)).or(news.model.take());
            if let Some(meters) = content.meters.take() {
                news.meters.update(meters);
            }
            news.version = content.version.take().map(|version| (version, at)).or(news.version.take());
            news.limit = limit_of(&mut content).or(news.limit.take());
            let told = self.index.take(span, content);
            let (offset, hash) = (self.offset, self.hash);
            news.happenings.extend(told.into_iter().map(|said| Happening { at, offset, hash, said }));
        }
    }

    /// Passes over the rest of a line that is too long, as far as there is something `left` to be skipped; true at its end.
    fn skip(&mut self, from: &mut impl BufRead, left: &mut usize) -> io::Result<bool> {
        while *left > 0 && self.skips {
            let piece = match from.fill_buf() {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                piece => piece?,
            };
            if piece.is_empty() {
                return Ok(false);
            }
            let end = memchr::memchr(b'\n', piece).map(|end| end + 1);
            let piece = &piece[..end.unwrap_or(piece.len())];
            self.advance(piece);
            self.skips = end.is_none();
            let read = piece.len();
            *left = left.saturating_sub(read);
            from.consume(read);
        }
        Ok(!self.skips)
    }

    /// This was read and is not read again.
    fn advance(&mut self, bytes: &[u8]) {
        self.offset += bytes.len() as u64;
        self.hash = fnv(self.hash, bytes);
    }

    /// Keeps how the file begins and how the part that was read ends.
    fn keep_proof(&mut self, line: &[u8]) {
        // Only as long as it is all that was read.
        if self.head.len() < PROOF && self.head.len() as u64 == self.offset {
            let missing = PROOF - self.head.len();
            self.head.extend_from_slice(&line[..line.len().min(missing)]);
        }
        self.tail.extend_from_slice(&line[line.len().saturating_sub(PROOF)..]);
        self.tail.drain(..self.tail.len().saturating_sub(PROOF));
    }

    /// The file begins with what lay before this place. Reads it.
    pub fn begins_as_before(&self, place: &Place) -> io::Result<bool> {
        let mut left = place.offset;
        let mut hash = FNV;
        let mut from = BufReader::with_capacity(PIECE, plain_file::open(&self.path)?.take(left));
        while left > 0 {
            let piece = from.fill_buf()?;
            if piece.is_empty() {
                return Ok(false);
            }
            hash = fnv(hash, piece);
            let read = piece.len();
            left -= read as u64;
            from.consume(read);
        }
        Ok(place.hash == hex(hash))
    }

    /// The entries that are asked for. What they say is read from the file.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(&self, id: Option<String>, wanted: &ReadConversation) -> io::Result<Conversation> {
        let file = plain_file::open(&self.path)?;
        let numbers = self.find(wanted);
        let longest = wanted.longest.min(LONGEST_TEXT) as usize;
        let entries = numbers.into_iter().map(|number| self.entry(&file, number, longest));
        Ok(Conversation {
            id,
            generation: self.generation,
            revision: self.index.revision,
            total: self.index.slots.len() as u32,
            usage: self.index.usage,
            model: self.index.model.clone(),
            skipped: self.skipped,
            entries: entries.collect::<io::Result<_>>()?,
        })
    }

    fn find(&self, wanted: &ReadConversation) -> Vec<u32> {
        let total = self.index.slots.len() as u32;
        let from = wanted.after.map_or(0, |after| after.saturating_add(1)).min(total);
        let to = wanted.before.unwrap_or(total).min(total);
        let limit = wanted.limit.min(MAX_ENTRIES) as usize;
        let changed = |number: &u32| {
            let revision = self.index.slots[*number as usize].revision;
            wanted.changed_after.is_none_or(|known| revision > known)
        };
        if wanted.after.is_some() {
            return (from..to).filter(changed).take(limit).collect();
        }
        let mut newest: Vec<u32> = (from..to).rev().filter(changed).take(limit).collect();
        newest.reverse();
        newest
    }

    fn entry(&self, file: &File, number: u32, longest: usize) -> io::Result<Entry> {
        let slot = self.index.slots[number as usize];
        let line = read_span(file, slot.line)?;
        let mut line = parse(self.dialect, &line).ok_or_else(changed_meanwhile)?;
        let turn = self.index.turn(number);
        let usage = turn.map(|turn| turn.usage).unwrap_or_default();
        let turns_model = turn.and_then(|turn| turn.model.clone());
        let mut said = match slot.part {
            Part::Model => Said::ModelChanged { model: line.model.take().unwrap_or_default() },
            Part::Turn => Said::TurnEnded { usage, model: turns_model, duration_ms: None },
            Part::Piece(index) => match piece(&mut line.pieces, index)? {
                Piece::Result(_) => return Err(changed_meanwhile()),
                Piece::Said(Said::TurnEnded { duration_ms, .. }) => {
                    Said::TurnEnded { usage, model: turns_model, duration_ms }
                }
                Piece::Said(Said::Interrupted { .. }) => Said::Interrupted { usage },
                Piece::Said(Said::Tool(call)) => Said::Tool(self.finished(file, &slot, call)?),
                Piece::Said(Said::Prompt { text, images }) => {
                    Said::Prompt { text, images: at_line(slot.line, images) }
                }
                Piece::Said(said) => said,
            },
        };
        let cut = cut(&mut said, longest);
        Ok(Entry { number, at: line.at, revision: slot.revision, cut, said })
    }

    /// With its result, if it has one.
    fn finished(&self, file: &File, slot: &Slot, mut call: ToolCall) -> io::Result<ToolCall> {
        let Some((span, index)) = slot.result else {
            let starts_one = |kept: &SubAgents| kept.tools.contains(&call.name.as_str());
            if let Some(kept) = self.dialect.sub_agents.filter(starts_one) {
                call.agent = self.working_agent(&kept, &call.input);
            }
            return Ok(call);
        };
        let mut line = parse(self.dialect, &read_span(file, span)?).ok_or_else(changed_meanwhile)?;
        let Piece::Result(Outcome { mut result, edits, agent, .. }) = piece(&mut line.pieces, index)? else {
            return Err(changed_meanwhile());
        };
        result.images = at_line(span, result.images);
        if !edits.is_empty() {
            call.edits = edits;
        }
        (call.agent, call.result) = (agent, Some(result));
        Ok(call)
    }

    /// An image, as it was given: `OFFSET-NUMBER`, as entries name them. `None` when it is none.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn image(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let place = name
            .split_once('-')
            .and_then(|(offset, number)| Some((offset.parse::<u64>().ok()?, number.parse::<usize>().ok()?)));
        let Some((offset, number)) = place else { return Ok(None) };
        let at =
            self.index.slots.iter().flat_map(|slot| [Some(slot.line), slot.result.map(|(line, _)| line)]);
        let Some(span) = at.flatten().find(|span| span.offset == offset) else { return Ok(None) };
        let line = read_span(&plain_file::open(&self.path)?, span)?;
        Ok(image::content(&line, number))
    }

    pub fn usage(&self) -> Usage {
        self.index.usage
    }

    /// Bytes that are held between two readings.
    #[cfg(test)]
    pub fn held(&self) -> usize {
        self.head.capacity() + self.tail.capacity() + self.index.held()
    }
}

/// What a line says of it; `None` when nothing.
fn limit_of(line: &mut Line) -> Option<Option<UsageLimit>> {
    let goes_on = |piece: &Piece| {
        matches!(
            piece,
            Piece::Result(_)
                | Piece::Said(
                    Said::Prompt { .. } | Said::Text { .. } | Said::Thinking { .. } | Said::Tool(_)
                )
        )
    };
    match line.limit.take() {
        Some(limit) => Some(Some(limit)),
        None => line.pieces.iter().any(goes_on).then_some(None),
    }
}

fn read_span(file: &File, span: Span) -> io::Result<Vec<u8>> {
    let mut line = vec![0; span.length as usize];
    file.read_exact_at(&mut line, span.offset)?;
    Ok(line)
}

fn piece(pieces: &mut Vec<Piece>, index: u16) -> io::Result<Piece> {
    let index = usize::from(index);
    if index < pieces.len() { Ok(pieces.swap_remove(index)) } else { Err(changed_meanwhile()) }
}

fn changed_meanwhile() -> io::Error {
    io::Error::other("the transcript was changed while it was read")
}

/// Images are named by the line's offset and their number in it.
fn at_line(line: Span, images: Vec<String>) -> Vec<String> {
    images.into_iter().map(|number| format!("{}-{number}", line.offset)).collect()
}

/// A place in a conversation: behind a happening, or its beginning.
pub fn place(conversation: &str, happening: Option<&Happening>) -> Place {
    let (offset, hash) = happening.map_or((0, FNV), |happening| (happening.offset, happening.hash));
    Place { conversation: conversation.to_owned(), offset, hash: hex(hash) }
}

fn hex(hash: u64) -> String {
    format!("{hash:016x}")
}

/// FNV-1a with 64 bits: the same in every version, and in order.
const FNV: u64 = 0xcbf2_9ce4_8422_2325;

fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
