//! What goes on after a turn: commands, sub-agents, prompts that will come at their time. An agent that has left
//! something running is not idle, and can be talked to all the same.

use std::time::Duration;

use codepiper_protocol::wire::session::{Activity, EvidenceSource};

use super::{Action, Input, Machine, Now};

/// When what it has left running has ended, an agent begins a turn about it within this time (0.1 to 0.3 s measured).
const SETTLE_LIMIT: Duration = Duration::from_millis(800);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Background {
    tasks: Vec<String>,
    scheduled: Vec<String>,
    /// The tasks have ended: from when on that counts.
    ended: Option<Duration>,
}

impl Background {
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty() && self.scheduled.is_empty()
    }

    pub fn settles_at(&self) -> Option<Duration> {
        self.ended
    }
}

impl Machine {
    /// What people read: who has left something running works.
    pub fn activity(&self) -> Activity {
        match self.activity {
            Activity::Idle if !self.background.is_empty() => Activity::Working,
            activity => activity,
        }
    }

    /// What its turn does: idle when it is over, whatever goes on behind it.
    pub fn turn(&self) -> Activity {
        match self.activity {
            // A sub-agent's word, or a file that does not tell whose work it means.
            Activity::Working if !self.background.is_empty() => Activity::Idle,
            activity => activity,
        }
    }

    /// What goes on after its turn, while it does nothing else.
    pub fn background(&self) -> Vec<String> {
        match self.activity() {
            Activity::Working => [&self.background.tasks[..], &self.background.scheduled].concat(),
            _ => Vec::new(),
        }
    }

    pub(super) fn background_told(&mut self, now: Now, input: Input) -> Vec<Action> {
        let before = (self.activity(), self.background());
        let what = match input {
            Input::LeftRunning { tasks, scheduled, begins, what } => {
                let over = !self.background.is_empty() && tasks.is_empty() && scheduled.is_empty();
                // Its turns are counted by whoever waits for one.
                self.turns += u64::from(over && self.activity == Activity::Working);
                self.background = Background { tasks, scheduled, ended: None };
                if begins && self.activity == Activity::Idle {
                    return vec![];
                }
                what
            }
            Input::BackgroundShell => {
                self.background.ended = None;
                if self.background.tasks.is_empty() {
                    self.background.tasks = vec!["a command".to_owned()];
                }
                "its state file says that commands run".to_owned()
            }
            Input::BackgroundEnded if !self.background.tasks.is_empty() => {
                self.background.ended = Some(now.since_start + SETTLE_LIMIT);
                return vec![];
            }
            _ => return vec![],
        };
        self.background_changed(now, before, &what)
    }

    /// What was left running has ended, and no turn has begun about it.
    pub(super) fn background_settled(&mut self, now: Now) -> Vec<Action> {
        let before = (self.activity(), self.background());
        self.background.tasks.clear();
        self.background.ended = None;
        self.background_changed(now, before, "what it has left running has ended")
    }

    fn background_changed(&mut self, now: Now, before: (Activity, Vec<String>), what: &str) -> Vec<Action> {
        if before == (self.activity(), self.background()) {
            return vec![];
        }
        self.record(now, EvidenceSource::Hook, what);
        vec![self.activity_changed()]
    }
}
