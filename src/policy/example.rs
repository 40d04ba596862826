//! Checks that the examples of a rule do what they say, by that rule alone and in no particular place.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value};

use super::decide::Policies;
use super::input::{self, Request};
use super::path::Entry;
use super::rule::{Action, ExampleText, Policy, Rule};

/// Where examples are tried; there are no links there.
pub const CWD: &str = "/home/you/project";
pub const HOME: &str = "/home/you";

/// An example that does not do what it says.
pub struct Wrong {
    pub line: usize,
    pub matches: bool,
    pub message: String,
}

pub fn check(rule: &Rule) -> Vec<Wrong> {
    if rule.text.examples.is_empty() {
        return Vec::new();
    }
    let mut alone = rule.clone();
    (alone.cwd, alone.session, alone.provider) = (Vec::new(), Vec::new(), Vec::new());
    let mut policy = Policy::new("example");
    // Whatever the rule does not match is answered in another way than what it matches.
    policy.default = if rule.text.action == Action::Deny { Action::Ask } else { Action::Deny };
    policy.rules = vec![alone];
    let policies = Policies::new(vec![policy]);
    let mut wrong = Vec::new();
    for example in &rule.text.examples {
        let message = match request(rule, &example.text) {
            Err(message) => message,
            Ok((request, shown)) => {
                let decision = policies.decide_with(&request, &|_| Entry::NoLink);
                let answer = decision.as_ref().map(|decision| decision.action);
                match (example.matches, answer == Some(rule.text.action)) {
                    (true, false) => {
                        let why = decision.map_or_else(String::new, |decision| reason(&decision));
                        format!("the example '{shown}' is not matched by its rule{why}")
                    }
                    (false, true) => {
                        format!("the example '{shown}' is matched by its rule, and should not be")
                    }
                    _ => continue,
                }
            }
        };
        wrong.push(Wrong { line: example.line, matches: example.matches, message });
    }
    wrong
}

/// What kept a rule from matching, if that can be said.
fn reason(decision: &super::decide::Decision) -> String {
    if let Some(unreadable) = &decision.unreadable {
        return format!(": it cannot be read ({})", unreadable.why);
    }
    let part = decision.parts.iter().find(|part| part.rule.is_none());
    let miss = part.and_then(|part| part.misses.first());
    miss.map_or_else(String::new, |miss| format!(": {}", miss.why))
}

fn request(rule: &Rule, text: &ExampleText) -> Result<(Request, String), String> {
    let fields = match text {
        ExampleText::Fields(fields) => fields.clone(),
        ExampleText::Text(text) => BTreeMap::from([(field_of(rule)?, text.clone())]),
    };
    let shown = fields.values().cloned().collect::<Vec<_>>().join("', '");
    let input: Map<String, Value> =
        fields.into_iter().map(|(name, text)| (name, Value::String(text))).collect();
    let named = rule.text.tool.iter().find(|tool| !tool.contains(['*', '?']));
    let tool = match named {
        Some(tool) => tool.clone(),
        None if rule.is_for_shell() => input::SHELL.to_owned(),
        None => {
            rule.text.tool.first().map_or_else(|| "example".to_owned(), |tool| tool.replace(['*', '?'], "x"))
        }
    };
    let (cwd, home) = (PathBuf::from(CWD), PathBuf::from(HOME));
    Ok((Request { tool, input: Value::Object(input), cwd, home, ..Request::default() }, shown))
}

/// The field that an example without fields is about.
fn field_of(rule: &Rule) -> Result<String, String> {
    let is_command = |field: &String| input::is_command(field);
    if rule.is_for_shell() && (rule.text.args.is_empty() || rule.text.args.keys().any(is_command)) {
        return Ok("command".to_owned());
    }
    if !rule.text.paths.is_empty() {
        return Ok("file_path".to_owned());
    }
    let mut names = rule.text.args.keys();
    match (names.next(), names.next()) {
        (Some(name), None) => Ok(name.clone()),
        _ => Err("an example of this rule has to name the fields, like { file_path = \"…\" }".to_owned()),
    }
}
