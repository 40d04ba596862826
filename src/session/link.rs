//! Being connected to tmux: connecting, finding the sessions' panes again, losing the server.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use codepiper_protocol::event::Body;
use codepiper_protocol::shim::{ExitFile, ExitStatus};
use codepiper_protocol::tmux::{
    Command, CommandLine, Facts, PaneFacts, PaneId, ServerFacts, SessionName, Setting, Target,
};
use codepiper_protocol::wire::problem::{Code, Next, Problem};
use codepiper_protocol::wire::session::Status;
use codepiper_protocol::wire::stream::{GapReason, Lost};
use codepiper_protocol::{SessionId, Size};
use rustix::process::Signal;
use tokio_util::sync::CancellationToken;

use super::machine::Input;
use super::stream::{Arrival, PaneSink, status_of};
use super::{Pane, Session, Sessions};
use crate::lock::lock;
use crate::process::{self, Process};
use crate::tasks::blocking;
use crate::terminal::screen::Rules;
use crate::terminal::screens::Model;
use crate::tmux::connection::{self, CommandError, Connection, End};
use crate::tmux::find;
use crate::tmux::server::{self, Address, Owner, SetUpError};

/// A tmux server that is well answers much sooner.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);
/// Pauses between attempts to connect.
const BACK_OFF: [Duration; 9] = [
    Duration::ZERO,
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(60),
];
/// The first connection is tried so often when tmux ends it at once.
const FIRST_TRIES: usize = 5;
/// A connection that lasts is no reason to wait with the next one.
const STABLE: Duration = Duration::from_secs(10);
/// What needs tmux waits so long for the connection: longer than all is set up again after the server died.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// A server that died is noticed by its process in this time.
const SERVER_END_LIMIT: Duration = Duration::from_millis(150);
/// Shims need at most 5 s to end their programs when their terminal is gone.
const SHIM_END_LIMIT: Duration = Duration::from_secs(5);
/// A server without sessions has ended in this time.
const KILL_SERVER_LIMIT: Duration = Duration::from_secs(2);
/// Opening a connection and setting the server up may take so long.
const SET_UP_LIMIT: Duration = Duration::from_secs(20);

/// A live connection and the server behind it.
#[derive(Clone)]
pub struct Linked {
    pub connection: Connection,
    pub server: ServerFacts,
    /// Servers that listen at the same path, cannot be reached there, and may run sessions.
    unreachable: Arc<[i32]>,
    socket: PathBuf,
    /// Cancelled to make the connection anew.
    drop_it: CancellationToken,
}

impl Linked {
    /// Tells servers apart that were at the same place one after another.
    pub(super) fn server_id(&self) -> (i32, u64) {
        (self.server.pid, self.server.start_time)
    }
}

/// Keeps the sessions connected to tmux until `shutdown`. `ready` is told about the first connection.
///
/// # Errors
/// When the first connection cannot be made, or the server belongs to somebody else.
pub async fn run_link(
    sessions: Sessions,
    address: Address,
    owner: Owner,
    ready: tokio::sync::oneshot::Sender<()>,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let mut ready = Some(ready);
    let mut attempt = 0;
    while !shutdown.is_cancelled() {
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = tokio::time::sleep(BACK_OFF[attempt.min(BACK_OFF.len() - 1)]) => {}
        }
        attempt += 1;
        match sessions.connect_once(&address, &owner, &mut ready, &mut attempt, &shutdown).await {
            Ok(()) => {}
            Err(error) if ready.is_some() && (attempt == FIRST_TRIES || !is_lost(&error)) => {
                return Err(error);
            }
            // The server was taken over by another daemon, or replaced by one that we cannot use.
            Err(error) => {
                tracing::error!(%error, attempt, "tmux cannot be reached");
                sessions.trouble().replace(format!("{error} ({attempt} tries)"));
            }
        }
    }
    sessions.0.linked.send_replace(None);
    Ok(())
}

fn is_lost(error: &anyhow::Error) -> bool {
    let command = match error.downcast_ref::<SetUpError>() {
        Some(SetUpError::Command(error)) => Some(error),
        _ => error.downcast_ref::<CommandError>(),
    };
    matches!(command, Some(CommandError::Lost))
}

