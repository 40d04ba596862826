//! After the machine was started again: which sessions go on by themselves.
//!
//! Only those that ran when their tmux server went: nobody asked for their end.

use std::sync::Arc;

use codepiper_protocol::wire::session::ExitReason;
use futures_util::StreamExt;

use super::{Launcher, Resuming};
use crate::session::cell::Session;
use crate::session::life::machine::Input;
use crate::tasks::blocking;

/// So many agents are started at a time: each reads and indexes a lot at its start.
const AT_A_TIME: usize = 2;

impl Launcher {
    /// The sessions that ended with their tmux server, and were not started again.
    pub fn lost(&self) -> Vec<Arc<Session>> {
        let mut all = self.registry.all();
        all.retain(|session| session.exit().is_some_and(|exit| exit.reason == ExitReason::ServerGone));
        all
    }

    /// Resumes those of `lost` that go on by themselves: agents with a conversation.
    pub async fn resume_agents(&self, lost: Vec<Arc<Session>>) {
        let begun = lost.into_iter().map(|session| {
            let (agent, name) = (session.provider.agent, session.name());
            (self.begin_with(session.id, agent, name), session)
        });
        let begun: Vec<_> = begun.collect();
        let resuming = begun.into_iter().map(|(beginning, session)| async move {
            // Somebody may have decided about it before its turn came.
            let Ok(resuming) = Resuming::by_itself(&session, self.context.now()) else { return };
            if let Err(problem) = beginning.check() {
                return self.stays_stopped(&session, &problem.detail);
            }
            let (launcher, subject) = (self.clone(), session.clone());
            let looking = blocking(move || launcher.why_not_by_itself(&subject));
            match looking.await {
                Ok(None) => {
                    if let Err(problem) = self.resume(&session, None, resuming).await {
                        self.stays_stopped(&session, &problem.detail);
                    }
                }
                Ok(Some(why)) => self.stays_stopped(&session, why),
                Err(error) => tracing::error!(id = %session.id, %error, "a session was not resumed"),
            }
        });
        few_at_a_time(resuming).await;
    }

    /// Says so where the session is explained.
    pub fn stays_stopped(&self, session: &Arc<Session>, why: &str) {
        let id = session.id.short();
        tracing::warn!(%id, why, "a session that ended with its tmux server was not resumed");
        let what = format!("not resumed automatically: {why}");
        self.life.apply(session, Input::Remark { what });
    }

    /// Reads files.
    fn why_not_by_itself(&self, session: &Session) -> Option<&'static str> {
        let record = session.record();
        if record.recipe.dangerous {
            Some("it acts without asking for permission")
        } else if self.programs.find_conversation(session).is_none() {
            Some("it has no conversation to resume")
        } else if record.life.crashes_repeatedly() {
            Some("it crashed twice within ten minutes")
        } else {
            None
        }
    }
}

async fn few_at_a_time(work: impl Iterator<Item = impl Future<Output = ()>>) {
    futures_util::stream::iter(work).for_each_concurrent(AT_A_TIME, |one| one).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn agents_are_resumed_two_at_a_time() {
        let (running, most) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
        let done = std::cell::Cell::new(0);
        few_at_a_time((0..7).map(|_| async {
            running.set(running.get() + 1);
            most.set(running.get().max(most.get()));
            // Whoever else may begins here.
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            running.set(running.get() - 1);
            done.set(done.get() + 1);
        }))
        .await;
        assert_eq!((most.get(), done.get()), (2, 7));
    }
}
