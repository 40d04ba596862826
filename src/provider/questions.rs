//! What an agent asks a person through its hook, as people are shown it, and what its hook answers: the JSON of Claude Code.
//! Measured with Claude Code 2.1.197 and 2.1.332.

mod words;

pub use words::brief;

use codepiper_protocol::visible::visible;
use codepiper_protocol::wire::ask::{
    AnswerAsk, AskDecision, AskKind, AskedOption, AskedQuestion, LONGEST_ANSWER, QuestionAnswer,
};
use serde_json::{Map, Value, json};

use super::decisions::{ASKS, Asked, DENIED_BY_ITSELF, PLANS, before_question};

/// More questions or options are not offered for an answer.
const MOST: usize = 20;
/// What the agent is told of a denial without a reason.
const DENIED: &str = "The user denied this.";

/// What people are shown of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    pub kind: AskKind,
    pub title: String,
    pub text: String,
    pub questions: Vec<AskedQuestion>,
    pub changes_allowed: bool,
    /// The rule that the agent keeps until it ends.
    pub always: Option<String>,
    /// Whether an answer can be made out of what was told.
    pub can_be_answered: bool,
}

pub fn shown(asked: &Asked) -> Shown {
    let kind = match asked.tool.as_str() {
        ASKS => AskKind::Question,
        PLANS => AskKind::Plan,
        _ => AskKind::Permission,
    };
    let questions = match kind {
        AskKind::Question => questions(&asked.input),
        // Older versions of Claude Code (2.1.197) tell the plan only on the screen.
        AskKind::Plan => asked.input["plan"].is_string().then(Vec::new),
        _ => Some(Vec::new()),
    };
    let can_be_answered = questions.is_some();
    let questions = questions.unwrap_or_default();
    let text = words::text(asked, &questions);
    Shown {
        kind,
        title: words::title(asked, &questions),
        questions,
        changes_allowed: kind == AskKind::Permission && asked.input["command"].is_string(),
        always: rule(asked).map(|rule| format!("Bash({})", visible(&rule))),
        text,
        can_be_answered,
    }
}

/// `None` when they are not what was measured: then nobody answers them but in the terminal.
fn questions(input: &Value) -> Option<Vec<AskedQuestion>> {
    let text = |value: &Value| value.as_str().map(|text| visible(text).into_owned());
    let asked = input["questions"].as_array().filter(|asked| (1..=MOST).contains(&asked.len()))?;
    let question = |each: &Value| {
        let options = each["options"].as_array().filter(|options| (1..=MOST).contains(&options.len()))?;
        let option = |each: &Value| {
            Some(AskedOption { label: text(&each["label"])?, description: text(&each["description"]) })
        };
        Some(AskedQuestion {
            question: text(&each["question"])?,
            header: text(&each["header"]),
            multi: each["multiSelect"].as_bool().unwrap_or(false),
            options: options.iter().map(option).collect::<Option<_>>()?,
        })
    };
    asked.iter().map(question).collect()
}

/// The content of a rule for exactly this command. In one with `*` it would mean others, too.
fn rule(asked: &Asked) -> Option<String> {
    const LONGEST: usize = 500;
    let command = asked.input["command"].as_str().filter(|_| asked.tool == "Bash")?;
    // It would allow the command in any way.
    let plain = !words::has_more(asked);
    let exact =
        plain && !command.contains(['*', '\n']) && !command.ends_with(':') && command.len() <= LONGEST;
    exact.then(|| command.to_owned())
}

