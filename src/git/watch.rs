//! Tells when a work tree or its repository changes: with inotify, and only as long as somebody looks.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use git2::Repository;
use notify::event::{CreateKind, ModifyKind, RenameMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use super::error::Failure;
use super::repo::Repo;

/// So many directories are watched of one work tree; of a larger one, those nearest to its root.
const MOST: usize = 8000;
/// Changes that follow each other so fast are told as one; after this time, what came until then.
const SETTLE: Duration = Duration::from_millis(100);
const LATEST: Duration = Duration::from_millis(500);

/// What is known of the changes.
#[derive(Default)]
pub struct Changes {
    version: AtomicU64,
    partial: AtomicBool,
}

impl Changes {
    /// Grows with each change.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Something may have changed.
    pub fn touch(&self) {
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Some directories are not watched: there are too many, or the system allows no more.
    pub fn is_partial(&self) -> bool {
        self.partial.load(Ordering::Relaxed)
    }
}

/// Watches until it is dropped.
pub struct Watch {
    stop: Sender<Told>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.stop.send(Told::Stop);
    }
}

enum Told {
    Event(notify::Event),
    /// The system lost some.
    Lost,
    Stop,
}

impl Watch {
    /// Looks at the whole work tree once. `told` is called after each change, in a thread of its own.
    pub fn start(
        dir: &Path,
        changes: Arc<Changes>,
        told: impl Fn() + Send + 'static,
    ) -> Result<Self, Failure> {
        let repo = Repo::open(dir)?;
        let (stop, events) = channel();
        let sender = stop.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let _ = sender.send(match event {
                Ok(event) if event.need_rescan() => Told::Lost,
                Ok(event) => Told::Event(event),
                Err(_) => Told::Lost,
            });
        })
        .map_err(|error| super::error::invalid(format!("the files cannot be watched: {error}")))?;
        let git = [repo.git.path().to_owned(), repo.git.commondir().to_owned()];
        let mut watched = Watched { watcher, dirs: HashSet::new(), root: repo.root.clone(), changes };
        for dir in &git {
            watched.add(dir);
            watched.add_below(&dir.join("refs"), &is_ours);
        }
        watched.add_below(&repo.root, &ignored(&repo.git, &repo.root));
        std::thread::Builder::new()
            .name("git-watch".to_owned())
            .spawn(move || watched.run(&events, &told))
            .map_err(|error| super::error::invalid(format!("the files cannot be watched: {error}")))?;
        Ok(Self { stop })
    }
}

/// Directories of which nothing is told: what git ignores, and repositories' own.
fn ignored<'r>(git: &'r Repository, root: &'r Path) -> impl Fn(&Path) -> bool + 'r {
    move |dir: &Path| {
        let below = dir.strip_prefix(root).unwrap_or(dir);
        let is_repository = dir.file_name().is_some_and(|name| name == ".git");
        is_repository || below != Path::new("") && git.is_path_ignored(below).unwrap_or(false)
    }
}

/// What is kept for ourselves.
fn is_ours(dir: &Path) -> bool {
    dir.ends_with("refs/codepiper")
}

struct Watched {
    watcher: RecommendedWatcher,
    dirs: HashSet<PathBuf>,
    root: PathBuf,
    changes: Arc<Changes>,
}

impl Watched {
    fn run(mut self, events: &Receiver<Told>, told: &impl Fn()) {
        while let Ok(first) = events.recv() {
            let began = Instant::now();
            let mut next = Some(first);
            let mut changed = false;
            // One word for what belongs together.
            while let Some(event) = next.take() {
                match event {
                    Told::Stop => return,
                    Told::Lost => changed = true,
                    Told::Event(event) => changed |= self.take(&event),
                }
                if !changed || began.elapsed() > LATEST {
                    break;
                }
                next = match events.recv_timeout(SETTLE) {
                    Ok(event) => Some(event),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => return,
                };
            }
            if changed {
                self.changes.touch();
                told();
            }
        }
    }

