//! What the agents' hooks send, as it was recorded, and what else may come.

use serde_json::{Value, json};

use super::super::input::patched_files;
use super::super::rule::Action;
use super::{decide, request, rules};

fn recorded(text: &str) -> (String, Value) {
    let payload: Value = serde_json::from_str(text).unwrap();
    (payload["tool_name"].as_str().unwrap().to_owned(), payload["tool_input"].clone())
}

const TOUCH: &str =
    "[[rule]]\naction = \"allow\"\ncommand = { program = [\"touch\", \"echo\"], words = [\"**\"] }\n";

#[test]
fn recorded_commands_of_both_agents_are_decided_as_commands() {
    let policies = [rules(TOUCH)];
    for text in [
        include_str!("../../../fixtures/policy/claude-PermissionRequest.json"),
        include_str!("../../../fixtures/policy/codex-PreToolUse.json"),
        include_str!("../../../fixtures/policy/codex-PermissionRequest.json"),
    ] {
        let (tool, input) = recorded(text);
        assert_eq!(decide(&policies, &request(&tool, input)).unwrap().action, Action::Allow, "{text}");
    }
}

#[test]
fn a_recorded_patch_is_decided_by_its_files() {
    let (tool, input) = recorded(include_str!("../../../fixtures/policy/codex-PreToolUse.apply_patch.json"));
    assert_eq!(tool, "apply_patch");
    let allow =
        rules("[[rule]]\naction = \"allow\"\ntool = \"apply_patch\"\nargs = { file_path = \"./*.txt\" }");
    assert_eq!(decide(std::slice::from_ref(&allow), &request(&tool, input)).unwrap().action, Action::Allow);
    for patch in [
        "*** Begin Patch\n*** Add File: w.txt\n+x\n*** Add File: /etc/x.txt\n+x\n*** End Patch",
        "*** Begin Patch\n*** Update File: w.txt\n*** Move to: ../w.txt\n@@\n-a\n+b\n*** End Patch",
        "*** Begin Patch\n*** Add File: w.txt\n+x\n  *** Add File: /etc/x\n+x\n*** End Patch",
        "*** Begin Patch\n*** Add File: w.txt\nx\n*** End Patch",
        "*** Begin Patch\n*** End Patch",
        "*** Add File: w.txt",
    ] {
        let asked = request("apply_patch", json!({ "command": patch }));
        assert_eq!(decide(std::slice::from_ref(&allow), &asked).unwrap().action, Action::Ask, "{patch}");
    }
    let deny = rules("[[rule]]\naction = \"deny\"\npaths = \"~/.ssh/**\"");
    let patch = "*** Begin Patch\n  *** Add File: /home/u/.ssh/x\n+x\n*** End Patch";
    assert_eq!(
        decide(&[deny], &request("apply_patch", json!({ "command": patch }))).unwrap().action,
        Action::Deny
    );
}

#[test]
fn a_patch_that_another_field_may_replace_is_not_allowed() {
    let patch = |file: &str| format!("*** Begin Patch\n*** Add File: {file}\n+x\n*** End Patch");
    let (inside, outside) = (patch("src/n"), patch("/home/u/.bashrc"));
    for patterns in ["\"./**\"", "[\"\", \"./**\"]"] {
        let policies = [
            rules(&format!(
                "[[rule]]\naction = \"allow\"\ntool = \"apply_patch\"\nargs = {{ file_path = {patterns} }}"
            )),
            rules(
                "[[rule]]\naction = \"deny\"\ntool = \"apply_patch\"\nargs = { file_path = \"~/.ssh/**\" }",
            ),
        ];
        let ask = |input: Value| decide(&policies, &request("apply_patch", input)).unwrap().action;
        for input in [
            json!({ "command": inside, "input": outside }),
            json!({ "command": outside, "input": inside }),
            json!({ "command": inside, "patch": inside }),
            json!({ "command": inside, "input": [outside] }),
            json!({ "command": inside, "patch": { "text": outside } }),
            json!({ "command": ["apply_patch", inside] }),
            json!({ "command": ["apply_patch", outside], "patch": inside }),
            json!({ "command": 1, "input": inside }),
            json!({ "file_path": "src/n" }),
            json!({ "file_path": "src/n", "command": "x" }),
            json!({}),
        ] {
            assert_eq!(ask(input.clone()), Action::Ask, "{input}");
        }
        assert_eq!(ask(json!({ "input": inside })), Action::Allow);
        assert_eq!(ask(json!({ "input": inside, "command": null })), Action::Allow);
        let keys = patch("/home/u/.ssh/id");
        for input in
            [json!({ "command": inside, "input": keys }), json!({ "command": ["apply_patch", keys] })]
        {
            assert_eq!(ask(input.clone()), Action::Deny, "{input}");
        }
    }
}

