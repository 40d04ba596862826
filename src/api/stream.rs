//! `/ws`: subscriptions, terminals, events. See [`codepiper_protocol::wire::stream`].
//!
//! A connection is two tasks: one parses what the client sends, and types what it types; the other owns
//! everything else and writes. It writes all that is pending at once, waits until something changes, and
//! never makes anybody else wait: a slow client only stops its own connection.

use std::collections::{HashMap, HashSet, VecDeque};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use codepiper_protocol::SessionId;
use codepiper_protocol::event::Event;
use codepiper_protocol::wire::PROTOCOL;
use codepiper_protocol::wire::problem::{Code, Problem};
use codepiper_protocol::wire::stream::{
    Begin, ClientMessage, Delivery, GapReason, KEYFRAME_BIT, KeyframeReason, Lost, MAX_CHANNELS,
    ServerMessage, WINDOW,
};
use fastwebsockets::{FragmentCollectorRead, Frame, OpCode, Role, WebSocketError, after_handshake_split};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::{Response as HttpResponse, StatusCode, header};
use warp::reply::{Reply, Response};

use super::caller::refuse;
use super::{Api, Caller, Rejected, with};
use crate::bus::{Begun, EventLog, Next, Reader};
use crate::journal::Mark;
use crate::session::Session;

/// Output in one frame, in bytes.
const FRAME: usize = 64 * 1024;
/// Bytes that are gathered before they are written.
const GATHER: usize = 256 * 1024;
/// A `latest` reader that is further behind gets a keyframe.
const BEHIND: u64 = 1024 * 1024;
/// A message of a client is at most this long.
const LONGEST_MESSAGE: usize = 1024 * 1024;
/// Messages of the client that wait to be handled.
const INCOMING: usize = 64;
/// A browser has this long to say its second secret.
const AUTHENTICATE_LIMIT: Duration = Duration::from_secs(10);
/// The code that a WebSocket is closed with when its login has ended, or was none.
const SIGNED_OUT: u16 = 4401;
/// Events written at once.
const EVENTS: usize = 256;

pub fn route(api: Api) -> BoxedFilter<(Response,)> {
    warp::path!("ws")
        .and(warp::get())
        .and(warp::header::optional::<String>("sec-websocket-key"))
        .and(warp::ext::optional::<OnUpgrade>())
        .and(warp::ext::get::<Caller>())
        .and(with(api))
        .and_then(|key: Option<String>, upgrade: Option<OnUpgrade>, caller, api| async move {
            let (Some(key), Some(upgrade)) = (key, upgrade) else {
                let problem = Problem::new(Code::Invalid, "this route takes WebSocket connections only");
                return Err(warp::reject::custom(Rejected(problem)));
            };
            Ok(accept(&key, upgrade, caller, api))
        })
        .boxed()
}

fn accept(key: &str, upgrade: OnUpgrade, caller: Caller, api: Api) -> Response {
    let sockets = api.sockets.clone();
    sockets.spawn(async move {
        match upgrade.await {
            Ok(upgraded) => serve(upgraded, caller, api).await,
            Err(error) => tracing::debug!(%error, "a WebSocket was not opened"),
        }
    });
    HttpResponse::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, accept_key(key))
        .body("")
        .map_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response(), Reply::into_response)
}

/// RFC 6455 §4.2.2.
fn accept_key(key: &str) -> String {
    use base64::Engine;
    const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    let mut digest = ring::digest::Context::new(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY);
    digest.update(key.as_bytes());
    digest.update(GUID);
    base64::engine::general_purpose::STANDARD.encode(digest.finish())
}

/// What the parsing task hands on.
enum Incoming {
    Message(ClientMessage),
    /// Not a message of ours, or one that cannot be followed.
    Refused(Problem),
    Pong(Vec<u8>),
}

