//! How a verb ends: its message and its exit code.

use std::fmt::Display;
use std::io;
use std::process::ExitCode;

use codepiper_protocol::wire::problem::{Next, Problem};

use super::next::hint;
use crate::client::ClientError;
use crate::tmux::find::LookError;

pub(super) type Outcome = Result<(), Failure>;

const EXIT_CODES: [&str; 9] = [
    "success",
    "failed",
    "invalid flag, directory, name or text",
    "session or another named thing not found, or ambiguous",
    "the daemon is not running",
    "timed out",
    "refused",
    "the session has ended",
    "the daemon speaks another protocol version",
];

/// The daemon is not running.
pub(super) const NOT_RUNNING: u8 = 4;
pub(super) const NOT_FOUND: u8 = 3;

/// The exit codes of a verb that works on one session.
pub(super) const OF_SESSIONS: &[usize] = &[0, 1, 2, 3, 4, 5, 6, 8];
/// The exit codes of a verb that works on a session that runs.
pub(super) const OF_LIVE_SESSIONS: &[usize] = &[0, 1, 2, 3, 4, 5, 6, 7, 8];
/// The exit codes of a verb that asks the daemon.
pub(super) const OF_DAEMON: &[usize] = &[0, 1, 2, 4, 5, 6, 8];
/// The exit codes of a verb that asks nobody.
pub(super) const LOCAL: &[usize] = &[0, 1, 2];

/// The table for a verb's help.
pub(super) fn exit_codes(codes: &[usize]) -> String {
    let lines: Vec<String> = codes.iter().map(|code| format!("  {code}  {}", EXIT_CODES[*code])).collect();
    format!("Exit codes:\n{}", lines.join("\n"))
}

/// Why a verb did not do what it was asked for.
#[derive(Debug)]
pub(super) enum Failure {
    /// One line for a person, what to do about it, and the exit code.
    Said { code: u8, message: String, hint: Option<String> },
    /// Everything has been said already.
    Silent { code: u8 },
    /// Nobody reads our output any more: a reason to stop, not an error.
    OutputClosed,
}

impl Failure {
    fn said(code: u8, message: impl Display) -> Self {
        Self::Said { code, message: message.to_string(), hint: None }
    }

    pub(super) fn new(message: impl Display) -> Self {
        Self::said(1, message)
    }

    pub(super) fn usage(message: impl Display) -> Self {
        Self::said(2, message)
    }

    pub(super) fn not_found(message: impl Display) -> Self {
        Self::said(3, message)
    }

    pub(super) fn not_running(message: impl Display) -> Self {
        Self::said(NOT_RUNNING, message)
    }

    pub(super) fn timeout(message: impl Display) -> Self {
        Self::said(5, message)
    }

    pub(super) fn ended(message: impl Display) -> Self {
        Self::said(7, message)
    }

    pub(super) fn with_next(self, next: Option<&Next>) -> Self {
        match self {
            Self::Said { code, message, .. } => Self::Said { code, message, hint: next.map(hint) },
            other => other,
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::said(error.exit_code(), &error).with_next(error.next().as_ref())
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        let next = match (error.downcast_ref::<Problem>(), error.downcast_ref::<LookError>()) {
            (Some(problem), _) => problem.next.as_ref(),
            (None, Some(LookError::Foreign { .. })) => Some(&Next::ChooseTmuxSocket),
            (None, _) => None,
        };
        Self::new(format_args!("{error:#}")).with_next(next)
    }
}

/// Errors of our own output; other I/O says on which thing it failed.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Self::new(format_args!("cannot write the output: {}", reason(&error))),
        }
    }
}

/// Says what is left to say.
pub(super) fn exit_code(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(()) | Err(Failure::OutputClosed) => ExitCode::SUCCESS,
        Err(Failure::Silent { code }) => ExitCode::from(code),
        Err(Failure::Said { code, message, hint }) => {
            super::output::error(&message);
            if let Some(hint) = hint {
                super::output::hint(&hint);
            }
            ExitCode::from(code)
        }
    }
}

/// A system error in words, without its number.
pub(super) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_lowercase(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use codepiper_protocol::wire::problem::Code;

    use super::*;

    #[test]
    fn every_outcome_has_its_code() {
        let code = |failure| match failure {
            Failure::Said { code, .. } => code,
            other => panic!("{other:?}"),
        };
        assert_eq!(code(ClientError::NotRunning("/x".into()).into()), 4);
        assert_eq!(code(ClientError::OtherProtocol(2).into()), 8);
        for (problem, exit) in
            [(Code::NotFound, 3), (Code::Ambiguous, 3), (Code::Refused, 6), (Code::SessionEnded, 7)]
        {
            assert_eq!(code(ClientError::Problem(Problem::new(problem, "x")).into()), exit);
        }
        assert_eq!(reason(&io::Error::from_raw_os_error(2)), "no such file or directory");
    }
}
