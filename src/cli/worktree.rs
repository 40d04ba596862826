use std::path::Path;

use clap::{Args, Subcommand};
use codepiper_protocol::wire::worktree::{RemoveWorktree, Worktree, WorktreeState};

use super::failure::{Failure, OF_DAEMON, OF_SESSIONS, Outcome, exit_codes};
use super::table::Table;
use super::{Context, output};

/// Worktrees that were made for sessions with `start --worktree`
#[derive(Args)]
#[command(name = "worktree", after_help = exit_codes(OF_DAEMON))]
pub(super) struct Worktrees {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// List them: what they take on the disk, and what would be lost with them
    #[command(after_help = exit_codes(OF_DAEMON))]
    List {
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Remove one in which nobody works and nothing is lost. Its branch stays, unless nobody named it and it
    /// has no commit of its own
    #[command(after_help = exit_codes(OF_SESSIONS))]
    Remove {
        /// Its path, its branch, or its id as `codepiper worktree list --json` has it
        worktree: String,
        /// Delete what git ignores in it, too: build output, but also an .env
        #[arg(long)]
        ignored: bool,
    },
}

impl Worktrees {
    pub(super) fn run(self, context: Context) -> Outcome {
        match self.verb {
            Verb::List { json } => list(&context, json),
            Verb::Remove { worktree, ignored } => remove(&context, &worktree, RemoveWorktree { ignored }),
        }
    }
}

fn list(context: &Context, json: bool) -> Outcome {
    let client = context.client()?;
    let found = context.block_on(client.worktrees())??;
    if json {
        return output::json(&found);
    }
    if found.is_empty() {
        output::say("no worktrees; `codepiper start --worktree` makes one for a session");
        return Ok(());
    }
    let mut table =
        Table::new(["BRANCH", "SIZE", "UNCOMMITTED", "IGNORED", "UNPUSHED", "SESSIONS", "PATH"], 6);
    for state in found {
        let sessions: Vec<String> = state.sessions.iter().map(|id| id.short()).collect();
        let number = |number: u32| if state.problem.is_some() { "?".to_owned() } else { number.to_string() };
        table.row([
            state.branch.as_deref().unwrap_or("-").into(),
            size(state.bytes).into(),
            number(state.uncommitted).into(),
            number(state.ignored).into(),
            number(state.unpushed).into(),
            if sessions.is_empty() { "-".into() } else { sessions.join(" ").into() },
            state.path.display().to_string().into(),
        ]);
    }
    table.print(None)
}

fn remove(context: &Context, reference: &str, request: RemoveWorktree) -> Outcome {
    let client = context.client()?;
    let found = context.block_on(client.worktrees())??;
    let meant = |state: &&WorktreeState| {
        state.id == reference
            || state.path == Path::new(reference)
            || state.branch.as_deref() == Some(reference)
    };
    let id = match found.iter().filter(meant).collect::<Vec<_>>()[..] {
        [one] => one.id.clone(),
        [] => {
            let message =
                format!("no worktree '{reference}'; codepiper worktree list shows those that exist");
            return Err(Failure::Said { code: 3, message });
        }
        [..] => {
            let paths: Vec<_> =
                found.iter().filter(meant).map(|state| state.path.display().to_string()).collect();
            let paths = paths.join(", ");
            let message = format!("'{reference}' fits several worktrees: {paths}; use the path of one");
            return Err(Failure::Said { code: 3, message });
        }
    };
    let removed = context.block_on(client.remove_worktree(&id, request))??;
    let path = removed.path.display();
    match removed.kept_branch {
        Some(branch) => output::done(format_args!("Worktree {path} removed; its branch {branch} stays")),
        None => output::done(format_args!(
            "Worktree {path} removed, and its branch, which had no commit of its own"
        )),
    }
}

/// Says what the worktree of a new session does not have.
pub(super) fn say_what_is_missing(worktree: &Worktree) {
    let repository = worktree.repository.display();
    output::say(format_args!("branch {} in {}", worktree.branch, worktree.path.display()));
    if worktree.uncommitted > 0 {
        output::say(format_args!("{} uncommitted file(s) stay in {repository}", worktree.uncommitted));
    }
    let paths = |paths: &[std::path::PathBuf]| {
        paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    };
    if !worktree.ignored.is_empty() {
        output::say(format_args!(
            "not in the worktree, since git ignores it: {}; copy what the session needs",
            paths(&worktree.ignored)
        ));
    }
    if !worktree.submodules.is_empty() {
        output::say(format_args!(
            "empty in the worktree: submodules {}; git submodule update --init fills them",
            paths(&worktree.submodules)
        ));
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        _ => format!("{} MiB", bytes.div_ceil(1 << 20)),
    }
}
