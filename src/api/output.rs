//! `/api/sessions/{ref}/output`: older output, for who scrolls back. See
//! [`codepiper_protocol::wire::output`].

use std::sync::Arc;

use bytes::{BufMut, Bytes};
use codepiper_protocol::wire::output::{MAX_OUTPUT, OUTPUT, OutputPart, PART, ReadOutput, SCREEN};
use codepiper_protocol::wire::problem::{Code, Problem};
use codepiper_protocol::wire::stream::{GapReason, KeyframeReason, Lost};
use codepiper_protocol::{Cursor, SessionId, Size};
use jiff::Timestamp;

use crate::bus::Log;
use crate::journal::{Content, Entry, Journal, Mark, Position};
use crate::session::{Session, Sessions};
use crate::tasks::blocking;

/// Read from the journal at once.
const PAGE: usize = 256 * 1024;
/// Where no screen is known for longer than this, an answer begins with a blank one.
const LONGEST: u64 = 4 * MAX_OUTPUT as u64;
/// Moments are told at most so often, in milliseconds.
const MOMENT: i64 = 1000;

/// Reads the journal, in a thread of its own.
pub async fn read(
    sessions: &Sessions,
    session: Arc<Session>,
    wanted: ReadOutput,
) -> Result<Vec<u8>, Problem> {
    let journal = sessions.bus().journal().clone();
    blocking(move || gather(&*journal, &session, wanted)).await?
}

fn gather(journal: &dyn Journal, session: &Session, wanted: ReadOutput) -> Result<Vec<u8>, Problem> {
    let end = end_of(journal, session, &wanted)?;
    let bytes = u64::from(wanted.bytes.min(MAX_OUTPUT));
    let begin = end.saturating_sub(bytes);
    let mut start = journal.start_before(session.id, begin);
    if end.saturating_sub(start.at.offset) > LONGEST {
        start.at = Position::at(begin);
        start.checkpoint = None;
    }
    let mut answer = Answer {
        journal,
        session: session.id,
        log: &session.log,
        body: Vec::new(),
        told: None,
        has_screen: false,
    };
    let oldest = start.at <= journal.oldest(session.id);
    answer.part(&OutputPart::Begin { cursor: answer.cursor(start.at.offset), oldest });
    if let Some(saved) = &start.checkpoint {
        answer.keyframe(saved.offset, saved.size, KeyframeReason::Begin, &saved.screen);
    }
    let mut at = start.at;
    while at.offset <= end {
        let room = usize::try_from(end - at.offset).unwrap_or(PAGE).clamp(1, PAGE);
        let entries = journal.read(session.id, at, room);
        if entries.is_empty() {
            answer.missing(at, Position::at(end));
            break;
        }
        for entry in entries {
            if entry.at.offset > end || matches!(entry.content, Content::Output(_)) && entry.at.offset == end
            {
                at = Position::at(end + 1);
                break;
            }
            at = answer.entry(at, entry, end, session.size());
        }
    }
    answer.screen_if_none(start.at.offset, session.size());
    answer.part(&OutputPart::End { cursor: answer.cursor(end) });
    Ok(answer.body)
}

/// The offset before which is read.
fn end_of(journal: &dyn Journal, session: &Session, wanted: &ReadOutput) -> Result<u64, Problem> {
    let end = session.cursor().offset;
    match (wanted.before, wanted.at) {
        (Some(_), Some(_)) => Err(Problem::new(Code::Invalid, "use either 'before' or 'at', not both")),
        (Some(before), None) if before.offset > end => Err(Problem::new(
            Code::Invalid,
            format!("cursor {before} is past the end of the output, {}", session.cursor()),
        )),
        (Some(before), None) => Ok(before.offset),
        (None, Some(at)) => Ok(offset_at(journal, session, at).min(end)),
        (None, None) => Ok(end),
    }
}

/// Where the output ended at that time.
fn offset_at(journal: &dyn Journal, session: &Session, time: i64) -> u64 {
    let mut at = Position::at(journal.offset_at(session.id, time));
    loop {
        let entries = journal.read(session.id, at, PAGE);
        let Some(last) = entries.last() else { return at.offset };
        if let Some(later) = entries.iter().find(|entry| entry.time > time) {
            return later.at.offset;
        }
        at = last.end();
    }
}

struct Answer<'a> {
    journal: &'a dyn Journal,
    session: SessionId,
    log: &'a Arc<Log>,
    body: Vec<u8>,
    /// The moment that was told last.
    told: Option<i64>,
    has_screen: bool,
}

impl Answer<'_> {
    /// Adds an entry up to `end`; where the next one is expected.
    fn entry(&mut self, expected: Position, entry: Entry, end: u64, size: Size) -> Position {
        let (place, after) = (entry.at.offset, entry.end());
        let cursor = self.cursor(place);
        if !matches!(&entry.content, Content::Mark(mark) if matches!(**mark, Mark::Keyframe { .. })) {
            self.screen_if_none(expected.offset, size);
        }
        self.missing(expected, entry.at);
        // Nothing comes before the first screen.
        if self.has_screen {
            self.moment(cursor, entry.time);
        }
        match &entry.content {
            Content::Output(bytes) => {
                let length = bytes.len().min(usize::try_from(end - place).unwrap_or(usize::MAX));
                self.record(OUTPUT, &bytes.slice(..length));
            }
            Content::Mark(mark) => match &**mark {
                Mark::Keyframe { size, screen, reason } => self.keyframe(place, *size, *reason, screen),
                Mark::Gap { reason, lost, .. } => {
                    self.part(&OutputPart::Gap { cursor, reason: *reason, lost: *lost });
                }
                Mark::Ended { exit } => self.part(&OutputPart::Ended { cursor, exit: *exit }),
            },
        }
        after
    }

    /// Says what is missing between two places, if something is.
    fn missing(&mut self, from: Position, to: Position) {
        if to.offset <= from.offset {
            return;
        }
        let reason = match self.journal.unreadable(self.session, from, to) {
            Some(_) => GapReason::Unreadable,
            None => GapReason::Evicted,
        };
        let (cursor, lost) = (self.cursor(to.offset), Lost::Bytes(to.offset - from.offset));
        self.part(&OutputPart::Gap { cursor, reason, lost });
    }

    fn moment(&mut self, cursor: Cursor, time: i64) {
        if self.told.is_none_or(|told| !(told..told + MOMENT).contains(&time)) {
            self.told = Some(time);
            if let Ok(at) = Timestamp::from_millisecond(time) {
                self.part(&OutputPart::Time { cursor, at });
            }
        }
    }

    /// Every answer begins with a screen: a blank one, where nothing better is known.
    fn screen_if_none(&mut self, offset: u64, size: Size) {
        if !self.has_screen {
            self.keyframe(offset, size, KeyframeReason::Begin, &Bytes::new());
        }
    }

    fn keyframe(&mut self, offset: u64, size: Size, reason: KeyframeReason, screen: &Bytes) {
        self.has_screen = true;
        self.part(&OutputPart::Keyframe { cursor: self.cursor(offset), size, reason });
        self.record(SCREEN, screen);
    }

    fn part(&mut self, part: &OutputPart) {
        match serde_json::to_vec(part) {
            Ok(json) => self.record(PART, &json),
            Err(error) => tracing::error!(%error, "cannot write a part of the output"),
        }
    }

    fn record(&mut self, tag: u8, payload: &[u8]) {
        self.body.put_u8(tag);
        self.body.put_u32(payload.len() as u32);
        self.body.put_slice(payload);
    }

    fn cursor(&self, offset: u64) -> Cursor {
        self.log.cursor_at(offset)
    }
}
