//! Who typed into which session: a summary each, written when it pauses. On the way of a key are a lock and a few additions.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use codepiper_protocol::SessionId;
use jiff::Timestamp;
use tokio::sync::Notify;

use super::{InputSummary, NewRecord};
use crate::lock::lock;

/// Who types nothing for so long has paused.
const PAUSE: Duration = Duration::from_secs(5);

/// The summaries that are not written yet. Clones share them.
#[derive(Clone, Default)]
pub struct Inputs(Arc<Inner>);

#[derive(Default)]
struct Inner {
    open: Mutex<Open>,
    /// There was none, and now there is.
    begun: Notify,
}

#[derive(Default)]
struct Open {
    /// One for each client and session.
    summaries: Vec<(String, SessionId, InputSummary)>,
    /// Of those for which the timer was late.
    ended: Vec<NewRecord>,
}

impl Inputs {
    /// A client typed so many bytes.
    pub fn note(&self, client: &str, session: SessionId, bytes: usize) {
        let begins = {
            let mut open = lock(&self.0.open);
            let Open { summaries, ended } = &mut *open;
            let begins = summaries.is_empty();
            let known = summaries.iter_mut().find(|(by, of, _)| *of == session && by == client);
            let (now, at) = (Instant::now(), Timestamp::now());
            match known {
                Some((_, _, summary)) => ended.extend(summary.key(bytes, now, at)),
                None => {
                    let mut summary = InputSummary::new(client.to_owned(), session.to_string(), PAUSE);
                    ended.extend(summary.key(bytes, now, at));
                    summaries.push((client.to_owned(), session, summary));
                }
            }
            begins
        };
        if begins {
            self.0.begun.notify_one();
        }
    }

    /// Waits until something is to be written; for ever, as long as nobody types.
    pub async fn due(&self) {
        loop {
            let next = lock(&self.0.open).summaries.iter().filter_map(|(_, _, summary)| summary.due()).min();
            match next {
                // Each key moves it.
                Some(next) if next <= Instant::now() => return,
                Some(next) => tokio::time::sleep_until(next.into()).await,
                None => self.0.begun.notified().await,
            }
        }
    }

    /// What is to be written now; `all`: whatever there is.
    pub fn take(&self, all: bool) -> Vec<NewRecord> {
        let mut open = lock(&self.0.open);
        let Open { summaries, ended } = &mut *open;
        let mut records = std::mem::take(ended);
        let now = Instant::now();
        summaries.retain_mut(|(_, _, summary)| {
            let record = if all { summary.take() } else { summary.take_due(now) };
            let stays = record.is_none();
            records.extend(record);
            stays
        });
        records
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_is_due_while_nobody_types() {
        let inputs = Inputs::default();
        assert!(tokio::time::timeout(Duration::from_millis(50), inputs.due()).await.is_err());
        assert_eq!(inputs.take(true), []);
    }

    #[test]
    fn each_client_and_session_has_its_own() {
        let inputs = Inputs::default();
        let (a, b) = (SessionId::random(), SessionId::random());
        for (client, session) in [("phone", a), ("phone", b), ("desk", a), ("phone", a)] {
            inputs.note(client, session, 2);
        }
        assert_eq!(inputs.take(false), [], "nobody has paused");
        let mut taken: Vec<_> = inputs
            .take(true)
            .into_iter()
            .map(|record| (record.actor, record.session.unwrap(), record.data["count"].clone()))
            .collect();
        taken.sort_by_key(|(client, session, _)| (client.clone(), session.clone()));
        let row = |client: &str, session: SessionId, count: u64| {
            (client.to_owned(), session.to_string(), serde_json::Value::from(count))
        };
        let mut wanted = [row("desk", a, 1), row("phone", a, 2), row("phone", b, 1)];
        wanted.sort_by_key(|(client, session, _)| (client.clone(), session.clone()));
        assert_eq!(taken, wanted);
        assert_eq!(inputs.take(true), []);
    }
}