    /// Whether it changes anything. New directories are watched, too.
    fn take(&mut self, event: &notify::Event) -> bool {
        let is_change =
            matches!(event.kind, EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_));
        if !is_change {
            return false;
        }
        let goes = matches!(
            event.kind,
            EventKind::Remove(_)
                | EventKind::Modify(ModifyKind::Name(RenameMode::From | RenameMode::Both | RenameMode::Any))
        );
        if goes {
            event.paths.iter().for_each(|path| self.forget(path));
        }
        // What was ignored may not be any more.
        let rules =
            event.paths.iter().filter(|path| path.ends_with(".gitignore") || path.ends_with("info/exclude"));
        let rules: Vec<PathBuf> = rules.map(|path| path.parent().unwrap_or(&self.root).to_owned()).collect();
        let is_dir = |path: &PathBuf| path.symlink_metadata().is_ok_and(|meta| meta.is_dir());
        let appears = matches!(
            event.kind,
            EventKind::Create(CreateKind::Folder | CreateKind::Any)
                | EventKind::Modify(ModifyKind::Name(RenameMode::To | RenameMode::Both | RenameMode::Any))
        );
        let new = event.paths.iter().filter(|path| appears && is_dir(path)).cloned();
        for dir in new.chain(rules).collect::<Vec<_>>() {
            self.add_new(&dir);
        }
        true
    }

    fn add_new(&mut self, dir: &Path) {
        let Ok(git) = Repository::open(&self.root) else { return };
        let root = self.root.clone();
        if !dir.starts_with(git.commondir()) && dir.starts_with(&root) {
            self.add_below(dir, &ignored(&git, &root));
        } else if dir.ends_with("info") {
            self.add_below(&root, &ignored(&git, &root));
        } else {
            self.add_below(dir, &is_ours);
        }
    }

    /// A directory that is gone, or elsewhere now: one that comes in its place is another one.
    fn forget(&mut self, dir: &Path) {
        if !self.dirs.contains(dir) {
            return;
        }
        let watcher = &mut self.watcher;
        self.dirs.retain(|known| {
            let stays = !known.starts_with(dir);
            if !stays {
                // The system has ended it already, if the directory was removed.
                let _ = watcher.unwatch(known);
            }
            stays
        });
    }

    /// The directory and those in it, the nearest first.
    fn add_below(&mut self, dir: &Path, leave_out: &dyn Fn(&Path) -> bool) {
        let mut level = vec![dir.to_owned()];
        while !level.is_empty() {
            let mut below = Vec::new();
            for dir in level {
                if leave_out(&dir) || !self.add(&dir) {
                    continue;
                }
                let entries = fs::read_dir(&dir).into_iter().flatten().flatten();
                let dirs = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
                below.extend(dirs.map(|entry| entry.path()));
            }
            level = below;
        }
    }

    fn add(&mut self, dir: &Path) -> bool {
        if self.dirs.contains(dir) {
            return true;
        }
        let fits = self.dirs.len() < MOST && self.watcher.watch(dir, RecursiveMode::NonRecursive).is_ok();
        if fits {
            self.dirs.insert(dir.to_owned());
        } else if dir.is_dir() {
            self.changes.partial.store(true, Ordering::Relaxed);
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Sandbox;
    use super::*;

    #[test]
    fn changes_of_files_and_of_the_repository_are_told_and_ignored_ones_are_not() {
        let sandbox = Sandbox::new();
        sandbox.write(".gitignore", "target/\n");
        sandbox.write("src/deep/a", "1");
        sandbox.write("target/out", "1");
        sandbox.commit_all();
        let (tell, told) = channel();
        let changes = Arc::<Changes>::default();
        let watch = Watch::start(sandbox.dir.path(), changes.clone(), move || {
            let _ = tell.send(());
        })
        .unwrap();
        let limit = Duration::from_secs(20);
        let after = |change: &dyn Fn()| {
            let before = changes.version();
            change();
            told.recv_timeout(limit).unwrap();
            assert!(changes.version() > before);
        };
        after(&|| sandbox.write("src/deep/a", "2"));
        after(&|| sandbox.write("new/dir/b", "1"));
        // What follows a new directory is heard of, too.
        while told.recv_timeout(LATEST).is_ok() {}
        after(&|| sandbox.write("new/dir/b", "2"));
        while told.recv_timeout(LATEST).is_ok() {}
        after(&|| drop(sandbox.git(["add", "-A"])));
        while told.recv_timeout(LATEST).is_ok() {}
        after(&|| drop(sandbox.git(["branch", "other"])));
        while told.recv_timeout(LATEST).is_ok() {}
        sandbox.write("target/out", "2");
        assert!(told.recv_timeout(LATEST).is_err(), "nobody hears of what git ignores");
        // A branch without the directory, and back again; what is not ignored any more.
        let settle = || while told.recv_timeout(LATEST).is_ok() {};
        sandbox.commit_all();
        sandbox.git(["checkout", "-q", "-b", "without"]);
        sandbox.git(["rm", "-rq", "src", "new"]);
        sandbox.git(["commit", "-qm", "without"]);
        sandbox.git(["checkout", "-q", "main"]);
        settle();
        after(&|| sandbox.write("src/deep/a", "3"));
        settle();
        std::fs::rename(sandbox.path("src"), sandbox.path("moved")).unwrap();
        settle();
        after(&|| sandbox.write("moved/deep/a", "4"));
        settle();
        sandbox.write(".gitignore", "");
        settle();
        after(&|| sandbox.write("target/out", "3"));
        assert!(!changes.is_partial());
        drop(watch);
        assert!(told.recv_timeout(limit).is_err_and(|error| error == RecvTimeoutError::Disconnected));
    }
}
