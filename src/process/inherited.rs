//! What a process inherits beside its environment: descriptors, signals, the umask, a directory, a scheduling policy.
//! What is somebody else's is laid down at the start, and what programs or the next daemon shall have is given back.

use std::cell::Cell;
use std::io;
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::libc;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction, sigprocmask};
use nix::sys::stat::{Mode, umask};

/// Everything that we make is for its user only.
const OURS: Mode = Mode::from_bits_truncate(0o077);

static INHERITED: OnceLock<Inherited> = OnceLock::new();

/// How a daemon was started.
pub struct Inherited {
    descriptors: Vec<RawFd>,
    umask: Mode,
    /// As by `nohup`.
    ignores_hang_up: bool,
    directory: Option<PathBuf>,
}

/// For every process of this program, first: a parent that blocks signals or ignores SIGCHLD means its own children.
/// (Rust opens /dev/null for standard descriptors that are closed, and ignores SIGPIPE.)
pub fn begin() {
    set(Signal::SIGCHLD, SigHandler::SigDfl);
    // An empty set cannot be refused.
    let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None);
}

/// For the daemon, before it has opened anything or started a thread.
pub fn lay_down() -> &'static Inherited {
    INHERITED.get_or_init(|| {
        let descriptors = descriptors();
        for fd in &descriptors {
            // No child gets them. They are closed when what they may lead to was read: see [`Inherited::close`].
            let _ = with_fd(*fd, |fd| fcntl(fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).map(drop));
        }
        let ignores_hang_up = is_ignored(libc::SIGHUP);
        // 64 is the highest number on Linux.
        for number in (1..=64).filter(|number| is_ignored(*number)) {
            if number != libc::SIGPIPE && number != libc::SIGHUP {
                // SAFETY: the default action touches no memory of ours.
                unsafe { libc::signal(number, libc::SIG_DFL) };
            }
        }
        // A file that has reached its limit (`ulimit -f`) is an error of the write, as a full disk is, not our end.
        set(Signal::SIGXFSZ, SigHandler::SigIgn);
        Inherited {
            descriptors,
            umask: umask(OURS),
            ignores_hang_up,
            directory: std::env::current_dir().ok(),
        }
    })
}

/// The umask that the daemon was started with; its own is stricter.
pub fn umask_of_programs() -> u32 {
    INHERITED.get().map_or_else(
        || {
            let now = umask(OURS);
            umask(now);
            now.bits()
        },
        |inherited| inherited.umask.bits(),
    )
}

/// Does work in which files are made for people and programs: with the umask that the daemon was started with. Only this
/// thread has it meanwhile (unshare(2), CLONE_FS).
pub fn with_umask_of_programs<T>(work: impl FnOnce() -> T) -> T {
    thread_local! {
        static HAS_ITS_OWN: Cell<bool> = const { Cell::new(false) };
    }
    // SAFETY: has no preconditions, and touches no memory.
    if !HAS_ITS_OWN.get() && unsafe { libc::unshare(libc::CLONE_FS) } == 0 {
        HAS_ITS_OWN.set(true);
    }
    if !HAS_ITS_OWN.get() {
        return work();
    }
    let _back = GivenBack(umask(Mode::from_bits_truncate(umask_of_programs())));
    work()
}

/// Sets the umask of the thread when it is dropped.
struct GivenBack(Mode);

impl Drop for GivenBack {
    fn drop(&mut self) {
        umask(self.0);
    }
}

impl Inherited {
    /// Closes what the daemon was started with beside the standard descriptors: a lock, the end of a pipe that somebody
    /// reads to its end. And it leaves the directory, which somebody may want to remove or unmount.
    pub fn close(&self) {
        for fd in &self.descriptors {
            // SAFETY: it was open when this process began, and nothing of this process owns it.
            unsafe { libc::close(*fd) };
        }
        // It is always there.
        let _ = std::env::set_current_dir("/");
    }

    pub fn ignores_hang_up(&self) -> bool {
        self.ignores_hang_up
    }

    /// What a program gets that is executed in the place of this one: all as it was.
    pub fn give_back(&self, command: &mut Command) {
        umask(self.umask);
        if self.ignores_hang_up {
            set(Signal::SIGHUP, SigHandler::SigIgn);
        }
        // If it was not to be had before, this does nothing.
        let _ = super::be_ordinary();
        if let Some(directory) = self.directory.as_ref().filter(|directory| directory.is_dir()) {
            command.current_dir(directory);
        }
    }
}

/// Those that are open, beside the first three.
fn descriptors() -> Vec<RawFd> {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd").or_else(|_| std::fs::read_dir("/dev/fd")) else {
        return vec![];
    };
    let numbers: Vec<RawFd> =
        entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    // One of them was the directory itself, which is closed by now.
    let open = |fd: &RawFd| *fd > 2 && with_fd(*fd, |fd| fcntl(fd, FcntlArg::F_GETFD).map(drop)).is_ok();
    numbers.into_iter().filter(open).collect()
}

fn with_fd(fd: RawFd, act: impl FnOnce(std::os::fd::BorrowedFd<'_>) -> nix::Result<()>) -> nix::Result<()> {
    // SAFETY: it is used for this call only, which says so when it is not open.
    act(unsafe { std::os::fd::BorrowedFd::borrow_raw(fd) })
}

fn is_ignored(signal: libc::c_int) -> bool {
    let mut now = std::mem::MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: nothing is set, and the present action is written to a local.
    unsafe {
        libc::sigaction(signal, std::ptr::null(), now.as_mut_ptr()) == 0
            && now.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

fn set(signal: Signal, handler: SigHandler) {
    let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
    // SAFETY: no handler of ours is set. What cannot be set stays.
    let _: Result<_, io::Error> = unsafe { sigaction(signal, &action) }.map_err(io::Error::from);
}
