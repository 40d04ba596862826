//! The shim as a process: on a real pty, with a daemon that the test plays.

mod pane;
mod tmux;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use codepiper_protocol::shim::{FromShim, ToShim};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tempfile::TempDir;

use pane::{Pane, SHIM, TIMEOUT, exited, marker, signaled, stat, state, switches};
use tmux::Tmux;

#[test]
fn a_program_runs_and_its_end_is_told_in_order() {
    let mut pane = Pane::running(&["/bin/sh", "-c", "printf 'the tail'; exit 7"]);
    let (status, mut daemon) = pane.exited();
    assert_eq!(status, exited(7));
    pane.wait_for(&format!("the tail{}", marker(status)));
    assert_eq!(pane.exit_file(), status);
    assert_eq!(fs::metadata(&pane.launch.exit_file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(pane.shim.try_wait().unwrap().is_none(), "the pty is held until the daemon releases it");
    daemon.send(&ToShim::Release);
    assert_eq!(pane.exit_code(), 7);
}

#[test]
fn a_program_that_a_signal_ended_tells_the_signal() {
    let mut pane = Pane::running(&["/bin/sh", "-c", "kill -9 $$"]);
    assert_eq!(pane.finish(), (signaled(9), 137));
    // A real-time signal: not every library can read this status.
    let mut pane = Pane::running(&["/bin/sh", "-c", "kill -40 $$"]);
    assert_eq!(pane.finish(), (signaled(40), 168));
}

#[test]
fn a_program_that_cannot_be_executed_is_told_with_the_reason() {
    let dir = TempDir::new().unwrap();
    let (plain, lost) = (dir.path().join("plain"), dir.path().join("lost"));
    fs::write(&plain, "no program").unwrap();
    fs::write(&lost, "#!/no/such/interpreter\n").unwrap();
    fs::set_permissions(&lost, fs::Permissions::from_mode(0o755)).unwrap();
    let (plain, lost) = (plain.to_str().unwrap(), lost.to_str().unwrap());

    let failure = |argv: &[&str], cwd: Option<&str>| {
        let mut pane = Pane::open();
        pane.launch.argv = argv.iter().map(ToString::to_string).collect();
        pane.launch.cwd = cwd.map_or(pane.launch.cwd.clone(), PathBuf::from);
        let mut daemon = pane.hello();
        daemon.send(&ToShim::Launch(pane.launch.clone()));
        let FromShim::Failed { errno, message } = daemon.read() else { panic!("it was executed: {argv:?}") };
        pane.wait_for(&message);
        assert_eq!(pane.exit_code(), 127);
        (Errno::from_raw(errno), message)
    };
    assert_eq!(
        failure(&["/no/such/program"], None),
        (Errno::ENOENT, "cannot execute /no/such/program: No such file or directory".into())
    );
    assert_eq!(
        failure(&["/bin/sh"], Some("/no/such/dir")),
        (Errno::ENOENT, "cannot execute /bin/sh in /no/such/dir: No such file or directory".into())
    );
    assert_eq!(
        failure(&[plain], None),
        (Errno::EACCES, format!("cannot execute {plain}: Permission denied"))
    );
    assert_eq!(
        failure(&[lost], None),
        (Errno::ENOENT, format!("cannot execute {lost}: its interpreter is missing (see its first line)"))
    );
    assert_eq!(failure(&["sh"], None).1, "cannot execute sh: not an absolute path");
    assert_eq!(
        failure(&["/bin/sh", "a\0b"], None).1,
        "cannot execute /bin/sh: an argument contains a NUL byte"
    );
    assert_eq!(failure(&[], None).1, "no program given");
}

#[test]
fn the_program_gets_its_environment_and_nothing_else() {
    let mut pane = Pane::open();
    pane.launch.env = BTreeMap::from([("SECRET".into(), "a=b c".into()), ("TERM".into(), "dumb".into())]);
    pane.launch(&["/usr/bin/env"]);
    assert_eq!(pane.finish().0, exited(0));
    assert_eq!(pane.before_marker(), "SECRET=a=b c\r\nTERM=dumb\r\nTERM_PROGRAM=tmux\r\n");

    let mut pane = Pane::open();
    pane.launch.env.clear();
    pane.launch(&["/usr/bin/env"]);
    assert_eq!(pane.finish().0, exited(0));
    assert_eq!(pane.before_marker(), "TERM=of-the-pane\r\nTERM_PROGRAM=tmux\r\n");
}

#[test]
fn the_program_inherits_neither_descriptors_nor_signal_dispositions() {
    let script = "echo /proc/self/fd/*; exec sed -n '/^Sig[BIC]/p; /^Threads/p' /proc/self/status";
    let mut pane = Pane::running(&["/bin/bash", "-c", script]);
    assert_eq!(pane.finish().0, exited(0));
    // The same without a shim: whoever runs the tests may leave descriptors open.
    let plain = Command::new("/bin/bash").args(["-c", script]).output().unwrap().stdout;
    let descriptors = String::from_utf8(plain).unwrap().lines().next().unwrap().to_owned();
    assert_eq!(pane.output().lines().next().unwrap(), descriptors);
    // 32 and 33 belong to the C library, which lets nobody reset them and ignores them in what it spawns.
    let reserved = 0x1_8000_0000;
    for name in ["SigBlk:\t", "SigIgn:\t", "SigCgt:\t"] {
        let output = pane.output();
        let mask = output.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        assert_eq!(u64::from_str_radix(mask, 16).unwrap() & !reserved, 0, "{name} {mask}");
    }
}

#[test]
fn the_program_sees_the_size_at_once_and_is_the_foreground() {
    let mut pane = Pane::running(&["/bin/bash", "-c", "stty size; cat /proc/$$/stat; read"]);
    let (program, shim) = (pane.program.to_string(), pane.shim.id().to_string());
    pane.wait_for("31 97\r\n");
    // Number and name, state, parent, group, session, terminal, its foreground.
    pane.wait_for(&format!("{program} (bash) S {shim} {program} {shim} "));
    let program = pane.program;
    assert_eq!(pane.foreground(), program);
    pane.type_("\n");
    assert_eq!(pane.finish().0, exited(0));
}

#[test]
fn a_shell_has_its_job_control() {
    let mut pane = Pane::open();
    pane.launch.env.insert("PS1".into(), "ready> ".into());
    let bash = pane.launch(&["/bin/bash", "--norc", "--noprofile", "--noediting", "-i"]);
    pane.wait_for("ready> ");
    pane.type_("sleep 1000\n");
    let job = pane.wait_for_job(bash);

    pane.type_("\x1a");
    pane.wait_for("Stopped");
    pane.wait_until("bash has the terminal", |pane| pane.foreground() == bash);
    assert_eq!(state(job), Some('T'), "a stopped job stays stopped");

    pane.type_("fg\n");
    pane.wait_until("the job has the terminal", |pane| pane.foreground() == job && state(job) == Some('S'));
    pane.type_("\x1a");
    pane.wait_until("bash has the terminal", |pane| pane.foreground() == bash);
    pane.type_("bg\n");
    pane.wait_until("the job goes on in the background", |_| state(job) == Some('S'));
    assert_eq!(pane.foreground(), bash);

    pane.type_("fg\n");
    pane.wait_until("the job has the terminal", |pane| pane.foreground() == job);
    pane.type_("\x03");
    pane.wait_until("the job is dead", |pane| state(job).is_none() && pane.foreground() == bash);

    pane.clear();
    pane.type_("seq 3 | sort -r | tr '\\n' ,\n");
    pane.wait_for("3,2,1,");
    pane.type_("suspend -f\necho still $((40 + 2))\n");
    pane.wait_for("still 42");
    pane.type_("exit 5\n");
    assert_eq!(pane.finish(), (exited(5), 5));
}

#[test]
fn a_program_that_is_stopped_by_a_key_goes_on_at_once() {
    let mut pane = Pane::running(&["/bin/cat"]);
    for round in 0..3 {
        pane.type_(&format!("\x1around {round}\n"));
        pane.wait_for(&format!("round {round}\r\nround {round}\r\n"));
    }
    pane.type_("\x04");
    assert_eq!(pane.finish().0, exited(0));
}

#[test]
fn a_raw_program_that_stops_itself_goes_on_at_once() {
    let script = r#"
        stty raw -echo
        printf ready
        while key=$(dd bs=1 count=1 2>/dev/null); do
            case $key in
                $'\x1a') printf '<stop>'; kill -TSTP 0; printf '<back>' ;;
                q) exit 3 ;;
                *) printf '<%s>' "$key" ;;
            esac
        done"#;
    let mut pane = Pane::running(&["/bin/bash", "-c", script]);
    pane.wait_for("ready");
    pane.type_("a\x1ab\x1ac");
    pane.wait_for("<a><stop><back><b><stop><back><c>");
    assert_eq!(pane.foreground(), pane.program);
    pane.type_("q");
    assert_eq!(pane.finish().0, exited(3));
}

