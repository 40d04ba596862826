//! What the engine says, as clients are told.

use codepiper_protocol::wire::policy::{
    PolicyAction, PolicyVerdict, PolicyVerdictPart, RuleRef, UnreadableCommand,
};

use super::decide::{self, Decision, PartDecision};
use super::rule::Action;

pub fn action(action: Action) -> PolicyAction {
    match action {
        Action::Allow => PolicyAction::Allow,
        Action::Ask => PolicyAction::Ask,
        Action::Deny => PolicyAction::Deny,
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
