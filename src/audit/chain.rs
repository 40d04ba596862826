//! Does a line follow the one before?

use std::fmt;

use serde::{Deserialize, Serialize};

use super::lines::{Line, LineKind};
use super::record::{Data, GAP, Hash, Link, MAX_LINE, MAX_SEQ, PRUNED, Seq, seal};

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Not JSON, not the fields of a record, no hash at its end.
    NotARecord(String),
    /// It does not have the hash that it says it has.
    Changed,
    /// These numbers should stand here.
    Missing { from: Seq, to: Seq },
    /// A number that was there before: a line twice, or in another place.
    OutOfOrder { found: Seq },
    /// Whole in itself, and made for another record before it.
    DoesNotFollow,
    /// The last line has no end, and it was there once.
    Cut,
    /// The file begins with records removed, and no record says that this was ordered.
    NotOrdered,
}

impl fmt::Display for Wrong {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotARecord(why) => write!(out, "not a record ({why})"),
            Self::Changed => write!(out, "changed: its hash does not match"),
            Self::Missing { from, to } if from == to => write!(out, "record {from} is missing"),
            Self::Missing { from, to } => write!(out, "records {from} to {to} are missing"),
            Self::OutOfOrder { found } => write!(out, "record {found} is here, out of order"),
            Self::DoesNotFollow => write!(out, "does not follow the record before it"),
            Self::Cut => write!(out, "cut off"),
            Self::NotOrdered => write!(out, "the start was removed, but not by CodePiper"),
        }
    }
}

/// The first bad record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Its line in the file, from 1; or where it should be.
    pub line: u64,
    /// The number that belongs there.
    pub seq: Seq,
    pub wrong: Wrong,
}

impl fmt::Display for Damage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "line {}, record {}: {}", self.line, self.seq, self.wrong)
    }
}

/// What was removed from the start: stands in the first line of a shortened file, and in the record that ordered it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// The numbers that are gone, and how many records had them.
    pub from: Seq,
    pub to: Seq,
    pub count: u64,
    /// Of the last one.
    pub hash: Hash,
    /// Where in the old file the first one began that stayed.
    pub bytes: u64,
}

/// `data` of a gap.
#[derive(Deserialize)]
struct Gap {
    from: Seq,
    to: Seq,
}

/// How far a chain goes.
#[derive(Clone, Debug)]
pub struct Chain {
    /// The last record's. Before the first one 0, and zeros.
    pub seq: Seq,
    /// `None` behind a line that could not be read.
    pub hash: Option<Hash>,
}

/// What the next line is.
pub enum Next<'a> {
    Good(Link<'a>),
    /// It has the hash it says, and does not belong here.
    Misplaced(Wrong, Link<'a>),
    Unreadable(Wrong),
}

impl Chain {
    pub fn new() -> Self {
        Self { seq: 0, hash: Some(Hash::default()) }
    }

    /// Takes the next line. What is wrong with it or not, the chain goes on behind it as well as it can.
    pub fn next<'a>(&mut self, line: &Line<'a>) -> Next<'a> {
        let link = match sealed(line) {
            Ok(link) => link,
            Err(wrong) => {
                *self = Self { seq: (self.seq + 1).min(MAX_SEQ), hash: None };
                return Next::Unreadable(wrong);
            }
        };
        let wrong = self.wrong(&link, line);
        *self = Self { seq: link.seq, hash: Some(link.hash) };
        match wrong {
            Some(wrong) => Next::Misplaced(wrong, link),
            None => Next::Good(link),
        }
    }

    /// Takes the first line of a shortened file. `None`: it is none.
    pub fn start(&mut self, line: &Line<'_>) -> Option<Start> {
        let link = sealed(line).ok().filter(|link| link.kind == PRUNED)?;
        let Data { data: start } = serde_json::from_slice::<Data<Start>>(line.bytes).ok()?;
        let fits = start.to == link.seq
            && start.hash == link.prev
            && (1..=start.to).contains(&start.from)
            && start.count <= start.to;
        fits.then(|| {
            *self = Self { seq: start.to, hash: Some(start.hash) };
            start
        })
    }

    fn wrong(&self, link: &Link<'_>, line: &Line<'_>) -> Option<Wrong> {
        let next = self.seq + 1;
        if link.kind == PRUNED {
            return Some(Wrong::NotARecord("the mark of a shortened start".to_owned()));
        }
        if link.seq < next {
            return Some(Wrong::OutOfOrder { found: link.seq });
        }
        if link.seq > next && !explained(link, line, next) {
            return Some(Wrong::Missing { from: next, to: link.seq - 1 });
        }
        let follows = self.hash.is_none_or(|hash| hash == link.prev);
        (!follows).then_some(Wrong::DoesNotFollow)
    }
}

/// Whether a record says itself that the numbers from `next` up to its own are missing.
fn explained(link: &Link<'_>, line: &Line<'_>, next: Seq) -> bool {
    let gap = || serde_json::from_slice::<Data<Gap>>(line.bytes).map(|gap| gap.data);
    link.kind == GAP && gap().is_ok_and(|gap| gap.from <= next && gap.to.checked_add(1) == Some(link.seq))
}

/// A line that is a record and has the hash it says.
fn sealed<'a>(line: &Line<'a>) -> Result<Link<'a>, Wrong> {
    match line.kind {
        LineKind::Whole => {}
        LineKind::Cut => return Err(Wrong::Cut),
        LineKind::TooLong => {
            return Err(Wrong::NotARecord(format!("longer than {MAX_LINE} bytes")));
        }
    }
    let link: Link<'_> =
        serde_json::from_slice(line.bytes).map_err(|error| Wrong::NotARecord(error.to_string()))?;
    match seal(line.bytes) {
        None => Err(Wrong::NotARecord("does not end with its hash".to_owned())),
        Some((said, is)) if said != is || said != link.hash => Err(Wrong::Changed),
        Some(_) if link.seq == 0 || link.seq > MAX_SEQ => {
            Err(Wrong::NotARecord(format!("no record has the number {}", link.seq)))
        }
        Some(_) => Ok(link),
    }
}
