//! The sessions: one owner of their state.
//!
//! | module | what |
//! |--------|------|
//! | [`machine`] | the life of a session as a pure state machine |
//! | [`marker`]  | the shim's word in the output that the program has ended |
//! | [`record`]  | the launch record on disk |
//! | [`launch`]  | start and resume |
//! | [`fork`]    | a session that continues a copy of another one's conversation |
//! | [`worktrees`] | worktrees of sessions |
//! | [`operation`] | one operation at a time on a session |
//! | [`reboot`]  | which sessions go on by themselves when the machine was started again |
//! | [`end`]     | stop, kill, remove, and what the machine wants done |
//! | [`stream`]  | what comes over the control connection: output, captures, notifications |
//! | [`link`]    | connecting to tmux, finding sessions again, losing the server |
//! | [`shims`]   | the socket where shims fetch launch records and report exits |
//! | [`input`]   | text and keys, and their receipts |
//! | [`queue`]   | texts that wait until an agent has nothing to do |
//! | [`model`]   | another model for a running agent |
//! | [`images`]  | images for an agent |
//! | [`composer`] | what an agent's composer shows of a text that was typed |
//! | [`screen_rules`] | what screens prove |
//! | [`size`]    | the size lease |
//! | [`files`]   | the files that providers write: who hears of which |
//! | [`state_files`] | what providers write about their state |
//! | [`transcripts`] | what providers write down of a conversation |

mod composer;
mod end;
mod files;
mod fork;
mod images;
mod input;
mod launch;
mod link;
pub mod machine;
mod marker;
mod model;
mod operation;
mod queue;
mod reboot;
mod record;
mod screen_rules;
mod shims;
mod size;
mod state_files;
mod stream;
mod transcripts;
mod worktrees;

pub use link::{Linked, run_link};
pub use shims::serve_shims;
pub use stream::save_checkpoint;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use bytes::Bytes;
use codepiper_protocol::event::Body;
use codepiper_protocol::shim::Launch;
use codepiper_protocol::tmux::{PaneId, SessionName, TmuxSessionId, WindowId};
use codepiper_protocol::visible::visible;
use codepiper_protocol::wire::daemon::SessionCounts;
use codepiper_protocol::wire::problem::{Code, Next, Problem};
use codepiper_protocol::wire::session as wire;
use codepiper_protocol::wire::stream::{GapReason, Lost};
use codepiper_protocol::{Cursor, SessionId, Size};
use jiff::Timestamp;
use tokio::sync::{Notify, Semaphore, watch};

use crate::bus::{Bus, Log, Watchers, to_millisecond};
use crate::env_set::EnvSets;
use crate::environment::{Environment, Surroundings};
use crate::git;
use crate::journal::{Mark, Position};
use crate::lock::lock;
use crate::process::Process;
use crate::process::peer::Link;
use crate::provider::{Provider, Providers};
use crate::small_file::Broken;
use crate::tasks::{Tasks, blocking};
use crate::terminal::reports::Scanner;
use crate::terminal::screens::{Keyframe, Model, Screens};
use files::Files;
use machine::{Input, Machine, Now};
use marker::Marker;
use record::Record;
use stream::Flow;
use transcripts::Followed;

/// What could not be written down is tried again so often: no event tells when a disk takes it.
const SAVE_RETRY: Duration = Duration::from_secs(2);

/// What the sessions need from outside.
pub struct Places {
    /// Launch records.
    pub records: PathBuf,
    /// Exit files, and texts on their way to tmux.
    pub run: PathBuf,
    /// Where shims meet us.
    pub shim_socket: PathBuf,
    /// Where the API is; programs are told.
    pub api_socket: PathBuf,
    /// Where hooks wait while the daemon is away.
    pub spool: PathBuf,
    /// Images that people gave to agents.
    pub images: PathBuf,
    /// Where programs get variables from beside what they inherit.
    pub env_sets: EnvSets,
    /// Worktrees that are made for sessions.
    pub worktrees: PathBuf,
    /// Our own executable, for the shim and the hooks.
    pub executable: PathBuf,
}

