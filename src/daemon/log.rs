//! The daemon's own log, a file. `CODEPIPER_LOG` filters it (`info` by default).

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Mutex;

use anyhow::Context;
use tracing_subscriber::EnvFilter;

/// A log that is larger at the start becomes `daemon.log.1`, in bytes.
const ROTATE_AT: u64 = 8 * 1024 * 1024;

pub fn init(path: &Path) -> anyhow::Result<()> {
    if fs::metadata(path).is_ok_and(|meta| meta.len() > ROTATE_AT) {
        fs::rename(path, path.with_extension("log.1"))?;
    }
    let file = fs::OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot open the log {}", path.display()))?;
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
