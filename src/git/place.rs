//! What lies at a path of the work tree: read, replaced and removed without following a symbolic link.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use codepiper_protocol::wire::git::MAX_FILE;
use codepiper_protocol::wire::problem::{Code, Problem};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, RenameFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use super::error::{Failure, changed, invalid};
use super::name::TreePath;
use super::repo::Repo;

const PLAIN: u32 = 0o100_644;
const EXECUTABLE: u32 = 0o100_755;
const LINK: u32 = 0o120_000;

/// A file, or a link. Two are the same when git calls them the same.
#[derive(Clone, Debug)]
pub struct Content {
    /// As git writes it: plain, executable, a link.
    pub mode: u32,
    /// As the file system has them. `None`: those of the file that is replaced, or of any new file.
    pub permissions: Option<u32>,
    /// Of a link, where it points.
    pub bytes: Vec<u8>,
}

impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        self.mode == other.mode && self.bytes == other.bytes
    }
}

/// What is known of what lies there. Behind a symbolic link on the way nothing does, to git.
pub fn meta(root: &Path, path: &TreePath) -> Option<Metadata> {
    let is_link = |dir: &Path| !dir.as_os_str().is_empty() && root.join(dir).is_symlink();
    match path.as_path().ancestors().skip(1).any(is_link) {
        true => None,
        false => root.join(path.as_path()).symlink_metadata().ok(),
    }
}

/// `None`: nothing is there, or a directory without a file.
pub fn read(repo: &Repo, path: &TreePath) -> Result<Option<Content>, Failure> {
    match repo.parent(path)? {
        Some(parent) => read_at(&parent, path, name(path)),
        None => Ok(None),
    }
}

/// The same in a directory of our own.
pub fn read_in(dir: &Path, path: &TreePath) -> Result<Option<Content>, Failure> {
    read_at(rustix::fs::CWD, path, dir.join(path.as_path()).as_os_str())
}

fn read_at(parent: impl AsFd + Copy, path: &TreePath, name: &OsStr) -> Result<Option<Content>, Failure> {
    let cannot = |error: Errno| unusable(path, error.into());
    let Some(stat) = stat(parent, name).map_err(cannot)? else { return Ok(None) };
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Symlink => {
            let target = rustix::fs::readlinkat(parent, name, Vec::new()).map_err(cannot)?;
            Ok(Some(Content { mode: LINK, permissions: None, bytes: target.into_bytes() }))
        }
        FileType::RegularFile if stat.st_size as u64 <= MAX_FILE => {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let opened = rustix::fs::openat(parent, name, flags, Mode::empty()).map_err(cannot)?;
            let mut bytes = Vec::new();
            File::from(opened).read_to_end(&mut bytes).map_err(|error| unusable(path, error))?;
            let mode = if stat.st_mode & 0o100 == 0 { PLAIN } else { EXECUTABLE };
            Ok(Some(Content { mode, permissions: Some(permissions(&stat)), bytes }))
        }
        FileType::RegularFile => {
            let detail = format!("{} is larger than 64 MiB; discard it with git itself", path.text());
            Err(Problem::new(Code::TooLarge, detail).into())
        }
        FileType::Directory if is_empty(parent, name) => Ok(None),
        _ => {
            Err(invalid(format!("{} is neither a file nor a link; discard it with git itself", path.text())))
        }
    }
}

/// Whether there is no file in a directory. One that cannot be read may hold some.
fn is_empty(parent: impl AsFd, name: &OsStr) -> bool {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let Ok(dir) = rustix::fs::openat(parent, name, flags, Mode::empty()) else { return false };
    let Ok(mut entries) = Dir::read_from(&dir) else { return false };
    entries.all(|entry| {
        let Ok(entry) = entry else { return false };
        let name = entry.file_name().to_bytes();
        name == b"." || name == b".." || is_empty(&dir, OsStr::from_bytes(name))
    })
}

fn stat(parent: impl AsFd, name: &OsStr) -> Result<Option<Stat>, Errno> {
    match rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

fn permissions(stat: &Stat) -> u32 {
    stat.st_mode & 0o7777
}

/// Puts `after` in the place of `before`: one of them is there, never half of it. Where something else lies, it stays:
/// what came out is looked at when nobody can write there any more.
pub fn replace(
    repo: &Repo,
    path: &TreePath,
    before: Option<&Content>,
    after: Option<&Content>,
) -> Result<(), Failure> {
    if read(repo, path)?.as_ref() != before {
        return Err(changing(path));
    }
    let parent = match (before, after) {
        (None, None) => return Ok(()),
        (_, Some(_)) => make_parent(repo, path)?,
        (Some(_), None) => repo.parent(path)?.ok_or_else(|| changing(path))?,
    };
    let swap = Swap { parent, path, beside: format!(".codepiper-{}", uuid::Uuid::new_v4().simple()) };
    if let Some(after) = after {
        swap.make(after).inspect_err(|_| swap.forget())?;
    }
    match (before, after) {
        (Some(before), Some(after)) => swap.exchange(before, after),
        (Some(before), None) => swap.take(before),
        (None, _) => {
            remove_empty(&repo.root.join(path.as_path()));
            swap.put().inspect_err(|_| swap.forget())
        }
    }
}

/// Directories in which there is no file: git knows none.
fn remove_empty(dir: &Path) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_empty(&entry.path());
        }
    }
    let _ = std::fs::remove_dir(dir);
}

/// A path, and a name beside it from which something comes there, or to which it goes.
struct Swap<'p> {
    parent: OwnedFd,
    path: &'p TreePath,
    beside: String,
}

