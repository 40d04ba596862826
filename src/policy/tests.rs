//! What policies allow and deny: real evasions, an ordinary day, and whatever can be made up.

mod directories;
mod disguises;
mod evasions;
mod forms;
mod guide;
mod harmless;
mod imports;
mod inputs;
mod long;
mod looking;
mod made_up;
mod names;
mod native;
mod order;
mod ordinary;
mod paths;
mod reader;
mod shells;
mod words;
mod written;

use std::path::PathBuf;

use serde_json::json;

use super::decide::{Decision, Policies};
use super::input::Request;
use super::path::Entry;
use super::read::read;
use super::ready;
use super::rule::{Action, Policy};

pub const CWD: &str = "/home/u/project";
pub const HOME: &str = "/home/u";

/// Reads a policy that has to be valid.
pub fn policy(text: &str) -> Policy {
    read(text).unwrap_or_else(|mistakes| {
        let told: Vec<String> = mistakes.iter().map(|mistake| mistake.in_file("policy.toml")).collect();
        panic!("{}", told.join("\n"))
    })
}

/// A policy with the given rules.
pub fn rules(text: &str) -> Policy {
    policy(&format!("name = \"test\"\n{text}"))
}

pub fn request(tool: &str, input: serde_json::Value) -> Request {
    let session = vec!["s1".to_owned(), "work".to_owned()];
    let provider = "claude-code".to_owned();
    let (cwd, home) = (PathBuf::from(CWD), PathBuf::from(HOME));
    Request { tool: tool.to_owned(), input, cwd, home, session, provider, ..Request::default() }
}

pub fn command(text: &str) -> Request {
    request("Bash", json!({ "command": text }))
}

/// Decides on a disk without links.
pub fn decide(policies: &[Policy], request: &Request) -> Option<Decision> {
    Policies::new(policies.to_vec()).decide_with(request, &|_| Entry::NoLink)
}

pub fn answer(policies: &[Policy], text: &str) -> Action {
    decide(policies, &command(text)).expect("a policy applies").action
}

#[test]
fn the_ready_made_policies_are_valid() {
    for (name, text) in ready::ALL {
        assert_eq!(policy(text).name, name);
    }
}
