//! `/api/sessions/{ref}/search`: lines of older output that have a text.

use std::sync::Arc;

use codepiper_protocol::wire::output::{FoundOutput, MAX_HITS, MAX_SEARCHED_TEXT, OutputHit, SearchOutput};
use codepiper_protocol::wire::problem::{Code, Problem};
use codepiper_protocol::wire::stream::KeyframeReason;
use codepiper_protocol::{SessionId, Size};

use crate::journal::{Content, Journal, Mark, Position, Start};
use crate::session::{Session, Sessions};
use crate::tasks::blocking;
use crate::terminal::text::{Continues, TextLines};

/// Read from the journal at once, in bytes.
const PAGE: usize = 256 * 1024;
/// A request reads no more than about this, in bytes; the next one goes on where it ended.
const MOST: u64 = 32 * 1024 * 1024;
/// Where no screen is known for longer than this, in bytes, a part begins with a blank one.
const LONGEST: u64 = 16 * 1024 * 1024;
/// Of a line that is found, in bytes.
const LONGEST_LINE: usize = 1000;

/// Reads the journal, in a thread of its own.
///
/// # Errors
/// The text is empty or too long, or the cursor is past the end.
pub async fn search(
    sessions: &Sessions,
    session: Arc<Session>,
    wanted: SearchOutput,
) -> Result<FoundOutput, Problem> {
    let invalid = |detail: String| Err(Problem::new(Code::Invalid, detail));
    if wanted.text.trim().is_empty() || wanted.text.len() > MAX_SEARCHED_TEXT {
        return invalid(format!("'text' must have 1 to {MAX_SEARCHED_TEXT} bytes, not only blanks"));
    }
    let end = session.cursor();
    if let Some(before) = wanted.before.filter(|before| before.offset > end.offset) {
        return invalid(format!("cursor {before} is past the end of the output, {end}"));
    }
    let journal = sessions.bus().journal().clone();
    Ok(blocking(move || find(&*journal, &session, &wanted)).await?)
}

/// From the end to the beginning: from each place where the screen is known to the next one that was read before.
fn find(journal: &dyn Journal, session: &Session, wanted: &SearchOutput) -> FoundOutput {
    let limit = wanted.limit.clamp(1, MAX_HITS) as usize;
    let oldest = journal.oldest(session.id).offset;
    let begin = wanted.before.map_or(session.cursor().offset, |before| before.offset);
    let mut end = behind(begin);
    let mut hits = Vec::new();
    // Everything that was on the screen at the end belongs to what comes behind it.
    let mut has_screen = wanted.before.is_none();
    while (end.offset > oldest || has_screen) && begin.saturating_sub(end.offset) < MOST {
        let mut start = journal.start_before(session.id, end.offset.saturating_sub(1));
        if end.offset.saturating_sub(start.at.offset) > LONGEST {
            start = Start { at: Position::at(end.offset - LONGEST), checkpoint: None };
        }
        if start.at >= end {
            // What was older is no longer kept.
            end = behind(oldest);
            break;
        }
        let mut part = Part::new(&wanted.text, session.size());
        if let Some(saved) = &start.checkpoint {
            part.lines.load_keyframe(saved.size, &saved.screen, Continues::Wholly, &mut |_| {});
        }
        part.read(journal, session.id, start.at, end);
        if std::mem::take(&mut has_screen) {
            part.finish(begin);
        } else if journal.start_before(session.id, end.offset).at.offset == end.offset {
            // The part behind it has only what was on the screen.
            part.end_head(end.offset);
        }
        end = start.at;
        // Those that scrolled off at once come at once.
        let fits = |hits: &[Hit], hit: &Hit| {
            hits.len() < limit || hits.last().is_some_and(|last| last.end == hit.end)
        };
        let mut found = part.hits.into_iter().rev().peekable();
        while let Some(hit) = found.next_if(|hit| fits(&hits, hit)) {
            hits.push(hit);
        }
        if let (Some(_), Some(last)) = (found.peek(), hits.last()) {
            end = behind(last.begin);
        }
        if hits.len() >= limit {
            break;
        }
    }
    let next = (end.offset > oldest).then(|| session.log.cursor_at(end.offset));
    let hits =
        hits.into_iter().map(|hit| OutputHit { cursor: session.log.cursor_at(hit.end), line: hit.line });
    FoundOutput { hits: hits.collect(), next }
}

/// Behind all marks there.
fn behind(offset: u64) -> Position {
    Position { offset, mark: u32::MAX }
}

/// A line that has the text.
struct Hit {
    line: String,
    /// It had not scrolled off here, and had there.
    begin: u64,
    end: u64,
}

struct Part {
    wanted: String,
    lines: TextLines,
    hits: Vec<Hit>,
}

impl Part {
    fn new(wanted: &str, size: Size) -> Self {
        Self { wanted: wanted.to_lowercase(), lines: TextLines::new(size), hits: Vec::new() }
    }

    /// What scrolls off between two places.
    fn read(&mut self, journal: &dyn Journal, session: SessionId, from: Position, end: Position) {
        let mut at = from;
        while at < end {
            let entries = journal.read(session, at, PAGE);
            let Some(last) = entries.last() else { return };
            let after = last.end();
            for entry in entries.iter().take_while(|entry| entry.at < end) {
                let offset = entry.at.offset;
                match &entry.content {
                    Content::Output(bytes) => {
                        let length =
                            bytes.len().min(usize::try_from(end.offset - offset).unwrap_or(usize::MAX));
                        self.feed(&bytes[..length], offset);
                    }
                    Content::Mark(mark) => self.mark(mark, offset),
                }
            }
            at = after;
        }
    }

    /// A line at a time, so that it is known where each scrolls off.
    fn feed(&mut self, bytes: &[u8], mut at: u64) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (begin, end) = (at, at + piece.len() as u64);
            let Self { wanted, lines, hits } = self;
            lines.feed(piece, &mut |line| keep(hits, wanted, line.text, begin, end));
            at = end;
        }
    }

    fn mark(&mut self, mark: &Mark, at: u64) {
        let Mark::Keyframe { size, screen, reason } = mark else { return };
        let continues = match reason {
            KeyframeReason::Discontinuity | KeyframeReason::Behind => Continues::AfterGap,
            _ => Continues::Wholly,
        };
        let Self { wanted, lines, hits } = self;
        lines.load_keyframe(*size, screen, continues, &mut |line| {
            keep(hits, wanted, line.text, at.saturating_sub(1), at)
        });
    }

    /// The beginning of a line that goes on on the screen.
    fn end_head(&mut self, end: u64) {
        let Self { wanted, lines, hits } = self;
        lines.end_head(&mut |line| keep(hits, wanted, line.text, end.saturating_sub(1), end));
    }

    /// What is on the screen.
    fn finish(&mut self, end: u64) {
        let Self { wanted, lines, hits } = self;
        lines.finish(&mut |line| keep(hits, wanted, line.text, end, end));
    }
}

fn keep(hits: &mut Vec<Hit>, wanted: &str, line: &str, begin: u64, end: u64) {
    if line.to_lowercase().contains(wanted) {
        let line = line[..line.floor_char_boundary(LONGEST_LINE)].to_owned();
        hits.push(Hit { line, begin, end });
    }
}
