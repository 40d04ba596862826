//! What an agent asks for, in words: a title, and all of it.

use codepiper_protocol::visible::{one_line, visible};
use codepiper_protocol::wire::ask::AskedQuestion;
use serde_json::{Map, Value};

use crate::provider::decisions::Asked;

/// Of a title, in characters.
const LONGEST_TITLE: usize = 200;
/// What names best what a tool is used for.
const NAMING: [&str; 10] =
    ["command", "file_path", "notebook_path", "url", "path", "pattern", "query", "skill", "prompt", "title"];

/// One line: what it is about.
pub fn title(asked: &Asked, questions: &[AskedQuestion]) -> String {
    let first_line =
        |text: &str| text.lines().map(|line| one_line(&visible(line))).find(|line| !line.is_empty());
    let title = match (questions.first(), main(asked)) {
        (Some(first), _) => first_line(&first.question),
        (None, Some((text, _))) => first_line(&text),
        (None, None) => NAMING
            .iter()
            .find_map(|name| asked.input[name].as_str().and_then(first_line))
            .or_else(|| first_value(&asked.input).and_then(|text| first_line(&text))),
    };
    title.unwrap_or_else(|| asked.tool.clone()).chars().take(LONGEST_TITLE).collect()
}

/// One line with the beginning of a command of several lines.
pub fn brief(asked: &Asked) -> String {
    match asked.input["command"].as_str() {
        Some(command) => visible(command).chars().take(LONGEST_TITLE).collect(),
        None => title(asked, &[]),
    }
}

/// All of it, as it will be done: a field that is not shown might be what matters.
pub fn text(asked: &Asked, questions: &[AskedQuestion]) -> String {
    let shown = match main(asked) {
        _ if !questions.is_empty() => {
            let text = questions.iter().map(question_text).collect::<Vec<_>>().join("\n\n");
            Some((text, vec!["questions"]))
        }
        shown => shown,
    };
    let text = match shown {
        None => serde_json::to_string_pretty(&asked.input).unwrap_or_default(),
        Some((text, told)) => {
            let rest: Vec<String> = besides(asked, &told).map(|(name, value)| line(name, value)).collect();
            if rest.is_empty() { text } else { format!("{text}\n\n{}", rest.join("\n")) }
        }
    };
    seen(&text)
}

/// Whether a command comes with more than itself.
pub fn has_more(asked: &Asked) -> bool {
    besides(asked, &["command"]).next().is_some()
}

/// What a tool is used for, where it is shown as text, and the fields that this tells.
fn main(asked: &Asked) -> Option<(String, Vec<&'static str>)> {
    let field = |name: &str| asked.input[name].as_str();
    if let Some(command) = field("command") {
        return Some((command.to_owned(), vec!["command"]));
    }
    if let Some(plan) = field("plan") {
        return Some((plan.to_owned(), vec!["plan"]));
    }
    let path = field("file_path")?;
    if let Some(content) = field("content") {
        return Some((format!("{path}\n\n{content}"), vec!["file_path", "content"]));
    }
    let marked = |text: &str, mark: &str| {
        text.lines().map(|line| format!("{mark} {line}")).collect::<Vec<_>>().join("\n")
    };
    let (old, new) = (marked(field("old_string")?, "-"), marked(field("new_string")?, "+"));
    Some((format!("{path}\n\n{old}\n{new}"), vec!["file_path", "old_string", "new_string"]))
}

/// The fields that are not told yet and may matter.
fn besides<'a>(asked: &'a Asked, told: &[&str]) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let fields = asked.input.as_object().into_iter().flat_map(Map::iter);
    fields.filter(move |(name, value)| !told.contains(&name.as_str()) && !is_harmless(name, value))
}

/// What the agent says of a command, where its plan lies, and what is off as usual.
fn is_harmless(name: &str, value: &Value) -> bool {
    match name {
        "description" | "planFilePath" => value.is_string(),
        "replace_all" | "run_in_background" | "dangerouslyDisableSandbox" => *value == false,
        _ => value.is_null(),
    }
}

fn line(name: &str, value: &Value) -> String {
    match value.as_str() {
        Some(text) if !text.contains('\n') => format!("{name}: {text}"),
        _ => format!("{name}: {value}"),
    }
}

fn first_value(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(values) => values.iter().find_map(first_value),
        Value::Object(fields) => fields.values().find_map(first_value),
        Value::Null | Value::Bool(_) => None,
    }
}

fn question_text(question: &AskedQuestion) -> String {
    let options = question.options.iter().enumerate().map(|(index, option)| {
        let description = option.description.as_deref().map(|text| format!(": {text}")).unwrap_or_default();
        format!("\n  {}. {}{description}", index + 1, option.label)
    });
    format!("{}{}", question.question, options.collect::<String>())
}

/// With what is hidden written out, line by line.
fn seen(text: &str) -> String {
    let line = |line: &str| line.split('\t').map(visible).collect::<Vec<_>>().join("\t");
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}
