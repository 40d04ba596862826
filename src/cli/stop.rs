use clap::Args;
use codepiper_protocol::wire::session::{EndSession, Exit, ExitReason, Session};

use super::failure::{OF_SESSIONS, Outcome, exit_codes};
use super::{Context, output};

/// Stop a session: ask its program to quit, then terminate it; `resume` continues it later
#[derive(Args)]
#[command(after_help = exit_codes(OF_SESSIONS))]
pub(super) struct Stop {
    #[command(flatten)]
    end: End,
}

/// The arguments of `stop` and `kill`.
#[derive(Args)]
pub(super) struct End {
    /// Session id, unique id prefix, or name
    #[arg(value_name = "ID")]
    pub session: String,
    /// Return without waiting for the program to exit
    #[arg(long)]
    pub no_wait: bool,
    /// Print the session as a JSON object
    #[arg(long)]
    pub json: bool,
}

impl Stop {
    pub(super) fn run(self, context: Context) -> Outcome {
        let End { session, no_wait, json } = self.end;
        let client = context.client()?;
        let session = context.block_on(client.stop(&session, EndSession { no_wait }))??;
        if json {
            return output::json(&session);
        }
        report(&session, "stopped")?;
        output::say(format_args!("resume it with `codepiper resume {}`", session.short_id));
        Ok(())
    }
}

/// Says what became of the session, which may have ended before, in another way.
pub(super) fn report(session: &Session, done: &str) -> Outcome {
    let id = &session.short_id;
    match session.exit {
        _ if session.status.is_live() => output::done(format_args!("Session {id} is being {done}")),
        Some(exit @ Exit { reason: ExitReason::Exited | ExitReason::ServerGone, .. }) => {
            output::done(format_args!("Session {id} had already ended: {exit}"))
        }
        _ => output::done(format_args!("Session {id} {done}")),
    }
}
