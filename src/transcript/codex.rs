//! One line of Codex's rollout. Facts measured with 0.169.0.
//!
//! What people and model say is taken from the items that the terminal shows; the model's own input also
//! holds instructions, summaries and surroundings that nobody typed. Tools are taken from the calls, which
//! are there even if one was refused.

use codepiper_protocol::wire::conversation::{Edit, Hunk, Said, ToolCall, Usage};
use serde_json::Value;

use super::{Line, Outcome, Piece, diff, first_line, image, result, target, text_of, timestamp};

pub fn parse(line: &Value) -> Line {
    let payload = &line["payload"];
    let mut parsed = Line { at: timestamp(line), ..Line::default() };
    let kind = text_of(payload, "type").unwrap_or_default();
    let piece = match text_of(line, "type").unwrap_or_default() {
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
