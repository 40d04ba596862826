//! The work tree as it is now, as a tree that a reference keeps. Neither the index nor a reflog is touched.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use codepiper_protocol::SessionId;
use codepiper_protocol::wire::git::{Snapshot, Unrecorded};
use codepiper_protocol::wire::problem::{Code, Problem};
use git2::{
    ConfigLevel, Delta, DiffDelta, DiffOptions, FileMode, Index, IndexEntry, IndexTime, ObjectType, Oid,
    Repository, Signature, Tag, Time,
};
use jiff::Timestamp;
use rustix::fs::{MemfdFlags, memfd_create};
use serde::{Deserialize, Serialize};

use super::base::{OURS, point, reference};
use super::error::{Failure, invalid};
use super::index::Unusual;
use super::name::TreePath;
use super::place;
use super::repo::Repo;

/// Larger files that git does not track are left out, in bytes.
const LARGEST_UNTRACKED: u64 = 1024 * 1024;
/// Larger files of any kind are.
const LARGEST: u64 = 16 * 1024 * 1024;
/// It is given up after this time.
const LIMIT: Duration = Duration::from_secs(2);
/// So many turns of a session are kept.
const MOST_TURNS: usize = 100;
/// What is kept of a session's beginning is called so.
const START: &str = "start";
/// What is kept of a turn is called so, and when it began.
const TURN: &str = "turn-";
/// So many that were left out are known later, and so many are named at once.
const MOST_LEFT_OUT: usize = 1000;
const MOST_NAMED: usize = 50;
/// A file that was written so long before it was read was not written again in the same moment, in s.
const SETTLED: i64 = 2;

/// A file of the work tree that is not in a snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeftOut {
    pub path: String,
    size: u64,
    /// When it was written, in ns since 1970.
    written: i64,
}

impl LeftOut {
    fn new(path: &TreePath, meta: &Metadata) -> Self {
        Self { path: path.text(), size: meta.len(), written: written(meta) }
    }

    /// A name of what it was.
    pub fn version(&self) -> String {
        format!("{}-{}", self.size, self.written)
    }

    /// Whether the file at `path` below `root` is as it was.
    pub fn is_at(&self, path: &[u8], root: &Path) -> bool {
        let meta = root.join(OsStr::from_bytes(path)).symlink_metadata();
        meta.is_ok_and(|meta| (meta.len(), written(&meta)) == (self.size, self.written))
    }
}

fn written(meta: &Metadata) -> i64 {
    meta.mtime().saturating_mul(1_000_000_000).saturating_add(meta.mtime_nsec())
}

/// The work tree as it was a moment ago. Nothing keeps it yet.
pub struct Taken {
    tree: Oid,
    left_out: Vec<LeftOut>,
}

impl Taken {
    /// Keeps it under the name of a session and of what it is for.
    pub fn keep(self, repo: &Repo, session: SessionId, kind: &str) -> Result<Snapshot, Failure> {
        let Self { tree, left_out } = self;
        let at = if left_out.is_empty() { tree } else { tag(&repo.git, tree, &left_out)? };
        point(&repo.git, &reference(session, kind), at)?;
        let left_out = left_out.into_iter().take(MOST_NAMED).map(|file| file.path).collect();
        Ok(Snapshot { tree: tree.to_string(), left_out })
    }
}

/// Keeps the work tree as it is now under the name of a session and of what it is for.
pub fn keep(repo: &Repo, session: SessionId, kind: &str) -> Result<Snapshot, Failure> {
    take(repo, session)?.keep(repo, session, kind)
}

/// A tag of the tree that says what was left out. No log shows it, as it would show a commit.
fn tag(git: &Repository, tree: Oid, left_out: &[LeftOut]) -> Result<Oid, Failure> {
    let tagger =
        Signature::new("CodePiper", "codepiper@localhost", &Time::new(Timestamp::now().as_second(), 0))?;
    let left_out = serde_json::to_string(left_out).map_err(|error| invalid(error.to_string()))?;
    Ok(git.tag_annotation_create("left-out", git.find_tree(tree)?.as_object(), &tagger, &left_out)?)
}

/// What the tag of a snapshot says was left out.
pub fn left_out(tag: &Tag) -> Vec<LeftOut> {
    tag.message_bytes().and_then(|said| serde_json::from_slice(said).ok()).unwrap_or_default()
}

