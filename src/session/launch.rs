//! Start and resume: a session's program is launched.
//!
//! | module | what |
//! |--------|------|
//! | [`beginnings`] | launches that a halt can call off |
//! | [`check`]   | what is asked for, checked before anything is done |
//! | [`prepare`] | what is executed, with which arguments and in which environment |
//! | [`shims`]   | the socket where shims fetch launch records and report exits |
//! | [`visitors`] | how many may connect there |
//! | [`fork`]    | a session that continues a copy of another one's conversation |
//! | [`reboot`]  | which sessions go on by themselves when the machine was started again |
//! | [`worktrees`] | worktrees of sessions |
//! | [`remove`]  | a session is forgotten |

mod beginnings;
mod check;
mod fork;
mod prepare;
mod reboot;
mod remove;
pub(super) mod shims;
mod visitors;
mod worktrees;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use codepiper_protocol::Size;
use codepiper_protocol::event::Body;
use codepiper_protocol::shim;
use codepiper_protocol::wire::problem::{Code, Problem};
use codepiper_protocol::wire::session::{Activity, Billing, StartSession, Surroundings};
use codepiper_protocol::wire::worktree::Worktree;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::git::worktree::Made;
use crate::journal::Position;
use crate::process::executable;
use crate::provider::{PromptDelivery, Provider, ReadScreens};
use crate::session::cell::Session;
use crate::session::context::Context;
use crate::session::life::machine::{Input, Now, Operation, Refusal};
use crate::session::life::operation::{Reserved, refused};
use crate::session::life::record::{Recipe, Record};
use crate::session::life::{Core, Life};
use crate::session::link::{Link, Pane};
use crate::session::program::Programs;
use crate::session::registry::Registry;
use crate::session::repository::note_head;
use crate::session::typing::{TELL_LIMIT, Typing};
use crate::tasks::blocking;
use crate::tmux::connection::Connection;
pub use beginnings::Beginning;
use beginnings::Beginnings;
use check::check_directory;
use prepare::LaunchKind;

/// An agent that says nothing counts as started after this time.
const SETTLE_LIMIT: Duration = Duration::from_secs(3);

/// See the module. Clones share it.
#[derive(Clone)]
pub struct Launcher {
    context: Arc<Context>,
    registry: Registry,
    life: Life,
    link: Link,
    programs: Programs,
    typing: Typing,
    inner: Arc<Inner>,
}

struct Inner {
    /// So many programs may be starting at once.
    launches: Arc<Semaphore>,
    /// Worktrees that are being removed.
    leaving: Mutex<Vec<PathBuf>>,
    beginnings: Beginnings,
}

impl Launcher {
    pub(super) fn new(core: Core, link: Link, programs: Programs, typing: Typing, at_once: usize) -> Self {
        let Core { context, registry, life } = core;
        let launches = Arc::new(Semaphore::new(at_once));
        let inner = Inner { launches, leaving: Mutex::default(), beginnings: Beginnings::default() };
        Self { context, registry, life, link, programs, typing, inner: Arc::new(inner) }
    }

    /// Starts a session; returns when its program was executed. On an error nothing is left behind.
    pub async fn start(
        &self,
        beginning: &Beginning,
        mut request: StartSession,
    ) -> Result<Arc<Session>, Problem> {
        let (provider, billing) = check::check(&request, &self.context.providers)?;
        if let Some(name) = &request.name {
            self.registry.check_name(name, None)?;
        }
        let connection = self.link.connected().await?;
        self.check_env_sets(&request.env_sets).await?;
        let mut worktree = None;
        if let Some(wanted) = request.worktree.take() {
            let made = self.make_worktree(beginning.id(), request.dir, wanted).await?;
            (request.dir, worktree) = (made.cwd, Some(made.worktree));
        }
        let typed = request.prompt.take_if(|_| provider.prompts.delivery == PromptDelivery::Typed);
        let started =
            self.start_there(beginning, provider, billing, request, worktree.clone(), &connection).await;
        if started.is_err()
            && let Some(worktree) = worktree
        {
            self.unmake_worktree(worktree).await;
        }
        let session = started.map_err(|problem| beginning.check().err().unwrap_or(problem))?;
        if let Some(prompt) = typed {
            beginning.check()?;
            self.typing.send_text(&session, prompt.into(), true).await?;
        }
        Ok(session)
    }

