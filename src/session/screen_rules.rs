//! What screens prove, for providers that read them: those of the configuration file as long as a program runs, those of
//! the agents until they have said something of their state, and while they have not said what they do with a text.
//! Nothing is done while nothing is printed.

use std::sync::Arc;
use std::time::Duration;

use codepiper_protocol::wire::session::{Activity, EvidenceSource, WaitingFor};
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use super::launch::TELL_LIMIT;
use super::machine::Input;
use super::{Session, Sessions, State};
use crate::provider::ReadScreens;

/// A screen is looked at when it has rested for so long, or was painted for so long.
const REST: Duration = Duration::from_millis(50);
const PAINTED: Duration = Duration::from_millis(250);

impl Sessions {
    /// Looks at the session's screen as long as that may prove anything.
    pub(super) fn watch_screen(&self, session: &Arc<Session>) {
        let when = session.provider.reads_screens;
        {
            let mut state = session.state();
            if state.screen_watched || !screen_counts(&state, when) {
                return;
            }
            state.screen_watched = true;
        }
        let (sessions, session) = (self.clone(), session.clone());
        let looking = async move { sessions.look_at_screen(&session, when).await };
        self.0.tasks.spawn_until_shutdown(looking);
    }

    /// Waits until a program that was just started tells its state, or asks something: a text that comes before
    /// that may answer a question that nobody has seen. One without such questions is not waited for.
    pub(super) async fn until_it_tells(&self, session: &Session) {
        if session.provider.reads_screens != ReadScreens::AtStart {
            return;
        }
        let since_launch = Timestamp::now().duration_since(session.state().record.life.launched_at);
        let rest = TELL_LIMIT.saturating_sub(since_launch.unsigned_abs());
        let told = session.until(|state| {
            !state.machine.status().is_live()
                || state.machine.tells_its_state()
                || state.machine.activity() != Activity::Unknown
        });
        // Without a word it gets what was sent all the same.
        let _ = tokio::time::timeout(rest, told).await;
    }

    async fn look_at_screen(&self, session: &Arc<Session>, when: ReadScreens) {
        let Some(mut follower) = self.follow_screen(session).await else {
            session.state().screen_watched = false;
            return;
        };
        let mut last: Option<(Activity, Option<WaitingFor>, String)> = None;
        let at_start = when == ReadScreens::AtStart;
        loop {
            {
                let mut state = session.state();
                state.screen_watched = screen_counts(&state, when);
                if !state.screen_watched {
                    return;
                }
            }
            let end = Instant::now() + PAINTED;
            loop {
                follower.catch_up();
                let rest = (Instant::now() + REST).min(end);
                if timeout_at(rest, follower.changed()).await.is_err() {
                    break;
                }
            }
            follower.catch_up();
            let proved = session.provider.signals.screen(&follower.rows());
            let source = EvidenceSource::Screen;
            // One question may follow another, and then there is none.
            if at_start && proved != last && last.is_some() {
                let (activity, waiting_for, what) =
                    (Activity::Unknown, None, "its screen no longer asks".to_owned());
                self.apply(session, Input::Activity { source, activity, waiting_for, what });
            }
            if proved != last
                && let Some((activity, waiting_for, what)) = proved.clone()
            {
                self.apply(session, Input::Activity { source, activity, waiting_for, what });
            }
            last = proved;
            follower.changed().await;
        }
    }
}

fn screen_counts(state: &State, when: ReadScreens) -> bool {
    state.machine.status().is_live()
        && match when {
            ReadScreens::Never => false,
            ReadScreens::AtStart => state.machine.counts_questions(),
            ReadScreens::Always => true,
        }
}
