//! Text, keys and images for a session.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Cursor;

/// The maximum length of a text, in bytes.
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
    /// The ids of images uploaded for this session, separated by commas. They are attached before the
    /// text, in the way the provider expects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<String>,
    /// What to do with a text while the agent is working, waiting for an answer, or has a draft in its composer; needs
    /// `enter`. Default: `queue` while it is working, otherwise `refuse`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub if_busy: Option<IfBusy>,
    /// Refuse a text that the agent may read as anything but a prompt: a command, a part of a draft, an answer. Needs
    /// `enter`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub plain: bool,
    /// Type the bytes as they are, at once: what a person pasted into a terminal. Excludes all other fields.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub raw: bool,
}

/// What to do with a text while the agent is busy. Programs that are not agents get every text at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum IfBusy {
    /// Send it once the agent is idle and the draft is gone, also after a daemon restart.
    Queue,
    Refuse,
    /// Type it at once; how the agent reads it is not checked.
    Now,
}

/// The maximum number of queued texts per session.
pub const MAX_QUEUED: usize = 16;

/// The maximum size of an image, in bytes.
pub const MAX_IMAGE: usize = 10 * 1024 * 1024;
/// The maximum total size of a session's images and files, in bytes.
pub const MAX_IMAGES: u64 = 256 * 1024 * 1024;

/// The answer to `POST /api/sessions/{ref}/images`, whose body is the image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Image {
    /// For [`SendText::images`].
    pub id: String,
    pub kind: ImageKind,
    pub bytes: u64,
    /// The path for the agent.
    pub path: PathBuf,
}

/// The format, determined from the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ImageKind {
    Png,
    Jpeg,
    Gif,
    Webp,
}

/// The maximum size of an uploaded file, in bytes.
pub const MAX_FILE: usize = 10 * 1024 * 1024;

/// The query of `POST /api/sessions/{ref}/files`, whose body is the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct UploadFile {
    /// What the file is called. It is kept under a name like this one.
    pub name: String,
}

/// The answer to `POST /api/sessions/{ref}/files`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct UploadedFile {
    pub bytes: u64,
    /// The path for the program.
    pub path: PathBuf,
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
/// The result of sending input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Sent {
    /// The end of the output before the text was written: reading from here misses nothing.
    pub cursor: Cursor,
    pub receipt: Receipt,
    /// A warning, e.g. that the terminal cuts long lines.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub warning: Option<String>,
}

/// How far input verifiably came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Receipt {
    /// Queued until the agent is idle.
    Queued,
    /// tmux wrote it to the program's terminal.
    Written,
    /// The agent's composer showed it before Enter was pressed.
    Echoed,
    /// The agent's composer is empty again, or a hook reported the prompt.
    Submitted,
    /// The agent is working on it.
    TurnStarted,
}
