//! What a session needs from a person, and the person's answer.
//!
//! Nothing of it is kept on the disk: an agent's hook that waits comes back to a daemon that was restarted, and what else is
//! asked follows from the state and the record.
//!
//! | module | what |
//! |--------|------|
//! | [`answer`] | an answer on its way to the agent: by one person, once |
//! | [`ends`]   | what became of asks |
//! | [`news`]   | what only wants to be seen |
//! | [`on_screen`] | what is asked on the screen alone |
//! | [`stall`]  | agents that hang |
//! | [`view`]   | asks as people are shown them |

mod answer;
mod ends;
mod news;
mod on_screen;
mod stall;
mod view;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use codepiper_protocol::wire::ask::{AnsweredIn, Ask, AskKind, LONGEST_ASK};
use codepiper_protocol::wire::problem::{Code, Problem};
use codepiper_protocol::wire::session::Activity;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::{OnceCell, oneshot};
use tokio::time::Instant;

use crate::bus::to_millisecond;
use crate::lock::lock;
use crate::provider::decisions::Asked;
use crate::provider::questions;
use crate::session::cell::Session;
use crate::session::context::Context;
use crate::session::life::record::News;
use crate::session::life::{Core, Life};
use crate::session::registry::Registry;

use ends::{Ended, IN_TERMINAL};
use on_screen::Shown;

pub(super) use answer::Claim;
pub(super) use news::THERE;
pub(super) use view::of_session;

/// A session has no more questions than these: what comes later is answered in its terminal.
const MOST: usize = 32;
/// An agent that was answered shows that within this time, or its question is still there.
const REACTION: Duration = Duration::from_secs(5);

/// What is open of a session.
#[derive(Default)]
pub struct AskState(Mutex<Open>);

#[derive(Default)]
struct Open {
    /// What hooks asked, oldest first.
    hooks: Vec<Hooked>,
    /// How many have asked so far.
    asked: u64,
    /// What is asked on the screen alone, and how many questions it has shown.
    screen: Option<Shown>,
    shown: u64,
    /// Hooks that are about to ask: what the state says is not told before.
    coming: usize,
    /// A question of since then was answered here, and the agent has not reacted.
    answered: Option<Timestamp>,
    /// It has worked, and its turn is not over.
    worked: bool,
    /// When a program in it asked for attention last, and what it has said since.
    called: Option<Instant>,
    unsaid: Option<String>,
    /// When a bell was looked at last.
    rang: Option<Instant>,
    /// Somebody watches whether it hangs.
    watched: bool,
    /// What the agent said last.
    last_words: Option<String>,
}

/// What a hook asked.
struct Hooked {
    /// Which one it is: a hook that comes again has the same id.
    number: u64,
    /// What its id is made of.
    key: String,
    ask: Ask,
    asked: Asked,
    /// Where its answer goes; `None`: nobody waits there.
    reply: Option<oneshot::Sender<Value>>,
    /// Who is answering, and whether by keys.
    claimed: Option<String>,
    by_keys: bool,
}

impl Hooked {
    /// What is open of it when its question has gone. While keys are pressed, whoever presses them says what became of it.
    fn left(self) -> Option<Ask> {
        (self.claimed.is_none() || !self.by_keys).then_some(self.ask)
    }
}

impl Open {
    /// What a hook tells of better is no ask of its own.
    fn hide_shown(&mut self) {
        if let Some(shown) = &mut self.screen {
            shown.hidden |= self.hooks.iter().any(|hooked| shown.is_about(hooked));
        }
    }
}

impl AskState {
    fn open(&self) -> MutexGuard<'_, Open> {
        lock(&self.0)
    }
}

/// See the module. Clones share it.
#[derive(Clone)]
pub struct Asks {
    context: Arc<Context>,
    registry: Registry,
    life: Life,
    /// Zero: nobody is told.
    stalled_after: Duration,
    ended: Arc<Mutex<VecDeque<Ended>>>,
    /// What an earlier daemon told of ends is known.
    recalled: Arc<OnceCell<()>>,
}

/// A hook that waits for its answer. When it goes, nobody waits there any more.
pub struct Waiter {
    asks: Asks,
    session: Arc<Session>,
    number: u64,
    reply: oneshot::Receiver<Value>,
}

