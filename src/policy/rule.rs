//! A policy and its rules, as they are written and ready to be matched.

use std::collections::BTreeMap;

use serde::Serialize;

use super::command::CommandPattern;
use super::glob::{Case, Glob};
use super::path::{PathPattern, looks_like_path};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    Allow,
    Ask,
    Deny,
}

impl Action {
    pub fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Ask => "ask",
            Self::Deny => "deny",
        }
    }
}

/// Where a policy applies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    #[default]
    Global,
    /// In these directories and below them.
    Directories(Vec<String>),
    /// In the sessions with these names or ids.
    Sessions(Vec<String>),
}

#[derive(Clone, Debug)]
pub struct Policy {
    pub name: String,
    pub description: String,
    pub priority: i64,
    /// What happens to what no rule speaks of: [`Action::Ask`] or [`Action::Deny`].
    pub default: Action,
    /// While no daemon answers, everything is denied, and not only what its rules deny.
    pub fails_closed: bool,
    pub scope: Scope,
    /// Policies that apply wherever this one does.
    pub includes: Vec<String>,
    pub rules: Vec<Rule>,
    /// The directories of [`Scope::Directories`].
    pub(super) directories: Vec<PathPattern>,
}

impl Policy {
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            description: String::new(),
            priority: 0,
            default: Action::Ask,
            fails_closed: false,
            scope: Scope::Global,
            includes: Vec::new(),
            rules: Vec::new(),
            directories: Vec::new(),
        }
    }

    pub fn is_for_sessions(&self) -> bool {
        matches!(self.scope, Scope::Sessions(_))
    }

    pub fn includes_name(&self, name: &str) -> bool {
        self.includes.iter().any(|included| included == name)
    }

    /// The same policy, where another one applies.
    pub fn within(self, other: &Self) -> Self {
        Self { scope: other.scope.clone(), directories: other.directories.clone(), ..self }
    }

    pub fn set_scope(&mut self, scope: Scope) -> Result<(), String> {
        self.directories = match &scope {
            Scope::Directories(directories) => {
                directories.iter().map(|path| below(path)).collect::<Result<_, _>>()?
            }
            _ => Vec::new(),
        };
        self.scope = scope;
        Ok(())
    }
}

fn below(directory: &str) -> Result<PathPattern, String> {
    if directory.starts_with("./") {
        return Err(format!("'{directory}' has to begin with '~/' or '/'"));
    }
    PathPattern::new(&format!("{}/**", directory.trim_end_matches("/**").trim_end_matches('/')))
}

/// A rule as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleText {
    pub action: Action,
    pub tool: Vec<String>,
    pub command: Option<CommandText>,
    pub args: BTreeMap<String, Vec<String>>,
    pub paths: Vec<String>,
    pub cwd: Vec<String>,
    pub session: Vec<String>,
    pub provider: Vec<String>,
    pub reason: Option<String>,
    pub examples: Vec<Example>,
}

impl RuleText {
    pub fn new(action: Action) -> Self {
        Self {
            action,
            tool: Vec::new(),
            command: None,
            args: BTreeMap::new(),
            paths: Vec::new(),
            cwd: Vec::new(),
            session: Vec::new(),
            provider: Vec::new(),
            reason: None,
            examples: Vec::new(),
        }
    }
}

/// Which commands a rule is about. Each word is a list of alternatives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CommandText {
    pub program: Vec<String>,
    /// None: a deny or ask does not look at the words, an allow allows none.
    pub words: Option<Vec<Vec<String>>>,
    pub options: Vec<String>,
}

/// Something that a rule has to match, or has not to match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    pub matches: bool,
    pub text: ExampleText,
    pub line: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ExampleText {
    /// A command, or the value of the one field that the rule speaks of.
    Text(String),
    Fields(BTreeMap<String, String>),
}

