//! `codepiper hook-forward`: what agents run as their hook. It hands the payload on standard input to
//! the daemon, or to the spool, and never holds the agent up: it prints what the daemon answers and exits with 0,
//! whatever happens. While no daemon answers, it denies what the session's policies deny. Only where a person is asked beside
//! the agent's own question does it wait, for that person.
//!
//! `codepiper hook-forward beside-dialog`: the hook of an agent that shows its own dialog while the hook runs. Nobody is held up, so
//! a busy daemon gets more time.
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
    AGAIN_HEADER, ASK_LIMIT, DELIVERY_HEADER, MAX_PAYLOAD, POLICY_VARIABLE, SESSION_VARIABLE,
    SOCKET_VARIABLE, SPOOL_VARIABLE, delivery,
};
use codepiper_protocol::wire::policy::PolicySnapshot;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, socket};

use crate::policy::decide::{Decision, Policies};
use crate::policy::input::Request;
use crate::policy::rule::Action;
use crate::policy::{self};
use crate::provider::decisions::{Answers, answer, asked};
use crate::small_file::{Synced, replace};

/// The status of an answer that has to be printed, and of one that a person gives later.
const DECIDED: &[u8] = b"200";
const ASKED: &[u8] = b"202";
const LONGEST_ANSWER: usize = 256 * 1024;

/// A daemon that stands still holds an agent up for so long at most.
const LIMIT: Duration = Duration::from_millis(800);

/// The limit where the agent waits for a person anyway. Without the daemon's answer, that person has to come to the terminal.
const BESIDE_DIALOG_LIMIT: Duration = Duration::from_secs(15);

/// How long a daemon that went away while a person was asked is waited for, and how often it is looked for.
const RETURN_LIMIT: Duration = Duration::from_secs(10 * 60);
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Runs the forwarder. For a hook there are no arguments: everything stands in the environment.
pub fn run(mut args: impl Iterator<Item = OsString>) -> ExitCode {
    let mut payload = Vec::new();
    let read = io::stdin().take(MAX_PAYLOAD as u64).read_to_end(&mut payload);
    let variant = args.next().unwrap_or_default();
    if variant == "status-line" {
        return status_line(args.next(), &payload);
    }
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    if read.is_err() {
        return ExitCode::SUCCESS;
    }
    let delivered =
        deliver(&payload, if variant == "beside-dialog" { limit_beside_dialog(&payload) } else { LIMIT });
    if let (Err(delivery), Some(spool)) = (&delivered, variable(SPOOL_VARIABLE)) {
        // There is nobody to tell, and the agent must not be disturbed.
        let _ = keep(Path::new(&spool), delivery, &payload);
    }
    let told = match delivered {
        Ok(Delivered::Decided(told)) => Some(told),
        Ok(Delivered::Asked(waiting)) => waiting.wait(&payload),
        Ok(Delivered::Taken) => None,
        Ok(Delivered::Refused) | Err(_) => {
            variable(POLICY_VARIABLE).and_then(|file| denied(Path::new(&file), &payload))
        }
    };
    let _ = io::stdout().write_all(&told.unwrap_or_default());
    ExitCode::SUCCESS
}

/// A sub-agent shows its dialog only when its hook has ended.
fn limit_beside_dialog(payload: &[u8]) -> Duration {
    let asked = serde_json::from_slice(payload).ok().and_then(|payload| asked(&payload));
    if asked.is_some_and(|asked| !asked.by_subagent) { BESIDE_DIALOG_LIMIT } else { LIMIT }
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
        may_run_elsewhere: snapshot.may_run_elsewhere,
        home: snapshot.home,
        directory: Some(snapshot.directory),
        session: snapshot.names,
        provider: snapshot.provider,
    };
    let policies = Policies::new(policies);
    let decision = policies.decide(&request)?;
    let closed = policies.closed(&request);
    let decision = match (decision.action, closed) {
        (Action::Deny, _) => decision,
        (_, Some(policy)) => {
            let why = format!(
                "CodePiper cannot be asked at the moment, and the policy '{policy}' denies everything then"
            );
            Decision { action: Action::Deny, why, ..decision }
        }
        (_, None) => return None,
    };
    let told = answer(&asked, &decision, Answers::Deny)?;
    serde_json::to_vec(&told).ok()
}

/// What is shown comes first. What an agent has used is not kept for a daemon that is away: it will be told again.
fn status_line(command: Option<OsString>, payload: &[u8]) -> ExitCode {
    let shell = command.map(|command| {
        let mut shell = Command::new("/bin/sh");
        shell.arg("-c").arg(command).stdin(Stdio::piped()).spawn()
    });
    let Some(Ok(mut shell)) = shell else {
        let _ = deliver(payload, LIMIT);
        return ExitCode::SUCCESS;
    };
    // One that does not read it is none of our business.
    let _ = shell.stdin.take().map(|mut stdin| stdin.write_all(payload));
    let _ = deliver(payload, LIMIT);
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
    /// A person is asked.
    Asked(Waiting),
    Taken,
    /// It will not become better by being repeated from the spool.
    Refused,
}

