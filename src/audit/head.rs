//! The small file that says how far the log is on the disk, and the anchor.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::record::{MAX_SEQ, to_the_millisecond};
use super::steps::{Step, Steps};
use super::{Error, Hash, Result, Seq, head_path};
use crate::small_file;

/// The version of the file's form.
const VERSION: u32 = 1;
/// A head is smaller; what is larger is none.
const LONGEST: u64 = 4096;

/// The last record that was synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub(super) version: u32,
    /// 0 before the first.
    pub seq: Seq,
    pub hash: Hash,
    #[serde(serialize_with = "to_the_millisecond")]
    pub at: Timestamp,
    /// Where its line ends in the file, in bytes.
    pub length: u64,
}

impl Head {
    pub fn new(seq: Seq, hash: Hash, at: Timestamp, length: u64) -> Self {
        Self { version: VERSION, seq, hash, at, length }
    }

    /// Of a log without records.
    pub fn empty() -> Self {
        Self::new(0, Hash::default(), Timestamp::UNIX_EPOCH, 0)
    }

    fn text(&self) -> String {
        // Nothing in it can fail to be written.
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }

    /// Puts it in the place of the old one. Its content is synced, its name is with the next sync: after a power loss the
    /// old one may be back, which is as good as a head that was not yet written.
    pub fn write(&self, dir: &Path, steps: &Steps) -> io::Result<()> {
        steps.before(Step::Head)?;
        small_file::replace(&head_path(dir), self.text().as_bytes(), small_file::Synced::Yes)?;
        steps.before(Step::HeadWritten)
    }
}

/// What stands in the place of the head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeadFile {
    Missing,
    /// Why it is none.
    Damaged(String),
    Read(Head),
}

/// # Errors
/// When the disk does not give it; what it says is never an error.
pub fn load(dir: &Path) -> io::Result<HeadFile> {
    let path = head_path(dir);
    let damaged = |why: &str| Ok(HeadFile::Damaged(why.to_owned()));
    match fs::metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(HeadFile::Missing),
        Err(error) => return Err(error),
        Ok(meta) if !meta.is_file() => return damaged("not a file"),
        Ok(meta) if meta.len() > LONGEST => return damaged("too long"),
        Ok(_) => {}
    }
    let text = fs::read(&path)?;
    let head: Head = match serde_json::from_slice(&text) {
        Ok(head) => head,
        Err(error) => return Ok(HeadFile::Damaged(error.to_string())),
    };
    if head.version > VERSION {
        return damaged("written by a newer CodePiper");
    }
    if head.text().as_bytes() != text || head.version != VERSION || head.seq > MAX_SEQ {
        return damaged("changed since it was written");
    }
    Ok(HeadFile::Read(head))
}

/// A record and its hash, `seq:hash`, to be kept where nobody who can write the log can write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    pub seq: Seq,
    pub hash: Hash,
}

impl fmt::Display for Anchor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.seq, self.hash)
    }
}

/// What was given as an anchor and is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAnAnchor(String);

impl fmt::Display for NotAnAnchor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?} is not an anchor: it needs a number, a colon and 64 hexadecimal digits", self.0)
    }
}

impl std::error::Error for NotAnAnchor {}

impl FromStr for Anchor {
    type Err = NotAnAnchor;

    fn from_str(text: &str) -> std::result::Result<Self, NotAnAnchor> {
        let parsed = text.trim().split_once(':').and_then(|(seq, hash)| {
            let seq = seq.parse().ok().filter(|seq| *seq <= MAX_SEQ)?;
            Some(Self { seq, hash: Hash::parse(hash)? })
        });
        parsed.ok_or_else(|| NotAnAnchor(text.chars().take(100).collect()))
    }
}

/// The anchor of what is on the disk, by the head file. `None`: there is no log, or its head cannot be read.
///
/// # Errors
/// When the disk does not give it.
pub fn anchor(dir: &Path) -> Result<Option<Anchor>> {
    match load(dir).map_err(Error::disk("read its head file"))? {
        HeadFile::Read(head) => Ok(Some(Anchor { seq: head.seq, hash: head.hash })),
        HeadFile::Missing | HeadFile::Damaged(_) => Ok(None),
    }
}
