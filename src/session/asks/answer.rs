//! An answer on its way to the agent, by its hook or by keys: by one person, once.

use std::sync::Arc;
use std::time::Duration;

use codepiper_protocol::event::Body;
use codepiper_protocol::wire::ask::{AnswerAsk, AnsweredIn, Ask, AskDecision, AskKind};
use codepiper_protocol::wire::problem::{Code, Next, Problem};
use serde_json::Value;
use tokio::time::Instant;

use super::on_screen::ask_again;
use super::{Asks, IN_TERMINAL, Open, REACTION};
use crate::provider::{OnScreen, Press, questions};
use crate::session::cell::Session;

/// The right to answer an ask. When it goes without [`Claim::send`], others may.
pub struct Claim {
    asks: Asks,
    session: Arc<Session>,
    pub ask: Ask,
    pub answer: AnswerAsk,
    way: Way,
    by: String,
    /// The agent was answered.
    sent: bool,
}

/// So long after its dialog was seen, an agent takes keys for it.
const DRAWN: Duration = Duration::from_millis(700);

/// How the agent is answered.
enum Way {
    /// What its hook prints.
    Hook(Value),
    /// Of what is shown since then.
    Keys(OnScreen, Instant),
}

impl Asks {
    /// See [`crate::session::Sessions::claim`].
    pub(in crate::session) fn claim(
        &self,
        reference: &str,
        answer: AnswerAsk,
        by: String,
    ) -> Result<Claim, Problem> {
        let (session, ask) = self.find(reference)?;
        let way = {
            let mut open = session.asks.open();
            let Open { hooks, screen, .. } = &mut *open;
            let hooked = hooks.iter().position(|hooked| hooked.ask.id == ask.id);
            let shown = screen.as_mut().filter(|shown| match hooked {
                Some(index) => shown.answers(&hooks[index], hooks),
                None => shown.ask.id == ask.id && ask.answered_in == AnsweredIn::Here,
            });
            let wrong = |detail| Problem::new(Code::Invalid, detail);
            let hooked = hooked.map(|index| &mut hooks[index]);
            let (way, claimed) = match (hooked, shown) {
                (Some(hooked), _) if hooked.reply.is_some() => {
                    let reply = questions::reply(&hooked.asked, &answer).map_err(wrong)?;
                    (Way::Hook(reply), &mut hooked.claimed)
                }
                (_, None) => return Err(only_there(&session, &ask)),
                (hooked, Some(shown)) => {
                    questions::check_keys(&answer).map_err(wrong)?;
                    let tells = shown.asked.by_itself && ask.kind == AskKind::Permission;
                    if !tells && answer.reason.is_some() {
                        return Err(wrong("'reason' cannot be told here: leave it out".to_owned()));
                    }
                    let claimed = match hooked {
                        Some(hooked) => {
                            hooked.by_keys = true;
                            &mut hooked.claimed
                        }
                        None => &mut shown.claimed,
                    };
                    (Way::Keys(shown.asked.clone(), shown.seen), claimed)
                }
            };
            if let Some(who) = claimed {
                return Err(Problem::new(Code::AlreadyAnswered, format!("{who} is answering {}", ask.id)));
            }
            *claimed = Some(by.clone());
            way
        };
        Ok(Claim { asks: self.clone(), session, ask, answer, way, by, sent: false })
    }

    pub(super) fn who_answers(&self, id: &str) -> Option<String> {
        let of = |session: &Arc<Session>| {
            let open = session.asks.open();
            let hooked = open.hooks.iter().find(|hooked| hooked.ask.id == id);
            let shown = open.screen.as_ref().filter(|shown| shown.ask.id == id);
            hooked.map_or_else(|| shown?.claimed.clone(), |hooked| hooked.claimed.clone())
        };
        self.registry.all().iter().find_map(of)
    }

