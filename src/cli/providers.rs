use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use codepiper_protocol::wire::daemon::ProviderCheck;
use codepiper_protocol::wire::session::{Activity, EvidenceSource, Status, WaitingFor};
use codepiper_protocol::wire::status::StatusSource;
use codepiper_protocol::{SessionId, Size};
use jiff::Timestamp;

use super::failure::{Failure, OF_DAEMON, Outcome, exit_codes, reason};
use super::{Context, output, table};
use crate::config::Config;
use crate::environment;
use crate::provider::{self, Argv, LaunchRequest, Provider, Quit, ReadScreens};
use crate::session::life::machine::{Input, Machine, Now, Operation};
use crate::terminal::reports::{Report, Scanner};
use crate::terminal::screen::Screen;
use crate::terminal::status::Table;

/// List the providers that `start` can run
#[derive(Args)]
#[command(after_help = exit_codes(OF_DAEMON), args_conflicts_with_subcommands = true)]
pub(super) struct Providers {
    /// Print one JSON array
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Subcommand)]
enum Verb {
    Test(Test),
}

/// Test a provider from the configuration file without starting it
///
/// Shows the commands it would run, and what its rules detect in recorded output, for example with
/// `codepiper tail ID --raw -n all | codepiper providers test NAME`. Reads the configuration file; needs no daemon.
#[derive(Args)]
#[command(after_help = exit_codes(super::failure::LOCAL))]
struct Test {
    /// Provider name
    name: String,
    /// File with recorded output, including escape sequences [default: stdin]
    file: Option<PathBuf>,
    /// Size of the terminal that the output was printed to
    #[arg(long, value_name = "COLSxROWS", default_value_t = Size::DEFAULT)]
    size: Size,
}

impl Providers {
    pub(super) fn run(self, context: Context) -> Outcome {
        if let Some(Verb::Test(test)) = self.verb {
            return test.run(&context);
        }
        let client = context.client()?;
        let providers = context.block_on(client.providers())??;
        if self.json {
            return output::json(&providers);
        }
        let headings = ["PROVIDER", "VERSION", "SIGNED IN", "PROGRAM", "RESUME", "DESCRIPTION"];
        let mut table = table::Table::new(headings, 5);
        for provider in providers {
            let (version, sign_in) = provider.check.as_ref().map(checked).unwrap_or_default();
            let program = match provider.found {
                Some(path) => path.display().to_string(),
                None => format!("{} (not found)", provider.program),
            };
            table.row([
                provider.name.into(),
                version.into(),
                sign_in.into(),
                program.into(),
                provider.resume.into(),
                provider.description.into(),
            ]);
        }
        table.print(None)
    }
}

/// The version, and who is signed in, in few words.
fn checked(check: &ProviderCheck) -> (String, String) {
    let version = match &check.version {
        Some(version) if check.tested.contains(version) => version.clone(),
        Some(version) => format!("{version} (not tested)"),
        None => "unknown".to_owned(),
    };
    let lacks: Vec<&str> = check
        .features
        .iter()
        .filter(|feature| feature.works == Some(false))
        .map(|feature| feature.what.as_str())
        .collect();
    let version =
        if lacks.is_empty() { version } else { format!("{version}, without: {}", lacks.join("; ")) };
    let sign_in = match &check.sign_in {
        Some(sign_in) if sign_in.signed_in => sign_in.how.clone(),
        Some(_) => "no".to_owned(),
        None => "unknown".to_owned(),
    };
    (version, sign_in)
}

