mod answer;
mod ended;
mod follow;
mod halt;

pub(super) use answer::{Answer, Approve, Deny};
pub(super) use halt::{Halt, Notify};

use anstyle::AnsiColor;
use clap::{Args, Subcommand};
use codepiper_protocol::SessionId;
use codepiper_protocol::visible::count;
use codepiper_protocol::wire::ask::{AnsweredIn, Ask, SnoozeAsk};
use codepiper_protocol::wire::session::{ListSessions, Session};
use jiff::{SignedDuration, Timestamp};

use super::failure::{Failure, OF_DAEMON, OF_SESSIONS, Outcome, exit_codes};
use super::table::{Cell, Table};
use super::{Context, output, time, view};

/// List what needs you: permissions, questions, plans, crashes and finished turns
///
/// Asks that wait for an answer come first, the oldest at the top. Answer with `codepiper approve`, `deny` or `answer`;
/// an ask marked 'terminal' can only be answered in the session's terminal.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, after_help = exit_codes(OF_DAEMON))]
pub(super) struct Inbox {
    /// Include snoozed asks
    #[arg(short, long)]
    all: bool,
    /// List the asks that are over instead, and how each ended
    #[arg(short, long, conflicts_with_all = ["all", "follow"])]
    ended: bool,
    /// Print the open asks, then each ask that opens or closes
    #[arg(short, long)]
    follow: bool,
    /// Print one JSON array, with --ended of events; with --follow, one object per line, and {"closed": ASK} for an ask that is no longer open
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand)]
enum Verb {
    /// Show one ask in full
    #[command(after_help = exit_codes(OF_SESSIONS))]
    Show {
        /// Ask id, or a session with exactly one ask
        ask: String,
        /// Print the ask as a JSON object
        #[arg(long)]
        json: bool,
    },
    /// Mark asks that need no answer as seen
    #[command(after_help = exit_codes(OF_SESSIONS))]
    Done {
        /// Ask ids, or sessions with exactly one ask
        #[arg(required = true, value_name = "ASK")]
        asks: Vec<String>,
    },
    /// Leave an ask out of the inbox for a while
    #[command(after_help = exit_codes(OF_SESSIONS))]
    Snooze {
        /// Ask id, or a session with exactly one ask
        ask: String,
        /// For how long, such as 30m or 4h
        #[arg(long = "for", value_name = "TIME", required_unless_present = "undo", value_parser = duration)]
        time: Option<SignedDuration>,
        /// Show the ask again
        #[arg(long, conflicts_with = "time")]
        undo: bool,
    },
}

fn duration(text: &str) -> Result<SignedDuration, String> {
    match text.parse::<SignedDuration>() {
        Ok(time) if time.is_positive() => Ok(time),
        _ => Err("use a time like 30m or 4h".to_owned()),
    }
}

impl Inbox {
    pub(super) fn run(self, context: Context) -> Outcome {
        match self.verb {
            None if self.follow => {
                let client = context.client()?;
                context.follow(follow::follow(client, self.json))
            }
            None if self.ended => ended::list(&context, self.json),
            None => list(&context, self.all, self.json),
            Some(Verb::Show { ask, json }) => show(&context, &ask, json),
            Some(Verb::Done { asks }) => done(&context, &asks),
            Some(Verb::Snooze { ask, time, .. }) => snooze(&context, &ask, time),
        }
    }
}

fn list(context: &Context, all: bool, json: bool) -> Outcome {
    let client = context.client()?;
    let (asks, sessions) = context.block_on(async {
        Ok::<_, crate::client::ClientError>((
            client.asks().await?,
            client.sessions(&ListSessions::default()).await?,
        ))
    })??;
    let now = Timestamp::now();
    let (due, snoozed): (Vec<Ask>, Vec<Ask>) = asks.into_iter().partition(|ask| all || ask.is_due(now));
    if json {
        return output::json(&due);
    }
    if due.is_empty() {
        output::say("nothing needs you");
    } else {
        let width = view::own_size().map(|size| size.cols().into());
        table(&due, &sessions, now).print(width)?;
    }
    if !snoozed.is_empty() {
        output::say(format_args!("{} snoozed; see `codepiper inbox --all`", snoozed.len()));
    }
    Ok(())
}

