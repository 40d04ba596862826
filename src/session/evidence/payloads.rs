//! How much of what a session's hooks say is kept in events: a hook in a loop must not take the place of all other events.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// So many bytes are kept a minute: at least the longest payload.
const KEPT: usize = 16 << 20;
const MINUTE: Duration = Duration::from_secs(60);
/// No name of an event or a tool is longer.
const LONGEST_NAME: usize = 64;

/// What was kept within this minute.
#[derive(Default)]
pub(super) struct Payloads {
    since: Option<Instant>,
    bytes: usize,
}

impl Payloads {
    /// What is kept of a payload of so many bytes: all of it, or which hook it was.
    pub(super) fn kept(&mut self, payload: Value, bytes: usize, now: Instant) -> Value {
        if self.since.is_none_or(|since| now.duration_since(since) >= MINUTE) {
            *self = Self { since: Some(now), bytes: 0 };
        }
        if self.bytes + bytes > KEPT {
            return without_content(&payload, bytes);
        }
        self.bytes += bytes;
        payload
    }
}

fn without_content(payload: &Value, bytes: usize) -> Value {
    let limit = KEPT >> 20;
    let why =
        format!("{bytes} bytes left out: the session's hooks had more than {limit} MiB within a minute");
    let mut kept = json!({ "left_out": why });
    for field in ["hook_event_name", "tool_name"] {
        if let Some(name) = payload[field].as_str().filter(|name| name.len() <= LONGEST_NAME) {
            kept[field] = name.into();
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_a_minutes_worth_is_left_out() {
        let (mut payloads, now) = (Payloads::default(), Instant::now());
        let payload = json!({"hook_event_name": "PostToolUse", "tool_name": "Bash", "tool_response": "x"});
        let half = KEPT / 2;
        assert_eq!(payloads.kept(payload.clone(), half, now), payload);
        assert_eq!(payloads.kept(payload.clone(), half, now), payload);
        let kept = payloads.kept(payload.clone(), 100, now);
        assert!(kept["left_out"].as_str().unwrap().starts_with("100 bytes left out"), "{kept}");
        assert_eq!((&kept["hook_event_name"], &kept["tool_name"]), (&json!("PostToolUse"), &json!("Bash")));
        assert!(kept["tool_response"].is_null());
        let long = json!({"hook_event_name": "x".repeat(1000)});
        assert!(payloads.kept(long, 1000, now).to_string().len() < 200);
        assert_eq!(payloads.kept(payload.clone(), half, now + MINUTE), payload);
    }
}
