//! A pty with a shim on it, the daemon that the shim talks to, and what /proc tells of both.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use codepiper_protocol::SessionId;
use codepiper_protocol::shim::{
    BEHIND_MARKER, ExitFile, ExitStatus, FromShim, Launch, PROTOCOL, ToShim, exit_marker,
};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::{Pid, tcgetpgrp};
use tempfile::TempDir;

pub const SHIM: &str = env!("CARGO_BIN_EXE_codepiper");
/// No single wait of a test is longer.
pub const TIMEOUT: Duration = Duration::from_secs(20);
const NONCE: &str = "c0ffee";

/// One pane and its daemon. The shim in it is `Some` process of ours, or tmux's.
pub struct Pane {
    pub dir: TempDir,
    pub listener: UnixListener,
    pub session: SessionId,
    pub launch: Launch,
    pub master: Option<File>,
    pub shim: Shim,
    pub program: Pid,
    seen: Vec<u8>,
}

/// The shim's process; none when tmux has started it.
pub struct Shim(Option<Child>);

impl Shim {
    pub fn id(&self) -> u32 {
        self.0.as_ref().unwrap().id()
    }

    pub fn try_wait(&mut self) -> std::io::Result<Option<std::process::ExitStatus>> {
        self.0.as_mut().unwrap().try_wait()
    }
}

impl Drop for Shim {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Pane {
    fn drop(&mut self) {
        if self.program.as_raw() > 1 && state(self.program).is_some() {
            let _ = killpg(self.program, Signal::SIGKILL);
        }
    }
}

impl Pane {
    /// A daemon that listens, and no shim.
    pub fn prepare() -> Self {
        let dir = TempDir::new().unwrap();
        let listener = UnixListener::bind(dir.path().join("shim.sock")).unwrap();
        let path = std::env::var("PATH").unwrap();
        let launch = Launch {
            argv: Vec::new(),
            cwd: dir.path().into(),
            env: BTreeMap::from([("PATH".into(), path), ("TERM".into(), "xterm".into())]),
            nonce: NONCE.into(),
            mark: None,
            umask: None,
            exit_file: dir.path().join("session.exit"),
        };
        Self {
            dir,
            listener,
            session: SessionId::random(),
            launch,
            master: None,
            shim: Shim(None),
            program: Pid::from_raw(0),
            seen: Vec::new(),
        }
    }

    pub fn shim_args(&self) -> Vec<String> {
        let socket = self.dir.path().join("shim.sock");
        let words =
            [SHIM, "shim", "--socket", socket.to_str().unwrap(), "--session", &self.session.to_string()];
        words.map(str::to_owned).to_vec()
    }

    /// A shim on a pty, that waits for its launch.
    pub fn open() -> Self {
        let mut pane = Self::prepare();
        pane.start();
        pane
    }

    pub fn start(&mut self) {
        let (master, terminal) = open_pty(31, 97);
        let args = self.shim_args();
        let mut command = Command::new(&args[0]);
        command.args(&args[1..]).env_clear();
        command.env("TERM", "of-the-pane").env("TERM_PROGRAM", "tmux").env("TMUX", "secret");
        let slave = || Stdio::from(terminal.try_clone().unwrap());
        command.stdin(slave()).stdout(slave()).stderr(slave());
        // SAFETY: only system calls that are async-signal-safe.
        unsafe {
            command.pre_exec(|| {
                nix::unistd::setsid()?;
                Errno::result(libc::ioctl(0, libc::TIOCSCTTY, 0))?;
                Ok(())
            })
        };
        self.shim = Shim(Some(command.spawn().unwrap()));
        self.master = Some(master);
    }

    /// A shim on a pty whose program runs.
    pub fn running(argv: &[&str]) -> Self {
        let mut pane = Self::open();
        pane.launch(argv);
        pane
    }

    pub fn launch(&mut self, argv: &[&str]) -> Pid {
        self.launch.argv = argv.iter().map(ToString::to_string).collect();
        let mut daemon = self.hello();
        daemon.send(&ToShim::Launch(self.launch.clone()));
        let FromShim::Started { pid } = daemon.read() else { panic!("not started") };
        self.program = Pid::from_raw(pid);
        self.program
    }

    pub fn hello(&mut self) -> Conversation {
        let mut daemon = self.accept();
        assert_eq!(daemon.read(), FromShim::Hello { protocol: PROTOCOL, session: self.session });
        daemon
    }

    pub fn accept(&mut self) -> Conversation {
        let mut fds = [PollFd::new(self.listener.as_fd(), PollFlags::POLLIN)];
        assert_eq!(
            poll(&mut fds, PollTimeout::try_from(TIMEOUT).unwrap()),
            Ok(1),
            "the shim did not connect"
        );
        let (stream, _) = self.listener.accept().unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        Conversation(BufReader::new(stream))
    }

    /// Waits for the message that the program has ended.
    pub fn accept_exited(&mut self) -> (ExitStatus, Conversation) {
        let mut daemon = self.accept();
        let FromShim::Exited { protocol: PROTOCOL, session, status } = daemon.read() else {
            panic!("not ended")
        };
        assert_eq!(session, self.session);
        (status, daemon)
    }

