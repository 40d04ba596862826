//! What is started for a session, with which arguments.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use codepiper_protocol::{SessionId, os_text};

use crate::policy::native::NativeDeny;

/// How a program is started, and how it continues.
pub trait Launcher: Send + Sync {
    /// The program that is looked up.
    fn program(&self, env: &BTreeMap<String, String>) -> String;

    fn start(&self, launch: &LaunchRequest, conversation: Option<&str>, prompt: Option<&str>) -> Argv;

    /// Continues the conversation, or begins one when there is none.
    fn resume(&self, launch: &LaunchRequest, conversation: Option<&str>) -> Argv;

    /// Whether it can continue a copy of a conversation.
    fn forks(&self) -> bool {
        false
    }

    /// Continues a copy of [`LaunchRequest::forked_from`] as `conversation`, where that could be chosen. `None` when there is
    /// nothing to copy.
    fn fork(&self, _launch: &LaunchRequest, _conversation: Option<&str>) -> Option<Argv> {
        None
    }
}

/// What is known about a session when its program is started.
pub struct LaunchRequest<'a> {
    pub session: SessionId,
    pub args: &'a [String],
    /// The model that was asked for.
    pub model: Option<&'a str>,
    /// The permission mode to begin with.
    pub permission_mode: Option<&'a str>,
    pub cwd: &'a Path,
    /// The environment that the program will have.
    pub env: &'a BTreeMap<String, String>,
    /// A command line for `/bin/sh` that takes a hook's payload on standard input.
    pub hook: &'a str,
    /// What policies deny, for the agent's own rules, where it has some.
    pub denied: &'a [NativeDeny],
    /// The conversation that its own is a copy of.
    pub forked_from: Option<&'a str>,
}

/// A program and its arguments. The program is looked up in the environment's `PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argv {
    pub program: String,
    pub args: Vec<String>,
}

/// The arguments that say which model.
pub(super) fn model_args(launch: &LaunchRequest) -> impl Iterator<Item = String> {
    launch.model.into_iter().flat_map(|model| ["--model".to_owned(), model.to_owned()])
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
    let path = os_text::decode(path.unwrap_or("/usr/local/bin:/usr/bin:/bin"));
    std::env::split_paths(&path).map(|dir| cwd.join(dir).join(program)).find(|path| executable(path))
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
}
