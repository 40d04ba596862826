//! What goes wrong with a repository, in words.

use codepiper_protocol::wire::problem::{Code, Problem};
use git2::{ErrorClass, ErrorCode};

/// An error of git's library, or one that says already what is wrong.
#[derive(Debug)]
pub enum Failure {
    Said(Problem),
    Git(git2::Error),
}

impl From<git2::Error> for Failure {
    fn from(error: git2::Error) -> Self {
        Self::Git(error)
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Said(problem)
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Said(problem) => problem,
            Failure::Git(error) if error.code() == git2::ErrorCode::Locked => in_use(),
            // git's library: "unsupported mandatory extension: 'link'".
            Failure::Git(error) if error.message().contains("unsupported mandatory extension") => {
                Problem::new(
                    Code::Invalid,
                    "this repository has a split or a sparse index, which CodePiper cannot read; turn that off with git itself",
                )
            }
            // "CRLF would be replaced by LF in 'f'".
            Failure::Git(error) if error.message().contains("would be replaced by") => Problem::new(
                Code::Invalid,
                format!(
                    "{}, which core.safecrlf of this repository forbids; change the ends of the lines in the file, or run \
                     `git config core.safecrlf warn`",
                    error.message()
                ),
            ),
            Failure::Git(error) => missing(&error)
                .unwrap_or_else(|| Problem::new(Code::Internal, format!("git: {}", error.message()))),
        }
    }
}

/// That an object is not there, and what to do, if this is what went wrong. Git's own program would fetch it.
pub fn missing(error: &git2::Error) -> Option<Problem> {
    let is_missing = (error.class(), error.code()) == (ErrorClass::Odb, ErrorCode::NotFound);
    let detail = || {
        format!(
            "{}; a partial clone lacks objects, and CodePiper fetches none: use git itself, or fetch all of them first",
            error.message()
        )
    };
    is_missing.then(|| Problem::new(Code::Invalid, detail()))
}

pub fn invalid(detail: impl Into<String>) -> Failure {
    Failure::Said(Problem::new(Code::Invalid, detail))
}

pub fn not_found(detail: impl Into<String>) -> Failure {
    Failure::Said(Problem::new(Code::NotFound, detail))
}

/// What was chosen is not there any more.
pub fn changed(detail: impl Into<String>) -> Failure {
    Failure::Said(Problem::new(Code::Changed, detail))
}

/// Git's own lock is held.
pub fn in_use() -> Problem {
    Problem::new(
        Code::GitInUse,
        "git is in use by another program (index.lock is there); nothing was changed. Try again when it has finished",
    )
}
