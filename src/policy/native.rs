//! The part of the denies that agents' own rules can hold, also where our hook does not run.

use super::input::Request;
use super::kept::Kept;
use super::rule::{Action, Policy};

/// A command that is denied with whatever follows: a program and its first words.
pub type DeniedCommand = Vec<String>;

/// More would make a command line that is too long.
const MOST: usize = 200;

/// The commands that policies for this session deny, as far as a prefix of words says it.
pub fn denied_commands(policies: &Kept, session: &Request) -> Vec<DeniedCommand> {
    let applying = policies.applying(session);
    let mut denied: Vec<DeniedCommand> = applying.iter().flat_map(commands).collect();
    denied.sort();
    denied.dedup();
    denied.truncate(MOST);
    denied
}

fn commands(policy: &Policy) -> Vec<DeniedCommand> {
    let denies = policy.rules.iter().map(|rule| &rule.text).filter(|rule| {
        // Only what holds everywhere in the session.
        let anywhere = rule.cwd.is_empty() && rule.session.is_empty() && rule.provider.is_empty();
        rule.action == Action::Deny && anywhere
    });
    let commands =
        denies.filter_map(|rule| rule.command.as_ref()).filter(|command| command.options.is_empty());
    commands
        .flat_map(|command| {
            let words = command.words.clone().unwrap_or_default();
            command.program.iter().flat_map(move |program| prefixes(program, &words)).collect::<Vec<_>>()
        })
        .collect()
}

/// The program with every choice of words; nothing where a word is a pattern.
fn prefixes(program: &str, words: &[Vec<String>]) -> Vec<DeniedCommand> {
    let mut found = vec![vec![program.to_owned()]];
    for choices in words {
        if matches!(choices.as_slice(), [last] if last == "**" || last == "...") {
            break;
        }
        let next = found.iter().flat_map(|before| {
            choices.iter().map(|word| before.iter().cloned().chain([word.clone()]).collect::<Vec<_>>())
        });
        found = next.take(MOST).collect();
    }
    let is_plain = |word: &String| {
        !word.is_empty()
            && word.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.+".contains(letter))
    };
    found.retain(|words| words.iter().all(is_plain));
    found
}
