//! Codex's `.rules` files, as <https://developers.openai.com/codex/rules> describes them: `prefix_rule(pattern = […],
//! decision = "allow" | "prompt" | "forbidden", justification = …, match = […], not_match = […])`.

use super::starlark::{self, Call, Value};
use super::{Import, OPTIONS_LEFT_OUT, allowed, restricted, rule};
use crate::policy::example;
use crate::policy::input::SHELL;
use crate::policy::rule::{Action, Example, ExampleText, Rule, RuleText};

/// Reads the rules of a file.
pub fn codex(text: &str, name: &str) -> Result<Import, String> {
    let calls = starlark::calls(text).map_err(|(line, why)| format!("line {line}: {why}"))?;
    let mut import = Import::new(name, "Imported from Codex's rules.");
    for call in calls {
        match call.name.as_str() {
            "prefix_rule" => prefix_rule(&mut import, &call),
            other => import.note(&call.text, false, &format!("'{other}' is not supported here.")),
        }
    }
    Ok(import)
}

fn prefix_rule(import: &mut Import, call: &Call) {
    let field = |name: &str| call.arguments.iter().find(|(field, _)| field == name).map(|(_, value)| value);
    let known = ["pattern", "decision", "justification", "match", "not_match"];
    if let Some((name, _)) = call.arguments.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        return import.note(&call.text, false, &format!("its field '{name}' is not supported here."));
    }
    let action = match field("decision").map(Value::as_text) {
        None | Some(Some("allow")) => Action::Allow,
        Some(Some("prompt")) => Action::Ask,
        Some(Some("forbidden")) => Action::Deny,
        Some(_) => return import.note(&call.text, false, "Its decision is not supported here."),
    };
    let words: Option<Vec<Vec<String>>> = field("pattern")
        .and_then(Value::as_list)
        .map(|words| words.iter().map(Value::alternatives).collect::<Option<Vec<_>>>())
        .unwrap_or_default();
    let Some(words) = words.filter(|words| !words.is_empty() && words.iter().all(|word| !word.is_empty()))
    else {
        return import.note(&call.text, false, "Its pattern is not a list of words.");
    };
    let literal: Vec<Vec<String>> =
        words.iter().map(|word| word.iter().map(|word| escape(word)).collect()).collect();
    let command = match action {
        Action::Allow => allowed(&literal, true),
        _ => restricted(&literal).map(|command| (command, None)),
    };
    let mut text = rule(action, &[SHELL]);
    let told = match command {
        Ok((command, told)) => {
            text.command = Some(command);
            told
        }
        Err(why) => return import.note(&call.text, false, &format!("{why}.")),
    };
    text.reason = field("justification").and_then(Value::as_text).map(str::to_owned);
    text.examples = examples(&text, field("match"), field("not_match"));
    let open = action == Action::Allow;
    if import.add(&call.text, text) && open {
        told.into_iter().for_each(|why| import.note(&call.text, true, why));
        import.note(&call.text, true, OPTIONS_LEFT_OUT);
    }
}

/// A star in their patterns is a star.
fn escape(word: &str) -> String {
    word.replace('\\', "\\\\").replace('*', "\\*").replace('?', "\\?")
}

/// Their examples, as far as they still say the truth.
fn examples(text: &RuleText, matching: Option<&Value>, other: Option<&Value>) -> Vec<Example> {
    let all = [(true, matching), (false, other)].into_iter().flat_map(|(matches, value)| {
        let items = value.and_then(Value::as_list).unwrap_or_default().iter();
        items.filter_map(move |item| {
            let command = match item {
                Value::Text(command) => command.clone(),
                item => item.alternatives()?.join(" "),
            };
            Some(Example { matches, text: ExampleText::Text(command), line: 0 })
        })
    });
    all.filter(|example| {
        let mut alone = text.clone();
        alone.examples = vec![example.clone()];
        Rule::new(alone, 0).is_ok_and(|rule| example::check(&rule).is_empty())
    })
    .collect()
}
