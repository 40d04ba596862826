//! Files that a snapshot left out, since they are large, and that are not there any more.

use codepiper_protocol::wire::git::{Change, DiffFile, FileDiff, WholeFile};

use super::super::base::State;
use super::super::name::TreePath;
use super::super::place;
use super::super::repo::Repo;
use super::super::snapshot::LeftOut;
use super::describe::is_generated;

pub struct Gone<'s> {
    pub path: TreePath,
    left_out: &'s LeftOut,
}

/// Those of `base`. What its tree has is known as deleted by its content.
pub fn all<'s>(repo: &'s Repo, base: &'s State, to: &State) -> impl Iterator<Item = Gone<'s>> {
    let left_out = if matches!(to, State::Work) { base.left_out() } else { &[] };
    let tree = base.tree().flatten();
    left_out.iter().filter_map(move |left_out| {
        let path = TreePath::parse(&left_out.path).ok()?;
        let lies_there = place::meta(&repo.root, &path).is_some();
        let is_known = tree.is_some_and(|tree| tree.get_path(path.as_path()).is_ok());
        (!lies_there && !is_known).then_some(Gone { path, left_out })
    })
}

impl Gone<'_> {
    pub fn file(&self) -> DiffFile {
        DiffFile {
            path: self.path.text(),
            old_path: None,
            change: Change::Deleted,
            old_mode: None,
            new_mode: None,
            added: None,
            removed: None,
            binary: false,
            generated: is_generated(self.path.as_bytes()),
            version: None,
            conflicted: false,
        }
    }

    /// Nobody knows its lines.
    pub fn diff(&self) -> FileDiff {
        FileDiff {
            file: self.file(),
            version: self.left_out.version(),
            hunks: vec![],
            lines: 0,
            next: None,
            whole: Some(WholeFile::TooLarge),
        }
    }
}
