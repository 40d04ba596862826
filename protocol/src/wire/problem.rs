//! Errors on the wire: RFC 9457 `application/problem+json` with a stable code.

use serde::{Deserialize, Deserializer, Serialize};

use super::git::{FileDiff, GitOperation};
use super::session::Billing;

/// An error of the API. `detail` says what failed; `next` is what to do about it, as data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct Problem {
    pub code: Code,
    /// The HTTP status.
    pub status: u16,
    pub title: String,
    pub detail: String,
    /// Seconds until the request may be repeated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
    /// Attempts left before a wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tries_left: Option<u32>,
    /// What to do about it. Clients ignore steps that they do not know.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "known")]
    pub next: Option<Next>,
    /// With the code `changed`: what a file's differences are now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<Box<FileDiff>>,
}

/// A step that solves a problem. It names neither commands nor buttons: each client words it for its users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Next {
    ListSessions,
    StopSession {
        session: String,
    },
    ResumeSession {
        session: String,
    },
    /// Resume every session that ended with its tmux server.
    ResumeAll,
    ShowOutput {
        session: String,
    },
    /// Look at the session and press keys in it.
    Answer {
        session: String,
    },
    /// Send the text later or type it now.
    QueueOrType {
        session: String,
    },
    DropQueued {
        session: String,
    },
    /// Type the text although it may not become a prompt.
    TypeAnyway,
    /// Let the agent act without asking, by the session's own setting.
    AllowDangerous,
    ChooseBilling {
        billing: Billing,
    },
    /// Add an API key to an env set, or let a subscription pay.
    AddApiKey,
    UseBranch {
        branch: String,
    },
    CreateBranch {
        branch: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base: Option<Box<str>>,
    },
    ListEnvSets,
    ChangeEnvSet {
        name: String,
    },
    RemoveEnvSets,
    ListWorktrees,
    /// Delete the files that git ignores, too.
    DeleteIgnored {
        worktree: String,
    },
    /// Go on with what was begun in a repository, after its conflicts were resolved, if there are any; or give it up.
    FinishOperation {
        operation: GitOperation,
        conflicts: bool,
    },
    ListLogins,
    /// Get the one-time password that sets up the dashboard.
    SetUpDashboard,
    ResetPassword,
    StartDaemon,
    RestartDaemon,
    ShowDaemon,
    /// A daemon that does not answer: end its process and start another one.
    ReplaceDaemon {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pid: Option<i32>,
    },
    ChooseSocket,
    ChooseTmuxSocket,
    RunChecks,
    ShowJournalEvents,
    /// End the tmux server and every session in it.
    EndTmuxServer,
    GiveCertificateAndKey,
    SetPublicUrl,
    /// Serve the dashboard encrypted, or on loopback only.
    EncryptOrStayLocal {
        port: u16,
    },
    ChoosePort,
    StartWithoutDashboard,
}

/// Ignores a step that only a newer daemon knows.
pub(super) fn known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Next>, D::Error> {
    let value = Option::<serde_json::Value>::deserialize(deserializer)?;
    Ok(value.and_then(|value| serde_json::from_value(value).ok()))
}

impl Problem {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            status: code.status(),
            title: code.title().to_owned(),
            detail: detail.into(),
            retry_after: None,
            tries_left: None,
            next: None,
            diff: None,
        }
    }

    pub fn with_next(self, next: Next) -> Self {
        Self { next: Some(next), ..self }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Problem {}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $status:literal $exit:literal $title:literal,)*) => {
        /// The kind of error. Stable, for programs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(test, derive(ts_rs::TS))]
        #[serde(rename_all = "snake_case")]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            pub const ALL: &[Code] = &[$(Code::$name,)*];

            /// The HTTP status.
            pub fn status(self) -> u16 {
                match self { $(Code::$name => $status,)* }
            }

            /// The exit code of the command line.
            pub fn exit_code(self) -> u8 {
                match self { $(Code::$name => $exit,)* }
            }

            fn title(self) -> &'static str {
                match self { $(Code::$name => $title,)* }
            }
        }
    };
}

