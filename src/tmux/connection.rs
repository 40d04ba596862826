//! The control connection: commands out, replies matched, output handed to the sink.
//!
//! One task reads. It parses, unescapes and hands on; it never waits for a disk or a viewer, only for
//! the sink when that says it is full. Commands are written at once by whoever sends them; what the
//! pipe does not take waits in a bounded buffer that the task empties.

mod reading;

use std::collections::VecDeque;
use std::io;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::{Bytes, BytesMut};
use codepiper_protocol::tmux::{Command, CommandLine, Notification, PaneId, Reply};
use tokio::net::unix::pipe;
use tokio::process::Child;
use tokio::sync::{Notify, oneshot, watch};

use crate::lock::lock;
use crate::process;

/// Bytes of commands that may wait for tmux to read them.
const WRITE_LIMIT: usize = 16 * 1024 * 1024;

/// Where everything goes that tmux sends without being asked.
pub trait Sink: Send {
    /// What one pane printed since the last call, in order with everything else.
    fn output(&mut self, pane: PaneId, bytes: Bytes);

    fn notification(&mut self, notification: Notification);

    /// Returns when the sink takes more. Meanwhile nothing is read, and tmux lets the programs wait.
    fn room(&mut self) -> impl Future<Output = ()> + Send;

    /// False while [`Sink::room`] would wait.
    fn has_room(&self) -> bool;

    /// Whoever waits for what was handed over has it: now is the time for the rest of the work.
    fn settle(&mut self);
}

/// Sends commands. Clones share the connection.
#[derive(Clone)]
pub struct Connection {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<ConnectionState>,
    pipe: pipe::Sender,
    /// The task waits here for something to write.
    pending: Notify,
    /// What became of the command that the client was started with, once it is known.
    first: watch::Sender<Option<Result<(), String>>>,
    /// See [`Connection::pastes_raw`].
    pastes_raw: AtomicBool,
}

struct ConnectionState {
    /// Replies that will come, in order.
    expected: VecDeque<Expected>,
    unwritten: BytesMut,
    scratch: BytesMut,
    closed: bool,
}

struct Expected {
    /// Commands of the line that have not answered.
    remaining: usize,
    replies: Vec<Reply>,
    then: Then,
}

/// What happens with the replies of a line.
enum Then {
    Ignore,
    /// Called by the reading task at the place of the last reply in the stream: all output before it
    /// was handed to the sink, none after it.
    Call(Box<dyn FnOnce(Vec<Reply>) + Send>),
}

/// Why a command has no answer.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error("the connection to tmux was lost")]
    Lost,
    #[error("tmux stopped reading commands")]
    Stalled,
    #[error("tmux refused '{command}': {message}")]
    Refused { command: String, message: String },
    #[error("cannot read tmux's answer: {0}")]
    Unreadable(String),
}

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// tmux said so. No reason after a detach and the like.
    Exit(Option<String>),
    /// The client's output ended without a word: the client was killed.
    Eof,
    /// By us.
    Dropped,
    /// A line was too long, or reading failed: begin anew.
    Broken(String),
}

/// The reading end of a new connection.
pub struct Reading {
    pub child: Child,
    pipe: pipe::Receiver,
    connection: Connection,
}

/// Starts a tmux control client. Its pipes are the connection.
pub fn spawn(mut command: tokio::process::Command) -> io::Result<(Connection, Reading)> {
    let mark = process::mark::ours().map_err(io::Error::other)?;
    // The client needs no terminal, and must not get our terminal's signals. It ends with us: tmux keeps one whose output
    // nobody reads any more, and lets the programs wait for it (measured with 3.3a).
    unsafe {
        // SAFETY: all are async-signal-safe and touch no memory.
        command.pre_exec(move || {
            nix::unistd::setsid()?;
            die_with_parent()?;
            process::mark::wear(mark)?;
            // The server, and all programs, come from it. If it was not to be had before, this does nothing.
            let _ = process::be_ordinary();
            Ok(())
        });
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(io::Error::other("the tmux client has no pipes"));
    };
    let shared = Shared {
        state: Mutex::new(ConnectionState {
            expected: VecDeque::new(),
            unwritten: BytesMut::new(),
            scratch: BytesMut::new(),
            closed: false,
        }),
        pipe: pipe::Sender::from_owned_fd(stdin.into_owned_fd()?)?,
        pending: Notify::new(),
        first: watch::Sender::new(None),
        pastes_raw: AtomicBool::new(false),
    };
    let connection = Connection { shared: Arc::new(shared) };
    let pipe = pipe::Receiver::from_owned_fd(stdout.into_owned_fd()?)?;
    Ok((connection.clone(), Reading { child, pipe, connection }))
}

