//! Changes taken out of the work tree, kept for 30 days, and brought back.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use codepiper_protocol::SessionId;
use codepiper_protocol::wire::git::{ChosenFile, Discarded};
use codepiper_protocol::wire::problem::Problem;
use git2::build::CheckoutBuilder;
use git2::{Index, ObjectType, Oid, Repository, Signature, Time, Tree};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::base::{OURS, State, point};
use super::choose;
use super::diff::{Compared, with_files};
use super::error::{Failure, changed, invalid, not_found};
use super::name::{TreePath, text_of};
use super::place::{self, Content};
use super::repo::Repo;
use super::stage::{checked, choice, entry, moved_on, paths, resolved};

const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// In the commit that keeps it: what was there before, and what was left.
const BEFORE: &str = "before";
const AFTER: &str = "after";
/// So many are listed.
const MOST_LISTED: usize = 100;

const PLAIN: u32 = 0o100_644;

/// A file before and after a change.
struct Planned {
    path: TreePath,
    before: Option<Stored>,
    after: Option<Stored>,
}

/// A content that the repository has: of many files, the bytes of one at a time are in memory.
#[derive(Clone, Copy)]
struct Stored {
    id: Oid,
    mode: u32,
    permissions: Option<u32>,
}

impl Stored {
    fn write(git: &Repository, content: Option<Content>) -> Result<Option<Self>, Failure> {
        let Some(Content { mode, permissions, bytes }) = content else { return Ok(None) };
        Ok(Some(Self { id: git.blob(&bytes)?, mode, permissions }))
    }

    fn read(self, git: &Repository) -> Result<Content, Failure> {
        let Self { id, mode, permissions } = self;
        Ok(Content { mode, permissions, bytes: git.find_blob(id)?.content().to_owned() })
    }

    fn name(&self) -> Name {
        (self.mode, self.id)
    }
}

/// What tells contents apart.
type Name = (u32, Oid);

fn name(content: Option<&Content>) -> Result<Option<Name>, Failure> {
    let name = |content: &Content| Ok((content.mode, Oid::hash_object(ObjectType::Blob, &content.bytes)?));
    content.map(name).transpose()
}

/// Takes changes out of the work tree: all that were chosen, or none. What they were is kept first.
pub fn discard(repo: &Repo, session: SessionId, files: &[ChosenFile]) -> Result<Discarded, Failure> {
    let paths = paths(files)?;
    apart(&paths)?;
    // They are read before they are compared and once more then: what is shown, kept and replaced is the same.
    let read = |path: &TreePath| name(place::read(repo, path)?.as_ref());
    let read = paths.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let mut planned = Vec::new();
    with_files(repo, &State::Index, &State::Work, &paths, |at, found| {
        let (file, path) = (&files[at], &paths[at]);
        let found = checked(file, path, found)?;
        resolved(path, found.whole)?;
        let before = place::read(repo, path)?;
        if name(before.as_ref())? != read[at] {
            return Err(moved_on(path));
        }
        let after = Stored::write(&repo.git, after(repo, file, before.as_ref(), &found)?)?;
        let before = Stored::write(&repo.git, before)?;
        planned.push(Planned { path: path.clone(), before, after });
        Ok(())
    })?;
    let at = Timestamp::now();
    let commit = keep(&repo.git, at, &planned)?;
    let id = format!("{:013}-{}", at.as_millisecond(), &commit.to_string()[..8]);
    let name = reference(session, &id);
    point(&repo.git, &name, commit)?;
    make_durable(&repo.git).inspect_err(|_| forget(&repo.git, &name))?;
    if let Err(undone) = carry_out(repo, &planned) {
        if undone.left.is_empty() {
            forget(&repo.git, &name);
        }
        return Err(undone.into());
    }
    if let Err(failure) = forget_old(&repo.git, at) {
        tracing::warn!(?failure, "what was discarded long ago is still kept");
    }
    // As the commit has it.
    let at = Timestamp::from_second(at.as_second()).unwrap_or(at);
    Ok(Discarded { id, at, paths: planned.iter().map(|file| file.path.text()).collect() })
}

/// What is kept reaches the disk before what it was is gone: git's library syncs nothing that it writes.
fn make_durable(git: &Repository) -> Result<(), Failure> {
    let synced = File::open(git.commondir()).and_then(|dir| Ok(rustix::fs::syncfs(dir)?));
    synced.map_err(|error| invalid(format!("what would be discarded cannot be kept: {error}")))
}

