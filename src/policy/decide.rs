//! Decides on one use of a tool.
//!
//! 1. A deny that applies wins, whichever policy it is of.
//! 2. Otherwise each command of a shell, and each other tool as a whole, is decided by the ask or allow of the
//!    highest priority; an ask beats an allow of the same priority.
//! 3. What no rule speaks of, and what cannot be read, gets the default of the policies; deny beats ask.
//! 4. The answer is the worst of the parts' answers.
//!
//! Rules are looked up by program and by tool, so their number matters little.

mod allow;
mod context;
mod index;
mod restrict;

use std::collections::BTreeMap;

use serde::Serialize;

use super::input::{self, Request, Shell, Subject};
use super::path::{Entry, on_disk};
use super::rule::{Action, Policy, Rule};
use super::shell::{Part, Unreadable, shown};
use allow::near_miss;
use context::{Context, Whereabouts};
use index::{Id, Index};
use restrict::{Hit, Restrictions};

/// All policies, ready to decide.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    policies: Vec<Policy>,
    index: Index,
}

/// Names a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleRef {
    pub policy: String,
    /// Counted from 1, as errors count it.
    pub number: usize,
    pub line: usize,
    pub reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decision {
    pub action: Action,
    /// The rule that decided, if one did.
    pub rule: Option<RuleRef>,
    /// One plain sentence.
    pub why: String,
    /// The commands of a shell's text, and what decided each.
    pub parts: Vec<PartDecision>,
    /// Why a shell's text could not be read to its end.
    pub unreadable: Option<Unreadable>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartDecision {
    pub part: Part,
    pub action: Action,
    pub rule: Option<RuleRef>,
    pub why: String,
    /// Allow rules about the same program, and what kept each from covering this command.
    pub misses: Vec<Miss>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Miss {
    pub rule: RuleRef,
    pub why: String,
}

impl Policies {
    pub fn new(policies: Vec<Policy>) -> Self {
        let index = Index::new(&policies);
        Self { policies, index }
    }

    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }

    /// None if no policy applies.
    pub fn decide(&self, request: &Request) -> Option<Decision> {
        self.decide_with(request, &on_disk)
    }

    /// The same, with a disk of the caller's.
    pub fn decide_with(&self, request: &Request, look: &dyn Fn(&str) -> Entry) -> Option<Decision> {
        let whereabouts = Whereabouts::new(request, look);
        let here = whereabouts.elsewhere.map(|_| Context::here(self, request, &whereabouts));
        let context = Context::new(self, request, &whereabouts, here.as_ref());
        if !context.restricting.contains(&true) {
            return None;
        }
        Some(match input::subject(request) {
            Subject::Shell(shell) => context.shell(shell),
            Subject::Other(fields) => {
                let restrictions = restrict::on_fields(&context, &fields);
                context.whole(restrictions, &fields)
            }
        })
    }

    /// The policy that denies everything there while no daemon answers, if one does.
    pub fn closed(&self, request: &Request) -> Option<&str> {
        let whereabouts = Whereabouts::new(request, &on_disk);
        let context = Context::new(self, request, &whereabouts, None);
        let applying = self.policies.iter().zip(&context.restricting).filter(|(_, applies)| **applies);
        applying
            .map(|(policy, _)| policy)
            .find(|policy| policy.fails_closed)
            .map(|policy| policy.name.as_str())
    }

    pub(super) fn rule(&self, id: Id) -> &Rule {
        &self.policies[id.policy].rules[id.rule]
    }

    fn refer(&self, id: Id) -> RuleRef {
        let policy = &self.policies[id.policy];
        let rule = &policy.rules[id.rule];
        let reason = rule.text.reason.clone();
        RuleRef { policy: policy.name.clone(), number: id.rule + 1, line: rule.line, reason }
    }

    fn priority(&self, id: Id) -> i64 {
        self.policies[id.policy].priority
    }
}

impl Context<'_> {
    fn default(&self) -> Action {
        let policies = self.policies.policies.iter().zip(&self.restricting).filter(|(_, applies)| **applies);
        policies.map(|(policy, _)| policy.default).max().unwrap_or(Action::Ask).max(Action::Ask)
    }

    /// The ask or allow of the highest priority, and what else decides. Asks about the whole do not soften a default.
    fn verdict(&self, asks: &[Id], about_all: &[Id], allow: Option<Id>) -> (Action, Option<Id>) {
        let denies = |id: Id| self.policies.rule(id).text.action == Action::Deny;
        let restricting = asks.iter().chain(about_all).copied();
        let ask = restricting.max_by_key(|id| (denies(*id), self.policies.priority(*id)));
        let rule = match (ask, allow) {
            (Some(deny), _) if denies(deny) => return (Action::Deny, Some(deny)),
            (Some(ask), Some(allow)) if self.policies.priority(allow) > self.policies.priority(ask) => {
                Some(allow)
            }
            (ask, allow) => ask.or(allow),
        };
        let matched = !asks.is_empty() || allow.is_some();
        match rule {
            Some(rule) if matched => (self.policies.rule(rule).text.action, Some(rule)),
            rule => (self.default(), rule.filter(|_| self.default() == Action::Ask)),
        }
    }

    /// Decides on what is no shell command.
    fn whole(&self, restrictions: Restrictions, fields: &BTreeMap<String, Vec<String>>) -> Decision {
        if let Some(denied) = self.denied(&restrictions) {
            return denied;
        }
        let (allow, miss) = self.allow_of_fields(fields);
        let allow = allow.filter(|_| !restrictions.exhausted);
        let (action, rule) = self.verdict(&restrictions.of(None), &[], allow);
        let rule = rule.map(|id| self.policies.refer(id));
        let near = miss.filter(|_| rule.is_none()).map(|miss| near_miss(&miss)).unwrap_or_default();
        let why = sentence(action, rule.as_ref(), &format!("the tool {}{near}", shown(&self.request.tool)));
        Decision { action, rule, why, parts: Vec::new(), unreadable: None }
    }

    fn denies_something(&self) -> bool {
        self.policies.index.denying.iter().any(|policy| self.restricting[*policy])
    }

    fn denied(&self, restrictions: &Restrictions) -> Option<Decision> {
        let is_deny = |hit: &&Hit| self.policies.rule(hit.rule).text.action == Action::Deny;
        let hit = restrictions.hits.iter().filter(is_deny).max_by_key(|hit| self.policies.priority(hit.rule));
        let (rule, why) = match hit {
            Some(hit) => {
                let rule = self.policies.refer(hit.rule);
                let why = sentence(Action::Deny, Some(&rule), &format!("'{}'", shown(&hit.what)));
                (Some(rule), why)
            }
            None if restrictions.exhausted && self.denies_something() => (
                None,
                "It is too long or too complex to be compared with every deny rule, so it is denied."
                    .to_owned(),
            ),
            None => return None,
        };
        Some(Decision { action: Action::Deny, rule, why, parts: Vec::new(), unreadable: None })
    }

    fn shell(&self, shell: Shell) -> Decision {
        let restrictions = restrict::on_shell(self, &shell);
        let script = shell.script;
        let denied = self.denied(&restrictions);
        let readable = script.unreadable.is_none() && !restrictions.exhausted;
        let mut parts = Vec::new();
        for (number, part) in script.parts.into_iter().enumerate() {
            let (allow, misses) = self.allow_of(&part);
            let (action, rule) = self.verdict(&restrictions.of(Some(number)), &restrictions.of(None), allow);
            let rule = rule.map(|id| self.policies.refer(id));
            let near = misses.first().filter(|_| rule.is_none()).map(near_miss).unwrap_or_default();
            let why = sentence(action, rule.as_ref(), &format!("'{}'{near}", brief(&part)));
            parts.push(PartDecision { part, action, rule, why, misses });
        }
        let unreadable = script.unreadable;
        if let Some(denied) = denied {
            return Decision { parts, unreadable, ..denied };
        }
        let worst = parts.iter().max_by_key(|part| part.action);
        let (action, rule, why) = match worst {
            Some(worst) if readable && worst.action == Action::Allow && parts.len() > 1 => (
                Action::Allow,
                worst.rule.clone(),
                format!("Each of the {} commands is allowed by a rule.", parts.len()),
            ),
            Some(worst) if readable => (worst.action, worst.rule.clone(), worst.why.clone()),
            worst => self.unreadable(&restrictions, unreadable.as_ref(), worst),
        };
        Decision { action, rule, why, parts, unreadable }
    }

    /// What cannot be read is never allowed; an ask about something in it decides as it does elsewhere.
    fn unreadable(
        &self,
        restrictions: &Restrictions,
        unreadable: Option<&Unreadable>,
        worst: Option<&PartDecision>,
    ) -> (Action, Option<RuleRef>, String) {
        let ask = restrictions.hits.iter().map(|hit| hit.rule).max_by_key(|id| self.policies.priority(*id));
        let rule = ask.map(|id| self.policies.refer(id));
        let action = worst.map_or(Action::Ask, |worst| worst.action).max(self.default());
        let verb = if action == Action::Deny { "denied" } else { "asked about" };
        let why = match unreadable {
            Some(unreadable) => {
                format!(
                    "It cannot be read from byte {} on ({}), so it is {verb}.",
                    unreadable.at, unreadable.why
                )
            }
            None => format!("It is too long or too complex to be compared with every rule, so it is {verb}."),
        };
        (action, rule, why)
    }
}

/// A command, short enough for a sentence.
fn brief(part: &Part) -> String {
    let words: Vec<&str> = part.words.iter().map(|word| word.text.as_str()).collect();
    let text = shown(&words.join(" "));
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn sentence(action: Action, rule: Option<&RuleRef>, what: &str) -> String {
    let verb = match action {
        Action::Allow => "allows",
        Action::Ask => "asks about",
        Action::Deny => "denies",
    };
    match rule {
        Some(RuleRef { policy, number, reason: Some(reason), .. }) => {
            format!("Rule {number} of '{policy}' {verb} {what}: {}.", reason.trim_end_matches('.'))
        }
        Some(RuleRef { policy, number, .. }) => format!("Rule {number} of '{policy}' {verb} {what}."),
        None if action == Action::Deny => {
            format!("No rule allows {what}, and what no rule allows is denied.")
        }
        None => format!("No rule mentions {what}, so it is asked about."),
    }
}
