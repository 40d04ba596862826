//! The states of a repository that can be compared.

use std::path::Path;

use codepiper_protocol::SessionId;
use codepiper_protocol::wire::auth::LoginId;
use git2::{Commit, ErrorCode, Oid, Repository, Tree};

use super::error::{Failure, invalid, not_found};
use super::name::{Revision, text_of};
use super::repo::Repo;
use super::seen;
use super::snapshot::{self, LeftOut, turns};

/// Where our references are. `git push` takes none of them along.
pub const OURS: &str = "refs/codepiper/";

/// Whose states are meant: a session's, and of what was seen there, the mark of a device if it has one of its own.
#[derive(Clone, Copy, Debug)]
pub struct Reader {
    pub session: SessionId,
    pub login: Option<LoginId>,
}

impl From<SessionId> for Reader {
    fn from(session: SessionId) -> Self {
        Self { session, login: None }
    }
}

/// One side of a comparison.
pub enum State<'r> {
    /// `None`: nothing at all, before the first commit.
    Tree(Option<Tree<'r>>),
    /// The work tree as it was, and what of it was left out.
    Kept {
        tree: Tree<'r>,
        left_out: Vec<LeftOut>,
    },
    Index,
    Work,
}

impl State<'_> {
    /// `Some(None)`: nothing at all.
    pub fn tree(&self) -> Option<Option<&Tree<'_>>> {
        match self {
            Self::Tree(tree) => Some(tree.as_ref()),
            Self::Kept { tree, .. } => Some(Some(tree)),
            Self::Index | Self::Work => None,
        }
    }

    pub fn left_out(&self) -> &[LeftOut] {
        match self {
            Self::Kept { left_out, .. } => left_out,
            _ => &[],
        }
    }

    /// Whether the file below `root` was left out, and is still the same.
    pub fn leaves_out(&self, path: &[u8], root: &Path) -> bool {
        if self.left_out().is_empty() {
            return false;
        }
        let name = text_of(path);
        let named = self.left_out().iter().find(|file| file.path == name);
        named.is_some_and(|file| file.is_at(path, root))
    }

    /// What the API calls it.
    pub fn name(&self) -> String {
        match self {
            Self::Tree(Some(tree)) | Self::Kept { tree, .. } => tree.id().to_string(),
            Self::Tree(None) => "nothing".to_owned(),
            Self::Index => "index".to_owned(),
            Self::Work => "work".to_owned(),
        }
    }

    /// The state that is meant. `reader` is whose `start`, `seen` and `turn` it is; `turn~2` is two turns before the last
    /// one, and `turn-MS` the one that began then.
    pub fn parse<'r>(repo: &'r Repo, reader: impl Into<Reader>, text: &str) -> Result<State<'r>, Failure> {
        let reader = reader.into();
        let session = reader.session;
        match text {
            "work" => Ok(State::Work),
            "index" => Ok(State::Index),
            "head" => Ok(State::Tree(head(&repo.git)?)),
            "start" => kept(repo, session, text),
            "seen" => kept(repo, session, &seen::kind(repo, reader)),
            "turn" => turn(repo, session, 0),
            "merge-base" => merge_base(repo, None),
            _ => {
                let back = text.strip_prefix("turn~").and_then(|back| back.parse().ok());
                match (text.strip_prefix("merge-base:"), back) {
                    (Some(branch), _) => merge_base(repo, Some(branch)),
                    (None, Some(back)) => turn(repo, session, back),
                    (None, None) if is_turn(text) => kept(repo, session, text),
                    (None, None) => named(repo, text),
                }
            }
        }
    }
}

/// The last commit's tree.
pub fn head(git: &Repository) -> Result<Option<Tree<'_>>, Failure> {
    match git.head().and_then(|head| head.peel_to_tree()) {
        Ok(tree) => Ok(Some(tree)),
        Err(error) if matches!(error.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The commit that a branch, a tag or an id names.
pub fn commit_of<'r>(repo: &'r Repo, text: &str) -> Result<Commit<'r>, Failure> {
    let bad = || invalid(format!("'{}' is not a commit", shown(text)));
    let name = Revision::parse(text).ok_or_else(bad)?;
    let found = repo.git.revparse_single(name.as_str()).and_then(|object| object.peel_to_commit());
    found.map_err(|_| bad())
}

