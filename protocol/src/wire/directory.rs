//! Directories on the daemon's machine, for completion.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The maximum number of completions in one answer.
pub const MAX_COMPLETIONS: usize = 50;

/// The maximum number of recent directories in one answer.
pub const MAX_RECENT: usize = 5;

/// The maximum number of branches in one answer.
pub const MAX_BRANCHES: usize = 200;

/// The query of `GET /api/directories`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct CheckDirectory {
    /// The text typed so far: absolute, or starting with `~/`.
    pub path: String,
}

/// The answer to [`CheckDirectory`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Directory {
    /// The absolute path, for `StartSession::dir`.
    pub path: PathBuf,
    pub verdict: DirectoryVerdict,
    /// Why it cannot be used, in one sentence.
    pub detail: Option<String>,
    /// A directory with a similar name, if this one does not exist.
    pub suggestion: Option<PathBuf>,
    pub git: Option<GitDirectory>,
    /// Matching subdirectories, sorted. Hidden ones only if a dot was typed.
    pub completions: Vec<PathBuf>,
    /// There are more completions than these.
    pub more_completions: bool,
    /// The home directory, for `~`.
    pub home: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum DirectoryVerdict {
    /// The directory exists and can be entered.
    Usable,
    Missing,
    NotADirectory,
    /// The daemon's user has no permission to enter it.
    Forbidden,
    /// Neither absolute nor starting with `~/`.
    Relative,
}

/// One entry of `GET /api/directories/recent`: a git work tree in the home directory, up to three levels below it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RecentDirectory {
    pub path: PathBuf,
    /// The branch, or the short id of a detached head.
    pub branch: Option<String>,
    /// When something was last staged, committed or checked out there.
    pub used_at: Timestamp,
}

/// The git work tree that contains a directory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct GitDirectory {
    /// The work tree's root.
    pub root: PathBuf,
    /// The branch, or the short id of a detached head.
    pub branch: Option<String>,
    /// Local branches, at most [`MAX_BRANCHES`].
    pub branches: Vec<String>,
    /// The number of files that differ from the last commit, including untracked ones; `null` if counting takes too long.
    pub changed: Option<u32>,
}
