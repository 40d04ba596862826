//! Start and resume.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use codepiper_protocol::event::Body;
use codepiper_protocol::hook;
use codepiper_protocol::shim::Launch;
use codepiper_protocol::tmux::{
    AbsolutePath, Command, CommandLine, Created, Facts, PaneFacts, Program, Reply, Scope, SessionName,
    Target, Text, UserOption, WindowId,
};
use codepiper_protocol::wire::problem::{Code, Next, Problem};
use codepiper_protocol::wire::session::{Activity, Billing, StartSession, Surroundings};
use codepiper_protocol::wire::stream::KeyframeReason;
use codepiper_protocol::{SessionId, Size, os_text};
use jiff::Timestamp;
use tokio::sync::OwnedSemaphorePermit;

use super::fork::nothing_to_fork;
use super::machine::{Input, Now, Operation, Refusal};
use super::marker::Marker;
use super::operation::{Reserved, refused};
use super::record::{Recipe, Record};
use super::stream::{Arrival, Flow};
use super::{Pane, Session, Sessions};
use crate::bus::to_millisecond;
use crate::journal::{Mark, Position};
use crate::process::{executable, inherited, mark};
use crate::provider::{self, Argv, PromptDelivery, Provider, Providers, ReadScreens};
use crate::tasks::blocking;
use crate::terminal::screens::Model;
use crate::tmux::connection::Connection;
use crate::tmux::server;

/// An agent that says nothing counts as started after this time, and after the longer one if it is known to say
/// something.
const SETTLE_LIMIT: Duration = Duration::from_secs(3);
pub(super) const TELL_LIMIT: Duration = Duration::from_secs(20);

/// The most bytes of arguments and prompt: what Linux takes for one argument (`MAX_ARG_STRLEN`).
const LONGEST_ARGUMENT: usize = 128 * 1024 - 1;

/// While it lives, what panes print that are not known yet is kept.
struct Making(Sessions);

impl Making {
    fn begin(sessions: &Sessions) -> Self {
        sessions.table().making += 1;
        Self(sessions.clone())
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        let mut table = self.0.table();
        table.making -= 1;
        if table.making == 0 {
            table.early = Vec::new();
        }
    }
}

impl Sessions {
    /// Starts a session; returns when its program was executed. On an error nothing is left behind.
    pub async fn start(&self, request: StartSession) -> Result<Arc<Session>, Problem> {
        let providers = self.providers();
        let provider = providers
            .find(&request.provider)
            .ok_or_else(|| unknown_provider(providers, &request.provider))?;
        let billing = billing(provider, request.billing)?;
        check_dangerous(provider, request.dangerous, &request.args)?;
        check_directory(&request.dir)?;
        if let Some(name) = &request.name {
            self.check_name(name, None)?;
        }
        check_model(provider, request.model.as_deref())?;
        for text in request.args.iter().chain(&request.prompt) {
            if text.contains('\0') || text.len() > LONGEST_ARGUMENT {
                let detail =
                    format!("an argument or the prompt contains NUL or exceeds {LONGEST_ARGUMENT} bytes");
                return Err(Problem::new(Code::Invalid, detail));
            }
        }
        let connection = self.connected().await?;
        self.check_env_sets(&request.env_sets).await?;
        let id = self.unused_id();
        let (cwd, worktree) = match request.worktree {
            Some(wanted) => {
                let made = self.make_worktree(id, request.dir, wanted).await?;
                (made.cwd, Some(made.worktree))
            }
            None => (request.dir, None),
        };
        // Somebody else may have taken the name meanwhile; from here on nobody can.
        if let Some(name) = &request.name
            && let Err(problem) = self.check_name(name, None)
        {
            if let Some(worktree) = worktree {
                self.unmake_worktree(worktree).await;
            }
            return Err(problem);
        }
        let mut recipe = Recipe {
            provider: request.provider,
            args: request.args,
            cwd,
            path: request.path,
            surroundings: None,
            given: None,
            umask: None,
            size: request.size.unwrap_or(Size::DEFAULT),
            billing,
            env_sets: request.env_sets,
            dangerous: request.dangerous,
            worktree: worktree.clone(),
            model: request.model,
        };
        if let Some(theirs) = request.surroundings {
            recipe.take_surroundings(&self.0.surroundings, theirs);
        }
        let conversation = provider.conversations.and_then(|kept| kept.choose(id));
        let record = Record::new(id, request.name, recipe, conversation);
        let (argument, typed) = match provider.prompts.delivery {
            PromptDelivery::Argument => (request.prompt, None),
            PromptDelivery::Typed => (None, request.prompt),
        };
        match self.launch_new(record, provider, &connection, Begin::Start { prompt: argument }).await {
            Ok(session) => {
                if let Some(prompt) = typed {
                    self.send_text(&session, prompt.into(), true).await?;
                }
                Ok(session)
            }
            Err(problem) => {
                if let Some(worktree) = worktree {
                    self.unmake_worktree(worktree).await;
                }
                Err(problem)
            }
        }
    }