#[test]
fn a_patch_names_all_its_files_or_none() {
    let patch = "*** Begin Patch\n*** Update File: a\n*** Move to: b\n@@ x\n-a\n+*** End\n c\n*** Delete File: d\n*** End Patch\n";
    assert_eq!(patched_files(patch).unwrap(), ["a", "b", "d"]);
    assert_eq!(patched_files("*** Begin Patch\n*** Rename File: a\n*** End Patch"), None);
}

#[test]
fn a_list_of_words_is_the_command_and_a_shell_in_it_reads_its_text() {
    let policies = [rules(TOUCH)];
    for (tool, input, action) in [
        ("shell", json!({ "command": ["touch", "a b"] }), Action::Allow),
        ("shell", json!({ "command": ["touch", "$x", "*"] }), Action::Allow),
        ("shell", json!({ "command": ["bash", "-lc", "touch a && echo b"] }), Action::Allow),
        ("shell", json!({ "command": ["/bin/sh", "-c", "touch a"] }), Action::Allow),
        ("shell", json!({ "command": ["bash", "-lc", "touch a; rm b"] }), Action::Ask),
        ("shell", json!({ "command": ["bash", "-lc", "touch $x"] }), Action::Ask),
        ("shell", json!({ "command": ["./bash", "-lc", "touch a"] }), Action::Ask),
        ("shell", json!({ "command": ["bash", "-lic", "touch a"] }), Action::Ask),
        ("shell", json!({ "command": ["bash", "-lc", "touch a", "x"] }), Action::Ask),
        ("shell", json!({ "command": [] }), Action::Ask),
        ("shell", json!({ "command": ["touch", 1] }), Action::Ask),
        ("exec_command", json!({ "cmd": "touch a" }), Action::Allow),
        ("exec_command", json!({ "cmd": "touch a", "shell": "/tmp/x" }), Action::Ask),
        ("Bash", json!({ "command": "touch a", "description": "x", "timeout": 5 }), Action::Allow),
        ("Bash", json!({ "command": "touch a", "dangerouslyDisableSandbox": true }), Action::Ask),
        ("Bash", json!({ "command": "touch a", "dangerouslyDisableSandbox": false }), Action::Allow),
        ("Bash", json!({ "command": "touch a", "env": { "PATH": "." } }), Action::Ask),
        ("Bash", json!({ "cmd": "touch a" }), Action::Ask),
        ("Bash", json!({}), Action::Ask),
        ("PowerShell", json!({ "command": "touch a" }), Action::Ask),
    ] {
        let decision = decide(&policies, &request(tool, input.clone())).unwrap();
        assert_eq!(decision.action, action, "{tool} {input}: {}", decision.why);
    }
}

#[test]
fn a_deny_finds_a_command_in_a_tool_that_is_not_known_as_a_shell() {
    let deny = [rules("[[rule]]\naction = \"deny\"\ncommand = { program = \"git\", words = [\"push\"] }")];
    let ask = |input| decide(&deny, &request("PowerShell", input)).unwrap().action;
    assert_eq!(ask(json!({ "command": "git push" })), Action::Deny);
    assert_eq!(ask(json!({ "command": "git status" })), Action::Ask);
}

#[test]
fn a_directory_in_the_input_is_where_paths_begin() {
    let policies = [rules(
        "[[rule]]\naction = \"allow\"\ncommand = { program = \"touch\", words = [\"~/project/**\"] }",
    )];
    let ask = |workdir: &str| {
        let asked = request("shell", json!({ "command": "touch x", "workdir": workdir }));
        decide(&policies, &asked).unwrap().action
    };
    assert_eq!(ask("/home/u/project/deep"), Action::Allow);
    assert_eq!(ask("deep"), Action::Allow);
    assert_eq!(ask(".."), Action::Ask);
    assert_eq!(ask("/etc"), Action::Ask);
}

