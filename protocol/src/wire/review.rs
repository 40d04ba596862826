//! Comments on differences, for a session's agent.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A session has at most so many comments.
pub const MAX_COMMENTS: usize = 500;
/// A comment's text has at most so many bytes.
pub const MAX_COMMENT: usize = 16 * 1024;
/// A comment is about at most so many lines.
pub const MAX_QUOTED: u32 = 200;

/// `GET /api/sessions/{ref}/review`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Review {
    /// Oldest first.
    pub comments: Vec<Comment>,
    /// What `POST …/review/send` would send now; empty without drafts.
    pub prompt: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Comment {
    pub id: u32,
    pub path: String,
    pub side: Side,
    /// The state that this side shows, as in `ReadDiff`.
    pub of: String,
    /// The lines that it is about, as they are numbered now. When they are gone, as they were.
    pub from: u32,
    pub to: u32,
    /// These lines as they were.
    pub quote: Vec<String>,
    /// The file as it was then: the hash of its content.
    pub blob: String,
    pub text: String,
    /// The device on which it was written.
    pub author: String,
    pub state: CommentState,
    /// The lines are gone.
    pub stale: bool,
    pub at: Timestamp,
    pub sent_at: Option<Timestamp>,
    pub addressed_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Side {
    Old,
    New,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum CommentState {
    Draft,
    Sent,
    /// The agent, or a person, says that it is done.
    Addressed,
}

/// `POST /api/sessions/{ref}/review`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct AddComment {
    pub path: String,
    /// `old`: about lines of the older state, which may have been removed. Default: `new`.
    #[serde(default)]
    pub side: Option<Side>,
    /// The state that this side shows. Default: `index` for the old one, `work` for the new one.
    #[serde(default)]
    pub of: Option<String>,
    /// The first line, from 1.
    pub from: u32,
    /// The last line. Default: the first one.
    #[serde(default)]
    pub to: Option<u32>,
    pub text: String,
}

/// `PATCH /api/sessions/{ref}/review/{id}`: changes a draft.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct EditComment {
    pub text: String,
}
