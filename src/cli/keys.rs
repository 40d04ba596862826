use clap::Args;

use super::failure::{OF_LIVE_SESSIONS, Outcome, exit_codes};
use super::{Context, output};

/// Press keys in a session
#[derive(Args)]
#[command(after_help = exit_codes(OF_LIVE_SESSIONS))]
pub(super) struct Keys {
    /// Session id, unique id prefix, or name
    #[arg(value_name = "ID")]
    session: String,
    /// Keys: a character, enter, escape, tab, shift+tab, up, down, left, right, home, end, pageup, pagedown,
    /// backspace, delete, space, f1 to f12, ctrl+c, alt+x
    #[arg(value_name = "KEY", required = true)]
    keys: Vec<String>,
    /// Print one JSON object: {"cursor", "receipt"}
    #[arg(long)]
    json: bool,
}

impl Keys {
    pub(super) fn run(self, context: Context) -> Outcome {
        let client = context.client()?;
        let sent = context.block_on(client.keys(&self.session, self.keys))??;
        if let Some(warning) = &sent.warning {
            output::say(format_args!("warning: {warning}"));
        }
        if self.json { output::json(&sent) } else { Ok(()) }
    }
}
