//! A command, or the user's shell.

use std::collections::BTreeMap;
use std::time::Duration;

use super::hooks::Unread;
use super::{
    Arguments, Argv, LaunchRequest, Launcher, PromptDelivery, Prompts, Provider, Quit, ReadScreens, Resume,
    Signals, quote_path,
};

pub static SHELL: Provider = Provider {
    name: "shell",
    label: "Shell",
    description: "A command (the arguments after --), or your shell",
    agent: false,
    launcher: &Shell,
    environment: &[],
    arguments: Arguments::named("Command", "optional"),
    resume: Resume { description: "runs the command again", keeps_conversation: false },
    dangerous_flags: &[],
    accounts: None,
    checks: None,
    models: None,
    prompts: Prompts { delivery: PromptDelivery::Typed, composer: None, mention_image: quote_path },
    quit: Quit::HangUp,
    quit_limit: Duration::from_secs(2),
    conversations: None,
    hooks: &Unread,
    answers: None,
    state_file: None,
    signals: &Shell,
    prompts_for_commands: Some(prompts_for_commands),
    reads_screens: ReadScreens::Never,
    asks_on_screen: None,
    reports_count_as_hooks: false,
    question_delay: Duration::ZERO,
    switches: None,
    remark: None,
};

struct Shell;

impl Launcher for Shell {
    fn program(&self, env: &BTreeMap<String, String>) -> String {
        env.get("SHELL").filter(|shell| !shell.is_empty()).cloned().unwrap_or_else(|| "/bin/sh".into())
    }

    fn start(&self, launch: &LaunchRequest, _: Option<&str>, _: Option<&str>) -> Argv {
        match launch.args.split_first() {
            Some((program, args)) => Argv { program: program.clone(), args: args.to_vec() },
            None => Argv { program: self.program(launch.env), args: vec![] },
        }
    }

    fn resume(&self, launch: &LaunchRequest, _: Option<&str>) -> Argv {
        self.start(launch, None, None)
    }
}

/// What it does is told by the foreground of its terminal.
impl Signals for Shell {}

/// Whether these words start a shell that a person types commands into.
fn prompts_for_commands(words: &[String]) -> bool {
    const SHELLS: [&str; 12] =
        ["sh", "ash", "bash", "csh", "dash", "elvish", "fish", "ksh", "mksh", "nu", "tcsh", "zsh"];
    const WITH_VALUE: [&str; 8] = ["--rcfile", "--init-file", "--init-command", "-C", "-o", "+o", "-O", "+O"];
    let Some((program, args)) = words.split_first() else { return false };
    let name = program.rsplit('/').next().unwrap_or_default().trim_start_matches('-');
    if !SHELLS.contains(&name) {
        return false;
    }
    let mut args = args.iter().map(String::as_str);
    while let Some(arg) = args.next() {
        let runs_command = arg == "--command" || !arg.starts_with("--") && arg.contains('c');
        match arg {
            _ if WITH_VALUE.contains(&arg) => drop(args.next()),
            // A script, or a command.
            _ if !arg.starts_with(['-', '+']) || runs_command => return false,
            _ => {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use codepiper_protocol::SessionId;

    use super::*;

    #[test]
    fn arguments_are_the_command() {
        let env = BTreeMap::from([("SHELL".to_owned(), "/bin/zsh".to_owned())]);
        let launch = |args| LaunchRequest {
            session: SessionId::random(),
            args,
            model: None,
            permission_mode: None,
            cwd: "/".as_ref(),
            env: &env,
            hook: "hook",
            denied: &[],
            forked_from: None,
        };
        let args = ["seq".to_owned(), "3".to_owned()];
        let argv = Shell.start(&launch(&args), None, None);
        assert_eq!(argv, Argv { program: "seq".into(), args: vec!["3".into()] });
        assert_eq!(Shell.start(&launch(&[]), None, None).program, "/bin/zsh");
    }

    #[test]
    fn a_shell_prompts_unless_it_was_given_something_to_run() {
        let prompts = |line: &str| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            prompts_for_commands(&words)
        };
        for line in [
            "bash",
            "-bash",
            "/usr/bin/zsh -il",
            "sh -i",
            "bash --rcfile /tmp/rc --norc",
            "fish -C x",
            "bash -o vi",
        ] {
            assert!(prompts(line), "{line}");
        }
        for line in [
            "make",
            "bash build.sh",
            "/bin/sh ./x -i",
            "bash -lc ls",
            "zsh --command ls",
            "bashful",
            "vim",
            "",
        ] {
            assert!(!prompts(line), "{line}");
        }
    }
}