    /// Launches a session for the first time. On an error it is gone.
    pub(super) async fn launch_new(
        &self,
        record: Record,
        provider: &'static Provider,
        connection: &Connection,
        begin: Begin,
    ) -> Result<Arc<Session>, Problem> {
        let created = Body::SessionCreated {
            provider: record.recipe.provider.clone(),
            name: record.life.name.clone(),
            cwd: record.recipe.cwd.display().to_string(),
        };
        let id = record.id;
        let log = self.0.bus.open(id, 0, Position::default());
        let session = Session::new(record, provider, log);
        let started = session.state().machine.begin(self.now(), Operation::Start);
        started.map_err(|refusal| refused(&session, refusal))?;
        let session = self.insert(session);
        let reserved = Reserved::of(&session);
        self.event(Some(id), created);
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
        let (sets, names) = (self.0.places.env_sets.clone(), names.to_vec());
        let read = blocking(move || sets.values(&names).map(drop)).await?;
        read.map_err(|problem| match problem.code {
            Code::NotFound => Problem::new(Code::Invalid, problem.detail),
            _ => problem,
        })
    }

    /// Reserves an ended session for [`Sessions::resume`].
    pub fn begin_resume(&self, session: &Arc<Session>) -> Result<Resuming, Problem> {
        let reserved = Reserved::begin(session, self.now(), Operation::Resume);
        reserved.map(Resuming).map_err(|refusal| refused(session, refusal))
    }

    /// Starts the program of an ended session again, with its conversation.
    pub async fn resume(
        &self,
        session: &Arc<Session>,
        surroundings: Option<Surroundings>,
        _resuming: Resuming,
    ) -> Result<(), Problem> {
        let connection = self.connected().await?;
        if let Some(pid) = self.unreachable_server(session) {
            return Err(Problem::new(
                Code::Refused,
                format!(
                    "session {} may still be running in tmux server {pid}, which no longer answers on its \
                     socket; end that server first: kill {pid}",
                    session.id.short()
                ),
            ));
        }
        session.check_worktree()?;
        check_directory(&session.cwd())?;
        if let Some(theirs) = surroundings {
            session.state().record.recipe.take_surroundings(&self.0.surroundings, theirs);
        }
        let launched = self.launch(session, &connection, Begin::Resume).await;
        if launched.is_err() {
            // It is written down as one that is being started.
            self.save_or_say(session).await;
        }
        launched
    }

