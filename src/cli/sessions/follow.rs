//! `sessions --follow`: every change of the list, as it comes.

use std::collections::BTreeMap;

use codepiper_protocol::wire::session::{ListSessions, Session};
use codepiper_protocol::{Cursor, SessionId};
use jiff::Timestamp;
use serde_json::json;

use super::Sessions;
use super::words::{activity, mode};
use crate::cli::failure::Outcome;
use crate::cli::follow::after_absence;
use crate::cli::{output, time};
use crate::client::{Client, SessionChange};

pub(super) async fn follow(client: Client, wanted: &Sessions) -> Outcome {
    let mut printed = Printed { wanted: wanted.wanted(), json: wanted.json, sessions: BTreeMap::new() };
    let mut changes = client.session_changes().await?;
    loop {
        match changes.next().await {
            Ok(SessionChange::All(sessions)) => printed.all(sessions)?,
            Ok(SessionChange::Changed(session)) => printed.changed(*session)?,
            Ok(SessionChange::Removed(id)) => printed.removed(id)?,
            Err(error) if error.is_absence() => {
                changes = after_absence(async || client.session_changes().await).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// What was printed last of each session.
struct Printed {
    wanted: ListSessions,
    json: bool,
    sessions: BTreeMap<SessionId, Session>,
}

impl Printed {
    fn all(&mut self, sessions: Vec<Session>) -> Outcome {
        let gone = self.sessions.keys().filter(|id| !sessions.iter().any(|session| session.id == **id));
        for id in gone.copied().collect::<Vec<_>>() {
            self.removed(id)?;
        }
        sessions.into_iter().try_for_each(|session| self.changed(session))
    }

    /// One that leaves the filter is printed as it left it.
    fn changed(&mut self, session: Session) -> Outcome {
        let before = self.sessions.get(&session.id);
        let fits = self.wanted.fits(&session);
        if !fits && before.is_none() || before.is_some_and(|before| self.says(before) == self.says(&session))
        {
            return Ok(());
        }
        match self.json {
            true => output::json(&session)?,
            false => output::line(line(&session))?,
        }
        match fits {
            true => self.sessions.insert(session.id, session),
            false => self.sessions.remove(&session.id),
        };
        Ok(())
    }

    fn removed(&mut self, id: SessionId) -> Outcome {
        let Some(session) = self.sessions.remove(&id) else { return Ok(()) };
        match self.json {
            true => output::json(&json!({ "removed": id })),
            false => output::line(format_args!(
                "{}  {}  {:20}  Removed",
                time::clock(Timestamp::now()),
                session.short_id,
                session.name.as_deref().unwrap_or("-")
            )),
        }
    }

    /// What a change has to change to be printed: not only how far the output has come.
    fn says(&self, session: &Session) -> String {
        if !self.json {
            return words(session);
        }
        let still = Session { cursor: Cursor::default(), updated_at: session.created_at, ..session.clone() };
        serde_json::to_string(&still).unwrap_or_default()
    }
}

fn line(session: &Session) -> String {
    format!("{}  {}", time::clock(Timestamp::now()), words(session))
}

fn words(session: &Session) -> String {
    let name = session.name.as_deref().unwrap_or("-");
    let (state, mode) = (session.word(), mode(session));
    let text = format!("{}  {name:20}  {state:10}  {}  {mode}", session.short_id, activity(session));
    text.trim_end().to_owned()
}
