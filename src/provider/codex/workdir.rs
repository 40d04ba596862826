//! In which directory a command of Codex runs. Its hooks tell the command and the directory of the turn, but not the `workdir`
//! that the model may have given; its transcript has the whole call before the hook runs.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::plain_file;
use crate::policy::input::SHELL;

/// A call stands among the last lines of the transcript, within this many bytes.
const TAIL: u64 = 512 * 1024;
/// The transcript is written beside the call: it is looked at again after this time, so often.
const AGAIN: Duration = Duration::from_millis(20);
const TRIES: usize = 10;
const TOOL: &str = "exec_command";
/// Arguments that do not change where it runs.
const KNOWN: [&str; 9] = [
    "cmd",
    "workdir",
    "yield_time_ms",
    "max_output_tokens",
    "justification",
    "login",
    "tty",
    "prefix_rule",
    "sandbox_permissions",
];

/// Reads the transcript; `None` where it does not prove the directory.
pub fn workdir(payload: &Value) -> Option<String> {
    // A patch has no directory of its own, and nothing is waited for.
    if payload["tool_name"] != SHELL {
        return None;
    }
    let path = Path::new(payload["transcript_path"].as_str()?);
    (0..TRIES).find_map(|turn| {
        if turn > 0 {
            sleep(AGAIN);
        }
        of_call(&tail(path)?, payload)
    })
}

fn tail(path: &Path) -> Option<String> {
    let mut file = plain_file::open_no_link(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL))).ok()?;
    let mut text = Vec::new();
    file.take(TAIL).read_to_end(&mut text).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}

/// Of the call with the hook's id; of a hook without one, where all calls of this command that have no result yet agree.
fn of_call(transcript: &str, payload: &Value) -> Option<String> {
    let command = payload["tool_input"]["command"].as_str()?;
    let turn = payload["cwd"].as_str()?;
    let id = payload["tool_use_id"].as_str();
    let lines = transcript.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let items = lines.filter(|line| line["type"] == "response_item").map(|line| line["payload"].clone());
    let mut calls: Vec<Value> = Vec::new();
    for item in items {
        match item["type"].as_str() {
            Some("function_call") if item["name"] == TOOL => calls.push(item),
            Some("function_call_output") => calls.retain(|call| call["call_id"] != item["call_id"]),
            _ => {}
        }
    }
    calls.retain(|call| id.is_none_or(|id| call["call_id"] == id));
    let arguments = calls.iter().map(|call| serde_json::from_str::<Value>(call["arguments"].as_str()?).ok());
    let mut found: Vec<Option<String>> = arguments
        .flatten()
        .filter(|arguments| arguments["cmd"] == command)
        .map(|arguments| directory(&arguments, turn))
        .collect();
    found.dedup();
    match found.as_slice() {
        [directory] => directory.clone(),
        _ => None,
    }
}

fn directory(arguments: &Value, turn: &str) -> Option<String> {
    if !arguments.as_object()?.keys().all(|name| KNOWN.contains(&name.as_str())) {
        return None;
    }
    match &arguments["workdir"] {
        Value::Null => Some(turn.to_owned()),
        Value::String(directory) if !directory.is_empty() => {
            Some(Path::new(turn).join(directory).to_str()?.to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(id: &str, arguments: Value) -> String {
        let call = json!({"type": "function_call", "name": "exec_command", "call_id": id, "arguments": arguments.to_string()});
        json!({"type": "response_item", "payload": call}).to_string() + "\n"
    }

    fn output(id: &str) -> String {
        let output = json!({"type": "function_call_output", "call_id": id, "output": "x"});
        json!({"type": "response_item", "payload": output}).to_string() + "\n"
    }

    fn hook(id: Option<&str>) -> Value {
        json!({"cwd": "/work", "tool_input": {"command": "cat x"}, "tool_use_id": id})
    }

    #[test]
    fn the_call_tells_where_it_runs() {
        let of = |transcript: &str, id| of_call(transcript, &hook(id));
        let plain = call("1", json!({"cmd": "cat x", "yield_time_ms": 5}));
        let away = call("2", json!({"cmd": "cat x", "workdir": "/etc"}));
        let below = call("3", json!({"cmd": "cat x", "workdir": "src"}));
        let all = format!("cut off\n{plain}{away}{below}");
        assert_eq!(of(&all, Some("1")).as_deref(), Some("/work"));
        assert_eq!(of(&all, Some("2")).as_deref(), Some("/etc"));
        assert_eq!(of(&all, Some("3")).as_deref(), Some("/work/src"));
        // Without an id, by the command alone: of those without a result.
        assert_eq!(of(&all, None), None);
        assert_eq!(of(&format!("{away}{}{plain}", output("2")), None).as_deref(), Some("/work"));
        assert_eq!(of(&format!("{plain}{}", output("1")), Some("1")), None, "it has run");
    }

    #[test]
    fn what_is_not_told_is_not_proven() {
        let of = |arguments: Value| of_call(&call("1", arguments), &hook(Some("1")));
        assert_eq!(of(json!({"cmd": "cat y"})), None);
        assert_eq!(of(json!({"cmd": "cat x", "workdir": 1})), None);
        assert_eq!(of(json!({"cmd": "cat x", "workdir": ""})), None);
        assert_eq!(of(json!({"cmd": "cat x", "environment_id": "other"})), None);
        assert_eq!(of(json!("cat x")), None);
        assert_eq!(of_call("", &hook(Some("1"))), None);
        assert_eq!(
            workdir(
                &json!({"tool_name": "Bash", "transcript_path": "/dev/zero", "cwd": "/", "tool_input": {"command": "x"}})
            ),
            None
        );
    }
}
