//! The usage limit that ended an agent's last turn: its transcript tells, and its quota where that leaves something open.

use std::path::PathBuf;
use std::sync::Arc;

use codepiper_protocol::wire::meters::Meters;
use codepiper_protocol::wire::session::{Activity, Billing, EvidenceSource, UsageLimit, WaitingFor};
use jiff::Timestamp;

use super::Evidence;
use crate::session::cell::Session;
use crate::session::life::machine::Input;

/// A limit, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limited {
    pub limit: UsageLimit,
    pub account: Account,
}

/// What sessions have in common that may have one limit, as far as that can be seen without any credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    provider: &'static str,
    home: Option<PathBuf>,
    billing: Option<Billing>,
    env_sets: Vec<String>,
}

/// What its quota says of a limit.
fn complete(limit: &mut UsageLimit, meters: &Meters) {
    const USED_UP: f64 = 99.5;
    let this = |window: &str| limit.window.as_deref().is_none_or(|known| known == window);
    let used_up = meters.quota.iter().filter(|quota| quota.used_percent >= USED_UP && this(&quota.window));
    let holds = used_up.filter(|quota| quota.resets_at.is_some_and(|reset| reset > limit.at));
    // All of them must have reset.
    if let Some(quota) = holds.max_by_key(|quota| quota.resets_at) {
        limit.resets_at = limit.resets_at.or(quota.resets_at);
        limit.window.get_or_insert_with(|| quota.window.clone());
    }
}

impl Evidence {
    /// Its transcript ends with this limit, or with none. Reads files.
    pub(super) fn limit_read(&self, session: &Arc<Session>, limit: Option<UsageLimit>) {
        let record = session.record();
        let prompted = session.evidence.seen().prompted;
        // It may be another program's, or from before a prompt that is not written down yet.
        let counts = |limit: &UsageLimit| {
            limit.at >= record.life.launched_at && prompted.is_none_or(|prompted| limit.at >= prompted)
        };
        let limited = limit.filter(counts).map(|mut limit| {
            complete(&mut limit, &session.shown().meters.clone().unwrap_or_default());
            let env = self.programs.environment(&record);
            let home = session.provider.accounts.and_then(|accounts| (accounts.home)(&env));
            let (billing, env_sets) = (record.recipe.billing, record.recipe.env_sets.clone());
            Limited { limit, account: Account { provider: session.provider.name, home, billing, env_sets } }
        });
        self.set_limited(session, limited);
    }

    /// Its quota may say when it resets.
    pub(super) fn complete_limit(&self, session: &Arc<Session>) {
        let limited = {
            let shown = session.shown();
            let (Some(mut limited), Some(meters)) = (shown.limited.clone(), &shown.meters) else { return };
            complete(&mut limited.limit, meters);
            limited
        };
        self.set_limited(session, Some(limited));
    }

    fn set_limited(&self, session: &Arc<Session>, limited: Option<Limited>) {
        {
            let mut shown = session.shown();
            if shown.limited == limited {
                return;
            }
            shown.limited.clone_from(&limited);
        }
        match limited {
            Some(Limited { limit, .. }) if limit.holds(Timestamp::now()) => {
                let (source, activity) = (EvidenceSource::Transcript, Activity::Waiting);
                let what = format!("its transcript ends with a {limit}");
                let waiting_for = Some(WaitingFor::UsageLimit);
                self.life.apply(session, Input::Activity { source, activity, waiting_for, what });
            }
            Some(_) => {}
            None => self.life.apply(session, Input::LimitOver { what: "its transcript goes on".to_owned() }),
        }
        self.registry.touch(session);
        if let Some(above) = self.context.above() {
            above.limited();
        }
    }
}

#[cfg(test)]
mod tests {
    use codepiper_protocol::wire::meters::Quota;

    use super::*;

    #[test]
    fn the_quota_says_what_the_transcript_leaves_open() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let quota = |window: &str, used_percent: f64, resets: i64| Quota {
            window: window.into(),
            used_percent,
            resets_at: Some(at(resets)),
            at: at(0),
        };
        let meters = Meters {
            quota: vec![
                quota("five_hour", 100.0, 50),
                quota("seven_day", 100.0, 90),
                quota("other", 40.0, 200),
            ],
            ..Meters::default()
        };
        let completed = |window: Option<&str>, reached: i64| {
            let mut limit =
                UsageLimit { window: window.map(str::to_owned), resets_at: None, at: at(reached) };
            complete(&mut limit, &meters);
            (limit.window, limit.resets_at.map(Timestamp::as_second))
        };
        assert_eq!(completed(None, 10), (Some("seven_day".into()), Some(90)));
        assert_eq!(completed(Some("five_hour"), 10), (Some("five_hour".into()), Some(50)));
        assert_eq!(completed(Some("other"), 10), (Some("other".into()), None));
        assert_eq!(completed(None, 95), (None, None));
    }
}
