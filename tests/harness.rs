//! A real daemon with a real tmux server, in a directory of its own.

mod owner;
mod process;
mod pty;
mod reader;
mod web;
mod websocket;

use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use codepiper_protocol::wire::daemon::DaemonStatus;
use codepiper_protocol::wire::session::{Exit, ExitReason, Explanation, Session, Status};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

pub use owner::Owner;
pub use process::{is_gone, mentioning, status_of};
pub use pty::Pty;
pub use reader::Reader;
pub use web::{Answer, Browser, PASSWORD, bootstrap, code};
pub use websocket::{Frame, WebSocket};

pub const CODEPIPER: &str = env!("CARGO_BIN_EXE_codepiper");
/// No single wait of a test is longer.
pub const TIMEOUT: Duration = Duration::from_secs(20);

/// A directory as `CODEPIPER_HOME`, and what was started in it. Everything that still runs in it ends
/// with this value.
pub struct Home {
    dir: TempDir,
    daemon: Option<Daemon>,
    /// What its commands are commands of.
    program: PathBuf,
    /// What its commands have in their environment beside the usual.
    extra: Vec<(String, String)>,
}

/// A daemon in the foreground.
pub struct Daemon {
    child: Child,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// One error, and at most one line with what to do about it.
fn is_one_error(stderr: &str) -> bool {
    let lines: Vec<&str> = stderr.lines().collect();
    match lines[..] {
        [_] => true,
        [_, hint] => hint.starts_with("hint: "),
        _ => false,
    }
}

impl Home {
    /// A home without a daemon.
    pub fn new() -> Self {
        // Sockets have short paths.
        let dir = tempfile::Builder::new().prefix("cp-").tempdir_in("/tmp").unwrap();
        fs::create_dir(dir.path().join("user")).unwrap();
        Self { dir, daemon: None, program: CODEPIPER.into(), extra: Vec::new() }
    }

    /// A home whose daemon is ready.
    pub fn running() -> Self {
        let mut home = Self::new();
        home.start_daemon();
        home
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn socket(&self) -> PathBuf {
        self.path("codepiper.sock")
    }

    /// Starts the daemon and waits until it is ready.
    pub fn start_daemon(&mut self) {
        self.start_daemon_in([]);
    }

    /// The same with more in its environment.
    pub fn start_daemon_in<'a>(&mut self, environment: impl IntoIterator<Item = (&'a str, &'a str)>) {
        self.start_daemon_with(&[], environment);
    }

    /// Starts the daemon with the dashboard on a free port, and more flags; what it said.
    pub fn start_web(&mut self, flags: &[&str]) -> String {
        self.start_daemon_with(&[&["--web", "--port", "0"], flags].concat(), [])
    }

    fn start_daemon_with<'a>(
        &mut self,
        flags: &[&str],
        environment: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> String {
        let mut command = self.command(["daemon"]);
        command.args(flags).envs(environment).stdin(Stdio::null()).stdout(Stdio::piped());
        let log = fs::OpenOptions::new().create(true).append(true).open(self.path("daemon.stderr")).unwrap();
        let mut child = command.stderr(log).spawn().unwrap();
        // It says everything at once.
        let mut ready = vec![0; 4096];
        let length = child.stdout.take().unwrap().read(&mut ready).unwrap();
        let ready = String::from_utf8_lossy(&ready[..length]).into_owned();
        self.daemon = Some(Daemon { child });
        assert!(ready.starts_with("✓ Daemon started on "), "{ready:?} {}", self.log());
        ready
    }

    /// A daemon of this home that was started by hand ends with it.
    pub fn adopt(&mut self, child: Child) {
        self.daemon = Some(Daemon { child });
    }

    /// The port of the dashboard.
    pub fn port(&self) -> u16 {
        let web = self.status().web.expect("a dashboard");
        web.rsplit(':').next().unwrap().parse().unwrap()
    }

    /// A browser in front of the dashboard that has not signed in.
    pub fn browser(&self) -> Browser {
        Browser::new(self.port())
    }

    pub fn daemon_pid(&self) -> i32 {
        self.daemon.as_ref().unwrap().child.id().cast_signed()
    }

    pub fn signal_daemon(&self, signal: Signal) {
        kill(Pid::from_raw(self.daemon_pid()), signal).unwrap();
    }

