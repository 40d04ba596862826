//! Keys for a question on the screen: the last way, where an agent takes no other answer.

use std::sync::Arc;

use codepiper_protocol::event::Body;
use codepiper_protocol::tmux::{Command, CommandLine, KeyBytes};
use codepiper_protocol::wire::problem::{Code, Problem};
use codepiper_protocol::wire::session::Activity;

use super::Typing;
use crate::provider::OnScreen;
use crate::session::cell::Session;
use crate::session::link::pane_for_input;

impl Typing {
    /// Presses `keys` if the screen asks this, as tmux itself sees.
    ///
    /// # Errors
    /// It asks something else or nothing, and nothing was pressed.
    pub async fn answer_dialog(
        &self,
        session: &Arc<Session>,
        asked: &OnScreen,
        keys: &[u8],
    ) -> Result<(), Problem> {
        let gone = || no_longer_asked(session);
        let connection = self.link.connected().await?;
        let _typing = session.typing.keyboard.lock().await;
        let pane = pane_for_input(session)?;
        let Some(bytes) = KeyBytes::new(keys).filter(|_| session.turn() == Activity::Waiting) else {
            return Err(gone());
        };
        let cursor = session.cursor();
        let press = Command::SendIfShown { pane, rows: &asked.rows, bytes };
        let leave = CommandLine::new(&Command::LeaveMode(pane));
        let replies = self.act(&connection, session, pane, leave, &press, || ()).await?;
        if replies.last().is_some_and(|reply| reply.lines().any(|line| line == Command::NOT_SHOWN.as_bytes()))
        {
            return Err(gone());
        }
        let bytes = keys.len() as u64;
        self.context.event(Some(session.id), Body::InputSent { bytes, enter: false, cursor });
        Ok(())
    }
}

pub fn no_longer_asked(session: &Session) -> Problem {
    Problem::new(Code::NotTaken, format!("session {} no longer asks that", session.id.short()))
}
