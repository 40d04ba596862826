//! The first line of a rollout file.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value;

/// What it says of its conversation.
pub struct Meta {
    pub id: String,
    pub cwd: PathBuf,
    pub started: Timestamp,
    /// It is not a person's.
    pub of_subagent: bool,
}

pub fn session_meta(file: &Path) -> Option<Meta> {
    let mut line = String::new();
    BufReader::new(File::open(file).ok()?).read_line(&mut line).ok()?;
    let line: Value = serde_json::from_str(&line).ok()?;
    let payload = line.get("payload").filter(|_| line["type"] == "session_meta")?;
    let id = payload["id"].as_str()?.to_owned();
    let cwd = PathBuf::from(payload["cwd"].as_str()?);
    let started = payload["timestamp"].as_str().or(line["timestamp"].as_str())?.parse().ok()?;
    let of_subagent = payload["thread_source"] == "subagent" || payload["source"].get("subagent").is_some();
    Some(Meta { id, cwd, started, of_subagent })
}