/// The thread that makes the client lives as long as the daemon (prctl(2) speaks of threads).
#[cfg(target_os = "linux")]
fn die_with_parent() -> io::Result<()> {
    Ok(nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?)
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent() -> io::Result<()> {
    Ok(())
}

impl Connection {
    /// Returns when the client is attached. tmux reads commands before that, too, and executes them
    /// for a client without a session.
    pub async fn attached(&self) -> Result<(), CommandError> {
        let mut first = self.shared.first.subscribe();
        let first = first.wait_for(Option::is_some).await.map_err(|_| CommandError::Lost)?;
        match &*first {
            Some(Err(message)) => {
                Err(CommandError::Refused { command: "new-session".to_owned(), message: message.clone() })
            }
            Some(Ok(())) if self.shared.state().closed => Err(CommandError::Lost),
            _ => Ok(()),
        }
    }

    /// Whether this server's `paste-buffer` has to be told to type control characters as they are.
    pub fn pastes_raw(&self) -> bool {
        self.shared.pastes_raw.load(Ordering::Relaxed)
    }

    pub(super) fn set_pastes_raw(&self, raw: bool) {
        self.shared.pastes_raw.store(raw, Ordering::Relaxed);
    }

    pub fn is_closed(&self) -> bool {
        self.shared.state().closed
    }

    /// Sends a line and returns its replies. An error reply of any of its commands is an error.
    pub async fn send(&self, line: impl Into<CommandLine>) -> Result<Vec<Reply>, CommandError> {
        self.send_and_see(line.into(), |_| ()).await
    }

    /// The same; `see` is shown the replies at their place in the stream, before whatever the program prints then.
    pub async fn send_and_see(
        &self,
        line: CommandLine,
        see: impl FnOnce(&[Reply]) + Send + 'static,
    ) -> Result<Vec<Reply>, CommandError> {
        let (reply, receiver) = oneshot::channel();
        let command = abbreviate(&line);
        self.send_then(line, move |replies| {
            see(&replies);
            drop(reply.send(replies));
        })?;
        let replies = receiver.await.map_err(|_| CommandError::Lost)?;
        match replies.iter().find(|reply| !reply.ok) {
            Some(failed) => Err(CommandError::Refused { command, message: failed.message() }),
            None => Ok(replies),
        }
    }

    /// Sends a line; `then` is called with its replies at their place in the stream, or never when the
    /// connection is lost. A failed command is the last one that has a reply.
    pub fn send_then(
        &self,
        line: CommandLine,
        then: impl FnOnce(Vec<Reply>) + Send + 'static,
    ) -> Result<(), CommandError> {
        self.write(line.replies(), Then::Call(Box::new(then)), |out| {
            out.extend_from_slice(&line.into_bytes())
        })
    }

    /// Sends a command whose reply does not matter, as fast as it goes.
    pub fn send_and_forget(&self, command: &Command) -> Result<(), CommandError> {
        self.write(command.replies(), Then::Ignore, |out| command.write_line(out))
    }

    fn write(
        &self,
        replies: usize,
        then: Then,
        render: impl FnOnce(&mut BytesMut),
    ) -> Result<(), CommandError> {
        let state = &mut *self.shared.state();
        if state.closed {
            return Err(CommandError::Lost);
        }
        if state.unwritten.len() > WRITE_LIMIT {
            return Err(CommandError::Stalled);
        }
        state.expected.push_back(Expected { remaining: replies, replies: Vec::new(), then });
        if !state.unwritten.is_empty() {
            render(&mut state.unwritten);
            return Ok(());
        }
        state.scratch.clear();
        render(&mut state.scratch);
        let written = self.shared.pipe.try_write(&state.scratch).unwrap_or(0);
        if written < state.scratch.len() {
            state.unwritten.extend_from_slice(&state.scratch[written..]);
            self.shared.pending.notify_one();
        }
        Ok(())
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, ConnectionState> {
        lock(&self.state)
    }

    /// Writes what waits, until the connection ends.
    async fn write_pending(&self) {
        loop {
            self.pending.notified().await;
            while !self.state().unwritten.is_empty() {
                if self.pipe.writable().await.is_err() {
                    return;
                }
                let mut state = self.state();
                match self.pipe.try_write(&state.unwritten) {
                    Ok(written) => drop(state.unwritten.split_to(written)),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(_) => return,
                }
            }
        }
    }

    /// The line whose replies are complete with this one, and what to do with them.
    fn reply(&self, reply: Reply) -> Option<(Then, Vec<Reply>)> {
        if !reply.from_client() {
            let outcome = if reply.ok { Ok(()) } else { Err(reply.message()) };
            self.began(outcome);
            return None;
        }
        let mut state = self.state();
        let Some(expected) = state.expected.front_mut() else {
            tracing::warn!(?reply, "tmux answered a command that nobody sent");
            return None;
        };
        expected.remaining = expected.remaining.saturating_sub(1);
        let failed = !reply.ok;
        match expected.then {
            Then::Ignore if failed => tracing::debug!(message = reply.message(), "tmux refused a command"),
            Then::Ignore => {}
            Then::Call(_) => expected.replies.push(reply),
        }
        // The rest of a line whose command failed is dropped by tmux.
        if failed || expected.remaining == 0 {
            let done = state.expected.pop_front()?;
            return Some((done.then, done.replies));
        }
        None
    }

    /// The first word on the client's own command is the one that counts.
    fn began(&self, outcome: Result<(), String>) {
        self.first.send_if_modified(|first| {
            let is_first = first.is_none();
            first.get_or_insert(outcome);
            is_first
        });
    }

    fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        self.began(Ok(()));
        // Dropping the callbacks tells who waits.
        state.expected.clear();
    }
}

/// A command line for a message: long ones are texts that somebody sent.
fn abbreviate(line: &CommandLine) -> String {
    const LENGTH: usize = 120;
    let text = String::from_utf8_lossy(&line.clone().into_bytes()).trim_end().to_owned();
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
