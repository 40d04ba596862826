//! What stands in a worktree and nowhere else.

use std::path::{Path, PathBuf};

use git2::{ObjectType, Oid, Repository, Status, StatusOptions};

use super::super::index::Unusual;
use super::branch_of;

/// Counting commits stops here.
pub const MOST_COMMITS: usize = 10_000;
/// Where the references are whose commits stay.
const KEEPING: [&str; 3] = ["refs/heads/", "refs/remotes/", "refs/tags/"];
/// Flags of the index: git was told not to look at a file.
const ASSUME_VALID: u16 = 1 << 15;
const SKIP_WORKTREE: u16 = 1 << 14;

/// Files with changes, and what git ignores; a new or ignored directory counts once.
pub fn changes(repository: &Repository) -> Result<(Vec<PathBuf>, Vec<PathBuf>), git2::Error> {
    use std::os::unix::ffi::OsStrExt;
    let mut options = StatusOptions::new();
    options.include_untracked(true).include_ignored(true).exclude_submodules(true);
    let statuses = repository.statuses(Some(&mut options))?;
    let unusual = Unusual::of(&repository.index()?);
    let (mut changed, mut ignored) = (vec![], vec![]);
    for entry in statuses.iter() {
        let path = PathBuf::from(std::ffi::OsStr::from_bytes(entry.path_bytes()));
        match entry.status() {
            // A directory with nothing but directories counts as ignored, too.
            Status::IGNORED if !holds_files(repository, &path) => {}
            Status::IGNORED => ignored.push(path),
            _ if unusual.explains(&entry) => {}
            _ => changed.push(path),
        }
    }
    changed.extend(unwatched(repository)?);
    Ok((changed, ignored))
}

/// Whether there is anything but directories at a path of the worktree. What cannot be read may hold something.
fn holds_files(repository: &Repository, path: &Path) -> bool {
    fn has_files(dir: &Path) -> bool {
        let Ok(mut entries) = std::fs::read_dir(dir) else { return true };
        entries.any(|entry| {
            let Ok(entry) = entry else { return true };
            !entry.file_type().is_ok_and(|kind| kind.is_dir()) || has_files(&entry.path())
        })
    }
    repository.workdir().is_none_or(|root| has_files(&root.join(path)))
}

/// Files that git was told not to look at, and that are not as committed.
fn unwatched(repository: &Repository) -> Result<Vec<PathBuf>, git2::Error> {
    use std::os::unix::ffi::OsStrExt;
    let Some(root) = repository.workdir() else { return Ok(vec![]) };
    let index = repository.index()?;
    let flagged = |entry: &git2::IndexEntry| {
        entry.flags & ASSUME_VALID != 0 || entry.flags_extended & SKIP_WORKTREE != 0
    };
    let differs = |entry: git2::IndexEntry| {
        let path = PathBuf::from(std::ffi::OsStr::from_bytes(&entry.path));
        let whole = root.join(&path);
        // One that is not there is lost already.
        let there = whole.symlink_metadata().is_ok();
        (there && Oid::hash_file(ObjectType::Blob, &whole).ok() != Some(entry.id)).then_some(path)
    };
    Ok(index.iter().filter(flagged).filter_map(differs).collect())
}

/// How many commits of HEAD are on no other branch, no remote's and under no tag.
pub fn own_commits(repository: &Repository) -> Result<usize, git2::Error> {
    let mut walk = repository.revwalk()?;
    if walk.push_head().is_err() {
        // Nothing is committed.
        return Ok(0);
    }
    let own = branch_of(repository).map(|branch| format!("refs/heads/{branch}"));
    for reference in repository.references()? {
        let reference = reference?;
        // Others keep commits for a while only: a stash, a bisection, what tools note down.
        let keeps = KEEPING.iter().any(|dir| reference.name_bytes().starts_with(dir.as_bytes()));
        if !keeps || reference.name().ok() == own.as_deref() {
            continue;
        }
        if let Ok(commit) = reference.peel_to_commit() {
            walk.hide(commit.id())?;
        }
    }
    Ok(walk.take(MOST_COMMITS).count())
}
