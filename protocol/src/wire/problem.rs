//! Errors on the wire: RFC 9457 `application/problem+json` with a stable code.

use serde::{Deserialize, Serialize};

/// An error of the API. `detail` says what failed, on which thing, and what to do next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields))]
pub struct Problem {
    pub code: Code,
    /// The HTTP status.
    pub status: u16,
    pub title: String,
    pub detail: String,
    /// Seconds until it may be tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
    /// Tries that are left until one has to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tries_left: Option<u32>,
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
        }
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
        /// What kind of error it is: stable, for programs.
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
    /// The request cannot be understood, or names something that cannot be.
    Invalid 400 2 "The request is not valid",
    /// The route or the session does not exist.
    NotFound 404 3 "Not found",
    /// The reference fits several sessions.
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
    /// The program could not be started.
    LaunchFailed 422 1 "The program could not be started",
    /// The agent works, waits for a person or has a draft in its composer, and the text was not to be queued.
    Busy 409 1 "The agent is busy",
    /// The text was typed, and the program did not show that it took it: Enter was not pressed, or did nothing.
    NotTaken 409 1 "The text was not taken",
    /// The text or the body is larger than allowed.
    TooLarge 413 2 "Too large",
    /// The client speaks another protocol number.
    ProtocolMismatch 426 8 "Another protocol version",
    /// tmux does not answer, or answered with an error.
    Tmux 503 1 "tmux failed",
    /// A limit in time was reached.
    Timeout 504 5 "Timed out",
    /// Nobody is signed in: the cookie or the second secret is missing, or the login has ended.
    SignedOut 401 6 "Nobody is signed in",
    /// The password or the code is wrong.
    WrongCredentials 401 6 "The password or the code is wrong",
    /// Wait for `retry_after` seconds.
    TooManyTries 429 6 "Too many tries",
    /// There is no password yet.
    NotSetUp 409 1 "The dashboard is not set up",
    /// There is a password already.
    AlreadySetUp 409 1 "The dashboard is set up already",
    /// Another browser began the set-up; `take_over` ends it.
    SetupUnderWay 409 1 "Another set-up is under way",
    /// The token of a set-up or a change is not known, or too old: begin again.
    Expired 410 1 "Begin again",
    /// What was set up cannot be read.
    WebClosed 503 1 "The dashboard is closed",
    /// The content is no image of a kind that is taken.
    NoImage 415 2 "Not an image",
    /// The method does not exist on this route.
    MethodNotAllowed 405 1 "Method not allowed",
    /// Something that should not happen.
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
    }
}
