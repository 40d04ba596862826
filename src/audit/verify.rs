//! The whole file: which record is the first bad one, and what the head and an anchor say about its end.

mod report;

pub use report::{AnchorSays, HeadSays, Recorded, Report};

use std::fs::File;
use std::io;
use std::path::Path;

use serde::Deserialize;

use super::chain::{Chain, Damage, Next, Start, Wrong};
use super::head::{self, Head, HeadFile};
use super::lines::{Line, Lines};
use super::record::{ALARM, Data, GAP, Link, PRUNE, UNRECORDED};
use super::unrecorded::Unrecorded;
use super::{Anchor, Error, Result, Seq, log_path};

/// No report has more of what was recorded of earlier findings.
const MOST_RECORDED: usize = 64;

/// Reads the whole log of a directory, in bounded memory, and changes nothing. It may be written to meanwhile.
///
/// # Errors
/// When the disk does not give it. What the files say is never an error: the report has it.
pub fn verify(dir: &Path, anchor: Option<Anchor>) -> Result<Report> {
    // First: the file may only be further.
    let head = head::load(dir).map_err(Error::disk("read its head file"))?;
    let file = match File::open(log_path(dir)) {
        Ok(file) => Some(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(Error::disk("open its file")(error)),
    };
    let walk = walk(file, &head, anchor).map_err(Error::disk("read its file"))?;
    Ok(walk.report(head, anchor))
}

/// Goes through a file from its start.
pub(super) fn walk(file: Option<File>, head: &HeadFile, anchor: Option<Anchor>) -> io::Result<Walk> {
    let mut walk = Walk::new(head, anchor);
    let Some(file) = file else { return Ok(walk) };
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "not a file"));
    }
    let mut lines = Lines::from(file, 0, u64::MAX)?;
    while let Some(line) = lines.next()? {
        if !walk.take(&line) {
            break;
        }
    }
    Ok(walk)
}

/// What was seen on the way.
pub(super) struct Walk {
    chain: Chain,
    line: u64,
    pub records: u64,
    pub damage: Option<Damage>,
    /// Lines that are damaged, the first one with them.
    damaged: u64,
    /// The last record whose hash is right, and the end of its line.
    pub tip: Head,
    /// No number was higher.
    pub highest: Seq,
    start: Option<Start>,
    /// How much longer the file was before its start was removed. It may be negative.
    longer: i128,
    ordered: bool,
    recorded: Vec<Recorded>,
    recorded_more: u64,
    unrecorded: Option<Unrecorded>,
    clock_back: u64,
    pub head: Met,
    /// The head's record as it stands in the file.
    met: Option<Head>,
    wanted: Option<Head>,
    anchor: Option<Anchor>,
    anchored: Option<bool>,
    /// Where the file ends in what was not synced and is no record.
    pub rest: Option<u64>,
    /// The last line is one.
    pub ended: bool,
}

/// What was met of the record that the head names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Met {
    NotYet,
    As {
        /// The start was removed, and then the machine stopped.
        before_pruned: bool,
    },
    Other {
        line: u64,
    },
}

impl Walk {
    fn new(head: &HeadFile, anchor: Option<Anchor>) -> Self {
        let wanted = match head {
            HeadFile::Read(head) => Some(*head),
            HeadFile::Missing | HeadFile::Damaged(_) => None,
        };
        let head = match wanted {
            Some(head) if head == Head::empty() => Met::As { before_pruned: false },
            Some(Head { seq: 0, .. }) => Met::Other { line: 1 },
            _ => Met::NotYet,
        };
        Self {
            chain: Chain::new(),
            line: 0,
            records: 0,
            damage: None,
            damaged: 0,
            tip: Head::empty(),
            highest: 0,
            start: None,
            longer: 0,
            ordered: false,
            recorded: Vec::new(),
            recorded_more: 0,
            unrecorded: None,
            clock_back: 0,
            head,
            met: None,
            wanted,
            anchor,
            anchored: None,
            rest: None,
            ended: true,
        }
    }