/// Keeps the work tree as it is when a session begins.
pub fn keep_start(repo: &Repo, session: SessionId) -> Result<Snapshot, Failure> {
    keep_or_say(repo, session, START)
}

/// Keeps the work tree as it is when a prompt is submitted, beside those of the last prompts.
pub fn keep_turn(repo: &Repo, session: SessionId, at: Timestamp) -> Result<Snapshot, Failure> {
    // A clock that was set back does not make the newest turn an old one.
    let last = turns(repo, session)?.first().map(|last| last.as_millisecond() + 1);
    let at = last.unwrap_or_default().max(at.as_millisecond());
    let snapshot = keep_or_say(repo, session, &turn_kind(at));
    for old in turns(repo, session)?.into_iter().skip(MOST_TURNS) {
        repo.git.find_reference(&reference(session, &turn_kind(old.as_millisecond())))?.delete()?;
    }
    snapshot
}

/// Where there is no state, a blob says why: what is asked for later is not the state before it.
fn keep_or_say(repo: &Repo, session: SessionId, kind: &str) -> Result<Snapshot, Failure> {
    keep(repo, session, kind).or_else(|failure| {
        let problem = Problem::from(failure);
        let why = repo.git.blob(problem.detail.as_bytes())?;
        point(&repo.git, &reference(session, kind), why)?;
        Err(problem.into())
    })
}

/// Why there is no state of this name, if recording it was given up.
pub fn why_not(repo: &Repo, session: SessionId, kind: &str) -> Option<String> {
    let found = repo.git.find_reference(&reference(session, kind)).ok()?;
    let header = repo.git.odb().ok()?.read_header(found.target()?).ok()?;
    if header.1 != ObjectType::Blob || header.0 == 0 {
        return None;
    }
    let said = repo.git.find_blob(found.target()?).ok()?;
    Some(String::from_utf8_lossy(said.content()).into_owned())
}

