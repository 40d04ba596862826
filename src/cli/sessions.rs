use std::path::Path;

use anstyle::{AnsiColor, Style};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use codepiper_protocol::visible::count;
use codepiper_protocol::wire::daemon::SessionCounts;
use codepiper_protocol::wire::session::{Activity, Explanation, Session, Status};
use jiff::Timestamp;

use super::failure::{OF_DAEMON, OF_SESSIONS, Outcome, exit_codes};
use super::table::{Cell, Table};
use super::{Context, output, resume, time, view};
use crate::client::ClientError;

/// List sessions, including ended ones, or manage one
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, after_help = exit_codes(OF_DAEMON))]
pub(super) struct Sessions {
    /// Only sessions with this status
    #[arg(long, value_parser = status_parser())]
    status: Option<Status>,
    /// Only sessions of this provider
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// Print one JSON array, oldest first
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand)]
enum Verb {
    /// Show one session
    #[command(after_help = exit_codes(OF_SESSIONS))]
    Show {
        /// Session id, unique id prefix, or name
        #[arg(value_name = "ID")]
        session: String,
        /// Print the session as a JSON object
        #[arg(long)]
        json: bool,
    },
    /// Show the evidence for a session's state
    #[command(after_help = exit_codes(OF_SESSIONS))]
    Explain {
        /// Session id, unique id prefix, or name
        #[arg(value_name = "ID")]
        session: String,
        /// Print one JSON object: the session and its evidence
        #[arg(long)]
        json: bool,
    },
    /// Rename a session
    #[command(after_help = exit_codes(OF_SESSIONS))]
    Rename {
        /// Session id, unique id prefix, or name
        #[arg(value_name = "ID")]
        session: String,
        /// New name
        #[arg(required_unless_present = "clear")]
        name: Option<String>,
        /// Remove the name
        #[arg(long, conflicts_with = "name")]
        clear: bool,
    },
    /// Delete an ended session and its output
    #[command(after_help = exit_codes(OF_SESSIONS))]
    Remove {
        /// Session id, unique id prefix, or name
        #[arg(value_name = "ID")]
        session: String,
    },
}

impl Sessions {
    pub(super) fn run(self, context: Context) -> Outcome {
        match self.verb {
            None => list(&context, self.status, self.provider.as_deref(), self.json),
            Some(Verb::Show { session, json }) => show(&context, &session, json),
            Some(Verb::Explain { session, json }) => explain(&context, &session, json),
            Some(Verb::Rename { session, name, .. }) => rename(&context, &session, name),
            Some(Verb::Remove { session }) => remove(&context, &session),
        }
    }
}

fn status_parser() -> impl TypedValueParser<Value = Status> {
    PossibleValuesParser::new(Status::ALL.map(Status::as_str))
        .map(|name| Status::ALL.into_iter().find(|status| status.as_str() == name).expect("one of them"))
}

fn list(context: &Context, status: Option<Status>, provider: Option<&str>, json: bool) -> Outcome {
    let client = context.client()?;
    let (sessions, counts) = context.block_on(async {
        let sessions = client.sessions(status, provider).await?;
        // Who asks for all is told of those that cannot be shown, too.
        let counts = match (status, provider, json) {
            (None, None, false) => client.daemon().await?.sessions,
            _ => SessionCounts::default(),
        };
        Ok::<_, ClientError>((sessions, counts))
    })??;
    if json {
        return output::json(&sessions);
    }
    if counts.unreadable > 0 {
        let records = count(counts.unreadable as u64, "launch record");
        output::say(format_args!("cannot read {records}; see `codepiper doctor`"));
    }
    if sessions.is_empty() {
        match (status, provider) {
            (None, None) => output::say(
                "no sessions; start one with `codepiper start -p PROVIDER -d DIR`, see `codepiper providers`",
            ),
            _ => output::say("no matching sessions; list all with `codepiper sessions`"),
        }
        return Ok(());
    }
    let width = view::own_size().map(|size| size.cols().into());
    table(&sessions, Timestamp::now(), home().as_deref()).print(width)?;
    offer(&sessions);
    Ok(())
}

/// Says how the sessions that ended with their tmux server go on.
fn offer(sessions: &[Session]) {
    match sessions.iter().filter(|session| resume::is_lost(session)).count() {
        0 => {}
        1 => output::say("1 session ended with its tmux server; resume it with `codepiper resume --all`"),
        count => output::say(format_args!(
            "{count} sessions ended with their tmux server; resume them with `codepiper resume --all`"
        )),
    }
}

fn table(sessions: &[Session], now: Timestamp, home: Option<&Path>) -> Table<8> {
    let mut table =
        Table::new(["ID", "NAME", "STATE", "ACTIVITY", "AGE", "PROVIDER", "BRANCH", "DIRECTORY"], 7);
    for session in sessions {
        table.row([
            session.short_id.as_str().into(),
            session.name.as_deref().unwrap_or("-").into(),
            Cell::styled(session.word(), style(session)),
            activity(session).into(),
            time::age(session.created_at, now).into(),
            session.provider.as_str().into(),
            session.branch.as_deref().unwrap_or("-").into(),
            short_path(&session.cwd, home).into(),
        ]);
    }
    table
}

fn style(session: &Session) -> Style {
    let color = match session.word() {
        "Running" => AnsiColor::Green,
        "Waiting" => AnsiColor::Yellow,
        "Crashed" => AnsiColor::Red,
        _ => return Style::new().dimmed(),
    };
    color.on_default()
}

fn activity(session: &Session) -> String {
    match session.waiting_for {
        _ if !session.status.is_live() => "-".to_owned(),
        Some(what) if session.activity == Activity::Waiting => format!("waiting ({what})"),
        _ => session.activity.to_string(),
    }
}

