//! Meters on the wire: what an agent says it has used of its context, its quota and money.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::visible::count;

/// What was used of a quota is stale when it was told so long ago: other sessions use the same one.
const STALE_AFTER: Duration = Duration::from_secs(30 * 60);

/// What an agent last reported, in its status line or its transcript. These are its own numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Meters {
    pub context: Option<ContextUse>,
    /// The windows of the account's plan.
    pub quota: Vec<Quota>,
    /// What the session has cost in US dollars, as the agent estimates it.
    pub cost_usd: Option<f64>,
    /// The pull request of the branch.
    pub pull_request: Option<PullRequest>,
}

/// How full the model's context window is, in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ContextUse {
    pub used: u64,
    pub size: u64,
}

/// A window of time with a limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Quota {
    /// `five_hour`, `seven_day`, or what the agent calls it.
    pub window: String,
    pub used_percent: f64,
    pub resets_at: Option<Timestamp>,
    /// When it was reported.
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PullRequest {
    pub number: u64,
    pub url: Option<String>,
}

impl Meters {
    /// What is newer replaces what it tells of; the rest stays.
    pub fn update(&mut self, newer: Meters) {
        let Meters { context, quota, cost_usd, pull_request } = newer;
        self.context = context.or(self.context);
        if !quota.is_empty() {
            self.quota = quota;
        }
        self.cost_usd = cost_usd.or(self.cost_usd);
        self.pull_request = pull_request.or(self.pull_request.take());
    }
}

impl ContextUse {
    pub fn percent(self) -> u64 {
        (self.used.saturating_mul(100)).checked_div(self.size).unwrap_or(0).min(100)
    }
}

/// `44% of 200,000 tokens`
impl fmt::Display for ContextUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}% of {}", self.percent(), count(self.size, "token"))
    }
}

impl Quota {
    /// It says nothing of now: its window was reset since, or much may have been used elsewhere.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        let age = now.duration_since(self.at);
        self.resets_at.is_some_and(|reset| reset <= now)
            || age.unsigned_abs() > STALE_AFTER && age.is_positive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_stale_after_its_reset_and_after_half_an_hour() {
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let quota = Quota {
            window: "five_hour".into(),
            used_percent: 40.0,
            resets_at: Some(at("2026-11-29T12:10:00Z")),
            at: at("2026-11-29T12:00:00Z"),
        };
        assert!(!quota.is_stale(at("2026-11-29T12:09:59Z")));
        assert!(quota.is_stale(at("2026-11-29T12:10:00Z")));
        let unknown = Quota { resets_at: None, ..quota };
        assert!(!unknown.is_stale(at("2026-11-29T12:30:00Z")));
        assert!(unknown.is_stale(at("2026-11-29T12:30:01Z")));
        assert!(!unknown.is_stale(at("2026-11-29T09:00:00Z")), "a clock that was set back");
    }

    #[test]
    fn newer_meters_keep_what_they_do_not_tell() {
        let mut meters = Meters { cost_usd: Some(1.5), ..Meters::default() };
        let context = ContextUse { used: 88_000, size: 200_000 };
        meters.update(Meters { context: Some(context), ..Meters::default() });
        assert_eq!((meters.cost_usd, meters.context), (Some(1.5), Some(context)));
        assert_eq!(context.to_string(), "44% of 200,000 tokens");
        assert_eq!(ContextUse { used: 5, size: 0 }.percent(), 0);
    }
}