/// All sessions. Clones share them.
#[derive(Clone)]
pub struct Sessions(Arc<Inner>);

struct Inner {
    places: Places,
    providers: Providers,
    surroundings: Surroundings,
    tasks: Tasks,
    bus: Arc<Bus>,
    screens: Arc<Screens>,
    files: Files,
    started: Instant,
    /// Counts the pieces of output that came, of all panes.
    pieces: AtomicU64,
    /// So many programs may be starting at once.
    launches: Arc<Semaphore>,
    linked: watch::Sender<Option<Linked>>,
    /// Why the last attempt to connect failed.
    trouble: Mutex<Option<String>>,
    /// Set when the tmux server shall not outlive the link to it.
    server_ends_too: AtomicBool,
    table: Mutex<Table>,
    /// Whoever gives a session a conversation holds it.
    taking: Mutex<()>,
    /// Who is told of every change of any session.
    watchers: Mutex<Watchers>,
}

#[derive(Default)]
struct Table {
    sessions: HashMap<SessionId, Arc<Session>>,
    panes: BTreeMap<PaneId, Arc<Session>>,
    /// So many panes are being made.
    making: usize,
    /// What panes printed that are not known yet, while some are being made.
    early: Vec<(PaneId, Bytes)>,
    /// Launch records that could not be read, and why.
    broken: Vec<Broken>,
    /// Worktrees that are being removed.
    leaving: Vec<PathBuf>,
}

/// One session.
pub struct Session {
    pub id: SessionId,
    pub provider: &'static Provider,
    pub log: Arc<Log>,
    state: Mutex<State>,
    /// Counts the changes of what [`Session::view`] shows, beside those of the cursor.
    version: AtomicU64,
    changed: watch::Sender<()>,
    /// Whoever sends a text holds it until it is known what became of the text.
    sending: tokio::sync::Mutex<()>,
    /// Its transcript. Whoever reads it holds it: what it tells is told once.
    followed: Mutex<Followed>,
    /// Counts the changes of its conversation.
    conversation: AtomicU64,
    /// Whoever types holds it: input is never interleaved.
    typing: tokio::sync::Mutex<()>,
    /// Whoever writes or removes the record holds it: an older state never replaces a newer one.
    saving: tokio::sync::Mutex<()>,
    /// What happened is not written down yet, and somebody tries to.
    unsaved: AtomicBool,
}

struct State {
    record: Record,
    machine: Machine,
    /// Where its program runs, or ran last.
    pane: Option<Pane>,
    /// The grid as it is now; the record has the size that is pinned.
    size: Size,
    title: Option<String>,
    /// The model that its program says it uses, and when that was said last by a hook or a switch.
    model: Option<String>,
    model_said: Option<Timestamp>,
    /// When the last hook fired that proved something.
    hooked_at: Option<Timestamp>,
    /// How many prompts its hooks told of.
    prompts: u64,
    /// A text that waited is being sent.
    unqueued: bool,
    /// Somebody is about to send what waits, or waits for a draft to go.
    sends_queued: bool,
    /// What stands in the composer was sent without Enter: the next text goes on with it.
    drafted: bool,
    /// A name that is being written down.
    promised_name: Option<String>,
    /// Its screen is looked at.
    screen_watched: bool,
    /// The branch that was checked out when somebody looked last.
    branch: Option<String>,
    attached: u32,
    /// The model of its screen stands where its log ends.
    has_screen: bool,
    scanner: Scanner,
    /// The control string that the output is in, and since when.
    string: Option<(u64, Instant)>,
    marker: Marker,
    flow: Flow,
    /// Counts the pieces of output that came.
    pieces: u64,
    /// Changes when captures that were asked for before are not wanted any more.
    turn: u64,
    /// tmux was told to pause the pane and has not answered.
    pausing: bool,
    /// What the shim is waiting for; handed out once.
    launch: Option<Launch>,
    timer: Option<tokio::task::AbortHandle>,
}

