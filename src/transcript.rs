//! Provider transcripts: what a person and an agent said to each other, and what it cost. What a line says is the
//! provider's own: a [`Dialect`].
//!
//! | module | what |
//! |--------|------|
//! | [`diff`]  | edits as hunks |
//! | [`image`] | images among a line |
//! | [`index`] | where in a file the entries of a conversation lie |
//! | [`file`]  | follows a file that grows, is cut in the middle of a line, or is replaced |
//! | [`told`]  | what of it was told before |
//!
//! The file is the truth: the index can be made anew from it at any time. A line that is no JSON, or that
//! is not known, is no error.

pub mod diff;
mod file;
pub mod image;
mod index;
mod shorten;
mod told;

pub use file::{LONGEST_LINE, News, Transcript, place};
pub use index::Happening;
pub use told::Told;

use codepiper_protocol::wire::conversation::{Edit, Said, ToolResult, Usage};
use codepiper_protocol::wire::meters::Meters;
use codepiper_protocol::wire::session::UsageLimit;
use jiff::Timestamp;
use serde_json::Value;

/// How an agent writes its transcripts.
#[derive(Clone, Copy, Debug)]
pub struct Dialect {
    /// What one line says.
    pub line: fn(&Value) -> Line,
    /// Whether the end of every turn is written.
    pub tells_ends_of_turns: bool,
    /// Where its sub-agents have transcripts of their own.
    pub sub_agents: Option<SubAgents>,
}

/// Transcripts of sub-agents: files in a folder beside the agent's own, which is named like that without its extension.
#[derive(Clone, Copy, Debug)]
pub struct SubAgents {
    pub folder: &'static str,
    /// What stands before the sub-agent's id in the file's name.
    pub prefix: &'static str,
    /// The tools that start one.
    pub tools: &'static [&'static str],
    /// True when a line begins a sub-agent's transcript with this prompt.
    pub begins_with: fn(line: &[u8], prompt: &str) -> bool,
}

/// What one line says.
#[derive(Debug, Default, PartialEq)]
pub struct Line {
    pub at: Option<Timestamp>,
    /// The model that answers.
    pub model: Option<String>,
    /// Tokens of an answer, with its id: several lines may tell of one answer, and the last one counts.
    pub usage: Option<(String, Usage)>,
    /// What was used of the context and of the quota.
    pub meters: Option<Meters>,
    /// The version of the program that began to write.
    pub version: Option<String>,
    /// The usage limit that ended the turn.
    pub limit: Option<UsageLimit>,
    pub pieces: Vec<Piece>,
}

#[derive(Debug, PartialEq)]
pub enum Piece {
    /// Stands by itself.
    Said(Said),
    /// Belongs to a tool's call.
    Result(Outcome),
}

/// What became of a tool's call.
#[derive(Debug, Default, PartialEq)]
pub struct Outcome {
    pub call: String,
    pub result: ToolResult,
    /// What was changed, where the result knows it better than the call.
    pub edits: Vec<Edit>,
    pub agent: Option<String>,
}

/// What a line says; `None` when it is no JSON.
pub fn parse(dialect: &Dialect, line: &[u8]) -> Option<Line> {
    let value: Value = serde_json::from_slice(line).ok()?;
    Some((dialect.line)(&value))
}

/// A field, if it is a text.
pub fn text_of<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    value.get(field)?.as_str()
}

/// When a line was written.
pub fn timestamp(line: &Value) -> Option<Timestamp> {
    text_of(line, "timestamp")?.parse().ok()
}

pub fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_end().to_owned()
}

/// The result of a call, with its lines counted.
pub fn result(at: Option<Timestamp>, text: String, failed: bool, images: Vec<String>) -> ToolResult {
    let lines = text.lines().count() as u32;
    ToolResult { at, text, failed, images, lines }
}

/// What a tool is about, in one line, by the names that its arguments mostly have.
pub fn target(input: &Value) -> Option<String> {
    const NAMES: [&str; 13] = [
        "command",
        "cmd",
        "file_path",
        "notebook_path",
        "path",
        "pattern",
        "url",
        "query",
        "description",
        "prompt",
        "question",
        "skill",
        "task_id",
    ];
    let named = |value: &Value| NAMES.iter().find_map(|name| text_of(value, name)).map(first_line);
    named(input).or_else(|| named(input.get("questions")?.get(0)?))
}
