//! Below the command line, nothing names its commands and flags: problems carry their next step as data
//! (`protocol::wire::problem::Next`), and each client has its own words for it.

use std::fs;
use std::path::Path;

use regex::Regex;

use crate::sizes::sources;

/// Texts about the flags of other programs, and one that is a prompt for an agent, whose client is a shell.
const ALLOWED: [&str; 4] = [
    "continues the conversation (claude --resume)",
    "`--version` ended with {status}",
    "`--version` timed out",
    "Please address these review comments on your changes. When one is done, run `codepiper review address {} NUMBER`.\\n",
];

/// The texts of a file's string literals, without its tests and comments; line continuations are joined.
fn literals(source: &str) -> Vec<String> {
    let code = source.split("\n#[cfg(test)]\nmod tests").next().unwrap();
    let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).fold(
        String::new(),
        |mut code, line| {
            code.push_str(line);
            code.push('\n');
            code
        },
    );
    let literal =
        Regex::new(r###"r##"(?s:.)*?"##|r#"(?s:.)*?"#|r"[^"]*"|'(?:\\.|[^'\\])'|"((?:\\(?s:.)|[^"\\])*)""###)
            .unwrap();
    let continued = Regex::new(r"\\\n\s*").unwrap();
    let texts = literal.captures_iter(&code).filter_map(|found| found.get(1));
    texts.map(|text| continued.replace_all(text.as_str(), "").into_owned()).collect()
}

#[test]
fn only_the_command_line_names_its_commands_and_flags() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cli = root.join("src/cli");
    let mut files = Vec::new();
    for dir in ["src", "protocol/src"] {
        sources(&root.join(dir), &mut files);
    }
    let verbs: Vec<String> = files
        .iter()
        .filter(|file| file.parent() == Some(cli.as_path()))
        .map(|file| file.file_stem().unwrap().to_str().unwrap().replace('_', "-"))
        .collect();
    assert!(verbs.iter().any(|verb| verb == "resume") && verbs.len() > 20, "{verbs:?}");
    let command = Regex::new(&format!(r"codepiper ({})\b", verbs.join("|"))).unwrap();
    let flag = Regex::new(r"(^|[\s`(])--[a-z]").unwrap();
    let below = files.iter().filter(|file| {
        let tests = file.file_name().is_some_and(|name| name == "tests.rs" || name == "typescript.rs");
        let tests = tests || file.components().any(|part| part.as_os_str() == "tests");
        // Rules speak of the flags of other programs.
        let rules = file.starts_with(root.join("src/policy"));
        !file.starts_with(&cli) && **file != root.join("src/cli.rs") && !tests && !rules
    });
    let (mut seen, mut found) = (0, Vec::new());
    for file in below {
        for text in literals(&fs::read_to_string(file).unwrap()) {
            seen += 1;
            let names = command.is_match(&text) || flag.is_match(&text) && text.contains(' ');
            if names && !ALLOWED.contains(&text.as_str()) {
                found.push(format!("{}: {text}", file.strip_prefix(root).unwrap().display()));
            }
        }
    }
    assert!(seen > 1000, "{seen}");
    assert!(found.is_empty(), "make a step of `Next` of each:\n{}", found.join("\n"));
}

#[test]
fn literals_are_found() {
    let source = "// \"no\"\nlet a = ['\"', 'x']; f(\"one \\\n    two\", \"a \\\" b\");\n#[cfg(test)]\nmod tests { \"no\" }";
    assert_eq!(literals(source), ["one two", "a \\\" b"]);
}
