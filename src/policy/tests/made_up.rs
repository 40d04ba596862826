//! Whatever can be made up.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use super::super::rule::{Action, CommandText, Policy, Rule, RuleText};
use super::super::{import, loose, path, read, shell, warn, write};
use super::{answer, command, decide, policy, request, rules};

const PIECES: &str = "git¦push¦status¦rm¦-rf¦--force¦ls¦ ¦ ¦ ¦\t¦\n¦;¦&&¦||¦|¦&¦>¦<¦>>¦2>&1¦>/dev/null¦'¦\"¦\\¦$¦`¦(¦)¦{¦}¦[¦]¦*¦?¦~¦!¦#¦^¦=¦\
                      ,¦a¦é¦\u{a0}¦\u{202e}¦\r¦\0¦/¦..¦./¦~/.ssh/id¦$HOME¦${IFS}¦$'\\x72m'¦cd¦cm0gLXJmIHg=¦if¦\u{fffd}¦x*¦-x";

/// Texts with everything that means something somewhere.
fn wild() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(PIECES.split('¦').collect::<Vec<_>>());
    prop_oneof![vec(pieces, 0..30).prop_map(|pieces| pieces.concat()), ".*", any::<String>()]
}

/// Rules over a few words, so that they meet.
fn some_rule() -> impl Strategy<Value = RuleText> {
    let word = || prop::sample::select(vec!["a", "b", "c", "*", "./**", "/x", "d*"]);
    let action = prop::sample::select(vec![Action::Allow, Action::Ask, Action::Deny]);
    let program = prop::sample::select(vec!["p", "q", "git"]);
    let options = vec(prop::sample::select(vec!["-x", "--long", "-v *", "--name=*", "--"]), 0..3);
    let words = proptest::option::of(vec(word(), 0..3));
    let kind = 0..5;
    (action, program, words, options, any::<bool>(), kind).prop_map(
        |(action, program, words, options, open, kind)| {
            let mut rule = RuleText::new(action);
            let mut words: Option<Vec<Vec<String>>> =
                words.map(|words| words.into_iter().map(|word| vec![word.to_owned()]).collect());
            if open {
                words.get_or_insert_default().push(vec!["**".to_owned()]);
            }
            match kind {
                0 if action != Action::Allow => rule.paths = vec!["./secret/**".to_owned()],
                1 => {
                    rule.tool = vec!["Write".to_owned()];
                    rule.args = BTreeMap::from([("file_path".to_owned(), vec!["./**".to_owned()])]);
                }
                2 if action != Action::Allow => rule.tool = vec!["Bash".to_owned()],
                _ => {
                    let options = options.into_iter().map(str::to_owned).collect();
                    rule.command = Some(CommandText { program: vec![program.to_owned()], words, options });
                }
            }
            rule
        },
    )
}

fn some_policies() -> impl Strategy<Value = Vec<Policy>> {
    let policy = (vec(some_rule(), 0..5), 0..3i64, any::<bool>()).prop_map(|(texts, priority, deny)| {
        let mut policy = Policy::new("made-up");
        policy.priority = priority;
        policy.default = if deny { Action::Deny } else { Action::Ask };
        policy.rules = texts.into_iter().filter_map(|text| Rule::new(text, 0).ok()).collect();
        policy
    });
    vec(policy, 1..4)
}

/// Commands over the same words.
fn some_command() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "a", "b", "c", "d1", "./a", "secret/x", "/x", "-x", "--long", "-v", "--name=b", "--", "'a b'", "p",
        "git", "$x", "*",
    ]);
    let program = prop::sample::select(vec!["p", "q", "git", "./p"]);
    let part =
        (program, vec(word, 0..4)).prop_map(|(program, words)| [vec![program], words].concat().join(" "));
    let operator = prop::sample::select(vec!["; ", " && ", " | ", "\n", " & "]);
    (part.clone(), vec((operator, part), 0..3)).prop_map(|(first, more)| {
        more.into_iter().fold(first, |text, (operator, part)| text + operator + &part)
    })
}

