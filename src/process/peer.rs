//! Who is at the other end of a Unix socket: the process that connected, and where it comes from.

use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;

use super::mark;
use super::stat::Stat;

/// Longer chains of parents are not read.
const DEPTH: usize = 256;
/// So often a chain is read that changes while it is read.
const TRIES: usize = 16;
/// So many names of a chain are told.
const NAMES: usize = 8;

/// The process that connected: what is found out here is about it, and not about another one that has got its number
/// since.
pub struct Peer {
    pid: i32,
    handle: OwnedFd,
}

/// What is known of where a process comes from.
pub struct Lineage {
    /// It wears the mark of what we start.
    pub marked: bool,
    /// The process and its parents, nearest first, up to the first process that can be seen.
    pub chain: Result<Vec<Ancestor>, Doubt>,
}

/// A process in a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ancestor {
    pub pid: i32,
    parent: i32,
    /// When it was started, in ticks since the boot.
    started: i64,
    name: String,
}

/// Why it is not known who a process is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    #[error("the connecting process has exited")]
    Gone,
    #[error("the daemon cannot look at the connecting process: {}", .0.desc())]
    Exhausted(Errno),
    #[error("the connecting process is in another PID namespace")]
    Unseen,
    #[error("the parents of process {0} changed during the check")]
    Changing(i32),
    #[error("cannot read the limits of process {0} in /proc")]
    Unreadable(i32),
}

impl Peer {
    /// `pid` is what the socket's credentials say.
    pub fn of(socket: &impl AsFd, pid: Option<i32>) -> Result<Self, Doubt> {
        let pid = pid.filter(|pid| *pid > 0).ok_or(Doubt::Unseen)?;
        let handle = match of_socket(socket) {
            // Before Linux 6.5. The number is the process's own as long as that lives.
            Err(Errno::ENOPROTOOPT) => open(pid),
            other => other,
        };
        let peer = Self { pid, handle: handle.map_err(|errno| doubt(&errno.into()).unwrap_or(Doubt::Gone))? };
        if peer.is_there() { Ok(peer) } else { Err(Doubt::Gone) }
    }

    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Reads `/proc`.
    pub fn lineage(&self, mark: u64) -> Result<Lineage, Doubt> {
        let marked = mark::is_worn_by(self.pid, mark);
        let chain = chain(self.pid);
        // As long as it is there, its number is its own.
        if !self.is_there() {
            return Err(Doubt::Gone);
        }
        let unreadable = |error| doubt(&error).unwrap_or(Doubt::Unreadable(self.pid));
        Ok(Lineage { marked: marked.map_err(unreadable)?, chain })
    }

    /// Whether its parent is this one.
    pub fn is_child_of(&self, parent: i32) -> bool {
        Ancestor::read(self.pid).is_some_and(|link| link.parent == parent) && self.is_there()
    }

    fn is_there(&self) -> bool {
        super::is_there(&self.handle)
    }
}

/// The names of a chain, nearest first: `codepiper < bash < sshd`.
pub fn names(chain: &[Ancestor]) -> String {
    let names: Vec<&str> = chain.iter().take(NAMES).map(|link| link.name.as_str()).collect();
    names.join(" < ")
}

#[cfg(target_os = "linux")]
fn of_socket(socket: &impl AsFd) -> nix::Result<OwnedFd> {
    /// From `asm-generic/socket.h`; the C library does not have it yet.
    const SO_PEERPIDFD: libc::c_int = 77;
    let (mut handle, mut length): (libc::c_int, _) = (-1, size_of::<libc::c_int>() as libc::socklen_t);
    // SAFETY: the value and its length are written to locals of that size.
    let done = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            SO_PEERPIDFD,
            (&raw mut handle).cast(),
            &raw mut length,
        )
    };
    Errno::result(done)?;
    // SAFETY: the kernel made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(handle) })
}

#[cfg(not(target_os = "linux"))]
fn of_socket(_: &impl AsFd) -> nix::Result<OwnedFd> {
    Err(Errno::ENOPROTOOPT)
}

/// The daemon's own want says nothing about the process.
fn doubt(error: &io::Error) -> Option<Doubt> {
    let errno = Errno::from_raw(error.raw_os_error()?);
    matches!(errno, Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM).then_some(Doubt::Exhausted(errno))
}

fn open(pid: i32) -> nix::Result<OwnedFd> {
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    let pid = Pid::from_raw(pid).ok_or(Errno::ESRCH)?;
    pidfd_open(pid, PidfdFlags::empty()).map_err(|errno| Errno::from_raw(errno.raw_os_error()))
}

fn chain(pid: i32) -> Result<Vec<Ancestor>, Doubt> {
    let chain = (0..TRIES).find_map(|_| try_chain(pid));
    chain.ok_or_else(|| match std::fs::File::open("/proc/self/stat") {
        Ok(_) => Doubt::Changing(pid),
        Err(error) => doubt(&error).unwrap_or(Doubt::Changing(pid)),
    })
}

/// `None` when somebody in it ended meanwhile: then his children have other parents, and his number may be another's.
fn try_chain(pid: i32) -> Option<Vec<Ancestor>> {
    let mut child = Ancestor::read(pid)?;
    let mut chain = vec![child.clone()];
    while child.parent > 0 {
        if chain.len() == DEPTH {
            return None;
        }
        let parent = Ancestor::read(child.parent);
        if Ancestor::read(child.pid)? != child {
            return None;
        }
        // A parent that is there and cannot be seen is another user's, where /proc hides those: no program of ours.
        let Some(parent) = parent else {
            chain.push(Ancestor { pid: child.parent, parent: 0, started: 0, name: "?".to_owned() });
            break;
        };
        chain.push(parent.clone());
        child = parent;
    }
    Some(chain)
}

impl Ancestor {
    fn read(pid: i32) -> Option<Self> {
        let stat = Stat::read(pid)?;
        Some(Self { pid, parent: stat.parent()?, started: stat.started()?, name: stat.name() })
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    #[test]
    fn a_chain_is_read_up_to_the_first_process() {
        let own = std::process::id() as i32;
        let chain = chain(own).unwrap();
        assert_eq!((chain[0].pid, chain[1].pid), (own, std::os::unix::process::parent_id() as i32));
        assert_eq!(chain.last().unwrap().parent, 0);
        assert_eq!(chain[0].started, Ancestor::read(own).unwrap().started);
        assert!(names(&chain).starts_with(&format!("{} < ", chain[0].name)));
        assert_eq!(try_chain(i32::MAX), None);
    }

    #[test]
    fn a_process_that_is_there_is_known_and_one_that_ended_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let _client = UnixStream::connect(&path).unwrap();
        let (socket, _) = listener.accept().unwrap();
        let own = std::process::id() as i32;
        let mark = mark::ours().unwrap();
        let peer = Peer::of(&socket, Some(own)).unwrap();
        let lineage = peer.lineage(mark).unwrap();
        assert!(!lineage.marked);
        assert_eq!(lineage.chain.unwrap()[0].pid, own);
        assert!(peer.is_child_of(std::os::unix::process::parent_id() as i32));
        assert_eq!(Peer::of(&socket, None).err(), Some(Doubt::Unseen));
        assert_eq!(Peer::of(&socket, Some(0)).err(), Some(Doubt::Unseen));

        let mut child = std::process::Command::new("true").spawn().unwrap();
        let handle = open(child.id() as i32).unwrap();
        let gone = Peer { pid: child.id() as i32, handle };
        child.wait().unwrap();
        assert_eq!(gone.lineage(mark).err(), Some(Doubt::Gone));
    }
}
