//! One daemon a data directory.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

use anyhow::Context;
use nix::fcntl::{Flock, FlockArg};

use crate::durable::write_synced;
use crate::paths::Paths;

/// Holds the lock on the data directory, and knows the id that marks our tmux server.
pub struct Instance {
    id: String,
    _lock: Flock<File>,
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
        let id_file = paths.data.join("instance");
        let id = match std::fs::read_to_string(&id_file) {
            Ok(id) if !id.trim().is_empty() => id.trim().to_owned(),
            _ => {
                let id = uuid::Uuid::new_v4().simple().to_string();
                write_synced(&id_file, id.as_bytes())
                    .with_context(|| format!("cannot write {}", id_file.display()))?;
                id
            }
        };
        let _ = writeln!(&*lock, "{}", std::process::id());
        Ok(Self { id, _lock: lock })
    }

    pub fn id(&self) -> &str {
        &self.id
    }
}
