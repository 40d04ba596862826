//! What was refused, on record: each request by itself, up to so many a minute. Who asks in a loop does not fill the
//! disk.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use codepiper_protocol::SessionId;
use codepiper_protocol::event::Body;
use tokio::time::{Instant, sleep_until};

use crate::lock::lock;
use crate::session::Sessions;
use crate::tasks::Tasks;

/// So many a minute are recorded one by one, of each session.
const SINGLY: u32 = 100;
const MINUTE: Duration = Duration::from_secs(60);
/// Of what was asked for, so much is recorded, in bytes.
const LONGEST: usize = 300;

type Emit = dyn Fn(Option<SessionId>, Body) + Send + Sync;

/// Clones share it.
#[derive(Clone)]
pub struct Refusals(Arc<Inner>);

struct Inner {
    minutes: Mutex<HashMap<Option<SessionId>, Minute>>,
    tasks: Tasks,
    emit: Box<Emit>,
    /// How long they are counted together.
    minute: Duration,
}

struct Minute {
    ends: Instant,
    refused: u32,
}

impl Refusals {
    pub fn new(sessions: &Sessions, tasks: &Tasks) -> Self {
        let sessions = sessions.clone();
        Self::counting(MINUTE, tasks.clone(), move |session, body| sessions.event(session, body))
    }

    fn counting(
        minute: Duration,
        tasks: Tasks,
        emit: impl Fn(Option<SessionId>, Body) + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner { minutes: Mutex::default(), tasks, emit: Box::new(emit), minute }))
    }

    /// This was refused to a process of that session, or of none that is known.
    pub fn note(&self, session: Option<SessionId>, pid: i32, request: &str) {
        let refused = {
            let mut minutes = lock(&self.0.minutes);
            let now = Instant::now();
            // Those that are counted go when the rest of them is recorded.
            minutes.retain(|_, minute| now < minute.ends || minute.refused > SINGLY);
            let minute = minutes.entry(session).or_insert(Minute { ends: now + self.0.minute, refused: 0 });
            minute.refused = minute.refused.saturating_add(1);
            if minute.refused == SINGLY + 1 {
                self.record_the_rest(session, pid, minute.ends);
            }
            minute.refused
        };
        if refused <= SINGLY {
            (self.0.emit)(session, Body::AuthAgentRefused { pid, request: shortened(request) });
        }
    }

    /// At the end of the minute, or when the daemon leaves.
    fn record_the_rest(&self, session: Option<SessionId>, pid: i32, ends: Instant) {
        let this = self.clone();
        self.0.tasks.spawn(async move {
            let _ = this.0.tasks.shutdown.run_until_cancelled(sleep_until(ends)).await;
            let counted = lock(&this.0.minutes).remove(&session);
            let more = counted.map_or(0, |minute| minute.refused.saturating_sub(SINGLY));
            let request =
                format!("{more} more {} within a minute", if more == 1 { "request" } else { "requests" });
            (this.0.emit)(session, Body::AuthAgentRefused { pid, request });
        });
    }
}

fn shortened(request: &str) -> String {
    if request.len() <= LONGEST {
        return request.to_owned();
    }
    format!("{}… ({} bytes)", &request[..request.floor_char_boundary(LONGEST)], request.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(minute: Duration) -> (Refusals, Arc<Mutex<Vec<String>>>, Tasks) {
        let (tasks, list) = (Tasks::default(), Arc::new(Mutex::new(Vec::new())));
        let records = list.clone();
        let refusals = Refusals::counting(minute, tasks.clone(), move |_, body| match body {
            Body::AuthAgentRefused { request, .. } => lock(&records).push(request),
            other => panic!("{other:?}"),
        });
        (refusals, list, tasks)
    }

    #[tokio::test]
    async fn a_loop_is_recorded_as_a_hundred_and_a_number_a_minute() {
        let (refusals, list, _tasks) = recorded(Duration::from_secs(2));
        for number in 0..1500 {
            refusals.note(None, 7, &format!("GET /api/{number}"));
        }
        assert_eq!(lock(&list).len(), 100);
        while lock(&list).len() == 100 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(lock(&list).last().unwrap(), "1400 more requests within a minute");
        refusals.note(None, 7, "GET /api/x");
        assert_eq!(lock(&list)[101..], ["GET /api/x"]);
    }

    #[tokio::test]
    async fn each_session_has_its_own_limit_and_a_daemon_that_leaves_records_the_rest() {
        let (refusals, list, tasks) = recorded(MINUTE);
        let other = Some(SessionId::random());
        for _ in 0..102 {
            refusals.note(None, 7, "x");
        }
        refusals.note(other, 8, "other");
        assert_eq!(lock(&list).last().unwrap(), "other");
        tasks.end().await;
        assert_eq!(lock(&list).last().unwrap(), "2 more requests within a minute");
    }

    #[tokio::test]
    async fn a_long_request_is_cut() {
        let (refusals, list, _tasks) = recorded(MINUTE);
        refusals.note(None, 7, &format!("GET /api/{}", "é".repeat(20_000)));
        let record = lock(&list).pop().unwrap();
        assert!(record.len() < 330 && record.ends_with("é… (40009 bytes)"), "{record}");
    }
}
