use clap::Args;

use super::failure::{OF_LIVE_SESSIONS, Outcome, exit_codes};
use super::{Context, output};

/// Show or switch the model of a session
///
/// The new model applies from the agent's next request, to this session only: your default model does not change. The
/// agent must be idle.
#[derive(Args)]
#[command(after_help = exit_codes(OF_LIVE_SESSIONS))]
pub(super) struct Model {
    /// Session id, unique id prefix, or name
    #[arg(value_name = "ID")]
    session: String,
    /// Model to switch to: a name from the agent's own list, a value that its `--model` accepts, or a unique prefix
    model: Option<String>,
    /// Print the session as a JSON object
    #[arg(long)]
    json: bool,
}

impl Model {
    pub(super) fn run(self, context: Context) -> Outcome {
        let client = context.client()?;
        let switches = self.model.is_some();
        let session = context.block_on(async {
            match self.model {
                Some(model) => client.switch_model(&self.session, model).await,
                None => client.session(&self.session).await,
            }
        })??;
        if self.json {
            return output::json(&session);
        }
        match (&session.model, switches) {
            (Some(model), true) => output::done(format_args!("Session {} uses {model}", session.short_id)),
            (Some(model), false) => output::line(model),
            (None, _) => output::line("unknown: neither set nor reported by the agent"),
        }
    }
}
