//! Events: what happened, in the past tense.

mod description;
mod table;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

pub use self::description::Description;
pub use self::table::Body;
use crate::wire::auth::LoginId;
use crate::wire::session::EvidenceSource;
use crate::{Cursor, SessionId};

/// An event: `{seq, at, session, source, kind, data}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Event {
    /// Increases with each event, normally by one, across daemon restarts.
    pub seq: u64,
    pub at: Timestamp,
    pub session: Option<SessionId>,
    pub source: Source,
    #[serde(flatten)]
    pub body: Body,
}

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// A browser that was signed in.
    Login(LoginId),
    /// A process of the daemon's user.
    Process(Process),
}

/// A process that connected to the daemon's socket, at that time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Process {
    pub pid: i32,
    /// Its name and those of its parents, nearest first: `codepiper < bash < sshd`.
    pub names: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Source {
    Hook,
    Transcript,
    Terminal,
    Session,
    Policy,
    Ask,
    Notification,
    Input,
    Git,
    Auth,
    System,
}

impl Source {
    pub const ALL: [Source; 11] = {
        use Source::*;
        [Hook, Transcript, Terminal, Session, Policy, Ask, Notification, Input, Git, Auth, System]
    };

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Source::Hook => "hook",
            Source::Transcript => "transcript",
            Source::Terminal => "terminal",
            Source::Session => "session",
            Source::Policy => "policy",
            Source::Ask => "ask",
            Source::Notification => "notification",
            Source::Input => "input",
            Source::Git => "git",
            Source::Auth => "auth",
            Source::System => "system",
        }
    }
}

impl Event {
    /// What happened, e.g. `session.ended`.
    pub fn kind(&self) -> &'static str {
        self.body.kind()
    }
}

/// An event as the API sends it: with its description. Rust clients derive the description from the event.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(rename = "Event"))]
pub struct DescribedEvent<'a> {
    #[serde(flatten)]
    pub event: &'a Event,
    pub description: Description,
}

/// For fields that hold an event.
pub(crate) fn described<S: Serializer>(event: &Event, serializer: S) -> Result<S::Ok, S::Error> {
    DescribedEvent::from(event).serialize(serializer)
}

/// For fields that hold events.
pub(crate) fn all_described<S: Serializer>(events: &[Event], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(events.iter().map(DescribedEvent::from))
}

impl<'a> From<&'a Event> for DescribedEvent<'a> {
    fn from(event: &'a Event) -> Self {
        Self { event, description: event.body.describe() }
    }
}

/// The evidence for a state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Proof {
    pub source: EvidenceSource,
    /// In words.
    pub what: String,
}

/// A position in a transcript, up to which events were recorded. The last event of a session says where the
/// next daemon continues.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Place {
    /// The provider's id of the conversation.
    pub conversation: String,
    /// In bytes, at the end of a line.
    pub offset: u64,
    /// The 64-bit FNV-1a hash of everything before it, in hex.
    pub hash: String,
}

/// The payload of a provider's hook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Hook {
    /// The provider's name of the event, e.g. `PreToolUse`.
    pub event: String,
    /// As the provider sent it.
    #[cfg_attr(test, ts(type = "unknown"))]
    pub payload: serde_json::Value,
}

impl Body {
    /// The event of a hook, by its name in Claude Code and Codex.
    pub fn hook(payload: serde_json::Value) -> Self {
        let name = payload.get("hook_event_name").and_then(serde_json::Value::as_str);
        let event = name.unwrap_or_default().to_owned();
        let hook = Hook { event, payload };
        match hook.event.as_str() {
            "SessionStart" => Self::HookSessionStarted(hook),
            "UserPromptSubmit" => Self::HookPromptSubmitted(hook),
            "PreToolUse" => Self::HookToolAnnounced(hook),
            "PermissionRequest" => Self::HookPermissionRequested(hook),
            "PostToolUse" => Self::HookToolUsed(hook),
            "PostToolUseFailure" => Self::HookToolFailed(hook),
            "Notification" => Self::HookNotified(hook),
            "Stop" => Self::HookTurnEnded(hook),
            "StopFailure" => Self::HookTurnFailed(hook),
            "SubagentStart" => Self::HookSubagentStarted(hook),
            "SubagentStop" => Self::HookSubagentEnded(hook),
            "PreCompact" => Self::HookCompactionAnnounced(hook),
            "PostCompact" => Self::HookCompacted(hook),
            "Interrupt" => Self::HookInterrupted(hook),
            "SessionEnd" => Self::HookSessionEnded(hook),
            _ => Self::HookReceived(hook),
        }
    }

    /// Its position in the output of its session, if it has one.
    pub fn cursor(&self) -> Option<Cursor> {
        use Body::*;
        match self {
            SessionEnded { cursor, .. }
            | TerminalResized { cursor, .. }
            | TerminalGapRecorded { cursor, .. }
            | TerminalBellRang { cursor }
            | InputSent { cursor, .. } => Some(*cursor),
            _ => None,
        }
    }

    /// Its position in a transcript, if it has one.
    pub fn place(&self) -> Option<&Place> {
        use Body::*;
        match self {
            TranscriptConversationChanged { place, .. }
            | TranscriptTurnEnded { place, .. }
            | TranscriptInterrupted { place, .. }
            | TranscriptApiFailed { place, .. }
            | TranscriptCompacted { place, .. } => Some(place),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_form_has_six_fields() {
        let body = Body::SessionRenamed { name: Some("x".into()) };
        let event = Event {
            seq: 7,
            at: "2026-11-22T10:00:00.123Z".parse().unwrap(),
            session: None,
            source: body.source(),
            body,
        };
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(
            json,
            r#"{"seq":7,"at":"2026-11-22T10:00:00.123Z","session":null,"source":"session","kind":"session.renamed","data":{"name":"x"}}"#
        );
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
    }
}
