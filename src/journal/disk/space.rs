//! Space on the disk: what a directory takes, and what may still be written.

use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::{FallocateFlags, OFlag, fallocate};
use nix::sys::statvfs::FsFlags;

/// A database that is opened writes to its files, and loses what it holds when it cannot (measured: a generation of
/// 20 MiB, gone). It is not opened where less than this can be written.
pub const OPENING: u64 = 8 << 20;
/// A generation needs some files.
const FILES: u64 = 32;

/// Bytes of all files below `dir`. What vanishes meanwhile does not count.
pub fn used(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => used(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

/// Bytes that we may still write where `dir` lies.
///
/// # Errors
/// When nothing can be written there, whatever is free.
pub fn free(dir: &Path) -> io::Result<u64> {
    let stat = nix::sys::statvfs::statvfs(dir)?;
    if stat.flags().contains(FsFlags::ST_RDONLY) {
        return Err(nix::errno::Errno::EROFS.into());
    }
    // Some file systems do not count their files, and say 0.
    #[allow(clippy::useless_conversion, reason = "the types differ between systems")]
    let (files, free_files) = (u64::from(stat.files()), u64::from(stat.files_available()));
    if files > 0 && free_files < FILES {
        return Err(io::Error::new(io::ErrorKind::StorageFull, "no more files can be made on the disk"));
    }
    #[allow(clippy::useless_conversion, reason = "the types differ between systems")]
    Ok(u64::from(stat.blocks_available()) * u64::from(stat.fragment_size()))
}

/// Tries whether so many bytes can be written to a file below `dir`: a quota, or a limit of descriptors, is seen in
/// nothing else. Where the file system cannot say so without writing them, it counts as yes.
pub fn reserve(dir: &Path, bytes: u64) -> io::Result<()> {
    let unnamed =
        fs::OpenOptions::new().write(true).mode(0o600).custom_flags(OFlag::O_TMPFILE.bits()).open(dir);
    let tried = unnamed.and_then(|file| Ok(fallocate(&file, FallocateFlags::empty(), 0, bytes as i64)?));
    match tried {
        Err(error) if is_refusal(&error) => Err(error),
        _ => Ok(()),
    }
}

/// The system does not let us write or open now, which says nothing about what a file holds.
pub fn is_refusal(error: &io::Error) -> bool {
    use io::ErrorKind::{OutOfMemory, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    use nix::errno::Errno;
    let kinds = [StorageFull, QuotaExceeded, ReadOnlyFilesystem, PermissionDenied, OutOfMemory];
    let errno = error.raw_os_error().map(Errno::from_raw);
    kinds.contains(&error.kind())
        || matches!(errno, Some(Errno::EIO | Errno::EMFILE | Errno::ENFILE | Errno::EFBIG))
}

/// There is no room for it.
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// It as people say it.
pub fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull if error.raw_os_error().is_some() => "the disk is full".to_owned(),
        io::ErrorKind::QuotaExceeded => "the disk quota is used up".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_nothing_about_what_a_file_holds() {
        let dir = tempfile::tempdir().unwrap();
        reserve(dir.path(), OPENING).unwrap();
        assert!(free(dir.path()).unwrap() > 0);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        use nix::errno::Errno;
        for errno in [Errno::ENOSPC, Errno::EDQUOT, Errno::EROFS, Errno::EIO, Errno::EMFILE] {
            assert!(is_refusal(&io::Error::from(errno)), "{errno}");
        }
        for errno in [Errno::ENOENT, Errno::ENOTDIR, Errno::EISDIR] {
            assert!(!is_refusal(&io::Error::from(errno)), "{errno}");
        }
    }
}