impl Test {
    fn run(self, context: &Context) -> Outcome {
        let file = context.paths()?.config_file;
        let config = Config::load(&file)?;
        let providers = provider::Providers::new(provider::BUILT_IN, &config.providers)
            .map_err(|invalid| invalid.of_file(&file))?;
        let Some(provider) = providers.find(&self.name) else {
            let (name, names) = (&self.name, providers.names());
            return Err(Failure::usage(format_args!("unknown provider '{name}'; available: {names}")));
        };
        let env = environment::as_text(std::env::vars_os());
        let launch = LaunchRequest {
            forked_from: None,
            session: SessionId::random(),
            args: &[],
            model: None,
            permission_mode: None,
            cwd: "/".as_ref(),
            env: &env,
            hook: "HOOK",
            denied: &[],
        };
        let words = |argv: Argv| format!("{} {}", argv.program, argv.args.join(" "));
        let program = provider.launcher.program(&env);
        let found = provider::look_up(&program, env.get("PATH").map(String::as_str), "/".as_ref());
        let found = found.map_or("not found in PATH".to_owned(), |path| path.display().to_string());
        output::line(format_args!("program  {program} ({found})"))?;
        output::line(format_args!(
            "start    {}",
            words(provider.launcher.start(&launch, None, None)).trim_end()
        ))?;
        output::line(format_args!("resume   {}", words(provider.launcher.resume(&launch, None)).trim_end()))?;
        match provider.quit {
            Quit::HangUp => output::line("quit     SIGHUP")?,
            Quit::Keys { keys, .. } => output::line(format_args!("quit     {}", keys.join(" ")))?,
        }
        match self.output()? {
            Some(printed) => signals(provider, self.size, &printed),
            None => Ok(()),
        }
    }

    /// `None` when nobody hands any in.
    fn output(&self) -> Result<Option<Vec<u8>>, Failure> {
        let mut printed = Vec::new();
        match &self.file {
            Some(file) => {
                let cannot = |error: io::Error| {
                    Failure::usage(format_args!("cannot read {}: {}", file.display(), reason(&error)))
                };
                File::open(file).and_then(|mut file| file.read_to_end(&mut printed)).map_err(cannot)?;
            }
            None if io::stdin().is_terminal() => return Ok(None),
            None => drop(io::stdin().lock().read_to_end(&mut printed)?),
        }
        Ok(Some(printed))
    }
}

/// Says what each report and the screen at the end prove, and what counts, by the rules that hold for a session.
fn signals(provider: &Provider, size: Size, printed: &[u8]) -> Outcome {
    let now = Now { wall: Timestamp::now(), since_start: Duration::ZERO };
    let mut machine =
        Machine::new(Status::Starting, None, now.wall).with_reports_as_hooks(provider.reports_count_as_hooks);
    let launched = machine.begin(now, Operation::Start).and_then(|()| machine.launch(now, false));
    debug_assert_eq!(launched, Ok(()));
    machine.handle(now, Input::Executed { pid: 0 });
    let mut reports = Vec::new();
    Scanner::default().scan(printed, &mut |place, report| reports.push((place, report)));
    let (all, mut fit, mut said) = (reports.len(), 0, Table::default());
    for (place, report) in reports {
        let meaning = match &report {
            Report::Status(status) => {
                said.apply(StatusSource::Terminal, status.clone(), now.wall);
                provider.signals.status(said.stated(|_| true))
            }
            report => provider.signals.report(report),
        };
        if let Some((activity, waiting_for)) = meaning {
            fit += 1;
            let what = format!("it reported {report}");
            output::line(format_args!("byte {place}: {what} → {}", state(activity, waiting_for)))?;
            let source = EvidenceSource::Report;
            machine.handle(now, Input::Activity { source, activity, waiting_for, what });
        }
    }
    output::line(format_args!("{fit} of {all} reports match a rule"))?;
    if provider.reads_screens != ReadScreens::Never {
        let mut screen = Screen::new(size);
        screen.feed(printed);
        let rows: Vec<String> = (0..size.rows()).map(|row| screen.row_text(row)).collect();
        match provider.signals.screen(&rows) {
            Some((activity, waiting_for, what)) => {
                output::line(format_args!("at the end: {what} → {}", state(activity, waiting_for)))?;
                let source = EvidenceSource::Screen;
                machine.handle(now, Input::Activity { source, activity, waiting_for, what });
            }
            None => output::line("at the end: no rule matches the screen")?,
        }
    }
    let proof = machine.evidence().last().filter(|last| last.source != EvidenceSource::LifeCycle);
    let proof = proof.map_or("no evidence", |last| &last.what);
    output::line(format_args!("result: {}, {proof}", state(machine.activity(), machine.waiting_for())))
}

fn state(activity: Activity, waiting_for: Option<WaitingFor>) -> String {
    waiting_for.map_or_else(|| activity.to_string(), |what| format!("{activity} for {what}"))
}
