//! What differs between two states: which files, and their lines.

mod compare;
mod describe;
mod gone;

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use codepiper_protocol::wire::git::{
    DiffFile, FileDiff, GitDiff, MAX_FILE, MAX_FILES, ReadFile, ReadPage, WholeFile,
};
use codepiper_protocol::wire::problem::{Code, Problem};
use git2::{Delta, Diff, DiffDelta, DiffFlags, FileMode, Oid, Patch};
use ring::digest;

pub use self::compare::compare;
use self::compare::{find_renames, parts};
use self::describe::{describe, mode};
use self::gone::Gone;
use super::base::State;
use super::error::{Failure, changed, invalid, not_found};
use super::hunk::{self, Hunk};
use super::index::Unusual;
use super::name::TreePath;
use super::repo::Repo;
use super::status::{change, take_page};

/// Counting the lines of a list's files ends after this time.
const COUNTING: Duration = Duration::from_millis(800);
/// The lines of larger files are counted when they are opened, in bytes.
const COUNTED: u64 = 4 * 1024 * 1024;
/// So many of the files that a state leaves out are named.
const MOST_NAMED: usize = 50;

/// Which files differ, a page of them.
pub fn list(repo: &Repo, base: &State, to: &State, page: &ReadPage) -> Result<GitDiff, Failure> {
    let mut parts = parts(repo, base, to, &[])?;
    parts.iter_mut().try_for_each(|diff| find_renames(diff, base))?;
    let mut found: Vec<(Vec<u8>, Found)> = Vec::new();
    Meant::of(repo, base, to)?.each(&parts, |path, diff, number| {
        found.push((path.to_owned(), Found::Delta(diff, number)));
    });
    let gone = gone::all(repo, base, to).map(|gone| (gone.path.as_bytes().to_owned(), Found::Gone(gone)));
    found.extend(gone);
    found.sort_by(|one, other| one.0.cmp(&other.0));
    let total = found.len() as u32;
    let (found, next) = take_page(found, page.from, page.limit, MAX_FILES);
    let began = Instant::now();
    let mut uncounted = false;
    let mut files = Vec::new();
    for (_, found) in found {
        let (diff, number) = match found {
            Found::Delta(diff, number) => (diff, number),
            Found::Gone(gone) => {
                files.push(gone.file());
                continue;
            }
        };
        let in_time = began.elapsed() < COUNTING;
        uncounted |= !in_time;
        let reads = in_time && is_small(repo, diff, number);
        let counted = if reads { Patch::from_diff(diff, number)? } else { None };
        let delta =
            diff.get_delta(number).ok_or_else(|| invalid("the files changed while they were compared"))?;
        let Some(file) = describe(&delta, counted.as_ref())? else { continue };
        let path = path_of(&delta).filter(|_| reads).and_then(TreePath::from_bytes);
        files.push(DiffFile { version: path.map(|path| version(repo, &path, &delta)), ..file });
    }
    let left_out = base.left_out().iter().take(MOST_NAMED).map(|file| file.path.clone()).collect();
    Ok(GitDiff { base: base.name(), to: to.name(), files, total, next, uncounted, left_out })
}

enum Found<'s> {
    Delta(&'s Diff<'s>, usize),
    Gone(Gone<'s>),
}

/// One file's differences.
pub struct Compared<'d> {
    pub path: TreePath,
    pub patch: Option<Patch<'d>>,
    pub file: DiffFile,
    pub version: String,
    pub whole: Option<WholeFile>,
    pub old_id: Oid,
    pub new_mode: FileMode,
    /// `None`: the file was not read.
    new_id: Option<Oid>,
    /// Then its length and time.
    seen: Option<String>,
}