/// What the hook prints.
///
/// # Errors
/// The answer does not fit what was asked: why.
pub fn reply(asked: &Asked, answer: &AnswerAsk) -> Result<Value, String> {
    let shown = shown(asked);
    let texts = answer.reason.iter().chain(&answer.command);
    let texts = texts.chain(answer.answers.iter().filter_map(|answer| answer.text.as_ref()));
    if texts.map(String::len).sum::<usize>() > LONGEST_ANSWER {
        return Err(format!("the answer exceeds {LONGEST_ANSWER} bytes"));
    }
    if answer.decision == AskDecision::Deny {
        if answer.always || answer.command.is_some() || !answer.answers.is_empty() {
            return Err("'always', 'command' and 'answers' are only for answers that allow".to_owned());
        }
        let reason = answer.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
        let decision = json!({ "behavior": "deny", "message": reason.unwrap_or(DENIED) });
        return Ok(json!({ "hookSpecificOutput": before_question(decision) }));
    }
    if answer.reason.is_some() {
        return Err("'reason' is only for denials".to_owned());
    }
    let mut decision = json!({ "behavior": "allow" });
    let mut input = asked.input.clone();
    match (shown.kind, &answer.command) {
        (AskKind::Question, None) => {
            input["answers"] = Value::Object(answers(&shown.questions, &asked.input, &answer.answers)?);
            decision["updatedInput"] = input;
        }
        (AskKind::Plan, None) => {
            decision["updatedInput"] = input;
            // Otherwise it goes on in the mode in which it edits without asking.
            decision["updatedPermissions"] =
                json!([{ "type": "setMode", "mode": "default", "destination": "session" }]);
        }
        (_, Some(_)) if !shown.changes_allowed => return Err("this ask cannot be changed".to_owned()),
        (_, Some(command)) if command.trim().is_empty() => return Err("the command is empty".to_owned()),
        (_, Some(command)) => {
            input["command"] = command.as_str().into();
            decision["updatedInput"] = input;
        }
        (_, None) => {}
    }
    if shown.kind != AskKind::Question && !answer.answers.is_empty() {
        return Err("'answers' are only for questions".to_owned());
    }
    if answer.always {
        let rule = rule(asked).filter(|_| answer.command.is_none());
        let rule = rule.ok_or("no rule can be made from this ask: leave out 'always'")?;
        decision["updatedPermissions"] = json!([{
            "type": "addRules",
            "rules": [{ "toolName": "Bash", "ruleContent": rule }],
            "behavior": "allow",
            "destination": "session",
        }]);
    }
    Ok(json!({ "hookSpecificOutput": before_question(decision) }))
}

/// Whether keys can give this answer.
///
/// # Errors
/// They cannot: why.
pub fn check_keys(answer: &AnswerAsk) -> Result<(), String> {
    if answer.always || answer.command.is_some() || !answer.answers.is_empty() {
        return Err("this ask takes only yes or no: leave out 'always', 'command' and 'answers'".to_owned());
    }
    if answer.decision == AskDecision::Allow && answer.reason.is_some() {
        return Err("'reason' is only for denials".to_owned());
    }
    Ok(())
}

/// What was chosen, by the question as the agent wrote it.
fn answers(
    questions: &[AskedQuestion],
    input: &Value,
    answers: &[QuestionAnswer],
) -> Result<Map<String, Value>, String> {
    if answers.len() != questions.len() {
        return Err(format!("{} answers for {} questions", answers.len(), questions.len()));
    }
    let mut chosen = Map::new();
    for (index, (question, answer)) in questions.iter().zip(answers).enumerate() {
        let number = index + 1;
        let text = answer.text.as_deref().map(str::trim).filter(|text| !text.is_empty());
        match answer.options.len() + usize::from(text.is_some()) {
            0 => return Err(format!("question {number} has no answer")),
            1 => {}
            _ if question.multi => {}
            _ => return Err(format!("question {number} takes one answer only")),
        }
        let raw = &input["questions"][index];
        let mut words = Vec::new();
        for option in &answer.options {
            let label =
                (*option as usize).checked_sub(1).and_then(|option| raw["options"][option]["label"].as_str());
            let label = label.ok_or_else(|| format!("question {number} has no option {option}"))?;
            if words.contains(&label) {
                return Err(format!("option {option} of question {number} is chosen twice"));
            }
            words.push(label);
        }
        words.extend(text);
        let question = raw["question"].as_str().unwrap_or_default();
        chosen.insert(question.to_owned(), words.join(", ").into());
    }
    Ok(chosen)
}

/// Whether another hook says that this was answered: the tool was used, or refused.
pub fn is_answered_by(asked: &Asked, payload: &Value) -> bool {
    let over = ["PostToolUse", "PostToolUseFailure", DENIED_BY_ITSELF];
    let of_question = payload["hook_event_name"].as_str().is_some_and(|event| over.contains(&event))
        && payload["tool_name"] == asked.tool.as_str();
    // The answers stand in the input of a question, and a plan's input is empty.
    of_question && (payload["tool_input"] == asked.input || [ASKS, PLANS].contains(&asked.tool.as_str()))
}

#[cfg(test)]
mod tests;
