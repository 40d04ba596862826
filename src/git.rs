//! What git says about a directory.

use std::path::Path;

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
    }
}
