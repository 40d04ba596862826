//! One operation at a time, and what becomes of a launch.

use std::collections::VecDeque;

use std::time::Duration;

use codepiper_protocol::event::Body;
use codepiper_protocol::wire::session::{Activity, ExitReason, Status};

use super::ending::TAIL_LIMIT;
use super::{Action, Input, Intent, Machine, Now, Pending};

/// So much is kept of what was proved before the shim said that the program runs.
const EARLY_KEPT: usize = 100;
/// A program has this long to be executed after its pane was made.
const LAUNCH_LIMIT: Duration = Duration::from_secs(15);

/// What takes its time with a session: one at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Operation {
    /// The first launch, of a session that is new.
    Start,
    Resume,
    /// A resume by the daemon itself, after the tmux server was lost.
    Revive,
    Remove,
    /// The worktree that the session was started in goes.
    RemoveWorktree,
}

impl Operation {
    /// Whether it launches the session's program.
    fn launches(self) -> bool {
        matches!(self, Self::Start | Self::Resume | Self::Revive)
    }
}

/// Why an operation is not begun, or not gone on with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Refusal {
    /// The program runs, or is about to.
    Live,
    /// Another operation has not ended.
    Busy(Operation),
    /// There is nothing to revive: it ended another way, or somebody has decided about it since.
    NotLost,
    /// Somebody asked for the end of a program that was not started yet.
    EndRequested,
    /// The session was removed.
    Removed,
}

/// How far an operation is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Progress {
    /// It waits for its turn, or prepares.
    Begun,
    /// A pane is being made or there.
    Launched,
}

impl Machine {
    /// A launch has begun whose program is not started yet.
    pub(super) fn launches_soon(&self) -> bool {
        self.operation.is_some_and(|(operation, at)| operation.launches() && at == Progress::Begun)
    }

    /// Somebody asked for the end of a program that is about to be started.
    pub fn launch_is_called_off(&self) -> bool {
        self.launches_soon() && self.intent.is_some()
    }

    /// Nothing else may begin until [`Machine::finish`], or ever after [`Machine::removed`].
    pub fn begin(&mut self, now: Now, operation: Operation) -> Result<(), Refusal> {
        let new = operation == Operation::Start;
        let lost = self.exit.is_some_and(|exit| exit.reason == ExitReason::ServerGone);
        match self.operation {
            _ if self.removed => Err(Refusal::Removed),
            Some((other, _)) => Err(Refusal::Busy(other)),
            None if self.is_live() && !new => Err(Refusal::Live),
            None if operation == Operation::Revive && !lost => Err(Refusal::NotLost),
            None => {
                (self.operation, self.intent) = (Some((operation, Progress::Begun)), None);
                match operation {
                    Operation::Start => self.note(now, "start requested"),
                    Operation::Resume => self.note(now, "resume requested"),
                    Operation::Revive => self.note(now, "the daemon resumes it: its tmux server was lost"),
                    Operation::Remove | Operation::RemoveWorktree => {}
                }
                Ok(())
            }
        }
    }

    /// The operation has come to its end, whichever. What was new and never ran has ended.
    pub fn finish(&mut self) {
        let Some((operation, at)) = self.operation.take() else { return };
        if operation == Operation::Start && self.status == Status::Starting {
            self.status = Status::Stopped;
        }
        // Its pane may have been found instead: then nothing is done yet about its end.
        if !self.is_live() || at == Progress::Begun {
            self.intent = None;
        }
    }

    /// The session is no more.
    pub fn removed(&mut self) {
        self.removed = true;
        self.finish();
    }

    /// A pane is about to be made for the program of the launch that has begun. `prompted`: the program is given a first
    /// prompt.
    pub fn launch(&mut self, now: Now, prompted: bool) -> Result<(), Refusal> {
        let Some((operation, Progress::Begun)) = self.operation.filter(|(operation, _)| operation.launches())
        else {
            return Err(self.operation.map_or(Refusal::Live, |(other, _)| Refusal::Busy(other)));
        };
        if self.intent.is_some() {
            return Err(Refusal::EndRequested);
        }
        // Its pane may have been found meanwhile.
        if self.is_live() && (operation != Operation::Start || self.status != Status::Starting) {
            return Err(Refusal::Live);
        }
        let resumed = operation != Operation::Start;
        self.operation = Some((operation, Progress::Launched));
        self.before_launch = (self.status, self.exit);
        (self.status, self.exit, self.pid) = (Status::Starting, None, None);
        (self.resumed, self.prompted, self.adopted) = (resumed, prompted, false);
        (self.launched, self.early, self.before) = (None, VecDeque::new(), None);
        self.set_activity(Activity::Unknown, None, None);
        self.wait(now, Pending::Launch, LAUNCH_LIMIT);
        self.note(now, "its turn to start has come");
        (self.since, self.look) = (now.wall, None);
        Ok(())
    }

    /// The program will not be started.
    pub(super) fn call_off(&mut self, now: Now, intent: Intent) -> Vec<Action> {
        if self.intent.replace(intent).is_some() {
            return vec![];
        }
        self.note(now, "its end was requested before its program started");
        vec![Action::Event(Body::SessionStopRequested { kill: intent == Intent::Kill })]
    }

    /// Whether the program is known to have ended before the shim said that it was executed.
    pub(super) fn has_ended_early(&self) -> bool {
        self.early.iter().any(|input| matches!(input, Input::Marker(_) | Input::Reported(_)))
    }

    /// The program of the launch was executed; what came before that was known happens now.
    pub(super) fn executed(&mut self, now: Now) -> Vec<Action> {
        (self.status, self.launched) = (Status::Running, Some(Ok(())));
        if self.pending.is_some_and(|(pending, _)| pending == Pending::Launch) {
            self.pending = None;
        }
        let early = std::mem::take(&mut self.early);
        early.into_iter().flat_map(|input| self.take(now, input)).collect()
    }

    /// The shim said what became of the launch.
    pub(super) fn launch_reported(&mut self, now: Now, input: Input) -> Vec<Action> {
        match input {
            // A program that was found in its pane meanwhile counts as running already.
            Input::Executed { pid }
                if self.status == Status::Starting
                    || self.status == Status::Running && self.launched.is_none() =>
            {
                self.pid = Some(pid);
                self.note(now, &format!("the program started (process {pid})"));
                let mut actions = vec![Action::Event(Body::SessionStarted { pid, resumed: self.resumed })];
                actions.extend(self.executed(now));
                actions
            }
            // Whatever the shim could not say: its program ended, so it had been executed.
            Input::LaunchFailed { .. } if self.has_ended_early() => self.executed(now),
            Input::LaunchFailed { message } if self.status == Status::Starting => {
                (self.status, self.exit) = self.before_launch;
                self.pending = None;
                self.note(now, &message);
                self.launched = Some(Err(message));
                vec![]
            }
            _ => vec![],
        }
    }

    /// Keeps what was proved before the shim said that the program runs.
    pub(super) fn came_early(&mut self, now: Now, input: Input) -> Vec<Action> {
        if self.early.len() == EARLY_KEPT {
            self.early.pop_front();
        }
        self.early.push_back(input);
        if self.has_ended_early() {
            self.wait(now, Pending::Tail(None), TAIL_LIMIT);
        }
        vec![]
    }
}
