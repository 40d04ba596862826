//! Small state on disk: one JSON object a file, with the version of its form.
//!
//! A file that cannot be read, or that a newer program wrote, is named and left as it is.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::plain_file;

/// A file that cannot be read, and why.
pub type Broken = (PathBuf, String);

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

/// Reads a file whose form has at most the version `newest`. `None`: there is no such file.
///
/// # Errors
/// The reason, in words, when it cannot be read, is damaged, or comes from a newer program.
pub fn read<T: DeserializeOwned>(path: &Path, newest: u32) -> Result<Option<T>, String> {
    let unreadable = |error: io::Error| format!("cannot be read: {error}");
    let mut file = match plain_file::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Err("not a file".to_owned()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut json = Vec::new();
    file.read_to_end(&mut json).map_err(unreadable)?;
    if json.iter().all(u8::is_ascii_whitespace) {
        return Err("empty".to_owned());
    }
    let damaged = |error: serde_json::Error| format!("damaged: {error}");
    let Versioned { version } = serde_json::from_slice(&json).map_err(damaged)?;
    if version > newest {
        return Err(format!(
            "written by a newer CodePiper (format {version}, this one reads up to {newest}); use that version"
        ));
    }
    serde_json::from_slice(&json).map(Some).map_err(damaged)
}

/// Whether the content of a file is on the disk before it takes the place of the old one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Synced {
    /// It is: after a power loss either the old or the new one is there.
    Yes,
    /// What dies with the machine needs no more.
    No,
}

/// Replaces a file so that everybody sees the old or the new one, whole. 0600. On an error the old one is there, and
/// nothing beside it.
pub fn replace(path: &Path, content: &[u8], synced: Synced) -> io::Result<()> {
    let beside = path.with_added_extension("new");
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    let written = file.write_all(content).and_then(|()| match synced {
        Synced::Yes => file.sync_all(),
        Synced::No => Ok(()),
    });
    // A full disk needs the place.
    written.and_then(|()| fs::rename(&beside, path)).inspect_err(|_| drop(fs::remove_file(&beside)))
}

/// [`replace`] for good: what it says is so after a power loss.
pub fn write_synced(path: &Path, content: &[u8]) -> io::Result<()> {
    replace(path, content, Synced::Yes)?;
    match path.parent() {
        Some(dir) => fs::File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Text {
        text: String,
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file.json");
        let read = || read::<Text>(&path, 2);
        assert_eq!(read(), Ok(None));
        for (content, said) in [
            ("", "empty"),
            (" \n", "empty"),
            ("{", "damaged"),
            ("\0\0\0\0", "damaged"),
            ("{\"text\": \"a\"}", "version"),
            ("{\"version\": 1}", "text"),
            ("{\"version\": 3, \"texts\": []}", "a newer CodePiper"),
        ] {
            write_synced(&path, content.as_bytes()).unwrap();
            let reason = read().unwrap_err();
            assert!(reason.contains(said), "{content:?}: {reason}");
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
        // What a later version adds is passed over.
        write_synced(&path, b"{\"version\": 2, \"text\": \"a\", \"more\": 1}").unwrap();
        assert_eq!(read(), Ok(Some(Text { text: "a".into() })));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(read(), Err("not a file".into()));
    }
}
