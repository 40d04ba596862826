//! Hooks that ask whether a tool may be used, and what they are answered: the JSON of Claude Code, which Codex took over.
//! Measured with Claude Code 2.1.197 and 2.1.332, Codex 0.169.0 and 0.171.0.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::policy::decide::Decision;
use crate::policy::rule::Action;

/// What a hook asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pub moment: Moment,
    pub tool: String,
    pub input: Value,
    pub cwd: PathBuf,
    /// A sub-agent asks: it shows its question only when its hook has ended (measured with Claude Code 2.1.332).
    pub by_subagent: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before each use, whatever the agent's own rules say.
    BeforeUse,
    /// Before a shell command in the text of a skill or command: it cannot be asked about, so what is not allowed is not run.
    InSkill,
    /// The agent is about to ask a person.
    BeforeQuestion,
}

/// What an agent takes as an answer before it uses a tool. Both take allow and deny before a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answers {
    /// Allow, ask and deny. In Claude Code's mode `auto` its own classifier overrules an allow. Its question is on the
    /// screen while the hook that is asked before it runs, and whichever answers first counts.
    All,
    /// Deny alone; the rest is an error to it. It shows its question when the hook that is asked before it has ended.
    Deny,
}

impl Answers {
    /// Whether its hooks say in which directory a tool runs. Codex's `exec_command` has a field `workdir`, and its hooks have
    /// only the command and the directory of the turn.
    pub fn tell_directory(self) -> bool {
        self == Self::All
    }
}

/// Tools by which the agent itself asks the person.
pub(super) const ASKS: &str = "AskUserQuestion";
pub(super) const PLANS: &str = "ExitPlanMode";
/// The hook that tells of a tool that was refused by the agent's own classifier.
pub const DENIED_BY_ITSELF: &str = "PermissionDenied";
/// The hook before a shell command in a skill.
pub const IN_SKILL: &str = "PreSkillShellCommand";
const BEFORE_USE: &str = "PreToolUse";
const QUESTIONS: [&str; 3] = [ASKS, PLANS, "EnterPlanMode"];

/// `None` for a hook that asks nothing.
pub fn asked(payload: &Value) -> Option<Asked> {
    match payload["hook_event_name"].as_str()? {
        IN_SKILL => read(payload, Moment::InSkill),
        BEFORE_USE => read(payload, Moment::BeforeUse),
        "PermissionRequest" => read(payload, Moment::BeforeQuestion),
        _ => None,
    }
}

/// What the agent itself refused.
pub fn denied_by_itself(payload: &Value) -> Option<Asked> {
    (payload["hook_event_name"] == DENIED_BY_ITSELF).then(|| read(payload, Moment::BeforeUse))?
}

fn read(payload: &Value, moment: Moment) -> Option<Asked> {
    let cwd = payload["cwd"].as_str().unwrap_or("/");
    Some(Asked {
        moment,
        tool: payload["tool_name"].as_str()?.to_owned(),
        input: payload["tool_input"].clone(),
        cwd: cwd.into(),
        by_subagent: payload.get("agent_id").is_some(),
    })
}

impl Asked {
    /// Whether its hook can wait for a person without hiding the question in the terminal.
    pub fn can_wait(&self, answers: Answers) -> bool {
        self.moment == Moment::BeforeQuestion && answers == Answers::All && !self.by_subagent
    }
}

/// What the agent is told; `None` leaves it to its own rules.
pub fn answer(asked: &Asked, decision: &Decision, answers: Answers) -> Option<Value> {
    let reason = &decision.why;
    // Nobody but a person answers these, and asking them harms nobody.
    let refused = decision.action == Action::Deny && decision.rule.is_some();
    if QUESTIONS.contains(&asked.tool.as_str()) && !refused {
        return None;
    }
    let before_use = |decision| {
        let event = if asked.moment == Moment::InSkill { IN_SKILL } else { BEFORE_USE };
        json!({
            "hookEventName": event, "permissionDecision": decision, "permissionDecisionReason": reason,
        })
    };
    let specific = match (asked.moment, decision.action) {
        (Moment::BeforeUse | Moment::InSkill, Action::Deny) => before_use("deny"),
        (Moment::BeforeUse | Moment::InSkill, _) if answers == Answers::Deny => return None,
        (Moment::BeforeUse | Moment::InSkill, Action::Allow) => before_use("allow"),
        (Moment::BeforeUse | Moment::InSkill, Action::Ask) => before_use("ask"),
        (Moment::BeforeQuestion, Action::Allow) => before_question(json!({"behavior": "allow"})),
        (Moment::BeforeQuestion, Action::Deny) => {
            before_question(json!({"behavior": "deny", "message": reason}))
        }
        (Moment::BeforeQuestion, Action::Ask) => return None,
    };
    Some(json!({ "hookSpecificOutput": specific }))
}

pub(super) fn before_question(decision: Value) -> Value {
    json!({ "hookEventName": "PermissionRequest", "decision": decision })
}
