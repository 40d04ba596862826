//! Which asks are told of, and when. Knows no clock and sends nothing.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use codepiper_protocol::SessionId;
use codepiper_protocol::wire::ask::{Ask, AskKind};
use codepiper_protocol::wire::auth::LoginId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// Whoever answers an ask within this time is there: nobody is told of it.
const PATIENCE: Duration = Duration::from_secs(5);
/// The wall clock of a snooze may be set: it is looked at so often.
const LOOK_AGAIN: Duration = Duration::from_secs(15 * 60);
/// Agents whose hooks wait come back to a new daemon within this time.
const RETURN: Duration = Duration::from_secs(30);

/// An ask that devices were told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    pub ask: String,
    pub session: SessionId,
    pub kind: AskKind,
    pub title: String,
    /// Those that were told.
    pub devices: HashSet<LoginId>,
    /// The command, the webhook and attached terminals were, too.
    #[serde(default)]
    pub outlets: bool,
}

pub struct Plan {
    waiting: HashMap<String, Waiting>,
    /// By the id of the ask.
    told: HashMap<String, Told>,
    /// Those of an earlier daemon. Until that time, they may be missing.
    earlier: HashSet<String>,
    grace: Instant,
}

struct Waiting {
    ask: Ask,
    due: Instant,
}

#[derive(Debug, PartialEq)]
pub enum Step {
    Tell(Ask),
    /// It was answered, or snoozed, before anybody was told.
    TooSoon {
        ask: Ask,
        snoozed: bool,
    },
    /// Devices were told of it, and it is not open any more.
    Over {
        told: Told,
        snoozed: bool,
    },
    /// The same, and another one of its session that was told of before is still open.
    Back {
        over: Told,
        open: Ask,
    },
}

impl Plan {
    /// `told` is what an earlier daemon told of.
    pub fn new(told: Vec<Told>, now: Instant) -> Self {
        let told: HashMap<String, Told> = told.into_iter().map(|told| (told.ask.clone(), told)).collect();
        Self { waiting: HashMap::new(), earlier: told.keys().cloned().collect(), told, grace: now + RETURN }
    }

    /// What is to be done now that these asks are open, and when to look again.
    pub fn look(&mut self, all: &[Ask], now: Instant, time: Timestamp) -> (Vec<Step>, Option<Instant>) {
        let open: HashMap<&str, &Ask> =
            all.iter().filter(|ask| ask.is_due(time)).map(|ask| (ask.id.as_str(), ask)).collect();
        let mut steps = self.ended(all, &open, now);
        for (id, ask) in &open {
            if !self.told.contains_key(*id) {
                let waiting = || Waiting { ask: (*ask).clone(), due: now + PATIENCE };
                self.waiting.entry((*id).to_owned()).or_insert_with(waiting);
            }
        }
        let due: Vec<String> =
            self.waiting.iter().filter(|(_, waiting)| waiting.due <= now).map(|(id, _)| id.clone()).collect();
        let mut due: Vec<Ask> = due.iter().filter_map(|id| Some(self.waiting.remove(id)?.ask)).collect();
        due.sort_by_key(|ask| (ask.asked_at, ask.id.clone()));
        steps.extend(due.into_iter().map(Step::Tell));
        (steps, self.next(all, now, time))
    }

