//! What is kept of sessions in people's repositories, and how much that takes.
//!
//! This is the one place where git's own program runs: it knows what packed objects take. Nothing of a repository's
//! configuration is run by it, and nothing is fetched.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use git2::{Oid, Repository};

use super::base::OURS;
use super::repo::Repo;
use crate::process::output_within;

/// All sizes together may take so long.
const LIMIT: Duration = Duration::from_secs(3);
/// What so many branches and tags hold is not counted as ours.
const MOST_TIPS: usize = 500;

/// What is kept in one repository.
#[derive(Debug)]
pub struct Kept {
    pub root: PathBuf,
    pub references: u32,
    /// What no branch and no tag has today, in bytes on the disk: at most so much goes when the references do. `None`:
    /// git is not there, or it would take too long.
    pub bytes: Option<u64>,
}

/// Of the repositories of these directories that keep something.
pub fn kept(dirs: impl Iterator<Item = PathBuf>) -> Vec<Kept> {
    let end = Instant::now() + LIMIT;
    let opened = dirs.filter_map(|dir| Repo::open(&dir).ok());
    // Worktrees share them.
    let repositories: BTreeMap<PathBuf, Repo> =
        opened.map(|repo| (repo.git.commondir().to_owned(), repo)).collect();
    let look = |repo: Repo| {
        let references = repo.git.references_glob(&format!("{OURS}*")).ok()?.count() as u32;
        let left = end.saturating_duration_since(Instant::now());
        // Without the slash at its end.
        let root = repo.root.components().collect();
        (references > 0).then(|| Kept { bytes: size(&repo.git, left), root, references })
    };
    repositories.into_values().filter_map(look).collect()
}

fn size(git: &Repository, limit: Duration) -> Option<u64> {
    let mut command = program(git.path());
    command.args(["rev-list", "--objects", "--disk-usage", "--missing=allow-any", "--glob=refs/codepiper"]);
    // A tree is left out with all that is in it; a commit would be left out alone.
    command.arg("--not").args(tips(git)?.iter().map(Oid::to_string));
    let output = output_within(command, limit).ok()?;
    let said = output.status.success().then_some(output.stdout)?;
    String::from_utf8(said).ok()?.trim().parse().ok()
}

/// The trees of what is checked out, and of branches and tags.
fn tips(git: &Repository) -> Option<BTreeSet<Oid>> {
    let trees =
        git.references().ok()?.flatten().filter(|found| !found.name_bytes().starts_with(OURS.as_bytes()));
    let trees = trees.filter_map(|found| found.peel_to_tree().ok());
    let checked_out = git.head().ok().and_then(|head| head.peel_to_tree().ok());
    Some(checked_out.into_iter().chain(trees.take(MOST_TIPS)).map(|tree| tree.id()).collect())
}

/// Git's own program. Its configuration starts none.
fn program(git_dir: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .env_clear()
        .envs(["PATH", "HOME"].iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command.envs([("GIT_OPTIONAL_LOCKS", "0"), ("GIT_NO_LAZY_FETCH", "1"), ("GIT_ALLOW_PROTOCOL", "none")]);
    command.arg("--git-dir").arg(git_dir);
    for setting in ["core.hooksPath=/dev/null", "core.fsmonitor=false", "core.pager=cat", "diff.external="] {
        command.args(["-c", setting]);
    }
    command
}

#[cfg(test)]
mod tests {
    use codepiper_protocol::SessionId;

    use super::super::snapshot;
    use super::super::tests::Sandbox;
    use super::*;

    fn noise(seed: u64, bytes: usize) -> Vec<u8> {
        let mut random = fastrand::Rng::with_seed(seed);
        std::iter::repeat_with(|| random.u8(..)).take(bytes).collect()
    }

    #[test]
    fn what_only_we_hold_is_counted_once_for_all_worktrees() {
        let sandbox = Sandbox::new();
        let look = |dirs: &[&Path]| kept(dirs.iter().map(|dir| (*dir).to_owned()));
        let dir = sandbox.dir.path();
        assert!(look(&[dir, "/".as_ref()]).is_empty());
        sandbox.write("committed", noise(1, 300_000));
        sandbox.commit_all();
        snapshot::keep(&sandbox.repo(), SessionId::random(), "start").unwrap();
        let bytes = |found: &[Kept]| found[0].bytes.unwrap();
        // A branch has all of it.
        assert_eq!((look(&[dir]).len(), bytes(&look(&[dir]))), (1, 0));
        sandbox.write("new", noise(2, 200_000));
        snapshot::keep(&sandbox.repo(), SessionId::random(), "seen").unwrap();
        let other = tempfile::tempdir().unwrap();
        let tree = other.path().join("tree");
        sandbox.git(["worktree", "add", "-q", "-b", "other", tree.to_str().unwrap()]);
        let found = look(&[dir, &tree, dir]);
        assert_eq!((found.len(), found[0].references), (1, 2));
        assert!((200_000..210_000).contains(&bytes(&found)), "{found:?}");
        sandbox.commit_all();
        assert_eq!(bytes(&look(&[dir])), 0);
    }
}
