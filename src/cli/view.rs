//! The own terminal while it shows another one.

mod filter;

use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;

use codepiper_protocol::Size;
use nix::sys::termios::{self, FlushArg, LocalFlags, OutputFlags, SetArg, SpecialCharacterIndices, Termios};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::failure::{Failure, Outcome};
use filter::Filter;

/// Takes back all that a program may have switched on, whether or not [`filter`] lets it through: synchronized
/// output, hyperlink, alternate screen, scroll region, origin, insert and reverse mode, autowrap, cursor,
/// application keys, mouse, focus, bracketed paste, reports of colour scheme and size, kitty keyboard,
/// modifyOtherKeys, colours, character sets, rendition. The cursor stays where it is: setting the region
/// moves it, and so does leaving an alternate screen that was never entered.
const RESET: &str = "\x1b[?2026l\x1b]8;;\x1b\\\x1b7\x1b[?1049l\x1b7\x1b[r\x1b8\x1b[?6l\x1b[4l\x1b[?5l\x1b[?7h\x1b[?25h\
    \x1b[?1l\x1b>\x1b[?9l\x1b[?1000l\x1b[?1001l\x1b[?1002l\x1b[?1003l\x1b[?1005l\x1b[?1006l\x1b[?1015l\x1b[?1016l\
    \x1b[?1004l\x1b[?2004l\x1b[?2031l\x1b[?2048l\x1b[<99u\x1b[=0u\x1b[>4m\x1b[0 q\
    \x1b]104\x1b\\\x1b]110\x1b\\\x1b]111\x1b\\\x1b]112\x1b\\\x1b(B\x1b)B\x0f\x1b[0m";
const CLEAR: &str = "\x1b[H\x1b[2J";

/// Shows a session's bytes on this terminal, and leaves the terminal as it was.
pub(super) struct View {
    before: Option<Termios>,
    filter: Filter,
}

/// The signals that mean: leave.
pub(super) struct Leave([Signal; 4]);

impl View {
    /// Typed keys are not echoed from now on, since they go nowhere; Ctrl+C still is a signal. Output is
    /// not processed: a line feed that only moves down must not return the cursor.
    pub(super) fn enter() -> Result<(Self, Leave), Failure> {
        let signals = || -> io::Result<_> {
            Ok([
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
                signal(SignalKind::hangup())?,
                signal(SignalKind::quit())?,
            ])
        };
        let leave =
            signals().map_err(|error| Failure::new(format_args!("cannot wait for Ctrl+C: {error}")))?;
        let before = termios::tcgetattr(io::stdin()).ok();
        if let Some(before) = &before {
            let mut quiet = before.clone();
            quiet.local_flags.remove(LocalFlags::ECHO | LocalFlags::ICANON);
            quiet.output_flags.remove(OutputFlags::OPOST);
            // Who stops it with Ctrl+Z would have its modes in his shell.
            quiet.control_chars[SpecialCharacterIndices::VSUSP as usize] = nix::libc::_POSIX_VDISABLE;
            // Without it the view is only less tidy.
            let _ = termios::tcsetattr(io::stdin(), SetArg::TCSANOW, &quiet);
        }
        Ok((Self { before, filter: Filter::default() }, Leave(leave)))
    }

    pub(super) fn output(&mut self, bytes: &[u8]) -> Outcome {
        super::output::bytes(self.filter.pass(bytes))
    }

    /// A message among the session's output.
    pub(super) fn say(&mut self, text: &str) {
        // Output is not processed here.
        let _ = super::output::bytes(b"\r\n");
        super::output::say(text);
        let _ = super::output::bytes(b"\r");
    }

    /// Begins a new picture: a keyframe is made for a fresh terminal.
    pub(super) fn keyframe(&mut self, screen: &[u8]) -> Outcome {
        self.filter = Filter::default();
        super::output::bytes(&[RESET.as_bytes(), CLEAR.as_bytes(), self.filter.pass(screen)].concat())
    }
}

impl Leave {
    /// The person wants to leave, or has to.
    pub(super) async fn wanted(&mut self) {
        let [interrupt, terminate, hangup, quit] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
            _ = quit.recv() => {}
        }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        let mut stdout = io::stdout().lock();
        // A terminal that is gone needs no reset.
        let _ = stdout.write_all(RESET.as_bytes());
        let _ = stdout.write_all(b"\r\n");
        let _ = stdout.flush();
        if let Some(before) = &self.before {
            // What was typed, and the answers of this terminal to the queries that it was shown.
            let _ = termios::tcflush(io::stdin(), FlushArg::TCIFLUSH);
            let _ = termios::tcsetattr(io::stdin(), SetArg::TCSANOW, before);
        }
    }
}

/// The size of the terminal on stdout, if it is one.
pub(super) fn own_size() -> Option<Size> {
    use std::os::fd::AsRawFd;
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let mut size = nix::libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the descriptor is open and TIOCGWINSZ writes one winsize.
    let done = unsafe { nix::libc::ioctl(stdout.as_fd().as_raw_fd(), nix::libc::TIOCGWINSZ, &mut size) };
    if done == 0 { Size::new(size.ws_col, size.ws_row) } else { None }
}
