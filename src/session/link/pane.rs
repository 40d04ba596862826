//! The pane of a session: made, signalled, destroyed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use codepiper_protocol::Size;
use codepiper_protocol::tmux::{
    Command, CommandLine, Created, Facts, PaneFacts, PaneId, Program, Reply, Scope, SessionName, Target,
    Text, TmuxSessionId, UserOption, WindowId,
};
use codepiper_protocol::wire::problem::{Code, Problem};
use codepiper_protocol::wire::stream::KeyframeReason;
use jiff::Timestamp;
use rustix::process::Signal;

use super::arrivals::{Arrival, Flow};
use super::marker::Marker;
use super::{Link, absolute, pane_for_input, tmux_problem};
use crate::journal::Mark;
use crate::process::{self, Process};
use crate::session::cell::Session;
use crate::tasks::blocking;
use crate::terminal::screens::Model;
use crate::tmux::connection::Connection;
use crate::tmux::server;

/// Where a session's program runs.
pub struct Pane {
    pub(super) id: PaneId,
    pub(super) window: WindowId,
    pub(super) tmux_session: TmuxSessionId,
    pub(super) in_mode: bool,
    pub(super) shim_pid: i32,
    pub(super) shim: Option<Process>,
}

impl Pane {
    pub(super) fn of(facts: &PaneFacts) -> Self {
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

impl Session {
    /// The process of its pane. When that has ended, its number may be another's.
    pub(super) fn shim_pid(&self) -> Option<i32> {
        let state = self.state();
        let pane = state.pane.as_ref()?;
        let there = pane.shim.as_ref().is_none_or(Process::is_there);
        there.then_some(pane.shim_pid)
    }

    /// Whether tmux reported this process as the one of its pane.
    pub(in crate::session) fn is_shim(&self, pid: i32) -> bool {
        self.state().pane.as_ref().is_some_and(|pane| pane.shim_pid == pid)
    }

    pub(super) fn window(&self) -> Option<WindowId> {
        self.state().pane.as_ref().map(|pane| pane.window)
    }

    /// Forgets what was known of the launch before; the pane that it had.
    pub(in crate::session) fn begin_launch(&self, nonce: &str, size: Size) -> Option<Pane> {
        let mut state = self.state();
        state.marker = Marker::new(nonce);
        state.scanner = Default::default();
        state.string = None;
        state.flow = Flow::Open;
        state.turn += 1;
        state.launches += 1;
        state.pausing = false;
        state.size = size;
        // What the pane of the launch before still says is none of this one's.
        state.pane.take()
    }

    /// The launch failed: it has the pane that it had.
    pub(in crate::session) fn keep_pane(&self, old: Option<Pane>) {
        let mut state = self.state();
        if state.pane.is_none() {
            state.pane = old;
        }
    }
}

/// While it lives, what panes print that are not known yet is kept.
struct Making(Link);

impl Making {
    fn begin(link: &Link) -> Self {
        link.table().making += 1;
        Self(link.clone())
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

impl Link {
    /// Nothing that panes print is the session's any more.
    pub(in crate::session) fn forget_panes(&self, session: &Session) {
        self.table().panes.retain(|_, other| other.id != session.id);
    }

    /// The screen of a program that begins.
    pub(in crate::session) fn open_blank_screen(&self, session: &Session) {
        let size = session.size();
        let screen = self.context.screens.blank(size);
        let mut model = Model::new(size, session.cursor().offset);
        model.show(size, &screen);
        self.context.screens.open(session.id, model);
        {
            let mut state = session.state();
            (state.has_screen, state.has_modes) = (true, true);
        }
        let blank = Mark::Keyframe { size, screen, reason: KeyframeReason::Launch };
        session.log.mark(Timestamp::now().as_millisecond(), blank);
    }

    /// Makes the pane that the shim runs in: created, sized, tagged and linked to the hub in one line,
    /// so that not one byte is missed.
    pub(in crate::session) async fn make_pane(
        &self,
        session: &Arc<Session>,
        connection: &Connection,
        resumed: bool,
        old: Option<&Pane>,
    ) -> Result<(), Problem> {
        let (name, size) = (session.tmux_session(), session.size());
        // `kill` took the tmux session away, `stop` left it.
        let exists =
            resumed && server::ask::<PaneFacts>(connection, Some(Target::Named(name.clone()))).await.is_ok();
        let id = session.id.to_string();
        let (executable, socket) = (&self.context.places.executable, &self.context.places.shim_socket);
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
        if let Some(old) = old.filter(|_| exists) {
            // The window of the launch before; its output is in the log.
            let window = Target::Window(old.window);
            connection.send_and_forget(&Command::KillWindow(window)).map_err(tmux_problem)?;
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

    pub(in crate::session) fn signal(&self, session: &Arc<Session>, signal: Signal) {
        let shim = session.state().pane.as_ref().and_then(|pane| pane.shim.clone());
        match shim.map(|shim| shim.signal(signal)) {
            Some(Ok(())) => {}
            // Without a shim nobody can end the program gently.
            Some(Err(_)) | None => self.kill_tmux_session(session),
        }
    }

    /// Destroys the windows of a session. Its program gets SIGHUP from tmux, and the shim sees to it
    /// that it ends.
    pub(in crate::session) fn kill_tmux_session(&self, session: &Arc<Session>) {
        let Ok(connection) = self.connection() else { return };
        let window = session.window();
        let named = Command::KillSession(Target::Named(session.tmux_session()));
        let commands =
            window.map(|window| Command::KillWindow(Target::Window(window))).into_iter().chain([named]);
        for command in commands {
            // It may be gone already, which is the purpose.
            let _ = connection.send_and_forget(&command);
        }
    }

    /// Whether the session's program leaves line editing, and what Ctrl+C means, to the terminal.
    pub(in crate::session) async fn edits_lines(&self, session: &Session) -> bool {
        match (self.connection(), pane_for_input(session)) {
            (Ok(connection), Ok(pane)) => edits_lines(&connection, pane).await,
            _ => false,
        }
    }

    /// A pane in copy mode would swallow keys.
    pub(in crate::session) fn leave_mode(
        &self,
        connection: &Connection,
        session: &Session,
        pane: PaneId,
    ) -> Result<(), Problem> {
        let mut state = session.state();
        match &mut state.pane {
            Some(state) if state.in_mode => {
                state.in_mode = false;
                connection.send_and_forget(&Command::LeaveMode(pane)).map_err(tmux_problem)
            }
            _ => Ok(()),
        }
    }

    /// Takes the pane of a session that never ran away again.
    pub(in crate::session) async fn destroy_pane(&self, session: &Session) {
        let Ok(connection) = self.connection() else { return };
        // It is linked to the hub, too, and would stay there.
        if let Some(window) = session.window() {
            let _ = connection.send(&Command::KillWindow(Target::Window(window))).await;
        }
        let _ = connection.send(&Command::KillSession(Target::Named(session.tmux_session()))).await;
    }
}

/// Whether the program leaves line editing to the terminal. False when nobody can tell.
pub(in crate::session) async fn edits_lines(connection: &Connection, pane: PaneId) -> bool {
    let Ok(facts) = server::ask::<PaneFacts>(connection, Some(Target::Pane(pane))).await else {
        return false;
    };
    let tty = PathBuf::from(facts.tty.lossy().into_owned());
    blocking(move || process::edits_lines(&tty).unwrap_or(false)).await.unwrap_or(false)
}

fn pin_tag_and_link(line: CommandLine, name: &SessionName, size: Size, id: Text<'_>) -> CommandLine {
    let window = Target::LastWindowOf(name.clone());
    let tag = Command::SetUser { scope: Scope::Pane(window.clone()), option: UserOption::ID, value: id };
    line.and(&Command::ResizeWindow { window: window.clone(), size })
        .and(&tag)
        .and(&Command::LinkWindow { window, session: &SessionName::hub() })
}

fn text(text: &str) -> Result<Text<'_>, Problem> {
    Text::new(text)
        .ok_or_else(|| Problem::new(Code::Invalid, "the text contains NUL, which tmux cannot take"))
}

fn path_text(path: &Path) -> Result<Text<'_>, Problem> {
    Text::new(path.as_os_str().as_encoded_bytes())
        .ok_or_else(|| Problem::new(Code::Invalid, "the path contains NUL, which tmux cannot take"))
}
