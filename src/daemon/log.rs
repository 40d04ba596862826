//! The daemon's own log, a file and the one before it. `CODEPIPER_LOG` filters it (`info` by default).

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::Context;
use tracing_subscriber::EnvFilter;

/// A log that is larger becomes `daemon.log.1`, in bytes.
const ROTATE_AT: u64 = 8 * 1024 * 1024;

pub fn init(path: &Path) -> anyhow::Result<()> {
    let file =
        Rotated::open(path, ROTATE_AT).with_context(|| format!("cannot open the log {}", path.display()))?;
    let filter = EnvFilter::try_from_env("CODEPIPER_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(Mutex::new(file))
        .finish();
    // A second daemon in one process, in tests, keeps the first one's log.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(())
}

/// A file that grows to `limit` bytes; then it is renamed, and another one begins.
struct Rotated {
    path: PathBuf,
    limit: u64,
    file: fs::File,
    length: u64,
}

impl Rotated {
    fn open(path: &Path, limit: u64) -> io::Result<Self> {
        let file = fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        let length = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), limit, file, length })
    }

    fn rotate(&mut self) -> io::Result<()> {
        let renamed = fs::rename(&self.path, self.path.with_extension("log.1"));
        match renamed.and_then(|()| Self::open(&self.path, self.limit)) {
            Ok(new) => *self = new,
            // It must not grow, whatever becomes of what stands in it.
            Err(_) => {
                self.file.set_len(0)?;
                self.length = 0;
            }
        }
        Ok(())
    }
}

impl Write for Rotated {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.length > self.limit {
            self.rotate()?;
        }
        let written = self.file.write(bytes)?;
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_while_it_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("daemon.log");
        let mut log = Rotated::open(&path, 1000).unwrap();
        for number in 0..1000 {
            writeln!(log, "line {number}").unwrap();
        }
        let size = |path: &Path| fs::metadata(path).unwrap().len();
        let old = path.with_extension("log.1");
        assert!(size(&path) <= 1010 && (1000..=1010).contains(&size(&old)));
        assert!(fs::read_to_string(&path).unwrap().ends_with("line 999\n"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
        // What is there is gone on with, and what cannot be renamed does not grow either.
        let mut log = Rotated::open(&path, 10).unwrap();
        fs::remove_file(&old).unwrap();
        fs::create_dir(&old).unwrap();
        writeln!(log, "last").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "last\n");
    }
}
