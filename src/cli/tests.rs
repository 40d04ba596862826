use clap::CommandFactory;

use super::*;

fn parse(words: &str) -> Result<Command, clap::Error> {
    Command::try_parse_from(words.split(' '))
}

#[test]
fn the_definition_is_sound() {
    Command::command().debug_assert();
}

#[test]
fn the_help_of_every_verb_names_its_exit_codes() {
    fn check(command: &clap::Command, path: &str) {
        let help = command.clone().render_long_help().to_string();
        assert!(help.contains("Exit codes:"), "{path}");
        for verb in command.get_subcommands() {
            check(verb, &format!("{path} {}", verb.get_name()));
        }
    }
    check(&Command::command(), "codepiper");
}

#[test]
fn the_examples_of_the_documentation_are_understood() {
    for line in [
        "codepiper daemon",
        "codepiper daemon --detach --tmux-socket /x",
        "codepiper daemon --web",
        "codepiper daemon --web --host 0.0.0.0 --port 3001 --tls-cert /c --tls-key /k",
        "codepiper daemon --web --behind-proxy --public-url https://codepiper.example",
        "codepiper daemon stop --kill-sessions",
        "codepiper start -p claude-code -d /p -- --model opus",
        "codepiper start -p claude-code -d /p --billing api",
        "codepiper start -p claude-code -d /p --worktree --create-branch feature/refactor",
        "codepiper start -p claude-code -d /p --worktree --base v1.2",
        "codepiper start -p claude-code -d /p --worktree --branch main",
        "codepiper start -p claude-code -d /p --env-set my-api-keys --env-set two",
        "codepiper start -p codex --dangerous --yes",
        "codepiper resume a1b2c3d4 --fork --name two",
        "codepiper env-set create x --from-file .env",
        "codepiper env-set set x A B=-",
        "codepiper env-set unset x A B",
        "codepiper worktree remove feature/x --ignored",
        "codepiper send a1b2c3d4 --image s.png --image t.png text",
        "codepiper send a1b2c3d4 --image s.png",
        "codepiper send a1b2c3d4 text",
        "codepiper send a1b2c3d4 --no-newline text",
        "codepiper send a1b2c3d4 -",
        "codepiper send a1b2c3d4 -- -x --no-newline",
        "codepiper keys a1b2c3d4 escape up up enter",
        "codepiper tail a1b2c3d4 --follow -n all",
        "codepiper wait a1b2c3d4 --until quiet=1.5 --from 0:12 --timeout 3",
        "codepiper sessions show a1b2c3d4 --json",
        "codepiper sessions --status running --json",
        "codepiper --socket /s sessions",
        "codepiper sessions --socket /s --color never",
        "codepiper auth revoke 67e55044-10b1-426f-9247-bb680e5fe0c8",
        "codepiper auth revoke --all",
        "codepiper report working --progress 40 --message x --id deploy/eu",
        "codepiper report blocked --kind permission",
        "codepiper report clear",
    ] {
        assert!(parse(line).is_ok(), "{line}: {}", parse(line).err().unwrap());
    }
}

#[test]
fn what_cannot_be_is_a_usage_error() {
    for line in [
        "codepiper",
        "codepiper daemon --web --port 70000",
        "codepiper daemon --web --host here",
        "codepiper daemon --detach stop",
        "codepiper send a1b2c3d4",
        "codepiper send a1b2c3d4 text --file f",
        "codepiper send a1b2c3d4 text --timeout 3",
        "codepiper keys a1b2c3d4",
        "codepiper tail x -n -1",
        "codepiper start -p codex --billing free",
        "codepiper start -p codex --create-branch x",
        "codepiper start -p codex --worktree --branch x --base y",
        "codepiper resume --all --fork",
        "codepiper resume x --name y",
        "codepiper env-set set x",
        "codepiper env-set set x A --from-file f",
        "codepiper env-set unset x",
        "codepiper tail x --raw --json",
        "codepiper tail x --from 0:1 --since 1m",
        "codepiper wait x",
        "codepiper wait x --until text=[",
        "codepiper resize x 80",
        "codepiper sessions --status gone",
        "codepiper auth revoke",
        "codepiper auth revoke x",
        "codepiper sessions rename x",
        "codepiper sessions rename x y --clear",
        "codepiper report",
        "codepiper report busy",
        "codepiper report working --progress 101",
    ] {
        assert_eq!(parse(line).err().map(|error| error.exit_code()), Some(2), "{line}");
    }
}

/// What the guide says about a verb: from its heading to the next one.
fn guide(verb: &str) -> &'static str {
    let guide = include_str!("../../docs/sessions.md");
    let (_, section) = guide
        .split_once(&format!("\n### `{verb}`\n"))
        .unwrap_or_else(|| panic!("docs/sessions.md has no section for {verb}"));
    let end = section.find("\n### ").or_else(|| section.find("\n## ")).unwrap_or(section.len());
    &section[..end]
}

/// The words that look like flags.
fn flags(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| letter.is_whitespace() || "`,;:()|".contains(letter))
        .filter(|word| word.starts_with('-') && word.chars().any(char::is_alphabetic))
}

fn flags_of(command: &clap::Command) -> Vec<String> {
    let own = command.get_arguments().filter(|argument| !argument.is_global_set()).flat_map(|argument| {
        let long = argument.get_long().map(|long| format!("--{long}"));
        long.into_iter().chain(argument.get_short().map(|short| format!("-{short}")))
    });
    own.chain(command.get_subcommands().flat_map(flags_of)).collect()
}

#[test]
fn the_guide_names_every_verb_and_every_flag() {
    for verb in Command::command().get_subcommands() {
        let name = verb.get_name();
        let section = guide(name);
        for subverb in verb.get_subcommands() {
            let named = format!("`{name} {}", subverb.get_name());
            assert!(section.contains(&named), "docs/sessions.md does not name {named}`");
        }
        let known = flags_of(verb);
        for flag in &known {
            assert!(flags(section).any(|word| word == flag), "docs/sessions.md, {name}: {flag} is missing");
        }
        // And none that is gone. A first column is about flags.
        for row in section.lines().filter_map(|line| line.strip_prefix("| ")) {
            for flag in flags(row.split('|').next().unwrap_or_default()) {
                assert!(
                    known.iter().any(|known| known == flag),
                    "docs/sessions.md, {name}: there is no {flag}"
                );
            }
        }
    }
    let for_all = include_str!("../../docs/sessions.md").split("\n### ").next().unwrap_or_default();
    for argument in Command::command().get_arguments() {
        let flag = format!("--{}", argument.get_long().unwrap_or_default());
        assert!(flags(for_all).any(|word| word == flag), "docs/sessions.md: {flag} is missing");
    }
}
