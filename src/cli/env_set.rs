use std::collections::BTreeMap;
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use codepiper_protocol::wire::env_set::{ChangeEnvSet, CreateEnvSet, EnvValue};
use jiff::Timestamp;

use super::failure::{Failure, OF_DAEMON, OF_SESSIONS, Outcome, exit_codes, reason};
use super::table::Table;
use super::{Context, ask, dotenv, output, time};

/// Manage env sets: named sets of variables for sessions (`start --env-set NAME`), encrypted on disk
///
/// Values are typed on the terminal, or read from stdin or a file. They are never shown again.
#[derive(Args)]
#[command(after_help = exit_codes(OF_DAEMON))]
pub(super) struct EnvSet {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Create an env set
    #[command(after_help = exit_codes(OF_DAEMON))]
    Create {
        /// Name: letters, digits, '.', '_' and '-'
        name: String,
        /// Read the variables from a .env file, one NAME=VALUE per line; - reads stdin
        #[arg(long, value_name = "FILE")]
        from_file: Option<PathBuf>,
    },
    /// List the env sets and their variable names
    #[command(after_help = exit_codes(OF_DAEMON))]
    List {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Show an env set: names and lengths of its variables, when they changed, and the sessions that use it
    #[command(after_help = exit_codes(OF_SESSIONS))]
    Show {
        name: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Add or replace variables of an env set
    ///
    /// On a terminal, asks for each value without showing it. Otherwise reads the value of a single variable from
    /// stdin, without the final newline.
    #[command(after_help = exit_codes(OF_SESSIONS))]
    Set {
        name: String,
        /// Variable names; KEY=- is the same as KEY. Values are not accepted here, since other programs could read
        /// them
        #[arg(value_name = "KEY", required_unless_present = "from_file")]
        keys: Vec<String>,
        /// Read the variables from a .env file, one NAME=VALUE per line; - reads stdin
        #[arg(long, value_name = "FILE", conflicts_with = "keys")]
        from_file: Option<PathBuf>,
    },
    /// Remove variables from an env set
    #[command(after_help = exit_codes(OF_SESSIONS))]
    Unset {
        name: String,
        #[arg(value_name = "KEY", required = true)]
        keys: Vec<String>,
    },
    /// Delete an env set; sessions that use it keep running but cannot be resumed
    #[command(after_help = exit_codes(OF_SESSIONS))]
    Remove {
        name: String,
        /// Do not ask for confirmation when sessions use it
        #[arg(short, long)]
        yes: bool,
    },
}

impl EnvSet {
    pub(super) fn run(self, context: Context) -> Outcome {
        match self.verb {
            Verb::Create { name, from_file } => {
                let variables = from_file.map(|file| read_file(&file)).transpose()?.unwrap_or_default();
                let client = context.client()?;
                let set = context.block_on(client.create_env_set(&CreateEnvSet { name, variables }))??;
                output::done(format_args!("Env set {} created ({})", set.name, names(set.variables.len())))
            }
            Verb::List { json } => list(&context, json),
            Verb::Show { name, json } => show(&context, &name, json),
            Verb::Set { name, keys, from_file } => {
                let set = match from_file {
                    Some(file) => read_file(&file)?,
                    None => ask_values(&keys)?,
                };
                let changed = set.len();
                change(&context, &name, ChangeEnvSet { set, unset: vec![] })?;
                output::done(format_args!("Env set {name}: {} set", names(changed)))
            }
            Verb::Unset { name, keys } => {
                let removed = keys.len();
                change(&context, &name, ChangeEnvSet { set: BTreeMap::new(), unset: keys })?;
                output::done(format_args!("Env set {name}: {} removed", names(removed)))
            }
            Verb::Remove { name, yes } => remove(&context, &name, yes),
        }
    }
}

fn change(context: &Context, name: &str, change: ChangeEnvSet) -> Outcome {
    let client = context.client()?;
    context.block_on(client.change_env_set(name, &change))??;
    Ok(())
}

fn list(context: &Context, json: bool) -> Outcome {
    let client = context.client()?;
    let found = context.block_on(client.env_sets())??;
    if json {
        return output::json(&found);
    }
    if found.sets.is_empty() {
        output::say("no env sets; create one with `codepiper env-set create NAME`");
        return Ok(());
    }
    let mut table = Table::new(["NAME", "SESSIONS", "VARIABLES"], 2);
    for set in found.sets {
        let variables: Vec<String> = set.variables.into_iter().map(|variable| variable.name).collect();
        let shown = set.problem.unwrap_or_else(|| variables.join(", "));
        table.row([set.name.into(), set.used_by.len().to_string().into(), shown.into()]);
    }
    table.print(None)
}

fn show(context: &Context, name: &str, json: bool) -> Outcome {
    let client = context.client()?;
    let set = context.block_on(client.env_set(name))??;
    if json {
        return output::json(&set);
    }
    if let Some(problem) = &set.problem {
        output::say(problem);
    }
    let now = Timestamp::now();
    let mut table = Table::new(["VARIABLE", "VALUE", "CHANGED"], 0);
    for variable in set.variables {
        table.row([
            variable.name.into(),
            format!("•••••••• {} bytes", variable.length).into(),
            format!("{} ago", time::age(variable.changed_at, now)).into(),
        ]);
    }
    table.print(None)?;
    let users: Vec<String> = set.used_by.iter().map(|id| id.short()).collect();
    match users.is_empty() {
        true => Ok(()),
        false => output::line(format_args!("used by {}", users.join(", "))),
    }
}

fn remove(context: &Context, name: &str, yes: bool) -> Outcome {
    let client = context.client()?;
    let users = context.block_on(client.env_set(name))??.used_by;
    if !users.is_empty() && !yes {
        let users = users.iter().map(|id| id.short()).collect::<Vec<_>>().join(", ");
        let what = format!("env set {name} is used by {users}, which cannot be resumed without it");
        if !ask::possible() {
            return Err(Failure::new(format_args!("{what}; use --yes to remove it anyway")));
        }
        if !ask::yes(&format!("{what}. Remove it anyway?"))? {
            return Err(Failure::new("nothing was removed"));
        }
    }
    context.block_on(client.remove_env_set(name))??;
    output::done(format_args!("Env set {name} removed"))
}

/// The values of these variables, from whoever can be asked or from stdin.
fn ask_values(keys: &[String]) -> Result<BTreeMap<String, EnvValue>, Failure> {
    let names: Result<Vec<String>, Failure> = keys.iter().map(|key| variable_of(key)).collect();
    let names = names?;
    if std::io::stdin().is_terminal() {
        let asked = names.into_iter().map(|name| {
            let value = ask::hidden(&format!("{name}: "))?;
            Ok((name, EnvValue(value)))
        });
        return asked.collect();
    }
    match <[String; 1]>::try_from(names) {
        Ok([name]) => {
            let mut value = read_all(Path::new("-"))?;
            if value.ends_with('\n') {
                value.truncate(value.trim_end_matches('\n').len().max(value.len() - 1));
                if value.ends_with('\r') {
                    value.pop();
                }
            }
            Ok(BTreeMap::from([(name, EnvValue(value))]))
        }
        Err(_) => {
            Err(Failure::usage("stdin holds the value of a single variable; use --from-file - for several"))
        }
    }
}

/// What stands behind `=` is never repeated: it may be a secret.
fn variable_of(key: &str) -> Result<String, Failure> {
    match key.split_once('=') {
        None => Ok(key.to_owned()),
        Some((name, "-")) => Ok(name.to_owned()),
        Some((name, _)) => Err(Failure::usage(format_args!(
            "do not pass the value of {name} as an argument: other programs and the shell history can read \
             it; give only the name and type the value or pipe it to stdin; if it was a secret, replace it",
        ))),
    }
}

fn read_file(path: &Path) -> Result<BTreeMap<String, EnvValue>, Failure> {
    let text = read_all(path)?;
    dotenv::parse(&text).map_err(|what| Failure::usage(format_args!("{}: {what}", path.display())))
}

/// `-` is stdin.
fn read_all(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = match path == Path::new("-") {
        true => std::io::stdin().lock().read_to_string(&mut text).map(drop),
        false => std::fs::read_to_string(path).map(|read| text = read),
    };
    let shown = if path == Path::new("-") { "stdin".into() } else { path.display().to_string() };
    read.map_err(|error| Failure::usage(format_args!("cannot read {shown}: {}", reason(&error))))?;
    Ok(text)
}

fn names(count: usize) -> String {
    if count == 1 { "1 variable".to_owned() } else { format!("{count} variables") }
}
