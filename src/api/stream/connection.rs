//! What one connection has open, and what is written to it.

mod gather;

use std::collections::{HashMap, VecDeque};
use std::os::fd::OwnedFd;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use bytes::BytesMut;
use codepiper_protocol::SessionId;
use codepiper_protocol::event::{Event, Source};
use codepiper_protocol::wire::PROTOCOL;
use codepiper_protocol::wire::session::Printed;
use codepiper_protocol::wire::stream::{
    Begin, ClientMessage, Delivery, KeyframeReason, ServerMessage, WINDOW,
};
use fastwebsockets::OpCode;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::SIGNED_OUT;
use super::frame::{put_close_frame, put_frame};
use super::input::{Incoming, Keyboard};
use super::short_way::ShortWay;
use crate::api::{Api, Caller};
use crate::bus::{DirectOutput, EventLog, Reader};
use crate::git::watch::{Changes, Watch};
use crate::notification::Page;
use crate::session::{Session, Viewing};

/// Bytes that are gathered before they are written.
const GATHER: usize = 256 * 1024;
/// A `latest` reader that is further behind gets a keyframe.
const BEHIND: u64 = 1024 * 1024;
/// Events written at once.
const EVENTS: usize = 256;

pub(super) struct Connection {
    pub(super) api: Api,
    /// Cancelled when the login ends that it is served for.
    pub(super) login: Option<Arc<CancellationToken>>,
    pub(super) caller: Caller,
    pub(super) watcher: Arc<Notify>,
    /// To the client's socket; there is none through TLS.
    pub(super) short_way: Option<Arc<ShortWay>>,
    /// By channel number.
    pub(super) channels: Vec<Option<Channel>>,
    pub(super) keyboard: Keyboard,
    /// To close with, when nothing comes from the client any more.
    close_code: Arc<AtomicU16>,
    /// The events that are wanted, and the last one that was sent.
    pub(super) after_events: Option<(Option<SessionId>, u64)>,
    /// The session whose conversation is wanted, and the version that was told last.
    pub(super) conversation: Option<(Arc<Session>, u64)>,
    /// The session whose files are watched, and the version that was told last.
    pub(super) git: Option<GitWatch>,
    /// What its device is notified of.
    pub(super) page: Option<Page>,
    /// What was told last, for who wants all sessions.
    pub(super) listed: Option<Listed>,
    /// What will be written next.
    pub(super) out: BytesMut,
}

pub(super) struct Listed {
    /// The version of every session.
    pub(super) versions: HashMap<SessionId, u64>,
    /// What shells printed last.
    pub(super) printed: HashMap<SessionId, Printed>,
    /// The list is shown.
    pub(super) _listing: Arc<()>,
}

pub(super) struct Channel {
    pub(super) session: Arc<Session>,
    pub(super) reader: Reader,
    pub(super) short_way: Option<DirectOutput>,
    /// Somebody looks at the session's screen.
    pub(super) viewing: Option<Viewing>,
    pub(super) delivery: Delivery,
    pub(super) events: Option<ChannelEvents>,
    /// Bytes sent and acknowledged, as offsets.
    pub(super) sent: u64,
    pub(super) acknowledged: u64,
    /// Asked for before anything else is sent.
    pub(super) keyframe: Option<KeyframeReason>,
    /// The offset that it was brought to when it was too far behind.
    pub(super) skipped_at: Option<u64>,
    pub(super) caught_up: bool,
    pub(super) ended: bool,
    /// The version of the session's object that was told last.
    pub(super) told: u64,
}

/// Somebody looks at the changes in a session's directory.
pub(super) struct GitWatch {
    pub(super) session: SessionId,
    pub(super) changes: Arc<Changes>,
    pub(super) told: u64,
    /// Ends with this value: it may begin later, since it reads the whole tree first.
    pub(super) _watch: Arc<Mutex<Option<Watch>>>,
}

