//! Changes taken out of the work tree, kept for 30 days, and brought back.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use codepiper_protocol::SessionId;
use codepiper_protocol::wire::git::{ChosenFile, Discarded, MAX_FILE};
use codepiper_protocol::wire::problem::{Code, Problem};
use git2::build::CheckoutBuilder;
use git2::{FileMode, Index, Oid, Repository, Signature, Time, Tree, TreeWalkMode};
use jiff::{SignedDuration, Timestamp};
use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::base::{OURS, State};
use super::choose::{self, Choice};
use super::diff::{Compared, with_file};
use super::error::{Failure, changed, invalid, not_found};
use super::name::TreePath;
use super::repo::Repo;
use super::stage::{checked, entry, paths};

const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// In the commit that keeps it: what was there before, and what was left.
const BEFORE: &str = "before";
const AFTER: &str = "after";
/// So many are listed.
const MOST_LISTED: usize = 100;

const PLAIN: u32 = 0o100_644;
const EXECUTABLE: u32 = 0o100_755;
const LINK: u32 = 0o120_000;

/// What lies at a path: its bytes, or where a link points.
#[derive(Clone, PartialEq)]
struct Content {
    mode: u32,
    bytes: Vec<u8>,
}

/// What becomes of a file.
enum Fate {
    /// As it is in the index.
    Checkout,
    /// Not tracked: it goes.
    Remove,
    Write(Vec<u8>, u32),
}

struct Planned {
    path: TreePath,
    before: Option<Content>,
    fate: Fate,
}

/// Takes changes out of the work tree. What they were is kept first.
pub fn discard(repo: &Repo, session: SessionId, files: &[ChosenFile]) -> Result<Discarded, Failure> {
    let mut planned = Vec::new();
    for (file, path) in files.iter().zip(paths(files)?) {
        let before = read(repo, &path)?;
        let fate = with_file(repo, &State::Index, &State::Work, &path, None, |found| {
            fate(file, &path, before.as_ref(), &checked(file, &path, found)?)
        })?;
        planned.push(Planned { path, before, fate });
    }
    let at = Timestamp::now();
    let before = planned.iter().map(|file| (&file.path, file.before.as_ref()));
    let first = keep(&repo.git, at, &before.collect::<Vec<_>>(), None)?;
    let id = format!("{:013}-{}", at.as_millisecond(), &first.to_string()[..8]);
    let name = reference(session, &id);
    repo.git.reference(&name, first, false, "")?;
    for file in &planned {
        // It may have changed since it was kept.
        if read(repo, &file.path)? != file.before {
            return Err(changed(format!("{} is changing right now; it was left as is", file.path.text())));
        }
        carry_out(repo, file)?;
    }
    let left = planned.iter().map(|file| read(repo, &file.path)).collect::<Result<Vec<_>, _>>()?;
    let rows: Vec<_> = planned.iter().zip(&left).map(|(file, left)| (&file.path, left.as_ref())).collect();
    let whole = keep(&repo.git, at, &rows, Some(first))?;
    repo.git.reference(&name, whole, true, "")?;
    forget_old(&repo.git, at)?;
    Ok(Discarded { id, at, paths: planned.iter().map(|file| file.path.text()).collect() })
}

/// What was discarded in a session, newest first.
pub fn list(repo: &Repo, session: SessionId) -> Result<Vec<Discarded>, Failure> {
    let mut found = Vec::new();
    for name in repo.git.references_glob(&reference(session, "*"))?.names() {
        let id = name?.rsplit('/').next().unwrap_or_default().to_owned();
        found.push(id);
    }
    found.sort_unstable_by(|one, other| other.cmp(one));
    found.truncate(MOST_LISTED);
    found.into_iter().map(|id| Ok(open(repo, session, &id)?.0)).collect()
}

/// Brings back what was discarded, unless a file has changed since: then nothing is touched.
pub fn restore(repo: &Repo, session: SessionId, id: &str) -> Result<Discarded, Failure> {
    let (discarded, tree) = open(repo, session, id)?;
    let mut planned = Vec::new();
    for path in &discarded.paths {
        let path = TreePath::parse(path)?;
        let (before, after) = (kept(repo, &tree, BEFORE, &path)?, kept(repo, &tree, AFTER, &path)?);
        let is = read(repo, &path)?;
        if is != after && is != before {
            return Err(changed(format!(
                "{} has changed since it was discarded; nothing was brought back",
                path.text()
            )));
        }
        planned.push((path, before));
    }
    for (path, before) in planned {
        match before {
            Some(Content { mode, bytes }) => write(repo, &path, &bytes, mode)?,
            None => remove(repo, &path)?,
        }
    }
    repo.git.find_reference(&reference(session, id))?.delete()?;
    Ok(discarded)
}

fn reference(session: SessionId, id: &str) -> String {
    format!("{OURS}discarded/{session}/{id}")
}

