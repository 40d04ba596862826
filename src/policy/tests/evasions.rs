//! Every line of the collections: never allowed, and denied where it says denied.

use std::fs;

use serde_json::{Value, json};

use super::super::import;
use super::super::input::Request;
use super::super::ready;
use super::super::rule::Action;
use super::{command, decide, policy, request, rules};

fn lines(name: &str) -> Vec<Value> {
    let path = format!("{}/fixtures/policy/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(path).unwrap();
    text.lines().filter(|line| !line.is_empty()).map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The rules that a line speaks of, as a settings file of Claude Code.
fn settings(rule: &str) -> String {
    let (mut allow, mut deny) = (Vec::new(), Vec::new());
    let mut denies = false;
    for piece in rule.split(", ") {
        let piece = match (piece.strip_prefix("allow "), piece.strip_prefix("deny ")) {
            (Some(piece), _) => {
                denies = false;
                piece
            }
            (_, Some(piece)) => {
                denies = true;
                piece
            }
            _ => piece,
        };
        if let Some(end) =
            piece.rfind(')').filter(|_| piece.starts_with(|letter: char| letter.is_ascii_uppercase()))
        {
            let list = if denies { &mut deny } else { &mut allow };
            list.push(piece[..=end].to_owned());
        }
    }
    json!({ "permissions": { "allow": allow, "deny": deny } }).to_string()
}

/// The requests that a line speaks of: some have remarks in parentheses, or tell of two commands.
fn requests(text: &str) -> Vec<Request> {
    if let Some(path) = text.strip_prefix("write ").or_else(|| text.strip_prefix("Edit ")) {
        return vec![request("Edit", json!({ "file_path": format!("{}/{path}", super::CWD) }))];
    }
    if let Some(changed) = text.strip_prefix("updatedInput.command = ") {
        return vec![command(changed.trim_matches('\''))];
    }
    let text = text.replace("<10,001 characters>", &"x".repeat(10_001));
    let text = text.replace("<70,000 characters>", &"x".repeat(70_000));
    let text = text.replace("<300 times>", &"ls; ".repeat(300));
    let remark = ["   (", " (diff.external"].iter().find_map(|start| text.find(start));
    let text = &text[..remark.unwrap_or(text.len())];
    let several =
        text.split("   /   ").flat_map(|text| text.split("  /  ")).flat_map(|text| text.split("  then  "));
    several.map(command).collect()
}

fn check(name: &str) -> usize {
    let lines = lines(name);
    let mut wrong = Vec::new();
    for line in &lines {
        let (text, rule) =
            (line["command"].as_str().unwrap(), line["innocent_looking_rule"].as_str().unwrap());
        if text.starts_with("@.env") {
            continue;
        }
        let policy = match rule.split_once(" { program") {
            Some((action, _)) => {
                let command = rule.strip_prefix(action).unwrap();
                rules(&format!("[[rule]]\naction = \"{action}\"\ncommand = {command}"))
            }
            None => import::claude(&settings(rule), "import", Some("/home/u/project")).unwrap().policy,
        };
        let denied = line["expected"] == "denied";
        for (at, request) in requests(text).iter().enumerate() {
            let decision = decide(std::slice::from_ref(&policy), request).unwrap();
            // What only sets the scene is not what is denied.
            let fine = match decision.action {
                Action::Allow => text.contains("  then  ") && at == 0,
                Action::Ask => !denied,
                Action::Deny => true,
            };
            if !fine {
                wrong.push(format!("{text}  [{rule}]  {:?}: {}", decision.action, decision.why));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    lines.len()
}

#[test]
fn no_recorded_evasion_is_allowed() {
    assert_eq!(check("evasions.jsonl"), 78);
}

#[test]
fn no_evasion_of_our_own_is_allowed() {
    assert!(check("own-evasions.jsonl") >= 78);
}

/// Harmless where there is no rule that they evade. A commit runs hooks; to write a hook is asked about.
const INNOCENT: [&str; 5] = [
    "ls -laR",
    "cat SRC/x",
    "cat .ssh./x",
    "write vendor/pkg/src/x",
    "git commit -m x   (.git/hooks/pre-commit)",
];

#[test]
fn no_evasion_is_allowed_by_a_ready_made_policy() {
    for (name, text) in ready::ALL {
        let policies = [policy(text)];
        for line in lines("evasions.jsonl").into_iter().chain(lines("own-evasions.jsonl")) {
            let text = line["command"].as_str().unwrap();
            // To make an empty file in the project is allowed; it stands for something worse.
            for request in requests(&text.replace("touch PWNED", "evil PWNED")) {
                let decision = decide(&policies, &request);
                let allowed = decision.is_some_and(|decision| decision.action == Action::Allow);
                assert!(!allowed || INNOCENT.contains(&text), "{name}: {text}");
            }
        }
    }
}
