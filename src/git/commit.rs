//! Commits of what is staged.

use std::ffi::OsStr;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use codepiper_protocol::wire::git::MakeCommit;
use codepiper_protocol::wire::problem::{Code, Problem};
use git2::{Commit, ErrorCode, Index, IndexConflict, Oid, Repository, RepositoryState};

use super::author::Identity;
use super::error::{Failure, changed, in_use, invalid};
use super::index::Unusual;
use super::name::text_of;
use super::operation;
use super::repo::Repo;

const LONGEST_MESSAGE: usize = 64 * 1024;
/// So many conflicted files are named.
const MOST_NAMED: usize = 5;

/// Commits the index, or replaces the last commit. No hook is run and nothing is signed: where that is asked for, it
/// is left to git itself.
pub fn commit(repo: &mut Repo, wanted: &MakeCommit) -> Result<Oid, Failure> {
    if wanted.message.contains('\0') {
        return Err(invalid("a message cannot contain a NUL byte"));
    }
    let message = git2::message_prettify(wanted.message.as_str(), None)?;
    if message.trim().is_empty() {
        return Err(invalid("a commit needs a message"));
    }
    if message.len() > LONGEST_MESSAGE {
        return Err(invalid(format!("the message has more than {LONGEST_MESSAGE} bytes")));
    }
    let identity = check(repo)?;
    let merged = merged_heads(repo)?;
    let git = &repo.git;
    let mut index = git.index()?;
    index.read(true)?;
    if index.has_conflicts() {
        return Err(Failure::Said(conflicted(git, &index)?));
    }
    // What is only announced is not staged. This index is not written.
    for path in Unusual::of(&index).announced {
        index.remove_path(Path::new(OsStr::from_bytes(&path)))?;
    }
    let tree = git.find_tree(index.write_tree()?)?;
    let last = match git.head().and_then(|head| head.peel_to_commit()) {
        Ok(commit) => Some(commit),
        Err(error) if matches!(error.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => None,
        Err(error) => return Err(error.into()),
    };
    let shown = wanted.last.as_ref();
    if shown.is_some_and(|shown| last.as_ref().is_none_or(|last| last.id().to_string() != *shown)) {
        return Err(changed("another commit is the last one now; nothing was done"));
    }
    if wanted.amend {
        let last = last.ok_or_else(|| invalid("there is no commit to amend yet"))?;
        if !merged.is_empty() {
            return Err(invalid("a merge is under way; commit it first"));
        }
        // The message is UTF-8, whatever the old one was.
        let encoding = last.message_encoding().ok().flatten().map(|_| "UTF-8");
        let id =
            last.amend(Some("HEAD"), None, Some(&identity.committer), encoding, Some(&message), Some(&tree))?;
        clean_up(git);
        return Ok(id);
    }
    let unchanged = last.as_ref().is_some_and(|last| last.tree_id() == tree.id());
    if merged.is_empty() && (unchanged || last.is_none() && tree.is_empty()) {
        return Err(invalid("nothing is staged"));
    }
    let merged = merged.into_iter().map(|id| git.find_commit(id)).collect::<Result<Vec<_>, _>>()?;
    let parents: Vec<&Commit> = last.iter().chain(&merged).collect();
    let id = git.commit(Some("HEAD"), &identity.author, &identity.committer, &message, &tree, &parents)?;
    clean_up(git);
    Ok(id)
}

/// What told git of a merge goes, and the message that a squashed one left for the commit. That is made by now.
fn clean_up(git: &Repository) {
    let cleaned = git.cleanup_state().map_err(|error| error.to_string());
    let message = match fs::remove_file(git.path().join("SQUASH_MSG")) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.to_string()),
        _ => Ok(()),
    };
    if let Err(error) = cleaned.and(message) {
        tracing::warn!(%error, "what told git of a merge stays");
    }
}

/// Who commits, unless only git itself can.
fn check(repo: &Repo) -> Result<Identity, Failure> {
    let git = &repo.git;
    let left = |what: &str| {
        Failure::Said(Problem::new(Code::Invalid, format!("{what}: use git itself in the terminal")))
    };
    match git.state() {
        RepositoryState::Clean | RepositoryState::Merge => {}
        _ => {
            let problem =
                Problem::new(Code::Invalid, "a rebase or the like is under way; git makes its commits");
            let conflicts = u32::from(git.index()?.has_conflicts());
            return Err(Failure::Said(finish(git, problem, conflicts)));
        }
    }
    if git.path().join("index.lock").exists() {
        return Err(in_use().into());
    }
    if git.path().join("MERGE_AUTOSTASH").exists() {
        return Err(left("this merge has put local changes aside, and brings them back when git commits it"));
    }
    Identity::of(git)
}

/// Names some of the files that are.
fn conflicted(git: &Repository, index: &Index) -> Result<Problem, Failure> {
    let sides = |conflict: IndexConflict| conflict.our.or(conflict.their).or(conflict.ancestor);
    let paths: Vec<String> =
        index.conflicts()?.flatten().filter_map(sides).map(|entry| text_of(&entry.path)).collect();
    let more = paths.len().saturating_sub(MOST_NAMED);
    let named = paths[..paths.len() - more].join(", ");
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let problem = Problem::new(Code::Invalid, format!("there are conflicts in {named}{more}"));
    Ok(finish(git, problem, paths.len() as u32))
}

/// With what ends that which is under way.
fn finish(git: &Repository, problem: Problem, conflicts: u32) -> Problem {
    match operation::operation(git) {
        Some(operation) => problem.with_next(operation::next(operation, conflicts)),
        None => problem,
    }
}

fn merged_heads(repo: &mut Repo) -> Result<Vec<Oid>, Failure> {
    let mut heads = Vec::new();
    if repo.git.state() == RepositoryState::Merge {
        repo.git.mergehead_foreach(|id| {
            heads.push(*id);
            true
        })?;
    }
    Ok(heads)
}