#[test]
fn vim_goes_on_after_stop() {
    if !Path::new("/usr/bin/vim").exists() {
        return;
    }
    let mut pane = Pane::open();
    let file = pane.dir.path().join("alive");
    pane.launch(&["/usr/bin/vim", "-u", "NONE", "-i", "NONE", "-N"]);
    pane.wait_for("~");
    pane.type_(":stop\r");
    pane.type_(&format!("\x1a:call writefile(['alive'], '{}')\r", file.display()));
    pane.wait_until("vim wrote the file", |_| file.exists());
    pane.type_(":cquit 9\r");
    assert_eq!(pane.finish().0, exited(9));
}

#[test]
fn a_program_that_somebody_stops_goes_on() {
    let mut pane = Pane::running(&["/bin/cat"]);
    killpg(pane.program, Signal::SIGSTOP).unwrap();
    pane.type_("hello\n");
    pane.wait_for("hello\r\nhello\r\n");
}

#[test]
fn a_dead_job_does_not_keep_the_terminal_from_the_program() {
    // An interactive bash makes its own group, takes the terminal, and dies without giving it back.
    let script = "bash --norc -ic 'kill -9 $$'; echo asking; read line; echo \"got $line\"";
    let mut pane = Pane::running(&["/bin/bash", "-c", script]);
    pane.wait_for("asking");
    pane.type_("this\n");
    pane.wait_for("got this");
    assert_eq!(pane.finish().0, exited(0));
}

