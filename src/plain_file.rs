//! Reading files that agents can write. What lies there may be no file, another one takes its place at any moment, and it
//! may have any length.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::OFlag;
use serde_json::Value;

/// Settings and the like are small, in bytes.
pub const LONGEST_SETTINGS: u64 = 1024 * 1024;

/// Opens a file for reading and does not wait.
///
/// # Errors
/// When it cannot be opened, or is no plain file: that might never end, or make who reads it wait.
pub fn open(path: &Path) -> io::Result<File> {
    open_with(path, OFlag::empty())
}

/// The same for what must not be a symbolic link.
///
/// # Errors
/// As [`open`].
pub fn open_no_link(path: &Path) -> io::Result<File> {
    open_with(path, OFlag::O_NOFOLLOW)
}

fn open_with(path: &Path, flags: OFlag) -> io::Result<File> {
    let flags = flags | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::new(ErrorKind::InvalidInput, "not a file")),
    }
}

/// What is in a file.
///
/// # Errors
/// As [`open`], and when it is longer.
pub fn read(path: &Path, longest: u64) -> io::Result<Vec<u8>> {
    read_whole(&open(path)?, longest)
}

/// The same for a file that is open.
///
/// # Errors
/// When it cannot be read or is longer.
pub fn read_whole(file: &File, longest: u64) -> io::Result<Vec<u8>> {
    let length = file.metadata()?.len();
    if length <= longest {
        let mut content = Vec::with_capacity(length as usize);
        // It may grow while it is read.
        file.take(longest + 1).read_to_end(&mut content)?;
        if content.len() as u64 <= longest {
            return Ok(content);
        }
    }
    Err(ErrorKind::FileTooLarge.into())
}

/// JSON in a file; `None` where there is none that is this short.
pub fn json(path: &Path, longest: u64) -> Option<Value> {
    serde_json::from_slice(&read(path, longest).ok()?).ok()
}

/// The first line of a file, with its end if it has one; so much of it when it is longer.
///
/// # Errors
/// As [`open`].
pub fn first_line(path: &Path, longest: u64) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    BufReader::new(open(path)?.take(longest)).read_until(b'\n', &mut line)?;
    Ok(line)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_is_no_plain_file_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let kind = |opened: io::Result<File>| opened.map(drop).map_err(|error| error.kind());
        assert_eq!(kind(open(&path)), Err(ErrorKind::NotFound));
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(kind(open(&path)), Err(ErrorKind::InvalidInput));
        fs::remove_file(&path).unwrap();
        symlink("/dev/zero", &path).unwrap();
        assert_eq!(kind(open(&path)), Err(ErrorKind::InvalidInput));
        assert_eq!(kind(open(dir.path())), Err(ErrorKind::InvalidInput));
        fs::remove_file(&path).unwrap();
        fs::write(&path, "{}").unwrap();
        let link = dir.path().join("link");
        symlink(&path, &link).unwrap();
        assert_eq!((kind(open(&link)), kind(open_no_link(&path))), (Ok(()), Ok(())));
        assert!(open_no_link(&link).is_err());
    }

    #[test]
    fn what_is_too_long_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "[1]\n[2]\n").unwrap();
        assert_eq!(read(&path, 8).unwrap(), b"[1]\n[2]\n");
        assert_eq!(read(&path, 7).unwrap_err().kind(), ErrorKind::FileTooLarge);
        assert_eq!(
            (first_line(&path, 9).unwrap(), first_line(&path, 2).unwrap()),
            (b"[1]\n".into(), b"[1".into())
        );
        File::options().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
        assert_eq!(read(&path, 8).unwrap_err().kind(), ErrorKind::FileTooLarge);
        assert_eq!((json(&path, 8), first_line(&path, 9).unwrap().len()), (None, 4));
    }
}
