//! What a client asks of its connection.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use codepiper_protocol::wire::problem::{Code, Problem};
use codepiper_protocol::wire::stream::{
    Begin, ClientMessage, Delivery, KEYFRAME_BIT, KeyframeReason, MAX_CHANNELS, ServerMessage,
};
use codepiper_protocol::{SessionId, Size};
use fastwebsockets::OpCode;

use super::connection::{Channel, ChannelEvents, Connection, GitWatch, Listed};
use super::frame::put_frame;
use super::input::Incoming;
use crate::api::caller::refuse;
use crate::api::{Caller, auth};
use crate::bus::Begun;
use crate::git::watch::{Changes, Watch};
use crate::lock::lock;
use crate::session::Window;
use crate::tasks::blocking;

impl Connection {
    pub(super) async fn handle(&mut self, incoming: Incoming) {
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
            Incoming::Message(ClientMessage::Fit { channel, size }) => {
                if let Err(problem) = self.fit(channel, size) {
                    self.tell(&ServerMessage::Error { request: None, problem });
                }
            }
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
            Incoming::Message(ClientMessage::Git { session }) => {
                if let Err(problem) = self.watch_git(session) {
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
            Incoming::Silent => put_frame(&mut self.out, OpCode::Ping, None, b""),
            Incoming::Ping(payload) => put_frame(&mut self.out, OpCode::Pong, None, &payload),
        }
    }

    pub(super) fn acknowledge(&mut self, channel: u8, offset: u64) {
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
        let session = self.api.sessions.registry.find(session);
        if let Caller::Agent { pid, session: own } = self.caller
            && session.as_ref().ok().map(|session| session.id) != own
        {
            return Err(refuse(&self.api, pid, own, "subscribe to another session"));
        }
        let session = session?;
        let free = self.free_channel()?;
        let (reader, begun) = session.log.reader(from, &self.watcher).await;
        let number = free as u8;
        if events.is_some() {
            self.api.sessions.bus().events.watch(&self.watcher);
        }
        // Before its view: a change in between is told once more.
        let told = session.version();
        let (cursor, view) = (reader.cursor(), session.view());
        let mut channel = Channel::new(session, reader, delivery, told);
        channel.short_way = self.short_way.as_ref().map(|short_way| short_way.into_channel(number));
        let agent = matches!(self.caller, Caller::Agent { .. });
        channel.events = events.map(|after| ChannelEvents::new(after, from, agent));
        // What only reads along has no window.
        let is_viewer = delivery == Delivery::Latest;
        channel.viewing = is_viewer.then(|| self.api.sessions.link.view(&channel.session));
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
            Begun::Rewound if delivery == Delivery::Every => {}
            Begun::Rewound | Begun::NeedsKeyframe => {
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
        self.channels.resize_with(self.channels.len().max(free + 1), || None);
        self.channels[free] = Some(channel);
        Ok(())
    }

    /// Lets the session's size follow the client's window.
    fn fit(&self, channel: u8, size: Option<Size>) -> Result<(), Problem> {
        if let Caller::Agent { pid, session: own } = self.caller {
            return Err(refuse(&self.api, pid, own, "resizing"));
        }
        let open = self.channels.get(usize::from(channel)).and_then(Option::as_ref);
        let Some(viewing) = open.and_then(|channel| channel.viewing.as_ref()) else {
            let detail = format!("channel {channel} is not open, or delivers every byte and has no window");
            return Err(Problem::new(Code::Invalid, detail));
        };
        let login = auth::login(&self.caller);
        let holder = auth::holder(&self.api, &self.caller);
        viewing.follow(size.map(|size| Window { size, login, holder }));
        Ok(())
    }

    fn free_channel(&self) -> Result<usize, Problem> {
        let free = self.channels.iter().position(Option::is_none).unwrap_or(self.channels.len());
        if free == MAX_CHANNELS {
            let detail =
                format!("a connection may have at most {MAX_CHANNELS} channels; unsubscribe from one");
            return Err(Problem::new(Code::Invalid, detail));
        }
        Ok(free)
    }

    fn subscribe_events(&mut self, session: Option<SessionId>, after: Option<u64>) -> Result<(), Problem> {
        if let Caller::Agent { pid, session: own } = self.caller
            && (session.is_none() || session != own)
        {
            return Err(refuse(&self.api, pid, own, "events of another session"));
        }
        let events = &self.api.sessions.bus().events;
        events.watch(&self.watcher);
        self.after_events = Some((session, after.unwrap_or_else(|| events.last())));
        Ok(())
    }

    fn subscribe_conversation(&mut self, session: Option<SessionId>) -> Result<(), Problem> {
        if let Caller::Agent { pid, session: own } = self.caller {
            return Err(refuse(&self.api, pid, own, "a conversation"));
        }
        self.api.sessions.registry.watch(&self.watcher);
        let session = session.and_then(|id| self.api.sessions.registry.get(id));
        self.conversation = session.map(|session| {
            let version = session.conversation_version();
            (session, version)
        });
        Ok(())
    }

    fn watch_git(&mut self, session: Option<SessionId>) -> Result<(), Problem> {
        if let Caller::Agent { pid, session: own } = self.caller {
            return Err(refuse(&self.api, pid, own, "changes of files"));
        }
        self.git = None;
        let Some(session) = session.and_then(|id| self.api.sessions.registry.get(id)) else { return Ok(()) };
        let (changes, watch) = (Arc::<Changes>::default(), Arc::<Mutex<Option<Watch>>>::default());
        self.git = Some(GitWatch {
            session: session.id,
            changes: changes.clone(),
            told: changes.version(),
            _watch: watch.clone(),
        });
        // Nobody keeps the other half when it is not wanted any more.
        let watch = Arc::downgrade(&watch);
        let watcher = self.watcher.clone();
        drop(blocking(move || {
            let woken = watcher.clone();
            let started = Watch::start(&session.cwd(), changes.clone(), move || woken.notify_one());
            match (started, watch.upgrade()) {
                (Ok(started), Some(watch)) => {
                    *lock(&watch) = Some(started);
                    // What changed before it began was not noticed.
                    changes.touch();
                    watcher.notify_one();
                }
                (Ok(_), None) => {}
                (Err(failure), _) => {
                    tracing::debug!(id = %session.id, problem = %Problem::from(failure), "no files are watched");
                }
            }
        }));
        Ok(())
    }

    async fn list_sessions(&mut self) -> Result<(), Problem> {
        if let Caller::Agent { pid, session } = self.caller {
            return Err(refuse(&self.api, pid, session, "the list of sessions"));
        }
        self.api.sessions.registry.watch(&self.watcher);
        let all = self.api.sessions.registry.all();
        self.listed = Some(Listed {
            versions: all.iter().map(|session| (session.id, session.version())).collect(),
            printed: HashMap::new(),
            _listing: self.api.sessions.registry.listing(),
        });
        let sessions = crate::api::sessions::views(&self.api, all).await;
        self.tell(&ServerMessage::Sessions { sessions });
        self.api.sessions.evidence.look_at_shells();
        Ok(())
    }
}
