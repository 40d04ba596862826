//! Removing a worktree when nothing is lost with it.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use codepiper_protocol::wire::problem::{Code, Next, Problem};
use codepiper_protocol::wire::worktree::{RemoveWorktree, WorktreeRemoved};
use git2::{BranchType, Repository, RepositoryState, WorktreeLockStatus, WorktreePruneOptions};

use super::nested::nothing_is_lost_below;
use super::unsaved::{changes, own_commits};
use super::{LEASED, UNNAMED, branch_of, failed, open, release, some_of, unsaved};
use crate::plain_file;

/// A branch's name is shorter, in bytes.
const LONGEST_NAME: u64 = 4096;

pub fn remove_at(path: &Path, request: RemoveWorktree) -> Result<WorktreeRemoved, Problem> {
    let repository = open(path)?;
    let (own, ignored) = nothing_is_lost(&repository, path, request)?;
    let worktree = git2::Worktree::open_from_repository(&repository);
    let worktree = worktree.map_err(|error| failed("look at the worktree", &error))?;
    if let Ok(WorktreeLockStatus::Locked(reason)) = worktree.is_locked()
        && !reason.as_deref().is_some_and(|reason| reason.starts_with(LEASED))
    {
        let reason = reason.unwrap_or_default();
        return Err(unsaved(format!(
            "{} is locked: {reason}; run git worktree unlock first",
            path.display()
        )));
    }
    release(path);
    let branch = branch_of(&repository);
    let unnamed = unnamed(&repository);
    let main =
        Repository::open(repository.commondir()).map_err(|error| failed("open the repository", &error))?;
    let admin = worktree.name().ok().flatten().unwrap_or_default().to_owned();
    clear(path, &ignored)?;
    prune(&main, &admin);
    if let Some(folder) = path.parent() {
        // Goes when it is empty.
        let _ = fs::remove_dir(folder);
    }
    let kept_branch = branch.filter(|branch| {
        let removed = needless(unnamed.as_deref(), branch, own)
            && main.find_branch(branch, BranchType::Local).is_ok_and(|mut branch| branch.delete().is_ok());
        !removed
    });
    Ok(WorktreeRemoved { path: path.to_owned(), kept_branch })
}

/// Deletes the directory of a worktree. What git ignores goes first: if that fails, as it does most often, git misses
/// nothing yet. `.git` goes last: until then it can be tried again.
pub fn clear(root: &Path, ignored: &[PathBuf]) -> Result<(), Problem> {
    let cannot = |error: std::io::Error| cannot_remove(root, &error);
    for path in ignored {
        // Without a slash at its end.
        delete(root, &root.join(path).components().collect::<PathBuf>())?;
    }
    for entry in fs::read_dir(root).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        if entry.file_name() != ".git" {
            delete(root, &entry.path())?;
        }
    }
    delete(root, &root.join(".git"))?;
    fs::remove_dir(root).map_err(cannot)
}

fn delete(root: &Path, path: &Path) -> Result<(), Problem> {
    let delete = || match path.symlink_metadata()?.is_dir() {
        true => fs::remove_dir_all(path),
        false => fs::remove_file(path),
    };
    let deleted = delete().or_else(|error| match error.kind() {
        ErrorKind::PermissionDenied => {
            permit(root);
            delete()
        }
        _ => Err(error),
    });
    match deleted {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(cannot_remove(path, &error)),
        _ => Ok(()),
    }
}

/// Lets its owner write to each directory: some tools take that away, as Go does in its module cache.
fn permit(dir: &Path) {
    let Ok(meta) = dir.symlink_metadata() else { return };
    if !meta.is_dir() {
        return;
    }
    let mode = meta.permissions().mode();
    if mode & 0o700 != 0o700 {
        let _ = fs::set_permissions(dir, fs::Permissions::from_mode(mode | 0o700));
    }
    let Ok(entries) = fs::read_dir(dir) else { return };
    entries.flatten().for_each(|entry| permit(&entry.path()));
}

fn cannot_remove(path: &Path, error: &std::io::Error) -> Problem {
    Problem::new(Code::Internal, format!("cannot remove {}: {error}", path.display()))
}

/// The branch that a worktree was made with, if nobody named it.
fn unnamed(worktree: &Repository) -> Option<String> {
    let name = plain_file::read(&worktree.path().join(UNNAMED), LONGEST_NAME).ok()?;
    String::from_utf8(name).ok()
}

/// Whether a branch with so many commits of its own outlives its worktree.
pub fn keeps(worktree: &Repository, branch: &str, own: usize) -> bool {
    !needless(unnamed(worktree).as_deref(), branch, own)
}

fn needless(unnamed: Option<&str>, branch: &str, own: usize) -> bool {
    unnamed == Some(branch) && own == 0
}

/// How many commits its branch has of its own (they stay with the branch), and what git ignores.
fn nothing_is_lost(
    repository: &Repository,
    path: &Path,
    request: RemoveWorktree,
) -> Result<(usize, Vec<PathBuf>), Problem> {
    let shown = path.display();
    let looked = changes(repository).and_then(|found| Ok((found, own_commits(repository)?)));
    let ((changed, ignored), own) = looked.map_err(|error| {
        unsaved(format!("git cannot check {shown} for unsaved work: {}", error.message()))
    })?;
    if !changed.is_empty() {
        return Err(unsaved(format!(
            "{shown} has uncommitted changes: {}; commit or discard them",
            some_of(&changed)
        )));
    }
    if repository.state() != RepositoryState::Clean {
        return Err(unsaved(format!("{shown} is in the middle of a merge or a rebase; finish or abort it")));
    }
    let full = repository.submodules().unwrap_or_default().into_iter().find(|submodule| {
        fs::read_dir(path.join(submodule.path())).is_ok_and(|mut entries| entries.next().is_some())
    });
    if let Some(submodule) = full {
        return Err(unsaved(format!(
            "{shown} has an initialized submodule {}; save its changes and run git submodule deinit",
            submodule.path().display()
        )));
    }
    if branch_of(repository).is_none() && own > 0 {
        return Err(unsaved(format!(
            "{shown} has commits that are on no branch ({own}); keep them with: git -C {shown} branch NAME"
        )));
    }
    nothing_is_lost_below(path, &ignored)?;
    if !ignored.is_empty() && !request.ignored {
        let problem = unsaved(format!("{shown} has ignored files: {}", some_of(&ignored)));
        return Err(problem.with_next(Next::DeleteIgnored { worktree: shown.to_string() }));
    }
    Ok((own, ignored))
}

/// Lets git forget a worktree whose directory is gone.
pub fn prune(repository: &Repository, name: &str) {
    if let Ok(worktree) = repository.find_worktree(name)
        && let Err(error) = worktree.prune(Some(WorktreePruneOptions::new().valid(true)))
    {
        tracing::warn!(name, %error, "git remembers a worktree that is gone");
    }
}
