//! The WebSocket: one subscription, events, or the list of sessions.

use std::path::Path;

use bytes::{Buf, Bytes};
use codepiper_protocol::event::Event;
use codepiper_protocol::wire::PROTOCOL;
use codepiper_protocol::wire::session::{Exit, Session};
use codepiper_protocol::wire::stream::{
    ACK_EVERY, Begin, ClientMessage, Delivery, GapReason, KEYFRAME_BIT, KeyframeReason, Lost, ServerMessage,
};
use codepiper_protocol::{Cursor, SessionId, Size};
use fastwebsockets::{FragmentCollectorRead, Frame, OpCode, Payload, Role, WebSocket, WebSocketError};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio_util::task::AbortOnDropHandle;

use super::{ClientError, Result, http};
use crate::tasks::owned;

/// Items on the way from the socket to the reader; the bytes among them are bounded by the window.
const QUEUE: usize = 64;
/// The answer to the only request of a connection carries this number.
const REQUEST: u32 = 1;

/// One session's output from a place on, as far as the daemon has it, and then live.
///
/// What [`Stream::next`] returned counts as consumed when it is called again: a slow reader slows down
/// its own connection only.
pub struct Stream {
    /// The session as it was last told.
    pub session: Session,
    /// The end of what was returned so far.
    pub cursor: Cursor,
    pub size: Size,
    channel: u8,
    /// It was to go on after a cursor: a keyframe to begin with means that it could not.
    continues: bool,
    /// The `seq` of the last event that came.
    pub last_event: u64,
    /// A keyframe whose screen comes in the next frame.
    announced: Option<(Cursor, Size, KeyframeReason)>,
    /// Everything that was kept has come.
    caught_up: bool,
    /// A frame cannot be given up half-way, so frames are read and written in tasks of their own, and
    /// `next` may be dropped at any time.
    frames: mpsc::Receiver<Message>,
    consumed: watch::Sender<u64>,
    _tasks: [AbortOnDropHandle<()>; 2],
}

/// What a subscription yields.
#[derive(Debug)]
pub enum Item {
    /// The next bytes of output; [`Stream::cursor`] is their end.
    Output(Bytes),
    /// From here on a fresh terminal of this size shows the screen that `bytes` recreates.
    Keyframe { cursor: Cursor, size: Size, reason: KeyframeReason, bytes: Bytes },
    /// Output that this reader does not get; the stream goes on at `cursor`.
    Gap { cursor: Cursor, reason: GapReason, lost: Lost },
    /// Everything that was kept when the subscription began has been returned.
    CaughtUp { cursor: Cursor },
    /// The program ended, and all its output was returned. A resumed session prints more after it.
    Ended { cursor: Cursor, exit: Option<Exit> },
    /// [`Stream::session`] changed.
    Session,
    /// Something that happened to the session at this place of its output.
    Event(Box<Event>),
}

type WebSocketWrite = fastwebsockets::WebSocketWrite<WriteHalf<TokioIo<Upgraded>>>;
type WebSocketRead = FragmentCollectorRead<ReadHalf<TokioIo<Upgraded>>>;

enum Message {
    Server(Box<ServerMessage>),
    Binary(Bytes),
    /// Not JSON that we know.
    Unknown(String),
}

impl Stream {
    pub(super) async fn open(
        socket: &Path,
        session: &str,
        from: Begin,
        delivery: Delivery,
        events: Option<u64>,
    ) -> Result<Self> {
        let Connection { reading, mut frames, mut write } = Connection::open(socket).await?;
        let request = ClientMessage::Subscribe {
            request: REQUEST,
            session: session.to_owned(),
            from,
            delivery,
            events,
        };
        tell(&mut write, &request).await?;
        match first_message(&mut frames).await? {
            ServerMessage::Subscribed { channel, cursor, size, session, .. } => {
                let (consumed, watching) = watch::channel(cursor.offset);
                let writing = owned(acknowledge(write, channel, watching));
                Ok(Self {
                    session: *session,
                    cursor,
                    size,
                    channel,
                    continues: matches!(from, Begin::Cursor(_)),
                    announced: None,
                    caught_up: false,
                    last_event: events.unwrap_or(0),
                    frames,
                    consumed,
                    _tasks: [reading, writing],
                })
            }
            ServerMessage::Error { problem, .. } => Err(ClientError::Problem(problem)),
            other => Err(unexpected(&other)),
        }
    }

