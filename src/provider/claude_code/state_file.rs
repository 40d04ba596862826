//! The file where a Claude Code writes about its own state. It is the only one to tell at once that a person refused or
//! interrupted, and the last one to tell that a turn is over. Undocumented.

use std::collections::BTreeMap;
use std::path::PathBuf;

use codepiper_protocol::wire::session::{Activity, WaitingFor};
use jiff::Timestamp;
use serde_json::Value;

use super::home;
use crate::provider::{Meaning, StateFile};

pub(super) const STATE_FILE: StateFile =
    StateFile { path, meaning, moved_to, left_running, version, written };

fn path(env: &BTreeMap<String, String>, pid: i32) -> PathBuf {
    home(env).join(format!("sessions/{pid}.json"))
}

fn meaning(content: &Value) -> Option<Meaning> {
    match content.get("status")?.as_str()? {
        "busy" => Some((Activity::Working, None)),
        // "shell": the turn is over, and commands run behind it.
        "idle" | "shell" => Some((Activity::Idle, None)),
        "waiting" => {
            let what = match content["waitingFor"].as_str().unwrap_or_default() {
                "input needed" => Some(WaitingFor::Question),
                "dialog open" => Some(WaitingFor::Dialog),
                "sandbox request" | "worker request" | "goal proposal" => Some(WaitingFor::Permission),
                // "permission prompt": it says so of plans too, and 2.1.197 of questions. The hook knows better.
                _ => None,
            };
            Some((Activity::Waiting, what))
        }
        _ => None,
    }
}

/// With its agent view, `←` and `/bg` move the conversation into a process of their own.
fn moved_to(content: &Value) -> Option<String> {
    let job = content.get("parkedJobId")?.as_str()?;
    Some(format!(
        "the conversation moved to Claude Code's background job {job}: `claude attach {job}` opens it, `claude stop {job}` \
         ends it"
    ))
}

fn left_running(content: &Value) -> Option<bool> {
    match content.get("status")?.as_str()? {
        "shell" => Some(true),
        "idle" => Some(false),
        _ => None,
    }
}

fn version(content: &Value) -> Option<String> {
    content["version"].as_str().filter(|version| version.len() <= 40).map(str::to_owned)
}

/// When the status was written: other parts change without it.
fn written(content: &Value) -> Option<Timestamp> {
    let written = content.get("statusUpdatedAt").or(content.get("updatedAt"))?;
    Timestamp::from_millisecond(written.as_i64()?).ok()
}
