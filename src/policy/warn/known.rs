//! Programs that are known to run and write nothing that their words say, as long as they get no options.

use super::table::{SUBCOMMANDS, has, may_be_written};
use crate::policy::command::CommandPattern;

/// Only read the files in their words, or print.
const READERS: &str = "b2sum base32 base64 basename cat cksum cmp column comm cut diff dirname du echo egrep expand expr factor false \
     fd fdfind fgrep file find fmt fold free getconf getent grep groups head hexdump id join jq locale ls lsblk lscpu lsof md5sum nl \
     nproc od paste pgrep pidof printenv ps pwd readlink realpath rev rg seq sha1sum sha224sum sha256sum sha384sum sha512sum \
     shellcheck shuf sleep sort stat sum tac tail tr tree true tsort uname unexpand uptime wc whereis which whoami";

/// Run what the project says, and nothing else that their words name.
const CHECKERS: &str = "eslint jest mocha mypy phpunit prettier pytest rspec ruff tsc vitest";

/// Commands of programs that only read or print, beside those that run what the project says.
const COMMANDS: &[(&str, &str)] = &[
    (
        "git",
        "status diff log show blame annotate branch tag describe rev-parse rev-list ls-files ls-tree ls-remote cat-file fetch \
         shortlog reflog grep merge-base name-rev show-ref for-each-ref whatchanged count-objects check-ignore check-attr range-diff \
         diff-tree diff-index diff-files cherry",
    ),
    ("npm", "ls list ll la view info show outdated why explain root ping whoami search"),
    ("pnpm", "list ls ll why outdated"),
    ("yarn", "list why info outdated"),
    ("cargo", "tree metadata pkgid locate-project search verify-project"),
    ("go", "version list doc"),
    ("docker", "ps images logs inspect info top port history diff stats events"),
    ("podman", "ps images logs inspect info top port history diff stats events"),
    ("pip", "list show freeze check"),
    ("poetry", "show check"),
    ("bundle", "list info show outdated check"),
    ("rustup", "show which"),
];

/// Whether every program of an allow, with whatever words it admits, is known here.
pub fn is_known(command: &CommandPattern) -> bool {
    command.programs.iter().all(|program| {
        let name = program.rsplit('/').next().unwrap_or(program);
        let commands = COMMANDS.iter().find(|(known, _)| *known == name).map_or("", |(_, commands)| commands);
        let project =
            SUBCOMMANDS.iter().find(|(known, ..)| *known == name).map_or("", |(_, _, project)| project);
        let is_command = |word: &String| has(commands, word) || has(project, word);
        let named = command.lead().first().is_some_and(|first| first.iter().all(is_command));
        !may_be_written(program) && (has(READERS, name) || has(CHECKERS, name) || named)
    })
}
