//! Words that are not what a rule takes them for, and those that are missing.

use std::path::PathBuf;

use serde_json::json;

use super::super::input::Request;
use super::super::rule::Action;
use super::{answer, command, decide, policy, request, rules};
use crate::policy::ready;

fn allow(command: &str) -> [super::Policy; 1] {
    [rules(&format!("[[rule]]\naction = \"allow\"\ncommand = {command}"))]
}

#[test]
fn a_first_word_that_may_be_options_has_to_be_named() {
    let listing = "words = [\"./**\", \"...\"], options = [\"-t\", \"-f ./**\", \"-v\", \"-y\"]";
    for (program, asked, allowed) in [
        ("tar", "tar xf x.tar", "tar -tf x.tar src"),
        ("tar", "tar tIf ./evil.sh x.tar", "tar -t -v -f x.tar"),
        ("gtar", "gtar xf x.tar", "gtar -tvf x.tar"),
        ("bsdtar", "bsdtar xf x.tar", "bsdtar -tf x.tar"),
        ("/usr/bin/tar", "/usr/bin/tar xf x.tar", "/usr/bin/tar -tf x.tar"),
        ("ar", "ar x lib.a", "ar -t lib.a"),
        ("x86_64-linux-gnu-ar", "x86_64-linux-gnu-ar d lib.a a.o", "x86_64-linux-gnu-ar -t lib.a"),
        ("jar", "jar xf a.jar", "jar -tf a.jar"),
        ("7z", "7z x a.7z", "7z -y"),
        ("7z", "7z -y x a.7z", "7z -y"),
        ("unrar", "unrar x a.rar", "unrar -y"),
        ("ps", "ps e", "ps -t"),
    ] {
        let policies = allow(&format!("{{ program = \"{program}\", {listing} }}"));
        assert_eq!(answer(&policies, asked), Action::Ask, "{asked}");
        assert_eq!(answer(&policies, allowed), Action::Allow, "{allowed}");
    }
    for (command, text, action) in [
        ("{ program = \"tar\", words = [\"**\"] }", "tar xf x", Action::Ask),
        ("{ program = \"tar\", words = [\"tf\", \"./**\"] }", "tar tf x.tar", Action::Allow),
        ("{ program = \"tar\", words = [[\"tf\", \"tvf\"], \"./**\"] }", "tar xf x.tar", Action::Ask),
        (
            "{ program = \"7z\", words = [\"l\", \"./**\"], options = [\"-y\"] }",
            "7z l a.7z -y",
            Action::Allow,
        ),
        ("{ program = \"7z\", words = [\"-y\", \"./**\", \"...\"] }", "7z -y x a.7z", Action::Ask),
        ("{ program = \"ps\", words = [\"**\"] }", "ps aux", Action::Allow),
        (
            "{ program = \"git\", words = [\"./**\", \"...\"], options = [\"-p\"] }",
            "git -p push",
            Action::Ask,
        ),
        ("{ program = \"npm\", words = [\"./**\", \"...\"] }", "npm publish", Action::Ask),
        ("{ program = \"make\", words = [\"./**\", \"...\"] }", "make install", Action::Ask),
        ("{ program = \"make\", words = [\"./**\", \"...\"] }", "make build/x.o", Action::Allow),
        ("{ program = \"git\", words = [\"add\", \"./**\"] }", "git add push", Action::Allow),
        ("{ program = \"git\", words = [\"**\"] }", "git push", Action::Allow),
        ("{ program = \"ls\", words = [\"./**\", \"...\"] }", "ls xf", Action::Allow),
    ] {
        assert_eq!(answer(&allow(command), text), action, "{command}: {text}");
    }
}

#[test]
fn without_a_path_a_search_is_about_the_directory_in_which_it_runs() {
    for name in ["read-only", "safe-development"] {
        let policies = [policy(ready::text(name).unwrap())];
        let ask = |cwd: &str, request: Request| {
            decide(&policies, &Request { cwd: PathBuf::from(cwd), ..request }).unwrap().action
        };
        for text in [
            "rg --hidden KEY",
            "rg --files",
            "grep -rn KEY",
            "ls",
            "ls -R",
            "tree -a",
            "find -name x",
            "du -s",
            "git grep KEY",
            "git log -p",
            "git diff",
        ] {
            for cwd in ["/home/u", "/home", "/"] {
                assert_ne!(ask(cwd, command(text)), Action::Allow, "{name} in {cwd}: {text}");
            }
            assert_eq!(ask(super::CWD, command(text)), Action::Allow, "{name}: {text}");
        }
        for (tool, input) in [
            ("Grep", json!({ "pattern": "KEY" })),
            ("Grep", json!({ "pattern": "KEY", "path": "" })),
            ("Glob", json!({ "pattern": "**" })),
            ("LS", json!({})),
        ] {
            for cwd in ["/home/u", "/"] {
                assert_ne!(ask(cwd, request(tool, input.clone())), Action::Allow, "{name}: {tool} {input}");
            }
            assert_eq!(
                ask(super::CWD, request(tool, input.clone())),
                Action::Allow,
                "{name}: {tool} {input}"
            );
        }
        // These read what comes through the pipe.
        for text in ["pwd | head -5", "echo x | cut -d: -f1 | sort | wc -l"] {
            assert_eq!(ask("/home/u", command(text)), Action::Allow, "{name}: {text}");
        }
    }
    let safe = [policy(ready::text("safe-development").unwrap())];
    let add = Request { cwd: PathBuf::from("/home/u"), ..command("git add -A") };
    assert_ne!(decide(&safe, &add).unwrap().action, Action::Allow);
    let below = allow("{ program = [\"rg\", \"cat\"], words = [\"./src/**\", \"...\"] }");
    for (text, action) in [("rg", Action::Ask), ("rg src", Action::Allow), ("cat", Action::Ask)] {
        assert_eq!(answer(&below, text), action, "{text}");
    }
    let cat = allow("{ program = \"cat\", words = [\"./src/**\", \"...\"] }");
    assert_eq!(answer(&cat, "echo x | cat"), Action::Ask);
    assert_eq!(answer(&cat, "cat"), Action::Allow);
}
