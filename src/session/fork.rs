//! Fork: another session that continues a copy of the conversation.

use std::sync::Arc;

use codepiper_protocol::SessionId;
use codepiper_protocol::event::Body;
use codepiper_protocol::wire::problem::{Code, Problem};
use codepiper_protocol::wire::session::{ForkSession, Status};
use jiff::Timestamp;

use super::launch::{Begin, check_directory};
use super::record::Record;
use super::{Session, Sessions};
use crate::bus::to_millisecond;
use crate::journal::Position;

impl Sessions {
    /// Starts a session that is launched like this one, in the same directory, and whose program continues
    /// a copy of its conversation. This one goes on as it is. On an error nothing is left behind.
    pub async fn fork(&self, session: &Arc<Session>, request: ForkSession) -> Result<Arc<Session>, Problem> {
        let ForkSession { name, surroundings } = request;
        if !session.provider.forks() {
            let detail = format!("{} cannot continue a copy of a conversation", session.provider.name());
            return Err(Problem::new(Code::LaunchFailed, detail));
        }
        check_directory(&session.cwd())?;
        let connection = self.connected().await?;
        let (sessions, subject) = (self.clone(), session.clone());
        let found = tokio::task::spawn_blocking(move || sessions.find_conversation(&subject)).await;
        let conversation = found.ok().flatten().ok_or_else(|| nothing_to_fork(session.id))?;
        // Behind all that is waited for: nobody can take the name from here on.
        if let Some(name) = &name {
            self.check_name(name, None)?;
        }
        let id = self.unused_id();
        let now = to_millisecond(Timestamp::now());
        let origin = session.state().record.clone();
        let mut record = Record {
            id,
            name,
            forked_from: Some(conversation),
            lease: None,
            conversation: session.provider.choose_conversation(id),
            created_at: now,
            launched_at: now,
            nonce: String::new(),
            status: Status::Starting,
            exit: None,
            pid: None,
            server: None,
            epoch: 0,
            offset: 0,
            updated_at: now,
            state_since: None,
            complete: false,
            crashes: Vec::new(),
            ..origin
        };
        if let Some(theirs) = surroundings {
            record.take_surroundings(&self.0.surroundings, theirs);
        }
        let created = Body::SessionCreated {
            provider: record.provider.clone(),
            name: record.name.clone(),
            cwd: record.cwd.display().to_string(),
        };
        let log = self.0.bus.open(id, 0, Position::default());
        let fork = self.insert(Session::new(record, session.provider, log));
        self.event(Some(id), created);
        match self.launch(&fork, &connection, Begin::Fork { origin: session.id }).await {
            Ok(()) => Ok(fork),
            Err(problem) => {
                self.discard(&fork).await;
                Err(problem)
            }
        }
    }
}

/// There is no conversation of this session to continue a copy of.
pub(super) fn nothing_to_fork(origin: SessionId) -> Problem {
    let id = origin.short();
    let detail =
        format!("session {id} has no conversation to continue a copy of yet; say something to it first");
    Problem::new(Code::LaunchFailed, detail)
}
