//! Space on the disk: what a directory takes, and what is left.

use std::fs;
use std::io;
use std::path::Path;

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
pub fn free(dir: &Path) -> io::Result<u64> {
    let stat = nix::sys::statvfs::statvfs(dir)?;
    #[allow(clippy::useless_conversion, reason = "the types differ between systems")]
    Ok(u64::from(stat.blocks_available()) * u64::from(stat.fragment_size()))
}
