use clap::Args;
use codepiper_protocol::Size;

use super::failure::{OF_LIVE_SESSIONS, Outcome, exit_codes};
use super::{Context, output};

/// Resize a session's terminal, for all viewers
#[derive(Args)]
#[command(after_help = exit_codes(OF_LIVE_SESSIONS))]
pub(super) struct Resize {
    /// Session id, unique id prefix, or name
    #[arg(value_name = "ID")]
    session: String,
    /// New size, for example 120x32
    #[arg(value_name = "COLSxROWS")]
    size: Size,
    /// Print the session as a JSON object
    #[arg(long)]
    json: bool,
}

impl Resize {
    pub(super) fn run(self, context: Context) -> Outcome {
        let client = context.client()?;
        let session = context.block_on(client.resize(&self.session, self.size))??;
        match self.json {
            true => output::json(&session),
            false => output::done(format_args!("Session {} is {}", session.short_id, session.size)),
        }
    }
}
