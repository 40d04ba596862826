//! Repositories in what git ignores: an agent may have cloned one there, or made a worktree.

use std::fs;
use std::path::{Path, PathBuf};

use codepiper_protocol::wire::problem::Problem;
use git2::{Repository, RepositoryState};

use super::super::repo;
use super::unsaved::{MOST_COMMITS, changes, own_commits};
use super::{branch_of, some_of, unsaved};

/// So many directories are looked into.
const MOST_DIRECTORIES: usize = 200_000;

/// # Errors
/// When a repository below one of the paths has work that is nowhere else: which, and what.
pub fn nothing_is_lost_below(root: &Path, ignored: &[PathBuf]) -> Result<(), Problem> {
    let mut left: Vec<PathBuf> = ignored.iter().map(|path| root.join(path)).collect();
    left.retain(|path| path.symlink_metadata().is_ok_and(|meta| meta.is_dir()));
    let mut seen = 0;
    while let Some(dir) = left.pop() {
        let shown = dir.strip_prefix(root).unwrap_or(&dir).components().collect::<PathBuf>();
        let shown = format!("{}, which git ignores in {},", shown.display(), root.display());
        seen += 1;
        if seen > MOST_DIRECTORIES {
            return Err(unsaved(format!(
                "{shown} has too many directories to look for repositories; delete it yourself"
            )));
        }
        let entries = fs::read_dir(&dir).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
        let entries = entries
            .map_err(|error| unsaved(format!("{shown} cannot be searched for repositories: {error}")))?;
        for entry in entries {
            if entry.file_name() == ".git" {
                if let Some(work) = work_in(&dir) {
                    return Err(unsaved(format!(
                        "{shown} is a repository with {work}; save that elsewhere, or delete {}",
                        dir.display()
                    )));
                }
            } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                left.push(entry.path());
            }
        }
    }
    Ok(())
}

/// What is in a repository and nowhere else.
fn work_in(dir: &Path) -> Option<String> {
    let unknown = |error: git2::Error| format!("what git cannot tell ({})", error.message());
    let repository = match repo::open(dir) {
        Ok(repository) => repository,
        Err(error) => return Some(unknown(error)),
    };
    let found = changes(&repository).and_then(|(changed, _)| Ok((changed, commits(&repository, dir)?)));
    match found {
        Err(error) => Some(unknown(error)),
        Ok((changed, _)) if !changed.is_empty() => {
            Some(format!("uncommitted changes: {}", some_of(&changed)))
        }
        Ok(_) if repository.state() != RepositoryState::Clean => {
            Some("a merge or a rebase in progress".to_owned())
        }
        Ok((_, 0)) => None,
        Ok((_, commits)) => Some(format!("commits that are nowhere else ({commits})")),
    }
}

/// How many commits go with the directory.
fn commits(repository: &Repository, dir: &Path) -> Result<usize, git2::Error> {
    if repository.is_worktree() {
        return if branch_of(repository).is_none() { own_commits(repository) } else { Ok(0) };
    }
    let git_is_within = dir.canonicalize().is_ok_and(|dir| repository.path().starts_with(dir));
    if !git_is_within {
        return Ok(0);
    }
    let mut walk = repository.revwalk()?;
    walk.push_glob("refs/heads/*")?;
    for name in ["HEAD", "refs/stash"] {
        let found = repository.find_reference(name).and_then(|found| found.peel_to_commit());
        found.map_or(Ok(()), |commit| walk.push(commit.id()))?;
    }
    walk.hide_glob("refs/remotes/*")?;
    // They were fetched, most likely.
    if !repository.remotes()?.is_empty() {
        walk.hide_glob("refs/tags/*")?;
    }
    Ok(walk.take(MOST_COMMITS).count())
}