struct Pane {
    id: PaneId,
    window: WindowId,
    tmux_session: TmuxSessionId,
    in_mode: bool,
    shim_pid: i32,
    shim: Option<Process>,
}

impl Sessions {
    pub fn new(
        places: Places,
        providers: Providers,
        surroundings: Surroundings,
        tasks: Tasks,
        bus: Arc<Bus>,
        screens: Arc<Screens>,
        launches_at_once: usize,
    ) -> Self {
        Self(Arc::new(Inner {
            places,
            providers,
            surroundings,
            tasks,
            bus,
            screens,
            files: Files::new(),
            started: Instant::now(),
            launches: Arc::new(Semaphore::new(launches_at_once)),
            linked: watch::Sender::new(None),
            trouble: Mutex::default(),
            server_ends_too: AtomicBool::new(false),
            pieces: AtomicU64::new(0),
            table: Mutex::default(),
            taking: Mutex::default(),
            watchers: Mutex::default(),
        }))
    }

    /// Reads the launch records. What cannot be read is reported and left alone, its pane too. `unfinished`: so many
    /// daemons were started, one after another, and did not leave in order.
    pub fn load_records(&self, unfinished: u32) -> std::io::Result<()> {
        let (records, mut broken) = Record::load_all(&self.0.places.records)?;
        for record in records {
            let Some(provider) = self.0.providers.find(&record.recipe.provider) else {
                let reason = format!("unknown provider '{}'", record.recipe.provider);
                broken.push((Record::path(&self.0.places.records, record.id), reason));
                continue;
            };
            let stored = self.0.bus.journal().last(record.id).unwrap_or_default();
            let end = stored.end.max(Position::at(record.life.offset));
            let epoch = record.life.epoch.max(stored.epoch);
            let log = self.0.bus.open(record.id, epoch, end);
            // After an end without warning, readers may have seen bytes that are not stored.
            let in_order = record.life.complete && unfinished == 0;
            let whole = in_order || !record.life.status.is_live() && stored.end.offset >= record.life.offset;
            if !whole {
                // Each of those may have begun one that was not stored.
                let epoch = epoch + unfinished.max(1);
                let (reason, lost) = (GapReason::DaemonAway, Lost::Nothing);
                log.mark(Timestamp::now().as_millisecond(), Mark::Gap { epoch, reason, lost });
            }
            let mut record = record;
            record.life.complete = false;
            self.insert(Session::new(record, provider, log));
        }
        for (path, reason) in &broken {
            tracing::error!(path = %path.display(), reason, "a launch record cannot be read");
        }
        self.table().broken = broken;
        Ok(())
    }

    /// Launch records that could not be read, and why.
    pub fn broken_records(&self) -> Vec<Broken> {
        self.table().broken.clone()
    }

    /// All sessions, oldest first.
    pub fn all(&self) -> Vec<Arc<Session>> {
        let mut all: Vec<_> = self.table().sessions.values().cloned().collect();
        all.sort_by_key(|session| (session.state().record.life.created_at, session.id));
        all
    }

    pub fn get(&self, id: SessionId) -> Option<Arc<Session>> {
        self.table().sessions.get(&id).cloned()
    }

    /// The session that a person means: its whole id; otherwise its name, or the beginning of its id, if that fits no
    /// other.
    pub fn find(&self, reference: &str) -> Result<Arc<Session>, Problem> {
        let wanted = reference.to_ascii_lowercase();
        let all = self.all();
        if let Some(one) = all.iter().find(|session| session.id.to_string() == wanted) {
            return Ok(one.clone());
        }
        let begins = |session: &Session| !wanted.is_empty() && session.id.to_string().starts_with(&wanted);
        let named = |session: &Session| session.name().as_deref() == Some(reference);
        let fits: Vec<_> = all.iter().filter(|session| named(session) || begins(session)).collect();
        match fits.as_slice() {
            [one] => Ok((*one).clone()),
            [] => Err(match self.unreadable(reference) {
                Some(why) => Problem::new(Code::NotFound, why).with_next(Next::RunChecks),
                None => Problem::new(Code::NotFound, format!("no session '{reference}'"))
                    .with_next(Next::ListSessions),
            }),
            several => {
                let candidates = several.iter().map(|session| match session.name() {
                    Some(name) => format!("{} ('{name}')", session.id),
                    None => session.id.to_string(),
                });
                let candidates = candidates.collect::<Vec<_>>().join(", ");
                Err(Problem::new(
                    Code::Ambiguous,
                    format!(
                        "'{reference}' matches several sessions: {candidates}; use a longer prefix of the id"
                    ),
                ))
            }
        }
    }

