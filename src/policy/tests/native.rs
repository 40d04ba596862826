//! What agents' own rules are given.

use codepiper_protocol::wire::policy::WithoutHook;

use super::super::kept::Kept;
use super::super::native::{NativeDeny, denied, rules as told};
use super::super::ready;
use super::super::wire::info_of;
use super::{command, policy, rules};

/// What a saved policy gives an agent in the project.
fn given(text: &str) -> (Vec<NativeDeny>, usize) {
    let dir = tempfile::tempdir().unwrap();
    let kept = Kept::open(dir.path());
    kept.put("test", &format!("name = \"test\"\n{text}")).unwrap();
    denied(&kept, &command("x"))
}

fn deny(what: &str) -> String {
    format!("[[rule]]\naction = \"deny\"\n{what}\n")
}

#[test]
fn commands_files_and_tools_are_given_to_the_agent_in_its_own_words() {
    let command = |words: &[&str]| NativeDeny::Command(words.iter().map(|word| (*word).to_owned()).collect());
    let tool = |name: &str| NativeDeny::Tool(name.to_owned());
    let read = |path: &str| NativeDeny::Read(path.to_owned());
    let edit = |path: &str| NativeDeny::Edit(path.to_owned());
    for (what, given_to_it) in [
        (
            "command = { program = \"git\", words = [[\"push\", \"tag\"]] }",
            vec![command(&["git", "push"]), command(&["git", "tag"])],
        ),
        ("command = { program = \"rm\", options = [\"-rf\"] }", vec![]),
        ("command = { program = \"mkfs.*\" }", vec![]),
        ("tool = \"WebFetch\"", vec![tool("WebFetch")]),
        ("tool = [\"exec_command\", \"Bash\"]", vec![tool("Bash")]),
        ("tool = \"mcp__x__*\"", vec![tool("mcp__x")]),
        ("tool = \"mcp__x__delete\"", vec![tool("mcp__x__delete")]),
        ("tool = \"mcp__x__delete_*\"", vec![]),
        ("tool = \"*\"", vec![]),
        ("tool = \"WebFetch\"\nargs = { url = \"https://x/*\" }", vec![]),
        ("tool = \"Read\"\nargs = { file_path = \"/etc/**\" }", vec![read("/etc/**")]),
        ("tool = \"Write\"\nargs = { file_path = [\"~/.bashrc\", \"*x\"] }", vec![edit("~/.bashrc")]),
        (
            "paths = [\"~/.ssh/**\", \"./**/.env\"]",
            vec![
                read("/home/u/project/**/.env"),
                read("~/.ssh/**"),
                edit("/home/u/project/**/.env"),
                edit("~/.ssh/**"),
            ],
        ),
        ("tool = \"Bash\"\npaths = \"~/.ssh/**\"", vec![]),
        ("paths = \"~/with (brackets)/**\"", vec![]),
        ("paths = \"~/.ssh/**\"\ncwd = \"/srv/**\"", vec![]),
        ("tool = \"WebFetch\"\nprovider = \"codex\"", vec![]),
    ] {
        assert_eq!(given(&deny(what)), (given_to_it, 0), "{what}");
    }
    assert!(given("[[rule]]\naction = \"ask\"\ntool = \"WebFetch\"").0.is_empty());
}

#[test]
fn what_is_too_much_is_counted_and_told() {
    let many: String = (0..5000)
        .map(|n| deny(&format!("command = {{ program = \"program{n}\", words = [\"word\"] }}")))
        .collect();
    let (kept, left_out) = given(&many);
    assert!(
        kept.len() > 1000 && left_out > 1000 && kept.len() + left_out == 5000,
        "{} {left_out}",
        kept.len()
    );
    let policy = rules(&many);
    let notes = info_of(&policy).warnings;
    assert!(notes.len() == 1 && notes[0].message.contains("only while the hook runs"), "{notes:?}");
    let told = told(&policy);
    assert_eq!(told[0].without_hook, WithoutHook::Partly);
    assert_eq!(told.last().unwrap().without_hook, WithoutHook::No);
    let first = told.iter().position(|rule| rule.without_hook == WithoutHook::No).unwrap();
    assert_eq!(told[first].line, notes[0].line);
    let few: String = (0..300).map(|n| deny(&format!("command = {{ program = \"p{n}\" }}"))).collect();
    assert_eq!(given(&few).1, 0);
}

#[test]
fn a_rule_says_what_of_it_holds_without_the_hook() {
    let told = |text: &str| told(&policy(text)).into_iter().map(|rule| rule.without_hook).collect::<Vec<_>>();
    let deny_list = told(ready::text("deny-list").unwrap());
    assert!(deny_list.contains(&WithoutHook::Partly) && deny_list.contains(&WithoutHook::No));
    assert!(!deny_list.contains(&WithoutHook::Yes));
    let tools = format!(
        "name = \"x\"\n{}{}",
        deny("tool = \"WebFetch\""),
        deny("tool = [\"WebFetch\", \"mcp__x__a*\"]")
    );
    assert_eq!(told(&tools), [WithoutHook::Yes, WithoutHook::Partly]);
}