    pub(super) async fn launch(
        &self,
        session: &Arc<Session>,
        connection: &Connection,
        begin: Begin,
    ) -> Result<(), Problem> {
        let resumed = matches!(begin, Begin::Resume);
        let prompted = matches!(begin, Begin::Start { prompt: Some(_) });
        // Many agents at once would take the machine from those that work.
        let turn = tokio::select! {
            turn = self.0.launches.clone().acquire_owned() => turn.map_err(|_| {
                Problem::new(Code::LaunchFailed, "the daemon is stopping and starts no new programs")
            })?,
            () = session.until(|state| state.machine.launch_is_called_off()) => {
                return Err(refused(session, Refusal::EndRequested));
            }
        };
        // Looking for a conversation reads files.
        let (sessions, subject) = (self.clone(), session.clone());
        let launch = blocking(move || sessions.prepare(&subject, begin)).await??;
        let (size, old) = {
            let mut state = session.state();
            let launched = state.machine.launch(self.now(), prompted);
            if let Err(refusal) = launched {
                drop(state);
                return Err(refused(session, refusal));
            }
            self.set_timer(session, &mut state);
            state.record.life.nonce = launch.nonce.clone();
            state.marker = Marker::new(&launch.nonce);
            state.record.life.server = self.linked().map(|linked| linked.server_id());
            state.record.life.launched_at = to_millisecond(Timestamp::now());
            state.launch = Some(launch);
            state.scanner = Default::default();
            state.string = None;
            state.flow = Flow::Open;
            state.turn += 1;
            state.pausing = false;
            state.title = None;
            state.size = state.record.recipe.size;
            // What the pane of the launch before still says is none of this one's.
            (state.size, state.pane.take())
        };
        self.table().panes.retain(|_, other| other.id != session.id);
        self.touch(session);
        if let Err(problem) = self.save(session).await {
            self.launch_failed(session, &problem, old);
            return Err(problem);
        }
        let screen = self.0.screens.blank(size);
        let mut model = Model::new(size, session.cursor().offset);
        model.show(size, &screen);
        self.0.screens.open(session.id, model);
        session.state().has_screen = true;
        let blank = Mark::Keyframe { size, screen, reason: KeyframeReason::Launch };
        session.log.mark(Timestamp::now().as_millisecond(), blank);
        let old_window = old.as_ref().map(|pane| pane.window);
        if let Err(problem) = self.make_pane(session, connection, size, resumed, old_window).await {
            self.launch_failed(session, &problem, old);
            return Err(problem);
        }
        session.until(|state| state.machine.launched().is_some() || !state.machine.status().is_live()).await;
        let outcome = {
            let mut state = session.state();
            state.launch = None;
            state.machine.launched().cloned()
        };
        match outcome {
            Some(Ok(())) => {
                self.lease_worktree(session).await;
                if session.provider.prompts.composer.is_some() {
                    self.0.tasks.spawn_until_shutdown(until_settled(session.clone(), turn));
                }
                // It runs; what was written before it was started finds it again.
                self.save_or_say(session).await;
                Ok(())
            }
            Some(Err(message)) => Err(Problem::new(Code::LaunchFailed, message)),
            None => {
                // Of a shim that cannot be executed tmux says nothing.
                let shim = self.0.places.executable.clone();
                let tried = blocking(move || executable::try_out(&shim)).await;
                let why = tried.ok().and_then(Result::err);
                let ended = || "the session ended before its program started".to_owned();
                Err(Problem::new(Code::LaunchFailed, why.unwrap_or_else(ended)))
            }
        }
    }

    /// The session is as it was, and has the pane that it had.
    fn launch_failed(&self, session: &Arc<Session>, problem: &Problem, old: Option<Pane>) {
        self.apply(session, Input::LaunchFailed { message: problem.detail.clone() });
        let mut state = session.state();
        state.launch = None;
        if state.pane.is_none() {
            state.pane = old;
        }
    }

    /// Decides what is executed, with which environment.
    fn prepare(&self, session: &Session, begin: Begin) -> Result<Launch, Problem> {
        executable::check(&self.0.places.executable).map_err(|why| Problem::new(Code::LaunchFailed, why))?;
        let record = session.state().record.clone();
        let of_sets = self.0.places.env_sets.values(&record.recipe.env_sets).map_err(|problem| {
            // It was there when the session was started.
            Problem::new(Code::LaunchFailed, problem.detail)
        })?;
        let mut env = self.environment_with(&record, &of_sets);
        if let (Some(billing), Some(accounts)) = (record.recipe.billing, session.provider.accounts) {
            if let Some(name) = accounts.contradiction(billing, &of_sets) {
                return Err(contradiction(&record, billing, name));
            }
            let stored = (accounts.stored_keys)(&env);
            accounts.choose(billing, &mut env, &of_sets, &stored).map_err(|looked| {
                let detail = format!("{} needs an API key for API billing: {looked}", session.provider.name);
                Problem::new(Code::LaunchFailed, detail).with_next(Next::AddApiKey)
            })?;
        }
        let hook = hook_command(&self.0.places.executable);
        let provider = session.provider;
        let args = arguments(provider, &record);
        let known = known(&record, &args, &env, &hook);
        let argv = match begin {
            Begin::Start { prompt } => {
                provider.launcher.start(&known, record.life.conversation.as_deref(), prompt.as_deref())
            }
            Begin::Resume => {
                let conversation = self.find_conversation(session);
                provider.launcher.resume(&known, conversation.as_deref())
            }
            Begin::Fork { origin } => provider
                .launcher
                .fork(&known, record.life.conversation.as_deref())
                .ok_or_else(|| nothing_to_fork(origin))?,
        };
        let program = look_up(provider, &argv, &env, &record.recipe.cwd)?;
        Ok(Launch {
            argv: std::iter::once(program).chain(argv.args.iter().map(os_text::encode)).collect(),
            cwd: record.recipe.cwd,
            env,
            nonce: uuid::Uuid::new_v4().simple().to_string(),
            exit_file: self.exit_file_path(session),
            mark: mark::ours().ok(),
            umask: Some(record.recipe.umask.unwrap_or_else(inherited::umask_of_programs)),
        })
    }