impl Waiter {
    /// What the hook has to print; `None`: nothing, the question was withdrawn or answered elsewhere.
    pub async fn answer(&mut self) -> Option<Value> {
        (&mut self.reply).await.ok()
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let left = {
            let mut open = self.session.asks.open();
            let waited = open.hooks.iter_mut().find(|hooked| hooked.number == self.number);
            waited.is_some_and(|hooked| {
                hooked.ask.answered_in = AnsweredIn::Terminal;
                (hooked.ask.changes_allowed, hooked.ask.always, hooked.ask.expires_at) = (false, None, None);
                hooked.reply.take().is_some()
            })
        };
        if left {
            self.asks.registry.touch(&self.session);
        }
    }
}

/// A hook is about to ask; until this goes, the state alone asks nothing.
pub struct Coming(Arc<Session>);

impl Drop for Coming {
    fn drop(&mut self) {
        self.0.asks.open().coming -= 1;
    }
}

impl Asks {
    pub(super) fn new(core: Core, stalled_after: Duration) -> Self {
        let Core { context, registry, life } = core;
        Self { context, registry, life, stalled_after, ended: Arc::default(), recalled: Arc::default() }
    }

    pub fn coming(&self, session: &Arc<Session>) -> Coming {
        session.asks.open().coming += 1;
        Coming(session.clone())
    }

    /// A hook asks. `waits`: for so long; without it, it can be answered in the terminal only. `key` is its number and what
    /// it asks: it tells two that ask the same apart, and a hook that comes again from another one. `why` it is asked, by a
    /// policy, and what speaks against it. `None`: nobody waits for that, or it has ended.
    pub fn asked(
        &self,
        session: &Arc<Session>,
        asked: Asked,
        key: &str,
        [why, risk]: [Option<String>; 2],
        waits: Option<Duration>,
    ) -> Option<Waiter> {
        let shown = questions::shown(&asked);
        let now = Timestamp::now();
        let id = view::id(session.id, key);
        let fits = shown.can_be_answered && shown.text.len() <= LONGEST_ASK;
        let (reply, waiting) = oneshot::channel();
        let waits = waits.filter(|_| fits);
        let ask = Ask {
            id: id.clone(),
            session: session.id,
            kind: shown.kind,
            asked_at: to_millisecond(now),
            title: shown.title,
            tool: Some(asked.tool.clone()),
            text: view::cut(shown.text),
            cwd: Some(asked.cwd.display().to_string()),
            questions: shown.questions,
            answered_in: if waits.is_some() { AnsweredIn::Here } else { AnsweredIn::Terminal },
            changes_allowed: shown.changes_allowed && waits.is_some(),
            always: shown.always.filter(|_| why.is_none() && waits.is_some()),
            why,
            risk,
            expires_at: waits.and_then(|limit| now.checked_add(SignedDuration::try_from(limit).ok()?).ok()),
            snoozed_until: None,
            evidence: Some("the hook PermissionRequest".to_owned()),
        };
        if self.how_it_ended(&id).is_some() || self.is_taken(&id, session, key) {
            return None;
        }
        let number = {
            let waiting = session.life().machine().activity() == Activity::Waiting;
            let mut open = session.asks.open();
            let known = open.hooks.iter().position(|hooked| hooked.ask.id == id);
            // It comes again: its connection was lost.
            let known = known.map(|index| open.hooks.remove(index).ask.asked_at);
            if !waiting || open.hooks.len() >= MOST {
                return None;
            }
            let ask = Ask { asked_at: known.unwrap_or(ask.asked_at), ..ask };
            let reply = waits.is_some().then_some(reply);
            open.asked += 1;
            let number = open.asked;
            let key = key.to_owned();
            open.hooks.push(Hooked { number, key, ask, asked, reply, claimed: None, by_keys: false });
            open.hide_shown();
            open.answered = None;
            number
        };
        self.registry.touch(session);
        waits?;
        Some(Waiter { asks: self.clone(), session: session.clone(), number, reply: waiting })
    }

    /// Whether something else is open under that id: it is short, and who asks can choose what it is made of.
    fn is_taken(&self, id: &str, session: &Session, key: &str) -> bool {
        let other = |hooked: &Hooked| hooked.ask.id == id && hooked.key != key;
        session.asks.open().hooks.iter().any(other)
            || self.open().iter().any(|ask| ask.id == id && ask.session != session.id)
    }

    /// What the agent says at the end of its turn.
    pub(super) fn says(&self, session: &Session, words: &str) {
        session.asks.open().last_words = Some(view::first_line(words));
    }

