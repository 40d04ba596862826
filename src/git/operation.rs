//! What was begun in a repository and has not ended: a merge, a rebase.

use std::io::Read;
use std::path::Path;

use codepiper_protocol::wire::git::{GitOperation, GitProgress};
use codepiper_protocol::wire::problem::Next;
use git2::{Oid, Repository, RepositoryState};

use crate::plain_file;

/// Git's notes are short; nothing longer is read, in bytes.
const LONGEST_NOTE: u64 = 4096;
/// Where git keeps the notes of a rebase, and what it calls the number of the step and of the last one.
const REBASES: [(&str, &str, &str); 2] =
    [("rebase-merge", "msgnum", "end"), ("rebase-apply", "next", "last")];

pub fn operation(git: &Repository) -> Option<GitOperation> {
    use RepositoryState as State;
    match git.state() {
        State::Clean => None,
        State::Merge => Some(GitOperation::Merge),
        State::Rebase | State::RebaseInteractive | State::RebaseMerge => Some(GitOperation::Rebase),
        State::CherryPick | State::CherryPickSequence => Some(GitOperation::CherryPick),
        State::Revert | State::RevertSequence => Some(GitOperation::Revert),
        State::Bisect => Some(GitOperation::Bisect),
        State::ApplyMailbox | State::ApplyMailboxOrRebase => Some(GitOperation::ApplyMailbox),
    }
}

/// How far a rebase is, or patches that are applied.
pub fn progress(git: &Repository) -> Option<GitProgress> {
    REBASES.iter().find_map(|(dir, step, steps)| {
        let dir = git.path().join(dir);
        let number = |name: &str| note(&dir.join(name))?.parse().ok();
        let branch =
            note(&dir.join("head-name")).and_then(|name| Some(name.strip_prefix("refs/heads/")?.to_owned()));
        Some(GitProgress { branch, step: number(step)?, steps: number(steps)? })
    })
}

/// The branch that is rebased, and the commit that it still is at.
pub fn rebased(git: &Repository) -> Option<(String, Oid)> {
    let branch = progress(git)?.branch?;
    let commit = git.find_reference(&format!("refs/heads/{branch}")).ok()?.target()?;
    Some((branch, commit))
}

/// What ends it.
pub fn next(operation: GitOperation, conflicted: u32) -> Next {
    Next::FinishOperation { operation, conflicts: conflicted > 0 }
}

fn note(path: &Path) -> Option<String> {
    let mut text = String::new();
    plain_file::open_no_link(path).ok()?.take(LONGEST_NOTE).read_to_string(&mut text).ok()?;
    Some(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use codepiper_protocol::wire::git::ReadPage;

    use super::super::head::Head;
    use super::super::status::status;
    use super::super::tests::Sandbox;
    use super::*;

    #[test]
    fn a_rebase_says_how_far_it_is_and_what_is_next() {
        let sandbox = Sandbox::new();
        sandbox.write("f", "one\n");
        sandbox.commit_all();
        sandbox.git(["checkout", "-q", "-b", "topic/one"]);
        for text in ["two\n", "three\n"] {
            sandbox.write("f", text);
            sandbox.commit_all();
        }
        let before = Head::of(&sandbox.repo()).unwrap();
        sandbox.git(["checkout", "-q", "main"]);
        sandbox.write("f", "other\n");
        sandbox.commit_all();
        let look = || status(&sandbox.repo(), &ReadPage::default()).unwrap();
        let found = look();
        assert_eq!((found.operation, found.progress, found.next_step), (None, None, None));
        let next = |conflicts| Some(Next::FinishOperation { operation: GitOperation::Rebase, conflicts });
        for backend in ["--merge", "--apply"] {
            sandbox.git(["checkout", "-q", "topic/one"]);
            sandbox.try_git(["rebase", backend, "main"], b"");
            let found = look();
            assert_eq!(found.operation, Some(GitOperation::Rebase), "{backend}");
            let progress = GitProgress { branch: Some("topic/one".into()), step: 1, steps: 2 };
            assert_eq!(found.progress, Some(progress), "{backend}");
            assert_eq!((found.conflicted, found.next_step), (1, next(true)));
            // What is rebased is where it was, until that has ended.
            assert_eq!(Head::of(&sandbox.repo()).unwrap(), before);
            sandbox.write("f", "both\n");
            sandbox.git(["add", "f"]);
            assert_eq!(look().next_step, next(false));
            sandbox.git(["rebase", "--abort"]);
            assert_eq!(look().operation, None);
        }
        std::fs::create_dir(sandbox.path(".git/rebase-merge")).unwrap();
        for note in ["x".repeat(10_000), "-1".to_owned(), String::new()] {
            sandbox.write(".git/rebase-merge/msgnum", &note);
            sandbox.write(".git/rebase-merge/end", &note);
            assert_eq!(look().progress, None);
        }
    }
}
