//! Worktrees for sessions: made below one directory of ours, and removed only when nothing is lost.
//!
//! They lie in `HOME/REPOSITORY-HASH/BRANCH`, with `-` for what a file's name should not hold. A branch
//! outlives its worktree, unless nobody named it and it has no commit of its own.

mod branch;
mod check_out;
mod merge;
mod nested;
mod remove;
mod state;
#[cfg(test)]
mod tests;
mod unsaved;
mod written;

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use codepiper_protocol::wire::problem::{Code, Next, Problem};
use codepiper_protocol::wire::worktree::{
    MAX_NAMED_FILES, MergeWorktree, NewWorktree, RemoveWorktree, Worktree, WorktreeMerged, WorktreeRemoved,
    WorktreeState,
};
use git2::{BranchType, Commit, ObjectType, Repository, WorktreeAddOptions, WorktreeLockStatus};

use self::branch::{BranchName, choose_branch};
use self::merge::merge_at;
use self::remove::{prune, remove_at};
use self::state::state;
use self::unsaved::changes;
use self::written::as_git_would;
use super::error::missing;
use super::repo::{self, discover, why_not};
use crate::lock::lock;

/// What the branches are called that nobody named: this and the session's short id.
const OWN_BRANCHES: &str = "codepiper/";
/// Beside what git notes of a worktree: the branch, if nobody named it.
const UNNAMED: &str = "codepiper-branch";
/// How the reason of our locks begins.
const LEASED: &str = "codepiper: ";

/// Git's library fails when two are made at once in one repository: it makes the same directory, and takes the half-made
/// one for another's.
static MAKING: Mutex<()> = Mutex::new(());

/// A worktree that was just made.
pub struct Made {
    pub worktree: Worktree,
    /// The place in it that stands for the directory which was asked for.
    pub cwd: PathBuf,
}

/// Makes a worktree of the repository that `dir` lies in. `session` is the short id for a branch that nobody
/// named. On an error nothing is left behind.
pub fn make(home: &Path, dir: &Path, wanted: &NewWorktree, session: &str) -> Result<Made, Problem> {
    let cannot_open = |error: git2::Error| invalid(format!("{} {}", dir.display(), why_not(dir, &error)));
    let repository = discover(dir).map_err(cannot_open)?;
    let (root, below) = place(&repository, dir)?;
    let (name, base, commit) = choose_branch(&repository, wanted, session)?;
    check_below(&commit, &below, dir)?;
    let (uncommitted, ignored) = left_behind(&repository);
    let making = lock(&MAKING);
    let (path, admin) = free_place(&repository, home, &name)?;
    let cannot = |error: git2::Error| failed(&format!("create the worktree {}", path.display()), &error);
    let mut branch = match base {
        Some(_) => repository.branch(&name.0, &commit, false),
        None => repository.find_branch(&name.0, BranchType::Local),
    }
    .map_err(cannot)?;
    let added =
        repository.worktree(&admin, &path, Some(WorktreeAddOptions::new().reference(Some(branch.get()))));
    let added = added.and_then(|_| repo::open(&path)).map_err(cannot);
    if let Err(problem) = added.and_then(|made| as_git_would(&made)) {
        let _ = fs::remove_dir_all(&path);
        prune(&repository, &admin);
        if base.is_some() {
            let _ = branch.delete();
        }
        return Err(problem);
    }
    drop(making);
    if wanted.branch.is_none() && wanted.create_branch.is_none() {
        note_unnamed(&path, &name.0);
    }
    let submodules = repository.submodules().unwrap_or_default();
    let worktree = Worktree {
        repository: root,
        branch: name.0,
        base,
        uncommitted,
        ignored,
        submodules: submodules.iter().map(|submodule| submodule.path().to_owned()).collect(),
        path,
    };
    // Without a slash at its end.
    let cwd = worktree.path.join(below).components().collect();
    Ok(Made { cwd, worktree })
}

/// Without the note, the branch stays when its worktree goes.
fn note_unnamed(path: &Path, branch: &str) {
    let noted = Repository::open(path)
        .map_err(|error| error.to_string())
        .and_then(|made| fs::write(made.path().join(UNNAMED), branch).map_err(|error| error.to_string()));
    if let Err(error) = noted {
        tracing::warn!(path = %path.display(), %error, "a branch that nobody named will be kept");
    }
}

