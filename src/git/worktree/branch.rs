//! Which branch a worktree gets.

use std::path::{Path, PathBuf};

use codepiper_protocol::wire::problem::{Next, Problem};
use codepiper_protocol::wire::worktree::NewWorktree;
use git2::{Branch, BranchType, Commit, Repository};

use super::{OWN_BRANCHES, failed, invalid};
use crate::git::name::Revision;
use crate::git::repo::Main;

/// The name of a branch that can be.
pub struct BranchName(pub String);

impl BranchName {
    fn parse(name: &str) -> Result<Self, Problem> {
        match Branch::name_is_valid(name).unwrap_or(false) && !name.starts_with("refs/") {
            true => Ok(Self(name.to_owned())),
            false => Err(invalid(format!("invalid branch name '{}'", name.escape_debug()))),
        }
    }

    fn reference(&self) -> String {
        format!("refs/heads/{}", self.0)
    }
}

/// The branch, what it begins at if it is new, and its commit.
pub fn choose_branch<'r>(
    repository: &'r Repository,
    wanted: &NewWorktree,
    session: &str,
) -> Result<(BranchName, Option<String>, Commit<'r>), Problem> {
    if let Some(name) = &wanted.branch {
        if wanted.create_branch.is_some() || wanted.base.is_some() {
            return Err(invalid("give either an existing branch, or a new one and its base"));
        }
        let name = BranchName::parse(name)?;
        let commit = existing(repository, &name)?;
        return Ok((name, None, commit));
    }
    let name = match &wanted.create_branch {
        Some(name) => BranchName::parse(name)?,
        None => BranchName(format!("{OWN_BRANCHES}{session}")),
    };
    if repository.find_branch(&name.0, BranchType::Local).is_ok() {
        let problem = invalid(format!("branch '{}' already exists", name.0));
        return Err(problem.with_next(Next::UseBranch { branch: name.0 }));
    }
    if let Some(other) = in_the_way(repository, &name) {
        return Err(invalid(format!(
            "branch '{other}' exists, and git does not allow '{}' beside it; choose another name",
            name.0
        )));
    }
    let (base, commit) = match &wanted.base {
        Some(base) => {
            let name = Revision::parse(base)
                .ok_or_else(|| invalid(format!("no commit '{}'", base.escape_debug())))?;
            let found = repository.revparse_single(name.as_str()).and_then(|object| object.peel_to_commit());
            let commit = found
                .map_err(|_| invalid(format!("no commit '{base}' in {}", repository.path().display())))?;
            (base.clone(), commit)
        }
        None => {
            let head = repository.head().and_then(|head| head.peel_to_commit()).map_err(|_| {
                let path = repository.path().display();
                invalid(format!("repository {path} has no commits yet; commit something first"))
            })?;
            let dir = repository.workdir().unwrap_or(repository.path());
            (crate::git::branch(dir).unwrap_or_else(|| head.id().to_string()), head)
        }
    };
    Ok((name, Some(base), commit))
}

/// A branch whose name is a folder in this one, or the other way round.
fn in_the_way(repository: &Repository, name: &BranchName) -> Option<String> {
    let below = |one: &str, other: &str| one.strip_prefix(other).is_some_and(|rest| rest.starts_with('/'));
    let mut branches = repository.branches(Some(BranchType::Local)).ok()?;
    branches.find_map(|branch| {
        let other = branch.ok()?.0.name().ok()??.to_owned();
        (below(&other, &name.0) || below(&name.0, &other)).then_some(other)
    })
}

fn existing<'r>(repository: &'r Repository, name: &BranchName) -> Result<Commit<'r>, Problem> {
    let Ok(branch) = repository.find_branch(&name.0, BranchType::Local) else {
        let ending = format!("/{}", name.0);
        let remote = repository.branches(Some(BranchType::Remote)).ok().and_then(|mut branches| {
            branches.find_map(|branch| {
                let name = branch.ok()?.0.name().ok()??.to_owned();
                name.ends_with(&ending).then_some(name)
            })
        });
        let next = Next::CreateBranch { branch: name.0.clone(), base: remote.map(String::into_boxed_str) };
        return Err(invalid(format!("no local branch '{}'", name.0)).with_next(next));
    };
    if let Some(elsewhere) = checked_out_in(repository, &name.reference()) {
        return Err(invalid(format!(
            "branch '{}' is checked out in {}; start there or choose another branch",
            name.0,
            elsewhere.display()
        )));
    }
    branch.into_reference().peel_to_commit().map_err(|error| failed("read the branch", &error))
}

/// The work tree that has this reference checked out, or the git directory if that work tree is elsewhere.
fn checked_out_in(repository: &Repository, reference: &str) -> Option<PathBuf> {
    let has_it = |repository: &Repository| {
        let head = repository.find_reference("HEAD").ok()?;
        Some(head.symbolic_target().ok()?? == reference)
    };
    let found = |repository: &Repository| {
        let root = repository.workdir().filter(|_| has_it(repository) == Some(true));
        root.map(Path::to_owned)
    };
    if let Some(root) = found(repository) {
        return Some(root);
    }
    let Main { git: main, is_elsewhere } = Main::of(repository).ok()?;
    if is_elsewhere && has_it(&main) == Some(true) {
        return Some(main.path().to_owned());
    }
    let names = main.worktrees().ok()?;
    let linked = names
        .iter()
        .flatten()
        .flatten()
        .filter_map(|name| Repository::open_from_worktree(&main.find_worktree(name).ok()?).ok());
    found(&main).or_else(|| linked.into_iter().find_map(|repository| found(&repository)))
}
