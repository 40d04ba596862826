//! What a person and an agent said to each other, by the provider's own transcript.
//!
//! The transcript is the truth; the daemon keeps only where in it the entries lie. Entries have numbers
//! from 0 on, and one that changes (a tool's result comes) gets the number of the revision it changed in.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// At most this many entries in one answer.
pub const MAX_ENTRIES: u32 = 500;
/// Texts of an entry are at most this long, in bytes.
pub const LONGEST_TEXT: u32 = 4 * 1024 * 1024;

/// The query of `GET /api/sessions/{ref}/conversation`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct ReadConversation {
    /// Entries with a smaller number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u32>,
    /// Entries with a greater number; the oldest of them, not the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u32>,
    /// Entries that changed in a later revision than this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_after: Option<u32>,
    /// So many of the newest.
    #[serde(default = "default_limit")]
    #[cfg_attr(test, ts(optional, as = "Option<u32>"))]
    pub limit: u32,
    /// Longer texts are cut, in bytes; see [`Entry::cut`].
    #[serde(default = "default_longest")]
    #[cfg_attr(test, ts(optional, as = "Option<u32>"))]
    pub longest: u32,
    /// The conversation of a sub-agent: [`ToolCall::agent`].
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
    /// The provider's id of it; `null` while there is none.
    pub id: Option<String>,
    /// Another number: the entries that were known are no longer these.
    pub generation: u64,
    /// Grows with every change.
    pub revision: u32,
    /// So many entries there are.
    pub total: u32,
    pub usage: Usage,
    /// The one that answered last.
    pub model: Option<String>,
    /// Lines of the transcript that are longer than what is read, or no JSON.
    pub skipped: u32,
    /// Oldest first.
    pub entries: Vec<Entry>,
}

/// Tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Usage {
    /// All that went in, with what came from the cache or was written to it.
    pub input: u64,
    /// Of these, read from the cache.
    pub cached: u64,
    /// Of these, written to the cache.
    pub cache_written: u64,
    /// All that came out, with what was thought.
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
    /// The revision that it changed in last.
    pub revision: u32,
    /// A text of it was longer than asked for, and is cut.
    pub cut: bool,
    #[serde(flatten)]
    pub said: Said,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Said {
    /// A person's words.
    Prompt {
        text: String,
        images: Vec<String>,
    },
    /// The agent's words: Markdown.
    Text {
        text: String,
    },
    Thinking {
        text: String,
    },
    Tool(ToolCall),
    /// Neither person nor agent: a command of the program itself, its answer, a hook's word.
    Note {
        text: String,
    },
    /// What was said before was put into a summary; by itself, if that is known.
    Compacted {
        automatic: Option<bool>,
    },
    Interrupted {
        usage: Usage,
    },
    /// The model could not be reached, or refused.
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
    /// What it is about in one line: a command, a file, a pattern.
    pub target: Option<String>,
    /// All that it was given: the whole command, or JSON.
    pub input: String,
    pub edits: Vec<Edit>,
    /// The sub-agent that works on it.
    pub agent: Option<String>,
    /// `null` while it runs, and for ever when it was interrupted.
    pub result: Option<ToolResult>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ToolResult {
    pub at: Option<Timestamp>,
    pub text: String,
    /// It was refused, or ended with an error.
    pub failed: bool,
    /// `GET /api/sessions/{ref}/conversation/images/{image}`.
    pub images: Vec<String>,
    /// Lines of the whole text.
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
    /// The number of the first line, before and after; `null` when the transcript does not tell it.
    pub old_start: Option<u32>,
    pub new_start: Option<u32>,
    /// Each begins with a blank, `-` or `+`.
    pub lines: Vec<String>,
}