    /// False: what follows was not synced, and is no record.
    fn take(&mut self, line: &Line<'_>) -> bool {
        self.line += 1;
        self.ended = line.kind != super::lines::LineKind::Cut;
        if self.line == 1
            && let Some(start) = self.chain.start(line)
        {
            self.longer = i128::from(start.bytes) - i128::from(line.end);
            (self.tip.seq, self.tip.hash, self.tip.length) = (start.to, start.hash, line.end);
            self.highest = start.to;
            if self.anchor.is_some_and(|anchor| anchor.seq == start.to) {
                self.anchored = Some(self.anchor.is_some_and(|anchor| anchor.hash == start.hash));
            }
            self.start = Some(start);
            return true;
        }
        let seq = self.chain.seq + 1;
        let before = self.chain.clone();
        match self.chain.next(line) {
            Next::Good(link) => self.good(&link, line),
            // Whole records in the wrong order are nothing that a crash leaves.
            Next::Unreadable(_) if matches!(self.head, Met::As { .. }) && self.damage.is_none() => {
                self.chain = before;
                self.rest = Some(line.start);
                return false;
            }
            Next::Unreadable(wrong) => self.bad(seq, wrong),
            Next::Misplaced(wrong, link) => {
                self.bad(seq, wrong);
                self.good(&link, line);
            }
        }
        true
    }

    fn bad(&mut self, seq: Seq, wrong: Wrong) {
        self.damaged += 1;
        self.damage.get_or_insert(Damage { line: self.line, seq, wrong });
    }

    /// A line with the right hash, wherever it stands.
    fn good(&mut self, link: &Link<'_>, line: &Line<'_>) {
        self.records += 1;
        self.highest = self.highest.max(link.seq);
        self.tip = Head::new(link.seq, link.hash, link.at, line.end);
        self.clock_back += u64::from(link.clock_back_ms.is_some());
        self.meet_head(line);
        if let Some(anchor) = self.anchor.filter(|anchor| anchor.seq == link.seq) {
            // A second one with its number is damage anyway.
            self.anchored = Some(self.anchored == Some(true) || anchor.hash == link.hash);
        }
        match &*link.kind {
            PRUNE => {
                let order = serde_json::from_slice::<Data<Start>>(line.bytes).ok();
                self.ordered |= order.is_some_and(|order| self.start == Some(order.data));
            }
            GAP | ALARM => self.note(link, line),
            UNRECORDED => {
                let told = serde_json::from_slice::<Data<Unrecorded>>(line.bytes).ok();
                match (&mut self.unrecorded, told) {
                    (Some(all), Some(told)) => all.add(told.data),
                    (all, told) => *all = told.map(|told| told.data).or(all.take()),
                }
            }
            _ => {}
        }
    }

    fn meet_head(&mut self, line: &Line<'_>) {
        let Some(head) = self.wanted.filter(|head| head.seq == self.tip.seq) else { return };
        let before_pruned = self.start.is_some()
            && i128::from(head.length) == i128::from(self.tip.length) + self.longer
            && self.longer != 0;
        let same = (head.hash, head.at) == (self.tip.hash, self.tip.at);
        match same && (head.length == line.end || before_pruned) {
            true => {
                self.head = Met::As { before_pruned };
                self.met = Some(self.tip);
            }
            false if self.head == Met::NotYet => self.head = Met::Other { line: self.line },
            false => {}
        }
    }

