//! What tmux says beside its answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use codepiper_protocol::Size;
use codepiper_protocol::tmux::{
    Command, CommandLine, Facts, Notification, PaneEnd, PaneId, Target, WindowId,
};
use codepiper_protocol::wire::stream::GapReason;

use super::arrivals::Arrival;
use super::capture::{Missed, SEARCHED};
use super::{Link, status_of};
use crate::session::cell::Session;
use crate::tmux::connection::{Connection, Sink};
use crate::tmux::server::PANE_END;

/// The sink of one connection.
pub(super) struct PaneSink {
    link: Link,
    connection: Connection,
    /// Several notifications may mean that panes or clients changed; one look is enough.
    looking: Arc<Looking>,
}

#[derive(Default)]
struct Looking {
    panes: AtomicBool,
    clients: AtomicBool,
}

impl PaneSink {
    pub fn new(link: Link, connection: Connection) -> Self {
        Self { link, connection, looking: Arc::default() }
    }

    fn look_at_panes(&self) {
        if self.looking.panes.swap(true, Ordering::Relaxed) {
            return;
        }
        let (link, connection, looking) = (self.link.clone(), self.connection.clone(), self.looking.clone());
        self.link.context.tasks.spawn(async move {
            looking.panes.store(false, Ordering::Relaxed);
            if let Err(error) = link.look_at_panes(&connection) {
                tracing::warn!(%error, "the panes cannot be listed");
            }
        });
    }

    fn look_at_clients(&self) {
        if self.looking.clients.swap(true, Ordering::Relaxed) {
            return;
        }
        let (link, connection, looking) = (self.link.clone(), self.connection.clone(), self.looking.clone());
        self.link.context.tasks.spawn_until_shutdown(async move {
            looking.clients.store(false, Ordering::Relaxed);
            if let Err(error) = link.look_at_clients(&connection).await {
                tracing::warn!(%error, "the clients cannot be listed");
            }
        });
    }
}

impl Sink for PaneSink {
    fn output(&mut self, pane: PaneId, bytes: Bytes) {
        self.link.inner.pieces.fetch_add(1, Ordering::Relaxed);
        let session = {
            let mut table = self.link.table();
            let session = table.panes.get(&pane).cloned();
            // The hub's own window and panes that were removed have no session.
            if session.is_none() && table.making > 0 {
                table.early.push((pane, bytes.clone()));
            }
            session
        };
        if let Some(session) = session {
            self.link.arrive(&session, Arrival::Output(bytes));
        }
    }

    fn notification(&mut self, notification: Notification) {
        match notification {
            Notification::SubscriptionChanged(change) if change.name == *PANE_END.as_str() => {
                if let Some(end) = PaneEnd::parse(change.value.as_bytes()) {
                    self.link.pane_end(end);
                }
            }
            Notification::PaneModeChanged { pane } => self.link.ask_mode(&self.connection, pane),
            Notification::LayoutChange { window, layout, .. } => {
                if let Some(size) = layout.size() {
                    self.link.layout_changed(&self.connection, window, size);
                }
            }
            Notification::Pause { pane } => self.link.paused_by_tmux(&self.connection, pane),
            Notification::WindowClose { .. } | Notification::SessionsChanged => self.look_at_panes(),
            Notification::ClientSessionChanged { .. } | Notification::ClientDetached { .. } => {
                self.look_at_clients();
            }
            // We were moved off the hub: a new connection goes back to it.
            Notification::SessionChanged { name, .. } if name != *"_hub" => {
                tracing::warn!(?name, "tmux moved us to another session");
                self.link.unlink();
            }
            _ => {}
        }
    }

    async fn room(&mut self) {
        self.link.context.screens.room().await;
    }

    fn has_room(&self) -> bool {
        !self.link.context.screens.is_full()
    }

    fn settle(&mut self) {
        self.link.context.screens.wake();
        self.link.context.bus.journal().wake();
    }
}

impl Link {
    fn pane_end(&self, end: PaneEnd) {
        let session = self.table().panes.get(&end.pane).cloned();
        let Some(session) = session else { return };
        if let Some(pane) = &mut session.state().pane {
            pane.in_mode = end.in_mode;
        }
        if end.dead {
            let status =
                self.exit_status(&session).or(status_of(end.status, end.signal.map(|signal| signal.0)));
            self.arrive(&session, Arrival::Dead(status));
        }
    }

    fn ask_mode(&self, connection: &Connection, pane: PaneId) {
        let Some(session) = self.table().panes.get(&pane).cloned() else { return };
        let line =
            CommandLine::new(&Command::Show { target: Some(Target::Pane(pane)), format: PaneEnd::FORMAT });
        let asked = connection.send_then(line, move |replies| {
            let end = replies.first().and_then(|reply| PaneEnd::parse(reply.lines().next()?));
            if let (Some(end), Some(pane)) = (end, &mut session.state().pane) {
                pane.in_mode = end.in_mode;
            }
        });
        if let Err(error) = asked {
            tracing::warn!(%error, "a pane's mode cannot be asked");
        }
    }

    fn layout_changed(&self, connection: &Connection, window: WindowId, size: Size) {
        let session = self.session_of_window(window);
        let Some(session) = session.filter(|session| session.size() != size && session.is_live()) else {
            return;
        };
        self.capture_changed(connection, &session, None, 1);
    }

    fn session_of_window(&self, window: WindowId) -> Option<Arc<Session>> {
        let sessions: Vec<_> = self.table().panes.values().cloned().collect();
        sessions
            .into_iter()
            .find(|session| session.state().pane.as_ref().is_some_and(|pane| pane.window == window))
    }

    fn paused_by_tmux(&self, connection: &Connection, pane: PaneId) {
        let Some(session) = self.table().panes.get(&pane).cloned() else { return };
        // The answer to our own command says the same.
        if !session.state().pausing {
            tracing::warn!(id = %session.id, "tmux discarded output that was not read in time");
            let missed = Missed { reason: GapReason::Paused, rows: Some(SEARCHED[0]) };
            self.arrive(&session, Arrival::Paused(connection.clone(), missed));
        }
    }
}
