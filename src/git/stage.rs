//! Files, hunks and lines into the index and out of it.

use std::collections::HashSet;

use codepiper_protocol::wire::git::{ChosenFile, WholeFile};
use git2::{ErrorCode, Index, IndexEntry, IndexTime, ObjectType, Oid};

use super::base::{State, head};
use super::choose::{self, Choice};
use super::diff::{Compared, with_diff, with_files};
use super::error::{Failure, changed, invalid};
use super::hunk::Hunk;
use super::index;
use super::name::TreePath;
use super::place;
use super::repo::Repo;

const PLAIN: u32 = 0o100_644;

/// Takes changes of the work tree into the index: all that were chosen, or none.
pub fn stage(repo: &Repo, files: &[ChosenFile]) -> Result<(), Failure> {
    let paths = paths(files)?;
    index::change(repo, |repo, index| {
        with_files(repo, &State::Index, &State::Work, &paths, |at, found| {
            let (file, path) = (&files[at], &paths[at]);
            let found = checked(file, path, found)?;
            match &file.hunks {
                Some(_) => stage_lines(repo, index, file, &found),
                None => stage_whole(repo, index, path, &found),
            }
        })
    })
}

/// Takes changes out of the index; the work tree stays as it is.
pub fn unstage(repo: &Repo, files: &[ChosenFile]) -> Result<(), Failure> {
    let paths = paths(files)?;
    index::change(repo, |repo, index| {
        let last = State::Tree(head(&repo.git)?);
        with_files(repo, &last, &State::Index, &paths, |at, found| {
            let (file, path) = (&files[at], &paths[at]);
            let found = checked(file, path, found)?;
            resolved(path, found.whole)?;
            match &file.hunks {
                Some(_) => unstage_lines(repo, index, file, &found),
                None => unstage_whole(repo, index, path),
            }
        })
    })
}

/// What is in conflict is neither unstaged nor discarded: its sides would be lost.
pub fn resolved(path: &TreePath, whole: Option<WholeFile>) -> Result<(), Failure> {
    match whole {
        Some(WholeFile::Conflicted) => Err(invalid(format!(
            "{} is in conflict: resolve it and stage it, or use git itself in the terminal",
            path.text()
        ))),
        _ => Ok(()),
    }
}

/// The files' paths; each file once.
pub fn paths(files: &[ChosenFile]) -> Result<Vec<TreePath>, Failure> {
    let paths = files.iter().map(|file| TreePath::parse(&file.path)).collect::<Result<Vec<_>, _>>()?;
    let different: HashSet<&TreePath> = paths.iter().collect();
    match (paths.is_empty(), different.len() == paths.len()) {
        (true, _) => Err(invalid("no file was chosen")),
        (_, false) => Err(invalid("a file was chosen twice")),
        (false, true) => Ok(paths),
    }
}

/// That the file is still what was looked at, and can be taken as it was chosen.
pub fn checked<'d>(
    file: &ChosenFile,
    path: &TreePath,
    found: Option<Compared<'d>>,
) -> Result<Compared<'d>, Failure> {
    let found = found.ok_or_else(|| moved_on(path))?;
    if file.version.as_ref().is_some_and(|version| *version != found.version) {
        return Err(with_diff(moved_on(path), &found));
    }
    match (found.whole, &file.hunks) {
        (Some(WholeFile::Filter), _) => Err(invalid(format!(
            "{}: git passes this file through a filter program (git LFS, for example), changes its encoding or replaces \
             $Id$ in it, which CodePiper does not do; use git itself in the terminal",
            path.text()
        ))),
        (Some(_), Some(_)) => Err(invalid(format!("{} can only be chosen as a whole", path.text()))),
        _ => Ok(found),
    }
}

pub fn moved_on(path: &TreePath) -> Failure {
    changed(format!("{} has changed since you chose; nothing was done", path.text()))
}

/// What was chosen, among the hunks as they are now.
pub fn choice(file: &ChosenFile, found: &Compared, hunks: &[Hunk]) -> Result<Choice, Failure> {
    let chosen = file.hunks.as_deref().unwrap_or_default();
    Choice::find(hunks, chosen, &found.path.text()).map_err(|failure| with_diff(failure, found))
}