async fn serve(upgraded: Upgraded, caller: Caller, api: Api) {
    // A socket's own halves do not have to lock each other out.
    let upgraded = match upgraded.downcast::<TokioIo<UnixStream>>() {
        Ok(parts) => {
            let (read, write) = parts.io.into_inner().into_split();
            let read = std::io::Cursor::new(parts.read_buf).chain(read);
            return serve_halves(read, write, caller, api).await;
        }
        Err(upgraded) => upgraded,
    };
    match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => {
            let (read, write) = parts.io.into_inner().into_split();
            let read = std::io::Cursor::new(parts.read_buf).chain(read);
            serve_halves(read, write, caller, api).await;
        }
        Err(upgraded) => {
            let (read, write) = tokio::io::split(TokioIo::new(upgraded));
            serve_halves(read, write, caller, api).await;
        }
    }
}

async fn serve_halves<R, W>(read: R, mut write: W, caller: Caller, api: Api)
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin,
{
    let (sender, mut incoming) = mpsc::channel(INCOMING);
    // Before the second secret was said no channel is open: nothing can be typed.
    let keyboard = Keyboard { caller: caller.clone(), api: api.clone(), sessions: Arc::default() };
    let parsing = AbortOnDropHandle::new(tokio::spawn(parse(read, keyboard.clone(), sender)));
    let (caller, login) = match authenticated(caller, &mut incoming, &api).await {
        Ok(known) => known,
        Err(reason) => {
            // They may be gone already.
            let _ = write.write_all(&close_frame(SIGNED_OUT, reason)).await;
            let _ = write.shutdown().await;
            return;
        }
    };
    let mut connection = Connection {
        login,
        after_events: None,
        listed: None,
        conversation: None,
        api,
        caller,
        watcher: Arc::new(Notify::new()),
        channels: Vec::new(),
        keyboard,
        out: BytesMut::new(),
    };
    if let Err(error) = connection.run(write, incoming).await {
        tracing::debug!(%error, "a WebSocket ended early");
    }
    drop(parsing);
}

/// Waits for the second secret of a browser, which proves its login. What is returned with the caller is
/// cancelled when the login ends.
async fn authenticated(
    caller: Caller,
    incoming: &mut mpsc::Receiver<Incoming>,
    api: &Api,
) -> Result<(Caller, Option<Arc<CancellationToken>>), &'static str> {
    let id = match caller {
        Caller::Login(id) => id,
        Caller::Cookie(id) => {
            let first = tokio::time::timeout(AUTHENTICATE_LIMIT, incoming.recv()).await;
            let Ok(Some(Incoming::Message(ClientMessage::Authenticate { secret }))) = first else {
                return Err("the first message has to authenticate");
            };
            if !api.auth.proves(id, &secret, None, Timestamp::now()) {
                return Err("sign in again");
            }
            id
        }
        other => return Ok((other, None)),
    };
    match api.auth.open(id) {
        Some(login) => Ok((Caller::Login(id), Some(login))),
        None => Err("sign in again"),
    }
}

/// Types into the sessions of a connection's channels.
#[derive(Clone)]
struct Keyboard {
    caller: Caller,
    api: Api,
    /// By channel number.
    sessions: Arc<Mutex<Vec<Option<Arc<Session>>>>>,
}

impl Keyboard {
    fn sessions(&self) -> MutexGuard<'_, Vec<Option<Arc<Session>>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, channel: usize, session: Option<Arc<Session>>) {
        let mut sessions = self.sessions();
        if sessions.len() <= channel {
            sessions.resize(channel + 1, None);
        }
        sessions[channel] = session;
    }

    async fn type_bytes(&self, channel: u8, bytes: &[u8]) -> Result<(), Problem> {
        if let Caller::Agent { pid, session } = self.caller {
            return Err(refuse(&self.api.sessions, pid, session, "typing".to_owned()));
        }
        let session = self.sessions().get(usize::from(channel)).cloned().flatten();
        let Some(session) = session else {
            return Err(Problem::new(Code::Invalid, format!("channel {channel} is not open")));
        };
        self.api.sessions.type_bytes(&session, bytes).await
    }
}

