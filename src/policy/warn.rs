//! Tells of allow rules that admit more than they seem to: programs that run others or write where they are told.

mod known;
mod table;

pub use known::{Further, further, is_known};
pub use table::{has_commands, names};

use serde::Serialize;

use super::command::CommandPattern;
use super::glob::{Case, Glob};
use super::input;
use super::path::looks_like_path;
use super::rule::{Action, Policy, Rule};
use table::{
    BY_OPTIONS, FETCHERS, INTERPRETERS, PROJECT, RUNNERS, SUBCOMMANDS, WORD_RUNNERS, WRITERS, has,
    may_be_written,
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// Counted from 1.
    pub rule: usize,
    pub line: usize,
    pub risk: Risk,
    /// One sentence.
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// It runs what the project says, which an agent that edits the project decides.
    Project,
    /// It can run or write anything.
    Anything,
}

/// What is to be said of a policy's allow rules.
pub fn warnings(policy: &Policy) -> Vec<Warning> {
    let numbered = policy.rules.iter().enumerate();
    numbered
        .flat_map(|(at, rule)| {
            let told = of_rule(rule).into_iter();
            told.map(move |(risk, message)| Warning { rule: at + 1, line: rule.line, risk, message })
        })
        .collect()
}

/// The same for one rule.
pub fn of_rule(rule: &Rule) -> Vec<(Risk, String)> {
    if rule.text.action != Action::Allow {
        return Vec::new();
    }
    let Some(command) = &rule.command else { return of_tool(rule).into_iter().collect() };
    command.programs.iter().flat_map(|program| of_program(program, command, rule)).collect()
}

fn of_tool(rule: &Rule) -> Option<(Risk, String)> {
    let every = rule.text.tool.iter().find(|tool| tool.contains('*') && !tool.starts_with("mcp__"));
    if let Some(tool) = every {
        return Some((Risk::Anything, format!("'{tool}' allows tools that do not exist yet.")));
    }
    let urls = rule.text.args.get("url").into_iter().flatten();
    if let Some(url) = urls.filter(|url| url.contains("://")).find(|url| names_no_host(url)) {
        return Some((
            Risk::Anything,
            format!("'{url}' also fits addresses of other hosts. End the host with '/'."),
        ));
    }
    let writes = ["Write", "Edit", "MultiEdit", "NotebookEdit", input::SHELL, "apply_patch"];
    let writer = rule.text.tool.iter().find(|tool| writes.contains(&tool.as_str()))?;
    let places =
        rule.text.args.get("file_path").into_iter().chain(rule.text.args.get("notebook_path")).flatten();
    let mut wide = places.clone().filter(|place| is_wide(place));
    let message = match (places.clone().next(), wide.next()) {
        (None, _) => format!(
            "'{writer}' may write any file, including files that start programs. Name the paths in 'args'."
        ),
        (_, Some(wide)) => format!("'{wide}' lets '{writer}' write files that start programs."),
        _ => return None,
    };
    Some((Risk::Anything, message))
}

/// Whether a wildcard stands in the host of an address, where it runs over anything.
fn names_no_host(url: &str) -> bool {
    let host = url.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap_or(rest));
    host.contains(['*', '?'])
}

/// Whether a pattern covers a home directory, or files of the system.
fn is_wide(pattern: &str) -> bool {
    if !looks_like_path(pattern) {
        return matches!(pattern, "*" | "**");
    }
    let fixed: Vec<&str> = pattern.split('/').take_while(|name| !name.contains(['*', '?'])).skip(1).collect();
    let wild = pattern.contains(['*', '?']);
    let of_system = [
        "bin", "boot", "dev", "etc", "lib", "lib64", "opt", "proc", "root", "run", "sbin", "sys", "usr",
        "var",
    ];
    match (pattern.chars().next(), fixed.as_slice()) {
        (Some('~'), fixed) => wild && fixed.is_empty(),
        (Some('/'), [] | ["home" | "Users"] | ["home" | "Users", _]) => wild,
        (Some('/'), [first, ..]) => wild && of_system.contains(first),
        _ => false,
    }
}