codes! {
    /// The request is malformed or has an invalid value.
    Invalid 400 2 "The request is not valid",
    /// The route or the session does not exist.
    NotFound 404 3 "Not found",
    /// The reference matches several sessions.
    Ambiguous 409 3 "The reference is ambiguous",
    /// The caller may not do this.
    Refused 403 6 "Refused",
    /// The session has ended.
    SessionEnded 409 7 "The session has ended",
    /// The session runs, and the request needs one that does not.
    SessionLive 409 1 "The session is running",
    /// Somebody else does something with the session or its worktree that has to end first.
    InUse 409 1 "In use",
    /// The name is in use.
    NameTaken 409 2 "The name is taken",
    /// Work would be lost that is nowhere else.
    UnsavedWork 409 1 "Work would be lost",
    /// The directory is in no git repository, or in one that cannot be used.
    NoRepository 404 1 "Not a git repository",
    /// What was chosen has changed since it was looked at.
    Changed 409 1 "Changed in the meantime",
    /// Two branches changed the same lines, and nothing was merged.
    Conflicts 409 1 "The branches conflict",
    /// Another program works on the repository.
    GitInUse 409 1 "git is in use",
    /// The program could not be started.
    LaunchFailed 422 1 "The program could not be started",
    /// The agent works, waits for a person or has a draft in its composer, and the text was not to be queued.
    Busy 409 1 "The agent is busy",
    /// The text was typed, and the program did not show that it took it: Enter was not pressed, or did nothing.
    NotTaken 409 1 "Not accepted",
    /// Somebody else was first, or the question is gone.
    AlreadyAnswered 409 1 "No longer open",
    /// The text or the body is larger than allowed.
    TooLarge 413 2 "Too large",
    /// The client speaks another protocol number.
    ProtocolMismatch 426 8 "Protocol version mismatch",
    /// tmux does not answer, or answered with an error.
    Tmux 503 1 "tmux failed",
    /// The operation timed out.
    Timeout 504 5 "Timed out",
    /// Not signed in: the cookie or the second secret is missing, or the login has ended.
    SignedOut 401 6 "Not signed in",
    /// The password or the code is wrong.
    WrongCredentials 401 6 "The password or the code is wrong",
    /// Wait for `retry_after` seconds.
    TooManyTries 429 6 "Too many tries",
    /// No password has been set yet.
    NotSetUp 409 1 "The dashboard is not set up",
    /// A password has already been set.
    AlreadySetUp 409 1 "The dashboard is already set up",
    /// Setup is in progress in another browser; `take_over` ends it.
    SetupUnderWay 409 1 "Another setup is under way",
    /// The token of a setup or change is unknown or has expired: start over.
    Expired 410 1 "Start over",
    /// The stored passwords cannot be read.
    WebClosed 503 1 "The dashboard is closed",
    /// The content is not an image in a supported format.
    NoImage 415 2 "Not an image",
    /// The route does not support this method.
    MethodNotAllowed 405 1 "Method not allowed",
    /// An unexpected error.
    Internal 500 1 "Internal error",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_is_stable() {
        let problem = Problem::new(Code::SessionEnded, "session a1b2c3d4 has ended");
        assert_eq!(
            serde_json::to_string(&problem).unwrap(),
            r#"{"code":"session_ended","status":409,"title":"The session has ended","detail":"session a1b2c3d4 has ended"}"#
        );
        let problem = problem.with_next(Next::ResumeSession { session: "a1b2c3d4".into() });
        let json = serde_json::to_value(&problem).unwrap();
        assert_eq!(json["next"], serde_json::json!({"step": "resume_session", "session": "a1b2c3d4"}));
        assert_eq!(serde_json::from_value::<Problem>(json).unwrap(), problem);
    }

    #[test]
    fn a_step_of_a_newer_daemon_is_left_out() {
        let json = r#"{"code":"busy","status":409,"title":"","detail":"x","next":{"step":"ask_the_moon"}}"#;
        assert_eq!(
            serde_json::from_str::<Problem>(json).unwrap(),
            Problem { title: String::new(), ..Problem::new(Code::Busy, "x") }
        );
    }
}
