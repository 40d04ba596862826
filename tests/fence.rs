//! Who is the owner and who is not, whatever becomes of their parents and their connections.

use std::fs;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::Stdio;

use nix::sys::signal::Signal;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, socket};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork};

use crate::harness::{CODEPIPER, Home, TIMEOUT, eventually, status_of};

/// A script that runs a command of ours when it is told to, and then tells its exit code.
struct Later {
    script: String,
    pid: std::path::PathBuf,
    go: std::path::PathBuf,
    code: std::path::PathBuf,
}

impl Later {
    fn new(home: &Home, name: &str, args: &str) -> Self {
        let path = |what: &str| home.path(&format!("{name}.{what}"));
        let (script, pid, go, code) = (path("sh"), path("pid"), path("go"), path("code"));
        let text = format!(
            "echo $$ >{pid}.new; mv {pid}.new {pid}\nuntil [ -e {go} ]; do sleep 0.02; done\n\
             {CODEPIPER} {args} >{code}.out 2>{code}.err; echo $? >{code}.new; mv {code}.new {code}",
            pid = pid.display(),
            go = go.display(),
            code = code.display()
        );
        fs::write(&script, text).unwrap();
        Self { script: format!("bash {}", script.display()), pid, go, code }
    }

    /// Its process, once it waits.
    fn pid(&self) -> i32 {
        eventually("it waits", || fs::read_to_string(&self.pid).ok()).trim().parse().unwrap()
    }

    /// Runs the command; its exit code.
    fn runs(&self) -> i32 {
        fs::write(&self.go, "").unwrap();
        eventually("its command ends", || fs::read_to_string(&self.code).ok()).trim().parse().unwrap()
    }

    /// Waits until its shim is gone.
    fn until_orphaned(&self) {
        eventually("its shim is gone", || {
            status_of(parent(self.pid()), "Name").is_none_or(|name| name != "codepiper").then_some(())
        });
    }

    fn said(&self) -> String {
        fs::read_to_string(format!("{}.err", self.code.display())).unwrap()
    }
}

fn parent(pid: i32) -> i32 {
    status_of(pid, "PPid").unwrap().parse().unwrap()
}

/// Leaves a process behind that has left the process session and the environment, and waits for it.
fn leaves(left: &Later, then: &str) -> String {
    format!(
        "(setsid env -i {} >/dev/null 2>&1 &); until [ -e {} ]; do sleep 0.02; done; {then}",
        left.script,
        left.pid.display()
    )
}

#[test]
fn what_a_session_leaves_behind_is_not_the_owner() {
    let mut home = Home::running();
    let socket = home.socket().display().to_string();
    let args = format!("--socket {socket} sessions");
    let left: Vec<Later> =
        ["ended", "killed", "restarted", "lost"].map(|name| Later::new(&home, name, &args)).into();
    for (left, then) in left.iter().zip(["exit", "kill -9 $PPID", "exit", "read"]) {
        let session = home.bash(&leaves(left, then));
        left.pid();
        if then != "read" {
            home.until_ended(&session);
            left.until_orphaned();
        }
    }
    for ended in &left[..2] {
        assert_eq!(ended.runs(), 6);
        assert!(ended.said().contains("a program started in a session"), "{}", ended.said());
    }
    home.stop_daemon();
    home.start_daemon();
    assert_eq!(left[2].runs(), 6);
    // A daemon that has never known the session, and no server that could be known.
    home.stop_daemon();
    home.tmux(&["kill-server"]);
    left[3].until_orphaned();
    fs::remove_dir_all(home.path("data/sessions")).unwrap();
    home.start_daemon();
    assert_eq!(left[3].runs(), 6);
    home.ok(["sessions"]);
}

#[test]
fn programs_that_the_owner_started_in_any_way_are_the_owner() {
    let home = Home::running();
    for (number, way) in [
        "{} &",
        "nohup {} >/dev/null 2>&1 &",
        "setsid -f {}",
        "(setsid {} </dev/null >/dev/null 2>&1 &)",
        "( ( {} & ) & )",
        // As cron and a unit of systemd do.
        "setsid -f env -i {} </dev/null >/dev/null 2>&1",
        "cd / && setsid -f env -i PATH=/usr/bin:/bin sh -c '{}' </dev/null >/dev/null 2>&1",
    ]
    .iter()
    .enumerate()
    {
        let args = format!("--socket {} sessions", home.socket().display());
        let later = Later::new(&home, &format!("way-{number}"), &args);
        let mut shell = std::process::Command::new("bash");
        shell.env_clear().envs(home.environment()).arg("-c").arg(way.replace("{}", &later.script));
        let mut shell =
            shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let shell_pid = shell.id() as i32;
        assert!(shell.wait().unwrap().success(), "{way}");
        eventually("it has another parent", || (parent(later.pid()) != shell_pid).then_some(()));
        assert_eq!(later.runs(), 0, "{way}: {}", later.said());
    }
}

