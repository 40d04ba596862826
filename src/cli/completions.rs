use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::failure::{LOCAL, Outcome, exit_codes};
use super::{Command, output};

/// Print shell completions
#[derive(Args)]
#[command(after_help = exit_codes(LOCAL))]
pub(super) struct Completions {
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> Outcome {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Command::command(), "codepiper", &mut script);
        output::bytes(&script)
    }
}