    /// What is not open any more.
    fn ended(&mut self, all: &[Ask], open: &HashMap<&str, &Ask>, now: Instant) -> Vec<Step> {
        let snoozed = |id: &str| all.iter().any(|ask| ask.id == id);
        let mut steps = Vec::new();
        let is_over = |id: &String, _: &mut Waiting| !open.contains_key(id.as_str());
        let too_soon = self.waiting.extract_if(is_over).map(|(id, Waiting { ask, .. })| {
            let snoozed = snoozed(&id);
            Step::TooSoon { ask, snoozed }
        });
        steps.extend(too_soon);
        self.earlier.retain(|id| now < self.grace && !open.contains_key(id.as_str()));
        let is_over = |id: &String| !open.contains_key(id.as_str()) && !self.earlier.contains(id);
        let mut over: Vec<Told> = self.told.extract_if(|id, _| is_over(id)).map(|(_, told)| told).collect();
        over.sort_by(|one, other| one.ask.cmp(&other.ask));
        for told in over {
            let of_session = self.told.values().filter(|other| other.session == told.session);
            let besides =
                of_session.filter_map(|other| open.get(other.ask.as_str())).max_by_key(|ask| ask.asked_at);
            steps.push(match besides {
                Some(ask) => Step::Back { over: told, open: (*ask).clone() },
                None => Step::Over { snoozed: snoozed(&told.ask), told },
            });
        }
        steps
    }

    fn next(&self, all: &[Ask], now: Instant, time: Timestamp) -> Option<Instant> {
        let due = self.waiting.values().map(|waiting| waiting.due);
        let snoozed = all.iter().filter_map(|ask| ask.snoozed_until).filter(|until| *until > time);
        let snoozed = snoozed.map(|until| {
            let left = Duration::try_from(until.duration_since(time)).unwrap_or_default();
            // By the wall clock it may be later.
            now + left.clamp(Duration::from_millis(100), LOOK_AGAIN)
        });
        due.chain(snoozed).chain((!self.earlier.is_empty()).then_some(self.grace)).min()
    }

    /// These were told of it, besides those that had been.
    pub fn told(&mut self, ask: &Ask, devices: HashSet<LoginId>, outlets: bool) {
        let Ask { id, session, kind, title, .. } = ask.clone();
        let new = Told { ask: id.clone(), session, kind, title, devices: HashSet::new(), outlets: false };
        let told = self.told.entry(id).or_insert(new);
        told.devices.extend(devices);
        told.outlets |= outlets;
    }

    pub fn devices_of(&self, ask: &str) -> HashSet<LoginId> {
        self.told.get(ask).map(|told| told.devices.clone()).unwrap_or_default()
    }

    pub fn all_told(&self) -> Vec<Told> {
        let mut told: Vec<Told> = self.told.values().cloned().collect();
        told.sort_by(|one, other| one.ask.cmp(&other.ask));
        told
    }
}

#[cfg(test)]
mod tests {
    use codepiper_protocol::wire::ask::AnsweredIn;

    use super::*;

    fn ask(id: &str, session: u8) -> Ask {
        Ask {
            id: id.to_owned(),
            session: format!("a1b2c3d4-0000-4000-8000-0000000000{session:02x}").parse().unwrap(),
            kind: AskKind::Permission,
            asked_at: Timestamp::UNIX_EPOCH,
            title: id.to_owned(),
            tool: None,
            text: String::new(),
            cwd: None,
            questions: Vec::new(),
            answered_in: AnsweredIn::Here,
            changes_allowed: false,
            always: None,
            why: None,
            risk: None,
            expires_at: None,
            snoozed_until: None,
            evidence: None,
        }
    }

    /// Looks at these asks so many seconds after the beginning, and tells of what is to be told.
    fn look(plan: &mut Plan, begin: Instant, seconds: u64, asks: &[Ask]) -> (Vec<String>, Option<u64>) {
        let now = begin + Duration::from_secs(seconds);
        let time = Timestamp::from_second(seconds as i64).unwrap();
        let (steps, next) = plan.look(asks, now, time);
        let steps = steps.into_iter().map(|step| match step {
            Step::Tell(ask) => {
                plan.told(&ask, HashSet::new(), false);
                format!("tell {}", ask.id)
            }
            Step::TooSoon { ask, snoozed } => format!("too soon {} {snoozed}", ask.id),
            Step::Over { told, snoozed } => format!("over {} {snoozed}", told.ask),
            Step::Back { over, open } => format!("over {}, back to {}", over.ask, open.id),
        });
        let next = next.map(|next| next.duration_since(begin).as_secs());
        (steps.collect(), next)
    }

