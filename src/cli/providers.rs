use clap::Args;

use super::failure::{OF_DAEMON, Outcome, exit_codes};
use super::table::Table;
use super::{Context, output};

/// List what `start` can start
#[derive(Args)]
#[command(after_help = exit_codes(OF_DAEMON))]
pub(super) struct Providers {
    /// Print one JSON array
    #[arg(long)]
    json: bool,
}

impl Providers {
    pub(super) fn run(self, context: Context) -> Outcome {
        let client = context.client()?;
        let providers = context.block_on(client.providers())??;
        if self.json {
            return output::json(&providers);
        }
        let mut table = Table::new(["PROVIDER", "PROGRAM", "RESUME", "DESCRIPTION"], 3);
        for provider in providers {
            let program = match provider.found {
                Some(path) => path.display().to_string(),
                None => format!("{} (not found)", provider.program),
            };
            table.row([
                provider.name.into(),
                program.into(),
                provider.resume.into(),
                provider.description.into(),
            ]);
        }
        table.lines(None).into_iter().try_for_each(output::line)
    }
}