    /// What the program of a session has in its environment, as far as it can be read. Reads files.
    pub(super) fn program_environment(&self, record: &Record) -> BTreeMap<String, String> {
        let of_sets = self.0.places.env_sets.values(&record.recipe.env_sets).unwrap_or_default();
        self.environment_with(record, &of_sets)
    }

    /// The same with what its env sets bring.
    fn environment_with(
        &self,
        record: &Record,
        of_sets: &BTreeMap<String, String>,
    ) -> BTreeMap<String, String> {
        let mut env =
            self.0.surroundings.of_program(record.recipe.surroundings.as_ref(), record.recipe.given.as_ref());
        if let Some(path) = &record.recipe.path {
            env.insert("PATH".into(), path.clone());
        }
        env.extend(of_sets.iter().map(|(name, value)| (name.clone(), os_text::encode(value))));
        let spool = self.spool_of(record.id);
        env.insert(hook::SESSION_VARIABLE.into(), record.id.to_string());
        env.insert(hook::SOCKET_VARIABLE.into(), os_text::encode(&self.0.places.api_socket));
        env.insert(hook::SPOOL_VARIABLE.into(), os_text::encode(spool));
        env.insert("PWD".into(), os_text::encode(&record.recipe.cwd));
        env.entry("COLORTERM".into()).or_insert_with(|| "truecolor".into());
        env
    }

    /// The conversation of a session, if it has one. Reads files.
    pub(super) fn find_conversation(&self, session: &Session) -> Option<String> {
        let (record, live, ended_at) = {
            let state = session.state();
            (state.record.clone(), state.machine.status().is_live(), state.machine.since())
        };
        // While it runs, its hooks or its open files tell: one that begins in its directory may be another's.
        if record.life.conversation.is_some() || live {
            return record.life.conversation;
        }
        let env = self.program_environment(&record);
        let known = known(&record, &record.recipe.args, &env, "");
        let ran = record.life.launched_at..=ended_at;
        let found = session.provider.conversations?.find(&known, ran, &self.conversations());
        found.filter(|conversation| self.take_conversation(session, conversation.clone()))
    }

    /// Where the transcript of a conversation of this session is, or will be. Reads directories.
    pub(super) fn transcript_path(&self, session: &Session, conversation: &str) -> Option<PathBuf> {
        let conversations = session.provider.conversations?;
        let record = session.state().record.clone();
        let env = self.program_environment(&record);
        conversations.transcript(&known(&record, &record.recipe.args, &env, ""), conversation)
    }

    /// Where transcripts of its provider appear.
    pub(super) fn transcripts_place(&self, session: &Session) -> Option<PathBuf> {
        let conversations = session.provider.conversations?;
        let record = session.state().record.clone();
        conversations.transcripts(&self.program_environment(&record))
    }

    fn conversations(&self) -> Vec<String> {
        self.all().iter().filter_map(|session| session.state().record.life.conversation.clone()).collect()
    }

