//! What git says about a directory.
//!
//! | module | what |
//! |--------|------|
//! | [`repo`]     | opening a repository, and files in its work tree |
//! | [`name`]     | names of files and commits that cannot be bad |
//! | [`base`]     | the states that can be compared |
//! | [`status`]   | what differs from the last commit |
//! | [`operation`] | what was begun and has not ended |
//! | [`head`]     | what is checked out, how it moves, and how much changed since a session began |
//! | [`history`]  | branches, the log, single commits |
//! | [`diff`]     | what differs between two states: files, lines |
//! | [`content`]  | what a file has in a state: bytes, lines, an image |
//! | [`hunk`]     | hunks, their names, pages of lines |
//! | [`words`]    | which words of a line changed |
//! | [`choose`]   | the content of a file with some changes taken |
//! | [`index`]    | changes of the index, and unusual entries |
//! | [`stage`]    | into the index and out of it |
//! | [`place`]    | what lies at a path of the work tree |
//! | [`discard`]  | out of the work tree, and back |
//! | [`author`]   | who makes a commit |
//! | [`commit`]   | commits of what is staged |
//! | [`snapshot`] | the work tree as a tree, kept by a reference |
//! | [`seen`]     | what was seen, by all devices or by one |
//! | [`kept`]     | what is kept of sessions, and how much that takes |
//! | [`review`]   | comments on differences |
//! | [`anchor`]   | where quoted lines are after a file has changed |
//! | [`watch`]    | when something changes |
//! | [`turns`]    | how much is done at once |
//! | [`worktree`] | worktrees for sessions |
//!
//! All of it reads and writes files: it is called where a thread may wait.

mod anchor;
mod author;
pub mod base;
mod choose;
pub mod commit;
pub mod content;
pub mod diff;
pub mod discard;
pub mod error;
pub mod head;
pub mod history;
mod hunk;
mod index;
pub mod kept;
mod name;
pub mod operation;
mod place;
pub mod repo;
pub mod review;
pub mod seen;
pub mod snapshot;
pub mod stage;
pub mod status;
#[cfg(test)]
mod tests;
pub mod turns;
pub mod watch;
mod words;
pub mod worktree;

use std::path::{Path, PathBuf};

use self::repo::discover;

/// The branch that is checked out in `dir`, or the short id of a detached head. `None` outside of a
/// work tree.
pub fn branch(dir: &Path) -> Option<String> {
    let repository = discover(dir).ok()?;
    // A branch without a commit has a name already, but no target.
    let head = repository.find_reference("HEAD").ok()?;
    if let Ok(Some(target)) = head.symbolic_target() {
        return Some(target.strip_prefix("refs/heads/").unwrap_or(target).to_owned());
    }
    head.target().map(|id| id.to_string()[..8].to_owned())
}

/// The root of the work tree that `dir` lies in, and its branch.
pub fn work_tree(dir: &Path) -> Option<(PathBuf, Option<String>)> {
    let root = discover(dir).ok()?.workdir()?.to_owned();
    let root = root.components().collect();
    Some((root, branch(dir)))
}

/// The names of local branches, sorted, at most so many.
pub fn branches(dir: &Path, most: usize) -> Vec<String> {
    let Ok(repository) = discover(dir) else { return vec![] };
    let Ok(branches) = repository.branches(Some(git2::BranchType::Local)) else { return vec![] };
    let names = branches.filter_map(|branch| Some(branch.ok()?.0.name().ok()??.to_owned()));
    let mut names: Vec<String> = names.take(most).collect();
    names.sort_unstable();
    names
}

/// How many files differ from the last commit, untracked ones too; a new directory counts once.
pub fn changed_files(dir: &Path) -> Option<u32> {
    let repository = discover(dir).ok()?;
    let mut options = git2::StatusOptions::new();
    options.include_untracked(true).include_ignored(false).exclude_submodules(true);
    let statuses = repository.statuses(Some(&mut options)).ok()?;
    u32::try_from(statuses.len()).ok()
}
