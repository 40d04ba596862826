use clap::Args;
use codepiper_protocol::event::{Body, By, Event, Source};
use codepiper_protocol::wire::events::ListEvents;
use codepiper_protocol::wire::stream::Lost;
use serde_json::Value;

use super::failure::{Failure, OF_LIVE_SESSIONS, Outcome, exit_codes};
use super::follow::after_absence;
use super::time::Since;
use super::{Context, output, time};
use crate::client::Client;

/// Print what happened: events of one session, or of all
///
/// Oldest first. The daemon keeps the newest 10,000 events in memory.
#[derive(Args)]
#[command(after_help = exit_codes(OF_LIVE_SESSIONS))]
pub(super) struct Logs {
    /// The session's id, a unique prefix of it, or its name; without it, all sessions and the daemon
    #[arg(value_name = "ID")]
    session: Option<String>,
    /// Go on with what happens
    #[arg(short, long)]
    follow: bool,
    /// Only events of this source
    #[arg(long, value_name = "SOURCE", value_parser = source)]
    source: Option<Source>,
    /// Only events of this kind, e.g. session.ended; a part before a dot means all that begin with it
    #[arg(long = "type", value_name = "KIND")]
    kind: Option<String>,
    /// So many of the newest
    #[arg(short, value_name = "N", default_value_t = 100)]
    n: u32,
    /// Only what happened since then: a time like 2026-11-22T10:00:00Z, or how long ago like 10m
    #[arg(long, value_name = "TIME")]
    since: Option<Since>,
    /// Print one JSON object a line: {"seq", "at", "session", "source", "kind", "data"}
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
            let what = format!("older events cannot be read now: {why}; codepiper doctor tells more");
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
            return output::json(event);
        }
        let session = event.session.map_or_else(|| "-".to_owned(), |id| id.short());
        output::line(format_args!(
            "{}  {session:8}  {:28}  {}",
            time::clock(event.at),
            event.kind(),
            describe(&event.body)
        ))
    }
}

fn source(text: &str) -> Result<Source, String> {
    serde_json::from_value(Value::from(text)).map_err(|_| {
        "there are hook, transcript, terminal, session, policy, input, git, auth and system".to_owned()
    })
}

