//! Intake of the providers' hooks: live over the API, and from the spool.

mod spool;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use codepiper_protocol::SessionId;
use codepiper_protocol::event::Body;
use codepiper_protocol::hook::{ASK_LIMIT, delivery_time};
use codepiper_protocol::wire::ask::Gate;
use codepiper_protocol::wire::problem::{Code, Problem};
use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::audit::trail::Trail;
use crate::audit::{NewRecord, put_text};
use crate::lock::lock;
use crate::policy::decide::Decision;
use crate::policy::ready::risk;
use crate::policy::rule::Action;
use crate::policy::{kept::Kept, wire};
use crate::provider::decisions::{Answers, Asked, Moment, answer, asked, denied_by_itself};
use crate::provider::questions;
use crate::session::{Session, Sessions, Waiter};
use crate::tasks::blocking;

/// So many deliveries are remembered: a payload that came live may also stand in the spool.
const REMEMBERED: usize = 4096;

/// An agent that was found running is known to wait within this time, if it does.
const STATE_LIMIT: Duration = Duration::from_secs(10);

/// A payload has at most so many values: each takes 30 to 100 bytes of memory, whatever its letters.
const MOST_VALUES: usize = 500_000;

/// What a hook is told.
pub enum Answer {
    Nothing,
    /// It has to print this.
    Now(Value),
    /// A person is asked.
    Later(Waiter),
}

/// Takes hooks in. Clones share it.
#[derive(Clone)]
pub struct Intake {
    sessions: Sessions,
    policies: Kept,
    audit: Trail,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    order: VecDeque<String>,
    /// With the SHA-256 of what was delivered.
    payloads: HashMap<String, Vec<u8>>,
}

/// Which delivery it is.
enum Delivery {
    New,
    /// It came before.
    Known,
    /// Another payload came with its number.
    Differs,
}

impl Intake {
    pub fn new(sessions: Sessions, audit: Trail) -> Self {
        let policies = sessions.policies().clone();
        Self { sessions, policies, audit, taken: Arc::default() }
    }

    /// Takes a payload that came over the API. What lies in the spool of its session is older and goes first. `again`: it
    /// came before, and its hook has lost the connection over which it waits for an answer.
    pub async fn receive(
        &self,
        session: &Arc<Session>,
        delivery: Option<String>,
        again: bool,
        payload: &[u8],
    ) -> Result<Answer, Problem> {
        let values = count_values(payload);
        if values > MOST_VALUES {
            let detail = format!("the hook payload has {values} values; the limit is {MOST_VALUES}");
            return Err(Problem::new(Code::TooLarge, detail));
        }
        let value: Value = serde_json::from_slice(payload)
            .map_err(|error| Problem::new(Code::Invalid, format!("the hook payload is not JSON: {error}")))?;
        let asked = asked(&value);
        let judged = asked.is_some() && !self.policies.is_empty();
        let workdir = if judged { workdir_of(session, &value).await? } else { None };
        let question = asked.clone().filter(|asked| asked.moment == Moment::BeforeQuestion);
        let coming = question.is_some().then(|| self.sessions.asks.coming(session));
        let delivery = delivery.filter(|delivery| delivery_time(delivery).is_some());
        let number = delivery.clone().unwrap_or_else(|| Timestamp::now().as_nanosecond().to_string());
        // The agent chooses the number: an ask is of its payload, too.
        let key = format!("{number} {:?}", sha256(payload));
        let known = if again {
            session.until_it_waits(STATE_LIMIT).await;
            delivery.map_or(Delivery::New, |delivery| self.look_up(&delivery, payload))
        } else {
            let _turn = session.intake.lock().await;
            self.take_spool_of(session).await;
            self.take(session, delivery, payload, value).await
        };
        let decided = match asked.filter(|_| judged) {
            Some(asked) => self.decide(session, asked, workdir).await?,
            None => None,
        };
        if let Some((_, Some(told))) = decided {
            return Ok(Answer::Now(told));
        }
        if question.is_some() && matches!(known, Delivery::Differs) {
            let detail = format!("{number} was delivered before, with another payload");
            return Err(Problem::new(Code::Invalid, detail));
        }
        let risk = match &question {
            Some(asked) => {
                self.sessions.asks.recall_all().await;
                let request = session.policy_request(&asked.tool, asked.input.clone(), asked.cwd.clone());
                blocking(move || risk(&request)).await?
            }
            None => None,
        };
        let waiter = question.and_then(|question| {
            let why = decided.map(|(decision, _)| decision.why);
            let waits = session.provider.answers.is_some_and(|answers| question.can_wait(answers));
            self.sessions.asks.asked(session, question, &key, [why, risk], waits.then_some(ASK_LIMIT))
        });
        drop(coming);
        Ok(waiter.map_or(Answer::Nothing, Answer::Later))
    }

    async fn take(
        &self,
        session: &Arc<Session>,
        delivery: Option<String>,
        payload: &[u8],
        value: Value,
    ) -> Delivery {
        let known = delivery.as_ref().map_or(Delivery::New, |delivery| self.look_up(delivery, payload));
        if matches!(known, Delivery::New) {
            let at = delivery.as_deref().and_then(time_of).unwrap_or_else(Timestamp::now);
            self.note_denial(session, &value).await;
            self.sessions.evidence.hook(session, at, value, payload.len());
        }
        known
    }

