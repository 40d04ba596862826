//! What git wrote down of how HEAD moved: one line each time, in order.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;

use git2::{Oid, Repository};
use rustix::fs::OFlags;

/// Of what is new, no more is read, in bytes.
const MOST_READ: u64 = 1024 * 1024;

/// HEAD was at `old` and is at `new`; `None` is no commit.
pub struct Line {
    pub old: Option<Oid>,
    pub new: Option<Oid>,
    said: String,
}

impl Line {
    fn parse(line: &[u8]) -> Option<Self> {
        let line = String::from_utf8_lossy(line);
        let (who, said) = line.split_once('\t')?;
        let mut ids = who.split(' ').map(|id| Oid::from_str(id).ok());
        let mut id = || Some(ids.next()??).map(|id: Oid| Some(id).filter(|id| !id.is_zero()));
        Some(Self { old: id()?, new: id()?, said: said.to_owned() })
    }

    /// What was left and what was checked out, if that is what happened: the names of branches, or what named a commit. A
    /// branch that was renamed is another one.
    pub fn checkout(&self) -> Option<(&str, &str)> {
        const BRANCH: &str = "refs/heads/";
        let renamed = || {
            let (from, to) = self.said.strip_prefix("Branch: renamed ")?.split_once(" to ")?;
            from.strip_prefix(BRANCH).zip(to.strip_prefix(BRANCH))
        };
        match self.said.strip_prefix("checkout: moving from ") {
            Some(moving) => moving.split_once(" to "),
            None => renamed(),
        }
    }

    /// The first commit of a branch was made.
    pub fn begins(&self) -> bool {
        self.old.is_none() && self.said.starts_with("commit")
    }
}

/// How long it is. What is no plain file is not looked at.
pub fn length(git: &Repository) -> u64 {
    let meta = git.path().join("logs/HEAD").symlink_metadata();
    meta.ok().filter(std::fs::Metadata::is_file).map_or(0, |meta| meta.len())
}

/// What was added since it was so long. Nothing when that cannot be told, since it was written anew.
pub fn since(git: &Repository, length: u64) -> Vec<Line> {
    let lines = read(git, length).ok().flatten().unwrap_or_default();
    lines.split(|byte| *byte == b'\n').filter_map(Line::parse).collect()
}

fn read(git: &Repository, length: u64) -> std::io::Result<Option<Vec<u8>>> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut options = OpenOptions::new();
    let mut file: File =
        options.read(true).custom_flags(flags.bits().cast_signed()).open(git.path().join("logs/HEAD"))?;
    // With the end of the line before it.
    let begin = length.saturating_sub(1);
    let meta = file.metadata()?;
    if !meta.is_file() || meta.len() < begin || meta.len() - begin > MOST_READ {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(begin))?;
    let mut lines = Vec::new();
    file.take(MOST_READ).read_to_end(&mut lines)?;
    Ok(Some(lines).filter(|lines| length == 0 || lines.first() == Some(&b'\n')))
}
