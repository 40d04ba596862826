//! A command, or the user's shell.

use std::collections::BTreeMap;
use std::time::Duration;

use codepiper_protocol::wire::session::Activity;

use super::hooks::Unread;
use super::{
    Arguments, Argv, LaunchRequest, Launcher, Meaning, PromptDelivery, Prompts, Provider, Quit, ReadScreens,
    Resume, Signals, quote_path,
};
use crate::terminal::reports::Report;

pub static SHELL: Provider = Provider {
    name: "shell",
    label: "Shell",
    description: "A command (the arguments after --), or your shell",
    agent: false,
    launcher: &Shell,
    arguments: Arguments { label: "Command", hint: "optional" },
    resume: Resume { description: "runs the command again", keeps_conversation: false },
    dangerous_flags: &[],
    accounts: None,
    models: None,
    prompts: Prompts { delivery: PromptDelivery::Typed, composer: None, mention_image: quote_path },
    quit: Quit::HangUp,
    quit_limit: Duration::from_secs(2),
    conversations: None,
    hooks: &Unread,
    state_file: None,
    signals: &Shell,
    reads_screens: ReadScreens::Never,
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

impl Signals for Shell {
    /// Shells that mark their prompts (OSC 133) say when they wait for a command.
    fn report(&self, report: &Report) -> Option<Meaning> {
        match report {
            Report::PromptMark { mark: 'A' | 'B', .. } => Some((Activity::Idle, None)),
            Report::PromptMark { mark: 'C', .. } => Some((Activity::Working, None)),
            _ => None,
        }
    }
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
            cwd: "/".as_ref(),
            env: &env,
            hook: "hook",
            forked_from: None,
        };
        let args = ["seq".to_owned(), "3".to_owned()];
        let argv = Shell.start(&launch(&args), None, None);
        assert_eq!(argv, Argv { program: "seq".into(), args: vec!["3".into()] });
        assert_eq!(Shell.start(&launch(&[]), None, None).program, "/bin/zsh");
    }
}
