//! The sessions' panes are found again, and those that are gone are noticed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use codepiper_protocol::shim::{ExitFile, ExitStatus};
use codepiper_protocol::tmux::{Command, CommandLine, Facts, PaneFacts, PaneId, SessionName, Target};
use codepiper_protocol::wire::session::Status;
use codepiper_protocol::wire::stream::{GapReason, Lost};
use codepiper_protocol::{SessionId, Size};
use rustix::process::Signal;

use super::arrivals::Arrival;
use super::{Link, Linked, Pane, status_of};
use crate::process::{self, Process};
use crate::session::cell::Session;
use crate::session::life::machine::Input;
use crate::terminal::screens::Model;
use crate::tmux::connection::{CommandError, Connection};
use crate::tmux::server;

/// Shims need at most 5 s to end their programs when their terminal is gone.
const SHIM_END_LIMIT: Duration = Duration::from_secs(5);

impl Link {
    pub(super) fn server_gone(&self) {
        self.table().panes.clear();
        for session in self.registry.all() {
            if session.is_live() && session.state().pane.is_some() {
                self.life.apply(&session, Input::ServerGone);
            }
        }
    }

    /// Finds the panes of the sessions that run, and judges those that have none.
    pub(super) async fn adopt(&self, linked: &Linked) -> Result<(), CommandError> {
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
        for session in self.registry.all() {
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
            if self.registry.get(id).is_none() && self.registry.unreadable(&id.to_string()).is_none() {
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
        let (had_screen, had_modes) = {
            let mut state = session.state();
            let had_modes = std::mem::replace(&mut state.has_modes, true);
            (std::mem::replace(&mut state.has_screen, true), had_modes)
        };
        if !had_modes {
            self.context.screens.open(session.id, Model::new(session.size(), session.cursor().offset));
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
            let pid = session.life().record().life.pid.or_else(|| process::program_of(facts.pid));
            self.life.apply(session, Input::Adopted { pid });
            // It may be written down as one that is being started, or that has ended.
            self.life.save_soon(session);
        }
        if let Some(size) = Size::new(facts.cols, facts.rows) {
            session.state().size = size;
        }
        self.recover_after_absence(&linked.connection, session, had_screen);
        self.settle_size_later(session);
        Ok(())
    }

    /// A session that ran, and whose pane is not there.
    fn no_pane(&self, linked: &Linked, session: &Arc<Session>) {
        let (server, launched_at, starting) = {
            let life = session.life();
            let starting = life.machine().status() == Status::Starting;
            (life.record().life.server, life.record().life.launched_at, starting)
        };
        let watched = session.state().pane.as_ref().filter(|pane| pane.shim.is_some()).map(|pane| pane.id);
        if let Some(pane) = watched {
            let (link, session) = (self.clone(), session.clone());
            let gone = async move { link.pane_gone(&session, pane).await };
            self.context.tasks.spawn_until_shutdown(gone);
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
            self.life.apply(session, Input::ServerGone);
            self.life.apply(session, Input::ShimGone { status });
        } else {
            self.life.apply(session, Input::PaneGone { status });
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
        session.wake();
        let Some(shim) = shim else { return };
        let (link, session) = (self.clone(), session.clone());
        self.context.tasks.spawn_until_shutdown(async move {
            shim.ended().await;
            let same = session.state().pane.as_ref().is_some_and(|pane| pane.shim_pid == shim.pid());
            if same && session.is_live() {
                let status = link.exit_status(&session);
                link.life.apply(&session, Input::ShimGone { status });
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
        self.life.apply(session, Input::PaneGone { status });
    }

    /// After tmux said that windows or sessions changed: which panes are gone? The list is compared at
    /// its place in the stream: a pane that is made behind it is known behind it.
    pub(super) fn look_at_panes(&self, connection: &Connection) -> Result<(), CommandError> {
        let (link, swept) = (self.clone(), connection.clone());
        let line = CommandLine::new(&Command::ListPanes(PaneFacts::FORMAT));
        connection.send_then(line, move |replies| {
            let Some(reply) = replies.first().filter(|reply| reply.ok) else { return };
            let panes: Vec<_> = reply.lines().filter_map(PaneFacts::parse).collect();
            link.compare_panes(&panes.iter().map(|pane| pane.pane).collect());
            link.sweep(&swept, &panes);
        })
    }

    fn compare_panes(&self, there: &HashSet<PaneId>) {
        let known: Vec<_> =
            self.table().panes.iter().map(|(pane, session)| (*pane, session.clone())).collect();
        for (pane, session) in known {
            if session.has_pane(pane) && !there.contains(&pane) {
                self.table().panes.remove(&pane);
                let link = self.clone();
                let gone = async move { link.pane_gone(&session, pane).await };
                self.context.tasks.spawn_until_shutdown(gone);
            }
        }
    }
}

/// A machine that goes down ends every program, and tmux, by SIGTERM and SIGHUP: some agents then exit with
/// 128 and the signal's number.
fn went_down_with_its_machine(status: ExitStatus) -> bool {
    const SIGNALS: [i32; 2] = [Signal::TERM.as_raw(), Signal::HUP.as_raw()];
    let signal = status.signal.or(status.code.map(|code| code - 128));
    signal.is_some_and(|signal| SIGNALS.contains(&signal))
}
