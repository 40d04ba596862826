//! Worktrees: made for a session, leased while one lives in it, removed when a person says so.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use codepiper_protocol::SessionId;
use codepiper_protocol::wire::problem::{Code, Next, Problem};
use codepiper_protocol::wire::worktree::{
    NewWorktree, RemoveWorktree, Worktree, WorktreeRemoved, WorktreeState,
};

use super::machine::{Operation, Refusal};
use super::operation::{Leaving, Reserved, refused};
use super::{Session, Sessions};
use crate::git::worktree::{self, Made};
use crate::tasks::blocking;

impl Sessions {
    /// Every worktree that was made for a session, as it is now. Reads much.
    pub async fn worktrees(&self) -> Result<Vec<WorktreeState>, Problem> {
        let home = self.0.places.worktrees.clone();
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
        let (home, known) = (self.0.places.worktrees.clone(), id.to_owned());
        let path = blocking(move || worktree::path_of(&home, &known)).await??;
        let _leaving = Leaving::begin(self, &path)?;
        let mut _reserved = Vec::new();
        for session in self.inside(&path) {
            match Reserved::begin(&session, self.now(), Operation::RemoveWorktree) {
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
        let (home, id) = (self.0.places.worktrees.clone(), id.to_owned());
        blocking(move || worktree::remove(&home, &id, request)).await?
    }

    pub(super) async fn make_worktree(
        &self,
        session: SessionId,
        dir: PathBuf,
        wanted: NewWorktree,
    ) -> Result<Made, Problem> {
        let home = self.0.places.worktrees.clone();
        blocking(move || worktree::make(&home, &dir, &wanted, &session.short())).await?
    }

    /// Takes away what was made for a session that never ran.
    pub(super) async fn unmake_worktree(&self, made: Worktree) {
        let _ = blocking(move || worktree::unmake(&made)).await;
    }

    pub(super) async fn lease_worktree(&self, session: &Session) {
        let Some(path) = session.worktree() else { return };
        let holder = format!("session {}", session.id.short());
        let _ = blocking(move || worktree::lease(&path, &holder)).await;
    }

    /// Unless another session lives in it.
    pub(super) fn release_worktree(&self, session: &Session) {
        let Some(path) = session.worktree() else { return };
        if self.inside(&path).iter().any(|other| other.id != session.id && other.is_live()) {
            return;
        }
        drop(blocking(move || worktree::release(&path)));
    }

    /// The sessions that were started in it, by whichever way.
    fn inside(&self, path: &Path) -> Vec<Arc<Session>> {
        let mut all = self.all();
        all.retain(|session| session.cwd().starts_with(path));
        all
    }
}

impl Session {
    fn worktree(&self) -> Option<PathBuf> {
        self.state().record.recipe.worktree.as_ref().map(|worktree| worktree.path.clone())
    }

    /// What to do when its worktree is not there any more.
    pub(super) fn check_worktree(&self) -> Result<(), Problem> {
        let Some(worktree) = self.state().record.recipe.worktree.clone() else { return Ok(()) };
        if worktree.path.is_dir() {
            return Ok(());
        }
        let detail = format!(
            "the worktree {} of session {} was removed; restore it with: {}",
            worktree.path.display(),
            self.id.short(),
            worktree::command_that_adds(&worktree)
        );
        Err(Problem::new(Code::LaunchFailed, detail))
    }
}
