//! How a program ends, and who insists.

use std::time::Duration;

use codepiper_protocol::event::Body;
use codepiper_protocol::shim::ExitStatus;
use codepiper_protocol::wire::session::{Activity, Exit, ExitReason, Status};

use super::{Action, Background, Input, Intent, Machine, Now, Pending};

/// SIGTERM has this long to work.
const TERM_LIMIT: Duration = Duration::from_secs(3);
/// SIGKILL has this long; after it the pane is destroyed.
const KILL_LIMIT: Duration = Duration::from_secs(2);
/// What is on its way when the shim is gone (marker, state of the pane) has this long to arrive.
pub(super) const TAIL_LIMIT: Duration = Duration::from_millis(1500);
/// Shims need at most 5 s to end their programs when their terminal is gone.
const SERVER_GONE_LIMIT: Duration = Duration::from_secs(5);

impl Machine {
    /// Somebody wants it to end.
    pub(super) fn end_requested(&mut self, now: Now, request: Input) -> Vec<Action> {
        match request {
            Input::StopRequested { .. } if self.launches_soon() => self.call_off(now, Intent::Stop),
            Input::KillRequested if self.launches_soon() => {
                let mut actions = self.call_off(now, Intent::Kill);
                // Before a resume, what `stop` left behind goes, too.
                if !actions.is_empty() && !self.is_live() {
                    actions.push(Action::KillTmuxSession);
                }
                actions
            }
            Input::StopRequested { quit_limit } if self.is_live() && self.intent.is_none() => {
                self.intent = Some(Intent::Stop);
                self.wait(now, Pending::Quit, quit_limit);
                self.note(now, "stop requested: the program was asked to quit");
                vec![Action::Event(Body::SessionStopRequested { kill: false }), Action::Quit]
            }
            Input::KillRequested if self.is_live() && self.intent != Some(Intent::Kill) => {
                self.intent = Some(Intent::Kill);
                self.wait(now, Pending::Kill, KILL_LIMIT);
                self.note(now, "kill requested: SIGKILL sent to the program's process group");
                vec![Action::Event(Body::SessionStopRequested { kill: true }), Action::KillProgram]
            }
            // What `stop` left behind goes.
            Input::KillRequested if !self.is_live() => vec![Action::KillTmuxSession],
            _ => vec![],
        }
    }

    /// Something says that its program, or what it runs in, is gone.
    pub(super) fn end_noticed(&mut self, now: Now, input: Input) -> Vec<Action> {
        // The shim may have said before whether it executed the program, or why it could not.
        let waits = matches!(self.pending, Some((Pending::Launch | Pending::Tail(_), _)));
        let undecided = self.status == Status::Starting && waits;
        match input {
            Input::PaneDead { status } | Input::PaneGone { status } | Input::ShimGone { status }
                if undecided =>
            {
                match &mut self.pending {
                    Some((Pending::Tail(known), _)) => *known = known.or(status),
                    _ => {
                        self.note(now, "its shim has exited");
                        self.wait(now, Pending::Tail(status), TAIL_LIMIT);
                    }
                }
                vec![]
            }
            Input::Marker(status) => {
                self.end(now, Some(status), "the shim reported the exit, after all output")
            }
            Input::Reported(status) => {
                self.end(now, Some(status), "the shim reported the exit; its mark in the output was not seen")
            }
            Input::PaneDead { status } => {
                self.end(now, status, "tmux reports the pane dead; the end of the output may be lost")
            }
            // The shim is still about to end the program.
            Input::PaneGone { .. } if matches!(self.pending, Some((Pending::ServerGone(_), _))) => vec![],
            Input::PaneGone { status } => {
                self.end(now, status, "the pane is gone; the end of the output may be lost")
            }
            Input::ShimGone { status } => match self.pending {
                Some((Pending::ServerGone(_), _)) => self.server_gone(now, status),
                _ => {
                    self.note(now, "the shim has exited");
                    self.wait(now, Pending::Tail(status), TAIL_LIMIT);
                    vec![]
                }
            },
            Input::ServerGone => match self.pending {
                Some((Pending::Tail(status), _)) => self.server_gone(now, status),
                _ => {
                    self.note(now, "the tmux server exited; the shim ends the program");
                    self.wait(now, Pending::ServerGone(None), SERVER_GONE_LIMIT);
                    vec![]
                }
            },
            _ => vec![],
        }
    }