/// Hands it to the daemon, which has `limit` to take it.
///
/// # Errors
/// Nobody took it; the number that it has.
fn deliver(payload: &[u8], limit: Duration) -> Result<Delivered, String> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let delivery = delivery(since.as_nanos(), std::process::id());
    // Outside of a session there is nothing to tell.
    let Some(session) = variable(SESSION_VARIABLE) else { return Ok(Delivered::Taken) };
    let Some(socket) = variable(SOCKET_VARIABLE).map(PathBuf::from) else { return Err(delivery) };
    let path = format!("/api/sessions/{}/hooks", session.to_string_lossy());
    match send(&socket, &path, &delivery, false, limit, payload) {
        Ok(Sent::Answered(delivered)) => Ok(delivered),
        Ok(Sent::Asked(connection)) => Ok(Delivered::Asked(Waiting { socket, path, delivery, connection })),
        Err(_) => Err(delivery),
    }
}

/// The connection over which a person's answer comes, and what is needed for another one.
struct Waiting {
    socket: PathBuf,
    path: String,
    delivery: String,
    connection: Connection,
}

/// Where the body of an answer comes from, and what of it came with the head.
struct Connection {
    stream: UnixStream,
    begun: Vec<u8>,
}

impl Waiting {
    /// Waits for a person, whatever becomes of the daemon meanwhile. `None`: nobody answered here.
    fn wait(self, payload: &[u8]) -> Option<Vec<u8>> {
        let Self { socket, path, delivery, mut connection } = self;
        let end = Instant::now() + ASK_LIMIT;
        loop {
            let Connection { stream, begun: mut body } = connection;
            stream.set_read_timeout(Some(left(end).ok()?)).ok()?;
            let read = stream.take(LONGEST_ANSWER as u64).read_to_end(&mut body);
            if read.is_ok() && !body.is_empty() {
                // One that was cut off decides nothing, and so does an empty one.
                return serde_json::from_slice::<serde_json::Value>(&body).is_ok().then_some(body);
            }
            let end = end.min(Instant::now() + RETURN_LIMIT);
            connection = ask_again(end, || send(&socket, &path, &delivery, true, RETURN_LIMIT, payload))?;
        }
    }
}

/// `None` when the daemon does not come back, or asks nobody any more.
fn ask_again(end: Instant, send: impl Fn() -> io::Result<Sent>) -> Option<Connection> {
    loop {
        std::thread::sleep(LOOK_EVERY.min(left(end).ok()?));
        match send() {
            Ok(Sent::Asked(connection)) => return Some(connection),
            Ok(Sent::Answered(_)) => return None,
            Err(_) => {}
        }
    }
}

enum Sent {
    Answered(Delivered),
    Asked(Connection),
}

/// HTTP/1.0: an answer ends with its connection, and has no other form. `again`: the daemon that was asked first is gone. Another
/// one first finds out whether the agent still waits.
fn send(
    socket: &Path,
    path: &str,
    delivery: &str,
    again: bool,
    limit: Duration,
    payload: &[u8],
) -> io::Result<Sent> {
    let end = Instant::now() + limit;
    let mut stream = connect(socket)?;
    let head = format!(
        "POST {path} HTTP/1.0\r\nHost: codepiper\r\n{DELIVERY_HEADER}: {delivery}\r\n{AGAIN_HEADER}: {again}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
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
    // `HTTP/1.0 204`: of all but a decision, the first line is all that matters.
    let status = |answer: &[u8]| answer.get(9..12).map(<[u8]>::to_owned).unwrap_or_default();
    let is_complete = |answer: &[u8]| match status(answer).as_slice() {
        [] => false,
        ASKED => head_of(answer).is_some(),
        DECIDED => answer.len() >= LONGEST_ANSWER,
        _ => true,
    };
    while !is_complete(&answer) {
        stream.set_read_timeout(Some(left(end)?))?;
        match stream.read(&mut chunk)? {
            0 => break,
            length => answer.extend_from_slice(&chunk[..length]),
        }
    }
    match (status(&answer).as_slice(), answer.get(9)) {
        (ASKED, _) => {
            let head = head_of(&answer).ok_or(io::ErrorKind::UnexpectedEof)?;
            Ok(Sent::Asked(Connection { stream, begun: answer.split_off(head) }))
        }
        // One that was cut off decides nothing.
        (DECIDED, _) => {
            let body = answer.split_off(head_of(&answer).unwrap_or(answer.len()));
            serde_json::from_slice::<serde_json::Value>(&body)?;
            Ok(Sent::Answered(Delivered::Decided(body)))
        }
        (_, Some(b'2')) => Ok(Sent::Answered(Delivered::Taken)),
        (_, Some(b'4')) => Ok(Sent::Answered(Delivered::Refused)),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// The length of the head, if all of it is there.
fn head_of(answer: &[u8]) -> Option<usize> {
    answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").map(|at| at + 4)
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
