//! The work tree as it is now, as a tree that a reference keeps. Neither the index nor a reflog is touched.

use std::path::Path;
use std::time::{Duration, Instant};

use codepiper_protocol::SessionId;
use codepiper_protocol::wire::git::Snapshot;
use codepiper_protocol::wire::problem::{Code, Problem};
use git2::{Delta, DiffOptions};
use jiff::Timestamp;

use super::base::{OURS, reference};
use super::error::Failure;
use super::name::TreePath;
use super::repo::Repo;

/// Larger files that git does not track are left out, in bytes.
const LARGEST_UNTRACKED: u64 = 1024 * 1024;
/// Larger files of any kind are.
const LARGEST: u64 = 16 * 1024 * 1024;
/// It is given up after this time.
const LIMIT: Duration = Duration::from_secs(2);
/// So many turns of a session are kept.
const MOST_TURNS: usize = 100;
/// What is kept of a turn is called so, and when it began.
const TURN: &str = "turn-";
/// So many of those that were left out are named.
const MOST_NAMED: usize = 50;

/// Keeps the work tree as it is now under the name of a session and of what it is for.
pub fn keep(repo: &Repo, session: SessionId, kind: &str) -> Result<Snapshot, Failure> {
    let snapshot = take(repo)?;
    let tree = git2::Oid::from_str(&snapshot.tree)?;
    repo.git.reference(&reference(session, kind), tree, true, "")?;
    Ok(snapshot)
}

/// Keeps the work tree as it is when a prompt is submitted, beside those of the last prompts.
pub fn keep_turn(repo: &Repo, session: SessionId, at: Timestamp) -> Result<Snapshot, Failure> {
    // A clock that was set back does not make the newest turn an old one.
    let last = turns(repo, session)?.first().map(|last| last.as_millisecond() + 1);
    let at = last.unwrap_or_default().max(at.as_millisecond());
    let snapshot = keep(repo, session, &turn_kind(at))?;
    for old in turns(repo, session)?.into_iter().skip(MOST_TURNS) {
        repo.git.find_reference(&reference(session, &turn_kind(old.as_millisecond())))?.delete()?;
    }
    Ok(snapshot)
}

/// `at` in ms since 1970.
fn turn_kind(at: i64) -> String {
    format!("{TURN}{at}")
}

/// When the prompts were submitted whose states are kept, newest first.
pub fn turns(repo: &Repo, session: SessionId) -> Result<Vec<Timestamp>, Failure> {
    let (begin, end) = (format!("{OURS}{TURN}"), format!("/{session}"));
    let mut found = Vec::new();
    for name in repo.git.references_glob(&format!("{begin}*{end}"))?.names() {
        let number = name?.strip_prefix(&begin).and_then(|rest| rest.strip_suffix(&end)?.parse().ok());
        found.extend(number.and_then(|number| Timestamp::from_millisecond(number).ok()));
    }
    found.sort_unstable_by(|one, other| other.cmp(one));
    Ok(found)
}

/// The references that keep states of a session.
pub fn forget(repo: &Repo, session: SessionId) -> Result<(), Failure> {
    for found in repo.git.references_glob(&format!("{OURS}*"))? {
        let mut found = found?;
        if found.name_bytes().ends_with(format!("/{session}").as_bytes()) {
            found.delete()?;
        }
    }
    Ok(())
}

/// The index knows what is the same as in the work tree: only what differs is read.
fn take(repo: &Repo) -> Result<Snapshot, Failure> {
    let began = Instant::now();
    let too_long = || {
        let detail = format!("the work tree was not recorded: that takes longer than {} s", LIMIT.as_secs());
        Failure::Said(Problem::new(Code::Timeout, detail))
    };
    let mut options = DiffOptions::new();
    options.include_untracked(true).recurse_untracked_dirs(true).include_typechange(true);
    options.skip_binary_check(true).ignore_case(false);
    // Its index is changed in memory and never written; who reads with `repo` must not see that.
    let own = Repo::open(&repo.root)?.git;
    let mut index = own.index()?;
    let diff = own.diff_index_to_workdir(Some(&index), Some(&mut options))?;
    if began.elapsed() > LIMIT {
        return Err(too_long());
    }
    let mut left_out = Vec::new();
    for delta in diff.deltas() {
        let name = delta.new_file().path_bytes().or(delta.old_file().path_bytes()).unwrap_or_default();
        // A repository inside of this one ends with a slash, and is no file.
        let Some(path) = TreePath::from_bytes(name) else { continue };
        let most = if delta.status() == Delta::Untracked { LARGEST_UNTRACKED } else { LARGEST };
        if delta.status() == Delta::Conflicted {
            index.conflict_remove(path.as_path())?;
        }
        match size_of(&repo.root.join(path.as_path())) {
            Some(size) if size > most => left_out.push(path.text()),
            // A file that ends or cannot be read meanwhile is as it was.
            Some(_) => drop(index.add_path(path.as_path())),
            None => index.remove_path(path.as_path())?,
        }
        if began.elapsed() > LIMIT {
            return Err(too_long());
        }
    }
    left_out.truncate(MOST_NAMED);
    Ok(Snapshot { tree: index.write_tree()?.to_string(), left_out })
}

fn size_of(path: &Path) -> Option<u64> {
    path.symlink_metadata().ok().map(|meta| if meta.is_file() { meta.len() } else { 0 })
}
