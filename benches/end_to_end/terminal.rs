//! A program on a pty of our own: the echo program itself, or a tmux client that shows it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

use nix::pty::{Winsize, openpty};

use crate::Result;
use crate::bed::{COLS, ROWS};
use crate::echo::Echo;

pub struct Terminal {
    master: File,
    process: Child,
    buffer: Vec<u8>,
}

impl Terminal {
    pub fn start(mut command: Command) -> Result<Self> {
        let size = Winsize { ws_row: ROWS, ws_col: COLS, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(&size, None)?;
        for descriptor in [&pty.master, &pty.slave] {
            use nix::fcntl::{FcntlArg, FdFlag, fcntl};
            fcntl(descriptor, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
        }
        command.stdin(pty.slave.try_clone()?).stdout(pty.slave.try_clone()?).stderr(pty.slave);
        // SAFETY: setsid and ioctl are async-signal-safe and touch no memory.
        unsafe {
            command.pre_exec(|| {
                nix::unistd::setsid()?;
                match nix::libc::ioctl(0, nix::libc::TIOCSCTTY, 0) {
                    0 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                }
            });
        }
        let process = command.spawn()?;
        Ok(Self { master: pty.master.into(), process, buffer: vec![0; 64 * 1024] })
    }

    /// Returns when it shows this.
    pub fn wait_for(&mut self, text: &str) -> Result<()> {
        let mut shown = Vec::new();
        while !shown.windows(text.len()).any(|part| part == text.as_bytes()) {
            let length = self.master.read(&mut self.buffer)?;
            shown.extend_from_slice(&self.buffer[..length]);
        }
        Ok(())
    }
}

impl Echo for Terminal {
    fn press(&mut self, key: u8) -> Result<()> {
        Ok(self.master.write_all(&[key])?)
    }

    fn read(&mut self, key: u8) -> Result<bool> {
        let length = self.master.read(&mut self.buffer)?;
        // No key is the end of an escape sequence that tmux uses.
        Ok(self.buffer[..length].contains(&key))
    }

    fn descriptor(&self) -> BorrowedFd<'_> {
        self.master.as_fd()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
