//! Older output, for scrolling back: `GET /api/sessions/{ref}/output`.
//!
//! The answer is a sequence of records: a tag byte, the length of the content as four bytes (big endian), and
//! the content. The tag says whether it is JSON ([`PART`]: an [`OutputPart`]), output ([`OUTPUT`]: raw
//! bytes) or a keyframe's screen ([`SCREEN`]: escape sequences for a new terminal).
//!
//! The first part is `begin`, followed by a keyframe. To read further back, request again with `before` set to
//! the cursor of `begin`: the parts fit together, and the keyframe at the start of a later part is not needed if
//! the part before it is shown. Reading affects nobody.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::session::Exit;
use super::stream::{GapReason, KeyframeReason, Lost};
use crate::{Cursor, Size};

/// The tag of a record that holds an [`OutputPart`].
pub const PART: u8 = 1;
/// The tag of a record that holds output.
pub const OUTPUT: u8 = 2;
/// The tag of a record that holds the screen of the keyframe just before it.
pub const SCREEN: u8 = 3;
/// The maximum number of bytes to request. An answer has up to about twice as many, since it starts at a
/// position where the screen is known.
pub const MAX_OUTPUT: u32 = 4 * 1024 * 1024;

/// The query of `GET /api/sessions/{ref}/output`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct ReadOutput {
    /// Read output before this cursor. Default: the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Cursor>,
    /// Or read output up to this time, to the second; in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<i64>,
    /// At least this many bytes, if they are stored.
    #[serde(default = "default_bytes")]
    #[cfg_attr(test, ts(optional, as = "Option<u32>"))]
    pub bytes: u32,
}

fn default_bytes() -> u32 {
    256 * 1024
}

/// The longest text to search for, in bytes.
pub const MAX_SEARCHED_TEXT: usize = 1000;
/// The highest limit of a search, in lines.
pub const MAX_HITS: u32 = 1000;

/// The query of `GET /api/sessions/{ref}/search`: lines with this text, the newest first. Upper and lower case are the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct SearchOutput {
    /// At most 1000 bytes.
    pub text: String,
    /// Only what had scrolled off the screen before this cursor. Default: everything, and what is on the screen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Cursor>,
    /// At most so many lines, 1 to 1000, and those that scrolled off together with the last of them.
    #[serde(default = "default_limit")]
    #[cfg_attr(test, ts(optional, as = "Option<u32>"))]
    pub limit: u32,
}

fn default_limit() -> u32 {
    100
}

/// The answer to `GET /api/sessions/{ref}/search`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FoundOutput {
    /// Newest first.
    pub hits: Vec<OutputHit>,
    /// Search on before this cursor; `null`: nothing older is stored that can be read. One request searches 32 MiB.
    pub next: Option<Cursor>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct OutputHit {
    /// Here the line had scrolled off the screen.
    pub cursor: Cursor,
    /// The beginning of the line, up to 1000 bytes.
    pub line: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum OutputPart {
    /// The start of this answer.
    Begin {
        cursor: Cursor,
        /// Nothing older is stored.
        oldest: bool,
    },
    /// The next record contains the screen at this cursor.
    Keyframe {
        cursor: Cursor,
        size: Size,
        reason: KeyframeReason,
    },
    /// The following output was printed at this time; at most one per second.
    Time {
        cursor: Cursor,
        at: Timestamp,
    },
    Gap {
        cursor: Cursor,
        reason: GapReason,
        lost: Lost,
    },
    /// The program ended.
    Ended {
        cursor: Cursor,
        exit: Option<Exit>,
    },
    /// The last part: everything up to here has been sent.
    End {
        cursor: Cursor,
    },
}