/// Takes away what was just made and is not needed, with its branch.
pub fn unmake(worktree: &Worktree) {
    let request = RemoveWorktree { ignored: false };
    match remove_at(&worktree.path, request) {
        Ok(_) if worktree.base.is_some() => {
            let Ok(repository) = Repository::open(&worktree.repository) else { return };
            if let Ok(mut branch) = repository.find_branch(&worktree.branch, BranchType::Local) {
                let _ = branch.delete();
            }
        }
        Ok(_) => {}
        Err(problem) => tracing::warn!(%problem, "a worktree that is not needed stays"),
    }
}

/// Every worktree below `home`. The sessions are left empty.
pub fn list(home: &Path) -> Vec<WorktreeState> {
    places(home).into_iter().map(|(id, path)| state(id, path)).collect()
}

/// Removes a worktree.
///
/// # Errors
/// When something would be lost that is nowhere else, or that git cannot tell: what, and what to do.
pub fn remove(home: &Path, id: &str, request: RemoveWorktree) -> Result<WorktreeRemoved, Problem> {
    match places(home).into_iter().find(|(known, _)| known == id) {
        Some((_, path)) => remove_at(&path, request),
        None => Err(unknown(id)),
    }
}

/// Merges the branch of a worktree into another branch, here alone: nothing is pushed.
///
/// # Errors
/// When something is not committed, the branches conflict, or git itself is needed. Nothing was changed then.
pub fn merge(home: &Path, id: &str, request: &MergeWorktree) -> Result<WorktreeMerged, Problem> {
    merge_at(&path_of(home, id)?, request)
}

/// Where the worktree with this id lies.
pub fn path_of(home: &Path, id: &str) -> Result<PathBuf, Problem> {
    let found = places(home).into_iter().find(|(known, _)| known == id);
    found.map(|(_, path)| path).ok_or_else(|| unknown(id))
}

/// What a person types to make a worktree again that was removed. Its branch may be gone, too.
pub fn command_that_adds(worktree: &Worktree) -> String {
    let Worktree { repository, branch, base, path, .. } = worktree;
    let (root, shown) = (repository.display(), path.display());
    let add = format!("git -C {root} worktree add");
    let Ok(repository) = Repository::open(repository) else { return format!("{add} {shown} {branch}") };
    if repository.find_branch(branch, BranchType::Local).is_ok() {
        return format!("{add} {shown} {branch}");
    }
    let is_there = |base: &&String| repository.revparse_single(base).is_ok();
    let base = base.as_ref().filter(is_there).map(|base| format!(" {base}")).unwrap_or_default();
    format!("{add} -b {branch} {shown}{base}")
}

/// Tells git that somebody works in it: `git worktree remove` and `prune` leave it alone.
pub fn lease(path: &Path, holder: &str) {
    let Ok(repository) = Repository::open(path) else { return };
    let Ok(worktree) = git2::Worktree::open_from_repository(&repository) else { return };
    if let Ok(WorktreeLockStatus::Unlocked) = worktree.is_locked()
        && let Err(error) = worktree.lock(Some(&format!("{LEASED}{holder}")))
    {
        tracing::warn!(path = %path.display(), %error, "a worktree is not locked");
    }
}

/// Nobody works in it any more. A lock of somebody else stays.
pub fn release(path: &Path) {
    let Ok(repository) = Repository::open(path) else { return };
    let Ok(worktree) = git2::Worktree::open_from_repository(&repository) else { return };
    if let Ok(WorktreeLockStatus::Locked(Some(reason))) = worktree.is_locked()
        && reason.starts_with(LEASED)
    {
        let _ = worktree.unlock();
    }
}

/// The root of the repository, and the way from there to `dir`.
fn place(repository: &Repository, dir: &Path) -> Result<(PathBuf, PathBuf), Problem> {
    let real = |path: &Path| {
        path.canonicalize().map_err(|error| invalid(format!("cannot look at {}: {error}", path.display())))
    };
    match repository.workdir() {
        Some(root) => {
            let root = real(root)?;
            let below = real(dir)?.strip_prefix(&root).map(Path::to_owned).unwrap_or_default();
            Ok((root, below))
        }
        None => Ok((real(repository.path())?, PathBuf::new())),
    }
}

/// What is not committed there would be missing.
fn check_below(commit: &Commit, below: &Path, dir: &Path) -> Result<(), Problem> {
    if below.as_os_str().is_empty() {
        return Ok(());
    }
    let tree = commit.tree().map_err(|error| failed("read the commit", &error))?;
    match tree.get_path(below) {
        Ok(entry) if entry.kind() == Some(ObjectType::Tree) => Ok(()),
        _ => Err(invalid(format!(
            "{} has no committed files, so a worktree would not contain it; commit one, or start at the \
             repository's root",
            dir.display()
        ))),
    }
}

