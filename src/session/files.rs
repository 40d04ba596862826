//! Files that sessions want to hear of: watched with inotify, never polled.
//!
//! inotify can lose a word when very much changes at once. So the machine of a session asks for a look now and then while an
//! agent is at something, and [`Files::look`] makes it one like any other.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use codepiper_protocol::SessionId;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;

use crate::lock::lock;

/// So many new files are looked at again when they change: the first line says whose they are.
const APPEARED: usize = 256;

/// What a file is to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    State,
    Transcript,
    /// What is checked out in its repository.
    Head,
    /// Hooks that reached no daemon.
    Spool,
}

/// Which files of a directory a session wants to hear of.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// Those whose path begins so.
    Begins(PathBuf),
    /// Those that appear.
    New,
}

/// Which directories are watched for whom, and whose files changed.
pub struct Files {
    watcher: Mutex<Option<RecommendedWatcher>>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    watched: Mutex<Watched>,
    /// Who reads the files of a kind waits here.
    changed: [Notify; 4],
}

#[derive(Default)]
struct Watched {
    /// By directory.
    dirs: HashMap<PathBuf, Vec<(SessionId, FileKind, Wanted)>>,
    /// Files that appeared while somebody waited for one.
    appeared: HashSet<PathBuf>,
    /// By kind.
    changed: [HashSet<SessionId>; 4],
}

impl Watched {
    fn note(&mut self, path: &Path, is_new: bool) {
        let dirs = path.parent().into_iter().chain([path]).filter_map(|dir| self.dirs.get(dir));
        for (session, kind, wanted) in dirs.flatten() {
            let fits = match wanted {
                Wanted::Begins(begin) => {
                    path.as_os_str().as_encoded_bytes().starts_with(begin.as_os_str().as_encoded_bytes())
                }
                Wanted::New => {
                    if is_new && self.appeared.len() < APPEARED {
                        self.appeared.insert(path.to_owned());
                    }
                    is_new || self.appeared.contains(path)
                }
            };
            if fits {
                self.changed[*kind as usize].insert(*session);
            }
        }
    }
}

impl Shared {
    fn watched(&self) -> MutexGuard<'_, Watched> {
        lock(&self.watched)
    }

    fn note(&self, event: &notify::Event) {
        if !matches!(event.kind, EventKind::Create(_) | EventKind::Modify(_)) {
            return;
        }
        let mut watched = self.watched();
        let is_new = matches!(event.kind, EventKind::Create(_));
        event.paths.iter().for_each(|path| watched.note(path, is_new));
        for (sessions, changed) in watched.changed.iter().zip(&self.changed) {
            if !sessions.is_empty() {
                changed.notify_one();
            }
        }
    }
}

impl Files {
    pub fn new() -> Self {
        let shared = Arc::<Shared>::default();
        let noting = shared.clone();
        let on_event =
            move |event: notify::Result<notify::Event>| event.iter().for_each(|event| noting.note(event));
        let watcher = notify::recommended_watcher(on_event)
            .inspect_err(|error| tracing::error!(%error, "the files of agents cannot be watched"))
            .ok();
        Self { watcher: Mutex::new(watcher), shared }
    }

    /// The session wants to hear of these files of a kind and of no others. True when it did not want one of them
    /// before: what happened there until now was not noticed.
    pub fn watch(&self, session: SessionId, kind: FileKind, wanted: &[(PathBuf, Wanted)]) -> bool {
        let mut watcher = lock(&self.watcher);
        let Some(watcher) = watcher.as_mut() else { return false };
        let mut own = HashSet::new();
        let before: HashSet<PathBuf> = {
            let mut watched = self.shared.watched();
            let before = watched.dirs.keys().cloned().collect();
            for (dir, who) in &mut watched.dirs {
                if who.extract_if(.., |(id, of, _)| (*id, *of) == (session, kind)).count() > 0 {
                    own.insert(dir.clone());
                }
            }
            for (dir, wanted) in wanted {
                watched.dirs.entry(dir.clone()).or_default().push((session, kind, wanted.clone()));
            }
            before
        };
        for (dir, _) in wanted.iter().filter(|(dir, _)| !before.contains(dir)) {
            if let Err(error) = watcher.watch(dir, RecursiveMode::NonRecursive) {
                tracing::warn!(dir = %dir.display(), %error, "the files of an agent are not watched");
                self.shared.watched().dirs.remove(dir);
                own.insert(dir.clone());
            }
        }
        let needless: Vec<PathBuf> = {
            let mut watched = self.shared.watched();
            let needless = watched.dirs.extract_if(|_, who| who.is_empty());
            let needless = needless.map(|(dir, _)| dir).collect();
            if !watched.dirs.values().flatten().any(|(.., wanted)| matches!(wanted, Wanted::New)) {
                watched.appeared = HashSet::new();
            }
            needless
        };
        for dir in needless {
            let _ = watcher.unwatch(&dir);
        }
        wanted.iter().any(|(dir, _)| !own.contains(dir))
    }

    /// Lets the session's files of a kind be looked at, whether a change was noticed or not.
    pub fn look(&self, session: SessionId, kind: FileKind) {
        self.shared.watched().changed[kind as usize].insert(session);
        self.shared.changed[kind as usize].notify_one();
    }

    /// Waits for files of a kind to change; whose they are.
    pub async fn changed(&self, kind: FileKind) -> HashSet<SessionId> {
        self.shared.changed[kind as usize].notified().await;
        self.changed_already(kind)
    }

    /// The same without waiting.
    pub fn changed_already(&self, kind: FileKind) -> HashSet<SessionId> {
        std::mem::take(&mut self.shared.watched().changed[kind as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns when everything that was written before is noticed: changes are told in order.
    async fn settled(files: &Files, dir: &Path) {
        let (session, file) = (SessionId::random(), dir.join("settled"));
        files.watch(session, FileKind::Transcript, &[(dir.to_owned(), Wanted::Begins(file.clone()))]);
        std::fs::write(&file, "").unwrap();
        while !files.changed(FileKind::Transcript).await.contains(&session) {}
        files.watch(session, FileKind::Transcript, &[]);
    }

    #[tokio::test]
    async fn each_hears_of_its_own_files_and_of_nothing_when_it_is_done() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("own.json");
        let session = SessionId::random();
        let files = Files::new();
        let wanted = [(dir.path().to_owned(), Wanted::Begins(file.clone()))];
        assert!(files.watch(session, FileKind::State, &wanted));
        assert!(!files.watch(session, FileKind::State, &wanted), "it heard of it already");
        std::fs::write(dir.path().join("other.json"), "1").unwrap();
        settled(&files, dir.path()).await;
        assert!(files.shared.watched().changed[FileKind::State as usize].is_empty());
        std::fs::write(&file, "1").unwrap();
        assert_eq!(files.changed(FileKind::State).await, HashSet::from([session]));

        settled(&files, dir.path()).await;
        files.watch(session, FileKind::State, &[]);
        files.look(session, FileKind::State);
        assert_eq!(files.changed(FileKind::State).await, HashSet::from([session]));
        std::fs::write(&file, "2").unwrap();
        settled(&files, dir.path()).await;
        assert!(files.shared.watched().changed[FileKind::State as usize].is_empty());
    }
}