async fn parse<R>(read: R, keyboard: Keyboard, sender: mpsc::Sender<Incoming>)
where
    R: AsyncRead + Unpin + Send,
{
    // Only the reading half is used; frames are written by the other task.
    let (mut reader, _) = after_handshake_split(read, tokio::io::sink(), Role::Server);
    reader.set_auto_close(false);
    reader.set_max_message_size(LONGEST_MESSAGE);
    let mut reader = FragmentCollectorRead::new(reader);
    let pongs = sender.clone();
    let mut send = move |frame: Frame<'_>| {
        let pong = (frame.opcode == OpCode::Pong).then(|| Incoming::Pong(frame.payload.to_vec()));
        let pongs = pongs.clone();
        async move {
            if let Some(pong) = pong {
                let _ = pongs.send(pong).await;
            }
            Ok::<(), WebSocketError>(())
        }
    };
    loop {
        let Ok(frame) = reader.read_frame(&mut send).await else { return };
        let incoming = match frame.opcode {
            OpCode::Text => match serde_json::from_slice(&frame.payload) {
                Ok(message) => Incoming::Message(message),
                Err(error) => invalid(&error.to_string()),
            },
            OpCode::Binary => match frame.payload.split_first() {
                Some((&channel, bytes)) => match keyboard.type_bytes(channel, bytes).await {
                    Ok(()) => continue,
                    Err(problem) => Incoming::Refused(problem),
                },
                None => invalid("a binary frame has no channel"),
            },
            OpCode::Close => return,
            _ => continue,
        };
        if sender.send(incoming).await.is_err() {
            return;
        }
    }
}

fn invalid(reason: &str) -> Incoming {
    Incoming::Refused(Problem::new(Code::Invalid, format!("the message is not valid: {reason}")))
}

struct Connection {
    api: Api,
    /// Cancelled when the login ends that it is served for.
    login: Option<Arc<CancellationToken>>,
    caller: Caller,
    watcher: Arc<Notify>,
    /// By channel number.
    channels: Vec<Option<Channel>>,
    keyboard: Keyboard,
    /// The events that are wanted, and the last one that was sent.
    after_events: Option<(Option<SessionId>, u64)>,
    /// The session whose conversation is wanted, and the version that was told last.
    conversation: Option<(Arc<Session>, u64)>,
    /// The version of every session that was told last, for who wants them all.
    listed: Option<HashMap<SessionId, u64>>,
    /// What will be written next.
    out: BytesMut,
}

struct Channel {
    session: Arc<Session>,
    reader: Reader,
    delivery: Delivery,
    events: Option<ChannelEvents>,
    /// Bytes sent and acknowledged, as offsets.
    sent: u64,
    acknowledged: u64,
    /// Asked for before anything else is sent.
    keyframe: Option<KeyframeReason>,
    caught_up: bool,
    ended: bool,
    /// The version of the session's object that was told last.
    told: u64,
}

/// The events that stand among a channel's output.
struct ChannelEvents {
    /// The last one that was looked at.
    after: u64,
    /// Where the output begins is known, and those from before it have been left out.
    placed: bool,
    waiting: VecDeque<Event>,
}

impl ChannelEvents {
    /// The next one of the session, if it fits.
    async fn next_if(
        &mut self,
        all: &EventLog,
        session: SessionId,
        fits: impl Fn(&Event) -> bool,
    ) -> Option<Event> {
        while self.waiting.is_empty() {
            let page = all.after(self.after, EVENTS).await;
            self.after = page.last()?.seq;
            self.waiting.extend(page.into_iter().filter(|event| event.session == Some(session)));
        }
        self.waiting.pop_front_if(|event| fits(event))
    }
}

