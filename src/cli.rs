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
mod auth;
mod color;
mod completions;
mod condition;
mod daemon;
mod diff;
mod doctor;
mod dotenv;
mod env_set;
mod failure;
mod follow;
mod git;
mod keys;
mod kill;
mod logs;
mod man;
mod model;
mod next;
mod output;
mod providers;
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
    Worktree(worktree::Worktrees),
    Git(git::Git),
    Diff(diff::Diff),
    Review(review::Review),
    Model(model::Model),
    Providers(providers::Providers),
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
            Verb::Worktree(verb) => verb.run(context),
            Verb::Git(verb) => verb.run(context),
            Verb::Diff(verb) => verb.run(context),
            Verb::Review(verb) => verb.run(context),
            Verb::Model(verb) => verb.run(context),
            Verb::Providers(verb) => verb.run(context),
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
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(words: &str) -> Result<Command, clap::Error> {
        Command::try_parse_from(words.split(' '))
    }

    #[test]
    fn the_definition_is_sound() {
        Command::command().debug_assert();
    }

    #[test]
    fn the_help_of_every_verb_names_its_exit_codes() {
        fn check(command: &clap::Command, path: &str) {
            let help = command.clone().render_long_help().to_string();
            assert!(help.contains("Exit codes:"), "{path}");
            for verb in command.get_subcommands() {
                check(verb, &format!("{path} {}", verb.get_name()));
            }
        }
        check(&Command::command(), "codepiper");
    }

    #[test]
    fn the_examples_of_the_documentation_are_understood() {
        for line in [
            "codepiper daemon",
            "codepiper daemon --detach --tmux-socket /x",
            "codepiper daemon --web",
            "codepiper daemon --web --host 0.0.0.0 --port 3001 --tls-cert /c --tls-key /k",
            "codepiper daemon --web --behind-proxy --public-url https://codepiper.example",
            "codepiper daemon stop --kill-sessions",
            "codepiper start -p claude-code -d /p -- --model opus",
            "codepiper start -p claude-code -d /p --billing api",
            "codepiper start -p claude-code -d /p --worktree --create-branch feature/refactor",
            "codepiper start -p claude-code -d /p --worktree --base v1.2",
            "codepiper start -p claude-code -d /p --worktree --branch main",
            "codepiper start -p claude-code -d /p --env-set my-api-keys --env-set two",
            "codepiper start -p codex --dangerous --yes",
            "codepiper resume a1b2c3d4 --fork --name two",
            "codepiper env-set create x --from-file .env",
            "codepiper env-set set x A B=-",
            "codepiper env-set unset x A B",
            "codepiper worktree remove feature/x --ignored",
            "codepiper send a1b2c3d4 --image s.png --image t.png text",
            "codepiper send a1b2c3d4 --image s.png",
            "codepiper send a1b2c3d4 text",
            "codepiper send a1b2c3d4 --no-newline text",
            "codepiper send a1b2c3d4 -",
            "codepiper send a1b2c3d4 -- -x --no-newline",
            "codepiper keys a1b2c3d4 escape up up enter",
            "codepiper tail a1b2c3d4 --follow -n all",
            "codepiper wait a1b2c3d4 --until quiet=1.5 --from 0:12 --timeout 3",
            "codepiper sessions show a1b2c3d4 --json",
            "codepiper sessions --status running --json",
            "codepiper --socket /s sessions",
            "codepiper sessions --socket /s --color never",
            "codepiper auth revoke 67e55044-10b1-426f-9247-bb680e5fe0c8",
            "codepiper auth revoke --all",
        ] {
            assert!(parse(line).is_ok(), "{line}: {}", parse(line).err().unwrap());
        }
    }

    #[test]
    fn what_cannot_be_is_a_usage_error() {
        for line in [
            "codepiper",
            "codepiper daemon --web --port 70000",
            "codepiper daemon --web --host here",
            "codepiper daemon --detach stop",
            "codepiper send a1b2c3d4",
            "codepiper send a1b2c3d4 text --file f",
            "codepiper send a1b2c3d4 text --timeout 3",
            "codepiper keys a1b2c3d4",
            "codepiper tail x -n -1",
            "codepiper start -p codex --billing free",
            "codepiper start -p codex --create-branch x",
            "codepiper start -p codex --worktree --branch x --base y",
            "codepiper resume --all --fork",
            "codepiper resume x --name y",
            "codepiper env-set set x",
            "codepiper env-set set x A --from-file f",
            "codepiper env-set unset x",
            "codepiper tail x --raw --json",
            "codepiper tail x --from 0:1 --since 1m",
            "codepiper wait x",
            "codepiper wait x --until text=[",
            "codepiper resize x 80",
            "codepiper sessions --status gone",
            "codepiper auth revoke",
            "codepiper auth revoke x",
            "codepiper sessions rename x",
            "codepiper sessions rename x y --clear",
        ] {
            assert_eq!(parse(line).err().map(|error| error.exit_code()), Some(2), "{line}");
        }
    }

    /// What the guide says about a verb: from its heading to the next one.
    fn guide(verb: &str) -> &'static str {
        let guide = include_str!("../docs/sessions.md");
        let (_, section) = guide
            .split_once(&format!("\n### `{verb}`\n"))
            .unwrap_or_else(|| panic!("docs/sessions.md has no section for {verb}"));
        let end = section.find("\n### ").or_else(|| section.find("\n## ")).unwrap_or(section.len());
        &section[..end]
    }

    /// The words that look like flags.
    fn flags(text: &str) -> impl Iterator<Item = &str> {
        text.split(|letter: char| letter.is_whitespace() || "`,;:()|".contains(letter))
            .filter(|word| word.starts_with('-') && word.chars().any(char::is_alphabetic))
    }

    fn flags_of(command: &clap::Command) -> Vec<String> {
        let own = command.get_arguments().filter(|argument| !argument.is_global_set()).flat_map(|argument| {
            let long = argument.get_long().map(|long| format!("--{long}"));
            long.into_iter().chain(argument.get_short().map(|short| format!("-{short}")))
        });
        own.chain(command.get_subcommands().flat_map(flags_of)).collect()
    }

    #[test]
    fn the_guide_names_every_verb_and_every_flag() {
        for verb in Command::command().get_subcommands() {
            let name = verb.get_name();
            let section = guide(name);
            for subverb in verb.get_subcommands() {
                let named = format!("`{name} {}", subverb.get_name());
                assert!(section.contains(&named), "docs/sessions.md does not name {named}`");
            }
            let known = flags_of(verb);
            for flag in &known {
                assert!(
                    flags(section).any(|word| word == flag),
                    "docs/sessions.md, {name}: {flag} is missing"
                );
            }
            // And none that is gone. A first column is about flags.
            for row in section.lines().filter_map(|line| line.strip_prefix("| ")) {
                for flag in flags(row.split('|').next().unwrap_or_default()) {
                    assert!(
                        known.iter().any(|known| known == flag),
                        "docs/sessions.md, {name}: there is no {flag}"
                    );
                }
            }
        }
        let for_all = include_str!("../docs/sessions.md").split("\n### ").next().unwrap_or_default();
        for argument in Command::command().get_arguments() {
            let flag = format!("--{}", argument.get_long().unwrap_or_default());
            assert!(flags(for_all).any(|word| word == flag), "docs/sessions.md: {flag} is missing");
        }
    }
}
