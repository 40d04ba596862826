//! Is everything as it should be? What is not says what to do.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use codepiper_protocol::tmux::Version;
use codepiper_protocol::wire::daemon::{Check, Verdict};

use crate::paths::Paths;
use crate::provider::{self, PROVIDERS};
use crate::session::Sessions;
use crate::tmux::server;

/// A daemon, as far as it is looked at.
pub struct Daemon<'a> {
    pub sessions: &'a Sessions,
    pub paths: &'a Paths,
    pub tmux_socket: &'a Path,
    /// Launch records that could not be read, and why.
    pub broken_records: &'a [(PathBuf, String)],
    /// Why nobody can sign in to the dashboard.
    pub web_damage: Option<String>,
}

/// What can be said without a daemon.
pub fn local_checks(paths: &Paths) -> Vec<Check> {
    vec![tmux_installed(), private("data directory", &paths.data), private("state directory", &paths.state)]
}

/// What the daemon can say.
pub fn checks(daemon: &Daemon) -> Vec<Check> {
    let mut checks = local_checks(daemon.paths);
    checks.push(connection(daemon));
    checks.push(records(daemon.broken_records));
    checks.push(web(daemon.web_damage.clone()));
    let env = daemon.sessions.environment();
    let path = env.get("PATH").map(String::as_str);
    for provider in PROVIDERS {
        let program = provider.program(env);
        let (verdict, detail) = match provider::look_up(&program, path, "/".as_ref()) {
            Some(found) => (Verdict::Fine, found.display().to_string()),
            None => (
                Verdict::Warning,
                format!(
                    "'{program}' is not in the daemon's PATH; install it, or start the session from a shell that finds it"
                ),
            ),
        };
        checks.push(Check { name: format!("provider {}", provider.name()), verdict, detail });
    }
    checks
}

fn tmux_installed() -> Check {
    let (verdict, detail) = match server::installed_version() {
        Err(error) => (Verdict::Broken, error.to_string()),
        Ok(version) if version < server::oldest() => (
            Verdict::Broken,
            format!("tmux {version} is installed, and {} or newer is needed", server::OLDEST),
        ),
        Ok(version) => match known_bugs(&version) {
            "" => (Verdict::Fine, version.to_string()),
            bugs => (Verdict::Fine, format!("{version}; codepiper keeps clear of its bugs: {bugs}")),
        },
    };
    Check { name: "tmux".into(), verdict, detail }
}

/// Bugs of tmux that end the server or lose output, and that the daemon avoids.
fn known_bugs(version: &Version) -> &'static str {
    let before = |fixed: &str| fixed.parse().is_ok_and(|fixed: Version| *version < fixed);
    if before("3.7") {
        "crashes on a global 'window-size manual', on 'refresh-client -A %N:off' and on respawn-pane; \
         drops the last output of a program that exits"
    } else {
        "crashes on respawn-pane"
    }
}

fn connection(daemon: &Daemon) -> Check {
    let (verdict, detail) = match daemon.sessions.linked() {
        Some(linked) => (
            Verdict::Fine,
            format!(
                "version {}, process {}, {}",
                linked.server.version.lossy(),
                linked.server.pid,
                daemon.tmux_socket.display()
            ),
        ),
        None => (
            Verdict::Broken,
            format!(
                "no connection to the server at {}; see {}",
                daemon.tmux_socket.display(),
                daemon.paths.log_file().display()
            ),
        ),
    };
    Check { name: "tmux server".into(), verdict, detail }
}

fn records(broken: &[(PathBuf, String)]) -> Check {
    let (verdict, detail) = match broken {
        [] => (Verdict::Fine, "all can be read".to_owned()),
        broken => {
            let each = broken.iter().map(|(path, reason)| format!("{}: {reason}", path.display()));
            let each: Vec<_> = each.collect();
            (Verdict::Broken, format!("repair or remove, then restart the daemon: {}", each.join("; ")))
        }
    };
    Check { name: "launch records".into(), verdict, detail }
}

fn web(damage: Option<String>) -> Check {
    let (verdict, detail) = match damage {
        None => (Verdict::Fine, "passwords and logins can be read".to_owned()),
        Some(damage) => (Verdict::Broken, damage),
    };
    Check { name: "web sign-in".into(), verdict, detail }
}

fn private(name: &str, dir: &Path) -> Check {
    let (verdict, detail) = match std::fs::metadata(dir) {
        Ok(meta) if meta.permissions().mode() & 0o077 != 0 => {
            (Verdict::Warning, format!("{} can be read by others; chmod 700 it", dir.display()))
        }
        Ok(_) => (Verdict::Fine, dir.display().to_string()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            (Verdict::Fine, format!("{} will be made by the daemon", dir.display()))
        }
        Err(error) => (Verdict::Broken, format!("{} cannot be used: {error}", dir.display())),
    };
    Check { name: name.to_owned(), verdict, detail }
}
