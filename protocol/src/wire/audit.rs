//! The audit: who decided and did what.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::Description;

/// The query of `GET /api/audit`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct ReadAudit {
    /// A kind such as `policy.decided`, or a group of kinds such as `policy`.
    pub kind: Option<String>,
    /// The full id of a session.
    pub session: Option<String>,
    /// Milliseconds since 1970.
    pub since: Option<i64>,
    /// Records with a smaller `seq`, to read further back.
    pub before: Option<u64>,
    /// Number of most recent records: at most 500, by default 100.
    pub limit: Option<u32>,
}

/// The answer to `GET /api/audit`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AuditPage {
    /// Newest first.
    pub records: Vec<AuditRecord>,
    /// Lines among them that are not records: `GET /api/audit/verify` says which.
    pub unreadable: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AuditRecord {
    /// Counted from 1.
    pub seq: u64,
    pub at: Timestamp,
    pub kind: String,
    /// A device, `command line`, `policy`, `daemon`, or `audit` itself.
    pub actor: String,
    pub session: Option<String>,
    pub description: Description,
    /// All that was recorded, as JSON.
    pub data: String,
    /// SHA-256 of the record, which includes the hash of the one before it.
    pub hash: String,
}

/// The answer to `GET /api/audit/verify`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AuditVerified {
    /// No record was changed, removed or added, as far as that can be seen.
    pub whole: bool,
    /// What was found, a line each.
    pub report: Vec<String>,
    /// The number and hash of the most recent record: kept elsewhere, it proves later that the end was not cut off.
    pub anchor: Option<String>,
}
