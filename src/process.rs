//! A process that is not our child: signalled without the danger of hitting another one with the same
//! number, and waited for without polling. Linux: a pidfd. Everything about `/proc` and peers that
//! supervision needs is in this room.
//!
//! | module | what |
//! |--------|------|
//! | [`executable`] | our own program, whose file may go |
//! | [`foreground`] | what is in the foreground of a terminal |
//! | [`inherited`] | what a process inherits beside its environment |
//! | [`mark`] | what everything that we start is known by |
//! | [`peer`] | who is at the other end of a socket |
//! | `stat` | what the kernel says of a process |

pub mod executable;
pub mod foreground;
pub mod inherited;
pub mod mapped;
pub mod mark;
pub mod peer;
mod stat;

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
#[cfg(target_os = "linux")]
use std::sync::atomic::AtomicBool;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rustix::process::{Pid, PidfdFlags, Signal};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use self::stat::Stat;

/// A handle on a process. It stays on that process, whatever happens to its number.
#[derive(Clone)]
pub struct Process {
    pid: i32,
    fd: Arc<AsyncFd<OwnedFd>>,
}

impl Process {
    /// # Errors
    /// When there is no such process any more.
    pub fn open(pid: i32) -> io::Result<Self> {
        let raw = Pid::from_raw(pid).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let fd = rustix::process::pidfd_open(raw, PidfdFlags::NONBLOCK)?;
        // SAFETY: the descriptor is owned by the value that is registered, and closed with it.
        let fd = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) };
        Ok(Self { pid, fd: Arc::new(fd.map_err(|error| error.into_parts().1)?) })
    }

    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// # Errors
    /// When the process is gone.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(rustix::process::pidfd_send_signal(&self.fd, signal)?)
    }

    /// False when it was waited for, and its number may be another's.
    pub fn is_there(&self) -> bool {
        is_there(self.fd.get_ref())
    }

    /// Returns when the process has ended.
    pub async fn ended(&self) {
        // An error here means that the descriptor is of no use: the same as an end.
        let _ = self.fd.readable().await;
    }
}

/// Whether a process still has its number: it lives, or nobody has waited for it.
fn is_there(handle: &OwnedFd) -> bool {
    let (fd, no_signal, no_info, flags) = (handle.as_raw_fd(), 0, std::ptr::null::<u8>(), 0);
    // SAFETY: no signal is sent, and nothing is read or written.
    let done = unsafe { nix::libc::syscall(nix::libc::SYS_pidfd_send_signal, fd, no_signal, no_info, flags) };
    nix::errno::Errno::result(done) != Err(nix::errno::Errno::ESRCH)
}

/// Other programs of this user may neither trace us nor read our memory and environment. Executing another program takes
/// it back (prctl(2), `PR_SET_DUMPABLE`).
#[cfg(target_os = "linux")]
pub fn seal() {
    // It cannot fail with this argument.
    let _ = nix::sys::prctl::set_dumpable(false);
}

#[cfg(not(target_os = "linux"))]
pub fn seal() {}

/// From now on this thread, and the threads that it starts, wait for a free processor when they are woken, and do not
/// interrupt whoever woke them: tmux brings a key to its program before the daemon looks at the answer to the command
/// that sent it. (Linux's scheduler interrupts for a thread that has slept: sched(7), `SCHED_BATCH`. Measured: the echo
/// of a key takes an eighth less.) Leaves alone what somebody chose for the daemon.
#[cfg(target_os = "linux")]
pub fn give_way() -> io::Result<()> {
    // SAFETY: has no preconditions.
    let policy = unsafe { nix::libc::syscall(nix::libc::SYS_sched_getscheduler, 0) };
    if policy == i64::from(nix::libc::SCHED_OTHER) {
        set_policy(nix::libc::SCHED_BATCH)?;
        GIVES_WAY.store(true, Ordering::Relaxed);
    }
    Ok(())
}

/// Open descriptors, without which people are kept out, and the size of a file, beyond which nothing is remembered.
const RAISED: [Resource; 2] = [Resource::RLIMIT_NOFILE, Resource::RLIMIT_FSIZE];
/// What they were before they were raised; [`NOT_RAISED`]: they were not.
static BEFORE: [AtomicU64; RAISED.len()] = [const { AtomicU64::new(NOT_RAISED) }; RAISED.len()];
const NOT_RAISED: u64 = u64::MAX;

/// Raises soft limits to the hard ones. What this process starts gets back what was before, by [`be_ordinary`]: programs
/// that use `select` rely on it.
pub fn raise_limits() -> io::Result<()> {
    for (resource, before) in RAISED.into_iter().zip(&BEFORE) {
        let (soft, hard) = getrlimit(resource)?;
        if soft < hard {
            setrlimit(resource, hard, hard)?;
            before.store(soft, Ordering::Relaxed);
        }
    }
    Ok(())
}

fn lower_limits() -> io::Result<()> {
    for (resource, before) in RAISED.into_iter().zip(&BEFORE) {
        let soft = before.load(Ordering::Relaxed);
        if soft != NOT_RAISED {
            let (_, hard) = getrlimit(resource)?;
            setrlimit(resource, soft, hard)?;
        }
    }
    Ok(())
}

/// How many descriptors this process may have open.
pub fn descriptor_limit() -> u64 {
    getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft)
}

/// Takes back, in a process that is being started, what programs would inherit. Async-signal-safe.
#[cfg(target_os = "linux")]
pub fn be_ordinary() -> io::Result<()> {
    lower_limits()?;
    if GIVES_WAY.load(Ordering::Relaxed) { set_policy(nix::libc::SCHED_OTHER) } else { Ok(()) }
}

