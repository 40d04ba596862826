//! Events: what happened, in the past tense.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::wire::session::{Activity, Exit, WaitingFor};
use crate::wire::stream::{GapReason, Lost};
use crate::{Cursor, SessionId, Size};

/// One event. On the wire: `{seq, at, session, source, kind, data}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Grows by one with each event of a daemon.
    pub seq: u64,
    pub at: Timestamp,
    pub session: Option<SessionId>,
    pub source: Source,
    #[serde(flatten)]
    pub body: Body,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// What happened. A kind, once released, keeps its name and its fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    SessionActivityChanged { activity: Activity, waiting_for: Option<WaitingFor> },
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
    #[serde(rename = "auth.agent_refused")]
    AuthAgentRefused { pid: i32, request: String },
    #[serde(rename = "auth.shim_refused")]
    AuthShimRefused { pid: i32, reason: String },
    #[serde(rename = "system.daemon_started")]
    SystemDaemonStarted { version: String },
    #[serde(rename = "system.daemon_stopping")]
    SystemDaemonStopping {},
    #[serde(rename = "system.tmux_connected")]
    SystemTmuxConnected { version: String, server_pid: i32 },
    #[serde(rename = "system.tmux_lost")]
    SystemTmuxLost { reason: String, server_gone: bool },
}

impl Body {
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
            | SessionActivityChanged { .. } => Source::Session,
            TerminalResized { .. }
            | TerminalGapRecorded { .. }
            | TerminalBellRang { .. }
            | TerminalNotified { .. }
            | TerminalClientAttached { .. }
            | TerminalClientDetached { .. } => Source::Terminal,
            InputSent { .. } => Source::Input,
            AuthAgentRefused { .. } | AuthShimRefused { .. } => Source::Auth,
            SystemDaemonStarted { .. }
            | SystemDaemonStopping {}
            | SystemTmuxConnected { .. }
            | SystemTmuxLost { .. } => Source::System,
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
