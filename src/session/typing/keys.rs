//! Keys, and what must reach a program that runs.

use std::sync::Arc;
use std::time::Duration;

use codepiper_protocol::event::Body;
use codepiper_protocol::key::Key;
use codepiper_protocol::tmux::{Command, CommandLine, Facts, KeyBytes, PaneEnd, PaneId, Reply, Target};
use codepiper_protocol::wire::input::{Receipt, Sent};
use codepiper_protocol::wire::problem::Problem;
use codepiper_protocol::wire::session::Activity;

use super::{Typing, check_length};
use crate::session::cell::{Session, ended_problem};
use crate::session::link::{edits_lines, pane_for_input, tmux_problem};
use crate::tmux::connection::{CommandError, Connection};

/// The keys that interrupt an agent, by name and as a terminal sends them.
const INTERRUPTS: [&str; 2] = ["escape", "ctrl+c"];
const ESCAPE: u8 = 0x1b;
const CTRL_C: u8 = 0x03;

/// The end of a program that tmux knows of already is known here in this time.
const END_LIMIT: Duration = Duration::from_secs(2);

impl Typing {
    /// Presses keys, one after another.
    pub async fn send_keys(&self, session: &Arc<Session>, keys: &[Key]) -> Result<Sent, Problem> {
        let cursor = session.cursor();
        if keys.iter().any(|key| INTERRUPTS.iter().any(|name| name.parse() == Ok(*key))) {
            self.interrupts(session);
        }
        self.press(session, keys).await?;
        let bytes = keys.len() as u64;
        self.context.event(Some(session.id), Body::InputSent { bytes, enter: false, cursor });
        Ok(Sent { cursor, receipt: Receipt::Written, warning: None })
    }

    pub(super) async fn press(&self, session: &Arc<Session>, keys: &[Key]) -> Result<(), Problem> {
        let connection = self.link.connected().await?;
        let _typing = session.typing.keyboard.lock().await;
        let pane = pane_for_input(session)?;
        session.typing.set_drafted(false);
        session.typing.is_typed_into();
        let Some((last, first)) = keys.split_last() else { return Ok(()) };
        let mut line = CommandLine::new(&Command::LeaveMode(pane));
        for key in first {
            line = line.and(&Command::SendKey { pane, key: *key });
        }
        session.typing.note_typed(if "escape".parse() == Ok(*last) { b"\x1b" } else { b"" });
        let last = Command::SendKey { pane, key: *last };
        self.act(&connection, session, pane, line, &last, || ()).await.map(|_| ())
    }

    /// Does what must reach a program that runs: one line, so that tmux itself sees whether it does. `done` is called when
    /// it has reached it, before anything that follows from it is known. The replies of all.
    pub(super) async fn act(
        &self,
        connection: &Connection,
        session: &Session,
        pane: PaneId,
        before: CommandLine,
        command: &Command<'_>,
        done: impl FnOnce() + Send + 'static,
    ) -> Result<Vec<Reply>, Problem> {
        let asked = before.replies();
        let line = before
            .and(&Command::Show { target: Some(Target::Pane(pane)), format: PaneEnd::FORMAT })
            .and(command);
        let reached = move |replies: &[Reply]| {
            replies.get(asked).is_some_and(runs) && replies.iter().all(|reply| reply.ok)
        };
        let see = move |replies: &[Reply]| {
            if reached(replies) {
                done();
            }
        };
        let refused = match connection.send_and_see(line, see).await {
            Ok(replies) if reached(&replies) => return Ok(replies),
            Ok(_) => None,
            Err(error @ CommandError::Refused { .. }) => Some(error),
            Err(error) => return Err(tmux_problem(error)),
        };
        // tmux knows of the end first.
        let ended = session.until(|session| !session.is_live());
        match (tokio::time::timeout(END_LIMIT, ended).await, refused) {
            (Err(_), Some(error)) => Err(tmux_problem(error)),
            _ => Err(ended_problem(session)),
        }
    }

    /// Types bytes as they are: what a viewer's terminal sends for a key, the fastest way, or what was pasted into it. As keys
    /// tmux takes 80 kB of that a second, and meanwhile those of all other sessions wait.
    pub async fn type_bytes(&self, session: &Arc<Session>, bytes: &[u8]) -> Result<(), Problem> {
        let connection = self.link.connected().await?;
        let _typing = session.typing.keyboard.lock().await;
        let pane = pane_for_input(session)?;
        if is_typed(bytes) {
            session.typing.set_drafted(false);
            session.typing.is_typed_into();
        }
        session.typing.note_typed(bytes);
        if matches!(bytes, [ESCAPE] | [CTRL_C]) {
            self.interrupts(session);
        }
        if bytes.len() > KeyBytes::MAX {
            return self.paste(&connection, session, pane, bytes, false).await;
        }
        self.link.leave_mode(&connection, session, pane)?;
        self.type_bytes_into(&connection, pane, bytes)
    }

    /// A key that ends a turn is pressed. In a dialog it is an answer.
    fn interrupts(&self, session: &Arc<Session>) {
        if session.turn() == Activity::Working {
            self.life.hold_queue(session);
        }
    }

    /// The same of a text that a person pasted into a terminal, where something in between waits for it.
    pub async fn send_raw(&self, session: &Arc<Session>, text: &[u8]) -> Result<Sent, Problem> {
        check_length(text)?;
        let (cursor, bytes) = (session.cursor(), text.len() as u64);
        self.type_bytes(session, text).await?;
        self.context.event(Some(session.id), Body::InputSent { bytes, enter: false, cursor });
        Ok(Sent { cursor, receipt: Receipt::Written, warning: None })
    }

    /// A shell at its prompt may wait for what follows an Escape, and would take the first letter of a text with it. A
    /// blank ends that: what M-SPC does changes nothing in the line (bash sets the mark), and before a command a blank
    /// means nothing. Where the terminal edits the line, Escape is a letter of it, and is erased.
    pub(super) async fn end_escape(
        &self,
        connection: &Connection,
        session: &Session,
        pane: PaneId,
    ) -> Result<(), Problem> {
        let at_prompt = session.shown().foreground.as_ref().is_some_and(|shown| shown.command.is_none());
        if !session.typing.take_escape() || !at_prompt {
            return Ok(());
        }
        let key = if edits_lines(connection, pane).await { b"\x7f" } else { b" " };
        self.link.leave_mode(connection, session, pane)?;
        self.type_bytes_into(connection, pane, key)
    }

    pub(super) fn type_bytes_into(
        &self,
        connection: &Connection,
        pane: PaneId,
        bytes: &[u8],
    ) -> Result<(), Problem> {
        for bytes in KeyBytes::split(bytes) {
            connection.send_and_forget(&Command::SendBytes { pane, bytes }).map_err(tmux_problem)?;
        }
        Ok(())
    }
}

/// Whether the pane that a reply is about has a program that runs. Nothing is said of a pane that is gone.
fn runs(reply: &Reply) -> bool {
    reply.lines().next().and_then(PaneEnd::parse).is_some_and(|end| !end.dead)
}

/// Whether a person typed that, and not the terminal, which reports its focus and the mouse.
fn is_typed(bytes: &[u8]) -> bool {
    !matches!(bytes, [0x1b, b'[', b'I' | b'O' | b'M' | b'<', ..])
}
