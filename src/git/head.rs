//! What is checked out, and how it moves.

mod reflog;

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

/// What is checked out. Nothing at all, where there is no repository.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// `None`: no branch.
    pub branch: Option<String>,
    /// `None`: there is no commit yet.
    commit: Option<Oid>,
    /// How long git's log of it was.
    logged: u64,
}

/// How it moved.
#[derive(Debug, PartialEq, Eq)]
pub enum Moved {
    /// Commits were made. `summary` is the first line of the last one.
    Committed { branch: String, commit: String, summary: String, commits: u32 },
    /// Another branch, or another commit without one, was checked out.
    Switched { from: String, to: String },
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        (&self.branch, self.commit) == (&other.branch, other.commit)
    }
}

impl Head {
    /// While a branch is rebased, that branch as it was: what git checks out on the way is no news.
    pub fn of(repo: &Repo) -> Result<Self, Failure> {
        let logged = reflog::length(&repo.git);
        if let Some((branch, commit)) = operation::rebased(&repo.git) {
            return Ok(Self { branch: Some(branch), commit: Some(commit), logged });
        }
        let head = repo.git.find_reference("HEAD")?;
        let target = head.symbolic_target().ok().flatten();
        let branch = target.map(|target| target.strip_prefix("refs/heads/").unwrap_or(target).to_owned());
        let commit = repo.git.head().ok().and_then(|head| head.target());
        Ok(Self { branch, commit, logged })
    }

    /// What people call it: the branch, or the short id of the commit.
    pub fn name(&self) -> String {
        let commit = || self.commit.map(|commit| commit.to_string()[..8].to_owned());
        self.branch.clone().or_else(commit).unwrap_or_else(|| "nothing".to_owned())
    }

    /// Whether the same is checked out: the branch, whatever commit it is at, or the commit.
    fn is(&self, other: &Self) -> bool {
        self.branch == other.branch && (self.branch.is_some() || self.commit == other.commit)
    }

    /// What happened between two looks, in order; nothing when nothing did that people would tell, as a reset.
    pub fn moved(&self, now: &Self, repo: &Repo) -> Vec<Moved> {
        // A repository that is new switches from nothing.
        let mut told = if *self == Self::default() { now.clone() } else { self.clone() };
        let mut moves = Vec::new();
        let stays = self.stays(now, &repo.git);
        let last = stays.len() - 1;
        for (number, Stay { began, end }) in stays.into_iter().enumerate() {
            let committed = committed(&repo.git, began, &end);
            if (number == last || committed.is_some()) && !told.is(&end) {
                moves.push(Moved::Switched { from: told.name(), to: end.name() });
                told = end;
            }
            moves.extend(committed);
        }
        moves
    }

    /// What was checked out, one after the other. Git's log of HEAD knows; where it does not tell, there is what was and
    /// what is.
    fn stays(&self, now: &Self, git: &Repository) -> Vec<Stay> {
        let lines = reflog::since(git, self.logged);
        let (mut stays, mut began, mut branch) = (vec![], Began::At(self.commit), self.branch.clone());
        for line in &lines {
            let Some((from, to)) = line.checkout() else { continue };
            let left = Some(from).filter(|from| line.old.is_none_or(|old| old.to_string() != *from));
            // The first was looked at already when it was not there that git was.
            if stays.is_empty() && left != self.branch.as_deref() {
                continue;
            }
            let end = Self { branch: left.map(str::to_owned), commit: line.old, logged: 0 };
            stays.push(Stay { began, end });
            (began, branch) = (Began::At(line.new), Some(to.to_owned()));
        }
        let is_new = self.commit.is_none() || branch != now.branch;
        began = match lines.first().filter(|_| stays.is_empty() && is_new) {
            Some(first) if first.begins() => Began::At(None),
            // What came from elsewhere was not made here.
            Some(_) => Began::Unknown,
            None if branch != now.branch => Began::Unknown,
            None => began,
        };
        stays.push(Stay { began, end: now.clone() });
        stays
    }
}

/// Something was checked out for a while.
struct Stay {
    began: Began,
    end: Head,
}

/// Where a stay began.
enum Began {
    At(Option<Oid>),
    Unknown,
}

fn committed(git: &Repository, began: Began, end: &Head) -> Option<Moved> {
    let Began::At(old) = began else { return None };
    let (branch, commit) = (end.branch.clone()?, end.commit.filter(|commit| Some(*commit) != old)?);
    let commits = made(git, old, commit)?;
    let summary = git.find_commit(commit).ok()?.summary_bytes().map(text_of);
    Some(Moved::Committed {
        branch,
        commit: commit.to_string(),
        summary: summary.unwrap_or_default(),
        commits,
    })
}

