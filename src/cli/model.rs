use clap::Args;

use super::failure::{OF_LIVE_SESSIONS, Outcome, exit_codes};
use super::{Context, output};

/// Show or switch the model of a session
///
/// A switch holds from the agent's next request on, for this session alone: your own default stays as it is. The agent
/// has to be idle.
#[derive(Args)]
#[command(after_help = exit_codes(OF_LIVE_SESSIONS))]
pub(super) struct Model {
    /// The session's id, a unique prefix of it, or its name
    #[arg(value_name = "ID")]
    session: String,
    /// The model to switch to, as the agent's own list calls it or `--model` knows it, or a beginning that fits only one
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
            (None, _) => output::line("not known: the agent has not said it, and was not told"),
        }
    }
}
