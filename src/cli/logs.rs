use clap::Args;
use codepiper_protocol::event::{DescribedEvent, Event, Source};
use codepiper_protocol::wire::events::ListEvents;

use super::failure::{Failure, OF_LIVE_SESSIONS, Outcome, exit_codes};
use super::follow::after_absence;
use super::time::Since;
use super::{Context, output, time};
use crate::client::Client;

/// Print events of one session, or of all sessions and the daemon
///
/// Oldest first.
#[derive(Args)]
#[command(after_help = exit_codes(OF_LIVE_SESSIONS))]
pub(super) struct Logs {
    /// Session id, unique id prefix, or name; default: all sessions and the daemon
    #[arg(value_name = "ID")]
    session: Option<String>,
    /// Keep printing new events
    #[arg(short, long)]
    follow: bool,
    /// Only events from this source
    #[arg(long, value_name = "SOURCE", value_parser = source)]
    source: Option<Source>,
    /// Only events of this kind, e.g. session.ended, or of a group, e.g. session
    #[arg(long = "type", value_name = "KIND")]
    kind: Option<String>,
    /// Number of most recent events
    #[arg(short, value_name = "N", default_value_t = 100)]
    n: u32,
    /// Only events since a time like 2026-11-22T10:00:00Z, or an age like 10m
    #[arg(long, value_name = "TIME")]
    since: Option<Since>,
    /// Print one JSON object per line: {"seq", "at", "session", "source", "kind", "data", "description"}
    #[arg(long)]
    json: bool,
}

impl Logs {
    pub(super) fn run(self, context: Context) -> Outcome {
        let client = context.client()?;
        context.follow(self.print(client))
    }

    async fn print(self, client: Client) -> Outcome {
        // Under its id it is found again when the name changes.
        let session = match &self.session {
            Some(reference) => Some(client.session(reference).await?.id),
            None => None,
        };
        let wanted = ListEvents {
            session,
            source: self.source,
            kind: self.kind.clone(),
            since: self.since.map(|Since(time)| time.as_millisecond()),
            before: None,
            limit: self.n,
        };
        let found = client.list_events(&wanted).await?;
        for event in &found.events {
            self.show(event)?;
        }
        if let Some(why) = &found.unreadable {
            let what = format!("older events cannot be read now: {why}; see `codepiper doctor`");
            match self.follow {
                true => output::say(what),
                false => return Err(Failure::new(what)),
            }
        }
        if !self.follow {
            return Ok(());
        }
        let subscribe = async |last| match client.events(session, Some(last)).await {
            Err(error) if error.is_absence() => {
                after_absence(async || client.events(session, Some(last)).await).await
            }
            subscribed => subscribed,
        };
        let mut last = found.last;
        let mut events = subscribe(last).await?;
        loop {
            match events.next().await {
                Ok(event) => {
                    last = event.seq;
                    if wanted.fits(&event) {
                        self.show(&event)?;
                    }
                }
                Err(error) if error.is_absence() => events = subscribe(last).await?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn show(&self, event: &Event) -> Outcome {
        if self.json {
            return output::json(&DescribedEvent::from(event));
        }
        let session = event.session.map_or_else(|| "-".to_owned(), |id| id.short());
        output::line(format_args!(
            "{}  {session:8}  {:28}  {}",
            time::clock(event.at),
            event.kind(),
            event.body.describe()
        ))
    }
}

fn source(text: &str) -> Result<Source, String> {
    let names = Source::ALL.map(Source::name);
    match names.iter().position(|name| *name == text) {
        Some(index) => Ok(Source::ALL[index]),
        None => Err(format!("use one of {}", names.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_have_names() {
        assert_eq!(source("hook"), Ok(Source::Hook));
        assert!(source("hooks").is_err());
    }
}
