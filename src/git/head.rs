//! What is checked out, and how it moves.

use std::path::{Path, PathBuf};

use codepiper_protocol::SessionId;
use codepiper_protocol::wire::git::{DiffFile, ReadPage};
use codepiper_protocol::wire::session::Changes;
use git2::{Oid, Repository};
use jiff::Timestamp;

use super::base;
use super::diff;
use super::error::Failure;
use super::name::text_of;
use super::operation;
use super::repo::Repo;

/// Commits are counted so far.
const MOST_COUNTED: usize = 1000;

/// What is checked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// `None`: no branch.
    pub branch: Option<String>,
    /// `None`: there is no commit yet.
    commit: Option<Oid>,
}

/// How it moved.
#[derive(Debug, PartialEq, Eq)]
pub enum Moved {
    /// Commits were made. `summary` is the first line of the last one.
    Committed { commit: String, summary: String, commits: u32 },
    /// Another branch, or another commit without one, was checked out.
    Switched,
}

impl Head {
    /// While a branch is rebased, that branch as it was: what git checks out on the way is no news.
    pub fn of(repo: &Repo) -> Result<Self, Failure> {
        if let Some((branch, commit)) = operation::rebased(&repo.git) {
            return Ok(Self { branch: Some(branch), commit: Some(commit) });
        }
        let head = repo.git.find_reference("HEAD")?;
        let target = head.symbolic_target().ok().flatten();
        let branch = target.map(|target| target.strip_prefix("refs/heads/").unwrap_or(target).to_owned());
        let commit = repo.git.head().ok().and_then(|head| head.target());
        Ok(Self { branch, commit })
    }

    /// What people call it: the branch, or the short id of the commit.
    pub fn name(&self) -> String {
        let commit = || self.commit.map(|commit| commit.to_string()[..8].to_owned());
        self.branch.clone().or_else(commit).unwrap_or_else(|| "nothing".to_owned())
    }

    /// What happened between two looks; `None` when nothing did that people would tell, as a reset.
    pub fn moved(&self, now: &Self, repo: &Repo) -> Option<Moved> {
        if self.branch != now.branch || (now.branch.is_none() && self.commit != now.commit) {
            return Some(Moved::Switched);
        }
        let commit = now.commit.filter(|commit| Some(*commit) != self.commit)?;
        let commits = made(&repo.git, self.commit, commit)?;
        let summary = repo.git.find_commit(commit).ok()?.summary_bytes().map(text_of);
        Some(Moved::Committed { commit: commit.to_string(), summary: summary.unwrap_or_default(), commits })
    }
}

/// How many commits were made on top of the old one, or in its place: an amended one is one.
fn made(git: &Repository, old: Option<Oid>, new: Oid) -> Option<u32> {
    let Some(old) = old else { return Some(1) };
    let mut walk = git.revwalk().ok()?;
    walk.push(new).ok()?;
    walk.hide(old).ok()?;
    let commits = u32::try_from(walk.take(MOST_COUNTED).count()).ok()?;
    let amended = || {
        let parents = |id: Oid| git.find_commit(id).map(|commit| commit.parent_ids().collect::<Vec<_>>());
        parents(old).ok() == parents(new).ok()
    };
    let grown = git.graph_descendant_of(new, old).unwrap_or(false);
    (commits > 0 && (grown || amended())).then_some(commits)
}

/// Where a change of what is checked out is seen: directories, and how the paths of the files in them begin.
pub fn places(repo: &Repo, head: &Head) -> Vec<(PathBuf, PathBuf)> {
    let (own, common) = (repo.git.path(), repo.git.commondir());
    let logs = own.join("logs");
    let mut places = vec![(own.to_owned(), own.join("HEAD"))];
    if logs.is_dir() {
        places.push((logs.clone(), logs.join("HEAD")));
    }
    if let Some(branch) = &head.branch {
        let file = common.join("refs/heads").join(branch);
        // Until the branch has a file, the nearest directory tells.
        let dir = file.ancestors().skip(1).find(|dir| dir.is_dir()).map(Path::to_owned);
        places.extend(dir.map(|dir| (dir, file)));
    }
    places
}

