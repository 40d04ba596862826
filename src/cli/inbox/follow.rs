//! `inbox --follow`: every ask as it comes, and its end.

use std::collections::BTreeMap;

use codepiper_protocol::SessionId;
use codepiper_protocol::wire::ask::Ask;
use codepiper_protocol::wire::session::Session;
use jiff::Timestamp;
use serde_json::json;

use super::place;
use crate::cli::failure::Outcome;
use crate::cli::follow::after_absence;
use crate::cli::{output, time};
use crate::client::{Client, SessionChange};

pub(super) async fn follow(client: Client, json: bool) -> Outcome {
    let mut printed = Printed { json, open: BTreeMap::new() };
    let mut changes = client.session_changes().await?;
    loop {
        match changes.next().await {
            Ok(SessionChange::All(sessions)) => printed.all(&sessions)?,
            Ok(SessionChange::Changed(session)) => printed.changed(&session)?,
            Ok(SessionChange::Removed(id)) => printed.replace(id, "", &[])?,
            Err(error) if error.is_absence() => {
                changes = after_absence(async || client.session_changes().await).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// What was printed of each session, and has not ended.
struct Printed {
    json: bool,
    open: BTreeMap<SessionId, Vec<Ask>>,
}

impl Printed {
    fn all(&mut self, sessions: &[Session]) -> Outcome {
        let gone = self.open.keys().filter(|id| !sessions.iter().any(|session| session.id == **id));
        for id in gone.copied().collect::<Vec<_>>() {
            self.replace(id, "", &[])?;
        }
        sessions.iter().try_for_each(|session| self.changed(session))
    }

    fn changed(&mut self, session: &Session) -> Outcome {
        let name = session.name.as_deref().unwrap_or(&session.short_id);
        self.replace(session.id, name, &session.asks)
    }

    fn replace(&mut self, session: SessionId, name: &str, asks: &[Ask]) -> Outcome {
        let before = self.open.remove(&session).unwrap_or_default();
        for ask in before.iter().filter(|before| !asks.iter().any(|ask| ask.id == before.id)) {
            match self.json {
                true => output::json(&json!({ "closed": ask.id }))?,
                false => output::line(format_args!("{}  {}  closed", time::clock(Timestamp::now()), ask.id))?,
            }
        }
        for ask in asks.iter().filter(|ask| !before.iter().any(|before| before.id == ask.id)) {
            match self.json {
                true => output::json(ask)?,
                false => output::line(format_args!(
                    "{}  {}  {:11}  {name:20}  {:8}  {}",
                    time::clock(ask.asked_at),
                    ask.id,
                    ask.kind,
                    place(ask),
                    ask.title
                ))?,
            }
        }
        if !asks.is_empty() {
            self.open.insert(session, asks.to_vec());
        }
        Ok(())
    }
}
