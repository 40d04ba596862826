//! What follows, in the parts above, from what happens in a part below them.

use std::sync::Arc;

use codepiper_protocol::Cursor;
use codepiper_protocol::event::Body;
use codepiper_protocol::wire::session::Activity;
use rustix::process::Signal;

use crate::session::Parts;
use crate::session::asks::THERE;
use crate::session::cell::Session;
use crate::session::context::Above;
use crate::session::life::machine::Action;
use crate::terminal::reports::Report;

impl Above for Parts {
    fn perform(&self, session: &Arc<Session>, action: Action) {
        match action {
            Action::Event(body) => {
                if let Body::SessionActivityChanged { activity, .. } = body {
                    if activity == Activity::Idle {
                        self.repositories.count(session);
                    }
                    self.typing.activity_changed(session, activity);
                    self.evidence.look_at_transcript(session);
                    self.evidence.watch_screen(session);
                    self.evidence.read_dialog(session);
                }
                self.context.event(Some(session.id), body);
            }
            Action::Quit => self.typing.quit(session),
            Action::Terminate => self.link.signal(session, Signal::TERM),
            // To the shim this means: SIGKILL to the program's process group.
            Action::KillProgram => self.link.signal(session, Signal::USR1),
            Action::KillTmuxSession | Action::AbandonLaunch => self.link.kill_tmux_session(session),
            Action::LookAtFiles => self.evidence.look_at_files(session),
            Action::Ended => {
                self.link.let_go(session);
                self.typing.drop_queue(session, "the session ended");
                self.evidence.ended(session);
                self.repositories.ended(session);
                self.launcher.release_worktree(session);
                self.life.ended(session);
                self.asks.ended(session);
            }
        }
    }

    fn runs(&self, session: &Arc<Session>) {
        self.evidence.runs(session);
        self.repositories.watch(session);
        self.evidence.watch_screen(session);
    }

    fn submitted(&self, session: &Arc<Session>) {
        self.evidence.watch_screen(session);
    }

    fn changed(&self, session: &Arc<Session>) {
        self.asks.changed(session);
        self.typing.send_queued(session);
    }

    fn limited(&self) {
        self.limits.look();
    }

    fn reported(&self, session: &Arc<Session>, cursor: Cursor, report: Report) {
        if report == Report::Bell {
            self.bell(session);
        }
        self.evidence.reported(session, cursor, report);
    }
}

impl Parts {
    /// Agents say by themselves what they wait for. For the others the bell is a call, unless somebody is there.
    fn bell(&self, session: &Arc<Session>) {
        let is_signal = session.provider.signals.report(&Report::Bell).is_some();
        if session.provider.agent || is_signal || !self.asks.bell_counts(session) {
            return;
        }
        let (asks, link, session) = (self.asks.clone(), self.link.clone(), session.clone());
        self.context.tasks.spawn_until_shutdown(async move {
            if !link.is_typed_into(&session, THERE).await {
                asks.bell(&session);
            }
        });
    }
}