fn stage_whole(repo: &Repo, index: &mut Index, path: &TreePath, found: &Compared) -> Result<(), Failure> {
    let is_there = match place::meta(&repo.root, path) {
        // In the place of a file: what is in it is staged by itself.
        Some(meta) => !meta.is_dir() || found.whole == Some(WholeFile::Submodule),
        None => false,
    };
    if is_there {
        // Nothing is read through a link that somebody puts on the way meanwhile.
        repo.parent(path)?;
    }
    match is_there {
        true => {
            let was = index.get_path(path.as_path(), 0).map(|entry| entry.mode);
            index.add_path(path.as_path())?;
            let Some(mut entry) = index.get_path(path.as_path(), 0) else { return Err(moved_on(path)) };
            // The file is read once more to be added.
            if !found.is_still(repo, entry.id) {
                return Err(moved_on(path));
            }
            let mode = index::mode(repo, was, entry.mode)?;
            if mode != entry.mode {
                entry.mode = mode;
                index.add(&entry)?;
            }
        }
        false if found.whole == Some(WholeFile::Conflicted) => index.conflict_remove(path.as_path())?,
        false if found.file.new_mode.is_some() => return Err(moved_on(path)),
        false => index.remove_path(path.as_path())?,
    }
    Ok(())
}

fn stage_lines(repo: &Repo, index: &mut Index, file: &ChosenFile, found: &Compared) -> Result<(), Failure> {
    let path = &found.path;
    let hunks = found.hunks()?;
    let choice = choice(file, found, &hunks)?;
    let entry = index.get_path(path.as_path(), 0);
    let old = match &entry {
        Some(entry) => repo.git.find_blob(entry.id)?.content().to_owned(),
        None => vec![],
    };
    let content = choose::from_old(&old, &hunks, &choice, false);
    // Every line of a file that was deleted.
    if content.is_empty() && found.file.new_mode.is_none() {
        index.remove_path(path.as_path())?;
        return Ok(());
    }
    let mode = match entry {
        Some(entry) => entry.mode,
        None => index::mode(repo, None, u32::from(found.new_mode))?,
    };
    put(repo, index, path, &content, mode)
}

fn unstage_whole(repo: &Repo, index: &mut Index, path: &TreePath) -> Result<(), Failure> {
    match in_last_commit(repo, path)? {
        Some((id, mode)) => Ok(index.add(&entry(path, id, mode))?),
        None => Ok(index.remove_path(path.as_path())?),
    }
}

/// The file as the last commit has it. A directory that it had there is no file.
fn in_last_commit(repo: &Repo, path: &TreePath) -> Result<Option<(Oid, u32)>, Failure> {
    let Some(tree) = head(&repo.git)? else { return Ok(None) };
    match tree.get_path(path.as_path()) {
        Ok(entry) if entry.kind() == Some(ObjectType::Tree) => Ok(None),
        Ok(entry) => Ok(Some((entry.id(), entry.filemode_raw() as u32))),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn unstage_lines(repo: &Repo, index: &mut Index, file: &ChosenFile, found: &Compared) -> Result<(), Failure> {
    let path = &found.path;
    let hunks = found.hunks()?;
    let choice = choice(file, found, &hunks)?;
    let last = in_last_commit(repo, path)?;
    let old = match last {
        Some((id, _)) => repo.git.find_blob(id)?.content().to_owned(),
        None => vec![],
    };
    let content = choose::from_old(&old, &hunks, &choice, true);
    // Every line of a file that was added.
    if content.is_empty() && last.is_none() {
        index.remove_path(path.as_path())?;
        return Ok(());
    }
    let staged = index.get_path(path.as_path(), 0).map(|entry| entry.mode);
    let mode = staged.or(last.map(|(_, mode)| mode)).unwrap_or(PLAIN);
    put(repo, index, path, &content, mode)
}

fn put(repo: &Repo, index: &mut Index, path: &TreePath, content: &[u8], mode: u32) -> Result<(), Failure> {
    let id = repo.git.blob(content)?;
    Ok(index.add(&entry(path, id, mode))?)
}

/// Without the times of the file: git compares it when it looks next.
pub fn entry(path: &TreePath, id: Oid, mode: u32) -> IndexEntry {
    let zero = IndexTime::new(0, 0);
    IndexEntry {
        ctime: zero,
        mtime: zero,
        dev: 0,
        ino: 0,
        mode,
        uid: 0,
        gid: 0,
        file_size: 0,
        id,
        flags: 0,
        flags_extended: 0,
        path: path.as_bytes().to_owned(),
    }
}