impl Connection {
    async fn run<W>(&mut self, mut write: W, mut incoming: mpsc::Receiver<Incoming>) -> std::io::Result<()>
    where
        W: AsyncWrite + Unpin,
    {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        self.tell(&ServerMessage::Hello { protocol: PROTOCOL, version });
        let (shutdown, watcher) = (self.api.shutdown.clone(), self.watcher.clone());
        let mut leaving = pin!(shutdown.cancelled());
        // Without a login, this one is never cancelled.
        let login = self.login.as_deref().cloned().unwrap_or_default();
        let mut signed_out = pin!(login.cancelled());
        loop {
            let more = self.gather().await;
            if !self.write_at_once(&mut write).await? {
                // A client that does not read must not keep the daemon from leaving.
                tokio::select! {
                    written = self.write_out(&mut write, &mut incoming) => written?,
                    () = leaving.as_mut() => return Ok(()),
                    () = signed_out.as_mut() => return Ok(()),
                }
            }
            if more {
                // Messages are handled between two large writes.
                tokio::task::yield_now().await;
                while let Ok(message) = incoming.try_recv() {
                    self.handle(message).await;
                }
                continue;
            }
            tokio::select! {
                message = incoming.recv() => match message {
                    Some(message) => self.handle(message).await,
                    None => {
                        // The client closed, or sent what no frame is: say goodbye, if it still listens.
                        let _ = write.write_all(&close_frame(1000, "")).await;
                        return write.shutdown().await;
                    }
                },
                () = watcher.notified() => {}
                () = signed_out.as_mut() => {
                    write.write_all(&close_frame(SIGNED_OUT, "sign in again")).await?;
                    return write.shutdown().await;
                }
                () = leaving.as_mut() => {
                    write.write_all(&close_frame(1001, "the daemon leaves")).await?;
                    return write.shutdown().await;
                }
            }
        }
    }

    /// Writes what was gathered as far as the socket takes it; true when that is all.
    async fn write_at_once<W: AsyncWrite + Unpin>(&mut self, write: &mut W) -> std::io::Result<bool> {
        if !self.out.is_empty() {
            let tried = std::future::poll_fn(|context| {
                Poll::Ready(match Pin::new(&mut *write).poll_write(context, &self.out) {
                    Poll::Ready(written) => written,
                    Poll::Pending => Ok(0),
                })
            });
            let written = tried.await?;
            if written == self.out.len() {
                self.out.clear();
            } else {
                let _ = self.out.split_to(written);
            }
        }
        Ok(self.out.is_empty())
    }

    /// Writes what was gathered. Acknowledgements are taken meanwhile: a client may write one before it
    /// reads on, and would wait for us while we wait for it. What else it says waits.
    async fn write_out<W: AsyncWrite + Unpin>(
        &mut self,
        write: &mut W,
        incoming: &mut mpsc::Receiver<Incoming>,
    ) -> std::io::Result<()> {
        let mut out = std::mem::take(&mut self.out);
        let mut later = None;
        {
            let mut writing = pin!(write.write_all(&out));
            let mut open = true;
            loop {
                tokio::select! {
                    written = writing.as_mut() => break written?,
                    message = incoming.recv(), if open && later.is_none() => match message {
                        Some(Incoming::Message(ClientMessage::Ack { channel, offset })) => {
                            self.acknowledge(channel, offset);
                        }
                        Some(other) => later = Some(other),
                        None => open = false,
                    },
                }
            }
        }
        if out.capacity() <= 2 * GATHER {
            out.clear();
            self.out = out;
        }
        if let Some(message) = later {
            self.handle(message).await;
        }
        Ok(())
    }

    /// Gathers what is to be written. True when there is more.
    async fn gather(&mut self) -> bool {
        self.gather_sessions();
        self.gather_conversation();
        let mut more = self.gather_events().await;
        for index in 0..self.channels.len() {
            if let Some(mut channel) = self.channels[index].take() {
                more |= self.gather_channel(index as u8, &mut channel).await;
                self.channels[index] = Some(channel);
            }
        }
        more
    }

