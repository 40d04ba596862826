//! The daemon's directories: its own, and nobody else's.

use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::PathBuf;

use anyhow::Context;

use crate::paths::Paths;

pub fn create_directories(paths: &Paths) -> anyhow::Result<()> {
    let mut dirs: Vec<PathBuf> = vec![paths.data.clone(), paths.state.clone(), paths.run(), paths.sessions()];
    dirs.extend(paths.home.clone());
    dirs.sort();
    for dir in dirs {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&dir)
            .with_context(|| format!("cannot create directory {}", dir.display()))?;
        let meta = std::fs::metadata(&dir)?;
        let own = meta.uid() == nix::unistd::getuid().as_raw();
        anyhow::ensure!(
            own,
            "directory {} belongs to another user; choose another CODEPIPER_HOME",
            dir.display()
        );
        if meta.permissions().mode() & 0o077 != 0 {
            std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o700))?;
        }
    }
    Ok(())
}
