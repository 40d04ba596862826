//! One line of Codex's rollout. Facts measured with 0.169.0.
//!
//! What people and model say is taken from the items that the terminal shows; the model's own input also
//! holds instructions, summaries and surroundings that nobody typed. Tools are taken from the calls, which
//! are there even if one was refused. GPT-6 makes one call, `exec`, with a program that uses the other tools: what
//! these did is taken from the items.

use codepiper_protocol::wire::conversation::{Edit, Hunk, Said, ToolCall, Usage};
use codepiper_protocol::wire::meters::{ContextUse, Meters, Quota};
use codepiper_protocol::wire::session::UsageLimit;
use jiff::Timestamp;
use serde_json::Value;

use crate::transcript::{
    Dialect, Line, Outcome, Piece, diff, first_line, image, result, target, text_of, timestamp,
};

pub static DIALECT: Dialect = Dialect { line: parse, tells_ends_of_turns: true, sub_agents: None };

fn parse(line: &Value) -> Line {
    let payload = &line["payload"];
    let mut parsed = Line { at: timestamp(line), ..Line::default() };
    let kind = text_of(payload, "type").unwrap_or_default();
    if kind == "token_count" {
        parsed.meters = Some(meters(payload, parsed.at));
    }
    if kind == "task_complete" && payload["error"]["codex_error_info"] == "usage_limit_exceeded" {
        // Which one, and until when, the quota told before.
        parsed.limit = parsed.at.map(|at| UsageLimit { window: None, resets_at: None, at });
    }
    if kind == "item_completed" {
        parsed.pieces = of_program(&payload["item"], parsed.at);
    }
    let piece = match text_of(line, "type").unwrap_or_default() {
        "session_meta" => {
            parsed.version =
                text_of(payload, "cli_version").filter(|version| version.len() <= 40).map(str::to_owned);
            None
        }
        "turn_context" => {
            parsed.model = text_of(payload, "model").map(str::to_owned);
            None
        }
        "token_usage_record" => {
            let id = text_of(payload, "response_id").unwrap_or_default().to_owned();
            parsed.usage = usage(&payload["usage"]).map(|usage| (id, usage));
            None
        }
        "compacted" => Some(Piece::Said(Said::Compacted { automatic: None })),
        "event_msg" => event(line, kind, payload).map(Piece::Said),
        "response_item" => response(line, kind, payload, &parsed),
        _ => None,
    };
    parsed.pieces.extend(piece);
    parsed
}

fn usage(usage: &Value) -> Option<Usage> {
    let number = |name: &str| usage.get(name).and_then(Value::as_u64);
    Some(Usage {
        input: number("input_tokens")?,
        cached: number("cached_input_tokens").unwrap_or(0),
        cache_written: number("cache_write_input_tokens").unwrap_or(0),
        output: number("output_tokens").unwrap_or(0),
    })
}

/// `last_token_usage` is that of the last request, which had the whole context.
fn meters(payload: &Value, at: Option<Timestamp>) -> Meters {
    let info = &payload["info"];
    let used = info["last_token_usage"]["total_tokens"].as_u64();
    let context = used.zip(info["model_context_window"].as_u64());
    let limits = [&payload["rate_limits"]["primary"], &payload["rate_limits"]["secondary"]];
    let at = at.unwrap_or_else(Timestamp::now);
    Meters {
        context: context.map(|(used, size)| ContextUse { used, size }),
        quota: limits.into_iter().filter_map(|limit| quota(limit, at)).collect(),
        cost_usd: None,
        pull_request: None,
    }
}

fn quota(limit: &Value, at: Timestamp) -> Option<Quota> {
    let after = || {
        let seconds = limit["resets_in_seconds"].as_i64()?;
        at.checked_add(jiff::SignedDuration::from_secs(seconds)).ok()
    };
    let resets_at = limit["resets_at"].as_i64().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let window = match limit["window_minutes"].as_u64()? {
        300 => "five_hour".to_owned(),
        10_080 => "seven_day".to_owned(),
        minutes => format!("{minutes}_minutes"),
    };
    Some(Quota {
        window,
        used_percent: limit["used_percent"].as_f64()?,
        resets_at: resets_at.or_else(after),
        at,
    })
}

fn event(line: &Value, kind: &str, payload: &Value) -> Option<Said> {
    match kind {
        "item_completed" => item(line, &payload["item"]),
        "task_complete" => Some(Said::TurnEnded {
            usage: Usage::default(),
            model: None,
            duration_ms: payload["duration_ms"].as_u64(),
        }),
        "turn_aborted" => Some(Said::Interrupted { usage: Usage::default() }),
        "error" => Some(Said::Failed { text: text_of(payload, "message").unwrap_or_default().to_owned() }),
        _ => None,
    }
}

