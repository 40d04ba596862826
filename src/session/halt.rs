//! Stops what agents do, at once.

use std::sync::Arc;
use std::time::Duration;

use codepiper_protocol::event::Body;
use codepiper_protocol::wire::ask::{HaltOutcome, Halted};
use codepiper_protocol::wire::session::{Activity, Status, WaitingFor};
use futures_util::future::join_all;

use crate::session::Sessions;
use crate::session::cell::Session;

/// An agent has stopped within this time after a press of Escape, or it is pressed again.
const REACTION: Duration = Duration::from_millis(1500);
/// So often it is pressed before its program is killed.
const PRESSES: usize = 2;

impl Sessions {
    /// Every agent that runs or is about to.
    pub fn agents(&self) -> Vec<Arc<Session>> {
        let mut all = self.registry.all();
        all.retain(|session| session.provider.agent && session.life().machine().is_live_or_about_to());
        all
    }

    /// Halts them, and calls off those that are no sessions yet.
    pub async fn halt_all(&self, by: &str) -> Vec<Halted> {
        // First: what begins in spite of it is a session by now.
        let mut called_off = self.launcher.call_off(None);
        let mut sessions = self.agents();
        called_off.retain(|(id, _)| sessions.iter().all(|session| session.id != *id));
        // Those that the daemon resumes have not begun yet, and are known.
        called_off.retain(|(id, _)| {
            let known = self.registry.get(*id);
            let is_new = known.is_none();
            sessions.extend(known);
            is_new
        });
        let mut halted = join_all(sessions.iter().map(|session| self.halt(session, by))).await;
        for (session, name) in called_off {
            let outcome = HaltOutcome::NotStarted;
            self.event(Some(session), Body::AskHalted { outcome, by: by.to_owned() });
            halted.push(Halted { session, name, outcome, held: 0 });
        }
        halted
    }

    /// Interrupts an agent, and holds what waits for it. One that does not react is killed, also where nothing tells what it
    /// does. `by` is who wants it.
    pub async fn halt(&self, session: &Arc<Session>, by: &str) -> Halted {
        let outcome = self.stop_working(session).await;
        if outcome != HaltOutcome::NoAgent {
            let body = Body::AskHalted { outcome, by: by.to_owned() };
            self.event(Some(session.id), body);
        }
        let held = session.life().record().life.queue.len() as u32;
        Halted { session: session.id, name: session.name(), outcome, held }
    }

    async fn stop_working(&self, session: &Arc<Session>) -> HaltOutcome {
        if !session.provider.agent {
            return HaltOutcome::NoAgent;
        }
        self.life.hold_queue(session);
        session.typing.halt();
        self.limits.leave(session);
        let called_off = !self.launcher.call_off(Some(session.id)).is_empty();
        let (status, launches) = {
            let life = session.life();
            (life.machine().status(), life.machine().is_live_or_about_to())
        };
        match status {
            Status::Running if rests(session) => HaltOutcome::Idle,
            Status::Running => self.interrupt(session).await,
            _ if launches => self.kill_for_halt(session, HaltOutcome::NotStarted).await,
            _ if called_off => HaltOutcome::NotStarted,
            _ => HaltOutcome::Idle,
        }
    }

    async fn interrupt(&self, session: &Arc<Session>) -> HaltOutcome {
        let Ok(escape) = "escape".parse() else { return HaltOutcome::NoAgent };
        for _ in 0..PRESSES {
            // It may have ended, and tmux may be away: then it is not proven that it has stopped.
            let pressed = self.typing.send_keys(session, &[escape]).await;
            let rested = session.until(|session| rests(session) || !session.is_live());
            if tokio::time::timeout(REACTION, rested).await.is_ok() {
                return HaltOutcome::Halted;
            }
            if pressed.is_err() {
                break;
            }
        }
        self.kill_for_halt(session, HaltOutcome::Killed).await
    }

    async fn kill_for_halt(&self, session: &Arc<Session>, done: HaltOutcome) -> HaltOutcome {
        match self.life.kill(session, true).await {
            Ok(()) => done,
            Err(problem) => {
                tracing::error!(id = %session.id, %problem, "a session was not killed in a halt");
                HaltOutcome::Unproven
            }
        }
    }
}

/// Whether it does nothing, nor anything in the background, nor will when a question is answered.
fn rests(session: &Session) -> bool {
    let life = session.life();
    let machine = life.machine();
    let held_up = matches!(machine.waiting_for(), Some(WaitingFor::SignIn | WaitingFor::UsageLimit));
    machine.activity() == Activity::Idle || machine.activity() == Activity::Waiting && held_up
}