impl Pane {
    fn of(facts: &PaneFacts) -> Self {
        Self {
            id: facts.pane,
            window: facts.window,
            tmux_session: facts.session,
            in_mode: facts.in_mode,
            shim_pid: facts.pid,
            shim: None,
        }
    }
}

impl Sessions {
    pub(super) fn connection(&self) -> Result<Connection, Problem> {
        match &*self.0.linked.borrow() {
            Some(linked) => Ok(linked.connection.clone()),
            None => Err(self.no_connection()),
        }
    }

    /// The connection, as soon as there is one: after the server died it is made anew at once.
    pub(super) async fn connected(&self) -> Result<Connection, Problem> {
        let mut linked = self.0.linked.subscribe();
        let connected =
            linked.wait_for(|linked| linked.as_ref().is_some_and(|linked| !linked.connection.is_closed()));
        if let Ok(Ok(linked)) = tokio::time::timeout(CONNECT_LIMIT, connected).await
            && let Some(linked) = &*linked
        {
            return Ok(linked.connection.clone());
        }
        Err(self.no_connection())
    }

    fn no_connection(&self) -> Problem {
        let why = self.trouble().as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        let detail = format!("no connection to tmux within {CONNECT_LIMIT:?}{why}; the daemon keeps trying");
        Problem::new(Code::Tmux, detail).with_next(Next::RunChecks)
    }

    /// Why there is no connection.
    pub fn link_trouble(&self) -> Option<String> {
        self.trouble().clone()
    }

