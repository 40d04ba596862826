//! `codepiper hook-forward`: what agents run as their hook. It hands the payload on standard input to
//! the daemon, or to the spool, and never holds the agent up: it prints nothing and exits with 0,
//! whatever happens.
//!
//! It runs for every tool call of every agent: no runtime, no clap, no thread.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use codepiper_protocol::hook::{
    DELIVERY_HEADER, MAX_PAYLOAD, SESSION_VARIABLE, SOCKET_VARIABLE, SPOOL_VARIABLE, delivery,
};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, socket};

use crate::small_file::{Synced, replace};

/// A daemon that stands still holds an agent up for so long at most.
const LIMIT: Duration = Duration::from_millis(800);

/// Runs the forwarder. There are no arguments: everything stands in the environment.
pub fn run(_args: impl Iterator<Item = OsString>) -> ExitCode {
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    let mut payload = Vec::new();
    let read = io::stdin().take(MAX_PAYLOAD as u64).read_to_end(&mut payload);
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    if let (Ok(_), Some(session)) = (read, variable(SESSION_VARIABLE)) {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let delivery = delivery(since.as_nanos(), std::process::id());
        let socket = variable(SOCKET_VARIABLE).map(PathBuf::from);
        let sent = socket.is_some_and(|socket| {
            send(&socket, &session.to_string_lossy(), &delivery, &payload).unwrap_or(false)
        });
        if let Some(spool) = variable(SPOOL_VARIABLE).filter(|_| !sent) {
            // There is nobody to tell, and the agent must not be disturbed.
            let _ = keep(Path::new(&spool), &delivery, &payload);
        }
    }
    ExitCode::SUCCESS
}

/// True when the daemon took the payload, or refused it for good.
fn send(socket: &Path, session: &str, delivery: &str, payload: &[u8]) -> io::Result<bool> {
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
    let mut chunk = [0; 256];
    // `HTTP/1.1 204`: the first line is all that matters.
    while answer.len() < 12 {
        stream.set_read_timeout(Some(left(end)?))?;
        match stream.read(&mut chunk)? {
            0 => return Ok(false),
            length => answer.extend_from_slice(&chunk[..length]),
        }
    }
    // A refusal will not become better by being repeated from the spool.
    Ok(matches!(answer[9], b'2' | b'4'))
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
