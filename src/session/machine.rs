//! The life of one session as a state machine: evidence in, actions out. No clock, no I/O, no error.

use std::collections::VecDeque;
use std::time::Duration;

use codepiper_protocol::event::{Body, Proof};
use codepiper_protocol::shim::ExitStatus;
use codepiper_protocol::wire::session::{
    Activity, Evidence, EvidenceSource, Exit, ExitReason, Status, WaitingFor,
};
use jiff::Timestamp;

/// A program has this long to be executed after its pane was made.
const LAUNCH_LIMIT: Duration = Duration::from_secs(15);
/// SIGTERM has this long to work.
const TERM_LIMIT: Duration = Duration::from_secs(3);
/// SIGKILL has this long; after it the pane is destroyed.
const KILL_LIMIT: Duration = Duration::from_secs(2);
/// What is on its way when the shim is gone (marker, state of the pane) has this long to arrive.
const TAIL_LIMIT: Duration = Duration::from_millis(1500);
/// Shims need at most 5 s to end their programs when their terminal is gone.
const SERVER_GONE_LIMIT: Duration = Duration::from_secs(5);
/// A program that works on what was submitted says so within this time.
const DOUBT_LIMIT: Duration = Duration::from_secs(5);
/// What tells that a file changed (inotify) may lose a word of it: while an agent is at something, its files are
/// looked at so often all the same.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// So much evidence is kept.
const EVIDENCE_KEPT: usize = 100;
/// So much is kept of what was proved before the shim said that the program runs.
const EARLY_KEPT: usize = 100;

/// The time handed to the machine.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// What people read.
    pub wall: Timestamp,
    /// What limits are measured with: time since the daemon started.
    pub since_start: Duration,
}

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
enum Progress {
    /// It waits for its turn, or prepares.
    Begun,
    /// A pane is being made or there.
    Launched,
}

/// What the machine is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// The shim executed the program.
    Executed {
        pid: i32,
    },
    /// The program could not be executed.
    LaunchFailed {
        message: String,
    },
    /// The daemon found the session's pane alive.
    Adopted {
        pid: Option<i32>,
    },
    StopRequested {
        quit_limit: Duration,
    },
    KillRequested,
    /// The shim's marker stood in the output: everything before it was seen, and the program was executed.
    Marker(ExitStatus),
    /// The shim says that its program ended, and its marker did not come. The program was executed.
    Reported(ExitStatus),
    /// tmux says that the pane's process is dead. The status comes from the exit file or from tmux.
    PaneDead {
        status: Option<ExitStatus>,
    },
    /// The pane does not exist any more.
    PaneGone {
        status: Option<ExitStatus>,
    },
    /// The shim's process is gone. The status comes from the exit file.
    ShimGone {
        status: Option<ExitStatus>,
    },
    /// The tmux server is gone.
    ServerGone,
    /// Something proves what the program is doing.
    Activity {
        source: EvidenceSource,
        activity: Activity,
        waiting_for: Option<WaitingFor>,
        what: String,
    },
    /// What the transcript of a program that was found running says last.
    Recalled {
        activity: Activity,
        what: String,
    },
    /// The session has ended, and this was decided about it.
    Remark {
        what: String,
    },
    /// Enter is about to be pressed after a text: who was idle may have something to do.
    Submitted,
    /// The deadline that the machine asked for has passed.
    Deadline,
}

/// What the machine wants done, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    Event(Body),
    /// Ask the program to quit, the way its provider does.
    Quit,
    Terminate,
    KillProgram,
    /// Destroy the session's windows and its tmux session.
    KillTmuxSession,
    /// The launch took too long; its pane must go.
    AbandonLaunch,
    /// Read what its provider writes, whether a change was noticed or not.
    LookAtFiles,
    /// The session has ended: close its stream, save its record, answer who waits.
    Ended,
}

/// What somebody asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Intent {
    Stop,
    Kill,
}

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Pending {
    Launch,
    Quit,
    Terminate,
    Kill,
    Destroy,
    Tail(Option<ExitStatus>),
    ServerGone(Option<ExitStatus>),
}