    /// Why the session that is meant cannot be used, if its launch record cannot.
    pub fn unreadable(&self, reference: &str) -> Option<String> {
        let wanted = reference.to_ascii_lowercase();
        let named = |(path, _): &&Broken| {
            let name = path.file_stem().and_then(|name| name.to_str());
            !wanted.is_empty() && name.is_some_and(|name| name.starts_with(&wanted))
        };
        let table = self.table();
        let (path, reason) = table.broken.iter().find(named)?;
        Some(format!(
            "cannot use the launch record of session '{reference}', so its program is left alone: {}: {reason}",
            path.display()
        ))
    }

    pub fn counts(&self) -> SessionCounts {
        let all = self.all();
        let live = all.iter().filter(|session| session.is_live()).count();
        SessionCounts { live, ended: all.len() - live, unreadable: self.table().broken.len() }
    }

    /// Those that sessions can be started with.
    pub fn providers(&self) -> &Providers {
        &self.0.providers
    }

    /// What programs inherit of the daemon.
    pub fn environment(&self) -> &Environment {
        &self.0.surroundings.inherited
    }

    /// Our own program.
    pub fn executable(&self) -> &Path {
        &self.0.places.executable
    }

    pub fn bus(&self) -> &Arc<Bus> {
        &self.0.bus
    }

    /// The screen of a session as it is now, or as it was when its program ended. `None` when that is
    /// not known.
    pub async fn keyframe(&self, session: &Arc<Session>) -> Option<Keyframe> {
        match self.0.screens.keyframe(session.id).await {
            // It ended before this daemon started.
            None if !session.is_live() => Some(self.replay(session).await?.keyframe()),
            keyframe => keyframe,
        }
    }

    /// Gives the sessions that run the screens back that they had, by the journal.
    pub async fn restore_screens(&self) {
        for session in self.all().into_iter().filter(|session| session.is_live()) {
            if let Some(model) = self.replay(&session).await {
                session.state().has_screen = true;
                self.0.screens.open(session.id, model);
            }
        }
    }

    async fn replay(&self, session: &Arc<Session>) -> Option<Model> {
        let (journal, session) = (self.0.bus.journal().clone(), session.clone());
        let replayed =
            blocking(move || stream::replay(&*journal, session.id, session.size(), session.cursor().offset));
        replayed.await.ok().flatten()
    }

    pub async fn rename(&self, session: &Arc<Session>, name: Option<String>) -> Result<(), Problem> {
        if let Some(name) = &name {
            self.check_name(name, Some(session.id))?;
        }
        // Nobody else gets it while it is written down.
        session.state().promised_name = name.clone();
        let renamed = self.change(session, |record| {
            record.life.name.clone_from(&name);
            Ok(())
        });
        let renamed = renamed.await;
        session.state().promised_name = None;
        renamed?;
        self.event(Some(session.id), Body::SessionRenamed { name });
        Ok(())
    }

    /// The session whose shim stands in this chain of parents, the nearest.
    pub fn session_above(&self, chain: &[Link]) -> Option<SessionId> {
        let place = |session: &Session| {
            let shim = session.shim_pid()?;
            chain.iter().position(|link| link.pid == shim)
        };
        let table = self.table();
        let found = table.sessions.values().filter_map(|session| Some((place(session)?, session.id)));
        found.min_by_key(|(place, _)| *place).map(|(_, id)| id)
    }

