//! Where a command runs, where that is known, and what follows from it.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::super::decide::Policies;
use super::super::input::Request;
use super::super::path::Entry;
use super::super::rule::Action;
use super::{decide, policy, request, rules};
use crate::policy::ready;

/// Codex's hooks: the command, and the directory of the turn.
fn anywhere(input: Value) -> Request {
    let started = Some(PathBuf::from(super::CWD));
    Request { may_run_elsewhere: true, directory: started, ..request("Bash", input) }
}

#[test]
fn an_allow_that_depends_on_a_directory_nobody_told_does_not_hold() {
    let policies = [policy(ready::text("safe-development").unwrap())];
    for (text, action) in [
        ("touch evil", Action::Ask),
        ("cat hostname", Action::Ask),
        ("cat ./hostname", Action::Ask),
        ("ls", Action::Ask),
        ("ls -R", Action::Ask),
        ("git status", Action::Ask),
        ("git commit -m x", Action::Ask),
        ("make", Action::Ask),
        ("cargo test", Action::Ask),
        ("npm test", Action::Ask),
        ("python -m pytest", Action::Ask),
        ("go vet ./...", Action::Ask),
        ("rg x", Action::Ask),
        ("grep -r /home/u/project/x", Action::Ask),
        ("find . -name x", Action::Ask),
        ("cargo --version", Action::Ask),
        ("cat /home/u/project/x y", Action::Ask),
        ("cat /etc/hostname", Action::Ask),
        ("head -n 5 /home/u/project/x", Action::Ask),
        ("touch /home/u/project/../evil", Action::Ask),
        ("echo done; ls", Action::Ask),
        ("echo done", Action::Allow),
        ("date && pwd", Action::Allow),
        ("touch /home/u/project/x", Action::Allow),
        ("cat -n /home/u/project/src/x | head /home/u/project/y", Action::Allow),
        ("rg -n x /home/u/project/src", Action::Allow),
    ] {
        let decision = decide(&policies, &anywhere(json!({ "command": text }))).unwrap();
        assert_eq!(decision.action, action, "{text}: {}", decision.why);
        let told = decision.why.contains("the agent does not say in which directory this runs");
        let inside = decide(&policies, &request("Bash", json!({ "command": text }))).unwrap().action;
        assert_eq!(told, action == Action::Ask && inside == Action::Allow, "{text}: {}", decision.why);
    }
}

#[test]
fn conditions_on_a_directory_hold_only_where_it_is_known() {
    let ls = "[[rule]]\naction = \"allow\"\ncommand = { program = \"ls\" }\n";
    let make = "[[rule]]\naction = \"allow\"\ncommand = { program = \"make\" }\n";
    for text in [
        format!("name = \"x\"\n{ls}cwd = \"~/project/**\""),
        format!("name = \"x\"\ndirectories = [\"~/project\"]\n{ls}"),
        format!("name = \"x\"\n{ls}{make}"),
        "name = \"x\"\n[[rule]]\naction = \"allow\"\ncommand = { program = \"ls\", words = [\"/srv/**\", \"...\"] }".to_owned(),
        "name = \"x\"\n[[rule]]\naction = \"allow\"\ncommand = { program = \"ls\", words = [\"src\"] }".to_owned(),
    ] {
        let policies = [policy(&text)];
        for command in ["ls", "make", "ls src"] {
            let decision = decide(&policies, &anywhere(json!({ "command": command }))).unwrap();
            assert_eq!(decision.action, Action::Ask, "{text}: {command}");
        }
    }
    // What the input says counts.
    let policies = [rules(&format!("{ls}cwd = \"~/project/**\""))];
    let told =
        decide(&policies, &anywhere(json!({ "command": "ls", "workdir": "/home/u/project" }))).unwrap();
    assert_eq!(told.action, Action::Allow, "{}", told.why);
    let deny = [rules("[[rule]]\naction = \"deny\"\ncommand = { program = \"ls\" }\ncwd = \"/srv/**\"")];
    assert_eq!(decide(&deny, &anywhere(json!({ "command": "ls" }))).unwrap().action, Action::Deny);
}

#[test]
fn a_deny_holds_where_the_directory_is_unknown() {
    let policies = [policy(ready::text("deny-list").unwrap()), policy(ready::text("read-only").unwrap())];
    for text in ["rm -rf x", "cat .ssh/id_ed25519", "cat ~/.netrc", "cat .env", "cat home/u/.ssh/id"] {
        assert_eq!(
            decide(&policies, &anywhere(json!({ "command": text }))).unwrap().action,
            Action::Deny,
            "{text}"
        );
    }
}