fn item(line: &Value, item: &Value) -> Option<Said> {
    let text = texts(&item["content"], "\n");
    match text_of(item, "type")? {
        "UserMessage" => {
            let images = image::numbers(line, &item["content"]);
            Some(Said::Prompt { text, images })
        }
        "AgentMessage" if !text.is_empty() => Some(Said::Text { text }),
        _ => None,
    }
}

/// What a program of GPT-6 did with a tool; the calls of others have their own lines.
fn of_program(item: &Value, at: Option<Timestamp>) -> Vec<Piece> {
    let Some(id) = text_of(item, "id").filter(|id| id.starts_with("exec-")) else { return vec![] };
    let (name, input, edits, printed) = match text_of(item, "type") {
        Some("CommandExecution") => {
            let words: Vec<&str> =
                item["command"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let command = match words[..] {
                [_, "-lc" | "-c", script] => script.to_owned(),
                _ => words.join(" "),
            };
            ("exec_command", command, vec![], "aggregated_output")
        }
        Some("FileChange") => {
            let changes = item["changes"].as_object().into_iter().flatten();
            let edits: Vec<Edit> = changes.map(|(path, change)| diff::edit(path, changed(change))).collect();
            let paths: Vec<&str> = edits.iter().map(|edit| edit.path.as_str()).collect();
            ("apply_patch", paths.join("\n"), edits, "stdout")
        }
        _ => return vec![],
    };
    let failed = text_of(item, "status") != Some("completed");
    let text = text_of(item, printed).unwrap_or_default().to_owned();
    let call = ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        target: Some(first_line(&input)).filter(|target| !target.is_empty()),
        input,
        edits,
        agent: None,
        result: None,
    };
    let outcome =
        Outcome { call: id.to_owned(), result: result(at, text, failed, vec![]), ..Outcome::default() };
    vec![Piece::Said(Said::Tool(call)), Piece::Result(outcome)]
}

/// The hunks of one file.
fn changed(change: &Value) -> Vec<Hunk> {
    let content = text_of(change, "content").unwrap_or_default();
    match text_of(change, "type") {
        Some("add") => diff::hunks("", content),
        Some("delete") => diff::hunks(content, ""),
        _ => diff::unified(text_of(change, "unified_diff").unwrap_or_default()),
    }
}

fn texts(content: &Value, between: &str) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            parts.iter().filter_map(|part| text_of(part, "text")).collect::<Vec<_>>().join(between)
        }
        _ => String::new(),
    }
}

fn response(line: &Value, kind: &str, payload: &Value, parsed: &Line) -> Option<Piece> {
    match kind {
        "reasoning" => {
            let text = texts(&payload["summary"], "\n\n");
            (!text.is_empty()).then_some(Piece::Said(Said::Thinking { text }))
        }
        "function_call" => {
            let arguments = text_of(payload, "arguments").unwrap_or_default();
            let input: Value = serde_json::from_str(arguments).unwrap_or_default();
            let command = text_of(&input, "cmd").map(str::to_owned);
            let whole = command.unwrap_or_else(|| match input {
                Value::Null => arguments.to_owned(),
                _ => format!("{input:#}"),
            });
            Some(Piece::Said(Said::Tool(call(payload, target(&input), whole, vec![]))))
        }
        "custom_tool_call" => {
            let input = text_of(payload, "input").unwrap_or_default();
            let edits = patch(input);
            let about = edits.first().map_or_else(|| first_line(input), |edit| edit.path.clone());
            Some(Piece::Said(Said::Tool(call(payload, Some(about), input.to_owned(), edits))))
        }
        "function_call_output" | "custom_tool_call_output" => Some(outcome(line, payload, parsed)),
        "web_search_call" => {
            let action = &payload["action"];
            let mut call = call(payload, target(action), format!("{action:#}"), vec![]);
            call.name = "web_search".into();
            Some(Piece::Said(Said::Tool(call)))
        }
        _ => None,
    }
}

fn call(payload: &Value, target: Option<String>, input: String, edits: Vec<Edit>) -> ToolCall {
    ToolCall {
        id: text_of(payload, "call_id").unwrap_or_default().to_owned(),
        name: text_of(payload, "name").unwrap_or_default().to_owned(),
        target: target.filter(|target| !target.is_empty()),
        input,
        edits,
        agent: None,
        result: None,
    }
}

