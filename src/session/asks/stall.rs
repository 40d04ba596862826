//! Agents that hang: they work, and print nothing. One that is well draws something every second.

use std::sync::Arc;

use codepiper_protocol::wire::ask::AskKind;
use codepiper_protocol::wire::session::Activity;
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::Asks;
use crate::bus::to_millisecond;
use crate::session::cell::Session;
use crate::session::life::record::News;

/// So often it is looked whether something was printed before an agent counts as stalled: a clock that jumps, or a machine
/// that slept, changes nothing.
const LOOKS: u32 = 10;

impl Asks {
    /// Watches an agent as long as it works.
    pub(super) fn watch(&self, session: &Arc<Session>) {
        if !session.provider.agent || self.stalled_after.is_zero() {
            return;
        }
        if std::mem::replace(&mut session.asks.open().watched, true) {
            return;
        }
        let (asks, session) = (self.clone(), session.clone());
        self.context.tasks.spawn_until_shutdown(async move { asks.watches(&session).await });
    }

    async fn watches(&self, session: &Arc<Session>) {
        let (mut seen, mut unchanged) = (session.cursor(), 0);
        loop {
            {
                // Held while it is looked: otherwise the next turn might be watched by nobody.
                let mut open = session.asks.open();
                open.watched = works(session);
                if !open.watched {
                    return;
                }
            }
            let rests = session.until(|session| !works(session));
            if timeout(self.stalled_after / LOOKS, rests).await.is_ok() {
                continue;
            }
            let now = session.cursor();
            unchanged = if now == seen { unchanged + 1 } else { 0 };
            seen = now;
            if unchanged == LOOKS {
                self.stalled(session).await;
                unchanged = 0;
            }
        }
    }

    /// Says so until something is printed, or the turn ends.
    async fn stalled(&self, session: &Arc<Session>) {
        let changed = Arc::new(Notify::new());
        session.log.watch(&changed);
        let minutes = self.stalled_after.as_secs() / 60;
        let text = match minutes {
            0 => format!("No output for {} s", self.stalled_after.as_secs()),
            _ => format!("No output for {minutes} min"),
        };
        self.tell(session, News { kind: AskKind::Stalled, at: to_millisecond(Timestamp::now()), text });
        let seen = session.cursor();
        while session.cursor() == seen && works(session) {
            changed.notified().await;
        }
        self.forget_news(session, |news| news.kind == AskKind::Stalled);
    }
}

fn works(session: &Session) -> bool {
    let life = session.life();
    life.machine().status().is_live() && life.machine().activity() == Activity::Working
}
