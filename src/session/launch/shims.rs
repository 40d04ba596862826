//! Where shims meet the daemon: they fetch their launch record, and report the exit.
//!
//! A shim is known by its process: the peer of the connection must be the one that tmux reported for
//! the session's pane. Anybody else is refused and recorded.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use codepiper_protocol::SessionId;
use codepiper_protocol::event::Body;
use codepiper_protocol::shim::{FromShim, Launch, ToShim};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::Launcher;
use super::visitors::{Visit, Visitors};
use crate::lock::lock;
use crate::process::peer::Peer;
use crate::session::cell::Session;
use crate::session::life::machine::Input;
use crate::socket::Socket;

/// A shim says at once what it wants; who does not is no shim.
const MESSAGE_LIMIT: Duration = Duration::from_secs(10);
/// tmux's word on which process stands in a pane may come after the process itself.
const PANE_LIMIT: Duration = Duration::from_secs(10);
/// The marker is waited for as long as output arrives, and so long after it. A daemon that was away
/// when it was printed never sees it.
const MARKER_LIMIT: Duration = Duration::from_secs(3);
const LONGEST_MESSAGE: u64 = 64 * 1024;

/// What the shim of a session is waiting for; handed out once.
#[derive(Default)]
pub struct Handout(Mutex<Offer>);

#[derive(Default)]
enum Offer {
    #[default]
    Nothing,
    /// The shim may come before its launch is written down.
    Promised,
    Ready(Launch),
}

impl Handout {
    pub fn promise(&self) {
        *lock(&self.0) = Offer::Promised;
    }

    pub fn offer(&self, launch: Launch) {
        *lock(&self.0) = Offer::Ready(launch);
    }

    fn is_promised(&self) -> bool {
        matches!(*lock(&self.0), Offer::Promised)
    }

    pub fn take_back(&self) -> Option<Launch> {
        match std::mem::take(&mut *lock(&self.0)) {
            Offer::Ready(launch) => Some(launch),
            Offer::Nothing | Offer::Promised => None,
        }
    }
}