    /// The same for a shim on a pty, which must be read meanwhile.
    pub fn exited(&mut self) -> (ExitStatus, Conversation) {
        self.wait_until("the shim connects", |pane| {
            let mut fds = [PollFd::new(pane.listener.as_fd(), PollFlags::POLLIN)];
            poll(&mut fds, PollTimeout::ZERO) == Ok(1)
        });
        self.accept_exited()
    }

    /// To the end of the shim: what was told, and its own exit code.
    pub fn finish(&mut self) -> (ExitStatus, i32) {
        let (status, mut daemon) = self.exited();
        self.wait_for(&marker(status));
        assert_eq!(self.exit_file(), status);
        daemon.send(&ToShim::Release);
        (status, self.exit_code())
    }

    pub fn exit_code(&mut self) -> i32 {
        let mut code = None;
        self.wait_until("the shim ends", |pane| {
            code = pane.shim.try_wait().unwrap().map(|status| status.code().unwrap());
            code.is_some()
        });
        code.unwrap()
    }

    pub fn exit_file(&self) -> ExitStatus {
        let file: ExitFile = serde_json::from_slice(&fs::read(&self.launch.exit_file).unwrap()).unwrap();
        assert_eq!((file.protocol, file.session, file.nonce.as_str()), (PROTOCOL, self.session, NONCE));
        file.status
    }

    /// The process whose number a program wrote to a file.
    pub fn pid_in(&self, file: &str) -> Pid {
        let text = fs::read_to_string(self.dir.path().join(file)).unwrap();
        Pid::from_raw(text.trim().parse().unwrap())
    }

    /// Closes the pty and waits for the shim's last message.
    pub fn close(&mut self) -> Conversation {
        self.master = None;
        self.accept()
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.shim.id().cast_signed()), signal).unwrap();
    }

    pub fn type_(&self, keys: &str) {
        self.master.as_ref().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    pub fn foreground(&self) -> Pid {
        tcgetpgrp(self.master.as_ref().unwrap()).unwrap()
    }

    /// The group in the foreground, when it is another than the program's.
    pub fn wait_for_job(&mut self, program: Pid) -> Pid {
        let mut job = program;
        self.wait_until("a job has the terminal", |pane| {
            job = pane.foreground();
            job != program && state(job) == Some('S')
        });
        job
    }

    pub fn output(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    pub fn before_marker(&self) -> String {
        let output = self.output();
        output.split_once("\x1b]5379;exit;").unwrap().0.to_owned()
    }

    pub fn clear(&mut self) {
        self.seen.clear();
    }

    pub fn wait_for(&mut self, text: &str) {
        self.wait_until(text, |pane| pane.output().contains(text));
    }

    /// Reads the pty until the condition holds.
    pub fn wait_until(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> bool) {
        let deadline = Instant::now() + TIMEOUT;
        while !holds(self) {
            assert!(Instant::now() < deadline, "waited for {what:?}; the output is {:?}", self.output());
            self.read(Duration::from_millis(5));
        }
        self.read(Duration::ZERO);
    }

    fn read(&mut self, time: Duration) {
        let Some(master) = &mut self.master else {
            let _ = poll(&mut [], PollTimeout::try_from(time).unwrap());
            return;
        };
        let mut fds = [PollFd::new(master.as_fd(), PollFlags::POLLIN)];
        if poll(&mut fds, PollTimeout::try_from(time).unwrap()) != Ok(1) {
            return;
        }
        let mut chunk = [0; 65536];
        // EIO: nobody has the other side open any more.
        if let Ok(count) = master.read(&mut chunk) {
            self.seen.extend_from_slice(&chunk[..count]);
        }
    }
}

/// Both sides of a new pty. Other tests fork at the same time: a copy in one of their children would
/// keep the pty open, so both are closed by exec from the start.
fn open_pty(rows: u16, columns: u16) -> (File, File) {
    let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: reads a `winsize` that lives through the call.
    Errno::result(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) }).unwrap();
    let mut options = File::options();
    options.read(true).write(true).custom_flags(libc::O_NOCTTY);
    let terminal = options.open(ptsname_r(&master).unwrap()).unwrap();
    (File::from(OwnedFd::from(master)), terminal)
}

/// The daemon's side of one connection.
pub struct Conversation(pub BufReader<UnixStream>);

impl Conversation {
    pub fn read(&mut self) -> FromShim {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }

    pub fn send(&mut self, message: &ToShim) {
        let mut line = serde_json::to_vec(message).unwrap();
        line.push(b'\n');
        self.0.get_mut().write_all(&line).unwrap();
    }
}

pub fn exited(code: i32) -> ExitStatus {
    ExitStatus { code: Some(code), signal: None }
}

pub fn signaled(signal: i32) -> ExitStatus {
    ExitStatus { code: None, signal: Some(signal) }
}

pub fn marker(status: ExitStatus) -> String {
    format!("\x1b]{}\x07{BEHIND_MARKER}", exit_marker(NONCE, status))
}

/// What follows the name in `/proc/<pid>/stat`: state, parent, group, …
pub fn stat(pid: Pid) -> Option<Vec<String>> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(line.rsplit_once(')')?.1.split_whitespace().map(str::to_owned).collect())
}

pub fn state(pid: Pid) -> Option<char> {
    stat(pid)?[0].chars().next()
}

/// How often a process has gone to sleep by itself, a stop included.
pub fn switches(pid: Pid) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.unwrap().trim().parse().unwrap()
}
