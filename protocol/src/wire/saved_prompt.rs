//! Prompts that a person keeps, to send them again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The maximum length of a prompt's name, in characters.
pub const MAX_PROMPT_NAME: usize = 64;
/// The maximum length of its text, in bytes.
pub const MAX_PROMPT_TEXT: usize = 64 * 1024;
/// The maximum number of saved prompts.
pub const MAX_PROMPTS: usize = 500;

/// One entry of `GET /api/prompts`, which are in the order of their names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SavedPrompt {
    /// Unique, upper and lower case apart.
    pub name: String,
    pub text: String,
    pub changed_at: Timestamp,
}

/// `PUT /api/prompts/{name}` saves a prompt, or replaces its text. Answered with [`SavedPrompt`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct SavePrompt {
    pub text: String,
}

/// `PATCH /api/prompts/{name}`. Answered with [`SavedPrompt`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct RenamePrompt {
    /// The new name.
    pub name: String,
}