/// How many commits were made on top of the old one, or in its place: an amended one is one.
fn made(git: &Repository, old: Option<Oid>, new: Oid) -> Option<u32> {
    let mut walk = git.revwalk().ok()?;
    walk.push(new).ok()?;
    if let Some(old) = old {
        walk.hide(old).ok()?;
    }
    let commits = u32::try_from(walk.take(MOST_COUNTED).count()).ok()?;
    let Some(old) = old else { return Some(commits) };
    let amended = || {
        let parents = |id: Oid| git.find_commit(id).map(|commit| commit.parent_ids().collect::<Vec<_>>());
        parents(old).ok() == parents(new).ok()
    };
    let grown = git.graph_descendant_of(new, old).unwrap_or(false);
    (commits > 0 && (grown || amended())).then_some(commits)
}

/// Where it is seen that a directory gets a repository of its own.
pub fn places_to_come(dir: &Path) -> Vec<(PathBuf, PathBuf)> {
    let own = dir.join(".git");
    let mut places = vec![(dir.to_owned(), own.clone())];
    if own.is_dir() {
        places.push((own.clone(), own.join("HEAD")));
    }
    places
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

    fn text(moved: &Moved) -> String {
        match moved {
            Moved::Committed { branch, summary, commits, .. } => format!("{branch}: {commits} {summary}"),
            Moved::Switched { from, to } => format!("{from} → {to}"),
        }
    }

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
        let told = |moved: Vec<Moved>| moved.iter().map(text).collect::<Vec<_>>().join(", ");
        commit("first");
        let (first, moved) = step(&before);
        assert_eq!(told(moved), "main: 1 first");
        commit("second");
        commit("third");
        let (third, moved) = step(&first);
        assert_eq!(told(moved), "main: 2 third");
        sandbox.git(["commit", "-q", "--amend", "-m", "other"]);
        let (amended, moved) = step(&third);
        assert_eq!(told(moved), "main: 1 other");
        assert_eq!(told(step(&amended).1), "");
        sandbox.git(["reset", "-q", "--hard", "HEAD~1"]);
        let (reset, moved) = step(&amended);
        assert_eq!(told(moved), "");
        sandbox.git(["checkout", "-q", "-b", "topic/one"]);
        let (topic, moved) = step(&reset);
        assert_eq!(told(moved), "main → topic/one");
        sandbox.git(["checkout", "-q", "--detach"]);
        let (detached, moved) = step(&topic);
        assert_eq!((told(moved), detached.name().len()), (format!("topic/one → {}", detached.name()), 8));
    }

    /// Each row is done between two looks.
    #[test]
    fn commits_and_switches_of_one_moment_are_all_told_in_their_order() {
        let sandbox = Sandbox::new();
        let look = || {
            let repo = Repo::open(sandbox.dir.path()).unwrap();
            (Head::of(&repo).unwrap(), repo)
        };
        let rows: [(&[&str], &str); 12] = [
            (&["commit a"], "main: 1 a"),
            (&["checkout -b fix", "commit b"], "main → fix, fix: 1 b"),
            (&["commit c", "checkout main"], "fix: 1 c, fix → main"),
            // It has commits that the other one has not, and they were made before.
            (&["checkout fix"], "main → fix"),
            (&["checkout main", "checkout fix"], ""),
            (&["checkout main", "commit d", "checkout fix"], "fix → main, main: 1 d, main → fix"),
            (&["checkout --orphan new", "commit e"], "fix → new, new: 1 e"),
            (&["checkout main"], "new → main"),
            (&["checkout --detach", "checkout -b of-it", "commit f"], "main → of-it, of-it: 1 f"),
            (
                &["checkout -b one", "commit g", "checkout -b two", "commit h", "commit i"],
                "of-it → one, one: 1 g, one → two, two: 2 i",
            ),
            (&["rebase main fix"], "two → fix"),
            (&["branch -m other", "commit j"], "fix → other, other: 1 j"),
        ];
        let (mut before, _) = look();
        for (number, (commands, told)) in rows.into_iter().enumerate() {
            for command in commands {
                match command.strip_prefix("commit ") {
                    Some(message) => sandbox.git(["commit", "-q", "--allow-empty", "-m", message]),
                    None => sandbox.git(command.split(' ')),
                };
            }
            let (now, repo) = look();
            let moved = before.moved(&now, &repo);
            assert_eq!(moved.iter().map(text).collect::<Vec<_>>().join(", "), told, "{number}");
            // Nothing is told twice.
            assert_eq!(now.moved(&look().0, &repo), []);
            before = now;
        }
    }

    #[test]
    fn the_first_commits_of_a_new_repository_are_told_and_no_others() {
        let sandbox = Sandbox::new();
        let told = || {
            let repo = sandbox.repo();
            let moved = Head::default().moved(&Head::of(&repo).unwrap(), &repo);
            moved.iter().map(text).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(told(), "");
        for message in ["one", "two"] {
            sandbox.git(["commit", "-q", "--allow-empty", "-m", message]);
        }
        assert_eq!(told(), "main: 2 two");
        let copy = Sandbox::new();
        copy.git(["pull", "-q", sandbox.dir.path().to_str().unwrap(), "main"]);
        let repo = copy.repo();
        assert_eq!(Head::default().moved(&Head::of(&repo).unwrap(), &repo), []);
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