/// Bases of a session that were given up.
pub fn unrecorded(repo: &Repo, session: SessionId, turns: &[Timestamp]) -> Vec<Unrecorded> {
    let turns = turns.iter().map(|at| turn_kind(at.as_millisecond()));
    let bases = turns.chain([START.to_owned()]);
    bases.filter_map(|base| Some(Unrecorded { why: why_not(repo, session, &base)?, base })).collect()
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

/// The references that keep states of a session go, and what helped to make them.
pub fn forget(git: &Repository, session: SessionId) -> Result<(), Failure> {
    let _ = fs::remove_file(helper(git, session));
    for found in git.references_glob(&format!("{OURS}*"))? {
        let mut found = found?;
        if found.name_bytes().ends_with(format!("/{session}").as_bytes()) {
            found.delete()?;
        }
    }
    Ok(())
}

/// The index knows what is the same as in the work tree: only what differs is read, unless the session's last snapshot
/// has read it.
pub fn take(repo: &Repo, session: SessionId) -> Result<Taken, Failure> {
    let began = Instant::now();
    let in_time = || match began.elapsed() > LIMIT {
        true => {
            let detail = format!("reading the work tree takes longer than {} s", LIMIT.as_secs());
            Err(Failure::Said(Problem::new(Code::Timeout, detail)))
        }
        false => Ok(()),
    };
    let mut options = DiffOptions::new();
    options.include_untracked(true).recurse_untracked_dirs(true).include_typechange(true);
    options.skip_binary_check(true).ignore_case(false);
    // Its index is changed in memory and never written; who reads with `repo` must not see that.
    let own = Repo::open(&repo.root)?.git;
    let _settings = take_any_ends_of_lines(&own)?;
    let mut index = own.index()?;
    let diff = own.diff_index_to_workdir(Some(&index), Some(&mut options))?;
    in_time()?;
    let unusual = Unusual::of(&index);
    let mut read = Read::open(helper(&repo.git, session));
    let mut left_out = Vec::new();
    for delta in diff.deltas() {
        let name = delta.new_file().path_bytes().or(delta.old_file().path_bytes()).unwrap_or_default();
        // A repository inside of this one ends with a slash, and is no file.
        let Some(path) = TreePath::from_bytes(name) else { continue };
        let most = if delta.status() == Delta::Untracked { LARGEST_UNTRACKED } else { LARGEST };
        if delta.status() == Delta::Conflicted {
            index.conflict_remove(path.as_path())?;
        }
        match place::meta(&repo.root, &path) {
            Some(meta) if meta.is_file() && meta.len() > most => left_out.push(LeftOut::new(&path, &meta)),
            Some(meta) if meta.is_file() || meta.is_symlink() || is_submodule(repo, &path, &delta) => {
                if let Err(failure) = read.add(&mut index, &path, &meta) {
                    tracing::debug!(?failure, path = %path.text(), "not in the snapshot");
                    left_out.push(LeftOut::new(&path, &meta));
                }
            }
            None if unusual.not_checked_out.contains(name) => {}
            // Directories and pipes are no files to git.
            _ => index.remove_path(path.as_path())?,
        }
        if let Err(too_long) = in_time() {
            // The next one goes on from here.
            read.keep();
            return Err(too_long);
        }
    }
    read.keep();
    left_out.truncate(MOST_LEFT_OUT);
    Ok(Taken { tree: index.write_tree()?, left_out })
}

/// A snapshot takes files that git refuses to add since it would change the ends of their lines (`core.safecrlf`). What is
/// returned holds the settings.
fn take_any_ends_of_lines(own: &Repository) -> Result<OwnedFd, Failure> {
    let cannot = |error: std::io::Error| invalid(format!("the work tree cannot be read: {error}"));
    let settings =
        memfd_create("codepiper-git", MemfdFlags::CLOEXEC).map_err(|error| cannot(error.into()))?;
    let mut file = File::from(settings);
    file.write_all(b"[core]\n\tsafecrlf = false\n").map_err(cannot)?;
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    own.config()?.add_file(Path::new(&path), ConfigLevel::App, false)?;
    Ok(file.into())
}

fn is_submodule(repo: &Repo, path: &TreePath, delta: &DiffDelta) -> bool {
    let modes = [delta.old_file().mode(), delta.new_file().mode()];
    modes.contains(&FileMode::Commit) || repo.root.join(path.as_path()).join(".git").exists()
}

/// Where a session's last snapshot left what it read.
fn helper(git: &Repository, session: SessionId) -> PathBuf {
    git.path().join("codepiper").join(session.to_string())
}

/// Files that were read for the session's last snapshot: an index of its own. What is still the same is not read again.
struct Read {
    path: PathBuf,
    known: HashMap<Vec<u8>, IndexEntry>,
    /// When `known` was written, in s since 1970.
    at: i64,
    entries: Vec<IndexEntry>,
}

impl Read {
    fn open(path: PathBuf) -> Self {
        let at = path.metadata().map_or(0, |meta| meta.mtime());
        let known = Index::open(&path).ok().filter(|_| at > 0);
        let known = known.iter().flat_map(Index::iter).map(|entry| (entry.path.clone(), entry)).collect();
        Self { path, known, at, entries: Vec::new() }
    }

    fn add(&mut self, index: &mut Index, path: &TreePath, meta: &Metadata) -> Result<(), Failure> {
        match self.known.remove(path.as_bytes()).filter(|entry| self.is_same(entry, meta)) {
            Some(entry) => index.add(&entry)?,
            None => index.add_path(path.as_path())?,
        }
        self.entries.extend(index.get_path(path.as_path(), 0).filter(|_| meta.is_file()));
        Ok(())
    }

    /// What was written just before it was read may have changed in the same moment.
    fn is_same(&self, entry: &IndexEntry, meta: &Metadata) -> bool {
        let time = |time: IndexTime| (i64::from(time.seconds()), i64::from(time.nanoseconds()));
        let executable = meta.mode() & 0o100 != 0;
        meta.is_file()
            && meta.mtime() + SETTLED < self.at
            && time(entry.mtime) == (meta.mtime(), meta.mtime_nsec())
            && time(entry.ctime) == (meta.ctime(), meta.ctime_nsec())
            && (entry.ino, entry.file_size) == (meta.ino() as u32, meta.len() as u32)
            && executable == (entry.mode & 0o100 != 0)
    }

    /// It only helps: what cannot be written is read again.
    fn keep(self) {
        let write = || -> Result<(), Failure> {
            fs::create_dir_all(self.path.parent().unwrap_or(Path::new(".")))
                .map_err(|error| invalid(error.to_string()))?;
            let mut index = Index::open(&self.path)?;
            index.clear()?;
            for entry in &self.entries {
                index.add(entry)?;
            }
            Ok(index.write()?)
        };
        if let Err(failure) = write() {
            tracing::debug!(?failure, "what a snapshot read is read again by the next");
        }
    }
}