    /// Waits for the end of the daemon that was started here; its exit code.
    pub fn daemon_ended(&mut self) -> Option<i32> {
        let mut daemon = self.daemon.take().unwrap();
        let status = eventually("the daemon ends", || daemon.child.try_wait().unwrap());
        status.code()
    }

    /// The daemon leaves; everything else stays.
    pub fn stop_daemon(&mut self) {
        self.ok(["daemon", "stop"]);
        assert_eq!(self.daemon_ended(), Some(0));
    }

    /// The real program in a clean environment.
    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(&self.program);
        command.args(args).env_clear().current_dir(self.dir.path());
        command.envs(self.environment()).envs(self.extra.iter().cloned());
        // Whoever runs the tests may ignore it (`nohup`), and a daemon keeps to that.
        let hear_hang_up = || {
            // SAFETY: the default action touches no memory.
            unsafe { nix::sys::signal::signal(Signal::SIGHUP, nix::sys::signal::SigHandler::SigDfl) }?;
            Ok(())
        };
        // SAFETY: it makes one system call.
        unsafe { command.pre_exec(hear_hang_up) };
        command
    }

    /// The program of every command from now on.
    pub fn set_program(&mut self, program: &Path) {
        self.program = program.to_owned();
    }

    /// For every command from now on; a daemon hands its environment on to programs.
    pub fn set_environment(&mut self, variables: &[(&str, &str)]) {
        self.extra =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    }

    /// A script that is found by its name, by every command from now on.
    pub fn add_program(&mut self, name: &str, script: &str) {
        let bin = self.path("bin");
        fs::create_dir_all(&bin).unwrap();
        fs::write(bin.join(name), script).unwrap();
        fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        self.extra.retain(|(name, _)| name != "PATH");
        self.extra.push(("PATH".to_owned(), path));
    }

