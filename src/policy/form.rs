//! A policy as a form shows it, and the text that the form stands for. What the form does not change stays as it was written.

use std::collections::HashMap;

use codepiper_protocol::wire::policy::{
    CommandForm, ExampleForm, PolicyAction, PolicyForm, PolicyNote, PolicyScope, RuleForm,
};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, Value};
use toml_parser::Source;
use toml_parser::lexer::TokenKind;

use super::read::{Draft, Mistake, draft};
use super::rule::{Action, CommandText, Example, ExampleText, Policy, RuleText, Scope};
use super::write::{Fields, policy_fields, rule_fields, write_draft};

/// What a text says. A text with fields that no form has is a mistake.
pub fn form(text: &str) -> Result<PolicyForm, Vec<Mistake>> {
    let Draft { policy, rules } = draft(text)?;
    Ok(PolicyForm {
        name: policy.name,
        description: policy.description,
        priority: policy.priority,
        default: super::action(policy.default),
        fails_closed: policy.fails_closed,
        scope: super::wire::scope(&policy.scope),
        includes: policy.includes,
        rules: rules.into_iter().zip(1..).map(|(rule, number)| rule_form(rule, number)).collect(),
    })
}

/// The text with what the form says, and the comments that it lost, with the lines where they were. It is read again: a text
/// that does not say what the form says is written anew.
pub fn write(text: &str, form: &PolicyForm) -> Result<(String, Vec<PolicyNote>), Vec<Mistake>> {
    let was = draft(text)?;
    let wanted = Draft { policy: policy_of(form), rules: form.rules.iter().map(rule_text).collect() };
    let says_it = |now: &Draft| fields_of(now) == fields_of(&wanted);
    let mut written = changed(text, &was, form, &wanted)?;
    if !draft(&written).is_ok_and(|now| says_it(&now)) {
        let anew = write_draft(&wanted.policy, &wanted.rules);
        match draft(&anew) {
            Ok(now) if says_it(&now) => written = anew,
            Ok(_) => return Err(cannot_be_written("no text says what the form says; edit the text")),
            // What the form says is a mistake, and is told as one.
            Err(_) if written.parse::<DocumentMut>().is_ok() => {}
            Err(_) => written = anew,
        }
    }
    let lost = lost(text, &written);
    Ok((written, lost))
}

/// The text, changed where the form differs from it.
fn changed(text: &str, was: &Draft, form: &PolicyForm, wanted: &Draft) -> Result<String, Vec<Mistake>> {
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
        cannot_be_written(&format!("this is not valid TOML: {}", error.message()))
    })?;
    set(document.as_table_mut(), &policy_fields(&was.policy), &policy_fields(&wanted.policy));
    let before =
        document.remove("rule").and_then(|rules| rules.into_array_of_tables().ok()).unwrap_or_default();
    let mut rules = ArrayOfTables::new();
    for (at, (rule, text)) in form.rules.iter().zip(&wanted.rules).enumerate() {
        let from = rule.from.and_then(|number| (number as usize).checked_sub(1));
        let there =
            from.and_then(|from| Some((before.get(from)?.clone(), rule_fields(was.rules.get(from)?))));
        let (mut table, fields) = there.unwrap_or_else(|| (new_table(), Fields::new()));
        set(&mut table, &fields, &rule_fields(text));
        // Tables are written in the order of their positions; one without stays behind the table that it is in.
        without_positions(&mut table);
        table.set_position(Some(at as isize + 1));
        rules.push(table);
    }
    if !rules.is_empty() {
        document.insert("rule", Item::ArrayOfTables(rules));
    }
    Ok(document.to_string())
}

fn without_positions(table: &mut Table) {
    table.set_position(None);
    for (_, item) in table.iter_mut() {
        match item {
            Item::Table(table) => without_positions(table),
            Item::ArrayOfTables(tables) => tables.iter_mut().for_each(without_positions),
            Item::None | Item::Value(_) => {}
        }
    }
}

/// All that a draft says, in one spelling.
fn fields_of(draft: &Draft) -> (Fields, Vec<Fields>) {
    (policy_fields(&draft.policy), draft.rules.iter().map(rule_fields).collect())
}

fn cannot_be_written(message: &str) -> Vec<Mistake> {
    vec![Mistake { line: 1, rule: None, field: String::new(), message: message.to_owned() }]
}

fn new_table() -> Table {
    let mut table = Table::new();
    table.decor_mut().set_prefix("\n");
    table
}

