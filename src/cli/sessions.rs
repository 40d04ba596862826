mod follow;
mod show;
mod words;

use std::path::Path;

use anstyle::{AnsiColor, Style};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use codepiper_protocol::visible::count;
use codepiper_protocol::wire::daemon::SessionCounts;
use codepiper_protocol::wire::session::{Explanation, LabelSession, ListSessions, Session, Status};
use jiff::Timestamp;

use super::failure::{OF_DAEMON, OF_SESSIONS, Outcome, exit_codes};
use super::table::{Cell, Table};
use super::{Context, output, resume, time, view};
use crate::client::ClientError;
use words::{activity, mode, usage};

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
    /// Only sessions in this permission mode, by the agent's own name for it, such as plan
    #[arg(long, value_name = "MODE")]
    permission_mode: Option<String>,
    /// Only sessions with this tag
    #[arg(long)]
    tag: Option<String>,
    /// Only archived sessions, which are left out otherwise
    #[arg(long)]
    archived: bool,
    /// Print every session, then each one again when it changes
    #[arg(short, long)]
    follow: bool,
    /// Print one JSON array, oldest first; with --follow, one object per line, and {"removed": ID} for a removed session
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
    /// Add tags to a session, or remove them
    #[command(after_help = exit_codes(OF_SESSIONS))]
    Tag {
        /// Session id, unique id prefix, or name
        #[arg(value_name = "ID")]
        session: String,
        /// Words of your own: letters, digits, '-', '_', '.' and '/'
        #[arg(required = true, value_name = "TAG")]
        tags: Vec<String>,
        /// Remove the tags instead
        #[arg(long)]
        remove: bool,
    },
    /// Show a session first in the dashboard
    #[command(after_help = exit_codes(OF_SESSIONS))]
    Pin {
        /// Session id, unique id prefix, or name
        #[arg(value_name = "ID")]
        session: String,
        /// Unpin the session
        #[arg(long)]
        undo: bool,
    },
    /// Leave an ended session out of lists; its output is kept, and it can be resumed
    #[command(after_help = exit_codes(OF_SESSIONS))]
    Archive {
        /// Session id, unique id prefix, or name
        #[arg(value_name = "ID")]
        session: String,
        /// Show the session in lists again
        #[arg(long)]
        undo: bool,
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
        match &self.verb {
            None if self.follow => {
                let client = context.client()?;
                context.follow(follow::follow(client, &self))
            }
            None => list(&context, &self),
            Some(Verb::Show { session, json }) => show::show(&context, session, *json),
            Some(Verb::Explain { session, json }) => explain(&context, session, *json),
            Some(Verb::Rename { session, name, .. }) => rename(&context, session, name.clone()),
            Some(Verb::Remove { session }) => remove(&context, session),
            Some(Verb::Tag { session, tags, remove }) => tag(&context, session, tags, *remove),
            Some(Verb::Pin { session, undo }) => {
                let wanted = LabelSession { pinned: Some(!undo), ..LabelSession::default() };
                label(&context, session, &wanted, if *undo { "unpinned" } else { "pinned" })
            }
            Some(Verb::Archive { session, undo }) => {
                let wanted = LabelSession { archived: Some(!undo), ..LabelSession::default() };
                label(&context, session, &wanted, if *undo { "no longer archived" } else { "archived" })
            }
        }
    }
}

impl Sessions {
    fn wanted(&self) -> ListSessions {
        ListSessions {
            status: self.status,
            provider: self.provider.clone(),
            permission_mode: self.permission_mode.clone(),
            tag: self.tag.clone(),
            archived: Some(self.archived),
        }
    }
}

fn status_parser() -> impl TypedValueParser<Value = Status> {
    PossibleValuesParser::new(Status::ALL.map(Status::as_str))
        .map(|name| Status::ALL.into_iter().find(|status| status.as_str() == name).expect("one of them"))
}

