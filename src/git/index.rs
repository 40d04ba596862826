//! Changes of the index, and what its entries say beside their content.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, FileTimes, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use git2::{Index, IndexEntry, IndexEntryExtendedFlag, Oid, Status, StatusEntry};

use super::error::{Failure, in_use, invalid};
use super::name::TreePath;
use super::place;
use super::repo::Repo;
use crate::plain_file;

/// A change is tried so often while other programs use the index, and so long apart.
const TRIES: u32 = 6;
const BETWEEN_TRIES: Duration = Duration::from_millis(50);
/// A longer index is not copied, in bytes: one of a million files takes a tenth.
const LONGEST_INDEX: u64 = 1 << 30;
/// In an entry's flags: which side of a conflict it is (git's `index-format`).
const STAGE: u16 = 0x3000;
/// The modes of entries: what kind of thing it is, and a file that is not executable.
const KIND: u32 = 0o170_000;
const PLAIN: u32 = 0o100_644;
const LINK: u32 = 0o120_000;
/// Indexes of an older version have no extended flags.
const EXTENDED: u32 = 3;

/// Changes the index as it is on the disk now. The change is made in a copy, by a repository that sees the copy, and
/// begins anew when another program has written the index meanwhile: git's lock is held for a moment only, and nothing
/// that others staged is lost. Nothing is written on an error.
pub fn change<T>(
    repo: &Repo,
    mut change: impl FnMut(&Repo, &mut Index) -> Result<T, Failure>,
) -> Result<T, Failure> {
    for attempt in 1..=TRIES {
        if attempt > 1 {
            std::thread::sleep(BETWEEN_TRIES);
        }
        if repo.git.path().join("index.lock").exists() {
            continue;
        }
        let mut copy = Copy::make(repo)?;
        let done = change(&copy.repo, &mut copy.index)?;
        copy.forget_racy()?;
        copy.index.write()?;
        if copy.take_its_place()? {
            return Ok(done);
        }
    }
    Err(in_use().into())
}

/// The mode that a file of the work tree gets in the index, `was` being the one that it has there: where the file system
/// knows neither executable files nor links (`core.fileMode`, `core.symlinks`), it stays as it was. Git's library heeds
/// that in the repository's own index, but not in one that was opened by its path.
pub fn mode(repo: &Repo, was: Option<u32>, is: u32) -> Result<u32, Failure> {
    let config = repo.git.config()?;
    let knows = |name: &str| config.get_bool(name).unwrap_or(true);
    let is_file = |mode: u32| mode & KIND == PLAIN & KIND;
    Ok(match was {
        _ if !is_file(is) => is,
        Some(was) if was & KIND == LINK && !knows("core.symlinks") => was,
        _ if knows("core.filemode") => is,
        Some(was) if is_file(was) => was,
        _ => PLAIN,
    })
}

/// A copy of the index beside it, which is gone with this value.
struct Copy {
    repo: Repo,
    index: Index,
    path: PathBuf,
    original: PathBuf,
    /// What the index was when it was copied. `None`: there was none.
    was: Option<fs::Metadata>,
}

impl Copy {
    fn make(repo: &Repo) -> Result<Self, Failure> {
        // Who reads with `repo` does not see the copy.
        let repo = Repo::open(&repo.root)?;
        let original = repo.git.path().join("index");
        let path = repo.git.path().join(format!("codepiper-{}", uuid::Uuid::new_v4().simple()));
        let was = copy(&original, &path).map_err(unusable)?;
        let mut index = Index::open(&path)?;
        repo.git.set_index(&mut index)?;
        Ok(Self { repo, index, path, original, was })
    }