    /// The same where its directory is there.
    async fn start_there(
        &self,
        beginning: &Beginning,
        provider: &'static Provider,
        billing: Option<Billing>,
        request: StartSession,
        worktree: Option<Worktree>,
        connection: &Connection,
    ) -> Result<Arc<Session>, Problem> {
        // Somebody else may have taken the name meanwhile; from here on nobody can.
        if let Some(name) = &request.name {
            self.registry.check_name(name, None)?;
        }
        let mut recipe = Recipe {
            provider: request.provider,
            args: request.args,
            cwd: request.dir,
            path: request.path,
            surroundings: None,
            given: None,
            umask: None,
            size: request.size.unwrap_or(Size::DEFAULT),
            billing,
            env_sets: request.env_sets,
            dangerous: request.dangerous,
            worktree,
            model: request.model,
            permission_mode: None,
        };
        if let Some(theirs) = request.surroundings {
            recipe.take_surroundings(&self.context.surroundings, theirs);
        }
        let conversation = provider.conversations.and_then(|kept| kept.choose(beginning.id()));
        let record = Record::new(beginning.id(), request.name, recipe, conversation);
        let begin = LaunchKind::Start { prompt: request.prompt };
        self.launch_new(beginning, record, provider, connection, begin).await
    }

    /// Launches a session for the first time. On an error it is gone.
    async fn launch_new(
        &self,
        beginning: &Beginning,
        record: Record,
        provider: &'static Provider,
        connection: &Connection,
        begin: LaunchKind,
    ) -> Result<Arc<Session>, Problem> {
        // From here on the session itself is called off.
        beginning.check()?;
        let created = Body::SessionCreated {
            provider: record.recipe.provider.clone(),
            name: record.life.name.clone(),
            cwd: record.recipe.cwd.display().to_string(),
        };
        let log = self.context.bus.open(record.id, 0, Position::default());
        let session = Arc::new(Session::new(record, provider, log));
        let reserved = Reserved::begin(&session, self.context.now(), Operation::Start);
        let reserved = reserved.map_err(|refusal| refused(&session, refusal))?;
        self.registry.insert(session.clone());
        self.context.event(Some(session.id), created);
        let launched = match self.check_not_leaving(&session.cwd()) {
            Ok(()) => self.launch(&session, connection, begin).await,
            Err(problem) => Err(problem),
        };
        match launched {
            Ok(()) => Ok(session),
            Err(problem) => {
                self.discard(&session).await;
                reserved.removed();
                Err(problem)
            }
        }
    }

    /// A name that is no set's is a mistake of who asks; a set that cannot be read stops the launch, too.
    async fn check_env_sets(&self, names: &[String]) -> Result<(), Problem> {
        let (sets, names) = (self.context.places.env_sets.clone(), names.to_vec());
        let read = blocking(move || sets.values(&names).map(drop)).await?;
        read.map_err(|problem| match problem.code {
            Code::NotFound => Problem::new(Code::Invalid, problem.detail),
            _ => problem,
        })
    }

    /// Reserves an ended session for [`Launcher::resume`].
    pub fn begin_resume(&self, session: &Arc<Session>) -> Result<Resuming, Problem> {
        let reserved = Reserved::begin(session, self.context.now(), Operation::Resume);
        reserved.map(Resuming).map_err(|refusal| refused(session, refusal))
    }

    /// Starts the program of an ended session again, with its conversation.
    pub async fn resume(
        &self,
        session: &Arc<Session>,
        surroundings: Option<Surroundings>,
        _resuming: Resuming,
    ) -> Result<(), Problem> {
        let connection = self.link.connected().await?;
        if let Some(pid) = self.link.unreachable_server(session) {
            return Err(Problem::new(
                Code::Refused,
                format!(
                    "session {} may still be running in tmux server {pid}, which no longer answers on its \
                     socket; end that server first: kill {pid}",
                    session.id.short()
                ),
            ));
        }
        worktrees::check_worktree(session)?;
        check_directory(&session.cwd())?;
        if let Some(theirs) = surroundings {
            let rule = &self.context.surroundings;
            session.life.note(|record| record.recipe.take_surroundings(rule, theirs));
        }
        let launched = self.launch(session, &connection, LaunchKind::Resume).await;
        if launched.is_err() {
            // It is written down as one that is being started.
            self.life.save_or_say(session).await;
        }
        launched
    }

