//! What the engine says, as clients are told.

use codepiper_protocol::wire::policy::{
    PolicyAction, PolicyInfo, PolicyNote, PolicyScope, PolicyVerdict, PolicyVerdictPart, RuleRef,
    UnreadableCommand,
};

use super::decide::{self, Decision, PartDecision};
use super::native;
use super::read::Mistake;
use super::rule::{Action, Policy, Scope};
use super::warn::warnings;

pub fn action(action: Action) -> PolicyAction {
    match action {
        Action::Allow => PolicyAction::Allow,
        Action::Ask => PolicyAction::Ask,
        Action::Deny => PolicyAction::Deny,
    }
}

/// What lists say of a policy.
pub fn info_of(policy: &Policy) -> PolicyInfo {
    let about = |line: usize, rule: Option<usize>, message: String| PolicyNote {
        line: line as u32,
        rule: rule.map(|rule| rule as u32),
        field: String::new(),
        message,
    };
    let notes = warnings(policy).into_iter();
    let notes = notes.map(|warning| about(warning.line, Some(warning.rule), warning.message));
    let too_much = native::first_too_much(policy).map(|line| {
        let message = "From here on there are more denies than fit into the agent's own rules; these hold only while the \
                       hook runs.";
        about(line, None, message.to_owned())
    });
    PolicyInfo {
        name: policy.name.clone(),
        description: policy.description.clone(),
        priority: policy.priority,
        default: action(policy.default),
        scope: scope(&policy.scope),
        includes: policy.includes.clone(),
        rules: policy.rules.len() as u32,
        warnings: notes.chain(too_much).collect(),
        mistakes: Vec::new(),
    }
}

pub fn scope(scope: &Scope) -> PolicyScope {
    match scope {
        Scope::Global => PolicyScope::Everywhere,
        Scope::Directories(directories) => PolicyScope::Directories(directories.clone()),
        Scope::Sessions(sessions) => PolicyScope::Sessions(sessions.clone()),
    }
}

pub fn note(mistake: &Mistake) -> PolicyNote {
    PolicyNote {
        line: mistake.line as u32,
        rule: mistake.rule.map(|rule| rule as u32),
        field: mistake.field.clone(),
        message: mistake.message.clone(),
    }
}

pub fn rule(rule: decide::RuleRef) -> RuleRef {
    let decide::RuleRef { policy, number, line, reason } = rule;
    RuleRef { policy, number: number as u32, line: line as u32, reason }
}

pub fn verdict(decision: Option<Decision>) -> PolicyVerdict {
    let Some(decision) = decision else {
        let why = "No policy applies: the agent follows its own rules.".to_owned();
        return PolicyVerdict { action: None, rule: None, why, parts: Vec::new(), unreadable: None };
    };
    let unreadable = decision
        .unreadable
        .map(|unreadable| UnreadableCommand { at: unreadable.at as u32, why: unreadable.why });
    PolicyVerdict {
        action: Some(action(decision.action)),
        rule: decision.rule.map(rule),
        why: decision.why,
        parts: decision.parts.into_iter().map(part).collect(),
        unreadable,
    }
}

fn part(part: PartDecision) -> PolicyVerdictPart {
    PolicyVerdictPart {
        words: part.part.words.into_iter().map(|word| word.text).collect(),
        action: action(part.action),
        rule: part.rule.map(rule),
        why: part.why,
    }
}
