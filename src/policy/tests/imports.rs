//! Rules of Claude Code and Codex, and what becomes of them.

use serde_json::json;

use super::super::import::{self, Import};
use super::super::rule::{Action, Policy};
use super::super::{read, write};
use super::{answer, decide, request};

pub fn settings(allow: &[&str], deny: &[&str], ask: &[&str]) -> Import {
    let text = json!({ "permissions": { "allow": allow, "deny": deny, "ask": ask } }).to_string();
    import::claude(&text, "imported", Some("/home/u/project")).unwrap()
}

pub fn allows(rule: &str) -> Vec<Policy> {
    vec![settings(&[rule], &[], &[]).policy]
}

#[test]
fn what_was_allowed_by_its_words_is_allowed() {
    for (rule, text) in [
        ("Bash(git status)", "git status"),
        ("Bash(git status:*)", "git status src"),
        ("Bash(git status *)", "git status"),
        ("Bash(ls)", "ls"),
        ("Bash(git commit -m x)", "git commit -m x"),
        ("Bash(npm run test*)", "npm run test:unit"),
        ("Bash(npm run build)", "npm run build"),
        ("Bash(cargo test:*)", "cargo test name"),
        ("Bash(rg:*)", "rg 'a b' src"),
        ("Bash(echo 'a  b')", "echo \"a  b\""),
    ] {
        assert_eq!(answer(&allows(rule), text), Action::Allow, "{rule}");
    }
}

#[test]
fn a_prefix_does_not_become_any_option_and_that_is_told() {
    let import = settings(&["Bash(git diff:*)"], &[], &[]);
    assert_eq!(answer(std::slice::from_ref(&import.policy), "git diff --output=x"), Action::Ask);
    assert_eq!(answer(&[import.policy], "git diff src"), Action::Allow);
    assert_eq!(import.notes.len(), 1);
    assert!(import.notes[0].carried_over && import.notes[0].why.contains("Options are not carried over"));
    for (rule, text) in [
        ("Bash(git commit -m x)", "git commit x -m"),
        ("Bash(git commit -m x)", "git commit -m x --amend"),
        ("Bash(npm run test*)", "npm run testx --prefix y"),
        ("Bash(ls)", "ls -la"),
    ] {
        assert_eq!(answer(&allows(rule), text), Action::Ask, "{rule}: {text}");
    }
}

#[test]
fn an_allow_that_would_be_too_much_is_not_taken_over_and_that_is_told() {
    for rule in [
        "Bash",
        "Bash(*)",
        "Bash(git *)",
        "Bash(git:*)",
        "Bash(* --version)",
        "Bash(sh -c:*)",
        "Bash(python:*)",
        "Bash(find . -exec *)",
        "Bash(xargs ls:*)",
        "Bash(cd:*)",
        "Bash(./run.sh)",
        "Bash(ls && git status)",
        "Bash(FOO=bar ls)",
        "Bash(echo $HOME)",
        "Bash(npm run:*)",
        "Bash(java:*)",
        "Bash(ip netns exec:*)",
        "Bash(ip:*)",
        "Bash(date -s:*)",
        "Bash(date:*)",
        "Bash(make:*)",
        "Bash(make test:*)",
        "Bash(mvn test:*)",
        "Bash(python3.12:*)",
        "Bash(gcc-13:*)",
        "Bash(lua5.4:*)",
        "Edit",
        "Write(src/**)",
        "Edit(//**)",
        "WebFetch(domain:*.example.com)",
        "Read(!x)",
        "Skill(x)",
        "*",
        "Bash(unclosed",
        "",
    ] {
        let import = settings(&[rule], &[], &[]);
        assert!(import.policy.rules.is_empty(), "{rule}");
        assert!(import.notes.iter().any(|note| !note.carried_over && note.rule == rule), "{rule}");
    }
}

#[test]
fn everything_is_everything_below_the_directory() {
    for rule in ["Read(**)", "Read(*)", "Read( ** )", "Edit(**)"] {
        let import = settings(&[rule], &[], &[]);
        let files = &import.policy.rules[0].text.args["file_path"];
        assert_eq!(files, &[if rule.contains("**") { "./**" } else { "./*" }], "{rule}");
        let tool = rule.split('(').next().unwrap();
        let policies = allows(rule);
        let ask =
            |path: &str| decide(&policies, &request(tool, json!({ "file_path": path }))).unwrap().action;
        assert_eq!(ask("x"), Action::Allow, "{rule}");
        for path in ["/etc/shadow", "/home/u/.ssh/id_rsa", "../x"] {
            assert_eq!(ask(path), Action::Ask, "{rule}: {path}");
        }
    }
    assert!(settings(&["Grep(**)"], &[], &[]).policy.rules.is_empty());
    let edits = [settings(&["Edit(**)", "Edit(src/**)"], &[], &[]).policy];
    assert_eq!(edits[0].rules.len(), 3);
    for path in [".git/hooks/pre-commit", ".claude/settings.json", "src/.mcp.json"] {
        let asked = request("Write", json!({ "file_path": path }));
        assert_eq!(decide(&edits, &asked).unwrap().action, Action::Ask, "{path}");
    }
    let deny = [settings(&["Bash(cat:*)"], &["Read(**)"], &[]).policy];
    assert_eq!(answer(&deny, "cat src/x"), Action::Deny);
    let outside = request("Read", json!({ "file_path": "/etc/passwd" }));
    assert_eq!(decide(&deny, &outside).unwrap().action, Action::Deny);
}

