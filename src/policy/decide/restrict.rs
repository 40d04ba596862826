//! Finds the denies and asks that something may fall under.

mod goes;
mod paths;

use std::collections::{BTreeMap, HashSet};

use super::Context;
use super::index::Id;
use crate::policy::command::{CommandPattern, program_name};
use crate::policy::glob::{Case, Glob};
use crate::policy::input::{self, Shell};
use crate::policy::loose;
use crate::policy::rule::{Action, Rule};
use paths::Wildcards;

/// So many words are compared in one decision.
pub const MOST_STEPS: u64 = 1_000_000;
/// In so many directories that the text goes to relative paths are looked for.
const MOST_BASES: usize = 64;

#[derive(Default)]
pub struct Restrictions {
    pub hits: Vec<Hit>,
    /// Not everything could be compared.
    pub exhausted: bool,
}

pub struct Hit {
    pub rule: Id,
    /// The command it is about; none if it is about the whole.
    pub part: Option<usize>,
    /// What was hit.
    pub what: String,
}

impl Restrictions {
    /// What hit a part, or the whole.
    pub fn of(&self, part: Option<usize>) -> Vec<Id> {
        self.hits.iter().filter(|hit| hit.part == part).map(|hit| hit.rule).collect()
    }
}

struct Search<'c> {
    context: &'c Context<'c>,
    found: Restrictions,
    seen: HashSet<(Id, Option<usize>)>,
    hit_parts: HashSet<Id>,
}

pub fn on_shell(context: &Context, shell: &Shell) -> Restrictions {
    let mut search = Search::new(context);
    let readable = shell.script.unreadable.is_none();
    let mut readings = Vec::new();
    for (number, part) in shell.script.parts.iter().enumerate() {
        let words: Vec<String> = part.words.iter().map(|word| word.text.clone()).collect();
        search.words(&words, Some(number), false);
        // What programs that run their words would make of them, one by one and together.
        let mut odd: Vec<String> =
            words.iter().filter(|word| word.contains(|letter: char| !is_plain(letter))).cloned().collect();
        odd.extend(words.iter().flat_map(|word| loose::behind_letters(word)).map(str::to_owned));
        odd.push(words.join(" "));
        for words in odd.iter().flat_map(|text| loose::readings(text, context.places)) {
            search.words(&words, Some(number), false);
            readings.push(words);
        }
    }
    // Of a text that was read to its end, the words say more than the text, and do not depend on its quotes.
    for text in shell.texts.iter().filter(|_| !readable) {
        if text.len() > loose::LONGEST_TEXT {
            search.found.exhausted = true;
            break;
        }
        for words in loose::readings(text, context.places) {
            search.words(&words, None, true);
            readings.push(words);
        }
    }
    search.tools(|rule| rule.restricts_shell(shell, context.places));
    if !context.policies.index.paths.is_empty() {
        let words = readings.iter().flatten();
        let exact = shell.script.parts.iter().flat_map(|part| &part.words).map(|word| &word.text);
        let mut texts: Vec<&str> =
            exact.chain(words).map(String::as_str).chain(input::workdir(&context.request.input)).collect();
        // `curl file://localhost/x`
        let urls: Vec<String> =
            texts.iter().filter(|text| text.contains("://")).flat_map(|text| loose::forms(text)).collect();
        texts.extend(urls.iter().map(String::as_str));
        let bases = search.directories(&readings);
        search.paths(&texts, &bases, if readable { Wildcards::OfPrograms } else { Wildcards::OfShell });
    }
    search.found
}

pub fn on_fields(context: &Context, fields: &BTreeMap<String, Vec<String>>) -> Restrictions {
    let mut search = Search::new(context);
    let restricted = input::restricted(context.request, fields);
    search.tools(|rule| rule.restricts_fields(&restricted, context.places));
    // A shell that is not known by its name.
    let commands = fields.iter().filter(|(name, _)| matches!(name.as_str(), "command" | "cmd" | "script"));
    let texts = commands.filter(|_| context.request.tool != "apply_patch").flat_map(|(_, texts)| texts);
    let mut readings = Vec::new();
    for text in texts {
        if text.len() > loose::LONGEST_TEXT {
            search.found.exhausted = true;
            break;
        }
        for words in loose::readings(text, context.places) {
            search.words(&words, None, true);
            readings.push(words);
        }
    }
    if !context.policies.index.paths.is_empty() {
        let paths = input::possible_paths(context.request);
        let mut texts: Vec<&str> = paths.iter().map(String::as_str).collect();
        let mut bases = search.named_directories(&texts);
        texts.extend(readings.iter().flatten().map(String::as_str));
        bases.extend(search.directories(&readings).into_iter().filter(|_| !readings.is_empty()));
        search.paths(&texts, &bases, Wildcards::OfPrograms);
    }
    search.found
}

fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "-_./+:@%".contains(letter)
}

impl<'c> Search<'c> {
    fn new(context: &'c Context<'c>) -> Self {
        let found = Restrictions::default();
        Self { context, found, seen: HashSet::new(), hit_parts: HashSet::new() }
    }

