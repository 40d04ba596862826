//! A command, or the user's shell.

use std::collections::BTreeMap;
use std::time::Duration;

use codepiper_protocol::SessionId;
use codepiper_protocol::wire::session::{Activity, WaitingFor};

use super::{Argv, Composer, Launch, PromptDelivery, Provider, Quit};
use crate::terminal::reports::Report;

pub struct Shell;

impl Provider for Shell {
    fn name(&self) -> &'static str {
        "shell"
    }

    fn description(&self) -> &'static str {
        "A command (the arguments after --), or your shell"
    }

    fn program(&self, env: &BTreeMap<String, String>) -> String {
        env.get("SHELL").filter(|shell| !shell.is_empty()).cloned().unwrap_or_else(|| "/bin/sh".into())
    }

    fn resume_description(&self) -> &'static str {
        "runs the command again"
    }

    fn prompt_delivery(&self) -> PromptDelivery {
        PromptDelivery::Typed
    }

    fn composer(&self) -> Option<Composer> {
        None
    }

    fn choose_conversation(&self, _: SessionId) -> Option<String> {
        None
    }

    fn start(&self, launch: &Launch, _: Option<&str>, _: Option<&str>) -> Argv {
        match launch.args.split_first() {
            Some((program, args)) => Argv { program: program.clone(), args: args.to_vec() },
            None => Argv { program: self.program(launch.env), args: vec![] },
        }
    }

    fn resume(&self, launch: &Launch, _: Option<&str>) -> Argv {
        self.start(launch, None, None)
    }

    fn quit(&self) -> Quit {
        Quit::HangUp
    }

    fn quit_limit(&self) -> Duration {
        Duration::from_secs(2)
    }

    fn interpret_hook(&self, _: &serde_json::Value) -> Option<(Activity, Option<WaitingFor>)> {
        None
    }

    /// Shells that mark their prompts (OSC 133) say when they wait for a command.
    fn interpret(&self, report: &Report) -> Option<(Activity, Option<WaitingFor>)> {
        match report {
            Report::PromptMark { mark: 'A' | 'B', .. } => Some((Activity::Idle, None)),
            Report::PromptMark { mark: 'C', .. } => Some((Activity::Working, None)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_the_command() {
        let env = BTreeMap::from([("SHELL".to_owned(), "/bin/zsh".to_owned())]);
        let launch = |args| Launch {
            session: SessionId::random(),
            args,
            model: None,
            cwd: "/".as_ref(),
            env: &env,
            hook: "hook",
            codex_hooks_without_review: false,
            forked_from: None,
        };
        let args = ["seq".to_owned(), "3".to_owned()];
        let argv = Shell.start(&launch(&args), None, None);
        assert_eq!(argv, Argv { program: "seq".into(), args: vec!["3".into()] });
        assert_eq!(Shell.start(&launch(&[]), None, None).program, "/bin/zsh");
    }
}
