//! Other names for a path or an address, in what a tool is given.

use serde_json::json;

use super::super::import;
use super::super::rule::{Action, Policy};
use super::{answer, decide, policy, request, rules};
use crate::policy::decide::Policies;
use crate::policy::path::Entry;
use crate::policy::ready;

fn ready_made() -> [Policy; 2] {
    ["read-only", "safe-development"].map(|name| policy(ready::text(name).unwrap()))
}

fn of(policy: &Policy, tool: &str, input: serde_json::Value) -> Action {
    decide(std::slice::from_ref(policy), &request(tool, input)).unwrap().action
}

#[test]
fn blanks_around_a_path_do_not_lead_out_of_the_project() {
    for policy in ready_made() {
        for path in [
            " ~/.ssh",
            "\u{a0}/etc",
            "\u{feff}~/.bashrc",
            ".. ",
            "src/.. ",
            "\t/etc",
            "\u{3000}/etc",
            "/etc\n",
            "\u{2028}..",
            "src ",
            " ",
            "\u{85}src",
        ] {
            assert_ne!(
                of(&policy, "Grep", json!({ "pattern": "x", "path": path })),
                Action::Allow,
                "{path:?}"
            );
            assert_ne!(
                of(&policy, "Glob", json!({ "pattern": "*", "path": path })),
                Action::Allow,
                "{path:?}"
            );
            assert_ne!(of(&policy, "Read", json!({ "file_path": path })), Action::Allow, "{path:?}");
            assert_ne!(
                of(&policy, "Write", json!({ "file_path": path, "content": "x" })),
                Action::Allow,
                "{path:?}"
            );
        }
        assert_ne!(of(&policy, "Glob", json!({ "pattern": " /etc/*" })), Action::Allow);
        assert_eq!(of(&policy, "Grep", json!({ "pattern": " x ", "path": "src" })), Action::Allow);
    }
    // Whatever the pattern of the rule.
    let careless = rules("[[rule]]\naction = \"allow\"\ntool = \"Read\"\nargs = { file_path = \"*\" }");
    assert_eq!(of(&careless, "Read", json!({ "file_path": "x" })), Action::Allow);
    assert_eq!(of(&careless, "Read", json!({ "file_path": " ~/x" })), Action::Ask);
}

#[test]
fn a_deny_finds_a_path_in_the_forms_that_tools_give_it() {
    let deny = rules(
        "[[rule]]\naction = \"allow\"\ntool = [\"Read\", \"mcp__*\"]\n\
         [[rule]]\naction = \"deny\"\npaths = [\"~/.ssh/**\", \"./café/**\", \"~/.config/gh/hosts.yml\"]",
    );
    let long = format!("/{}home/u/.ssh/id", "./".repeat(2500));
    let padded = format!("{}~/.ssh/id", " ".repeat(100_000));
    let through = format!("{}/home/u/.ssh/id", "/x/..".repeat(1500));
    for path in [
        " ~/.ssh/id",
        "/home/u/.ssh/id\u{feff}",
        "cafe\u{301}/x",
        &long,
        &through,
        &padded,
        "/home/u//.ssh/./id",
        "file:///home/u/.ssh/id",
        "file://localhost/home/u/.ssh/id",
        "FILE:/home/u/%2essh/id",
        "file%3A///home/u/.ssh",
        "vscode://x/home/u/.ssh",
    ] {
        assert_eq!(of(&deny, "Read", json!({ "file_path": path })), Action::Deny, "{path:?}");
        assert_eq!(of(&deny, "mcp__fs__read", json!({ "uri": path })), Action::Deny, "{path:?}");
    }
    for input in [
        json!({ "files": { "/home/u/.ssh/id": 1 } }),
        json!({ "dir": "/home/u", "name": ".ssh/id" }),
        json!({ "root": "file:///home/u", "entries": [{ "name": ".ssh" }] }),
        json!({ "dir": "..", "name": ".ssh/id" }),
        json!({ "command": "cat ~/.ssh/id" }),
        json!({ "script": "cd ~; cat .ssh/id" }),
        json!({ "uri": "file:///home/u/.ssh/id?x" }),
        json!({ "path": "$HOME/.ssh/id" }),
        json!({ "root": "/home/u", "dir": ".config/gh", "name": "hosts.yml" }),
        json!({ "edits": [{ "at": { "path": " ~/.ssh/id" } }] }),
    ] {
        assert_eq!(of(&deny, "mcp__fs__read", input.clone()), Action::Deny, "{input}");
    }
    let never = format!("/{}", "long/".repeat(2000));
    assert_eq!(of(&deny, "Read", json!({ "file_path": never })), Action::Deny);
    for input in [
        json!({ "dir": "/home/u", "name": "notes" }),
        json!({ "body": "words, and more words: ".repeat(1000) }),
        json!({ "body": "See `src/a/b.rs` and (docs/x.md): https://x.y/z.\n".repeat(400) }),
        json!({ "data": "{\"path\":\"a/b\",\"n\":1}".repeat(400) }),
        json!({ "uri": format!("https://example.com/?q={}", "a%2F".repeat(3000)) }),
        json!({ "uri": "https://example.com/home/u/.ssh" }),
    ] {
        assert_eq!(of(&deny, "mcp__fs__read", input.clone()), Action::Allow, "{input}");
    }
    let by_field = rules(
        "[[rule]]\naction = \"deny\"\ntool = \"Read\"\nargs = { file_path = [\"*.env\", \"~/.ssh/**\"] }",
    );
    for path in ["x/.env ", " ~/.ssh/id", long.as_str(), "%2eenv"] {
        assert_eq!(of(&by_field, "Read", json!({ "file_path": path })), Action::Deny, "{path:?}");
    }
    let allow = rules("[[rule]]\naction = \"allow\"\ntool = \"mcp__fs__read\"\nargs = { uri = \"./**\" }");
    for (uri, action) in [
        ("src/x", Action::Allow),
        ("file:///etc/passwd", Action::Ask),
        ("file:/etc/passwd", Action::Ask),
        ("%2e%2e/%2e%2e/x", Action::Ask),
        ("file:///home/u/project/x", Action::Allow),
    ] {
        assert_eq!(of(&allow, "mcp__fs__read", json!({ "uri": uri })), action, "{uri}");
    }
}

