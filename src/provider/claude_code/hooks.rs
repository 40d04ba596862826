//! The hooks of Claude Code: those that it is given, and what they prove.

use codepiper_protocol::hook::ASK_LIMIT;
use codepiper_protocol::wire::meters::Meters;
use codepiper_protocol::wire::session::{Activity, WaitingFor};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::transcript::is_usage_limit;
use super::{ClaudeCode, home, status_line, version};
use crate::policy::native::NativeDeny;
use crate::provider::conversations::conversation_id;
use crate::provider::decisions::IN_SKILL;
use crate::provider::{Hooks, LaunchRequest, LeftRunning, Meaning};

impl Hooks for ClaudeCode {
    fn meaning(&self, payload: &Value) -> Option<Meaning> {
        let field = |name: &str| payload.get(name).and_then(Value::as_str).unwrap_or_default();
        match field("hook_event_name") {
            // After a compaction the turn goes on; during `/clear` the state file still says that it is busy.
            "SessionStart" if !["compact", "clear"].contains(&field("source")) => {
                Some((Activity::Idle, None))
            }
            "UserPromptSubmit" | "PreToolUse" | "PostToolUse" | "PostToolUseFailure" | "PreCompact" => {
                Some((Activity::Working, None))
            }
            "PermissionRequest" => Some((
                Activity::Waiting,
                Some(match field("tool_name") {
                    "AskUserQuestion" => WaitingFor::Question,
                    "ExitPlanMode" => WaitingFor::Plan,
                    _ => WaitingFor::Permission,
                }),
            )),
            "Elicitation" => Some((Activity::Waiting, Some(WaitingFor::Elicitation))),
            "ElicitationResult" => Some((Activity::Working, None)),
            "StopFailure" if field("error") == "authentication_failed" => {
                Some((Activity::Waiting, Some(WaitingFor::SignIn)))
            }
            // A 429 that passes says something else.
            "StopFailure"
                if field("error") == "rate_limit" && is_usage_limit(field("last_assistant_message")) =>
            {
                Some((Activity::Waiting, Some(WaitingFor::UsageLimit)))
            }
            "Stop" | "StopFailure" => Some((Activity::Idle, None)),
            "PostCompact" if field("trigger") == "manual" => Some((Activity::Idle, None)),
            "Notification" => match field("notification_type") {
                "idle_prompt" | "auth_success" => Some((Activity::Idle, None)),
                "agent_needs_input" => Some((Activity::Waiting, Some(WaitingFor::Attention))),
                _ => None,
            },
            "SessionEnd" => Some((Activity::Unknown, None)),
            _ => None,
        }
    }

    fn meters(&self, payload: &Value, at: Timestamp) -> Option<Meters> {
        status_line::meters(payload, at)
    }

    fn left_running(&self, payload: &Value) -> Option<LeftRunning> {
        match payload["hook_event_name"].as_str()? {
            "Stop" | "StopFailure" => Some(LeftRunning {
                tasks: running(&payload["background_tasks"], &["command", "description", "type"]),
                scheduled: running(&payload["session_crons"], &["prompt"]),
            }),
            // A sub-agent's tools are no turn.
            "UserPromptSubmit" | "PreToolUse" | "SessionStart" if payload.get("agent_id").is_none() => {
                Some(LeftRunning::default())
            }
            _ => None,
        }
    }

    /// After `/clear` there is another one at once. At any other start a fork still names the one that it
    /// was made from: the next prompt has the right one.
    fn conversation(&self, payload: &Value) -> Option<String> {
        let field = |name: &str| payload.get(name).and_then(Value::as_str);
        let proves = match field("hook_event_name")? {
            "SessionStart" => field("source") == Some("clear"),
            "UserPromptSubmit" => true,
            _ => false,
        };
        field("session_id").and_then(conversation_id).filter(|_| proves)
    }
}

/// The first of these fields of each that runs, in one short line.
fn running(list: &Value, fields: &[&str]) -> Vec<String> {
    const LONGEST: usize = 80;
    const MOST: usize = 20;
    let listed = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let runs = |task: &&Value| task["status"].as_str().is_none_or(|status| status == "running");
    let name = |task: &Value| {
        let text = fields.iter().find_map(|field| task[field].as_str()).unwrap_or("a task");
        let line = text.lines().next().unwrap_or_default().trim();
        line.chars().take(LONGEST).collect::<String>()
    };
    listed.iter().filter(runs).take(MOST).map(name).collect()
}

/// Measured with this version; 2.1.197 has no hook before the shell commands in skills.
const GUARDS_SKILLS: &str = "2.1.332";

/// Its own rule. In its patterns of files two slashes are the root.
fn own_rule(denied: &NativeDeny) -> String {
    let from_root = |path: &str| if path.starts_with('/') { format!("/{path}") } else { path.to_owned() };
    match denied {
        NativeDeny::Command(words) => format!("Bash({}:*)", words.join(" ")),
        NativeDeny::Tool(name) => name.clone(),
        NativeDeny::Read(path) => format!("Read({})", from_root(path)),
        NativeDeny::Edit(path) => format!("Edit({})", from_root(path)),
    }
}

/// Hooks of this launch. They stand beside those of the person's own settings files.
pub(super) fn settings(launch: &LaunchRequest) -> [String; 2] {
    // An event that a version does not know makes it ask at its start: these are known since 2.1.197.
    const EVENTS: [&str; 18] = [
        "SessionStart",
        "UserPromptSubmit",
        "PreToolUse",
        "PermissionRequest",
        "PermissionDenied",
        "PostToolUse",
        "PostToolUseFailure",
        "Elicitation",
        "ElicitationResult",
        "CwdChanged",
        "Notification",
        "Stop",
        "StopFailure",
        "SubagentStart",
        "SubagentStop",
        "PreCompact",
        "PostCompact",
        "SessionEnd",
    ];
    let hook = |event| {
        let (command, seconds) = match event {
            // Its dialog is on the screen meanwhile: the hook may wait for a person who is elsewhere.
            "PermissionRequest" => (format!("{} beside-dialog", launch.hook), ASK_LIMIT.as_secs()),
            _ => (launch.hook.to_owned(), 5),
        };
        json!([{"hooks": [{"type": "command", "command": command, "timeout": seconds}]}])
    };
    let skills = version::is_since(launch, GUARDS_SKILLS).then_some(IN_SKILL);
    let events = EVENTS.into_iter().chain(skills);
    let hooks: serde_json::Map<_, _> = events.map(|event| (event.to_owned(), hook(event))).collect();
    // Its team members would otherwise get a tmux server of their own, where nobody sees them.
    let status_line = status_line::setting(launch.hook, &home(launch.env), launch.cwd);
    let mut settings = json!({ "hooks": hooks, "teammateMode": "in-process", "statusLine": status_line });
    if !launch.denied.is_empty() {
        // Its own rules hold where a hook does not run, or is killed.
        let rules: Vec<String> = launch.denied.iter().map(own_rule).collect();
        settings["permissions"] = json!({ "deny": rules });
    }
    ["--settings".to_owned(), settings.to_string()]
}
