//! Directories of the daemon's machine, for who types one.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// At most this many completions in one answer.
pub const MAX_COMPLETIONS: usize = 50;

/// At most this many branches in one answer.
pub const MAX_BRANCHES: usize = 200;

/// The query of `GET /api/directories`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct CheckDirectory {
    /// Absolute, or beginning with `~/`: what was typed so far.
    pub path: String,
}

/// The answer to [`CheckDirectory`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Directory {
    /// Absolute: what `StartSession::dir` takes.
    pub path: PathBuf,
    pub verdict: DirectoryVerdict,
    /// One sentence when it cannot be used.
    pub detail: Option<String>,
    /// A directory with nearly this name, when there is none of this one.
    pub suggestion: Option<PathBuf>,
    pub git: Option<GitDirectory>,
    /// Sub-directories that what was typed can become, sorted. Hidden ones only for who types the dot.
    pub completions: Vec<PathBuf>,
    /// There are more completions than these.
    pub more_completions: bool,
    /// The home directory, which `~` stands for.
    pub home: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum DirectoryVerdict {
    /// It is there and can be entered.
    Usable,
    Missing,
    NotADirectory,
    /// Its permissions keep the daemon's user out.
    Forbidden,
    /// Neither absolute nor beginning with `~/`.
    Relative,
}

/// The work tree that a directory lies in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct GitDirectory {
    /// The work tree's root.
    pub root: PathBuf,
    /// The branch, or the short id of a detached head.
    pub branch: Option<String>,
    /// Local branches, at most [`MAX_BRANCHES`].
    pub branches: Vec<String>,
    /// Files that differ from the last commit, untracked ones too; `null` when counting takes too long.
    pub changed: Option<u32>,
}