    /// `false`: somebody else holds the index, or has changed it.
    fn take_its_place(&self) -> Result<bool, Failure> {
        let lock = self.original.with_extension("lock");
        match OpenOptions::new().write(true).create_new(true).open(&lock) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
            Err(error) => return Err(unusable(error)),
        }
        let replaced = match is_same(self.was.as_ref(), self.original.metadata().ok().as_ref()) {
            true => fs::rename(&self.path, &self.original).map(|()| true),
            false => Ok(false),
        };
        let unlocked = fs::remove_file(&lock);
        let replaced = replaced.map_err(unusable)?;
        unlocked.map_err(unusable)?;
        Ok(replaced)
    }

    /// A file that was changed in the second in which the index was written is compared by its content, until the index
    /// is written again. Git compares times by seconds, so it would take it for unchanged from then on; its library
    /// looks at nanoseconds and does not care for that. Without a size, git compares the content.
    fn forget_racy(&mut self) -> Result<(), Failure> {
        let Some(written) = self.was.as_ref().map(MetadataExt::mtime) else { return Ok(()) };
        let is_racy = |entry: &IndexEntry| {
            i64::from(entry.mtime.seconds()) >= written && entry.flags & STAGE == 0 && entry.file_size > 0
        };
        let racy: Vec<IndexEntry> = self.index.iter().filter(is_racy).collect();
        for mut entry in racy {
            let path = self.repo.root.join(OsStr::from_bytes(&entry.path));
            let is_same = path.symlink_metadata().is_ok_and(|meta| {
                (meta.mtime(), meta.mtime_nsec())
                    == (entry.mtime.seconds().into(), entry.mtime.nanoseconds().into())
            });
            if !is_same {
                entry.file_size = 0;
                self.index.add(&entry)?;
            }
        }
        Ok(())
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// With the time of the original: what changed since is found by it.
fn copy(from: &Path, to: &Path) -> std::io::Result<Option<fs::Metadata>> {
    let from = match plain_file::open(from) {
        Ok(from) => from,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let was = from.metadata()?;
    if was.len() > LONGEST_INDEX {
        return Err(ErrorKind::FileTooLarge.into());
    }
    let mut to = OpenOptions::new().write(true).create_new(true).open(to)?;
    io::copy(&mut from.take(LONGEST_INDEX), &mut to)?;
    to.set_times(FileTimes::new().set_modified(was.modified()?))?;
    Ok(Some(was))
}

/// Git writes another file in its place each time.
fn is_same(one: Option<&fs::Metadata>, other: Option<&fs::Metadata>) -> bool {
    let name = |meta: &fs::Metadata| {
        let times = [meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()];
        (meta.dev(), meta.ino(), meta.len(), times)
    };
    one.map(name) == other.map(name)
}

fn unusable(error: std::io::Error) -> Failure {
    invalid(format!("the index cannot be changed: {error}"))
}

fn has(entry: &IndexEntry, flag: IndexEntryExtendedFlag) -> bool {
    IndexEntryExtendedFlag::from_bits_truncate(entry.flags_extended).contains(flag)
}

fn is_skipped(entry: &IndexEntry) -> bool {
    has(entry, IndexEntryExtendedFlag::SKIP_WORKTREE)
}

/// Entries that are not what they seem, by their paths.
#[derive(Default)]
pub struct Unusual {
    /// Not checked out (`git sparse-checkout`): not there, and not deleted.
    pub not_checked_out: HashSet<Vec<u8>>,
    /// Announced with `git add -N`: in the index, and not staged.
    pub announced: HashSet<Vec<u8>>,
}

impl Unusual {
    pub fn of(index: &Index) -> Self {
        let mut found = Self::default();
        if index.version() < EXTENDED {
            return found;
        }
        for entry in index.iter() {
            if is_skipped(&entry) {
                found.not_checked_out.insert(entry.path);
            } else if has(&entry, IndexEntryExtendedFlag::INTENT_TO_ADD) {
                found.announced.insert(entry.path);
            }
        }
        found
    }

    /// What the index has of a file that is not checked out.
    pub fn not_checked_out(repo: &Repo, path: &TreePath) -> Result<Option<Oid>, Failure> {
        let entry = repo.git.index()?.get_path(path.as_path(), 0);
        let is_absent = || place::meta(&repo.root, path).is_none();
        Ok(entry.filter(|entry| is_skipped(entry) && is_absent()).map(|entry| entry.id))
    }

    /// Whether that is all there is to say of a file that git's library takes for deleted.
    pub fn explains(&self, entry: &StatusEntry) -> bool {
        entry.status() == Status::WT_DELETED && self.not_checked_out.contains(entry.path_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_that_is_no_file_or_too_long_is_not_copied() {
        let dir = tempfile::tempdir().unwrap();
        let (fifo, long, to) = (dir.path().join("fifo"), dir.path().join("long"), dir.path().join("to"));
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        fs::File::create(&long).unwrap().set_len(LONGEST_INDEX + 1).unwrap();
        let (done, ends) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            done.send([fifo, long].map(|from| copy(&from, &to).map(drop).map_err(|error| error.kind())))
        });
        let copied = ends.recv_timeout(Duration::from_secs(60)).expect("it waits");
        assert_eq!(copied, [Err(ErrorKind::InvalidInput), Err(ErrorKind::FileTooLarge)]);
    }
}
