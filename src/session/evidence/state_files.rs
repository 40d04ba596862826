//! The providers' own state files: they tell what no hook tells, for example that a person refused or interrupted.

use std::path::PathBuf;
use std::sync::Arc;

use codepiper_protocol::wire::session::{Activity, EvidenceSource};
use jiff::Timestamp;

use super::Evidence;
use crate::plain_file;
use crate::session::cell::Session;
use crate::session::files::{FileKind, Wanted};
use crate::session::life::machine::Input;
use crate::tasks::blocking;

/// State files are small; a larger one is something else. They are rewritten in place: half a file is no JSON, and the other half
/// comes as another change.
const LONGEST: u64 = 64 * 1024;

impl Evidence {
    /// Reads state files as they change, one after another: what is read last counts.
    pub async fn follow_state_files(&self) {
        loop {
            for id in self.files.changed(FileKind::State).await {
                if let Some(session) = self.registry.get(id) {
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
        if self.files.watch(session.id, FileKind::State, &[wanted]) {
            self.files.look(session.id, FileKind::State);
        }
    }

    /// Whether its state file tells what it does. Right after its start that file may be there, and not be read yet.
    pub(super) fn has_state_file(&self, session: &Session) -> bool {
        if session.evidence.seen().has_state_file {
            return true;
        }
        let Some(file) = session.provider.state_file else { return false };
        let content = self.state_file(session).and_then(|path| plain_file::json(&path, LONGEST));
        let tells = content.is_some_and(|content| (file.meaning)(&content).is_some());
        if tells {
            session.evidence.seen().has_state_file = true;
            self.watch_state_file(session);
        }
        tells
    }

    pub(super) fn forget_state_file(&self, session: &Session) {
        self.files.watch(session.id, FileKind::State, &[]);
    }

    fn state_file(&self, session: &Session) -> Option<PathBuf> {
        let file = session.provider.state_file?;
        let pid = session.life().machine().pid()?;
        let record = session.record();
        Some((file.path)(&self.programs.environment(&record), pid))
    }

    async fn read_state_file(&self, session: &Arc<Session>) {
        let Some(file) = session.provider.state_file else { return };
        let Some(path) = self.state_file(session) else { return };
        let shown = path.display().to_string();
        let Ok(Some(content)) = blocking(move || plain_file::json(&path, LONGEST)).await else { return };
        self.version_told(session, (file.version)(&content));
        // It may be from before what a hook has told already.
        let written = (file.written)(&content);
        // A hook of later than now is from before the clock was set back.
        let hooked = session.evidence.hooked_at().filter(|hooked| *hooked <= Timestamp::now());
        if written.is_some_and(|written| hooked.is_some_and(|hooked| written < hooked)) {
            return;
        }
        if let Some(what) = (file.moved_to)(&content) {
            let (source, activity) = (EvidenceSource::Transcript, Activity::Unknown);
            self.life.apply(session, Input::Activity { source, activity, waiting_for: None, what });
            return;
        }
        match (file.left_running)(&content) {
            Some(true) => self.life.apply(session, Input::BackgroundShell),
            Some(false) => self.life.apply(session, Input::BackgroundEnded),
            None => {}
        }
        if let Some((activity, waiting_for)) = (file.meaning)(&content) {
            session.evidence.seen().has_state_file = true;
            let what = format!("its state file {shown}");
            let source = EvidenceSource::Transcript;
            self.life.apply(session, Input::Activity { source, activity, waiting_for, what });
        }
    }
}
