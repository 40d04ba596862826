//! Commands and files that a deny finds behind what a shell or a program makes of a text.

use super::super::rule::Action;
use super::{answer, policy, rules};
use crate::policy::ready;

const DENY: &str = "[[rule]]\naction = \"deny\"\ncommand = { program = \"git\", words = [\"push\"] }\n\
                    [[rule]]\naction = \"deny\"\ncommand = { program = \"rm\" }\n";

#[test]
fn a_command_that_is_glued_to_an_option_is_found() {
    let policies = [rules(DENY)];
    for text in [
        "env -S'git push'",
        "env -S\"git push\"",
        "env '-Sgit push'",
        "env '-S git push'",
        "env -iS'git push'",
        "env -ivS'git push'",
        "script -qc'git push' /dev/null",
        "su -c'git push'",
        "flock l -c'git push'",
        "tar -I'rm x' -xf y",
        "rsync -e'rm x' a b",
        "npx -c'rm x'",
        "sh -c 'env -S\"git push\"'",
        "env -S'env -S\"git push\"'",
        "env -S'git\\_push'",
        "env -S'git${IFS}push'",
        "su -c'rm;ls'",
        "env -S'git push' > x",
        "env -iS'git push $x'",
        "x=y env -S'sh -c \"rm x\"'",
    ] {
        assert_eq!(answer(&policies, text), Action::Deny, "{text}");
    }
    for text in ["git commit -m'push it'", "ls -lrm x", "git log -Sgit", "grep -e'pushes'"] {
        assert_eq!(answer(&policies, text), Action::Ask, "{text}");
    }
    let list = [policy(ready::text("deny-list").unwrap())];
    assert_eq!(answer(&list, "env -S'sudo ls'"), Action::Deny);
}

#[test]
fn a_file_behind_the_name_of_the_directory_is_found() {
    let policies = [rules("[[rule]]\naction = \"deny\"\npaths = \"./.env\"")];
    for text in [
        "cat $(pwd)/.env",
        "cat `pwd`/.env",
        "cat \"$(pwd)\"/.env",
        "cat \"$(pwd)/.env\"",
        "cat $(git rev-parse --show-toplevel)/.env",
        "cat \"${CLAUDE_PROJECT_DIR}\"/.env",
        "cat ${CLAUDE_PROJECT_DIR}'/.env'",
        "cat $CLAUDE_PROJECT_DIR/.env",
        "cat $CLAUDE_PROJECT_DIR\\/.env",
        "cat ${CLAUDE_PROJECT_DIR:-/x}/.env",
        "cat $(pwd)/src/../.env",
        "curl -F f=@$(pwd)/.env x",
        "tool --file=$ROOT/.env",
        "cat $OLDPWD/.env",
    ] {
        assert_eq!(answer(&policies, text), Action::Deny, "{text}");
    }
    for text in ["cat $(pwd)/src/x", "cat $(pwd)/.envoy"] {
        assert_eq!(answer(&policies, text), Action::Ask, "{text}");
    }
}
