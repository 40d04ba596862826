//! The words of events: one line of plain text, and the command or path that it is about.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{By, Hook};
use crate::visible::{count, one_line};
use crate::wire::session::Exit;
use crate::wire::stream::Lost;

/// Characters of a text or code, which agents choose.
const LONGEST: usize = 200;

/// An event in words, on one line, with nothing in it that acts on a terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Description {
    pub text: String,
    /// A command, path or id that completes the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub code: Option<String>,
}

impl Description {
    pub(super) fn code(self, code: &str) -> Self {
        Self { code: Some(short(code)), ..self }
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        match &self.code {
            Some(code) => write!(f, " {code}"),
            None => Ok(()),
        }
    }
}

pub(super) fn say(text: impl AsRef<str>) -> Description {
    Description { text: short(text.as_ref()), code: None }
}

fn short(text: &str) -> String {
    let line = one_line(text);
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

pub(super) fn exit(exit: Option<Exit>) -> String {
    match exit {
        Some(exit) => format!("Ended: {exit}"),
        None => "Ended".to_owned(),
    }
}

pub(super) fn lost(lost: Lost) -> String {
    match lost {
        Lost::Bytes(bytes) => format!("{} of output missing", count(bytes, "byte")),
        Lost::Lines(lines) => format!("{} of output missing", count(lines, "line")),
        Lost::Nothing => "Output resumed; nothing is missing".to_owned(),
        Lost::Unknown => "An unknown amount of output is missing".to_owned(),
    }
}

pub(super) fn by(by: &Option<By>) -> String {
    match by {
        Some(By::Login(login)) => format!(" by login {login}"),
        Some(By::Process(process)) => format!(" by process {} ({})", process.pid, process.names),
        None => String::new(),
    }
}

fn text<'a>(from: &'a Value, names: &[&str]) -> Option<&'a str> {
    let texts = names.iter().filter_map(|name| from.get(name).and_then(Value::as_str));
    texts.map(str::trim).find(|text| !text.is_empty())
}

/// `LABEL: TEXT` with the first of these fields of a hook that says something; otherwise the fallback.
pub(super) fn named(hook: &Hook, label: &str, fields: &[&str], fallback: &str) -> Description {
    match text(&hook.payload, fields) {
        Some(text) if label.is_empty() => say(text),
        Some(text) => say(format!("{label}: {text}")),
        None => say(fallback),
    }
}

/// With the last thing that the agent said.
pub(super) fn finished(hook: &Hook) -> Description {
    match text(&hook.payload, &["last_assistant_message"]) {
        Some(message) => say(format!("Finished: {}", without_markup(message))),
        None => say("Finished a turn"),
    }
}

pub(super) fn reason(hook: &Hook, what: &str) -> Description {
    named(hook, what, &["message", "error", "reason"], what)
}

/// Markdown's headings, emphasis and code marks say nothing on one line.
fn without_markup(markdown: &str) -> String {
    let lines = markdown.lines().map(|line| {
        let rest = line.trim_start_matches('#');
        if rest.starts_with(' ') { rest.trim_start() } else { line }
    });
    lines.collect::<Vec<_>>().join("\n").replace("**", "").replace("__", "").replace('`', "")
}

/// What a tool asks a person: the questions themselves.
pub(super) fn question(hook: &Hook) -> Option<Description> {
    let questions = hook.payload.get("tool_input")?.get("questions")?.as_array()?;
    let asked: Vec<_> = questions.iter().filter_map(|each| text(each, &["question"])).collect();
    (!asked.is_empty()).then(|| say(format!("Asks: {}", asked.join(" · "))))
}

