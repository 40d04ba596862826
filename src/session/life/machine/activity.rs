//! What the program is doing, by the strongest evidence.

use std::time::Duration;

use codepiper_protocol::event::{Body, Proof};
use codepiper_protocol::wire::session::{Activity, EvidenceSource, Status, WaitingFor};

use super::{Action, Input, Machine, Now};

/// A program that works on what was submitted says so within this time.
pub(super) const DOUBT_LIMIT: Duration = Duration::from_secs(5);

impl Machine {
    /// Whether the program has told something of its state by itself since it runs: more than its screen proves.
    pub fn tells_its_state(&self) -> bool {
        let told = |source| self.rank(source) < EvidenceSource::Screen;
        self.status == Status::Running
            && !self.prompted
            && (self.doubt.is_some() || self.activity_source.is_some_and(told))
    }

    /// Whether what an agent asks on its screen counts: as long as nothing stronger says what it does, or what it waits
    /// for.
    pub fn counts_questions(&self) -> bool {
        let vague = self.activity == Activity::Waiting && self.waiting_for.is_none();
        vague || self.doubt.is_some() || !self.tells_its_state()
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

    /// Something was learnt of what the program does.
    pub(super) fn activity_told(&mut self, now: Now, input: Input) -> Vec<Action> {
        match input {
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
            Input::Settled => {
                self.doubt = None;
                vec![]
            }
            _ => vec![],
        }
    }

    fn activity_evidence(
        &mut self,
        now: Now,
        source: EvidenceSource,
        activity: Activity,
        waiting_for: Option<WaitingFor>,
        what: &str,
    ) -> Vec<Action> {
        if activity == Activity::Idle
            && let Some(actions) = self.puts_off_idle(now, source, what)
        {
            return actions;
        }
        // Weaker evidence does not contradict stronger evidence; it may say what that leaves open.
        let waits = activity == Activity::Waiting && self.activity == Activity::Waiting;
        let (mut source, proved_by) = (source, source);
        if let Some(present) = self.activity_source.filter(|present| self.rank(*present) < self.rank(source))
        {
            if !(waits && self.waiting_for.is_none() && waiting_for.is_some()) {
                return vec![];
            }
            source = present;
        }
        if self.waits_on(source, activity, waiting_for) {
            return vec![];
        }
        // One who waits for something known goes on waiting for it.
        let vaguer = activity == Activity::Waiting && waiting_for.is_none();
        if (self.activity, self.waiting_for) == (activity, waiting_for) || vaguer && self.activity == activity
        {
            // Beside the hook, the transcript says until when.
            if waiting_for == Some(WaitingFor::UsageLimit) && self.activity_source != Some(source) {
                self.record(now, proved_by, what);
            }
            self.activity_source = Some(source);
            return vec![];
        }
        let (doubt, asked) = (self.doubt.filter(|_| !self.prompted), self.asked);
        let before = (self.activity(), self.waiting_for, self.background());
        self.set_activity(activity, waiting_for, Some(source));
        match (source, activity) {
            (EvidenceSource::Screen, Activity::Waiting) => self.asked = doubt.map(|(before, _)| before),
            // It may still have to do something about the text.
            (EvidenceSource::Screen, Activity::Unknown) => {
                self.doubt = asked.map(|before| (before, now.since_start + DOUBT_LIMIT));
            }
            _ => {}
        }
        self.record(now, proved_by, what);
        // What is left running hides that its turn is over.
        let same = before == (self.activity(), self.waiting_for, self.background());
        if same { vec![] } else { vec![self.activity_changed()] }
    }

    /// Idle is not believed while a text that was submitted, or the first prompt, may still be begun with: what is done
    /// then.
    fn puts_off_idle(&mut self, now: Now, source: EvidenceSource, what: &str) -> Option<Vec<Action>> {
        // It may be from before the text that was submitted.
        if let Some((present, _)) = &mut self.doubt {
            *present = source.min(*present);
            return Some(vec![]);
        }
        // It has a prompt, and is about to begin with it.
        if !self.prompted {
            return None;
        }
        let changed = self.activity != Activity::Unknown;
        self.set_activity(Activity::Unknown, None, None);
        self.doubt = Some((source, now.since_start + DOUBT_LIMIT));
        self.record(now, source, &format!("{what}; its first prompt is still to come"));
        Some(if changed { vec![self.activity_changed()] } else { vec![] })
    }

    /// A sign-in that is wanted is so after the turn, too.
    fn waits_on(
        &mut self,
        source: EvidenceSource,
        activity: Activity,
        waiting_for: Option<WaitingFor>,
    ) -> bool {
        let turn_is_over = activity == Activity::Idle && source == EvidenceSource::Transcript;
        self.waits_for_limit(activity, waiting_for)
            || turn_is_over && self.waiting_for == Some(WaitingFor::SignIn)
    }

    /// The activity is as the evidence says that was recorded last.
    pub(super) fn activity_changed(&self) -> Action {
        let (activity, waiting_for) = (self.activity(), self.waiting_for);
        let proof = self.evidence.back().map(|last| Proof { source: last.source, what: last.what.clone() });
        let background = self.background();
        Action::Event(Body::SessionActivityChanged { activity, waiting_for, background, proof })
    }

    pub(super) fn set_activity(
        &mut self,
        activity: Activity,
        waiting_for: Option<WaitingFor>,
        source: Option<EvidenceSource>,
    ) {
        (self.doubt, self.asked) = (None, None);
        self.limit_begins_or_ends(waiting_for);
        self.prompted &= !matches!(activity, Activity::Working | Activity::Idle);
        self.turns += u64::from(activity == Activity::Working && self.activity != Activity::Working);
        (self.activity, self.waiting_for, self.activity_source) = (activity, waiting_for, source);
    }

    /// Strongest first. A provider's hooks and its own state file are both its own word: the newer counts,
    /// since no hook tells of a refusal or an interrupt.
    fn rank(&self, source: EvidenceSource) -> EvidenceSource {
        match source {
            EvidenceSource::Transcript => EvidenceSource::Hook,
            // Who looks at the foreground has weighed the reports.
            EvidenceSource::Foreground => EvidenceSource::Report,
            EvidenceSource::Report if self.reports_count_as_hooks => EvidenceSource::Hook,
            other => other,
        }
    }
}