/// See the module.
#[derive(Debug)]
pub struct Machine {
    status: Status,
    activity: Activity,
    waiting_for: Option<WaitingFor>,
    exit: Option<Exit>,
    pid: Option<i32>,
    evidence: VecDeque<Evidence>,
    /// What the present activity rests on.
    activity_source: Option<EvidenceSource>,
    /// What the program reports counts as much as its hooks.
    reports_count_as_hooks: bool,
    intent: Option<Intent>,
    pending: Option<(Pending, Duration)>,
    /// Since a text was submitted to a program that was idle: what idle rested on, and when it counts again.
    doubt: Option<(EvidenceSource, Duration)>,
    /// What idle rested on, while its screen asks something about a text that was submitted.
    asked: Option<EvidenceSource>,
    /// The daemon found it running: what it told before is not known.
    adopted: bool,
    /// When its files are looked at next, in time since the daemon started. None while it has nothing to do.
    look: Option<Duration>,
    operation: Option<(Operation, Progress)>,
    removed: bool,
    /// What to return to when a launch fails.
    before_launch: (Status, Option<Exit>),
    resumed: bool,
    /// It was given a first prompt and has not begun with it.
    prompted: bool,
    /// What became of the last launch, once it is known.
    launched: Option<Result<(), String>>,
    /// What was proved before the shim said that the program runs, oldest first.
    early: VecDeque<Input>,
    /// How often it began to work.
    turns: u64,
    /// When status, activity or what is waited for changed last.
    since: Timestamp,
}

impl Machine {
    /// A session that does not run, since `since`; `exit` is how it ended, if it ever ran.
    pub fn new(status: Status, exit: Option<Exit>, since: Timestamp) -> Self {
        Self {
            status,
            activity: Activity::Unknown,
            waiting_for: None,
            exit,
            pid: None,
            evidence: VecDeque::new(),
            activity_source: None,
            reports_count_as_hooks: false,
            intent: None,
            pending: None,
            doubt: None,
            asked: None,
            adopted: false,
            look: None,
            operation: None,
            removed: false,
            before_launch: (status, exit),
            resumed: false,
            prompted: false,
            launched: None,
            early: VecDeque::new(),
            turns: 0,
            since,
        }
    }

    /// Whether what the program reports counts as much as its hooks.
    pub fn with_reports_as_hooks(self, reports_count_as_hooks: bool) -> Self {
        Self { reports_count_as_hooks, ..self }
    }

    pub fn status(&self) -> Status {
        self.status
    }

    pub fn activity(&self) -> Activity {
        self.activity
    }

    pub fn waiting_for(&self) -> Option<WaitingFor> {
        self.waiting_for
    }

    pub fn exit(&self) -> Option<Exit> {
        self.exit
    }

    /// Since when status, activity and what is waited for are as they are.
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// How often it began to work: grows also when nobody looked in between.
    pub fn turns(&self) -> u64 {
        self.turns
    }

    /// Whether the program has told something of its state by itself since it runs: more than its screen proves.
    pub fn tells_its_state(&self) -> bool {
        let told = |source| self.rank(source) < EvidenceSource::Screen;
        self.status == Status::Running
            && !self.prompted
            && (self.doubt.is_some() || self.activity_source.is_some_and(told))
    }

    /// Whether what an agent asks on its screen counts: as long as nothing stronger says what it does.
    pub fn counts_questions(&self) -> bool {
        self.doubt.is_some() || !self.tells_its_state()
    }

    /// What became of the last launch, once it is known: the program was executed, or why it was not.
    pub fn launched(&self) -> Option<&Result<(), String>> {
        self.launched.as_ref()
    }

    /// The process group of the program.
    pub fn pid(&self) -> Option<i32> {
        self.pid
    }

    /// The program runs, or somebody is about to start it.
    pub fn is_live_or_about_to(&self) -> bool {
        self.is_live() || self.launches_soon()
    }

    /// A launch has begun whose program is not started yet.
    fn launches_soon(&self) -> bool {
        self.operation.is_some_and(|(operation, at)| operation.launches() && at == Progress::Begun)
    }

    /// Somebody asked for its end, and it has not ended.
    pub fn end_is_requested(&self) -> bool {
        self.intent.is_some()
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
        (self.launched, self.early) = (None, VecDeque::new());
        self.set_activity(Activity::Unknown, None, None);
        self.wait(now, Pending::Launch, LAUNCH_LIMIT);
        self.note(now, "its turn to start has come");
        (self.since, self.look) = (now.wall, None);
        Ok(())
    }

