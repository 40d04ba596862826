//! The life of one session as a state machine: evidence in, actions out. No clock, no I/O.
//!
//! | module | what |
//! |--------|------|
//! | [`input`] | what it is told, and what it wants done |
//! | [`operations`] | one operation at a time, and what becomes of a launch |
//! | [`ending`] | how a program ends, and who insists |
//! | [`activity`] | what the program is doing, by the strongest evidence |
//! | [`before`]  | what the daemon before this one knew |
//! | [`background`] | what goes on after a turn |
//! | [`limit`] | a usage limit that holds until its time |

use std::collections::VecDeque;
use std::time::Duration;

use codepiper_protocol::event::Body;
use codepiper_protocol::shim::ExitStatus;
use codepiper_protocol::wire::session::{Activity, Evidence, EvidenceSource, Exit, Status, WaitingFor};
use jiff::Timestamp;

mod activity;
mod background;
mod before;
mod ending;
mod input;
mod limit;
mod operations;

use background::Background;
pub use before::Before;
pub use input::{Action, Input};
use operations::Progress;
pub use operations::{Operation, Refusal};

/// What tells that a file changed (inotify) may lose a word of it: while an agent is at something, its files are
/// looked at so often all the same.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// So much evidence is kept.
const EVIDENCE_KEPT: usize = 100;

/// The time handed to the machine.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// What people read.
    pub wall: Timestamp,
    /// What limits are measured with: time since the daemon started.
    pub since_start: Duration,
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
    /// What its turn does: what is left running behind it is not in it.
    activity: Activity,
    waiting_for: Option<WaitingFor>,
    exit: Option<Exit>,
    pid: Option<i32>,
    evidence: VecDeque<Evidence>,
    background: Background,
    /// What it would be seen to do without the usage limit that it waits for.
    behind_limit: Option<(Activity, Option<WaitingFor>)>,
    /// What the present activity rests on.
    activity_source: Option<EvidenceSource>,
    /// What the program reports counts as much as its hooks.
    reports_count_as_hooks: bool,
    /// Its provider writes files that tell of its state.
    writes_files: bool,
    intent: Option<Intent>,
    pending: Option<(Pending, Duration)>,
    /// Since a text was submitted to a program that was idle: what idle rested on, and when it counts again.
    doubt: Option<(EvidenceSource, Duration)>,
    /// What idle rested on, while its screen asks something about a text that was submitted.
    asked: Option<EvidenceSource>,
    /// The daemon found it running: what it told before is not known.
    adopted: bool,
    /// What was known when the daemon before this one left, until something newer is.
    before: Option<Before>,
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
            background: Background::default(),
            behind_limit: None,
            activity_source: None,
            reports_count_as_hooks: false,
            writes_files: true,
            intent: None,
            pending: None,
            doubt: None,
            asked: None,
            adopted: false,
            before: None,
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

    /// Whether there are files to look at while it is at something.
    pub fn with_files(self, writes_files: bool) -> Self {
        Self { writes_files, ..self }
    }

    pub fn status(&self) -> Status {
        self.status
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

    /// Somebody asked for its end, and it has not ended.
    pub fn end_is_requested(&self) -> bool {
        self.intent.is_some()
    }

    /// Oldest first.
    pub fn evidence(&self) -> impl Iterator<Item = &Evidence> {
        self.evidence.iter()
    }

    /// When [`Input::Deadline`] is due, in time since the daemon started.
    pub fn deadline(&self) -> Option<Duration> {
        let pending = self.pending.map(|(_, at)| at);
        let doubt = self.doubt.map(|(_, until)| until);
        pending.into_iter().chain(doubt).chain(self.look).chain(self.background.settles_at()).min()
    }

    pub fn handle(&mut self, now: Now, input: Input) -> Vec<Action> {
        let unprinted = matches!(input, Input::PrintedNothing);
        let state =
            |machine: &Self| (machine.status, machine.activity(), machine.waiting_for, machine.background());
        let before = state(self);
        let mut actions = self.take(now, input);
        let changed = state(self) != before;
        if changed && !unprinted {
            self.since = now.wall;
            self.compare_with_before();
        }
        let look = self.look.is_some_and(|at| now.since_start >= at);
        if look {
            actions.push(Action::LookAtFiles);
        }
        if changed || look {
            let busy = matches!(self.activity(), Activity::Working | Activity::Waiting);
            self.look = (busy && self.writes_files).then(|| now.since_start + LOOK_EVERY);
        }
        actions
    }

    fn take(&mut self, now: Now, input: Input) -> Vec<Action> {
        let starting = self.status == Status::Starting;
        match input {
            Input::Executed { .. } | Input::LaunchFailed { .. } => self.launch_reported(now, input),
            // The end, and what proves an activity, overtake the shim's word that it executed the program: that comes
            // through a socket, they come through the terminal or a file.
            Input::Marker(_) | Input::Reported(_) | Input::Activity { .. } if starting => {
                self.came_early(now, input)
            }
            Input::Adopted { pid } => {
                self.status = Status::Running;
                self.pid = pid;
                self.exit = None;
                self.adopted = true;
                self.note(now, "the daemon found the program still running in its pane");
                vec![Action::Event(Body::SessionAdopted { pid })]
            }
            Input::PrintedNothing => self.printed_nothing(now),
            Input::StopRequested { .. } | Input::KillRequested => self.end_requested(now, input),
            Input::Marker(_)
            | Input::Reported(_)
            | Input::PaneDead { .. }
            | Input::PaneGone { .. }
            | Input::ShimGone { .. }
            | Input::ServerGone
                if self.is_live() =>
            {
                self.end_noticed(now, input)
            }
            Input::LimitOver { .. } if self.status == Status::Running => self.limit_over(now, input),
            Input::Activity { .. } | Input::Recalled { .. } | Input::Submitted | Input::Settled => {
                self.activity_told(now, input)
            }
            Input::LeftRunning { .. } | Input::BackgroundShell | Input::BackgroundEnded
                if self.status == Status::Running =>
            {
                self.background_told(now, input)
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

    fn wait(&mut self, now: Now, pending: Pending, limit: Duration) {
        self.pending = Some((pending, now.since_start + limit));
    }

    fn note(&mut self, now: Now, what: &str) {
        self.record(now, EvidenceSource::LifeCycle, what);
    }

    fn record(&mut self, now: Now, source: EvidenceSource, what: &str) {
        let state = match (self.status, self.activity(), self.waiting_for) {
            (Status::Running, Activity::Waiting, Some(what)) => format!("running, waiting for {what}"),
            (Status::Running, Activity::Working, _) if !self.background().is_empty() => {
                format!("running, working (background: {})", self.background().join(", "))
            }
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