    pub fn environment(&self) -> [(&'static str, String); 6] {
        let path = |name: &str| self.path(name).to_str().unwrap().to_owned();
        [
            ("PATH", std::env::var("PATH").unwrap()),
            ("HOME", path("user")),
            ("LANG", "C.UTF-8".to_owned()),
            ("SHELL", "/bin/bash".to_owned()),
            ("TERM", "xterm-256color".to_owned()),
            ("CODEPIPER_HOME", self.dir.path().to_str().unwrap().to_owned()),
        ]
    }

    pub fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ran {
        self.run_with(args, b"")
    }

    /// Runs a command that reads `input`.
    pub fn run_with<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>, input: &[u8]) -> Ran {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Whoever does not read it closes its end.
        let _ = child.stdin.take().unwrap().write_all(input);
        let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let errors = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            stderr.read_to_end(&mut bytes).unwrap();
            bytes
        });
        let mut bytes = Vec::new();
        stdout.read_to_end(&mut bytes).unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let stderr = text(errors.join().unwrap());
        Ran { code: child.wait().unwrap().code(), stdout: text(bytes), stderr }
    }

    /// Runs a command that has to succeed; what it printed.
    pub fn ok<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> String {
        let args: Vec<_> = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        let ran = self.run(&args);
        assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.stderr);
        ran.stdout
    }

    /// Runs a command that has to fail with this code and one error on stderr, which is returned.
    pub fn fails<S: AsRef<OsStr>>(&self, code: i32, args: impl IntoIterator<Item = S>) -> String {
        let args: Vec<_> = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        let ran = self.run(&args);
        assert_eq!(ran.code, Some(code), "{args:?}: {ran:?}");
        assert_eq!(ran.stdout, "", "{args:?}");
        assert!(is_one_error(&ran.stderr), "{args:?}: {}", ran.stderr);
        ran.stderr
    }

    /// What `doctor` says when something is broken.
    pub fn fails_doctor(&self) -> String {
        let ran = self.run(["doctor"]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        ran.stdout
    }

    /// The same for a command that does something before it fails.
    pub fn fails_after_output<S: AsRef<OsStr>>(&self, code: i32, args: impl IntoIterator<Item = S>) {
        let ran = self.run(args);
        assert!(ran.code == Some(code) && is_one_error(&ran.stderr), "{ran:?}");
    }

    /// Runs a command whose arguments are not understood: what is wrong stands on stderr.
    pub fn fails_at_usage<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) {
        let args: Vec<_> = args.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        let ran = self.run(&args);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{args:?}");
        assert!(ran.stderr.starts_with("error: "), "{args:?}: {}", ran.stderr);
    }

    /// Starts a session of the `shell` provider in this home.
    pub fn start(&self, argv: &[&str]) -> Session {
        self.start_with(&[], argv)
    }

    pub fn start_with(&self, flags: &[&str], argv: &[&str]) -> Session {
        let args = [&["start", "-p", "shell", "--json"], flags, &["--"], argv].concat();
        serde_json::from_str(&self.ok(args)).unwrap()
    }

    /// A session that runs a script of bash.
    pub fn bash(&self, script: &str) -> Session {
        self.start(&["bash", "-c", script])
    }

    pub fn session(&self, id: &str) -> Session {
        serde_json::from_str(&self.ok(["sessions", "show", id, "--json"])).unwrap()
    }

    pub fn sessions(&self) -> Vec<Session> {
        serde_json::from_str(&self.ok(["sessions", "--json"])).unwrap()
    }

    pub fn explain(&self, id: &str) -> Explanation {
        serde_json::from_str(&self.ok(["sessions", "explain", id, "--json"])).unwrap()
    }

    pub fn status(&self) -> DaemonStatus {
        serde_json::from_str(&self.ok(["daemon", "status", "--json"])).unwrap()
    }

    /// Waits until the session is as wanted.
    pub fn until(&self, session: &Session, what: &str, holds: impl Fn(&Session) -> bool) -> Session {
        let id = session.id.to_string();
        eventually(what, || Some(self.session(&id)).filter(&holds))
    }

    pub fn until_ended(&self, session: &Session) -> Session {
        self.ok(["wait", &session.id.to_string(), "--until", "exit", "--timeout", "30"]);
        self.session(&session.id.to_string())
    }

    /// Everything that the session printed so far, as bytes.
    pub fn output(&self, session: &Session) -> String {
        self.ok(["tail", &session.id.to_string(), "--raw", "-n", "all"])
    }

    /// Waits until the session has printed this.
    pub fn until_printed(&self, session: &Session, text: &str) {
        eventually(text, || self.output(session).contains(text).then_some(()));
    }

    /// A native tmux command on this home's server.
    pub fn tmux(&self, args: &[&str]) -> Output {
        let mut command = Command::new("tmux");
        command.env_clear().envs(self.environment()).envs(self.extra.iter().cloned());
        command.arg("-S").arg(self.path("tmux.sock")).args(args).output().unwrap()
    }

    /// What a native tmux command printed.
    pub fn tmux_says(&self, args: &[&str]) -> String {
        let output = self.tmux(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// A reader that goes on until the session ends: `tail --follow` and more flags.
    pub fn follow(&self, session: &Session, flags: &[&str]) -> Reader {
        let id = session.id.to_string();
        let args = [&["tail", &id, "--follow"], flags].concat();
        Reader::start(self.command(args))
    }

    /// Asks the owner's socket.
    pub fn get(&self, path: &str) -> Answer {
        let mut stream = UnixStream::connect(self.socket()).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        Answer::read(stream)
    }

    pub fn websocket(&self) -> WebSocket {
        WebSocket::open(&self.socket())
    }

    /// What the daemon said of itself.
    pub fn log(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.path(name)).unwrap_or_default();
        read("daemon.stderr") + &read("state/daemon.log")
    }

    /// For a test that failed: the last events, and what each session printed last. The daemon may stand still.
    fn say_what_was_seen(&self) {
        let say = |args: &[&str]| {
            let Ok(mut child) = self.command(args).stdout(Stdio::piped()).spawn() else {
                return String::new();
            };
            let mut said = String::new();
            let mut stdout = child.stdout.take().unwrap();
            let reader = std::thread::spawn(move || stdout.read_to_string(&mut said).map(|_| said));
            let deadline = Instant::now() + Duration::from_secs(5);
            while child.try_wait().is_ok_and(|ended| ended.is_none()) && Instant::now() < deadline {
                std::thread::sleep(POLL);
            }
            let _ = child.kill();
            let _ = child.wait();
            reader.join().ok().and_then(Result::ok).unwrap_or_default()
        };
        eprintln!("--- the last events\n{}---", say(&["logs", "-n", "60"]));
        for name in fs::read_dir(self.path("data/sessions")).into_iter().flatten().flatten() {
            let name = name.file_name().to_string_lossy().into_owned();
            let Some(id) = name.strip_suffix(".json") else { continue };
            eprintln!("--- the last lines of {id}\n{}---", say(&["tail", id, "-n", "30"]));
        }
    }

    /// The names of the files in a directory of this home, sorted.
    pub fn files(&self, dir: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(dir)).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the daemon's log in {}\n{}---", self.dir.path().display(), self.log());
            self.say_what_was_seen();
        }
        // A test that failed may leave a tmux server that stands still, and answers nothing.
        for pid in mentioning(self.dir.path()) {
            let _ = kill(pid, Signal::SIGCONT);
        }
        // The tmux server first: shims end their programs when their terminal is gone.
        self.tmux(&["kill-server"]);
        let deadline = Instant::now() + TIMEOUT;
        let mut left = mentioning(self.dir.path());
        // What is in its environment, a daemon hides.
        left.extend(self.daemon.as_ref().map(|daemon| Pid::from_raw(daemon.child.id().cast_signed())));
        while !left.is_empty() && Instant::now() < deadline {
            for pid in left {
                let _ = kill(pid, Signal::SIGKILL);
            }
            if let Some(daemon) = &mut self.daemon {
                let _ = daemon.child.try_wait();
            }
            std::thread::sleep(POLL);
            left = mentioning(self.dir.path());
        }
        if let Some(mut daemon) = self.daemon.take() {
            let _ = daemon.child.wait();
        }
    }
}

