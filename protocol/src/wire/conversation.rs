//! The conversation of a person and an agent, from the provider's transcript.
//!
//! The transcript is the source of truth; the daemon only stores where its entries are. Entries are numbered
//! from 0, and an entry that changes (when a tool's result arrives) gets the number of that revision.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The maximum number of entries in one answer.
pub const MAX_ENTRIES: u32 = 500;
/// The maximum length of an entry's texts, in bytes.
pub const LONGEST_TEXT: u32 = 4 * 1024 * 1024;

/// The query of `GET /api/sessions/{ref}/conversation`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct ReadConversation {
    /// Entries with a smaller number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u32>,
    /// Entries with a greater number, starting with the oldest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u32>,
    /// Entries that changed after this revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_after: Option<u32>,
    /// Maximum number of entries, the most recent ones.
    #[serde(default = "default_limit")]
    #[cfg_attr(test, ts(optional, as = "Option<u32>"))]
    pub limit: u32,
    /// Longer texts are cut to this length in bytes; see [`Entry::cut`].
    #[serde(default = "default_longest")]
    #[cfg_attr(test, ts(optional, as = "Option<u32>"))]
    pub longest: u32,
    /// The conversation of a subagent: [`ToolCall::agent`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
}

fn default_limit() -> u32 {
    100
}

fn default_longest() -> u32 {
    16 * 1024
}

impl Default for ReadConversation {
    fn default() -> Self {
        Self {
            before: None,
            after: None,
            changed_after: None,
            limit: default_limit(),
            longest: default_longest(),
            agent: None,
        }
    }
}

/// The answer to `GET /api/sessions/{ref}/conversation`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Conversation {
    /// The provider's id of the conversation; `null` while there is none.
    pub id: Option<String>,
    /// Changes when previously read entries are no longer valid.
    pub generation: u64,
    /// Increases with every change.
    pub revision: u32,
    /// The total number of entries.
    pub total: u32,
    pub usage: Usage,
    /// The model of the last answer.
    pub model: Option<String>,
    /// The number of transcript lines that are too long or not JSON.
    pub skipped: u32,
    /// Oldest first.
    pub entries: Vec<Entry>,
}

/// Tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Usage {
    /// All input tokens, including those read from or written to the cache.
    pub input: u64,
    /// Input tokens read from the cache.
    pub cached: u64,
    /// Input tokens written to the cache.
    pub cache_written: u64,
    /// All output tokens, including reasoning.
    pub output: u64,
}

impl Usage {
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self {
            input: self.input + other.input,
            cached: self.cached + other.cached,
            cache_written: self.cache_written + other.cache_written,
            output: self.output + other.output,
        }
    }

    /// What is more than in an earlier one.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            input: self.input.saturating_sub(earlier.input),
            cached: self.cached.saturating_sub(earlier.cached),
            cache_written: self.cache_written.saturating_sub(earlier.cache_written),
            output: self.output.saturating_sub(earlier.output),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Entry {
    pub number: u32,
    pub at: Option<Timestamp>,
    /// The revision in which the entry last changed.
    pub revision: u32,
    /// A text of the entry was longer than requested and is cut.
    pub cut: bool,
    #[serde(flatten)]
    pub said: Said,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Said {
    /// A message from a person.
    Prompt {
        text: String,
        images: Vec<String>,
    },
    /// A message from the agent, in Markdown.
    Text {
        text: String,
    },
    Thinking {
        text: String,
    },
    Tool(ToolCall),
    /// From neither person nor agent: a command of the program itself, its answer, or a hook's message.
    Note {
        text: String,
    },
    /// The conversation before was summarized; automatically or not, if known.
    Compacted {
        automatic: Option<bool>,
    },
    Interrupted {
        usage: Usage,
    },
    /// The model could not be reached, or refused the request.
    Failed {
        text: String,
    },
    ModelChanged {
        model: String,
    },
    TurnEnded {
        usage: Usage,
        model: Option<String>,
        duration_ms: Option<u64>,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ToolCall {
    /// The provider's id of the call.
    pub id: String,
    pub name: String,
    /// What the call is about, on one line: a command, a file, a pattern.
    pub target: Option<String>,
    /// The complete input: the command, or JSON.
    pub input: String,
    pub edits: Vec<Edit>,
    /// The subagent that works on the call.
    pub agent: Option<String>,
    /// `null` while the call is running, and if it was interrupted.
    pub result: Option<ToolResult>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ToolResult {
    pub at: Option<Timestamp>,
    pub text: String,
    /// The call was refused or failed.
    pub failed: bool,
    /// `GET /api/sessions/{ref}/conversation/images/{image}`.
    pub images: Vec<String>,
    /// The number of lines of the complete text.
    pub lines: u32,
}

/// A file that was changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Edit {
    pub path: String,
    pub added: u32,
    pub removed: u32,
    pub hunks: Vec<Hunk>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Hunk {
    /// The number of the first line before and after the change; `null` if the transcript does not contain it.
    pub old_start: Option<u32>,
    pub new_start: Option<u32>,
    /// Each line starts with a space, `-` or `+`.
    pub lines: Vec<String>,
}