    async fn launch(
        &self,
        session: &Arc<Session>,
        connection: &Connection,
        begin: LaunchKind,
    ) -> Result<(), Problem> {
        let resumed = matches!(begin, LaunchKind::Resume);
        let prompted = matches!(begin, LaunchKind::Start { prompt: Some(_) });
        let turn = self.turn_to_start(session).await?;
        // Looking for a conversation reads files.
        let (launcher, subject) = (self.clone(), session.clone());
        let prepared = blocking(move || {
            note_head(&subject);
            launcher.prepare(&subject, begin)
        });
        let launch = prepared.await??;
        let old = self.begin_launch(session, &launch, prompted)?;
        self.link.forget_panes(session);
        self.registry.touch(session);
        self.link.open_blank_screen(session);
        // The shim starts meanwhile; its program does not before that is written down.
        let written = async {
            self.life.save(session).await?;
            session.handout.offer(launch);
            self.registry.touch(session);
            Ok(())
        };
        let made = self.link.make_pane(session, connection, resumed, old.as_ref());
        if let (Err(problem), _) | (_, Err(problem)) = tokio::join!(written, made) {
            self.life.apply(session, Input::LaunchFailed { message: problem.detail.clone() });
            session.handout.take_back();
            self.registry.touch(session);
            session.keep_pane(old);
            return Err(problem);
        }
        let decided = |session: &Session| {
            let life = session.life();
            life.machine().launched().is_some() || !life.machine().status().is_live()
        };
        session.until(decided).await;
        session.handout.take_back();
        let outcome = session.life().machine().launched().cloned();
        self.launched(session, outcome, turn).await
    }

    /// Waits for a turn to start: many agents at once would take the machine from those that work.
    async fn turn_to_start(&self, session: &Session) -> Result<OwnedSemaphorePermit, Problem> {
        tokio::select! {
            turn = self.inner.launches.clone().acquire_owned() => turn.map_err(|_| {
                Problem::new(Code::LaunchFailed, "the daemon is stopping and starts no new programs")
            }),
            () = session.until(|session| session.life().machine().launch_is_called_off()) => {
                Err(refused(session, Refusal::EndRequested))
            }
        }
    }

    /// From here on the session is starting; the pane that it had.
    fn begin_launch(
        &self,
        session: &Arc<Session>,
        launch: &shim::Launch,
        prompted: bool,
    ) -> Result<Option<Pane>, Problem> {
        let server = self.link.linked().map(|linked| linked.server_id());
        let begun = self.life.launch(session, launch, server, prompted, |record| {
            session.shown().title = None;
            session.begin_launch(&launch.nonce, record.recipe.size)
        });
        let old = begun.map_err(|refusal| refused(session, refusal))?;
        session.forget_reports(prompted);
        session.handout.promise();
        Ok(old)
    }

    /// Answers when it is known what became of the launch.
    async fn launched(
        &self,
        session: &Arc<Session>,
        outcome: Option<Result<(), String>>,
        turn: OwnedSemaphorePermit,
    ) -> Result<(), Problem> {
        match outcome {
            Some(Ok(())) => {
                self.lease_worktree(session).await;
                if session.provider.prompts.composer.is_some() {
                    self.context.tasks.spawn_until_shutdown(until_settled(session.clone(), turn));
                }
                // It runs; what was written before it was started finds it again.
                self.life.save_or_say(session).await;
                Ok(())
            }
            Some(Err(message)) => Err(Problem::new(Code::LaunchFailed, message)),
            None => {
                // Of a shim that cannot be executed tmux says nothing.
                let shim = self.context.places.executable.clone();
                let tried = blocking(move || executable::try_out(&shim)).await;
                let why = tried.ok().and_then(Result::err);
                let ended = || "the session ended before its program started".to_owned();
                Err(Problem::new(Code::LaunchFailed, why.unwrap_or_else(ended)))
            }
        }
    }

    /// The daemon leaves: what waits for its turn to be launched is undone, and nothing else is launched.
    pub fn launch_no_more(&self) {
        self.inner.launches.close();
    }
}

/// Holds the turn to start until the agent says what it does, or long enough.
async fn until_settled(session: Arc<Session>, _turn: OwnedSemaphorePermit) {
    let settled = session.until(|session| session.turn() != Activity::Unknown || !session.is_live());
    let limit = match session.provider.reads_screens {
        ReadScreens::AtStart => TELL_LIMIT,
        ReadScreens::Never | ReadScreens::Always => SETTLE_LIMIT,
    };
    let _ = tokio::time::timeout(limit, settled).await;
}

/// A session is reserved for being resumed.
pub struct Resuming(#[expect(dead_code, reason = "it counts as long as it lives")] Reserved);

impl Resuming {
    /// By the daemon, when the session was lost and nobody has decided about it since.
    pub(super) fn by_itself(session: &Arc<Session>, now: Now) -> Result<Self, Refusal> {
        Reserved::begin(session, now, Operation::Revive).map(Self)
    }
}
