//! Worktrees for sessions: made below one directory of ours, and removed only when nothing is lost.
//!
//! They lie in `HOME/REPOSITORY-HASH/BRANCH`, with `-` for what a file's name should not hold. A branch
//! outlives its worktree, unless nobody named it and it has no commit of its own.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use codepiper_protocol::wire::problem::{Code, Problem};
use codepiper_protocol::wire::worktree::{
    MAX_NAMED_FILES, NewWorktree, RemoveWorktree, Worktree, WorktreeRemoved, WorktreeState,
};
use git2::{
    Branch, BranchType, Commit, ObjectType, Oid, Repository, RepositoryState, Status, StatusOptions,
    WorktreeAddOptions, WorktreeLockStatus, WorktreePruneOptions,
};

/// What the branches are called that nobody named: this and the session's short id.
const OWN_BRANCHES: &str = "codepiper/";
/// How the reason of our locks begins.
const LEASED: &str = "codepiper: ";
/// Counting commits stops here.
const MOST_COMMITS: usize = 10_000;
/// Flags of the index: git was told not to look at a file.
const ASSUME_VALID: u16 = 1 << 15;
const SKIP_WORKTREE: u16 = 1 << 14;

/// A worktree that was just made.
pub struct Made {
    pub worktree: Worktree,
    /// The place in it that stands for the directory which was asked for.
    pub cwd: PathBuf,
}

/// The name of a branch that can be.
struct BranchName(String);

impl BranchName {
    fn parse(name: &str) -> Result<Self, Problem> {
        match Branch::name_is_valid(name).unwrap_or(false) && !name.starts_with("refs/") {
            true => Ok(Self(name.to_owned())),
            false => Err(invalid(format!("'{}' cannot be a branch's name", name.escape_debug()))),
        }
    }

    fn reference(&self) -> String {
        format!("refs/heads/{}", self.0)
    }
}

/// What may name a commit: no search, no path, no blank.
struct Revision(String);

impl Revision {
    fn parse(text: &str) -> Result<Self, Problem> {
        let bad = |letter: char| letter.is_control() || letter.is_whitespace() || letter == ':';
        match !text.is_empty() && text.len() <= 255 && !text.starts_with(['-', '@']) && !text.contains(bad) {
            true => Ok(Self(text.to_owned())),
            false => Err(invalid(format!("'{}' names no commit", text.escape_debug()))),
        }
    }
}

