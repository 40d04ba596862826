//! The branch of a worktree goes into another branch of its repository. Nothing is changed unless all of it can be.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use codepiper_protocol::wire::problem::{Code, Problem};
use codepiper_protocol::wire::worktree::{MergeWorktree, WorktreeMerged};
use git2::{
    AttrCheckFlags, AttrValue, BranchType, Commit, ErrorCode, Oid, Repository, RepositoryState, Status,
    StatusOptions,
};

use super::super::author::Identity;
use super::super::error::in_use;
use super::super::index::Unusual;
use super::super::operation::rebased;
use super::super::repo::{self, FILTERS, Main};
use super::check_out::{CheckOut, changed_paths};
use super::unsaved::changes;
use super::{branch_of, failed, invalid, open, some_of, unsaved};

/// So many commits are named in the message of a squashed one.
const MOST_NAMED: usize = 100;

pub fn merge_at(path: &Path, request: &MergeWorktree) -> Result<WorktreeMerged, Problem> {
    let worktree = open(path)?;
    let branch = branch_of(&worktree).ok_or_else(|| {
        invalid(format!("no branch is checked out in {}; check one out first", path.display()))
    })?;
    all_is_committed(&worktree, path)?;
    let repository = Main::of(&worktree).map_err(|error| failed("open the repository", &error))?;
    let main = &repository.git;
    let into = match &request.into {
        Some(into) => into.clone(),
        None => branch_of(main)
            .ok_or_else(|| invalid("no branch is checked out in the main work tree; name one with `into`"))?,
    };
    if into == branch {
        return Err(invalid(format!("'{branch}' cannot be merged into itself; name another branch")));
    }
    let ours = tip(main, &into)?;
    let theirs = tip(main, &branch)?;
    let commits = own_commits(main, &theirs, &ours).map_err(|error| failed("count commits", &error))?;
    let merged = |commit: Oid, fast_forward| WorktreeMerged {
        into: into.clone(),
        branch: branch.clone(),
        commit: commit.to_string(),
        commits: if commit == ours.id() { 0 } else { u32::try_from(commits.len()).unwrap_or(u32::MAX) },
        fast_forward,
    };
    if commits.is_empty() {
        return Ok(merged(ours.id(), true));
    }
    if main.merge_base(ours.id(), theirs.id()).is_err() {
        return Err(invalid(format!(
            "{branch} and {into} have no commit in common: use git itself in the terminal"
        )));
    }
    let there = checked_out(&repository, &into)?;
    if let Some(there) = &there {
        is_clean(there)?;
        needs_no_filter(&[there, &worktree], main, &ours, &theirs)?;
    }
    let fast_forward = !request.squash
        && main.graph_descendant_of(theirs.id(), ours.id()).map_err(|error| failed("compare", &error))?;
    let commit = match fast_forward {
        true => theirs.id(),
        false => commit(main, &into, &branch, &ours, &theirs, request.squash.then_some(&commits[..]), path)?,
    };
    if commit != ours.id() {
        advance(main, there.as_ref(), &into, &ours, commit)?;
    }
    Ok(merged(commit, fast_forward))
}

fn all_is_committed(worktree: &Repository, path: &Path) -> Result<(), Problem> {
    let shown = path.display();
    let (changed, _) = changes(worktree).map_err(|error| failed("look at the worktree", &error))?;
    if !changed.is_empty() {
        return Err(unsaved(format!(
            "{shown} has uncommitted changes, which would not be merged: {}; commit or discard them",
            some_of(&changed)
        )));
    }
    if worktree.state() != RepositoryState::Clean {
        return Err(unsaved(format!("{shown} is in the middle of a merge or a rebase; finish or abort it")));
    }
    Ok(())
}

fn tip<'r>(repository: &'r Repository, branch: &str) -> Result<Commit<'r>, Problem> {
    let found =
        repository.find_branch(branch, BranchType::Local).and_then(|found| found.get().peel_to_commit());
    found.map_err(|error| match error.code() {
        ErrorCode::NotFound | ErrorCode::InvalidSpec => {
            invalid(format!("there is no local branch '{}'", branch.escape_debug()))
        }
        _ => failed(&format!("read the branch {branch}"), &error),
    })
}

/// The commits that only the first one has, newest first.
fn own_commits(repository: &Repository, of: &Commit, not_of: &Commit) -> Result<Vec<Oid>, git2::Error> {
    let mut walk = repository.revwalk()?;
    walk.push(of.id())?;
    walk.hide(not_of.id())?;
    walk.collect()
}

