//! What screens prove, for providers whose configuration reads them. Nothing is done while nothing is printed.

use std::sync::Arc;
use std::time::Duration;

use codepiper_protocol::wire::session::EvidenceSource;
use tokio::time::{Instant, timeout_at};

use super::machine::Input;
use super::{Session, Sessions};

/// A screen is looked at when it has rested for so long, or was painted for so long.
const REST: Duration = Duration::from_millis(50);
const PAINTED: Duration = Duration::from_millis(250);

impl Sessions {
    /// Looks at the session's screen as long as its program runs, if that may prove anything.
    pub(super) fn watch_screen(&self, session: &Arc<Session>) {
        let watched = |session: &Session| std::mem::replace(&mut session.state().screen_watched, true);
        if !session.provider.reads_screens() || watched(session) {
            return;
        }
        let (sessions, session) = (self.clone(), session.clone());
        tokio::spawn(async move {
            sessions.look_at_screen(&session).await;
            session.state().screen_watched = false;
        });
    }

    async fn look_at_screen(&self, session: &Arc<Session>) {
        let Some(mut follower) = self.follow_screen(session).await else { return };
        let mut last = None;
        while session.is_live() {
            let end = Instant::now() + PAINTED;
            loop {
                follower.catch_up();
                let rest = (Instant::now() + REST).min(end);
                if timeout_at(rest, follower.changed()).await.is_err() {
                    break;
                }
            }
            follower.catch_up();
            let proved = session.provider.interpret_screen(&follower.rows());
            if proved != last
                && let Some((activity, waiting_for, what)) = proved.clone()
            {
                let source = EvidenceSource::Screen;
                self.apply(session, Input::Activity { source, activity, waiting_for, what });
            }
            last = proved;
            follower.changed().await;
        }
    }
}
