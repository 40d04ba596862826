//! `codepiper shim`: the only process that tmux starts in a pane. It stands between tmux and the program.
//!
//! Without it tmux drops the last output of a program that exits and often forgets its status, and
//! secrets would stand in argv or in tmux's environment. See [`codepiper_protocol::shim`] for the
//! messages.
//!
//! | module       | what it does |
//! |--------------|--------------|
//! | `daemon`     | the conversation over the Unix socket |
//! | `terminal`   | the pane's pty: who is in the foreground, is it still there |
//! | `program`    | fork and exec, with the reason when it fails |
//! | `signals`    | signals as bytes in a pipe |
//! | `supervisor` | from the start of the program to its end |
//! | `memory`     | gives back what only the start needed |
//!
//! It runs once in every pane for days: one thread, no runtime, no clap, no buffers that stay.

mod daemon;
mod memory;
mod program;
mod signals;
mod supervisor;
mod terminal;

use std::ffi::OsString;
use std::io;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use codepiper_protocol::SessionId;
use codepiper_protocol::shim::{
    BEHIND_MARKER, ExitFile, ExitStatus, FromShim, Launch, PROTOCOL, ToShim, exit_marker,
};

use crate::process;
use crate::small_file::{Synced, replace};
use daemon::Daemon;
use supervisor::End;
use terminal::Terminal;

/// How long the daemon may be away at the start.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// How long the daemon may take to answer the first message: it waits for tmux, as may many others.
const LAUNCH_LIMIT: Duration = Duration::from_secs(30);
/// How long the pty is held, after the program has ended, for a daemon that is away or does not want it.
const HOLD_LIMIT: Duration = Duration::from_secs(5);
/// How long it is held for a daemon that is there and stands still: tmux forgets what a daemon has not
/// read when the pane dies.
const STANDSTILL_LIMIT: Duration = Duration::from_secs(60);

/// The shim itself failed and no program ran; the same number as in `env` and `timeout`.
const SHIM_FAILED: u8 = 125;
/// The program could not be executed; the same number as in a shell.
const NOT_EXECUTED: u8 = 127;

/// Runs the shim. `args` are the words after `shim`: `--socket PATH --session UUID`.
pub fn run(args: impl Iterator<Item = OsString>) -> ExitCode {
    match Shim::start(args) {
        Ok(Some(shim)) => shim.run(),
        Ok(None) => ExitCode::from(NOT_EXECUTED),
        Err(message) => {
            say(&message);
            ExitCode::from(SHIM_FAILED)
        }
    }
}

/// A shim whose program runs.
struct Shim {
    args: Args,
    terminal: Terminal,
    supervisor: supervisor::Supervisor,
    nonce: String,
    exit_file: PathBuf,
}

impl Shim {
    /// `None` when the program could not be executed, which the daemon then knows.
    fn start(args: impl Iterator<Item = OsString>) -> Result<Option<Self>, String> {
        let args = Args::parse(args)?;
        harden();
        let terminal = Terminal::open()
            .map_err(|error| format!("no terminal: {error} (tmux starts the shim; do not run it by hand)"))?;
        let (mut daemon, launch) = fetch_launch(&args, &terminal)?;
        if let Some(mark) = launch.mark {
            process::mark::wear(mark).map_err(|error| format!("cannot mark the program: {error}"))?;
        }
        let signals = signals::Signals::catch().map_err(|error| format!("cannot catch signals: {error}"))?;
        match program::start(&launch, &terminal) {
            Ok(pid) => {
                // The program runs, whether the daemon hears of it or not: a new daemon will find it.
                let _ = daemon.send(&FromShim::Started { pid: pid.as_raw() });
                let supervisor = supervisor::Supervisor::new(pid, signals);
                let Launch { nonce, exit_file, .. } = launch;
                Ok(Some(Self { args, terminal, supervisor, nonce, exit_file }))
            }
            Err(program::NotStarted { errno, message }) => {
                say(&message);
                let _ = daemon.send(&FromShim::Failed { errno, message });
                Ok(None)
            }
        }
    }

    fn run(mut self) -> ExitCode {
        memory::trim();
        let end = self.supervisor.run(&self.terminal);
        let ended = Instant::now();
        // Without the file the marker and the last message still carry the status.
        let _ = self.write_exit_file(&end);
        match end {
            End { pty_gone: false, status } => self.hold_pty(status, ended),
            // Nothing is left to hold. One attempt tells a daemon that has lost its tmux server.
            End { pty_gone: true, status } => {
                if let Ok(mut daemon) = Daemon::connect(&self.args.socket) {
                    let _ = daemon.send(&self.exited(status));
                }
            }
        }
        ExitCode::from(exit_code(end.status))
    }

    /// Prints the marker and keeps the pty open until the daemon has stored what stands before it.
    fn hold_pty(&self, status: ExitStatus, ended: Instant) {
        let (deadline, patience) = (ended + HOLD_LIMIT, ended + STANDSTILL_LIMIT);
        self.terminal.take_back();
        let marker = format!("\x1b]{}\x07{BEHIND_MARKER}", exit_marker(&self.nonce, status));
        // A terminal that is full is one that the daemon lets wait.
        let _ = self.terminal.write(marker.as_bytes(), patience);

        let mut pause = Pause::default();
        loop {
            let released = Daemon::connect(&self.args.socket).and_then(|mut daemon| {
                daemon.send(&self.exited(status))?;
                daemon.receive(&self.terminal, patience)
            });
            if matches!(released, Ok(ToShim::Release))
                || Instant::now() >= deadline
                || self.terminal.gone_within(pause.next())
            {
                return;
            }
        }
    }