    /// Makes the pane that the shim runs in: created, sized, tagged and linked to the hub in one line,
    /// so that not one byte is missed.
    async fn make_pane(
        &self,
        session: &Arc<Session>,
        connection: &Connection,
        size: Size,
        resumed: bool,
        old_window: Option<WindowId>,
    ) -> Result<(), Problem> {
        let name = session.tmux_session();
        // `kill` took the tmux session away, `stop` left it.
        let exists =
            resumed && server::ask::<PaneFacts>(connection, Some(Target::Named(name.clone()))).await.is_ok();
        let id = session.id.to_string();
        let (executable, socket) = (&self.0.places.executable, &self.0.places.shim_socket);
        let words = [path_text(socket)?, text("--session")?, text(&id)?];
        let words = [text("shim")?, text("--socket")?, words[0], words[1], words[2]];
        let program = Program { path: absolute(executable)?, first: words[0], rest: &words[1..] };
        let cwd = session.cwd();
        let create = match exists {
            true => Command::NewWindow { session: &name, cwd: absolute(&cwd)?, program },
            false => Command::NewSession { name: &name, size, cwd: absolute(&cwd)?, program },
        };
        let line = CommandLine::new(&create);
        let line = pin_tag_and_link(line, &name, size, text(&id)?);
        let (done, made) = tokio::sync::oneshot::channel();
        let (making, subject) = (Making::begin(self), session.clone());
        let sent = connection.send_then(line, move |replies| {
            let _ = done.send(making.0.pane_made(&subject, &replies));
        });
        sent.map_err(tmux_problem)?;
        made.await.map_err(|_| Problem::new(Code::Tmux, "the connection to tmux was lost; try again"))??;
        if let Some(window) = old_window.filter(|_| exists) {
            // The window of the launch before; its output is in the log.
            connection.send_and_forget(&Command::KillWindow(Target::Window(window))).map_err(tmux_problem)?;
        }
        Ok(())
    }

    /// Called at the place of the replies in the stream. Output of the pane may have come before them, when they had to
    /// wait behind the output of others.
    fn pane_made(&self, session: &Arc<Session>, replies: &[Reply]) -> Result<(), Problem> {
        if let Some(failed) = replies.iter().find(|reply| !reply.ok) {
            return Err(Problem::new(Code::Tmux, format!("tmux cannot create a pane: {}", failed.message())));
        }
        let created = replies.first().and_then(|reply| Created::parse(reply.lines().next()?));
        let Some(created) = created else {
            return Err(Problem::new(Code::Tmux, "tmux created a pane but did not report its id"));
        };
        let pane = Pane {
            id: created.pane,
            window: created.window,
            tmux_session: created.session,
            in_mode: false,
            shim_pid: created.pid,
            shim: None,
        };
        self.set_pane(session, pane);
        let early: Vec<_> = self.table().early.extract_if(.., |(pane, _)| *pane == created.pane).collect();
        for (_, bytes) in early {
            self.arrive(session, Arrival::Output(bytes));
        }
        Ok(())
    }

    /// Forgets a session that never ran.
    pub(super) async fn discard(&self, session: &Arc<Session>) {
        if let Ok(connection) = self.connection() {
            let window = session.state().pane.as_ref().map(|pane| pane.window);
            // It is linked to the hub, too, and would stay there.
            if let Some(window) = window {
                let _ = connection.send(&Command::KillWindow(Target::Window(window))).await;
            }
            let _ = connection.send(&Command::KillSession(Target::Named(session.tmux_session()))).await;
        }
        if let Err(problem) = self.forget(session).await {
            tracing::error!(id = %session.id, %problem, "a session that never ran stays");
        }
    }

    /// The daemon leaves: what waits for its turn to be launched is undone, and nothing else is launched.
    pub fn launch_no_more(&self) {
        self.0.launches.close();
    }

    /// An id whose short form no other session has, and, if such a one is found, that begins with no session's name.
    pub(super) fn unused_id(&self) -> SessionId {
        const TRIES: u32 = 100;
        let all = self.all();
        for tries in 0.. {
            let id = SessionId::random();
            let whole = id.to_string();
            let begins = |name: String| whole.starts_with(&name.to_ascii_lowercase());
            let unnamed = tries >= TRIES || !all.iter().filter_map(|other| other.name()).any(begins);
            if unnamed && all.iter().all(|other| other.id.short() != id.short()) {
                return id;
            }
        }
        unreachable!("ids do not run out")
    }
}

