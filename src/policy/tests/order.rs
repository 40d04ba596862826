//! Which rule decides.

use std::path::PathBuf;
use std::time::Instant;

use serde_json::json;

use super::super::decide::Policies;
use super::super::path::Entry;
use super::super::rule::Action;
use super::{answer, command, decide, policy, request, rules};

const ALLOW_GIT: &str = "[[rule]]\naction = \"allow\"\ncommand = { program = \"git\", words = [\"**\"] }\n";
const ASK_PUSH: &str = "[[rule]]\naction = \"ask\"\ncommand = { program = \"git\", words = [\"push\"] }\n";
const DENY_PUSH: &str = "[[rule]]\naction = \"deny\"\ncommand = { program = \"git\", words = [\"push\"] }\nreason = \"not today\"\n";

#[test]
fn without_a_policy_nothing_is_decided() {
    assert_eq!(decide(&[], &command("ls")), None);
    let elsewhere = policy("name = \"x\"\ndirectories = [\"/srv\"]");
    assert_eq!(decide(&[elsewhere], &command("ls")), None);
}

#[test]
fn a_deny_wins_whatever_its_priority() {
    let allow = rules(&format!("priority = 9\n{ALLOW_GIT}"));
    let deny = rules(&format!("priority = -9\n{DENY_PUSH}"));
    let decision = decide(&[allow, deny], &command("git status && git push")).unwrap();
    assert_eq!(decision.action, Action::Deny);
    assert_eq!(decision.why, "Rule 1 of 'test' denies 'git push': not today.");
    let parts: Vec<Action> = decision.parts.iter().map(|part| part.action).collect();
    assert_eq!(parts, [Action::Allow, Action::Deny]);
}

#[test]
fn between_ask_and_allow_the_higher_priority_decides_and_at_the_same_one_ask() {
    for (allow, ask, action) in [(1, 1, Action::Ask), (2, 1, Action::Allow), (1, 2, Action::Ask)] {
        let policies = [
            rules(&format!("priority = {allow}\n{ALLOW_GIT}")),
            rules(&format!("priority = {ask}\n{ASK_PUSH}")),
        ];
        assert_eq!(answer(&policies, "git push"), action, "{allow} {ask}");
        assert_eq!(answer(&policies, "git status"), Action::Allow);
    }
}

#[test]
fn an_ask_about_one_command_does_not_touch_the_others() {
    let policies = [rules(&format!("{ALLOW_GIT}{ASK_PUSH}"))];
    let decision = decide(&policies, &command("git status; git push; git log")).unwrap();
    let parts: Vec<Action> = decision.parts.iter().map(|part| part.action).collect();
    assert_eq!(parts, [Action::Allow, Action::Ask, Action::Allow]);
    assert_eq!(decision.action, Action::Ask);
}

#[test]
fn the_worst_part_is_the_answer_and_deny_is_the_worse_default() {
    let ask = rules(ALLOW_GIT);
    let deny = rules("default = \"deny\"");
    assert_eq!(answer(std::slice::from_ref(&ask), "git status; ls"), Action::Ask);
    assert_eq!(answer(&[ask.clone(), deny.clone()], "git status; ls"), Action::Deny);
    assert_eq!(answer(&[ask.clone(), deny.clone()], "git status"), Action::Allow);
    assert_eq!(answer(&[ask, deny], "git $x"), Action::Deny);
}

#[test]
fn an_ask_does_not_soften_a_default_for_the_commands_it_is_not_about() {
    let policies = [rules(&format!("default = \"deny\"\n{ASK_PUSH}"))];
    assert_eq!(answer(&policies, "git push"), Action::Ask);
    assert_eq!(answer(&policies, "ls; git push"), Action::Deny);
    assert_eq!(answer(&policies, "git push $x"), Action::Deny);
}

#[test]
fn the_answer_says_what_kept_the_nearest_rule_from_allowing() {
    let policies = [rules(
        "[[rule]]\naction = \"allow\"\ncommand = { program = \"git\", words = [\"status\"], options = [\"-s\"] }",
    )];
    let decision = decide(&policies, &command("git status --output=x")).unwrap();
    let near = "(rule 1 of 'test' comes closest, but the option '--output=x' is not in the rule's list)";
    assert_eq!(
        decision.why,
        format!("No rule mentions 'git status --output=x' {near}, so it is asked about.")
    );
    let decision = decide(&policies, &command("git status; echo $HOME")).unwrap();
    assert_eq!(
        decision.why,
        "It cannot be read from byte 17 on (a variable or a substitution ('$')), so it is asked about."
    );
    assert_eq!(decision.parts.len(), 1);
}

#[test]
fn a_policy_applies_in_its_directories_and_a_restriction_follows_the_session_out() {
    let policies = [policy(&format!("name = \"x\"\ndirectories = [\"~/project\"]\n{ALLOW_GIT}{DENY_PUSH}"))];
    let mut asked = command("git status");
    assert_eq!(decide(&policies, &asked).unwrap().action, Action::Allow);
    asked.cwd = PathBuf::from("/home/u/project/deep");
    assert_eq!(decide(&policies, &asked).unwrap().action, Action::Allow);
    asked.cwd = PathBuf::from("/home/u/project-2");
    assert_eq!(decide(&policies, &asked), None);
    asked.directory = Some(PathBuf::from("/home/u/project"));
    assert_eq!(decide(&policies, &asked).unwrap().action, Action::Ask);
    asked.input = json!({ "command": "git push" });
    assert_eq!(decide(&policies, &asked).unwrap().action, Action::Deny);
}