    fn note(&mut self, link: &Link<'_>, line: &Line<'_>) {
        #[derive(Default, Deserialize)]
        struct Noted {
            #[serde(default)]
            from: Option<Seq>,
            #[serde(default)]
            to: Option<Seq>,
            #[serde(default)]
            found: bool,
            #[serde(default)]
            why: Vec<String>,
        }
        let noted = serde_json::from_slice::<Data<Noted>>(line.bytes).map(|noted| noted.data);
        let Noted { from, to, found, why } = noted.unwrap_or_default();
        let missing = from.zip(to);
        let of_head =
            |(from, to): (Seq, Seq)| self.wanted.is_some_and(|head| (from..=to).contains(&head.seq));
        if self.head == Met::NotYet && missing.is_some_and(of_head) {
            self.head = Met::As { before_pruned: false };
        }
        if self.recorded.len() == MOST_RECORDED {
            self.recorded_more += 1;
            return;
        }
        self.recorded.push(Recorded { seq: link.seq, missing, found, why });
    }

    /// The tip, what was synced, and where to cut, when nothing is wrong but that the head does not know yet of the removed
    /// start.
    pub fn interrupted_prune(&self, length: u64) -> Option<(Head, Head, Option<u64>)> {
        let here = self.met.filter(|_| self.head == Met::As { before_pruned: true })?;
        let sound = self.damage.is_none() && self.ordered;
        sound.then_some((self.tip, here, (self.tip.length < length).then_some(self.tip.length)))
    }

    pub fn report(self, head: HeadFile, anchor: Option<Anchor>) -> Report {
        let mut damage = self.damage.clone();
        let mut damaged = self.damaged;
        if self.start.is_some() && !self.ordered {
            let start = self.start.as_ref().map_or(0, |start| start.to);
            damage.get_or_insert(Damage { line: 1, seq: start, wrong: Wrong::NotOrdered });
            damaged += 1;
        }
        let first = self.start.as_ref().map_or(1, |start| start.to + 1);
        Report {
            records: self.records,
            first: (self.records > 0).then_some(first),
            last: (self.records > 0).then_some(Anchor { seq: self.tip.seq, hash: self.tip.hash }),
            removed: self.start.as_ref().map(|start| (start.from, start.to)),
            damage,
            damaged,
            head: self.head_says(head),
            anchor: anchor.map(|anchor| (anchor.seq, self.anchor_says(anchor))),
            rest: self.rest.is_some(),
            clock_back: self.clock_back,
            recorded: self.recorded,
            recorded_more: self.recorded_more,
            unrecorded: self.unrecorded,
        }
    }

    /// The highest number that a line has, or that belongs to one that cannot be read.
    pub fn taken(&self) -> Seq {
        self.highest.max(self.chain.seq)
    }

    /// The same without a last line that is cut off.
    fn held(&self) -> Seq {
        if self.ended { self.taken() } else { self.highest }
    }

    fn head_says(&self, head: HeadFile) -> HeadSays {
        let head = match head {
            HeadFile::Missing if self.line == 0 => return HeadSays::Fits { behind: 0 },
            HeadFile::Missing => return HeadSays::Missing,
            HeadFile::Damaged(why) => return HeadSays::Damaged(why),
            HeadFile::Read(head) => head,
        };
        match self.head {
            Met::As { .. } => HeadSays::Fits { behind: self.tip.seq.saturating_sub(head.seq) },
            Met::Other { line } => HeadSays::Differs { line },
            Met::NotYet if head.seq > self.held() => {
                HeadSays::TailMissing { from: self.held() + 1, to: head.seq }
            }
            Met::NotYet => HeadSays::NotThere { seq: head.seq },
        }
    }

    fn anchor_says(&self, anchor: Anchor) -> AnchorSays {
        match self.anchored {
            Some(true) => AnchorSays::Holds,
            Some(false) => AnchorSays::Differs { seq: anchor.seq },
            None if anchor.seq == 0 && anchor.hash == super::Hash::default() => AnchorSays::Holds,
            None if anchor.seq > self.held() => {
                AnchorSays::TailMissing { from: self.held() + 1, to: anchor.seq }
            }
            None if self.start.as_ref().is_some_and(|start| anchor.seq <= start.to) => AnchorSays::Removed,
            None => AnchorSays::NotThere { seq: anchor.seq },
        }
    }
}
