//! Files and functions stay short enough to be read at once.

use std::fs;
use std::path::{Path, PathBuf};

const LONGEST_FILE: usize = 400;
const LONGEST_FUNCTION: usize = 60;

/// Tables: what makes them long is the same line again and again.
const TABLES: [&str; 6] = [
    "protocol/src/event/table.rs",
    "protocol/src/tmux/command.rs",
    "protocol/src/wire/session.rs",
    "protocol/src/tmux/command.rs render",
    "protocol/src/wire/typescript.rs types",
    "src/terminal/screen/control.rs control_sequence",
];

/// The Rust files below a directory.
pub fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => sources(&path, found),
            false if path.extension().is_some_and(|extension| extension == "rs") => found.push(path),
            false => {}
        }
    }
}

/// The functions of a file that rustfmt wrote, and how many lines each has.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let Some((before, rest)) = code.split_once("fn ") else { continue };
        let words = ["pub", "pub(super)", "pub(crate)", "const", "async", "unsafe"];
        let begins =
            before.split_whitespace().all(|word| words.contains(&word) || word.starts_with("pub(in"));
        if !begins || code.ends_with(['}', ';']) {
            continue;
        }
        let end = format!("{}}}", &line[..line.len() - code.len()]);
        let length = lines[start..].iter().position(|line| *line == end).map_or(0, |length| length + 1);
        let name = rest.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')).next().unwrap();
        found.push((name.to_owned(), length));
    }
    found
}

#[test]
fn nothing_is_too_long() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut files, mut long, mut tables) = (Vec::new(), Vec::new(), Vec::new());
    sources(&root.join("src"), &mut files);
    sources(&root.join("protocol/src"), &mut files);
    for path in files {
        let file = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        // Cases stand one below the other.
        if file.ends_with("/tests.rs") || file.contains("/tests/") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().count();
        if lines > LONGEST_FILE {
            match TABLES.iter().find(|table| **table == file) {
                Some(table) => tables.push(*table),
                None => long.push(format!("{file} has {lines} lines")),
            }
        }
        for (name, lines) in functions(&text) {
            let function = format!("{file} {name}");
            if lines > LONGEST_FUNCTION {
                match TABLES.iter().find(|table| **table == function) {
                    Some(table) => tables.push(*table),
                    None => long.push(format!("{function} has {lines} lines")),
                }
            }
        }
    }
    assert!(long.is_empty(), "find the two things in each and cut there: {long:#?}");
    let gone: Vec<_> = TABLES.iter().filter(|table| !tables.contains(table)).collect();
    assert!(gone.is_empty(), "these are short now: {gone:?}");
}

#[test]
fn functions_are_counted() {
    let text = "impl A {\n    pub(super) async fn one(\n        &self,\n    ) -> bool\n    where\n        A: B,\n    {\n        if a {\n        }\n    }\n}\n\nfn two() {}\nfn three();\nfn four() {\n}\n";
    assert_eq!(functions(text), [("one".to_owned(), 9), ("four".to_owned(), 2)]);
}
