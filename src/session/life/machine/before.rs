//! What was known when the daemon before this one left in order. It counts again once something proves the same state, or
//! when nothing was printed meanwhile.

use std::collections::VecDeque;

use codepiper_protocol::wire::session::{Activity, Evidence, EvidenceSource, Status, WaitingFor};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Action, Machine, Now};

/// So much evidence is handed on.
const KEPT: usize = 10;
/// How it is marked.
const MARK: &str = " (before the restart)";

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Before {
    activity: Activity,
    waiting_for: Option<WaitingFor>,
    since: Timestamp,
    evidence: VecDeque<Evidence>,
}

impl Machine {
    /// To be handed on to the next daemon. What goes on behind a turn is not.
    pub fn to_hand_on(&self) -> Option<Before> {
        if self.status != Status::Running {
            return None;
        }
        // Nothing was proved in this daemon's time.
        if self.activity == Activity::Unknown && self.before.is_some() {
            return self.before.clone();
        }
        self.background().is_empty().then(|| Before {
            activity: self.activity,
            waiting_for: self.waiting_for,
            since: self.since,
            evidence: self.evidence.iter().skip(self.evidence.len().saturating_sub(KEPT)).cloned().collect(),
        })
    }

    /// With what the daemon before this one handed on.
    pub fn with_before(mut self, before: Option<Before>) -> Self {
        let Some(before) = before else { return self };
        self.evidence = before.evidence.clone();
        for one in self.evidence.iter_mut().filter(|one| !one.what.ends_with(MARK)) {
            one.what.push_str(MARK);
        }
        // Nothing was known, and nothing is.
        if before.activity == Activity::Unknown {
            self.since = before.since;
        } else {
            self.before = Some(before);
        }
        self
    }

    /// The program printed nothing since the daemon before this one left: it still does the same, as far as is known.
    pub(super) fn printed_nothing(&mut self, now: Now) -> Vec<Action> {
        let Some(before) = self.before.take() else { return vec![] };
        // When a limit is over is read again, and told with it.
        if before.waiting_for == Some(WaitingFor::UsageLimit) || self.status != Status::Running {
            self.before = Some(before);
            return vec![];
        }
        let vague = (self.activity, self.waiting_for) == (Activity::Waiting, None);
        let source = match self.activity {
            Activity::Unknown => Some(EvidenceSource::Silence),
            Activity::Waiting if vague && before.activity == Activity::Waiting => self.activity_source,
            _ => return vec![],
        };
        self.set_activity(before.activity, before.waiting_for, source);
        self.since = before.since;
        self.record(now, EvidenceSource::Silence, "it printed nothing while the daemon was away");
        vec![self.activity_changed()]
    }

