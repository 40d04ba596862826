//! Worktrees: made for a session, leased while one lives in it, removed when a person says so.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use codepiper_protocol::SessionId;
use codepiper_protocol::wire::problem::{Code, Next, Problem};
use codepiper_protocol::wire::worktree::{
    MergeWorktree, NewWorktree, RemoveWorktree, Worktree, WorktreeMerged, WorktreeRemoved, WorktreeState,
};

use super::{Launcher, Made};
use crate::git::worktree;
use crate::lock::lock;
use crate::process::inherited::with_umask_of_programs;
use crate::session::cell::Session;
use crate::session::life::machine::{Operation, Refusal};
use crate::session::life::operation::{Reserved, refused};
use crate::tasks::blocking;

impl Launcher {
    /// Every worktree that was made for a session, as it is now. Reads much.
    pub async fn worktrees(&self) -> Result<Vec<WorktreeState>, Problem> {
        let home = self.context.places.worktrees.clone();
        let mut states = blocking(move || worktree::list(&home)).await?;
        for state in &mut states {
            let inside = self.inside(&state.path);
            state.in_use = inside.iter().any(|session| session.is_live());
            state.sessions = inside.iter().map(|session| session.id).collect();
        }
        Ok(states)
    }

    /// # Errors
    /// When a session lives in it, or something would be lost.
    pub async fn remove_worktree(
        &self,
        id: &str,
        request: RemoveWorktree,
    ) -> Result<WorktreeRemoved, Problem> {
        let (home, known) = (self.context.places.worktrees.clone(), id.to_owned());
        let path = blocking(move || worktree::path_of(&home, &known)).await??;
        let _leaving = Leaving::begin(self, &path)?;
        let mut _reserved = Vec::new();
        for session in self.inside(&path) {
            match Reserved::begin(&session, self.context.now(), Operation::RemoveWorktree) {
                Ok(reserved) => _reserved.push(reserved),
                Err(Refusal::Live) => {
                    let session = session.id.short();
                    let detail = format!("session {session} is running in {}", path.display());
                    let problem = Problem::new(Code::SessionLive, detail);
                    return Err(problem.with_next(Next::StopSession { session }));
                }
                Err(refusal) => return Err(refused(&session, refusal)),
            }
        }
        let (home, id) = (self.context.places.worktrees.clone(), id.to_owned());
        blocking(move || worktree::remove(&home, &id, request)).await?
    }

    /// # Errors
    /// When it cannot be merged as a whole: nothing was changed.
    pub async fn merge_worktree(&self, id: &str, request: MergeWorktree) -> Result<WorktreeMerged, Problem> {
        let (home, id) = (self.context.places.worktrees.clone(), id.to_owned());
        blocking(move || with_umask_of_programs(|| worktree::merge(&home, &id, &request))).await?
    }

    pub(super) async fn make_worktree(
        &self,
        session: SessionId,
        dir: PathBuf,
        wanted: NewWorktree,
    ) -> Result<Made, Problem> {
        let home = self.context.places.worktrees.clone();
        blocking(move || with_umask_of_programs(|| worktree::make(&home, &dir, &wanted, &session.short())))
            .await?
    }

    /// Takes away what was made for a session that never ran.
    pub(super) async fn unmake_worktree(&self, made: Worktree) {
        let _ = blocking(move || worktree::unmake(&made)).await;
    }

    pub(super) async fn lease_worktree(&self, session: &Session) {
        let Some(path) = worktree_of(session) else { return };
        let holder = format!("session {}", session.id.short());
        let _ = blocking(move || worktree::lease(&path, &holder)).await;
    }

    /// Unless another session lives in it.
    pub(in crate::session) fn release_worktree(&self, session: &Session) {
        let Some(path) = worktree_of(session) else { return };
        if self.inside(&path).iter().any(|other| other.id != session.id && other.is_live()) {
            return;
        }
        drop(blocking(move || worktree::release(&path)));
    }

    /// The sessions that were started in it, by whichever way and name.
    fn inside(&self, path: &Path) -> Vec<Arc<Session>> {
        let mut all = self.registry.all();
        let path = real(path);
        all.retain(|session| real(&session.cwd()).starts_with(&path));
        all
    }
}

/// A directory that is being removed: nothing is started in it.
struct Leaving {
    launcher: Launcher,
    path: PathBuf,
}

impl Leaving {
    pub fn begin(launcher: &Launcher, path: &Path) -> Result<Self, Problem> {
        let path = real(path);
        let mut leaving = lock(&launcher.inner.leaving);
        if leaving.contains(&path) {
            let detail = format!("the worktree {} is being removed by somebody else", path.display());
            return Err(Problem::new(Code::InUse, detail));
        }
        leaving.push(path.clone());
        drop(leaving);
        Ok(Self { launcher: launcher.clone(), path })
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        lock(&self.launcher.inner.leaving).retain(|other| *other != self.path);
    }
}

impl Launcher {
    /// # Errors
    /// When the directory of a session is being removed.
    pub(super) fn check_not_leaving(&self, dir: &Path) -> Result<(), Problem> {
        let dir = real(dir);
        match lock(&self.inner.leaving).iter().find(|path| dir.starts_with(path)) {
            Some(path) => Err(Problem::new(
                Code::InUse,
                format!("the worktree {} is being removed by somebody else", path.display()),
            )),
            None => Ok(()),
        }
    }
}

/// Without links on the way. What is gone keeps its name.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn worktree_of(session: &Session) -> Option<PathBuf> {
    session.life().record().recipe.worktree.as_ref().map(|worktree| worktree.path.clone())
}

/// What to do when the worktree of a session is not there any more.
pub fn check_worktree(session: &Session) -> Result<(), Problem> {
    let Some(worktree) = session.life().record().recipe.worktree.clone() else { return Ok(()) };
    if worktree.path.is_dir() {
        return Ok(());
    }
    let detail = format!(
        "the worktree {} of session {} was removed; restore it with: {}",
        worktree.path.display(),
        session.id.short(),
        worktree::command_that_adds(&worktree)
    );
    Err(Problem::new(Code::LaunchFailed, detail))
}
