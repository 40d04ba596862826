//! What is called readable means the same to the shells of this machine.
//!
//! The shells only ever print: the programs are functions, there is no PATH, and the directory is empty.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;

use super::super::shell::{self, Script};

/// Prints its name and its words, each ended by a NUL, and one more NUL, all at once.
const PRELUDE: &str = "\
say() { printf '%s\\0' \"$@\" '' >&9; }
p() { say p \"$@\"; }
q() { say q \"$@\"; }
set -f
exec 9>>\"$OUT\" 2>/dev/null
";

const OFTEN: &str = " ; p ¦ && q ¦ | p ¦\nq ¦ || p ¦ ¦ a¦b-¦ '$x;'¦\"x y\"¦ \"a;b|c\"¦ a2¦ 2>&1¦ >/dev/null¦ 2>/dev/null¦1¦ </dev/null ¦ -x¦\
                      --y=1¦ 'c d'\"e\"f¦\"\\d\"¦\t¦c";
const RARELY: &str = ";¦&&¦|¦||¦\n¦'¦\"¦p¦\\¦$a¦`¦~¦#¦!¦=¦*¦{a,b}¦&¦>¦<¦''¦\"\"¦%¦+¦@¦:¦HEAD~2¦\r¦^¦é¦'é'¦,¦[¦]¦(¦)¦p() { q; }¦if¦a=b¦\
                      \"a\nb\"¦2¦-¦..¦\"\\n\"¦\"\\\\\"¦$'a'";

/// Mostly readable, and with all that is nearly readable.
fn texts() -> impl Strategy<Value = String> {
    let often: Vec<&str> = OFTEN.split('¦').collect();
    let rarely: Vec<&str> = RARELY.split('¦').collect();
    let piece = prop_oneof![20 => prop::sample::select(often), 1 => prop::sample::select(rarely)];
    vec(piece, 1..14).prop_map(|pieces| "p ".to_owned() + &pieces.concat())
}

/// The commands that run if each succeeds, each as its words.
fn expected(script: &Script) -> Vec<Vec<String>> {
    let mut skipped = false;
    let mut run = Vec::new();
    for part in &script.parts {
        // What follows `||` does not run, nor what its output goes to.
        skipped = match part.joined_by {
            Some("|") => skipped,
            Some("||") => true,
            _ => false,
        };
        if !skipped {
            run.push(part.words.iter().map(|word| word.text.clone()).collect());
        }
    }
    run.sort();
    run
}

/// What a shell makes of a text.
fn printed(shell: &str, text: &str) -> Vec<Vec<String>> {
    let (empty, out) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let file = out.path().join("out");
    fs::write(&file, "").unwrap();
    let status = Command::new(shell)
        .args(["-c", &format!("{PRELUDE}{text}")])
        .current_dir(empty.path())
        .env_clear()
        .env("PATH", "/nonexistent")
        .env("OUT", &file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.unwrap();
    assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 0, "{text:?} made a file");
    let bytes = String::from_utf8(fs::read(&file).unwrap()).unwrap();
    let mut run: Vec<Vec<String>> = Vec::new();
    let mut words = Vec::new();
    let mut texts: Vec<&str> = bytes.split('\0').collect();
    texts.pop();
    // An empty text may be a word; the end of a command is one that stands where `p` or `q` follows, or nothing.
    for (at, text) in texts.iter().enumerate() {
        let next = texts.get(at + 1);
        if text.is_empty() && !words.is_empty() && next.is_none_or(|next| matches!(*next, "p" | "q")) {
            run.push(std::mem::take(&mut words));
        } else {
            words.push((*text).to_owned());
        }
    }
    run.sort();
    run
}

fn shells() -> Vec<&'static str> {
    ["/bin/bash", "/usr/bin/bash", "/bin/dash", "/usr/bin/dash", "/bin/zsh", "/usr/bin/zsh"]
        .into_iter()
        .filter(|shell| Path::new(shell).exists())
        .collect()
}

/// Only such texts are given to a shell.
fn is_harmless(script: &Script) -> bool {
    // A word that is empty or a program's name would not be told from the end of a command.
    let plain = |word: &String| !word.is_empty() && word != "p" && word != "q";
    script.unreadable.is_none()
        && script.parts.iter().all(|part| {
            matches!(part.program(), "p" | "q") && part.arguments().iter().all(|word| plain(&word.text))
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_readable_means_the_same_to_every_shell(text in texts()) {
        let script = shell::read(&text);
        if is_harmless(&script) {
            for shell in shells() {
                prop_assert_eq!(printed(shell, &text), expected(&script), "{} {:?}", shell, text);
            }
        }
    }
}

#[test]
fn readable_texts_mean_the_same_to_every_shell() {
    for text in [
        "p a 'b c' \"d e\"",
        "p a'b'\"c\"d; q '$x' \"a;b\" && p 'x\ny' | q z",
        "p 2>&1 a >/dev/null; q b2>/dev/null c",
        "p a || q b | p c\nq d",
        "p a |\n q b &&\n\n p c;",
        "p \"a\\.b\\d\" 'a\\b'",
        "2>/dev/null p a </dev/null b",
        "p HEAD~2 a:b @ % + , --x=y=z",
        "p '2'>/dev/null a",
        "p -2>/dev/null a",
        "p \"tab\there\"",
        "p 'é' \"日本\"",
        "p a=b -c=d",
    ] {
        let script = shell::read(text);
        assert_eq!(script.unreadable, None, "{text}");
        assert!(is_harmless(&script), "{text}");
        for shell in shells() {
            assert_eq!(printed(shell, text), expected(&script), "{shell} {text:?}");
        }
    }
}