impl<'d> Compared<'d> {
    fn of(repo: &Repo, diff: &'d Diff, path: &TreePath, number: usize) -> Result<Self, Failure> {
        let gone = || changed("the file changed while it was read");
        let delta = diff.get_delta(number).ok_or_else(gone)?;
        let whole = whole(repo, path, &delta);
        let loads = !matches!(whole, Some(WholeFile::TooLarge | WholeFile::Conflicted));
        let patch = if loads { Patch::from_diff(diff, number)? } else { None };
        let delta = patch.as_ref().map_or(delta, Patch::delta);
        let whole = whole.or(delta.flags().contains(DiffFlags::BINARY).then_some(WholeFile::Binary));
        let file = describe(&delta, patch.as_ref())?.ok_or_else(gone)?;
        let (old_id, new_mode) = (delta.old_file().id(), delta.new_file().mode());
        let new_id = Some(delta.new_file()).filter(git2::DiffFile::is_valid_id).map(|file| file.id());
        let seen = new_id.is_none().then(|| time_of(repo, path)).flatten();
        let version = version(repo, path, &delta);
        let file = DiffFile { version: Some(version.clone()), ..file };
        Ok(Self { path: path.clone(), file, version, whole, old_id, new_mode, new_id, seen, patch })
    }

    /// Whether `id` is the content that was compared, read once more from the work tree.
    pub fn is_still(&self, repo: &Repo, id: Oid) -> bool {
        match self.new_id {
            Some(new) => new == id,
            None => self.seen == time_of(repo, &self.path),
        }
    }

    /// A part of its lines, from the line with this number on.
    fn page(&self, from: u32, limit: Option<u32>) -> Result<FileDiff, Failure> {
        let page = match &self.patch {
            Some(patch) => hunk::page(patch, &self.path, self.old_id, from, limit)?,
            None => hunk::Page::default(),
        };
        let (file, version, whole) = (self.file.clone(), self.version.clone(), self.whole);
        Ok(FileDiff { file, version, hunks: page.hunks, lines: page.lines, next: page.next, whole })
    }

    /// All hunks with all their lines.
    pub fn hunks(&self) -> Result<Vec<Hunk>, Failure> {
        match &self.patch {
            Some(patch) => Ok(hunk::all(patch, &self.path, self.old_id)?),
            None => Ok(vec![]),
        }
    }
}

/// Compares files and looks at each. `None`: it does not differ. The names are no parts of others' renames.
pub fn with_files(
    repo: &Repo,
    base: &State,
    to: &State,
    paths: &[TreePath],
    mut look: impl FnMut(usize, Option<Compared>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let parts = parts(repo, base, to, paths)?;
    let mut places: HashMap<Vec<u8>, (&Diff, usize)> = HashMap::new();
    Meant::of(repo, base, to)?.each(&parts, |path, diff, number| {
        places.insert(path.to_owned(), (diff, number));
    });
    for (at, path) in paths.iter().enumerate() {
        let found = places.get(path.as_bytes()).map(|(diff, number)| Compared::of(repo, diff, path, *number));
        look(at, found.transpose()?)?;
    }
    Ok(())
}

/// A page of one file's differences.
pub fn file(repo: &Repo, base: &State, to: &State, wanted: &ReadFile) -> Result<FileDiff, Failure> {
    let path = TreePath::parse(&wanted.path)?;
    let old_path = wanted.old_path.as_deref().map(TreePath::parse).transpose()?;
    let paths: Vec<TreePath> = std::iter::once(path.clone()).chain(old_path.clone()).collect();
    let mut parts = parts(repo, base, to, &paths)?;
    if old_path.is_some() {
        parts.iter_mut().try_for_each(|diff| find_renames(diff, base))?;
    }
    let mut place = None;
    Meant::of(repo, base, to)?.each(&parts, |found, diff, number| {
        if found == path.as_bytes() {
            place = Some((diff, number));
        }
    });
    let Some((diff, number)) = place else {
        let gone = gone::all(repo, base, to).find(|gone| gone.path == path);
        let missing = || not_found(format!("{} has no changes to show", path.text()));
        return gone.map(|gone| gone.diff()).ok_or_else(missing);
    };
    Compared::of(repo, diff, &path, number)?.page(wanted.from.unwrap_or(0), wanted.limit)
}

/// That a file changed since it was looked at, together with what it is now.
pub fn with_diff(failure: Failure, found: &Compared) -> Failure {
    match failure {
        Failure::Said(problem) if problem.code == Code::Changed => {
            let diff = found.page(0, None).ok().map(Box::new);
            Failure::Said(Problem { diff, ..problem })
        }
        failure => failure,
    }
}

/// Which of the differences that git's library finds are meant.
struct Meant<'s> {
    unusual: Unusual,
    base: &'s State<'s>,
    to: &'s State<'s>,
    root: &'s Path,
}

