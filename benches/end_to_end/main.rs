//! What a person waits for, beside what they could use instead, in one run.
//!
//! Starts everything itself in a temporary directory with a clean environment, talks to it over Unix
//! sockets, pipes and loopback only, ends it all, and prints a table of ratios. Wall-clock numbers belong to the
//! machine and its load; the ratios compare rounds that alternate within one run.
//!
//! ```text
//! cargo bench --bench end_to_end -- [--quick] [--seconds=N] [ROW]…      rows: see ROWS
//! ```
//!
//! | module       | what |
//! |--------------|------|
//! | [`crowd`]    | what 50 and 500 sessions cost that do nothing |
//! | [`delivery`] | a million lines, every one once and in order, live and later |
//! | [`echo`]     | one key and its echo, idle and beside a flood |
//! | [`git`]      | the changes of a large work tree, beside git itself |
//! | [`git_live`] | from a change in a repository to those who follow it |
//! | [`hook`]     | what a hook costs its agent, beside `/bin/true` |
//! | [`launch`]   | many real agents started at once |
//! | [`journal`]  | what output takes on the disk |
//! | [`policy`]   | a decision under many rules, and its record |
//! | [`printed`]  | memory and start-up when 50 sessions printed much |
//! | [`search`]   | a text in older output |
//! | [`start`]    | starting the daemon and a session, and the first screen |
//! | [`steady`]   | what 1, 20 and 50 of 300 sessions cost while they work |
//! | [`states`]   | from evidence to the state that people see |
//! | [`web`]      | the dashboard: opening a session, many viewers, one that does not read |
//! | [`bed`]      | the directory and the clean environment |
//! | [`daemon`], [`viewer`], [`login`] | us: the daemon, a connection to its WebSocket, signing in |
//! | [`tmux`], [`terminal`], [`hop`] | bare tmux, a bare pty, a bare socket |
//! | [`program`], [`screenful`] | what runs in the terminals, and what it prints |
//! | [`process`]  | what a process has used so far |
//! | [`report`]   | percentiles, and the table |
//!
//! The exit status tells whether what was delivered was right, never how fast it was.

mod bed;
mod crowd;
mod daemon;
mod delivery;
mod echo;
mod git;
mod git_live;
mod hook;
mod hop;
mod journal;
mod launch;
mod login;
mod paste;
mod policy;
mod printed;
mod process;
mod program;
mod report;
mod screenful;
mod search;
mod start;
mod states;
mod steady;
mod terminal;
mod tmux;
mod viewer;
mod web;

use std::process::ExitCode;

use bed::Bed;
use report::Report;

type Result<T> = anyhow::Result<T>;
/// A row: its name, and what measures it.
type Row = (&'static str, fn(&Bed, &Options, &mut Report) -> Result<()>);

const ROWS: [Row; 23] = [
    ("delivery", delivery::measure),
    ("echo", echo::measure_idle),
    ("web-echo", echo::measure_idle_web),
    ("flood", echo::measure_beside_a_flood),
    ("opening", web::measure_opening),
    ("viewers", web::measure_viewers),
    ("stuck", web::measure_stuck),
    ("paste", paste::measure),
    ("hook", hook::measure),
    ("policy", policy::measure),
    ("states", states::measure),
    ("git", git::measure),
    ("git-live", git_live::measure),
    ("idle", crowd::measure),
    ("many", crowd::measure_many),
    ("steady", steady::measure),
    ("steady-20", steady::measure_twenty),
    ("steady-300", steady::measure_many),
    ("journal", journal::measure),
    ("printed", printed::measure),
    ("search", search::measure),
    ("start", start::measure),
    ("launch", launch::measure),
];

struct Options {
    /// Fewer rounds: the numbers are rougher.
    quick: bool,
    /// How long rows look that are about what goes on all the time.
    seconds: Option<u64>,
    rows: Vec<String>,
}

impl Options {
    fn parse(args: impl Iterator<Item = String>) -> Self {
        // Cargo adds --bench.
        let (flags, rows): (Vec<_>, Vec<_>) = args.partition(|arg| arg.starts_with('-'));
        let seconds = flags.iter().find_map(|flag| flag.strip_prefix("--seconds=")?.parse().ok());
        Self { quick: flags.iter().any(|flag| flag == "--quick"), seconds, rows }
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
    process::move_to_own_namespace(&args);
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
