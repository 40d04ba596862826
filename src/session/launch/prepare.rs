//! What is executed, with which arguments and in which environment.

use std::collections::BTreeMap;
use std::path::Path;

use codepiper_protocol::shim::Launch;
use codepiper_protocol::wire::problem::{Code, Next, Problem};
use codepiper_protocol::wire::session::Billing;
use codepiper_protocol::{SessionId, hook, os_text};
use serde_json::Value;

use super::Launcher;
use super::fork::nothing_to_fork;
use crate::policy::input::SHELL;
use crate::policy::native::{self, NativeDeny};
use crate::process::{executable, inherited, mark};
use crate::provider::{self, Argv, Provider, Taken};
use crate::session::cell::Session;
use crate::session::life::record::Record;
use crate::session::program::known;

pub enum LaunchKind {
    Start {
        prompt: Option<String>,
    },
    Resume,
    /// With a copy of the conversation of another session.
    Fork {
        origin: SessionId,
    },
}

impl Launcher {
    /// Decides what is executed, with which environment.
    pub(super) fn prepare(&self, session: &Session, begin: LaunchKind) -> Result<Launch, Problem> {
        executable::check(&self.context.places.executable)
            .map_err(|why| Problem::new(Code::LaunchFailed, why))?;
        let record = session.record();
        let of_sets = self.context.places.env_sets.values(&record.recipe.env_sets).map_err(|problem| {
            // It was there when the session was started.
            Problem::new(Code::LaunchFailed, problem.detail)
        })?;
        let mut env = self.programs.environment_with(&record, &of_sets);
        if let (Some(billing), Some(accounts)) = (record.recipe.billing, session.provider.accounts) {
            if let Some(name) = accounts.contradiction(billing, &of_sets) {
                return Err(contradiction(&record, billing, name));
            }
            let stored = (accounts.stored_keys)(&env);
            accounts.choose(billing, &mut env, &of_sets, &stored).map_err(|looked| {
                let detail = format!("{} needs an API key for API billing: {looked}", session.provider.name);
                Problem::new(Code::LaunchFailed, detail).with_next(Next::AddApiKey)
            })?;
        }
        for (name, value) in session.provider.environment {
            env.entry((*name).to_owned()).or_insert_with(|| (*value).to_owned());
        }
        self.context.write_policy_snapshot(session);
        let hook = hook_command(&self.context.places.executable);
        let provider = session.provider;
        let Taken { left: args, model, permission_mode } = arguments(provider, &record);
        let mode =
            provider.arguments.mode_to_begin_with(record.recipe.permission_mode.as_deref(), permission_mode);
        let (mode, denied) = self.under_policies(session, &record, mode);
        let mut known = known(&record, &args, &env, &hook);
        known.denied = &denied;
        // What was switched to later counts.
        known.model = known.model.or(model.as_deref());
        known.permission_mode = mode.as_deref();
        let argv = match begin {
            LaunchKind::Start { prompt } => {
                provider.launcher.start(&known, record.life.conversation.as_deref(), prompt.as_deref())
            }
            LaunchKind::Resume => {
                let conversation = self.programs.find_conversation(session);
                provider.launcher.resume(&known, conversation.as_deref())
            }
            LaunchKind::Fork { origin } => provider
                .launcher
                .fork(&known, record.life.conversation.as_deref())
                .ok_or_else(|| nothing_to_fork(origin))?,
        };
        let program = look_up(provider, &argv, &env, &record.recipe.cwd)?;
        Ok(Launch {
            argv: std::iter::once(program).chain(argv.args.iter().map(os_text::encode)).collect(),
            cwd: record.recipe.cwd,
            env,
            nonce: uuid::Uuid::new_v4().simple().to_string(),
            exit_file: self.context.exit_file_of(session.id),
            mark: mark::ours().ok(),
            umask: Some(record.recipe.umask.unwrap_or_else(inherited::umask_of_programs)),
        })
    }
}

impl Launcher {
    /// The mode to begin with, and what the agent's own rules deny: as the policies for this session want it.
    fn under_policies(
        &self,
        session: &Session,
        record: &Record,
        mode: Option<String>,
    ) -> (Option<String>, Vec<NativeDeny>) {
        let (provider, policies) = (session.provider, &self.context.places.policies);
        let asks = session.policy_request(SHELL, Value::Null, record.recipe.cwd.clone());
        // In others, the agent would run what a policy wants to be asked about.
        let asking = provider.arguments.asking_mode.filter(|_| !record.recipe.dangerous);
        let asking = asking.filter(|_| provider.answers.is_some() && policies.applies(&asks));
        let (denied, left_out) = native::denied(policies, &asks);
        if left_out > 0 {
            tracing::warn!(
                id = %session.id,
                given = denied.len(),
                left_out,
                "more is denied than fits into the agent's own rules; the rest holds only while the hook runs"
            );
        }
        (mode.or_else(|| asking.map(str::to_owned)), denied)
    }
}

