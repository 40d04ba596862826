//! What git says about a session's directory: status, branches, history, differences.
//!
//! Paths are relative to the root of the work tree, with `/`. Bytes that are no UTF-8 are written as
//! [`os_text`](crate::os_text) writes them, and come back as they were.

mod change;
mod content;
mod operation;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::problem::Next;

pub use change::{
    ChangeFiles, ChooseMarks, ChosenFile, ChosenHunk, ChosenLines, Discarded, MakeCommit, MarkSeen, Marks,
    Snapshot,
};
pub use content::{FileLines, ReadImage, ReadLines};
pub use operation::{GitOperation, GitProgress};

/// Files in one answer, unless fewer are asked for.
pub const MAX_FILES: u32 = 1000;
/// Commits and branches in one answer.
pub const MAX_COMMITS: u32 = 200;
/// Lines of one file's difference in one answer.
pub const MAX_LINES: u32 = 2000;
/// What one answer holds of a file's lines, in bytes.
pub const MAX_DIFF_BYTES: usize = 512 * 1024;
/// A longer line is cut after so many bytes.
pub const MAX_LINE: usize = 4096;
/// Files larger than this, in bytes, are shown as different, without their lines.
pub const MAX_FILE: u64 = 64 * 1024 * 1024;
/// Images larger than this, in bytes, are not handed out.
pub const MAX_SHOWN_IMAGE: u64 = 10 * 1024 * 1024;

/// `GET /api/sessions/{ref}/git`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct GitStatus {
    /// The root of the work tree.
    pub root: String,
    pub head: GitHead,
    /// What was begun and has not ended: conflicts may have to be resolved first.
    pub operation: Option<GitOperation>,
    /// How far it is, where git counts that.
    #[serde(default)]
    pub progress: Option<GitProgress>,
    /// What ends it.
    #[serde(default, deserialize_with = "super::problem::known")]
    pub next_step: Option<Next>,
    pub staged: u32,
    pub changed: u32,
    pub untracked: u32,
    pub conflicted: u32,
    /// By path; from `from` on, at most `limit`.
    pub files: Vec<GitFile>,
    /// Where the next page begins; `null`: that is all.
    pub next: Option<u32>,
    /// A name of the files as they are: another one after each change. Differences that are read later are at least as
    /// new.
    #[serde(default)]
    pub state: String,
    /// The prompts of the session: `turn-` and when each was submitted, in ms since 1970, is a base; newest first.
    #[serde(default)]
    pub turns: Vec<Timestamp>,
    /// Those of `start` and the turns that cannot be compared with, since recording them was given up.
    #[serde(default)]
    pub unrecorded: Vec<Unrecorded>,
    /// Whether something was marked as seen; `seen` is no base before.
    #[serde(default)]
    pub seen: bool,
    /// Whose mark `seen` is for the caller.
    #[serde(default)]
    pub marks: Marks,
}

/// A base that a session should have and has not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Unrecorded {
    /// `start`, or `turn-` and when the prompt was submitted, in ms since 1970.
    pub base: String,
    pub why: String,
}

/// What is checked out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct GitHead {
    /// `null`: no branch is checked out.
    pub branch: Option<String>,
    /// `null`: there is no commit yet.
    pub commit: Option<String>,
    pub upstream: Option<String>,
    /// Commits that the upstream branch does not have.
    pub ahead: Option<u32>,
    /// Commits that only the upstream branch has.
    pub behind: Option<u32>,
}

/// A file that differs from the last commit or from the index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct GitFile {
    pub path: String,
    /// What it was called in the last commit, if it was renamed in the index.
    pub old_path: Option<String>,
    /// The index differs from the last commit.
    pub staged: Option<Change>,
    /// The work tree differs from the index. `added`: git does not track it.
    pub unstaged: Option<Change>,
    /// Both sides of a merge changed it.
    pub conflicted: bool,
    pub submodule: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Change {
    Added,
    Modified,
    Deleted,
    Renamed,
    /// A file became a symbolic link, or the like.
    TypeChanged,
}

/// The query of what comes in pages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct ReadPage {
    /// The number of the first one, from 0.
    #[serde(default)]
    pub from: Option<u32>,
    #[serde(default)]
    pub limit: Option<u32>,
}

/// `GET /api/sessions/{ref}/git/branches`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct GitBranches {
    /// Local ones first, each kind by name.
    pub branches: Vec<GitBranch>,
    pub next: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct GitBranch {
    /// As in `main` or `origin/main`.
    pub name: String,
    /// A remote-tracking branch: where a branch of another repository was when git last looked.
    pub remote: bool,
    /// It is checked out here.
    pub current: bool,
    pub upstream: Option<String>,
    /// `null`: it has no upstream branch, or counting would take too long.
    pub ahead: Option<u32>,
    pub behind: Option<u32>,
    pub last: GitCommit,
}

/// The query of `GET /api/sessions/{ref}/git/log`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct ReadLog {
    /// A branch, a tag or a commit. Default: what is checked out.
    #[serde(default)]
    pub of: Option<String>,
    #[serde(default)]
    pub from: Option<u32>,
    #[serde(default)]
    pub limit: Option<u32>,
}