#[test]
fn a_living_job_keeps_the_terminal() {
    let script = r#"
        bash --norc -ic 'echo holding; read -r line; echo "job got $line"' </dev/tty &
        until [ -e go ]; do sleep 0.01; done
        read -r line; echo "program got $line""#;
    let mut pane = Pane::running(&["/bin/bash", "-c", script]);
    let program = pane.program;
    pane.wait_for("holding");
    let job = pane.wait_for_job(program);
    fs::write(pane.dir.path().join("go"), "").unwrap();
    pane.wait_until("the program wants to read", |_| state(program) == Some('T'));
    let attempts = switches(program);
    pane.wait_until("the program was continued and stopped again", |_| switches(program) > attempts + 2);
    assert_eq!(pane.foreground(), job);
    pane.type_("one\n");
    pane.wait_for("job got one");
    pane.wait_until("the program has the terminal", |pane| pane.foreground() == program);
    pane.type_("two\n");
    pane.wait_for("program got two");
}

#[test]
fn orphans_become_children_of_the_shim_and_do_not_end_it() {
    let script = "(setsid sh -c 'echo $$ >orphan.new; mv orphan.new orphan; exec sleep 60' &); read";
    let mut pane = Pane::running(&["/bin/bash", "-c", script]);
    let file = pane.dir.path().join("orphan");
    pane.wait_until("the orphan runs", |_| file.exists());
    let orphan = pane.pid_in("orphan");
    let shim = pane.shim.id().to_string();
    pane.wait_until("the shim is its parent", |_| stat(orphan).is_some_and(|fields| fields[1] == shim));
    kill(orphan, Signal::SIGSTOP).unwrap();
    pane.wait_until("the orphan stopped", |_| state(orphan) == Some('T'));
    kill(orphan, Signal::SIGKILL).unwrap();
    pane.wait_until("the orphan is reaped", |_| state(orphan).is_none());
    assert_eq!(pane.foreground(), pane.program);
    pane.type_("\n");
    assert_eq!(pane.finish().0, exited(0));
}

#[test]
fn children_that_keep_the_pty_are_not_waited_for() {
    let script =
        "(trap '' HUP; echo $BASHPID >child; exec sleep 60) & until [ -s child ]; do :; done; exit 3";
    let mut pane = Pane::running(&["/bin/bash", "-c", script]);
    assert_eq!(pane.finish(), (exited(3), 3));
    kill(pane.pid_in("child"), Signal::SIGKILL).unwrap();
}

#[test]
fn the_rest_of_the_foreground_is_hung_up_at_the_end() {
    let mut pane = Pane::running(&["/bin/bash", "-c", "sleep 60 & echo $! >child; exit 3"]);
    assert_eq!(pane.finish(), (exited(3), 3));
    let child = pane.pid_in("child");
    pane.wait_until("the child is gone", |_| matches!(state(child), None | Some('Z')));
}

#[test]
fn signals_to_the_shim_reach_the_program() {
    let script =
        "for s in HUP TERM INT QUIT; do trap \"echo got-$s\" $s; done; echo ready; while :; do read; done";
    let mut pane = Pane::running(&["/bin/bash", "-c", script]);
    pane.wait_for("ready");
    for signal in [Signal::SIGHUP, Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT] {
        pane.signal(signal);
        pane.wait_for(&signal.as_str().replace("SIG", "got-"));
    }
    pane.signal(Signal::SIGUSR1);
    assert_eq!(pane.finish(), (signaled(9), 137));
}

