//! What git's library finds between two states.

use std::collections::BTreeSet;

use codepiper_protocol::wire::git::MAX_FILE;
use git2::{Diff, DiffDelta, DiffFindOptions, DiffOptions, Tree};

use super::super::base::State;
use super::super::error::{Failure, invalid};
use super::super::index::Unusual;
use super::super::name::TreePath;
use super::super::place;
use super::super::repo::Repo;

/// Lines around each change. The names of hunks depend on it.
const CONTEXT: u32 = 3;
/// Renames are looked for among so many files.
const MOST_RENAMES: usize = 1000;

/// The differences between two states, and those of files that are not checked out by themselves.
pub fn parts<'r>(
    repo: &'r Repo,
    base: &State,
    to: &State,
    paths: &[TreePath],
) -> Result<Vec<Diff<'r>>, Failure> {
    let mut parts = vec![compare(repo, base, to, paths)?];
    if let (Some(old), State::Work) = (base.tree(), to) {
        parts.extend(tree_to_not_checked_out(repo, old, paths)?);
    }
    Ok(parts)
}

/// What git's library finds between two states, in all files or in some. The names are no patterns.
pub fn compare<'r>(
    repo: &'r Repo,
    base: &State,
    to: &State,
    paths: &[TreePath],
) -> Result<Diff<'r>, Failure> {
    let mut options = options(paths);
    let git = &repo.git;
    match (base.tree(), to.tree()) {
        (Some(old), Some(new)) => Ok(git.diff_tree_to_tree(old, new, Some(&mut options))?),
        (Some(old), None) if matches!(to, State::Index) => {
            Ok(git.diff_tree_to_index(old, None, Some(&mut options))?)
        }
        (Some(old), None) => tree_to_work(repo, old, paths),
        (None, None) if matches!((base, to), (State::Index, State::Work)) => {
            Ok(git.diff_index_to_workdir(None, Some(&mut options))?)
        }
        _ => Err(invalid(
            "compare the older state with the newer one: a commit, then the index, then the files",
        )),
    }
}

pub fn find_renames(diff: &mut Diff, base: &State) -> Result<(), Failure> {
    if base.tree().is_some() && (2..=MOST_RENAMES).contains(&diff.deltas().len()) {
        diff.find_similar(Some(DiffFindOptions::new().renames(true).for_untracked(true)))?;
    }
    Ok(())
}

fn options(paths: &[TreePath]) -> DiffOptions {
    let mut options = DiffOptions::new();
    options
        .context_lines(CONTEXT)
        .indent_heuristic(true)
        .include_typechange(true)
        .disable_pathspec_match(true);
    options.include_untracked(true).recurse_untracked_dirs(true).show_untracked_content(true);
    options.max_size(MAX_FILE as i64).ignore_case(false);
    for path in paths {
        options.pathspec(path.as_bytes());
    }
    options
}

/// Git's library would read every file to compare a tree with the work tree. The index knows which are the
/// same, so those that differ from either side of it are looked at alone.
fn tree_to_work<'r>(repo: &'r Repo, old: Option<&Tree>, paths: &[TreePath]) -> Result<Diff<'r>, Failure> {
    let git = &repo.git;
    let mut candidates: BTreeSet<TreePath> = paths.iter().cloned().collect();
    if candidates.is_empty() {
        let mut wanted = options(&[]);
        let sides = [
            git.diff_tree_to_index(old, None, Some(wanted.skip_binary_check(true)))?,
            git.diff_index_to_workdir(None, Some(wanted.skip_binary_check(true)))?,
        ];
        let both = |delta: DiffDelta| {
            let names = [delta.old_file().path_bytes(), delta.new_file().path_bytes()];
            names.map(|name| name.and_then(TreePath::from_bytes))
        };
        for side in &sides {
            candidates.extend(side.deltas().flat_map(both).flatten());
        }
    }
    let index = git.index()?;
    let unusual = Unusual::of(&index);
    let is_seen = |path: &TreePath| {
        if unusual.not_checked_out.contains(path.as_bytes()) {
            return lies_there(repo, path);
        }
        let path = path.as_path();
        index.get_path(path, 0).is_some()
            || old.is_some_and(|tree| tree.get_path(path).is_ok())
            || !git.is_path_ignored(path).unwrap_or(false)
    };
    let candidates: Vec<TreePath> = candidates.into_iter().filter(is_seen).collect();
    if candidates.is_empty() {
        return Ok(git.diff_tree_to_tree(old, old, None)?);
    }
    // What the index or the tree has is not ignored, whatever the rules say; this comparison does not look there.
    git.add_ignore_rule("!*")?;
    let diff = git.diff_tree_to_workdir(old, Some(&mut options(&candidates)));
    git.clear_ignore_rules()?;
    Ok(diff?)
}

/// Of a file that is not checked out (`git sparse-checkout`), git compares what the index has.
fn tree_to_not_checked_out<'r>(
    repo: &'r Repo,
    old: Option<&Tree>,
    paths: &[TreePath],
) -> Result<Option<Diff<'r>>, Failure> {
    let git = &repo.git;
    let index = git.index()?;
    let absent = Unusual::of(&index).not_checked_out;
    if absent.is_empty() {
        return Ok(None);
    }
    let is_meant = |path: &TreePath| absent.contains(path.as_bytes()) && !lies_there(repo, path);
    let all = git.diff_tree_to_index(old, Some(&index), Some(options(paths).skip_binary_check(true)))?;
    let paths = all.deltas().filter_map(|delta| TreePath::from_bytes(delta.new_file().path_bytes()?));
    let paths: Vec<TreePath> = paths.filter(is_meant).collect();
    match paths.is_empty() {
        true => Ok(None),
        false => Ok(Some(git.diff_tree_to_index(old, Some(&index), Some(&mut options(&paths)))?)),
    }
}

fn lies_there(repo: &Repo, path: &TreePath) -> bool {
    place::meta(&repo.root, path).is_some()
}
