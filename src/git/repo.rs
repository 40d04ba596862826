//! Opening the repository that a directory lies in, and files in its work tree.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use codepiper_protocol::wire::problem::{Code, Problem};
use git2::{Index, IndexEntry, Repository};
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};

use super::error::{Failure, in_use};
use super::name::TreePath;

/// The index is tried so often while another program holds it, and so long apart.
const TRIES: u32 = 6;
const BETWEEN_TRIES: Duration = Duration::from_millis(50);
/// In an entry's flags: which side of a conflict it is (git's `index-format`).
const STAGE: u16 = 0x3000;

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
        let git = Repository::discover(dir).map_err(|error| match error.code() {
            git2::ErrorCode::Owner => {
                missing("lies in a repository of another user, which git does not trust")
            }
            git2::ErrorCode::NotFound => missing("is not in a git repository"),
            _ => missing(&format!("has a repository that cannot be opened: {}", error.message())),
        })?;
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

    /// Changes the index as it is on the disk now, and writes it. Nothing is written on an error.
    pub fn change_index<T>(
        &self,
        mut change: impl FnMut(&mut Index) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let lock = self.git.path().join("index.lock");
        for attempt in 1.. {
            // What another program is about to write must not be lost.
            if !lock.exists() {
                let mut index = self.git.index()?;
                index.read(true)?;
                let done = change(&mut index)?;
                self.forget_racy(&mut index)?;
                match index.write() {
                    Ok(()) => return Ok(done),
                    Err(error) if error.code() == git2::ErrorCode::Locked => {}
                    Err(error) => return Err(error.into()),
                }
            }
            if attempt == TRIES {
                break;
            }
            std::thread::sleep(BETWEEN_TRIES);
        }
        Err(in_use().into())
    }

    /// A file that was changed in the second in which the index was written is compared by its content, until the index
    /// is written again. Git compares times by seconds, so it would take it for unchanged from then on; its library
    /// looks at nanoseconds and does not care for that. Without a size, git compares the content.
    fn forget_racy(&self, index: &mut Index) -> Result<(), Failure> {
        let Ok(written) = self.git.path().join("index").metadata() else { return Ok(()) };
        let is_racy = |entry: &IndexEntry| {
            i64::from(entry.mtime.seconds()) >= written.mtime()
                && entry.flags & STAGE == 0
                && entry.file_size > 0
        };
        let racy: Vec<IndexEntry> = index.iter().filter(is_racy).collect();
        for mut entry in racy {
            let path = self.root.join(OsStr::from_bytes(&entry.path));
            let is_same = path.symlink_metadata().is_ok_and(|meta| {
                (meta.mtime(), meta.mtime_nsec())
                    == (entry.mtime.seconds().into(), entry.mtime.nanoseconds().into())
            });
            if !is_same {
                entry.file_size = 0;
                index.add(&entry)?;
            }
        }
        Ok(())
    }

    /// Whether a program of the configuration stands between a file and the index.
    pub fn has_filter(&self, path: &TreePath) -> bool {
        let value = self.git.get_attr_bytes(path.as_path(), "filter", git2::AttrCheckFlags::FILE_THEN_INDEX);
        value.ok().flatten().is_some_and(|value| {
            matches!(git2::AttrValue::always_bytes(Some(value)), git2::AttrValue::Bytes(name) if !name.is_empty())
        })
    }
}

fn outside(path: &TreePath, error: &std::io::Error) -> Failure {
    let why = match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
        Some(rustix::io::Errno::LOOP | rustix::io::Errno::XDEV) => "its path has a symbolic link".to_owned(),
        _ => error.to_string(),
    };
    Failure::Said(Problem::new(Code::Invalid, format!("{} is not touched: {why}", path.text())))
}