#[test]
fn the_shim_is_one_thread() {
    let pane = Pane::running(&["/bin/cat"]);
    let status = fs::read_to_string(format!("/proc/{}/status", pane.shim.id())).unwrap();
    assert!(status.contains("\nThreads:\t1\n"), "{status}");
}

#[test]
fn a_program_without_its_pty_is_hung_up() {
    let mut pane = Pane::running(&["/bin/sleep", "60"]);
    let closed = Instant::now();
    let mut daemon = pane.close();
    let FromShim::Exited { status, .. } = daemon.read() else { panic!("the end was not told") };
    assert_eq!(status, signaled(1));
    assert_eq!(pane.exit_code(), 129);
    assert_eq!(pane.exit_file(), status);
    assert!(closed.elapsed() < Duration::from_secs(1), "{:?}", closed.elapsed());
}

#[test]
fn a_stubborn_group_without_its_pty_is_gone_in_5_seconds() {
    let child = r#"(trap "" HUP TERM INT; echo $BASHPID >child; while :; do sleep 0.1; done) &
        until [ -s child ]; do sleep 0.01; done"#;
    // Once only the child ignores the signals, once the program too.
    for (program, signal) in [
        ("echo ready; exec sleep 60", Signal::SIGHUP),
        ("trap '' HUP TERM INT; echo ready; while :; do sleep 0.1; done", Signal::SIGKILL),
    ] {
        let mut pane = Pane::running(&["/bin/bash", "-c", &format!("{child}\n{program}")]);
        pane.wait_for("ready");
        let closed = Instant::now();
        drop(pane.close());
        pane.exit_code();
        assert!(closed.elapsed() < Duration::from_secs(5), "{:?}", closed.elapsed());
        assert_eq!(pane.exit_file(), signaled(signal as i32));
        assert_eq!(state(pane.program), None);
        let child = pane.pid_in("child");
        pane.wait_until("the child is gone", |_| matches!(state(child), None | Some('Z')));
    }
}

#[test]
fn a_pty_that_goes_while_it_is_held_ends_the_shim() {
    let mut pane = Pane::running(&["/bin/true"]);
    let (_, _daemon) = pane.exited();
    pane.wait_for(&marker(exited(0)));
    let closed = Instant::now();
    pane.master = None;
    assert_eq!(pane.exit_code(), 0);
    assert!(closed.elapsed() < Duration::from_secs(2), "{:?}", closed.elapsed());
}

#[test]
fn a_shim_that_is_refused_or_told_nonsense_says_so_and_ends() {
    let told = |answer: &[u8]| {
        let mut pane = Pane::open();
        let mut daemon = pane.hello();
        daemon.0.get_mut().write_all(answer).unwrap();
        drop(daemon);
        assert_eq!(pane.exit_code(), 125);
        pane.wait_for("\n");
        pane.output()
    };
    assert_eq!(
        told(b"{\"type\":\"refused\",\"message\":\"not my pane\"}\n"),
        "codepiper: the daemon refused this pane: not my pane\r\n"
    );
    for (answer, said) in [
        (&b"{\"type\":\"launch\",\"env\":{\"KEY\":\"hunter2\"},\"argv\":7}\n"[..], "invalid message"),
        (b"HTTP/1.1 400 Bad Request\r\n", "invalid message"),
        (b"{\"type\":\"release\"}\n", "gave up on this pane"),
        (b"", "closed the connection"),
        (b"{\"type\":", "closed the connection"),
    ] {
        let line = told(answer);
        assert!(line.contains(said) && !line.contains("hunter2"), "{line}");
        assert_eq!(line.lines().count(), 1, "{line}");
    }
}

#[test]
fn wrong_arguments_are_an_error_of_one_line() {
    let output = Command::new(SHIM).args(["shim", "--socket"]).output().unwrap();
    assert_eq!(output.status.code(), Some(125));
    assert!(
        String::from_utf8(output.stderr).unwrap().starts_with("codepiper: the shim is started by the daemon")
    );
}

#[test]
fn a_daemon_that_is_just_starting_is_waited_for() {
    let mut pane = Pane::prepare();
    let socket = pane.dir.path().join("shim.sock");
    // A name without a listener, as after a crash; then nothing; then a new daemon.
    pane.listener = UnixListener::bind(pane.dir.path().join("other")).unwrap();
    pane.start();
    let shim = Pid::from_raw(pane.shim.id().cast_signed());
    pane.wait_until("the shim waits", |_| state(shim) == Some('S'));
    fs::remove_file(&socket).unwrap();
    pane.listener = UnixListener::bind(&socket).unwrap();
    pane.launch(&["/bin/true"]);
    assert_eq!(pane.finish().0, exited(0));
}