    pub fn event(&self, session: Option<SessionId>, body: Body) {
        self.0.bus.events.append(Timestamp::now(), session, body);
    }

    /// Where the hooks of a session wait while no daemon runs.
    pub fn spool_of(&self, id: SessionId) -> PathBuf {
        self.0.places.spool.join(id.to_string())
    }

    /// A provider's hook said something.
    pub fn hook(&self, session: &Arc<Session>, at: Timestamp, payload: serde_json::Value) {
        let hooks = session.provider.hooks;
        let meaning = hooks.meaning(&payload);
        self.follow_conversation(session, hooks.conversation(&payload));
        let model = hooks.model(&payload);
        let body = hooks.event(payload);
        {
            let mut state = session.state();
            state.prompts += u64::from(matches!(body, Body::HookPromptSubmitted(_)));
            if let Some(model) = model {
                (state.model, state.model_said) = (Some(model), Some(at));
            }
            if meaning.is_some() {
                state.hooked_at = Some(at);
            }
        }
        let what = match body.as_hook() {
            Some(hook) => format!("the hook {}", hook.event),
            None => "a hook".to_owned(),
        };
        self.0.bus.events.append(at, Some(session.id), body);
        if let Some((activity, waiting_for)) = meaning {
            let source = wire::EvidenceSource::Hook;
            self.apply(session, Input::Activity { source, activity, waiting_for, what });
        }
        // At the start its directory may not have been there.
        self.watch_state_file(session);
    }

    /// The conversation that is continued from now on: a program can begin another one.
    fn follow_conversation(&self, session: &Arc<Session>, conversation: Option<String>) {
        let known = session.state().record.life.conversation.clone();
        let Some(conversation) = conversation.filter(|found| known.as_ref() != Some(found)) else { return };
        if self.take_conversation(session, conversation) {
            let (sessions, session) = (self.clone(), session.clone());
            self.0.tasks.spawn(async move { sessions.save_or_say(&session).await });
        }
    }

    /// Makes it the session's conversation, unless it is another session's: any program can claim one, and would read
    /// and continue what is not its own. False when it stays what it was.
    fn take_conversation(&self, session: &Session, conversation: String) -> bool {
        // Two that come at once do not get the same one.
        let _taking = lock(&self.0.taking);
        let has_it = |other: &Arc<Session>| {
            other.id != session.id && other.state().record.life.conversation.as_ref() == Some(&conversation)
        };
        let Some(owner) = self.all().into_iter().find(has_it) else {
            session.state().record.life.conversation = Some(conversation);
            return true;
        };
        let pid = session.state().machine.pid().unwrap_or_default();
        let request = format!("to resume conversation {conversation} of session {}", owner.id.short());
        tracing::warn!(id = %session.id, request, "the conversation is not followed");
        self.event(Some(session.id), Body::AuthAgentRefused { pid, request });
        false
    }

    /// The sessions whose launch record names this env set, oldest first.
    pub fn users_of_env_set(&self, name: &str) -> Vec<SessionId> {
        let uses =
            |session: &Arc<Session>| session.state().record.recipe.env_sets.iter().any(|set| set == name);
        self.all().into_iter().filter(uses).map(|session| session.id).collect()
    }

    pub fn env_sets(&self) -> &EnvSets {
        &self.0.places.env_sets
    }

