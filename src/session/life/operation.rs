//! What takes its time with a session is done by one at a time: whoever comes second is told.

use std::sync::Arc;

use codepiper_protocol::wire::problem::{Code, Next, Problem};

use super::machine::{Now, Operation, Refusal};
use crate::session::cell::{Session, ended_problem};

/// The operation is under way as long as it lives.
pub struct Reserved {
    session: Arc<Session>,
}

impl Reserved {
    /// Nothing else begins until the operation is dropped.
    pub fn begin(session: &Arc<Session>, now: Now, operation: Operation) -> Result<Self, Refusal> {
        session.life().machine.begin(now, operation)?;
        Ok(Self { session: session.clone() })
    }

    /// Nothing begins ever after.
    pub fn removed(self) {
        self.session.life().machine.removed();
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.session.life().machine.finish();
        self.session.wake();
    }
}

/// What is told to whoever came second.
pub fn refused(session: &Session, refusal: Refusal) -> Problem {
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