    /// What comes next. May be dropped and called again without losing anything.
    ///
    /// # Errors
    /// [`ClientError::Lost`] when the connection ended: a new subscription from [`Stream::cursor`] goes
    /// on where this one stopped.
    pub async fn next(&mut self) -> Result<Item> {
        self.acknowledge();
        loop {
            let message = match self.received().await?.ok_or(ClientError::Lost)? {
                Message::Binary(bytes) => return self.binary(bytes),
                Message::Unknown(why) => return Err(ClientError::Answer(why)),
                Message::Server(message) => *message,
            };
            match message {
                ServerMessage::Keyframe { cursor, size, mut reason, .. } => {
                    if self.continues && reason == KeyframeReason::Begin {
                        reason = KeyframeReason::Discontinuity;
                    }
                    self.announced = Some((cursor, size, reason));
                }
                ServerMessage::Gap { cursor, reason, lost, .. } => {
                    self.cursor = cursor;
                    return Ok(Item::Gap { cursor, reason, lost });
                }
                ServerMessage::CaughtUp { cursor, .. } => {
                    self.caught_up = true;
                    return Ok(Item::CaughtUp { cursor });
                }
                ServerMessage::Ended { cursor, exit, .. } => return Ok(Item::Ended { cursor, exit }),
                ServerMessage::Session { session, .. } => {
                    self.session = *session;
                    return Ok(Item::Session);
                }
                ServerMessage::Error { problem, .. } => return Err(ClientError::Problem(problem)),
                ServerMessage::Event { event } => {
                    self.last_event = event.seq;
                    return Ok(Item::Event(Box::new(event)));
                }
                // Nothing that was asked for here.
                ServerMessage::Hello { .. }
                | ServerMessage::Subscribed { .. }
                | ServerMessage::Notification { .. }
                | ServerMessage::Sessions { .. }
                | ServerMessage::SessionChanged { .. }
                | ServerMessage::SessionRemoved { .. }
                | ServerMessage::SessionPrinted { .. }
                | ServerMessage::ConversationChanged { .. }
                | ServerMessage::GitChanged { .. }
                | ServerMessage::Pong {} => {}
            }
        }
    }

    /// What was kept comes at once, if the daemon is well; for what happens after it one may wait for ever.
    async fn received(&mut self) -> Result<Option<Message>> {
        if self.caught_up {
            return Ok(self.frames.recv().await);
        }
        let received = tokio::time::timeout(http::READ_LIMIT, self.frames.recv()).await;
        received.map_err(|_| ClientError::Silent("what is kept of the output".to_owned()))
    }

    fn binary(&mut self, mut frame: Bytes) -> Result<Item> {
        let tag = frame.first().copied();
        match self.announced.take() {
            None if tag == Some(self.channel) => {
                frame.advance(1);
                self.cursor.offset += frame.len() as u64;
                Ok(Item::Output(frame))
            }
            Some((cursor, size, reason)) if tag == Some(self.channel | KEYFRAME_BIT) => {
                frame.advance(1);
                (self.cursor, self.size) = (cursor, size);
                Ok(Item::Keyframe { cursor, size, reason, bytes: frame })
            }
            _ => Err(ClientError::Answer(format!("a frame with the tag {tag:?} where none belongs"))),
        }
    }

    fn acknowledge(&self) {
        let offset = self.cursor.offset;
        self.consumed.send_if_modified(|acknowledged| {
            let due = offset.abs_diff(*acknowledged) >= ACK_EVERY;
            if due {
                *acknowledged = offset;
            }
            due
        });
    }
}

/// Events as they happen.
pub struct Events(Feed);

impl Events {
    pub(super) async fn open(socket: &Path, session: Option<SessionId>, after: Option<u64>) -> Result<Self> {
        Feed::open(socket, &ClientMessage::Events { session, after }).await.map(Self)
    }

    /// What happens next. May be dropped and called again without losing anything.
    pub async fn next(&mut self) -> Result<Event> {
        loop {
            if let ServerMessage::Event { event } = self.0.next().await? {
                return Ok(event);
            }
        }
    }
}

/// The list of sessions, and how it changes.
pub struct SessionChanges(Feed);

/// What [`SessionChanges`] yields.
#[derive(Debug)]
pub enum SessionChange {
    /// All sessions, oldest first. It comes first.
    All(Vec<Session>),
    Changed(Box<Session>),
    Removed(SessionId),
}

impl SessionChanges {
    pub(super) async fn open(socket: &Path) -> Result<Self> {
        Feed::open(socket, &ClientMessage::Sessions {}).await.map(Self)
    }

    /// What changes next. May be dropped and called again without losing anything.
    pub async fn next(&mut self) -> Result<SessionChange> {
        loop {
            match self.0.next().await? {
                ServerMessage::Sessions { sessions } => return Ok(SessionChange::All(sessions)),
                ServerMessage::SessionChanged { session } => return Ok(SessionChange::Changed(session)),
                ServerMessage::SessionRemoved { id } => return Ok(SessionChange::Removed(id)),
                _ => {}
            }
        }
    }
}

