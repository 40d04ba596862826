//! Tells an agent to continue after a usage limit. Written down before it is done, so that it happens once at most: a daemon
//! that is killed in between does not send it again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use codepiper_protocol::event::Body;
use codepiper_protocol::key::Key;
use codepiper_protocol::wire::input::{IfBusy, Sent};
use codepiper_protocol::wire::problem::{Code, Problem};
use codepiper_protocol::wire::session::{Activity, UsageLimit};

use super::Limits;
use crate::lock::lock;
use crate::provider::AtLimit;
use crate::session::cell::Session;

const PROMPT: &str = "continue";
/// A dialog that was left has gone in this time.
const LEAVE_LIMIT: Duration = Duration::from_secs(5);

impl Limits {
    pub(super) async fn resume(&self, session: &Arc<Session>, limit: &UsageLimit) {
        let reached = limit.at;
        let claimed = self.life.change(session, |record| {
            record.life.continued = Some(reached);
            Ok(())
        });
        if let Err(problem) = claimed.await {
            tracing::warn!(id = %session.id, %problem, "an agent is not told to continue: that cannot be written down");
            return;
        }
        let (receipt, reason) = match self.tell_to_continue(session, limit).await {
            Ok(Sent { receipt, warning, .. }) => (Some(receipt), warning),
            Err(problem) => (None, Some(problem.detail)),
        };
        self.context.event(Some(session.id), Body::SessionContinued { receipt, reason });
        lock(&self.begun).remove(&(session.id, reached));
    }

    /// Only into an empty composer, and only if nothing was said since.
    async fn tell_to_continue(&self, session: &Arc<Session>, limit: &UsageLimit) -> Result<Sent, Problem> {
        let name = session.provider.name;
        let refused = |why: String| Problem::new(Code::Busy, why);
        let ends_with_it = || session.shown().limited.as_ref().is_some_and(|now| now.limit.at == limit.at);
        self.evidence.read_transcript(session).await;
        if !ends_with_it() {
            return Err(refused("the conversation has gone on".to_owned()));
        }
        let halted = || lock(&self.left).contains(&(session.id, limit.at));
        if halted() {
            return Err(refused("it was halted".to_owned()));
        }
        match self.at_limit(session).await {
            Some(AtLimit::GoesOn) => return Err(refused(format!("{name} continues by itself"))),
            Some(AtLimit::Asks { leave }) => self.leave_dialog(session, leave).await?,
            None => {}
        }
        if halted() {
            return Err(refused("it was halted".to_owned()));
        }
        let text = Bytes::from_static(PROMPT.as_bytes());
        self.typing.send(session, &[], text, true, Some(IfBusy::Refuse), true).await
    }

    async fn at_limit(&self, session: &Arc<Session>) -> Option<AtLimit> {
        let mut follower = self.source.follow(session).await?;
        follower.catch_up();
        session.provider.signals.at_limit(&follower.rows())
    }

    async fn leave_dialog(&self, session: &Arc<Session>, key: &str) -> Result<(), Problem> {
        let key: Key =
            key.parse().map_err(|_| Problem::new(Code::Internal, format!("there is no key {key}")))?;
        self.typing.send_keys(session, &[key]).await?;
        let left = session.until(|session| !session.is_live() || session.turn() != Activity::Waiting);
        tokio::time::timeout(LEAVE_LIMIT, left)
            .await
            .map_err(|_| Problem::new(Code::Busy, "the dialog about its usage limit does not close"))
    }
}
