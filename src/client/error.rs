use std::path::PathBuf;

use codepiper_protocol::wire::PROTOCOL;
use codepiper_protocol::wire::problem::{Code, Next, Problem};

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("the daemon is not running: nothing answers on {}", .0.display())]
    NotRunning(PathBuf),
    #[error("the socket {} belongs to another user (uid {uid}) and is not trusted", .socket.display())]
    Foreign { socket: PathBuf, uid: u32 },
    #[error("cannot connect to {}: {reason}", .socket.display())]
    Unreachable { socket: PathBuf, reason: String },
    /// The connection ended before the answer did.
    #[error("the daemon closed the connection")]
    Lost,
    /// It is there, and says nothing. What was asked of it.
    #[error("the daemon does not answer ({0}); see its log, or end and restart it: sessions keep running")]
    Silent(String),
    #[error("the daemon speaks protocol {0}, and this client {PROTOCOL}; use the same version for both")]
    OtherProtocol(u32),
    #[error("{0}")]
    Problem(Problem),
    #[error("cannot write the request as JSON: {0}")]
    Request(serde_json::Error),
    #[error("invalid answer from the daemon: {0}")]
    Answer(String),
}

impl ClientError {
    /// The exit code of the command line.
    pub fn exit_code(&self) -> u8 {
        match self {
            ClientError::NotRunning(_) | ClientError::Lost => 4,
            ClientError::Silent(_) => Code::Timeout.exit_code(),
            ClientError::Foreign { .. } => Code::Refused.exit_code(),
            ClientError::OtherProtocol(_) => Code::ProtocolMismatch.exit_code(),
            ClientError::Problem(problem) => problem.code.exit_code(),
            ClientError::Request(_) => Code::Invalid.exit_code(),
            ClientError::Unreachable { .. } | ClientError::Answer(_) => 1,
        }
    }

    /// What to do about it.
    pub fn next(&self) -> Option<Next> {
        match self {
            ClientError::NotRunning(_) => Some(Next::StartDaemon),
            ClientError::Foreign { .. } => Some(Next::ChooseSocket),
            ClientError::Lost => Some(Next::ShowDaemon),
            ClientError::OtherProtocol(_) => Some(Next::RestartDaemon),
            ClientError::Problem(problem) => problem.next.clone(),
            _ => None,
        }
    }

    /// The daemon went away: it may come back.
    pub fn is_absence(&self) -> bool {
        matches!(self, ClientError::NotRunning(_) | ClientError::Lost)
    }
}
