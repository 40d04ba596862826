//! The shim's side of the socket: one JSON object a line.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use codepiper_protocol::shim::{FromShim, ToShim};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::poll::{PollFd, PollFlags};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use nix::unistd::{Uid, geteuid};

use super::terminal::{Terminal, poll_until};

/// A launch record is smaller than what exec takes; more is not our daemon.
const LONGEST_LINE: usize = 8 << 20;
const WRITE_LIMIT: Duration = Duration::from_secs(1);

/// A connection to the daemon, whose user is ours.
pub struct Daemon(UnixStream);

impl Daemon {
    /// Never blocks: a daemon that stands still and has a full queue is `WouldBlock`.
    pub fn connect(path: &Path) -> io::Result<Self> {
        let socket = socket(AddressFamily::Unix, SockType::Stream, SockFlag::empty(), None)?;
        fcntl(&socket, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
        let stream = UnixStream::from(socket);
        stream.set_nonblocking(true)?;
        connect(stream.as_raw_fd(), &UnixAddr::new(path)?)?;
        stream.set_nonblocking(false)?;
        stream.set_write_timeout(Some(WRITE_LIMIT))?;
        if peer(&stream)? != geteuid() {
            return Err(io::Error::new(ErrorKind::PermissionDenied, "its socket belongs to another user"));
        }
        Ok(Self(stream))
    }

    pub fn send(&mut self, message: &FromShim) -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        self.0.write_all(&line)
    }

    /// Waits for one message, until the deadline or the end of the pty.
    pub fn receive(&mut self, terminal: &Terminal, deadline: Instant) -> io::Result<ToShim> {
        let mut line = Vec::new();
        let mut chunk = [0; 4096];
        while line.last() != Some(&b'\n') {
            let mut fds = [
                PollFd::new(self.0.as_fd(), PollFlags::POLLIN),
                PollFd::new(terminal.as_fd(), PollFlags::empty()),
            ];
            if !poll_until(&mut fds, deadline)? {
                return Err(io::Error::new(ErrorKind::TimedOut, "timed out"));
            }
            if fds[1].any() == Some(true) {
                return Err(io::Error::new(ErrorKind::NotConnected, "the terminal is gone"));
            }
            match self.0.read(&mut chunk)? {
                0 => return Err(io::Error::new(ErrorKind::UnexpectedEof, "it closed the connection")),
                count if line.len() + count > LONGEST_LINE => return Err(ErrorKind::FileTooLarge.into()),
                count => line.extend_from_slice(&chunk[..count]),
            }
        }
        // The reason, but nothing of the line: secrets may stand in it.
        serde_json::from_slice(&line).map_err(|error| {
            let (kind, column) = (error.classify(), error.column());
            io::Error::new(ErrorKind::InvalidData, format!("invalid message ({kind:?} at column {column})"))
        })
    }
}

/// Whether an attempt to connect failed because the daemon is just starting, restarting or busy.
pub fn may_come_back(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::WouldBlock)
}

#[cfg(target_os = "linux")]
fn peer(stream: &UnixStream) -> nix::Result<Uid> {
    use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
    Ok(Uid::from_raw(getsockopt(stream, PeerCredentials)?.uid()))
}

#[cfg(not(target_os = "linux"))]
fn peer(stream: &UnixStream) -> nix::Result<Uid> {
    Ok(nix::unistd::getpeereid(stream)?.0)
}