/// Holds the turn to start until the agent says what it does, or long enough.
async fn until_settled(session: Arc<Session>, _turn: OwnedSemaphorePermit) {
    let settled = session
        .until(|state| state.machine.activity() != Activity::Unknown || !state.machine.status().is_live());
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

pub(super) enum Begin {
    Start {
        prompt: Option<String>,
    },
    Resume,
    /// With a copy of the conversation of another session.
    Fork {
        origin: SessionId,
    },
}

fn known<'a>(
    record: &'a Record,
    args: &'a [String],
    env: &'a BTreeMap<String, String>,
    hook: &'a str,
) -> provider::Launch<'a> {
    let (model, forked_from) = (record.recipe.model.as_deref(), record.life.forked_from.as_deref());
    provider::Launch { session: record.id, args, model, cwd: &record.recipe.cwd, env, hook, forked_from }
}

/// What the program is given beside what its provider needs.
fn arguments(provider: &Provider, record: &Record) -> Vec<String> {
    let flag = provider.dangerous_flags.first().filter(|_| record.recipe.dangerous);
    flag.map(|flag| (*flag).to_owned()).into_iter().chain(record.recipe.args.iter().cloned()).collect()
}

/// A command line for `/bin/sh` that forwards a hook. Where our program has moved, the one in PATH does it; without one
/// the hook is written into the spool (see [`hook::delivery`] for the name of its file).
fn hook_command(executable: &Path) -> String {
    let program = executable.display().to_string().replace('\'', "'\\''");
    let spool = hook::SPOOL_VARIABLE;
    // Without splitting and patterns nothing needs double quotes, which would be escaped wherever this is written.
    format!(
        "set -f; IFS=; x='{program}'; [ -x $x ] || x=$(command -v codepiper) || {{ umask 077; \
         d=${spool}/0$(date +%s%N)-$$; mkdir -p ${spool} && cat >$d.new && mv $d.new $d.json; exit 0; }}; \
         exec $x hook-forward"
    )
}

pub(super) fn pin_tag_and_link(
    line: CommandLine,
    name: &SessionName,
    size: Size,
    id: Text<'_>,
) -> CommandLine {
    let window = Target::LastWindowOf(name.clone());
    let tag = Command::SetUser { scope: Scope::Pane(window.clone()), option: UserOption::ID, value: id };
    line.and(&Command::ResizeWindow { window: window.clone(), size })
        .and(&tag)
        .and(&Command::LinkWindow { window, session: &SessionName::hub() })
}

fn look_up(
    provider: &Provider,
    argv: &Argv,
    env: &BTreeMap<String, String>,
    cwd: &Path,
) -> Result<String, Problem> {
    let path = env.get("PATH").map(String::as_str);
    let found = provider::look_up(&argv.program, path, cwd).ok_or_else(|| {
        let place = if argv.program.contains('/') { "not an executable file" } else { "not in PATH" };
        Problem::new(
            Code::LaunchFailed,
            format!("cannot start {}: program '{}' not found: {place}", provider.name, argv.program),
        )
    })?;
    Ok(os_text::encode(found))
}

/// Who pays, for a provider that knows the difference.
fn billing(provider: &Provider, asked: Option<Billing>) -> Result<Option<Billing>, Problem> {
    match (provider.accounts, asked) {
        (Some(_), asked) => Ok(Some(asked.unwrap_or_default())),
        (None, None) => Ok(None),
        (None, Some(_)) => {
            Err(Problem::new(Code::Invalid, format!("{} has no billing modes", provider.name)))
        }
    }
}

/// A set brings what the way of paying rules out.
fn contradiction(record: &Record, billing: Billing, variable: &str) -> Problem {
    let other = match billing {
        Billing::Subscription => Billing::Api,
        Billing::Api => Billing::Subscription,
    };
    let detail = format!(
        "{variable} in the env sets {} is for {} billing, but {} billing was chosen",
        record.recipe.env_sets.join(", "),
        other.as_str(),
        billing.as_str(),
    );
    Problem::new(Code::LaunchFailed, detail).with_next(Next::ChooseBilling { billing: other })
}

