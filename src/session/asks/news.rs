//! What only wants to be seen: crashes, finished turns, calls for attention.

use std::sync::Arc;
use std::time::Duration;

use codepiper_protocol::wire::ask::{AnsweredIn, Ask, AskKind};
use codepiper_protocol::wire::problem::{Code, Problem};
use codepiper_protocol::wire::session::Status;
use jiff::Timestamp;
use tokio::time::Instant;

use super::{Asks, view};
use crate::bus::to_millisecond;
use crate::session::cell::Session;
use crate::session::life::record::News;

/// A session's programs may ask for attention so often.
const BETWEEN_CALLS: Duration = Duration::from_secs(10);

impl Asks {
    /// The session has ended; a crash is news.
    pub(in crate::session) fn ended(&self, session: &Arc<Session>) {
        let crashed = {
            let life = session.life();
            let machine = life.machine();
            (machine.status() == Status::Crashed).then(|| (machine.exit(), machine.since()))
        };
        if let Some((exit, since)) = crashed {
            let text = exit.map(|exit| exit.to_string()).unwrap_or_default();
            self.tell(session, News { kind: AskKind::Crashed, at: to_millisecond(since), text });
        } else {
            self.forget_news(session, |_| true);
        }
    }

    /// Something happened that a person should hear of. What they have not seen yet is replaced.
    pub(super) fn tell(&self, session: &Arc<Session>, news: News) {
        session.life.note(|record| record.life.news = Some(news));
        self.registry.touch(session);
        self.life.save_soon(session);
    }

    pub(super) fn forget_news(&self, session: &Arc<Session>, which: impl Fn(&News) -> bool) {
        let forgotten = session.life.note(|record| record.life.news.take_if(|news| which(news)).is_some());
        if forgotten {
            self.registry.touch(session);
            self.life.save_soon(session);
        }
    }

    /// A program of the session asks for attention, in its own words.
    ///
    /// # Errors
    /// It has just done so: an agent cannot call all the time.
    pub fn note(&self, session: &Arc<Session>, text: &str) -> Result<(), Problem> {
        let now = Instant::now();
        let called = {
            let mut open = session.asks.open();
            open.called.filter(|called| now < *called + BETWEEN_CALLS).or_else(|| {
                open.called = Some(now);
                None
            })
        };
        if called.is_some() {
            let detail = format!("a session may ask for attention once every {} s", BETWEEN_CALLS.as_secs());
            let seconds = Some(BETWEEN_CALLS.as_secs() as u32);
            return Err(Problem { retry_after: seconds, ..Problem::new(Code::TooManyTries, detail) });
        }
        let at = to_millisecond(Timestamp::now());
        let text = view::first_line(text);
        self.tell(session, News { kind: AskKind::Attention, at, text });
        Ok(())
    }

    /// A person has seen it.
    ///
    /// # Errors
    /// It waits for an answer.
    pub async fn acknowledge(&self, reference: &str, by: &str) -> Result<Ask, Problem> {
        let (session, ask) = self.find(reference)?;
        if ask.answered_in != AnsweredIn::Nothing {
            let detail = format!("{} waits for an answer: {}", ask.id, ask.kind);
            return Err(Problem::new(Code::Invalid, detail));
        }
        let at = ask.asked_at;
        self.life
            .change(&session, |record| {
                record.life.news.take_if(|news| news.at == at);
                Ok(())
            })
            .await?;
        self.over(&ask.id, format!("seen by {by}"));
        Ok(ask)
    }

    /// Nobody wants to hear of it until then.
    pub async fn snooze(&self, reference: &str, until: Option<Timestamp>) -> Result<Ask, Problem> {
        let (session, ask) = self.find(reference)?;
        let snoozed = until.map(|until| (ask.id.clone(), until));
        self.life
            .change(&session, |record| {
                record.life.snoozed.clone_from(&snoozed);
                Ok(())
            })
            .await?;
        Ok(Ask { snoozed_until: until, ..ask })
    }
}