/// How much a session changed since it began, committed or not. `None`: where it began is not known.
pub fn changes_since_start(repo: &Repo, session: SessionId) -> Result<Option<Changes>, Failure> {
    let Ok(start) = base::State::parse(repo, session, "start") else { return Ok(None) };
    let page = ReadPage { from: None, limit: None };
    let found = diff::list(repo, &start, &base::State::Work, &page)?;
    let sum = |lines: fn(&DiffFile) -> Option<u32>| found.files.iter().filter_map(lines).map(u64::from).sum();
    Ok(Some(Changes {
        files: found.total,
        added: sum(|file| file.added),
        removed: sum(|file| file.removed),
        whole: !found.uncounted && found.next.is_none(),
        counted_at: Timestamp::now(),
    }))
}

#[cfg(test)]
mod tests {
    use super::super::tests::Sandbox;
    use super::*;

    #[test]
    fn commits_and_switches_are_told_apart() {
        let sandbox = Sandbox::new();
        let look = || {
            let repo = Repo::open(sandbox.dir.path()).unwrap();
            (Head::of(&repo).unwrap(), repo)
        };
        let (before, _) = look();
        assert!(before.branch.is_some() && before.commit.is_none());
        let step = |before: &Head| {
            let (now, repo) = look();
            let moved = before.moved(&now, &repo);
            (now, moved)
        };
        let commit = |message: &str| {
            sandbox.write("file", message);
            sandbox.git(["add", "-A"]);
            sandbox.git(["commit", "-q", "-m", message]);
        };
        let told = |moved: Option<Moved>| match moved {
            Some(Moved::Committed { summary, commits, .. }) => format!("{commits} {summary}"),
            Some(Moved::Switched) => "switched".to_owned(),
            None => "nothing".to_owned(),
        };
        commit("first");
        let (first, moved) = step(&before);
        assert_eq!(told(moved), "1 first");
        commit("second");
        commit("third");
        let (third, moved) = step(&first);
        assert_eq!(told(moved), "2 third");
        sandbox.git(["commit", "-q", "--amend", "-m", "other"]);
        let (amended, moved) = step(&third);
        assert_eq!(told(moved), "1 other");
        assert_eq!(told(step(&amended).1), "nothing");
        sandbox.git(["reset", "-q", "--hard", "HEAD~1"]);
        let (reset, moved) = step(&amended);
        assert_eq!(told(moved), "nothing");
        sandbox.git(["checkout", "-q", "-b", "topic/one"]);
        let (topic, moved) = step(&reset);
        assert_eq!((told(moved), topic.name().as_str()), ("switched".to_owned(), "topic/one"));
        sandbox.git(["checkout", "-q", "--detach"]);
        let (detached, moved) = step(&topic);
        assert_eq!((told(moved), detached.name().len()), ("switched".to_owned(), 8));
    }

    #[test]
    fn what_changed_since_a_session_began_is_counted() {
        let sandbox = Sandbox::new();
        sandbox.write("kept", "1\n2\n3\n");
        sandbox.commit_all();
        let repo = Repo::open(sandbox.dir.path()).unwrap();
        let session = SessionId::random();
        assert_eq!(changes_since_start(&repo, session).unwrap(), None);
        super::super::snapshot::keep(&repo, session, "start").unwrap();
        sandbox.write("kept", "1\n3\n4\n5\n");
        sandbox.commit_all();
        sandbox.write("new", "1\n");
        let repo = Repo::open(sandbox.dir.path()).unwrap();
        let changes = changes_since_start(&repo, session).unwrap().unwrap();
        assert_eq!((changes.files, changes.added, changes.removed, changes.whole), (2, 3, 1, true));
    }
}
