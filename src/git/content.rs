//! What a file has in a state: its bytes, some of its lines, an image.

use codepiper_protocol::wire::git::{FileLines, MAX_FILE, MAX_SHOWN_IMAGE};
use codepiper_protocol::wire::problem::{Code, Problem};

use super::base::State;
use super::error::{Failure, not_found};
use super::hunk;
use super::index::Unusual;
use super::name::TreePath;
use super::repo::Repo;

/// A file of which so many lines are asked for is read at most this far, in bytes.
const MOST_READ: u64 = MAX_FILE;

/// The bytes of a file in a state. `None`: it is not there, or no plain file.
pub fn content(repo: &Repo, state: &State, path: &TreePath, most: u64) -> Result<Option<Vec<u8>>, Failure> {
    let id = match state {
        State::Work => match repo.read(path, most)? {
            Some(content) => return Ok(Some(content)),
            // What is not checked out is as the index has it.
            None => Unusual::not_checked_out(repo, path)?,
        },
        State::Index => repo.git.index()?.get_path(path.as_path(), 0).map(|entry| entry.id),
        State::Tree(_) | State::Kept { .. } => {
            let tree = state.tree().flatten();
            tree.and_then(|tree| tree.get_path(path.as_path()).ok()).map(|entry| entry.id())
        }
    };
    let Some(id) = id else { return Ok(None) };
    let Ok((size, git2::ObjectType::Blob)) = repo.git.odb()?.read_header(id) else { return Ok(None) };
    if size as u64 > most {
        let detail = format!("{} has {size} bytes, more than {most}", path.text());
        return Err(Problem::new(Code::TooLarge, detail).into());
    }
    Ok(Some(repo.git.find_blob(id)?.content().to_owned()))
}

/// Some lines of a file in a state.
pub fn lines(
    repo: &Repo,
    state: &State,
    path: &str,
    from: u32,
    limit: Option<u32>,
) -> Result<FileLines, Failure> {
    let path = TreePath::parse(path)?;
    let missing = || not_found(format!("there is no file {}", path.text()));
    let content = content(repo, state, &path, MOST_READ)?.ok_or_else(missing)?;
    let all = || content.split_inclusive(|byte| *byte == b'\n');
    let lines = hunk::texts(all().skip(from.max(1) as usize - 1), limit);
    Ok(FileLines { lines, total: all().count() as u32 })
}

/// An image, and its kind.
pub fn image(repo: &Repo, state: &State, path: &str) -> Result<(Vec<u8>, &'static str), Failure> {
    let path = TreePath::parse(path)?;
    let missing = || not_found(format!("there is no file {}", path.text()));
    let content = content(repo, state, &path, MAX_SHOWN_IMAGE)?.ok_or_else(missing)?;
    let kind = infer::get(&content).map(|kind| kind.mime_type());
    let shown = kind.filter(|kind| ["image/png", "image/jpeg", "image/gif", "image/webp"].contains(kind));
    match shown {
        Some(kind) => Ok((content, kind)),
        None => {
            let detail = format!("{} is not a PNG, JPEG, GIF or WebP image", path.text());
            Err(Problem::new(Code::NoImage, detail).into())
        }
    }
}