#[cfg(target_os = "linux")]
static GIVES_WAY: AtomicBool = AtomicBool::new(false);

/// Of this thread. As a system call: musl has only the name of the function.
#[cfg(target_os = "linux")]
fn set_policy(policy: nix::libc::c_int) -> io::Result<()> {
    let priority: nix::libc::c_int = 0;
    // SAFETY: the priority is all that the parameters hold, and lives as long as the call.
    let done =
        unsafe { nix::libc::syscall(nix::libc::SYS_sched_setscheduler, 0, policy, &raw const priority) };
    nix::errno::Errno::result(done).map(drop).map_err(io::Error::from)
}

#[cfg(not(target_os = "linux"))]
pub fn give_way() -> io::Result<()> {
    Ok(())
}

#[cfg(not(target_os = "linux"))]
pub fn be_ordinary() -> io::Result<()> {
    lower_limits()
}

fn group_of(pid: i32) -> Option<i32> {
    Stat::read(pid)?.group()
}

/// The program of a shim: the first child that leads a group of its own. Reads `/proc`.
pub fn program_of(shim: i32) -> Option<i32> {
    let processes = std::fs::read_dir("/proc").ok()?;
    let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    let leading = pids.filter_map(|pid| Some((pid, Stat::read(pid)?)));
    let leading = leading.filter(|(pid, stat)| stat.parent() == Some(shim) && stat.group() == Some(*pid));
    // What the program leaves behind may become the shim's child, too.
    leading.min_by_key(|(_, stat)| stat.started()).map(|(pid, _)| pid)
}

/// The files that the processes of a group have open. Reads `/proc`.
pub fn open_files(group: i32) -> Vec<PathBuf> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    let of_group = pids.filter(|pid| group_of(*pid) == Some(group));
    let links = of_group.filter_map(|pid| std::fs::read_dir(format!("/proc/{pid}/fd")).ok()).flatten();
    links.filter_map(|link| std::fs::read_link(link.ok()?.path()).ok()).collect()
}

/// The tmux servers of this user that listen at a socket's path, also when its file is gone: the kernel keeps the path that
/// a socket was bound to (`/proc/net/unix`). Reads `/proc`.
pub fn tmux_servers_at(socket: &std::path::Path) -> Vec<i32> {
    const LISTENS: &str = "00010000";
    let same = |path: &str| {
        let path = std::path::Path::new(path);
        let real = |path: &std::path::Path| path.parent().and_then(|dir| dir.canonicalize().ok());
        path == socket
            || path.file_name() == socket.file_name() && real(path).is_some() && real(path) == real(socket)
    };
    let sockets = std::fs::read_to_string("/proc/net/unix").unwrap_or_default();
    let sockets: Vec<String> = sockets
        .lines()
        .filter_map(|line| {
            // Num RefCount Protocol Flags Type St Inode Path
            let mut fields = line.splitn(8, ' ').filter(|field| !field.is_empty());
            let (flags, inode) = (fields.nth(3)?, fields.nth(2)?);
            let path = line.split_once(&format!(" {inode} "))?.1;
            (flags == LISTENS && same(path)).then(|| format!("socket:[{inode}]"))
        })
        .collect();
    if sockets.is_empty() {
        return Vec::new();
    }
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    let is_tmux =
        |pid: &i32| std::fs::read(format!("/proc/{pid}/comm")).is_ok_and(|name| name.starts_with(b"tmux"));
    let listens = |pid: &i32| {
        let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten();
        let links = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
        links.into_iter().any(|link| sockets.iter().any(|socket| link.as_os_str() == socket.as_str()))
    };
    // Another user's files cannot be read.
    pids.filter(is_tmux).filter(listens).collect()
}

/// What a command printed, without stdin.
///
/// # Errors
/// When it cannot be started, or takes longer: then it is killed.
pub fn output_within(mut command: Command, limit: Duration) -> io::Result<Output> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let pid = nix::unistd::Pid::from_raw(child.id() as i32);
    let (done, ended) = mpsc::channel();
    std::thread::spawn(move || done.send(child.wait_with_output()));
    ended.recv_timeout(limit).unwrap_or_else(|_| {
        // Not waited for yet, so it is still this one.
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
        Err(io::Error::new(io::ErrorKind::TimedOut, format!("timed out after {limit:?}")))
    })
}

/// Whether the terminal at this path edits lines (`ICANON`): then it cuts them at 4,095 bytes.
pub fn edits_lines(tty: &std::path::Path) -> io::Result<bool> {
    use std::os::unix::fs::OpenOptionsExt;
    let file = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(nix::libc::O_NOCTTY | nix::libc::O_NONBLOCK | nix::libc::O_CLOEXEC)
        .open(tty)?;
    let attributes = nix::sys::termios::tcgetattr(&file)?;
    Ok(attributes.local_flags.contains(nix::sys::termios::LocalFlags::ICANON))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_open_files_of_a_group_are_seen() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let own = group_of(std::process::id() as i32).unwrap();
        assert!(open_files(own).contains(&file.path().to_owned()));
        assert_eq!(open_files(i32::MAX), [""; 0].map(PathBuf::from));
    }

    #[tokio::test]
    async fn the_end_of_a_process_is_seen() {
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let process = Process::open(child.id() as i32).unwrap();
        process.signal(Signal::KILL).unwrap();
        process.ended().await;
        child.wait().unwrap();
        assert!(process.signal(Signal::KILL).is_err());
    }
}