    fn check_name(&self, name: &str, own: Option<SessionId>) -> Result<(), Problem> {
        const LONGEST: usize = 64;
        // A blank of another kind would make two names that look alike.
        let seen =
            visible(name) == name && !name.contains(|letter: char| letter != ' ' && letter.is_whitespace());
        let fits = (1..=LONGEST).contains(&name.chars().count());
        if !fits || !seen || name.starts_with('-') || name.trim() != name {
            return Err(Problem::new(
                Code::Invalid,
                format!(
                    "invalid session name '{}'; use 1 to {LONGEST} visible characters, not starting with \
                     '-', without spaces at either end",
                    visible(name)
                ),
            ));
        }
        if looks_like_an_id(name) {
            return Err(Problem::new(
                Code::Invalid,
                format!(
                    "invalid session name '{name}': it looks like the start of a session id; add a letter \
                     from g to z, or use fewer than 4 characters"
                ),
            ));
        }
        match self.all().iter().find(|other| Some(other.id) != own && other.takes_name(name)) {
            Some(other) => Err(Problem::new(
                Code::NameTaken,
                format!("session {} is already named '{name}'; choose another name", other.id.short()),
            )),
            None => Ok(()),
        }
    }

    /// Wakes the watcher when a session begins, changes or is removed.
    pub fn watch(&self, watcher: &Arc<Notify>) {
        lock(&self.0.watchers).add(watcher);
    }

    fn wake_watchers(&self) {
        lock(&self.0.watchers).wake();
    }

    fn insert(&self, session: Session) -> Arc<Session> {
        let session = Arc::new(session);
        self.table().sessions.insert(session.id, session.clone());
        session
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        lock(&self.0.table)
    }

    fn now(&self) -> Now {
        Now { wall: Timestamp::now(), since_start: self.0.started.elapsed() }
    }

    /// Tells the session's machine something, and does what it wants.
    fn apply(&self, session: &Arc<Session>, input: Input) {
        let runs = matches!(input, Input::Executed { .. } | Input::Adopted { .. });
        let submitted = input == Input::Submitted;
        let actions = {
            let mut state = session.state();
            let actions = state.machine.handle(self.now(), input);
            self.set_timer(session, &mut state);
            actions
        };
        for action in actions {
            self.perform(session, action);
        }
        if runs {
            self.watch_state_file(session);
            self.look_at_transcript(session);
        }
        if runs || submitted {
            self.watch_screen(session);
        }
        self.touch(session);
        self.send_queued(session);
    }

    fn set_timer(&self, session: &Arc<Session>, state: &mut State) {
        if let Some(timer) = state.timer.take() {
            timer.abort();
        }
        let Some(deadline) = state.machine.deadline() else { return };
        let (sessions, session) = (self.clone(), session.clone());
        let at = tokio::time::Instant::from_std(self.0.started + deadline);
        let timer = self.0.tasks.spawn_until_shutdown(async move {
            tokio::time::sleep_until(at).await;
            // The task may not abort itself in the middle of what it does.
            session.state().timer = None;
            sessions.apply(&session, Input::Deadline);
        });
        state.timer = Some(timer.abort_handle());
    }

    /// The session's object changed: whoever shows it is told.
    fn touch(&self, session: &Session) {
        session.state().record.life.updated_at = to_millisecond(Timestamp::now());
        session.version.fetch_add(1, Ordering::Relaxed);
        session.changed.send_replace(());
        session.log.wake();
        self.wake_watchers();
    }

    /// Changes a session's record, first on the disk and then here: what fails is not done, and what is done is so after a
    /// crash, too. `change` is called for both; what it says of the first counts.
    async fn change<T>(
        &self,
        session: &Session,
        change: impl Fn(&mut Record) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let _saving = session.saving.lock().await;
        if self.get(session.id).is_none() {
            return Err(Problem::new(Code::NotFound, format!("session {} was removed", session.id.short())));
        }
        let mut record = session.record_now();
        let changed = change(&mut record)?;
        self.write(record).await?;
        // The rest of the record went on meanwhile.
        change(&mut session.state().record)?;
        self.touch(session);
        Ok(changed)
    }