impl<'s> Meant<'s> {
    fn of(repo: &'s Repo, base: &'s State, to: &'s State) -> Result<Self, Failure> {
        let unusual = match to {
            State::Tree(_) | State::Kept { .. } => Unusual::default(),
            State::Index | State::Work => Unusual::of(&repo.git.index()?),
        };
        Ok(Self { unusual, base, to, root: &repo.root })
    }

    /// Their paths and places.
    fn each<'d>(&self, parts: &'d [Diff<'d>], mut found: impl FnMut(&'d [u8], &'d Diff<'d>, usize)) {
        for diff in parts {
            for (number, delta) in diff.deltas().enumerate() {
                if let Some(path) = self.path(&delta) {
                    found(path, diff, number);
                }
            }
        }
    }

    /// The path of the file, if it is.
    fn path<'d>(&self, delta: &DiffDelta<'d>) -> Option<&'d [u8]> {
        let (path, _) = path_of(delta).zip(change(delta.status()))?;
        let is_seen = match (self.to, delta.status()) {
            (State::Work, Delta::Deleted) => !self.unusual.not_checked_out.contains(path),
            // Of one that git tracks, the snapshot has what the index had.
            (State::Work, Delta::Untracked | Delta::Added | Delta::Modified) => {
                !self.base.leaves_out(path, self.root)
            }
            (State::Index, Delta::Added) => !self.unusual.announced.contains(path),
            _ => true,
        };
        is_seen.then_some(path)
    }
}

fn path_of<'d>(delta: &DiffDelta<'d>) -> Option<&'d [u8]> {
    match delta.status() {
        Delta::Deleted => delta.old_file().path_bytes(),
        _ => delta.new_file().path_bytes().or(delta.old_file().path_bytes()),
    }
}

/// Whether counting its lines costs little.
fn is_small(repo: &Repo, diff: &Diff, number: usize) -> bool {
    let Some(delta) = diff.get_delta(number) else { return false };
    let size = |file: git2::DiffFile| match file.size() {
        0 if file.is_valid_id() && !file.id().is_zero() => {
            repo.git.odb().and_then(|odb| odb.read_header(file.id())).map_or(0, |header| header.0 as u64)
        }
        size => size,
    };
    size(delta.old_file()) <= COUNTED && size(delta.new_file()) <= COUNTED
}

/// Why the file cannot be taken line by line.
fn whole(repo: &Repo, path: &TreePath, delta: &DiffDelta) -> Option<WholeFile> {
    let modes = [delta.old_file().mode(), delta.new_file().mode()];
    if delta.status() == Delta::Conflicted {
        Some(WholeFile::Conflicted)
    } else if modes.contains(&FileMode::Commit) {
        Some(WholeFile::Submodule)
    } else if modes.contains(&FileMode::Link) {
        Some(WholeFile::Symlink)
    } else if delta.new_file().size().max(delta.old_file().size()) > MAX_FILE {
        Some(WholeFile::TooLarge)
    } else {
        repo.has_filter(path).then_some(WholeFile::Filter)
    }
}

/// A name of both sides of the file.
fn version(repo: &Repo, path: &TreePath, delta: &DiffDelta) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(path.as_bytes());
    for side in [delta.old_file(), delta.new_file()] {
        hash.update(&[0, u8::from(side.is_valid_id())]);
        hash.update(side.id().as_bytes());
        hash.update(mode(side.mode()).unwrap_or_default().as_bytes());
    }
    // What was not read is known by its time.
    if !delta.new_file().is_valid_id()
        && let Some(time) = time_of(repo, path)
    {
        hash.update(time.as_bytes());
    }
    hunk::hex(hash.finish().as_ref())
}

/// The length of a file, and when it was written.
fn time_of(repo: &Repo, path: &TreePath) -> Option<String> {
    let meta = std::fs::symlink_metadata(repo.root.join(path.as_path())).ok()?;
    Some(format!("{} {:?}", meta.len(), meta.modified().ok()))
}
