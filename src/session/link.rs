//! The one connection to tmux, and what comes over it.
//!
//! | module | what |
//! |--------|------|
//! | [`connect`] | the connection is made, set up, and made anew when it ends |
//! | [`adopt`]   | the sessions' panes are found again, and those that are gone are noticed |
//! | [`sink`]    | what tmux says beside its answers |
//! | [`arrivals`] | what comes of one pane, in its order |
//! | [`marker`]  | the shim's word in the output that the program has ended |
//! | [`capture`] | screens are captured where their model cannot know them, and what was missed is found again |
//! | [`pane`]    | the pane of a session: made, signalled, destroyed |
//! | [`size`]    | the size of a session's terminal, and who decides it |
//! | [`notice`]  | notifications in terminals that are attached |
//! | [`viewers`] | who looks, and the size that follows the only one's window |

mod adopt;
mod arrivals;
mod capture;
mod connect;
mod marker;
mod notice;
mod pane;
mod sink;
mod size;
pub mod viewers;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use bytes::Bytes;
use codepiper_protocol::shim::{ExitFile, ExitStatus};
use codepiper_protocol::tmux::{AbsolutePath, PaneId, ServerFacts};
use codepiper_protocol::wire::problem::{Code, Next, Problem};
use codepiper_protocol::{SessionId, Size};
use futures_util::{StreamExt, stream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::lock::lock;
use crate::plain_file::{self, LONGEST_SETTINGS};
use crate::process;
use crate::process::peer;
use crate::session::cell::{Session, ended_problem};
use crate::session::context::Context;
use crate::session::life::{Core, Life};
use crate::session::registry::Registry;
use crate::session::screen_source::ScreenSource;
use crate::terminal::reports::Scanner;
use crate::tmux::connection::Connection;
use crate::tmux::find;
use crate::tmux::server;
use arrivals::Flow;
pub use connect::run;
use marker::Marker;
use notice::Notices;
pub(super) use pane::{Pane, edits_lines};
use viewers::Viewers;

/// A tmux server that is well answers much sooner.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);
/// What needs tmux waits so long for the connection: longer than all is set up again after the server died.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// Screens that are made from the journal at once when the daemon starts; each takes a processor.
const REPLAYED_AT_ONCE: usize = 2;

/// What is known of a session's pane and of the output that comes from it.
pub struct LinkState {
    /// Where its program runs, or ran last.
    pane: Option<Pane>,
    size: Size,
    /// So many people are attached natively.
    attached: u32,
    /// The model of its screen stands where its log ends.
    has_screen: bool,
    /// Its model has at least the modes, which tmux does not tell all of.
    has_modes: bool,
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
    /// Counts its launches.
    launches: u64,
    viewers: Viewers,
}

impl LinkState {
    pub fn new(size: Size, nonce: &str) -> Self {
        Self {
            pane: None,
            size,
            attached: 0,
            has_screen: false,
            has_modes: false,
            scanner: Scanner::default(),
            string: None,
            marker: Marker::new(nonce),
            flow: Flow::Open,
            pieces: 0,
            turn: 0,
            pausing: false,
            launches: 0,
            viewers: Viewers::default(),
        }
    }

    pub fn size(&self) -> Size {
        self.size
    }

    pub fn attached(&self) -> u32 {
        self.attached
    }

    pub fn pane_id(&self) -> Option<PaneId> {
        self.pane.as_ref().map(|pane| pane.id)
    }
}

impl Session {
    fn state(&self) -> MutexGuard<'_, LinkState> {
        lock(&self.link)
    }

    /// Somebody is attached to it natively.
    pub(in crate::session) fn is_attached(&self) -> bool {
        self.state().attached > 0
    }

    /// The model of its screen has everything that came: no capture is on its way.
    pub fn screen_is_known(&self) -> bool {
        let state = self.state();
        state.has_screen && matches!(state.flow, Flow::Open)
    }

    fn has_pane(&self, pane: PaneId) -> bool {
        self.pane() == Some(pane)
    }
}

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

/// See the module. Clones share it.
#[derive(Clone)]
pub struct Link {
    context: Arc<Context>,
    registry: Registry,
    life: Life,
    source: ScreenSource,
    inner: Arc<Inner>,
}

struct Inner {
    linked: watch::Sender<Option<Linked>>,
    /// Why the last attempt to connect failed.
    trouble: Mutex<Option<String>>,
    /// Set when the tmux server shall not outlive the link to it.
    server_ends_too: AtomicBool,
    /// Counts the pieces of output that came, of all panes.
    pieces: AtomicU64,
    notices: Notices,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    panes: BTreeMap<PaneId, Arc<Session>>,
    /// So many panes are being made.
    making: usize,
    /// What panes printed that are not known yet, while some are being made.
    early: Vec<(PaneId, Bytes)>,
}

impl Link {
    pub(super) fn new(core: Core, source: ScreenSource) -> Self {
        let Core { context, registry, life } = core;
        let (trouble, server_ends_too, pieces, notices, table) = Default::default();
        let linked = watch::Sender::new(None);
        let inner = Arc::new(Inner { linked, trouble, server_ends_too, pieces, notices, table });
        Self { context, registry, life, source, inner }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        lock(&self.inner.table)
    }