    fn trouble(&self) -> MutexGuard<'_, Option<String>> {
        lock(&self.0.trouble)
    }

    /// Sees to it that people can attach: somebody may have removed the socket's file.
    pub(super) async fn find_socket_again(&self) {
        if let Some(linked) = self.linked() {
            find::find_again(&linked.socket, &[linked.server.pid]).await;
        }
    }

    /// The tmux server in which the session's last program may still run, where nobody reaches it.
    pub(super) fn unreachable_server(&self, session: &Session) -> Option<i32> {
        let (pid, _) = session.state().record.life.server?;
        let linked = self.linked()?;
        self.unreachable(&linked, pid)
    }

    fn unreachable(&self, linked: &Linked, pid: i32) -> Option<i32> {
        let lives = || process::tmux_servers_at(&linked.socket).contains(&pid);
        (linked.unreachable.contains(&pid) && lives()).then_some(pid)
    }

    pub fn linked(&self) -> Option<Linked> {
        self.0.linked.borrow().clone()
    }

    /// Whether the tmux server does what it is asked, at once.
    pub async fn tmux_answers(&self) -> bool {
        let Some(linked) = self.linked() else { return false };
        let asked = server::ask::<ServerFacts>(&linked.connection, None);
        tokio::time::timeout(ANSWER_LIMIT, asked).await.is_ok_and(|answer| answer.is_ok())
    }

    /// Makes the connection anew.
    pub(super) fn unlink(&self) {
        if let Some(linked) = self.linked() {
            linked.drop_it.cancel();
        }
    }

    async fn connect_once(
        &self,
        address: &Address,
        owner: &Owner,
        ready: &mut Option<tokio::sync::oneshot::Sender<()>>,
        attempt: &mut usize,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<()> {
        let socket = address.path();
        let known: Vec<i32> =
            self.all().iter().filter_map(|session| Some(session.state().record.life.server?.0)).collect();
        find::find_again(&socket, &known).await;
        let place = socket.clone();
        let looked = blocking(move || {
            let server = find::look(&place)?;
            let mut others = process::tmux_servers_at(&place);
            others.retain(|pid| Some(*pid) != server);
            Ok::<_, find::LookError>((find::program(&place), others))
        });
        let (program, unreachable) = looked.await??;
        let (connection, reading) = connection::spawn(address.control_client(&program))?;
        let drop_it = CancellationToken::new();
        let mut sink = PaneSink::new(self.clone(), connection.clone());
        let reader = {
            let drop_it = drop_it.clone();
            self.0.tasks.spawn(async move { reading.run(&mut sink, drop_it).await })
        };
        let set_up = async {
            let facts = server::set_up(&connection, address, owner).await?;
            if let Ok(version) = facts.version.lossy().parse() {
                self.0.screens.count_as(Rules::of(&version));
            }
            let process = Process::open(facts.pid).map_err(|_| CommandError::Lost)?;
            let linked = Linked {
                connection: connection.clone(),
                server: facts,
                unreachable: unreachable.into(),
                socket,
                drop_it: drop_it.clone(),
            };
            self.adopt(&linked).await?;
            Ok::<_, SetUpError>((linked, process))
        };
        let (linked, server_process) = match tokio::time::timeout(SET_UP_LIMIT, set_up).await {
            Ok(Ok(done)) => done,
            Ok(Err(error)) => {
                drop_it.cancel();
                return Err(error.into());
            }
            Err(_) => {
                drop_it.cancel();
                anyhow::bail!(
                    "tmux did not answer within {SET_UP_LIMIT:?}; is its server at {} stopped?",
                    address.path().display()
                );
            }
        };
        let body = Body::SystemTmuxConnected {
            version: linked.server.version.lossy().into_owned(),
            server_pid: linked.server.pid,
        };
        self.event(None, body);
        self.trouble().take();
        self.0.linked.send_replace(Some(linked));
        let since = tokio::time::Instant::now();
        if let Some(ready) = ready.take() {
            let _ = ready.send(());
        }
        let mut reader = reader;
        let end = tokio::select! {
            end = &mut reader => end.unwrap_or_else(|error| End::Broken(error.to_string())),
            () = shutdown.cancelled() => {
                if !self.0.server_ends_too.load(Ordering::Relaxed) {
                    drop_it.cancel();
                    let _ = reader.await;
                    return Ok(());
                }
                let alone = end_ours(&connection).await.unwrap_or(false);
                // A client that goes before the server has read its commands takes them along.
                let _ = tokio::time::timeout(KILL_SERVER_LIMIT, &mut reader).await;
                drop_it.cancel();
                if alone {
                    let _ = tokio::time::timeout(KILL_SERVER_LIMIT, server_process.ended()).await;
                }
                return Ok(());
            }
        };
        self.0.linked.send_replace(None);
        if since.elapsed() >= STABLE {
            *attempt = 0;
        } else {
            self.trouble()
                .replace(format!("tmux ended the last connection after {:?}: {end:?}", since.elapsed()));
        }
        for session in self.all() {
            self.cover(&session);
        }
        let server_gone = tokio::time::timeout(SERVER_END_LIMIT, server_process.ended()).await.is_ok();
        tracing::warn!(?end, server_gone, "the connection to tmux ended");
        self.event(None, Body::SystemTmuxLost { reason: format!("{end:?}"), server_gone });
        if server_gone {
            self.server_gone();
        }
        Ok(())
    }

    fn server_gone(&self) {
        self.table().panes.clear();
        for session in self.all() {
            if session.is_live() && session.state().pane.is_some() {
                self.apply(&session, Input::ServerGone);
            }
        }
    }

    /// Finds the panes of the sessions that run, and judges those that have none.
    async fn adopt(&self, linked: &Linked) -> Result<(), CommandError> {
        let connection = &linked.connection;
        let panes = server::list::<PaneFacts>(connection, Command::ListPanes).await?;
        let hub = SessionName::hub();
        let in_hub: HashSet<PaneId> =
            panes.iter().filter(|pane| pane.session_name == *hub.as_str()).map(|pane| pane.pane).collect();
        let mut found: HashMap<SessionId, &PaneFacts> = HashMap::new();
        for pane in &panes {
            let Ok(id) = pane.id.lossy().parse::<SessionId>() else { continue };
            // The link in the session's own tmux session is the one that people attach to.
            if !found.contains_key(&id) || pane.session_name != *hub.as_str() {
                found.insert(id, pane);
            }
        }
        for session in self.all() {
            // A record may say that a program ended which runs; one whose shim holds the pty has ended.
            let ended = !session.is_live();
            let runs = |pane: &PaneFacts| !pane.dead && self.exit_file(&session).is_none();
            match found.get(&session.id) {
                Some(pane) if ended && !runs(pane) => session.state().pane = Some(Pane::of(pane)),
                Some(pane) => self.adopt_pane(linked, &session, pane, in_hub.contains(&pane.pane))?,
                None if ended => {}
                None => self.no_pane(linked, &session),
            }
        }
        self.sweep(connection, &panes);
        Ok(())
    }

    /// Takes away what is left of sessions that were removed. What runs without a record is left alone.
    fn sweep(&self, connection: &Connection, panes: &[PaneFacts]) {
        for pane in panes.iter().filter(|pane| pane.dead) {
            let Ok(id) = pane.id.lossy().parse::<SessionId>() else { continue };
            if self.get(id).is_none() && self.unreadable(&id.to_string()).is_none() {
                let _ = connection.send_and_forget(&Command::KillWindow(Target::Window(pane.window)));
            }
        }
    }

    fn adopt_pane(
        &self,
        linked: &Linked,
        session: &Arc<Session>,
        facts: &PaneFacts,
        in_hub: bool,
    ) -> Result<(), CommandError> {
        let window = Target::Window(facts.window);
        if !in_hub {
            let hub = SessionName::hub();
            linked
                .connection
                .send_and_forget(&Command::LinkWindow { window: window.clone(), session: &hub })?;
        }
        let known = session.state().pane.as_ref().is_some_and(|pane| pane.id == facts.pane);
        // Nothing is published that the capture will cover.
        self.cover(session);
        let had_screen = std::mem::replace(&mut session.state().has_screen, true);
        if !had_screen {
            self.0.screens.open(session.id, Model::new(session.size(), session.cursor().offset));
        }
        self.set_pane(session, Pane::of(facts));
        if facts.dead {
            let status = self
                .exit_status(session)
                .or(status_of(facts.dead_status, facts.dead_signal.map(|signal| signal.0)));
            // When what it printed before is known.
            self.arrive(session, Arrival::Dead(status));
        } else if session.view().pid.is_none() || !known {
            // The last daemon may have ended before it was told.
            let pid = session.state().record.life.pid.or_else(|| process::program_of(facts.pid));
            self.apply(session, Input::Adopted { pid });
            // It may be written down as one that is being started, or that has ended.
            let (sessions, session) = (self.clone(), session.clone());
            self.0.tasks.spawn(async move { sessions.save_or_say(&session).await });
        }
        if let Some(size) = Size::new(facts.cols, facts.rows) {
            session.state().size = size;
        }
        self.recover_after_absence(&linked.connection, session, had_screen);
        Ok(())
    }

    /// A session that ran, and whose pane is not there.
    fn no_pane(&self, linked: &Linked, session: &Arc<Session>) {
        let (server, launched_at, starting, watched) = {
            let state = session.state();
            let watched = state.pane.as_ref().filter(|pane| pane.shim.is_some()).map(|pane| pane.id);
            let starting = state.machine.status() == Status::Starting;
            (state.record.life.server, state.record.life.launched_at, starting, watched)
        };
        if let Some(pane) = watched {
            let (sessions, session) = (self.clone(), session.clone());
            let gone = async move { sessions.pane_gone(&session, pane).await };
            self.0.tasks.spawn_until_shutdown(gone);
            return;
        }
        if !starting {
            // What it printed before is nowhere.
            self.gap(session, GapReason::DaemonAway, Lost::Unknown);
        }
        let file = self.exit_file(session);
        let status = file.as_ref().map(|file| file.status);
        // Nobody knows what became of it, and it must not be started a second time.
        if let Some(pid) = server.and_then(|(pid, _)| self.unreachable(linked, pid)) {
            tracing::error!(id = %session.id, pid, "the session's tmux server lives, and cannot be reached");
            return;
        }
        let another_server = server.is_some_and(|server| server != linked.server_id())
            || linked.server.start_time as i64 > launched_at.as_second();
        let with_server = |file: ExitFile| file.pane_gone || went_down_with_its_machine(file.status);
        if another_server && file.is_none_or(with_server) && !starting {
            self.apply(session, Input::ServerGone);
            self.apply(session, Input::ShimGone { status });
        } else {
            self.apply(session, Input::PaneGone { status });
        }
    }

    /// Remembers where a session runs, and watches the shim's process.
    pub(super) fn set_pane(&self, session: &Arc<Session>, mut pane: Pane) {
        let shim = Process::open(pane.shim_pid).ok();
        pane.shim = shim.clone();
        let id = pane.id;
        {
            let mut table = self.table();
            table.panes.retain(|_, other| other.id != session.id);
            table.panes.insert(id, session.clone());
        }
        session.state().pane = Some(pane);
        session.changed.send_replace(());
        let Some(shim) = shim else { return };
        let (sessions, session) = (self.clone(), session.clone());
        self.0.tasks.spawn_until_shutdown(async move {
            shim.ended().await;
            let same = session.state().pane.as_ref().is_some_and(|pane| pane.shim_pid == shim.pid());
            if same && session.is_live() {
                let status = sessions.exit_status(&session);
                sessions.apply(&session, Input::ShimGone { status });
            }
        });
    }

    /// The shim ends the program of a pane that is gone; only then has the session ended.
    async fn pane_gone(&self, session: &Arc<Session>, pane: PaneId) {
        let shim = session.state().pane.as_ref().and_then(|pane| pane.shim.clone());
        if let Some(shim) = shim {
            let _ = tokio::time::timeout(SHIM_END_LIMIT, shim.ended()).await;
        }
        // It may have been started again meanwhile.
        if !session.has_pane(pane) {
            return;
        }
        let status = self.exit_status(session);
        self.apply(session, Input::PaneGone { status });
    }

    /// After tmux said that windows or sessions changed: which panes are gone? The list is compared at
    /// its place in the stream: a pane that is made behind it is known behind it.
    pub(super) fn look_at_panes(&self, connection: &Connection) -> Result<(), CommandError> {
        let (sessions, swept) = (self.clone(), connection.clone());
        let line = CommandLine::new(&Command::ListPanes(PaneFacts::FORMAT));
        connection.send_then(line, move |replies| {
            let Some(reply) = replies.first().filter(|reply| reply.ok) else { return };
            let panes: Vec<_> = reply.lines().filter_map(PaneFacts::parse).collect();
            sessions.compare_panes(&panes.iter().map(|pane| pane.pane).collect());
            sessions.sweep(&swept, &panes);
        })
    }

    fn compare_panes(&self, there: &HashSet<PaneId>) {
        let known: Vec<_> =
            self.table().panes.iter().map(|(pane, session)| (*pane, session.clone())).collect();
        for (pane, session) in known {
            if session.has_pane(pane) && !there.contains(&pane) {
                self.table().panes.remove(&pane);
                let sessions = self.clone();
                let gone = async move { sessions.pane_gone(&session, pane).await };
                self.0.tasks.spawn_until_shutdown(gone);
            }
        }
    }
}

