//! What is asked on the screen alone, where only keys answer it.

use std::sync::Arc;

use codepiper_protocol::visible::visible;
use codepiper_protocol::wire::ask::{AnsweredIn, Ask, AskKind, LONGEST_ASK};
use codepiper_protocol::wire::session::Activity;
use jiff::Timestamp;

use super::{Asks, Hooked, view};
use crate::provider::OnScreen;
use crate::session::cell::Session;

/// What the screen asks.
pub(super) struct Shown {
    pub(super) asked: OnScreen,
    pub(super) ask: Ask,
    /// Who is answering.
    pub(super) claimed: Option<String>,
    /// It was answered here, and is still there.
    pub(super) answered: bool,
    /// The how manieth it is since the session waits.
    number: u32,
    /// Since when the session waits.
    since: Timestamp,
}

impl Shown {
    fn new(session: &Session, since: Timestamp, number: u32, asked: OnScreen, risk: Option<String>) -> Self {
        let text: Vec<_> = asked.text.lines().map(visible).collect();
        let mut ask = view::plain(session.id, AskKind::Permission, since, view::first_line(&asked.command));
        ask.id = view::id(session.id, &format!("{} {number}", ask.id));
        (ask.text, ask.risk) = (text.join("\n"), risk);
        if ask.text.len() <= LONGEST_ASK {
            ask.answered_in = AnsweredIn::Here;
        }
        Self { asked, ask, claimed: None, answered: false, number, since }
    }

    /// Whether its keys answer what a hook asked, and nobody waits there.
    pub(super) fn answers(&self, hooked: &Hooked) -> bool {
        let command = hooked.asked.input["command"].as_str();
        !self.answered
            && hooked.reply.is_none()
            && command.is_some_and(|command| self.asked.is_about(command))
    }

    /// The same of it as [`Hooked::left`].
    pub(super) fn left(self) -> Option<Ask> {
        (!self.answered && self.claimed.is_none()).then_some(self.ask)
    }
}

impl Asks {
    /// What the agent's screen asks now, and what speaks against it.
    pub(in crate::session) fn shows(
        &self,
        session: &Arc<Session>,
        asked: Option<OnScreen>,
        risk: Option<String>,
    ) {
        let (waits, since) = {
            let life = session.life();
            (life.machine().activity() == Activity::Waiting, life.machine().since())
        };
        let over = {
            let mut open = session.asks.open();
            let asked = asked.filter(|_| waits);
            if open.screen.as_ref().map(|shown| &shown.asked) == asked.as_ref() {
                return;
            }
            let before = open.screen.take();
            let earlier = before.as_ref().filter(|shown| shown.since == since);
            let number = earlier.map_or(0, |shown| shown.number + 1);
            open.screen = asked.map(|asked| Shown::new(session, since, number, asked, risk));
            // The next question is there: the agent has reacted.
            open.answered = open.answered.filter(|_| open.screen.is_none());
            before.and_then(Shown::left)
        };
        match over {
            Some(ask) => self.withdrawn(session, ask, "answered in the terminal"),
            None => self.registry.touch(session),
        }
    }
}

/// An agent that does not react to its answer still asks: that is another ask.
pub(super) fn ask_again(session: &Session, shown: &mut Shown) {
    let (asked, risk) = (shown.asked.clone(), shown.ask.risk.take());
    *shown = Shown::new(session, shown.since, shown.number + 1, asked, risk);
}
