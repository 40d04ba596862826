//! One session: what every part may see of it, and each part's own state, into which only that part looks.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use codepiper_protocol::tmux::{PaneId, SessionName};
use codepiper_protocol::wire::meters::Meters;
use codepiper_protocol::wire::problem::{Code, Next, Problem};
use codepiper_protocol::wire::session as wire;
use codepiper_protocol::wire::session::{Activity, WaitingFor};
use codepiper_protocol::wire::status::StatusRecord;
use codepiper_protocol::{Cursor, SessionId, Size};
use jiff::Timestamp;
use tokio::sync::watch;

use crate::bus::{Log, to_millisecond};
use crate::git;
use crate::lock::lock;
use crate::provider::Provider;
use crate::session::asks::{self, AskState};
use crate::session::evidence::{EvidenceState, Limited};
use crate::session::launch::shims::Handout;
use crate::session::life::record::Record;
use crate::session::life::{LifeState, Present};
use crate::session::link::LinkState;
use crate::session::repository::RepositoryState;
use crate::session::typing::TypingState;

/// So many look at once which branch is checked out.
const MOST_LOOKS: usize = 4;

/// See the module. Its locks are taken in the order in which they stand here.
pub struct Session {
    pub id: SessionId,
    pub provider: &'static Provider,
    pub log: Arc<Log>,
    /// Whoever takes in one of its hooks holds it: one at a time keeps their order.
    pub intake: tokio::sync::Mutex<()>,
    /// Whoever sends the comments on its changes holds it until they are no drafts any more.
    pub sends_comments: tokio::sync::Mutex<()>,
    pub(super) repository: RepositoryState,
    pub(super) evidence: EvidenceState,
    pub(super) typing: TypingState,
    pub(super) life: LifeState,
    pub(super) asks: AskState,
    /// What its shim is waiting for.
    pub(super) handout: Handout,
    pub(super) link: Mutex<LinkState>,
    shown: Mutex<Shown>,
    /// Counts the changes of what [`Session::view`] shows, beside those of the cursor.
    version: AtomicU64,
    /// How many are looking which branch is checked out.
    looks: AtomicUsize,
    /// How many prompts its hooks told of.
    prompts: AtomicU64,
    changed: watch::Sender<()>,
}

/// What is shown of a session and decides nothing.
#[derive(Default)]
pub(super) struct Shown {
    pub title: Option<String>,
    /// The model that its program says it uses, and when that was said last by a hook or a switch.
    pub model: Option<String>,
    pub model_said: Option<Timestamp>,
    /// What its programs say about themselves, and what is in the foreground of its terminal.
    pub program_status: Option<StatusRecord>,
    pub foreground: Option<wire::Foreground>,
    /// What it printed last, as far as somebody looked, and whether it prompted for a command then.
    pub printed: Option<(wire::Printed, bool)>,
    /// The version that its program says it has.
    pub version: Option<String>,
    /// What its agent says it has used.
    pub meters: Option<Meters>,
    /// The permission mode that it was said to be in last.
    pub permission_mode: Option<String>,
    /// The usage limit that ended its last turn.
    pub limited: Option<Limited>,
    /// The branch that was checked out when somebody looked last.
    branch: Option<String>,
}

impl Shown {
    /// A hook or a switch says which model is used.
    pub fn says_model(&mut self, model: String, at: Timestamp) {
        (self.model, self.model_said) = (Some(model), Some(at));
    }
}

impl Session {
    pub(super) fn new(record: Record, provider: &'static Provider, log: Arc<Log>) -> Self {
        Self {
            id: record.id,
            provider,
            log,
            intake: tokio::sync::Mutex::default(),
            sends_comments: tokio::sync::Mutex::default(),
            repository: RepositoryState::default(),
            evidence: EvidenceState::default(),
            typing: TypingState::default(),
            link: Mutex::new(LinkState::new(record.recipe.size, &record.life.nonce)),
            handout: Handout::default(),
            life: LifeState::new(record, provider),
            asks: AskState::default(),
            shown: Mutex::default(),
            version: AtomicU64::new(0),
            looks: AtomicUsize::new(0),
            prompts: AtomicU64::new(0),
            changed: watch::Sender::new(()),
        }
    }

    /// As every surface shows it, with the branch as it was when somebody looked last.
    pub fn view(&self) -> wire::Session {
        let cursor = self.log.cursor();
        let unqueued = self.typing.is_unqueued();
        let asks = asks::of_session(self);
        let life = self.life();
        let (machine, recipe, past) = (life.machine(), &life.record().recipe, &life.record().life);
        let (size, attached) = {
            let link = lock(&self.link);
            (link.size(), link.attached())
        };
        let shown = self.shown();
        let limited = machine.waiting_for() == Some(WaitingFor::UsageLimit);
        let limit = shown.limited.as_ref().filter(|_| limited);
        wire::Session {
            id: self.id,
            short_id: self.id.short(),
            name: past.name.clone(),
            provider: recipe.provider.clone(),
            args: recipe.args.clone(),
            cwd: recipe.cwd.clone(),
            branch: shown.branch.clone(),
            status: machine.status(),
            activity: machine.activity(),
            waiting_for: machine.waiting_for(),
            limit: limit.map(|limited| limited.limit.clone()),
            background: machine.background(),
            exit: machine.exit(),
            size,
            lease: past.lease.clone(),
            billing: recipe.billing,
            env_sets: recipe.env_sets.clone(),
            changes: past.changes,
            dangerous: recipe.dangerous,
            permission_mode: shown.permission_mode.clone().or_else(|| recipe.permission_mode.clone()),
            worktree: recipe.worktree.clone(),
            model: shown.model.clone().or_else(|| recipe.model.clone()),
            program_version: shown.version.clone(),
            title: shown.title.clone(),
            program_status: shown.program_status.clone(),
            foreground: shown.foreground.clone(),
            meters: shown.meters.clone(),
            pid: machine.pid(),
            attached,
            asks,
            queued: past.queue.len() as u32 + u32::from(unqueued),
            tags: past.tags.clone(),
            pinned: past.pinned,
            archived: past.archived,
            queue_held: past.queue_held && !past.queue.is_empty(),
            cursor,
            created_at: past.created_at,
            started_at: past.launched_at,
            state_since: to_millisecond(machine.since()),
            updated_at: past.updated_at,
        }
    }