    /// The session's state may have changed.
    pub(super) fn changed(&self, session: &Arc<Session>) {
        let (activity, live, since) = {
            let life = session.life();
            (life.machine().activity(), life.machine().status().is_live(), life.machine().since())
        };
        let (over, finished) = {
            let mut open = session.asks.open();
            if open.answered.is_some_and(|answered| answered != since) {
                open.answered = None;
            }
            let waits = live && activity == Activity::Waiting;
            let hooks = if waits { Vec::new() } else { std::mem::take(&mut open.hooks) };
            let screen = if waits { None } else { open.screen.take() };
            let over: Vec<Ask> =
                hooks.into_iter().filter_map(Hooked::left).chain(screen.and_then(Shown::left)).collect();
            let works = matches!(activity, Activity::Working | Activity::Waiting);
            let finished = live && activity == Activity::Idle && std::mem::take(&mut open.worked);
            open.worked |= live && works;
            let words = if finished { open.last_words.take() } else { None };
            (over, finished.then_some(words.unwrap_or_default()))
        };
        let why = match activity {
            _ if !live => "the session ended",
            Activity::Working => IN_TERMINAL,
            _ => "the turn ended",
        };
        for ask in over {
            self.withdrawn(session, ask, why);
        }
        if live && activity == Activity::Working {
            self.watch(session);
        }
        self.outdate(session, live, activity);
        if let Some(text) = finished.filter(|_| session.provider.agent) {
            self.tell(session, News { kind: AskKind::Finished, at: to_millisecond(since), text });
        }
    }

    /// All that is open, what waits longest first; what only wants to be seen comes last.
    pub fn all(&self) -> Vec<Ask> {
        let mut all: Vec<Ask> = self.registry.all().iter().flat_map(|session| of_session(session)).collect();
        all.sort_by_key(|ask| (ask.kind, ask.asked_at));
        all
    }

    /// The same, with those that somebody is answering.
    pub fn open(&self) -> Vec<Ask> {
        let mut all: Vec<Ask> =
            self.registry.all().iter().flat_map(|session| view::open(session, true)).collect();
        all.sort_by_key(|ask| (ask.kind, ask.asked_at));
        all
    }

    /// The ask that a person means: its id, or a session that has exactly one; of those that wait, if any does.
    ///
    /// # Errors
    /// There is none, or there are several; or it is over, and how.
    pub fn find(&self, reference: &str) -> Result<(Arc<Session>, Ask), Problem> {
        self.find_of(reference, |ask| ask.kind.waits())
    }

    /// The same; of the asks of a session, rather one of these.
    fn find_of(
        &self,
        reference: &str,
        rather: impl Fn(&Ask) -> bool,
    ) -> Result<(Arc<Session>, Ask), Problem> {
        if let Some(ask) = self.all().into_iter().find(|ask| ask.id == reference)
            && let Some(session) = self.registry.get(ask.session)
        {
            return Ok((session, ask));
        }
        if let Some(who) = self.who_answers(reference) {
            return Err(Problem::new(Code::AlreadyAnswered, format!("{who} is answering {reference}")));
        }
        if let Some(ended) = lock(&self.ended).iter().rev().find(|ended| ended.id == reference) {
            let ago = Timestamp::now().duration_since(ended.at).as_secs();
            let detail = format!("{reference} is no longer open: {}, {ago} s ago", ended.how);
            return Err(Problem::new(Code::AlreadyAnswered, detail));
        }
        if reference.starts_with(view::PREFIX) && self.registry.find(reference).is_err() {
            return Err(Problem::new(Code::NotFound, format!("no ask '{reference}' is open")));
        }
        let session = self.registry.find(reference)?;
        let mut asks = of_session(&session);
        if asks.iter().any(&rather) {
            asks.retain(rather);
        }
        match asks.len() {
            0 => Err(Problem::new(Code::NotFound, format!("session {} has no asks", session.id.short()))),
            1 => Ok((session, asks.remove(0))),
            _ => {
                let ids: Vec<String> =
                    asks.into_iter().map(|ask| format!("{} ({})", ask.id, ask.title)).collect();
                let detail = format!("session {} has several asks: {}", session.id.short(), ids.join(", "));
                Err(Problem::new(Code::Ambiguous, detail))
            }
        }
    }
}