/// The events that stand among a channel's output.
pub(super) struct ChannelEvents {
    /// The last one that was looked at.
    pub(super) after: u64,
    /// Where the output begins is known, and those from before it have been left out.
    pub(super) placed: bool,
    pub(super) waiting: VecDeque<Event>,
    /// For an agent: without those about notifications.
    agent: bool,
}

/// Why the task goes on.
enum Woken {
    Changed,
    Message(Incoming),
    /// To close with this code and reason.
    Leave(u16, &'static str),
}

impl Channel {
    pub(super) fn new(session: Arc<Session>, reader: Reader, delivery: Delivery, told: u64) -> Self {
        let begin = reader.cursor().offset;
        Self {
            session,
            reader,
            short_way: None,
            viewing: None,
            delivery,
            events: None,
            sent: begin,
            acknowledged: begin,
            keyframe: None,
            skipped_at: None,
            caught_up: false,
            ended: false,
            told,
        }
    }

    /// Bytes that may be sent before the client acknowledges more.
    fn room(&self) -> u64 {
        WINDOW.saturating_sub(self.sent.saturating_sub(self.acknowledged))
    }

    /// Whether it shall get a keyframe instead of what it missed. The screen may lag behind the log: what comes right
    /// after such a keyframe is sent, instead of one keyframe after another until the screen has caught up.
    fn is_too_far_behind(&self) -> bool {
        let at = self.reader.cursor().offset;
        self.delivery == Delivery::Latest
            && self.reader.behind() > BEHIND
            && self.skipped_at.is_none_or(|skipped| at >= skipped + BEHIND)
    }
}

impl ChannelEvents {
    /// Those with a greater `seq` than `after`, of output that begins at `from`.
    pub(super) fn new(after: u64, from: Begin, agent: bool) -> Self {
        Self { after, placed: after > 0 || from == Begin::Start, waiting: VecDeque::new(), agent }
    }

    /// The next one of the session, if it fits.
    async fn next_if(
        &mut self,
        all: &EventLog,
        session: SessionId,
        fits: impl Fn(&Event) -> bool,
    ) -> Option<Event> {
        while self.waiting.is_empty() && self.read(all, session).await {}
        self.waiting.pop_front_if(|event| fits(event))
    }

    /// Those of the session whose place is reached at this offset, and all that happened before them; then how many bytes
    /// come before the next place.
    async fn reached(&mut self, all: &EventLog, session: SessionId, at: u64) -> (Vec<Event>, u64) {
        let mut reached = Vec::new();
        loop {
            let count = self.waiting.iter().rposition(|event| place(event).is_some_and(|place| place <= at));
            reached.extend(self.waiting.drain(..count.map_or(0, |last| last + 1)));
            if let Some(next) = self.waiting.iter().find_map(place) {
                return (reached, next - at);
            }
            if self.waiting.len() >= EVENTS || !self.read(all, session).await {
                return (reached, u64::MAX);
            }
        }
    }

    /// Reads some more; false when there are none.
    async fn read(&mut self, all: &EventLog, session: SessionId) -> bool {
        let page = all.after(self.after, EVENTS).await;
        let Some(last) = page.last() else { return false };
        self.after = last.seq;
        let hidden = |event: &Event| self.agent && event.source == Source::Notification;
        let own = page.into_iter().filter(|event| event.session == Some(session) && !hidden(event));
        self.waiting.extend(own);
        true
    }
}

/// The offset in the output at which it happened, if that is known.
fn place(event: &Event) -> Option<u64> {
    event.body.cursor().map(|cursor| cursor.offset)
}

impl Connection {
    /// One that has nothing open. `login` is cancelled when the login ends that it is served for.
    /// `socket` is the client's, if what is written to it reaches the client without a change.
    pub fn new(
        api: Api,
        caller: Caller,
        login: Option<Arc<CancellationToken>>,
        keyboard: Keyboard,
        socket: Option<OwnedFd>,
        close_code: Arc<AtomicU16>,
    ) -> Self {
        let watcher = Arc::new(Notify::new());
        let page = match caller {
            Caller::Login(id) => Some(api.notifier.page(id, watcher.clone())),
            _ => None,
        };
        Self {
            page,
            login,
            after_events: None,
            listed: None,
            conversation: None,
            git: None,
            api,
            caller,
            short_way: socket.map(|socket| ShortWay::new(socket, watcher.clone())),
            watcher,
            channels: Vec::new(),
            keyboard,
            close_code,
            out: BytesMut::new(),
        }
    }