/// `GET /api/sessions/{ref}/git/log`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct GitLog {
    /// Newest first, by the time of the commit.
    pub commits: Vec<GitCommit>,
    pub next: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct GitCommit {
    pub id: String,
    pub parents: Vec<String>,
    pub summary: String,
    pub author: String,
    /// When it was committed.
    pub at: Timestamp,
    /// The branches and tags that point at it.
    pub refs: Vec<String>,
}

/// `GET /api/sessions/{ref}/git/commits/{id}`: one commit. What it changed is a [`GitDiff`] from its first parent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct GitCommitDetails {
    pub commit: GitCommit,
    /// The whole message, at most 64 KiB.
    pub message: String,
    pub author_email: String,
    pub authored_at: Timestamp,
    pub committer: String,
    pub committer_email: String,
}

/// The query of `GET /api/sessions/{ref}/git/diff`. The two states are `head`, `index`, `work` (the files as they
/// are), `merge-base` or `merge-base:BRANCH`, `start` (of the session), `seen` (when somebody looked last), `turn`
/// (before the last prompt), or a branch, a tag or a commit; write a branch of such a name in full, as
/// `refs/heads/start`. `COMMIT^` is a commit's first parent; of the first commit, nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct ReadDiff {
    /// Default: `index`.
    #[serde(default)]
    pub base: Option<String>,
    /// Default: `work`.
    #[serde(default)]
    pub to: Option<String>,
    #[serde(default)]
    pub from: Option<u32>,
    #[serde(default)]
    pub limit: Option<u32>,
}

/// `GET /api/sessions/{ref}/git/diff`: which files differ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct GitDiff {
    /// The states that were compared: a commit or a tree, `index` or `work`.
    pub base: String,
    pub to: String,
    /// By path.
    pub files: Vec<DiffFile>,
    /// How many files differ.
    pub total: u32,
    pub next: Option<u32>,
    /// Time ran out before the lines of all these files were counted.
    pub uncounted: bool,
    /// Large files that `base` does not have although they were there, up to 50. Those that are still the same are
    /// not among `files`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, ts(optional, as = "Option<Vec<String>>"))]
    pub left_out: Vec<String>,
}

/// A file that differs between two states.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct DiffFile {
    pub path: String,
    /// What it was called before, if it was renamed.
    pub old_path: Option<String>,
    pub change: Change,
    /// As git writes them: `100644`, `100755`, `120000` (a symbolic link), `160000` (a submodule).
    pub old_mode: Option<String>,
    pub new_mode: Option<String>,
    /// Added lines. `null`: not counted, binary, or too large.
    pub added: Option<u32>,
    pub removed: Option<u32>,
    pub binary: bool,
    /// Its name says that a program made it: a lock file, or build output.
    pub generated: bool,
    /// Changes when either side of the file does. `null`: it was not read.
    pub version: Option<String>,
    /// Both sides of a merge changed it, and nobody has staged what became of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub conflicted: bool,
}

/// The query of `GET /api/sessions/{ref}/git/file`: a file's differences between two states, as in [`ReadDiff`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct ReadFile {
    pub path: String,
    /// Where it was renamed from.
    #[serde(default)]
    pub old_path: Option<String>,
    #[serde(default)]
    pub base: Option<String>,
    #[serde(default)]
    pub to: Option<String>,
    /// The number of the first line of the answer, counted over all hunks.
    #[serde(default)]
    pub from: Option<u32>,
    #[serde(default)]
    pub limit: Option<u32>,
}

/// `GET /api/sessions/{ref}/git/file`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FileDiff {
    pub file: DiffFile,
    /// The file's version.
    pub version: String,
    pub hunks: Vec<DiffHunk>,
    /// Lines of all hunks.
    pub lines: u32,
    /// The number of the first line of the next page.
    pub next: Option<u32>,
    /// Why there are no lines, or why they cannot be staged one by one.
    pub whole: Option<WholeFile>,
}

/// Why a file can only be staged and discarded as a whole, or not here at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum WholeFile {
    Binary,
    /// Larger than 64 MiB.
    TooLarge,
    Symlink,
    Submodule,
    /// A program of the repository's configuration stands between file and index (git LFS, for example). Stage it
    /// with git itself.
    Filter,
    Conflicted,
}

/// A place where a file differs, with three lines around it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct DiffHunk {
    /// Made of the path, the old content and the whole hunk, so that it never means another hunk.
    pub name: String,
    pub old_start: u32,
    pub old_lines: u32,
    pub new_start: u32,
    pub new_lines: u32,
    /// The line that git shows with it: usually the function around it.
    pub heading: String,
    /// How many of its lines were on earlier pages.
    pub skipped: u32,
    /// Changed lines were not compared by their words: they are too long, or too many.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub words_left_out: bool,
    pub lines: Vec<DiffLine>,
}

/// A part of a text, from and to, in UTF-16 code units.
pub type Span = [u32; 2];

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct DiffLine {
    /// Its number before. Without one it was added.
    pub old: Option<u32>,
    /// Its number afterwards. Without one it was removed.
    pub new: Option<u32>,
    /// Without its line feed. Bytes that are not UTF-8 are replaced.
    pub text: String,
    /// The words that differ from the line that it replaces, or that replaces it. Lines are compared where
    /// as many were added as removed; none are marked where they have little in common.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, ts(optional, as = "Option<Vec<[u32; 2]>>"))]
    pub words: Vec<Span>,
    /// The length of the line in bytes, if its text was cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub bytes: Option<u64>,
    /// The file ends here, without a line feed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub no_newline: bool,
}
