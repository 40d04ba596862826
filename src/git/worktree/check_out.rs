//! The files of a work tree from one commit to another: all of them, or none.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use codepiper_protocol::wire::problem::{Code, Problem};
use git2::build::CheckoutBuilder;
use git2::{Commit, ErrorCode, ObjectType, Oid, Repository, Tree, TreeEntry};

use super::super::base::State;
use super::super::diff::compare;
use super::super::error::{Failure, in_use};
use super::super::index::Unusual;
use super::super::name::TreePath;
use super::super::place;
use super::super::repo::Repo;
use super::super::stage::entry;
use super::{failed, invalid, some_of, unsaved};

/// What differs between two commits, in a work tree that has the first one checked out.
pub struct CheckOut<'r> {
    there: &'r Repository,
    /// The root of the work tree, without a slash at its end.
    root: PathBuf,
    from: Commit<'r>,
    to: Commit<'r>,
    paths: BTreeSet<TreePath>,
}

impl<'r> CheckOut<'r> {
    /// # Errors
    /// When a file that git does not track would be in the way, or a file is not checked out.
    pub fn new(there: &'r Repository, from: Oid, to: Oid) -> Result<Self, Problem> {
        let cannot = |error: git2::Error| failed("compare", &error);
        // Git's library takes only commits that were found with the handle of the work tree.
        let (from, to) = (there.find_commit(from).map_err(cannot)?, there.find_commit(to).map_err(cannot)?);
        let paths = changed_paths(there, &from, &to).map_err(cannot)?;
        let root = there.workdir().unwrap_or(there.path()).components().collect();
        let paths = paths.iter().filter_map(|path| TreePath::from_bytes(path.as_os_str().as_encoded_bytes()));
        let this = Self { there, root, from, to, paths: paths.collect() };
        // Git's library would write them.
        let unusual = Unusual::of(&there.index().map_err(cannot)?);
        if let Some(path) = this.paths.iter().find(|path| unusual.not_checked_out.contains(path.as_bytes())) {
            return Err(invalid(format!(
                "{} is not checked out in {} (git sparse-checkout): use git itself in the terminal",
                path.text(),
                this.root.display()
            )));
        }
        let hidden = this.hidden().map_err(cannot)?;
        match hidden.is_empty() {
            true => Ok(this),
            false => Err(unsaved(format!(
                "{} has files that git does not track in a directory that becomes a file: {}; move them away",
                this.root.display(),
                some_of(&hidden)
            ))),
        }
    }

    /// Writes the files. When that fails, those that were written are put back.
    pub fn write(&self) -> Result<(), Problem> {
        if self.there.path().join("index.lock").exists() {
            return Err(in_use());
        }
        let mut how = CheckoutBuilder::new();
        how.overwrite_ignored(false);
        let Err(error) = self.there.checkout_tree(self.to.as_object(), Some(&mut how)) else { return Ok(()) };
        match error.code() {
            // It is found out before anything is written.
            ErrorCode::Conflict => Err(unsaved(format!(
                "files in {} that git does not track or that changed meanwhile would be overwritten; move them away",
                self.root.display()
            ))),
            code => Err(self.undo(&error).unwrap_or_else(|| match code {
                ErrorCode::Locked => in_use(),
                _ => failed("check the merged files out", &error),
            })),
        }
    }

    /// Puts the files back. `Some`: not all of them could be.
    pub fn undo(&self, why: &git2::Error) -> Option<Problem> {
        let (place, why) = (self.root.display(), why.message());
        let detail = match self.put_back() {
            Ok(left) if left.is_empty() => return None,
            Ok(left) => format!(
                "the merge failed ({why}), and in {place} these files are not as they were: {}; see git status there",
                some_of(&left)
            ),
            Err(failure) => format!(
                "the merge failed ({why}), and the files in {place} could not be put back: {}; see git status there",
                Problem::from(failure).detail
            ),
        };
        Some(Problem::new(Code::Internal, detail))
    }

    /// The files that are not as they were: what is neither as before nor as it was to be is somebody else's, and stays.
    fn put_back(&self) -> Result<Vec<PathBuf>, Failure> {
        // The other handle has an index that may never have been written.
        let repo = Repo::open(&self.root)?;
        let (old, new) = (self.from.tree()?, self.to.tree()?);
        let theirs = self.differing(&repo, &new)?;
        let is_theirs = |path: &TreePath| theirs.contains(path) && self.is_dir(path.as_path()).is_some();
        // What was added goes first: it may lie where a directory was, or in one where a file was.
        for path in self.paths.iter().filter(|path| file_in(&old, path).is_none()) {
            if is_theirs(path) || self.is_dir(path.as_path()) != Some(false) {
                continue;
            }
            place::remove(&repo, path)?;
            let mut dirs = path.as_path().ancestors().skip(1).take_while(|dir| !is_tree(&old, dir));
            let _ = dirs.try_for_each(|dir| fs::remove_dir(self.root.join(dir)));
        }
        let mut back = CheckoutBuilder::new();
        back.force().update_index(false).disable_pathspec_match(true);
        let mut kept = self.differing(&repo, &old)?;
        kept.retain(|path| file_in(&old, path).is_some() && !is_theirs(path) && self.is_free(path));
        for path in &kept {
            back.path(path.as_bytes());
        }
        // Without a path, it would be all files.
        if !kept.is_empty() {
            repo.git.checkout_tree(repo.git.find_commit(self.from.id())?.as_object(), Some(&mut back))?;
        }
        self.put_index_back(&repo, &old)?;
        let left = self.differing(&repo, &old)?;
        Ok(left.into_iter().map(|path| path.as_path().to_owned()).collect())
    }

