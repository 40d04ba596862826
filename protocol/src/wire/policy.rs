//! Policies: what agents may do without asking.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::SessionId;

/// What a rule or a policy says about a use of a tool. The strictest of several counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum PolicyAction {
    Allow,
    Ask,
    Deny,
}

impl PolicyAction {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Ask => "ask",
            Self::Deny => "deny",
        }
    }
}

/// A policy as lists show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PolicyInfo {
    pub name: String,
    pub description: String,
    /// A higher one counts before a lower one; a deny always counts.
    pub priority: i64,
    /// For everything that no rule mentions.
    pub default: PolicyAction,
    pub scope: PolicyScope,
    /// Names of the policies that apply wherever this one does.
    #[serde(default)]
    pub includes: Vec<String>,
    pub rules: u32,
    /// Allow rules that allow more than they seem to.
    pub warnings: Vec<PolicyNote>,
    /// What is wrong with the file; if anything is, no rule allows anything.
    pub mistakes: Vec<PolicyNote>,
}

/// `GET /api/sessions/{ref}/policies`: a policy, and whether it speaks about that session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SessionPolicy {
    pub policy: PolicyInfo,
    pub applies: bool,
}

/// Where a policy applies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum PolicyScope {
    Everywhere,
    Directories(Vec<String>),
    /// By id or name, and those it was attached to.
    Sessions(Vec<String>),
}

/// A mistake in a line of a policy, or a warning about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PolicyNote {
    pub line: u32,
    /// The rule's number, counted from 1.
    #[serde(default)]
    pub rule: Option<u32>,
    /// The field, or nothing if it is about more than one.
    #[serde(default)]
    pub field: String,
    pub message: String,
}

/// `GET /api/policies/{name}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PolicyFile {
    /// TOML; see `docs/policies.md`.
    pub text: String,
    pub info: PolicyInfo,
    #[serde(default)]
    pub rules: Vec<PolicyRule>,
}

/// A rule of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PolicyRule {
    /// Counted from 1.
    pub number: u32,
    pub line: u32,
    pub action: PolicyAction,
    /// Whether Claude Code's own rules hold it as well, also where the hook does not run.
    pub without_hook: WithoutHook,
}

/// What of a rule holds where the hook does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum WithoutHook {
    Yes,
    /// The agent's own rules find less: commands in their plain form, and files that its own tools use.
    Partly,
    No,
}

/// `PUT /api/policies/{name}`, `POST /api/policies/check`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct PutPolicy {
    pub text: String,
}

/// `POST /api/policies/form`, from a `PutPolicy`: a policy as a form shows it, whether its rules mean something or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct PolicyForm {
    pub name: String,
    pub description: String,
    pub priority: i64,
    /// `ask` or `deny`
    pub default: PolicyAction,
    /// `fail = "deny"`
    pub fails_closed: bool,
    pub scope: PolicyScope,
    pub includes: Vec<String>,
    pub rules: Vec<RuleForm>,
}

/// A rule as a form shows it. Lists that are empty are not written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct RuleForm {
    /// Its number in the text that the form was read from; `null` for a new one.
    pub from: Option<u32>,
    pub action: PolicyAction,
    pub tool: Vec<String>,
    pub command: Option<CommandForm>,
    /// Patterns by field.
    pub args: BTreeMap<String, Vec<String>>,
    pub paths: Vec<String>,
    pub cwd: Vec<String>,
    pub session: Vec<String>,
    pub provider: Vec<String>,
    pub reason: Option<String>,
    pub matches: Vec<ExampleForm>,
    pub not_matches: Vec<ExampleForm>,
}

/// Which commands a rule is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct CommandForm {
    pub program: Vec<String>,
    /// Each is a list of alternatives.
    pub words: Option<Vec<Vec<String>>>,
    pub options: Vec<String>,
}

/// A command, or the fields of a tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(untagged)]
pub enum ExampleForm {
    Text(String),
    Fields(BTreeMap<String, String>),
}

/// `POST /api/policies/write`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct WritePolicy {
    pub form: PolicyForm,
    /// The text that the form was read from.
    pub text: String,
}

/// The text that a form stands for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct WrittenPolicy {
    pub text: String,
    /// Comments of the earlier text that are not in this one.
    pub lost: Vec<PolicyNote>,
    /// What would be said of the text if it were saved.
    pub info: PolicyInfo,
}

/// `POST /api/policies/{name}/attach`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct AttachPolicy {
    /// An id, a unique id prefix, or a name.
    pub session: String,
    /// `false` detaches it again.
    pub attached: bool,
}

/// `POST /api/policies/test`: what would happen?
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields, default)]
pub struct TestPolicy {
    /// A shell command, unless `tool` and `input` are given.
    pub command: Option<String>,
    pub tool: Option<String>,
    #[cfg_attr(test, ts(type = "unknown"))]
    pub input: Option<serde_json::Value>,
    /// As if it ran in this session; otherwise, as if it ran in a session in `cwd`.
    pub session: Option<String>,
    pub cwd: Option<PathBuf>,
    /// Only this policy, as if it were saved.
    pub text: Option<String>,
}

/// What the policies say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PolicyVerdict {
    /// `null` if no policy applies.
    pub action: Option<PolicyAction>,
    pub rule: Option<RuleRef>,
    /// One sentence.
    pub why: String,
    /// The commands of a shell's text.
    pub parts: Vec<PolicyVerdictPart>,
    /// Where the text could not be read any further, in bytes, and why.
    pub unreadable: Option<UnreadableCommand>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RuleRef {
    pub policy: String,
    /// Counted from 1.
    pub number: u32,
    pub line: u32,
    pub reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PolicyVerdictPart {
    /// The program and its arguments, as it would get them.
    pub words: Vec<String>,
    pub action: PolicyAction,
    pub rule: Option<RuleRef>,
    pub why: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct UnreadableCommand {
    pub at: u32,
    pub why: String,
}

/// A policy that comes with CodePiper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ReadyPolicy {
    pub name: String,
    pub text: String,
}

/// What a session's hook program decides by when the daemon does not answer: only what is denied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicySnapshot {
    pub session: SessionId,
    /// Its id, its short id and its name.
    pub names: Vec<String>,
    pub provider: String,
    pub directory: PathBuf,
    /// Its hooks do not say in which directory a tool runs.
    #[serde(default)]
    pub may_run_elsewhere: bool,
    pub home: PathBuf,
    /// The texts of the policies.
    pub policies: Vec<String>,
}