/// A tool that a hook is about, after a verb for each of: commands, edits, other tools.
pub(super) fn tool(hook: &Hook, [run, edit, using]: [&str; 3]) -> Description {
    let payload = &hook.payload;
    let Some(name) = text(payload, &["tool_name"]) else { return say(format!("{using} a tool")) };
    let fields = ["command", "file_path", "path", "pattern", "url", "description", "prompt"];
    let target = payload.get("tool_input").and_then(|input| text(input, &fields));
    match (name, target) {
        (_, None) => say(format!("{using} {name}")),
        ("Bash" | "shell", Some(target)) => say(run).code(target),
        ("Edit" | "Write" | "MultiEdit" | "NotebookEdit" | "apply_patch", Some(target)) => {
            say(edit).code(text(payload, &["cwd"]).map_or(target, |cwd| within(cwd, target)))
        }
        (_, Some(target)) => say(format!("{using} {name}:")).code(target),
    }
}

/// A path in the directory that the agent works in, as one would type it there.
fn within<'a>(cwd: &str, path: &'a str) -> &'a str {
    path.strip_prefix(cwd).and_then(|rest| rest.strip_prefix('/')).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::event::Body;

    fn words(payload: serde_json::Value) -> String {
        Body::hook(payload).describe().to_string()
    }

    #[test]
    fn a_tool_is_described_by_what_it_is_used_on() {
        let hook = |event: &str, tool: &str, input: serde_json::Value| {
            words(json!({"hook_event_name": event, "tool_name": tool, "tool_input": input}))
        };
        assert_eq!(hook("PermissionRequest", "Bash", json!({"command": "npm i"})), "Asks to run npm i");
        assert_eq!(hook("PermissionRequest", "Edit", json!({"file_path": "a.ts"})), "Asks to edit a.ts");
        assert_eq!(hook("PreToolUse", "Bash", json!({"command": "ls\n-l"})), "Running ls -l");
        assert_eq!(hook("PostToolUse", "Grep", json!({"pattern": "x"})), "Used Grep: x");
        assert_eq!(hook("PostToolUseFailure", "Task", json!({})), "Failed to use Task");
        assert_eq!(words(json!({"hook_event_name": "PermissionRequest"})), "Asks to use a tool");
        assert_eq!(words(json!({"hook_event_name": "PreToolUse", "tool_name": 7})), "Using a tool");
    }

    #[test]
    fn a_question_is_told_itself() {
        let asks = |questions: serde_json::Value| {
            let input = json!({"questions": questions});
            words(json!({
                "hook_event_name": "PermissionRequest", "tool_name": "AskUserQuestion", "tool_input": input,
            }))
        };
        let queue = json!({"question": "Which queue should retries use?", "header": "Queue"});
        assert_eq!(asks(json!([queue])), "Asks: Which queue should retries use?");
        assert_eq!(
            asks(json!([queue, {"question": "And how often?"}])),
            "Asks: Which queue should retries use? · And how often?"
        );
        assert_eq!(asks(json!([])), "Asks to use AskUserQuestion");
    }

    #[test]
    fn a_path_is_told_from_where_the_agent_works() {
        let edits = |path: &str| {
            words(json!({
                "hook_event_name": "PermissionRequest", "tool_name": "Edit", "cwd": "/home/u/app",
                "tool_input": {"file_path": path},
            }))
        };
        assert_eq!(edits("/home/u/app/src/a.ts"), "Asks to edit src/a.ts");
        assert_eq!(edits("/home/u/app-2/a.ts"), "Asks to edit /home/u/app-2/a.ts");
    }

    #[test]
    fn texts_of_agents_are_one_plain_line() {
        let ended =
            |message: &str| words(json!({"hook_event_name": "Stop", "last_assistant_message": message}));
        assert_eq!(
            ended("# Done\nAll **41** tests pass in `auth`"),
            "Finished: Done All 41 tests pass in auth"
        );
        assert_eq!(ended(""), "Finished a turn");
        assert_eq!(ended("a\u{1b}[31mb\u{202e}c"), "Finished: a [31mb c");
        let prompt = words(json!({"hook_event_name": "UserPromptSubmit", "prompt": "x".repeat(500)}));
        assert_eq!(prompt.chars().count(), 201);
        assert_eq!(words(json!({})), "Hook without a name");
    }
}
