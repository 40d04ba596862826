//! A worktree as it is now: what it has, and what would become of it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use codepiper_protocol::wire::problem::Problem;
use codepiper_protocol::wire::worktree::WorktreeState;
use git2::BranchType;

use super::super::repo::Main;
use super::remove::keeps;
use super::unsaved::{changes, own_commits};
use super::{branch_of, count, failed, open};

pub fn state(id: String, path: PathBuf) -> WorktreeState {
    let bytes = size(&path);
    let nothing = WorktreeState { id, path, bytes, ..WorktreeState::default() };
    match look(&nothing) {
        Ok(looked) => looked,
        Err(problem) => WorktreeState { problem: Some(problem.detail), ..nothing },
    }
}

fn look(known: &WorktreeState) -> Result<WorktreeState, Problem> {
    let repository = open(&known.path)?;
    let looked = changes(&repository).and_then(|found| Ok((found, own_commits(&repository)?)));
    let ((changed, ignored), own) = looked.map_err(|error| failed("look at the worktree", &error))?;
    let main = Main::of(&repository).ok();
    let root = main.as_ref().map(|main| main.root().components().collect());
    let into = main.as_ref().and_then(|main| branch_of(&main.git));
    let branch = branch_of(&repository);
    let counted = branch.as_deref().zip(into.as_deref()).and_then(|(ours, theirs)| {
        let tip = |name: &str| repository.find_branch(name, BranchType::Local).ok()?.get().target();
        repository.graph_ahead_behind(tip(ours)?, tip(theirs)?).ok()
    });
    Ok(WorktreeState {
        repository: root,
        uncommitted: count(changed.len()),
        ignored: count(ignored.len()),
        unpushed: count(own),
        keeps_branch: branch.as_deref().is_some_and(|branch| keeps(&repository, branch, own)),
        branch,
        into,
        ahead: counted.map(|(ahead, _)| count(ahead)),
        behind: counted.map(|(_, behind)| count(behind)),
        ..known.clone()
    })
}

/// What a directory takes on the disk, in bytes.
fn size(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    let sizes = entries.flatten().map(|entry| {
        let Ok(meta) = entry.metadata() else { return 0 };
        meta.blocks() * 512 + if meta.is_dir() { size(&entry.path()) } else { 0 }
    });
    sizes.sum()
}
