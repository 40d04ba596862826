//! Stop, kill and remove; and what the machine wants done.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use codepiper_protocol::event::Body;
use codepiper_protocol::key::Key;
use codepiper_protocol::tmux::{Command, Target};
use codepiper_protocol::wire::problem::{Code, Problem};
use jiff::Timestamp;
use rustix::process::Signal;

use super::files::Kind;
use super::machine::{Action, Input, Machine, Operation};
use super::operation::{Reserved, refused};
use super::record::Record;
use super::{Session, Sessions};
use crate::bus::to_millisecond;
use crate::journal::Mark;
use crate::provider::Quit;
use crate::tasks::blocking;

impl Sessions {
    /// Asks the program to quit, and makes it end if it does not. An ended session is fine.
    ///
    /// # Errors
    /// When it has ended and that cannot be written down.
    pub async fn stop(&self, session: &Arc<Session>, wait: bool) -> Result<(), Problem> {
        self.end(session, Input::StopRequested { quit_limit: session.provider.quit_limit }, wait).await
    }

    /// Ends the program now, and its tmux session with it. An ended session loses its tmux session.
    ///
    /// # Errors
    /// When it has ended and that cannot be written down.
    pub async fn kill(&self, session: &Arc<Session>, wait: bool) -> Result<(), Problem> {
        if !session.is_live() {
            self.kill_tmux_session(session);
        }
        self.end(session, Input::KillRequested, wait).await
    }

    /// A launch that has not come to its program is called off. Should it run all the same, its end is requested again.
    async fn end(&self, session: &Arc<Session>, request: Input, wait: bool) -> Result<(), Problem> {
        loop {
            self.apply(session, request.clone());
            if !wait {
                return Ok(());
            }
            let done = |machine: &Machine| !machine.is_live_or_about_to();
            session.until(|state| done(&state.machine) || !state.machine.end_is_requested()).await;
            if done(&session.state().machine) {
                return self.ended_and_saved(session).await;
            }
        }
    }

    /// Whoever was told of an end that was asked for may rely on it: after a power loss, too, the session is
    /// not one that ran.
    async fn ended_and_saved(&self, session: &Arc<Session>) -> Result<(), Problem> {
        self.save(session).await.map_err(|problem| {
            let id = session.id.short();
            let detail = format!(
                "session {id} has ended, but the daemon could not save that and is retrying: {}; until then, \
                 a restarted daemon may report it as crashed",
                problem.detail
            );
            Problem { detail, ..problem }
        })
    }

    /// Kills every session, and the tmux server as soon as the link to it ends.
    pub async fn kill_everything(&self) {
        let all = self.all();
        futures_util::future::join_all(all.iter().map(|session| self.kill(session, true))).await;
        self.0.server_ends_too.store(true, Ordering::Relaxed);
    }

    /// Forgets an ended session and everything it printed.
    pub async fn remove(&self, session: &Arc<Session>) -> Result<(), Problem> {
        let reserved = Reserved::begin(session, self.now(), Operation::Remove);
        let reserved = reserved.map_err(|refusal| refused(session, refusal))?;
        self.kill_tmux_session(session);
        self.forget(session).await?;
        reserved.removed();
        Ok(())
    }

    /// # Errors
    /// When its record cannot be removed: it stays.
    pub(super) async fn forget(&self, session: &Arc<Session>) -> Result<(), Problem> {
        self.table().sessions.remove(&session.id);
        if let Err(problem) = self.remove_files(session).await {
            self.table().sessions.insert(session.id, session.clone());
            return Err(problem);
        }
        self.table().panes.retain(|_, other| other.id != session.id);
        self.0.screens.close(session.id);
        self.0.bus.remove(session.id);
        self.event(Some(session.id), Body::SessionRemoved {});
        session.log.wake();
        self.wake_watchers();
        Ok(())
    }

