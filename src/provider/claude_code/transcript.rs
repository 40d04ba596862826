//! One line of Claude Code's transcript. Facts measured with 2.1.197 and 2.1.332.

use codepiper_protocol::wire::conversation::{Edit, Hunk, Said, ToolCall, Usage};
use codepiper_protocol::wire::session::UsageLimit;
use jiff::Timestamp;
use serde_json::Value;

use crate::transcript::{
    Dialect, Line, Outcome, Piece, SubAgents, diff, image, result, target, text_of, timestamp,
};

/// It leaves out the end of a short turn.
pub static DIALECT: Dialect = Dialect {
    line: parse,
    tells_ends_of_turns: false,
    sub_agents: Some(SubAgents {
        folder: "subagents",
        prefix: "agent-",
        tools: &["Agent", "Task"],
        begins_with,
    }),
};

/// What the program itself writes in the model's place.
const NO_MODEL: &str = "<synthetic>";

fn parse(line: &Value) -> Line {
    let mut parsed = Line { at: timestamp(line), ..Line::default() };
    match text_of(line, "type") {
        Some("assistant") => assistant(line, &mut parsed),
        Some("user") => user(line, &mut parsed),
        Some("system") => parsed.pieces.extend(system(line).map(Piece::Said)),
        _ => {}
    }
    parsed
}

fn assistant(line: &Value, parsed: &mut Line) {
    let message = &line["message"];
    let model = text_of(message, "model").unwrap_or_default();
    let blocks = message["content"].as_array().map(Vec::as_slice).unwrap_or_default();
    if model == NO_MODEL {
        if line["isApiErrorMessage"] == true {
            let texts: Vec<_> = blocks.iter().filter_map(|block| text_of(block, "text")).collect();
            let text = texts.join("\n");
            parsed.limit = limit(line, &text, parsed.at);
            parsed.pieces.push(Piece::Said(Said::Failed { text }));
        }
        return;
    }
    parsed.model = Some(model.to_owned()).filter(|model| !model.is_empty());
    parsed.usage = text_of(message, "id").zip(usage(&message["usage"])).map(|(id, usage)| (id.into(), usage));
    for block in blocks {
        let said = |said| Piece::Said(said);
        let text = |field| text_of(block, field).filter(|text| !text.is_empty()).map(str::to_owned);
        let piece = match text_of(block, "type") {
            Some("text") => text("text").map(|text| said(Said::Text { text })),
            Some("thinking") => text("thinking").map(|text| said(Said::Thinking { text })),
            Some("tool_use" | "server_tool_use") => Some(said(Said::Tool(call(block)))),
            Some(other) if other.ends_with("tool_result") => Some(outcome(line, block, parsed)),
            _ => None,
        };
        parsed.pieces.extend(piece);
    }
}

/// The quota that is used up. A 429 that passes has none; 2.1.197 says it in words only.
fn limit(line: &Value, text: &str, at: Option<Timestamp>) -> Option<UsageLimit> {
    let quota = &line["quotaLimits"];
    let told = quota["status"] == "rejected";
    if line["error"] != "rate_limit" || !told && !is_usage_limit(text) {
        return None;
    }
    let window = text_of(quota, "rateLimitType").map(str::to_owned);
    let resets_at = quota["resetsAt"].as_i64().and_then(|seconds| Timestamp::from_second(seconds).ok());
    Some(UsageLimit { window: window.filter(|window| window.len() <= 40), resets_at, at: at? })
}

/// The words of a plan's limit: `You've hit your session limit · resets 1:52pm (UTC)`.
pub(super) fn is_usage_limit(text: &str) -> bool {
    text.starts_with("You've hit your ") && text.contains(" limit")
}

/// Tokens that were read from or written to the cache are not among `input_tokens`.
fn usage(usage: &Value) -> Option<Usage> {
    let number = |name: &str| usage.get(name).and_then(Value::as_u64);
    let (cached, cache_written) =
        (number("cache_read_input_tokens").unwrap_or(0), number("cache_creation_input_tokens").unwrap_or(0));
    let input = number("input_tokens")? + cached + cache_written;
    Some(Usage { input, cached, cache_written, output: number("output_tokens").unwrap_or(0) })
}

fn call(block: &Value) -> ToolCall {
    let input = &block["input"];
    let name = text_of(block, "name").unwrap_or_default().to_owned();
    let whole = match name.as_str() {
        "Bash" => text_of(input, "command"),
        "Agent" | "Task" => text_of(input, "prompt"),
        _ => None,
    };
    ToolCall {
        id: text_of(block, "id").unwrap_or_default().to_owned(),
        target: target(input),
        input: whole.map_or_else(|| format!("{input:#}"), str::to_owned),
        edits: edits(&name, input),
        name,
        agent: None,
        result: None,
    }
}

/// What a call will change, as far as it says so: the lines' numbers come with the result.
fn edits(name: &str, input: &Value) -> Vec<Edit> {
    let Some(path) = text_of(input, "file_path") else { return vec![] };
    let replaced = |edit: &Value| {
        let text = |field| text_of(edit, field).unwrap_or_default();
        diff::unplaced(text("old_string"), text("new_string"))
    };
    let hunks = match name {
        "Edit" => replaced(input),
        "MultiEdit" => input["edits"].as_array().into_iter().flatten().flat_map(replaced).collect(),
        "Write" => diff::hunks("", text_of(input, "content").unwrap_or_default()),
        _ => return vec![],
    };
    vec![diff::edit(path, hunks)]
}

