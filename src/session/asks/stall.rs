//! Agents that may hang: they work, and print nothing. One that is well draws something every second.

use std::sync::Arc;

use codepiper_protocol::wire::ask::AskKind;
use codepiper_protocol::wire::session::Activity;
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::Asks;
use crate::bus::to_millisecond;
use crate::session::cell::Session;
use crate::session::life::machine::Machine;
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
                // Both at once: otherwise the next turn might be watched by nobody.
                let life = session.life();
                let mut open = session.asks.open();
                open.watched = works(life.machine());
                if !open.watched {
                    return;
                }
            }
            let rests = session.until(|session| !works(session.life().machine()));
            if timeout(self.stalled_after / LOOKS, rests).await.is_ok() {
                continue;
            }
            let now = session.cursor();
            if now == seen {
                unchanged += 1;
            } else {
                // Also what an earlier daemon said.
                self.forget_news(session, "it goes on", |news| news.kind == AskKind::Stalled);
                (seen, unchanged) = (now, 0);
            }
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
        let seen = session.cursor();
        let news = News { kind: AskKind::Stalled, at: to_millisecond(Timestamp::now()), text };
        if !works(session.life().machine()) {
            return;
        }
        self.tell(session, news);
        while session.cursor() == seen && works(session.life().machine()) {
            changed.notified().await;
        }
        self.forget_news(session, "it goes on", |news| news.kind == AskKind::Stalled);
    }
}

/// In a turn: what runs behind one may be silent for long.
fn works(machine: &Machine) -> bool {
    machine.status().is_live() && machine.turn() == Activity::Working
}
