//! How long a decision takes. `cargo test --release -- --ignored --nocapture how_long`

use std::fmt::Write;
use std::time::{Duration, Instant};

use serde_json::json;

use super::super::decide::Policies;
use super::super::input::Request;
use super::{command, policy, request};
use crate::policy::ready;

/// Rules of all kinds, a thousand of them about git and a thousand about paths.
fn many_rules() -> String {
    let mut text = "name = \"many\"\n".to_owned();
    let mut add =
        |action: &str, what: String| writeln!(text, "[[rule]]\naction = \"{action}\"\n{what}").unwrap();
    for number in 0..4000 {
        let words = format!(
            "words = [\"w{number}\", \"./**\", \"...\"], options = [\"-a\", \"-n *\", \"--x{number}=*\"]"
        );
        add("allow", format!("command = {{ program = \"tool{}\", {words} }}", number % 800));
    }
    for number in 0..500 {
        add(
            "allow",
            format!("command = {{ program = \"git\", words = [\"w{number}\"], options = [\"-s\"] }}"),
        );
        add("deny", format!("command = {{ program = \"git\", words = [\"x{number}\"] }}"));
        add("deny", format!("paths = \"~/secret{number}/**\""));
        add("allow", format!("tool = \"Write\"\nargs = {{ file_path = \"./dir{number}/**\" }}"));
    }
    for number in 0..2000 {
        add("deny", format!("command = {{ program = \"bad{}\", words = [\"w{number}\"] }}", number % 500));
        let action = ["allow", "ask"][number % 2];
        add(action, format!("tool = \"mcp__server{}__tool{number}\"", number % 50));
    }
    text
}

fn requests() -> Vec<(&'static str, Request)> {
    let long =
        "git log --oneline -5 && cargo test -p x --test y 2>&1 | tail -20; rg -n 'fn main' src | head -5";
    vec![
        ("git status", command("git status")),
        ("a line of five commands", command(long)),
        ("allowed by one of 500 rules", command("git w499 -s")),
        ("denied by one of 500 rules", command("git -C x x499 y")),
        ("unreadable", command("for f in src/*.rs; do wc -l \"$f\"; done")),
        ("with words that are paths", command("tool7 w7 ./src/policy.rs src/lib.rs -n 5")),
        ("1,000 words", command(&format!("tool7 w7 {}", "src/lib.rs ".repeat(1000)))),
        ("Write", request("Write", json!({ "file_path": "/home/u/project/dir499/x", "content": "x" }))),
        ("an MCP tool", request("mcp__server3__tool3", json!({ "a": "b" }))),
    ]
}

fn measure(name: &str, policies: &Policies) {
    let mut all = Vec::new();
    for (kind, request) in requests() {
        let mut times: Vec<Duration> = (0..300)
            .map(|_| {
                let begin = Instant::now();
                std::hint::black_box(policies.decide(&request));
                begin.elapsed()
            })
            .collect();
        times.sort();
        println!("{name}: {kind}: p50 {:?}, p99 {:?}", times[150], times[297]);
        all.extend(times);
    }
    all.sort();
    println!("{name}: all: p50 {:?}, p99 {:?}", all[all.len() / 2], all[all.len() * 99 / 100]);
}

#[test]
#[ignore = "measures; run it in release"]
fn how_long_a_decision_takes() {
    let begin = Instant::now();
    let many = policy(&many_rules());
    println!("reading {} rules: {:?}", many.rules.len(), begin.elapsed());
    let begin = Instant::now();
    let policies = Policies::new(vec![many]);
    println!("indexing them: {:?}", begin.elapsed());
    measure("10,000 rules", &policies);
    let ready = ready::ALL.iter().map(|(_, text)| policy(text)).collect();
    measure("the ready-made policies", &Policies::new(ready));
}
