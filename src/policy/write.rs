//! Writes a policy as TOML, so that reading it again gives the same.

use std::fmt::Write;

use super::rule::{Action, CommandText, ExampleText, Policy, RuleText, Scope};

/// Fields in the order in which they are written, each with its value in TOML.
pub(super) type Fields = Vec<(&'static str, String)>;

/// A line with more is written as several.
const WIDE: usize = 120;

pub fn write(policy: &Policy) -> String {
    with_rules(policy, policy.rules.iter().map(|rule| &rule.text))
}

/// The same for rules that may mean nothing yet.
pub(super) fn write_draft(policy: &Policy, rules: &[RuleText]) -> String {
    with_rules(policy, rules.iter())
}

fn with_rules<'r>(policy: &Policy, rules: impl Iterator<Item = &'r RuleText>) -> String {
    let mut text = lines(&policy_fields(policy));
    for rule in rules {
        text.push_str("\n[[rule]]\n");
        text.push_str(&lines(&rule_fields(rule)));
    }
    text
}

fn lines(fields: &Fields) -> String {
    fields.iter().map(|(name, value)| format!("{name} = {value}\n")).collect()
}

/// All but its rules.
pub(super) fn policy_fields(policy: &Policy) -> Fields {
    let mut fields = vec![("name", quote(&policy.name))];
    if !policy.description.is_empty() {
        fields.push(("description", quote(&policy.description)));
    }
    fields.push(("priority", policy.priority.to_string()));
    fields.push(("default", quote(if policy.default == Action::Deny { "deny" } else { "ask" })));
    if policy.fails_closed {
        fields.push(("fail", quote("deny")));
    }
    match &policy.scope {
        Scope::Global => {}
        Scope::Directories(directories) => fields.push(("directories", list(directories))),
        Scope::Sessions(sessions) => fields.push(("sessions", list(sessions))),
    }
    some(&mut fields, "include", &policy.includes);
    fields
}

pub(super) fn rule_fields(rule: &RuleText) -> Fields {
    let mut fields = vec![("action", quote(rule.action.name()))];
    some(&mut fields, "tool", &rule.tool);
    if let Some(command) = &rule.command {
        fields.push(("command", self::command(command)));
    }
    if !rule.args.is_empty() {
        let args: Vec<String> = rule
            .args
            .iter()
            .map(|(name, patterns)| format!("{} = {}", key(name), one_or_list(patterns)))
            .collect();
        fields.push(("args", format!("{{ {} }}", args.join(", "))));
    }
    some(&mut fields, "paths", &rule.paths);
    some(&mut fields, "cwd", &rule.cwd);
    some(&mut fields, "session", &rule.session);
    some(&mut fields, "provider", &rule.provider);
    if let Some(reason) = &rule.reason {
        fields.push(("reason", quote(reason)));
    }
    for (name, matches) in [("match", true), ("not_match", false)] {
        let examples = rule.examples.iter().filter(|example| example.matches == matches);
        let examples: Vec<String> = examples.map(|example| self::example(&example.text)).collect();
        if !examples.is_empty() {
            fields.push((name, items(&examples)));
        }
    }
    fields
}

fn command(command: &CommandText) -> String {
    let mut fields = vec![format!("program = {}", one_or_list(&command.program))];
    if let Some(words) = &command.words {
        let words: Vec<String> = words.iter().map(|alternatives| one_or_list(alternatives)).collect();
        fields.push(format!("words = [{}]", words.join(", ")));
    }
    if !command.options.is_empty() {
        fields.push(format!("options = {}", list(&command.options)));
    }
    format!("{{ {} }}", fields.join(", "))
}

fn example(example: &ExampleText) -> String {
    match example {
        ExampleText::Text(text) => quote(text),
        ExampleText::Fields(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(name, text)| format!("{} = {}", key(name), quote(text))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
    }
}

fn some(fields: &mut Fields, name: &'static str, values: &[String]) {
    if !values.is_empty() {
        fields.push((name, one_or_list(values)));
    }
}

fn one_or_list(values: &[String]) -> String {
    if let [value] = values { quote(value) } else { list(values) }
}

fn list(values: &[String]) -> String {
    items(&values.iter().map(|value| quote(value)).collect::<Vec<_>>())
}

/// A list in one line, or in one line each.
fn items(values: &[String]) -> String {
    let line = values.join(", ");
    if line.len() <= WIDE { format!("[{line}]") } else { format!("[\n    {},\n]", values.join(",\n    ")) }
}

fn key(name: &str) -> String {
    let bare = !name.is_empty()
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-".contains(letter));
    if bare { name.to_owned() } else { quote(name) }
}

/// A basic string: everything that is not plain is escaped.
fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            letter if super::shell::shown(letter.encode_utf8(&mut [0; 4])).starts_with("\\u") => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(letter));
            }
            letter => quoted.push(letter),
        }
    }
    quoted + "\""
}
