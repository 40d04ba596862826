//! What the database of a generation is asked, row by row.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;

use codepiper_protocol::SessionId;
use sled::{Db, IVec};

use super::row::{self, Kind, Row};
use super::segment::Segment;
use super::store::{self, Store};
use super::summary::Tally;
use crate::journal::{Checkpoint, Content, Entry, Last, Position};

/// Rows visited at once.
const PAGE: usize = 256;

/// What a whole generation holds.
#[derive(Default)]
pub struct Contents {
    pub sessions: BTreeMap<SessionId, Tally>,
    pub lasts: BTreeMap<SessionId, Last>,
}

/// Visits rows from `from` on, up to and with `to`, in pages.
fn visit(
    db: &Db,
    from: &[u8],
    to: &[u8],
    mut each: impl FnMut(&IVec, &IVec) -> ControlFlow<()>,
) -> sled::Result<()> {
    let mut from = from.to_vec();
    loop {
        let mut count = 0;
        for row in db.range(&from[..]..=to).take(PAGE) {
            let (key, value) = row?;
            count += 1;
            if each(&key, &value).is_break() {
                return Ok(());
            }
            from.clear();
            from.extend_from_slice(&key);
        }
        if count < PAGE {
            return Ok(());
        }
        from.push(0);
    }
}

/// Counts everything that the database of an older version holds.
pub fn scan(db: &Db) -> sled::Result<Contents> {
    let mut contents = Contents::default();
    // Packed rows and marks first, then what waits to be packed, as it was written.
    for kind in [Kind::Log, Kind::Tail] {
        visit(db, &[kind as u8], &[kind as u8 + 1], |key, value| {
            let Some((session, at)) = row::parse_key(key) else { return ControlFlow::Continue(()) };
            store::count_row(contents.sessions.entry(session).or_default(), at, value);
            ControlFlow::Continue(())
        })?;
    }
    visit(db, &[Kind::Checkpoint as u8], &[Kind::Checkpoint as u8 + 1], |key, _| {
        if let Some((session, at)) = row::parse_key(key) {
            contents.sessions.entry(session).or_default().add_checkpoint(at.offset);
        }
        ControlFlow::Continue(())
    })?;
    contents.lasts = lasts(db)?;
    Ok(contents)
}

/// The ends of all sessions' logs, as they were when this generation was written.
pub fn lasts(db: &Db) -> sled::Result<BTreeMap<SessionId, Last>> {
    let mut lasts = BTreeMap::new();
    visit(db, &[Kind::Last as u8], &[Kind::Last as u8 + 1], |key, value| {
        if let (Some((session, _)), Some(last)) = (row::parse_key(key), row::parse_last(value)) {
            lasts.insert(session, last);
        }
        ControlFlow::Continue(())
    })?;
    Ok(lasts)
}

/// The rows that wait to be packed, oldest first. Older versions left them.
fn tails(db: &Db, session: SessionId) -> sled::Result<Vec<(Position, IVec)>> {
    let mut tails = Vec::new();
    let (from, to) = (row::key(Kind::Tail, session, Position::default()), row::last_key(Kind::Tail, session));
    visit(db, &from, &to, |key, value| {
        if let Some((_, at)) = row::parse_key(key) {
            tails.push((at, value.clone()));
        }
        ControlFlow::Continue(())
    })?;
    Ok(tails)
}

