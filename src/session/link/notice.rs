//! Notifications in the terminals that are attached natively. tmux writes them, between its own sequences: nobody else knows
//! where one of these ends.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use codepiper_protocol::tmux::{ClientFacts, Command, Scope, Setting, Text, UserOption};
use codepiper_protocol::wire::problem::{Code, Problem};
use jiff::Timestamp;

use super::Link;
use super::tmux_problem;
use crate::session::cell::Session;
use crate::tmux::connection::Connection;
use crate::tmux::server;

/// tmux writes it when it redraws next: later where a terminal is slow. Who attaches within this time is told, too.
const OFFERED: Duration = Duration::from_secs(10);
/// tmux does not write what it wrote last, maybe at the word of an earlier daemon: so many forms of a text are told apart.
const FORMS: u64 = 8;

pub(super) struct Notices {
    count: AtomicU64,
    /// One after the other: tmux keeps only one.
    turn: tokio::sync::Mutex<()>,
}

impl Default for Notices {
    fn default() -> Self {
        Self { count: AtomicU64::new(Timestamp::now().as_millisecond() as u64), turn: Default::default() }
    }
}

impl Link {
    /// So many terminals are attached.
    pub fn attached(&self) -> u32 {
        self.registry.all().iter().map(|session| session.state().attached).sum()
    }

    /// Whether a key was pressed within this time in a terminal that is attached to the session: such keys do not come by here.
    pub async fn is_typed_into(&self, session: &Session, within: Duration) -> bool {
        let Some(pane) = session.state().pane.as_ref().map(|pane| pane.tmux_session) else { return false };
        if session.state().attached == 0 {
            return false;
        }
        let Ok(connection) = self.connected().await else { return false };
        let clients =
            server::list::<ClientFacts>(&connection, Command::ListClients).await.unwrap_or_default();
        let since = (Timestamp::now().as_second() as u64).saturating_sub(within.as_secs());
        let is_there = |client: &ClientFacts| client.session == Some(pane) && client.activity >= since;
        clients.iter().any(|client| !client.control_mode && is_there(client))
    }

    /// Notifies them; the text is one line.
    ///
    /// # Errors
    /// tmux did not take it.
    pub async fn notify_attached(&self, text: &str) -> Result<(), Problem> {
        // Who is attached is known a moment before the connection is.
        let connection = self.connected().await?;
        let number = {
            let _turn = self.inner.notices.turn.lock().await;
            let number = self.inner.notices.count.fetch_add(1, Ordering::Relaxed) + 1;
            let blanks = (number % FORMS) as usize;
            send(&connection, &format!("{text}{:blanks$}", "")).await?;
            number
        };
        let link = self.clone();
        self.context.tasks.spawn_until_shutdown(async move {
            tokio::time::sleep(OFFERED).await;
            let _turn = link.inner.notices.turn.lock().await;
            if link.inner.notices.count.load(Ordering::Relaxed) == number {
                // Without the connection they are off: that is how each begins.
                let _ = connection.send(&Command::Set(Setting::SetTitles(false))).await;
            }
        });
        Ok(())
    }
}

async fn send(connection: &Connection, text: &str) -> Result<(), Problem> {
    let Some(value) = Text::new(text) else {
        return Err(Problem::new(Code::Invalid, "the text contains NUL"));
    };
    let notice = Command::SetUser { scope: Scope::Server, option: UserOption::NOTICE, value };
    connection.send(&notice).await.map_err(tmux_problem)?;
    connection.send(&Command::Set(Setting::SetTitles(true))).await.map_err(tmux_problem)?;
    Ok(())
}
