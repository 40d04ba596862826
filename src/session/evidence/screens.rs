//! What screens prove, for providers that read them: those of the configuration file as long as a program runs, those of
//! the agents until they have said something of their state, and while they have not said what they do with a text.
//! Nothing is done while nothing is printed.

use std::sync::Arc;

use codepiper_protocol::wire::session::{Activity, EvidenceSource, WaitingFor};

use super::Evidence;
use crate::provider::ReadScreens;
use crate::session::cell::Session;
use crate::session::life::machine::Input;

impl Evidence {
    /// Looks at the session's screen as long as that may prove anything.
    pub(in crate::session) fn watch_screen(&self, session: &Arc<Session>) {
        let when = session.provider.reads_screens;
        {
            let mut seen = session.evidence.seen();
            if seen.screen_watched || !screen_counts(session, when) {
                return;
            }
            seen.screen_watched = true;
        }
        let (evidence, session) = (self.clone(), session.clone());
        let looking = async move { evidence.look_at_screen(&session, when).await };
        self.context.tasks.spawn_until_shutdown(looking);
    }

    async fn look_at_screen(&self, session: &Arc<Session>, when: ReadScreens) {
        let Some(mut follower) = self.source.follow(session).await else {
            session.evidence.seen().screen_watched = false;
            return;
        };
        let mut last: Option<(Activity, Option<WaitingFor>, String)> = None;
        let at_start = when == ReadScreens::AtStart;
        loop {
            {
                // Held while it is looked: otherwise what counts from now on might be watched by nobody.
                let mut seen = session.evidence.seen();
                seen.screen_watched = screen_counts(session, when);
                if !seen.screen_watched {
                    return;
                }
            }
            follower.settles().await;
            let proved = session.provider.signals.screen(&follower.rows());
            let source = EvidenceSource::Screen;
            // One question may follow another, and then there is none.
            if at_start && proved != last && last.is_some() {
                let (activity, waiting_for, what) =
                    (Activity::Unknown, None, "its screen no longer asks".to_owned());
                self.life.apply(session, Input::Activity { source, activity, waiting_for, what });
            }
            if proved != last
                && let Some((activity, waiting_for, what)) = proved.clone()
            {
                self.life.apply(session, Input::Activity { source, activity, waiting_for, what });
            }
            last = proved;
            follower.changed().await;
        }
    }
}

fn screen_counts(session: &Session, when: ReadScreens) -> bool {
    let life = session.life();
    life.machine().status().is_live()
        && match when {
            ReadScreens::Never => false,
            ReadScreens::AtStart => life.machine().counts_questions(),
            ReadScreens::Always => true,
        }
}
