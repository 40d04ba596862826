//! The command line: one file a verb, which holds its arguments, its call of the client and its output.
//!
//! | module | what the verbs share |
//! |--------|----------------------|
//! | [`failure`]   | how a verb ends: the message and the exit code |
//! | [`next`]      | what to do about a problem, as commands and flags |
//! | [`output`]    | data on stdout, messages on stderr |
//! | [`follow`]    | a subscription that survives a restart of the daemon |
//! | [`view`]      | the own terminal while it shows another one |
//! | [`condition`] | what can be waited for |
//! | [`ask`]       | what a person is asked |
//! | [`dotenv`]    | files of variables |
//! | [`table`], [`time`] | how lists and times look |

mod ask;
mod attach;
mod audit;
mod auth;
mod color;
mod completions;
mod condition;
mod daemon;
mod diff;
mod doctor;
mod dotenv;
mod env_set;
mod export;
mod failure;
mod follow;
mod git;
mod inbox;
mod keys;
mod kill;
mod logs;
mod man;
mod model;
mod next;
mod notifications;
mod output;
mod policy;
mod providers;
mod report;
mod resize;
mod resume;
mod review;
mod send;
mod sessions;
mod start;
mod stop;
mod table;
mod tail;
mod time;
mod view;
mod wait;
mod worktree;

use std::future::Future;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use codepiper_protocol::visible::{is_hidden, visible};
use codepiper_protocol::wire::problem::Next;
use codepiper_protocol::wire::session::Surroundings;

use crate::client::Client;
use crate::environment;
use crate::paths::{Flags, Paths};
use crate::process;
use color::Color;
use failure::{Failure, OF_LIVE_SESSIONS, Outcome, exit_codes};

/// Runs the command that the arguments of this process say.
pub fn run() -> ExitCode {
    let command = match Command::try_parse() {
        Ok(command) => command,
        Err(error) => return refuse(&error),
    };
    command.color.choose();
    let flags = Flags { socket: command.socket, tmux_socket: None };
    let outcome = command.verb.run(Context { flags: flags.clone() });
    failure::exit_code(outcome.map_err(|failure| name_daemon(failure, &flags)))
}

/// Prints what clap says: help, or what is wrong with the arguments and with the variables that stand for some. It
/// repeats them, so they are read again as people are shown them.
fn refuse(error: &clap::Error) -> ExitCode {
    let shown = std::env::args_os().map(|word| visible(&word.to_string_lossy()).into_owned());
    for (name, value) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CODEPIPER_") {
            // SAFETY: this process has one thread, and ends.
            unsafe { std::env::set_var(&name, visible(&value.to_string_lossy()).as_ref()) };
        }
    }
    let again = Command::try_parse_from(shown).err();
    let said = again.as_ref().unwrap_or(error);
    let text = said.to_string();
    match text.contains(|letter: char| letter != '\n' && is_hidden(letter)) {
        // Wrong as nothing else than what it is: not UTF-8, for example.
        true => text.lines().for_each(output::say),
        // A closed stdout is no reason to fail at showing help.
        false => drop(said.print()),
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Run coding agents in tmux: keep them running, record their output, and watch, answer and steer them.
#[derive(Parser)]
#[command(name = "codepiper", bin_name = "codepiper", version, disable_help_subcommand = true)]
#[command(after_help = exit_codes(OF_LIVE_SESSIONS))]
struct Command {
    /// Daemon socket [env: CODEPIPER_SOCKET] [default: /tmp/codepiper.sock, or codepiper.sock in CODEPIPER_HOME]
    #[arg(long, global = true, value_name = "PATH", help_heading = "Global options")]
    socket: Option<PathBuf>,
    /// When to use colors; NO_COLOR is respected
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "WHEN",
        help_heading = "Global options"
    )]
    color: Color,
    #[command(subcommand)]
    verb: Verb,
}

/// A daemon that cannot be reached may be there all the same.
fn name_daemon(failure: Failure, flags: &Flags) -> Failure {
    let Failure::Said { code: failure::NOT_RUNNING, .. } = failure else { return failure };
    let Ok((paths, _)) = Paths::resolve(flags) else { return failure };
    let Some(pid) = paths.daemon_pid() else { return failure };
    let (data, socket) = (paths.data.display(), paths.socket.display());
    Failure::not_running(format_args!("a daemon (pid {pid}) uses {data}, but nothing answers on {socket}"))
        .with_next(Some(&Next::ReplaceDaemon { pid: Some(pid) }))
}

