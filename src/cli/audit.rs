use std::io::ErrorKind;

use clap::{Args, Subcommand};
use codepiper_protocol::visible::visible;

use super::failure::{Failure, Outcome, exit_codes};
use super::time::Since;
use super::{Context, output, time};
use crate::audit::{
    Anchor, AnchorSays, Error, Filter, Order, Record, anchor, describe, export, read, verify,
};

/// Show who decided and did what: policies, answers, halts, session starts and ends, sign-ins
///
/// The newest record comes last. Each record holds the hash of the one before it; `audit verify` checks them.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, after_help = exit_codes(&[0, 1, 2]))]
pub(super) struct Audit {
    #[command(flatten)]
    wanted: Wanted,
    /// Number of most recent records
    #[arg(short, value_name = "N", default_value_t = 100)]
    n: usize,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Args)]
struct Wanted {
    /// Only records of this kind, such as policy.decided, or of this group, such as policy; can be repeated
    #[arg(long = "type", value_name = "KIND")]
    kinds: Vec<String>,
    /// Only records of this session: its id, or the beginning of it
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Only records since a time like 2026-11-22T10:00:00Z, or an age like 10m
    #[arg(long, value_name = "TIME")]
    since: Option<Since>,
}

impl Wanted {
    fn filter(self) -> Filter {
        Filter {
            since: self.since.map(|Since(time)| time),
            kinds: self.kinds,
            session: self.session.map(|id| id.to_ascii_lowercase()),
            ..Filter::default()
        }
    }
}

#[derive(Subcommand)]
enum Verb {
    /// Write records to stdout as they are in the file, oldest first, one JSON object per line: their hashes can be checked
    /// elsewhere
    #[command(after_help = exit_codes(&[0, 1, 2]))]
    Export {
        #[command(flatten)]
        wanted: Wanted,
    },
    /// Check that no record was changed, removed or added; exit code 1 if something is wrong
    #[command(after_help = exit_codes(&[0, 1, 2]))]
    Verify {
        /// An anchor that `audit head` printed and that was kept elsewhere. Without one, the check cannot tell whether
        /// the end was cut off and the head file changed to match
        #[arg(long, value_name = "ANCHOR")]
        head: Option<String>,
    },
    /// Print the anchor of the newest record: keep it where agents cannot write
    #[command(after_help = exit_codes(&[0, 1, 2]))]
    Head,
}

impl Audit {
    pub(super) fn run(self, context: Context) -> Outcome {
        let dir = context.paths()?.audit();
        let failed = |error: crate::audit::Error| Failure::new(format!("cannot read the audit: {error}"));
        match self.verb {
            Some(Verb::Export { wanted }) => {
                let filter = Filter { order: Order::OldestFirst, ..wanted.filter() };
                let exported = export(&dir, &filter, &mut std::io::stdout().lock());
                let exported = exported.map_err(|error| match error {
                    // As wherever output is not taken any more.
                    Error::Disk { error, .. } if error.kind() == ErrorKind::BrokenPipe => {
                        std::io::Error::from(ErrorKind::BrokenPipe).into()
                    }
                    error => failed(error),
                })?;
                left_out(exported.unreadable).map_or(Ok(()), |left_out| Err(Failure::new(left_out)))
            }
            Some(Verb::Head) => match anchor(&dir).map_err(failed)? {
                Some(anchor) => output::line(anchor),
                None => Err(Failure::new("the audit has no records yet")),
            },
            Some(Verb::Verify { head }) => {
                let anchor = head.map(|text| text.parse::<Anchor>()).transpose();
                let anchor = anchor.map_err(|error| Failure::usage(format!("invalid anchor: {error}")))?;
                let report = verify(&dir, anchor).map_err(failed)?;
                report.to_string().lines().try_for_each(output::line)?;
                match (&report.anchor, report.is_whole()) {
                    (_, true) => Ok(()),
                    (Some((_, AnchorSays::Removed)), _) => {
                        Err(Failure::new("the audit could not be checked against this anchor"))
                    }
                    _ => Err(Failure::new("the audit is damaged")),
                }
            }
            None => {
                let filter = Filter { limit: Some(self.n), ..self.wanted.filter() };
                let page = read(&dir, &filter).map_err(failed)?;
                page.records.iter().rev().try_for_each(|record| show(record, self.json))?;
                left_out(page.unreadable).into_iter().for_each(output::say);
                Ok(())
            }
        }
    }
}

/// What to say of lines that could not be read.
pub(super) fn left_out(lines: u64) -> Option<String> {
    let lines = match lines {
        0 => return None,
        1 => "1 line is not a record".to_owned(),
        lines => format!("{lines} lines are not records"),
    };
    Some(format!("{lines} of the audit and left out; run `codepiper audit verify`"))
}

fn show(record: &Record, json: bool) -> Outcome {
    if json {
        return output::json(record);
    }
    let session = record.session.as_deref().map_or("-", |id| id.get(..8).unwrap_or(id));
    output::line(format_args!(
        "{}  {session:8}  {:22}  {:16}  {}",
        time::clock(record.at),
        visible(&record.kind),
        visible(&record.actor),
        describe(record)
    ))
}
