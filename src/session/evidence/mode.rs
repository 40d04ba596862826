//! The permission mode of an agent. Its hooks name it while it works. When a person switches it at the prompt no hook tells,
//! but the agent asks its status line anew, and shows the mode on its screen.
//!
//! Any program of a session can call its hook: what a hook names is shown, and only what the screen has shown is kept for
//! a resume.

use std::sync::Arc;
use std::time::Duration;

use codepiper_protocol::event::{Body, Proof};
use codepiper_protocol::wire::session::{Activity, EvidenceSource};
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use super::Evidence;
use crate::session::cell::Session;

/// A screen is looked at when it has rested for so long, or was painted for so long.
const REST: Duration = Duration::from_millis(50);
const PAINTED: Duration = Duration::from_millis(250);

impl Evidence {
    /// Something says which mode the agent is in. What is older than the last word is no news.
    pub(super) fn mode_told(&self, session: &Arc<Session>, mode: &str, at: Timestamp, proof: Proof) {
        {
            let mut seen = session.evidence.seen();
            let now = Timestamp::now();
            // One of later than now is from before the clock was set back.
            if seen.mode_told.is_some_and(|told| at < told && told <= now) {
                return;
            }
            seen.mode_told = Some(at.min(now));
        }
        let shown = session.shown().permission_mode.replace(mode.to_owned());
        let kept = session.life.note(|record| {
            let kept = &mut record.recipe.permission_mode;
            match proof.source {
                EvidenceSource::Screen => kept.replace(mode.to_owned()),
                _ => kept.clone(),
            }
        });
        let is_kept = kept.as_deref() == Some(mode);
        let before = shown.or(kept);
        if !is_kept && proof.source == EvidenceSource::Screen {
            self.life.save_soon(session);
        }
        if before.as_deref() == Some(mode) {
            return;
        }
        if let Some(before) = before {
            let body = Body::SessionPermissionModeChanged { mode: mode.to_owned(), before, proof };
            self.context.bus.events.append(at, Some(session.id), body);
        }
        self.registry.touch(session);
    }

    /// The agent may be in another mode: looks once at the screen, when the turn is over and it has come to rest.
    pub(super) fn look_at_mode(&self, session: &Arc<Session>) {
        if std::mem::replace(&mut session.evidence.seen().looks_at_mode, true) {
            return;
        }
        let (evidence, session) = (self.clone(), session.clone());
        self.context.tasks.spawn_until_shutdown(async move {
            // That of a program that was found running is captured first.
            let rests = |session: &Session| session.screen_is_known() && session.turn() != Activity::Working;
            session.until(|session| rests(session) || !session.is_live()).await;
            // What is told from now on is looked at anew.
            session.evidence.seen().looks_at_mode = false;
            let rows = evidence.rested_screen(&session).await;
            let Some((rows, at)) = rows else { return };
            if let Some((mode, what)) = session.provider.signals.shown_mode(&rows) {
                evidence.mode_told(&session, mode, at, Proof { source: EvidenceSource::Screen, what });
            }
        });
    }

    async fn rested_screen(&self, session: &Arc<Session>) -> Option<(Vec<String>, Timestamp)> {
        let mut follower = self.source.follow(session).await?;
        let end = Instant::now() + PAINTED;
        loop {
            follower.catch_up();
            let rest = (Instant::now() + REST).min(end);
            if timeout_at(rest, follower.changed()).await.is_err() {
                follower.catch_up();
                return Some((follower.rows(), Timestamp::now()));
            }
        }
    }
}