/// Makes a worktree of the repository that `dir` lies in. `session` is the short id for a branch that nobody
/// named. On an error nothing is left behind.
pub fn make(home: &Path, dir: &Path, wanted: &NewWorktree, session: &str) -> Result<Made, Problem> {
    let repository = Repository::discover(dir)
        .map_err(|_| invalid(format!("{} is in no git repository; leave out the worktree", dir.display())))?;
    let (root, below) = place(&repository, dir)?;
    let (name, base, commit) = choose_branch(&repository, wanted, session)?;
    check_below(&commit, &below, dir)?;
    let (uncommitted, ignored) = left_behind(&repository);
    let (path, admin) = free_place(&repository, home, &name)?;
    let cannot = |error: git2::Error| failed(&format!("make the worktree {}", path.display()), &error);
    let mut branch = match base {
        Some(_) => repository.branch(&name.0, &commit, false),
        None => repository.find_branch(&name.0, BranchType::Local),
    }
    .map_err(cannot)?;
    let added =
        repository.worktree(&admin, &path, Some(WorktreeAddOptions::new().reference(Some(branch.get()))));
    if let Err(error) = added {
        let _ = fs::remove_dir_all(&path);
        prune(&repository, &admin);
        if base.is_some() {
            let _ = branch.delete();
        }
        return Err(cannot(error));
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

/// Where the worktree with this id lies.
pub fn path_of(home: &Path, id: &str) -> Result<PathBuf, Problem> {
    let found = places(home).into_iter().find(|(known, _)| known == id);
    found.map(|(_, path)| path).ok_or_else(|| unknown(id))
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

/// The branch, what it begins at if it is new, and its commit.
fn choose_branch<'r>(
    repository: &'r Repository,
    wanted: &NewWorktree,
    session: &str,
) -> Result<(BranchName, Option<String>, Commit<'r>), Problem> {
    if let Some(name) = &wanted.branch {
        if wanted.create_branch.is_some() || wanted.base.is_some() {
            return Err(invalid("a branch that is there is neither created nor has another base"));
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
        return Err(invalid(format!("there is a branch '{0}' already; --branch {0} works on it", name.0)));
    }
    let (base, commit) = match &wanted.base {
        Some(base) => {
            let Revision(base) = Revision::parse(base)?;
            let found = repository.revparse_single(&base).and_then(|object| object.peel_to_commit());
            let commit = found.map_err(|_| {
                invalid(format!("'{base}' names no commit in {}", repository.path().display()))
            })?;
            (base, commit)
        }
        None => {
            let head = repository.head().and_then(|head| head.peel_to_commit()).map_err(|_| {
                let path = repository.path().display();
                invalid(format!("the repository {path} has no commit yet; commit something first"))
            })?;
            let dir = repository.workdir().unwrap_or(repository.path());
            (super::branch(dir).unwrap_or_else(|| head.id().to_string()), head)
        }
    };
    Ok((name, Some(base), commit))
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
        return Err(invalid(match remote {
            Some(remote) => {
                format!(
                    "there is no local branch '{0}'; --create-branch {0} --base {remote} makes it",
                    name.0
                )
            }
            None => format!("there is no local branch '{0}'; --create-branch {0} makes it", name.0),
        }));
    };
    if let Some(elsewhere) = checked_out_in(repository, &name.reference()) {
        return Err(invalid(format!(
            "branch '{}' is checked out in {}; start there, or choose another branch",
            name.0,
            elsewhere.display()
        )));
    }
    branch.into_reference().peel_to_commit().map_err(|error| failed("read the branch", &error))
}

/// The work tree that has this reference checked out.
fn checked_out_in(repository: &Repository, reference: &str) -> Option<PathBuf> {
    let has_it = |repository: &Repository| {
        let head = repository.find_reference("HEAD").ok()?;
        let target = head.symbolic_target().ok()??;
        (target == reference).then(|| repository.workdir().map(Path::to_owned)).flatten()
    };
    let main = Repository::open(repository.commondir()).ok()?;
    let names = main.worktrees().ok()?;
    let linked = names
        .iter()
        .flatten()
        .flatten()
        .filter_map(|name| Repository::open_from_worktree(&main.find_worktree(name).ok()?).ok());
    has_it(&main).or_else(|| linked.into_iter().find_map(|repository| has_it(&repository)))
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
            "{} has no committed file, so a worktree would not have it; commit one, or start at the repository's root",
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

/// Files with changes, and what git ignores; a new or ignored directory counts once.
fn changes(repository: &Repository) -> Result<(Vec<PathBuf>, Vec<PathBuf>), git2::Error> {
    use std::os::unix::ffi::OsStrExt;
    let mut options = StatusOptions::new();
    options.include_untracked(true).include_ignored(true).exclude_submodules(true);
    let statuses = repository.statuses(Some(&mut options))?;
    let (mut changed, mut ignored) = (vec![], vec![]);
    for entry in statuses.iter() {
        let path = PathBuf::from(std::ffi::OsStr::from_bytes(entry.path_bytes()));
        match entry.status() {
            Status::IGNORED => ignored.push(path),
            _ => changed.push(path),
        }
    }
    changed.extend(unwatched(repository)?);
    Ok((changed, ignored))
}

/// Files that git was told not to look at, and that are not as committed.
fn unwatched(repository: &Repository) -> Result<Vec<PathBuf>, git2::Error> {
    use std::os::unix::ffi::OsStrExt;
    let Some(root) = repository.workdir() else { return Ok(vec![]) };
    let index = repository.index()?;
    let flagged = |entry: &git2::IndexEntry| {
        entry.flags & ASSUME_VALID != 0 || entry.flags_extended & SKIP_WORKTREE != 0
    };
    let differs = |entry: git2::IndexEntry| {
        let path = PathBuf::from(std::ffi::OsStr::from_bytes(&entry.path));
        let whole = root.join(&path);
        // One that is not there is lost already.
        let there = whole.symlink_metadata().is_ok();
        (there && Oid::hash_file(ObjectType::Blob, &whole).ok() != Some(entry.id)).then_some(path)
    };
    Ok(index.iter().filter(flagged).filter_map(differs).collect())
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
        Problem::new(Code::Internal, format!("cannot make the directory {}: {error}", folder.display()))
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
        invalid(format!("cannot look at the repository {}: {error}", repository.path().display()))
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

fn state(id: String, path: PathBuf) -> WorktreeState {
    let bytes = size(&path);
    let looked = open(&path).and_then(|repository| {
        let looked = changes(&repository).and_then(|found| Ok((found, own_commits(&repository)?)));
        let ((changed, ignored), own) = looked.map_err(|error| failed("look at the worktree", &error))?;
        let main = Repository::open(repository.commondir()).ok();
        let root = main.map(|main| main.workdir().unwrap_or(main.path()).components().collect());
        Ok((root, branch_of(&repository), count(changed.len()), count(ignored.len()), count(own)))
    });
    let (problem, (repository, branch, uncommitted, ignored, unpushed)) = match looked {
        Ok(looked) => (None, looked),
        Err(problem) => (Some(problem.detail), Default::default()),
    };
    WorktreeState {
        id,
        path,
        repository,
        branch,
        bytes,
        uncommitted,
        ignored,
        unpushed,
        problem,
        sessions: vec![],
        in_use: false,
    }
}

fn open(path: &Path) -> Result<Repository, Problem> {
    let unreadable = |what: &str| {
        let detail = format!(
            "git cannot tell what is in {}: {what}; look at it and remove the directory yourself",
            path.display()
        );
        Problem::new(Code::UnsavedWork, detail)
    };
    let repository = Repository::open(path).map_err(|error| unreadable(error.message()))?;
    match repository.is_worktree() {
        true => Ok(repository),
        false => Err(unreadable("it is no worktree")),
    }
}

fn branch_of(repository: &Repository) -> Option<String> {
    let head = repository.find_reference("HEAD").ok()?;
    Some(head.symbolic_target().ok()??.strip_prefix("refs/heads/")?.to_owned())
}

/// How many commits of HEAD are on no other branch, no remote's and under no tag.
fn own_commits(repository: &Repository) -> Result<usize, git2::Error> {
    let mut walk = repository.revwalk()?;
    if walk.push_head().is_err() {
        // Nothing is committed.
        return Ok(0);
    }
    let own = branch_of(repository).map(|branch| format!("refs/heads/{branch}"));
    for reference in repository.references()? {
        let reference = reference?;
        if reference.name().ok() == own.as_deref() {
            continue;
        }
        if let Ok(commit) = reference.peel_to_commit() {
            walk.hide(commit.id())?;
        }
    }
    Ok(walk.take(MOST_COMMITS).count())
}

fn remove_at(path: &Path, request: RemoveWorktree) -> Result<WorktreeRemoved, Problem> {
    let repository = open(path)?;
    let own = nothing_is_lost(&repository, path, request)?;
    let worktree = git2::Worktree::open_from_repository(&repository);
    let worktree = worktree.map_err(|error| failed("look at the worktree", &error))?;
    if let Ok(WorktreeLockStatus::Locked(reason)) = worktree.is_locked()
        && !reason.as_deref().is_some_and(|reason| reason.starts_with(LEASED))
    {
        let reason = reason.unwrap_or_default();
        return Err(unsaved(format!("{} is locked: {reason}; git worktree unlock it first", path.display())));
    }
    release(path);
    let branch = branch_of(&repository);
    let main =
        Repository::open(repository.commondir()).map_err(|error| failed("open the repository", &error))?;
    let admin = worktree.name().ok().flatten().unwrap_or_default().to_owned();
    fs::remove_dir_all(path).map_err(|error| {
        Problem::new(Code::Internal, format!("cannot remove {}: {error}", path.display()))
    })?;
    prune(&main, &admin);
    if let Some(folder) = path.parent() {
        // Goes when it is empty.
        let _ = fs::remove_dir(folder);
    }
    let kept_branch = branch.filter(|branch| {
        let needless = branch.starts_with(OWN_BRANCHES) && own == 0;
        let removed = needless
            && main.find_branch(branch, BranchType::Local).is_ok_and(|mut branch| branch.delete().is_ok());
        !removed
    });
    Ok(WorktreeRemoved { path: path.to_owned(), kept_branch })
}

/// How many commits its branch has of its own: they stay with the branch.
fn nothing_is_lost(repository: &Repository, path: &Path, request: RemoveWorktree) -> Result<usize, Problem> {
    let shown = path.display();
    let looked = changes(repository).and_then(|found| Ok((found, own_commits(repository)?)));
    let ((changed, ignored), own) = looked.map_err(|error| {
        unsaved(format!("git cannot tell what would be lost in {shown}: {}", error.message()))
    })?;
    if !changed.is_empty() {
        return Err(unsaved(format!(
            "{shown} has uncommitted work: {}; commit it, or take it away yourself",
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
            "{shown} has a filled submodule {}; see to what is in it, and empty it with git submodule deinit",
            submodule.path().display()
        )));
    }
    if branch_of(repository).is_none() && own > 0 {
        return Err(unsaved(format!(
            "{shown} has {own} commit(s) that are on no branch; git -C {shown} branch NAME keeps them"
        )));
    }
    if !ignored.is_empty() && !request.ignored {
        return Err(unsaved(format!(
            "{shown} has files that git ignores: {}; codepiper worktree remove --ignored deletes them too",
            some_of(&ignored)
        )));
    }
    Ok(own)
}

fn some_of(paths: &[PathBuf]) -> String {
    const NAMED: usize = 5;
    let named: Vec<String> = paths.iter().take(NAMED).map(|path| path.display().to_string()).collect();
    match paths.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// Lets git forget a worktree whose directory is gone.
fn prune(repository: &Repository, name: &str) {
    if let Ok(worktree) = repository.find_worktree(name)
        && let Err(error) = worktree.prune(Some(WorktreePruneOptions::new().valid(true)))
    {
        tracing::warn!(name, %error, "git remembers a worktree that is gone");
    }
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

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn unknown(id: &str) -> Problem {
    let detail =
        format!("no worktree '{}'; codepiper worktree list shows those that exist", id.escape_debug());
    Problem::new(Code::NotFound, detail)
}

fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(Code::Invalid, detail)
}

fn unsaved(detail: String) -> Problem {
    Problem::new(Code::UnsavedWork, detail)
}

fn failed(what: &str, error: &git2::Error) -> Problem {
    Problem::new(Code::Internal, format!("git cannot {what}: {}", error.message()))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// A repository with one commit, and a place for worktrees.
    struct Bed {
        dir: tempfile::TempDir,
    }

    impl Bed {
        fn new() -> Self {
            let bed = Self { dir: tempfile::tempdir().unwrap() };
            fs::create_dir(bed.repository()).unwrap();
            bed.git(&["init", "-q", "-b", "main"]);
            fs::create_dir(bed.repository().join("sub")).unwrap();
            bed.write("sub/file", "one");
            bed.write(".gitignore", "target\n.env\n");
            bed.commit("first");
            bed
        }

        fn repository(&self) -> PathBuf {
            self.dir.path().join("repo")
        }

        fn home(&self) -> PathBuf {
            self.dir.path().join("worktrees")
        }

        fn write(&self, name: &str, content: &str) {
            fs::write(self.repository().join(name), content).unwrap();
        }

        fn git(&self, args: &[&str]) -> String {
            git(&self.repository(), args)
        }

        fn commit(&self, what: &str) {
            self.git(&["add", "-A"]);
            self.git(&["commit", "-qm", what]);
        }

        fn make(&self, wanted: NewWorktree) -> Result<Made, Problem> {
            make(&self.home(), &self.repository(), &wanted, "a1b2c3d4")
        }

        fn made(&self, wanted: NewWorktree) -> PathBuf {
            self.make(wanted).map_err(|problem| problem.detail).unwrap().worktree.path
        }

        /// Why it cannot be made; and nothing was.
        fn refused(&self, wanted: NewWorktree) -> String {
            let before = (self.git(&["branch"]), list(&self.home()).len());
            let problem = self.make(wanted).err().unwrap();
            assert_eq!((self.git(&["branch"]), list(&self.home()).len()), before);
            assert_eq!(problem.code, Code::Invalid);
            problem.detail
        }

        fn remove(&self, path: &Path, ignored: bool) -> Result<WorktreeRemoved, Problem> {
            let id = list(&self.home()).into_iter().find(|state| state.path == path).unwrap().id;
            remove(&self.home(), &id, RemoveWorktree { ignored })
        }

        /// Why it is not removed; and everything is there as before.
        fn kept(&self, path: &Path) -> String {
            let files = || Command::new("find").arg(path).arg("-ls").output().unwrap().stdout;
            let before = files();
            let problem = self.remove(path, false).unwrap_err();
            assert_eq!(problem.code, Code::UnsavedWork);
            assert!(files() == before);
            problem.detail
        }
    }

    fn git(dir: &Path, args: &[&str]) -> String {
        let mut command = Command::new("git");
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        command.args([
            "-c",
            "user.name=x",
            "-c",
            "user.email=x@example.org",
            "-c",
            "protocol.file.allow=always",
        ]);
        let output = command.arg("-C").arg(dir).args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn create(name: &str) -> NewWorktree {
        NewWorktree { create_branch: Some(name.to_owned()), ..NewWorktree::default() }
    }

    fn on(name: &str) -> NewWorktree {
        NewWorktree { branch: Some(name.to_owned()), ..NewWorktree::default() }
    }

    fn from(base: &str) -> NewWorktree {
        NewWorktree { base: Some(base.to_owned()), ..NewWorktree::default() }
    }

    #[test]
    fn a_worktree_is_made_beside_a_dirty_one_and_says_what_it_lacks() {
        let bed = Bed::new();
        bed.write("sub/file", "two");
        bed.write("new", "");
        bed.write(".env", "SECRET=1");
        fs::create_dir_all(bed.repository().join("target/debug")).unwrap();
        bed.write("target/debug/x", "");
        let made = make(&bed.home(), &bed.repository().join("sub"), &NewWorktree::default(), "a1b2c3d4");
        let Made { worktree, cwd } = made.map_err(|problem| problem.detail).unwrap();
        assert_eq!(
            (worktree.branch.as_str(), worktree.base.as_deref()),
            ("codepiper/a1b2c3d4", Some("main"))
        );
        assert_eq!(worktree.repository, bed.repository().canonicalize().unwrap());
        assert_eq!(worktree.uncommitted, 2);
        assert_eq!(worktree.ignored, [PathBuf::from(".env"), "target/".into()]);
        assert_eq!(cwd, worktree.path.join("sub"));
        assert_eq!(fs::read_to_string(cwd.join("file")).unwrap(), "one");
        assert!(!worktree.path.join(".env").exists());
        assert!(worktree.path.starts_with(bed.home()) && worktree.path.ends_with("codepiper-a1b2c3d4"));
        // git itself agrees, and the other one is as it was.
        assert_eq!(git(&worktree.path, &["status", "--porcelain"]), "");
        assert!(bed.git(&["worktree", "list"]).contains("[codepiper/a1b2c3d4]"));
        assert_eq!(fs::read_to_string(bed.repository().join("sub/file")).unwrap(), "two");
    }

    #[test]
    fn branches_are_new_or_there_and_in_one_place() {
        let bed = Bed::new();
        bed.git(&["branch", "there"]);
        bed.git(&["tag", "v1"]);
        bed.write("sub/file", "two");
        bed.commit("second");
        let there = bed.made(on("there"));
        assert_eq!(fs::read_to_string(there.join("sub/file")).unwrap(), "one");
        let said = bed.refused(on("there"));
        assert!(said.contains("checked out in") && said.contains(there.to_str().unwrap()), "{said}");
        assert!(bed.refused(on("main")).contains(bed.repository().to_str().unwrap()));
        assert!(bed.refused(on("none")).contains("--create-branch none"));
        assert!(bed.refused(create("there")).contains("--branch there"));
        for base in ["v1", "there", "main~1", &bed.git(&["rev-parse", "--short", "HEAD~1"])] {
            let name = format!("from/{}", base.replace('~', "-"));
            let made = bed.made(NewWorktree { base: Some(base.into()), ..create(&name) });
            assert_eq!(fs::read_to_string(made.join("sub/file")).unwrap(), "one", "{base}");
        }
        // Two branches whose names would be one name of a directory.
        let (one, other) = (bed.made(create("a/b")), bed.made(create("a-b")));
        assert!(one.ends_with("a-b") && other.ends_with("a-b-2"), "{}", other.display());
        // From within a worktree: the base is what is checked out there.
        let inside =
            make(&bed.home(), &there, &create("inside"), "").map_err(|problem| problem.detail).unwrap();
        assert_eq!(inside.worktree.base.as_deref(), Some("there"));
        assert_eq!(fs::read_to_string(inside.cwd.join("sub/file")).unwrap(), "one");
    }

    #[test]
    fn what_is_no_branch_and_no_commit_is_refused() {
        let bed = Bed::new();
        for bad in
            ["", "-x", "--upload-pack=x", "a..b", "a b", "a:b", "x.lock", "refs/heads/x", "HEAD", "a\0b"]
        {
            assert!(bed.refused(create(bad)).contains("branch"), "{bad}");
            assert!(bed.refused(on(bad)).contains("branch"), "{bad}");
        }
        for bad in
            ["", "-x", "--all", "none", ":/first", "main:sub", "@{-1}", "main^{tree}", "HEAD~9", "a\0b"]
        {
            assert!(bed.refused(from(bad)).contains("names no commit"), "{bad}");
        }
        // One that git cannot make beside another one.
        bed.git(&["branch", "a"]);
        assert_eq!(bed.make(create("a/b")).err().unwrap().code, Code::Internal);
        assert_eq!(list(&bed.home()).len(), 0);
        // No repository, none with a commit, and a directory that is not in the commit.
        let none = tempfile::tempdir().unwrap();
        let refused = |dir: &Path| make(&bed.home(), dir, &create("x"), "").err().unwrap().detail;
        assert!(refused(none.path()).contains("no git repository"));
        git(none.path(), &["init", "-q"]);
        assert!(refused(none.path()).contains("no commit yet"));
        fs::create_dir(bed.repository().join("fresh")).unwrap();
        assert!(refused(&bed.repository().join("fresh")).contains("no committed file"));
    }

    #[test]
    fn a_repository_in_a_repository_and_a_bare_one_have_their_own() {
        let bed = Bed::new();
        let inner = bed.repository().join("inner");
        fs::create_dir(&inner).unwrap();
        git(&inner, &["init", "-q", "-b", "trunk"]);
        git(&inner, &["commit", "-qm", "x", "--allow-empty"]);
        let made = make(&bed.home(), &inner, &NewWorktree::default(), "1")
            .map_err(|problem| problem.detail)
            .unwrap();
        assert_eq!(made.worktree.base.as_deref(), Some("trunk"));
        assert_eq!(made.worktree.repository, inner.canonicalize().unwrap());
        bed.git(&["clone", "-q", "--bare", ".", "../bare.git"]);
        let bare = bed.dir.path().join("bare.git");
        let made = make(&bed.home(), &bare, &create("x"), "").map_err(|problem| problem.detail).unwrap();
        assert!(made.cwd.join("sub/file").exists());
        bed.remove(&made.worktree.path, false).unwrap();
        assert_eq!(git(&bare, &["worktree", "list"]).lines().count(), 1);
    }

    #[test]
    fn nothing_that_is_nowhere_else_is_removed() {
        let bed = Bed::new();
        let path = bed.made(create("work"));
        let file = path.join("sub/file");
        fs::write(&file, "changed").unwrap();
        assert!(bed.kept(&path).contains("sub/file"));
        git(&path, &["add", "-A"]);
        assert!(bed.kept(&path).contains("sub/file"), "staged");
        git(&path, &["reset", "-q", "--hard"]);
        fs::write(path.join("new"), "").unwrap();
        assert!(bed.kept(&path).contains("new"), "untracked");
        fs::remove_file(path.join("new")).unwrap();
        // git is told not to look, and looks.
        for flag in ["--assume-unchanged", "--skip-worktree"] {
            git(&path, &["update-index", flag, "sub/file"]);
            fs::write(&file, "hidden").unwrap();
            assert!(bed.kept(&path).contains("sub/file"), "{flag}");
            fs::write(&file, "one").unwrap();
            git(&path, &["update-index", &flag.replace("--", "--no-"), "sub/file"]);
        }
        // A repository that an agent cloned into it.
        fs::create_dir(path.join("clone")).unwrap();
        git(&path.join("clone"), &["init", "-q"]);
        fs::write(path.join("clone/x"), "").unwrap();
        assert!(bed.kept(&path).contains("clone"));
        fs::remove_dir_all(path.join("clone")).unwrap();
        // What is ignored goes only when that was said.
        fs::write(path.join(".env"), "SECRET=1").unwrap();
        assert!(bed.kept(&path).contains(".env") && bed.kept(&path).contains("--ignored"));
        // Commits without a branch.
        git(&path, &["checkout", "-q", "--detach"]);
        git(&path, &["commit", "-qm", "loose", "--allow-empty"]);
        assert!(bed.kept(&path).contains("on no branch"));
        git(&path, &["checkout", "-q", "work"]);
        // Somebody else's lock.
        bed.git(&["worktree", "lock", "--reason", "mine", path.to_str().unwrap()]);
        assert!(bed.remove(&path, true).unwrap_err().detail.contains("locked: mine"));
        bed.git(&["worktree", "unlock", path.to_str().unwrap()]);
        let removed = bed.remove(&path, true).unwrap();
        assert_eq!(removed.kept_branch.as_deref(), Some("work"));
        assert!(!path.exists() && list(&bed.home()).is_empty());
        assert_eq!(bed.git(&["worktree", "list"]).lines().count(), 1);
        bed.git(&["rev-parse", "work"]);
    }

    #[test]
    fn a_branch_that_nobody_named_goes_when_it_has_nothing() {
        let bed = Bed::new();
        let path = bed.made(NewWorktree::default());
        assert_eq!(bed.remove(&path, false).unwrap().kept_branch, None);
        assert_eq!(bed.git(&["branch", "--format=%(refname:short)"]), "main");
        let path = bed.made(NewWorktree::default());
        git(&path, &["commit", "-qm", "mine", "--allow-empty"]);
        assert_eq!(list(&bed.home())[0].unpushed, 1);
        assert_eq!(bed.remove(&path, false).unwrap().kept_branch.as_deref(), Some("codepiper/a1b2c3d4"));
        bed.git(&["rev-parse", "codepiper/a1b2c3d4"]);
    }

    #[test]
    fn merges_and_filled_submodules_and_lost_repositories_are_left_alone() {
        let bed = Bed::new();
        bed.git(&["init", "-q", "../other"]);
        let other = bed.dir.path().join("other");
        git(&other, &["commit", "-qm", "x", "--allow-empty"]);
        bed.git(&["submodule", "--quiet", "add", other.to_str().unwrap(), "module"]);
        bed.commit("a submodule");
        let made = bed.make(create("work")).map_err(|problem| problem.detail).unwrap();
        assert_eq!(made.worktree.submodules, [PathBuf::from("module")]);
        let path = made.worktree.path;
        git(&path, &["submodule", "--quiet", "update", "--init"]);
        assert!(bed.kept(&path).contains("submodule module"));
        git(&path, &["submodule", "--quiet", "deinit", "--force", "module"]);
        git(&path, &["merge", "-q", "--no-commit", "--no-ff", "main"]);
        git(&path, &["commit", "-qm", "mine", "--allow-empty"]);
        bed.git(&["commit", "-qm", "other", "--allow-empty"]);
        git(&path, &["merge", "-q", "--no-commit", "--no-ff", "main"]);
        assert!(bed.kept(&path).contains("merge"));
        fs::rename(bed.repository(), bed.dir.path().join("moved")).unwrap();
        assert!(list(&bed.home())[0].problem.as_deref().unwrap().contains("cannot tell"));
        assert!(bed.kept(&path).contains("remove the directory yourself"));
    }

    #[test]
    fn a_lease_keeps_git_from_removing_it() {
        let bed = Bed::new();
        let path = bed.made(create("work"));
        lease(&path, "session a1b2c3d4");
        lease(&path, "session ffffffff");
        assert!(bed.git(&["worktree", "list", "--porcelain"]).contains("locked codepiper: session a1b2c3d4"));
        release(&path);
        assert!(!bed.git(&["worktree", "list", "--porcelain"]).contains("locked"));
        bed.git(&["worktree", "lock", path.to_str().unwrap()]);
        release(&path);
        assert!(bed.git(&["worktree", "list", "--porcelain"]).contains("locked"));
    }

    #[test]
    fn an_id_cannot_leave_the_place_of_the_worktrees() {
        let bed = Bed::new();
        bed.made(create("work"));
        for id in ["", "/", "../repo", "repo", "../../etc", "x/../../repo"] {
            let problem = remove(&bed.home(), id, RemoveWorktree { ignored: true }).unwrap_err();
            assert_eq!(problem.code, Code::NotFound, "{id}");
        }
        assert!(bed.repository().join("sub/file").exists());
    }
}