fn fate(
    file: &ChosenFile,
    path: &TreePath,
    before: Option<&Content>,
    found: &Compared,
) -> Result<Fate, Failure> {
    let in_index = found.file.old_mode.is_some();
    let whole = if in_index { Fate::Checkout } else { Fate::Remove };
    let Some(chosen) = &file.hunks else { return Ok(whole) };
    let hunks = found.hunks()?;
    let choice = Choice::find(&hunks, chosen, &path.text())?;
    let (bytes, mode) = match before {
        Some(content) => (content.bytes.as_slice(), content.mode),
        None => (&[][..], PLAIN),
    };
    let left = choose::from_new(bytes, &hunks, &choice);
    // All of it: then also what is no line, and lines end as git would write them.
    let all = choice.is_all(&hunks);
    Ok(if all && (left.is_empty() || before.is_none()) { whole } else { Fate::Write(left, mode) })
}

fn carry_out(repo: &Repo, Planned { path, fate, .. }: &Planned) -> Result<(), Failure> {
    match fate {
        Fate::Write(bytes, mode) => write(repo, path, bytes, *mode),
        Fate::Remove => remove(repo, path),
        Fate::Checkout => match of_index(repo, path)? {
            Some(Content { mode, bytes }) => write(repo, path, &bytes, mode),
            None => remove(repo, path),
        },
    }
}

/// A file as git would write it, by the index. Git's library writes it elsewhere: where it lies it would write through a
/// symbolic link.
fn of_index(repo: &Repo, path: &TreePath) -> Result<Option<Content>, Failure> {
    let cannot = |error: std::io::Error| unusable(path, error);
    let dir = repo.git.path().join(format!("codepiper-{}", uuid::Uuid::new_v4().simple()));
    std::fs::create_dir(&dir).map_err(cannot)?;
    let mut options = CheckoutBuilder::new();
    options.force().disable_pathspec_match(true).update_index(false).path(path.as_bytes()).target_dir(&dir);
    let written = repo.git.checkout_index(None, Some(&mut options)).map_err(Failure::from);
    let content = written.and_then(|()| read_at(rustix::fs::CWD, path, dir.join(path.as_path()).as_os_str()));
    std::fs::remove_dir_all(&dir).map_err(cannot)?;
    content
}

/// A commit with files as they are below one folder. With `earlier`, beside those of that commit.
fn keep(
    git: &Repository,
    at: Timestamp,
    files: &[(&TreePath, Option<&Content>)],
    earlier: Option<Oid>,
) -> Result<Oid, Failure> {
    let mut index = Index::new()?;
    let folder = if earlier.is_some() { AFTER } else { BEFORE };
    if let Some(earlier) = earlier {
        index.read_tree(&git.find_commit(earlier)?.tree()?)?;
    }
    for (path, content) in files {
        let Some(content) = content else { continue };
        let mut row = entry(path, git.blob(&content.bytes)?, content.mode);
        row.path = [folder.as_bytes(), b"/", path.as_bytes()].concat();
        index.add(&row)?;
    }
    let tree = git.find_tree(index.write_tree_to(git)?)?;
    let signature = Signature::new("CodePiper", "codepiper@localhost", &Time::new(at.as_second(), 0))?;
    let names: Vec<String> = files.iter().map(|(path, _)| path.text()).collect();
    let message = format!("Discarded\n\n{}\n", names.join("\n"));
    Ok(git.commit(None, &signature, &signature, &message, &tree, &[])?)
}

fn open<'r>(repo: &'r Repo, session: SessionId, id: &str) -> Result<(Discarded, Tree<'r>), Failure> {
    let missing = || not_found("nothing with that id was discarded, or it was restored, or it is too old");
    let plain = !id.is_empty()
        && id.len() < 64
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let found = if plain { repo.git.find_reference(&reference(session, id)).ok() } else { None };
    let commit = found.and_then(|found| found.peel_to_commit().ok()).ok_or_else(missing)?;
    let tree = commit.tree()?;
    let mut paths = std::collections::BTreeSet::new();
    tree.walk(TreeWalkMode::PreOrder, |dir, entry| {
        if entry.kind() == Some(git2::ObjectType::Blob) {
            let whole = [dir.as_bytes(), entry.name_bytes()].concat();
            let path = whole.splitn(2, |byte| *byte == b'/').nth(1).and_then(TreePath::from_bytes);
            paths.extend(path.map(|path| path.text()));
        }
        0
    })?;
    let at = Timestamp::from_second(commit.time().seconds()).unwrap_or(Timestamp::UNIX_EPOCH);
    Ok((Discarded { id: id.to_owned(), at, paths: paths.into_iter().collect() }, tree))
}