/// Before the output of a command stand a few lines about it, the exit code among them. What was refused
/// or failed to begin has no such head.
fn outcome(line: &Value, payload: &Value, parsed: &Line) -> Piece {
    let told = &payload["output"];
    let whole = match told {
        Value::Object(output) => {
            output.get("content").map(|content| texts(content, "\n")).unwrap_or_default()
        }
        _ => texts(told, "\n"),
    };
    let (head, output) = match whole.split_once("\nOutput:\n") {
        Some((head, output)) => (head, output),
        None => ("", whole.as_str()),
    };
    let code = head.lines().find_map(|line| {
        let code = line.strip_prefix("Process exited with code ").or(line.strip_prefix("Exit code: "))?;
        code.trim().parse::<i32>().ok()
    });
    let refused = ["aborted by user", "failed: CreateProcess", "Command blocked by"];
    let failed = match code {
        Some(code) => code != 0,
        None => head.is_empty() && refused.iter().any(|words| whole.contains(words)),
    };
    Piece::Result(Outcome {
        call: text_of(payload, "call_id").unwrap_or_default().to_owned(),
        result: result(parsed.at, output.to_owned(), failed, image::numbers(line, told)),
        edits: vec![],
        agent: None,
    })
}

/// The files of an `apply_patch`. It names places by the lines around them, not by numbers.
fn patch(text: &str) -> Vec<Edit> {
    let Some((_, body)) = text.split_once("*** Begin Patch\n") else { return vec![] };
    let mut files: Vec<(String, Vec<Hunk>)> = Vec::new();
    for line in body.lines() {
        let named = ["*** Add File: ", "*** Update File: ", "*** Delete File: "];
        if let Some(path) = named.iter().find_map(|head| line.strip_prefix(head)) {
            files.push((path.to_owned(), Vec::new()));
            continue;
        }
        let Some((_, hunks)) = files.last_mut() else { continue };
        if line.starts_with("@@") {
            hunks.push(Hunk::default());
        } else if line.starts_with([' ', '-', '+']) {
            if hunks.is_empty() {
                hunks.push(Hunk::default());
            }
            if let Some(hunk) = hunks.last_mut() {
                hunk.lines.push(line.to_owned());
            }
        }
    }
    files.into_iter().map(|(path, hunks)| diff::edit(&path, hunks)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Items of a rollout of gpt-6-luna.
    #[test]
    fn what_a_program_did_with_tools_is_told() {
        let told = |item: Value| {
            let line = serde_json::json!({"timestamp": "2026-11-27T03:20:10.000Z", "type": "event_msg",
                "payload": {"type": "item_completed", "item": item}});
            match &parse(&line).pieces[..] {
                [] => None,
                [Piece::Said(Said::Tool(call)), Piece::Result(outcome)] if call.id == outcome.call => {
                    Some((call.clone(), outcome.result.clone()))
                }
                pieces => panic!("{pieces:?}"),
            }
        };
        let command = |id: &str, status: &str| {
            serde_json::json!({"type": "CommandExecution", "id": id, "command": ["/bin/bash", "-lc", "ls\nid"],
                "status": status, "aggregated_output": "total 16\n", "exit_code": 0})
        };
        let (call, result) = told(command("exec-1", "completed")).unwrap();
        assert_eq!(
            (&*call.name, call.target.as_deref(), &*call.input),
            ("exec_command", Some("ls"), "ls\nid")
        );
        assert_eq!((&*result.text, result.failed), ("total 16\n", false));
        assert!(told(command("exec-1", "failed")).unwrap().1.failed);
        assert_eq!(told(command("call_1", "completed")), None, "its call has a line of its own");

        let (call, _) = told(serde_json::json!({"type": "FileChange", "id": "exec-2", "status": "completed", "stdout": "",
            "changes": {"/a": {"type": "add", "content": "one\ntwo\n"},
                "/b": {"type": "update", "unified_diff": "@@ -3,2 +3,2 @@\n same\n-hello\n+bye\n", "move_path": null},
                "/c": {"type": "delete", "content": "gone\n"}}})).unwrap();
        let edits: Vec<_> = call.edits.iter().map(|edit| (&*edit.path, edit.added, edit.removed)).collect();
        assert_eq!(edits, [("/a", 2, 0), ("/b", 1, 1), ("/c", 0, 1)]);
        assert_eq!(call.edits[1].hunks[0].old_start, Some(3));
        assert_eq!(call.edits[1].hunks[0].lines, [" same", "-hello", "+bye"]);
    }
}
