//! The providers' own state files: watched, never polled. A slow look while the agent is at something
//! ([`super::machine`]) is the safety net for a change that was not noticed.
//!
//! A state file tells what no hook tells, for example that a person refused or interrupted.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use codepiper_protocol::SessionId;
use codepiper_protocol::wire::session::EvidenceSource;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use super::machine::Input;
use super::{Session, Sessions};

/// Changed paths that wait to be read. When it is full a change is dropped: the file's next one counts.
const CHANGES: usize = 1024;
/// State files are small; a larger one is something else.
const LONGEST: u64 = 64 * 1024;

/// Which files belong to which session.
pub struct StateFiles {
    watcher: Mutex<Option<RecommendedWatcher>>,
    files: Mutex<HashMap<PathBuf, SessionId>>,
}

impl StateFiles {
    /// `changes` get the paths of files that changed.
    pub fn new() -> (Arc<Self>, mpsc::Receiver<PathBuf>) {
        let (sender, changes) = mpsc::channel(CHANGES);
        let on_event = move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            if matches!(event.kind, EventKind::Create(_) | EventKind::Modify(_)) {
                for path in event.paths {
                    let _ = sender.try_send(path);
                }
            }
        };
        let watcher = notify::recommended_watcher(on_event)
            .inspect_err(|error| tracing::error!(%error, "state files cannot be watched"))
            .ok();
        (Arc::new(Self { watcher: Mutex::new(watcher), files: Mutex::default() }), changes)
    }

    fn session(&self, path: &Path) -> Option<SessionId> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).get(path).copied()
    }

    /// True when the file is watched from now on. False: its directory is not there yet.
    fn watch(&self, path: &Path, session: SessionId) -> bool {
        let Some(dir) = path.parent() else { return false };
        let mut watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(watcher) = watcher.as_mut() else { return false };
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if files.get(path) == Some(&session) {
            return false;
        }
        if !files.keys().any(|file| file.parent() == Some(dir))
            && let Err(error) = watcher.watch(dir, RecursiveMode::NonRecursive)
        {
            tracing::debug!(dir = %dir.display(), %error, "a state file is not watched yet");
            return false;
        }
        files.insert(path.to_owned(), session);
        true
    }

    /// Forgets the files of a session, and the directories that nobody needs any more.
    fn forget(&self, session: SessionId) {
        let mut watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let gone: Vec<PathBuf> =
            files.iter().filter(|(_, id)| **id == session).map(|(path, _)| path.clone()).collect();
        for path in gone {
            files.remove(&path);
            let Some(dir) = path.parent() else { continue };
            if !files.keys().any(|file| file.parent() == Some(dir))
                && let Some(watcher) = watcher.as_mut()
            {
                let _ = watcher.unwatch(dir);
            }
        }
    }
}

impl Sessions {
    /// Reads state files as they change.
    pub async fn follow_state_files(&self, mut changes: mpsc::Receiver<PathBuf>) {
        while let Some(path) = changes.recv().await {
            let session = self.0.state_files.session(&path).and_then(|id| self.get(id));
            if let Some(session) = session {
                self.read_state_file(&session, path).await;
            }
        }
    }

    /// Watches the state file of a session's program, when it has one.
    pub(super) fn watch_state_file(&self, session: &Arc<Session>) {
        let Some(path) = self.state_file(session) else { return };
        if self.0.state_files.watch(&path, session.id) {
            self.look_at_state_file(session);
        }
    }

    /// Reads it, whether a change was noticed or not.
    pub(super) fn look_at_state_file(&self, session: &Arc<Session>) {
        let Some(path) = self.state_file(session) else { return };
        let (sessions, session) = (self.clone(), session.clone());
        tokio::spawn(async move { sessions.read_state_file(&session, path).await });
    }

    pub(super) fn forget_state_file(&self, session: &Session) {
        self.0.state_files.forget(session.id);
    }

    fn state_file(&self, session: &Session) -> Option<PathBuf> {
        let pid = session.view().pid?;
        let record = session.state().record.clone();
        session.provider.state_file(&self.program_environment(&record), pid)
    }

    async fn read_state_file(&self, session: &Arc<Session>, path: PathBuf) {
        let shown = path.display().to_string();
        let read = tokio::task::spawn_blocking(move || {
            let meta = std::fs::metadata(&path).ok()?;
            (meta.len() <= LONGEST).then(|| std::fs::read(&path).ok()).flatten()
        });
        // It is rewritten in place: half a file is no JSON, and the other half comes as another change.
        let Ok(Some(content)) = read.await else { return };
        let Ok(content) = serde_json::from_slice(&content) else { return };
        // It may be from before what a hook has told already.
        let written = session.provider.state_file_time(&content);
        if written.is_some_and(|written| session.state().hooked_at.is_some_and(|hooked| written < hooked)) {
            return;
        }
        if let Some((activity, waiting_for)) = session.provider.interpret_state_file(&content) {
            let what = format!("its state file {shown}");
            let source = EvidenceSource::Transcript;
            self.apply(session, Input::Activity { source, activity, waiting_for, what });
        }
    }
}