    /// Writes down what has happened already, and tries again until that is done.
    async fn save_or_say(&self, session: &Arc<Session>) {
        let Err(problem) = self.save(session).await else { return };
        tracing::error!(id = %session.id, %problem, "a launch record was not written");
        if session.unsaved.swap(true, Ordering::Relaxed) {
            return;
        }
        let (sessions, session) = (self.clone(), session.clone());
        self.0.tasks.spawn(async move {
            let shutdown = &sessions.0.tasks.shutdown;
            while session.unsaved.load(Ordering::Relaxed) {
                // When the daemon leaves, it is written with all others.
                if shutdown.run_until_cancelled(tokio::time::sleep(SAVE_RETRY)).await.is_none() {
                    return;
                }
                let saved = sessions.save(&session).await.is_ok();
                session.unsaved.store(!saved, Ordering::Relaxed);
            }
        });
    }

    /// Writes the record, without holding anybody up. A session that was removed has none.
    async fn save(&self, session: &Session) -> Result<(), Problem> {
        let _saving = session.saving.lock().await;
        match self.get(session.id) {
            Some(_) => self.write(session.record_now()).await,
            None => Ok(()),
        }
    }

    async fn write(&self, record: Record) -> Result<(), Problem> {
        let dir = self.0.places.records.clone();
        blocking(move || record.save(&dir)).await?.map_err(|error| {
            let records = self.0.places.records.display();
            Problem::new(Code::Internal, format!("cannot write the launch record in {records}: {error}"))
        })
    }

    /// Writes the records of all sessions, when nothing is published any more. False when one was not written.
    pub async fn save_all(&self) -> bool {
        let mut all = true;
        for session in self.all() {
            session.state().record.life.complete = true;
            if let Err(problem) = self.save(&session).await {
                tracing::error!(id = %session.id, %problem, "a launch record was not written");
                all = false;
            }
        }
        all
    }
}

impl Session {
    fn new(record: Record, provider: &'static Provider, log: Arc<Log>) -> Self {
        // What a live one did while the daemon was away is not known.
        let ended_at = record.life.state_since.unwrap_or(record.life.updated_at);
        let since = if record.life.status.is_live() { Timestamp::now() } else { ended_at };
        Self {
            id: record.id,
            provider,
            log,
            state: Mutex::new(State {
                machine: Machine::new(record.life.status, record.life.exit, since)
                    .with_reports_as_hooks(provider.reports_count_as_hooks),
                pane: None,
                size: record.recipe.size,
                title: None,
                model: None,
                model_said: None,
                hooked_at: None,
                prompts: 0,
                unqueued: false,
                sends_queued: false,
                drafted: false,
                promised_name: None,
                screen_watched: false,
                branch: None,
                attached: 0,
                has_screen: false,
                scanner: Scanner::default(),
                string: None,
                marker: Marker::new(&record.life.nonce),
                flow: Flow::Open,
                pieces: 0,
                turn: 0,
                pausing: false,
                launch: None,
                timer: None,
                record,
            }),
            version: AtomicU64::new(0),
            changed: watch::Sender::new(()),
            sending: tokio::sync::Mutex::default(),
            followed: Mutex::default(),
            conversation: AtomicU64::new(0),
            typing: tokio::sync::Mutex::default(),
            saving: tokio::sync::Mutex::default(),
            unsaved: AtomicBool::new(false),
        }
    }

    /// As every surface shows it, with the branch as it was when somebody looked last.
    pub fn view(&self) -> wire::Session {
        let cursor = self.log.cursor();
        let state = self.state();
        wire::Session {
            id: self.id,
            short_id: self.id.short(),
            name: state.record.life.name.clone(),
            provider: state.record.recipe.provider.clone(),
            args: state.record.recipe.args.clone(),
            cwd: state.record.recipe.cwd.clone(),
            branch: state.branch.clone(),
            status: state.machine.status(),
            activity: state.machine.activity(),
            waiting_for: state.machine.waiting_for(),
            exit: state.machine.exit(),
            size: state.size,
            lease: state.record.life.lease.clone(),
            billing: state.record.recipe.billing,
            env_sets: state.record.recipe.env_sets.clone(),
            dangerous: state.record.recipe.dangerous,
            worktree: state.record.recipe.worktree.clone(),
            model: state.model.clone().or_else(|| state.record.recipe.model.clone()),
            title: state.title.clone(),
            pid: state.machine.pid(),
            attached: state.attached,
            queued: state.record.life.queue.len() as u32 + u32::from(state.unqueued),
            cursor,
            created_at: state.record.life.created_at,
            started_at: state.record.life.launched_at,
            state_since: to_millisecond(state.machine.since()),
            updated_at: state.record.life.updated_at,
        }
    }

