//! What takes its time with a session is done by one at a time: whoever comes second is told.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use codepiper_protocol::wire::problem::{Code, Next, Problem};

use super::machine::{Now, Operation, Refusal};
use super::{Session, Sessions, ended_problem};

/// The operation is under way as long as it lives.
pub(super) struct Reserved {
    session: Arc<Session>,
}

impl Reserved {
    /// Nothing else begins until the operation is dropped.
    pub fn begin(session: &Arc<Session>, now: Now, operation: Operation) -> Result<Self, Refusal> {
        session.state().machine.begin(now, operation)?;
        Ok(Self { session: session.clone() })
    }

    /// The operation was begun already.
    pub fn of(session: &Arc<Session>) -> Self {
        Self { session: session.clone() }
    }

    /// Nothing begins ever after.
    pub fn removed(self) {
        self.session.state().machine.removed();
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.session.state().machine.finish();
        self.session.changed.send_replace(());
    }
}

/// What is told to whoever came second.
pub(super) fn refused(session: &Session, refusal: Refusal) -> Problem {
    let id = session.id.short();
    let (code, detail) = match refusal {
        Refusal::Live => {
            let problem = Problem::new(Code::SessionLive, format!("session {id} is running"));
            return problem.with_next(Next::StopSession { session: id });
        }
        Refusal::Busy(operation) => {
            let what = match operation {
                Operation::Start => "is being started by somebody else",
                Operation::Resume => "is being resumed by somebody else",
                Operation::Revive => "is being resumed by the daemon",
                Operation::Remove => "is being removed by somebody else",
                Operation::RemoveWorktree => "cannot be used: its worktree is being removed by somebody else",
            };
            (Code::InUse, format!("session {id} {what}"))
        }
        Refusal::NotLost => return ended_problem(session),
        Refusal::EndRequested => {
            (Code::LaunchFailed, format!("session {id} was stopped before its program was started"))
        }
        Refusal::Removed => (Code::NotFound, format!("session {id} was removed")),
    };
    Problem::new(code, detail)
}

/// A directory that is being removed: nothing is started in it.
pub(super) struct Leaving {
    sessions: Sessions,
    path: PathBuf,
}

impl Leaving {
    pub fn begin(sessions: &Sessions, path: &Path) -> Result<Self, Problem> {
        let mut table = sessions.table();
        if table.leaving.iter().any(|other| other == path) {
            let detail = format!("the worktree {} is being removed by somebody else", path.display());
            return Err(Problem::new(Code::InUse, detail));
        }
        table.leaving.push(path.to_owned());
        drop(table);
        Ok(Self { sessions: sessions.clone(), path: path.to_owned() })
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.sessions.table().leaving.retain(|other| *other != self.path);
    }
}

impl Sessions {
    /// # Errors
    /// When the directory of a session is being removed.
    pub(super) fn check_not_leaving(&self, dir: &Path) -> Result<(), Problem> {
        match self.table().leaving.iter().find(|path| dir.starts_with(path)) {
            Some(path) => Err(Problem::new(
                Code::InUse,
                format!("the worktree {} is being removed by somebody else", path.display()),
            )),
            None => Ok(()),
        }
    }
}
