//! How often the daemon was started since it last left in order. By this the next start knows of an end without
//! warning, even of one that left no other trace, and gives no epoch a number that was used before.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::small_file::{self, write_synced};

/// The version of the file's form.
const VERSION: u32 = 1;
/// Counted when the file cannot be read: more than anybody starts in vain.
const UNKNOWN: u32 = 1000;

/// What stands in the file `starts`, which is there while a daemon runs and after an end without warning.
#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    starts: u32,
}

pub struct Starts {
    path: PathBuf,
    /// Starts before this one, since a daemon left in order.
    pub unfinished: u32,
}

impl Starts {
    /// Counts this start, before anything is published. Where that cannot be written the daemon starts all the same.
    pub fn count(data: &Path) -> Self {
        let path = data.join("starts");
        let unfinished = match small_file::read::<File>(&path, VERSION) {
            Ok(file) => file.map_or(0, |file| file.starts),
            Err(reason) => {
                tracing::error!(path = %path.display(), reason, "unknown how the last daemon ended");
                UNKNOWN
            }
        };
        let file = File { version: VERSION, starts: unfinished.saturating_add(1) };
        let written = serde_json::to_vec(&file)
            .map_err(std::io::Error::from)
            .and_then(|json| write_synced(&path, &json));
        if let Err(error) = written {
            tracing::error!(path = %path.display(), %error, "this start was not saved");
        }
        Self { path, unfinished }
    }

    /// The daemon leaves in order, and everything is on the disk.
    pub fn forget(self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::error!(path = %self.path.display(), %error, "the next daemon will take this for an unexpected end");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_are_counted_until_a_daemon_leaves_in_order() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Starts::count(dir.path()).unfinished, 0);
        assert_eq!(Starts::count(dir.path()).unfinished, 1);
        let last = Starts::count(dir.path());
        assert_eq!(last.unfinished, 2);
        last.forget();
        assert_eq!(Starts::count(dir.path()).unfinished, 0);
        std::fs::write(dir.path().join("starts"), "{").unwrap();
        assert_eq!(Starts::count(dir.path()).unfinished, UNKNOWN);
        assert_eq!(Starts::count(dir.path()).unfinished, UNKNOWN + 1);
    }
}
