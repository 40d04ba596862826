//! Reads a policy from TOML. What is wrong is told with its line and in words.

mod table;

use std::fmt;

use serde::Serialize;
use toml::de::DeTable;

use super::example;
use super::rule::{Action, CommandText, Example, ExampleText, Policy, Rule, RuleText, Scope};
use table::{Table, Value};

/// A longer file is no policy.
pub const MAX_FILE: usize = 8 * 1024 * 1024;

/// Something that is wrong with a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mistake {
    pub line: usize,
    /// The rule's number, counted from 1.
    pub rule: Option<usize>,
    /// The field, or nothing if it is about more than one.
    pub field: String,
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.rule {
            Some(rule) => write!(f, "{}: rule {rule}: {}", self.line, self.message),
            None => write!(f, "{}: {}", self.line, self.message),
        }
    }
}

impl Mistake {
    /// The same with the file it is about: `policy.toml:12: rule 3: …`.
    pub fn in_file(&self, file: &str) -> String {
        format!("{file}:{self}")
    }
}

const POLICY_FIELDS: [&str; 9] =
    ["name", "description", "priority", "default", "fail", "directories", "sessions", "include", "rule"];
const RULE_FIELDS: [&str; 11] = [
    "action",
    "tool",
    "command",
    "args",
    "paths",
    "cwd",
    "session",
    "provider",
    "reason",
    "match",
    "not_match",
];
const COMMAND_FIELDS: [&str; 3] = ["program", "words", "options"];

/// A policy as it is written, whatever it means.
pub struct Draft {
    /// Without its rules.
    pub policy: Policy,
    pub rules: Vec<RuleText>,
}

/// What is wrong: with how it is written, so that only the text can show it, or with what it means.
#[derive(Default)]
struct Found {
    shape: Vec<Mistake>,
    meaning: Vec<Mistake>,
}

impl Found {
    fn count(&self) -> usize {
        self.shape.len() + self.meaning.len()
    }
}

/// Reads a policy and checks its examples. All mistakes that can be told apart are told.
pub fn read(text: &str) -> Result<Policy, Vec<Mistake>> {
    let (Draft { policy, .. }, Found { shape, meaning }) = parse(text)?;
    none(shape.into_iter().chain(meaning).collect()).map(|()| policy)
}

/// Reads what is written; whether it means something is not asked.
pub fn draft(text: &str) -> Result<Draft, Vec<Mistake>> {
    let (draft, found) = parse(text)?;
    none(found.shape).map(|()| draft)
}

fn none(mut mistakes: Vec<Mistake>) -> Result<(), Vec<Mistake>> {
    mistakes.sort_by_key(|mistake| mistake.line);
    if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
}

/// The policy has the rules that mean something, the draft has all.
fn parse(text: &str) -> Result<(Draft, Found), Vec<Mistake>> {
    let line_of = |at: usize| text.get(..at).map_or(0, |before| before.matches('\n').count()) + 1;
    let one = |line, message: String| vec![Mistake { line, rule: None, field: String::new(), message }];
    if text.len() > MAX_FILE {
        return Err(one(1, format!("the file is larger than {} MiB", MAX_FILE >> 20)));
    }
    let document = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(span.start));
        one(line, format!("this is not valid TOML: {}", error.message()))
    })?;
    let lines = table::Lines::of(text);
    let mut found = Found::default();
    let top = Table::new(document.get_ref(), 1, None, &lines);
    let mut draft = Draft { policy: policy(&top, &mut found), rules: Vec::new() };
    for (number, table) in top.tables("rule", &mut found.shape).into_iter().enumerate() {
        let (table, before) = (table.of_rule(number + 1), found.count());
        let Some(text) = rule_text(&table, &mut found) else { continue };
        if found.count() == before {
            draft.policy.rules.extend(rule(&table, text.clone(), &mut found.meaning));
        }
        draft.rules.push(text);
    }
    Ok((draft, found))
}

/// Everything but its rules.
fn policy(top: &Table, found: &mut Found) -> Policy {
    top.only(&POLICY_FIELDS, "a policy", &mut found.shape);
    let name = top.text("name", &mut found.shape).unwrap_or_default();
    if !top.has("name") {
        top.wrong("name", "'name' is missing", &mut found.meaning);
    } else if name.is_empty() || name.len() > 100 || name.chars().any(char::is_control) {
        top.wrong("name", "'name' has to have 1 to 100 printable characters", &mut found.meaning);
    }
    let mut policy = Policy::new(&name);
    policy.description = top.text("description", &mut found.shape).unwrap_or_default();
    policy.priority = top.integer("priority", &mut found.shape).unwrap_or(0);
    policy.default = match top.text("default", &mut found.shape).as_deref() {
        None | Some("ask") => Action::Ask,
        Some("deny") => Action::Deny,
        Some(other) => {
            let message = format!("'default' has to be \"ask\" or \"deny\", not \"{other}\"");
            top.wrong("default", &message, &mut found.shape);
            Action::Deny
        }
    };
    policy.fails_closed = match top.text("fail", &mut found.shape).as_deref() {
        None | Some("rules") => false,
        Some("deny") => true,
        Some(other) => {
            let message = format!("'fail' has to be \"rules\" or \"deny\", not \"{other}\"");
            top.wrong("fail", &message, &mut found.shape);
            true
        }
    };
    policy.scope = scope(top, found);
    if let Err(message) = policy.set_scope(policy.scope.clone()) {
        top.wrong("directories", &message, &mut found.meaning);
    }
    policy.includes = top.texts("include", &mut found.shape);
    policy
}

