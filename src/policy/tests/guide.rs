//! The guide says what is so.

use std::fs;

use super::super::rule::Action;
use super::super::{ready, shell};
use super::{answer, policy};

fn guide() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/policies.md")).unwrap()
}

#[test]
fn the_policy_of_the_guide_is_valid() {
    let guide = guide();
    let examples: Vec<&str> =
        guide.split("```toml\n").skip(1).filter_map(|text| text.split("```").next()).collect();
    assert!(!examples.is_empty());
    for example in examples {
        policy(example);
    }
}

#[test]
fn the_guide_names_what_no_rule_can_stop_and_every_ready_made_policy() {
    let guide = guide();
    for words in
        ["mentioned with `@` in a prompt", "hard link", "open(\".env\")", "never complete", "Another user"]
    {
        assert!(guide.contains(words), "{words}");
    }
    for (name, _) in ready::ALL {
        assert!(guide.contains(&format!("| `{name}` |")), "{name}");
    }
}

#[test]
fn the_limits_in_the_guide_are_the_limits() {
    let guide = guide();
    assert!(guide.contains(&format!("{} KiB or {} commands", shell::MAX_TEXT / 1024, shell::MAX_PARTS)));
}

#[test]
fn a_value_that_is_none_leads_no_further_than_the_directory() {
    let careless = policy(
        "name = \"x\"\n[[rule]]\naction = \"allow\"\n\
         command = { program = \"cat\", words = [\"./src/**\", \"...\"], options = [\"-n *\"] }",
    );
    for (text, action) in [
        ("cat -n 5 src/x", Action::Allow),
        ("cat -n x", Action::Allow),
        ("cat -n /etc/passwd", Action::Ask),
        ("cat -n ../x", Action::Ask),
        ("cat -n '~/x'", Action::Ask),
    ] {
        assert_eq!(answer(std::slice::from_ref(&careless), text), action, "{text}");
    }
}
