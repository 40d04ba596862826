//! Events: what happened, in the past tense.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::wire::auth::LoginId;
use crate::wire::conversation::Usage;
use crate::wire::session::{Activity, EvidenceSource, Exit, WaitingFor};
use crate::wire::stream::{GapReason, Lost};
use crate::{Cursor, SessionId, Size};

/// One event. On the wire: `{seq, at, session, source, kind, data}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Event {
    /// Grows with each event, by one as a rule, over all daemons.
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
    /// A browser that had signed in.
    Login(LoginId),
    /// The daemon's user, with this process.
    Process(Process),
}

/// A process that connected to the daemon's socket, as it was then.
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
    Input,
    Git,
    Auth,
    System,
}

impl Event {
    /// What happened, e.g. `session.ended`.
    pub fn kind(&self) -> &'static str {
        self.body.kind()
    }
}

/// What happened. A kind, once released, keeps its name and its fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "kind", content = "data")]
pub enum Body {
    #[serde(rename = "session.created")]
    SessionCreated { provider: String, name: Option<String>, cwd: String },
    #[serde(rename = "session.started")]
    SessionStarted { pid: i32, resumed: bool },
    #[serde(rename = "session.adopted")]
    SessionAdopted { pid: Option<i32> },
    #[serde(rename = "session.stop_requested")]
    SessionStopRequested { kill: bool },
    #[serde(rename = "session.ended")]
    SessionEnded { exit: Option<Exit>, cursor: Cursor },
    #[serde(rename = "session.renamed")]
    SessionRenamed { name: Option<String> },
    #[serde(rename = "session.removed")]
    SessionRemoved {},
    #[serde(rename = "session.activity_changed")]
    SessionActivityChanged {
        activity: Activity,
        waiting_for: Option<WaitingFor>,
        /// What it rests on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        proof: Option<Proof>,
    },
    /// Its agent uses another model from now on.
    #[serde(rename = "session.model_switched")]
    SessionModelSwitched { model: String },
    #[serde(rename = "terminal.resized")]
    TerminalResized { size: Size, cursor: Cursor },
    #[serde(rename = "terminal.gap_recorded")]
    TerminalGapRecorded { cursor: Cursor, reason: GapReason, lost: Lost },
    #[serde(rename = "terminal.bell_rang")]
    TerminalBellRang { cursor: Cursor },
    #[serde(rename = "terminal.notified")]
    TerminalNotified { title: Option<String>, text: String },
    #[serde(rename = "terminal.client_attached")]
    TerminalClientAttached { clients: u32 },
    #[serde(rename = "terminal.client_detached")]
    TerminalClientDetached { clients: u32 },
    #[serde(rename = "input.sent")]
    InputSent { bytes: u64, enter: bool, cursor: Cursor },
    /// A text waits until its agent has nothing to do; so many do now.
    #[serde(rename = "input.queued")]
    InputQueued { bytes: u64, queued: u32 },
    /// Texts that waited were not sent.
    #[serde(rename = "input.dropped")]
    InputDropped { texts: u32, reason: String },
    #[serde(rename = "hook.session_started")]
    HookSessionStarted(Hook),
    #[serde(rename = "hook.prompt_submitted")]
    HookPromptSubmitted(Hook),
    #[serde(rename = "hook.tool_announced")]
    HookToolAnnounced(Hook),
    #[serde(rename = "hook.permission_requested")]
    HookPermissionRequested(Hook),
    #[serde(rename = "hook.tool_used")]
    HookToolUsed(Hook),
    #[serde(rename = "hook.tool_failed")]
    HookToolFailed(Hook),
    #[serde(rename = "hook.notified")]
    HookNotified(Hook),
    #[serde(rename = "hook.turn_ended")]
    HookTurnEnded(Hook),
    #[serde(rename = "hook.turn_failed")]
    HookTurnFailed(Hook),
    #[serde(rename = "hook.subagent_started")]
    HookSubagentStarted(Hook),
    #[serde(rename = "hook.subagent_ended")]
    HookSubagentEnded(Hook),
    #[serde(rename = "hook.compaction_announced")]
    HookCompactionAnnounced(Hook),
    #[serde(rename = "hook.compacted")]
    HookCompacted(Hook),
    #[serde(rename = "hook.interrupted")]
    HookInterrupted(Hook),
    #[serde(rename = "hook.session_ended")]
    HookSessionEnded(Hook),
    /// A hook that this version does not know.
    #[serde(rename = "hook.received")]
    HookReceived(Hook),
    /// From here on its conversation is this one.
    #[serde(rename = "transcript.conversation_changed")]
    TranscriptConversationChanged {
        place: Place,
        /// What it says from before is not the session's own: it was said in one that this one continues.
        since: Timestamp,
    },
    #[serde(rename = "transcript.turn_ended")]
    TranscriptTurnEnded { place: Place, usage: Usage, model: Option<String>, duration_ms: Option<u64> },
    #[serde(rename = "transcript.interrupted")]
    TranscriptInterrupted { place: Place, usage: Usage },
    /// The model could not be reached, or refused.
    #[serde(rename = "transcript.api_failed")]
    TranscriptApiFailed { place: Place, text: String },
    #[serde(rename = "transcript.compacted")]
    TranscriptCompacted { place: Place, automatic: Option<bool> },
    #[serde(rename = "auth.agent_refused")]
    AuthAgentRefused { pid: i32, request: String },
    #[serde(rename = "auth.shim_refused")]
    AuthShimRefused { pid: i32, reason: String },
    #[serde(rename = "auth.set_up")]
    AuthSetUp {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        device: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        address: Option<String>,
    },
    #[serde(rename = "auth.signed_in")]
    AuthSignedIn { login: LoginId, device: String, address: Option<String> },
    #[serde(rename = "auth.sign_in_failed")]
    AuthSignInFailed { device: String, address: Option<String> },
    #[serde(rename = "auth.logins_ended")]
    AuthLoginsEnded {
        logins: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        by: Option<By>,
    },
    #[serde(rename = "auth.password_changed")]
    AuthPasswordChanged {
        login: Option<LoginId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        by: Option<By>,
    },
    #[serde(rename = "auth.mfa_changed")]
    AuthMfaChanged {
        login: Option<LoginId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        by: Option<By>,
    },
    #[serde(rename = "auth.recovery_codes_made")]
    AuthRecoveryCodesMade {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        by: Option<By>,
    },
    #[serde(rename = "system.daemon_started")]
    SystemDaemonStarted { version: String },
    #[serde(rename = "system.daemon_stopping")]
    SystemDaemonStopping {},
    #[serde(rename = "system.tmux_connected")]
    SystemTmuxConnected { version: String, server_pid: i32 },
    #[serde(rename = "system.tmux_lost")]
    SystemTmuxLost { reason: String, server_gone: bool },
    /// A part of what was stored cannot be read: so many bytes of output, and marks.
    #[serde(rename = "journal.damaged")]
    JournalDamaged { generation: u64, what: String, kept: Option<String>, lost_bytes: u64, lost_marks: u64 },
    /// The disk is full: nothing is stored.
    #[serde(rename = "journal.paused")]
    JournalPaused {},
    /// So many bytes were dropped since the daemon was started.
    #[serde(rename = "journal.resumed")]
    JournalResumed { dropped_bytes: u64 },
    #[serde(rename = "journal.writer_replaced")]
    JournalWriterReplaced {},
    /// What is stored goes on in a new generation.
    #[serde(rename = "journal.failed")]
    JournalFailed { what: String },
}