fn of_program(program: &str, command: &CommandPattern, rule: &Rule) -> Vec<(Risk, String)> {
    let known = names(program);
    let name = known[0];
    let is = |table: &str| known.iter().any(|name| has(table, name));
    let interpreter = is(INTERPRETERS);
    let mut told = Vec::new();
    if may_be_written(program) {
        told.push((
            Risk::Anything,
            format!("an agent may be able to write '{program}'. Name a program of the system, or check who can write it."),
        ));
    }
    if is(RUNNERS) || is(FETCHERS) {
        told.push((
            Risk::Anything,
            format!("'{name}' can run other programs with the words and options it is given."),
        ));
    } else if interpreter && (command.lead().is_empty() || command.is_open_to_text()) {
        told.push((Risk::Anything, format!("'{name}' runs whatever script or text it is given.")));
    } else if is(WORD_RUNNERS) && command.is_open() {
        told.push((
            Risk::Anything,
            format!("with some words, '{name}' runs any program. List those that you mean."),
        ));
    } else if is(WRITERS) && command.is_open() {
        told.push((
            Risk::Anything,
            format!("'{name}' writes, deletes or sends what its words say. List those that you mean."),
        ));
    }
    told.extend(of_options(name, command, rule));
    told.extend(of_subcommand(name, command));
    if told.is_empty() && (interpreter || is(PROJECT)) {
        told.push((
            Risk::Project,
            format!("'{name}' runs what the project's files say, and an agent can change those."),
        ));
    }
    told
}

fn rule_has_option(rule: &Rule, option: &str) -> bool {
    rule.text.command.iter().flat_map(|command| &command.options).any(|listed| listed == option)
}

fn of_options(name: &str, command: &CommandPattern, rule: &Rule) -> Vec<(Risk, String)> {
    let names = names(name);
    let known = names.iter().find_map(|name| BY_OPTIONS.iter().find(|(known, _)| known == name));
    let risky = known.map_or("", |(_, risky)| risky);
    let options = rule.text.command.iter().flat_map(|command| &command.options);
    // Options may also stand among the fixed words.
    let fixed = command.lead().iter().flatten().filter(|word| word.starts_with('-'));
    let mut told: Vec<(Risk, String)> = options
        .chain(fixed)
        .filter_map(|option| risky_in(option, risky))
        .map(|option| {
            format!("with '{option}', '{name}' can run programs or use other files than those in its words.")
        })
        .map(|message| (Risk::Anything, message))
        .collect();
    let hands_on = has("cargo npm pnpm yarn bun", name) && rule_has_option(rule, "-- **");
    if hands_on {
        told.push((
            Risk::Anything,
            format!(
                "what follows '--' goes from '{name}' to other programs, which may write files or run more."
            ),
        ));
    }
    if names.contains(&"uniq") && command.is_open() {
        told.push((Risk::Anything, "the second word of 'uniq' is a file that it writes.".to_owned()));
    }
    told
}

/// What an option, which may be a pattern such as `--o*`, covers of a list.
fn risky_in<'o>(option: &'o str, risky: &'o str) -> Option<&'o str> {
    let name = option.split([' ', '=']).next().unwrap_or(option);
    if !name.contains(['*', '?']) {
        return has(risky, name).then_some(name);
    }
    let pattern = Glob::new(name);
    // Also with a value.
    let covers = |risky: &&str| pattern.overlaps(&Glob::new(&format!("{risky}*")), Case::Exact);
    risky.split(' ').filter(|risky| !risky.is_empty()).find(covers)
}

fn of_subcommand(name: &str, command: &CommandPattern) -> Option<(Risk, String)> {
    let names = names(name);
    let row = |name: &&str| SUBCOMMANDS.iter().find(|(known, ..)| known == name);
    let (_, anything, project) = names.iter().find_map(row)?;
    let Some(first) = command.lead().first() else {
        let message = format!(
            "any command of '{name}' is allowed, even those that run other programs. Name the first word."
        );
        return command.is_open().then_some((Risk::Anything, message));
    };
    // `-v` alone is the version, too.
    let alone = command.lead().len() == 1 && !command.is_open() && !command.has_options();
    let tells = |word: &str| matches!(word, "--version" | "-V" | "--help") || alone && word == "-v";
    let before = first.iter().find(|word| word.starts_with('-') && !tells(word));
    if let Some(option) = before {
        let message =
            format!("'{option}' before the command of '{name}' can change what every command does.");
        return Some((Risk::Anything, message));
    }
    let is = |table: &str| first.iter().find(|word| has(table, word));
    if let Some(word) = is(anything).filter(|_| command.is_open() || command.has_options()) {
        return Some((
            Risk::Anything,
            format!("'{name} {word}' can run other programs, or write or send anything."),
        ));
    }
    // A script that is named is one script; any script may be any.
    let script = first.iter().find(|word| matches!(word.as_str(), "run" | "run-script"));
    let of_package = names.iter().any(|name| has("npm pnpm yarn", name)) && command.lead().len() < 2;
    let any_script = script.filter(|_| of_package && command.goes_on_with_anything());
    let word = any_script.or(is(project))?;
    let message =
        format!("'{name} {word}' runs what the project's files say, and an agent can change those.");
    Some((if any_script.is_some() { Risk::Anything } else { Risk::Project }, message))
}