    pub(super) fn deadline_passed(&mut self, now: Now) -> Vec<Action> {
        if let Some((source, _)) = self.doubt.filter(|(_, until)| now.since_start >= *until) {
            self.set_activity(Activity::Idle, None, Some(source));
            self.record(now, source, "the agent did not react to the submitted text");
            return vec![self.activity_changed()];
        }
        if self.background.settles_at().is_some_and(|at| now.since_start >= at) {
            return self.background_settled(now);
        }
        let Some((pending, at)) = self.pending else { return vec![] };
        if now.since_start < at {
            return vec![];
        }
        self.pending = None;
        match pending {
            Pending::Launch => {
                (self.status, self.exit) = self.before_launch;
                self.note(now, "starting the program timed out");
                self.launched = Some(Err("timed out: the shim did not start the program".to_owned()));
                vec![Action::AbandonLaunch]
            }
            Pending::Quit => {
                self.wait(now, Pending::Terminate, TERM_LIMIT);
                self.note(now, "the program did not quit in time: SIGTERM sent");
                vec![Action::Terminate]
            }
            Pending::Terminate => {
                self.wait(now, Pending::Kill, KILL_LIMIT);
                self.note(now, "the program ignored SIGTERM: SIGKILL sent");
                vec![Action::KillProgram]
            }
            Pending::Kill => {
                self.wait(now, Pending::Destroy, KILL_LIMIT);
                self.note(now, "the program survived SIGKILL: its pane was destroyed");
                vec![Action::KillTmuxSession]
            }
            Pending::Destroy => self.end(now, None, "its pane was destroyed; exit status unknown"),
            Pending::Tail(_) if self.has_ended_early() => self.executed(now),
            Pending::Tail(status) => {
                self.end(now, status, "the shim exited without a report; the end of the output may be lost")
            }
            Pending::ServerGone(status) => self.server_gone(now, status),
        }
    }

    pub(super) fn server_gone(&mut self, now: Now, status: Option<ExitStatus>) -> Vec<Action> {
        let exit = Exit { reason: ExitReason::ServerGone, ..self.exit_with(status) };
        self.end_with(now, exit, Status::Stopped, "its tmux server exited")
    }

    pub(super) fn end(&mut self, now: Now, status: Option<ExitStatus>, what: &str) -> Vec<Action> {
        let exit = self.exit_with(status);
        let status = match (self.intent, exit.code) {
            (Some(_), _) | (None, Some(0)) => Status::Stopped,
            (None, _) => Status::Crashed,
        };
        self.end_with(now, exit, status, what)
    }

    pub(super) fn exit_with(&self, status: Option<ExitStatus>) -> Exit {
        let reason = match (self.intent, status) {
            (Some(Intent::Stop), _) => ExitReason::Stopped,
            (Some(Intent::Kill), _) => ExitReason::Killed,
            (None, Some(_)) => ExitReason::Exited,
            (None, None) => ExitReason::Unknown,
        };
        match status {
            Some(status) => Exit::new(status, reason),
            None => Exit::without_status(reason),
        }
    }

    pub(super) fn end_with(&mut self, now: Now, exit: Exit, status: Status, what: &str) -> Vec<Action> {
        let killed = self.intent == Some(Intent::Kill);
        if self.has_ended_early() {
            self.launched = Some(Ok(()));
        }
        self.early.clear();
        (self.status, self.exit, self.pid, self.pending, self.intent) =
            (status, Some(exit), None, None, None);
        self.set_activity(Activity::Unknown, None, None);
        self.background = Background::default();
        self.note(now, &format!("{what}: {exit}"));
        let mut actions = vec![Action::Ended];
        if killed {
            actions.push(Action::KillTmuxSession);
        }
        actions
    }
}
