//! A terminal of a person, with a command in it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use codepiper::lock::lock;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};

use super::eventually;

pub struct Pty {
    child: Child,
    window: Option<Window>,
    seen: Arc<Mutex<Vec<u8>>>,
}

/// What a terminal emulator holds. It is closed as a whole: every copy of the master would keep the
/// terminal alive.
struct Window {
    master: Arc<File>,
    close: UnixStream,
    reading: JoinHandle<()>,
}

impl Pty {
    /// Runs a command whose controlling terminal this is.
    pub fn run(mut command: Command, columns: u16, rows: u16) -> Self {
        let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname_r(&master).unwrap();
        let master = Arc::new(File::from(OwnedFd::from(master)));
        resize(&master, columns, rows);
        let terminal =
            File::options().read(true).write(true).custom_flags(libc::O_NOCTTY).open(name).unwrap();
        let side = || Stdio::from(terminal.try_clone().unwrap());
        command.stdin(side()).stdout(side()).stderr(side());
        // SAFETY: only system calls that are async-signal-safe.
        unsafe {
            command.pre_exec(|| {
                nix::unistd::setsid()?;
                Errno::result(libc::ioctl(0, libc::TIOCSCTTY, 0))?;
                Ok(())
            });
        }
        let child = command.spawn().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (close, closed) = UnixStream::pair().unwrap();
        let (source, sink) = (master.clone(), seen.clone());
        let reading = std::thread::spawn(move || read(&source, &closed, &sink));
        Self { child, window: Some(Window { master, close, reading }), seen }
    }

    pub fn pid(&self) -> nix::unistd::Pid {
        nix::unistd::Pid::from_raw(self.child.id().cast_signed())
    }

    pub fn resize(&self, columns: u16, rows: u16) {
        resize(&self.window.as_ref().unwrap().master, columns, rows);
    }

    pub fn type_(&self, keys: &[u8]) {
        (&*self.window.as_ref().unwrap().master).write_all(keys).unwrap();
    }

    /// What was shown so far.
    pub fn seen(&self) -> String {
        String::from_utf8_lossy(&lock(&self.seen)).into_owned()
    }

    pub fn wait_for(&self, text: &str) {
        eventually(text, || self.seen().contains(text).then_some(()));
    }

    /// Closes the window of the terminal.
    pub fn close(&mut self) {
        if let Some(Window { close, reading, .. }) = self.window.take() {
            drop(close);
            reading.join().unwrap();
        }
    }

    /// Waits for the end of the command and of all that it started; everything that was shown.
    pub fn all_seen(&mut self) -> String {
        self.exit_code();
        if let Some(Window { reading, .. }) = self.window.take() {
            reading.join().unwrap();
        }
        self.seen()
    }

    pub fn exit_code(&mut self) -> Option<i32> {
        eventually("the command in the terminal ends", || self.child.try_wait().unwrap()).code()
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.close();
    }
}

fn read(mut master: &File, closed: &UnixStream, sink: &Mutex<Vec<u8>>) {
    let mut chunk = [0; 65536];
    loop {
        let wanted = PollFlags::POLLIN;
        let mut fds = [PollFd::new(master.as_fd(), wanted), PollFd::new(closed.as_fd(), wanted)];
        if poll(&mut fds, PollTimeout::NONE).is_err() || fds[1].any() != Some(false) {
            return;
        }
        // EIO: nobody has the other side open any more.
        let Ok(length @ 1..) = master.read(&mut chunk) else { return };
        lock(sink).extend_from_slice(&chunk[..length]);
    }
}

fn resize(master: &File, columns: u16, rows: u16) {
    let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: reads a `winsize` that lives through the call.
    Errno::result(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) }).unwrap();
}
