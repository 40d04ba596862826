//! What programs tell by hooks.

use codepiper_protocol::event::Body;
use codepiper_protocol::wire::meters::Meters;
use jiff::Timestamp;
use serde_json::Value;

use super::Meaning;

/// What the payloads of a provider's hooks mean.
pub trait Hooks: Send + Sync {
    /// The event that tells of it: by the names that Claude Code has given, and that others took over.
    fn event(&self, payload: Value) -> Body {
        Body::hook(payload)
    }

    /// What it proves of the program's state; `None` when nothing.
    fn meaning(&self, payload: &Value) -> Option<Meaning>;

    /// What goes on by itself from now on; nothing, while a turn runs. `None` when the payload does not tell.
    fn left_running(&self, _payload: &Value) -> Option<LeftRunning> {
        None
    }

    /// The conversation that goes on, where it proves another one than before.
    fn conversation(&self, _payload: &Value) -> Option<String> {
        None
    }

    /// Where a command runs that a payload asks about, where something else proves what it leaves out. Reads files.
    fn workdir(&self, _payload: &Value) -> Option<String> {
        None
    }

    /// What a payload says was used: one of its status line, which is no hook.
    fn meters(&self, _payload: &Value, _at: Timestamp) -> Option<Meters> {
        None
    }

    /// The permission mode that the agent itself is in; not a sub-agent's.
    fn permission_mode(&self, payload: &Value) -> Option<String> {
        let mode = payload.get("permission_mode")?.as_str()?;
        let known =
            !mode.is_empty() && mode.len() <= 40 && mode.chars().all(|letter| letter.is_ascii_alphanumeric());
        (known && payload.get("agent_id").is_none()).then(|| mode.to_owned())
    }

    /// The model that the program uses.
    fn model(&self, payload: &Value) -> Option<String> {
        Some(payload.get("model")?.as_str()?.to_owned())
    }
}

/// What an agent has left running after its turn, as people read it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct LeftRunning {
    /// Commands and sub-agents.
    pub tasks: Vec<String>,
    /// Prompts that will come at their time.
    pub scheduled: Vec<String>,
}

/// Of a provider without hooks. Its programs may start others that have some, and these are recorded.
pub struct Unread;

impl Hooks for Unread {
    fn meaning(&self, _: &Value) -> Option<Meaning> {
        None
    }
}
