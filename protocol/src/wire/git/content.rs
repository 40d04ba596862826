//! What a file has in a state: lines, an image.

use serde::{Deserialize, Serialize};

/// The query of `GET /api/sessions/{ref}/git/lines`: lines of one side of a file, around its hunks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct ReadLines {
    pub path: String,
    /// The state, as in `ReadDiff`. Default: `work`.
    #[serde(default)]
    pub of: Option<String>,
    /// The first line, from 1.
    pub from: u32,
    #[serde(default)]
    pub limit: Option<u32>,
}

/// `GET /api/sessions/{ref}/git/lines`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FileLines {
    pub lines: Vec<String>,
    /// How many lines the file has.
    pub total: u32,
}

/// The query of `GET /api/sessions/{ref}/git/image`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct ReadImage {
    pub path: String,
    /// The state, as in `ReadDiff`. Default: `work`.
    #[serde(default)]
    pub of: Option<String>,
}