fn table(asks: &[Ask], sessions: &[Session], now: Timestamp) -> Table<6> {
    let mut table = Table::new(["ASK", "KIND", "SESSION", "AGE", "ANSWER", "WHAT"], 5);
    for ask in asks {
        let color = if ask.kind.waits() { AnsiColor::Yellow } else { AnsiColor::White };
        table.row([
            ask.id.as_str().into(),
            Cell::styled(ask.kind.as_str(), color.on_default()),
            name_of(ask.session, sessions).into(),
            time::age(ask.asked_at, now).into(),
            place(ask).into(),
            ask.title.as_str().into(),
        ]);
    }
    table
}

fn place(ask: &Ask) -> &'static str {
    match ask.answered_in {
        AnsweredIn::Here => "here",
        AnsweredIn::Terminal => "terminal",
        AnsweredIn::Nothing => "-",
    }
}

fn name_of(id: SessionId, sessions: &[Session]) -> String {
    let session = sessions.iter().find(|session| session.id == id);
    session.and_then(|session| session.name.clone()).unwrap_or_else(|| id.short())
}

fn show(context: &Context, ask: &str, json: bool) -> Outcome {
    let client = context.client()?;
    let ask = context.block_on(client.ask_of(ask))??;
    if json {
        return output::json(&ask);
    }
    let age = time::age(ask.asked_at, Timestamp::now());
    output::line(format_args!("{}: {} of session {}, {age} ago", ask.id, ask.kind, ask.session.short()))?;
    for (name, value) in [
        ("Tool", &ask.tool),
        ("Directory", &ask.cwd),
        ("Why", &ask.why),
        ("Risk", &ask.risk),
        ("Evidence", &ask.evidence),
    ] {
        if let Some(value) = value {
            output::line(format_args!("{name}: {}", codepiper_protocol::visible::visible(value)))?;
        }
    }
    if let Some(limit) = ask.expires_at {
        output::line(format_args!("Only in the terminal after {}", time::clock(limit)))?;
    }
    if !ask.text.is_empty() {
        output::line("")?;
        ask.text.lines().try_for_each(output::line)?;
        output::line("")?;
    }
    output::line(match ask.answered_in {
        AnsweredIn::Here if ask.questions.is_empty() => format!(
            "Answer with `codepiper approve {0}` or `codepiper deny {0} --reason TEXT`, or in the terminal.",
            ask.id
        ),
        AnsweredIn::Here => format!(
            "Answer with `codepiper answer {0} --option N` or `codepiper answer {0} --text TEXT`, or in the terminal.",
            ask.id
        ),
        AnsweredIn::Terminal => {
            format!("Answer in its terminal: `codepiper attach {}`.", ask.session.short())
        }
        AnsweredIn::Nothing => format!("Remove it with `codepiper inbox done {}`.", ask.id),
    })
}

fn done(context: &Context, asks: &[String]) -> Outcome {
    let client = context.client()?;
    for ask in asks {
        context.block_on(client.acknowledge(ask))??;
    }
    output::done(format_args!("{} marked as seen", count(asks.len() as u64, "ask")))
}

fn snooze(context: &Context, ask: &str, time: Option<SignedDuration>) -> Outcome {
    let until = time.map(|time| Timestamp::now().checked_add(time)).transpose();
    let until = until.map_err(|_| Failure::usage("the time is too long"))?;
    let client = context.client()?;
    let ask = context.block_on(client.snooze(ask, &SnoozeAsk { until }))??;
    match ask.snoozed_until {
        Some(until) => output::done(format_args!("{} snoozed until {}", ask.id, time::clock(until))),
        None => output::done(format_args!("{} no longer snoozed", ask.id)),
    }
}
