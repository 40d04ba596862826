//! The connection is made, set up, and made anew when it ends.

use std::sync::atomic::Ordering;
use std::time::Duration;

use codepiper_protocol::SessionId;
use codepiper_protocol::event::Body;
use codepiper_protocol::tmux::{Command, CommandLine, PaneFacts, SessionName, Setting, Target};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::sink::PaneSink;
use super::{Link, Linked};
use crate::process::{self, Process};
use crate::tasks::blocking;
use crate::terminal::screen::Rules;
use crate::tmux::connection::{self, CommandError, Connection, End};
use crate::tmux::find;
use crate::tmux::server::{self, Address, Owner, SetUpError};

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
/// A server that died is noticed by its process in this time.
const SERVER_END_LIMIT: Duration = Duration::from_millis(150);
/// A server without sessions has ended in this time.
const KILL_SERVER_LIMIT: Duration = Duration::from_secs(2);
/// Opening a connection and setting the server up may take so long.
const SET_UP_LIMIT: Duration = Duration::from_secs(20);

/// Keeps the sessions connected to tmux until `shutdown`. `ready` is told about the first connection.
///
/// # Errors
/// When the first connection cannot be made, or the server belongs to somebody else.
pub async fn run(
    link: Link,
    address: Address,
    owner: Owner,
    ready: oneshot::Sender<()>,
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
        match link.connect_once(&address, &owner, &mut ready, &mut attempt, &shutdown).await {
            Ok(()) => {}
            Err(error) if ready.is_some() && (attempt == FIRST_TRIES || !is_lost(&error)) => {
                return Err(error);
            }
            // The server was taken over by another daemon, or replaced by one that we cannot use.
            Err(error) => {
                tracing::error!(%error, attempt, "tmux cannot be reached");
                link.trouble().replace(format!("{error} ({attempt} tries)"));
            }
        }
    }
    link.inner.linked.send_replace(None);
    Ok(())
}

fn is_lost(error: &anyhow::Error) -> bool {
    let command = match error.downcast_ref::<SetUpError>() {
        Some(SetUpError::Command(error)) => Some(error),
        _ => error.downcast_ref::<CommandError>(),
    };
    matches!(command, Some(CommandError::Lost))
}

impl Link {
    async fn connect_once(
        &self,
        address: &Address,
        owner: &Owner,
        ready: &mut Option<oneshot::Sender<()>>,
        attempt: &mut usize,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<()> {
        let (linked, server, mut reader) = self.open(address, owner).await?;
        let (connection, drop_it) = (linked.connection.clone(), linked.drop_it.clone());
        let body = Body::SystemTmuxConnected {
            version: linked.server.version.lossy().into_owned(),
            server_pid: linked.server.pid,
        };
        self.context.event(None, body);
        self.trouble().take();
        self.inner.linked.send_replace(Some(linked));
        let since = tokio::time::Instant::now();
        if let Some(ready) = ready.take() {
            let _ = ready.send(());
        }
        let end = tokio::select! {
            end = &mut reader => end.unwrap_or_else(|error| End::Broken(error.to_string())),
            () = shutdown.cancelled() => {
                self.leave(&connection, reader, &drop_it, &server).await;
                return Ok(());
            }
        };
        self.inner.linked.send_replace(None);
        if since.elapsed() >= STABLE {
            *attempt = 0;
        } else {
            self.trouble()
                .replace(format!("tmux ended the last connection after {:?}: {end:?}", since.elapsed()));
        }
        self.lost(&end, &server).await;
        Ok(())
    }

    /// Makes the connection, sets the server up, and finds the sessions' panes.
    async fn open(
        &self,
        address: &Address,
        owner: &Owner,
    ) -> anyhow::Result<(Linked, Process, JoinHandle<End>)> {
        let socket = address.path();
        let known = self.registry.all();
        let known: Vec<i32> =
            known.iter().filter_map(|session| Some(session.life().record().life.server?.0)).collect();
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
        let ended = drop_it.clone();
        let reader = self.context.tasks.spawn(async move { reading.run(&mut sink, ended).await });
        // Whatever fails from here on ends the connection.
        let guard = drop_it.clone().drop_guard();
        let set_up = async {
            let server = server::set_up(&connection, address, owner).await?;
            if let Ok(version) = server.version.lossy().parse() {
                self.context.screens.count_as(Rules::of(&version));
            }
            let process = Process::open(server.pid).map_err(|_| CommandError::Lost)?;
            let unreachable = unreachable.into();
            let linked = Linked { connection: connection.clone(), server, unreachable, socket, drop_it };
            self.adopt(&linked).await?;
            // tmux tells of changes only.
            self.look_at_clients(&linked.connection).await?;
            Ok::<_, SetUpError>((linked, process))
        };
        let Ok(done) = tokio::time::timeout(SET_UP_LIMIT, set_up).await else {
            anyhow::bail!(
                "tmux did not answer within {SET_UP_LIMIT:?}; is its server at {} stopped?",
                address.path().display()
            );
        };
        let (linked, process) = done?;
        guard.disarm();
        Ok((linked, process, reader))
    }

    /// The daemon leaves.
    async fn leave(
        &self,
        connection: &Connection,
        mut reader: JoinHandle<End>,
        drop_it: &CancellationToken,
        server: &Process,
    ) {
        if !self.inner.server_ends_too.load(Ordering::Relaxed) {
            drop_it.cancel();
            let _ = reader.await;
            return;
        }
        let alone = end_ours(connection).await.unwrap_or(false);
        // A client that goes before the server has read its commands takes them along.
        let _ = tokio::time::timeout(KILL_SERVER_LIMIT, &mut reader).await;
        drop_it.cancel();
        if alone {
            let _ = tokio::time::timeout(KILL_SERVER_LIMIT, server.ended()).await;
        }
    }

    /// The connection ended by itself.
    async fn lost(&self, end: &End, server: &Process) {
        for session in self.registry.all() {
            self.cover(&session);
        }
        let server_gone = tokio::time::timeout(SERVER_END_LIMIT, server.ended()).await.is_ok();
        tracing::warn!(?end, server_gone, "the connection to tmux ended");
        self.context.event(None, Body::SystemTmuxLost { reason: format!("{end:?}"), server_gone });
        if server_gone {
            self.server_gone();
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