#[test]
fn a_parent_behind_a_link_is_allowed_only_where_all_readings_agree() {
    let look = |path: &str| match path {
        "/home/u/project/node_modules/foo" => Entry::LinkTo("/srv/store/foo".to_owned()),
        "/home/u/project/keys" => Entry::LinkTo("/home/u/.ssh".to_owned()),
        _ => Entry::NoLink,
    };
    let decided = |policy: &Policy, tool: &str, input| {
        Policies::new(vec![policy.clone()]).decide_with(&request(tool, input), &look).unwrap().action
    };
    let cat = "[[rule]]\naction = \"allow\"\ncommand = { program = \"cat\", words = [\"./**\"], options = [\"-f ./**\"] }\n";
    let safe = rules(&format!(
        "{cat}[[rule]]\naction = \"allow\"\ntool = \"Read\"\nargs = {{ file_path = \"./**\" }}"
    ));
    let wide = rules("[[rule]]\naction = \"allow\"\ntool = \"Read\"\nargs = { file_path = \"/srv/**\" }");
    for (path, action) in [
        ("node_modules/foo/../x", Action::Ask),
        ("node_modules/foo/../../../h/token.json", Action::Ask),
        ("/home/u/project/node_modules/foo/../../../../x", Action::Ask),
        ("src/../x", Action::Allow),
        ("src/a/../../src/x", Action::Allow),
    ] {
        assert_eq!(decided(&safe, "Read", json!({ "file_path": path })), action, "{path}");
        assert_eq!(decided(&safe, "Bash", json!({ "command": format!("cat {path}") })), action, "{path}");
        assert_eq!(
            decided(&safe, "Bash", json!({ "command": format!("cat -f {path} y") })),
            action,
            "{path}"
        );
    }
    // To the system it leads to /srv/store/x, to a program that shortens it first, to the project.
    assert_eq!(decided(&wide, "Read", json!({ "file_path": "node_modules/foo/../x" })), Action::Ask);
    let make = rules("[[rule]]\naction = \"allow\"\ncommand = { program = \"make\" }");
    let input = json!({ "command": "make", "workdir": "node_modules/foo/.." });
    assert_eq!(decided(&make, "shell", input), Action::Ask);
    let deny = rules("[[rule]]\naction = \"deny\"\npaths = \"~/.ssh/**\"");
    for path in ["node_modules/foo/../../keys/id", "node_modules/foo/../../../.ssh/id"] {
        assert_eq!(decided(&deny, "Read", json!({ "file_path": path })), Action::Deny, "{path}");
        assert_eq!(
            decided(&deny, "Bash", json!({ "command": format!("cat {path}") })),
            Action::Deny,
            "{path}"
        );
    }
}