/// Between two looks at something that cannot tell when it changes.
const POLL: Duration = Duration::from_millis(10);

/// Waits until there is an answer.
pub fn eventually<T>(what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        if let Some(answer) = answer() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited in vain for: {what}");
        std::thread::sleep(POLL);
    }
}

/// The directory of a newer tmux than the one in PATH, if the environment names one as `TMUX37`. Says so when it does not.
pub fn other_tmux() -> Option<PathBuf> {
    let dir = std::env::var_os("TMUX37").map(PathBuf::from);
    if dir.is_none() {
        // Past what the test runner keeps to itself.
        let _ = writeln!(
            std::io::stderr(),
            "TMUX37 names no directory of a tmux 3.7: only the tmux in PATH is tested"
        );
    }
    dir.inspect(|dir| assert!(dir.join("tmux").exists(), "no tmux in TMUX37={}", dir.display()))
}

/// A running home with the tmux in PATH, and one with the other tmux where there is one.
pub fn on_each_tmux(test: impl Fn(&mut Home)) {
    test(&mut Home::running());
    if let Some(dir) = other_tmux() {
        let mut home = Home::new();
        let path = format!("{}:{}", dir.display(), std::env::var("PATH").unwrap());
        home.set_environment(&[("PATH", &path)]);
        home.start_daemon();
        test(&mut home);
    }
}

/// A red dot.
pub fn png() -> Vec<u8> {
    use base64::Engine;
    let text = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mP4z8CAFTEMLQkAKP8/wc53yE8AAAAASUVORK5CYII=";
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

/// The numbers up to `last`, a line each, as a terminal prints them.
pub fn numbers(last: u32) -> String {
    (1..=last).map(|number| format!("{number}\r\n")).collect()
}

/// Fails with the place of the first difference, not with megabytes.
#[track_caller]
pub fn assert_same(got: &[u8], wanted: &[u8]) {
    if got == wanted {
        return;
    }
    let place = got.iter().zip(wanted).take_while(|(left, right)| left == right).count();
    let around = |bytes: &[u8]| {
        let piece = &bytes[place.saturating_sub(60).min(bytes.len())..(place + 60).min(bytes.len())];
        String::from_utf8_lossy(piece).into_owned()
    };
    panic!(
        "{} bytes instead of {}, and another one at {place}: got {:?}, wanted {:?}",
        got.len(),
        wanted.len(),
        around(got),
        around(wanted)
    );
}

pub fn exited(code: i32) -> Exit {
    Exit { code: Some(code), signal: None, reason: ExitReason::Exited }
}

pub fn signaled(signal: i32) -> Exit {
    Exit { code: None, signal: Some(signal), reason: ExitReason::Exited }
}

/// Whether the session ended with its tmux server.
pub fn lost_its_server(session: &Session) -> bool {
    session.status == Status::Stopped
        && session.exit.is_some_and(|exit| exit.reason == ExitReason::ServerGone)
}

pub fn exists(path: &Path) -> Option<()> {
    path.exists().then_some(())
}
