//! Where everything lies, and the environment that everything gets.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::Result;

/// The size of every terminal.
pub const COLS: u16 = 120;
pub const ROWS: u16 = 30;
/// What has not happened by then will not happen.
pub const LIMIT: Duration = Duration::from_secs(20);

/// A directory that is gone with this value.
pub struct Bed {
    dir: tempfile::TempDir,
}

impl Bed {
    pub fn make() -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("cp-bench-").tempdir()?;
        Ok(Self { dir })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A command with a clean environment.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
        command
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.dir.path())
            .env("SHELL", "/bin/sh")
            .env("LANG", "C.UTF-8")
            .env("TERM", "xterm-256color")
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        command
    }
}

/// Runs a command to its end and returns what it printed. Its failure is an error.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    ensure!(output.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Returns when the file is there.
pub fn wait_for_file(path: &Path) -> Result<()> {
    let give_up = Instant::now() + LIMIT;
    while !path.exists() {
        ensure!(Instant::now() < give_up, "{} does not appear", path.display());
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}
