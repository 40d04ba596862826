//! What an agent asks on its screen alone: read while the session waits.

use std::sync::Arc;

use codepiper_protocol::wire::session::Activity;
use serde_json::json;

use super::Evidence;
use crate::policy::ready::risk;
use crate::session::cell::Session;
use crate::tasks::blocking;

impl Evidence {
    /// Reads what the session's screen asks as long as the session waits.
    pub(in crate::session) fn read_dialog(&self, session: &Arc<Session>) {
        if session.provider.asks_on_screen.is_none() || !waits(session) {
            return;
        }
        if std::mem::replace(&mut session.evidence.seen().dialog_read, true) {
            return;
        }
        let (evidence, session) = (self.clone(), session.clone());
        self.context.tasks.spawn_until_shutdown(async move { evidence.reads_dialog(&session).await });
    }

    async fn reads_dialog(&self, session: &Arc<Session>) {
        let follower = self.source.follow(session).await;
        let (Some(mut follower), Some(read)) = (follower, session.provider.asks_on_screen) else {
            session.evidence.seen().dialog_read = false;
            return;
        };
        loop {
            follower.settles().await;
            {
                // Held while it is looked: otherwise the next question might be read by nobody.
                let mut seen = session.evidence.seen();
                seen.dialog_read = waits(session);
                if !seen.dialog_read {
                    return;
                }
            }
            let asked = read(&follower.rows());
            let risk = match asked.as_ref().and_then(|asked| asked.command.as_ref()) {
                Some(command) => {
                    // A row may end where a command does, or go on in the next.
                    let texts = [command.clone(), command.replace('\n', " ")];
                    let requests = texts.map(|command| {
                        session.policy_request("Bash", json!({ "command": command }), session.cwd())
                    });
                    blocking(move || requests.iter().find_map(risk)).await.ok().flatten()
                }
                None => None,
            };
            self.asks.shows(session, asked, risk);
            tokio::select! {
                () = follower.changed() => {}
                () = session.until(|session| !waits(session)) => {}
            }
        }
    }
}

fn waits(session: &Session) -> bool {
    let life = session.life();
    life.machine().status().is_live() && life.machine().activity() == Activity::Waiting
}