    /// Looks which branch is checked out. Reads the disk.
    pub fn look_at_branch(&self) {
        let branch = git::branch(&self.cwd());
        self.state().branch = branch;
    }

    /// Changes with every change of the object that people are told.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Relaxed)
    }

    pub fn evidence(&self) -> Vec<wire::Evidence> {
        self.state().machine.evidence().cloned().collect()
    }

    pub fn name(&self) -> Option<String> {
        self.state().record.life.name.clone()
    }

    /// It has the name, or is about to.
    fn takes_name(&self, name: &str) -> bool {
        let state = self.state();
        [&state.record.life.name, &state.promised_name].into_iter().flatten().any(|taken| taken == name)
    }

    pub fn cwd(&self) -> PathBuf {
        self.state().record.recipe.cwd.clone()
    }

    pub fn is_live(&self) -> bool {
        self.state().machine.status().is_live()
    }

    pub fn size(&self) -> Size {
        self.state().size
    }

    pub fn exit(&self) -> Option<wire::Exit> {
        self.state().machine.exit()
    }

    /// The name of its tmux session.
    pub fn tmux_session(&self) -> SessionName {
        tmux_session_name(self.id)
    }

    pub fn cursor(&self) -> Cursor {
        self.log.cursor()
    }

    fn pane(&self) -> Option<PaneId> {
        self.state().pane.as_ref().map(|pane| pane.id)
    }

    fn has_pane(&self, pane: PaneId) -> bool {
        self.state().pane.as_ref().is_some_and(|own| own.id == pane)
    }

    /// The process of its pane. When that has ended, its number may be another's.
    fn shim_pid(&self) -> Option<i32> {
        let state = self.state();
        let pane = state.pane.as_ref()?;
        let there = pane.shim.as_ref().is_none_or(Process::is_there);
        there.then_some(pane.shim_pid)
    }

    /// Returns when `condition` holds. It is looked at after every change.
    async fn until(&self, condition: impl Fn(&State) -> bool) {
        let mut changes = self.changed.subscribe();
        while !condition(&self.state()) {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    fn record_now(&self) -> Record {
        let cursor = self.log.cursor();
        let mut state = self.state();
        state.record.life.status = state.machine.status();
        state.record.life.exit = state.machine.exit();
        state.record.life.pid = state.machine.pid();
        state.record.life.state_since = Some(state.machine.since());
        (state.record.life.epoch, state.record.life.offset) = (cursor.epoch, cursor.offset);
        state.record.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// Whether somebody could mean an id by that: at least 4 digits of one. Fewer are no name's fault; a reference that fits
/// several is refused.
fn looks_like_an_id(text: &str) -> bool {
    const SHORTEST: usize = 4;
    let begins = text.char_indices().all(|(place, letter)| match place {
        8 | 13 | 18 | 23 => letter == '-',
        _ => letter.is_ascii_hexdigit(),
    });
    text.len() >= SHORTEST && begins && text.len() <= 36 || uuid::Uuid::try_parse(text).is_ok()
}

fn tmux_session_name(id: SessionId) -> SessionName {
    format!("codepiper-{}", id.short())
        .parse()
        .unwrap_or_else(|_| unreachable!("hex digits are valid in a name"))
}

/// The session has ended, and what was asked for needs one that runs.
fn ended_problem(session: &Session) -> Problem {
    let exit = session.exit().map(|exit| format!(": {exit}")).unwrap_or_default();
    let session = session.id.short();
    Problem::new(Code::SessionEnded, format!("session {session} has ended{exit}"))
        .with_next(Next::ResumeSession { session })
}
