//! What became of asks.

use std::sync::Arc;

use codepiper_protocol::event::{Body, Source};
use codepiper_protocol::wire::ask::{Ask, AskDecision, Gate};
use codepiper_protocol::wire::events::ListEvents;
use codepiper_protocol::wire::problem::Code;
use jiff::Timestamp;
use serde_json::Value;

use super::{Asks, Hooked, view};
use crate::lock::lock;
use crate::provider::decisions::DENIED_BY_ITSELF;
use crate::provider::questions::is_answered_by;
use crate::session::cell::Session;

/// Why an ask is over that nobody answered here while its agent went on.
pub(super) const IN_TERMINAL: &str = "answered in the terminal";
/// So many ends are remembered, for who comes second.
const REMEMBERED: usize = 1000;

pub(super) struct Ended {
    pub(super) id: String,
    pub(super) how: String,
    pub(super) at: Timestamp,
}

impl Asks {
    /// A hook says what was used or refused: that was answered. True when something else is still asked.
    pub(in crate::session) fn used(&self, session: &Arc<Session>, payload: &Value) -> bool {
        let (over, left) = {
            let mut open = session.asks.open();
            let index = open.hooks.iter().position(|hooked| is_answered_by(&hooked.asked, payload));
            let over = index.map(|index| open.hooks.remove(index));
            (over.and_then(Hooked::left), !open.hooks.is_empty() || open.coming > 0)
        };
        if let Some(ask) = over {
            match payload["hook_event_name"].as_str() {
                Some(DENIED_BY_ITSELF) => {
                    let (gate, decision) = (Some(Gate::Agent), Some(AskDecision::Deny));
                    self.decided(session, ask, "denied by the agent's own rules", gate, decision);
                }
                _ => {
                    let (gate, decision) = (Some(Gate::Terminal), Some(AskDecision::Allow));
                    self.decided(session, ask, IN_TERMINAL, gate, decision);
                }
            }
        }
        left
    }

    /// Whoever comes second to an ask of before the daemon was started is told who was first, too: its end is in the events.
    pub async fn recall(&self, reference: &str) {
        let is_unknown = || self.find(reference).is_err_and(|problem| problem.code == Code::NotFound);
        if reference.starts_with(view::PREFIX) && is_unknown() {
            self.recall_all().await;
        }
    }

    /// What has ended is known, also before this daemon was started.
    pub async fn recall_all(&self) {
        self.recalled.get_or_init(|| self.read_ends()).await;
    }

    async fn read_ends(&self) {
        let wanted = ListEvents {
            session: None,
            source: Some(Source::Ask),
            kind: None,
            since: None,
            before: None,
            limit: REMEMBERED as u32,
        };
        let found = self.context.bus.events.find(wanted).await;
        let earlier = found.events.into_iter().filter_map(|event| {
            let (id, how) = match event.body {
                Body::AskAnswered { ask, decision, by, .. } => (ask, format!("{} by {by}", decision.done())),
                Body::AskWithdrawn { ask, why, .. } => (ask, why),
                Body::AskSeen { ask, by, .. } => (ask, format!("seen by {by}")),
                _ => return None,
            };
            Some(Ended { id, how, at: event.at })
        });
        let mut ended = lock(&self.ended);
        // Those of this daemon are among them.
        *ended = earlier.collect();
    }

    /// In words, if it is over and that is not too long ago.
    pub fn how_it_ended(&self, id: &str) -> Option<String> {
        lock(&self.ended).iter().rev().find(|ended| ended.id == id).map(|ended| ended.how.clone())
    }

    pub(super) fn withdrawn(&self, session: &Session, ask: Ask, why: &str) {
        let gate = (why == IN_TERMINAL).then_some(Gate::Terminal);
        self.decided(session, ask, why, gate, None);
    }

    /// It is over, and something else than an answer from here decided.
    fn decided(
        &self,
        session: &Session,
        ask: Ask,
        why: &str,
        gate: Option<Gate>,
        decision: Option<AskDecision>,
    ) {
        self.over(&ask.id, why.to_owned());
        let Ask { id, kind, title, .. } = ask;
        let body = Body::AskWithdrawn { ask: id, what: kind, title, why: why.to_owned(), gate, decision };
        self.context.event(Some(session.id), body);
        self.registry.touch(session);
    }

    /// A person has seen what needed no answer.
    pub(super) fn seen(&self, session: &Session, ask: &Ask, by: &str) {
        self.over(&ask.id, format!("seen by {by}"));
        let Ask { id, kind, title, .. } = ask.clone();
        let body = Body::AskSeen { ask: id, what: kind, title, by: by.to_owned() };
        self.context.event(Some(session.id), body);
        self.registry.touch(session);
    }

    pub(super) fn over(&self, id: &str, how: String) {
        let mut ended = lock(&self.ended);
        ended.push_back(Ended { id: id.to_owned(), how, at: Timestamp::now() });
        if ended.len() > REMEMBERED {
            ended.pop_front();
        }
    }
}
