//! The providers' own state files: they tell what no hook tells, for example that a person refused or interrupted.

use std::path::PathBuf;
use std::sync::Arc;

use codepiper_protocol::wire::session::EvidenceSource;

use super::files::{Kind, Wanted};
use super::machine::Input;
use super::{Session, Sessions};
use crate::tasks::blocking;

/// State files are small; a larger one is something else.
const LONGEST: u64 = 64 * 1024;

impl Sessions {
    /// Reads state files as they change, one after another: what is read last counts.
    pub async fn follow_state_files(&self) {
        loop {
            for id in self.0.files.changed(Kind::State).await {
                if let Some(session) = self.get(id) {
                    self.read_state_file(&session).await;
                }
            }
        }
    }

    /// Watches the state file of a session's program, when it has one and its directory is there.
    pub(super) fn watch_state_file(&self, session: &Session) {
        let Some(path) = self.state_file(session) else { return };
        let Some(dir) = path.parent().filter(|dir| dir.is_dir()) else { return };
        let wanted = (dir.to_owned(), Wanted::Begins(path.clone()));
        if self.0.files.watch(session.id, Kind::State, &[wanted]) {
            self.0.files.look(session.id, Kind::State);
        }
    }

    pub(super) fn forget_state_file(&self, session: &Session) {
        self.0.files.watch(session.id, Kind::State, &[]);
    }

    fn state_file(&self, session: &Session) -> Option<PathBuf> {
        let file = session.provider.state_file?;
        let pid = session.view().pid?;
        let record = session.state().record.clone();
        Some((file.path)(&self.program_environment(&record), pid))
    }

    async fn read_state_file(&self, session: &Arc<Session>) {
        let Some(file) = session.provider.state_file else { return };
        let Some(path) = self.state_file(session) else { return };
        let shown = path.display().to_string();
        let read = blocking(move || {
            let meta = std::fs::metadata(&path).ok()?;
            (meta.len() <= LONGEST).then(|| std::fs::read(&path).ok()).flatten()
        });
        // It is rewritten in place: half a file is no JSON, and the other half comes as another change.
        let Ok(Some(content)) = read.await else { return };
        let Ok(content) = serde_json::from_slice(&content) else { return };
        // It may be from before what a hook has told already.
        let written = (file.written)(&content);
        if written.is_some_and(|written| session.state().hooked_at.is_some_and(|hooked| written < hooked)) {
            return;
        }
        if let Some((activity, waiting_for)) = (file.meaning)(&content) {
            let what = format!("its state file {shown}");
            let source = EvidenceSource::Transcript;
            self.apply(session, Input::Activity { source, activity, waiting_for, what });
        }
    }
}
