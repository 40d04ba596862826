//! Starts the program: its own process group, in the foreground, with nothing inherited but the pty.

use std::convert::Infallible;
use std::ffi::{CStr, CString};
use std::io::{PipeWriter, Read, Write, pipe};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use codepiper_protocol::os_text;
use codepiper_protocol::shim::Launch;
use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};
use nix::sys::stat::{Mode, umask};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, chdir, execve, fork, getpid, setpgid};

use super::signals;
use super::terminal::Terminal;

/// What tmux tells its panes about themselves. Programs are told the same, unless the launch says otherwise:
/// Claude Code asks for modified keys (Shift+Enter) only where it knows the terminal. `TMUX` is kept back, since
/// whoever has it can type into every other session.
const OF_THE_PANE: [&str; 3] = ["TERM", "TERM_PROGRAM", "TERM_PROGRAM_VERSION"];

/// Why there is no program. `errno` is 0 when the reason was not a system call.
pub struct NotStarted {
    pub errno: i32,
    pub message: String,
}

/// Forks and executes. When it returns, the program is executed and its group, which has its number,
/// is the foreground.
///
/// Only the child makes the group and takes the terminal. Shells do it on both sides because they do
/// not wait for the exec; we do, and a late call of ours would take the terminal from a job of the
/// program.
pub fn start(launch: &Launch, terminal: &Terminal) -> Result<Pid, NotStarted> {
    let image = Image::new(launch)?;
    let (mut report, reporter) = pipe().map_err(|error| image.failure(Step::Fork, errno_of(&error)))?;
    let mask = block_signals();
    // SAFETY: this process has one thread, so the child may do what it likes before exec.
    let child = match unsafe { fork() } {
        Ok(ForkResult::Child) => image.become_program(terminal, reporter),
        Ok(ForkResult::Parent { child }) => Ok(child),
        Err(errno) => Err(image.failure(Step::Fork, errno)),
    };
    // An unchanged mask is what the call gave us; it cannot be refused.
    let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&mask), None);
    let child = child?;
    drop(reporter);

    // The pipe is closed by the exec, or by a signal that ended the child before it.
    let mut failure = [0; 5];
    if report.read_exact(&mut failure).is_err() {
        return Ok(child);
    }
    let _ = waitpid(child, None);
    let [step, errno @ ..] = failure;
    Err(image.failure(Step::from_byte(step), Errno::from_raw(i32::from_ne_bytes(errno))))
}

/// What the child needs, made before the fork.
struct Image {
    program: CString,
    argv: Vec<CString>,
    env: Vec<CString>,
    cwd: CString,
    umask: Option<u32>,
}

#[derive(Clone, Copy, PartialEq)]
enum Step {
    Fork,
    Group,
    Terminal,
    Directory,
    Exec,
}

impl Step {
    fn from_byte(byte: u8) -> Self {
        [Self::Fork, Self::Group, Self::Terminal, Self::Directory]
            .into_iter()
            .find(|step| *step as u8 == byte)
            .unwrap_or(Self::Exec)
    }
}

impl Image {
    fn new(launch: &Launch) -> Result<Self, NotStarted> {
        let wrong = |message: String| NotStarted { errno: 0, message };
        let Some(program) = launch.argv.first() else {
            return Err(wrong("no program given".into()));
        };
        let path = os_text::decode(program);
        if !Path::new(&path).is_absolute() {
            return Err(wrong(format!("cannot execute {program}: not an absolute path")));
        }
        let word = |what: &str, bytes: &[u8]| {
            CString::new(bytes)
                .map_err(|_| wrong(format!("cannot execute {program}: {what} contains a NUL byte")))
        };
        let argv = launch
            .argv
            .iter()
            .map(|arg| word("an argument", os_text::decode(arg).as_bytes()))
            .collect::<Result<_, _>>()?;
        let mut env = Vec::with_capacity(launch.env.len() + 1);
        for (name, value) in &launch.env {
            if name.is_empty() || name.contains('=') {
                return Err(wrong(format!("cannot execute {program}: invalid variable name `{name}`")));
            }
            let pair = os_text::decode(&format!("{name}={value}"));
            env.push(word(&format!("the variable {name}"), pair.as_bytes())?);
        }
        for name in OF_THE_PANE {
            if !launch.env.contains_key(name)
                && let Some(value) = std::env::var_os(name)
            {
                let variable = [name.as_bytes(), b"=", value.as_bytes()].concat();
                env.push(word(&format!("the variable {name}"), &variable)?);
            }
        }
        let cwd = word("the directory", launch.cwd.as_os_str().as_bytes())?;
        Ok(Self { program: word("its path", path.as_bytes())?, argv, env, cwd, umask: launch.umask })
    }

    /// In the child. All signals are blocked until the last moment, so that none meets a handler of
    /// the shim; SIGTTOU is ignored until the terminal is ours.
    fn become_program(&self, terminal: &Terminal, mut reporter: PipeWriter) -> ! {
        let Err((step, errno)) = self.try_become_program(terminal);
        let mut failure = [step as u8; 5];
        failure[1..].copy_from_slice(&(errno as i32).to_ne_bytes());
        let _ = reporter.write_all(&failure);
        // SAFETY: ends the child without the parent's exit handlers.
        unsafe { libc::_exit(127) }
    }

    fn try_become_program(&self, terminal: &Terminal) -> Result<Infallible, (Step, Errno)> {
        let own = Pid::from_raw(0);
        setpgid(own, own).map_err(|errno| (Step::Group, errno))?;
        terminal.give_to(getpid()).map_err(|errno| (Step::Terminal, errno))?;
        chdir(self.cwd.as_c_str()).map_err(|errno| (Step::Directory, errno))?;
        if let Some(mask) = self.umask {
            umask(Mode::from_bits_truncate(mask as libc::mode_t));
        }
        signals::reset_all();
        let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None);
        execve(&self.program, &self.argv, &self.env).map_err(|errno| (Step::Exec, errno))
    }

    fn failure(&self, step: Step, errno: Errno) -> NotStarted {
        let text = |word: &CStr| word.to_string_lossy().into_owned();
        let program = text(&self.program);
        let reason = match errno {
            Errno::ENOENT if step == Step::Exec && Path::new(&program).exists() => {
                "its interpreter is missing (see its first line)"
            }
            _ => errno.desc(),
        };
        let message = match step {
            Step::Exec => format!("cannot execute {program}: {reason}"),
            Step::Directory => format!("cannot execute {program} in {}: {reason}", text(&self.cwd)),
            Step::Fork => format!("cannot start a process for {program}: {reason}"),
            Step::Group => format!("cannot create a process group for {program}: {reason}"),
            Step::Terminal => format!("cannot give the terminal to {program}: {reason}"),
        };
        NotStarted { errno: errno as i32, message }
    }
}

fn block_signals() -> SigSet {
    let mut before = SigSet::empty();
    // SIG_SETMASK with two valid sets cannot fail.
    let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), Some(&mut before));
    before
}

fn errno_of(error: &std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or_default())
}
