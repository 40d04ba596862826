//! The size of a session's terminal. The daemon pins it; looking never changes it. People who are
//! attached natively decide while they are.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use codepiper_protocol::Size;
use codepiper_protocol::event::Body;
use codepiper_protocol::tmux::{ClientFacts, Command, PaneFacts, Target, TmuxSessionId};
use codepiper_protocol::wire::auth::LoginId;
use codepiper_protocol::wire::problem::{Code, Problem};
use codepiper_protocol::wire::session::SizeLease;
use jiff::Timestamp;

use super::Link;
use crate::bus::to_millisecond;
use crate::session::cell::{Session, ended_problem};
use crate::tmux::connection::{CommandError, Connection};
use crate::tmux::server;

/// While a person is attached, tmux reads on when we do not, and buffers without bound. After so many
/// seconds it discards instead, and says so.
const PAUSE_AFTER: Option<NonZeroU32> = NonZeroU32::new(30);

impl Link {
    /// Gives the session's terminal a size that fits somebody, who may give it back.
    pub async fn fit(
        &self,
        session: &Arc<Session>,
        size: Size,
        login: Option<LoginId>,
        holder: String,
    ) -> Result<(), Problem> {
        let size_before = {
            let life = session.life();
            let record = life.record();
            record.life.lease.as_ref().map_or(record.recipe.size, |lease| lease.size_before)
        };
        let since = to_millisecond(Timestamp::now());
        self.set_size(session, size, Some(SizeLease { login, holder, since, size_before, automatic: false }))
            .await
    }

    /// Gives the session the size back that it had before somebody fitted it.
    pub async fn give_back(&self, session: &Arc<Session>) -> Result<(), Problem> {
        let lease = session.life().record().life.lease.clone();
        match lease {
            Some(lease) => self.resize(session, lease.size_before).await,
            None => Ok(()),
        }
    }

    /// Gives the session's terminal another size, for everybody. Ends whoever's lease there is.
    pub async fn resize(&self, session: &Arc<Session>, size: Size) -> Result<(), Problem> {
        self.set_size(session, size, None).await
    }

    pub(super) async fn set_size(
        &self,
        session: &Arc<Session>,
        size: Size,
        lease: Option<SizeLease>,
    ) -> Result<(), Problem> {
        let connection = self.connected().await?;
        if !session.is_live() {
            return Err(ended_problem(session));
        }
        let attached = session.state().attached > 0;
        let changed = self.life.change(session, |record| {
            record.recipe.size = size;
            if !attached {
                record.life.lease.clone_from(&lease);
            }
            Ok(())
        });
        changed.await?;
        if attached {
            return Err(Problem::new(
                Code::Refused,
                format!(
                    "an attached client sets the size of session {}; {size} applies after it detaches",
                    session.id.short()
                ),
            ));
        }
        if session.size() != size {
            self.pin(&connection, session, size)?;
            session.until(|session| session.size() == size || !session.is_live()).await;
        }
        Ok(())
    }

    /// Sees to it that there is something to attach to.
    pub async fn ready_for_attach(&self, session: &Arc<Session>) -> Result<(), Problem> {
        let connection = self.connected().await?;
        if !session.is_live() {
            return Err(ended_problem(session));
        }
        self.find_socket_again().await;
        let target = Target::Named(session.tmux_session());
        match server::ask::<PaneFacts>(&connection, Some(target)).await {
            Ok(_) => Ok(()),
            Err(error) => Err(Problem::new(
                Code::Tmux,
                format!("session {} is running, but its tmux session is gone: {error}", session.id.short()),
            )),
        }
    }

    /// Resizes and captures in one line, so that the keyframe stands at the place of the resize.
    fn pin(&self, connection: &Connection, session: &Arc<Session>, size: Size) -> Result<(), Problem> {
        let Some(window) = session.window() else {
            return Err(ended_problem(session));
        };
        let resize = Command::ResizeWindow { window: Target::Window(window), size };
        self.capture_changed(connection, session, Some(resize), 1);
        Ok(())
    }

    /// Counts who is attached natively, and hands the size over or takes it back.
    pub(super) async fn look_at_clients(&self, connection: &Connection) -> Result<(), CommandError> {
        let mut attached: HashMap<TmuxSessionId, u32> = HashMap::new();
        let clients = server::list::<ClientFacts>(connection, Command::ListClients).await?;
        for client in clients.iter().filter(|client| !client.control_mode) {
            if let Some(session) = client.session {
                *attached.entry(session).or_default() += 1;
            }
        }
        let pause = PAUSE_AFTER.filter(|_| !attached.is_empty());
        connection.send_and_forget(&Command::PauseAfter(pause))?;
        for session in self.registry.all() {
            let Some(change) = session.count_attached(&attached) else { continue };
            let Change { before, now, window, pinned } = change;
            if before == 0 {
                connection.send_and_forget(&Command::UnpinWindow(window))?;
            } else if now == 0 && session.is_live() {
                self.pin(connection, &session, pinned)
                    .map_err(|problem| CommandError::Unreadable(problem.detail))?;
            }
            let body = match now > before {
                true => Body::TerminalClientAttached { clients: now },
                false => Body::TerminalClientDetached { clients: now },
            };
            self.context.event(Some(session.id), body);
            self.registry.touch(&session);
            self.settle_size(&session);
        }
        Ok(())
    }
}

struct Change {
    before: u32,
    now: u32,
    window: Target,
    pinned: Size,
}

impl Session {
    fn count_attached(&self, attached: &HashMap<TmuxSessionId, u32>) -> Option<Change> {
        let pinned = self.life().record().recipe.size;
        let mut state = self.state();
        let pane = state.pane.as_ref()?;
        let now = attached.get(&pane.tmux_session).copied().unwrap_or(0);
        let window = Target::Window(pane.window);
        let before = std::mem::replace(&mut state.attached, now);
        (before != now).then_some(Change { before, now, window, pinned })
    }
}