impl Swap<'_> {
    fn make(&self, content: &Content) -> Result<(), Failure> {
        let made = match content.mode {
            LINK => {
                rustix::fs::symlinkat(OsStr::from_bytes(&content.bytes), &self.parent, self.beside.as_str())
                    .map_err(std::io::Error::from)
            }
            _ => make(&self.parent, &self.beside, name(self.path), content),
        };
        made.map_err(|error| unusable(self.path, error))
    }

    /// What is made is there, and `before` is gone; or nothing has changed.
    fn exchange(&self, before: &Content, after: &Content) -> Result<(), Failure> {
        match self.rename(Way::In, RenameFlags::EXCHANGE) {
            Ok(()) if self.has(before) => {}
            Ok(()) => {
                self.rename(Way::In, RenameFlags::EXCHANGE).map_err(|error| self.left(error))?;
                if !self.has(after) {
                    return Err(self.left(Errno::EXIST));
                }
                self.forget();
                return Err(changing(self.path));
            }
            Err(error) => {
                self.forget();
                return Err(self.failed(error));
            }
        }
        self.forget();
        Ok(())
    }

    /// `before` is gone, or nothing has changed.
    fn take(&self, before: &Content) -> Result<(), Failure> {
        self.rename(Way::Out, RenameFlags::empty()).map_err(|error| self.failed(error))?;
        if self.has(before) {
            self.forget();
            return Ok(());
        }
        self.rename(Way::In, RenameFlags::NOREPLACE).map_err(|error| self.left(error))?;
        Err(changing(self.path))
    }

    /// What is made is there, where nothing was.
    fn put(&self) -> Result<(), Failure> {
        self.rename(Way::In, RenameFlags::NOREPLACE).map_err(|error| self.failed(error))
    }

    fn rename(&self, way: Way, flags: RenameFlags) -> Result<(), Errno> {
        let (from, to) = match way {
            Way::In => (OsStr::new(&self.beside), name(self.path)),
            Way::Out => (name(self.path), OsStr::new(&self.beside)),
        };
        match rustix::fs::renameat_with(&self.parent, from, &self.parent, to, flags) {
            // A file system that has no such renames, as NFS: what lay there was looked at a moment ago.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                rustix::fs::renameat(&self.parent, from, &self.parent, to)
            }
            done => done,
        }
    }

    /// Whether this is what lies beside. Where renames do not exchange, nothing does.
    fn has(&self, content: &Content) -> bool {
        match read_at(&self.parent, self.path, OsStr::new(&self.beside)) {
            Ok(found) => found.is_none_or(|found| found == *content),
            Err(_) => false,
        }
    }

    fn forget(&self) {
        let _ = rustix::fs::unlinkat(&self.parent, self.beside.as_str(), AtFlags::empty());
    }

    fn failed(&self, error: Errno) -> Failure {
        match error {
            // Somebody was faster.
            Errno::NOENT | Errno::EXIST => changing(self.path),
            _ => unusable(self.path, error.into()),
        }
    }

    /// Somebody wrote the file twice in the same moment: one of them lies beside.
    fn left(&self, error: Errno) -> Failure {
        changed(format!(
            "{} is being written right now, and one of its states is in {} beside it ({error})",
            self.path.text(),
            self.beside
        ))
    }
}

enum Way {
    In,
    Out,
}

fn changing(path: &TreePath) -> Failure {
    changed(format!("{} is changing right now", path.text()))
}

/// The new file beside the one that it replaces.
fn make(parent: &OwnedFd, beside: &str, replaced: &OsStr, content: &Content) -> std::io::Result<()> {
    let is_executable = content.mode == EXECUTABLE;
    let before = stat(parent, replaced)?.filter(|stat| FileType::from_raw_mode(stat.st_mode).is_file());
    let alike = before.as_ref().map(permissions).map(|bits| match (is_executable, bits & 0o100 != 0) {
        // Who may read it may execute it.
        (true, false) => bits | (bits & 0o444) >> 2,
        (false, true) => bits & !0o111,
        _ => bits,
    });
    let bits = Mode::from_bits_truncate(if is_executable { 0o777 } else { 0o666 });
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::openat(parent, beside, flags, bits)?);
    if let Some(bits) = content.permissions.or(alike) {
        rustix::fs::fchmod(&file, Mode::from_bits_truncate(bits))?;
    }
    file.write_all(&content.bytes)?;
    file.sync_all()
}

pub fn remove(repo: &Repo, path: &TreePath) -> Result<(), Failure> {
    let Some(parent) = repo.parent(path)? else { return Ok(()) };
    match rustix::fs::unlinkat(&parent, name(path), AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(unusable(path, error.into())),
    }
}

/// The directory of a file, made if it is not there.
fn make_parent(repo: &Repo, path: &TreePath) -> Result<OwnedFd, Failure> {
    if let Some(parent) = repo.parent(path)? {
        return Ok(parent);
    }
    let cannot = |error: std::io::Error| unusable(path, error);
    let mut dir: OwnedFd = File::open(&repo.root).map_err(cannot)?.into();
    for part in path.as_path().parent().into_iter().flatten() {
        match rustix::fs::mkdirat(&dir, part, Mode::from_bits_truncate(0o777)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(cannot(error.into())),
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        let opened = rustix::fs::openat2(dir.as_fd(), part, flags, Mode::empty(), resolve);
        dir = opened.map_err(|error| cannot(error.into()))?;
    }
    Ok(dir)
}

fn name(path: &TreePath) -> &OsStr {
    path.as_path().file_name().unwrap_or_default()
}

pub fn unusable(path: &TreePath, error: std::io::Error) -> Failure {
    invalid(format!("{} cannot be changed: {error}", path.text()))
}