    async fn gather_channel(&mut self, number: u8, channel: &mut Channel) -> bool {
        self.tell_session(number, channel);
        loop {
            if self.out.len() >= GATHER {
                return true;
            }
            if channel.delivery == Delivery::Latest
                && channel.keyframe.is_none()
                && channel.reader.behind() > BEHIND
            {
                channel.keyframe = Some(KeyframeReason::Behind);
            }
            let room = WINDOW.saturating_sub(channel.sent.saturating_sub(channel.acknowledged));
            if room == 0 {
                return false;
            }
            if let Some(reason) = channel.keyframe.take() {
                self.send_keyframe(number, channel, reason).await;
                continue;
            }
            let until_event = self.gather_events_at(channel).await;
            let next = channel.reader.next(FRAME.min(room.min(until_event) as usize));
            self.gather_events_before(&next, channel).await;
            match next {
                Next::Output(bytes) => {
                    channel.sent += bytes.len() as u64;
                    channel.ended = false;
                    put_frame(&mut self.out, OpCode::Binary, Some(number), &bytes);
                }
                Next::Mark(mark) => self.send_mark(number, channel, &mark),
                Next::Gap { lost } => {
                    let (cursor, reason) = (channel.reader.cursor(), GapReason::Evicted);
                    self.jump(channel);
                    self.tell(&ServerMessage::Gap {
                        channel: number,
                        cursor,
                        reason,
                        lost: Lost::Bytes(lost),
                    });
                }
                Next::Fetching => return false,
                Next::Pending => {
                    self.at_end(number, channel);
                    return false;
                }
            }
        }
    }

    /// Gathers the events whose place a channel has reached; how many bytes come before the next one.
    async fn gather_events_at(&mut self, channel: &mut Channel) -> u64 {
        let Some(events) = channel.events.as_mut().filter(|events| events.placed) else { return u64::MAX };
        let all = &self.api.sessions.bus().events;
        let at = channel.reader.cursor().offset;
        let place = |event: &Event| event.body.cursor().map(|cursor| cursor.offset);
        let mut found = Vec::new();
        let reached = |event: &Event| place(event).is_some_and(|place| place <= at);
        while let Some(event) = events.next_if(all, channel.session.id, reached).await {
            found.push(event);
        }
        let next = events.waiting.iter().find_map(place);
        for event in found {
            self.tell(&ServerMessage::Event { event });
        }
        next.map_or(u64::MAX, |place| place.saturating_sub(at).max(1))
    }

    /// Gathers the events without a place that a channel wants before it gets this; at the end, all.
    async fn gather_events_before(&mut self, next: &Next, channel: &mut Channel) {
        let Some(events) = &mut channel.events else { return };
        let time = match next {
            Next::Fetching | Next::Gap { .. } => return,
            Next::Pending => i64::MAX,
            Next::Output(_) | Next::Mark(_) => channel.reader.time(),
        };
        let all = &self.api.sessions.bus().events;
        if !std::mem::replace(&mut events.placed, true) {
            let first = if time == i64::MAX { all.last() } else { all.before(time).await };
            events.after = events.after.max(first);
        }
        let mut found = Vec::new();
        let before = |event: &Event| {
            *next == Next::Pending || event.body.cursor().is_none() && event.at.as_millisecond() <= time
        };
        while let Some(event) = events.next_if(all, channel.session.id, before).await {
            found.push(event);
        }
        for event in found {
            self.tell(&ServerMessage::Event { event });
        }
    }

    fn at_end(&mut self, number: u8, channel: &mut Channel) {
        let cursor = channel.reader.cursor();
        if !channel.caught_up {
            channel.caught_up = true;
            self.tell(&ServerMessage::CaughtUp { channel: number, cursor });
        }
        // A session that ended before this daemon started has no mark in the log.
        if !channel.ended && !channel.session.is_live() && channel.reader.behind() == 0 {
            channel.ended = true;
            let exit = channel.session.exit();
            self.tell(&ServerMessage::Ended { channel: number, cursor, exit });
        }
    }

