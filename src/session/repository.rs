//! The repository that a session works in: what is checked out there, and how much changed since the session began.
//!
//! What is checked out is watched as long as the session's program runs; several sessions of one repository share the
//! watches. How much changed is counted when a turn ends, on a commit and when somebody lists the
//! sessions: one session at a time.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use codepiper_protocol::event::Body;
use codepiper_protocol::wire::session::Changes;

use crate::git::error::Failure;
use crate::git::head::{self, Head, Moved};
use crate::git::repo::Repo;
use crate::git::turns::{LONGEST, Turns};
use crate::lock::lock;
use crate::session::cell::Session;
use crate::session::context::Context;
use crate::session::files::{FileKind, Files, Wanted};
use crate::session::life::{Core, Life};
use crate::session::registry::Registry;
use crate::tasks::blocking;

/// What git does in one go is looked at as one.
const SETTLE: Duration = Duration::from_millis(100);
/// A list that is opened counts again what is older than this.
const OLD: Duration = Duration::from_secs(10);

/// What is known of a session's repository.
#[derive(Default)]
pub struct RepositoryState {
    head: Mutex<Option<Head>>,
    counted: Mutex<Option<Instant>>,
    /// Somebody is about to count, so that nobody else has to.
    counting: AtomicBool,
}

/// See the module. Clones share it.
#[derive(Clone)]
pub struct Repositories {
    context: Arc<Context>,
    registry: Registry,
    life: Life,
    files: Arc<Files>,
    /// One look at a time, so that what happens is told in its order. Where one does not come to an end, none is begun.
    looks: Arc<Turns>,
    /// Counting reads much.
    counts: Arc<Turns>,
}

impl Repositories {
    pub(super) fn new(Core { context, registry, life }: Core, files: Arc<Files>) -> Self {
        let (looks, counts) = (Arc::new(Turns::new(1, 1)), Arc::new(Turns::new(1, 1)));
        Self { context, registry, life, files, looks, counts }
    }

    /// Tells of commits and of branches that are checked out, as they come.
    pub async fn follow(&self) {
        loop {
            let mut changed = self.files.changed(FileKind::Head).await;
            tokio::time::sleep(SETTLE).await;
            changed.extend(self.files.changed_already(FileKind::Head));
            for session in changed.into_iter().filter_map(|id| self.registry.get(id)) {
                let own = self.clone();
                self.context.tasks.spawn_until_shutdown(async move { own.look(&session).await });
            }
        }
    }

    /// The session's program runs: what is checked out is watched from now on.
    pub(super) fn watch(&self, session: &Arc<Session>) {
        self.files.look(session.id, FileKind::Head);
    }

    /// Its program has ended: what is done there from now on is not its work. What it did at last is told.
    pub(super) fn ended(&self, session: &Arc<Session>) {
        self.files.watch(session.id, FileKind::Head, &[]);
        let (own, session) = (self.clone(), session.clone());
        self.context.tasks.spawn(async move {
            let looking = session.clone();
            let looked = blocking(move || {
                let before = lock(&looking.repository.head).take()?;
                let (repo, now) = read(&looking.cwd()).ok()?;
                Some(before.moved(&now, &repo))
            });
            if let Ok(Ok(Some(moves))) = tokio::time::timeout(LONGEST, looked).await {
                own.tell(&session, moves);
            }
            own.count(&session);
        });
    }

    async fn look(&self, session: &Arc<Session>) {
        let (files, looking) = (self.files.clone(), session.clone());
        let looked = self.looks.take(&session.cwd(), || blocking(move || look(&files, &looking))).await;
        if let Ok(Ok(Some(moves))) = looked
            && self.tell(session, moves)
        {
            self.count(session);
        }
    }

    /// Whether there was something to tell.
    fn tell(&self, session: &Session, moves: Vec<Moved>) -> bool {
        if moves.is_empty() {
            return false;
        }
        for moved in moves {
            self.context.event(
                Some(session.id),
                match moved {
                    Moved::Committed { branch, commit, summary, commits } => {
                        Body::GitCommitted { branch, commit, summary, commits }
                    }
                    Moved::Switched { from, to } => Body::GitBranchChanged { from, to },
                },
            );
        }
        session.note_change();
        self.registry.wake_watchers();
        true
    }

    /// Counts in the background what is older than a moment: somebody lists these sessions. What ended ones changed was
    /// counted at their end.
    pub fn count_old(&self, sessions: &[Arc<Session>]) {
        for session in sessions.iter().filter(|session| session.is_live()) {
            let counted = *lock(&session.repository.counted);
            if counted.is_none_or(|counted| counted.elapsed() >= OLD) {
                self.count(session);
            }
        }
    }

    /// Counts in the background how much changed since the session began.
    pub(super) fn count(&self, session: &Arc<Session>) {
        if session.repository.counting.swap(true, Ordering::Relaxed) {
            return;
        }
        let (own, session) = (self.clone(), session.clone());
        self.context.tasks.spawn_until_shutdown(async move {
            // What changes from here on is counted by the next.
            let begins = || session.repository.counting.store(false, Ordering::Relaxed);
            let counting = session.clone();
            let begin = || {
                begins();
                blocking(move || count(&counting))
            };
            let counted = own.counts.take(&session.cwd(), begin).await.inspect_err(|_| begins());
            *lock(&session.repository.counted) = Some(Instant::now());
            let Ok(Ok(Ok(Some(changes)))) = counted else { return };
            if session.life.note(|record| record.life.count(changes)) {
                // Of one that ends nothing else is written down any more.
                if !session.is_live() {
                    own.life.save_or_say(&session).await;
                }
                session.note_change();
                own.registry.wake_watchers();
            }
        });
    }
}

/// Notes what is checked out before a program is launched: what it does at once is told, too. Reads files.
pub(super) fn note_head(session: &Session) {
    let head = read(&session.cwd()).map(|(_, head)| head).unwrap_or_default();
    *lock(&session.repository.head) = Some(head);
}

/// What happened since the last look. It is watched from here on.
fn look(files: &Files, session: &Session) -> Option<Vec<Moved>> {
    let cwd = session.cwd();
    // What happens between looking and watching would not be noticed.
    loop {
        let found = read(&cwd).ok();
        let wanted = match &found {
            Some((repo, now)) => head::places(repo, now),
            None => head::places_to_come(&cwd),
        };
        let wanted: Vec<_> = wanted.into_iter().map(|(dir, begin)| (dir, Wanted::Begins(begin))).collect();
        let is_new = files.watch(session.id, FileKind::Head, &wanted);
        if !session.is_live() {
            files.watch(session.id, FileKind::Head, &[]);
            return None;
        }
        if !is_new {
            let Some((repo, now)) = found else {
                lock(&session.repository.head).get_or_insert_default();
                return None;
            };
            let before = lock(&session.repository.head).replace(now.clone())?;
            session.look_at_branch();
            return Some(before.moved(&now, &repo));
        }
    }
}

fn read(cwd: &Path) -> Result<(Repo, Head), Failure> {
    let repo = Repo::open(cwd)?;
    let head = Head::of(&repo)?;
    Ok((repo, head))
}

fn count(session: &Session) -> Result<Option<Changes>, Failure> {
    head::changes_since_start(&Repo::open(&session.cwd())?, session.id)
}
