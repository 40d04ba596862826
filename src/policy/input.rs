//! What an agent asks for: a command for a shell, or the fields of another tool.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value};

use super::loose;
use super::shell::{self, Script, Unreadable};

/// One use of a tool.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub tool: String,
    pub input: Value,
    /// Where the agent is, and where the tool runs unless its input names another directory.
    pub cwd: PathBuf,
    /// Its input may leave out that directory, so it may run anywhere.
    pub may_run_elsewhere: bool,
    pub home: PathBuf,
    /// Where the session was started, if that is known: a policy of that directory goes on to restrict an agent
    /// that has left it.
    pub directory: Option<PathBuf>,
    /// The id of the session and its name.
    pub session: Vec<String>,
    pub provider: String,
}

/// What there is to decide on.
#[derive(Clone, Debug)]
pub enum Subject {
    Shell(Shell),
    Other(BTreeMap<String, Vec<String>>),
}

#[derive(Clone, Debug)]
pub struct Shell {
    pub script: Script,
    /// Everything that may contain a command, for denies and asks.
    pub texts: Vec<String>,
    /// All fields of the input, each as the texts in it.
    pub fields: BTreeMap<String, Vec<String>>,
}

/// The name by which rules know every tool that runs shell commands.
pub const SHELL: &str = "Bash";

/// Tools that run a command, and the field that has it. Claude Code and Codex's hooks say `Bash`, Codex's other
/// protocols the rest.
const SHELL_TOOLS: [(&str, &str); 8] = [
    ("Bash", "command"),
    ("shell", "command"),
    ("shell_command", "command"),
    ("local_shell", "command"),
    ("container.exec", "command"),
    ("exec_command", "cmd"),
    ("unified_exec", "cmd"),
    ("Monitor", "command"),
];

/// Fields beside the command that change nothing about what runs.
const HARMLESS: [&str; 9] = [
    "description",
    "timeout",
    "timeout_ms",
    "run_in_background",
    "yield_time_ms",
    "max_output_tokens",
    "justification",
    "login",
    "prefix_rule",
];

/// Fields that are texts, not paths, of tools whose fields are known.
const TEXTS: [&str; 9] =
    ["content", "old_string", "new_string", "new_source", "edits", "prompt", "description", "plan", "todos"];
const KNOWN_TOOLS: [&str; 10] = [
    "Write",
    "Edit",
    "MultiEdit",
    "NotebookEdit",
    "Agent",
    "Task",
    "ExitPlanMode",
    "TodoWrite",
    "AskUserQuestion",
    "Read",
];
/// Fields that say where a tool runs.
const WORKDIRS: [&str; 2] = ["workdir", "cwd"];

/// Whether a tool runs shell commands.
pub fn is_shell(tool: &str) -> bool {
    SHELL_TOOLS.iter().any(|(name, _)| *name == tool)
}

pub fn subject(request: &Request) -> Subject {
    match SHELL_TOOLS.iter().find(|(name, _)| *name == request.tool) {
        Some((_, field)) => Subject::Shell(shell(&request.input, field)),
        None => Subject::Other(fields(request)),
    }
}

fn shell(input: &Value, field: &str) -> Shell {
    let nothing = Map::new();
    let object = input.as_object().unwrap_or(&nothing);
    let other = object.iter().filter(|(name, _)| *name != field && !HARMLESS.contains(&name.as_str()));
    let (mut odd, mut directories) = (None, 0);
    for (name, value) in other {
        match (name.as_str(), value) {
            (_, Value::Null | Value::Bool(false)) => {}
            ("workdir" | "cwd", Value::String(_)) if directories == 0 => directories += 1,
            _ => {
                odd = odd
                    .or_else(|| Some(format!("the input field '{}', which is not known", shell::shown(name))))
            }
        }
    }
    let (mut script, mut texts) = command(object.get(field));
    if let Some(why) = odd {
        texts.push(input.to_string());
        script.unreadable.get_or_insert(Unreadable { at: 0, why });
    }
    Shell { script, texts, fields: flat_fields(input) }
}

/// The directory that a tool's input names for it to run in.
pub fn workdir(input: &Value) -> Option<&str> {
    WORKDIRS.iter().find_map(|field| input.get(field)?.as_str())
}

/// A command is a text or a list of words; `bash -lc TEXT` is the text.
fn command(value: Option<&Value>) -> (Script, Vec<String>) {
    match value {
        Some(Value::String(text)) => (shell::read(text), vec![text.clone()]),
        Some(Value::Array(words)) if words.iter().all(Value::is_string) => {
            let words: Vec<String> = words.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            let texts = [vec![words.join(" ")], words.clone()].concat();
            let script = match words.as_slice() {
                [program, flag, text] if is_shell_call(program, flag) => shell::read(text),
                words => shell::of_words(words),
            };
            (script, texts)
        }
        other => {
            let why = "no command that is a text or a list of words".to_owned();
            let script = Script { parts: Vec::new(), unreadable: Some(Unreadable { at: 0, why }) };
            (script, other.map(Value::to_string).into_iter().collect())
        }
    }
}

