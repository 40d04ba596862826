use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use codepiper_protocol::hook::SESSION_VARIABLE;
use codepiper_protocol::visible::one_line;
use codepiper_protocol::wire::status::{BlockedKind, ProgramState, StatusReport};

use super::Context;
use super::failure::{Failure, OF_LIVE_SESSIONS, Outcome, exit_codes};

const CLEAR: &str = "clear";

/// Report what a script is doing, from inside a session
///
/// Run it in a session, where CODEPIPER_SESSION is set: it reports for that session only. A report replaces the previous
/// one with the same --id. Reports are shown with the session as the script's own words. A shell's reports set its state;
/// an agent's state does not depend on what its tools report.
#[derive(Args)]
#[command(after_help = exit_codes(OF_LIVE_SESSIONS))]
pub(super) struct Report {
    /// What the script is doing; clear removes its report
    #[arg(value_parser = state_parser())]
    state: State,
    /// How much is done, in percent (working and blocked only)
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    progress: Option<u8>,
    /// One line for people, up to 2,048 bytes
    #[arg(long, value_name = "TEXT")]
    message: Option<String>,
    /// A short title, up to 192 bytes
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// What it needs (blocked only)
    #[arg(long, value_parser = kind_parser())]
    kind: Option<BlockedKind>,
    /// Which part of the work, such as deploy/eu-west
    #[arg(long, value_name = "PATH")]
    id: Option<String>,
    /// The name of the program
    #[arg(long, value_name = "NAME")]
    app: Option<String>,
}

/// `None`: clear.
type State = Option<ProgramState>;

fn state_parser() -> impl TypedValueParser<Value = State> {
    let names = ProgramState::ALL.map(ProgramState::as_str).into_iter().chain([CLEAR]);
    PossibleValuesParser::new(names)
        .map(|name| ProgramState::ALL.into_iter().find(|state| state.as_str() == name))
}

fn kind_parser() -> impl TypedValueParser<Value = BlockedKind> {
    PossibleValuesParser::new(BlockedKind::ALL.map(BlockedKind::as_str))
        .map(|name| BlockedKind::ALL.into_iter().find(|kind| kind.as_str() == name).expect("one of them"))
}

impl Report {
    pub(super) fn run(self, context: Context) -> Outcome {
        let report = StatusReport {
            state: self.state,
            id: self.id,
            kind: self.kind,
            progress: self.progress,
            app: self.app,
            // What a script passes on may have colors and tabs.
            title: self.title.as_deref().map(one_line),
            message: self.message.as_deref().map(one_line),
        };
        report.check().map_err(Failure::usage)?;
        let session = std::env::var(SESSION_VARIABLE).ok().filter(|session| !session.is_empty());
        let session = session.ok_or_else(|| {
            Failure::usage(format_args!(
                "{SESSION_VARIABLE} is not set; run `codepiper report` in a session, for example from a script \
                 there"
            ))
        })?;
        let client = context.client()?;
        context.block_on(client.report_status(&session, &report))??;
        Ok(())
    }
}