    /// The agent's own classifier refused a tool: that is on record, too.
    async fn note_denial(&self, session: &Arc<Session>, payload: &Value) {
        let Some(denied) = denied_by_itself(payload) else { return };
        let shown = questions::shown(&denied);
        let mut data = json!({
            "gate": Gate::Agent, "tool": denied.tool, "what": questions::brief(&denied), "why": payload["reason"].as_str(),
        });
        put_text(&mut data, "text", &shown.text);
        let (kind, actor) = ("agent.denied".to_owned(), "agent".to_owned());
        let record = NewRecord { kind, actor, session: Some(session.id.to_string()), data };
        let audit = self.audit.clone();
        if let Ok(Err(problem)) = blocking(move || audit.note(&record)).await {
            tracing::error!(%problem, "a refusal by an agent is not in the audit");
        }
    }

    /// What the policies say of it, on record, and as the session's agent takes it, if it is to be told.
    async fn decide(
        &self,
        session: &Arc<Session>,
        asked: Asked,
        workdir: Option<String>,
    ) -> Result<Option<(Decision, Option<Value>)>, Problem> {
        let Some(answers) = session.provider.answers else { return Ok(None) };
        let mut input = asked.input.clone();
        if let (Some(workdir), Some(input)) = (workdir, input.as_object_mut()) {
            input.insert("workdir".to_owned(), workdir.into());
        }
        let request = session.policy_request(&asked.tool, input, asked.cwd.clone());
        let (policies, audit, id) = (self.policies.clone(), self.audit.clone(), session.id);
        // Paths are looked up on the disk.
        let decided = blocking(move || {
            let decision = policies.decide(&request)?;
            Some(on_record(&audit, id, &asked, decision, answers))
        });
        let Some((asked, decision, answer)) = decided.await? else { return Ok(None) };
        // What is asked before is asked about again, and what says nothing decided nothing.
        if answer.is_some() {
            let body = Body::PolicyDecided {
                action: wire::action(decision.action),
                what: questions::brief(&asked),
                tool: asked.tool,
                rule: decision.rule.clone().map(wire::rule),
                why: decision.why.clone(),
            };
            self.sessions.bus().events.append(Timestamp::now(), Some(session.id), body);
        }
        Ok(Some((decision, answer)))
    }

    /// From now on it is known.
    fn look_up(&self, delivery: &str, payload: &[u8]) -> Delivery {
        let (mut taken, payload) = (lock(&self.taken), sha256(payload));
        match taken.payloads.get(delivery) {
            Some(known) if *known == payload => return Delivery::Known,
            Some(_) => return Delivery::Differs,
            None => {}
        }
        taken.payloads.insert(delivery.to_owned(), payload);
        taken.order.push_back(delivery.to_owned());
        if taken.order.len() > REMEMBERED
            && let Some(oldest) = taken.order.pop_front()
        {
            taken.payloads.remove(&oldest);
        }
        Delivery::New
    }
}

fn sha256(payload: &[u8]) -> Vec<u8> {
    digest(&SHA256, payload).as_ref().to_vec()
}

/// Where it runs, if its hook does not tell, and something else does.
async fn workdir_of(session: &Arc<Session>, payload: &Value) -> Result<Option<String>, Problem> {
    if session.provider.answers.is_none_or(Answers::tell_directory) {
        return Ok(None);
    }
    let (session, payload) = (session.clone(), payload.clone());
    Ok(blocking(move || session.provider.hooks.workdir(&payload)).await?)
}

/// How many values a JSON text has, about, without reading them.
fn count_values(json: &[u8]) -> usize {
    let (mut count, mut rest) = (1, json);
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b',' | b'[' | b'{' | b'"')) {
        let begins_text = rest[at] == b'"';
        rest = &rest[at + 1..];
        if !begins_text {
            count += 1;
            continue;
        }
        while let Some(at) = memchr::memchr2(b'"', b'\\', rest) {
            let ends = rest[at] == b'"';
            rest = rest.get(at + if ends { 1 } else { 2 }..).unwrap_or_default();
            if ends {
                break;
            }
        }
    }
    count
}

/// The decision and its answer, once it is on record: what cannot be recorded is not allowed.
fn on_record(
    audit: &Trail,
    session: SessionId,
    asked: &Asked,
    decision: Decision,
    answers: Answers,
) -> (Asked, Decision, Option<Value>) {
    let told = answer(asked, &decision, answers);
    if told.is_none() {
        return (asked.clone(), decision, None);
    }
    let shown = questions::shown(asked);
    let mut record = NewRecord {
        kind: "policy.decided".to_owned(),
        actor: "policy".to_owned(),
        session: Some(session.to_string()),
        data: json!({
            "action": decision.action, "gate": Gate::Policy, "tool": asked.tool, "what": questions::brief(asked),
            "rule": decision.rule, "why": decision.why,
        }),
    };
    put_text(&mut record.data, "text", &shown.text);
    match audit.note(&record) {
        Ok(()) => (asked.clone(), decision, told),
        Err(_) if decision.action != Action::Allow => (asked.clone(), decision, told),
        Err(problem) => {
            let why = format!("A rule allows it, but it cannot be recorded: {}", problem.detail);
            let decision = Decision { action: Action::Ask, rule: None, why, ..decision };
            (asked.clone(), decision.clone(), answer(asked, &decision, answers))
        }
    }
}

fn time_of(delivery: &str) -> Option<Timestamp> {
    Timestamp::from_nanosecond(i128::try_from(delivery_time(delivery)?).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_outside_of_texts() {
        for (json, count) in [
            ("1", 1),
            ("[]", 2),
            (r#"{"a,b[": "c,{,\\\",\\\\", "d": [1, 2]}"#, 5),
            (r#""not ended \"#, 1),
            ("[[],[],[]]", 7),
        ] {
            assert_eq!(count_values(json.as_bytes()), count, "{json}");
        }
    }
}
