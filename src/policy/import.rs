//! Takes over the rules of Claude Code and Codex.
//!
//! Those rules are prefixes and patterns over text. What they deny is taken over at least as broadly. What they allow is
//! taken over more narrowly: options are left out, a rule that admits further words is taken over for programs that are
//! known to be harmless with any, and a rule that would allow running anything is not taken over at all. Every
//! difference is told.

mod claude;
mod codex;
mod starlark;

pub use claude::claude;
pub use codex::codex;

use serde::Serialize;

use super::loose::has_operators;
use super::path::looks_like_path;
use super::rule::{Action, CommandText, Policy, Rule, RuleText};
use super::shell;
use super::warn::{self, Further, Risk};

/// A policy that was made of somebody else's rules.
#[derive(Clone, Debug)]
pub struct Import {
    pub policy: Policy,
    pub notes: Vec<Note>,
}

/// What became of a rule, where it is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// The rule as it was written.
    pub rule: String,
    /// Whether anything of it was taken over.
    pub carried_over: bool,
    pub why: String,
}

impl Import {
    fn new(name: &str, description: &str) -> Self {
        let mut policy = Policy::new(name);
        policy.description = description.to_owned();
        Self { policy, notes: Vec::new() }
    }

    fn note(&mut self, rule: &str, carried_over: bool, why: &str) {
        self.notes.push(Note { rule: rule.to_owned(), carried_over, why: why.to_owned() });
    }

    /// Adds a rule, unless it cannot be one or would allow too much.
    fn add(&mut self, original: &str, text: RuleText) -> bool {
        let rule = match Rule::new(text, 0) {
            Ok(rule) => rule,
            Err(wrong) => {
                self.note(original, false, &wrong.message);
                return false;
            }
        };
        let told = warn::of_rule(&rule);
        if let Some((_, message)) = told.iter().find(|(risk, _)| *risk == Risk::Anything) {
            self.note(original, false, &format!("It would allow too much: {message}"));
            return false;
        }
        if let Some(command) = &rule.command
            && rule.text.action == Action::Allow
            && command.is_open()
            && !warn::is_known(command)
        {
            let programs = command.programs.join("', '");
            self.note(
                original,
                false,
                &format!("'{programs}' is not known to be harmless with any words. {BY_HAND}"),
            );
            return false;
        }
        for (_, message) in told {
            self.note(original, true, &message);
        }
        self.policy.rules.push(rule);
        true
    }
}

const BY_HAND: &str = "Write the rule by hand, with the words and options that you mean.";

const OPTIONS_LEFT_OUT: &str = "Options are not carried over: some of them make a harmless program run others. Add \
    those that you mean to 'options'.";

/// A command of an allow rule, from its words. `open`: further words may follow, as far as that is harmless; what was left
/// out of these is told.
fn allowed(words: &[Vec<String>], open: bool) -> Result<(CommandText, Option<&'static str>), String> {
    let (program, rest) = words.split_first().ok_or("it names no program")?;
    for program in program {
        let script = shell::read(program);
        if let Some(unreadable) = script.unreadable {
            return Err(format!("'{program}' cannot be allowed: {}", unreadable.why));
        }
    }
    let mut command =
        CommandText { program: program.clone(), words: Some(rest.to_vec()), options: Vec::new() };
    let (more, told): (&[&str], _) = match warn::further(&command) {
        _ if !open => (&[], None),
        Further::Anything => (&["**"], None),
        Further::Paths => (&["./**", "..."], Some("Further words have to be paths of the project.")),
        Further::Nothing => {
            (&[], Some("Further words are not carried over: with some it changes something."))
        }
    };
    command.words.iter_mut().for_each(|words| words.extend(more.iter().map(|word| vec![(*word).to_owned()])));
    Ok((command, told))
}

/// A command of a deny or ask rule: the words, and options in any spelling.
fn restricted(words: &[Vec<String>]) -> Result<CommandText, String> {
    let (program, rest) = words.split_first().ok_or("it names no program")?;
    let mut command = CommandText { program: program.clone(), ..CommandText::default() };
    let (mut letters, mut steps) = (String::new(), Vec::new());
    for alternatives in rest {
        let (options, others): (Vec<&String>, Vec<&String>) =
            alternatives.iter().partition(|word| word.len() > 1 && word.starts_with('-'));
        for option in &options {
            let option = option.split(['*', '=']).next().unwrap_or_default();
            match option.strip_prefix('-') {
                Some(short) if !short.starts_with('-') && options.len() == 1 => letters.push_str(short),
                _ if option.len() > 1 => command.options.push(option.to_owned()),
                _ => {}
            }
        }
        // An option among the alternatives makes the word one that need not be there.
        if !others.is_empty() && options.is_empty() {
            steps.push(others.into_iter().flat_map(|word| broad_word(word)).collect());
        }
    }
    if !letters.is_empty() {
        command.options.push(format!("-{letters}"));
    }
    command.words = Some(steps).filter(|steps: &Vec<Vec<String>>| !steps.is_empty());
    Ok(command)
}

/// A word of a deny. A star of theirs runs over slashes and blanks.
fn broad_word(word: &str) -> Vec<String> {
    if !looks_like_path(word) {
        return vec![if word == "*" { "**" } else { word }.to_owned()];
    }
    let (head, last) = word.rsplit_once('/').unwrap_or(("", word));
    let head = head.replace("**", "*");
    match last {
        "*" | "**" => vec![format!("{head}/**")],
        last if last.contains('*') => vec![format!("{head}/{last}"), format!("{head}/{last}/**")],
        _ => vec![word.to_owned()],
    }
}

/// Words of a text that is only compared.
fn plain_words(text: &str) -> Vec<String> {
    let bare = text.replace(['\'', '"', '\\'], "");
    bare.split_whitespace().map(str::to_owned).collect()
}

fn rule(action: Action, tool: &[&str]) -> RuleText {
    let mut rule = RuleText::new(action);
    rule.tool = tool.iter().map(|&tool| tool.to_owned()).collect();
    rule
}