    /// Serves it until it ends.
    pub async fn run<W>(
        &mut self,
        mut write: W,
        incoming: &mut mpsc::Receiver<Incoming>,
    ) -> std::io::Result<()>
    where
        W: AsyncWrite + Unpin,
    {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        self.tell(&ServerMessage::Hello { protocol: PROTOCOL, version });
        let (shutdown, watcher) = (self.api.tasks.shutdown.clone(), self.watcher.clone());
        let mut leaving = pin!(shutdown.cancelled());
        // Without a login, this one is never cancelled.
        let login = self.login.as_deref().cloned().unwrap_or_default();
        let mut signed_out = pin!(login.cancelled());
        loop {
            let mut more = self.gather().await;
            if !self.write_at_once(&mut write).await? {
                // What was asked meanwhile has answers that are to be written.
                more = true;
                // A client that does not read must not keep the daemon from leaving.
                tokio::select! {
                    written = self.write_out(&mut write, incoming) => written?,
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
            self.open_short_way();
            let woken = tokio::select! {
                message = incoming.recv() => match message {
                    Some(message) => Woken::Message(message),
                    None => Woken::Leave(self.close_code.load(Ordering::Relaxed), ""),
                },
                () = watcher.notified() => Woken::Changed,
                () = signed_out.as_mut() => Woken::Leave(SIGNED_OUT, "sign in again"),
                () = leaving.as_mut() => Woken::Leave(1001, "the daemon is stopping"),
            };
            self.close_short_way();
            match woken {
                Woken::Changed => {}
                Woken::Message(message) => self.handle(message).await,
                // The client may have closed, or sent what no frame is: say goodbye, if it still listens.
                Woken::Leave(code, reason) => {
                    put_close_frame(&mut self.out, code, reason);
                    let _ = self.write_at_once(&mut write).await;
                    return write.shutdown().await;
                }
            }
        }
    }

    /// Until the task is woken, output for channels that were sent everything is written where it is published.
    fn open_short_way(&mut self) {
        debug_assert!(self.out.is_empty(), "nothing overtakes what is to be written");
        if self.short_way.is_none() {
            return;
        }
        let sessions: Vec<_> = self.channels.iter().flatten().map(|channel| channel.session.id).collect();
        for channel in self.channels.iter_mut().flatten() {
            let is_alone = sessions.iter().filter(|session| **session == channel.session.id).count() == 1;
            // Events have their places among the output, and so has another end.
            if is_alone
                && channel.keyframe.is_none()
                && channel.events.is_none()
                && !channel.ended
                && let Some(give) = &channel.short_way
            {
                channel.reader.begin_direct(channel.room(), give);
            }
        }
    }

    fn close_short_way(&mut self) {
        for channel in self.channels.iter_mut().flatten() {
            let given = channel.reader.end_direct();
            channel.sent += given;
            channel.ended &= given == 0;
        }
        if let Some(short_way) = &self.short_way {
            short_way.drain_into(&mut self.out);
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

    pub(super) fn tell(&mut self, message: &ServerMessage) {
        match serde_json::to_vec(message) {
            Ok(json) => put_frame(&mut self.out, OpCode::Text, None, &json),
            Err(error) => tracing::error!(%error, "cannot write a message"),
        }
    }
}
