//! `halt` and `notify`.

use clap::Args;
use codepiper_protocol::hook::SESSION_VARIABLE;
use codepiper_protocol::wire::ask::{Halt as Request, HaltOutcome, Halted, Notify as Note};

use crate::cli::failure::{Failure, OF_LIVE_SESSIONS, OF_SESSIONS, Outcome, exit_codes};
use crate::cli::table::Table;
use crate::cli::{Context, output};

/// Interrupt agents at once: press Escape in each and hold the texts queued for it
///
/// An agent that does not react within 3 seconds is killed; `codepiper resume` continues its conversation. Held texts
/// are sent after the agent's next turn, or with `codepiper send ID --release-queued`.
#[derive(Args)]
#[command(after_help = exit_codes(OF_SESSIONS))]
pub(in crate::cli) struct Halt {
    /// Session ids, unique id prefixes or names
    #[arg(value_name = "ID", required_unless_present = "all")]
    sessions: Vec<String>,
    /// Halt every agent that runs or is about to start
    #[arg(long, conflicts_with = "sessions")]
    all: bool,
    /// Print one JSON array
    #[arg(long)]
    json: bool,
}

/// Ask for attention, from inside a session
///
/// The text is shown in the inbox as the session's own words. A session can ask once every 10 seconds.
#[derive(Args)]
#[command(after_help = exit_codes(OF_LIVE_SESSIONS))]
pub(in crate::cli) struct Notify {
    /// One line, up to 500 characters
    text: String,
}

impl Halt {
    pub(in crate::cli) fn run(self, context: Context) -> Outcome {
        let client = context.client()?;
        let request = Request { sessions: self.sessions, all: self.all };
        let halted = context.block_on(client.halt(&request))??;
        if self.json {
            return output::json(&halted);
        }
        if halted.is_empty() {
            output::say("no agent is running or about to start");
            return Ok(());
        }
        let mut table = Table::new(["ID", "NAME", "OUTCOME", "HELD"], 1);
        for Halted { session, name, outcome, held } in &halted {
            table.row([
                session.short().into(),
                name.as_deref().unwrap_or("-").into(),
                outcome.to_string().into(),
                held.to_string().into(),
            ]);
        }
        table.print(None)?;
        match halted.iter().any(|halted| halted.outcome == HaltOutcome::Unproven) {
            true => Err(Failure::new("some agents may not have stopped")),
            false => Ok(()),
        }
    }
}

impl Notify {
    pub(in crate::cli) fn run(self, context: Context) -> Outcome {
        let session = std::env::var(SESSION_VARIABLE).ok().filter(|session| !session.is_empty());
        let session = session.ok_or_else(|| {
            Failure::usage(format_args!(
                "{SESSION_VARIABLE} is not set; run `codepiper notify` in a session, for example from a script there"
            ))
        })?;
        let client = context.client()?;
        context.block_on(client.notify(&session, &Note { text: self.text }))??;
        Ok(())
    }
}
