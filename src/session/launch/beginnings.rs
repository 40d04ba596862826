//! Launches from their request on, so that a halt calls them off before there is a session, too.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use codepiper_protocol::SessionId;
use codepiper_protocol::wire::problem::{Code, Problem};

use super::Launcher;
use crate::lock::lock;

/// Agents that are about to be launched. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Beginnings(Arc<Mutex<HashMap<SessionId, Begun>>>);

struct Begun {
    name: Option<String>,
    called_off: bool,
}

/// A launch that has begun, for as long as this lives.
pub struct Beginning {
    id: SessionId,
    all: Beginnings,
}

impl Beginning {
    /// The id of the session.
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// # Errors
    /// A halt has called it off.
    pub(super) fn check(&self) -> Result<(), Problem> {
        match lock(&self.all.0).get(&self.id) {
            Some(begun) if begun.called_off => {
                let detail = format!("session {} was halted before it began", self.id.short());
                Err(Problem::new(Code::LaunchFailed, detail))
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Beginning {
    fn drop(&mut self) {
        lock(&self.all.0).remove(&self.id);
    }
}

impl Launcher {
    /// A new session is asked for: its id.
    pub fn begin(&self, provider: &str, name: Option<&str>) -> Beginning {
        let agent = self.context.providers.find(provider).is_some_and(|provider| provider.agent);
        self.begin_with(self.registry.unused_id(), agent, name.map(str::to_owned))
    }

    pub(super) fn begin_with(&self, id: SessionId, agent: bool, name: Option<String>) -> Beginning {
        let all = self.inner.beginnings.clone();
        if agent {
            lock(&all.0).insert(id, Begun { name, called_off: false });
        }
        Beginning { id, all }
    }

    /// Agents that have not begun do not begin: all, or one. Which they are, with their names.
    pub(in crate::session) fn call_off(&self, only: Option<SessionId>) -> Vec<(SessionId, Option<String>)> {
        let mut begun = lock(&self.inner.beginnings.0);
        let meant = begun.iter_mut().filter(|(id, _)| only.is_none_or(|only| only == **id));
        meant
            .map(|(id, begun)| {
                begun.called_off = true;
                (*id, begun.name.clone())
            })
            .collect()
    }
}
