//! A notification's title and text.

use codepiper_protocol::visible::one_line;
use codepiper_protocol::wire::ask::{Ask, AskKind};

/// Of a text, in characters: a notification shows two or three lines, and a push holds 4 KB.
const LONGEST: usize = 300;

pub fn title(session: &str, kind: AskKind) -> String {
    let what = match kind {
        AskKind::Permission => "asks for permission",
        AskKind::Question => "asks a question",
        AskKind::Plan => "has a plan for you to approve",
        AskKind::Elicitation => "needs input for a tool",
        AskKind::Trust => "asks whether to trust a folder",
        AskKind::Dialog => "waits in a dialog",
        AskKind::SignIn => "needs you to sign in",
        AskKind::UsageLimit => "has reached a usage limit",
        AskKind::Crashed => "crashed",
        AskKind::Stalled => "has stalled",
        AskKind::Attention => "wants your attention",
        AskKind::Finished => "finished a turn",
    };
    format!("{session} {what}")
}

/// What is asked about.
pub fn body(ask: &Ask) -> String {
    let tool = ask.tool.as_deref().filter(|_| ask.kind == AskKind::Permission);
    let text = match tool {
        Some(tool) => format!("{tool}: {}", ask.title),
        None => ask.title.clone(),
    };
    shortened(&one_line(&text))
}

pub fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
