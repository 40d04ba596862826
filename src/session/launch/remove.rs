//! A session is forgotten: because somebody said so, or because it never ran.

use std::sync::Arc;

use codepiper_protocol::event::Body;
use codepiper_protocol::wire::problem::Problem;

use super::Launcher;
use crate::session::cell::Session;
use crate::session::life::machine::Operation;
use crate::session::life::operation::{Reserved, refused};

impl Launcher {
    /// Forgets an ended session and everything it printed.
    pub async fn remove(&self, session: &Arc<Session>) -> Result<(), Problem> {
        let reserved = Reserved::begin(session, self.context.now(), Operation::Remove);
        let reserved = reserved.map_err(|refusal| refused(session, refusal))?;
        self.link.kill_tmux_session(session);
        self.forget(session).await?;
        reserved.removed();
        Ok(())
    }

    /// # Errors
    /// When its record cannot be removed: it stays.
    async fn forget(&self, session: &Arc<Session>) -> Result<(), Problem> {
        self.registry.remove(session);
        if let Err(problem) = self.life.remove_files(session).await {
            self.registry.insert(session.clone());
            return Err(problem);
        }
        self.link.forget_panes(session);
        self.context.screens.close(session.id);
        self.context.bus.remove(session.id);
        self.context.event(Some(session.id), Body::SessionRemoved {});
        session.log.wake();
        self.registry.wake_watchers();
        Ok(())
    }

    /// Forgets a session that never ran.
    pub(super) async fn discard(&self, session: &Arc<Session>) {
        self.link.destroy_pane(session).await;
        if let Err(problem) = self.forget(session).await {
            tracing::error!(id = %session.id, %problem, "a session that never ran stays");
        }
    }
}