    /// Unless it was never written.
    fn put_index_back(&self, repo: &Repo, old: &Tree) -> Result<(), Failure> {
        let mut index = repo.git.index()?;
        let mut differs = false;
        for path in &self.paths {
            let was = file_in(old, path);
            let is = index.get_path(path.as_path(), 0);
            if was.as_ref().map(|was| was.id()) == is.map(|is| is.id) {
                continue;
            }
            differs = true;
            match was {
                Some(was) => index.add(&entry(path, was.id(), was.filemode_raw() as u32))?,
                None => index.remove_path(path.as_path())?,
            }
        }
        if differs {
            index.write()?;
        }
        Ok(())
    }

    /// Those of the files that are not as in a tree.
    fn differing(&self, repo: &Repo, tree: &Tree) -> Result<BTreeSet<TreePath>, Failure> {
        let paths: Vec<TreePath> = self.paths.iter().cloned().collect();
        let diff = compare(repo, &State::Tree(Some(tree.clone())), &State::Work, &paths)?;
        let names = diff.deltas().flat_map(|delta| {
            [delta.old_file().path_bytes(), delta.new_file().path_bytes()]
                .map(|name| name.map(<[u8]>::to_owned))
        });
        let names = names.flatten().filter_map(|name| TreePath::from_bytes(&name));
        Ok(names.filter(|name| self.paths.contains(name)).collect())
    }

    /// Whether it is a directory. `None`: nothing is there.
    fn is_dir(&self, path: &Path) -> Option<bool> {
        self.root.join(path).symlink_metadata().ok().map(|meta| meta.is_dir())
    }

    /// Whether there is no directory at its place, and nothing but directories on the way.
    fn is_free(&self, path: &TreePath) -> bool {
        let mut above = path.as_path().ancestors().skip(1);
        self.is_dir(path.as_path()) != Some(true) && above.all(|dir| self.is_dir(dir) != Some(false))
    }

    /// What git does not track in directories whose place a file takes. Git's library looks for it only when it has
    /// removed the rest.
    fn hidden(&self) -> Result<Vec<PathBuf>, git2::Error> {
        let (old, new) = (self.from.tree()?, self.to.tree()?);
        let mut hidden = Vec::new();
        for path in &self.paths {
            let path = path.as_path();
            let becomes_file = new.get_path(path).is_ok_and(|entry| entry.kind() == Some(ObjectType::Blob));
            if becomes_file && self.is_dir(path) == Some(true) {
                untracked_in(&self.root, path, &old, &mut hidden);
            }
        }
        Ok(hidden)
    }
}

/// Anything but a directory.
fn file_in<'t>(tree: &'t Tree, path: &TreePath) -> Option<TreeEntry<'t>> {
    tree.get_path(path.as_path()).ok().filter(|entry| entry.kind() != Some(ObjectType::Tree))
}

fn is_tree(tree: &Tree, path: &Path) -> bool {
    path.as_os_str().is_empty()
        || tree.get_path(path).is_ok_and(|entry| entry.kind() == Some(ObjectType::Tree))
}

fn untracked_in(root: &Path, dir: &Path, tree: &Tree, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(root.join(dir)) else { return found.push(dir.to_owned()) };
    for entry in entries {
        let Ok(entry) = entry else { return found.push(dir.to_owned()) };
        let path = dir.join(entry.file_name());
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        match tree.get_path(&path).ok().and_then(|entry| entry.kind()) {
            Some(ObjectType::Tree) if is_dir => untracked_in(root, &path, tree, found),
            Some(ObjectType::Blob) if !is_dir => {}
            _ => found.push(path),
        }
    }
}

pub fn changed_paths(
    repository: &Repository,
    old: &Commit,
    new: &Commit,
) -> Result<BTreeSet<PathBuf>, git2::Error> {
    let diff = repository.diff_tree_to_tree(Some(&old.tree()?), Some(&new.tree()?), None)?;
    let sides = diff.deltas().flat_map(|delta| [delta.old_file().path(), delta.new_file().path()]);
    Ok(sides.flatten().map(Path::to_owned).collect())
}
