//! Many keys, one record: what a client typed into a session, without the text.
//!
//! Time is passed in: who owns the summary owns its timer. A key costs a few additions.

use std::mem;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::json;

use super::NewRecord;
use super::record::whole_milliseconds;

/// The kind of its records.
const KIND: &str = "input";
/// No summary is about a longer time.
const LONGEST: Duration = Duration::from_mins(1);

/// What one client typed into one session.
#[derive(Clone, Debug)]
pub struct InputSummary {
    client: String,
    session: String,
    /// Without input for so long, it is written.
    pause: Duration,
    running: Option<Running>,
}

#[derive(Clone, Copy, Debug)]
struct Running {
    count: u64,
    bytes: u64,
    from: Timestamp,
    to: Timestamp,
    began: Instant,
    last: Instant,
}

impl InputSummary {
    pub fn new(client: String, session: String, pause: Duration) -> Self {
        Self { client, session, pause, running: None }
    }

    /// Takes one input of so many bytes. Returns the record of what came before when that has ended: the timer was late.
    #[must_use]
    pub fn key(&mut self, bytes: usize, now: Instant, at: Timestamp) -> Option<NewRecord> {
        let ended = self.take_due(now);
        let running = self.running.get_or_insert(Running {
            count: 0,
            bytes: 0,
            from: at,
            to: at,
            began: now,
            last: now,
        });
        running.count += 1;
        running.bytes = running.bytes.saturating_add(bytes as u64);
        (running.to, running.last) = (at, now);
        ended
    }

    /// When the timer has to call [`InputSummary::take_due`]. `None`: nothing was typed. Every key moves it.
    pub fn due(&self) -> Option<Instant> {
        self.running.map(|running| (running.last + self.pause).min(running.began + LONGEST))
    }

    /// The record, when it is time.
    #[must_use]
    pub fn take_due(&mut self, now: Instant) -> Option<NewRecord> {
        self.due().is_some_and(|due| due <= now).then(|| self.take()).flatten()
    }

    /// The record of what was typed so far: the client or the session is gone.
    #[must_use]
    pub fn take(&mut self) -> Option<NewRecord> {
        let Running { count, bytes, from, to, .. } = mem::take(&mut self.running)?;
        let time = |at| format!("{:.3}", whole_milliseconds(at));
        Some(NewRecord {
            kind: KIND.to_owned(),
            actor: self.client.clone(),
            session: Some(self.session.clone()),
            data: json!({ "count": count, "bytes": bytes, "from": time(from), "to": time(to) }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(5);

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millisecond(millis as i64).unwrap()
    }

    fn summary() -> (InputSummary, impl Fn(u64) -> Instant) {
        let start = Instant::now();
        let summary = InputSummary::new("phone".into(), "s1".into(), PAUSE);
        (summary, move |millis| start + Duration::from_millis(millis))
    }

    fn data(count: u64, bytes: u64, from: u64, to: u64) -> serde_json::Value {
        let time = |millis| format!("{:.3}", at(millis));
        json!({ "count": count, "bytes": bytes, "from": time(from), "to": time(to) })
    }

    #[test]
    fn a_pause_ends_a_summary() {
        let (mut summary, clock) = summary();
        assert_eq!((summary.due(), summary.take()), (None, None));
        for millis in [0, 1000, 5999] {
            assert_eq!(summary.key(2, clock(millis), at(millis)), None);
        }
        assert_eq!(summary.due(), Some(clock(10_999)));
        assert_eq!(summary.take_due(clock(10_998)), None);
        let record = summary.take_due(clock(10_999)).unwrap();
        assert_eq!((record.kind.as_str(), record.actor.as_str()), ("input", "phone"));
        assert_eq!((record.session.as_deref(), record.data), (Some("s1"), data(3, 6, 0, 5999)));
        assert_eq!((summary.due(), summary.take_due(clock(99_999))), (None, None));
    }

    #[test]
    fn a_minute_ends_a_summary_that_never_pauses() {
        let (mut summary, clock) = summary();
        let mut records = Vec::new();
        for millis in (0..=150_000).step_by(100) {
            records.extend(summary.take_due(clock(millis)));
            records.extend(summary.key(1, clock(millis), at(millis)));
        }
        records.extend(summary.take());
        let all: Vec<_> = records.into_iter().map(|record| record.data).collect();
        assert_eq!(
            all,
            [data(600, 600, 0, 59_900), data(600, 600, 60_000, 119_900), data(301, 301, 120_000, 150_000)]
        );
    }

    #[test]
    fn a_timer_that_is_late_mixes_nothing() {
        let (mut summary, clock) = summary();
        assert_eq!(summary.key(1, clock(0), at(0)), None);
        let ended = summary.key(4, clock(20_000), at(20_000)).unwrap();
        assert_eq!(ended.data, data(1, 1, 0, 0));
        assert_eq!(summary.take().unwrap().data, data(1, 4, 20_000, 20_000));
    }
}