/// Writes the fields that are not what they were.
fn set(table: &mut Table, was: &Fields, now: &Fields) {
    for (name, text) in now.iter().filter(|field| !was.contains(field)) {
        let Ok(mut value) = text.parse::<Value>() else { continue };
        match table.get_mut(name) {
            Some(item) => {
                if let Some(old) = item.as_value() {
                    *value.decor_mut() = old.decor().clone();
                }
                *item = Item::Value(value);
            }
            None => {
                table.insert(name, Item::Value(value));
            }
        }
    }
    let stays = |name: &str| now.iter().any(|(other, _)| *other == name);
    let names: Vec<String> = table.iter().map(|(name, _)| name.to_owned()).collect();
    for name in names.iter().filter(|name| !stays(name)) {
        let is_empty = table.get(name).and_then(Item::as_array).is_some_and(toml_edit::Array::is_empty);
        if is_empty || was.iter().any(|(other, _)| other == name) {
            table.remove(name);
        }
    }
}

/// The comments that only the first text has.
fn lost(before: &str, after: &str) -> Vec<PolicyNote> {
    let mut kept: HashMap<&str, usize> = HashMap::new();
    for (_, comment) in comments(after) {
        *kept.entry(comment).or_default() += 1;
    }
    let mut is_lost = |comment: &str| match kept.get_mut(comment) {
        Some(left) if *left > 0 => {
            *left -= 1;
            false
        }
        _ => true,
    };
    comments(before)
        .into_iter()
        .filter(|(_, comment)| is_lost(comment))
        .map(|(line, comment)| PolicyNote {
            line: line as u32,
            rule: None,
            field: String::new(),
            message: comment.to_owned(),
        })
        .collect()
}

fn comments(text: &str) -> Vec<(usize, &str)> {
    let tokens = Source::new(text).lex().filter(|token| token.kind() == TokenKind::Comment);
    tokens
        .filter_map(|token| {
            let (start, end) = (token.span().start(), token.span().end());
            let line = text.get(..start)?.matches('\n').count() + 1;
            Some((line, text.get(start..end)?.trim_end()))
        })
        .collect()
}

fn policy_of(form: &PolicyForm) -> Policy {
    let mut policy = Policy::new(&form.name);
    policy.description = form.description.clone();
    policy.priority = form.priority;
    policy.default = if form.default == PolicyAction::Deny { Action::Deny } else { Action::Ask };
    policy.fails_closed = form.fails_closed;
    policy.scope = match &form.scope {
        PolicyScope::Everywhere => Scope::Global,
        PolicyScope::Directories(directories) => Scope::Directories(directories.clone()),
        PolicyScope::Sessions(sessions) => Scope::Sessions(sessions.clone()),
    };
    policy.includes = form.includes.clone();
    policy
}

fn rule_form(rule: RuleText, number: u32) -> RuleForm {
    let (matches, not): (Vec<Example>, Vec<Example>) =
        rule.examples.into_iter().partition(|example| example.matches);
    let examples = |examples: Vec<Example>| {
        let form = |example: Example| match example.text {
            ExampleText::Text(text) => ExampleForm::Text(text),
            ExampleText::Fields(fields) => ExampleForm::Fields(fields),
        };
        examples.into_iter().map(form).collect()
    };
    RuleForm {
        from: Some(number),
        action: super::action(rule.action),
        tool: rule.tool,
        command: rule.command.map(|CommandText { program, words, options }| CommandForm {
            program,
            words,
            options,
        }),
        args: rule.args,
        paths: rule.paths,
        cwd: rule.cwd,
        session: rule.session,
        provider: rule.provider,
        reason: rule.reason,
        matches: examples(matches),
        not_matches: examples(not),
    }
}

fn rule_text(form: &RuleForm) -> RuleText {
    let action = match form.action {
        PolicyAction::Allow => Action::Allow,
        PolicyAction::Ask => Action::Ask,
        PolicyAction::Deny => Action::Deny,
    };
    let examples = [(&form.matches, true), (&form.not_matches, false)];
    let example = |matches: bool, text: &ExampleForm| Example {
        matches,
        text: match text {
            ExampleForm::Text(text) => ExampleText::Text(text.clone()),
            ExampleForm::Fields(fields) => ExampleText::Fields(fields.clone()),
        },
        line: 0,
    };
    RuleText {
        tool: form.tool.clone(),
        command: form.command.as_ref().map(|CommandForm { program, words, options }| CommandText {
            program: program.clone(),
            words: words.clone(),
            options: options.clone(),
        }),
        args: form.args.clone(),
        paths: form.paths.clone(),
        cwd: form.cwd.clone(),
        session: form.session.clone(),
        provider: form.provider.clone(),
        reason: form.reason.clone(),
        examples: examples
            .into_iter()
            .flat_map(|(texts, matches)| texts.iter().map(move |text| example(matches, text)))
            .collect(),
        ..RuleText::new(action)
    }
}
