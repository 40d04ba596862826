//! Whether names that differ in case alone are one file.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::sync::LazyLock;

use git2::{ConfigLevel, Repository};
use rustix::fs::{MemfdFlags, memfd_create};

/// A configuration file that is in no directory. `None`: it cannot be made.
static DISTINGUISHED: LazyLock<Option<File>> = LazyLock::new(|| {
    let mut file = File::from(memfd_create("gitconfig", MemfdFlags::CLOEXEC).ok()?);
    file.write_all(b"[core]\n\tignoreCase = false\n").ok()?;
    Some(file)
});

/// `core.ignoreCase` may have been copied from another file system. Git's library believes it, and takes one file for
/// another; git asks for each file.
pub fn as_it_is(git: Repository) -> Repository {
    if is_wrong(&git) == Some(true)
        && let Some(file) = &*DISTINGUISHED
    {
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let added =
            git.config().and_then(|mut config| config.add_file(path.as_ref(), ConfigLevel::App, true));
        if let Err(error) = added {
            tracing::warn!(path = %git.path().display(), %error, "core.ignoreCase is not as the files are");
        }
    }
    git
}

fn is_wrong(git: &Repository) -> Option<bool> {
    let other = git.workdir()?.join(".GIT");
    Some(git.config().ok()?.get_bool("core.ignorecase").ok()? && other.symlink_metadata().is_err())
}
