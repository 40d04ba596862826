//! What a record says, for people.

use codepiper_protocol::event::{Body, Description};
use codepiper_protocol::visible::{count, one_line};
use serde_json::{Value, json};

use super::{Record, Unrecorded};

/// The same words as the event's, where it is one.
pub fn describe(record: &Record) -> Description {
    let Record { kind, actor, data, .. } = record;
    let mut fields = data.clone();
    if let Some(fields) = fields.as_object_mut() {
        fields.entry("by").or_insert_with(|| actor.clone().into());
    }
    if let Ok(body) = serde_json::from_value::<Body>(json!({"kind": kind, "data": fields})) {
        return body.describe();
    }
    let number = |name: &str| data[name].as_u64().unwrap_or_default();
    let text = match kind.as_str() {
        "input" => format!("Typed {}, {}", count(number("count"), "time"), count(number("bytes"), "byte")),
        "ask.answer_failed" => {
            format!("The answer to {} failed: {}", words(&data["ask"]), words(&data["why"]))
        }
        "agent.denied" => {
            let text =
                format!("Denied by the agent itself: {} {}", words(&data["tool"]), words(&data["what"]));
            text.trim_end().to_owned()
        }
        "gap" => format!("Records {} to {} are missing", data["from"], data["to"]),
        "alarm" => format!("The audit was changed by something else: {}", listed(&data["why"])),
        "prune" => "Old records are to be removed".to_owned(),
        "pruned" => "Old records were removed before this one".to_owned(),
        "unrecorded" => match serde_json::from_value::<Unrecorded>(data.clone()) {
            Ok(unrecorded) => unrecorded.to_string(),
            Err(_) => one_line(&data.to_string()),
        },
        _ => {
            let failed = kind.strip_suffix("_failed").and_then(|request| requested(request, data));
            let failed = failed.map(|request| format!("{request} failed: {}", words(&data["why"])));
            failed.or_else(|| requested(kind, data)).unwrap_or_else(|| one_line(&data.to_string()))
        }
    };
    Description { text, code: None }
}

/// What was asked for; whether it was done, other records say.
fn requested(kind: &str, data: &Value) -> Option<String> {
    let name = |field: &str| words(&data[field]);
    Some(match kind {
        "halt" if data["all"] == true => "Halt of all agents".to_owned(),
        "halt" => format!("Halt of {}", listed(&data["sessions"])),
        "session.start" => format!("Start of {} in {}", name("provider"), name("dir")),
        "session.resume" => "Resume".to_owned(),
        "session.fork" => format!("Fork of {}", name("of")),
        "session.stop" => "Stop".to_owned(),
        "session.kill" => "Kill".to_owned(),
        "session.remove" => "Remove".to_owned(),
        "env_set.create" => format!("Creation of env set '{}'", name("env_set")),
        "env_set.change" => format!("Change of env set '{}'", name("env_set")),
        "env_set.remove" => format!("Removal of env set '{}'", name("env_set")),
        "policy.change" => format!("Change of policy '{}'", name("policy")),
        "policy.remove" => format!("Removal of policy '{}'", name("policy")),
        "policy.attach" if data["attached"] == false => format!("Detachment of policy '{}'", name("policy")),
        "policy.attach" => format!("Attachment of policy '{}'", name("policy")),
        "auth.change_password" => "Change of the password".to_owned(),
        "auth.reset_password" => "Reset of the password".to_owned(),
        "auth.change_mfa" => "Change of the authenticator".to_owned(),
        "auth.make_recovery_codes" => "New recovery codes".to_owned(),
        "auth.end_logins" => format!("End of logins: {}", listed(&data["logins"])),
        "daemon.stop" if data["kill_sessions"] == true => "Stop of the daemon and all sessions".to_owned(),
        "daemon.stop" => "Stop of the daemon".to_owned(),
        "daemon.restart" => "Restart of the daemon".to_owned(),
        "auth.make_bootstrap" => "New one-time password for the first sign-in".to_owned(),
        "auth.reset_mfa" => "New authenticator".to_owned(),
        "worktree.remove" => format!("Removal of the worktree {}", name("worktree")),
        _ => return None,
    })
}

fn words(value: &Value) -> String {
    one_line(value.as_str().unwrap_or_default())
}

fn listed(names: &Value) -> String {
    let names = names.as_array().map(Vec::as_slice).unwrap_or_default();
    names.iter().filter_map(Value::as_str).map(one_line).collect::<Vec<_>>().join(", ")
}
