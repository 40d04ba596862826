use anstyle::{AnsiColor, Style};
use clap::{Args, Subcommand};
use codepiper_protocol::wire::git::{
    Change, GitFile, GitHead, GitOperation, GitProgress, GitStatus, ReadLog, ReadPage,
};
use jiff::Timestamp;

use super::failure::{OF_SESSIONS, Outcome, exit_codes};
use super::next::hint;
use super::table::Table;
use super::time::age;
use super::{Context, output};

const HEADING: Style = Style::new().bold();
const STAGED: Style = AnsiColor::Green.on_default();
const UNSTAGED: Style = AnsiColor::Red.on_default();

/// Show what git says about a session's directory
///
/// No program that the repository's configuration names is run: no hook, pager, filter or file system monitor.
#[derive(Args)]
#[command(name = "git", after_help = exit_codes(OF_SESSIONS))]
pub(super) struct Git {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Args)]
struct What {
    /// Session id, unique id prefix, or name
    #[arg(value_name = "ID")]
    session: String,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Subcommand)]
enum Verb {
    /// List staged, changed, untracked and conflicted files
    #[command(after_help = exit_codes(OF_SESSIONS))]
    Status {
        #[command(flatten)]
        what: What,
    },
    /// List commits, newest first
    #[command(after_help = exit_codes(OF_SESSIONS))]
    Log {
        #[command(flatten)]
        what: What,
        /// Start at this branch, tag or commit [default: what is checked out]
        #[arg(long, value_name = "REF")]
        of: Option<String>,
        /// Number of commits, at most 200
        #[arg(short, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
        n: u32,
    },
    /// List local and remote-tracking branches
    #[command(after_help = exit_codes(OF_SESSIONS))]
    Branches {
        #[command(flatten)]
        what: What,
    },
}

impl Git {
    pub(super) fn run(self, context: Context) -> Outcome {
        match self.verb {
            Verb::Status { what } => status(&context, &what),
            Verb::Log { what, of, n } => log(&context, &what, &ReadLog { of, from: None, limit: Some(n) }),
            Verb::Branches { what } => branches(&context, &what),
        }
    }
}

fn status(context: &Context, what: &What) -> Outcome {
    let client = context.client()?;
    let mut found: GitStatus = context.block_on(client.git_status(&what.session, &ReadPage::default()))??;
    while let Some(next) = found.next {
        let page = ReadPage { from: Some(next), limit: None };
        let more = context.block_on(client.git_status(&what.session, &page))??;
        found.files.extend(more.files);
        found.next = more.next;
    }
    if what.json {
        return output::json(&found);
    }
    output::line(checked_out(&found.head))?;
    if let Some(operation) = found.operation {
        output::line(under_way(operation, found.progress.as_ref()))?;
    }
    if let Some(next) = &found.next_step {
        output::line(format_args!("  {}", hint(next)))?;
    }
    let conflicted = |file: &GitFile| file.conflicted.then_some("conflicted");
    group("Conflicted", &found.files, UNSTAGED, conflicted)?;
    group("Staged", &found.files, STAGED, |file| file.staged.map(word))?;
    let untracked = |file: &GitFile| file.unstaged == Some(Change::Added) && file.staged.is_none();
    group("Changed", &found.files, UNSTAGED, |file| file.unstaged.filter(|_| !untracked(file)).map(word))?;
    group("Untracked", &found.files, UNSTAGED, |file| untracked(file).then_some("new"))?;
    if found.files.is_empty() { output::line("No changes since the last commit") } else { Ok(()) }
}