fn is_shell_call(program: &str, flag: &str) -> bool {
    let name = ["/bin/", "/usr/bin/"].iter().find_map(|place| program.strip_prefix(place)).unwrap_or(program);
    matches!(name, "bash" | "sh" | "zsh") && matches!(flag, "-c" | "-lc")
}

/// The fields of a tool.
fn fields(request: &Request) -> BTreeMap<String, Vec<String>> {
    let mut fields = flat_fields(&request.input);
    if request.tool == "apply_patch" {
        // Without the files of a patch, nothing fits, and nothing is missing either.
        let files = only_patch(&request.input).and_then(patched_files).unwrap_or_default();
        fields.insert("file_path".to_owned(), files);
    }
    fields
}

/// The fields of `apply_patch` that have the patch, whoever sends it.
const PATCHES: [&str; 3] = ["command", "input", "patch"];

/// The patch, unless another field may have another one.
fn only_patch(input: &Value) -> Option<&str> {
    let mut found = PATCHES.iter().filter_map(|field| input.get(field)).filter(|value| !value.is_null());
    found.next()?.as_str().filter(|_| found.next().is_none())
}

/// The fields that a deny or an ask looks at: of a patch, all files that any part of the input seems to name.
pub fn restricted(
    request: &Request,
    fields: &BTreeMap<String, Vec<String>>,
) -> BTreeMap<String, Vec<String>> {
    let mut fields = fields.clone();
    if request.tool == "apply_patch" {
        let mut texts = Vec::new();
        collect(&request.input, &[], true, &mut texts);
        fields
            .entry("file_path".to_owned())
            .or_default()
            .extend(texts.iter().flat_map(|text| named_in_patch(text)));
    }
    fields
}

fn named_in_patch(text: &str) -> impl Iterator<Item = String> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix("*** ")?.split_once(": "))
        .map(|(_, file)| file.to_owned())
}

/// The fields of an input, each as the texts in it.
fn flat_fields(input: &Value) -> BTreeMap<String, Vec<String>> {
    let fields = input.as_object().into_iter().flatten();
    // What is no text has no values: nothing fits it, and it is not missing either.
    fields.map(|(name, value)| (name.clone(), flat(value).unwrap_or_default())).collect()
}

/// Whether a field has the command of a shell.
pub fn is_command(field: &str) -> bool {
    matches!(field, "command" | "cmd")
}

/// Whether a field says where a tool runs.
pub fn is_workdir(field: &str) -> bool {
    WORKDIRS.contains(&field)
}

fn flat(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Number(number) => Some(vec![number.to_string()]),
        Value::Bool(truth) => Some(vec![truth.to_string()]),
        Value::Array(values) => {
            values.iter().map(flat).collect::<Option<Vec<_>>>().map(|texts| texts.concat())
        }
        Value::Null | Value::Object(_) => None,
    }
}

/// The files that a patch of Codex changes, if every line of it is understood.
pub fn patched_files(patch: &str) -> Option<Vec<String>> {
    let mut files = Vec::new();
    let inner = patch.trim_end().strip_prefix("*** Begin Patch\n")?.strip_suffix("\n*** End Patch")?;
    for line in inner.lines() {
        let named = ["*** Add File: ", "*** Update File: ", "*** Delete File: ", "*** Move to: "];
        match named.iter().find_map(|start| line.strip_prefix(start)) {
            Some(file) if file.trim() == file && !file.is_empty() => files.push(file.to_owned()),
            None if line == "*** End of File"
                || line.is_empty()
                || line.starts_with(['+', '-', ' ', '@']) => {}
            _ => return None,
        }
        // What looks like a file's line to a more lenient reader.
        if !line.starts_with("***") && line.trim_start().starts_with("*** ") {
            return None;
        }
    }
    (!files.is_empty()).then_some(files)
}

/// Everything in the input of a tool that may be a path, in the forms that the tool may give it.
pub fn possible_paths(request: &Request) -> Vec<String> {
    let mut found = Vec::new();
    let texts: &[&str] = match request.tool.as_str() {
        // Its pattern is for what stands in files.
        "Grep" => &["pattern"],
        tool if KNOWN_TOOLS.contains(&tool) => &TEXTS,
        _ => &[],
    };
    collect(&request.input, texts, true, &mut found);
    // Several patterns in one text.
    if let ("Grep", Some(globs)) = (request.tool.as_str(), request.input.get("glob").and_then(Value::as_str))
    {
        found.extend(globs.split_whitespace().map(str::to_owned));
    }
    if request.tool == "apply_patch" {
        let named: Vec<String> = found.iter().flat_map(|text| named_in_patch(text)).collect();
        found.extend(named);
    }
    found.iter().flat_map(|text| loose::forms(text)).collect()
}

/// All texts but those in fields that are no paths, and the names of fields that the tool itself did not name.
fn collect(value: &Value, texts: &[&str], is_top: bool, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| collect(value, texts, false, found)),
        Value::Object(fields) => {
            for (name, value) in fields.iter().filter(|(name, _)| !texts.contains(&name.as_str())) {
                found.extend(Some(name.clone()).filter(|_| !is_top));
                collect(value, texts, false, found);
            }
        }
        _ => {}
    }
}
