//! What follows when a usage limit has reset: it is told, and where the configuration says so the agent is told to continue.
//! One timer for all of them, at the time by the wall clock.
//!
//! | module | what |
//! |--------|------|
//! | [`clock`] | waits for a time by the wall clock |
//! | [`resume`] | tells an agent to continue, once |

mod clock;
mod resume;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use codepiper_protocol::SessionId;
use codepiper_protocol::event::Body;
use codepiper_protocol::wire::session::WaitingFor;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use crate::lock::lock;
use crate::session::cell::Session;
use crate::session::context::Context;
use crate::session::evidence::{Evidence, Limited};
use crate::session::life::machine::Input;
use crate::session::life::{Core, Life};
use crate::session::registry::Registry;
use crate::session::screen_source::ScreenSource;
use crate::session::typing::Typing;
use clock::WallClock;

/// See the module. Clones share it.
#[derive(Clone)]
pub struct Limits {
    context: Arc<Context>,
    registry: Registry,
    life: Life,
    typing: Typing,
    evidence: Evidence,
    source: ScreenSource,
    changed: Arc<Notify>,
    /// Those that are being told to continue, with their limits.
    begun: Arc<Mutex<HashSet<(SessionId, Timestamp)>>>,
    /// Those that were halted, with the limits that they waited for.
    left: Arc<Mutex<HashSet<(SessionId, Timestamp)>>>,
}

impl Limits {
    pub(super) fn new(core: Core, typing: Typing, evidence: Evidence, source: ScreenSource) -> Self {
        let Core { context, registry, life } = core;
        let (changed, begun, left) = Default::default();
        Self { context, registry, life, typing, evidence, source, changed, begun, left }
    }

    /// A session's limit is another one than before.
    pub(super) fn look(&self) {
        self.changed.notify_one();
    }

    /// Does what is due, for as long as the daemon runs. `delay`: so long after a reset an agent is told to continue; never
    /// without it.
    pub async fn follow(&self, delay: Option<Duration>) {
        let clock = WallClock::new();
        loop {
            let next = self.do_what_is_due(Timestamp::now(), delay);
            tokio::select! {
                () = self.changed.notified() => {}
                () = clock.until(next) => {}
            }
        }
    }

    /// When there is something to do next.
    fn do_what_is_due(&self, now: Timestamp, delay: Option<Duration>) -> Option<Timestamp> {
        let limited: Vec<(Arc<Session>, Limited)> = self
            .registry
            .all()
            .into_iter()
            .filter(|session| session.is_live())
            .filter_map(|session| {
                let limited = session.shown().limited.clone()?;
                Some((session, limited))
            })
            .collect();
        let mut next: Vec<Timestamp> = Vec::new();
        for (session, Limited { limit, account }) in &limited {
            // Another session of the same account may have been told.
            let others =
                limited.iter().filter(|(_, other)| other.account == *account && other.limit.at <= limit.at);
            let told = || {
                others.filter_map(|(_, other)| other.limit.resets_at).filter(|reset| *reset > limit.at).max()
            };
            let Some(resets_at) = limit.resets_at.or_else(told) else { continue };
            if now < resets_at {
                next.push(resets_at);
                continue;
            }
            self.over(session);
            let Some(delay) = delay.filter(|_| !self.is_done(session, limit.at)) else { continue };
            let at = resets_at + jittered(delay, session.id);
            if now < at {
                next.push(at);
            } else if lock(&self.begun).insert((session.id, limit.at)) {
                let (limits, session, limit) = (self.clone(), session.clone(), limit.clone());
                self.context.tasks.spawn(async move { limits.resume(&session, &limit).await });
            }
        }
        next.into_iter().min()
    }

    /// The session is not told to continue after the limit that it waits for, even if that has begun.
    pub(super) fn leave(&self, session: &Arc<Session>) {
        let reached = session.shown().limited.as_ref().map(|limited| limited.limit.at);
        let Some(reached) = reached else { return };
        lock(&self.left).insert((session.id, reached));
        session.life.note(|record| record.life.continued = Some(reached));
        // Whoever stops agents is not stopped by a full disk.
        self.life.save_soon(session);
    }

    fn over(&self, session: &Arc<Session>) {
        if session.life().machine().waiting_for() == Some(WaitingFor::UsageLimit) {
            self.context.event(Some(session.id), Body::SessionLimitReset {});
            self.life.apply(session, Input::LimitOver { what: "the usage limit has reset".to_owned() });
        }
    }

    fn is_done(&self, session: &Session, reached: Timestamp) -> bool {
        session.life().record().life.continued.is_some_and(|continued| continued >= reached)
    }
}

/// Up to half as long again, always the same for a session: a daemon that starts anew comes to the same time.
fn jittered(delay: Duration, id: SessionId) -> SignedDuration {
    let share =
        id.short().bytes().fold(0u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) % 1000;
    SignedDuration::try_from(delay + delay * share / 2000).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_of_one_reset_do_not_continue_at_once() {
        let delay = Duration::from_secs(120);
        let at: HashSet<i128> = (0..50).map(|_| jittered(delay, SessionId::random()).as_millis()).collect();
        assert!(at.len() > 30 && at.iter().all(|at| (120_000..=180_000).contains(at)), "{at:?}");
    }
}