fn scope(top: &Table, found: &mut Found) -> Scope {
    match (top.has("directories"), top.has("sessions")) {
        (true, true) => {
            let message = "a policy has either 'directories' or 'sessions', not both";
            top.wrong("sessions", message, &mut found.shape);
            Scope::Global
        }
        (true, false) => {
            let before = found.shape.len();
            let directories = top.texts("directories", &mut found.shape);
            if directories.is_empty() && found.shape.len() == before {
                let message = "'directories' is empty; leave it out to apply everywhere";
                top.wrong("directories", message, &mut found.meaning);
            }
            Scope::Directories(directories)
        }
        (false, true) => Scope::Sessions(top.texts("sessions", &mut found.shape)),
        (false, false) => Scope::Global,
    }
}

/// A rule as it is written, if its action is one.
fn rule_text(table: &Table, found: &mut Found) -> Option<RuleText> {
    let before = found.count();
    table.only(&RULE_FIELDS, "a rule", &mut found.shape);
    let action = match table.required("action", &mut found.shape).as_deref() {
        Some("allow") => Action::Allow,
        Some("deny") => Action::Deny,
        Some("ask") => Action::Ask,
        Some(other) => {
            let message = format!("'action' has to be \"allow\", \"deny\" or \"ask\", not \"{other}\"");
            table.wrong("action", &message, &mut found.shape);
            return None;
        }
        None => return None,
    };
    let mut text = RuleText::new(action);
    fill(&mut text, table, found);
    for field in ["tool", "paths", "cwd", "session", "provider"] {
        if table.has(field) && table.texts(field, &mut Vec::new()).is_empty() && found.count() == before {
            table.wrong(field, &format!("'{field}' is empty"), &mut found.meaning);
        }
    }
    Some(text)
}

fn rule(table: &Table, text: RuleText, mistakes: &mut Vec<Mistake>) -> Option<Rule> {
    match Rule::new(text, table.line) {
        Ok(rule) => {
            for wrong in example::check(&rule) {
                let field = if wrong.matches { "match" } else { "not_match" };
                table.mistake(wrong.line, field, &wrong.message, mistakes);
            }
            Some(rule)
        }
        Err(wrong) => {
            table.wrong(wrong.field, &wrong.message, mistakes);
            None
        }
    }
}

/// Everything but the action.
fn fill(text: &mut RuleText, table: &Table, found: &mut Found) {
    let before = found.count();
    let command = table.table("command", &mut found.shape);
    text.command = command.map(|command| self::command(&command, found));
    let mistakes = &mut found.shape;
    text.tool = table.texts("tool", mistakes);
    for (field, value) in table.table("args", mistakes).iter().flat_map(Table::entries) {
        let patterns = value.texts().filter(|patterns| !patterns.is_empty());
        match patterns {
            Some(patterns) => drop(text.args.insert(field, patterns)),
            None => value.wrong(
                "args",
                &format!("'args.{field}' has to be a pattern or a list of patterns"),
                mistakes,
            ),
        }
    }
    text.paths = table.texts("paths", mistakes);
    text.cwd = table.texts("cwd", mistakes);
    text.session = table.texts("session", mistakes);
    text.provider = table.texts("provider", mistakes);
    text.reason = table.text("reason", mistakes);
    text.examples = [("match", true), ("not_match", false)]
        .into_iter()
        .flat_map(|(field, matches)| examples(table, field, matches, mistakes))
        .collect();
    if table.has("args") && text.args.is_empty() && found.count() == before {
        table.wrong("args", "'args' names no field", &mut found.meaning);
    }
}

fn command(table: &Table, found: &mut Found) -> CommandText {
    if !table.has("program") {
        table.wrong("program", "'program' is missing", &mut found.meaning);
    }
    let mistakes = &mut found.shape;
    table.only(&COMMAND_FIELDS, "a command", mistakes);
    let words = table.value("words").and_then(|value| {
        let words = value.items().map(|items| items.iter().map(Value::texts).collect::<Option<Vec<_>>>());
        let words = words.flatten().filter(|words| words.iter().all(|alternatives| !alternatives.is_empty()));
        if words.is_none() {
            value.wrong("words", "'words' has to be a list of words, or of lists of alternatives", mistakes);
        }
        words
    });
    CommandText {
        program: table.texts("program", mistakes),
        words,
        options: table.texts("options", mistakes),
    }
}

fn examples(table: &Table, field: &str, matches: bool, mistakes: &mut Vec<Mistake>) -> Vec<Example> {
    let Some(value) = table.value(field) else { return Vec::new() };
    let Some(items) = value.items() else {
        value.wrong(field, &format!("'{field}' has to be a list"), mistakes);
        return Vec::new();
    };
    let mut found = Vec::new();
    for item in items {
        let text = match (item.text(), item.fields()) {
            (Some(text), _) => ExampleText::Text(text),
            (None, Some(fields)) => ExampleText::Fields(fields),
            (None, None) => {
                item.wrong(
                    field,
                    &format!("an example in '{field}' has to be a string or a table of strings"),
                    mistakes,
                );
                continue;
            }
        };
        found.push(Example { matches, text, line: item.line });
    }
    found
}