/// What proved a state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Proof {
    pub source: EvidenceSource,
    /// In words.
    pub what: String,
}

/// A place in a transcript: everything before it was told. The last event of a session carries where the
/// next daemon goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Place {
    /// The provider's id of the conversation.
    pub conversation: String,
    /// In bytes, behind a line.
    pub offset: u64,
    /// Of all that lies before it, FNV-1a with 64 bits, in hex.
    pub hash: String,
}

/// What a provider's hook said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Hook {
    /// The provider's own name of the event, e.g. `PreToolUse`.
    pub event: String,
    /// As the provider sent it.
    #[cfg_attr(test, ts(type = "unknown"))]
    pub payload: serde_json::Value,
}

impl Body {
    /// The event of a hook, by the name that Claude Code and Codex give it.
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

    /// As on the wire.
    pub fn kind(&self) -> &'static str {
        use Body::*;
        match self {
            SessionCreated { .. } => "session.created",
            SessionStarted { .. } => "session.started",
            SessionAdopted { .. } => "session.adopted",
            SessionStopRequested { .. } => "session.stop_requested",
            SessionEnded { .. } => "session.ended",
            SessionRenamed { .. } => "session.renamed",
            SessionRemoved { .. } => "session.removed",
            SessionActivityChanged { .. } => "session.activity_changed",
            SessionModelSwitched { .. } => "session.model_switched",
            TerminalResized { .. } => "terminal.resized",
            TerminalGapRecorded { .. } => "terminal.gap_recorded",
            TerminalBellRang { .. } => "terminal.bell_rang",
            TerminalNotified { .. } => "terminal.notified",
            TerminalClientAttached { .. } => "terminal.client_attached",
            TerminalClientDetached { .. } => "terminal.client_detached",
            InputSent { .. } => "input.sent",
            InputQueued { .. } => "input.queued",
            InputDropped { .. } => "input.dropped",
            HookSessionStarted(_) => "hook.session_started",
            HookPromptSubmitted(_) => "hook.prompt_submitted",
            HookToolAnnounced(_) => "hook.tool_announced",
            HookPermissionRequested(_) => "hook.permission_requested",
            HookToolUsed(_) => "hook.tool_used",
            HookToolFailed(_) => "hook.tool_failed",
            HookNotified(_) => "hook.notified",
            HookTurnEnded(_) => "hook.turn_ended",
            HookTurnFailed(_) => "hook.turn_failed",
            HookSubagentStarted(_) => "hook.subagent_started",
            HookSubagentEnded(_) => "hook.subagent_ended",
            HookCompactionAnnounced(_) => "hook.compaction_announced",
            HookCompacted(_) => "hook.compacted",
            HookInterrupted(_) => "hook.interrupted",
            HookSessionEnded(_) => "hook.session_ended",
            HookReceived(_) => "hook.received",
            TranscriptConversationChanged { .. } => "transcript.conversation_changed",
            TranscriptTurnEnded { .. } => "transcript.turn_ended",
            TranscriptInterrupted { .. } => "transcript.interrupted",
            TranscriptApiFailed { .. } => "transcript.api_failed",
            TranscriptCompacted { .. } => "transcript.compacted",
            AuthAgentRefused { .. } => "auth.agent_refused",
            AuthShimRefused { .. } => "auth.shim_refused",
            AuthSetUp { .. } => "auth.set_up",
            AuthSignedIn { .. } => "auth.signed_in",
            AuthSignInFailed { .. } => "auth.sign_in_failed",
            AuthLoginsEnded { .. } => "auth.logins_ended",
            AuthPasswordChanged { .. } => "auth.password_changed",
            AuthMfaChanged { .. } => "auth.mfa_changed",
            AuthRecoveryCodesMade { .. } => "auth.recovery_codes_made",
            SystemDaemonStarted { .. } => "system.daemon_started",
            SystemDaemonStopping { .. } => "system.daemon_stopping",
            SystemTmuxConnected { .. } => "system.tmux_connected",
            SystemTmuxLost { .. } => "system.tmux_lost",
            JournalDamaged { .. } => "journal.damaged",
            JournalPaused {} => "journal.paused",
            JournalResumed { .. } => "journal.resumed",
            JournalWriterReplaced {} => "journal.writer_replaced",
            JournalFailed { .. } => "journal.failed",
        }
    }

    /// Its place in the output of its session, if it has one.
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

    /// Its place in a transcript, if it has one.
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

    /// The hook, if this is one.
    pub fn as_hook(&self) -> Option<&Hook> {
        use Body::*;
        match self {
            HookSessionStarted(hook)
            | HookPromptSubmitted(hook)
            | HookToolAnnounced(hook)
            | HookPermissionRequested(hook)
            | HookToolUsed(hook)
            | HookToolFailed(hook)
            | HookNotified(hook)
            | HookTurnEnded(hook)
            | HookTurnFailed(hook)
            | HookSubagentStarted(hook)
            | HookSubagentEnded(hook)
            | HookCompactionAnnounced(hook)
            | HookCompacted(hook)
            | HookInterrupted(hook)
            | HookSessionEnded(hook)
            | HookReceived(hook) => Some(hook),
            _ => None,
        }
    }

    pub fn source(&self) -> Source {
        use Body::*;
        match self {
            SessionCreated { .. }
            | SessionStarted { .. }
            | SessionAdopted { .. }
            | SessionStopRequested { .. }
            | SessionEnded { .. }
            | SessionRenamed { .. }
            | SessionRemoved {}
            | SessionActivityChanged { .. }
            | SessionModelSwitched { .. } => Source::Session,
            TerminalResized { .. }
            | TerminalGapRecorded { .. }
            | TerminalBellRang { .. }
            | TerminalNotified { .. }
            | TerminalClientAttached { .. }
            | TerminalClientDetached { .. } => Source::Terminal,
            HookSessionStarted(_)
            | HookPromptSubmitted(_)
            | HookToolAnnounced(_)
            | HookPermissionRequested(_)
            | HookToolUsed(_)
            | HookToolFailed(_)
            | HookNotified(_)
            | HookTurnEnded(_)
            | HookTurnFailed(_)
            | HookSubagentStarted(_)
            | HookSubagentEnded(_)
            | HookCompactionAnnounced(_)
            | HookCompacted(_)
            | HookInterrupted(_)
            | HookSessionEnded(_)
            | HookReceived(_) => Source::Hook,
            TranscriptConversationChanged { .. }
            | TranscriptTurnEnded { .. }
            | TranscriptInterrupted { .. }
            | TranscriptApiFailed { .. }
            | TranscriptCompacted { .. } => Source::Transcript,
            InputSent { .. } | InputQueued { .. } | InputDropped { .. } => Source::Input,
            AuthAgentRefused { .. }
            | AuthShimRefused { .. }
            | AuthSetUp { .. }
            | AuthSignedIn { .. }
            | AuthSignInFailed { .. }
            | AuthLoginsEnded { .. }
            | AuthPasswordChanged { .. }
            | AuthMfaChanged { .. }
            | AuthRecoveryCodesMade { .. } => Source::Auth,
            SystemDaemonStarted { .. }
            | SystemDaemonStopping {}
            | SystemTmuxConnected { .. }
            | SystemTmuxLost { .. }
            | JournalDamaged { .. }
            | JournalPaused {}
            | JournalResumed { .. }
            | JournalWriterReplaced {}
            | JournalFailed { .. } => Source::System,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_those_of_the_wire() {
        for body in [
            Body::SessionRemoved {},
            Body::SessionStopRequested { kill: true },
            Body::hook(serde_json::json!({"hook_event_name": "PreToolUse"})),
            Body::hook(serde_json::json!({})),
        ] {
            assert_eq!(serde_json::to_value(&body).unwrap()["kind"], body.kind());
        }
    }

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