#[test]
fn a_daemon_that_restarts_at_the_end_releases_the_shim() {
    let mut pane = Pane::running(&["/bin/sh", "-c", "exit 7"]);
    let (first, daemon) = pane.exited();
    drop(daemon);
    let (second, mut daemon) = pane.exited();
    assert_eq!(first, second);
    daemon.0.get_mut().write_all(b"nonsense\n").unwrap();
    let (third, mut daemon) = pane.exited();
    assert_eq!(first, third);
    daemon.send(&ToShim::Release);
    assert_eq!(pane.exit_code(), 7);
}

#[test]
fn without_a_daemon_the_pty_is_held_5_seconds() {
    let mut pane = Pane::running(&["/bin/sh", "-c", "until [ -e go ]; do sleep 0.01; done; exit 7"]);
    fs::remove_file(pane.dir.path().join("shim.sock")).unwrap();
    fs::write(pane.dir.path().join("go"), "").unwrap();
    pane.wait_for(&marker(exited(7)));
    let ended = Instant::now();
    assert_eq!(pane.exit_code(), 7);
    let held = ended.elapsed();
    assert!(Duration::from_secs(4) < held && held < Duration::from_secs(7), "{held:?}");
}

#[test]
fn the_marker_follows_everything_even_on_a_pty_that_is_full() {
    // dd ends when the terminal takes nothing more.
    let script = "stty raw; yes tail | tr '\\n' x | dd bs=1 of=/dev/tty oflag=nonblock 2>/dev/null; exit 6";
    let mut pane = Pane::running(&["/bin/bash", "-c", script]);
    let program = pane.program;
    let deadline = Instant::now() + TIMEOUT;
    while state(program).is_some() {
        assert!(Instant::now() < deadline, "the program did not end");
        std::thread::yield_now();
    }
    assert!(pane.shim.try_wait().unwrap().is_none());
    assert_eq!(pane.finish().0, exited(6));
    let text = pane.before_marker();
    assert!(
        text.len() > 1000 && text.starts_with("tailxtailx") && "tailxtailx".contains(&text[text.len() - 5..])
    );
}

#[test]
fn odd_terminal_modes_do_not_keep_the_marker_back() {
    for modes in ["stty tostop", "stty raw -opost", "stty olcuc", "stty -echo"] {
        let mut pane = Pane::running(&["/bin/sh", "-c", &format!("{modes}; exit 4")]);
        assert_eq!(pane.finish().0, exited(4), "{modes}");
    }
    // Ctrl+S has stopped the output.
    let mut pane =
        Pane::running(&["/bin/bash", "-c", "echo ready; until [ -e go ]; do sleep 0.01; done; exit 4"]);
    pane.wait_for("ready");
    pane.type_("\x13");
    fs::write(pane.dir.path().join("go"), "").unwrap();
    assert_eq!(pane.finish().0, exited(4));
}

#[test]
fn under_tmux_every_line_arrives_before_the_marker() {
    let dir = TempDir::new().unwrap();
    let mut pane = Pane::prepare();
    let mut tmux = Tmux::start(dir.path(), &pane.shim_args());
    pane.launch(&["/bin/sh", "-c", "seq 20000; exit 7"]);
    let output = tmux.output_until(&marker(exited(7)));
    let (status, mut daemon) = pane.accept_exited();
    assert_eq!(status, exited(7));
    let numbers: String = (1..=20_000).map(|n| format!("{n}\r\n")).collect();
    assert!(
        output == numbers + &marker(status),
        "it ends with {:?}",
        &output[output.len().saturating_sub(200)..]
    );
    daemon.send(&ToShim::Release);
}

#[test]
fn a_tmux_server_that_is_killed_takes_the_program_along() {
    let dir = TempDir::new().unwrap();
    let mut pane = Pane::prepare();
    let tmux = Tmux::start(dir.path(), &pane.shim_args());
    let script = "trap '' HUP TERM; echo >ready; while :; do sleep 0.1; done";
    let program = pane.launch(&["/bin/bash", "-c", script]);
    let ready = pane.dir.path().join("ready");
    pane.wait_until("the program ignores signals", |_| ready.exists());
    let killed = Instant::now();
    drop(tmux);
    assert_eq!(pane.accept_exited().0, signaled(9));
    assert_eq!(state(program), None);
    assert_eq!(pane.exit_file(), signaled(9));
    assert!(killed.elapsed() < Duration::from_secs(5), "{:?}", killed.elapsed());
}