#[test]
fn what_makes_programs_run_is_asked_about_wherever_files_may_be_edited() {
    let edits = ["Edit(//srv/other/**)", "Edit(~/other/**)", "Edit(/**)", "Edit(**)"];
    let import = settings(&edits, &[], &[]);
    // In the project, and everywhere.
    assert_eq!(import.policy.rules.len(), edits.len() + 2, "{:?}", import.notes);
    for (path, action) in [
        ("/srv/other/x", Action::Allow),
        ("/srv/other/.git/hooks/pre-commit", Action::Ask),
        ("/srv/other/deep/.claude/settings.json", Action::Ask),
        ("/home/u/other/.git/config", Action::Ask),
        ("~/other/.envrc", Action::Ask),
        ("/home/u/other/.bashrc", Action::Ask),
        ("/home/u/project/src/.git/config", Action::Ask),
        ("/home/u/project/src/x", Action::Allow),
    ] {
        for tool in ["Write", "Edit"] {
            let asked = request(tool, json!({ "file_path": path }));
            let decision = decide(std::slice::from_ref(&import.policy), &asked).unwrap();
            assert_eq!(decision.action, action, "{tool} {path}: {}", decision.why);
        }
    }
    // A worktree in `.claude` is a project like any other.
    let here = [settings(&["Edit(**)"], &[], &[]).policy];
    let asked = request("Write", json!({ "file_path": "x" }));
    let asked = super::Request { cwd: "/home/u/project/.claude/worktrees/x".into(), ..asked };
    assert_eq!(decide(&here, &asked).unwrap().action, Action::Allow);
}

#[test]
fn denies_are_at_least_as_broad() {
    for (rule, texts) in [
        ("Bash(git push:*)", vec!["git push", "git -C x push origin", "sudo git push"]),
        ("Bash(rm -rf /*)", vec!["rm -rf /etc", "rm -r -f /x", "rm --force --recursive /x"]),
        ("Bash(git push --force:*)", vec!["git push -f", "git push origin --force-with-lease"]),
        ("Bash(curl * | bash)", vec!["curl https://x | bash"]),
        ("Bash(npm publish)", vec!["npm publish", "npm --prefix x publish --dry-run"]),
        ("Bash", vec!["ls"]),
        ("Bash(*)", vec!["ls"]),
        ("Read(./.env)", vec!["cat .env", "cat ./x/../.env"]),
        ("Read(.env)", vec!["cat deep/er/.env"]),
        ("Read(secrets/**)", vec!["cat secrets/x", "ls secrets"]),
        ("Read(//etc/shadow)", vec!["cat /etc/shadow"]),
        ("Read(/etc/shadow)", vec!["cat /etc/shadow", "cat etc/shadow"]),
        ("Read(~/.ssh/**)", vec!["cat ~/.ssh/id"]),
        ("Read(**/*.pem)", vec!["cat x/y.pem", "cat /srv/y.pem"]),
        ("Edit(./gen/**)", vec!["touch gen/x", "sh -c 'echo x > gen/x'"]),
    ] {
        let policies = [settings(&["Bash(git push)", "Bash(cat:*)"], &[rule], &[]).policy];
        for text in texts {
            assert_eq!(answer(&policies, text), Action::Deny, "{rule}: {text}");
        }
    }
}

