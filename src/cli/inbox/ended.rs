//! `codepiper inbox --ended`: asks that are over, and how each ended.

use codepiper_protocol::event::{Body, Event, Source};
use codepiper_protocol::wire::ask::AskKind;
use codepiper_protocol::wire::events::ListEvents;
use codepiper_protocol::wire::session::ListSessions;
use jiff::Timestamp;

use super::super::failure::Outcome;
use super::super::table::Table;
use super::super::{Context, output, time, view};
use super::name_of;

/// So many events are looked at.
const LOOKED_AT: u32 = 500;

pub(super) fn list(context: &Context, json: bool) -> Outcome {
    let client = context.client()?;
    let wanted = ListEvents {
        session: None,
        source: Some(Source::Ask),
        kind: None,
        since: None,
        before: None,
        limit: LOOKED_AT,
    };
    let (mut found, sessions) = context.block_on(async {
        Ok::<_, crate::client::ClientError>((
            client.list_events(&wanted).await?,
            client.sessions(&ListSessions::default()).await?,
        ))
    })??;
    found.events.retain(|event| end(event).is_some());
    if json {
        return output::json(&found.events);
    }
    if found.events.is_empty() {
        output::say("no ask has ended");
        return Ok(());
    }
    let now = Timestamp::now();
    let mut table = Table::new(["ASK", "KIND", "SESSION", "ENDED", "HOW", "WHAT"], 5);
    for event in &found.events {
        let Some((ask, kind, how, title)) = end(event) else { continue };
        let session = event.session.map(|session| name_of(session, &sessions)).unwrap_or_default();
        table.row([
            ask.into(),
            kind.as_str().into(),
            session.into(),
            time::age(event.at, now).into(),
            how.into(),
            title.into(),
        ]);
    }
    table.print(view::own_size().map(|size| size.cols().into()))
}

/// Which ask ended with it, of which kind, how, and what it was about.
fn end(event: &Event) -> Option<(&str, AskKind, String, &str)> {
    match &event.body {
        Body::AskAnswered { ask, what, title, decision, by } => {
            Some((ask, *what, format!("{} by {by}", decision.done()), title))
        }
        Body::AskWithdrawn { ask, what, title, why, .. } => Some((ask, *what, why.clone(), title)),
        Body::AskSeen { ask, what, title, by } => Some((ask, *what, format!("seen by {by}"), title)),
        _ => None,
    }
}
