mod settings;

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{Args, Subcommand};
use codepiper_protocol::visible::count;
use codepiper_protocol::wire::policy::{PolicyAction, PolicyInfo, PolicyScope, PolicyVerdict, TestPolicy};

use super::failure::{Failure, OF_DAEMON, OF_SESSIONS, Outcome, exit_codes, reason};
use super::table::Table;
use super::{Context, output};
use crate::policy::{import, read, ready, rule, wire, write};

/// Manage policies: what agents may do without asking, what they must ask about, and what they may not do
///
/// A policy is a TOML file with rules. See docs/policies.md for the format, and for what a policy does not stop.
#[derive(Args)]
#[command(after_help = exit_codes(OF_DAEMON))]
pub(super) struct Policy {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// List the policies
    #[command(after_help = exit_codes(OF_DAEMON))]
    List {
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Print a policy
    #[command(after_help = exit_codes(OF_SESSIONS))]
    Show {
        name: String,
        /// Print one JSON object: the text, with the policy's fields, rules, mistakes and warnings
        #[arg(long)]
        json: bool,
    },
    /// Create a policy, or replace it with --replace
    #[command(after_help = exit_codes(OF_DAEMON))]
    Create {
        name: String,
        /// A policy that comes with CodePiper (read-only, safe-development, deny-list), or a file; - reads stdin
        #[arg(long, value_name = "POLICY|FILE")]
        from: Option<String>,
        /// Replace an existing policy
        #[arg(long)]
        replace: bool,
    },
    /// Change a policy in $VISUAL or $EDITOR
    #[command(after_help = exit_codes(OF_SESSIONS))]
    Edit { name: String },
    /// Delete a policy
    #[command(after_help = exit_codes(OF_SESSIONS))]
    Remove { name: String },
    /// Check a file without saving it: what is wrong, and which rules allow more than they seem to
    ///
    /// Policies that it includes are not looked at: they are in the daemon.
    #[command(after_help = exit_codes(&[0, 1, 2]))]
    Check {
        /// Policy file; - reads stdin
        file: PathBuf,
        /// Print one JSON object: the policy's fields, mistakes and warnings
        #[arg(long)]
        json: bool,
    },
    /// Show what the policies decide about a command, and why
    #[command(after_help = exit_codes(OF_SESSIONS))]
    Test {
        command: String,
        /// Test the command as if it ran in this session
        #[arg(short, long, value_name = "ID")]
        session: Option<String>,
        /// Test the command as if it ran in this directory; default: the session's, otherwise the current one
        #[arg(short, long, value_name = "DIR")]
        dir: Option<PathBuf>,
        /// Test only this policy file, as if it were saved
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Turn the permission rules of Claude Code (settings.json) or Codex (.rules) into a policy, and print it
    ///
    /// What could not be carried over is reported on stderr, or with --json beside the policy.
    #[command(after_help = exit_codes(&[0, 1, 2]))]
    Import {
        file: PathBuf,
        /// Name of the policy
        #[arg(long, default_value = "imported")]
        name: String,
        /// Print one JSON object: the policy's text, and what could not be carried over
        #[arg(long)]
        json: bool,
    },
    /// Apply a policy with `sessions = […]` to one more session
    #[command(after_help = exit_codes(OF_SESSIONS))]
    Attach {
        name: String,
        #[arg(value_name = "ID")]
        session: String,
    },
    /// Stop applying such a policy to a session
    #[command(after_help = exit_codes(OF_SESSIONS))]
    Detach {
        name: String,
        #[arg(value_name = "ID")]
        session: String,
    },
}

impl Policy {
    pub(super) fn run(self, context: Context) -> Outcome {
        match self.verb {
            Verb::List { json } => list(&context, json),
            Verb::Show { name, json } => show(&context, &name, json),
            Verb::Create { name, from, replace } => create(&context, &name, from.as_deref(), replace),
            Verb::Edit { name } => edit(&context, &name),
            Verb::Remove { name } => {
                let client = context.client()?;
                context.block_on(client.remove_policy(&name))??;
                output::done(format_args!("Policy {name} removed"))
            }
            Verb::Check { file, json } => check(&file, json),
            Verb::Test { command, session, dir, file, json } => {
                let text = file.map(|file| text_of(&file)).transpose()?;
                let here = session.is_none().then(std::env::current_dir).and_then(Result::ok);
                let wanted = TestPolicy {
                    command: Some(command),
                    session,
                    cwd: dir.or(here),
                    text,
                    ..TestPolicy::default()
                };
                test(&context, &wanted, json)
            }
            Verb::Import { file, name, json } => import_file(&file, &name, json),
            Verb::Attach { name, session } => attach(&context, &name, &session, true),
            Verb::Detach { name, session } => attach(&context, &name, &session, false),
        }
    }
}

fn list(context: &Context, json: bool) -> Outcome {
    let client = context.client()?;
    let policies = context.block_on(client.policies())??;
    if json {
        return output::json(&policies);
    }
    if policies.is_empty() {
        output::say("no policies: agents follow their own rules; see `codepiper policy create --help`");
        return Ok(());
    }
    let mut table = Table::new(["NAME", "PRIORITY", "RULES", "OTHERWISE", "APPLIES", "NOTES"], 5);
    for policy in &policies {
        table.row([
            policy.name.as_str().into(),
            policy.priority.to_string().into(),
            with_included(policy).into(),
            policy.default.as_str().into(),
            where_it_applies(policy, &policies).into(),
            notes(policy).into(),
        ]);
    }
    table.print(None)
}

/// Its own rules, and the policies that it includes: `3 + deny-list`.
fn with_included(policy: &PolicyInfo) -> String {
    let parts = std::iter::once(policy.rules.to_string()).chain(policy.includes.iter().cloned());
    parts.collect::<Vec<_>>().join(" + ")
}

fn where_it_applies(policy: &PolicyInfo, all: &[PolicyInfo]) -> String {
    let with = all.iter().filter(|other| other.includes.contains(&policy.name)).map(|other| &*other.name);
    let with: Vec<&str> = with.collect();
    match (&policy.scope, with.is_empty()) {
        (PolicyScope::Sessions(sessions), false) if sessions.is_empty() => {
            format!("with {}", with.join(", "))
        }
        (own, false) => format!("{}, with {}", scope(own), with.join(", ")),
        (own, true) => scope(own),
    }
}

fn scope(scope: &PolicyScope) -> String {
    match scope {
        PolicyScope::Everywhere => "everywhere".to_owned(),
        PolicyScope::Directories(directories) => format!("in {}", directories.join(", ")),
        PolicyScope::Sessions(sessions) if sessions.is_empty() => "to no session".to_owned(),
        PolicyScope::Sessions(sessions) => format!("to {}", sessions.join(", ")),
    }
}

fn notes(policy: &PolicyInfo) -> String {
    match (policy.mistakes.len() as u64, policy.warnings.len() as u64) {
        (0, 0) => "-".to_owned(),
        (0, warnings) => count(warnings, "warning"),
        _ => "cannot be read: no rule allows anything".to_owned(),
    }
}

fn show(context: &Context, name: &str, json: bool) -> Outcome {
    let client = context.client()?;
    let file = context.block_on(client.policy(name))??;
    match json {
        true => output::json(&file),
        false => lines(&file.text),
    }
}

fn create(context: &Context, name: &str, from: Option<&str>, replace: bool) -> Outcome {
    let text = match from {
        None => format!("name = \"{name}\"\ndescription = \"\"\npriority = 0\ndefault = \"ask\"\n"),
        Some(from) => match ready::text(from) {
            Some(text) => renamed(text, from, name),
            None => text_of(Path::new(from))?,
        },
    };
    let client = context.client()?;
    context.block_on(async {
        let there = client.policies().await?.iter().any(|policy| policy.name == name);
        if there && !replace {
            return Err(Failure::new(format!(
                "policy '{name}' already exists; use --replace, or `codepiper policy edit {name}`"
            )));
        }
        let saved = client.put_policy(name, text).await?;
        warn(&saved.info, name);
        Ok(())
    })??;
    output::done(format_args!("Policy {name} saved"))
}

/// The name stands in the first line that begins with it.
fn renamed(text: &str, from: &str, name: &str) -> String {
    text.replacen(&format!("name = \"{from}\""), &format!("name = \"{name}\""), 1)
}

fn edit(context: &Context, name: &str) -> Outcome {
    let client = context.client()?;
    let before = context.block_on(client.policy(name))??.text;
    let failed = |error: std::io::Error| Failure::new(format!("cannot edit the policy: {}", reason(&error)));
    let path = std::env::temp_dir().join(format!("{name}-{}.toml", uuid::Uuid::new_v4().simple()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
    file.write_all(before.as_bytes()).map_err(failed)?;
    let editor =
        ["VISUAL", "EDITOR"].iter().find_map(|name| std::env::var(name).ok()).unwrap_or_else(|| "vi".into());
    let status = Command::new("/bin/sh").args(["-c", &format!("{editor} \"$1\""), "sh"]).arg(&path).status();
    if !status.map_err(failed)?.success() {
        return Err(Failure::new("the editor failed; nothing was changed"));
    }
    let text = std::fs::read_to_string(&path).map_err(failed)?;
    if text == before {
        let _ = std::fs::remove_file(&path);
        output::say("nothing was changed");
        return Ok(());
    }
    let saved = context.block_on(client.put_policy(name, text))?;
    let saved = match saved {
        Ok(saved) => saved,
        Err(error) => {
            output::say(format_args!("your text is in {}", path.display()));
            return Err(error.into());
        }
    };
    let _ = std::fs::remove_file(&path);
    warn(&saved.info, name);
    output::done(format_args!("Policy {name} saved"))
}

fn check(file: &Path, json: bool) -> Outcome {
    let text = text_of(file)?;
    let name = file.display().to_string();
    let read = read::read(&text);
    if json {
        output::json(&match &read {
            Ok(policy) => wire::info_of(policy),
            Err(mistakes) => {
                let mistakes = mistakes.iter().map(wire::note).collect();
                PolicyInfo { mistakes, ..wire::info_of(&rule::Policy::new("")) }
            }
        })?;
    }
    match read {
        Ok(_) if json => Ok(()),
        Ok(policy) => {
            warn(&wire::info_of(&policy), &name);
            output::done(format_args!(
                "{name}: {} with {}",
                policy.name,
                count(policy.rules.len() as u64, "rule")
            ))
        }
        Err(mistakes) => {
            let told: Vec<String> = mistakes.iter().map(|mistake| mistake.in_file(&name)).collect();
            Err(Failure::new(told.join("\n")))
        }
    }
}

fn warn(policy: &PolicyInfo, file: &str) {
    for warning in &policy.warnings {
        output::say(format_args!("warning: {file}:{}: {}", warning.line, warning.message));
    }
}

fn test(context: &Context, wanted: &TestPolicy, json: bool) -> Outcome {
    let client = context.client()?;
    let verdict = context.block_on(client.test_policy(wanted))??;
    if json { output::json(&verdict) } else { explain(&verdict) }
}

fn explain(verdict: &PolicyVerdict) -> Outcome {
    let action = verdict.action.map_or("no policy", PolicyAction::as_str);
    output::line(format_args!("{action}: {}", verdict.why))?;
    for part in verdict.parts.iter().filter(|_| verdict.parts.len() > 1) {
        output::line(format_args!("  {:5}  {}", part.action.as_str(), part.words.join(" ")))?;
        output::line(format_args!("         {}", part.why))?;
    }
    Ok(())
}

fn import_file(file: &Path, name: &str, json: bool) -> Outcome {
    let text = text_of(file)?;
    let is_rules = file.extension().is_some_and(|extension| extension == "rules");
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let directory = settings::directory_of(file, home.as_deref());
    let directory = directory.as_deref().and_then(Path::to_str);
    let imported = if is_rules { import::codex(&text, name) } else { import::claude(&text, name, directory) };
    let imported =
        imported.map_err(|why| Failure::new(format!("cannot import {}: {why}", file.display())))?;
    if json {
        let text = write::write(&imported.policy);
        return output::json(&serde_json::json!({ "text": text, "notes": imported.notes }));
    }
    for note in &imported.notes {
        let what = if note.carried_over { "changed" } else { "left out" };
        output::say(format_args!("{what}: {}: {}", note.rule, note.why));
    }
    lines(&write::write(&imported.policy))
}

/// Line by line: nothing else of it acts on a terminal.
fn lines(text: &str) -> Outcome {
    text.lines().try_for_each(output::line)
}

fn attach(context: &Context, name: &str, session: &str, attached: bool) -> Outcome {
    let client = context.client()?;
    context.block_on(client.attach_policy(name, session, attached))??;
    let (done, to) = if attached { ("attached", "to") } else { ("detached", "from") };
    output::done(format_args!("Policy {name} {done} {to} {session}"))
}

fn text_of(file: &Path) -> Result<String, Failure> {
    if file == Path::new("-") {
        let mut text = String::new();
        let read = std::io::stdin().read_to_string(&mut text);
        return read
            .map(|_| text)
            .map_err(|error| Failure::new(format!("cannot read stdin: {}", reason(&error))));
    }
    std::fs::read_to_string(file)
        .map_err(|error| Failure::new(format!("cannot read {}: {}", file.display(), reason(&error))))
}
