//! A form changes what it was told to, and nothing else of the text.

use codepiper_protocol::wire::policy::{ExampleForm, PolicyAction, PolicyForm, PolicyScope};

use super::super::form::{form, write};
use super::super::read::read;
use super::super::ready;

const TEXT: &str = "\
# Of the project.
name = \"x\"  # its file
priority = 0x10

# Looks around.
[[rule]]
action = \"allow\"
# No other option.
command = { program = \"git\", words = [\"status\"], options = [\n  \"-s\", # short
] }

# Last.
[[rule]]
action = 'deny'
paths = \"./.env\" # secrets
match = [\".env\"]
";

fn changed(change: impl FnOnce(&mut PolicyForm)) -> (String, Vec<(u32, String)>) {
    let mut form = form(TEXT).unwrap();
    change(&mut form);
    let (text, lost) = write(TEXT, &form).unwrap();
    (text, lost.into_iter().map(|note| (note.line, note.message)).collect())
}

#[test]
fn what_is_not_changed_stays_as_it_was_written() {
    assert_eq!(changed(|_| ()), (TEXT.to_owned(), Vec::new()));
    for (name, text) in ready::ALL {
        assert_eq!(write(text, &form(text).unwrap()).unwrap(), (text.to_owned(), Vec::new()), "{name}");
    }
}

#[test]
fn a_changed_field_keeps_the_comments_around_it() {
    let (text, lost) = changed(|form| {
        form.name = "y".to_owned();
        form.rules[1].action = PolicyAction::Ask;
        form.rules[1].reason = Some("no \"secrets\"".to_owned());
    });
    let expected = TEXT
        .replace("name = \"x\"", "name = \"y\"")
        .replace("'deny'", "\"ask\"")
        .replace("match = [\".env\"]\n", "match = [\".env\"]\nreason = \"no \\\"secrets\\\"\"\n");
    assert_eq!((text.as_str(), lost), (expected.as_str(), Vec::new()));
}

#[test]
fn the_comments_that_a_change_loses_are_named() {
    let (text, lost) =
        changed(|form| form.rules[0].command.as_mut().unwrap().options = vec!["-b".to_owned()]);
    assert!(
        text.contains(
            "# No other option.\ncommand = { program = \"git\", words = [\"status\"], options = [\"-b\"] }"
        ),
        "{text}"
    );
    assert_eq!(lost, [(10, "# short".to_owned())]);
    let (text, lost) = changed(|form| drop(form.rules.remove(1)));
    assert!(!text.contains("./.env"), "{text}");
    assert_eq!(lost, [(13, "# Last.".to_owned()), (16, "# secrets".to_owned())]);
    let (text, lost) = changed(|form| form.rules.clear());
    assert_eq!(read(&text).unwrap().rules.len(), 0);
    assert_eq!(lost.len(), 5, "{text}");
}

#[test]
fn rules_move_with_their_comments() {
    let (text, lost) = changed(|form| {
        form.rules.swap(0, 1);
        let mut copy = form.rules[0].clone();
        copy.from = None;
        form.rules.push(copy);
    });
    assert_eq!(lost, []);
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part}: {text}"));
    assert!(at("# Last.\n[[rule]]") < at("# Looks around.\n[[rule]]"), "{text}");
    let rules = read(&text).unwrap().rules;
    let programs: Vec<bool> = rules.iter().map(|rule| rule.text.command.is_some()).collect();
    assert_eq!(programs, [false, true, false], "{text}");
}

#[test]
fn every_field_can_be_written_into_an_empty_policy() {
    let mut form = form("").unwrap();
    form.name = "all".to_owned();
    form.description = "two\nlines".to_owned();
    form.priority = -3;
    form.default = PolicyAction::Deny;
    form.fails_closed = true;
    form.scope = PolicyScope::Directories(vec!["~/work".to_owned()]);
    form.includes = vec!["other".to_owned()];
    let source = "\
[[rule]]
action = \"ask\"
tool = [\"Edit\", \"mcp__*\"]
args = { \"file path\" = [\"\", \"./**\"], to = \"x\" }
cwd = \"~/work/**\"
session = \"s*\"
provider = [\"codex\", \"claude-code\"]
reason = \"ask me\"
match = [{ \"file path\" = \"a\", to = \"x\" }]
not_match = [{ to = \"y\" }]

[[rule]]
action = \"deny\"
command = { program = [\"git\", \"hg\"], words = [[\"push\", \"pull\"], \"*\"], options = [\"-f\"] }
match = [\"git push x -f\"]
";
    form.rules = super::super::form::form(source).unwrap().rules;
    for rule in &mut form.rules {
        rule.from = None;
    }
    let (text, lost) = write("", &form).unwrap();
    assert!(lost.is_empty());
    read(&text).unwrap_or_else(|mistakes| panic!("{mistakes:?}\n{text}"));
    let again = super::super::form::form(&text).unwrap();
    for (at, rule) in form.rules.iter_mut().enumerate() {
        rule.from = Some(at as u32 + 1);
    }
    assert_eq!(again, form, "{text}");
}

#[test]
fn a_form_shows_rules_that_mean_nothing_yet_and_no_text_that_it_would_lose() {
    let unfinished = "[[rule]]\naction = \"allow\"\ncommand = { program = [] }\nmatch = [\"x\"]\n";
    let form = form(unfinished).unwrap();
    assert_eq!(form.rules[0].matches, [ExampleForm::Text("x".to_owned())]);
    assert!(read(unfinished).is_err());
    for (text, field) in [
        ("name = \"x\"\ncolour = 1\n", "colour"),
        ("name = \"x\"\n[[rule]]\naction = \"permit\"\n", "action"),
        ("name = \"x\"\ndirectories = [\"~/x\"]\nsessions = []\n", "sessions"),
    ] {
        let mistakes = super::super::form::form(text).unwrap_err();
        assert_eq!(mistakes.iter().map(|mistake| mistake.field.as_str()).collect::<Vec<_>>(), [field]);
    }
}