/// A policy that allows as much as can be allowed.
fn generous() -> Policy {
    let options = "['-x', '-v *', '--long', '--name=*', '-a', '-b', '+*', '-- **']".replace('\'', "\"");
    rules(&format!(
        "[[rule]]\naction = \"allow\"\ncommand = {{ program = [\"p\", \"q\", \"git\"], words = [\"**\"], options = {options} }}"
    ))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics(text in wild(), bytes in vec(any::<u8>(), 0..200), policies in some_policies()) {
        let lossy = String::from_utf8_lossy(&bytes).into_owned();
        for text in [text, lossy] {
            let script = shell::read(&text);
            if let Some(unreadable) = &script.unreadable {
                prop_assert!(unreadable.at <= text.len());
            }
            decide(&policies, &command(&text));
            decide(&policies, &request("Write", json!({ "file_path": text, "x": [text, { text.clone(): text }] })));
            decide(&policies, &request("apply_patch", json!({ "command": text })));
            decide(&policies, &request(&text, json!(text)));
            decide(&policies, &request("shell", json!({ "command": ["bash", "-lc", text], "workdir": text })));
            decide(&policies, &request("shell", json!({ "command": [text, text] })));
            let _ = read::read(&text);
            let _ = import::claude(&text, "x", None);
            let rules = json!({ "permissions": { "allow": [text, format!("Bash({text})")], "deny": [format!("Read({text})"), format!("Bash({text}:*)")] } });
            let import = import::claude(&rules.to_string(), "x", Some("/p")).unwrap();
            for rule in &import.policy.rules {
                warn::of_rule(rule);
            }
            let _ = import::codex(&text, "x");
            let _ = import::codex(&format!("prefix_rule(pattern = [{text:?}])"), "x");
            let _ = path::PathPattern::new(&text);
            loose::paths_in(&text).for_each(drop);
        }
    }

    #[test]
    fn another_deny_or_ask_never_makes_an_allow(policies in some_policies(), more in some_rule(), text in some_command(), place in any::<prop::sample::Index>(), alone in any::<bool>()) {
        let mut more = more;
        more.action = more.action.max(Action::Ask);
        let Ok(rule) = Rule::new(more, 0) else { return Ok(()) };
        let requests = [command(&text), request("Write", json!({ "file_path": text }))];
        let mut stricter = policies.clone();
        if alone {
            let mut policy = Policy::new("more");
            policy.rules.push(rule);
            stricter.push(policy);
        } else {
            stricter[place.index(policies.len())].rules.push(rule);
        }
        for request in requests {
            let before = decide(&policies, &request).unwrap().action;
            let after = decide(&stricter, &request).unwrap().action;
            prop_assert!(after != Action::Allow || before == Action::Allow, "{before:?} {after:?}");
            prop_assert!(before != Action::Deny || after == Action::Deny || more_is_ask(&stricter, &policies));
        }
    }

    #[test]
    fn a_deny_wins_over_every_allow(policies in some_policies(), words in vec("[a-c]{1,3}", 0..3)) {
        let mut policies = policies;
        policies.push(rules("priority = -9\n[[rule]]\naction = \"deny\"\ncommand = { program = \"q\" }"));
        let text = format!("p a; q {}", words.join(" "));
        prop_assert_eq!(answer(&policies, &text), Action::Deny);
    }

    #[test]
    fn quoting_a_word_differently_changes_nothing(policies in some_policies(), words in vec("[-abcdx./][-abcdx=./]{0,3}", 1..4), quotes in vec(0..4u8, 4)) {
        let plain = format!("p {}", words.join(" "));
        let quoted: Vec<String> = words.iter().zip(&quotes).map(|(word, kind)| match kind {
            0 => word.clone(),
            1 => format!("'{word}'"),
            2 => format!("\"{word}\""),
            _ => format!("{}''\"{}\"", &word[..1], &word[1..]),
        }).collect();
        let quoted = format!("p {}", quoted.join(" "));
        prop_assert_eq!(answer(&policies, &plain), answer(&policies, &quoted), "{} {}", plain, quoted);
    }

    #[test]
    fn a_sign_that_is_not_read_is_never_allowed(
        text in some_command(),
        sign in prop::sample::select(vec!["$", "`", "\\", "(", ")", "{", "}", "*", "?", "[", "]", " ~", "!", "#", "^", "&", ">", "<", " =", "\r", "\0", "\u{a0}", "\u{200b}", "é", "\"", "'"]),
        place in any::<prop::sample::Index>(),
    ) {
        // Outside the one quoted word, and not where it would complete `&&`.
        let places: Vec<usize> = (0..=text.len())
            .filter(|at| text.is_char_boundary(*at) && text[..*at].matches('\'').count() % 2 == 0)
            .filter(|at| sign != "&" || !text[..*at].ends_with('&') && !text[*at..].starts_with('&'))
            .filter(|at| !["'", "\""].contains(&sign) || !text.contains('\'') || *at > 0)
            .collect();
        let at = places[place.index(places.len())];
        let text = format!("{}{sign}{}", &text[..at], &text[at..]);
        prop_assume!(!["'", "\""].contains(&sign) || text.matches(sign).count() % 2 == 1);
        prop_assert_ne!(answer(&[generous()], &text), Action::Allow, "{}", text);
    }

    #[test]
    fn what_is_written_reads_the_same(policies in some_policies()) {
        for policy in policies {
            let text = write::write(&policy);
            let again = read::read(&text).map_err(|mistakes| TestCaseError::fail(format!("{mistakes:?}\n{text}")))?;
            let texts = |policy: &Policy| policy.rules.iter().map(|rule| rule.text.clone()).collect::<Vec<_>>();
            prop_assert_eq!(texts(&policy), texts(&again));
            prop_assert_eq!(write::write(&again), text);
        }
    }

    #[test]
    fn texts_survive_being_written(name in "[ -~]{1,40}", description in any::<String>()) {
        let mut made = Policy::new(&name);
        made.description = description.clone();
        let again = policy(&write::write(&made));
        prop_assert_eq!(again.name, name);
        prop_assert_eq!(again.description.replace('\r', ""), description.replace('\r', ""));
    }
}

/// Whether an ask was added: where the default is deny, an ask may soften it, though never to an allow.
fn more_is_ask(stricter: &[Policy], policies: &[Policy]) -> bool {
    let asks = |policies: &[Policy]| {
        policies
            .iter()
            .flat_map(|policy| &policy.rules)
            .filter(|rule| rule.text.action == Action::Ask)
            .count()
    };
    asks(stricter) > asks(policies)
}
