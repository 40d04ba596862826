//! Worktrees of sessions.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::SessionId;

/// The maximum number of ignored files that are named.
pub const MAX_NAMED_FILES: usize = 20;

/// A worktree for a new session, on a new or an existing branch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct NewWorktree {
    /// An existing local branch that is not checked out.
    #[serde(default)]
    pub branch: Option<String>,
    /// The name of a new branch. Default, without `branch`: `codepiper/` followed by the session's short id.
    #[serde(default)]
    pub create_branch: Option<String>,
    /// Where the new branch starts: a branch, tag or commit. Default: the directory's HEAD.
    #[serde(default)]
    pub base: Option<String>,
}

/// The worktree of a session, as it was created.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Worktree {
    /// Its root.
    pub path: PathBuf,
    /// The root of the work tree it was created from, or the directory of a bare repository.
    pub repository: PathBuf,
    pub branch: String,
    /// Where its new branch started; `null` for an existing branch.
    pub base: Option<String>,
    /// The number of uncommitted files in `repository`, which are not in the worktree.
    pub uncommitted: u32,
    /// Ignored files and directories in `repository`, up to [`MAX_NAMED_FILES`], which are not in the worktree.
    pub ignored: Vec<PathBuf>,
    /// Submodules, which are empty in the worktree.
    pub submodules: Vec<PathBuf>,
}

/// An entry of `GET /api/worktrees`: the worktree of a session, as it is now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct WorktreeState {
    /// Two words separated by `/`.
    pub id: String,
    pub path: PathBuf,
    pub repository: Option<PathBuf>,
    /// `null`: no branch is checked out.
    pub branch: Option<String>,
    /// The branch that it is merged into if no other one is named: the one that is checked out in the repository.
    #[serde(default)]
    pub into: Option<String>,
    /// The number of commits that `into` does not have.
    #[serde(default)]
    pub ahead: Option<u32>,
    /// The number of commits that only `into` has.
    #[serde(default)]
    pub behind: Option<u32>,
    /// Whether its branch stays when the worktree is removed.
    #[serde(default)]
    pub keeps_branch: bool,
    /// Its size on disk, in bytes.
    pub bytes: u64,
    /// The number of uncommitted files, including untracked ones.
    pub uncommitted: u32,
    /// The number of ignored files and directories.
    pub ignored: u32,
    /// The number of commits that are on no other branch, remote branch or tag.
    pub unpushed: u32,
    /// Why git cannot read it.
    pub problem: Option<String>,
    /// Sessions that were started in it.
    pub sessions: Vec<SessionId>,
    /// Whether one of them is running.
    pub in_use: bool,
}

/// The query of `DELETE /api/worktrees/{id}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct RemoveWorktree {
    /// Also delete ignored files, such as build output and `.env` files.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub ignored: bool,
}

/// The body of `POST /api/worktrees/{id}/merge`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct MergeWorktree {
    /// The local branch that it is merged into; `null`: the one that is checked out in the main work tree.
    #[serde(default)]
    pub into: Option<String>,
    /// Merge everything as one commit.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub squash: bool,
}

/// What was merged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct WorktreeMerged {
    /// The branch of the worktree.
    pub branch: String,
    pub into: String,
    /// The commit that `into` is at now.
    pub commit: String,
    /// How many commits were merged; 0: `into` already had them all.
    pub commits: u32,
    /// No commit was made: `into` has only moved forward.
    pub fast_forward: bool,
}

/// The result of the removal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct WorktreeRemoved {
    pub path: PathBuf,
    /// The branch that was kept; `null` if it was removed or there was none.
    pub kept_branch: Option<String>,
}