#[test]
fn conditions_on_directory_session_and_provider_hold_together() {
    let rule = "[[rule]]\naction = \"allow\"\ncommand = { program = \"ls\" }\n";
    for (condition, holds) in [
        ("cwd = \"~/project/**\"", true),
        ("cwd = \"~/other/**\"", false),
        ("session = \"work\"", true),
        ("session = \"w*\"", true),
        ("session = \"other\"", false),
        ("provider = \"claude-code\"", true),
        ("provider = \"codex\"", false),
        ("session = \"work\"\nprovider = \"codex\"", false),
    ] {
        let action = answer(&[rules(&format!("{rule}{condition}"))], "ls");
        assert_eq!(action == Action::Allow, holds, "{condition}");
    }
    let for_session = policy(&format!("name = \"x\"\nsessions = [\"s1\"]\n{rule}"));
    assert_eq!(answer(&[for_session], "ls"), Action::Allow);
}

#[test]
fn tools_are_matched_by_name_and_fields() {
    let policies = [rules(
        r#"
[[rule]]
action = "allow"
tool = "mcp__github__*"
[[rule]]
action = "deny"
tool = ["mcp__github__delete_*"]
[[rule]]
action = "allow"
tool = "WebFetch"
args = { url = ["https://docs.rs/*", "https://docs.rs"] }
[[rule]]
action = "allow"
tool = "Read"
args = { file_path = "./**", limit = ["", "1?"] }
"#,
    )];
    let ask = |tool: &str, input| decide(&policies, &request(tool, input)).unwrap().action;
    assert_eq!(ask("mcp__github__get_issue", json!({})), Action::Allow);
    assert_eq!(ask("mcp__github__delete_repo", json!({})), Action::Deny);
    assert_eq!(ask("mcp__gitlab__get", json!({})), Action::Ask);
    assert_eq!(ask("WebFetch", json!({ "url": "https://docs.rs/serde" })), Action::Allow);
    assert_eq!(ask("WebFetch", json!({ "url": "https://docs.rs.evil.com/" })), Action::Ask);
    assert_eq!(ask("WebFetch", json!({ "url": "https://docs.rs@evil.com/" })), Action::Ask);
    assert_eq!(ask("WebFetch", json!({ "url": ["https://docs.rs", "https://evil.com"] })), Action::Ask);
    assert_eq!(ask("WebFetch", json!({})), Action::Ask);
    assert_eq!(ask("Read", json!({ "file_path": "x" })), Action::Allow);
    assert_eq!(ask("Read", json!({ "file_path": "x", "limit": 15 })), Action::Allow);
    assert_eq!(ask("Read", json!({ "file_path": "x", "limit": 200 })), Action::Ask);
    assert_eq!(ask("Read", json!({ "file_path": "x", "limit": null })), Action::Ask);
    assert_eq!(ask("Read", json!({ "file_path": { "x": "y" } })), Action::Ask);
    assert_eq!(ask("Read", json!("x")), Action::Ask);
}

#[test]
fn the_changed_input_is_what_is_decided_on() {
    let policies = [rules("[[rule]]\naction = \"allow\"\ncommand = { program = \"ls\" }")];
    let mut asked = command("ls");
    assert_eq!(decide(&policies, &asked).unwrap().action, Action::Allow);
    asked.input = json!({ "command": "rm -rf x" });
    assert_eq!(decide(&policies, &asked).unwrap().action, Action::Ask);
}

#[test]
fn more_than_can_be_compared_is_denied_where_something_is_denied() {
    let deny = rules(DENY_PUSH);
    let ask = rules(&format!("{ALLOW_GIT}{ASK_PUSH}"));
    let elsewhere = policy(&format!("name = \"x\"\ndirectories = [\"/srv\"]\n{DENY_PUSH}"));
    let tangled = "x ".repeat(200_000) + "$x";
    assert_eq!(answer(&[deny], &tangled), Action::Deny);
    assert_eq!(answer(&[ask, elsewhere], &tangled), Action::Ask);
}

#[test]
fn a_long_message_or_list_of_files_is_not_too_tangled() {
    let policies = [policy(crate::policy::ready::text("deny-list").unwrap())];
    let message = "* **What** changes, and _why_: `a*b`\n".repeat(300);
    assert_eq!(answer(&policies, &format!("git commit -m \"$(cat <<'EOF'\n{message}EOF\n)\"")), Action::Ask);
    let files: Vec<String> = (0..2000).map(|number| format!("src/dir{number}/file.rs")).collect();
    assert_eq!(answer(&policies, &format!("git add {}", files.join(" "))), Action::Ask);
}

#[test]
fn a_text_that_is_long_and_tangled_is_decided_soon() {
    let policies =
        Policies::new(vec![rules(DENY_PUSH), policy(crate::policy::ready::text("deny-list").unwrap())]);
    for piece in [
        "git ", "'", "\"", "[", "${", "{a,", "\\x41", "$(", "``", "{a,b}", "cd ~/x;", "sudo -", "\\\n", "~/",
        "-a ", "=", "../",
    ] {
        for length in [60 << 10, 250 << 10, 1 << 20] {
            let text = piece.repeat(length / piece.len());
            let begin = Instant::now();
            let decided = policies.decide_with(&command(&text), &|_| Entry::NoLink).unwrap();
            assert_ne!(decided.action, Action::Allow);
            assert!(begin.elapsed().as_secs() < 20, "{piece:?} {length}: {:?}", begin.elapsed());
            println!("{:?} {piece:?} {length} {:?}", begin.elapsed(), decided.action);
        }
    }
}