/// What the worktree will not have: how many files with changes, and what git ignores.
fn left_behind(repository: &Repository) -> (u32, Vec<PathBuf>) {
    if repository.is_bare() {
        return (0, vec![]);
    }
    let (changed, mut ignored) = changes(repository).unwrap_or_default();
    ignored.truncate(MAX_NAMED_FILES);
    (count(changed.len()), ignored)
}

/// A path that is free, and a name for git that is.
fn free_place(
    repository: &Repository,
    home: &Path,
    branch: &BranchName,
) -> Result<(PathBuf, String), Problem> {
    let folder = home.join(folder_of(repository)?);
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    made.map_err(|error| {
        Problem::new(Code::Internal, format!("cannot create directory {}: {error}", folder.display()))
    })?;
    let plain = as_file_name(&branch.0);
    let numbered = (2..).map(|number| format!("{plain}-{number}"));
    let free = |name: &String| {
        folder.join(name).symlink_metadata().is_err() && repository.find_worktree(name).is_err()
    };
    let name = std::iter::once(plain.clone()).chain(numbered).find(free).unwrap_or(plain);
    Ok((folder.join(&name), name))
}

/// The repository's name and the beginning of a hash of its place.
fn folder_of(repository: &Repository) -> Result<String, Problem> {
    use std::os::unix::ffi::OsStrExt;
    let common = repository.commondir().canonicalize();
    let common = common.map_err(|error| {
        invalid(format!("cannot read the repository {}: {error}", repository.path().display()))
    })?;
    let named = if common.ends_with(".git") { common.parent().unwrap_or(&common) } else { &common };
    let name = named.file_stem().unwrap_or_default().to_string_lossy();
    let digest = ring::digest::digest(&ring::digest::SHA256, common.as_os_str().as_bytes());
    let hash: String = digest.as_ref()[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{}-{hash}", as_file_name(&name)))
}

fn as_file_name(text: &str) -> String {
    let plain =
        |letter: char| if letter.is_ascii_alphanumeric() || "._-".contains(letter) { letter } else { '-' };
    let name: String = text.chars().map(plain).take(100).collect();
    let name = name.trim_start_matches(['.', '-']);
    if name.is_empty() { "x".to_owned() } else { name.to_owned() }
}

/// Ids and paths, sorted.
fn places(home: &Path) -> Vec<(String, PathBuf)> {
    let directories = |dir: &Path| -> Vec<(String, PathBuf)> {
        let Ok(entries) = fs::read_dir(dir) else { return vec![] };
        let entries = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        entries.filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path()))).collect()
    };
    let mut found: Vec<_> = directories(home)
        .into_iter()
        .flat_map(|(folder, path)| {
            let inside = directories(&path).into_iter();
            inside.map(move |(name, path)| (format!("{folder}/{name}"), path))
        })
        .collect();
    found.sort();
    found
}

fn open(path: &Path) -> Result<Repository, Problem> {
    let unreadable = |what: &str| {
        let detail = format!(
            "git cannot tell what is in {}: {what}; check the directory and remove it yourself",
            path.display()
        );
        Problem::new(Code::UnsavedWork, detail)
    };
    let repository = repo::open(path).map_err(|error| unreadable(error.message()))?;
    match repository.is_worktree() {
        true => Ok(repository),
        false => Err(unreadable("not a worktree")),
    }
}

fn branch_of(repository: &Repository) -> Option<String> {
    let head = repository.find_reference("HEAD").ok()?;
    Some(head.symbolic_target().ok()??.strip_prefix("refs/heads/")?.to_owned())
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn unknown(id: &str) -> Problem {
    Problem::new(Code::NotFound, format!("no worktree '{}'", id.escape_debug()))
        .with_next(Next::ListWorktrees)
}

fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(Code::Invalid, detail)
}

fn some_of(paths: &[PathBuf]) -> String {
    const NAMED: usize = 5;
    let named: Vec<String> = paths.iter().take(NAMED).map(|path| path.display().to_string()).collect();
    match paths.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

fn unsaved(detail: String) -> Problem {
    Problem::new(Code::UnsavedWork, detail)
}

fn failed(what: &str, error: &git2::Error) -> Problem {
    match missing(error) {
        Some(problem) => Problem { detail: format!("git cannot {what}: {}", problem.detail), ..problem },
        None => Problem::new(Code::Internal, format!("git cannot {what}: {}", error.message())),
    }
}
