//! What differs from the last commit, in the index and in the work tree.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

use codepiper_protocol::wire::git::{Change, GitFile, GitHead, GitStatus, MAX_FILES, Marks, ReadPage};
use git2::{Branch, Delta, DiffFile, ErrorCode, FileMode, Oid, Repository, Status, StatusOptions, Statuses};
use ring::digest;

use super::base;
use super::error::Failure;
use super::hunk;
use super::index::Unusual;
use super::name::text_of;
use super::operation;
use super::repo::Repo;

/// A page of the files that differ, untracked ones too, each by itself. Ignored ones are left out.
pub fn status(repo: &Repo, page: &ReadPage) -> Result<GitStatus, Failure> {
    let statuses = statuses(repo)?;
    let state = name_of(repo, &statuses)?;
    let unusual = Unusual::of(&repo.git.index()?);
    let mut files: Vec<GitFile> = statuses.iter().filter_map(|entry| file(&entry, &unusual)).collect();
    files.sort_by(|one, other| one.path.cmp(&other.path));
    let count = |fits: fn(&GitFile) -> bool| files.iter().filter(|file| fits(file)).count() as u32;
    let (staged, conflicted) = (count(|file| file.staged.is_some()), count(|file| file.conflicted));
    let untracked = count(|file| file.unstaged == Some(Change::Added) && file.staged.is_none());
    let changed = count(|file| file.unstaged.is_some()) - untracked;
    let operation = operation::operation(&repo.git);
    let (files, next) = take_page(files, page.from, page.limit, MAX_FILES);
    Ok(GitStatus {
        root: text_of(repo.root.as_os_str().as_encoded_bytes()).trim_end_matches('/').to_owned(),
        head: head(&repo.git)?,
        operation,
        progress: operation.and_then(|_| operation::progress(&repo.git)),
        next_step: operation.map(|operation| operation::next(operation, conflicted)),
        staged,
        changed,
        untracked,
        conflicted,
        files,
        next,
        state,
        turns: vec![],
        unrecorded: vec![],
        seen: false,
        marks: Marks::Shared,
    })
}

fn statuses(repo: &Repo) -> Result<Statuses<'_>, Failure> {
    let mut options = StatusOptions::new();
    options.include_untracked(true).recurse_untracked_dirs(true).include_ignored(false);
    options.renames_head_to_index(true).update_index(false).sort_case_sensitively(true);
    Ok(repo.git.statuses(Some(&mut options))?)
}

/// A name of the files as they are.
pub fn state(repo: &Repo) -> Result<String, Failure> {
    name_of(repo, &statuses(repo)?)
}

/// The last commit, and what differs from it, make the state. A file that differs from the index is known by when it was
/// written: reading them all would take too long. What is read of it after this is at least as new.
fn name_of(repo: &Repo, statuses: &Statuses) -> Result<String, Failure> {
    let mut hash = digest::Context::new(&digest::SHA256);
    let mut take = |bytes: &[u8]| {
        hash.update(&bytes.len().to_be_bytes());
        hash.update(bytes);
    };
    let tree = base::head(&repo.git)?;
    take(tree.map_or(Oid::ZERO_SHA1, |tree| tree.id()).as_bytes());
    for entry in statuses.iter() {
        take(entry.path_bytes());
        take(&entry.status().bits().to_be_bytes());
        if let Some(staged) = entry.head_to_index() {
            name_of_file(&staged.new_file(), &mut take);
        }
        let Some(unstaged) = entry.index_to_workdir() else { continue };
        let file = unstaged.new_file();
        if file.mode() == FileMode::Commit {
            name_of_file(&file, &mut take);
        }
        let path = file.path_bytes().unwrap_or_default();
        let meta = repo.root.join(OsStr::from_bytes(path)).symlink_metadata().ok();
        let of = |meta: std::fs::Metadata| {
            let times = [meta.mtime(), meta.mtime_nsec(), meta.ctime(), meta.ctime_nsec()];
            format!("{} {} {} {times:?}", meta.ino(), meta.mode(), meta.len())
        };
        take(meta.map(of).unwrap_or_default().as_bytes());
    }
    Ok(hunk::hex(hash.finish().as_ref()))
}

fn name_of_file(file: &DiffFile, take: &mut impl FnMut(&[u8])) {
    take(file.path_bytes().unwrap_or_default());
    take(file.id().as_bytes());
    take(&u32::from(file.mode()).to_be_bytes());
}