fn outcome(line: &Value, block: &Value, parsed: &Line) -> Piece {
    let detail = &line["toolUseResult"];
    let agent = text_of(detail, "agentId").map(str::to_owned);
    // An agent's own words, without what the model is told of it.
    let content = if agent.is_some() && detail["content"].is_array() { detail } else { block };
    let text = texts(&content["content"]);
    let images = image::numbers(line, &block["content"]);
    let failed = block["is_error"] == true;
    Piece::Result(Outcome {
        call: text_of(block, "tool_use_id").unwrap_or_default().to_owned(),
        result: result(parsed.at, text, failed, images),
        edits: patch(detail).into_iter().collect(),
        agent,
    })
}

/// A text, or those of a list of blocks.
fn texts(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            blocks.iter().filter_map(|block| text_of(block, "text")).collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

/// The patch that an edit's result tells.
fn patch(detail: &Value) -> Option<Edit> {
    let path = text_of(detail, "filePath")?;
    let hunks: Vec<Hunk> = detail
        .get("structuredPatch")?
        .as_array()?
        .iter()
        .map(|hunk| {
            let number = |name: &str| hunk.get(name).and_then(Value::as_u64).map(|number| number as u32);
            let lines = hunk["lines"].as_array().into_iter().flatten().filter_map(Value::as_str);
            Hunk {
                old_start: number("oldStart"),
                new_start: number("newStart"),
                lines: lines.filter(|line| line.starts_with([' ', '-', '+'])).map(str::to_owned).collect(),
            }
        })
        .collect();
    (!hunks.is_empty()).then(|| diff::edit(path, hunks))
}

fn user(line: &Value, parsed: &mut Line) {
    if line["isMeta"] == true || line["isCompactSummary"] == true {
        return;
    }
    let content = &line["message"]["content"];
    if let Some(text) = content.as_str() {
        parsed.pieces.extend(typed(text, vec![]).map(Piece::Said));
        return;
    }
    let mut prompt = Vec::new();
    for block in content.as_array().into_iter().flatten() {
        match text_of(block, "type") {
            Some("tool_result") => parsed.pieces.push(outcome(line, block, parsed)),
            Some("text") => prompt.extend(text_of(block, "text")),
            _ => {}
        }
    }
    let has_results = parsed.pieces.iter().any(|piece| matches!(piece, Piece::Result(_)));
    let images = if has_results { vec![] } else { image::numbers(line, content) };
    parsed.pieces.extend(typed(&prompt.join("\n"), images).map(Piece::Said));
}

/// What stands in a person's place; much of it no person typed.
fn typed(text: &str, images: Vec<String>) -> Option<Said> {
    if text.is_empty() && images.is_empty() || text.starts_with("<local-command-caveat>") {
        return None;
    }
    if text.starts_with("[Request interrupted by user") {
        return Some(Said::Interrupted { usage: Usage::default() });
    }
    let note = |text: String| (!text.is_empty()).then_some(Said::Note { text });
    if let Some(name) = tagged(text, "command-name") {
        let args = tagged(text, "command-args").unwrap_or_default();
        return note(format!("{name} {args}").trim().to_owned());
    }
    if let Some(command) = tagged(text, "bash-input") {
        return note(format!("! {command}"));
    }
    for tag in ["local-command-stdout", "local-command-stderr", "bash-stdout", "bash-stderr"] {
        if let Some(output) = tagged(text, tag) {
            return note(without_escapes(output).trim().to_owned());
        }
    }
    Some(Said::Prompt { text: text.to_owned(), images })
}

/// The inside of a tag, when the text begins with it or with its neighbours.
fn tagged<'a>(text: &'a str, tag: &str) -> Option<&'a str> {
    if !text.starts_with('<') {
        return None;
    }
    let (_, rest) = text.split_once(&format!("<{tag}>"))?;
    Some(rest.split_once(&format!("</{tag}>")).map_or(rest, |(inside, _)| inside))
}

/// Without colours and the like.
fn without_escapes(text: &str) -> String {
    let mut pieces = text.split("\x1b[");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece.find(|letter: char| ('@'..='~').contains(&letter));
        plain += end.map_or("", |end| &piece[end + 1..]);
    }
    plain
}

fn system(line: &Value) -> Option<Said> {
    let content = || text_of(line, "content").unwrap_or_default();
    match text_of(line, "subtype")? {
        "turn_duration" => Some(Said::TurnEnded {
            usage: Usage::default(),
            model: None,
            duration_ms: line["durationMs"].as_u64(),
        }),
        "compact_boundary" => {
            let trigger = text_of(&line["compactMetadata"], "trigger");
            Some(Said::Compacted { automatic: trigger.map(|trigger| trigger == "auto") })
        }
        "informational" => Some(Said::Note { text: content().to_owned() }),
        "local_command" => typed(content(), vec![]),
        _ => None,
    }
}

/// True when a line begins a sub-agent's transcript with this prompt.
fn begins_with(line: &[u8], prompt: &str) -> bool {
    let Ok(line) = serde_json::from_slice::<Value>(line) else { return false };
    texts(&line["message"]["content"]) == prompt
}