/// Binds the shims' socket and answers until the token is cancelled.
pub async fn serve(
    launcher: Launcher,
    shutdown: CancellationToken,
) -> anyhow::Result<impl Future<Output = ()> + Send> {
    let mut socket = Socket::bind(&launcher.context.places.shim_socket).await?;
    let visitors = Visitors::default();
    Ok(async move {
        loop {
            let accepted = tokio::select! {
                () = shutdown.cancelled() => return,
                accepted = socket.accept() => accepted,
            };
            match accepted {
                Ok(stream) => {
                    let Some((peer, visit)) = launcher.admit(&stream, &visitors) else { continue };
                    let (launcher, tasks) = (launcher.clone(), &launcher.context.tasks);
                    tasks.spawn_until_shutdown(async move {
                        let _visit = visit;
                        if let Err(error) = launcher.serve_shim(stream, peer).await {
                            tracing::debug!(%error, "a shim's connection ended early");
                        }
                    });
                }
                Err(error) => {
                    // Out of descriptors: others must get the chance to close some.
                    tracing::error!(%error, "a shim cannot be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    })
}

impl Launcher {
    /// The same user's process, if there is a place for it.
    fn admit(&self, stream: &UnixStream, visitors: &Visitors) -> Option<(Peer, Visit)> {
        let peer = stream.peer_cred().ok()?;
        if peer.uid() != nix::unistd::getuid().as_raw() {
            return None;
        }
        let peer = Peer::of(stream, peer.pid())
            .inspect_err(|doubt| tracing::debug!(%doubt, "a shim's connection is refused"))
            .ok()?;
        let visit = visitors.admit(peer.pid(), || self.is_shim(&peer))?;
        Some((peer, visit))
    }

    /// A new one is known by its parent, before tmux has told of its pane; one whose tmux server has ended by its pane.
    fn is_shim(&self, peer: &Peer) -> bool {
        self.link.linked().is_some_and(|linked| peer.is_child_of(linked.server.pid))
            || self.registry.all().iter().any(|session| session.is_shim(peer.pid()))
    }

    async fn serve_shim(&self, stream: UnixStream, peer: Peer) -> std::io::Result<()> {
        let pid = peer.pid();
        let mut conversation = Conversation { stream: BufReader::new(stream) };
        match timeout(MESSAGE_LIMIT, conversation.receive()).await?? {
            FromShim::Hello { session, .. } => match self.expected_shim(session, pid).await {
                // Its number could be another's by now.
                Ok(_) if !self.is_child_of_tmux(&peer) => {
                    self.refuse(session, pid, "not started by tmux", conversation).await
                }
                Ok(session) => self.hand_out(&session, &mut conversation).await,
                Err(reason) => self.refuse(session, pid, reason, conversation).await,
            },
            FromShim::Exited { session, status, .. } => match self.expected_shim(session, pid).await {
                Ok(session) => {
                    // The marker stands behind the last byte of the output: when it was seen, all was.
                    if !ended_while_it_prints(&session).await {
                        self.life.apply(&session, Input::Reported(status));
                    }
                    conversation.send(&ToShim::Release).await
                }
                Err(reason) => self.refuse(session, pid, reason, conversation).await,
            },
            FromShim::Started { .. } | FromShim::Failed { .. } => Ok(()),
        }
    }

    async fn hand_out(&self, session: &Arc<Session>, conversation: &mut Conversation) -> std::io::Result<()> {
        session.until(|session| !session.handout.is_promised()).await;
        let Some(launch) = session.handout.take_back() else {
            let message = "this session's launch was already handed out".to_owned();
            return conversation.send(&ToShim::Refused { message }).await;
        };
        let result = match conversation.send(&ToShim::Launch(launch)).await {
            Ok(()) => conversation.receive().await,
            Err(error) => Err(error),
        };
        match result {
            Ok(FromShim::Started { pid }) => self.life.apply(session, Input::Executed { pid }),
            Ok(FromShim::Failed { message, .. }) => self.life.apply(session, Input::LaunchFailed { message }),
            other => {
                let message = format!("the shim did not report whether the program started: {other:?}");
                self.life.apply(session, Input::LaunchFailed { message });
            }
        }
        Ok(())
    }

    fn is_child_of_tmux(&self, peer: &Peer) -> bool {
        self.link.linked().is_none_or(|linked| peer.is_child_of(linked.server.pid))
    }

    /// The session whose pane's process this is.
    async fn expected_shim(&self, id: SessionId, pid: i32) -> Result<Arc<Session>, &'static str> {
        let session = self.registry.get(id).ok_or("no such session")?;
        let known = session.until(|session| session.is_shim(pid));
        let known = timeout(PANE_LIMIT, known).await.is_ok();
        if known { Ok(session) } else { Err("not the process of the session's pane") }
    }

    async fn refuse(
        &self,
        session: SessionId,
        pid: i32,
        reason: &str,
        mut conversation: Conversation,
    ) -> std::io::Result<()> {
        let known = self.registry.get(session).map(|session| session.id);
        self.context.event(known, Body::AuthShimRefused { pid, reason: reason.to_owned() });
        conversation.send(&ToShim::Refused { message: format!("refused: {reason}") }).await
    }
}

/// Whether the session ended before its output fell silent. It may have been started again meanwhile.
async fn ended_while_it_prints(session: &Session) -> bool {
    let nonce = session.life().record().life.nonce.clone();
    loop {
        let before = session.cursor();
        let ended =
            session.until(|session| !session.is_live() || session.life().record().life.nonce != nonce);
        if timeout(MARKER_LIMIT, ended).await.is_ok() {
            return true;
        }
        if session.cursor() == before {
            return false;
        }
    }
}

/// One JSON object a line.
struct Conversation {
    stream: BufReader<UnixStream>,
}

impl Conversation {
    async fn receive(&mut self) -> std::io::Result<FromShim> {
        let mut line = Vec::new();
        (&mut self.stream).take(LONGEST_MESSAGE).read_until(b'\n', &mut line).await?;
        if line.is_empty() {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(serde_json::from_slice(&line)?)
    }

    async fn send(&mut self, message: &ToShim) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        self.stream.get_mut().write_all(&line).await
    }
}
