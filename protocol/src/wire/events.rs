//! Events on the wire.

use serde::{Deserialize, Serialize};

use crate::SessionId;
use crate::event::{self, Event, Source};

/// The maximum number of events in one answer.
pub const MAX_EVENTS: u32 = 10_000;

/// The query of `GET /api/events`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct ListEvents {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// A kind such as `session.ended`, or a group of kinds such as `session`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// Events with a smaller `seq`, to read further back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// Number of most recent events.
    #[serde(default = "default_limit")]
    #[cfg_attr(test, ts(optional, as = "Option<u32>"))]
    pub limit: u32,
}

fn default_limit() -> u32 {
    100
}

impl ListEvents {
    /// Whether the event matches the query, apart from the limit.
    pub fn fits(&self, event: &Event) -> bool {
        let kind_fits = |wanted: &String| {
            event
                .kind()
                .strip_prefix(wanted.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.session.is_none_or(|session| event.session == Some(session))
            && self.source.is_none_or(|source| event.source == source)
            && self.kind.as_ref().is_none_or(kind_fits)
            && self.since.is_none_or(|since| event.at.as_millisecond() >= since)
            && self.before.is_none_or(|before| event.seq < before)
    }
}

/// The answer to `GET /api/events`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FoundEvents {
    /// Oldest first.
    #[serde(serialize_with = "event::all_described")]
    #[cfg_attr(test, ts(as = "Vec<event::DescribedEvent>"))]
    pub events: Vec<Event>,
    /// The `seq` of the most recent event of all: a subscription after it misses nothing.
    pub last: u64,
    /// Why older stored events cannot be read at the moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub unreadable: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Body;

    #[test]
    fn kinds_fit_whole_or_up_to_a_dot() {
        let body = Body::SessionRemoved {};
        let event =
            Event { seq: 1, at: jiff::Timestamp::UNIX_EPOCH, session: None, source: body.source(), body };
        let fits = |kind: &str| {
            ListEvents {
                session: None,
                source: None,
                kind: Some(kind.into()),
                since: None,
                before: None,
                limit: 1,
            }
            .fits(&event)
        };
        assert!(fits("session.removed") && fits("session"));
        assert!(!fits("session.remove") && !fits("sess") && !fits("hook"));
    }
}