fn group(
    name: &str,
    files: &[GitFile],
    style: Style,
    fits: impl Fn(&GitFile) -> Option<&'static str>,
) -> Outcome {
    let rows: Vec<(&GitFile, &str)> = files.iter().filter_map(|file| Some((file, fits(file)?))).collect();
    if rows.is_empty() {
        return Ok(());
    }
    output::styled_line([(HEADING, format!("{name} {}", rows.len()))])?;
    let width = rows.iter().map(|(_, word)| word.len() + 2).fold(12, usize::max);
    rows.into_iter().try_for_each(|(file, word)| {
        let old = file.old_path.as_ref().filter(|_| word == "renamed");
        let path = old.map_or(file.path.clone(), |old| format!("{old} → {}", file.path));
        output::styled_line([(style, format!("  {word:<width$}")), (Style::new(), path)])
    })
}

pub(super) fn word(change: Change) -> &'static str {
    match change {
        Change::Added => "new",
        Change::Modified => "modified",
        Change::Deleted => "deleted",
        Change::Renamed => "renamed",
        Change::TypeChanged => "type changed",
    }
}

fn checked_out(head: &GitHead) -> String {
    let branch = match (&head.branch, &head.commit) {
        (Some(branch), Some(_)) => format!("On branch {branch}"),
        (Some(branch), None) => format!("On branch {branch}, no commits yet"),
        (None, Some(commit)) => format!("HEAD detached at {}", short(commit)),
        (None, None) => "No branch".to_owned(),
    };
    match (&head.upstream, head.ahead, head.behind) {
        (Some(upstream), Some(ahead), Some(behind)) => {
            format!("{branch}, {ahead} ahead of and {behind} behind {upstream}")
        }
        _ => branch,
    }
}

fn under_way(operation: GitOperation, progress: Option<&GitProgress>) -> String {
    let what = match operation {
        GitOperation::Merge => "A merge is under way",
        GitOperation::Rebase => "A rebase is under way",
        GitOperation::CherryPick => "A cherry-pick is under way",
        GitOperation::Revert => "A revert is under way",
        GitOperation::Bisect => "A bisect is under way",
        GitOperation::ApplyMailbox => "Patches are being applied (git am)",
    };
    let Some(GitProgress { branch, step, steps }) = progress else { return what.to_owned() };
    let of = branch.as_ref().map(|branch| format!(" of {branch}")).unwrap_or_default();
    format!("{what}: commit {step} of {steps}{of}")
}

fn log(context: &Context, what: &What, wanted: &ReadLog) -> Outcome {
    let found = context.block_on(context.client()?.git_log(&what.session, wanted))??;
    if what.json {
        return output::json(&found);
    }
    let now = Timestamp::now();
    let mut table = Table::new(["COMMIT", "AGE", "AUTHOR", "SUMMARY"], 3);
    for commit in found.commits {
        let refs =
            if commit.refs.is_empty() { String::new() } else { format!("({}) ", commit.refs.join(", ")) };
        table.row([
            short(&commit.id).into(),
            age(commit.at, now).into(),
            commit.author.into(),
            format!("{refs}{}", commit.summary).into(),
        ]);
    }
    table.print(None)
}

fn branches(context: &Context, what: &What) -> Outcome {
    let client = context.client()?;
    let mut found = context.block_on(client.git_branches(&what.session, &ReadPage::default()))??;
    while let Some(next) = found.next {
        let page = ReadPage { from: Some(next), limit: None };
        let more = context.block_on(client.git_branches(&what.session, &page))??;
        found.branches.extend(more.branches);
        found.next = more.next;
    }
    if what.json {
        return output::json(&found);
    }
    let now = Timestamp::now();
    let mut table = Table::new(["", "BRANCH", "AHEAD", "BEHIND", "COMMIT", "AGE", "SUMMARY"], 6);
    let number = |number: Option<u32>| number.map_or("-".to_owned(), |number| number.to_string());
    for branch in found.branches {
        table.row([
            if branch.current { "*" } else { "" }.into(),
            branch.name.into(),
            number(branch.ahead).into(),
            number(branch.behind).into(),
            short(&branch.last.id).into(),
            age(branch.last.at, now).into(),
            branch.last.summary.into(),
        ]);
    }
    table.print(None)
}

fn short(id: &str) -> String {
    id.chars().take(8).collect()
}