#[test]
fn a_deny_finds_a_command_wherever_the_input_has_it() {
    let deny = [rules("[[rule]]\naction = \"deny\"\ncommand = { program = \"git\", words = [\"push\"] }")];
    for input in [
        json!({ "command": ["bash", "-lc", "git push"] }),
        json!({ "command": ["git", "push"] }),
        json!({ "command": ["sh", "x", "git push"] }),
        json!({ "command": { "script": "git push" } }),
        json!({ "command": "ls", "then": "git push" }),
    ] {
        assert_eq!(decide(&deny, &request("shell", input.clone())).unwrap().action, Action::Deny, "{input}");
    }
}

#[test]
fn a_deny_by_another_field_of_a_shell_holds() {
    let ls = "[[rule]]\naction = \"allow\"\ncommand = { program = \"ls\", words = [\"**\"] }\n";
    for (args, input, hit) in [
        ("{ run_in_background = \"true\" }", json!({ "command": "ls", "run_in_background": true }), true),
        ("{ run_in_background = \"true\" }", json!({ "command": "ls", "run_in_background": false }), false),
        ("{ run_in_background = \"true\" }", json!({ "command": "ls" }), false),
        ("{ timeout = \"6*\" }", json!({ "command": "ls", "timeout": 600 }), true),
        ("{ description = \"*prod*\" }", json!({ "command": "ls", "description": "Looks at PROD" }), true),
        (
            "{ description = \"*prod*\", command = \"ls*\" }",
            json!({ "command": "ls", "description": "prod" }),
            true,
        ),
        (
            "{ description = \"*prod*\", command = \"rm*\" }",
            json!({ "command": "ls", "description": "prod" }),
            false,
        ),
        ("{ workdir = \"/etc/**\" }", json!({ "command": "ls", "workdir": "/etc/ssl" }), true),
        ("{ workdir = \"/home/u/**\" }", json!({ "command": "ls", "workdir": "../x" }), true),
        ("{ workdir = \"/etc/**\" }", json!({ "command": "ls", "workdir": "src" }), false),
        ("{ description = \"\" }", json!({ "command": "ls" }), true),
        ("{ description = \"\" }", json!({ "command": "ls", "description": "x" }), false),
        ("{ command = \"/bin/ls*\" }", json!({ "command": "/bin/ls x" }), true),
        ("{ command = \"./x.sh\" }", json!({ "command": "./x.sh" }), true),
    ] {
        for (rule, action) in [("deny", Action::Deny), ("ask", Action::Ask)] {
            for named in ["tool = \"Bash\"\n", ""] {
                let policies = [rules(&format!("{ls}[[rule]]\naction = \"{rule}\"\n{named}args = {args}"))];
                let decision = decide(&policies, &request("Bash", input.clone())).unwrap();
                let by_rule = decision.rule.as_ref().is_some_and(|rule| rule.number == 2);
                assert_eq!(by_rule, hit, "{rule} {args}: {input}: {}", decision.why);
                assert!(!hit || decision.action == action, "{rule} {args}: {input}: {}", decision.why);
            }
        }
    }
    let told = "[[rule]]\naction = \"deny\"\ntool = \"Bash\"\nargs = { run_in_background = \"true\" }\nmatch = [\"true\"]\nnot_match = [\"false\"]";
    rules(told);
}

#[test]
fn a_file_in_a_field_that_the_rule_does_not_name_is_not_allowed() {
    let policies = [rules(
        "[[rule]]\naction = \"allow\"\ntool = [\"Edit\", \"NotebookEdit\"]\nargs = { file_path = \"./**\" }",
    )];
    for (tool, input, action) in [
        ("Edit", json!({ "file_path": "x", "old_string": "a" }), Action::Allow),
        ("NotebookEdit", json!({ "file_path": "x", "notebook_path": "/etc/x" }), Action::Ask),
        ("Edit", json!({ "file_path": "x", "path": "/etc/x" }), Action::Ask),
    ] {
        assert_eq!(
            decide(&policies, &request(tool, input.clone())).unwrap().action,
            action,
            "{tool} {input}"
        );
    }
}