/// Where the branch is checked out, if anywhere.
///
/// # Errors
/// When it is rebased somewhere: then it is checked out nowhere, and git moves it when that has ended. And when nothing says
/// where that is, or it cannot be opened.
fn checked_out(repository: &Main, branch: &str) -> Result<Option<Repository>, Problem> {
    let Main { git: main, is_elsewhere } = repository;
    let is_rebased = |place: &Repository| rebased(place).is_some_and(|(name, _)| name == branch);
    let is_there = |place: &Repository| branch_of(place).as_deref() == Some(branch);
    if *is_elsewhere && (is_there(main) || is_rebased(main)) {
        return Err(invalid(format!(
            "{branch} is checked out in a directory that {} does not name: use git itself in the terminal",
            repository.root().display()
        )));
    }
    let mut places: Vec<PathBuf> = main.workdir().map(Path::to_owned).into_iter().collect();
    let names = main.worktrees().map_err(|error| failed("list the worktrees", &error))?;
    let names = names.iter().filter_map(|name| name.ok().flatten());
    let linked = names.filter_map(|name| Some((main.find_worktree(name).ok()?.path().to_owned(), name)));
    for (place, name) in linked {
        // Git's own note of what is checked out there.
        let head = fs::read_to_string(main.commondir().join("worktrees").join(name).join("HEAD"));
        let has_it = head.is_ok_and(|head| head.trim_end() == format!("ref: refs/heads/{branch}"));
        if has_it && repo::open(&place).is_err() {
            return Err(invalid(format!(
                "{branch} is checked out in {}, which cannot be opened: use git worktree repair, or prune if it is gone",
                place.display()
            )));
        }
        places.push(place);
    }
    let opened: Vec<Repository> = places.into_iter().filter_map(|place| repo::open(&place).ok()).collect();
    if let Some(place) = opened.iter().find(|place| is_rebased(place)) {
        return Err(unsaved(format!("{branch} is being rebased in {}; finish or abort that", shown(place))));
    }
    Ok(opened.into_iter().find(is_there))
}

/// Its work tree, without the slash at the end.
fn shown(there: &Repository) -> String {
    let place: PathBuf = there.workdir().unwrap_or(there.path()).components().collect();
    place.display().to_string()
}

/// Files that git does not track may stay: what would overwrite one is refused when it comes to that.
fn is_clean(there: &Repository) -> Result<(), Problem> {
    let place = shown(there);
    if there.state() != RepositoryState::Clean {
        return Err(unsaved(format!("{place} is in the middle of a merge or a rebase; finish or abort it")));
    }
    let mut options = StatusOptions::new();
    options.include_untracked(false).include_ignored(false).exclude_submodules(true);
    let statuses =
        there.statuses(Some(&mut options)).map_err(|error| failed("look at the target", &error))?;
    let unusual = Unusual::of(&there.index().map_err(|error| failed("read the index", &error))?);
    let dirty = statuses.iter().filter(|entry| entry.status() != Status::CURRENT && !unusual.explains(entry));
    let dirty: Vec<PathBuf> =
        dirty.map(|entry| PathBuf::from(String::from_utf8_lossy(entry.path_bytes()).into_owned())).collect();
    match dirty.is_empty() {
        true => Ok(()),
        false => Err(unsaved(format!(
            "{place} has uncommitted changes: {}; commit or stash them",
            some_of(&dirty)
        ))),
    }
}

/// Git's library runs no filter: what one keeps elsewhere (LFS) would be checked out as it is stored. The attributes of both
/// sides count: the branch may bring them along.
fn needs_no_filter(
    places: &[&Repository],
    main: &Repository,
    ours: &Commit,
    theirs: &Commit,
) -> Result<(), Problem> {
    let changed = changed_paths(main, ours, theirs).map_err(|error| failed("compare", &error))?;
    let filtered = changed.into_iter().find(|path| {
        places.iter().any(|place| FILTERS.iter().any(|name| attribute(place, path, name).is_some()))
    });
    match filtered {
        Some(path) => Err(invalid(format!(
            "{} goes through a git filter or has another encoding, which CodePiper does not handle: use git itself in the \
             terminal",
            path.display()
        ))),
        None => Ok(()),
    }
}

/// A driver of the repository would merge what both sides changed in its own way; git's library takes none.
fn needs_no_driver(main: &Repository, ours: &Commit, theirs: &Commit) -> Result<(), Problem> {
    let cannot = |error: git2::Error| failed("compare", &error);
    let base = main.merge_base(ours.id(), theirs.id()).map_err(cannot)?;
    let base = main.find_commit(base).map_err(cannot)?;
    let (one, other) = (
        changed_paths(main, &base, ours).map_err(cannot)?,
        changed_paths(main, &base, theirs).map_err(cannot)?,
    );
    let known = |driver: &String| ["text", "binary", "union"].contains(&driver.as_str());
    let driven = one
        .intersection(&other)
        .find(|path| attribute(main, path, "merge").is_some_and(|driver| !known(&driver)));
    match driven {
        Some(path) => Err(invalid(format!(
            "{} has a merge driver, which CodePiper does not run: use git itself in the terminal",
            path.display()
        ))),
        None => Ok(()),
    }
}

