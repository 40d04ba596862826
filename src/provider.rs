//! How to launch, resume and quit each kind of program, and what its signals mean.
//!
//! To add a provider: a file here that implements [`Provider`], and a line in [`PROVIDERS`].

mod claude_code;
mod codex;
mod shell;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use codepiper_protocol::SessionId;
use codepiper_protocol::wire::session::{Activity, WaitingFor};
use jiff::Timestamp;

use crate::terminal::reports::Report;

/// Every provider, as they are listed.
pub const PROVIDERS: &[&dyn Provider] = &[&claude_code::ClaudeCode, &codex::Codex, &shell::Shell];

/// What is known about a session when its program is started.
pub struct Launch<'a> {
    pub session: SessionId,
    pub args: &'a [String],
    pub cwd: &'a Path,
    /// The environment that the program will have.
    pub env: &'a BTreeMap<String, String>,
    /// A command line for `/bin/sh` that takes a hook's payload on standard input.
    pub hook: &'a str,
}

/// A program and its arguments. The program is looked up in the environment's `PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argv {
    pub program: String,
    pub args: Vec<String>,
}

/// How a first prompt reaches the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromptDelivery {
    /// As an argument of [`Provider::start`].
    Argument,
    /// Typed into the terminal once the program runs.
    Typed,
}

/// Where an agent's prompts are written. It takes a text as a bracketed paste and shows it; Enter before
/// that would become a part of the text, or would answer a dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Composer {
    /// How what stands for a long text or an image begins.
    pub placeholders: &'static [&'static str],
}

/// How to ask a program to quit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quit {
    /// These keys, one after another with a pause, until it ends or gives the terminal back.
    Keys { keys: &'static [&'static str], pause: Duration },
    /// SIGHUP: what a shell gets when its terminal closes.
    HangUp,
}

/// One kind of program. Implementations know nothing of tmux or of the daemon.
pub trait Provider: Send + Sync {
    /// What people type after `--provider`.
    fn name(&self) -> &'static str;

    fn description(&self) -> &'static str;

    /// The program that is looked up; for `providers` and `doctor`.
    fn program(&self, env: &BTreeMap<String, String>) -> String;

    /// How `resume` continues, in words.
    fn resume_description(&self) -> &'static str;

    fn prompt_delivery(&self) -> PromptDelivery;

    /// The provider's id of the conversation that a new session will have, where it can be chosen.
    fn choose_conversation(&self, session: SessionId) -> Option<String>;

    /// Where its prompts are written, if it has such a place.
    fn composer(&self) -> Option<Composer>;

    fn start(&self, launch: &Launch, conversation: Option<&str>, prompt: Option<&str>) -> Argv;

    /// Continues the conversation, or begins one when there is none.
    fn resume(&self, launch: &Launch, conversation: Option<&str>) -> Argv;

    /// Finds the conversation of a session that was started at `since`, where it could not be chosen.
    /// Reads files. `taken` are conversations of other sessions.
    fn find_conversation(&self, launch: &Launch, since: Timestamp, taken: &[String]) -> Option<String>;

    fn quit(&self) -> Quit;

    /// How long [`Provider::quit`] may take.
    fn quit_limit(&self) -> Duration;

    /// What a hook's payload means; `None` when it means nothing.
    fn interpret_hook(&self, payload: &serde_json::Value) -> Option<(Activity, Option<WaitingFor>)>;

    /// Where the program with this process id writes about its own state.
    fn state_file(&self, _env: &BTreeMap<String, String>, _pid: i32) -> Option<PathBuf> {
        None
    }

    /// What a state file means; `None` when it means nothing.
    fn interpret_state_file(&self, _content: &serde_json::Value) -> Option<(Activity, Option<WaitingFor>)> {
        None
    }

    /// What a report means for this provider's programs; `None` when it means nothing.
    fn interpret(&self, report: &Report) -> Option<(Activity, Option<WaitingFor>)>;
}

/// The provider with this name.
pub fn find(name: &str) -> Option<&'static dyn Provider> {
    PROVIDERS.iter().copied().find(|provider| provider.name() == name)
}

/// Looks a program up like a shell does. `None` when there is no executable file of that name.
pub fn look_up(program: &str, path: Option<&str>, cwd: &Path) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let executable = |path: &Path| {
        path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        let path = cwd.join(program);
        return executable(&path).then_some(path);
    }
    let path = path.unwrap_or("/usr/local/bin:/usr/bin:/bin");
    std::env::split_paths(path).map(|dir| cwd.join(dir).join(program)).find(|path| executable(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_looked_up_like_in_a_shell() {
        let cwd = Path::new("/");
        assert_eq!(look_up("sh", Some("/nowhere:/bin"), cwd), Some("/bin/sh".into()));
        assert_eq!(look_up("bin/sh", None, cwd), Some("/bin/sh".into()));
        assert_eq!(look_up("/bin/sh", None, cwd), Some("/bin/sh".into()));
        assert_eq!(look_up("bin", Some("/"), cwd), None, "a directory is not a program");
        assert_eq!(look_up("no-such-program", Some("/bin"), cwd), None);
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = PROVIDERS.iter().map(|provider| provider.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), PROVIDERS.len());
    }
}
