use clap::Args;
use codepiper_protocol::wire::session::{EndSession, Session};

use super::failure::{OF_SESSIONS, Outcome, exit_codes};
use super::stop::End;
use super::{Context, output};

/// Continue a session that has ended, under the same id
#[derive(Args)]
#[command(after_help = exit_codes(OF_SESSIONS))]
pub(super) struct Resume {
    #[command(flatten)]
    end: End,
}

impl Resume {
    pub(super) fn run(self, context: Context) -> Outcome {
        let End { session, no_wait, json } = self.end;
        let client = context.client()?;
        let session = context.block_on(client.resume(&session, EndSession { no_wait }))??;
        if json {
            return output::json(&session);
        }
        let Session { short_id, provider, .. } = &session;
        output::done(format_args!("Session {short_id} resumed ({provider})"))
    }
}