    async fn remove_files(&self, session: &Session) -> Result<(), Problem> {
        let _saving = session.saving.lock().await;
        let (records, exit_file, id) =
            (self.0.places.records.clone(), self.exit_file_path(session), session.id);
        let images = self.images_of(id);
        let removed = blocking(move || {
            Record::remove(&records, id)?;
            let _ = std::fs::remove_file(exit_file);
            let _ = std::fs::remove_dir_all(images);
            std::io::Result::Ok(())
        });
        removed.await?.map_err(|error| {
            let path = Record::path(&self.0.places.records, id);
            Problem::new(Code::Internal, format!("cannot remove {}: {error}", path.display()))
        })
    }

    pub(super) fn perform(&self, session: &Arc<Session>, action: Action) {
        match action {
            Action::Event(body) => {
                if let Body::SessionActivityChanged { activity, .. } = body {
                    self.activity_changed(session, activity);
                }
                self.event(Some(session.id), body);
            }
            Action::Quit => self.quit(session),
            Action::Terminate => self.signal(session, Signal::TERM),
            // To the shim this means: SIGKILL to the program's process group.
            Action::KillProgram => self.signal(session, Signal::USR1),
            Action::KillTmuxSession => self.kill_tmux_session(session),
            Action::AbandonLaunch => self.kill_tmux_session(session),
            Action::LookAtFiles => {
                self.0.files.look(session.id, Kind::State);
                self.0.files.look(session.id, Kind::Transcript);
            }
            Action::Ended => self.ended(session),
        }
    }

    fn quit(&self, session: &Arc<Session>) {
        match session.provider.quit {
            Quit::HangUp => self.signal(session, Signal::HUP),
            Quit::Keys { keys, pause } => {
                let (sessions, session) = (self.clone(), session.clone());
                self.0.tasks.spawn_until_shutdown(async move {
                    sessions.quit_by_keys(&session, keys, pause).await;
                });
            }
        }
    }

    async fn quit_by_keys(&self, session: &Arc<Session>, keys: &[&str], pause: Duration) {
        // One that was just started does not read yet.
        if let Some(mut composer) = self.composer(session).await {
            composer.ready(self).await;
        }
        for key in keys {
            let Ok(key) = key.parse::<Key>() else { continue };
            // A program that has given the terminal back is about to end: there, Ctrl+C would be a signal.
            if !session.is_live() || self.edits_lines(session).await {
                return;
            }
            if self.press(session, &[key]).await.is_err() {
                return;
            }
            let ended = session.until(|state| !state.machine.status().is_live());
            let _ = tokio::time::timeout(pause, ended).await;
        }
    }

    fn signal(&self, session: &Arc<Session>, signal: Signal) {
        let shim = session.state().pane.as_ref().and_then(|pane| pane.shim.clone());
        match shim.map(|shim| shim.signal(signal)) {
            Some(Ok(())) => {}
            // Without a shim nobody can end the program gently.
            Some(Err(_)) | None => self.kill_tmux_session(session),
        }
    }

    /// Destroys the windows of a session. Its program gets SIGHUP from tmux, and the shim sees to it
    /// that it ends.
    fn kill_tmux_session(&self, session: &Arc<Session>) {
        let Ok(connection) = self.connection() else { return };
        let window = session.state().pane.as_ref().map(|pane| pane.window);
        let named = Command::KillSession(Target::Named(session.tmux_session()));
        let commands =
            window.map(|window| Command::KillWindow(Target::Window(window))).into_iter().chain([named]);
        for command in commands {
            // It may be gone already, which is the purpose.
            let _ = connection.send_and_forget(&command);
        }
    }

    fn ended(&self, session: &Arc<Session>) {
        self.let_go(session);
        self.forget_state_file(session);
        self.drop_queue(session, "the session ended");
        self.look_at_transcript(session);
        self.forget_transcript(session);
        let exit = session.exit();
        self.release_worktree(session);
        session.note_crash(to_millisecond(Timestamp::now()));
        session.log.mark(Timestamp::now().as_millisecond(), Mark::Ended { exit });
        let cursor = session.cursor();
        self.event(Some(session.id), Body::SessionEnded { exit, cursor });
        let (sessions, session) = (self.clone(), session.clone());
        self.0.tasks.spawn(async move { sessions.save_or_say(&session).await });
    }
}
