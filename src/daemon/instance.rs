//! One daemon a data directory.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use anyhow::Context;
use codepiper_protocol::wire::problem::{Code, Next, Problem};
use nix::fcntl::Flock;
use serde::{Deserialize, Serialize};

use crate::lock::lock_file;
use crate::paths::Paths;
use crate::small_file::{self, Broken, write_synced};

/// The version of the id file's form.
const VERSION: u32 = 1;
/// A daemon that does not answer any more has left after this.
const LEAVE_LIMIT: Duration = Duration::from_secs(5);

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
        let path = paths.lock_file();
        let file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        let give_up = Instant::now() + LEAVE_LIMIT;
        // One that answers has it for good; one that does not may be about to leave.
        let may_leave = || Instant::now() < give_up && UnixStream::connect(&paths.socket).is_err();
        let lock = lock_file(file, may_leave).map_err(|errno| match errno {
            nix::errno::Errno::EWOULDBLOCK => in_use(paths),
            other => anyhow::anyhow!("cannot lock {}: {other}", path.display()),
        })?;
        // A shorter number would leave the end of the one before.
        let _ = lock.set_len(0);
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

/// What to do about the daemon that has the lock.
fn in_use(paths: &Paths) -> anyhow::Error {
    let (data, socket) = (paths.data.display(), paths.socket.display());
    let pid = paths.daemon_pid();
    let other = pid.map_or("another daemon".to_owned(), |pid| format!("another daemon (pid {pid})"));
    let problem = |detail| Problem::new(Code::Internal, detail);
    let problem = match UnixStream::connect(&paths.socket) {
        Ok(_) => problem(format!("{other} already uses {data}; set CODEPIPER_HOME to run a second one"))
            .with_next(Next::ShowDaemon),
        Err(_) => problem(format!("{other} already uses {data} but does not answer on {socket}"))
            .with_next(Next::ReplaceDaemon { pid }),
    };
    problem.into()
}
