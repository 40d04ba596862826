//! Opening the repository that a directory lies in, and files in its work tree.

mod case;

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use codepiper_protocol::wire::problem::{Code, Problem};
use git2::{ErrorCode, Repository, RepositoryOpenFlags};
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};

use super::error::Failure;
use super::name::TreePath;

/// Attributes of files that git passes through something that its library does not do.
pub const FILTERS: [&str; 2] = ["filter", "working-tree-encoding"];
/// Where git writes the name of a file's content for `$Id$`. The library does that for the first of them only.
const IDENT: &str = "ident";

/// A repository with a work tree. Git's library runs no program: no hook, filter, pager, monitor or external diff.
pub struct Repo {
    pub git: Repository,
    /// The root of the work tree.
    pub root: PathBuf,
}

impl Repo {
    /// The one that `dir` lies in.
    pub fn open(dir: &Path) -> Result<Self, Failure> {
        let missing =
            |why: &str| Failure::Said(Problem::new(Code::NoRepository, format!("{} {why}", dir.display())));
        let git = discover(dir).map_err(|error| missing(&why_not(dir, &error)))?;
        let root = git.workdir().ok_or_else(|| missing("lies in a bare repository"))?.to_owned();
        // `core.worktree` may name any directory: one that knows this repository is meant.
        let back = Repository::open(&root).map(|found| found.path().to_owned());
        if back.ok().as_deref() != Some(git.path()) {
            return Err(missing("has a repository whose work tree is elsewhere"));
        }
        Ok(Self { git, root })
    }

    /// Opens what lies at a path of the work tree, following no symbolic link. `None`: nothing is there.
    fn open_at(&self, path: &Path, flags: OFlags) -> std::io::Result<Option<OwnedFd>> {
        let root = File::open(&self.root)?;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        match openat2(root.as_fd(), path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
            Ok(opened) => Ok(Some(opened)),
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The directory of a file, reached through no symbolic link.
    pub fn parent(&self, path: &TreePath) -> Result<Option<OwnedFd>, Failure> {
        let parent = path.as_path().parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        self.open_at(parent, OFlags::PATH | OFlags::DIRECTORY).map_err(|error| outside(path, &error))
    }

    /// The bytes of a plain file. `None`: there is none.
    pub fn read(&self, path: &TreePath, most: u64) -> Result<Option<Vec<u8>>, Failure> {
        let opened = self.open_at(path.as_path(), OFlags::RDONLY | OFlags::NONBLOCK);
        let Some(opened) = opened.map_err(|error| outside(path, &error))? else { return Ok(None) };
        let mut file = File::from(opened);
        let unreadable = |error: std::io::Error| {
            Failure::Said(Problem::new(Code::Invalid, format!("{} cannot be read: {error}", path.text())))
        };
        let meta = file.metadata().map_err(unreadable)?;
        if !meta.is_file() {
            return Ok(None);
        }
        if meta.len() > most {
            let detail = format!("{} has {} bytes, more than {most}", path.text(), meta.len());
            return Err(Failure::Said(Problem::new(Code::TooLarge, detail)));
        }
        let mut bytes = Vec::with_capacity(meta.len() as usize);
        file.read_to_end(&mut bytes).map_err(unreadable)?;
        Ok(Some(bytes))
    }

    /// Whether something that git's library does not do stands between a file and the index: a program of the
    /// configuration, another encoding, or `$Id$`.
    pub fn has_filter(&self, path: &TreePath) -> bool {
        let flags = git2::AttrCheckFlags::FILE_THEN_INDEX;
        let value = |name: &str| self.git.get_attr_bytes(path.as_path(), name, flags).ok().flatten();
        let is_named = |name: &str| matches!(git2::AttrValue::always_bytes(value(name)), git2::AttrValue::Bytes(name) if !name.is_empty());
        let is_set = matches!(git2::AttrValue::always_bytes(value(IDENT)), git2::AttrValue::True);
        is_set || FILTERS.into_iter().any(is_named)
    }
}

/// Opens the repository that `dir` lies in. `Repository::discover` opens the git directory itself, and takes the directory
/// above for the work tree: wrong when git keeps it elsewhere (`git init --separate-git-dir`).
pub fn discover(dir: &Path) -> Result<Repository, git2::Error> {
    Repository::open_ext(dir, RepositoryOpenFlags::empty(), &[] as &[&OsStr]).map(case::as_it_is)
}

/// Opens a work tree, or a git directory.
pub fn open(path: &Path) -> Result<Repository, git2::Error> {
    Repository::open(path).map(case::as_it_is)
}

/// Why `discover` fails, in words that follow the directory.
pub fn why_not(dir: &Path, error: &git2::Error) -> String {
    match error.code() {
        ErrorCode::Owner => {
            let dir = dir.canonicalize().unwrap_or(dir.to_owned());
            let root = dir.ancestors().find(|dir| dir.join(".git").symlink_metadata().is_ok());
            format!(
                "lies in a repository of another user; to trust it, add {} itself to safe.directory in git's \
                 configuration (a pattern such as /srv/* is enough for git, not for CodePiper)",
                root.unwrap_or(&dir).display()
            )
        }
        ErrorCode::NotFound => "is not in a git repository".to_owned(),
        _ => format!("has a repository that cannot be opened: {}", error.message()),
    }
}

/// The repository that a worktree belongs to.
pub struct Main {
    /// Without a work tree if that is elsewhere.
    pub git: Repository,
    /// There is a main work tree, and nothing says where: git notes that only in the work tree itself.
    pub is_elsewhere: bool,
}

impl Main {
    pub fn of(worktree: &Repository) -> Result<Self, git2::Error> {
        let git = open(worktree.commondir())?;
        let Some(root) = git.workdir() else { return Ok(Self { git, is_elsewhere: false }) };
        // Git's library takes the directory above, whatever that is.
        let back = Repository::open(root).map(|found| found.path().to_owned());
        let is_elsewhere = back.ok().as_deref() != Some(git.path());
        let git = if is_elsewhere { Repository::open_bare(git.path())? } else { git };
        Ok(Self { git, is_elsewhere })
    }

    /// The root of its work tree, or its git directory.
    pub fn root(&self) -> &Path {
        self.git.workdir().unwrap_or(self.git.path())
    }
}

fn outside(path: &TreePath, error: &std::io::Error) -> Failure {
    let why = match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
        Some(rustix::io::Errno::LOOP | rustix::io::Errno::XDEV) => "its path has a symbolic link".to_owned(),
        _ => error.to_string(),
    };
    Failure::Said(Problem::new(Code::Invalid, format!("{} is not touched: {why}", path.text())))
}