    /// Looks which branch is checked out. Reads the disk; where that does not come to an end, no more begin.
    pub fn look_at_branch(&self) {
        if self.looks.fetch_add(1, Ordering::Relaxed) < MOST_LOOKS {
            let branch = git::branch(&self.cwd());
            self.shown().branch = branch;
        }
        self.looks.fetch_sub(1, Ordering::Relaxed);
    }

    /// Changes with every change of the object that people are told.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Relaxed)
    }

    /// Changes with every change of its conversation, or of one of a sub-agent.
    pub fn conversation_version(&self) -> u64 {
        self.evidence.conversation_version()
    }

    pub fn evidence(&self) -> Vec<wire::Evidence> {
        self.life().machine().evidence().cloned().collect()
    }

    pub fn name(&self) -> Option<String> {
        self.life().record().life.name.clone()
    }

    pub fn cwd(&self) -> PathBuf {
        self.life().record().recipe.cwd.clone()
    }

    pub fn env_sets(&self) -> Vec<String> {
        self.life().record().recipe.env_sets.clone()
    }

    pub fn is_live(&self) -> bool {
        self.life().machine().status().is_live()
    }

    /// What its turn does, whatever goes on behind it.
    pub fn turn(&self) -> Activity {
        self.life().machine().turn()
    }

    pub fn exit(&self) -> Option<wire::Exit> {
        self.life().machine().exit()
    }

    /// The grid as it is now; the record has the size that is pinned.
    pub fn size(&self) -> Size {
        lock(&self.link).size()
    }

    pub fn cursor(&self) -> Cursor {
        self.log.cursor()
    }

    /// What it printed last, as far as somebody looked: a shell, while the list is shown.
    pub fn printed(&self) -> Option<wire::Printed> {
        self.shown().printed.as_ref().map(|(printed, _)| printed.clone())
    }

    /// The name of its tmux session.
    pub fn tmux_session(&self) -> SessionName {
        format!("codepiper-{}", self.id.short())
            .parse()
            .unwrap_or_else(|_| unreachable!("hex digits are valid in a name"))
    }

    /// The pane where its program runs, or ran last.
    pub(super) fn pane(&self) -> Option<PaneId> {
        lock(&self.link).pane_id()
    }

    pub(super) fn record(&self) -> Record {
        self.life().record().clone()
    }

    /// What it is and what happened, to be looked at. Held for no longer than an expression: nobody waits with it.
    pub(super) fn life(&self) -> MutexGuard<'_, Present> {
        self.life.present()
    }

    pub(super) fn shown(&self) -> MutexGuard<'_, Shown> {
        lock(&self.shown)
    }

    /// Returns when `condition` holds. It is looked at after every change.
    pub(super) async fn until(&self, condition: impl Fn(&Self) -> bool) {
        let mut changes = self.changed.subscribe();
        while !condition(self) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Returns when it waits for a person, or after this time.
    pub async fn until_it_waits(&self, limit: Duration) {
        let waits = self.until(|session| session.turn() == Activity::Waiting);
        let _ = tokio::time::timeout(limit, waits).await;
    }

    /// How many prompts its hooks told of.
    pub(super) fn prompts(&self) -> u64 {
        self.prompts.load(Ordering::Relaxed)
    }

    pub(super) fn note_prompt(&self) {
        self.prompts.fetch_add(1, Ordering::Relaxed);
    }

    /// Another program begins, with a prompt or without: what the one before it reported is not its own.
    pub(super) fn forget_reports(&self, prompted: bool) {
        self.evidence.begin(prompted);
        let mut shown = self.shown();
        (shown.program_status, shown.foreground, shown.limited) = (None, None, None);
        shown.printed = None;
        (shown.version, shown.permission_mode) = (None, None);
    }

    /// Lets those look who wait for a condition.
    pub(super) fn wake(&self) {
        self.changed.send_replace(());
    }

    /// The object that people are told has changed.
    pub(super) fn note_change(&self) {
        self.version.fetch_add(1, Ordering::Relaxed);
        self.wake();
        self.log.wake();
    }
}

/// The session has ended, and what was asked for needs one that runs.
pub(super) fn ended_problem(session: &Session) -> Problem {
    let exit = session.exit().map(|exit| format!(": {exit}")).unwrap_or_default();
    let session = session.id.short();
    Problem::new(Code::SessionEnded, format!("session {session} has ended{exit}"))
        .with_next(Next::ResumeSession { session })
}
