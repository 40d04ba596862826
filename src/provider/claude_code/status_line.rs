//! Claude Code's status line: a command of the person's that is given, as JSON, what the session has used. Ours takes it too
//! and runs theirs. Facts measured with 2.1.332; `rate_limits` and `pr` by its documentation.

use std::path::Path;

use codepiper_protocol::wire::meters::{ContextUse, Meters, PullRequest, Quota};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::plain_file::{self, LONGEST_SETTINGS};

/// The setting, with the person's own command in ours.
pub(super) fn setting(hook: &str, home: &Path, cwd: &Path) -> Value {
    let own = own(home, cwd);
    let run = own.as_ref().and_then(|own| own["command"].as_str()).map(quote).unwrap_or_default();
    let mut setting = own.unwrap_or_else(|| json!({"type": "command"}));
    setting["command"] = json!(format!("{hook} status-line {run}").trim_end());
    setting
}

/// The person's: a project's own settings come before theirs.
fn own(home: &Path, cwd: &Path) -> Option<Value> {
    let project = cwd.join(".claude");
    let files =
        [project.join("settings.local.json"), project.join("settings.json"), home.join("settings.json")];
    files.into_iter().find_map(|file| {
        let settings = plain_file::json(&file, LONGEST_SETTINGS)?;
        let own = settings.get("statusLine")?.clone();
        (own["type"] == "command" && own["command"].is_string()).then_some(own)
    })
}

/// One word of a shell.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// `None` for what is not given to a status line.
pub(super) fn meters(payload: &Value, at: Timestamp) -> Option<Meters> {
    let hook = payload.get("hook_event_name").and_then(Value::as_str);
    if hook.is_some_and(|hook| hook != "Status") || !payload.get("workspace")?.is_object() {
        return None;
    }
    let context = &payload["context_window"];
    let tokens = ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"];
    let used = || {
        let now = context.get("current_usage")?.as_object()?;
        Some(tokens.iter().filter_map(|name| now.get(*name)?.as_u64()).sum())
    };
    let context = used().zip(context["context_window_size"].as_u64());
    let pull_request = payload["pr"]["number"].as_u64().map(|number| PullRequest {
        number,
        url: payload["pr"]["url"].as_str().filter(|url| url.starts_with("https://")).map(str::to_owned),
    });
    Some(Meters {
        context: context.map(|(used, size)| ContextUse { used, size }),
        quota: quota(payload, at),
        cost_usd: payload["cost"]["total_cost_usd"].as_f64(),
        pull_request,
    })
}

fn quota(payload: &Value, at: Timestamp) -> Vec<Quota> {
    let windows = payload["rate_limits"].as_object().into_iter().flatten();
    let told = windows.filter_map(|(window, limit)| {
        let resets_at = &limit["resets_at"];
        let seconds = || resets_at.as_i64().and_then(|seconds| Timestamp::from_second(seconds).ok());
        Some(Quota {
            window: window.clone(),
            used_percent: limit["used_percentage"].as_f64()?,
            resets_at: seconds().or_else(|| resets_at.as_str()?.parse().ok()),
            at,
        })
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// What 2.1.332 gave to a status line, with what its documentation says of plans and pull requests.
    #[test]
    fn what_the_status_line_is_given_is_understood() {
        let given = json!({"session_id": "x", "workspace": {"current_dir": "/work"}, "cost": {"total_cost_usd": 0.0689395},
            "context_window": {"total_input_tokens": 13743, "context_window_size": 1000000, "current_usage":
                {"input_tokens": 3, "output_tokens": 19, "cache_creation_input_tokens": 13740, "cache_read_input_tokens": 0}},
            "rate_limits": {"five_hour": {"used_percentage": 42.5, "resets_at": 1795948458},
                "seven_day": {"used_percentage": 7, "resets_at": "2026-12-01T00:00:00Z"}},
            "pr": {"number": 12, "url": "https://example.org/pull/12"}});
        let at = Timestamp::UNIX_EPOCH;
        let meters = meters(&given, at).unwrap();
        assert_eq!(meters.context, Some(ContextUse { used: 13743, size: 1_000_000 }));
        assert_eq!((meters.cost_usd, meters.pull_request.unwrap().number), (Some(0.0689395), 12));
        let windows: Vec<_> =
            meters.quota.iter().map(|quota| (quota.window.as_str(), quota.used_percent)).collect();
        assert_eq!(windows, [("five_hour", 42.5), ("seven_day", 7.0)]);
        assert_eq!(meters.quota[1].resets_at, Some("2026-12-01T00:00:00Z".parse().unwrap()));
    }

    #[test]
    fn what_is_missing_is_not_known() {
        let meters = |value: Value| meters(&value, Timestamp::UNIX_EPOCH);
        let before_the_first_answer =
            json!({"workspace": {}, "context_window": {"current_usage": null, "context_window_size": 9}});
        assert_eq!(meters(before_the_first_answer), Some(Meters::default()));
        assert_eq!(meters(json!({"hook_event_name": "Stop", "workspace": {}})), None);
        assert_eq!(meters(json!({"hook_event_name": "Status", "workspace": {}})), Some(Meters::default()));
        assert_eq!(meters(json!({"workspace": 1})), None);
        assert_eq!(meters(json!([])), None);
    }

    #[test]
    fn the_own_command_is_run_by_ours() {
        let dir = tempfile::tempdir().unwrap();
        let (home, cwd) = (dir.path().join("home"), dir.path().join("cwd"));
        fs::create_dir_all(cwd.join(".claude")).unwrap();
        fs::create_dir_all(&home).unwrap();
        assert_eq!(
            setting("x hook", &home, &cwd),
            json!({"type": "command", "command": "x hook status-line"})
        );
        let write = |file: &Path, command: &str| {
            let line = json!({"statusLine": {"type": "command", "command": command, "padding": 2}});
            fs::write(file, line.to_string()).unwrap();
        };
        write(&home.join("settings.json"), "echo 'mine'");
        let mine =
            json!({"type": "command", "command": r"x hook status-line 'echo '\''mine'\'''", "padding": 2});
        assert_eq!(setting("x hook", &home, &cwd), mine);
        write(&cwd.join(".claude/settings.json"), "project");
        assert_eq!(setting("x hook", &home, &cwd)["command"], "x hook status-line 'project'");
        fs::write(cwd.join(".claude/settings.local.json"), "{").unwrap();
        assert_eq!(setting("x hook", &home, &cwd)["command"], "x hook status-line 'project'");
    }
}
