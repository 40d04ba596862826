//! An answer on its way to a hook: by one person, once.

use std::sync::Arc;

use codepiper_protocol::event::Body;
use codepiper_protocol::wire::ask::{AnswerAsk, AnsweredIn, Ask};
use codepiper_protocol::wire::problem::{Code, Next, Problem};
use serde_json::Value;

use super::{Asks, REACTION};
use crate::provider::questions;
use crate::session::cell::Session;

/// The right to answer an ask. When it goes without [`Claim::send`], others may.
pub struct Claim {
    asks: Asks,
    session: Arc<Session>,
    pub ask: Ask,
    pub answer: AnswerAsk,
    reply: Value,
    by: String,
}

impl Asks {
    /// From now on nobody else answers it. `by` is who does, in words.
    ///
    /// # Errors
    /// It is not open, can only be answered in the terminal, or the answer does not fit.
    pub fn claim(&self, reference: &str, answer: AnswerAsk, by: String) -> Result<Claim, Problem> {
        let (session, ask) = self.find(reference)?;
        let reply = {
            let mut open = session.asks.open();
            let hooked = open.hooks.iter_mut().find(|hooked| hooked.ask.id == ask.id);
            match hooked.filter(|hooked| hooked.reply.is_some()) {
                None => return Err(only_there(&session, &ask)),
                Some(hooked) => {
                    let wrong = |detail| Problem::new(Code::Invalid, detail);
                    let reply = questions::reply(&hooked.asked, &answer).map_err(wrong)?;
                    if let Some(who) = hooked.claimed.replace(by.clone()) {
                        let detail = format!("{who} is answering {}", ask.id);
                        hooked.claimed = Some(who);
                        return Err(Problem::new(Code::AlreadyAnswered, detail));
                    }
                    reply
                }
            }
        };
        Ok(Claim { asks: self.clone(), session, ask, answer, reply, by })
    }

    pub(super) fn who_answers(&self, id: &str) -> Option<String> {
        let of = |session: &Arc<Session>| {
            let open = session.asks.open();
            open.hooks.iter().find(|hooked| hooked.ask.id == id)?.claimed.clone()
        };
        self.registry.all().iter().find_map(of)
    }

    /// An agent that does not react to its answer still shows its question.
    fn look_again(&self, session: &Arc<Session>) {
        let (asks, session) = (self.clone(), session.clone());
        self.context.tasks.spawn_until_shutdown(async move {
            tokio::time::sleep(REACTION).await;
            if session.asks.open().answered.take().is_some() {
                asks.registry.touch(&session);
            }
        });
    }
}

fn only_there(session: &Session, ask: &Ask) -> Problem {
    let session = session.id.short();
    if ask.answered_in == AnsweredIn::Nothing {
        return Problem::new(Code::NotTaken, format!("{} needs no answer; mark it as seen", ask.id));
    }
    let detail = format!("{} can only be answered in the terminal of session {session}", ask.id);
    Problem::new(Code::NotTaken, detail).with_next(Next::Answer { session })
}

impl Claim {
    /// Hands the answer to the agent's hook.
    ///
    /// # Errors
    /// The hook has gone meanwhile, or the question has.
    pub fn send(self) -> Result<Ask, Problem> {
        let since = self.session.life().machine().since();
        let reply = {
            let mut open = self.session.asks.open();
            let index = open.hooks.iter().position(|hooked| hooked.ask.id == self.ask.id);
            let reply = index.and_then(|index| open.hooks[index].reply.take());
            let sent = reply.is_some_and(|reply| reply.send(self.reply.clone()).is_ok());
            if let Some(index) = index.filter(|_| sent) {
                open.hooks.remove(index);
                open.answered = Some(since).filter(|_| open.hooks.is_empty());
            }
            sent
        };
        if !reply {
            return match self.asks.find(&self.ask.id) {
                Err(problem) if problem.code == Code::AlreadyAnswered => Err(problem),
                _ => Err(only_there(&self.session, &self.ask)),
            };
        }
        let done = self.answer.decision.done();
        self.asks.over(&self.ask.id, format!("{done} by {}", self.by));
        let body = Body::AskAnswered {
            ask: self.ask.id.clone(),
            what: self.ask.kind,
            title: self.ask.title.clone(),
            decision: self.answer.decision,
            by: self.by.clone(),
        };
        self.asks.context.event(Some(self.session.id), body);
        self.asks.registry.touch(&self.session);
        self.asks.look_again(&self.session);
        Ok(self.ask.clone())
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let given_back = {
            let mut open = self.session.asks.open();
            let hooked = open.hooks.iter_mut().find(|hooked| hooked.ask.id == self.ask.id);
            hooked.is_some_and(|hooked| hooked.claimed.take().is_some())
        };
        if given_back {
            self.asks.registry.touch(&self.session);
        }
    }
}
