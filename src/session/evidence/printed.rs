//! The last line that a shell printed. It is looked at only while somebody shows the list of sessions.

use std::sync::Arc;

use codepiper_protocol::visible::one_line;
use codepiper_protocol::wire::session::Printed;
use jiff::Timestamp;

use super::Evidence;
use crate::session::cell::Session;

/// In characters.
const LONGEST: usize = 200;

impl Evidence {
    /// Looks at what every shell printed last: somebody begins to show the list. Whoever shows it is told.
    pub fn look_at_shells(&self) {
        let shells = self.registry.all().into_iter();
        let shells: Vec<_> = shells
            .filter(|session| session.provider.prompts_for_commands.is_some() && session.is_live())
            .collect();
        let evidence = self.clone();
        self.context.tasks.spawn_until_shutdown(async move {
            for session in shells {
                evidence.look_at_printed(&session).await;
            }
        });
    }

    /// Looks at what it printed last, if somebody shows the list and anything changed since the last look.
    pub(super) async fn look_at_printed(&self, session: &Arc<Session>) {
        let (at, cursor) = session.log.printed();
        let prompts = session.evidence.seen().seat.prompts();
        let known = session.shown().printed.as_ref().map(|(printed, prompts)| (printed.cursor, *prompts));
        // Nothing was printed yet.
        if at == 0 || !self.registry.is_listed() || known == Some((cursor, prompts)) {
            return;
        }
        let Some(line) = self.context.screens.last_line(session.id, prompts).await else { return };
        let line = one_line(line.trim()).chars().take(LONGEST).collect();
        let Ok(at) = Timestamp::from_millisecond(at) else { return };
        session.shown().printed = Some((Printed { at, line, cursor }, prompts));
        self.registry.wake_watchers();
    }
}