/// A file and what lies in a directory of its name cannot both be brought back at once.
fn apart(paths: &[TreePath]) -> Result<(), Failure> {
    let sorted: BTreeSet<&Path> = paths.iter().map(TreePath::as_path).collect();
    let nested = sorted.iter().find_map(|path| {
        let above = path.ancestors().skip(1).find(|above| sorted.contains(above))?;
        Some((above, path))
    });
    match nested {
        Some((above, path)) => {
            let (above, path) = (text_of(above.as_os_str().as_bytes()), text_of(path.as_os_str().as_bytes()));
            Err(invalid(format!(
                "{above} is a file now, and a directory in {path}: discard {above} first, and {path} then"
            )))
        }
        None => Ok(()),
    }
}

/// The reference goes. What was done stays done when it cannot.
fn forget(git: &Repository, name: &str) {
    if let Err(error) = git.find_reference(name).and_then(|mut found| found.delete()) {
        tracing::warn!(%error, name, "what was brought back is still kept");
    }
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
    let (discarded, kept, tree) = open(repo, session, id)?;
    let mut planned = Vec::new();
    for Kept { path, before, after } in kept {
        let path = TreePath::parse(&path)?;
        let stored = |folder, permissions| stored(&tree, folder, &path, permissions);
        let (before, after) = (stored(BEFORE, before), stored(AFTER, after));
        let lies_there = place::read(repo, &path)?;
        let is = name(lies_there.as_ref())?;
        if ![before, after].iter().any(|stored| stored.as_ref().map(Stored::name) == is) {
            return Err(changed(format!(
                "{} has changed since it was discarded; nothing was brought back",
                path.text()
            )));
        }
        let permissions = lies_there.and_then(|content| content.permissions);
        let is = is.map(|(mode, id)| Stored { id, mode, permissions });
        planned.push(Planned { path, before: is, after: before });
    }
    carry_out(repo, &planned)?;
    forget(&repo.git, &reference(session, id));
    Ok(discarded)
}

fn reference(session: SessionId, id: &str) -> String {
    format!("{OURS}discarded/{session}/{id}")
}

/// What is left of a file without what was chosen.
fn after(
    repo: &Repo,
    file: &ChosenFile,
    before: Option<&Content>,
    found: &Compared,
) -> Result<Option<Content>, Failure> {
    // Not tracked: it goes.
    let whole = || if found.file.old_mode.is_some() { of_index(repo, &found.path) } else { Ok(None) };
    if file.hunks.is_none() {
        return whole();
    }
    let hunks = found.hunks()?;
    let choice = choice(file, found, &hunks)?;
    let bytes = before.map_or(&[][..], |content| &content.bytes);
    let left = choose::from_new(bytes, &hunks, &choice);
    // All of it: then also what is no line, and lines end as git would write them.
    match choice.is_all(&hunks) && (left.is_empty() || before.is_none()) {
        true => whole(),
        false => {
            let (mode, permissions) =
                before.map_or((PLAIN, None), |content| (content.mode, content.permissions));
            Ok(Some(Content { mode, permissions, bytes: left }))
        }
    }
}

/// A change of several files that was given up.
struct Undone {
    why: Failure,
    /// Files that were changed and could not be put back, since somebody else writes them.
    left: Vec<String>,
}

impl From<Box<Undone>> for Failure {
    fn from(undone: Box<Undone>) -> Self {
        let problem = Problem::from(undone.why);
        let detail = match undone.left.is_empty() {
            true => format!("{}; nothing was done", problem.detail),
            false => format!(
                "{}; not put back, since somebody else writes there: {}. What was there is listed with what was \
                 discarded",
                problem.detail,
                undone.left.join(", ")
            ),
        };
        Self::Said(Problem { detail, ..problem })
    }
}

