use clap::Args;
use codepiper_protocol::wire::session::EndSession;

use super::failure::{OF_SESSIONS, Outcome, exit_codes};
use super::stop::{End, report};
use super::{Context, output};

/// Kill a session and its tmux session
#[derive(Args)]
#[command(after_help = exit_codes(OF_SESSIONS))]
pub(super) struct Kill {
    #[command(flatten)]
    end: End,
}

impl Kill {
    pub(super) fn run(self, context: Context) -> Outcome {
        let End { session, no_wait, json } = self.end;
        let client = context.client()?;
        let session = context.block_on(client.kill(&session, EndSession { no_wait }))??;
        if json { output::json(&session) } else { report(&session, "killed") }
    }
}
