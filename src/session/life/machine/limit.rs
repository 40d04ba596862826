//! A usage limit that an agent has reached. It is over at its time or with the next turn, not with the turn that reached it;
//! a dialog that is open meanwhile is about it.

use codepiper_protocol::wire::session::{Activity, EvidenceSource, WaitingFor};

use super::{Action, Input, Machine, Now};

const LIMIT: Option<WaitingFor> = Some(WaitingFor::UsageLimit);

impl Machine {
    /// Whether what is proved leaves it waiting for a limit.
    pub(super) fn waits_for_limit(&mut self, activity: Activity, waiting_for: Option<WaitingFor>) -> bool {
        let about_it = match activity {
            Activity::Idle => true,
            Activity::Waiting => matches!(waiting_for, None | Some(WaitingFor::Dialog)),
            Activity::Working | Activity::Unknown => false,
        };
        let waits_on = self.waiting_for == LIMIT && about_it;
        if waits_on {
            self.behind_limit = Some((activity, waiting_for));
        }
        waits_on
    }

    /// Before the activity changes to one that waits for this.
    pub(super) fn limit_begins_or_ends(&mut self, waiting_for: Option<WaitingFor>) {
        let is_asked = self.activity == Activity::Waiting && self.waiting_for != LIMIT;
        self.behind_limit = match is_asked {
            true if waiting_for == LIMIT => Some((self.activity, self.waiting_for)),
            _ => None,
        };
    }

    /// A dialog about the limit may be open still.
    pub(super) fn limit_over(&mut self, now: Now, input: Input) -> Vec<Action> {
        let Input::LimitOver { what } = input else { return vec![] };
        if self.waiting_for != LIMIT {
            return vec![];
        }
        let (activity, waiting_for) = self.behind_limit.unwrap_or((Activity::Idle, None));
        let source = EvidenceSource::Transcript;
        self.set_activity(activity, waiting_for, Some(source));
        self.record(now, source, &what);
        vec![self.activity_changed()]
    }
}
