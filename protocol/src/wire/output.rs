//! Older output, for who scrolls back: `GET /api/sessions/{ref}/output`.
//!
//! The answer is a row of records: one tag byte, the length of what follows as four bytes (big endian),
//! and that. The tag says whether it is JSON ([`PART`]: an [`OutputPart`]), output ([`OUTPUT`]: raw
//! bytes) or a keyframe's screen ([`SCREEN`]: escape sequences for a fresh terminal).
//!
//! The first part is `begin`, then comes a keyframe. Whoever wants still older output asks again,
//! `before` the cursor of `begin`: the pieces fit together, and the keyframe that a newer piece begins
//! with is left out when the older one stands before it. Reading changes nothing for anybody.

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
/// So many bytes of output are asked for at most. An answer has up to about twice as many, since it
/// begins where a screen is known.
pub const MAX_OUTPUT: u32 = 4 * 1024 * 1024;

/// The query of `GET /api/sessions/{ref}/output`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct ReadOutput {
    /// Output before this place. Default: before its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Cursor>,
    /// Or output until this moment, to the second; in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<i64>,
    /// At least so many bytes of it, as far as they are kept.
    #[serde(default = "default_bytes")]
    #[cfg_attr(test, ts(optional, as = "Option<u32>"))]
    pub bytes: u32,
}

fn default_bytes() -> u32 {
    256 * 1024
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum OutputPart {
    /// Where this answer begins.
    Begin {
        cursor: Cursor,
        /// Nothing older is kept.
        oldest: bool,
    },
    /// From here on the screen is the one of the next record.
    Keyframe {
        cursor: Cursor,
        size: Size,
        reason: KeyframeReason,
    },
    /// What follows was printed then; one at most every second.
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
    /// The last part: everything up to here was sent.
    End {
        cursor: Cursor,
    },
}
