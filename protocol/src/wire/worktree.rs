//! Worktrees that were made for sessions.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::SessionId;

/// At most so many ignored files are named.
pub const MAX_NAMED_FILES: usize = 20;

/// A worktree of its own for a new session, on a branch of its own or on one that is there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct NewWorktree {
    /// A local branch that is there, and checked out nowhere.
    #[serde(default)]
    pub branch: Option<String>,
    /// The name of a new branch. Default, without `branch`: `codepiper/` and the session's short id.
    #[serde(default)]
    pub create_branch: Option<String>,
    /// The commit that a new branch begins at: a branch, a tag, a commit. Default: what is checked out in
    /// the directory.
    #[serde(default)]
    pub base: Option<String>,
}

/// The worktree that a session was started in, as it was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Worktree {
    /// Its root.
    pub path: PathBuf,
    /// The root of the work tree that it was made from; of a bare repository, its directory.
    pub repository: PathBuf,
    pub branch: String,
    /// What its new branch began at; `null` on a branch that was there.
    pub base: Option<String>,
    /// Files that were changed and not committed in `repository`; they are not in the worktree.
    pub uncommitted: u32,
    /// Files and directories that git ignores in `repository`, at most [`MAX_NAMED_FILES`]; they are not in
    /// the worktree.
    pub ignored: Vec<PathBuf>,
    /// Submodules, which are empty in the worktree.
    pub submodules: Vec<PathBuf>,
}

/// `GET /api/worktrees`: one that was made for a session, as it is now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct WorktreeState {
    /// Two words with a `/` between.
    pub id: String,
    pub path: PathBuf,
    pub repository: Option<PathBuf>,
    /// `null`: no branch is checked out.
    pub branch: Option<String>,
    /// What it takes on the disk, in bytes.
    pub bytes: u64,
    /// Files with changes that are not committed, untracked ones too.
    pub uncommitted: u32,
    /// Files and directories that git ignores.
    pub ignored: u32,
    /// Commits that are on no other branch, remote ones and tags included.
    pub unpushed: u32,
    /// Why git cannot tell about it.
    pub problem: Option<String>,
    /// Sessions that were started in it.
    pub sessions: Vec<SessionId>,
    /// One of them runs.
    pub in_use: bool,
}

/// The query of `DELETE /api/worktrees/{id}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct RemoveWorktree {
    /// Delete what git ignores in it, too: build output, but also an `.env`.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub ignored: bool,
}

/// What became of the branch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct WorktreeRemoved {
    pub path: PathBuf,
    /// The branch that is still there; `null` when it was removed, or there was none.
    pub kept_branch: Option<String>,
}
