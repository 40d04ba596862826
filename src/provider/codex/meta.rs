//! The first line of a rollout file.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value;

use crate::plain_file;

/// It has the instructions of the model, some ten KiB; a longer line is something else. In bytes.
const LONGEST: u64 = 1024 * 1024;

/// What it says of its conversation.
pub struct Meta {
    pub id: String,
    pub cwd: PathBuf,
    pub started: Timestamp,
    /// It is not a person's.
    pub of_subagent: bool,
}

pub fn session_meta(file: &Path) -> Option<Meta> {
    let line: Value = serde_json::from_slice(&plain_file::first_line(file, LONGEST).ok()?).ok()?;
    let payload = line.get("payload").filter(|_| line["type"] == "session_meta")?;
    let id = payload["id"].as_str()?.to_owned();
    let cwd = PathBuf::from(payload["cwd"].as_str()?);
    let started = payload["timestamp"].as_str().or(line["timestamp"].as_str())?.parse().ok()?;
    let of_subagent = payload["thread_source"] == "subagent" || payload["source"].get("subagent").is_some();
    Some(Meta { id, cwd, started, of_subagent })
}