/// The part of a list that was asked for, and where the next one begins.
pub fn take_page<T>(all: Vec<T>, from: Option<u32>, limit: Option<u32>, most: u32) -> (Vec<T>, Option<u32>) {
    let (from, limit) = (from.unwrap_or(0), limit.unwrap_or(most).clamp(1, most));
    let end = from.saturating_add(limit);
    let next = ((end as usize) < all.len()).then_some(end);
    (all.into_iter().skip(from as usize).take(limit as usize).collect(), next)
}

fn file(entry: &git2::StatusEntry, unusual: &Unusual) -> Option<GitFile> {
    let status = entry.status();
    let (staged, unstaged) = (entry.head_to_index(), entry.index_to_workdir());
    let of = |delta: &Option<git2::DiffDelta>| delta.as_ref().and_then(|delta| change(delta.status()));
    let conflicted = status.contains(Status::CONFLICTED);
    let any = staged.as_ref().or(unstaged.as_ref())?;
    let path = any.new_file().path_bytes().or(any.old_file().path_bytes())?;
    let old_path = staged.as_ref().filter(|delta| delta.status() == Delta::Renamed);
    let submodule = [any.new_file().mode(), any.old_file().mode()].contains(&FileMode::Commit);
    let (staged, unstaged) = match (of(&staged), of(&unstaged)) {
        _ if conflicted => (None, None),
        (staged, Some(Change::Deleted)) if unusual.not_checked_out.contains(path) => (staged, None),
        (_, None | Some(Change::Modified)) if unusual.announced.contains(path) => (None, Some(Change::Added)),
        (_, unstaged) if unusual.announced.contains(path) => (None, unstaged),
        both => both,
    };
    if staged.is_none() && unstaged.is_none() && !conflicted {
        return None;
    }
    Some(GitFile {
        path: text_of(path),
        old_path: old_path.and_then(|delta| delta.old_file().path_bytes()).map(text_of),
        staged,
        unstaged,
        conflicted,
        submodule,
    })
}

pub fn change(status: Delta) -> Option<Change> {
    match status {
        Delta::Added | Delta::Untracked | Delta::Copied => Some(Change::Added),
        Delta::Modified | Delta::Unreadable | Delta::Conflicted => Some(Change::Modified),
        Delta::Deleted => Some(Change::Deleted),
        Delta::Renamed => Some(Change::Renamed),
        Delta::Typechange => Some(Change::TypeChanged),
        Delta::Unmodified | Delta::Ignored => None,
    }
}

fn head(git: &Repository) -> Result<GitHead, Failure> {
    let none = |branch| GitHead { branch, commit: None, upstream: None, ahead: None, behind: None };
    let head = match git.head() {
        Ok(head) => head,
        Err(error) if matches!(error.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => {
            let head = git.find_reference("HEAD")?;
            let target = head.symbolic_target_bytes().unwrap_or_default();
            return Ok(none(Some(text_of(target.strip_prefix(b"refs/heads/").unwrap_or(target)))));
        }
        Err(error) => return Err(error.into()),
    };
    let commit = Some(head.peel_to_commit()?.id().to_string());
    if !head.is_branch() {
        return Ok(GitHead { commit, ..none(None) });
    }
    let name = text_of(head.shorthand_bytes());
    let branch = Branch::wrap(head);
    let tracked = upstream(git, &branch);
    let (upstream, ahead, behind) = match tracked {
        Some((name, counts)) => (Some(name), counts.map(|both| both.0), counts.map(|both| both.1)),
        None => (None, None, None),
    };
    Ok(GitHead { branch: Some(name), commit, upstream, ahead, behind })
}

/// The upstream branch, and how many commits each has that the other has not.
pub fn upstream(git: &Repository, branch: &Branch) -> Option<(String, Option<(u32, u32)>)> {
    let upstream = branch.upstream().ok()?;
    let name = text_of(upstream.name_bytes().ok()?);
    let counted = || {
        let (ours, theirs) = (branch.get().target()?, upstream.get().target()?);
        let (ahead, behind) = git.graph_ahead_behind(ours, theirs).ok()?;
        Some((u32::try_from(ahead).ok()?, u32::try_from(behind).ok()?))
    };
    Some((name, counted()))
}