fn named<'r>(repo: &'r Repo, text: &str) -> Result<State<'r>, Failure> {
    let bad = || {
        invalid(format!(
            "'{}' is neither a commit nor a tree; compare with head, index, merge-base, start, seen, turn, or a \
             branch, tag or commit",
            shown(text)
        ))
    };
    let name = Revision::parse(text).ok_or_else(bad)?;
    match repo.git.revparse_single(name.as_str()) {
        Ok(object) => Ok(State::Tree(Some(object.peel_to_tree().map_err(|_| bad())?))),
        // Before the first commit there was nothing.
        Err(_) => match text.strip_suffix('^').map(|child| commit_of(repo, child)) {
            Some(Ok(child)) if child.parent_count() == 0 => Ok(State::Tree(None)),
            _ => Err(bad()),
        },
    }
}

fn shown(text: &str) -> String {
    text.chars().take(80).collect::<String>().escape_debug().to_string()
}

/// The reference that keeps a state of a session.
pub fn reference(session: SessionId, kind: &str) -> String {
    format!("{OURS}{kind}/{session}")
}

/// Points a reference of ours at an object. No reflog tells of it, whatever is configured (`core.logAllRefUpdates`).
pub fn point(git: &Repository, name: &str, at: Oid) -> Result<(), Failure> {
    git.reference(name, at, true, "")?;
    if git.reference_has_log(name)? {
        git.reflog_delete(name)?;
    }
    Ok(())
}

/// What the API calls a turn: `turn-` and when it began, in ms since 1970.
fn is_turn(text: &str) -> bool {
    text.strip_prefix("turn-")
        .is_some_and(|at| !at.is_empty() && at.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The state at the last prompt, or so many prompts before.
fn turn<'r>(repo: &'r Repo, session: SessionId, back: usize) -> Result<State<'r>, Failure> {
    let turns = turns(repo, session)?;
    match (turns.get(back), turns.len()) {
        (Some(at), _) => kept(repo, session, &format!("turn-{}", at.as_millisecond())),
        (None, 0) => Err(not_found("this session has had no prompt in this repository yet")),
        (None, known) => Err(not_found(format!("only the last {known} turns of this session are known"))),
    }
}

fn kept<'r>(repo: &'r Repo, session: SessionId, kind: &str) -> Result<State<'r>, Failure> {
    let found = repo.git.find_reference(&reference(session, kind));
    let kept = found.and_then(|found| {
        let left_out = found.peel_to_tag().map(|tag| snapshot::left_out(&tag)).unwrap_or_default();
        Ok(State::Kept { tree: found.peel_to_tree()?, left_out })
    });
    kept.map_err(|_| {
        let what = if is_turn(kind) { "that turn" } else { "the session's start" };
        if let Some(why) = snapshot::why_not(repo, session, kind) {
            return not_found(format!("the files at {what} were not recorded: {why}"));
        }
        not_found(match kind {
            _ if kind.starts_with("seen") => "nobody has marked anything as seen yet; compare with the session's start",
            _ if is_turn(kind) => "that turn of the session is not known, or no longer kept",
            _ => "the files at the session's start are not known: it began before this was recorded, or elsewhere",
        })
    })
}

/// Where the branch that is checked out left another one: what changed on it alone.
fn merge_base<'r>(repo: &'r Repo, branch: Option<&str>) -> Result<State<'r>, Failure> {
    let git = &repo.git;
    let head = git.head().and_then(|head| head.peel_to_commit());
    let head = head.map_err(|_| invalid("there is no commit yet, so there is no merge base"))?;
    let other = match branch {
        Some(branch) => commit_of(repo, branch)?.id(),
        None => main_branch(git)?,
    };
    let base =
        git.merge_base(head.id(), other).map_err(|_| invalid("the two branches have no commit in common"))?;
    Ok(State::Tree(Some(git.find_commit(base)?.tree()?)))
}

/// The branch that work goes back to: what the remote calls its own, or one of the usual names.
fn main_branch(git: &Repository) -> Result<Oid, Failure> {
    let names = ["refs/remotes/origin/HEAD", "refs/heads/main", "refs/heads/master", "refs/heads/trunk"];
    let found = names.iter().find_map(|name| git.find_reference(name).ok()?.peel_to_commit().ok());
    found.map(|commit| commit.id()).ok_or_else(|| {
        invalid("there is no branch main, master or trunk, and no origin/HEAD; name the branch: merge-base:BRANCH")
    })
}