    fn steps(of: &[&str]) -> Vec<String> {
        of.iter().map(|step| (*step).to_owned()).collect()
    }

    #[test]
    fn who_answers_at_once_is_not_told() {
        let begin = Instant::now();
        let mut plan = Plan::new(Vec::new(), begin);
        assert_eq!(look(&mut plan, begin, 0, &[]), (vec![], None), "nothing happens, and no timer runs");
        assert_eq!(look(&mut plan, begin, 1, &[ask("a", 1)]), (vec![], Some(6)));
        assert_eq!(look(&mut plan, begin, 5, &[]), (steps(&["too soon a false"]), None));
        assert_eq!(look(&mut plan, begin, 60, &[]), (vec![], None));
    }

    #[test]
    fn each_ask_is_told_once_and_so_is_its_end() {
        let begin = Instant::now();
        let mut plan = Plan::new(Vec::new(), begin);
        look(&mut plan, begin, 10, &[ask("a", 1)]);
        assert_eq!(look(&mut plan, begin, 15, &[ask("a", 1)]), (steps(&["tell a"]), None));
        assert_eq!(look(&mut plan, begin, 20, &[ask("a", 1)]), (vec![], None));
        assert_eq!(look(&mut plan, begin, 60, &[]), (steps(&["over a false"]), None));
        assert_eq!(look(&mut plan, begin, 70, &[]), (vec![], None));
    }

    #[test]
    fn what_a_session_asks_besides_takes_the_place_of_what_was_answered() {
        let begin = Instant::now();
        let mut plan = Plan::new(Vec::new(), begin);
        look(&mut plan, begin, 10, &[ask("a", 1), ask("b", 1), ask("c", 2)]);
        let told = look(&mut plan, begin, 15, &[ask("a", 1), ask("b", 1), ask("c", 2)]).0;
        assert_eq!(told, steps(&["tell a", "tell b", "tell c"]));
        assert_eq!(look(&mut plan, begin, 20, &[ask("a", 1), ask("c", 2)]).0, steps(&["over b, back to a"]));
        assert_eq!(look(&mut plan, begin, 21, &[ask("c", 2)]).0, steps(&["over a false"]));
    }

    #[test]
    fn a_new_daemon_knows_what_was_told() {
        let begin = Instant::now();
        let mut plan = Plan::new(Vec::new(), begin);
        plan.told(&ask("a", 1), HashSet::new(), false);
        plan.told(&ask("b", 2), HashSet::new(), false);
        let mut plan = Plan::new(plan.all_told(), begin);
        // The agents' hooks are not back yet.
        assert_eq!(look(&mut plan, begin, 0, &[]), (vec![], Some(30)));
        assert_eq!(look(&mut plan, begin, 2, &[ask("a", 1)]), (vec![], Some(30)));
        assert_eq!(look(&mut plan, begin, 3, &[]), (steps(&["over a false"]), Some(30)));
        assert_eq!(look(&mut plan, begin, 30, &[]), (steps(&["over b false"]), None));
    }

    #[test]
    fn a_snoozed_ask_is_told_again() {
        let begin = Instant::now();
        let mut plan = Plan::new(Vec::new(), begin);
        look(&mut plan, begin, 10, &[ask("a", 1)]);
        look(&mut plan, begin, 15, &[ask("a", 1)]);
        let snoozed = Ask { snoozed_until: Some(Timestamp::from_second(80).unwrap()), ..ask("a", 1) };
        assert_eq!(
            look(&mut plan, begin, 20, std::slice::from_ref(&snoozed)),
            (steps(&["over a true"]), Some(80))
        );
        assert_eq!(look(&mut plan, begin, 80, std::slice::from_ref(&snoozed)), (vec![], Some(85)));
        assert_eq!(look(&mut plan, begin, 85, std::slice::from_ref(&snoozed)), (steps(&["tell a"]), None));
    }
}