/// Ends everything on the server that is ours, and the server if nothing else is left: tmux decides. Whether that is so.
async fn end_ours(connection: &Connection) -> Result<bool, CommandError> {
    let hub = SessionName::hub();
    let panes = server::list::<PaneFacts>(connection, Command::ListPanes).await?;
    // It would look once more when our session is gone already, which crashes tmux before 3.7.
    connection.send_and_forget(&Command::Unsubscribe { name: server::PANE_END })?;
    let ours = |pane: &&PaneFacts| pane.id.lossy().parse::<SessionId>().is_ok();
    for pane in panes.iter().filter(ours) {
        connection.send_and_forget(&Command::KillWindow(Target::Window(pane.window)))?;
    }
    let alone = panes.iter().all(|pane| ours(&pane) || pane.session_name == *hub.as_str());
    let line = CommandLine::new(&Command::Set(Setting::ExitEmpty(true)));
    connection.send_then(line.and(&Command::KillSession(Target::Named(hub))), drop)?;
    Ok(alone)
}

/// A machine that goes down ends every program, and tmux, by SIGTERM and SIGHUP: some agents then exit with
/// 128 and the signal's number.
fn went_down_with_its_machine(status: ExitStatus) -> bool {
    const SIGNALS: [i32; 2] = [Signal::TERM.as_raw(), Signal::HUP.as_raw()];
    let signal = status.signal.or(status.code.map(|code| code - 128));
    signal.is_some_and(|signal| SIGNALS.contains(&signal))
}