#[test]
fn the_files_of_a_patch_begin_in_a_directory_too() {
    let policies = [policy(ready::text("safe-development").unwrap())];
    let patch = |file: &str| json!({ "command": format!("*** Begin Patch\n*** Add File: {file}\n+x\n*** End Patch") });
    let ask = |input| {
        let asked = Request { tool: "apply_patch".to_owned(), ..anywhere(input) };
        decide(&policies, &asked).unwrap()
    };
    let relative = ask(patch("w.txt"));
    assert_eq!(relative.action, Action::Ask);
    assert!(relative.why.contains("does not say in which directory"), "{}", relative.why);
    assert_eq!(ask(patch("/home/u/project/w.txt")).action, Action::Allow);
    assert_eq!(ask(patch("/home/u/w.txt")).action, Action::Ask);
    let text =
        [rules("[[rule]]\naction = \"allow\"\ntool = \"apply_patch\"\nargs = { file_path = \"src/*\" }")];
    let asked = Request { tool: "apply_patch".to_owned(), ..anywhere(patch("src/x")) };
    assert_eq!(decide(&text, &asked).unwrap().action, Action::Ask);
    let glob = [rules("[[rule]]\naction = \"allow\"\ntool = \"Grep\"\nargs = { path = [\"\", \"./**\"] }")];
    let asked = Request { tool: "Grep".to_owned(), ..anywhere(json!({ "pattern": "x" })) };
    assert_eq!(decide(&glob, &asked).unwrap().action, Action::Ask);
}

#[test]
fn a_directory_in_the_input_does_not_move_the_project() {
    let policies = [policy(ready::text("safe-development").unwrap())];
    for (text, workdir, action) in [
        ("cat passwd", "/etc", Action::Ask),
        ("make", "/tmp/evil", Action::Ask),
        ("make", "..", Action::Ask),
        ("make", "../project-2", Action::Ask),
        ("make", "sub/../..", Action::Ask),
        ("make", "~", Action::Ask),
        ("cargo test", "link", Action::Ask),
        ("touch evil", "link", Action::Ask),
        ("touch evil", "/home/u/project/link/deep", Action::Ask),
        ("git status", "/", Action::Ask),
        ("cat ../../x", "sub", Action::Ask),
        ("make", ".", Action::Allow),
        ("make", "sub", Action::Allow),
        ("make", "/home/u/project/sub", Action::Allow),
        ("cat ../x", "sub", Action::Allow),
        ("cat x", "sub", Action::Allow),
        ("echo x", "/tmp", Action::Allow),
        ("cat /home/u/project/x", "/tmp", Action::Allow),
    ] {
        let look = |path: &str| match path {
            "/home/u/project/link" => Entry::LinkTo("/tmp/evil".to_owned()),
            _ => Entry::NoLink,
        };
        for (tool, field) in [("exec_command", "cmd"), ("shell", "command")] {
            let asked = request(tool, json!({ field: text, "workdir": workdir }));
            let decision = Policies::new(policies.to_vec()).decide_with(&asked, &look).unwrap();
            assert_eq!(decision.action, action, "{text} in {workdir}: {}", decision.why);
        }
    }
    let asked = request("shell", json!({ "command": "make", "workdir": "/tmp" }));
    let why = decide(&policies, &asked).unwrap().why;
    assert!(why.contains("this runs outside the session's directory"), "{why}");
    let patch = "*** Begin Patch\n*** Add File: w.txt\n+x\n*** End Patch";
    let asked = request("apply_patch", json!({ "command": patch, "workdir": "/tmp" }));
    assert_eq!(decide(&policies, &asked).unwrap().action, Action::Ask);
}

#[test]
fn an_agent_that_has_left_its_directory_does_not_take_the_project_along() {
    let policies = [policy(ready::text("safe-development").unwrap())];
    let ask = |cwd: &str, text: &str| {
        let asked = request("Bash", json!({ "command": text }));
        let directory = Some(PathBuf::from(super::CWD));
        decide(&policies, &Request { cwd: PathBuf::from(cwd), directory, ..asked }).unwrap().action
    };
    assert_eq!(ask("/etc", "cat passwd"), Action::Ask);
    assert_eq!(ask("/tmp/evil", "make"), Action::Ask);
    assert_eq!(ask("/tmp/evil", "echo x"), Action::Allow);
    assert_eq!(ask("/home/u/project/sub", "make"), Action::Allow);
    // A rule that names the directory holds there.
    let named = [rules("[[rule]]\naction = \"allow\"\ncommand = { program = \"make\" }\ncwd = \"/srv/**\"")];
    let asked = request("Bash", json!({ "command": "make" }));
    let asked = Request { cwd: "/srv/x".into(), directory: Some("/home/u/project".into()), ..asked };
    assert_eq!(decide(&named, &asked).unwrap().action, Action::Allow);
    // What is denied in the project is denied there from everywhere.
    let deny = [rules("[[rule]]\naction = \"deny\"\npaths = \"./secret/**\"")];
    for (cwd, text) in [("/home/u/project/sub", "cat ../secret/x"), ("/tmp", "cat /home/u/project/secret/x")]
    {
        let asked = request("Bash", json!({ "command": text }));
        let directory = Some(PathBuf::from(super::CWD));
        let asked = Request { cwd: PathBuf::from(cwd), directory, ..asked };
        assert_eq!(decide(&deny, &asked).unwrap().action, Action::Deny, "{text}");
    }
}