    fn exited(&self, status: ExitStatus) -> FromShim {
        FromShim::Exited { protocol: PROTOCOL, session: self.args.session, status }
    }

    fn write_exit_file(&self, &End { status, pty_gone: pane_gone }: &End) -> io::Result<()> {
        let Self { args: Args { session, .. }, nonce, exit_file, .. } = self;
        let nonce = nonce.clone();
        let content = ExitFile { protocol: PROTOCOL, session: *session, nonce, status, pane_gone };
        replace(exit_file, &serde_json::to_vec(&content)?, Synced::No)
    }
}

struct Args {
    socket: PathBuf,
    session: SessionId,
}

impl Args {
    fn parse(mut args: impl Iterator<Item = OsString>) -> Result<Self, String> {
        const USAGE: &str = "the shim is started by the daemon, with a socket and a session";
        let (mut socket, mut session) = (None, None);
        while let (Some(flag), value) = (args.next(), args.next()) {
            let value = value.ok_or(USAGE)?;
            match flag.to_str() {
                Some("--socket") => socket = Some(PathBuf::from(value)),
                Some("--session") => session = value.to_str().and_then(|text| text.parse().ok()),
                _ => return Err(USAGE.into()),
            }
        }
        Ok(Self { socket: socket.ok_or(USAGE)?, session: session.ok_or(USAGE)? })
    }
}

/// Growing pauses between attempts: 10 ms, doubled up to 200 ms.
#[derive(Default)]
struct Pause(Duration);

impl Pause {
    fn next(&mut self) -> Duration {
        self.0 = (self.0 * 2).clamp(Duration::from_millis(10), Duration::from_millis(200));
        self.0
    }
}

fn fetch_launch(args: &Args, terminal: &Terminal) -> Result<(Daemon, Launch), String> {
    let socket = &args.socket;
    let mut daemon = connect_patiently(socket, terminal).map_err(|error| {
        format!(
            "cannot reach the daemon at {}: {error}; is it running? Start the session again.",
            socket.display()
        )
    })?;
    let hello = FromShim::Hello { protocol: PROTOCOL, session: args.session };
    let answer = daemon
        .send(&hello)
        .and_then(|()| daemon.receive(terminal, Instant::now() + LAUNCH_LIMIT))
        .map_err(|error| {
        format!("the daemon at {} sent no program: {error}; start the session again", socket.display())
    })?;
    match answer {
        ToShim::Launch(launch) => Ok((daemon, launch)),
        ToShim::Refused { message } => Err(format!("the daemon refused this pane: {message}")),
        ToShim::Release => {
            Err("the daemon gave up on this pane before its program started; start the session again".into())
        }
    }
}

fn connect_patiently(socket: &Path, terminal: &Terminal) -> io::Result<Daemon> {
    let deadline = Instant::now() + CONNECT_LIMIT;
    let mut pause = Pause::default();
    loop {
        match Daemon::connect(socket) {
            Err(error) if daemon::may_come_back(&error) && Instant::now() < deadline => {
                if terminal.gone_within(pause.next()) {
                    return Err(error);
                }
            }
            other => return other,
        }
    }
}

/// Orphans of the program become children of the shim, so that the chain of parents from any of them
/// leads here. The program may not trace the shim or read its memory: `stat` and `status` in `/proc`
/// stay readable, and exec makes the program itself dumpable again.
#[cfg(target_os = "linux")]
fn harden() {
    // Neither can fail with these arguments on a kernel that tmux and Rust run on.
    let _ = nix::sys::prctl::set_child_subreaper(true);
    let _ = nix::sys::prctl::set_dumpable(false);
}

#[cfg(not(target_os = "linux"))]
fn harden() {}

/// One line in the pane, for the person who looks at it. The pane may be gone.
fn say(message: &str) {
    let _ = writeln!(io::stderr(), "codepiper: {message}");
}

fn exit_code(status: ExitStatus) -> u8 {
    match (status.code, status.signal) {
        (Some(code), _) => code as u8,
        (None, Some(signal)) => 128u8.wrapping_add(signal as u8),
        (None, None) => SHIM_FAILED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Args, String> {
        Args::parse(words.iter().map(OsString::from))
    }

    #[test]
    fn both_flags_are_needed() {
        let id = "6f1c1f0e-3c1c-4c57-9d3e-1f6f1b0f8a11";
        let args = parse(&["--session", id, "--socket", "/run/cp.sock"]).ok().unwrap();
        assert_eq!(args.session.to_string(), id);
        assert_eq!(args.socket, Path::new("/run/cp.sock"));
        for wrong in [
            &["--socket", "/run/cp.sock"][..],
            &["--session", id],
            &["--session", id, "--socket"],
            &["--session", "x", "--socket", "/run/cp.sock"],
            &["--session", id, "--socket", "/run/cp.sock", "--more", "x"],
        ] {
            assert!(parse(wrong).err().unwrap().starts_with("the shim is started by"), "{wrong:?}");
        }
    }

    #[test]
    fn a_signal_becomes_an_exit_code_as_in_a_shell() {
        assert_eq!(exit_code(ExitStatus { code: Some(7), signal: None }), 7);
        assert_eq!(exit_code(ExitStatus { code: None, signal: Some(9) }), 137);
    }
}
