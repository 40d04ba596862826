use std::path::Path;

use clap::{Args, Subcommand};
use codepiper_protocol::visible::count;
use codepiper_protocol::wire::problem::Next;
use codepiper_protocol::wire::worktree::{
    MergeWorktree, RemoveWorktree, Worktree, WorktreeMerged, WorktreeState,
};

use super::failure::{Failure, OF_DAEMON, OF_SESSIONS, Outcome, exit_codes};
use super::table::Table;
use super::{Context, output};

/// Manage the worktrees created by `start --worktree`
#[derive(Args)]
#[command(name = "worktree", after_help = exit_codes(OF_DAEMON))]
pub(super) struct Worktrees {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// List worktrees, their disk usage and the work that would be lost by removing them
    #[command(after_help = exit_codes(OF_DAEMON))]
    List {
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Merge a worktree's branch into another local branch; nothing is pushed, and on any conflict nothing is changed
    #[command(after_help = exit_codes(OF_SESSIONS))]
    Merge {
        /// Path, branch, or id as shown by `codepiper worktree list --json`; or a session that was started with it
        worktree: String,
        /// Merge everything as one commit
        #[arg(long)]
        squash: bool,
        /// The branch to merge into [default: the one checked out in the repository]
        #[arg(long, value_name = "BRANCH")]
        into: Option<String>,
    },
    /// Remove an unused worktree without unsaved work; its branch stays, unless it was named automatically and has
    /// no commits of its own
    #[command(after_help = exit_codes(OF_SESSIONS))]
    Remove {
        /// Path, branch, or id as shown by `codepiper worktree list --json`; or a session that was started with it
        worktree: String,
        /// Also delete ignored files, such as build output and .env files
        #[arg(long)]
        ignored: bool,
    },
}

impl Worktrees {
    pub(super) fn run(self, context: Context) -> Outcome {
        match self.verb {
            Verb::List { json } => list(&context, json),
            Verb::Merge { worktree, squash, into } => {
                merge(&context, &worktree, &MergeWorktree { into, squash })
            }
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
        output::say("no worktrees; create one with `codepiper start --worktree`");
        return Ok(());
    }
    let mut table = Table::new(
        ["BRANCH", "AHEAD", "BEHIND", "SIZE", "UNCOMMITTED", "IGNORED", "UNPUSHED", "SESSIONS", "PATH"],
        8,
    );
    for state in found {
        let sessions: Vec<String> = state.sessions.iter().map(|id| id.short()).collect();
        let number = |number: u32| if state.problem.is_some() { "?".to_owned() } else { number.to_string() };
        let counted = |number: Option<u32>| number.map_or("-".to_owned(), |number| number.to_string());
        table.row([
            state.branch.as_deref().unwrap_or("-").into(),
            counted(state.ahead).into(),
            counted(state.behind).into(),
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
    let id = find(context, reference)?.id;
    let removed = context.block_on(client.remove_worktree(&id, request))??;
    let path = removed.path.display();
    match removed.kept_branch {
        Some(branch) => output::done(format_args!("Worktree {path} removed; branch {branch} kept")),
        None => output::done(format_args!(
            "Worktree {path} removed, with its branch, which had no commits of its own"
        )),
    }
}

fn merge(context: &Context, reference: &str, request: &MergeWorktree) -> Outcome {
    let client = context.client()?;
    let found = find(context, reference)?;
    let merged = context.block_on(client.merge_worktree(&found.id, request))??;
    let WorktreeMerged { branch, into, commit, commits, fast_forward } = merged;
    if commits == 0 {
        output::done(format_args!("{into} already has every commit of {branch}"))?;
    } else {
        let how = match (request.squash, fast_forward) {
            (true, _) => "as one commit",
            (false, true) => "by fast-forward",
            (false, false) => "with a merge commit",
        };
        let commits = count(commits, "commit");
        output::done(format_args!(
            "{commits} of {branch} merged into {into} {how}; {into} is at {commit:.8}"
        ))?;
    }
    if found.in_use {
        output::say("a session is still running in the worktree; merge again for what it commits later");
    } else {
        output::say(format_args!("remove the worktree with `codepiper worktree remove {reference}`"));
    }
    Ok(())
}

fn find(context: &Context, reference: &str) -> Result<WorktreeState, Failure> {
    let client = context.client()?;
    let found = context.block_on(client.worktrees())??;
    let meant = |state: &&WorktreeState| {
        state.id == reference
            || state.path == Path::new(reference)
            || state.branch.as_deref() == Some(reference)
    };
    match found.iter().filter(meant).collect::<Vec<_>>()[..] {
        [one] => Ok(one.clone()),
        [] => {
            // A session means the one that it was started with.
            let session = context.block_on(client.session(reference))?.ok();
            let path = session.and_then(|session| session.worktree).map(|worktree| worktree.path);
            if let Some(state) = found.iter().find(|state| Some(&state.path) == path.as_ref()) {
                return Ok(state.clone());
            }
            let failure = Failure::not_found(format_args!("no worktree '{reference}'"));
            Err(failure.with_next(Some(&Next::ListWorktrees)))
        }
        [..] => {
            let paths: Vec<_> =
                found.iter().filter(meant).map(|state| state.path.display().to_string()).collect();
            let paths = paths.join(", ");
            Err(Failure::not_found(format_args!(
                "'{reference}' matches several worktrees: {paths}; use the path of one"
            )))
        }
    }
}

/// Says what the worktree of a new session does not have.
pub(super) fn say_what_is_missing(worktree: &Worktree) {
    let repository = worktree.repository.display();
    output::say(format_args!("branch {} in {}", worktree.branch, worktree.path.display()));
    if worktree.uncommitted > 0 {
        let files = count(worktree.uncommitted, "uncommitted file");
        output::say(format_args!("not in the worktree: {files} in {repository}"));
    }
    let paths = |paths: &[std::path::PathBuf]| {
        paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
    };
    if !worktree.ignored.is_empty() {
        output::say(format_args!(
            "not in the worktree, because git ignores it: {}; copy what the session needs",
            paths(&worktree.ignored)
        ));
    }
    if !worktree.submodules.is_empty() {
        output::say(format_args!(
            "submodules are empty in the worktree: {}; fill them with git submodule update --init",
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
