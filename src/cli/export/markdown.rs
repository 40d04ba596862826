//! A conversation as Markdown.

use codepiper_protocol::wire::conversation::{Entry, Said, ToolCall};

/// An entry, with the blank line behind it; empty if there is nothing to read in it.
pub(super) fn entry(entry: &Entry) -> String {
    let at = entry.at.map(|at| format!(" · {at}")).unwrap_or_default();
    let cut = if entry.cut { "\n\n(cut)" } else { "" };
    match &entry.said {
        Said::Prompt { text, images } => {
            let images = match images.len() {
                0 => String::new(),
                1 => "\n\n(1 image)".to_owned(),
                several => format!("\n\n({several} images)"),
            };
            format!("## Prompt{at}\n\n{text}{images}{cut}\n\n")
        }
        Said::Text { text } => format!("## Answer{at}\n\n{text}{cut}\n\n"),
        Said::Thinking { text } => format!("## Thinking{at}\n\n{text}{cut}\n\n"),
        Said::Tool(call) => format!("## {}{at}\n\n{}{cut}\n\n", call.name, tool(call)),
        Said::Note { text } => format!("> {}{cut}\n\n", text.replace('\n', "\n> ")),
        Said::Compacted { .. } => "(The conversation before was summarized.)\n\n".to_owned(),
        Said::Interrupted { .. } => "(Interrupted)\n\n".to_owned(),
        Said::Failed { text } => format!("(The model failed: {text})\n\n"),
        Said::ModelChanged { model } => format!("(Model: {model})\n\n"),
        Said::TurnEnded { .. } => String::new(),
    }
}

fn tool(call: &ToolCall) -> String {
    let result = match &call.result {
        None => "(No result)".to_owned(),
        Some(result) if result.failed => format!("Failed:\n\n{}", fenced(&result.text)),
        Some(result) => format!("Result:\n\n{}", fenced(&result.text)),
    };
    format!("{}\n\n{result}", fenced(&call.input))
}

/// A fence is longer than any in the text.
fn fenced(text: &str) -> String {
    let longest = text.split(|letter| letter != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}\n{}\n{fence}", text.trim_end_matches('\n'))
}

#[cfg(test)]
mod tests {
    use codepiper_protocol::wire::conversation::ToolResult;

    use super::*;

    #[test]
    fn what_a_tool_printed_does_not_end_its_fence() {
        let call = ToolCall {
            name: "Bash".into(),
            input: "cat x".into(),
            result: Some(ToolResult { text: "````\n# no heading\n".into(), ..ToolResult::default() }),
            ..ToolCall::default()
        };
        let entry = Entry { number: 0, at: None, revision: 0, cut: false, said: Said::Tool(call) };
        let wanted = "## Bash\n\n```\ncat x\n```\n\nResult:\n\n`````\n````\n# no heading\n`````\n\n";
        assert_eq!(super::entry(&entry), wanted);
    }
}
