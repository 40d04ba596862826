//! What is staged, discarded, committed and seen.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is staged, unstaged or discarded: all of it, or nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ChangeFiles {
    pub files: Vec<ChosenFile>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct ChosenFile {
    pub path: String,
    /// The version of its `FileDiff`: refused when the file has changed since. Without it the file is taken as it is.
    #[serde(default)]
    pub version: Option<String>,
    /// Without them, the whole file.
    #[serde(default)]
    pub hunks: Option<Vec<ChosenHunk>>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct ChosenHunk {
    pub name: String,
    /// Without them, the whole hunk.
    #[serde(default)]
    pub lines: Option<ChosenLines>,
}

/// Lines of a hunk by their numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ChosenLines {
    /// Removed lines, by their old numbers.
    #[serde(default)]
    pub removed: Vec<u32>,
    /// Added lines, by their new numbers.
    #[serde(default)]
    pub added: Vec<u32>,
}

/// What was discarded, and is kept for 30 days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Discarded {
    pub id: String,
    pub at: Timestamp,
    pub paths: Vec<String>,
}

/// `POST /api/sessions/{ref}/git/commit`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct MakeCommit {
    pub message: String,
    /// Replace the last commit.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub amend: bool,
    /// The last commit that was shown. When it is another one by now, nothing is done (409 `changed`).
    #[serde(default)]
    #[cfg_attr(test, ts(optional = nullable))]
    pub last: Option<String>,
}

/// The body of `POST /api/sessions/{ref}/git/seen`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct MarkSeen {
    /// The `state` of the `GitStatus` that was shown: refused when a file has changed since. Without
    /// it the files are marked as they are.
    #[serde(default)]
    pub state: Option<String>,
}

/// `POST /api/sessions/{ref}/git/seen`: the state at which *Since you looked* begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Snapshot {
    pub tree: String,
    /// Files that were left out: large ones (untracked over 1 MiB, all over 16 MiB), and those that git cannot take.
    pub left_out: Vec<String>,
}

/// `POST /api/sessions/{ref}/git/marks`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ChooseMarks {
    pub marks: Marks,
}

/// Whose mark of what was seen applies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Marks {
    /// The one of all devices and of the command line.
    #[default]
    Shared,
    /// One of this login alone. It begins as the shared one.
    Own,
}
