use std::path::PathBuf;

use clap::Args;
use codepiper_protocol::Size;
use codepiper_protocol::wire::session::{Billing, Session, StartSession};
use codepiper_protocol::wire::worktree::NewWorktree;

use super::failure::{Failure, OF_DAEMON, Outcome, exit_codes, reason};
use super::{Context, ask, attach, output, view, worktree};
use crate::client::Client;

/// Start a session; returns once its program is running
#[derive(Args)]
#[command(after_help = exit_codes(OF_DAEMON))]
pub(super) struct Start {
    /// Provider; see `codepiper providers`
    #[arg(short, long, value_name = "NAME")]
    provider: Option<String>,
    /// Working directory
    #[arg(short, long, default_value = ".", value_name = "DIR")]
    dir: PathBuf,
    /// Billing mode, for providers that have one: subscription (the vendor's API keys are removed from the agent's
    /// environment) or api [default: subscription]
    #[arg(long, value_name = "MODE", value_parser = billing)]
    billing: Option<Billing>,
    /// Add the variables of an env set to the environment; can be repeated, later sets take precedence
    #[arg(long, value_name = "NAME")]
    env_set: Vec<String>,
    /// Create a git worktree for the session; the directory itself stays untouched
    #[arg(long)]
    worktree: bool,
    /// Create this branch for the worktree [default: codepiper/ followed by the session id]
    #[arg(long, value_name = "NAME", requires = "worktree")]
    create_branch: Option<String>,
    /// Start the new branch at this commit [default: the directory's HEAD]
    #[arg(long, value_name = "REF", requires = "worktree")]
    base: Option<String>,
    /// Check out this existing branch in the worktree
    #[arg(long, value_name = "NAME", requires = "worktree", conflicts_with_all = ["create_branch", "base"])]
    branch: Option<String>,
    /// Let the agent act without asking for permission; asks for confirmation
    #[arg(long)]
    dangerous: bool,
    /// Do not ask for confirmation
    #[arg(short, long, requires = "dangerous")]
    yes: bool,
    /// Name to use instead of the id
    #[arg(long)]
    name: Option<String>,
    /// Model for this session, for providers that take one; your default does not change
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// First prompt for the agent
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    prompt: Option<String>,
    /// Terminal size [default: 120x32, or with --attach that of this terminal]
    #[arg(long, value_name = "COLSxROWS")]
    size: Option<Size>,
    /// Attach to the session immediately
    #[arg(long, conflicts_with = "json")]
    attach: bool,
    /// Print the session as a JSON object
    #[arg(long)]
    json: bool,
    /// Arguments for the provider's program
    #[arg(last = true, value_name = "ARGS")]
    args: Vec<String>,
}

impl Start {
    pub(super) fn run(self, context: Context) -> Outcome {
        let dir = directory(&self.dir)?;
        if self.attach {
            attach::check_terminal()?;
        }
        if self.dangerous && !self.yes {
            confirm_danger(&dir)?;
        }
        let client = context.client()?;
        let surroundings = context.surroundings()?;
        let session = context.block_on(async {
            let Some(provider) = self.provider else { return Err(which_provider(&client).await) };
            let size = self.size.or_else(|| self.attach.then(view::own_size).flatten());
            let request = StartSession {
                provider,
                dir,
                name: self.name,
                prompt: self.prompt,
                size,
                billing: self.billing,
                env_sets: self.env_set,
                worktree: self.worktree.then_some(NewWorktree {
                    branch: self.branch,
                    create_branch: self.create_branch,
                    base: self.base,
                }),
                dangerous: self.dangerous,
                model: self.model,
                args: self.args,
                path: None,
                surroundings: Some(surroundings),
            };
            Ok(client.start(&request).await?)
        })??;
        if self.json {
            return output::json(&session);
        }
        let Session { short_id, provider, .. } = &session;
        output::done(format_args!("Session {short_id} started ({provider})"))?;
        if let Some(worktree) = &session.worktree {
            worktree::say_what_is_missing(worktree);
        }
        if self.attach { attach::native(&context, &client, &session) } else { Ok(()) }
    }
}

fn confirm_danger(dir: &std::path::Path) -> Outcome {
    if !ask::possible() {
        return Err(Failure::usage(
            "cannot ask for confirmation of --dangerous without a terminal; use --yes to confirm",
        ));
    }
    let question = format!(
        "The agent may run any command and change any file that you can, from {}, without asking. Start it?",
        dir.display()
    );
    match ask::yes(&question)? {
        true => Ok(()),
        false => Err(Failure::new("nothing was started")),
    }
}

fn billing(text: &str) -> Result<Billing, String> {
    let found = Billing::ALL.into_iter().find(|billing| billing.as_str() == text);
    found.ok_or_else(|| "use subscription or api".to_owned())
}

/// The directory as programs in it will see it.
fn directory(dir: &std::path::Path) -> Result<PathBuf, Failure> {
    let cannot = |why: &str| {
        Failure::usage(format_args!("cannot start in {}: {why}; choose a directory with -d", dir.display()))
    };
    let real = dir.canonicalize().map_err(|error| cannot(&reason(&error)))?;
    match real.is_dir() {
        true => Ok(real),
        false => Err(cannot("not a directory")),
    }
}

async fn which_provider(client: &Client) -> Failure {
    let names = match client.providers().await {
        Ok(providers) => providers.into_iter().map(|provider| provider.name).collect::<Vec<_>>().join(", "),
        Err(error) => return error.into(),
    };
    Failure::usage(format_args!("no provider given; choose one with -p: {names}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_starts_in_a_directory_that_exists() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert_eq!(directory(home.path()).unwrap(), home.path().canonicalize().unwrap());
        for bad in [file, home.path().join("none")] {
            assert!(matches!(directory(&bad), Err(Failure::Said { code: 2, .. })));
        }
    }
}
