//! What is asked on the screen alone, where only keys answer it.

use std::sync::Arc;

use codepiper_protocol::visible::visible;
use codepiper_protocol::wire::ask::{AnsweredIn, Ask, LONGEST_ASK};
use codepiper_protocol::wire::session::Activity;
use jiff::Timestamp;
use tokio::time::Instant;

use super::{Asks, Hooked, IN_TERMINAL, Open, view};
use crate::provider::OnScreen;
use crate::session::cell::Session;

/// The tool for commands, in the hooks of Claude Code and of Codex.
const SHELL: &str = "Bash";

/// What the screen asks.
pub(super) struct Shown {
    pub(super) asked: OnScreen,
    pub(super) ask: Ask,
    /// Who is answering.
    pub(super) claimed: Option<String>,
    /// It was answered here, and is still there.
    pub(super) answered: bool,
    /// A hook asks the same.
    pub(super) hidden: bool,
    /// Its number among those that the session has shown.
    pub(super) number: u64,
    pub(super) seen: Instant,
}

impl Shown {
    fn new(session: &Session, since: Timestamp, number: u64, asked: OnScreen, risk: Option<String>) -> Self {
        let text: Vec<_> = asked.text.lines().map(visible).collect();
        let title = view::first_line(asked.command.as_ref().unwrap_or(&asked.text));
        let mut ask = view::plain(session.id, asked.kind, since, title);
        ask.id = view::id(session.id, &format!("{} {number}", ask.id));
        (ask.text, ask.risk) = (text.join("\n"), risk);
        ask.evidence = Some("its screen".to_owned());
        if ask.text.len() <= LONGEST_ASK {
            ask.answered_in = AnsweredIn::Here;
        }
        Self { asked, ask, claimed: None, answered: false, hidden: false, number, seen: Instant::now() }
    }

    /// Whether it shows what a hook asked, where nobody waits for an answer.
    pub(super) fn is_about(&self, hooked: &Hooked) -> bool {
        let command = hooked.asked.input["command"].as_str().filter(|_| hooked.asked.tool == SHELL);
        hooked.reply.is_none() && command.is_some_and(|command| self.asked.is_about(command))
    }

    /// Whether its keys answer that: of those that were asked, this alone can be meant.
    pub(super) fn answers(&self, hooked: &Hooked, among: &[Hooked]) -> bool {
        !self.answered
            && self.is_about(hooked)
            && among.iter().filter(|other| self.is_about(other)).count() == 1
    }

    /// The same of it as [`Hooked::left`].
    pub(super) fn left(self) -> Option<Ask> {
        let is_open = self.asked.by_itself && !self.answered && !self.hidden && self.claimed.is_none();
        is_open.then_some(self.ask)
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
        let over = {
            // Both at once: what is found when the session waits no longer is not kept.
            let life = session.life();
            let mut open = session.asks.open();
            let asked = asked.filter(|_| life.machine().activity() == Activity::Waiting);
            match (&mut open.screen, asked) {
                (None, None) => return,
                // In other rows, after a resize, or with the pointer elsewhere.
                (Some(shown), Some(asked)) if shown.asked.is_same(&asked) => {
                    let moved = shown.asked.allow != asked.allow;
                    shown.asked = asked;
                    if !moved {
                        return;
                    }
                    None
                }
                (before, asked) => {
                    let before = before.take();
                    open.shown += 1;
                    let (since, number) = (life.machine().since(), open.shown);
                    open.screen = asked.map(|asked| Shown::new(session, since, number, asked, risk));
                    open.hide_shown();
                    // The next question is there: the agent has reacted.
                    if open.screen.as_ref().is_some_and(|shown| shown.asked.by_itself) {
                        open.answered = None;
                    }
                    before.and_then(Shown::left)
                }
            }
        };
        match over {
            Some(ask) => self.withdrawn(session, ask, IN_TERMINAL),
            None => self.registry.touch(session),
        }
    }
}

/// An agent that does not react to its answer still asks: that is another ask.
pub(super) fn ask_again(session: &Session, open: &mut Open) {
    let Some(shown) = open.screen.take() else { return };
    open.shown += 1;
    let (asked, hidden) = (shown.asked, shown.hidden);
    let again = Shown::new(session, shown.ask.asked_at, open.shown, asked, shown.ask.risk);
    open.screen = Some(Shown { hidden, ..again });
}