/// What one message asked for.
struct Feed {
    frames: mpsc::Receiver<Message>,
    _reading: AbortOnDropHandle<()>,
    /// Closing it would end the connection.
    _write: WebSocketWrite,
}

impl Feed {
    async fn open(socket: &Path, wanted: &ClientMessage) -> Result<Self> {
        let Connection { reading, frames, mut write } = Connection::open(socket).await?;
        tell(&mut write, wanted).await?;
        Ok(Self { frames, _reading: reading, _write: write })
    }

    async fn next(&mut self) -> Result<ServerMessage> {
        match message(&mut self.frames).await? {
            ServerMessage::Error { problem, .. } => Err(ClientError::Problem(problem)),
            message => Ok(message),
        }
    }
}

/// A WebSocket that said hello.
struct Connection {
    reading: AbortOnDropHandle<()>,
    frames: mpsc::Receiver<Message>,
    write: WebSocketWrite,
}

impl Connection {
    async fn open(socket: &Path) -> Result<Self> {
        let socket = WebSocket::after_handshake(http::upgrade(socket).await?, Role::Client);
        let (read, write) = socket.split(tokio::io::split);
        let (sender, mut frames) = mpsc::channel(QUEUE);
        let reading = owned(forward(FragmentCollectorRead::new(read), sender));
        match first_message(&mut frames).await? {
            ServerMessage::Hello { protocol: PROTOCOL, .. } => Ok(Self { reading, frames, write }),
            ServerMessage::Hello { protocol, .. } => Err(ClientError::OtherProtocol(protocol)),
            other => Err(unexpected(&other)),
        }
    }
}

/// Writes the latest acknowledgement.
async fn acknowledge(mut write: WebSocketWrite, channel: u8, mut consumed: watch::Receiver<u64>) {
    while consumed.changed().await.is_ok() {
        let offset = *consumed.borrow_and_update();
        // A connection that ended is noticed by the reader.
        if tell(&mut write, &ClientMessage::Ack { channel, offset }).await.is_err() {
            return;
        }
    }
}

async fn tell(write: &mut WebSocketWrite, message: &ClientMessage) -> Result<()> {
    let text = serde_json::to_vec(message).map_err(ClientError::Request)?;
    write.write_frame(Frame::text(Payload::Owned(text))).await.map_err(|_| ClientError::Lost)
}

/// What the daemon says first, and to a request: at once, if it is well.
async fn first_message(frames: &mut mpsc::Receiver<Message>) -> Result<ServerMessage> {
    let said = tokio::time::timeout(http::READ_LIMIT, message(frames)).await;
    said.unwrap_or_else(|_| Err(ClientError::Silent("/ws".to_owned())))
}

async fn message(frames: &mut mpsc::Receiver<Message>) -> Result<ServerMessage> {
    match frames.recv().await.ok_or(ClientError::Lost)? {
        Message::Server(message) => Ok(*message),
        Message::Binary(_) => Err(ClientError::Answer("a frame before the subscription".into())),
        Message::Unknown(why) => Err(ClientError::Answer(why)),
    }
}

/// Reads frames until the connection ends or nobody takes them any more.
async fn forward(mut read: WebSocketRead, messages: mpsc::Sender<Message>) {
    // Pings are not answered: the Unix socket itself tells when either side is gone.
    let mut ignore = |_: Frame<'_>| std::future::ready(Ok::<(), WebSocketError>(()));
    while let Ok(frame) = read.read_frame(&mut ignore).await {
        let message = match frame.opcode {
            OpCode::Binary => Message::Binary(bytes(frame.payload)),
            OpCode::Text => match serde_json::from_slice(&frame.payload) {
                Ok(message) => Message::Server(message),
                Err(error) => Message::Unknown(error.to_string()),
            },
            OpCode::Close => return,
            _ => continue,
        };
        if messages.send(message).await.is_err() {
            return;
        }
    }
}

fn bytes(payload: Payload<'_>) -> Bytes {
    match payload {
        Payload::Bytes(bytes) => bytes.freeze(),
        Payload::Owned(bytes) => bytes.into(),
        Payload::Borrowed(bytes) => Bytes::copy_from_slice(bytes),
        Payload::BorrowedMut(bytes) => Bytes::copy_from_slice(bytes),
    }
}

fn unexpected(message: &ServerMessage) -> ClientError {
    match message {
        ServerMessage::Error { problem, .. } => ClientError::Problem(problem.clone()),
        _ => ClientError::Answer("messages in another order than expected".into()),
    }
}