/// What the program is given beside what its provider needs, and the settings that stand there.
fn arguments(provider: &Provider, record: &Record) -> Taken {
    let flag = provider.dangerous_flags.first().filter(|_| record.recipe.dangerous);
    let given = &record.recipe.args;
    // Older records may have what is refused now.
    let taken = provider.arguments.take(given);
    let taken = taken.unwrap_or_else(|_| Taken { left: given.clone(), ..Taken::default() });
    Taken { left: flag.map(|flag| (*flag).to_owned()).into_iter().chain(taken.left).collect(), ..taken }
}

/// A command line for `/bin/sh` that forwards a hook. Where our program has moved, the one in PATH does it; without one
/// the hook is written into the spool (see [`hook::delivery`] for the name of its file).
fn hook_command(executable: &Path) -> String {
    let program = executable.display().to_string().replace('\'', "'\\''");
    let spool = hook::SPOOL_VARIABLE;
    // Without splitting and patterns nothing needs double quotes, which would be escaped wherever this is written.
    format!(
        "set -f; IFS=; x='{program}'; [ -x $x ] || x=$(command -v codepiper) || {{ umask 077; \
         d=${spool}/0$(date +%s%N)-$$; mkdir -p ${spool} && cat >$d.new && mv $d.new $d.json; exit 0; }}; \
         exec $x hook-forward"
    )
}

fn look_up(
    provider: &Provider,
    argv: &Argv,
    env: &BTreeMap<String, String>,
    cwd: &Path,
) -> Result<String, Problem> {
    let path = env.get("PATH").map(String::as_str);
    let found = provider::look_up(&argv.program, path, cwd).ok_or_else(|| {
        let place = if argv.program.contains('/') { "not an executable file" } else { "not in PATH" };
        Problem::new(
            Code::LaunchFailed,
            format!("cannot start {}: program '{}' not found: {place}", provider.name, argv.program),
        )
    })?;
    Ok(os_text::encode(found))
}

/// A set brings what the way of paying rules out.
fn contradiction(record: &Record, billing: Billing, variable: &str) -> Problem {
    let other = match billing {
        Billing::Subscription => Billing::Api,
        Billing::Api => Billing::Subscription,
    };
    let detail = format!(
        "{variable} in the env sets {} is for {} billing, but {} billing was chosen",
        record.recipe.env_sets.join(", "),
        other.as_str(),
        billing.as_str(),
    );
    Problem::new(Code::LaunchFailed, detail).with_next(Next::ChooseBilling { billing: other })
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use super::*;

    /// The hook of a program that has moved: by the one in PATH, and otherwise into the spool.
    #[test]
    fn a_hook_survives_that_our_program_has_moved() {
        let dir = tempfile::tempdir().unwrap();
        let spool = dir.path().join("the spool");
        let runs = |path: &str| {
            let hook = hook_command(Path::new("/no/it's gone/codepiper"));
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", &hook]).env_clear().env("PATH", path).env(hook::SPOOL_VARIABLE, &spool);
            let mut child =
                shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            child.stdin.take().unwrap().write_all(b"{\"a\": 1}").unwrap();
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        assert_eq!(runs("/usr/bin:/bin"), "");
        let kept: Vec<_> = std::fs::read_dir(&spool).unwrap().map(|entry| entry.unwrap().path()).collect();
        let name = kept[0].file_stem().unwrap().to_str().unwrap();
        assert!(kept.len() == 1 && hook::delivery_time(name).is_some(), "{kept:?}");
        assert_eq!(std::fs::read_to_string(&kept[0]).unwrap(), "{\"a\": 1}");
        // Another process writes it: a program that is started meanwhile would hold our file open.
        let script = "cd \"$0\"; printf '#!/bin/sh\\necho \"$@\"\\n' >codepiper; chmod +x codepiper";
        assert!(Command::new("sh").args(["-c", script]).arg(dir.path()).status().unwrap().success());
        assert_eq!(runs(&format!("{}:/usr/bin:/bin", dir.path().display())), "hook-forward\n");
    }
}