/// Whoever wants no questions says so with the flag that is remembered and shown.
fn check_dangerous(provider: &Provider, dangerous: bool, args: &[String]) -> Result<(), Problem> {
    let flags = provider.dangerous_flags;
    if dangerous && flags.is_empty() {
        let detail = format!("{} never asks for permission", provider.name);
        return Err(Problem::new(Code::Invalid, detail));
    }
    match args.iter().find(|arg| flags.contains(&arg.as_str())) {
        Some(arg) => {
            let detail = format!("{arg} cannot be passed to the program directly");
            Err(Problem::new(Code::Invalid, detail).with_next(Next::AllowDangerous))
        }
        None => Ok(()),
    }
}

fn check_model(provider: &Provider, model: Option<&str>) -> Result<(), Problem> {
    let Some(model) = model else { return Ok(()) };
    let word = |letter: char| letter.is_ascii_graphic();
    let detail = match provider.models.is_some() {
        false => format!("{} has no models", provider.name),
        true if model.is_empty() || model.starts_with('-') || !model.chars().all(word) => {
            format!("invalid model name '{}'", model.escape_debug())
        }
        true => return Ok(()),
    };
    Err(Problem::new(Code::Invalid, detail))
}

fn unknown_provider(providers: &Providers, name: &str) -> Problem {
    Problem::new(Code::Invalid, format!("unknown provider '{name}'; available: {}", providers.names()))
}

pub(super) fn check_directory(dir: &Path) -> Result<(), Problem> {
    let invalid = |what: String| Problem::new(Code::Invalid, what);
    if !dir.is_absolute() {
        return Err(invalid(format!("directory {} is not absolute", dir.display())));
    }
    match std::fs::metadata(dir) {
        Ok(meta) if meta.is_dir() => Ok(()),
        Ok(_) => Err(invalid(format!("{} is not a directory", dir.display()))),
        Err(error) => Err(invalid(format!("cannot use directory {}: {error}", dir.display()))),
    }
}

pub(super) fn text(text: &str) -> Result<Text<'_>, Problem> {
    Text::new(text)
        .ok_or_else(|| Problem::new(Code::Invalid, "the text contains NUL, which tmux cannot take"))
}

fn path_text(path: &Path) -> Result<Text<'_>, Problem> {
    Text::new(path.as_os_str().as_encoded_bytes())
        .ok_or_else(|| Problem::new(Code::Invalid, "the path contains NUL, which tmux cannot take"))
}

pub(super) fn absolute(path: &Path) -> Result<AbsolutePath<'_>, Problem> {
    AbsolutePath::new(path.as_os_str().as_encoded_bytes())
        .ok_or_else(|| Problem::new(Code::Invalid, format!("path {} is not absolute", path.display())))
}

pub(super) fn tmux_problem(error: impl std::fmt::Display) -> Problem {
    Problem::new(Code::Tmux, error.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Command, Stdio};

    use super::*;

    /// The hook of a program that has moved: by the one in PATH, and otherwise into the spool.
    #[test]
    fn a_hook_survives_that_our_program_has_moved() {
        let dir = tempfile::tempdir().unwrap();
        let spool = dir.path().join("the spool");
        let runs = |path: &str| {
            let hook = hook_command(Path::new("/no/it's gone/codepiper"));
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", &hook]).env_clear().env("PATH", path).env(hook::SPOOL_VARIABLE, &spool);
            let mut child =
                shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            child.stdin.take().unwrap().write_all(b"{\"a\": 1}").unwrap();
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        assert_eq!(runs("/usr/bin:/bin"), "");
        let kept: Vec<_> = std::fs::read_dir(&spool).unwrap().map(|entry| entry.unwrap().path()).collect();
        let name = kept[0].file_stem().unwrap().to_str().unwrap();
        assert!(kept.len() == 1 && hook::delivery_time(name).is_some(), "{kept:?}");
        assert_eq!(std::fs::read_to_string(&kept[0]).unwrap(), "{\"a\": 1}");
        // Another process writes it: a program that is started meanwhile would hold our file open.
        let script = "cd \"$0\"; printf '#!/bin/sh\\necho \"$@\"\\n' >codepiper; chmod +x codepiper";
        assert!(Command::new("sh").args(["-c", script]).arg(dir.path()).status().unwrap().success());
        assert_eq!(runs(&format!("{}:/usr/bin:/bin", dir.path().display())), "hook-forward\n");
    }
}