#[test]
fn a_pattern_that_names_a_denied_file_is_denied_and_a_search_is_not() {
    let policies = ready_made();
    for (tool, input, denied) in [
        ("Grep", json!({ "pattern": "KEY", "glob": ".env" }), true),
        ("Grep", json!({ "pattern": "KEY", "glob": ".en?" }), true),
        ("Grep", json!({ "pattern": "KEY", "glob": "{.env,x}" }), true),
        ("Grep", json!({ "pattern": "KEY", "glob": "**/.e[n]v" }), true),
        ("Grep", json!({ "pattern": "KEY", "glob": "*.rs .en*" }), true),
        ("Grep", json!({ "pattern": "KEY", "glob": "secre*/**" }), true),
        ("Grep", json!({ "pattern": "KEY", "path": "deploy", "glob": "secret?/*" }), true),
        ("Grep", json!({ "pattern": "KEY", "path": "deploy", "glob": "*.pe[m]" }), true),
        ("Glob", json!({ "pattern": "**/id_rs?" }), true),
        ("Glob", json!({ "pattern": "deploy/{a,.env}" }), true),
        ("Grep", json!({ "pattern": ".env", "glob": "*.rs" }), false),
        ("Grep", json!({ "pattern": "x", "glob": "**/*.{ts,tsx}" }), false),
        ("Grep", json!({ "pattern": "x", "glob": "*.json" }), false),
        ("Grep", json!({ "pattern": "x", "glob": "src/**" }), false),
        ("Glob", json!({ "pattern": "**/*" }), false),
        ("Glob", json!({ "pattern": "src/**/*.md" }), false),
    ] {
        for policy in &policies {
            let action = of(policy, tool, input.clone());
            assert_eq!(action == Action::Allow, !denied, "{tool} {input}: {action:?}");
        }
    }
    let many = json!({ "pattern": "KEY", "glob": format!("{{{}.env}}", "a,".repeat(300)) });
    assert_ne!(of(&policies[0], "Grep", many), Action::Allow);
    let home = rules(
        "[[rule]]\naction = \"allow\"\ntool = \"Grep\"\n[[rule]]\naction = \"deny\"\npaths = \"~/.ssh/**\"",
    );
    for (glob, action) in [(".ssh/*", Action::Deny), (".ss*/*", Action::Deny), ("*.rs", Action::Allow)] {
        let input = json!({ "pattern": ".", "path": "/home/u", "glob": glob });
        assert_eq!(of(&home, "Grep", input), action, "{glob}");
    }
}

#[test]
fn a_pathspec_of_git_is_a_path() {
    let policies = [rules(
        "[[rule]]\naction = \"allow\"\ncommand = { program = [\"git\", \"find\", \"rg\"], words = [\"**\"], options = [\"-name *\", \"-g *\"] }\n\
         [[rule]]\naction = \"deny\"\npaths = [\"./secrets/**\", \"./**/*.pem\", \"/home/u/keys/**\"]",
    )];
    for (text, action) in [
        ("git diff 'secret?/a'", Action::Deny),
        ("git diff ':/secrets/a'", Action::Deny),
        ("git diff ':(top)secrets/a'", Action::Deny),
        ("git diff ':(top,icase)SECRETS/a'", Action::Deny),
        ("git diff ':(glob)secret[s]/a'", Action::Deny),
        ("git diff ':/keys/a'", Action::Deny),
        ("git log 'secret*'", Action::Deny),
        ("git log -- 'secre*a'", Action::Deny),
        ("git diff x ':!secrets/a'", Action::Deny),
        ("git show HEAD:secrets/a", Action::Deny),
        ("find . -name '*.pe?'", Action::Deny),
        ("find . -name '*.rs'", Action::Allow),
        ("rg -g '*.{ts,tsx}' x", Action::Allow),
        ("rg 'fn .*(secret)?' src", Action::Allow),
        ("git add '*.rs'", Action::Allow),
        ("git diff ':/src/a'", Action::Allow),
    ] {
        assert_eq!(answer(&policies, text), action, "{text}");
    }
}

#[test]
fn a_domain_is_denied_in_every_spelling() {
    let text = json!({ "permissions": { "allow": ["WebFetch"], "deny": ["WebFetch(domain:evil.com)", "WebFetch(domain:bücher.example)"] } });
    let policy = import::claude(&text.to_string(), "imported", None).unwrap().policy;
    for url in [
        "https://evil.com/",
        "https://EVIL.com",
        "https://evil%2ecom/",
        "https://%65vil.com",
        "https://evil。com/",
        "https://ｅvil.com/",
        "https://ev\til.com/",
        "https://ev\nil.com",
        "https://user@evil.com",
        "https://evil.com./",
        "https://evil.com:8443",
        "https:\\\\evil.com",
        "http:evil%2ecom",
        "%65vil.com",
        " https://%65vil.com",
        "https://ev\u{ad}il.com",
        "https://xn--bcher-kva.example/x",
        "https://BÜCHER.example",
    ] {
        assert_eq!(of(&policy, "WebFetch", json!({ "url": url, "prompt": "x" })), Action::Deny, "{url:?}");
    }
    assert_eq!(of(&policy, "WebFetch", json!({ "url": "https://docs.rs/%2ecom" })), Action::Allow);
}
