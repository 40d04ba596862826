//! The marks of what was seen: one that all devices share, and one of a device that chose its own.

use codepiper_protocol::wire::git::{Marks, Snapshot};
use git2::ObjectType;

use super::base::{Reader, point, reference};
use super::error::{Failure, changed, invalid};
use super::repo::Repo;
use super::{snapshot, status};

const SHARED: &str = "seen";

/// What the mark is kept as that counts for this reader.
pub fn kind(repo: &Repo, reader: Reader) -> String {
    let own = own(reader).filter(|own| repo.git.find_reference(&reference(reader.session, own)).is_ok());
    own.unwrap_or_else(|| SHARED.to_owned())
}

fn own(reader: Reader) -> Option<String> {
    reader.login.map(|login| format!("{SHARED}-{login}"))
}

pub fn marks(repo: &Repo, reader: Reader) -> Marks {
    if kind(repo, reader) == SHARED { Marks::Shared } else { Marks::Own }
}

/// Whether something was marked.
pub fn exists(repo: &Repo, reader: Reader) -> bool {
    let mark = repo.git.find_reference(&reference(reader.session, &kind(repo, reader)));
    mark.is_ok_and(|mark| mark.peel_to_tree().is_ok())
}

/// What is there now was seen, if it is still what was `shown`.
pub fn keep(repo: &Repo, reader: Reader, shown: Option<&str>) -> Result<Snapshot, Failure> {
    let taken = snapshot::take(repo, reader.session)?;
    // The same before and afterwards: so was what was read between.
    if let Some(shown) = shown
        && status::state(repo)? != shown
    {
        return Err(changed("files have changed since they were shown; nothing was marked as seen"));
    }
    taken.keep(repo, reader.session, &kind(repo, reader))
}

/// From now on the device has a mark of its own, which begins as the shared one, or has none any more.
pub fn choose(repo: &Repo, reader: Reader, marks: Marks) -> Result<(), Failure> {
    let own = own(reader).ok_or_else(|| {
        invalid("only a device that has signed in to the dashboard can have a mark of its own")
    })?;
    let name = reference(reader.session, &own);
    let found = repo.git.find_reference(&name);
    match (marks, found) {
        (Marks::Own, Ok(_)) => {}
        (Marks::Own, Err(_)) => {
            let shared = repo.git.find_reference(&reference(reader.session, SHARED));
            let begins = match shared.ok().and_then(|shared| shared.target()) {
                Some(tree) => tree,
                // An empty file: nothing was seen yet.
                None => repo.git.odb()?.write(ObjectType::Blob, b"")?,
            };
            point(&repo.git, &name, begins)?;
        }
        (Marks::Shared, Ok(mut found)) => found.delete()?,
        (Marks::Shared, Err(_)) => {}
    }
    Ok(())
}