    fn send_mark(&mut self, number: u8, channel: &mut Channel, mark: &Mark) {
        let cursor = channel.reader.cursor();
        match mark {
            Mark::Keyframe { size, screen, reason } => {
                let (size, reason) = (*size, *reason);
                channel.ended &= reason != KeyframeReason::Launch;
                self.tell(&ServerMessage::Keyframe { channel: number, cursor, size, reason });
                put_frame(&mut self.out, OpCode::Binary, Some(number | KEYFRAME_BIT), screen);
            }
            Mark::Gap { reason, lost, .. } => {
                let (reason, lost) = (*reason, *lost);
                self.tell(&ServerMessage::Gap { channel: number, cursor, reason, lost });
            }
            Mark::Ended { exit } => {
                channel.ended = true;
                // The object says so too: whoever follows decides by it.
                self.tell_session(number, channel);
                self.tell(&ServerMessage::Ended { channel: number, cursor, exit: *exit });
            }
        }
    }

    async fn send_keyframe(&mut self, number: u8, channel: &mut Channel, reason: KeyframeReason) {
        let before = channel.reader.cursor().offset;
        let (size, screen) = match self.api.sessions.keyframe(&channel.session).await {
            Some(keyframe) => {
                channel.reader.seek(keyframe.offset);
                (keyframe.size, keyframe.screen)
            }
            // Nothing of it ran since the daemon started.
            None => {
                channel.reader.seek(channel.session.cursor().offset);
                (channel.session.size(), Bytes::new())
            }
        };
        let cursor = channel.reader.cursor();
        self.jump(channel);
        if reason == KeyframeReason::Behind {
            let lost = Lost::Bytes(cursor.offset.saturating_sub(before));
            self.tell(&ServerMessage::Gap { channel: number, cursor, reason: GapReason::Behind, lost });
        }
        self.tell(&ServerMessage::Keyframe { channel: number, cursor, size, reason });
        put_frame(&mut self.out, OpCode::Binary, Some(number | KEYFRAME_BIT), &screen);
    }

    /// The reader moved: what lies behind it counts as acknowledged.
    fn jump(&self, channel: &mut Channel) {
        channel.sent = channel.reader.cursor().offset;
        channel.acknowledged = channel.sent;
    }

    fn tell_session(&mut self, number: u8, channel: &mut Channel) {
        let version = channel.session.version();
        if version != channel.told {
            channel.told = version;
            let session = Box::new(channel.session.view());
            self.tell(&ServerMessage::Session { channel: number, session });
        }
    }

    fn gather_sessions(&mut self) {
        let Some(mut listed) = self.listed.take() else { return };
        let all = self.api.sessions.all();
        for session in &all {
            let version = session.version();
            if listed.insert(session.id, version) != Some(version) {
                self.tell(&ServerMessage::SessionChanged { session: Box::new(session.view()) });
            }
        }
        if listed.len() > all.len() {
            let there: HashSet<SessionId> = all.iter().map(|session| session.id).collect();
            listed.retain(|id, _| {
                let stays = there.contains(id);
                if !stays {
                    self.tell(&ServerMessage::SessionRemoved { id: *id });
                }
                stays
            });
        }
        self.listed = Some(listed);
    }

    fn gather_conversation(&mut self) {
        let Some((session, told)) = &mut self.conversation else { return };
        let version = session.conversation_version();
        if std::mem::replace(told, version) != version {
            let session = session.id;
            self.tell(&ServerMessage::ConversationChanged { session });
        }
    }

    async fn gather_events(&mut self) -> bool {
        let Some((session, after)) = self.after_events else { return false };
        let events = self.api.sessions.bus().events.after(after, EVENTS).await;
        let Some(last) = events.last().map(|event| event.seq) else { return false };
        let more = events.len() == EVENTS;
        self.after_events = Some((session, last));
        for event in events {
            if session.is_none() || event.session == session {
                self.tell(&ServerMessage::Event { event });
            }
        }
        more
    }

