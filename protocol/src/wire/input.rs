//! Text, keys and images for a session.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Cursor;

/// At most this many bytes of text in one request.
pub const MAX_TEXT: usize = 1024 * 1024;

/// The query of `POST /api/sessions/{ref}/input`; the body is the text, any bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct SendText {
    /// Press Enter after the text.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub enter: bool,
    /// Images that were uploaded for this session: their ids with commas between. They come before the
    /// text, the way the provider takes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<String>,
    /// What becomes of a text with Enter for an agent that works, waits for a person, or has somebody's draft in
    /// its composer. Default: `queue` while it works, otherwise `refuse`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_busy: Option<IfBusy>,
    /// Refuse a text that the agent may take for anything but a prompt: a command of its own, a part of a draft, an
    /// answer. Needs `enter`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub plain: bool,
}

/// What becomes of a text for an agent that is busy. Programs that are no agents get every text at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum IfBusy {
    /// It is kept, and sent when the agent has nothing to do and the draft is gone; after a restart of the daemon, too.
    Queue,
    Refuse,
    /// It is typed at once: what the agent makes of it is its own affair.
    Now,
}

/// At most so many texts wait for an agent.
pub const MAX_QUEUED: usize = 16;

/// An image is at most this many bytes.
pub const MAX_IMAGE: usize = 10 * 1024 * 1024;
/// The images of one session are at most this many bytes.
pub const MAX_IMAGES: u64 = 256 * 1024 * 1024;

/// The answer to `POST /api/sessions/{ref}/images`, whose body is the image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Image {
    /// For [`SendText::images`].
    pub id: String,
    pub kind: ImageKind,
    pub bytes: u64,
    /// Where the agent finds it.
    pub path: PathBuf,
}

/// What the content is; names and declared types do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ImageKind {
    Png,
    Jpeg,
    Gif,
    Webp,
}

/// `POST /api/sessions/{ref}/keys`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct SendKeys {
    /// Key names as in [`crate::key::Key`].
    pub keys: Vec<String>,
}

/// `POST /api/sessions/{ref}/resize` takes a [`crate::Size`].
///
/// What is known about input that was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
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
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Receipt {
    /// It waits until the agent has nothing to do.
    Queued,
    /// tmux wrote the bytes to the program's terminal.
    Written,
    /// The agent's composer showed it before Enter was pressed.
    Echoed,
    /// The agent took it out of its composer, or said that a prompt was submitted.
    Submitted,
    /// The agent works on it.
    TurnStarted,
}
