//! What policies are asked about a session, and what its hooks decide by while no daemon answers.

use std::fs;
use std::path::{Path, PathBuf};

use codepiper_protocol::os_text;
use codepiper_protocol::wire::policy::PolicySnapshot;
use serde_json::Value;

use crate::policy::input::Request;
use crate::session::cell::Session;
use crate::session::context::Context;
use crate::small_file::{Synced, replace};

impl Session {
    /// The use of a tool, as policies see it.
    pub fn policy_request(&self, tool: &str, input: Value, cwd: PathBuf) -> Request {
        Request {
            tool: tool.to_owned(),
            input,
            cwd,
            may_run_elsewhere: self.may_run_elsewhere(),
            home: self.home(),
            directory: Some(self.cwd()),
            session: self.policy_names(),
            provider: self.provider.name.to_owned(),
        }
    }

    fn may_run_elsewhere(&self) -> bool {
        self.provider.answers.is_some_and(|answers| !answers.tell_directory())
    }

    /// How policies may name it.
    fn policy_names(&self) -> Vec<String> {
        [self.id.to_string(), self.id.short()].into_iter().chain(self.name()).collect()
    }

    /// The home of its program.
    fn home(&self) -> PathBuf {
        let of_program =
            self.life().record().recipe.surroundings.as_ref().and_then(|env| env.get("HOME").cloned());
        let home = of_program.map(|home| os_text::decode(&home)).or_else(|| std::env::var_os("HOME"));
        home.unwrap_or_else(|| "/".into()).into()
    }
}

impl Context {
    /// Where the snapshot of a session's policies lies.
    pub fn policy_file_of(&self, session: codepiper_protocol::SessionId) -> PathBuf {
        self.places.run.join(format!("policy-{session}.json"))
    }

    /// Writes what the session's hooks decide by while no daemon answers; without policies, nothing is there.
    pub(in crate::session) fn write_policy_snapshot(&self, session: &Session) {
        let file = self.policy_file_of(session.id);
        let policies = &self.places.policies;
        if policies.is_empty() || session.provider.answers.is_none() {
            let _ = fs::remove_file(&file);
            return;
        }
        let snapshot = PolicySnapshot {
            session: session.id,
            names: session.policy_names(),
            provider: session.provider.name.to_owned(),
            directory: session.cwd(),
            may_run_elsewhere: session.may_run_elsewhere(),
            home: session.home(),
            policies: policies.texts(),
        };
        if let Err(error) = write(&file, &snapshot) {
            tracing::error!(id = %session.id, %error, "cannot write what hooks decide by while the daemon is away");
        }
    }
}

fn write(file: &Path, snapshot: &PolicySnapshot) -> std::io::Result<()> {
    let json = serde_json::to_vec(snapshot).map_err(std::io::Error::other)?;
    replace(file, &json, Synced::No)
}
