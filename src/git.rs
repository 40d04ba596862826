//! What git says about a directory.
//!
//! | module | what |
//! |--------|------|
//! | [`worktree`] | worktrees for sessions |

pub mod worktree;

use std::path::{Path, PathBuf};

use git2::Repository;

/// The branch that is checked out in `dir`, or the short id of a detached head. `None` outside of a
/// work tree.
pub fn branch(dir: &Path) -> Option<String> {
    let repository = Repository::discover(dir).ok()?;
    // A branch without a commit has a name already, but no target.
    let head = repository.find_reference("HEAD").ok()?;
    if let Ok(Some(target)) = head.symbolic_target() {
        return Some(target.strip_prefix("refs/heads/").unwrap_or(target).to_owned());
    }
    head.target().map(|id| id.to_string()[..8].to_owned())
}

/// The root of the work tree that `dir` lies in, and its branch.
pub fn work_tree(dir: &Path) -> Option<(PathBuf, Option<String>)> {
    let root = Repository::discover(dir).ok()?.workdir()?.to_owned();
    let root = root.components().collect();
    Some((root, branch(dir)))
}

/// The names of local branches, sorted, at most so many.
pub fn branches(dir: &Path, most: usize) -> Vec<String> {
    let Ok(repository) = Repository::discover(dir) else { return vec![] };
    let Ok(branches) = repository.branches(Some(git2::BranchType::Local)) else { return vec![] };
    let names = branches.filter_map(|branch| Some(branch.ok()?.0.name().ok()??.to_owned()));
    let mut names: Vec<String> = names.take(most).collect();
    names.sort_unstable();
    names
}

/// How many files differ from the last commit, untracked ones too; a new directory counts once.
pub fn changed_files(dir: &Path) -> Option<u32> {
    let repository = Repository::discover(dir).ok()?;
    let mut options = git2::StatusOptions::new();
    options.include_untracked(true).include_ignored(false).exclude_submodules(true);
    let statuses = repository.statuses(Some(&mut options)).ok()?;
    u32::try_from(statuses.len()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_branch_is_known_before_the_first_commit_and_below() {
        let dir = tempfile::tempdir().unwrap();
        let mut options = git2::RepositoryInitOptions::new();
        Repository::init_opts(dir.path(), options.initial_head("trunk")).unwrap();
        let below = dir.path().join("a/b");
        std::fs::create_dir_all(&below).unwrap();
        assert_eq!(branch(&below), Some("trunk".into()));
        let root = dir.path().canonicalize().unwrap();
        assert_eq!(work_tree(&below), Some((root, Some("trunk".into()))));
        assert_eq!(changed_files(&below), Some(0));
        std::fs::write(below.join("new"), "").unwrap();
        assert_eq!(changed_files(dir.path()), Some(1));
        assert_eq!(work_tree("/".as_ref()), None);
    }
}