    /// A rule that hit a part does not hit the whole as well.
    fn is_known(&self, rule: Id, part: Option<usize>) -> bool {
        self.seen.contains(&(rule, part)) || part.is_none() && self.hit_parts.contains(&rule)
    }

    fn hit(&mut self, rule: Id, part: Option<usize>, what: &str) {
        if !self.is_known(rule, part) {
            self.seen.insert((rule, part));
            self.hit_parts.extend(part.map(|_| rule));
            self.found.hits.push(Hit { rule, part, what: what.to_owned() });
        }
    }

    fn spend(&mut self, steps: usize) {
        match self.context.steps.get().checked_sub(steps as u64) {
            Some(left) => self.context.steps.set(left),
            None => self.found.exhausted = true,
        }
    }

    /// Takes every word for a program and what follows it for its arguments.
    fn words(&mut self, words: &[String], part: Option<usize>, globs: bool) {
        let index = &self.context.policies.index;
        let words = &Words::new(words);
        for (at, word) in words.all.iter().enumerate() {
            if self.found.exhausted {
                return;
            }
            let name = program_name(word);
            if let Some(rules) = index.restricting.get(&name) {
                rules.iter().for_each(|id| self.command(*id, words, at, part));
            }
            for id in &index.wild_programs {
                let programs =
                    self.context.policies.rule(*id).command.as_ref().map(|command| &command.wild_programs);
                if programs.into_iter().flatten().any(|program| program.fits(&name, Case::Ignored)) {
                    self.command(*id, words, at, part);
                }
            }
            self.joined(&name, words, at, part);
            self.spend(1 + index.wild_programs.len());
            let is_pattern = name.contains(['*', '?', '[']) && (globs || word.contains('/'));
            // `*` alone stands for a program only where a program stands.
            if is_pattern && (at == 0 || name.contains(char::is_alphanumeric)) {
                self.program_pattern(&name, words, at, part);
            }
        }
    }

    /// `git-push` is `git push`.
    fn joined(&mut self, name: &str, words: &Words, at: usize, part: Option<usize>) {
        let Some((program, first)) = name.split_once('-') else { return };
        let Some(rules) = self.context.policies.index.restricting.get(program) else { return };
        let apart: Vec<String> = [program, first]
            .into_iter()
            .map(str::to_owned)
            .chain(words.all[at + 1..].iter().cloned())
            .collect();
        self.spend(apart.len());
        let apart = Words::new(&apart);
        for id in rules {
            let command = self.context.policies.rule(*id).command.as_ref();
            if command.is_some_and(CommandPattern::has_steps) {
                self.command(*id, &apart, 0, part);
            }
        }
    }

    fn program_pattern(&mut self, name: &str, words: &Words, at: usize, part: Option<usize>) {
        self.spend(self.context.policies.index.restricting.len());
        let pattern = Glob::of_shell_word(name);
        for (program, rules) in &self.context.policies.index.restricting {
            if pattern.fits(program, Case::Ignored) {
                rules.iter().for_each(|id| self.command(*id, words, at, part));
            }
        }
    }

    fn command(&mut self, id: Id, words: &Words, at: usize, part: Option<usize>) {
        if self.found.exhausted || self.is_known(id, part) || !self.context.applies(id) {
            return;
        }
        let Some(command) = &self.context.policies.rule(id).command else { return };
        let (covers, compared) =
            command.may_cover(&words.all[at + 1..], words.signed_after(at), self.context.places);
        self.spend(2 + compared);
        if covers {
            let end = words.all.len().min(at + 6);
            self.hit(id, part, &words.all[at..end].join(" "));
        }
    }

    /// Rules that are about tools and their fields.
    fn tools(&mut self, restricts: impl Fn(&Rule) -> bool) {
        let policies = self.context.policies;
        let tool = &self.context.request.tool;
        let alias = if input::is_shell(tool) && tool != input::SHELL { Some(input::SHELL) } else { None };
        let ids: Vec<Id> = policies
            .index
            .by_tool(tool)
            .chain(alias.into_iter().flat_map(|tool| policies.index.by_tool(tool)))
            .collect();
        for id in ids {
            let rule = policies.rule(id);
            if rule.text.action != Action::Allow && self.context.applies(id) && restricts(rule) {
                self.hit(id, None, tool);
            }
        }
    }
}

/// The words of a command or a text.
struct Words<'w> {
    all: &'w [String],
    /// Those that begin with `-`, and where they stand.
    signed: Vec<&'w str>,
    places: Vec<usize>,
}

impl<'w> Words<'w> {
    fn new(all: &'w [String]) -> Self {
        let signed = || all.iter().enumerate().filter(|(_, word)| word.starts_with('-'));
        let places = signed().map(|(at, _)| at).collect();
        Self { all, signed: signed().map(|(_, word)| word.as_str()).collect(), places }
    }

    fn signed_after(&self, at: usize) -> &[&'w str] {
        &self.signed[self.places.partition_point(|place| *place <= at)..]
    }
}
