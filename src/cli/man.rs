use clap::{Args, CommandFactory};

use super::failure::{Failure, LOCAL, Outcome, exit_codes};
use super::{Command, output};

/// Print a manual page in roff format; read it with `codepiper man | man -l -`
#[derive(Args)]
#[command(after_help = exit_codes(LOCAL))]
pub(super) struct Man {
    /// Command to describe, for example `tail` or `daemon stop` [default: codepiper itself]
    #[arg(value_name = "VERB")]
    verb: Vec<String>,
}

impl Man {
    pub(super) fn run(self) -> Outcome {
        let mut command = Command::command();
        command.build();
        for name in &self.verb {
            let verb = command.find_subcommand(name).cloned();
            command = verb.ok_or_else(|| Failure::usage(format_args!("no command '{name}'")))?;
        }
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page)?;
        output::bytes(&page)
    }
}