/// The name that an attribute is set to.
fn attribute(repository: &Repository, path: &Path, name: &str) -> Option<String> {
    let value = repository.get_attr(path, name, AttrCheckFlags::default()).ok()?;
    match AttrValue::from_string(value) {
        AttrValue::String(value) => Some(value.to_owned()),
        _ => None,
    }
}

/// Makes the commit that the branch moves to. `squashed`: the commits that become one, or none when they change nothing.
fn commit(
    main: &Repository,
    into: &str,
    branch: &str,
    ours: &Commit,
    theirs: &Commit,
    squashed: Option<&[Oid]>,
    path: &Path,
) -> Result<Oid, Problem> {
    let cannot = |error: git2::Error| failed("merge", &error);
    needs_no_driver(main, ours, theirs)?;
    let Identity { author, committer } = Identity::of(main)?;
    let mut index = main.merge_commits(ours, theirs, None).map_err(cannot)?;
    if index.has_conflicts() {
        let conflicts = index.conflicts().map_err(cannot)?.flatten();
        let sides = |conflict: git2::IndexConflict| conflict.our.or(conflict.their).or(conflict.ancestor);
        let name = |entry: git2::IndexEntry| PathBuf::from(String::from_utf8_lossy(&entry.path).into_owned());
        let names: Vec<PathBuf> = conflicts.filter_map(|conflict| sides(conflict).map(name)).collect();
        let detail = format!(
            "{branch} and {into} conflict in {}; nothing was changed. Merge {into} into {branch} in {} first",
            some_of(&names),
            path.display()
        );
        return Err(Problem::new(Code::Conflicts, detail));
    }
    let tree = index.write_tree_to(main).and_then(|tree| main.find_tree(tree)).map_err(cannot)?;
    if squashed.is_some() && tree.id() == ours.tree_id() {
        return Ok(ours.id());
    }
    let message = match squashed {
        None => format!("Merge branch '{branch}' into {into}"),
        Some(commits) => squash_message(main, branch, commits),
    };
    let parents = match squashed {
        None => vec![ours, theirs],
        Some(_) => vec![ours],
    };
    main.commit(None, &author, &committer, &message, &tree, &parents).map_err(cannot)
}

fn squash_message(main: &Repository, branch: &str, commits: &[Oid]) -> String {
    let subject = |id: &Oid| {
        let commit = main.find_commit(*id).ok()?;
        Some(String::from_utf8_lossy(commit.summary_bytes()?).into_owned())
    };
    let whole = |id: &Oid| {
        let commit = main.find_commit(*id).ok()?;
        Some(String::from_utf8_lossy(commit.message_bytes()).into_owned())
    };
    if let [only] = commits {
        return whole(only).unwrap_or_else(|| format!("Squash branch '{branch}'"));
    }
    let mut message = format!("Squash branch '{branch}'\n\n");
    for subject in commits.iter().rev().filter_map(subject).take(MOST_NAMED) {
        let _ = writeln!(message, "* {subject}");
    }
    message
}

/// Moves the branch, and the files where it is checked out: those first, as git does. The branch is locked meanwhile. When
/// either fails, both are as they were.
fn advance(
    main: &Repository,
    there: Option<&Repository>,
    into: &str,
    from: &Commit,
    to: Oid,
) -> Result<(), Problem> {
    let name = format!("refs/heads/{into}");
    let cannot = |error: git2::Error| match error.code() {
        ErrorCode::Locked => in_use(),
        _ => failed(&format!("move the branch {into}"), &error),
    };
    let mut transaction = main.transaction().map_err(cannot)?;
    transaction.lock_ref(&name).map_err(cannot)?;
    let now = main.find_reference(&name).map_err(cannot)?.target();
    if now != Some(from.id()) {
        return Err(Problem::new(Code::Changed, format!("{into} moved meanwhile; try again")));
    }
    transaction.set_target(&name, to, None, "merge of a worktree").map_err(cannot)?;
    let files = there.map(|there| CheckOut::new(there, from.id(), to)).transpose()?;
    if let Some(files) = &files {
        files.write()?;
    }
    transaction.commit().map_err(|error| {
        let left = files.as_ref().and_then(|files| files.undo(&error));
        left.unwrap_or_else(|| cannot(error))
    })
}
