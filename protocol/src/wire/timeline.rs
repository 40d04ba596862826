//! A session's states over time, and what happened meanwhile. Derived from its events.

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
    /// Milliseconds since 1970. Default: the session's creation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Timeline {
    pub session: SessionId,
    /// Oldest first; each starts where the previous one ends. There is none while the session is not running, or
    /// if its state is not known.
    pub states: Vec<StateSpan>,
    /// Oldest first.
    pub markers: Vec<Marker>,
    /// How much a shell printed lately: its states say little. `null` for agents.
    #[serde(default)]
    pub printed: Option<Density>,
}

/// How much was printed in each slice of the last hour, since the daemon was started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Density {
    /// The length of a slice. Slices begin at multiples of it, counted from 1970.
    pub slice_ms: u32,
    /// The number of the first slice: its time, divided by `slice_ms`.
    pub first: i64,
    /// Bytes, oldest first.
    pub bytes: Vec<u64>,
    /// The end of the output that is counted.
    pub cursor: Cursor,
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
    /// It is running, and its activity is unknown.
    Unknown,
    /// The daemon was away.
    Away,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Marker {
    pub at: Timestamp,
    pub kind: MarkerKind,
    /// What happened, in words.
    pub text: String,
    /// The event it is derived from.
    pub seq: u64,
    /// Its position in the output, if the event has one. Otherwise, read the output `at` its time.
    pub cursor: Option<Cursor>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum MarkerKind {
    Started,
    /// It ended on request, with exit status 0, or with its tmux server.
    Stopped,
    Crashed,
    /// A prompt was submitted.
    Prompt,
    /// The agent asked for permission.
    Permission,
    Question,
    TurnEnded,
    Notification,
    Resized,
    Gap,
}
