//! The pane's pty, seen from its session leader.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::sys::termios::{InputFlags, OutputFlags, SetArg, tcgetattr, tcsetattr};
use nix::unistd::{Pid, getpgrp, tcgetpgrp, tcsetpgrp};

/// The controlling terminal, opened once more: non-blocking here must not be non-blocking for the
/// program, which shares the descriptors 0, 1 and 2.
pub struct Terminal(File);

impl Terminal {
    pub fn open() -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
        options.open("/dev/tty").map(Self)
    }

    pub fn give_to(&self, group: Pid) -> nix::Result<()> {
        tcsetpgrp(&self.0, group)
    }

    /// Gives the terminal to the program if nobody has it: the shim, or a job that is dead. A job of
    /// the program that lives keeps it.
    pub fn offer_to(&self, program: Pid) {
        let Ok(owner) = tcgetpgrp(&self.0) else { return };
        if owner != program && (owner == getpgrp() || killpg(owner, None) == Err(Errno::ESRCH)) {
            let _ = self.give_to(program);
        }
    }

    /// After the end of the program. Whoever was left in the foreground is hung up, as the kernel
    /// would do if the program had been the session leader.
    pub fn take_back(&self) {
        let shim = getpgrp();
        let owner = tcgetpgrp(&self.0);
        let _ = self.give_to(shim);
        if let Ok(owner) = owner
            && owner != shim
        {
            let _ = killpg(owner, Signal::SIGHUP);
            let _ = killpg(owner, Signal::SIGCONT);
        }
        // The marker must arrive as it is, and output that Ctrl+S has stopped must go on: it does when
        // the terminal no longer knows Ctrl+S.
        if let Ok(mut modes) = tcgetattr(&self.0) {
            modes.input_flags.remove(InputFlags::IXON);
            modes.output_flags.remove(OutputFlags::OPOST);
            let _ = tcsetattr(&self.0, SetArg::TCSANOW, &modes);
        }
    }

    /// Writes all, if the terminal takes it before the deadline.
    pub fn write(&self, mut bytes: &[u8], deadline: Instant) -> io::Result<()> {
        while !bytes.is_empty() {
            match (&self.0).write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let mut fds = [PollFd::new(self.as_fd(), PollFlags::POLLOUT)];
                    if !poll_until(&mut fds, deadline)? {
                        return Err(ErrorKind::TimedOut.into());
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether the other side of the pty is closed: tmux has killed the pane, or is dead.
    pub fn is_gone(&self) -> bool {
        self.gone_within(Duration::ZERO)
    }

    /// Waits, but not longer than the terminal is there.
    pub fn gone_within(&self, time: Duration) -> bool {
        // A hang-up is reported even though nothing is asked for.
        let mut fds = [PollFd::new(self.as_fd(), PollFlags::empty())];
        poll_until(&mut fds, Instant::now() + time).unwrap_or(true)
    }
}

impl AsFd for Terminal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Waits until one of `fds` is ready, through signals; false when the deadline has come.
pub fn poll_until(fds: &mut [PollFd<'_>], deadline: Instant) -> nix::Result<bool> {
    loop {
        match poll(fds, timeout(Some(deadline))) {
            Err(Errno::EINTR) => {}
            Ok(0) if Instant::now() < deadline => {}
            other => return other.map(|ready| ready > 0),
        }
    }
}

/// Rounded up, so that a deadline has come when `poll` returns.
pub fn timeout(deadline: Option<Instant>) -> PollTimeout {
    let Some(deadline) = deadline else { return PollTimeout::NONE };
    let left = deadline.saturating_duration_since(Instant::now());
    PollTimeout::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(PollTimeout::MAX)
}