    async fn handle(&mut self, incoming: Incoming) {
        match incoming {
            Incoming::Message(ClientMessage::Subscribe { request, session, from, delivery, events }) => {
                if let Err(problem) = self.subscribe(request, &session, from, delivery, events).await {
                    self.tell(&ServerMessage::Error { request: Some(request), problem });
                }
            }
            Incoming::Message(ClientMessage::Unsubscribe { channel }) => {
                if let Some(open) = self.channels.get_mut(usize::from(channel)) {
                    *open = None;
                    self.keyboard.set(channel.into(), None);
                }
            }
            Incoming::Message(ClientMessage::Ack { channel, offset }) => self.acknowledge(channel, offset),
            Incoming::Message(ClientMessage::Events { session, after }) => {
                if let Err(problem) = self.subscribe_events(session, after) {
                    self.tell(&ServerMessage::Error { request: None, problem });
                }
            }
            Incoming::Message(ClientMessage::Conversation { session }) => {
                if let Err(problem) = self.subscribe_conversation(session) {
                    self.tell(&ServerMessage::Error { request: None, problem });
                }
            }
            Incoming::Message(ClientMessage::Sessions {}) => {
                if let Err(problem) = self.list_sessions().await {
                    self.tell(&ServerMessage::Error { request: None, problem });
                }
            }
            Incoming::Message(ClientMessage::Ping {}) => self.tell(&ServerMessage::Pong {}),
            // Whoever came through the socket has proven more already.
            Incoming::Message(ClientMessage::Authenticate { .. }) => {}
            Incoming::Refused(problem) => self.tell(&ServerMessage::Error { request: None, problem }),
            Incoming::Pong(payload) => put_frame(&mut self.out, OpCode::Pong, None, &payload),
        }
    }

    fn acknowledge(&mut self, channel: u8, offset: u64) {
        if let Some(Some(channel)) = self.channels.get_mut(usize::from(channel)) {
            channel.acknowledged = offset.clamp(channel.acknowledged, channel.sent.max(channel.acknowledged));
        }
    }

    async fn subscribe(
        &mut self,
        request: u32,
        session: &str,
        from: Begin,
        delivery: Delivery,
        events: Option<u64>,
    ) -> Result<(), Problem> {
        let session = self.api.sessions.find(session);
        if let Caller::Agent { pid, session: own } = self.caller
            && session.as_ref().ok().map(|session| session.id) != own
        {
            return Err(refuse(&self.api.sessions, pid, own, "subscribe to another session".to_owned()));
        }
        let session = session?;
        let free = self.channels.iter().position(Option::is_none).unwrap_or(self.channels.len());
        if free == MAX_CHANNELS {
            let detail = format!("a connection has at most {MAX_CHANNELS} channels; unsubscribe from one");
            return Err(Problem::new(Code::Invalid, detail));
        }
        let (reader, begun) = session.log.reader(from, &self.watcher).await;
        let number = free as u8;
        let told = session.version();
        let (cursor, view) = (reader.cursor(), session.view());
        if events.is_some() {
            self.api.sessions.bus().events.watch(&self.watcher);
        }
        let mut channel = Channel {
            reader,
            delivery,
            events: events.map(|after| ChannelEvents {
                after,
                placed: after > 0 || from == Begin::Start,
                waiting: VecDeque::new(),
            }),
            sent: cursor.offset,
            acknowledged: cursor.offset,
            keyframe: None,
            caught_up: false,
            ended: false,
            told,
            session,
        };
        let size = view.size;
        self.tell(&ServerMessage::Subscribed {
            request,
            channel: number,
            cursor,
            size,
            session: Box::new(view),
        });
        match begun {
            Begun::Continued => {}
            Begun::NeedsKeyframe => {
                // A cursor that cannot be continued: something is missing.
                let lost = matches!(from, Begin::Cursor(_));
                let reason = if lost { KeyframeReason::Discontinuity } else { KeyframeReason::Begin };
                channel.keyframe = Some(reason);
            }
            Begun::Checkpoint(saved) => {
                let (size, reason) = (saved.size, KeyframeReason::Begin);
                self.tell(&ServerMessage::Keyframe { channel: number, cursor, size, reason });
                put_frame(&mut self.out, OpCode::Binary, Some(number | KEYFRAME_BIT), &saved.screen);
            }
        }
        self.keyboard.set(free, Some(channel.session.clone()));
        if free == self.channels.len() {
            self.channels.push(Some(channel));
        } else {
            self.channels[free] = Some(channel);
        }
        Ok(())
    }

