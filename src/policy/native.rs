//! The part of the denies that agents' own rules can hold, also where our hook does not run.

use std::path::Path;

use codepiper_protocol::wire::policy::{PolicyRule, WithoutHook};

use super::input::{Request, SHELL};
use super::kept::Kept;
use super::rule::{Action, Policy, RuleText};

/// What an agent's own rules may deny as well.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NativeDeny {
    /// A program and its first words, with whatever follows.
    Command(Vec<String>),
    /// Every use of a tool.
    Tool(String),
    /// A pattern of files to read: from the root, or from `~/`.
    Read(String),
    /// The same for files to write.
    Edit(String),
}

/// They stand in one argument of a command line, which may have 128 KiB.
const LONGEST: usize = 64 * 1024;
/// What stands around each.
const AROUND: usize = 16;
/// A rule with more is not taken apart.
const MOST_OF_RULE: usize = 1000;

const READERS: [&str; 1] = ["Read"];
const EDITORS: [&str; 4] = ["Edit", "MultiEdit", "NotebookEdit", "Write"];

/// What policies for this session deny, as far as it can be said so, and how much of it is too long for a command line.
pub fn denied(policies: &Kept, session: &Request) -> (Vec<NativeDeny>, usize) {
    let applying = policies.applying(session);
    let rules = applying.iter().flat_map(|policy| &policy.rules);
    let mut denied: Vec<NativeDeny> =
        rules.flat_map(|rule| of_rule(&rule.text, Some(&session.cwd))).collect();
    denied.sort();
    denied.dedup();
    let kept = within(&denied, &mut 0);
    let left_out = denied.len() - kept;
    denied.truncate(kept);
    (denied, left_out)
}

/// The rules of a policy, and which of them hold where our hook does not run.
pub fn rules(policy: &Policy) -> Vec<PolicyRule> {
    let mut used = 0;
    let told = policy.rules.iter().enumerate().map(|(at, rule)| {
        let denied = of_rule(&rule.text, None);
        let fit = within(&denied, &mut used) == denied.len();
        let whole = denied.iter().filter(|denied| matches!(denied, NativeDeny::Tool(_))).count();
        let without_hook = match denied.as_slice() {
            [] => WithoutHook::No,
            _ if !fit => WithoutHook::No,
            _ if whole > 0 && whole == rule.text.tool.len() => WithoutHook::Yes,
            _ => WithoutHook::Partly,
        };
        let action = super::action(rule.text.action);
        PolicyRule { number: at as u32 + 1, line: rule.line as u32, action, without_hook }
    });
    told.collect()
}

/// The line of the first rule that is too much for a command line with those before it.
pub fn first_too_much(policy: &Policy) -> Option<usize> {
    let mut used = 0;
    let too_much = policy.rules.iter().find(|rule| {
        let denied = of_rule(&rule.text, None);
        within(&denied, &mut used) < denied.len()
    });
    too_much.map(|rule| rule.line)
}

/// How many of them fit.
fn within(denied: &[NativeDeny], used: &mut usize) -> usize {
    let fit = denied.iter().take_while(|denied| {
        *used += AROUND + denied.length();
        *used <= LONGEST
    });
    fit.count()
}

impl NativeDeny {
    fn length(&self) -> usize {
        match self {
            Self::Command(words) => words.iter().map(|word| word.len() + 1).sum(),
            Self::Tool(text) | Self::Read(text) | Self::Edit(text) => text.len(),
        }
    }
}

fn of_rule(rule: &RuleText, cwd: Option<&Path>) -> Vec<NativeDeny> {
    // Only what holds everywhere in the session.
    let anywhere = rule.cwd.is_empty() && rule.session.is_empty() && rule.provider.is_empty();
    if rule.action != Action::Deny || !anywhere {
        return Vec::new();
    }
    if let Some(command) = &rule.command {
        let words = command.words.clone().unwrap_or_default();
        let programs = command.program.iter().filter(|_| command.options.is_empty());
        return programs.flat_map(|program| prefixes(program, &words)).map(NativeDeny::Command).collect();
    }
    let has = |names: &[&str]| {
        rule.tool.is_empty() || rule.tool.iter().any(|tool| tool == "*" || names.contains(&tool.as_str()))
    };
    let (patterns, reads, edits) = match rule.args.iter().next() {
        Some((field, patterns)) if rule.args.len() == 1 && rule.paths.is_empty() => {
            let is_file = matches!(field.as_str(), "file_path" | "notebook_path");
            (patterns, is_file && has(&READERS), is_file && has(&EDITORS))
        }
        Some(_) => return Vec::new(),
        None if rule.paths.is_empty() => return rule.tool.iter().filter_map(|tool| whole(tool)).collect(),
        None => (&rule.paths, has(&READERS), has(&EDITORS)),
    };
    let paths: Vec<String> = patterns.iter().filter_map(|pattern| absolute(pattern, cwd)).collect();
    let read = paths.iter().filter(|_| reads).cloned().map(NativeDeny::Read);
    let edit = paths.iter().filter(|_| edits).cloned().map(NativeDeny::Edit);
    read.chain(edit).collect()
}

/// A tool of the agent by its name; `mcp__server__*` is the server.
fn whole(tool: &str) -> Option<NativeDeny> {
    let server = tool.strip_suffix("__*").filter(|server| server.starts_with("mcp__") && server.len() > 5);
    let name = server.unwrap_or(if super::input::is_shell(tool) { SHELL } else { tool });
    let plain = !name.is_empty()
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter));
    plain.then(|| NativeDeny::Tool(name.to_owned()))
}

/// A pattern that does not depend on where the agent is, if all its signs mean the same there.
fn absolute(pattern: &str, cwd: Option<&Path>) -> Option<String> {
    let pattern = match pattern.strip_prefix("./") {
        Some(rest) => format!("{}/{rest}", cwd.unwrap_or(Path::new("/")).to_str()?.trim_end_matches('/')),
        None => pattern.to_owned(),
    };
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.+@/~*?".contains(letter);
    let rooted = pattern.starts_with('/') || pattern.starts_with("~/");
    (rooted && pattern.chars().all(is_plain)).then_some(pattern)
}

/// The program with every choice of words; nothing where a word is a pattern.
fn prefixes(program: &str, words: &[Vec<String>]) -> Vec<Vec<String>> {
    let mut found = vec![vec![program.to_owned()]];
    for choices in words {
        if matches!(choices.as_slice(), [last] if last == "**" || last == "...") {
            break;
        }
        if found.len() * choices.len() > MOST_OF_RULE {
            return Vec::new();
        }
        let next = found.iter().flat_map(|before| {
            choices.iter().map(|word| before.iter().cloned().chain([word.clone()]).collect::<Vec<_>>())
        });
        found = next.collect();
    }
    let is_plain = |word: &String| {
        !word.is_empty()
            && word.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.+".contains(letter))
    };
    found.retain(|words| words.iter().all(is_plain));
    found
}