#[test]
fn rules_for_files_and_other_tools_are_taken_over() {
    let import = settings(
        &[
            "Read(src/**)",
            "Edit(/docs/**)",
            "mcp__github",
            "mcp__x__get",
            "WebFetch(domain:docs.rs)",
            "WebSearch",
            "Agent(Explore)",
        ],
        &["Edit(src/generated/**)", "mcp__github__delete"],
        &["Read(src/keys/**)", "Bash(git push:*)"],
    );
    let policies = [import.policy];
    let ask = |tool: &str, input| decide(&policies, &request(tool, input)).unwrap().action;
    for (tool, input, action) in [
        ("Read", json!({ "file_path": "src/x" }), Action::Allow),
        ("Read", json!({ "file_path": "vendor/src/x" }), Action::Ask),
        ("Read", json!({ "file_path": "src/keys/x" }), Action::Ask),
        ("Edit", json!({ "file_path": "/home/u/project/docs/x" }), Action::Allow),
        ("Write", json!({ "file_path": "docs/x" }), Action::Allow),
        ("Write", json!({ "file_path": "src/generated/x" }), Action::Deny),
        ("mcp__github__list", json!({}), Action::Allow),
        ("mcp__github__delete", json!({}), Action::Deny),
        ("mcp__x__get", json!({}), Action::Allow),
        ("mcp__x__set", json!({}), Action::Ask),
        ("WebFetch", json!({ "url": "https://docs.rs/x" }), Action::Allow),
        ("WebFetch", json!({ "url": "https://docs.rs.x/" }), Action::Ask),
        ("WebSearch", json!({ "query": "x" }), Action::Allow),
        ("Agent", json!({ "subagent_type": "Explore" }), Action::Allow),
        ("Agent", json!({ "subagent_type": "other" }), Action::Ask),
    ] {
        assert_eq!(ask(tool, input.clone()), action, "{tool} {input}");
    }
}

#[test]
fn other_settings_are_told_of() {
    let text = r#"{ "permissions": { "defaultMode": "acceptEdits", "additionalDirectories": ["/x"] }, "model": "x" }"#;
    let import = import::claude(text, "x", None).unwrap();
    let told: Vec<&str> = import.notes.iter().map(|note| note.rule.as_str()).collect();
    assert_eq!(told, ["permissions.additionalDirectories", "permissions.defaultMode"]);
    assert!(import::claude("{", "x", None).is_err());
    assert!(import::claude(r#"{"permissions": 1}"#, "x", None).is_err());
}

const RULES: &str = r#"
# Comments, trailing commas and alternatives.
prefix_rule(
    pattern = ["gh", "pr", ["view", "list"]],
    decision = "prompt",  # ask
    justification = "looks at pull requests",
    match = ["gh pr view 7", ["gh", "pr", "list"]],
    not_match = ["gh issue list", "gh pr --repo x view 7"],
)
prefix_rule(pattern=["git", "status"])
prefix_rule(pattern = ['ls'], decision = 'allow', match = ["ls -la"])
prefix_rule(pattern = ["rm", ["-rf", "-fr"]], decision = "forbidden")
prefix_rule(pattern = ["bash", "-lc"], decision = "allow")
host_executable(name = "git", paths = ["/usr/bin/git"])
"#;

#[test]
fn codex_rules_are_taken_over() {
    let import = import::codex(RULES, "codex").unwrap();
    let policies = [import.policy.clone()];
    for (text, action) in [
        ("gh pr view 7", Action::Ask),
        ("git status src", Action::Allow),
        ("git status -s", Action::Ask),
        ("ls", Action::Allow),
        ("ls -la", Action::Ask),
        ("rm -fr x", Action::Deny),
        ("bash -lc ls", Action::Ask),
    ] {
        assert_eq!(answer(&policies, text), action, "{text}");
    }
    assert_eq!(import.policy.rules.len(), 4);
    assert_eq!(import.policy.rules[0].text.reason.as_deref(), Some("looks at pull requests"));
    let lost: Vec<&str> =
        import.notes.iter().filter(|note| !note.carried_over).map(|note| note.rule.as_str()).collect();
    assert_eq!(lost.len(), 2);
    assert!(lost[0].contains("bash") && lost[1].contains("host_executable"));
    read::read(&write::write(&import.policy)).unwrap();
}

#[test]
fn any_script_is_not_taken_over_whichever_alternative_runs_it() {
    for pattern in [
        "[\"npm\", [\"test\", \"run\"]]",
        "[\"npm\", [\"run\", \"test\"]]",
        "[[\"pnpm\", \"yarn\"], [\"t\", \"test\", \"run\"]]",
        "[\"npm\", [\"start\", \"run-script\"]]",
    ] {
        let import =
            import::codex(&format!("prefix_rule(pattern = {pattern}, decision = \"allow\")"), "x").unwrap();
        assert!(import.policy.rules.is_empty(), "{pattern}");
    }
    let named = "prefix_rule(pattern = [\"npm\", [\"run\", \"run-script\"], [\"build\", \"test\"]])";
    assert_eq!(import::codex(named, "x").unwrap().policy.rules.len(), 1);
}

#[test]
fn a_rules_file_with_something_else_in_it_is_refused_by_line() {
    for (text, error) in [
        ("prefix_rule(pattern = [\"ls\"])\nx = 1\n", "line 2"),
        ("prefix_rule(pattern = [\"ls\"", "line 1"),
        ("def f():\n  pass", "line 1"),
    ] {
        assert!(import::codex(text, "x").unwrap_err().starts_with(error), "{text}");
    }
    let import = import::codex("prefix_rule(pattern = [], decision = \"never\")", "x").unwrap();
    assert!(import.policy.rules.is_empty() && import.notes.len() == 1);
}
