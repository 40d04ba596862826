//! An answer reaches who asked: a hook that waits, or the screen by keys.

use std::sync::Arc;
use std::time::Duration;

use codepiper_protocol::wire::ask::{AnswerAsk, Ask};
use codepiper_protocol::wire::input::IfBusy;
use codepiper_protocol::wire::problem::{Code, Next, Problem};
use codepiper_protocol::wire::session::Activity;
use tokio::time::timeout;

use crate::session::Sessions;
use crate::session::asks::Claim;
use crate::session::cell::Session;
use crate::session::typing::no_longer_asked;

/// So often a pointer is moved for one answer: more than any list has choices.
const MOST_MOVES: usize = 12;
/// An agent whose command was denied has ended its turn within this time.
const REACTION: Duration = Duration::from_secs(10);

impl Sessions {
    /// From now on nobody else answers that ask. `by` is who does, in words.
    ///
    /// # Errors
    /// It is not open, can only be answered in the terminal, or the answer does not fit.
    pub fn claim(&self, reference: &str, answer: AnswerAsk, by: String) -> Result<Claim, Problem> {
        let claim = self.asks.claim(reference, answer, by)?;
        if let (Some(session), Some(reason)) = (claim.by_keys(), reason(&claim)) {
            let fits = self.typing.check_prompt(&session, reason.as_bytes(), true);
            fits.map_err(|problem| Problem { next: None, ..problem })?;
        }
        Ok(claim)
    }

    /// Gives the answer. What is denied by keys ends the turn; the reason is the next prompt.
    ///
    /// # Errors
    /// It is no longer asked.
    pub async fn answer(&self, claim: Claim) -> Result<Ask, Problem> {
        let Some(session) = claim.by_keys() else { return claim.send() };
        claim.is_read().await;
        let reason = reason(&claim).map(str::to_owned);
        self.press(&session, &claim).await?;
        let ask = claim.send()?;
        if let Some(reason) = reason {
            // What is queued is held when a turn is interrupted, and to the agent this is one.
            let idle = session.until(|session| session.turn() == Activity::Idle || !session.is_live());
            let _ = timeout(REACTION, idle).await;
            let told = self.typing.send(&session, &[], reason.into(), true, Some(IfBusy::Queue), true).await;
            told.map_err(|problem| {
                let detail = format!("{} is denied, but the reason was not sent: {}", ask.id, problem.detail);
                Problem { detail, ..problem }
            })?;
        }
        Ok(ask)
    }

    /// Presses the keys of an answer, each if the screen shows what it showed when they were chosen.
    async fn press(&self, session: &Arc<Session>, claim: &Claim) -> Result<(), Problem> {
        for _ in 0..MOST_MOVES {
            let (asked, press) = claim.shown().ok_or_else(|| no_longer_asked(session))?;
            let (keys, answers) = press.next();
            self.typing.answer_dialog(session, &asked, keys).await?;
            if answers {
                return Ok(());
            }
            if !claim.moves(press).await {
                break;
            }
        }
        let detail =
            format!("the pointer in session {} did not move; nothing was chosen", session.id.short());
        Err(Problem::new(Code::NotTaken, detail).with_next(Next::Answer { session: session.id.short() }))
    }
}

fn reason(claim: &Claim) -> Option<&str> {
    claim.answer.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty())
}
