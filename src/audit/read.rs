//! Queries: the newest first, read from the end, or the oldest first; and export.
//!
//! They need no [`Audit`](super::Audit), and may run while it is written to. They do not verify.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use jiff::Timestamp;

use super::lines::{Backwards, Line, LineKind, Lines};
use super::record::Brief;
use super::{Error, Record, Result, Seq, log_path};

/// Which records. What is `None` or empty lets everything through.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// From this time on.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
    /// One of these, or in one of these groups: `policy` is `policy.decided` and others.
    pub kinds: Vec<String>,
    /// The session whose id begins so.
    pub session: Option<String>,
    pub actor: Option<String>,
    /// At most so many.
    pub limit: Option<usize>,
    /// Older than this one: the next page.
    pub before_seq: Option<Seq>,
    pub order: Order,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    NewestFirst,
    OldestFirst,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    pub records: Vec<Record>,
    /// Lines on the way that are no records. A last line that is being written is none of them.
    pub unreadable: u64,
}

impl Filter {
    fn wants(&self, record: &Brief<'_>) -> bool {
        self.since.is_none_or(|since| record.at >= since)
            && self.until.is_none_or(|until| record.at < until)
            && (self.kinds.is_empty() || self.kinds.iter().any(|kind| is_of(&record.kind, kind)))
            && self
                .session
                .as_deref()
                .is_none_or(|begin| record.session.as_deref().is_some_and(|id| id.starts_with(begin)))
            && self.actor.as_ref().is_none_or(|actor| record.actor == *actor)
            && self.before_seq.is_none_or(|before| record.seq < before)
    }
}

/// Whether a kind is that one, or in that group: `policy.decided` is in `policy`.
fn is_of(kind: &str, wanted: &str) -> bool {
    kind.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Reads records. In memory is one block of the file and what is returned.
///
/// # Errors
/// When the disk does not give them. A log that is not there is empty.
pub fn read(dir: &Path, filter: &Filter) -> Result<Page> {
    let mut page = Page::default();
    let limit = filter.limit.unwrap_or(usize::MAX);
    let mut not_whole = 0;
    let unreadable = each(dir, filter, |line| {
        match serde_json::from_slice(line) {
            Ok(record) => page.records.push(record),
            Err(_) => not_whole += 1,
        }
        Ok(page.records.len() < limit)
    });
    page.unreadable = unreadable.map_err(Error::disk("read its file"))? + not_whole;
    Ok(page)
}

/// What was exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    pub records: u64,
    /// As in a [`Page`].
    pub unreadable: u64,
}

/// Writes records as they stand in the file, a JSON object a line, so that their hashes can be checked elsewhere.
///
/// # Errors
/// When they cannot be read or written.
pub fn export(dir: &Path, filter: &Filter, out: &mut dyn Write) -> Result<Exported> {
    let limit = filter.limit.map_or(u64::MAX, |limit| limit as u64);
    let mut records = 0;
    let done = each(dir, filter, |line| {
        out.write_all(line)?;
        out.write_all(b"\n")?;
        records += 1;
        Ok(records < limit)
    });
    let done = done.and_then(|unreadable| out.flush().map(|()| unreadable));
    let unreadable = done.map_err(Error::disk("export records"))?;
    Ok(Exported { records, unreadable })
}

/// Visits the lines of the wanted records, until it returns false. Returns how many lines were no records.
fn each(dir: &Path, filter: &Filter, mut visit: impl FnMut(&[u8]) -> io::Result<bool>) -> io::Result<u64> {
    if filter.limit == Some(0) {
        return Ok(0);
    }
    let file = match File::open(log_path(dir)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "not a file"));
    }
    let mut unreadable = 0;
    let mut take = |line: Line<'_>| match brief(&line) {
        Some(record) if filter.wants(&record) => visit(line.bytes),
        Some(_) => Ok(true),
        None => {
            unreadable += u64::from(line.kind != LineKind::Cut);
            Ok(true)
        }
    };
    match filter.order {
        Order::NewestFirst => {
            let mut lines = Backwards::before(&file, meta.len());
            while lines.next(&mut take)?.transpose()? == Some(true) {}
        }
        Order::OldestFirst => {
            let mut lines = Lines::from(file, 0, meta.len())?;
            while let Some(line) = lines.next()? {
                if !take(line)? {
                    break;
                }
            }
        }
    }
    Ok(unreadable)
}

fn brief<'a>(line: &Line<'a>) -> Option<Brief<'a>> {
    (line.kind == LineKind::Whole).then(|| serde_json::from_slice(line.bytes).ok()).flatten()
}