    pub(super) fn connection(&self) -> Result<Connection, Problem> {
        match &*self.inner.linked.borrow() {
            Some(linked) => Ok(linked.connection.clone()),
            None => Err(self.no_connection()),
        }
    }

    /// The connection, as soon as there is one: after the server died it is made anew at once.
    pub(in crate::session) async fn connected(&self) -> Result<Connection, Problem> {
        let mut linked = self.inner.linked.subscribe();
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
    pub fn why_not_linked(&self) -> Option<String> {
        self.trouble().clone()
    }

    fn trouble(&self) -> MutexGuard<'_, Option<String>> {
        lock(&self.inner.trouble)
    }

    /// Sees to it that people can attach: somebody may have removed the socket's file.
    pub(in crate::session) async fn find_socket_again(&self) {
        if let Some(linked) = self.linked() {
            find::find_again(&linked.socket, &[linked.server.pid]).await;
        }
    }

    /// The tmux server in which the session's last program may still run, where nobody reaches it.
    pub(in crate::session) fn unreachable_server(&self, session: &Session) -> Option<i32> {
        let (pid, _) = session.life().record().life.server?;
        let linked = self.linked()?;
        self.unreachable(&linked, pid)
    }

    fn unreachable(&self, linked: &Linked, pid: i32) -> Option<i32> {
        let lives = || process::tmux_servers_at(&linked.socket).contains(&pid);
        (linked.unreachable.contains(&pid) && lives()).then_some(pid)
    }

    pub fn linked(&self) -> Option<Linked> {
        self.inner.linked.borrow().clone()
    }

    /// Whether the tmux server does what it is asked, at once.
    pub async fn tmux_answers(&self) -> bool {
        let Some(linked) = self.linked() else { return false };
        let asked = server::ask::<ServerFacts>(&linked.connection, None);
        tokio::time::timeout(ANSWER_LIMIT, asked).await.is_ok_and(|answer| answer.is_ok())
    }

    /// Makes the connection anew.
    fn unlink(&self) {
        if let Some(linked) = self.linked() {
            linked.drop_it.cancel();
        }
    }

    /// The tmux server ends when the link to it does.
    pub fn end_server_too(&self) {
        self.inner.server_ends_too.store(true, Ordering::Relaxed);
    }

    /// Gives the sessions that run the screens back that they had, by the journal.
    pub async fn restore_screens(&self) {
        let live = self.registry.all().into_iter().filter(|session| session.is_live());
        let restored = stream::iter(live).for_each_concurrent(REPLAYED_AT_ONCE, |session| async move {
            if let Some((model, whole)) = self.source.replay(&session).await {
                {
                    let mut state = session.state();
                    (state.has_screen, state.has_modes) = (whole, true);
                }
                self.context.screens.open(session.id, model);
            }
        });
        restored.await;
    }

    /// The session whose shim stands in this chain of parents, the nearest.
    pub fn session_above(&self, chain: &[peer::Ancestor]) -> Option<SessionId> {
        let place = |session: &Session| {
            let shim = session.shim_pid()?;
            chain.iter().position(|link| link.pid == shim)
        };
        let all = self.registry.all();
        let found = all.iter().filter_map(|session| Some((place(session)?, session.id)));
        found.min_by_key(|(place, _)| *place).map(|(_, id)| id)
    }

    /// What the shim wrote before it said anything, if it belongs to the last launch.
    fn exit_file(&self, session: &Session) -> Option<ExitFile> {
        let text = plain_file::read(&self.context.exit_file_of(session.id), LONGEST_SETTINGS).ok()?;
        let file: ExitFile = serde_json::from_slice(&text).ok()?;
        (file.nonce == session.life().record().life.nonce).then_some(file)
    }

    fn exit_status(&self, session: &Session) -> Option<ExitStatus> {
        self.exit_file(session).map(|file| file.status)
    }
}

/// The pane of a session whose program runs.
pub(super) fn pane_for_input(session: &Session) -> Result<PaneId, Problem> {
    match session.pane() {
        _ if !session.is_live() => Err(ended_problem(session)),
        Some(pane) => Ok(pane),
        None => {
            Err(Problem::new(Code::Tmux, format!("the pane of session {} was not found", session.id.short()))
                .with_next(Next::RunChecks))
        }
    }
}

pub(super) fn absolute(path: &Path) -> Result<AbsolutePath<'_>, Problem> {
    AbsolutePath::new(path.as_os_str().as_encoded_bytes())
        .ok_or_else(|| Problem::new(Code::Invalid, format!("path {} is not absolute", path.display())))
}

pub(super) fn tmux_problem(error: impl std::fmt::Display) -> Problem {
    Problem::new(Code::Tmux, error.to_string())
}

/// tmux's word on how a pane's process ended; it does not always have one.
fn status_of(code: Option<i32>, signal: Option<i32>) -> Option<ExitStatus> {
    match (code, signal) {
        (None, None) => None,
        // The shim ends with 128 and the signal's number when a signal ended its program.
        (Some(code), None) if code > 128 => Some(ExitStatus { code: None, signal: Some(code - 128) }),
        (code, signal) => Some(ExitStatus { code, signal }),
    }
}

#[cfg(test)]
mod tests;
