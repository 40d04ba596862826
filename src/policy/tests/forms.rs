//! A form changes what it was told to, and nothing else of the text.

use codepiper_protocol::wire::policy::{ExampleForm, PolicyAction, PolicyForm, PolicyScope};

use proptest::collection::vec;
use proptest::prelude::*;

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

/// What a form says, wherever its rules came from.
fn said(mut form: PolicyForm) -> PolicyForm {
    form.rules.iter_mut().for_each(|rule| rule.from = None);
    form
}

fn says_what_was_wanted(text: &str, wanted: &PolicyForm) -> String {
    let (written, _) = write(text, wanted).unwrap();
    let again = form(&written).unwrap_or_else(|mistakes| panic!("{mistakes:?}\n{text}\n->\n{written}"));
    assert_eq!(said(again), said(wanted.clone()), "{text}\n->\n{written}");
    written
}

#[test]
fn tables_of_a_rule_stay_with_it() {
    let text = "\
name = \"x\"

[[rule]]
action = \"allow\"
tool = \"Glob\"
[rule.args]
path = \"./src/**\"

[[rule]]
action = \"allow\"
tool = \"Read\"
[rule.args]
file_path = \"./src/**\" # sources
[[rule.match]]
file_path = \"src/x\"

[[rule]]
action = \"deny\"
tool = \"NotebookEdit\"
";
    let mut described = form(text).unwrap();
    described.description = "new".to_owned();
    let written = says_what_was_wanted(text, &described);
    assert_eq!(
        written,
        text.replace("name = \"x\"\n", "name = \"x\"\ndescription = \"new\"\n"),
        "nothing else changes"
    );
    let mut shorter = form(text).unwrap();
    shorter.rules.remove(0);
    assert!(says_what_was_wanted(text, &shorter).contains("# sources"));
    let denies = "[[rule]]\naction = \"deny\"\n[rule.command]\nprogram = \"p\"\n\n";
    let text = format!("name = \"x\"\n\n{}", denies.repeat(4));
    let mut described = form(&text).unwrap();
    described.description = "new".to_owned();
    says_what_was_wanted(&text, &described);
    described.rules.swap(0, 3);
    described.rules.remove(1);
    says_what_was_wanted(&text, &described);
}

#[test]
fn what_the_form_says_wrong_is_left_to_be_told() {
    let mut wrong = form(TEXT).unwrap();
    wrong.rules[0].command.as_mut().unwrap().words = Some(vec![Vec::new()]);
    let (text, _) = write(TEXT, &wrong).unwrap();
    assert!(text.contains("# Of the project.") && form(&text).is_err(), "{text}");
}

/// A rule, each part of it in one of the ways in which it can be written.
fn rule_of_text() -> impl Strategy<Value = String> {
    let text = || prop::sample::select(vec!["a", "./**", "b c", "\\\"", "é"]);
    (0..4u8, 0..3u8, 0..3u8, text(), text(), any::<bool>()).prop_map(
        |(kind, style, examples, one, two, comments)| {
            let comment = |text: &str| if comments { format!("{text}\n") } else { "\n".to_owned() };
            let (name, fields) = match kind {
                0 => (
                    "args",
                    [("file_path", format!("\"{one}\"")), ("\"b c\"", format!("[\"{two}\", \"x\"]"))],
                ),
                _ => (
                    "command",
                    [("program", format!("\"p{kind}\"")), ("words", "[\"a\", [\"b\", \"c\"]]".to_owned())],
                ),
            };
            let [(first, one), (second, two)] = fields;
            let mut text = comment("# before");
            text += "[[rule]]";
            text += &comment(" # header");
            text += "action = \"deny\"\n";
            let line = match style {
                0 => format!("{name} = {{ {first} = {one}, {second} = {two} }}"),
                1 => format!("{name}.{first} = {one}\n{name}.{second} = {two}"),
                _ => String::new(),
            };
            text += &line;
            text += &comment(" # line");
            if examples == 1 {
                text += "match = [{ command = \"p\" }, \"q\"]\n";
            }
            if style == 2 {
                text += &comment("# of the table");
                text += &format!("[rule.{name}]{}{first} = {one}\n{second} = {two}\n", comment(" # table"));
            }
            if examples == 2 {
                text +=
                    &format!("[[rule.not_match]]{}a = \"1\"\n[[rule.not_match]]\nb = \"2\"\n", comment(" #"));
            }
            text
        },
    )
}

fn change(form: &mut PolicyForm, kind: u8, at: usize, to: usize) {
    let count = form.rules.len();
    if count == 0 {
        return form.description.push('x');
    }
    let (at, to) = (at % count, to % count);
    match kind {
        0 => drop(form.rules.remove(at)),
        1 => form.rules.swap(at, to),
        2 => {
            let copy = form.rules[at].clone();
            form.rules.insert(to, copy);
        }
        3 => {
            let mut new = form.rules[at].clone();
            new.from = None;
            form.rules.insert(to, new);
        }
        4 => form.rules[at].reason = Some("because".to_owned()),
        5 => {
            let other = form.rules[to].clone();
            (form.rules[at].args, form.rules[at].command) = (other.args, other.command);
        }
        6 => form.rules[at].matches.clear(),
        _ => form.description.push('x'),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_says_what_the_form_says(
        rules in vec(rule_of_text(), 0..5),
        changes in vec((0..8u8, 0..5usize, 0..5usize), 0..5),
    ) {
        let text = format!("# top\nname = \"x\"\n{}# end\n", rules.concat());
        let mut wanted = form(&text).unwrap();
        prop_assert_eq!(says_what_was_wanted(&text, &wanted), text.clone());
        for (kind, at, to) in changes {
            change(&mut wanted, kind, at, to);
        }
        let mut written = says_what_was_wanted(&text, &wanted);
        // And once more.
        let mut again = form(&written).unwrap();
        again.description.push('y');
        written = says_what_was_wanted(&written, &again);
        prop_assert!(written.contains("description"));
    }
}
