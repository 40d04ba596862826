//! Signals as bytes in a pipe, so that one `poll` waits for them and for the pty.

use std::io::{self, PipeReader, PipeWriter, Read, pipe};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicI32, Ordering};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc::{self, c_int};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// What the shim acts on.
const CAUGHT: [Signal; 6] =
    [Signal::SIGCHLD, Signal::SIGHUP, Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGUSR1];

/// What would stop the shim when the terminal is not in its hands, and keys that were typed for the
/// program in the moment of its end.
const IGNORED: [Signal; 4] = [Signal::SIGTTOU, Signal::SIGTTIN, Signal::SIGTSTP, Signal::SIGPIPE];

/// Where the handler writes. -1 before [`Signals::catch`].
static PIPE: AtomicI32 = AtomicI32::new(-1);

/// The signals that have arrived. Made once in the life of the process.
pub struct Signals {
    arrived: PipeReader,
    /// Kept open for the handler.
    _pipe: PipeWriter,
}

impl Signals {
    pub fn catch() -> io::Result<Self> {
        let (reader, writer) = pipe()?;
        for fd in [reader.as_fd(), writer.as_fd()] {
            fcntl(fd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        }
        PIPE.store(writer.as_raw_fd(), Ordering::Relaxed);
        for signal in CAUGHT {
            set(signal, SigHandler::Handler(note))?;
        }
        for signal in IGNORED {
            set(signal, SigHandler::SigIgn)?;
        }
        Ok(Self { arrived: reader, _pipe: writer })
    }

    /// The next signal that has arrived; does not wait.
    pub fn next(&mut self) -> Option<Signal> {
        let mut number = [0];
        match self.arrived.read(&mut number) {
            Ok(1) => Signal::try_from(c_int::from(number[0])).ok(),
            _ => None,
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.arrived.as_fd()
    }
}

/// Every disposition as a fresh program expects it. For the child between fork and exec.
pub fn reset_all() {
    // 64 is the highest number on Linux. What cannot be set is refused: KILL, STOP, and the two that the
    // C library keeps for itself.
    for number in 1..=64 {
        // SAFETY: `signal` with SIG_DFL touches no memory of ours and is async-signal-safe.
        unsafe { libc::signal(number, libc::SIG_DFL) };
    }
}

fn set(signal: Signal, handler: SigHandler) -> nix::Result<()> {
    let action = SigAction::new(handler, SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: `note` is async-signal-safe.
    unsafe { sigaction(signal, &action) }.map(drop)
}

/// Only what is async-signal-safe: an atomic load, one `write` and the errno it may have changed.
extern "C" fn note(signal: c_int) {
    let errno = Errno::last_raw();
    let number = signal as u8;
    // SAFETY: the buffer is one byte on this stack; a closed or full pipe is an error, not a danger.
    unsafe { libc::write(PIPE.load(Ordering::Relaxed), (&raw const number).cast(), 1) };
    Errno::set_raw(errno);
}
