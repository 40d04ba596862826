//! Writes a policy as TOML, so that reading it again gives the same.

use std::fmt::Write;

use super::rule::{Action, CommandText, ExampleText, Policy, RuleText, Scope};

pub fn write(policy: &Policy) -> String {
    let mut text = String::new();
    field(&mut text, "name", &quote(&policy.name));
    if !policy.description.is_empty() {
        field(&mut text, "description", &quote(&policy.description));
    }
    field(&mut text, "priority", &policy.priority.to_string());
    field(&mut text, "default", &quote(if policy.default == Action::Deny { "deny" } else { "ask" }));
    if policy.fails_closed {
        field(&mut text, "fail", &quote("deny"));
    }
    match &policy.scope {
        Scope::Global => {}
        Scope::Directories(directories) => field(&mut text, "directories", &list(directories)),
        Scope::Sessions(sessions) => field(&mut text, "sessions", &list(sessions)),
    }
    some(&mut text, "include", &policy.includes);
    for rule in &policy.rules {
        text.push_str("\n[[rule]]\n");
        text.push_str(&self::rule(&rule.text));
    }
    text
}

/// The fields of one rule.
pub fn rule(rule: &RuleText) -> String {
    let mut text = String::new();
    field(&mut text, "action", &quote(rule.action.name()));
    some(&mut text, "tool", &rule.tool);
    if let Some(command) = &rule.command {
        field(&mut text, "command", &self::command(command));
    }
    if !rule.args.is_empty() {
        let args: Vec<String> = rule
            .args
            .iter()
            .map(|(name, patterns)| format!("{} = {}", key(name), one_or_list(patterns)))
            .collect();
        field(&mut text, "args", &format!("{{ {} }}", args.join(", ")));
    }
    some(&mut text, "paths", &rule.paths);
    some(&mut text, "cwd", &rule.cwd);
    some(&mut text, "session", &rule.session);
    some(&mut text, "provider", &rule.provider);
    if let Some(reason) = &rule.reason {
        field(&mut text, "reason", &quote(reason));
    }
    for (name, matches) in [("match", true), ("not_match", false)] {
        let examples = rule.examples.iter().filter(|example| example.matches == matches);
        let examples: Vec<String> = examples.map(|example| self::example(&example.text)).collect();
        if !examples.is_empty() {
            field(&mut text, name, &format!("[{}]", examples.join(", ")));
        }
    }
    text
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

fn field(text: &mut String, name: &str, value: &str) {
    text.push_str(name);
    text.push_str(" = ");
    text.push_str(value);
    text.push('\n');
}

fn some(text: &mut String, name: &str, values: &[String]) {
    if !values.is_empty() {
        field(text, name, &one_or_list(values));
    }
}

fn one_or_list(values: &[String]) -> String {
    if let [value] = values { quote(value) } else { list(values) }
}

fn list(values: &[String]) -> String {
    format!("[{}]", values.iter().map(|value| quote(value)).collect::<Vec<_>>().join(", "))
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
