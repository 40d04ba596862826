//! Our own program, whose file may be replaced or removed while it runs.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use nix::unistd::{AccessFlags, access};

/// How long a program may take to say its version.
const LIMIT: Duration = Duration::from_secs(10);

/// Where our program lay when it was started; what lies there now is executed for shims and at a restart.
pub fn own() -> PathBuf {
    match std::env::current_exe() {
        // One that was replaced has this mark in its link.
        Ok(path) => match path.as_os_str().as_bytes().strip_suffix(b" (deleted)") {
            Some(before) if !path.exists() => OsStr::from_bytes(before).into(),
            _ => path,
        },
        Err(_) => std::env::args_os().next().unwrap_or_default().into(),
    }
}

/// Whether it can be executed, by its file.
///
/// # Errors
/// The text names the file, and says why not and what to do.
pub fn check(path: &Path) -> Result<(), String> {
    let why = match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "the file is missing".to_owned(),
        Err(error) => error.kind().to_string(),
        Ok(meta) if !meta.is_file() => "not a file".to_owned(),
        Ok(_) => match access(path, AccessFlags::X_OK) {
            Ok(()) => return Ok(()),
            Err(errno) => errno.desc().to_lowercase(),
        },
    };
    Err(cannot(path, &why))
}

/// The same by executing it: it says its version. Takes some time.
///
/// # Errors
/// As [`check`].
pub fn try_out(path: &Path) -> Result<(), String> {
    check(path)?;
    let mut command = Command::new(path);
    command.arg("--version");
    match super::output_within(command, LIMIT) {
        Ok(output) if output.status.success() => Ok(()),
        Ok(Output { status, .. }) => Err(cannot(path, &format!("`--version` ended with {status}"))),
        Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
            Err(cannot(path, "`--version` timed out"))
        }
        Err(error) => Err(cannot(path, &error.to_string())),
    }
}

fn cannot(path: &Path, why: &str) -> String {
    format!(
        "cannot execute the daemon's program {}: {why}; install it there again, or end the daemon (sessions \
         keep running) and start it from its new path",
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_cannot_be_executed_is_named_with_the_reason() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("program");
        let said = |path: &Path| try_out(path).unwrap_err();
        assert!(said(&path).contains("is missing") && said(&path).contains(path.to_str().unwrap()));
        assert!(said(dir.path()).contains("not a file"));
        std::fs::write(&path, "no program").unwrap();
        assert!(said(&path).contains("permission denied"), "{}", said(&path));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(check(&path), Ok(()));
        assert!(said(&path).contains("cannot execute"));
        assert!(said("/bin/false".as_ref()).contains("ended with exit status: 1"));
        assert_eq!(try_out("/bin/true".as_ref()), Ok(()));
    }
}