    /// An agent that does not react to its answer still shows its question.
    fn look_again(&self, session: &Arc<Session>) {
        let (asks, session) = (self.clone(), session.clone());
        let answered = |open: &Open| {
            let shown = open.screen.as_ref().filter(|shown| shown.answered);
            (open.answered, shown.map(|shown| shown.number))
        };
        let before = answered(&session.asks.open());
        self.context.tasks.spawn_until_shutdown(async move {
            tokio::time::sleep(REACTION).await;
            let asks_still = {
                let mut open = session.asks.open();
                let (state, shown) = answered(&open);
                // Not what was answered meanwhile.
                let (by_state, on_screen) =
                    (state.is_some() && state == before.0, shown.is_some() && shown == before.1);
                if by_state {
                    open.answered = None;
                }
                if on_screen {
                    ask_again(&session, &mut open);
                }
                by_state || on_screen
            };
            if asks_still {
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
    /// Whose keys answer it, where only they do.
    pub fn by_keys(&self) -> Option<Arc<Session>> {
        matches!(self.way, Way::Keys(..)).then(|| self.session.clone())
    }

    /// An agent drops keys that come right behind its dialog: Claude Code 2.1.332 did on a busy machine.
    pub async fn is_read(&self) {
        if let Way::Keys(_, seen) = &self.way {
            tokio::time::sleep_until(*seen + DRAWN).await;
        }
    }

    /// What the screen shows now of what keys are to answer, and how they do.
    pub fn shown(&self) -> Option<(OnScreen, Press)> {
        let Way::Keys(asked, _) = &self.way else { return None };
        let open = self.session.asks.open();
        let shown = open.screen.as_ref().filter(|shown| !shown.answered && shown.asked.is_same(asked))?;
        let press = match self.answer.decision {
            AskDecision::Allow => shown.asked.allow,
            AskDecision::Deny => shown.asked.deny,
        };
        Some((shown.asked.clone(), press))
    }

    /// Returns when the pointer is elsewhere, or nothing of it is shown any more; false if neither happens.
    pub async fn moves(&self, from: Press) -> bool {
        let is_there = || self.shown().is_some_and(|(_, press)| press == from);
        let moved = self.session.until(|_| !is_there());
        tokio::time::timeout(REACTION, moved).await.is_ok()
    }

    /// Hands the answer to the agent's hook; with [`Claim::by_keys`], those were pressed.
    ///
    /// # Errors
    /// The hook has gone meanwhile, or the question has.
    pub fn send(mut self) -> Result<Ask, Problem> {
        let since = self.session.life().machine().since();
        self.sent = {
            let mut open = self.session.asks.open();
            let index = open.hooks.iter().position(|hooked| hooked.ask.id == self.ask.id);
            let sent = match &self.way {
                Way::Keys(asked, _) => {
                    let shown = open.screen.as_mut().filter(|shown| shown.asked.is_same(asked));
                    shown.into_iter().for_each(|shown| shown.answered = true);
                    true
                }
                Way::Hook(reply) => {
                    let waiting = index.and_then(|index| open.hooks[index].reply.take());
                    waiting.is_some_and(|waiting| waiting.send(reply.clone()).is_ok())
                }
            };
            if let Some(index) = index.filter(|_| sent) {
                open.hooks.remove(index);
                open.answered = Some(since).filter(|_| open.hooks.is_empty());
            }
            sent
        };
        if !self.sent {
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
            let Open { hooks, screen, .. } = &mut *open;
            let hooked = hooks.iter_mut().find(|hooked| hooked.ask.id == self.ask.id);
            let shown = screen.as_mut().filter(|shown| shown.ask.id == self.ask.id);
            let claimed = hooked.map(|hooked| &mut hooked.claimed).or(shown.map(|shown| &mut shown.claimed));
            claimed.is_some_and(|claimed| claimed.take().is_some())
        };
        if given_back {
            self.asks.registry.touch(&self.session);
        } else if !self.sent && matches!(self.way, Way::Keys(..)) {
            let why = if self.session.is_live() { IN_TERMINAL } else { "the session ended" };
            self.asks.withdrawn(&self.session, self.ask.clone(), why);
        }
    }
}
