//! From the start of the program to its end: reaps, continues, forwards, and ends what has lost its
//! terminal.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use codepiper_protocol::shim::ExitStatus;
use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::signals::Signals;
use super::terminal::{Terminal, timeout};

/// What a program gets that has lost its terminal, and the time it has until the next.
const LAST_SIGNALS: [Signal; 3] = [Signal::SIGHUP, Signal::SIGTERM, Signal::SIGKILL];
const LAST_SIGNAL_LIMIT: Duration = Duration::from_secs(1);

/// The program and everything below it.
pub struct Supervisor {
    program: Pid,
    signals: Signals,
    ended: Option<ExitStatus>,
    stops: Stops,
    ending: Option<Ending>,
}

/// How it ended, and whether there is still a pty to write to.
#[derive(Clone, Copy)]
pub struct End {
    pub status: ExitStatus,
    pub pty_gone: bool,
}

impl Supervisor {
    pub fn new(program: Pid, signals: Signals) -> Self {
        Self { program, signals, ended: None, stops: Stops::default(), ending: None }
    }

    /// Returns when the program has ended. Only a pty that is gone makes it wait for the rest of the
    /// program's group too.
    pub fn run(&mut self, terminal: &Terminal) -> End {
        loop {
            self.reap();
            if let Some(status) = self.ended
                && self.ending.as_ref().is_none_or(|ending| ending.is_over(self.program))
            {
                return End { status, pty_gone: self.ending.is_some() };
            }
            self.wait(terminal);
            while let Some(signal) = self.signals.next() {
                self.obey(signal, terminal);
            }
            if self.ending.is_none() && terminal.is_gone() {
                self.ending = Some(Ending::begin());
            }
            if let Some(ending) = &mut self.ending {
                ending.advance(self.program);
            } else if self.stops.is_due() {
                terminal.offer_to(self.program);
                self.send(Signal::SIGCONT);
            }
        }
    }

    fn wait(&self, terminal: &Terminal) {
        let mut fds = [
            PollFd::new(self.signals.as_fd(), PollFlags::POLLIN),
            PollFd::new(terminal.as_fd(), PollFlags::empty()),
        ];
        // A terminal that is gone would be reported for ever.
        let (count, deadline) = match &self.ending {
            Some(ending) => (1, ending.due()),
            None => (2, self.stops.due),
        };
        // Interrupted or not, the caller looks at everything.
        let _ = poll(&mut fds[..count], timeout(deadline));
    }

    fn obey(&mut self, signal: Signal, terminal: &Terminal) {
        match signal {
            Signal::SIGCHLD => {}
            Signal::SIGUSR1 => self.send(Signal::SIGKILL),
            // The kernel says that the pty is gone, or somebody says it to be heard by the program.
            Signal::SIGHUP if terminal.is_gone() => {}
            forwarded => self.send(forwarded),
        }
    }

    /// To the program's group; the number may belong to others once the program is reaped.
    fn send(&self, signal: Signal) {
        if self.ended.is_none() {
            let _ = killpg(self.program, signal);
        }
    }

    /// Takes every child that ended, the orphans below the program too. Of those that stopped only
    /// the program is ours to continue.
    fn reap(&mut self) {
        loop {
            match wait_any() {
                Ok(Some((pid, status))) if pid == self.program => {
                    if libc::WIFSTOPPED(status) {
                        self.stops.stopped();
                    } else if libc::WIFEXITED(status) {
                        self.ended = Some(ExitStatus { code: Some(libc::WEXITSTATUS(status)), signal: None });
                    } else {
                        self.ended = Some(ExitStatus { code: None, signal: Some(libc::WTERMSIG(status)) });
                    }
                }
                Ok(Some(_)) | Err(Errno::EINTR) => {}
                Ok(None) => return,
                // No child at all: whatever became of the program, nobody can tell any more.
                Err(_) => {
                    self.ended.get_or_insert(ExitStatus { code: None, signal: None });
                    return;
                }
            }
        }
    }
}

/// When a program that has stopped is continued. The first time at once; one that stops again and
/// again, as a reader in the background does, has to wait longer each time.
#[derive(Default)]
struct Stops {
    due: Option<Instant>,
    continued: Option<Instant>,
    pause: Duration,
}

impl Stops {
    const SHORTEST: Duration = Duration::from_millis(10);
    const LONGEST: Duration = Duration::from_secs(1);

    fn stopped(&mut self) {
        let now = Instant::now();
        self.pause = match self.continued {
            Some(last) if now - last < Self::LONGEST => (self.pause * 2).clamp(Self::SHORTEST, Self::LONGEST),
            _ => Duration::ZERO,
        };
        self.due = Some(now + self.pause);
    }

    fn is_due(&mut self) -> bool {
        let now = Instant::now();
        let due = self.due.is_some_and(|due| due <= now);
        if due {
            self.due = None;
            self.continued = Some(now);
        }
        due
    }
}

/// The last signals, sent one after the other.
struct Ending {
    sent: usize,
    /// When the next one is due.
    due: Instant,
}

impl Ending {
    fn begin() -> Self {
        Self { sent: 0, due: Instant::now() }
    }

    fn due(&self) -> Option<Instant> {
        (self.sent < LAST_SIGNALS.len()).then_some(self.due)
    }

    fn advance(&mut self, group: Pid) {
        let now = Instant::now();
        if self.due().is_some_and(|due| due <= now) {
            let _ = killpg(group, LAST_SIGNALS[self.sent]);
            let _ = killpg(group, Signal::SIGCONT);
            self.sent += 1;
            self.due = now + LAST_SIGNAL_LIMIT;
        }
    }

    /// For a program that is reaped: whether nobody of its group is left, or nothing is left to try.
    fn is_over(&self, group: Pid) -> bool {
        self.sent == LAST_SIGNALS.len() || killpg(group, None) == Err(Errno::ESRCH)
    }
}

/// One child that ended or stopped, if there is one now. Not by nix, which has no word for a child
/// that a real-time signal ended and would lose it.
fn wait_any() -> nix::Result<Option<(Pid, libc::c_int)>> {
    let mut status = 0;
    // SAFETY: the status is written to a local.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG | libc::WUNTRACED) };
    Ok(Some((Pid::from_raw(Errno::result(pid)?), status)).filter(|(pid, _)| pid.as_raw() != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_stops_is_continued_at_once_and_later_each_time_it_stops_again() {
        let mut stops = Stops::default();
        assert!(!stops.is_due());
        stops.stopped();
        assert!(stops.is_due());
        let mut pauses = Vec::new();
        for _ in 0..9 {
            stops.stopped();
            pauses.push(stops.pause.as_millis());
            stops.due = Some(Instant::now());
            assert!(stops.is_due());
        }
        assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
        stops.continued = Instant::now().checked_sub(Duration::from_secs(2));
        stops.stopped();
        assert!(stops.is_due());
    }
}
