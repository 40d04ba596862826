//! How long a decision under 10,000 rules takes, and how long its record takes to be on the disk.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{anyhow, ensure};
use codepiper::audit::{Audit, NewRecord, Sync};
use codepiper::policy::decide::Policies;
use codepiper::policy::input::Request;
use codepiper::policy::read::read;
use codepiper::policy::rule::Action;
use serde_json::{Value, json};

use crate::bed::Bed;
use crate::report::{Report, Samples, Target, heading, percentiles};
use crate::{Options, Result};

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

fn shell(text: &str) -> (&'static str, Value) {
    ("Bash", json!({ "command": text }))
}

/// What agents ask for, and the answer.
fn requests() -> Vec<(&'static str, (&'static str, Value), Action)> {
    let line =
        "git log --oneline -5 && cargo test -p x --test y 2>&1 | tail -20; rg -n 'fn main' src | head -5";
    let write = json!({ "file_path": "/home/u/project/dir499/x", "content": "x" });
    vec![
        ("git status", shell("git status"), Action::Ask),
        ("a line of five commands", shell(line), Action::Ask),
        ("allowed by one of 500 rules", shell("git w499 -s"), Action::Allow),
        ("denied by one of 500 rules", shell("git -C x x499 y"), Action::Deny),
        ("what cannot be read", shell("for f in src/*.rs; do wc -l \"$f\"; done"), Action::Ask),
        ("words that are paths", shell("tool7 w7 ./src/policy.rs src/lib.rs -n 5"), Action::Allow),
        ("1,000 words", shell(&format!("tool7 w7 {}", "src/lib.rs ".repeat(1000))), Action::Allow),
        ("a file to write", ("Write", write), Action::Allow),
        ("a tool of a server", ("mcp__server4__tool4", json!({ "a": "b" })), Action::Allow),
    ]
}

/// One is decided after the other, as often.
pub fn measure(bed: &Bed, options: &Options, report: &mut Report) -> Result<()> {
    let policy = read(&many_rules()).map_err(|mistakes| anyhow!("{} mistakes", mistakes.len()))?;
    ensure!(policy.rules.len() == 10_000, "{} rules", policy.rules.len());
    let policies = Policies::new(vec![policy]);
    let (mut all, mut each) = (Samples::default(), Vec::new());
    for (name, (tool, input), expected) in requests() {
        let (cwd, home) = (PathBuf::from("/home/u/project"), PathBuf::from("/home/u"));
        let request = Request { tool: tool.to_owned(), input, cwd, home, ..Request::default() };
        let mut samples = Samples::default();
        for _ in 0..options.rounds(500, 100) {
            let begun = Instant::now();
            let decision = policies.decide(&request);
            let elapsed = begun.elapsed();
            let action = decision.map(|decision| decision.action);
            ensure!(action == Some(expected), "{name}: {action:?}");
            samples.push(elapsed);
            all.push(elapsed);
        }
        each.push((name, samples));
    }
    let synced = record(bed, options)?;
    heading("policy");
    let rows: Vec<_> = each.iter().map(|(name, samples)| (*name, samples)).collect();
    percentiles(&rows);
    percentiles(&[("all of them", &all), ("the record of a decision, synced", &synced)]);
    report.ratio("a decision under 10,000 rules, p50, ms", all.median(), Target::AtMost(1.0));
    report.ratio("the record of a decision, synced, p50, ms", synced.median(), Target::AtMost(50.0));
    Ok(())
}

/// One after the other, each on the disk before the next.
fn record(bed: &Bed, options: &Options) -> Result<Samples> {
    let dir = bed.path("audit");
    std::fs::create_dir_all(&dir)?;
    let (audit, _) = Audit::open(&dir)?;
    let data = json!({ "action": "allow", "tool": "Bash", "what": "git w499 -s", "why": "Rule 7 of 'many' allows it." });
    let record =
        NewRecord { kind: "policy.decided".to_owned(), actor: "policy".to_owned(), session: None, data };
    let mut samples = Samples::default();
    for _ in 0..options.rounds(500, 100) {
        let begun = Instant::now();
        audit.append(&record, Sync::Before)?;
        samples.push(begun.elapsed());
    }
    Ok(samples)
}
