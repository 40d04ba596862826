//! What a person waits for, beside what they could use instead, in one run.
//!
//! Starts everything itself in a temporary directory with a clean environment, talks to it over Unix
//! sockets and pipes only, ends it all, and prints a table of ratios. Wall-clock numbers belong to the
//! machine and its load; the ratios compare rounds that alternate within one run.
//!
//! ```text
//! cargo bench --bench end_to_end -- [--quick] [ROW]…      rows: delivery, echo, flood, hook, idle, start
//! ```
//!
//! | module       | what |
//! |--------------|------|
//! | [`delivery`] | a million lines, every one once and in order |
//! | [`echo`]     | one key and its echo, idle and beside a flood |
//! | [`hook`]     | what a hook costs its agent, beside `/bin/true` |
//! | [`idle`]     | what 50 sessions cost that do nothing |
//! | [`start`]    | starting the daemon and a session, and the first screen |
//! | [`bed`]      | the directory and the clean environment |
//! | [`daemon`], [`viewer`] | us: the daemon, and a connection to its WebSocket |
//! | [`tmux`], [`terminal`], [`hop`] | bare tmux, a bare pty, a bare Unix socket |
//! | [`program`]  | what runs in the terminals |
//! | [`process`]  | what a process has used so far |
//! | [`report`]   | percentiles, and the table |
//!
//! The exit status tells whether what was delivered was right, never how fast it was.

mod bed;
mod daemon;
mod delivery;
mod echo;
mod hook;
mod hop;
mod idle;
mod process;
mod program;
mod report;
mod start;
mod terminal;
mod tmux;
mod viewer;

use std::process::ExitCode;

use bed::Bed;
use report::Report;

type Result<T> = anyhow::Result<T>;
/// A row: its name, and what measures it.
type Row = (&'static str, fn(&Bed, &Options, &mut Report) -> Result<()>);

const ROWS: [Row; 6] = [
    ("delivery", delivery::measure),
    ("echo", echo::measure_idle),
    ("flood", echo::measure_beside_a_flood),
    ("hook", hook::measure),
    ("idle", idle::measure),
    ("start", start::measure),
];

struct Options {
    /// Fewer rounds: the numbers are rougher.
    quick: bool,
    rows: Vec<String>,
}

impl Options {
    fn parse(args: impl Iterator<Item = String>) -> Self {
        // Cargo adds --bench.
        let (flags, rows): (Vec<_>, Vec<_>) = args.partition(|arg| arg.starts_with('-'));
        Self { quick: flags.iter().any(|flag| flag == "--quick"), rows }
    }

    fn wants(&self, row: &str) -> bool {
        self.rows.is_empty() || self.rows.iter().any(|wanted| wanted == row)
    }

    /// So many rounds, or fewer when it shall be quick.
    fn rounds(&self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }
}

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args().skip(1).collect();
    if let Some(("--program", program)) = args.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return program::run(program);
    }
    let options = Options::parse(args.into_iter());
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    process::stop_on_signals()?;
    let bed = Bed::make()?;
    let mut report = Report::default();
    let mut failed = None;
    for (name, measure) in ROWS {
        if failed.is_none() && options.wants(name) {
            failed = measure(&bed, options, &mut report).map_err(|error| error.context(name)).err();
        }
    }
    report.print();
    failed.map_or(Ok(()), Err)
}
