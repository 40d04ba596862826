//! What a session's state was, over time, with what happened meanwhile. Made from the events.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::session::WaitingFor;
use crate::{Cursor, SessionId};

/// The query of `GET /api/sessions/{ref}/timeline` and of `GET /api/timelines`, which answers with the
/// timelines of all sessions, without markers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct ReadTimeline {
    /// Milliseconds since 1970. Default: since the session began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Timeline {
    pub session: SessionId,
    /// Oldest first; each begins where the one before ends. While a session does not run, or nobody
    /// knows, there is none.
    pub states: Vec<StateSpan>,
    /// Oldest first.
    pub markers: Vec<Marker>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct StateSpan {
    pub from: Timestamp,
    /// `null`: until now.
    pub to: Option<Timestamp>,
    pub state: SpanState,
    pub waiting_for: Option<WaitingFor>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum SpanState {
    Starting,
    Working,
    Idle,
    Waiting,
    /// It runs, and nothing proves what it does.
    Unknown,
    /// The daemon was away.
    Away,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Marker {
    pub at: Timestamp,
    pub kind: MarkerKind,
    /// A few words: the prompt, the tool, the sizes.
    pub text: Option<String>,
    /// The event that it is made from.
    pub seq: u64,
    /// Where in the output it happened, where the event says so. Otherwise ask for the output `at` it.
    pub cursor: Option<Cursor>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum MarkerKind {
    Started,
    /// It ended on request, or with status 0, or with its server.
    Stopped,
    Crashed,
    /// A prompt was submitted.
    Prompt,
    /// A permission was asked for.
    Permission,
    Question,
    TurnEnded,
    Notification,
    Resized,
    Gap,
}
