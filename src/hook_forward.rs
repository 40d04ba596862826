//! `codepiper hook-forward`: what agents run as their hook. It hands the payload on standard input to
//! the daemon, or to the spool, and never holds the agent up: it prints what the daemon answers and exits with 0,
//! whatever happens. While no daemon answers, it denies what the session's policies deny.
//!
//! `codepiper hook-forward status-line [COMMAND]`: what they run as their status line. It hands over what it is given, too, and
//! runs the person's own command with it, which prints.
//!
//! It runs for every tool call of every agent: no runtime, no clap, no thread.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant, SystemTime};

use codepiper_protocol::hook::{
    DELIVERY_HEADER, MAX_PAYLOAD, POLICY_VARIABLE, SESSION_VARIABLE, SOCKET_VARIABLE, SPOOL_VARIABLE,
    delivery,
};
use codepiper_protocol::wire::policy::PolicySnapshot;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, socket};

use crate::policy::decide::Policies;
use crate::policy::input::Request;
use crate::policy::rule::Action;
use crate::policy::{self};
use crate::provider::decisions::{Answers, answer, asked};
use crate::small_file::{Synced, replace};

/// How the answer begins that has to be printed.
const DECIDED: &[u8] = b"HTTP/1.1 200";
const LONGEST_ANSWER: usize = 256 * 1024;

/// A daemon that stands still holds an agent up for so long at most.
const LIMIT: Duration = Duration::from_millis(800);

/// Runs the forwarder. For a hook there are no arguments: everything stands in the environment.
pub fn run(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    let mut payload = Vec::new();
    let read = io::stdin().take(MAX_PAYLOAD as u64).read_to_end(&mut payload);
    if args.next().is_some_and(|what| what == "status-line") {
        return status_line(args.next(), &payload);
    }
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    if read.is_err() {
        return ExitCode::SUCCESS;
    }
    let delivered = deliver(&payload);
    let told = match &delivered {
        Ok(Delivered::Decided(told)) => Some(told.clone()),
        Ok(Delivered::Taken) => None,
        Ok(Delivered::Refused) | Err(_) => {
            variable(POLICY_VARIABLE).and_then(|file| denied(Path::new(&file), &payload))
        }
    };
    if let (Err(delivery), Some(spool)) = (&delivered, variable(SPOOL_VARIABLE)) {
        // There is nobody to tell, and the agent must not be disturbed.
        let _ = keep(Path::new(&spool), delivery, &payload);
    }
    let _ = io::stdout().write_all(&told.unwrap_or_default());
    ExitCode::SUCCESS
}

/// What denies that, by the policies as the daemon wrote them down last. Nothing is allowed without the daemon.
fn denied(snapshot: &Path, payload: &[u8]) -> Option<Vec<u8>> {
    let asked = asked(&serde_json::from_slice(payload).ok()?)?;
    let snapshot: PolicySnapshot = serde_json::from_slice(&std::fs::read(snapshot).ok()?).ok()?;
    let policies = snapshot.policies.iter().filter_map(|text| policy::read::read(text).ok()).collect();
    let request = Request {
        tool: asked.tool.clone(),
        input: asked.input.clone(),
        cwd: asked.cwd.clone(),
        home: snapshot.home,
        directory: Some(snapshot.directory),
        session: snapshot.names,
        provider: snapshot.provider,
    };
    let decision = Policies::new(policies).decide(&request)?;
    let denies = decision.action == Action::Deny;
    let told = answer(&asked, &decision, Answers::Deny).filter(|_| denies)?;
    serde_json::to_vec(&told).ok()
}

/// What is shown comes first. What an agent has used is not kept for a daemon that is away: it will be told again.
fn status_line(command: Option<OsString>, payload: &[u8]) -> ExitCode {
    let shell = command.map(|command| {
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(command).stdin(Stdio::piped()).spawn()
    });
    let Some(Ok(mut shell)) = shell else {
        let _ = deliver(payload);
        return ExitCode::SUCCESS;
    };
    // One that does not read it is none of our business.
    let _ = shell.stdin.take().map(|mut stdin| stdin.write_all(payload));
    let _ = deliver(payload);
    let status = shell.wait().ok().and_then(|status| status.code());
    ExitCode::from(status.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// What the daemon made of a payload.
enum Delivered {
    /// It has decided: that is to be printed.
    Decided(Vec<u8>),
    Taken,
    /// It will not become better by being repeated from the spool.
    Refused,
}

/// Hands it to the daemon.
///
/// # Errors
/// Nobody took it; the number that it has.
fn deliver(payload: &[u8]) -> Result<Delivered, String> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let delivery = delivery(since.as_nanos(), std::process::id());
    // Outside of a session there is nothing to tell.
    let Some(session) = variable(SESSION_VARIABLE) else { return Ok(Delivered::Taken) };
    let socket = variable(SOCKET_VARIABLE).map(PathBuf::from);
    let sent = socket.and_then(|socket| send(&socket, &session.to_string_lossy(), &delivery, payload).ok());
    sent.ok_or(delivery)
}

fn send(socket: &Path, session: &str, delivery: &str, payload: &[u8]) -> io::Result<Delivered> {
    let end = Instant::now() + LIMIT;
    let mut stream = connect(socket)?;
    let head = format!(
        "POST /api/sessions/{session}/hooks HTTP/1.1\r\nHost: codepiper\r\nConnection: close\r\n\
         {DELIVERY_HEADER}: {delivery}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        payload.len()
    );
    let mut request = head.into_bytes();
    request.extend_from_slice(payload);
    let mut rest = &request[..];
    while !rest.is_empty() {
        stream.set_write_timeout(Some(left(end)?))?;
        let written = stream.write(rest)?;
        rest = &rest[written..];
    }
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    // `HTTP/1.1 204`: of all but a decision, the first line is all that matters.
    while answer.len() < 12 || answer.starts_with(DECIDED) && answer.len() < LONGEST_ANSWER {
        stream.set_read_timeout(Some(left(end)?))?;
        match stream.read(&mut chunk)? {
            0 => break,
            length => answer.extend_from_slice(&chunk[..length]),
        }
    }
    let body = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
    match answer.get(9) {
        // One that was cut off decides nothing.
        Some(b'2') if answer.starts_with(DECIDED) => {
            serde_json::from_slice::<serde_json::Value>(&answer[body..])?;
            Ok(Delivered::Decided(answer.split_off(body)))
        }
        Some(b'2') => Ok(Delivered::Taken),
        Some(b'4') => Ok(Delivered::Refused),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Never blocks: a daemon that stands still, and whose queue is full, counts as away.
fn connect(path: &Path) -> io::Result<UnixStream> {
    let socket = socket(AddressFamily::Unix, SockType::Stream, SockFlag::empty(), None)?;
    let stream = UnixStream::from(socket);
    stream.set_nonblocking(true)?;
    nix::sys::socket::connect(stream.as_raw_fd(), &UnixAddr::new(path)?)?;
    stream.set_nonblocking(false)?;
    Ok(stream)
}

fn left(end: Instant) -> io::Result<Duration> {
    let left = end.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

fn keep(spool: &Path, delivery: &str, payload: &[u8]) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(spool)?;
    replace(&spool.join(format!("{delivery}.json")), payload, Synced::No)
}