fn kept(repo: &Repo, tree: &Tree, folder: &str, path: &TreePath) -> Result<Option<Content>, Failure> {
    let Ok(entry) = tree.get_path(&std::path::Path::new(folder).join(path.as_path())) else {
        return Ok(None);
    };
    let bytes = repo.git.find_blob(entry.id())?.content().to_owned();
    Ok(Some(Content { mode: entry.filemode() as u32, bytes }))
}

fn forget_old(git: &Repository, now: Timestamp) -> Result<(), Failure> {
    for found in git.references_glob(&format!("{OURS}discarded/*"))? {
        let mut found = found?;
        let at = found
            .peel_to_commit()
            .ok()
            .and_then(|commit| Timestamp::from_second(commit.time().seconds()).ok());
        if at.is_some_and(|at| now.duration_since(at) > KEPT) {
            found.delete()?;
        }
    }
    Ok(())
}

/// What lies at a path. No symbolic link is followed.
fn read(repo: &Repo, path: &TreePath) -> Result<Option<Content>, Failure> {
    match repo.parent(path)? {
        Some(parent) => read_at(&parent, path, name(path)),
        None => Ok(None),
    }
}

fn read_at(parent: impl AsFd + Copy, path: &TreePath, name: &OsStr) -> Result<Option<Content>, Failure> {
    let cannot = |error: Errno| unusable(path, error.into());
    let stat = match rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(cannot(error)),
    };
    match rustix::fs::FileType::from_raw_mode(stat.st_mode) {
        rustix::fs::FileType::Symlink => {
            let target = rustix::fs::readlinkat(parent, name, Vec::new()).map_err(cannot)?;
            Ok(Some(Content { mode: LINK, bytes: target.into_bytes() }))
        }
        rustix::fs::FileType::RegularFile if stat.st_size as u64 <= MAX_FILE => {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let opened = rustix::fs::openat(parent, name, flags, Mode::empty()).map_err(cannot)?;
            let mut bytes = Vec::new();
            File::from(opened).read_to_end(&mut bytes).map_err(|error| unusable(path, error))?;
            let mode = if stat.st_mode & 0o100 == 0 { PLAIN } else { EXECUTABLE };
            Ok(Some(Content { mode, bytes }))
        }
        rustix::fs::FileType::RegularFile => {
            let detail = format!("{} is larger than 64 MiB; discard it with git itself", path.text());
            Err(Problem::new(Code::TooLarge, detail).into())
        }
        _ => {
            Err(invalid(format!("{} is neither a file nor a link; discard it with git itself", path.text())))
        }
    }
}

/// Replaces what lies at a path: the old or the new one is there, never half of it.
fn write(repo: &Repo, path: &TreePath, bytes: &[u8], mode: u32) -> Result<(), Failure> {
    let parent = make_parent(repo, path)?;
    let beside = format!(".codepiper-{}", uuid::Uuid::new_v4().simple());
    let made = if mode == u32::from(FileMode::Link) {
        let target = OsStr::from_bytes(bytes);
        rustix::fs::symlinkat(target, &parent, beside.as_str()).map_err(std::io::Error::from)
    } else {
        let bits = if mode == EXECUTABLE { 0o777 } else { 0o666 };
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(&parent, beside.as_str(), flags, Mode::from_bits_truncate(bits));
        opened.map_err(std::io::Error::from).and_then(|file| {
            let mut file = File::from(file);
            file.write_all(bytes)?;
            file.sync_all()
        })
    };
    let renamed =
        made.and_then(|()| Ok(rustix::fs::renameat(&parent, beside.as_str(), &parent, name(path))?));
    renamed.map_err(|error| {
        let _ = rustix::fs::unlinkat(&parent, beside.as_str(), AtFlags::empty());
        unusable(path, error)
    })
}

fn remove(repo: &Repo, path: &TreePath) -> Result<(), Failure> {
    let Some(parent) = repo.parent(path)? else { return Ok(()) };
    match rustix::fs::unlinkat(&parent, name(path), AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(unusable(path, error.into())),
    }
}

/// The directory of a file, made if it is not there.
fn make_parent(repo: &Repo, path: &TreePath) -> Result<OwnedFd, Failure> {
    if let Some(parent) = repo.parent(path)? {
        return Ok(parent);
    }
    let cannot = |error: std::io::Error| unusable(path, error);
    let mut dir: OwnedFd = File::open(&repo.root).map_err(cannot)?.into();
    for part in path.as_path().parent().into_iter().flatten() {
        match rustix::fs::mkdirat(&dir, part, Mode::from_bits_truncate(0o777)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(cannot(error.into())),
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        let opened = rustix::fs::openat2(dir.as_fd(), part, flags, Mode::empty(), resolve);
        dir = opened.map_err(|error| cannot(error.into()))?;
    }
    Ok(dir)
}

fn name(path: &TreePath) -> &OsStr {
    path.as_path().file_name().unwrap_or_default()
}

fn unusable(path: &TreePath, error: std::io::Error) -> Failure {
    invalid(format!("{} cannot be changed: {error}", path.text()))
}
