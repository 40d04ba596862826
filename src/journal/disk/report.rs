//! What the journal says of itself.

use std::fmt;
use std::path::PathBuf;

/// Something that an owner wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    Damaged(Damage),
    /// The disk is full or cannot be written to; what is appended waits in memory.
    Paused,
    /// There is space again. So many bytes were dropped since the journal was opened.
    Resumed {
        dropped_bytes: u64,
    },
    /// The writer hung and another one goes on in a new generation.
    WriterReplaced,
    /// A generation cannot be written to any more; a new one goes on.
    Failed(String),
}

/// A generation that does not hold what it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    pub generation: u64,
    pub what: String,
    /// Where its files are now.
    pub kept: Option<PathBuf>,
    /// Bytes of output, and marks, that were stored and cannot be read.
    pub lost_bytes: u64,
    pub lost_marks: u64,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { generation, what, kept, lost_bytes, lost_marks } = self;
        write!(f, "generation {generation} of the journal is damaged ({what}): ")?;
        // Without its summary nobody knows.
        match (lost_bytes, lost_marks) {
            (0, 0) => write!(f, "unknown how much is lost")?,
            _ => write!(f, "{lost_bytes} bytes of output and {lost_marks} marks are lost")?,
        }
        match kept {
            Some(path) => write!(f, "; the files are kept in {}", path.display()),
            None => Ok(()),
        }
    }
}

/// What was found when the journal was opened.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub generations: usize,
    /// On the disk.
    pub bytes: u64,
    /// Sessions whose log goes on.
    pub sessions: usize,
    pub damage: Vec<Damage>,
    /// Why nothing can be stored: everything stays in memory, bounded.
    pub unusable: Option<String>,
}

/// How the journal is.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    /// On the disk, as measured last, and at most.
    pub disk_bytes: u64,
    pub limit_bytes: u64,
    pub generations: usize,
    /// Output stored, and entries, since the journal was opened.
    pub written_bytes: u64,
    pub written_entries: u64,
    /// What waits to be written.
    pub unwritten_bytes: usize,
    /// What was dropped because too much waited.
    pub dropped_bytes: u64,
    pub dropped_entries: u64,
    pub damage: Vec<Damage>,
    /// Why nothing is written at the moment: the disk is full, or cannot be written to.
    pub paused: Option<String>,
    /// Why the clock looks wrong, by what was stored before.
    pub clock: Option<String>,
    /// Why a part of what is stored could not be read when somebody tried last.
    pub unreadable: Option<String>,
    /// Why nothing can be written, other than a full disk.
    pub failing: Option<String>,
    /// Writers that hung.
    pub replaced_writers: u64,
}