fn list(context: &Context, wanted: &Sessions) -> Outcome {
    let asked = wanted.wanted();
    let is_all = asked == ListSessions { archived: Some(false), ..ListSessions::default() };
    let client = context.client()?;
    let (sessions, counts) = context.block_on(async {
        let sessions = client.sessions(&asked).await?;
        // Who asks for all is told of those that cannot be shown, too.
        let counts = match is_all && !wanted.json {
            true => client.daemon().await?.sessions,
            false => SessionCounts::default(),
        };
        Ok::<_, ClientError>((sessions, counts))
    })??;
    if wanted.json {
        return output::json(&sessions);
    }
    if counts.unreadable > 0 {
        let records = count(counts.unreadable as u64, "launch record");
        output::say(format_args!("cannot read {records}; see `codepiper doctor`"));
    }
    if sessions.is_empty() {
        match is_all {
            true => output::say(
                "no sessions; start one with `codepiper start -p PROVIDER -d DIR`, see `codepiper providers`",
            ),
            false => output::say("no matching sessions; list all with `codepiper sessions`"),
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

fn table(sessions: &[Session], now: Timestamp, home: Option<&Path>) -> Table<11> {
    let headings = [
        "ID",
        "NAME",
        "TAGS",
        "STATE",
        "ACTIVITY",
        "MODE",
        "USAGE",
        "AGE",
        "PROVIDER",
        "BRANCH",
        "DIRECTORY",
    ];
    let mut table = Table::new(headings, 10);
    for session in sessions {
        table.row([
            session.short_id.as_str().into(),
            session.name.as_deref().unwrap_or("-").into(),
            session.tags.join(" ").into(),
            Cell::styled(session.word(), style(session)),
            activity(session).into(),
            mode(session).into(),
            usage(session, now).into(),
            time::age(session.created_at, now).into(),
            session.provider.as_str().into(),
            session.branch.as_deref().unwrap_or("-").into(),
            short_path(&session.cwd, home).into(),
        ]);
    }
    table.without_empty(2).without_empty(5).without_empty(6)
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

fn explain(context: &Context, session: &str, json: bool) -> Outcome {
    let client = context.client()?;
    let explanation = context.block_on(client.explain(session))??;
    if json {
        return output::json(&explanation);
    }
    let Explanation { session, evidence, program_status } = explanation;
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
    table.print(None)?;
    if !program_status.is_empty() {
        output::line("Program status, in the programs' own words:")?;
    }
    program_status.iter().try_for_each(|status| output::line(format_args!("  {status}")))
}

fn rename(context: &Context, session: &str, name: Option<String>) -> Outcome {
    let client = context.client()?;
    let session = context.block_on(client.rename(session, name))??;
    match session.name {
        Some(name) => output::done(format_args!("Session {} renamed to {name}", session.short_id)),
        None => output::done(format_args!("Session {}: name removed", session.short_id)),
    }
}

fn tag(context: &Context, session: &str, tags: &[String], remove: bool) -> Outcome {
    let mut wanted = LabelSession::default();
    let named = if remove { &mut wanted.remove } else { &mut wanted.add };
    named.extend(tags.iter().cloned());
    let client = context.client()?;
    let session = context.block_on(client.label(session, &wanted))??;
    let tags = if session.tags.is_empty() { "none".to_owned() } else { session.tags.join(" ") };
    output::done(format_args!("Session {}: tags {tags}", session.short_id))
}

fn label(context: &Context, session: &str, wanted: &LabelSession, done: &str) -> Outcome {
    let client = context.client()?;
    let session = context.block_on(client.label(session, wanted))??;
    output::done(format_args!("Session {} {done}", session.short_id))
}

fn remove(context: &Context, session: &str) -> Outcome {
    let client = context.client()?;
    context.block_on(client.remove(session))??;
    output::done(format_args!("Session {session} removed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn session(json: &str) -> Session {
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
