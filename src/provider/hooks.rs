//! What programs tell by hooks.

use codepiper_protocol::event::Body;
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

    /// The conversation that goes on, where it proves another one than before.
    fn conversation(&self, _payload: &Value) -> Option<String> {
        None
    }

    /// The model that the program uses.
    fn model(&self, payload: &Value) -> Option<String> {
        Some(payload.get("model")?.as_str()?.to_owned())
    }
}

/// Of a provider without hooks. Its programs may start others that have some, and these are recorded.
pub struct Unread;

impl Hooks for Unread {
    fn meaning(&self, _: &Value) -> Option<Meaning> {
        None
    }
}
