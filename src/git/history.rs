//! Branches, the log and single commits.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use codepiper_protocol::wire::git::{
    GitBranch, GitBranches, GitCommit, GitCommitDetails, GitLog, MAX_COMMITS, ReadLog, ReadPage,
};
use git2::{BranchType, Commit, ErrorCode, Oid, Reference, Repository, Sort};
use jiff::Timestamp;

use super::base::commit_of;
use super::error::Failure;
use super::name::text_of;
use super::repo::Repo;
use super::status::{take_page, upstream};

/// Counting what branches are ahead and behind ends after this time.
const COUNTING: Duration = Duration::from_millis(500);
/// So much of a message is told, in bytes.
const LONGEST_MESSAGE: usize = 64 * 1024;
const LONGEST_SUMMARY: usize = 1024;
/// References whose names are shown beside commits.
const MOST_REFS: usize = 5000;

/// Local branches, then remote-tracking ones.
pub fn branches(repo: &Repo, page: &ReadPage) -> Result<GitBranches, Failure> {
    let mut found = Vec::new();
    for branch in repo.git.branches(None)? {
        let (branch, kind) = branch?;
        // `origin/HEAD` stands for another one.
        if branch.get().symbolic_target_bytes().is_none() {
            found.push((kind == BranchType::Remote, text_of(branch.name_bytes()?), branch));
        }
    }
    found.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
    let (found, next) = take_page(found, page.from, page.limit, MAX_COMMITS);
    let began = Instant::now();
    let mut branches = Vec::new();
    for (remote, name, branch) in found {
        // One that points nowhere is no branch to anybody.
        let Ok(commit) = branch.get().peel_to_commit() else { continue };
        let in_time = began.elapsed() < COUNTING;
        let tracked = (!remote && in_time).then(|| upstream(&repo.git, &branch)).flatten();
        let counts = tracked.as_ref().and_then(|(_, counts)| *counts);
        branches.push(GitBranch {
            name,
            remote,
            current: branch.is_head(),
            upstream: tracked.map(|(name, _)| name),
            ahead: counts.map(|both| both.0),
            behind: counts.map(|both| both.1),
            last: describe(&commit, &HashMap::new()),
        });
    }
    Ok(GitBranches { branches, next })
}

/// Commits, newest first.
pub fn log(repo: &Repo, wanted: &ReadLog) -> Result<GitLog, Failure> {
    let mut walk = repo.git.revwalk()?;
    // By time alone: sorting by topology would read the whole history first.
    walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME)?;
    match &wanted.of {
        Some(name) => walk.push(commit_of(repo, name)?.id())?,
        None => match repo.git.head().and_then(|head| head.peel_to_commit()) {
            Ok(head) => walk.push(head.id())?,
            Err(error) if matches!(error.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => {
                return Ok(GitLog { commits: vec![], next: None });
            }
            Err(error) => return Err(error.into()),
        },
    }
    let from = wanted.from.unwrap_or(0);
    let limit = wanted.limit.unwrap_or(MAX_COMMITS).clamp(1, MAX_COMMITS);
    let refs = refs(&repo.git)?;
    let mut commits = Vec::new();
    let mut ids = walk.skip(from as usize);
    for id in ids.by_ref().take(limit as usize) {
        commits.push(describe(&repo.git.find_commit(id?)?, &refs));
    }
    let next = ids.next().is_some().then_some(from.saturating_add(limit));
    Ok(GitLog { commits, next })
}

/// All about one commit.
pub fn commit(repo: &Repo, name: &str) -> Result<GitCommitDetails, Failure> {
    let commit = commit_of(repo, name)?;
    let (author, committer) = (commit.author(), commit.committer());
    Ok(GitCommitDetails {
        commit: describe(&commit, &refs(&repo.git)?),
        message: cut(commit.message_bytes(), LONGEST_MESSAGE),
        author_email: cut(author.email_bytes(), LONGEST_SUMMARY),
        authored_at: time(author.when()),
        committer: cut(committer.name_bytes(), LONGEST_SUMMARY),
        committer_email: cut(committer.email_bytes(), LONGEST_SUMMARY),
    })
}

/// The names of branches and tags, by the commit.
fn refs(git: &Repository) -> Result<HashMap<Oid, Vec<String>>, Failure> {
    let mut found: HashMap<Oid, Vec<String>> = HashMap::new();
    let is_shown = |reference: &Reference| {
        (reference.is_branch() || reference.is_tag() || reference.is_remote())
            && reference.symbolic_target_bytes().is_none()
    };
    for reference in git.references()?.flatten().filter(is_shown).take(MOST_REFS) {
        let Ok(commit) = reference.peel_to_commit() else { continue };
        found.entry(commit.id()).or_default().push(text_of(reference.shorthand_bytes()));
    }
    Ok(found)
}

fn describe(commit: &Commit, refs: &HashMap<Oid, Vec<String>>) -> GitCommit {
    GitCommit {
        id: commit.id().to_string(),
        parents: commit.parent_ids().map(|id| id.to_string()).collect(),
        summary: cut(commit.summary_bytes().unwrap_or_default(), LONGEST_SUMMARY),
        author: cut(commit.author().name_bytes(), LONGEST_SUMMARY),
        at: time(commit.time()),
        refs: refs.get(&commit.id()).cloned().unwrap_or_default(),
    }
}

/// Text for people: what is no UTF-8 is replaced.
fn cut(bytes: &[u8], most: usize) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(most)]).into_owned()
}

/// Commits may have any time.
fn time(time: git2::Time) -> Timestamp {
    Timestamp::from_second(time.seconds()).unwrap_or(Timestamp::UNIX_EPOCH)
}
