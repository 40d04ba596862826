//! What can go wrong with the audit.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::Damage;

pub type Result<T> = std::result::Result<T, Error>;

/// Why something was not recorded, or could not be read. Everybody who waited for the same sync gets the same one.
#[derive(Clone, Debug)]
pub enum Error {
    /// A field is longer than it may be, both in bytes.
    TooLong { field: &'static str, bytes: usize, limit: usize },
    /// Empty, or a kind that the audit keeps for itself.
    Kind(String),
    /// `data` cannot be read again: it is nested too deeply.
    Data(String),
    /// The last number was given.
    NoNumbers,
    /// Records that should be removed do not stand there as they were written.
    Damaged(Damage),
    /// The disk, or what stands in the place of a file.
    Disk { doing: &'static str, error: Arc<io::Error> },
}

impl Error {
    pub(super) fn disk(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Disk { doing, error: Arc::new(error) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { field, bytes, limit } => {
                write!(out, "the audit record's {field} has {bytes} bytes; the limit is {limit}")
            }
            Self::Kind(kind) => write!(out, "{kind:?} cannot be the kind of an audit record"),
            Self::Data(why) => write!(out, "the audit record's data could not be read again: {why}"),
            Self::NoNumbers => write!(out, "the audit has no more numbers; move its directory away"),
            Self::Damaged(damage) => {
                write!(out, "the audit is damaged in the part to be removed; nothing was removed: {damage}")
            }
            Self::Disk { doing, error } => write!(out, "the audit cannot {doing}: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Disk { error, .. } => Some(error.as_ref()),
            _ => None,
        }
    }
}