/// What [`Journal::read`](crate::journal::Journal::read) says, of this generation.
pub fn read(store: &Store, session: SessionId, from: Position, max: usize) -> sled::Result<Vec<Entry>> {
    let db = &store.db;
    let tails = tails(db, session)?;
    let segment = store.segment.as_deref();
    let mut page = Page { segment, next: from, left: max, entries: Vec::new(), failed: None };
    let lowest = row::key(Kind::Log, session, Position::default());
    let start = db.range(&lowest[..]..=&row::key(Kind::Log, session, from)[..]).next_back().transpose()?;
    let start = start.map_or(lowest.to_vec(), |(key, _)| key.to_vec());
    let mut full = false;
    visit(db, &start, &row::last_key(Kind::Log, session), |key, value| {
        let Some((_, at)) = row::parse_key(key) else { return ControlFlow::Continue(()) };
        if page.push(at, value).is_break() {
            full = true;
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    if !full {
        for (at, value) in tails {
            if page.push(at, &value).is_break() {
                break;
            }
        }
    }
    page.failed.map_or(Ok(page.entries), |error| Err(error.into()))
}

struct Page<'a> {
    segment: Option<&'a Segment>,
    /// What lies before is known.
    next: Position,
    left: usize,
    entries: Vec<Entry>,
    failed: Option<io::Error>,
}

impl Page<'_> {
    fn push(&mut self, at: Position, value: &[u8]) -> ControlFlow<()> {
        if self.left == 0 {
            return ControlFlow::Break(());
        }
        let Some(row) = row::parse(value) else { return ControlFlow::Continue(()) };
        if let Row::Output { pieces, .. } = &row {
            let len: u64 = pieces.iter().map(|piece| u64::from(piece.len)).sum();
            if Position::at(at.offset + len) <= self.next {
                return ControlFlow::Continue(());
            }
        }
        match row::entries(at, row, self.segment) {
            Ok(entries) => entries.into_iter().try_for_each(|entry| self.push_entry(entry)),
            // Only a segment can be counted anew.
            Err(_) if self.segment.is_none() => ControlFlow::Continue(()),
            Err(error) => {
                self.failed = Some(error);
                ControlFlow::Break(())
            }
        }
    }

    fn push_entry(&mut self, mut entry: Entry) -> ControlFlow<()> {
        if self.left == 0 {
            return ControlFlow::Break(());
        }
        let end = entry.end();
        if end <= self.next {
            return ControlFlow::Continue(());
        }
        if let Content::Output(bytes) = &mut entry.content {
            let skip = self.next.offset.saturating_sub(entry.at.offset) as usize;
            if skip > 0 {
                entry.at = Position::at(self.next.offset);
                *bytes = bytes.slice(skip..);
            }
            bytes.truncate(self.left);
            self.left -= bytes.len();
        }
        let cut = entry.end() < end;
        self.next = entry.end();
        if !matches!(&entry.content, Content::Output(bytes) if bytes.is_empty()) {
            self.entries.push(entry);
        }
        if cut { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Counts newlines backwards from `before` on. The offset from which on there are `wanted`; otherwise
/// what was found is taken off `wanted`.
pub fn newlines_back(
    db: &Db,
    session: SessionId,
    before: Position,
    mut wanted: u64,
) -> sled::Result<Result<u64, u64>> {
    let tails = tails(db, session)?;
    let first_tail = tails.first().map(|(at, _)| *at);
    let mut look = |at: Position, value: &[u8], before: Position| {
        let Some(Row::Output { pieces, .. }) = row::parse(value) else { return ControlFlow::Continue(()) };
        let mut end = at.offset + pieces.iter().map(|piece| u64::from(piece.len)).sum::<u64>();
        for piece in pieces.iter().rev() {
            let start = end - u64::from(piece.len);
            if Position::at(end) <= before {
                if u64::from(piece.newlines) >= wanted {
                    return ControlFlow::Break(start);
                }
                wanted -= u64::from(piece.newlines);
            }
            end = start;
        }
        ControlFlow::Continue(())
    };
    for (at, value) in tails.iter().rev() {
        if let ControlFlow::Break(found) = look(*at, value, before) {
            return Ok(Ok(found));
        }
    }
    let before = first_tail.map_or(before, |first| first.min(before));
    let lowest = row::key(Kind::Log, session, Position::default());
    let highest = row::key(Kind::Log, session, before);
    for row in db.range(&lowest[..]..=&highest[..]).rev() {
        let (key, value) = row?;
        let Some((_, at)) = row::parse_key(&key) else { continue };
        if let ControlFlow::Break(found) = look(at, &value, before) {
            return Ok(Ok(found));
        }
    }
    Ok(Err(wanted))
}

/// The first place that is not older than `time`.
pub fn offset_of_time(db: &Db, session: SessionId, time: i64) -> sled::Result<Option<u64>> {
    let mut found: Option<u64> = None;
    let mut look = |at: Position, value: &[u8]| {
        match row::parse(value) {
            Some(Row::Output { pieces, .. }) => {
                let mut offset = at.offset;
                for piece in pieces {
                    if piece.time >= time {
                        found = Some(found.map_or(offset, |other| other.min(offset)));
                        return ControlFlow::Break(());
                    }
                    offset += u64::from(piece.len);
                }
            }
            Some(Row::Mark { time: marked, .. }) if marked >= time => {
                found = Some(found.map_or(at.offset, |other| other.min(at.offset)));
                return ControlFlow::Break(());
            }
            _ => {}
        }
        ControlFlow::Continue(())
    };
    for (at, value) in tails(db, session)? {
        if look(at, &value).is_break() {
            break;
        }
    }
    let (from, to) = (row::key(Kind::Log, session, Position::default()), row::last_key(Kind::Log, session));
    visit(db, &from, &to, |key, value| match row::parse_key(key) {
        Some((_, at)) => look(at, value),
        None => ControlFlow::Continue(()),
    })?;
    Ok(found)
}

/// The latest checkpoint at or before `offset`.
pub fn checkpoint_before(db: &Db, session: SessionId, offset: u64) -> sled::Result<Option<Checkpoint>> {
    let lowest = row::key(Kind::Checkpoint, session, Position::default());
    let highest = row::key(Kind::Checkpoint, session, Position::at(offset));
    for row in db.range(&lowest[..]..=&highest[..]).rev() {
        let (key, value) = row?;
        let Some((_, at)) = row::parse_key(&key) else { continue };
        if let Some(checkpoint) = row::parse_checkpoint(at.offset, &value) {
            return Ok(Some(checkpoint));
        }
    }
    Ok(None)
}

/// The place behind the marks that stand at `offset`.
pub fn behind_marks(db: &Db, session: SessionId, offset: u64) -> sled::Result<Position> {
    let mut behind = Position::at(offset);
    let lowest = row::key(Kind::Log, session, behind);
    let highest = row::key(Kind::Log, session, Position { offset, mark: u32::MAX });
    visit(db, &lowest, &highest, |key, value| {
        if let (Some((_, at)), Some(Row::Mark { .. })) = (row::parse_key(key), row::parse(value)) {
            behind = behind.max(Position { offset, mark: at.mark + 1 });
        }
        ControlFlow::Continue(())
    })?;
    Ok(behind)
}

/// Deletes a page of a session's rows; `false` when there were none.
pub fn remove_page(db: &Db, session: SessionId) -> sled::Result<bool> {
    for kind in Kind::ALL {
        let (from, to) = (row::key(kind, session, Position::default()), row::last_key(kind, session));
        let mut batch = sled::Batch::default();
        let mut count = 0;
        for row in db.range(&from[..]..=&to[..]).take(PAGE) {
            batch.remove(row?.0);
            count += 1;
        }
        if count > 0 {
            db.apply_batch(batch)?;
            return Ok(true);
        }
    }
    Ok(false)
}