    /// The state has changed. The first that is known either is the one from before, and as old, or that one is over.
    pub(super) fn compare_with_before(&mut self) {
        let Some(before) = &self.before else { return };
        let same = self.status == Status::Running && self.activity == before.activity;
        let vague = self.waiting_for.is_none() && self.activity == Activity::Waiting;
        if same && (vague || self.waiting_for == before.waiting_for) {
            self.since = before.since;
        }
        // Of a vague one it may still be known what is waited for.
        if self.activity != Activity::Unknown && !(same && vague && before.waiting_for.is_some()) {
            self.before = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use codepiper_protocol::shim::ExitStatus;

    use super::*;
    use crate::session::life::machine::{Input, Operation};

    fn at(second: i64) -> Now {
        Now { wall: Timestamp::from_second(second).unwrap(), since_start: Duration::ZERO }
    }

    fn told(activity: Activity, waiting_for: Option<WaitingFor>) -> Input {
        let source = EvidenceSource::Transcript;
        Input::Activity { source, activity, waiting_for, what: "a file".to_owned() }
    }

    fn found_running(before: Option<Before>) -> Machine {
        let mut machine = Machine::new(Status::Running, None, at(100).wall).with_before(before);
        machine.handle(at(100), Input::Adopted { pid: Some(42) });
        machine
    }

    /// One that did this when the daemon left, found by the next daemon.
    fn handed_on(activity: Activity, waiting_for: Option<WaitingFor>) -> Machine {
        let mut machine = found_running(None);
        machine.handle(at(7), told(activity, waiting_for));
        found_running(machine.to_hand_on())
    }

    fn state(machine: &Machine) -> (Activity, Option<WaitingFor>, i64) {
        (machine.activity(), machine.waiting_for(), machine.since().as_second())
    }

    const PERMISSION: Option<WaitingFor> = Some(WaitingFor::Permission);

    #[test]
    fn what_proves_the_same_state_keeps_its_age_and_another_one_is_new() {
        let mut machine = handed_on(Activity::Idle, None);
        assert_eq!(state(&machine).0, Activity::Unknown, "nothing is claimed that is not proven");
        machine.handle(at(101), told(Activity::Idle, None));
        assert_eq!(state(&machine), (Activity::Idle, None, 7));
        machine.handle(at(102), told(Activity::Working, None));
        machine.handle(at(103), told(Activity::Idle, None));
        assert_eq!(state(&machine), (Activity::Idle, None, 103), "it went on in between");
        let mut machine = handed_on(Activity::Idle, None);
        machine.handle(at(101), told(Activity::Waiting, PERMISSION));
        machine.handle(at(102), told(Activity::Idle, None));
        assert_eq!(state(&machine), (Activity::Idle, None, 102));
    }

    #[test]
    fn what_is_waited_for_is_known_again_when_nothing_was_printed() {
        for vague_first in [true, false] {
            let mut machine = handed_on(Activity::Waiting, PERMISSION);
            let inputs = [told(Activity::Waiting, None), Input::PrintedNothing];
            for index in if vague_first { [0, 1] } else { [1, 0] } {
                machine.handle(at(101), inputs[index].clone());
            }
            assert_eq!(state(&machine), (Activity::Waiting, PERMISSION, 7), "{vague_first}");
        }
        let mut machine = handed_on(Activity::Waiting, PERMISSION);
        machine.handle(at(101), told(Activity::Waiting, None));
        assert_eq!(state(&machine), (Activity::Waiting, None, 7), "it may ask something else by now");
        machine.handle(at(102), told(Activity::Working, None));
        machine.handle(at(103), Input::PrintedNothing);
        assert_eq!(state(&machine), (Activity::Working, None, 102), "what is newer counts");
    }

    #[test]
    fn a_state_that_nobody_knew_keeps_its_age() {
        let machine = found_running(found_running(None).to_hand_on());
        assert_eq!(state(&machine), (Activity::Unknown, None, 100));
        let mut machine = Machine::new(Status::Running, None, at(5).wall);
        machine.handle(at(5), Input::Adopted { pid: Some(42) });
        assert_eq!(state(&found_running(machine.to_hand_on())).2, 5);
    }

    #[test]
    fn evidence_is_marked_once_and_survives_two_restarts() {
        let second = handed_on(Activity::Idle, None);
        let mut third = found_running(second.to_hand_on());
        third.handle(at(101), told(Activity::Idle, None));
        assert_eq!(state(&third).2, 7);
        let whats: Vec<_> = third.evidence().map(|one| one.what.as_str()).collect();
        assert!(whats.contains(&"a file (before the restart)"), "{whats:?}");
        assert_eq!(whats.last(), Some(&"a file"));
    }

    #[test]
    fn another_program_begins_anew() {
        let mut machine = handed_on(Activity::Idle, None);
        machine.handle(at(101), Input::Marker(ExitStatus { code: Some(0), signal: None }));
        while let Some(since_start) = machine.deadline() {
            machine.handle(Now { since_start, ..at(109) }, Input::Deadline);
        }
        assert_eq!(machine.to_hand_on(), None);
        machine.begin(at(110), Operation::Resume).unwrap();
        machine.launch(at(110), false).unwrap();
        machine.handle(at(111), Input::Executed { pid: 43 });
        machine.handle(at(112), told(Activity::Idle, None));
        assert_eq!(state(&machine), (Activity::Idle, None, 112));
    }
}
