use anstyle::{AnsiColor, Style};
use clap::Args;
use codepiper_protocol::wire::daemon::{Check, Verdict};

use super::failure::{Failure, Outcome, exit_codes};
use super::next::hint;
use super::table::{Cell, Table};
use super::{Context, output};
use crate::client::ClientError;

/// Check the installation; also works without a daemon
#[derive(Args)]
#[command(after_help = exit_codes(&[0, 1, 2, 5, 6, 8]))]
pub(super) struct Doctor {
    /// Print one JSON array: [{"name", "verdict", "detail", "next"}]
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(super) fn run(self, context: Context) -> Outcome {
        let paths = context.paths()?;
        let client = context.client()?;
        let checks = match context.block_on(client.doctor())? {
            Err(error) if error.is_absence() || matches!(error, ClientError::Silent(_)) => {
                let (name, detail) = ("daemon".to_owned(), error.to_string());
                let verdict = if error.is_absence() { Verdict::Warning } else { Verdict::Broken };
                let daemon = Check { name, verdict, detail, next: error.next() };
                [vec![daemon], crate::doctor::local_checks(&paths)].concat()
            }
            checks => checks?,
        };
        if self.json {
            output::json(&checks)?;
        } else {
            let mut table = Table::new(["CHECK", "VERDICT", "DETAIL"], 2);
            for check in &checks {
                let detail = match &check.next {
                    Some(next) => format!("{}; {}", check.detail, hint(next)),
                    None => check.detail.clone(),
                };
                table.row([check.name.as_str().into(), verdict(check.verdict), detail.into()]);
            }
            table.print(None)?;
        }
        match checks.iter().any(|check| check.verdict == Verdict::Broken) {
            true => Err(Failure::Silent { code: 1 }),
            false => Ok(()),
        }
    }
}

fn verdict(verdict: Verdict) -> Cell {
    let (word, color) = match verdict {
        Verdict::Fine => ("fine", AnsiColor::Green),
        Verdict::Warning => ("warning", AnsiColor::Yellow),
        Verdict::Broken => ("broken", AnsiColor::Red),
    };
    Cell::styled(word, Style::new().fg_color(Some(color.into())))
}
