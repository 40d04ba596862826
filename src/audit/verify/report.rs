//! What came out, and how it is said.

use std::fmt;

use crate::audit::{Anchor, Damage, Seq, Unrecorded};

/// What came out of reading a whole log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How many have the right hash.
    pub records: u64,
    pub first: Option<Seq>,
    pub last: Option<Anchor>,
    /// The numbers that were removed from the start by order.
    pub removed: Option<(Seq, Seq)>,
    /// The first bad record.
    pub damage: Option<Damage>,
    /// How many lines do not fit, that one with them.
    pub damaged: u64,
    pub head: HeadSays,
    /// The anchor's number and what it says. `None`: none was given.
    pub anchor: Option<(Seq, AnchorSays)>,
    /// The file ends in bytes that were not synced when the machine or the program stopped, or that are being written.
    pub rest: bool,
    /// Records whose time is before the record before; no damage.
    pub clock_back: u64,
    /// What was found or lost earlier, by the log itself: the first of them.
    pub recorded: Vec<Recorded>,
    /// How many more.
    pub recorded_more: u64,
    /// What happened while nothing could be written, as records say.
    pub unrecorded: Option<Unrecorded>,
}

/// What the head file says about the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeadSays {
    /// So many records are newer: not synced yet, or synced right before a crash.
    Fits {
        behind: u64,
    },
    /// The tail is cut off.
    TailMissing {
        from: Seq,
        to: Seq,
    },
    /// The record that it names is another one: the file was written anew, or the head was changed.
    Differs {
        line: u64,
    },
    /// There is no record with its number, but later ones.
    NotThere {
        seq: Seq,
    },
    Missing,
    Damaged(String),
}

/// What an anchor proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnchorSays {
    /// Up to it, everything is as it was.
    Holds,
    /// The tail was there and is cut off.
    TailMissing { from: Seq, to: Seq },
    /// Its record is another one: this file was made anew.
    Differs { seq: Seq },
    /// There is no record with its number, but later ones.
    NotThere { seq: Seq },
    /// Its record was removed from the start, or somebody made it look so: nothing can be compared.
    Removed,
}

/// A finding that the log has recorded itself, when it was opened or when a sync failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Of the record that says so.
    pub seq: Seq,
    pub missing: Option<(Seq, Seq)>,
    /// Found when it was opened, and nothing that a crash leaves. Otherwise a sync failed.
    pub found: bool,
    pub why: Vec<String>,
}

impl Report {
    /// Whether nothing is wrong: with the file as it is, with its head, with the anchor; and nothing that the log itself had
    /// found when it was opened, unless the anchor is from after that.
    pub fn is_whole(&self) -> bool {
        let (known, anchor) = match &self.anchor {
            None => (0, true),
            Some((seq, AnchorSays::Holds)) => (*seq, true),
            Some(_) => (0, false),
        };
        self.damage.is_none()
            && matches!(self.head, HeadSays::Fits { .. })
            && anchor
            && self.recorded.iter().all(|recorded| !recorded.found || recorded.seq <= known)
            && self.recorded_more == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.first, self.last) {
            (Some(first), Some(last)) => {
                writeln!(out, "{} records, {first} to {}", self.records, last.seq)?;
            }
            _ => writeln!(out, "no records")?,
        }
        if let Some((from, to)) = self.removed {
            writeln!(out, "records {from} to {to} were removed from the start, and a record says so")?;
        }
        if let Some(damage) = &self.damage {
            writeln!(out, "DAMAGED: {damage}")?;
            if self.damaged > 1 {
                writeln!(out, "{} lines do not fit, including that one", self.damaged)?;
            }
        }
        writeln!(out, "{}", self.head)?;
        match &self.anchor {
            Some((_, says)) => writeln!(out, "{says}")?,
            None => writeln!(
                out,
                "no anchor was given: a cut end together with a changed head file would not be noticed"
            )?,
        }
        if self.rest {
            writeln!(out, "the file ends in bytes that were not synced; the next start removes them")?;
        }
        if self.clock_back > 0 {
            writeln!(out, "the clock was set back {} times, which is not damage", self.clock_back)?;
        }
        for recorded in &self.recorded {
            writeln!(out, "{recorded}")?;
        }
        if self.recorded_more > 0 {
            writeln!(out, "and {} more such records", self.recorded_more)?;
        }
        if let Some(unrecorded) = &self.unrecorded {
            writeln!(out, "records say: {unrecorded}")?;
        }
        Ok(())
    }
}

impl fmt::Display for HeadSays {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fits { behind: 0 } => write!(out, "the head file fits"),
            Self::Fits { behind } => write!(out, "the head file fits; {behind} records are newer"),
            Self::TailMissing { from, to } => {
                write!(out, "DAMAGED: the tail is cut off: records {from} to {to} are missing")
            }
            Self::Differs { line } => write!(
                out,
                "DAMAGED: the head file does not fit line {line}: one of the files was changed or replaced"
            ),
            Self::NotThere { seq } => write!(out, "DAMAGED: record {seq} of the head file is missing"),
            Self::Missing => write!(out, "DAMAGED: the head file is missing"),
            Self::Damaged(why) => write!(out, "DAMAGED: the head file cannot be read: {why}"),
        }
    }
}

impl fmt::Display for AnchorSays {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holds => write!(out, "the anchor fits: nothing up to it has changed"),
            Self::TailMissing { from, to } => {
                write!(out, "DAMAGED: the anchor proves that records {from} to {to} were cut off")
            }
            Self::Differs { seq } => write!(
                out,
                "DAMAGED: the anchor proves that record {seq} was different: the file was replaced"
            ),
            Self::NotThere { seq } => {
                write!(out, "DAMAGED: the anchor proves that record {seq} existed and is missing")
            }
            Self::Removed => {
                write!(
                    out,
                    "this file cannot be checked against the anchor: its record was removed; keep a newer one"
                )
            }
        }
    }
}

impl fmt::Display for Recorded {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "record {} says: ", self.seq)?;
        if let Some((from, to)) = self.missing {
            write!(out, "{from} to {to} are missing; ")?;
        }
        write!(out, "{}", self.why.join("; "))
    }
}
