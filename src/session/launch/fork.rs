//! Fork: another session that continues a copy of the conversation.

use std::sync::Arc;

use codepiper_protocol::SessionId;
use codepiper_protocol::wire::problem::{Code, Problem};
use codepiper_protocol::wire::session::ForkSession;

use super::check::check_directory;
use super::prepare::LaunchKind;
use super::{Beginning, Launcher};
use crate::session::cell::Session;
use crate::session::life::record::Record;
use crate::tasks::blocking;

impl Launcher {
    /// Starts a session that is launched like this one, in the same directory, and whose program continues
    /// a copy of its conversation. This one goes on as it is. On an error nothing is left behind.
    pub async fn fork(
        &self,
        session: &Arc<Session>,
        beginning: &Beginning,
        request: ForkSession,
    ) -> Result<Arc<Session>, Problem> {
        let ForkSession { name, surroundings } = request;
        if !session.provider.launcher.forks() {
            let detail = format!("{} cannot fork a conversation", session.provider.name);
            return Err(Problem::new(Code::LaunchFailed, detail));
        }
        check_directory(&session.cwd())?;
        let connection = self.link.connected().await?;
        let (launcher, subject) = (self.clone(), session.clone());
        let found = blocking(move || launcher.programs.find_conversation(&subject)).await;
        let conversation = found.ok().flatten().ok_or_else(|| nothing_to_fork(session.id))?;
        // Behind all that is waited for: nobody can take the name from here on.
        if let Some(name) = &name {
            self.registry.check_name(name, None)?;
        }
        let mut recipe = session.life().record().recipe_of_fork();
        if let Some(theirs) = surroundings {
            recipe.take_surroundings(&self.context.surroundings, theirs);
        }
        let conversation_of_its_own =
            session.provider.conversations.and_then(|kept| kept.choose(beginning.id()));
        let mut record = Record::new(beginning.id(), name, recipe, conversation_of_its_own);
        record.life.forked_from = Some(conversation);
        let begin = LaunchKind::Fork { origin: session.id };
        let forked = self.launch_new(beginning, record, session.provider, &connection, begin).await;
        forked.map_err(|problem| beginning.check().err().unwrap_or(problem))
    }
}

/// There is no conversation of this session to continue a copy of.
pub(super) fn nothing_to_fork(origin: SessionId) -> Problem {
    let id = origin.short();
    let detail = format!("session {id} has no conversation to fork yet; send it a prompt first");
    Problem::new(Code::LaunchFailed, detail)
}