/// One line for people.
fn describe(body: &Body) -> String {
    let text = match body {
        Body::SessionCreated { provider, name, cwd } => match name {
            Some(name) => format!("{provider} as '{name}' in {cwd}"),
            None => format!("{provider} in {cwd}"),
        },
        Body::SessionStarted { pid, resumed: false } => format!("process {pid}"),
        Body::SessionStarted { pid, resumed: true } => format!("process {pid}, resumed"),
        Body::SessionAdopted { pid: Some(pid) } => format!("process {pid}"),
        Body::SessionStopRequested { kill } => if *kill { "kill" } else { "stop" }.to_owned(),
        Body::SessionEnded { exit, .. } => exit.map(|exit| exit.to_string()).unwrap_or_default(),
        Body::SessionRenamed { name } => name.clone().unwrap_or_else(|| "no name".to_owned()),
        Body::SessionActivityChanged { activity, waiting_for: Some(what), .. } => {
            format!("{activity} for {what}")
        }
        Body::SessionActivityChanged { activity, waiting_for: None, .. } => activity.to_string(),
        Body::SessionModelSwitched { model } => model.clone(),
        Body::TerminalResized { size, .. } => size.to_string(),
        Body::TerminalGapRecorded { lost, .. } => match lost {
            Lost::Bytes(bytes) => format!("{bytes} bytes are missing"),
            Lost::Lines(lines) => format!("{lines} lines are missing"),
            Lost::Nothing => "nothing is missing".to_owned(),
            Lost::Unknown => "an unknown amount of output is missing".to_owned(),
        },
        Body::TerminalNotified { title: Some(title), text } => format!("{title}: {text}"),
        Body::TerminalNotified { title: None, text } => text.clone(),
        Body::TerminalClientAttached { clients } | Body::TerminalClientDetached { clients } => {
            format!("{clients} attached")
        }
        Body::InputSent { bytes, enter, .. } => {
            format!("{bytes} bytes{}", if *enter { " and Enter" } else { "" })
        }
        Body::InputQueued { bytes, queued } => format!("{bytes} bytes; {queued} texts wait"),
        Body::InputDropped { texts, reason } => format!("{texts} texts: {reason}"),
        Body::TranscriptConversationChanged { place, .. } => place.conversation.clone(),
        Body::TranscriptTurnEnded { usage, model, .. } => format!(
            "{}{} tokens in ({} cached), {} out",
            model.as_ref().map(|model| format!("{model}: ")).unwrap_or_default(),
            usage.input,
            usage.cached,
            usage.output
        ),
        Body::TranscriptApiFailed { text, .. } => text.lines().next().unwrap_or_default().to_owned(),
        Body::TranscriptCompacted { automatic: Some(true), .. } => "by itself".to_owned(),
        Body::AuthAgentRefused { pid, request } => format!("process {pid}: {request}"),
        Body::AuthShimRefused { pid, reason } => format!("process {pid}: {reason}"),
        Body::AuthLoginsEnded { by: Some(by), .. }
        | Body::AuthPasswordChanged { by: Some(by), .. }
        | Body::AuthMfaChanged { by: Some(by), .. }
        | Body::AuthRecoveryCodesMade { by: Some(by) } => match by {
            By::Login(login) => format!("by login {login}"),
            By::Process(process) => format!("by process {} ({})", process.pid, process.names),
        },
        Body::SystemDaemonStarted { version } => format!("version {version}"),
        Body::SystemTmuxConnected { version, server_pid } => {
            format!("version {version}, process {server_pid}")
        }
        Body::SystemTmuxLost { reason, .. } => reason.clone(),
        Body::JournalDamaged { what, lost_bytes: 0, .. } => format!("{what}: how much is lost is not known"),
        Body::JournalDamaged { what, lost_bytes, .. } => format!("{what}: {lost_bytes} bytes are lost"),
        Body::JournalResumed { dropped_bytes } => format!("{dropped_bytes} bytes were dropped"),
        Body::JournalFailed { what } => what.clone(),
        other => other.as_hook().map(|hook| summary(&hook.payload)).unwrap_or_default(),
    };
    text.replace(['\n', '\r', '\t'], " ")
}

/// The part of a hook's payload that says most.
fn summary(payload: &Value) -> String {
    const LONGEST: usize = 120;
    let text = |name: &str| payload.get(name).and_then(Value::as_str);
    let tool = text("tool_name").map(|tool| {
        let input = payload.get("tool_input");
        let field = |name| input.and_then(|input| input.get(name)).and_then(Value::as_str);
        let what = ["command", "file_path", "description", "prompt"].into_iter().find_map(field);
        format!("{tool} {}", what.unwrap_or_default())
    });
    let said = ["prompt", "message", "last_assistant_message", "source", "reason", "trigger"];
    let words = tool.or_else(|| said.into_iter().find_map(text).map(str::to_owned)).unwrap_or_default();
    match words.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_hook_is_told_in_a_few_words() {
        let hook = |payload| describe(&Body::hook(payload));
        assert_eq!(hook(json!({"tool_name": "Bash", "tool_input": {"command": "ls\n-l"}})), "Bash ls -l");
        assert_eq!(hook(json!({"prompt": "hello"})), "hello");
        assert_eq!(hook(json!({"prompt": "x".repeat(500)})).chars().count(), 121);
        assert_eq!(hook(json!({})), "");
    }

    #[test]
    fn sources_have_names() {
        assert_eq!(source("hook"), Ok(Source::Hook));
        assert!(source("hooks").is_err());
    }
}
