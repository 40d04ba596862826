//! What the installed programs of the providers say of themselves. They are run only when somebody asks, and for a while.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use codepiper_protocol::os_text;
use codepiper_protocol::wire::daemon::{Feature, ProviderCheck, SignInStatus};
use codepiper_protocol::wire::session::Billing;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use crate::provider::{Checks, Provider};

/// A program that takes longer says nothing.
const LIMIT: Duration = Duration::from_secs(10);
/// So much of what it prints is read.
const LONGEST: u64 = 64 * 1024;

/// Runs the program in the environment of a session that is started without any choice.
pub(super) async fn check(
    provider: &'static Provider,
    program: &Path,
    inherited: &BTreeMap<String, String>,
) -> Option<ProviderCheck> {
    let checks = provider.checks?;
    let env = environment(provider, inherited);
    let (version, sign_in) =
        tokio::join!(run(program, checks.version, &env), run(program, checks.sign_in, &env));
    let version = version.as_deref().and_then(Checks::version_in);
    let sign_in = sign_in.as_deref().and_then(checks.signed_in);
    let works = |since: &str| version.as_deref().and_then(|version| checks.works_with(since, version));
    let features = checks.works.iter().map(|(what, since)| Feature {
        what: (*what).to_owned(),
        since: (*since).to_owned(),
        works: works(since),
    });
    Some(ProviderCheck {
        features: features.collect(),
        tested: checks.tested.iter().map(|version| (*version).to_owned()).collect(),
        sign_in: sign_in.map(|sign_in| SignInStatus { signed_in: sign_in.signed_in, how: sign_in.how }),
        version,
    })
}

fn environment(provider: &Provider, inherited: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut env = inherited.clone();
    if let Some(accounts) = provider.accounts {
        // Only the other way of paying can fail.
        let _ = accounts.choose(Billing::default(), &mut env, &BTreeMap::new(), &[]);
    }
    for (name, value) in provider.environment {
        env.entry((*name).to_owned()).or_insert_with(|| (*value).to_owned());
    }
    env
}

/// What it prints, whatever its exit status; `None` when it cannot be run or does not end.
async fn run(program: &Path, args: &[&str], env: &BTreeMap<String, String>) -> Option<String> {
    let env = env.iter().map(|(name, value)| (os_text::decode(name), os_text::decode(value)));
    let mut command = Command::new(program);
    command.args(args).env_clear().envs(env).current_dir("/").process_group(0).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().ok()?;
    let (mut out, mut err) = (child.stdout.take()?.take(LONGEST), child.stderr.take()?.take(LONGEST));
    let (mut printed, mut complained) = (Vec::new(), Vec::new());
    let reading = async {
        let _ = tokio::join!(out.read_to_end(&mut printed), err.read_to_end(&mut complained));
        let _ = child.wait().await;
    };
    tokio::time::timeout(LIMIT, reading).await.ok()?;
    // Codex says it on the other one.
    let text = [printed, b"\n".to_vec(), complained].concat();
    Some(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_program_prints_is_read_for_a_while() {
        let shell = Path::new("/bin/sh");
        let env = BTreeMap::from([("WHAT".to_owned(), "it".to_owned())]);
        let printed = run(shell, &["-c", "echo out $WHAT; echo err >&2; exit 3"], &env).await;
        assert_eq!(printed.as_deref(), Some("out it\n\nerr\n"));
        assert_eq!(run(Path::new("/no/such/program"), &[], &env).await, None);
        let much = run(shell, &["-c", "head -c 100000 /dev/zero"], &env).await.unwrap();
        assert_eq!(much.len() as u64, LONGEST + 1);
    }
}
