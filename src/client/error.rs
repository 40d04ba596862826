use std::path::PathBuf;

use codepiper_protocol::wire::PROTOCOL;
use codepiper_protocol::wire::problem::{Code, Problem};

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("the daemon is not running: nothing answers on {}; start it with `codepiper daemon`", .0.display())]
    NotRunning(PathBuf),
    #[error("the socket {} belongs to user {uid}, and only an own daemon is trusted; see --socket", .socket.display())]
    Foreign { socket: PathBuf, uid: u32 },
    #[error("cannot connect to {}: {reason}", .socket.display())]
    Unreachable { socket: PathBuf, reason: String },
    /// The connection ended before the answer did.
    #[error("the daemon closed the connection; see `codepiper daemon status`")]
    Lost,
    /// It is there, and says nothing. What was asked of it.
    #[error(
        "the daemon does not answer ({0}); see its log, or end it and start it again: no session ends with it"
    )]
    Silent(String),
    #[error(
        "the daemon speaks protocol {0} and this command {PROTOCOL}; run `codepiper daemon restart` after \
         an update, or use the command of the daemon's version"
    )]
    OtherProtocol(u32),
    #[error("{0}")]
    Problem(Problem),
    #[error("the request cannot be written as JSON: {0}")]
    Request(serde_json::Error),
    #[error("the daemon's answer is not understood: {0}")]
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

    /// The daemon went away: it may come back.
    pub fn is_absence(&self) -> bool {
        matches!(self, ClientError::NotRunning(_) | ClientError::Lost)
    }
}