    /// Oldest first.
    pub fn evidence(&self) -> impl Iterator<Item = &Evidence> {
        self.evidence.iter()
    }

    /// When [`Input::Deadline`] is due, in time since the daemon started.
    pub fn deadline(&self) -> Option<Duration> {
        let pending = self.pending.map(|(_, at)| at);
        let doubt = self.doubt.map(|(_, until)| until);
        pending.into_iter().chain(doubt).chain(self.look).min()
    }

    pub fn handle(&mut self, now: Now, input: Input) -> Vec<Action> {
        let state = |machine: &Self| (machine.status, machine.activity, machine.waiting_for);
        let before = state(self);
        let mut actions = self.take(now, input);
        let changed = state(self) != before;
        if changed {
            self.since = now.wall;
        }
        let look = self.look.is_some_and(|at| now.since_start >= at);
        if look {
            actions.push(Action::LookAtFiles);
        }
        if changed || look {
            let busy = matches!(self.activity, Activity::Working | Activity::Waiting);
            self.look = busy.then(|| now.since_start + LOOK_EVERY);
        }
        actions
    }

    fn take(&mut self, now: Now, input: Input) -> Vec<Action> {
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
            // The end, and what proves an activity, overtake the shim's word that it executed the program: that comes
            // through a socket, they come through the terminal or a file.
            Input::Marker(_) | Input::Reported(_) | Input::Activity { .. }
                if self.status == Status::Starting =>
            {
                if self.early.len() == EARLY_KEPT {
                    self.early.pop_front();
                }
                self.early.push_back(input);
                if self.has_ended_early() {
                    self.wait(now, Pending::Tail(None), TAIL_LIMIT);
                }
                vec![]
            }
            // The shim may have said before whether it executed the program, or why it could not.
            Input::PaneDead { status } | Input::PaneGone { status } | Input::ShimGone { status }
                if self.status == Status::Starting
                    && matches!(self.pending, Some((Pending::Launch | Pending::Tail(_), _))) =>
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
            Input::Adopted { pid } => {
                self.status = Status::Running;
                self.pid = pid;
                self.exit = None;
                self.adopted = true;
                self.note(now, "the daemon found the program still running in its pane");
                vec![Action::Event(Body::SessionAdopted { pid })]
            }
            Input::StopRequested { .. } if self.launches_soon() => self.call_off(now, Intent::Stop),
            Input::KillRequested if self.launches_soon() => self.call_off(now, Intent::Kill),
            Input::StopRequested { quit_limit } if self.is_live() => {
                if self.intent.is_some() {
                    return vec![];
                }
                self.intent = Some(Intent::Stop);
                self.wait(now, Pending::Quit, quit_limit);
                self.note(now, "stop requested: the program was asked to quit");
                vec![Action::Event(Body::SessionStopRequested { kill: false }), Action::Quit]
            }
            Input::KillRequested if self.is_live() => {
                if self.intent == Some(Intent::Kill) {
                    return vec![];
                }
                self.intent = Some(Intent::Kill);
                self.wait(now, Pending::Kill, KILL_LIMIT);
                self.note(now, "kill requested: SIGKILL sent to the program's process group");
                vec![Action::Event(Body::SessionStopRequested { kill: true }), Action::KillProgram]
            }
            Input::Marker(status) if self.is_live() => {
                self.end(now, Some(status), "the shim reported the exit, after all output")
            }
            Input::Reported(status) if self.is_live() => {
                self.end(now, Some(status), "the shim reported the exit; its mark in the output was not seen")
            }
            Input::PaneDead { status } if self.is_live() => {
                self.end(now, status, "tmux reports the pane dead; the end of the output may be lost")
            }
            // The shim is still about to end the program.
            Input::PaneGone { .. } if matches!(self.pending, Some((Pending::ServerGone(_), _))) => vec![],
            Input::PaneGone { status } if self.is_live() => {
                self.end(now, status, "the pane is gone; the end of the output may be lost")
            }
            Input::ShimGone { status } if self.is_live() => match self.pending {
                Some((Pending::ServerGone(_), _)) => self.server_gone(now, status),
                _ => {
                    self.note(now, "the shim has exited");
                    self.wait(now, Pending::Tail(status), TAIL_LIMIT);
                    vec![]
                }
            },
            Input::ServerGone if self.is_live() => match self.pending {
                Some((Pending::Tail(status), _)) => self.server_gone(now, status),
                _ => {
                    self.note(now, "the tmux server exited; the shim ends the program");
                    self.wait(now, Pending::ServerGone(None), SERVER_GONE_LIMIT);
                    vec![]
                }
            },
            Input::Activity { source, activity, waiting_for, what } if self.status == Status::Running => {
                self.activity_evidence(now, source, activity, waiting_for, &what)
            }
            Input::Recalled { activity, what } if self.is_open_to_memory() && self.activity != activity => {
                // The weakest there is: whatever the program says from now on counts.
                self.set_activity(activity, None, Some(EvidenceSource::Silence));
                self.record(now, EvidenceSource::Transcript, &what);
                vec![self.activity_changed()]
            }
            Input::Submitted if self.status == Status::Running && self.activity == Activity::Idle => {
                let source = self.activity_source.unwrap_or(EvidenceSource::Silence);
                self.set_activity(Activity::Unknown, None, None);
                self.doubt = Some((source, now.since_start + DOUBT_LIMIT));
                self.note(now, "a text was submitted; the agent has not reacted yet");
                vec![self.activity_changed()]
            }
            Input::Remark { what } if !self.is_live() => {
                self.note(now, &what);
                vec![]
            }
            Input::Deadline => self.deadline_passed(now),
            // What comes too late changes nothing.
            _ => vec![],
        }
    }

    fn is_live(&self) -> bool {
        self.status.is_live()
    }

    /// The program will not be started.
    fn call_off(&mut self, now: Now, intent: Intent) -> Vec<Action> {
        if self.intent.replace(intent).is_some() {
            return vec![];
        }
        self.note(now, "its end was requested before its program started");
        vec![Action::Event(Body::SessionStopRequested { kill: intent == Intent::Kill })]
    }

    /// Whether the program is known to have ended before the shim said that it was executed.
    fn has_ended_early(&self) -> bool {
        self.early.iter().any(|input| matches!(input, Input::Marker(_) | Input::Reported(_)))
    }

    /// The program of the launch was executed; what came before that was known happens now.
    fn executed(&mut self, now: Now) -> Vec<Action> {
        (self.status, self.launched) = (Status::Running, Some(Ok(())));
        if self.pending.is_some_and(|(pending, _)| pending == Pending::Launch) {
            self.pending = None;
        }
        let early = std::mem::take(&mut self.early);
        early.into_iter().flat_map(|input| self.take(now, input)).collect()
    }

    /// Whether [`Input::Recalled`] counts: it was found running, and has proved nothing of its activity since.
    pub fn is_open_to_memory(&self) -> bool {
        let proved = match self.activity_source {
            None | Some(EvidenceSource::Silence) => self.doubt.is_some(),
            // A question that was answered.
            Some(EvidenceSource::Screen) => self.activity != Activity::Unknown,
            Some(_) => true,
        };
        self.status == Status::Running && self.adopted && !proved
    }

    fn wait(&mut self, now: Now, pending: Pending, limit: Duration) {
        self.pending = Some((pending, now.since_start + limit));
    }

    fn deadline_passed(&mut self, now: Now) -> Vec<Action> {
        if let Some((source, _)) = self.doubt.filter(|(_, until)| now.since_start >= *until) {
            self.set_activity(Activity::Idle, None, Some(source));
            self.record(now, source, "the agent did not react to the submitted text");
            return vec![self.activity_changed()];
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

    fn server_gone(&mut self, now: Now, status: Option<ExitStatus>) -> Vec<Action> {
        let exit = Exit { reason: ExitReason::ServerGone, ..self.exit_with(status) };
        self.end_with(now, exit, Status::Stopped, "its tmux server exited")
    }

    fn end(&mut self, now: Now, status: Option<ExitStatus>, what: &str) -> Vec<Action> {
        let exit = self.exit_with(status);
        let status = match (self.intent, exit.code) {
            (Some(_), _) | (None, Some(0)) => Status::Stopped,
            (None, _) => Status::Crashed,
        };
        self.end_with(now, exit, status, what)
    }

    fn exit_with(&self, status: Option<ExitStatus>) -> Exit {
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

    fn end_with(&mut self, now: Now, exit: Exit, status: Status, what: &str) -> Vec<Action> {
        let killed = self.intent == Some(Intent::Kill);
        if self.has_ended_early() {
            self.launched = Some(Ok(()));
        }
        self.early.clear();
        (self.status, self.exit, self.pid, self.pending, self.intent) =
            (status, Some(exit), None, None, None);
        self.set_activity(Activity::Unknown, None, None);
        self.note(now, &format!("{what}: {exit}"));
        let mut actions = vec![Action::Ended];
        if killed {
            actions.push(Action::KillTmuxSession);
        }
        actions
    }

    fn activity_evidence(
        &mut self,
        now: Now,
        source: EvidenceSource,
        activity: Activity,
        waiting_for: Option<WaitingFor>,
        what: &str,
    ) -> Vec<Action> {
        // It may be from before the text that was submitted.
        if activity == Activity::Idle
            && let Some((present, _)) = &mut self.doubt
        {
            *present = source.min(*present);
            return vec![];
        }
        // It has a prompt, and is about to begin with it.
        if activity == Activity::Idle && self.prompted {
            let changed = self.activity != Activity::Unknown;
            self.set_activity(Activity::Unknown, None, None);
            self.doubt = Some((source, now.since_start + DOUBT_LIMIT));
            self.record(now, source, &format!("{what}; its first prompt is still to come"));
            return if changed { vec![self.activity_changed()] } else { vec![] };
        }
        // Weaker evidence does not contradict stronger evidence.
        if self.activity_source.is_some_and(|present| self.rank(present) < self.rank(source)) {
            return vec![];
        }
        // One who waits for something known goes on waiting for it.
        let vaguer = activity == Activity::Waiting && waiting_for.is_none();
        if (self.activity, self.waiting_for) == (activity, waiting_for) || vaguer && self.activity == activity
        {
            self.activity_source = Some(source);
            return vec![];
        }
        let (doubt, asked) = (self.doubt.filter(|_| !self.prompted), self.asked);
        self.set_activity(activity, waiting_for, Some(source));
        match (source, activity) {
            (EvidenceSource::Screen, Activity::Waiting) => self.asked = doubt.map(|(before, _)| before),
            // It may still have to do something about the text.
            (EvidenceSource::Screen, Activity::Unknown) => {
                self.doubt = asked.map(|before| (before, now.since_start + DOUBT_LIMIT));
            }
            _ => {}
        }
        self.record(now, source, what);
        vec![self.activity_changed()]
    }

    /// The activity is as the evidence says that was recorded last.
    fn activity_changed(&self) -> Action {
        let (activity, waiting_for) = (self.activity, self.waiting_for);
        let proof = self.evidence.back().map(|last| Proof { source: last.source, what: last.what.clone() });
        Action::Event(Body::SessionActivityChanged { activity, waiting_for, proof })
    }

    fn set_activity(
        &mut self,
        activity: Activity,
        waiting_for: Option<WaitingFor>,
        source: Option<EvidenceSource>,
    ) {
        (self.doubt, self.asked) = (None, None);
        self.prompted &= !matches!(activity, Activity::Working | Activity::Idle);
        self.turns += u64::from(activity == Activity::Working && self.activity != Activity::Working);
        (self.activity, self.waiting_for, self.activity_source) = (activity, waiting_for, source);
    }

    /// Strongest first. A provider's hooks and its own state file are both its own word: the newer counts,
    /// since no hook tells of a refusal or an interrupt.
    fn rank(&self, source: EvidenceSource) -> EvidenceSource {
        match source {
            EvidenceSource::Transcript => EvidenceSource::Hook,
            EvidenceSource::Report if self.reports_count_as_hooks => EvidenceSource::Hook,
            other => other,
        }
    }

    fn note(&mut self, now: Now, what: &str) {
        self.record(now, EvidenceSource::LifeCycle, what);
    }

    fn record(&mut self, now: Now, source: EvidenceSource, what: &str) {
        let state = match (self.status, self.activity, self.waiting_for) {
            (Status::Running, Activity::Waiting, Some(what)) => format!("running, waiting for {what}"),
            (Status::Running, activity, _) => format!("running, {activity}"),
            (status, ..) => status.to_string(),
        };
        if self.evidence.len() == EVIDENCE_KEPT {
            self.evidence.pop_front();
        }
        let at = crate::bus::to_millisecond(now.wall);
        self.evidence.push_back(Evidence { at, source, what: what.to_owned(), state });
    }
}

#[cfg(test)]
mod tests;
