//! Programs that are known to run and write nothing that their words say, as long as they get no options.

use super::table::{SUBCOMMANDS, has, may_be_written};
use crate::policy::command::CommandPattern;
use crate::policy::rule::CommandText;

/// Only read the files in their words, or print.
const READERS: &str = "b2sum base32 base64 basename cat cksum cmp column comm cut diff dirname du echo egrep expand expr factor false \
     fd fdfind fgrep file find fmt fold free getconf getent grep groups head hexdump id join jq locale ls lsblk lscpu lsof md5sum nl \
     nproc od paste pgrep pidof printenv ps pwd readlink realpath rev rg seq sha1sum sha224sum sha256sum sha384sum sha512sum \
     shellcheck shuf sleep sort stat sum tac tail tr tree true tsort uname unexpand uptime wc whereis which whoami";

/// Run what the project says, and what lies where their words lead.
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

/// Commands that change something if they get a further word.
const ALONE: &[(&str, &str)] = &[("git", "branch tag reflog")];

/// Commands of programs whose words may be paths or addresses, beside those that run what the project says.
const WITH_PATHS: &[(&str, &str)] = &[("git", "fetch ls-remote pull")];

/// To these, the words of commands that run what the project says are names, not paths.
const BY_NAMES: &str = "git cargo bazel";

/// Commands that also run what their words name elsewhere, or have commands of their own. All of `dotnet`: `/logger:` and
/// `/p:` of its builds are no options to us.
const NOT_KNOWN: &[(&str, &str)] =
    &[("dotnet", "*"), ("deno", "*"), ("bun", "*"), ("meson", "setup"), ("cargo", "nextest")];

/// What may follow the words of a rule that others wrote as a beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Further {
    Anything,
    /// Paths of the project.
    Paths,
    Nothing,
}

/// How much may follow a command without doing more than it seems to.
pub fn further(command: &CommandText) -> Further {
    let nothing = Vec::new();
    let first = command.words.iter().flatten().next().unwrap_or(&nothing);
    let of_program = |program: &String| {
        let name = program.rsplit('/').next().unwrap_or(program);
        let is_in = |table| first.iter().any(|word| has(of(table, name), word));
        let project = first.iter().any(|word| has(project_commands(name), word));
        if is_in(ALONE) {
            Further::Nothing
        } else if has(CHECKERS, name) || is_in(WITH_PATHS) || project && !has(BY_NAMES, name) {
            Further::Paths
        } else {
            Further::Anything
        }
    };
    command.program.iter().map(of_program).max().unwrap_or(Further::Anything)
}

/// Whether every program of an allow, with whatever words it admits, is known here.
pub fn is_known(command: &CommandPattern) -> bool {
    command.programs.iter().all(|program| {
        let name = program.rsplit('/').next().unwrap_or(program);
        let is_command = |word: &String| has(of(COMMANDS, name), word) || has(project_commands(name), word);
        let first = command.lead().first();
        let named = first.is_some_and(|first| first.iter().all(is_command));
        let is_excluded = first.is_some_and(|first| first.iter().any(|word| has(of(NOT_KNOWN, name), word)));
        !may_be_written(program) && (has(READERS, name) || has(CHECKERS, name) || named && !is_excluded)
    })
}

fn of(table: &[(&str, &'static str)], name: &str) -> &'static str {
    table.iter().find(|(known, _)| *known == name).map_or("", |(_, commands)| commands)
}

fn project_commands(name: &str) -> &'static str {
    SUBCOMMANDS.iter().find(|(known, ..)| *known == name).map_or("", |(_, _, project)| project)
}
