//! Text and keys for a session.

use serde::{Deserialize, Serialize};

use crate::Cursor;

/// At most this many bytes of text in one request.
pub const MAX_TEXT: usize = 1024 * 1024;

/// The query of `POST /api/sessions/{ref}/input`; the body is the text, any bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendText {
    /// Press Enter after the text.
    #[serde(default)]
    pub enter: bool,
}

/// `POST /api/sessions/{ref}/keys`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendKeys {
    /// Key names as in [`crate::key::Key`].
    pub keys: Vec<String>,
}

/// `POST /api/sessions/{ref}/resize` takes a [`crate::Size`].
///
/// What is known about input that was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    /// The end of the output before the text was written: `wait --from` this misses nothing.
    pub cursor: Cursor,
    pub receipt: Receipt,
    /// Something the sender should know, e.g. that the terminal cuts long lines.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub warning: Option<String>,
}

/// How far input is proven to have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Receipt {
    /// tmux wrote the bytes to the program's terminal.
    Written,
    /// The agent's composer showed it before Enter was pressed.
    Echoed,
}