/// A rule that can be matched.
#[derive(Clone, Debug)]
pub struct Rule {
    pub text: RuleText,
    /// Its line in the file, or 0.
    pub line: usize,
    pub(super) tools: Vec<Glob>,
    pub(super) command: Option<CommandPattern>,
    pub(super) args: Vec<(String, Vec<Pattern>)>,
    pub(super) paths: Vec<PathPattern>,
    pub(super) cwd: Vec<PathPattern>,
    pub(super) session: Vec<Glob>,
    pub(super) provider: Vec<Glob>,
}

/// What is wrong with a field of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongField {
    pub field: &'static str,
    pub message: String,
}

impl Rule {
    pub fn new(text: RuleText, line: usize) -> Result<Self, WrongField> {
        let wrong = |field: &'static str| move |message: String| WrongField { field, message };
        let paths = |field: &'static str, patterns: &[String]| {
            patterns
                .iter()
                .map(|pattern| PathPattern::new(pattern))
                .collect::<Result<Vec<_>, _>>()
                .map_err(wrong(field))
        };
        let globs =
            |patterns: &[String]| patterns.iter().map(|pattern| Glob::new(pattern)).collect::<Vec<_>>();
        let command = match &text.command {
            Some(command) => Some(
                CommandPattern::new(command, text.action)
                    .map_err(|(field, message)| wrong(field)(message))?,
            ),
            None => None,
        };
        let mut args = Vec::new();
        for (field, patterns) in &text.args {
            let patterns = patterns.iter().map(|pattern| Pattern::new(pattern)).collect::<Result<_, _>>();
            args.push((field.clone(), patterns.map_err(wrong("args"))?));
        }
        let rule = Self {
            line,
            tools: globs(&text.tool),
            command,
            args,
            paths: paths("paths", &text.paths)?,
            cwd: paths("cwd", &text.cwd)?,
            session: globs(&text.session),
            provider: globs(&text.provider),
            text,
        };
        rule.check()?;
        Ok(rule)
    }

    fn check(&self) -> Result<(), WrongField> {
        let text = &self.text;
        let wrong = |field, message: &str| Err(WrongField { field, message: message.to_owned() });
        if text.tool.iter().any(String::is_empty) {
            return wrong("tool", "a tool has no name");
        }
        if text.action == Action::Allow && !text.paths.is_empty() {
            return wrong("paths", "'paths' is for deny and ask; use 'args' or 'command' in an allow rule");
        }
        if text.tool.is_empty() && self.command.is_none() && text.args.is_empty() && text.paths.is_empty() {
            return wrong(
                "tool",
                "the rule has none of 'tool', 'command', 'args' and 'paths'; '*' means every tool",
            );
        }
        let shells = ["Bash", "*"].iter().chain(&["shell", "exec_command", "local_shell", "shell_command"]);
        let shell = shells.into_iter().any(|shell| self.has_tool(shell));
        if self.command.is_some() && !shell {
            return wrong("tool", "'command' is for tools that run shell commands; name them 'Bash'");
        }
        let names_shell = text.tool.iter().any(|tool| super::input::is_shell(tool));
        if text.action == Action::Allow && self.command.is_none() && names_shell {
            return wrong("tool", "an allow rule for a shell needs 'command'; a shell can do anything");
        }
        if text.action == Action::Allow && self.command.is_none() && text.tool.is_empty() {
            return wrong("tool", "an allow rule without 'command' has to name its tools");
        }
        if self.command.is_some() && !text.args.is_empty() {
            return wrong("args", "a rule has either 'command' or 'args', not both");
        }
        if self.command.is_some() && !text.paths.is_empty() {
            return wrong("paths", "a rule has either 'command' or 'paths', not both");
        }
        Ok(())
    }

    /// Whether its tools include this one; a rule without tools is about all of them.
    pub(super) fn has_tool(&self, name: &str) -> bool {
        self.tools.is_empty() || self.tools.iter().any(|tool| tool.fits(name, Case::Exact))
    }
}

/// A pattern for the field of a tool.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    Path(PathPattern),
    Text(Glob),
}

impl Pattern {
    fn new(text: &str) -> Result<Self, String> {
        match looks_like_path(text) {
            true => PathPattern::new(text).map(Self::Path),
            false => Ok(Self::Text(Glob::new(text))),
        }
    }
}
