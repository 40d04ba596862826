//! Who looks at a session's screen. While there is only one, the size may follow their window.

use std::sync::Arc;
use std::time::Duration;

use codepiper_protocol::Size;
use codepiper_protocol::wire::auth::LoginId;
use codepiper_protocol::wire::problem::Problem;
use codepiper_protocol::wire::session::SizeLease;
use jiff::Timestamp;

use super::Link;
use crate::bus::to_millisecond;
use crate::session::cell::Session;

/// A page that is loaded again, or whose connection was lost, is back in this time: the size is kept for it.
const ABSENCE: Duration = Duration::from_secs(5);

/// Of one session.
#[derive(Default)]
pub(super) struct Viewers {
    all: Vec<Viewer>,
    /// Counts those that came.
    came: u64,
    /// A task sees to the size, and whether it has to look again.
    settling: bool,
    unsettled: bool,
}

struct Viewer {
    number: u64,
    window: Option<Window>,
}

/// What the size shall follow.
#[derive(Clone)]
pub struct Window {
    pub size: Size,
    pub login: Option<LoginId>,
    /// See [`SizeLease::holder`].
    pub holder: String,
}

impl Viewers {
    /// The window of the only viewer, if its size is to be followed.
    fn only_window(&self) -> Option<Window> {
        match &self.all[..] {
            [viewer] => viewer.window.clone(),
            _ => None,
        }
    }

    /// Whether the task has to look; it ends when it has not.
    fn is_unsettled(&mut self) -> bool {
        self.settling = std::mem::take(&mut self.unsettled);
        self.settling
    }
}

/// Somebody looks at a session's screen, until this is dropped.
pub struct Viewing {
    link: Link,
    session: Arc<Session>,
    number: u64,
}

impl Viewing {
    /// Lets the size follow the viewer's window while there is no other viewer, or not any more.
    pub fn follow(&self, window: Option<Window>) {
        let mut state = self.session.state();
        if let Some(viewer) = state.viewers.all.iter_mut().find(|viewer| viewer.number == self.number) {
            viewer.window = window;
        }
        drop(state);
        self.link.settle_size(&self.session);
    }
}

impl Drop for Viewing {
    fn drop(&mut self) {
        let mut state = self.session.state();
        state.viewers.all.retain(|viewer| viewer.number != self.number);
        let is_left = state.viewers.all.is_empty();
        drop(state);
        if is_left {
            self.link.settle_size_later(&self.session);
        } else {
            self.link.settle_size(&self.session);
        }
    }
}

impl Link {
    /// Somebody looks at the session's screen.
    pub fn view(&self, session: &Arc<Session>) -> Viewing {
        let mut state = session.state();
        state.viewers.came += 1;
        let number = state.viewers.came;
        state.viewers.all.push(Viewer { number, window: None });
        drop(state);
        self.settle_size(session);
        Viewing { link: self.clone(), session: session.clone(), number }
    }

    /// Lets the size follow the only viewer's window, or gives it back, as it has to be now.
    pub(super) fn settle_size(&self, session: &Arc<Session>) {
        {
            let mut state = session.state();
            state.viewers.unsettled = true;
            if std::mem::replace(&mut state.viewers.settling, true) {
                return;
            }
        }
        let (link, session) = (self.clone(), session.clone());
        self.context.tasks.spawn_until_shutdown(async move {
            while session.state().viewers.is_unsettled() {
                if let Err(problem) = link.follow_window(&session).await {
                    tracing::debug!(id = %session.id, %problem, "the size does not follow the window");
                }
            }
        });
    }

    /// The same, for one that nobody looks at for the moment.
    pub(super) fn settle_size_later(&self, session: &Arc<Session>) {
        if !session.life().record().life.lease.as_ref().is_some_and(|lease| lease.automatic) {
            return;
        }
        let (link, session) = (self.clone(), session.clone());
        self.context.tasks.spawn_until_shutdown(async move {
            tokio::time::sleep(ABSENCE).await;
            link.settle_size(&session);
        });
    }

    async fn follow_window(&self, session: &Arc<Session>) -> Result<(), Problem> {
        let (pinned, lease) = {
            let life = session.life();
            (life.record().recipe.size, life.record().life.lease.clone())
        };
        // Who set the size by hand keeps it until they give it back.
        if !session.is_live() || lease.as_ref().is_some_and(|lease| !lease.automatic) {
            return Ok(());
        }
        let (window, attached) = {
            let state = session.state();
            (state.viewers.only_window(), state.attached > 0)
        };
        let size_before = lease.as_ref().map_or(pinned, |lease| lease.size_before);
        match window.filter(|_| !attached) {
            Some(Window { size, .. }) if size == pinned => Ok(()),
            Some(Window { size, login, holder }) => {
                let since = to_millisecond(Timestamp::now());
                let lease = SizeLease { login, holder, since, size_before, automatic: true };
                self.set_size(session, size, Some(lease).filter(|_| size != size_before)).await
            }
            None if lease.is_none() => Ok(()),
            // The size is the attached terminal's; this one applies after it detaches.
            None if attached => {
                let given_back = self.life.change(session, |record| {
                    record.recipe.size = size_before;
                    record.life.lease = None;
                    Ok(())
                });
                given_back.await.map(drop)
            }
            None => self.resize(session, size_before).await,
        }
    }
}