/// A session of one home is a place like any other for the owner of another home.
#[test]
fn a_daemon_inside_a_session_has_an_owner_and_agents_of_its_own() {
    let outer = Home::running();
    let mut inner = Home::new();
    let later = Later::new(&inner, "inside", "sessions");
    let left = later.script.clone();
    let script = format!(
        "export CODEPIPER_HOME={}; unset CODEPIPER_SOCKET; {CODEPIPER} daemon --detach && {CODEPIPER} start -p shell -- {left} \
         && {CODEPIPER} sessions && echo done; read",
        inner.path("").display()
    );
    let session = outer.bash(&script);
    outer.until_printed(&session, "done\r\n");
    assert_eq!(later.runs(), 6, "{}", later.said());
    // From outside it is the owner's, too.
    inner.ok(["daemon", "stop"]);
    inner.start_daemon();
}

/// Whether its connection was made by an agent cannot be known any more.
#[test]
fn who_has_gone_before_the_daemon_looked_is_refused() {
    let home = Home::running();
    home.signal_daemon(Signal::SIGSTOP);
    eventually("the daemon stands still", || {
        status_of(home.daemon_pid(), "State").filter(|state| state.starts_with('T'))
    });
    let path = UnixAddr::new(&home.socket()).unwrap();
    let connections: Vec<UnixStream> = (0..8)
        .map(|_| {
            let socket = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
            // SAFETY: the child makes two system calls.
            match unsafe { fork() }.unwrap() {
                ForkResult::Child => {
                    let done = nix::sys::socket::connect(socket.as_raw_fd(), &path).is_ok();
                    // SAFETY: ends the child without the parent's exit handlers.
                    unsafe { nix::libc::_exit(i32::from(!done)) }
                }
                ForkResult::Parent { child } => waitpid(child, None).unwrap(),
            };
            UnixStream::from(socket)
        })
        .collect();
    for mut connection in &connections {
        let request = b"POST /api/daemon/stop HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        connection.write_all(request).unwrap();
    }
    home.signal_daemon(Signal::SIGCONT);
    for mut connection in connections {
        connection.set_read_timeout(Some(TIMEOUT)).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("has exited"), "{answer}");
    }
    home.ok(["sessions"]);
    let refused = home.ok(["logs", "--source", "auth"]);
    assert_eq!(refused.matches("auth.agent_refused").count(), 8, "{refused}");
}

#[test]
fn a_daemon_without_descriptors_says_so() {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let home = Home::running();
    let daemon = home.daemon_pid();
    let limits = fs::read_to_string(format!("/proc/{daemon}/limits")).unwrap();
    let hard = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let maximum = hard.split_ascii_whitespace().nth(1).unwrap().parse().ok();
    let limit = |current| {
        let limit = Rlimit { current, maximum };
        prlimit(Pid::from_raw(daemon), Resource::Nofile, limit).unwrap().current
    };
    // One is left for the connection; then one for the process behind it, too.
    for left in [1, 2] {
        eventually("it says why", || {
            let open = fs::read_dir(format!("/proc/{daemon}/fd")).unwrap();
            let open = open.map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap());
            let open: std::collections::HashSet<u64> = open.collect();
            let last = (0..).filter(|number| !open.contains(number)).nth(left).unwrap();
            let before = limit(Some(last));
            let ran = home.run(["sessions"]);
            limit(before);
            assert!(!ran.stderr.contains("has exited"), "{}", ran.stderr);
            ran.stderr.contains("Too many open files").then_some(())
        });
    }
    home.ok(["sessions"]);
}

/// What belongs to a process that may be traced belongs to its user, and otherwise to root (proc(5)).
#[test]
fn the_daemons_memory_and_environment_are_closed_to_other_programs() {
    let mut home = Home::new();
    let root = nix::unistd::getuid().is_root();
    let uid = if root { 65534 } else { nix::unistd::getuid().as_raw() };
    std::os::unix::fs::chown(home.path(""), Some(uid), Some(uid)).unwrap();
    let mut command = home.command(["daemon"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    if root {
        command.uid(uid).gid(uid);
    }
    let mut daemon = command.spawn().unwrap();
    let mut ready = [0; 64];
    assert!(daemon.stdout.take().unwrap().read(&mut ready).unwrap() > 0);
    let environment = format!("/proc/{}/environ", daemon.id());
    assert_eq!(fs::metadata(environment).unwrap().uid(), 0);
    home.adopt(daemon);
}
