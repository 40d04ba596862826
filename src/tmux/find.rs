//! The server at a socket, before anything is sent to it: where it is when the socket's file is gone, which program talks
//! to it, and whether it is ours to use.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use codepiper_protocol::tmux::{SessionName, Version};
use nix::sys::socket::{getsockopt, sockopt};
use rustix::process::Signal;

use super::server;
use crate::process::{self, Process};

/// A server has this long for its first answer.
const LOOK_LIMIT: Duration = Duration::from_secs(5);
/// A server that was told to bind its socket again has done so in this time.
const BIND_LIMIT: Duration = Duration::from_secs(2);
/// inotify tells that the socket is bound, but nothing tells that the server listens, which comes after it.
const BIND_POLL: Duration = Duration::from_millis(5);

/// Why a server is left alone.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    #[error(
        "the tmux server at {socket} has sessions that are not CodePiper's ({names}), so it is left alone"
    )]
    Foreign { socket: PathBuf, names: String },
    #[error(
        "the tmux server at {socket} (process {pid}, version {server}) does not work with the installed tmux \
         {installed}; its sessions keep running: put tmux {server} first in PATH and start again, or end \
         them with `kill {pid}`"
    )]
    Versions { socket: PathBuf, pid: i32, server: Version, installed: Version },
    #[error(
        "the tmux server at {socket} (process {pid}) does not answer: {why}; is it stopped? Its sessions are \
         left alone"
    )]
    Silent { socket: PathBuf, pid: i32, why: String },
}

/// The process that listens at a socket, if it is one of this user.
pub fn listener(socket: &Path) -> Option<i32> {
    let stream = UnixStream::connect(socket).ok()?;
    let peer = getsockopt(&stream, sockopt::PeerCredentials).ok()?;
    (peer.uid() == nix::unistd::getuid().as_raw()).then_some(peer.pid())
}

/// Sees to it that the server can be reached at its socket, whose file somebody may have removed (cleaners of `/tmp`
/// do): told by SIGUSR1, it binds the socket again (`server_signal` in server.c). Of several, one of `known` goes first.
/// Returns when it can be reached, or when nothing is to be found.
pub async fn find_again(socket: &Path, known: &[i32]) {
    if listener(socket).is_some() {
        return;
    }
    let mut found = process::tmux_servers_at(socket);
    found.sort_by_key(|pid| !known.contains(pid));
    let Some(server) = found.first().and_then(|pid| Process::open(*pid).ok()) else { return };
    // The number may have become another process, which would end.
    if !process::tmux_servers_at(socket).contains(&server.pid()) {
        return;
    }
    tracing::warn!(socket = %socket.display(), pid = server.pid(), "the tmux server's socket is gone; it binds it again");
    if let Some(dir) = socket.parent()
        && !dir.exists()
    {
        let _ = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    }
    let bound = async {
        while listener(socket).is_none() {
            tokio::time::sleep(BIND_POLL).await;
        }
    };
    if server.signal(Signal::USR1).is_err() || tokio::time::timeout(BIND_LIMIT, bound).await.is_err() {
        tracing::error!(pid = server.pid(), "the tmux server does not bind its socket again");
    }
}

/// The program that talks to the server at a socket: tmux as it is installed, or the server's own, where tmux was replaced by
/// another version since the server was started. Two versions need not talk (3.3a and 3.7c do not).
pub fn program(socket: &Path) -> PathBuf {
    match listener(socket).and_then(replaced) {
        Some((own, ..)) => own,
        None => "tmux".into(),
    }
}

/// The program of a server, its version and that of the installed tmux, where they differ and the program still works.
pub fn replaced(server: i32) -> Option<(PathBuf, Version, Version)> {
    let own = PathBuf::from(format!("/proc/{server}/exe"));
    let file = |path: &Path| fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = std::env::split_paths(&path).map(|dir| dir.join("tmux")).find(|path| path.is_file());
    // No process is started where nothing was replaced.
    if file(&own)? == installed.as_deref().and_then(file)? {
        return None;
    }
    let (version, installed) = (server::version_of(&own).ok()?, server::installed_version().ok()?);
    (version != installed).then_some((own, version, installed))
}

/// Looks whose server it is, and changes nothing. `None`: there is no server.
///
/// # Errors
/// When it does not answer, or has sessions of somebody else.
pub fn look(socket: &Path) -> Result<Option<i32>, LookError> {
    let Some(pid) = listener(socket) else { return Ok(None) };
    let mut command = Command::new(program(socket));
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path).arg("-u").arg("-S").arg(socket);
    command.args(["display-message", "-p", "#{@cp_owner}", ";", "list-sessions", "-F", "#{session_name}"]);
    let why = match process::output_within(command, LOOK_LIMIT) {
        Ok(output) if output.status.success() => return whose(socket, &output.stdout).map(|()| Some(pid)),
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    // A server without sessions has nothing to list.
    if why.contains("no sessions") || why.contains("no current target") {
        return Ok(Some(pid));
    }
    let socket = socket.to_owned();
    match (server::version_of(&PathBuf::from(format!("/proc/{pid}/exe"))), server::installed_version()) {
        (Ok(server), Ok(installed)) if server != installed => {
            Err(LookError::Versions { socket, pid, server, installed })
        }
        _ => Err(LookError::Silent { socket, pid, why }),
    }
}

/// One that carries a daemon's mark is a daemon's, whatever else somebody started there.
fn whose(socket: &Path, said: &[u8]) -> Result<(), LookError> {
    let said = String::from_utf8_lossy(said);
    let (owner, sessions) = said.split_once('\n').unwrap_or_default();
    let hub = SessionName::hub();
    let foreign: Vec<&str> = sessions.lines().filter(|name| *name != hub.as_str()).collect();
    if !owner.is_empty() || foreign.is_empty() {
        return Ok(());
    }
    let names = foreign.iter().map(|name| name.escape_debug().to_string()).collect::<Vec<_>>().join(", ");
    Err(LookError::Foreign { socket: socket.to_owned(), names })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_foreign_by_its_sessions_unless_it_is_marked() {
        let socket = Path::new("/run/tmux.sock");
        assert!(whose(socket, b"\n").is_ok());
        assert!(whose(socket, b"\n_hub\n").is_ok());
        assert!(whose(socket, b"instance /run/cp.sock\n_hub\ncodepiper-1a2b3c4d\nmine\n").is_ok());
        let error = whose(socket, b"\n_hub\nmine\nother\n").unwrap_err().to_string();
        assert!(error.contains("(mine, other)"), "{error}");
    }
}