fn home() -> Option<std::path::PathBuf> {
    std::env::var_os("HOME").filter(|home| !home.is_empty()).map(Into::into)
}

fn short_path(path: &Path, home: Option<&Path>) -> String {
    match home.and_then(|home| path.strip_prefix(home).ok()) {
        Some(rest) if rest.as_os_str().is_empty() => "~".to_owned(),
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    }
}

fn show(context: &Context, session: &str, json: bool) -> Outcome {
    let client = context.client()?;
    let session = context.block_on(client.session(session))??;
    if json {
        return output::json(&session);
    }
    let worktree = session.worktree.as_ref().map(|worktree| worktree.repository.display().to_string());
    let optional = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let mut table = Table::new([session.short_id.as_str(), session.word()], 1);
    for (what, value) in [
        ("id", session.id.to_string()),
        ("name", optional(session.name.clone())),
        ("provider", session.provider.clone()),
        ("arguments", if session.args.is_empty() { "-".to_owned() } else { session.args.join(" ") }),
        ("directory", session.cwd.display().to_string()),
        ("branch", optional(session.branch.clone())),
        ("changes", optional(session.changes.map(|changes| changes.to_string()))),
        ("worktree of", optional(worktree)),
        ("env sets", if session.env_sets.is_empty() { "-".to_owned() } else { session.env_sets.join(", ") }),
        ("billing", optional(session.billing.map(|billing| billing.as_str().to_owned()))),
        (
            "dangerous",
            if session.dangerous { "yes: acts without asking for permission" } else { "no" }.to_owned(),
        ),
        ("model", optional(session.model.clone())),
        ("activity", activity(&session)),
        ("queued texts", session.queued.to_string()),
        ("exit", optional(session.exit.map(|exit| exit.to_string()))),
        ("title", optional(session.title.clone())),
        ("size", session.size.to_string()),
        ("pid", optional(session.pid.map(|pid| pid.to_string()))),
        ("attached", session.attached.to_string()),
        ("cursor", session.cursor.to_string()),
        ("created", time::clock(session.created_at)),
        ("updated", time::clock(session.updated_at)),
    ] {
        table.row([what.into(), value.into()]);
    }
    table.print(None)
}

fn explain(context: &Context, session: &str, json: bool) -> Outcome {
    let client = context.client()?;
    let explanation = context.block_on(client.explain(session))??;
    if json {
        return output::json(&explanation);
    }
    let Explanation { session, evidence } = explanation;
    let state = match session.exit {
        Some(exit) => format!("{}: {exit}", session.word()),
        None => format!("{}, {}", session.word(), activity(&session)),
    };
    output::line(format_args!("Session {} is {state}", session.short_id))?;
    let mut table = Table::new(["TIME", "SOURCE", "EVIDENCE", "STATE"], 2);
    for evidence in evidence {
        let proved = if evidence.state.is_empty() { "-".to_owned() } else { evidence.state };
        table.row([
            time::clock(evidence.at).into(),
            evidence.source.to_string().into(),
            evidence.what.into(),
            proved.into(),
        ]);
    }
    table.print(None)
}

fn rename(context: &Context, session: &str, name: Option<String>) -> Outcome {
    let client = context.client()?;
    let session = context.block_on(client.rename(session, name))??;
    match session.name {
        Some(name) => output::done(format_args!("Session {} renamed to {name}", session.short_id)),
        None => output::done(format_args!("Session {}: name removed", session.short_id)),
    }
}

fn remove(context: &Context, session: &str) -> Outcome {
    let client = context.client()?;
    context.block_on(client.remove(session))??;
    output::done(format_args!("Session {session} removed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(json: &str) -> Session {
        let mut value = serde_json::json!({
            "id": "a1b2c3d4-0000-4000-8000-000000000000", "short_id": "a1b2c3d4", "name": null,
            "provider": "claude-code", "args": [], "cwd": "/home/me/projects/my-app", "branch": "main",
            "status": "running", "activity": "waiting", "waiting_for": "permission", "exit": null,
            "size": {"cols": 80, "rows": 24}, "title": null, "pid": 1, "attached": 0, "cursor": "0:0",
            "lease": null, "billing": "subscription", "env_sets": [], "dangerous": false, "worktree": null,
             "created_at": "2026-11-22T09:00:00Z",
            "started_at": "2026-11-22T09:00:00Z", "state_since": "2026-11-22T09:00:00Z",
            "updated_at": "2026-11-22T09:00:00Z",
        });
        let changes: serde_json::Map<_, _> = serde_json::from_str(json).unwrap();
        value.as_object_mut().unwrap().extend(changes);
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn the_table_says_who_needs_a_person() {
        let sessions = [
            session("{}"),
            session(r#"{"name": "api", "status": "crashed", "cwd": "/srv", "branch": null}"#),
        ];
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        let text = table(&sessions, now, Some(Path::new("/home/me"))).plain(None);
        assert_eq!(
            text,
            [
                "ID        NAME  STATE    ACTIVITY              AGE  PROVIDER     BRANCH  DIRECTORY",
                "a1b2c3d4  -     Waiting  waiting (permission)  1h   claude-code  main    ~/projects/my-app",
                "a1b2c3d4  api   Crashed  -                     1h   claude-code  -       /srv",
            ]
        );
    }

    #[test]
    fn the_home_directory_is_a_tilde() {
        let short = |path: &str| short_path(Path::new(path), Some(Path::new("/home/me")));
        assert_eq!(short("/home/me"), "~");
        assert_eq!(short("/home/me/x"), "~/x");
        assert_eq!(short("/home/meh"), "/home/meh");
    }
}
