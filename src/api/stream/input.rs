//! What a client says and types, and that it is there at all.

use std::pin::pin;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use bytes::BytesMut;
use codepiper_protocol::wire::problem::{Code, Problem};
use codepiper_protocol::wire::stream::ClientMessage;
use fastwebsockets::OpCode;
use tokio::io::AsyncRead;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::frame::{End, Messages, NORMAL};
use crate::api::auth::holder;
use crate::api::caller::refuse;
use crate::api::{Api, Caller};
use crate::lock::lock;
use crate::session::Session;

/// What a client types at once is at most this long, in bytes.
const LONGEST_BINARY: usize = 1024 * 1024;
/// And what it says, which is small.
const LONGEST_TEXT: usize = 64 * 1024;

/// What the parsing task hands on.
pub enum Incoming {
    Message(ClientMessage),
    /// Not a message of ours, or one that cannot be followed.
    Refused(Problem),
    Ping(Vec<u8>),
    /// Nothing was heard for a while.
    Silent,
}

/// Types into the sessions of a connection's channels.
#[derive(Clone)]
pub struct Keyboard {
    caller: Caller,
    api: Api,
    /// By channel number.
    sessions: Arc<Mutex<Vec<Option<Arc<Session>>>>>,
    /// For the audit: found out with the first key.
    holder: Arc<OnceLock<String>>,
}

impl Keyboard {
    pub fn new(caller: Caller, api: Api) -> Self {
        Self { caller, api, sessions: Arc::default(), holder: Arc::default() }
    }

    fn sessions(&self) -> MutexGuard<'_, Vec<Option<Arc<Session>>>> {
        lock(&self.sessions)
    }

    pub fn set(&self, channel: usize, session: Option<Arc<Session>>) {
        let mut sessions = self.sessions();
        if sessions.len() <= channel {
            sessions.resize(channel + 1, None);
        }
        sessions[channel] = session;
    }

    async fn type_bytes(&self, channel: u8, bytes: &[u8]) -> Result<(), Problem> {
        if let Caller::Agent { pid, session } = self.caller {
            return Err(refuse(&self.api, pid, session, "typing"));
        }
        let session = self.sessions().get(usize::from(channel)).cloned().flatten();
        let Some(session) = session else {
            return Err(Problem::new(Code::Invalid, format!("channel {channel} is not open")));
        };
        self.api.sessions.typing.type_bytes(&session, bytes).await?;
        let holder = self.holder.get_or_init(|| match self.caller {
            // Nobody types before the login is proven.
            Caller::Cookie(id) => holder(&self.api, &Caller::Login(id)),
            ref caller => holder(&self.api, caller),
        });
        self.api.audit.inputs.note(holder, session.id, bytes.len());
        Ok(())
    }
}

/// With `patience`, whoever says nothing for that long is asked for a sign of life, and given up after as long again; the
/// token tells that.
pub async fn parse<R>(
    read: R,
    keyboard: Keyboard,
    sender: mpsc::Sender<Incoming>,
    close_code: Arc<AtomicU16>,
    patience: Option<(Duration, CancellationToken)>,
) where
    R: AsyncRead + Unpin + Send,
{
    let mut messages = Messages::new(read, LONGEST_TEXT, LONGEST_BINARY);
    loop {
        let next = match &patience {
            None => messages.next().await,
            Some((limit, silent)) => match next_within(&mut messages, *limit, &sender).await {
                Some(next) => next,
                None => return silent.cancel(),
            },
        };
        let (opcode, payload) = match next {
            Ok(message) => message,
            Err(end) => {
                close_code.store(end.unwrap_or(NORMAL), Ordering::Relaxed);
                return;
            }
        };
        let incoming = match opcode {
            OpCode::Text => match serde_json::from_slice(&payload) {
                Ok(message) => Incoming::Message(message),
                Err(error) => invalid(&error.to_string()),
            },
            OpCode::Binary => match payload.split_first() {
                Some((&channel, bytes)) => match keyboard.type_bytes(channel, bytes).await {
                    Ok(()) => continue,
                    Err(problem) => Incoming::Refused(problem),
                },
                None => invalid("a binary frame has no channel"),
            },
            OpCode::Ping => Incoming::Ping(payload.to_vec()),
            _ => continue,
        };
        if sender.send(incoming).await.is_err() {
            return;
        }
    }
}

/// The next message, if one comes within twice the limit. After the first, the client is asked for one.
async fn next_within<R>(
    messages: &mut Messages<R>,
    limit: Duration,
    sender: &mpsc::Sender<Incoming>,
) -> Option<Result<(OpCode, BytesMut), End>>
where
    R: AsyncRead + Unpin + Send,
{
    let mut next = pin!(messages.next());
    if let Ok(next) = timeout(limit, next.as_mut()).await {
        return Some(next);
    }
    // One whose messages wait is stuck in writing to it: that is sign enough, if nothing is heard.
    let _ = sender.try_send(Incoming::Silent);
    timeout(limit, next).await.ok()
}

fn invalid(reason: &str) -> Incoming {
    Incoming::Refused(Problem::new(Code::Invalid, format!("invalid message: {reason}")))
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    /// So long that a machine which stands still for a moment changes nothing.
    const LIMIT: Duration = Duration::from_secs(1);

    /// What is read, and whether a sign of life was asked for, when a client says something after so long.
    async fn read_after(pause: Duration) -> (bool, bool) {
        let (mut theirs, ours) = tokio::io::duplex(100);
        let (sender, mut incoming) = mpsc::channel(1);
        let mut messages = Messages::new(ours, 1000, 1000);
        let speaking = async {
            // The first half of a pong is a sign of nothing yet.
            theirs.write_all(&[0x8a]).await.unwrap();
            tokio::time::sleep(pause).await;
            theirs.write_all(&[0x80, 0, 0, 0, 0]).await.unwrap();
        };
        let (next, ()) = tokio::join!(next_within(&mut messages, LIMIT, &sender), speaking);
        let heard = matches!(next, Some(Ok((OpCode::Pong, _))));
        (heard, matches!(incoming.try_recv(), Ok(Incoming::Silent)))
    }

    #[tokio::test]
    async fn a_silent_client_is_asked_and_then_given_up() {
        assert_eq!(read_after(LIMIT / 2).await, (true, false));
        assert_eq!(read_after(LIMIT * 3 / 2).await, (true, true), "nothing of the message is lost meanwhile");
        assert_eq!(read_after(LIMIT * 3).await, (false, true));
    }
}