    fn subscribe_events(&mut self, session: Option<SessionId>, after: Option<u64>) -> Result<(), Problem> {
        if let Caller::Agent { pid, session: own } = self.caller
            && (session.is_none() || session != own)
        {
            return Err(refuse(&self.api.sessions, pid, own, "events of another session".to_owned()));
        }
        let events = &self.api.sessions.bus().events;
        events.watch(&self.watcher);
        self.after_events = Some((session, after.unwrap_or_else(|| events.last())));
        Ok(())
    }

    fn subscribe_conversation(&mut self, session: Option<SessionId>) -> Result<(), Problem> {
        if let Caller::Agent { pid, session: own } = self.caller {
            return Err(refuse(&self.api.sessions, pid, own, "a conversation".to_owned()));
        }
        self.api.sessions.watch(&self.watcher);
        let session = session.and_then(|id| self.api.sessions.get(id));
        self.conversation = session.map(|session| {
            let version = session.conversation_version();
            (session, version)
        });
        Ok(())
    }

    async fn list_sessions(&mut self) -> Result<(), Problem> {
        if let Caller::Agent { pid, session } = self.caller {
            return Err(refuse(&self.api.sessions, pid, session, "the list of sessions".to_owned()));
        }
        self.api.sessions.watch(&self.watcher);
        let all = self.api.sessions.all();
        self.listed = Some(all.iter().map(|session| (session.id, session.version())).collect());
        let sessions = super::sessions::views(all).await;
        self.tell(&ServerMessage::Sessions { sessions });
        Ok(())
    }

    fn tell(&mut self, message: &ServerMessage) {
        match serde_json::to_vec(message) {
            Ok(json) => put_frame(&mut self.out, OpCode::Text, None, &json),
            Err(error) => tracing::error!(%error, "a message cannot be written"),
        }
    }
}

/// One whole, unmasked frame: RFC 6455 §5.2. `tag` is the first byte of its payload.
fn put_frame(out: &mut BytesMut, opcode: OpCode, tag: Option<u8>, payload: &[u8]) {
    const FIN: u8 = 0x80;
    let length = payload.len() + usize::from(tag.is_some());
    out.reserve(length + 10);
    out.put_u8(FIN | opcode as u8);
    match length {
        0..126 => out.put_u8(length as u8),
        126..=0xffff => {
            out.put_u8(126);
            out.put_u16(length as u16);
        }
        _ => {
            out.put_u8(127);
            out.put_u64(length as u64);
        }
    }
    if let Some(tag) = tag {
        out.put_u8(tag);
    }
    out.put_slice(payload);
}

fn close_frame(code: u16, reason: &str) -> BytesMut {
    let mut out = BytesMut::new();
    put_frame(&mut out, OpCode::Close, None, &[&code.to_be_bytes()[..], reason.as_bytes()].concat());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_handshake_answer_is_that_of_the_rfc() {
        assert_eq!(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn frames_have_the_length_in_three_forms() {
        for (length, head) in [
            (0, &[0x82, 1][..]),
            (124, &[0x82, 125]),
            (125, &[0x82, 126, 0, 126]),
            (65534, &[0x82, 126, 0xff, 0xff]),
            (65535, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let mut out = BytesMut::new();
            put_frame(&mut out, OpCode::Binary, Some(7), &vec![1; length]);
            assert!(out.starts_with(head), "{length}");
            assert_eq!(out[head.len()], 7);
            assert_eq!(out.len(), head.len() + 1 + length);
        }
    }
}