#[derive(Subcommand)]
enum Verb {
    Daemon(daemon::Daemon),
    Start(start::Start),
    Sessions(sessions::Sessions),
    Attach(attach::Attach),
    Send(send::Send),
    Keys(keys::Keys),
    Tail(tail::Tail),
    Logs(logs::Logs),
    Wait(wait::Wait),
    Stop(stop::Stop),
    Kill(kill::Kill),
    Resume(resume::Resume),
    Resize(resize::Resize),
    EnvSet(env_set::EnvSet),
    Policy(policy::Policy),
    Audit(audit::Audit),
    Export(export::Export),
    Worktree(worktree::Worktrees),
    Git(git::Git),
    Diff(diff::Diff),
    Review(review::Review),
    Inbox(inbox::Inbox),
    Approve(inbox::Approve),
    Deny(inbox::Deny),
    Answer(inbox::Answer),
    Halt(inbox::Halt),
    Notify(inbox::Notify),
    Notifications(notifications::Notifications),
    Model(model::Model),
    Providers(providers::Providers),
    Report(report::Report),
    Auth(auth::Auth),
    Doctor(doctor::Doctor),
    Completions(completions::Completions),
    Man(man::Man),
}

impl Verb {
    fn run(self, context: Context) -> Outcome {
        match self {
            Verb::Daemon(verb) => verb.run(context),
            Verb::Start(verb) => verb.run(context),
            Verb::Sessions(verb) => verb.run(context),
            Verb::Attach(verb) => verb.run(context),
            Verb::Send(verb) => verb.run(context),
            Verb::Keys(verb) => verb.run(context),
            Verb::Tail(verb) => verb.run(context),
            Verb::Logs(verb) => verb.run(context),
            Verb::Wait(verb) => verb.run(context),
            Verb::Stop(verb) => verb.run(context),
            Verb::Kill(verb) => verb.run(context),
            Verb::Resume(verb) => verb.run(context),
            Verb::Resize(verb) => verb.run(context),
            Verb::EnvSet(verb) => verb.run(context),
            Verb::Policy(verb) => verb.run(context),
            Verb::Audit(verb) => verb.run(context),
            Verb::Export(verb) => verb.run(context),
            Verb::Worktree(verb) => verb.run(context),
            Verb::Git(verb) => verb.run(context),
            Verb::Diff(verb) => verb.run(context),
            Verb::Review(verb) => verb.run(context),
            Verb::Inbox(verb) => verb.run(context),
            Verb::Approve(verb) => verb.run(context),
            Verb::Deny(verb) => verb.run(context),
            Verb::Answer(verb) => verb.run(context),
            Verb::Halt(verb) => verb.run(context),
            Verb::Notify(verb) => verb.run(context),
            Verb::Notifications(verb) => verb.run(context),
            Verb::Model(verb) => verb.run(context),
            Verb::Providers(verb) => verb.run(context),
            Verb::Report(verb) => verb.run(context),
            Verb::Auth(verb) => verb.run(context),
            Verb::Doctor(verb) => verb.run(context),
            Verb::Completions(verb) => verb.run(),
            Verb::Man(verb) => verb.run(),
        }
    }
}

/// What every verb gets.
struct Context {
    flags: Flags,
}

impl Context {
    fn paths(&self) -> Result<Paths, Failure> {
        Ok(Paths::resolve(&self.flags)?.0)
    }

    /// What a session gets from this process.
    fn surroundings(&self) -> Result<Surroundings, Failure> {
        let more = Paths::resolve(&self.flags)?.1.sessions.update_environment;
        let env = environment::of_caller(std::env::vars_os(), &more);
        Ok(Surroundings { env, umask: Some(process::inherited::umask_of_programs()) })
    }

    fn client(&self) -> Result<Client, Failure> {
        Ok(Client::new(self.paths()?.socket))
    }

    /// Runs what talks to the daemon. Verbs that do not, never pay for a runtime.
    fn block_on<F: Future>(&self, future: F) -> Result<F::Output, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let output = runtime.block_on(future);
        // A read of stdin may be under way in a thread that nobody can interrupt.
        runtime.shutdown_background();
        Ok(output)
    }

    /// The same for what goes on until something happens: it ends, too, when nobody reads stdout any more.
    fn follow<T>(&self, future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        self.block_on(output::while_read(future))?
    }
}

#[cfg(test)]
mod tests;
