//! One daemon a data directory.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

use anyhow::Context;
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use crate::paths::Paths;
use crate::small_file::{self, Broken, write_synced};

/// The version of the id file's form.
const VERSION: u32 = 1;

/// Holds the lock on the data directory, and knows the id that marks our tmux server.
pub struct Instance {
    id: String,
    broken: Option<Broken>,
    _lock: Flock<File>,
}

/// What stands in the file `instance`.
#[derive(Serialize, Deserialize)]
struct IdFile {
    version: u32,
    id: String,
}

impl Instance {
    /// # Errors
    /// When another daemon holds the lock.
    pub fn lock(paths: &Paths) -> anyhow::Result<Self> {
        let path = paths.data.join("daemon.lock");
        let file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| match errno {
            nix::errno::Errno::EWOULDBLOCK => anyhow::anyhow!(
                "another daemon uses {} already; codepiper daemon status tells about it, and another CODEPIPER_HOME \
                 lets a second one live beside it",
                paths.data.display()
            ),
            other => anyhow::anyhow!("cannot lock {}: {other}", path.display()),
        })?;
        let _ = writeln!(&*lock, "{}", std::process::id());
        let path = paths.data.join("instance");
        let new = || uuid::Uuid::new_v4().simple().to_string();
        let (id, broken) = match small_file::read::<IdFile>(&path, VERSION) {
            Ok(Some(file)) => (file.id, None),
            Ok(None) => {
                let file = IdFile { version: VERSION, id: new() };
                write_synced(&path, &serde_json::to_vec(&file)?)
                    .with_context(|| format!("cannot write {}", path.display()))?;
                (file.id, None)
            }
            // Our server is known by our socket too: another id does for this time.
            Err(reason) => (new(), Some((path, reason))),
        };
        Ok(Self { id, broken, _lock: lock })
    }

    /// The file with the id, if it cannot be read, and why.
    pub fn broken(&self) -> Option<&Broken> {
        self.broken.as_ref()
    }

    pub fn id(&self) -> &str {
        &self.id
    }
}
