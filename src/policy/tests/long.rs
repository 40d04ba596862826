//! Commands with many words.

use proptest::prelude::*;
use serde_json::json;

use super::super::rule::Action;
use super::{answer, decide, policy, request, rules};
use crate::policy::ready;

#[test]
fn a_deny_looks_at_every_word() {
    let deny_list = [policy(ready::text("deny-list").unwrap())];
    let echo = [rules(
        "[[rule]]\naction = \"deny\"\ncommand = { program = \"echo\", words = [\"**\", \"secret\"] }\n\
        [[rule]]\naction = \"allow\"\ncommand = { program = [\"rm\", \"echo\"], words = [\"**\"], options = [\"-rf\"] }",
    )];
    let push = [rules(
        "[[rule]]\naction = \"deny\"\ncommand = { program = \"git\", words = [\"push\"], options = [\"--force\"] }\n\
        [[rule]]\naction = \"allow\"\ncommand = { program = \"git\", words = [\"**\"], options = [\"--force\"] }",
    )];
    for many in [300, 1000, 4000] {
        let words: Vec<String> = (0..many).map(|number| format!("a{number}")).collect();
        let words = words.join(" ");
        assert_eq!(answer(&deny_list, &format!("rm {words} -rf")), Action::Deny, "{many}");
        assert_eq!(answer(&deny_list, &format!("rm -r {words} -f")), Action::Deny, "{many}");
        assert_eq!(answer(&echo, &format!("echo {words} secret")), Action::Deny, "{many}");
        assert_eq!(answer(&echo, &format!("echo {words} public")), Action::Allow, "{many}");
        assert_eq!(answer(&push, &format!("git push {words} --force")), Action::Deny, "{many}");
        let list: Vec<&str> = ["rm"].into_iter().chain(words.split(' ')).chain(["-rf"]).collect();
        let listed = request("shell", json!({ "command": list }));
        assert_eq!(decide(&deny_list, &listed).unwrap().action, Action::Deny, "{many}");
    }
    // More than is read.
    assert_eq!(answer(&echo, &format!("echo {} secret", "a ".repeat(5000))), Action::Deny);
}

#[test]
fn a_deny_looks_at_every_path_and_every_directory() {
    let policies = [policy(ready::text("deny-list").unwrap())];
    for text in [
        format!("tool --files={}~/.netrc", "x,".repeat(40)),
        format!("{}cd ~/.docker; cat config.json", "cd a; cd ..; ".repeat(6)),
        format!("{} cd ~; cat .netrc", (0..12).map(|n| format!("cd d{n};")).collect::<Vec<_>>().join(" ")),
    ] {
        assert_eq!(answer(&policies, &text), Action::Deny, "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn words_that_are_added_never_turn_a_deny_into_an_allow(
        base in prop::sample::select(vec!["p secret", "p x -rf", "p -r x -f", "q push --force", "p ./secret/x"]),
        word in prop::sample::select(vec!["a", "-v", "p", "q", "-", "--", "./x", "a,b=c:d", "secre", "'a b'"]),
        many in prop::sample::select(vec![1usize, 200, 257, 300, 1000, 3000]),
        at in any::<prop::sample::Index>(),
    ) {
        let policies = [rules("[[rule]]\naction = \"deny\"\ncommand = { program = \"p\", words = [\"**\", \"secret\"] }\n\
            [[rule]]\naction = \"deny\"\ncommand = { program = \"p\", options = [\"-rf\"] }\n\
            [[rule]]\naction = \"deny\"\ncommand = { program = \"q\", words = [\"**\", \"push\"], options = [\"--force\"] }\n\
            [[rule]]\naction = \"deny\"\npaths = \"./secret/**\"\n\
            [[rule]]\naction = \"allow\"\ncommand = { program = [\"p\", \"q\"], words = [\"**\"], options = [\"-r\", \"-f\", \"-v\", \"--force\", \"-- **\"] }")];
        prop_assert_eq!(answer(&policies, base), Action::Deny);
        let mut words: Vec<String> = base.split(' ').map(str::to_owned).collect();
        // Behind the program.
        let place = 1 + at.index(words.len());
        words.splice(place..place, std::iter::repeat_n(word.to_owned(), many));
        let text = words.join(" ");
        prop_assert_ne!(answer(&policies, &text), Action::Allow, "{} × {} in {}", many, word, base);
    }
}