/// Replaces all files. When one of them cannot be, or has changed meanwhile, the others are as they were.
fn carry_out(repo: &Repo, files: &[Planned]) -> Result<(), Box<Undone>> {
    let replace = |path: &TreePath, from: Option<Stored>, to: Option<Stored>| {
        let read = |stored: Option<Stored>| stored.map(|stored| stored.read(&repo.git)).transpose();
        place::replace(repo, path, read(from)?.as_ref(), read(to)?.as_ref())
    };
    for (at, file) in files.iter().enumerate() {
        let Err(why) = replace(&file.path, file.before, file.after) else { continue };
        let mut left = Vec::new();
        for done in files[..at].iter().rev() {
            if let Err(failure) = replace(&done.path, done.after, done.before) {
                tracing::warn!(?failure, path = %done.path.text(), "not put back");
                left.push(done.path.text());
            }
        }
        return Err(Box::new(Undone { why, left }));
    }
    Ok(())
}

/// A file as git would write it, by the index. Git's library writes it elsewhere: where it lies it would write through a
/// symbolic link.
fn of_index(repo: &Repo, path: &TreePath) -> Result<Option<Content>, Failure> {
    let cannot = |error: std::io::Error| place::unusable(path, error);
    let dir = repo.git.path().join(format!("codepiper-{}", uuid::Uuid::new_v4().simple()));
    std::fs::create_dir(&dir).map_err(cannot)?;
    let mut options = CheckoutBuilder::new();
    options.force().disable_pathspec_match(true).update_index(false).path(path.as_bytes()).target_dir(&dir);
    let written = repo.git.checkout_index(None, Some(&mut options)).map_err(Failure::from);
    let content = written.and_then(|()| place::read_in(&dir, path));
    std::fs::remove_dir_all(&dir).map_err(cannot)?;
    // It gets the permissions of the file that it replaces.
    Ok(content?.map(|content| Content { permissions: None, ..content }))
}

/// A file in the message of the commit that keeps it, with its permissions: git knows only whether it is executable.
#[derive(Serialize, Deserialize)]
struct Kept {
    path: String,
    before: Option<u32>,
    after: Option<u32>,
}

/// A commit with the files as they were and as they will be, below two folders.
fn keep(git: &Repository, at: Timestamp, files: &[Planned]) -> Result<Oid, Failure> {
    let mut index = Index::new()?;
    for Planned { path, before, after } in files {
        for (folder, stored) in [(BEFORE, before), (AFTER, after)] {
            let Some(stored) = stored else { continue };
            let mut row = entry(path, stored.id, stored.mode);
            row.path = [folder.as_bytes(), b"/", path.as_bytes()].concat();
            index.add(&row)?;
        }
    }
    let tree = git.find_tree(index.write_tree_to(git)?)?;
    let signature = Signature::new("CodePiper", "codepiper@localhost", &Time::new(at.as_second(), 0))?;
    let permissions = |stored: &Option<Stored>| stored.and_then(|stored| stored.permissions);
    let kept = files.iter().map(|Planned { path, before, after }| Kept {
        path: path.text(),
        before: permissions(before),
        after: permissions(after),
    });
    let kept =
        serde_json::to_string(&kept.collect::<Vec<_>>()).map_err(|error| invalid(error.to_string()))?;
    Ok(git.commit(None, &signature, &signature, &format!("Discarded\n\n{kept}\n"), &tree, &[])?)
}

fn open<'r>(
    repo: &'r Repo,
    session: SessionId,
    id: &str,
) -> Result<(Discarded, Vec<Kept>, Tree<'r>), Failure> {
    let missing = || not_found("nothing with that id was discarded, or it was restored, or it is too old");
    let plain = !id.is_empty()
        && id.len() < 64
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let found = if plain { repo.git.find_reference(&reference(session, id)).ok() } else { None };
    let commit = found.and_then(|found| found.peel_to_commit().ok()).ok_or_else(missing)?;
    let said = commit.message_bytes().split(|byte| *byte == b'\n').nth(2).unwrap_or_default();
    let kept: Vec<Kept> = serde_json::from_slice(said).map_err(|_| missing())?;
    let at = Timestamp::from_second(commit.time().seconds()).unwrap_or(Timestamp::UNIX_EPOCH);
    let paths = kept.iter().map(|file| file.path.clone()).collect();
    Ok((Discarded { id: id.to_owned(), at, paths }, kept, commit.tree()?))
}

fn stored(tree: &Tree, folder: &str, path: &TreePath, permissions: Option<u32>) -> Option<Stored> {
    let entry = tree.get_path(&Path::new(folder).join(path.as_path())).ok()?;
    Some(Stored { id: entry.id(), mode: entry.filemode() as u32, permissions })
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
