//! What the daemon puts on record, and when: decisions and changes of policies before they take effect, what happens to
//! sessions and sign-ins soon after.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use codepiper_protocol::event::{Body, Event, Source};
use codepiper_protocol::wire::ask::Gate;
use codepiper_protocol::wire::problem::{Code, Problem};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::inputs::Inputs;
use super::{Audit, Error, Filter, KeepAfter, NewRecord, Record, Result, Sync, read};
use crate::bus::Bus;
use crate::journal::disk::clock;
use crate::tasks::{Tasks, blocking};

/// What is written soon after is synced within this time.
const SOON: Duration = Duration::from_secs(1);
/// Events taken at once.
const PAGE: usize = 100;

/// Old records are looked for so often, when something is recorded.
const BETWEEN_PRUNES: Duration = Duration::from_secs(24 * 3600);

/// The audit of a daemon; without one nothing is allowed by a rule. Clones share it.
#[derive(Clone)]
pub struct Trail {
    audit: std::result::Result<Arc<Audit>, Arc<str>>,
    /// What clients type.
    pub inputs: Inputs,
    /// So long records are kept, in days; `None`: for ever.
    pub max_days: Option<u32>,
}

impl Trail {
    /// Opens the log, says what was found, and puts on record what happens from now on. Locks its directory.
    /// Records are kept for `max_days`, or for ever.
    pub fn open(dir: &Path, bus: &Arc<Bus>, tasks: &Tasks, max_days: Option<u32>) -> Self {
        let inputs = Inputs::default();
        let opened = std::fs::create_dir_all(dir).map_err(|error| error.to_string());
        match opened.and_then(|()| Audit::open(dir).map_err(|error| error.to_string())) {
            Ok((audit, opened)) => {
                for repaired in &opened.repaired {
                    tracing::info!(?repaired, "what a crash left in the audit was repaired");
                }
                for alarm in &opened.alarms {
                    tracing::error!(?alarm, "the audit was changed by somebody");
                }
                let audit = Arc::new(audit);
                tasks.spawn(follow(
                    audit.clone(),
                    bus.clone(),
                    inputs.clone(),
                    tasks.shutdown.clone(),
                    max_days,
                ));
                Self { audit: Ok(audit), inputs, max_days }
            }
            Err(error) => {
                tracing::error!(%error, "the audit cannot be written: no rule allows anything");
                inputs.close();
                Self { audit: Err(error.into()), inputs, max_days }
            }
        }
    }

    /// Puts something on record and on the disk. Blocks.
    ///
    /// # Errors
    /// It is not on record: it may not take effect.
    pub fn before(&self, record: &NewRecord) -> std::result::Result<(), Problem> {
        let failed = |error: String| Problem::new(Code::Internal, format!("cannot write the audit: {error}"));
        let audit = self.audit.as_ref().map_err(|why| failed(why.to_string()))?;
        audit.append(record, Sync::Before).map(drop).map_err(|error| failed(error.to_string()))
    }
}

/// Puts on record what happens to sessions and sign-ins, and what is typed; removes what is too old.
async fn follow(
    audit: Arc<Audit>,
    bus: Arc<Bus>,
    inputs: Inputs,
    shutdown: CancellationToken,
    max_days: Option<u32>,
) {
    let changed = Arc::new(Notify::new());
    let mut last = bus.events.last();
    let mut pruned: Option<Instant> = None;
    bus.events.watch(&changed);
    loop {
        // What happened until then is written, too.
        let leaves = shutdown.is_cancelled();
        last = put_down(&audit, &bus, last).await;
        write(&audit, inputs.take(leaves)).await;
        if leaves {
            return;
        }
        if let Some(days) = max_days.filter(|_| pruned.is_none_or(|at| at.elapsed() >= BETWEEN_PRUNES)) {
            pruned = Some(Instant::now());
            prune(&audit, days).await;
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = inputs.due() => {}
            // Those that come together share a sync.
            () = changed.notified() => {
                let _ = shutdown.run_until_cancelled(tokio::time::sleep(SOON / 4)).await;
            }
        }
    }
}

/// Removes records that are older than that, unless the clock has just leapt.
async fn prune(audit: &Arc<Audit>, days: u32) {
    let audit = audit.clone();
    let now = Timestamp::now();
    let pruned = blocking(move || {
        if let Some(doubt) = doubt(audit.dir(), now, days)? {
            tracing::warn!(doubt, "no records of the audit are removed");
            return Ok(None);
        }
        let since = now.checked_sub(SignedDuration::from_hours(24 * i64::from(days)));
        since.map_or(Ok(None), |since| audit.prune(KeepAfter::Time(since)))
    });
    match pruned.await {
        Ok(Ok(Some(pruned))) => tracing::info!(?pruned, "old records of the audit were removed"),
        Ok(Err(error)) => tracing::error!(%error, "old records of the audit cannot be removed"),
        Ok(Ok(None)) | Err(_) => {}
    }
}

/// Why the clock is not believed, by the newest records.
fn doubt(dir: &Path, now: Timestamp, days: u32) -> Result<Option<String>> {
    const LOOKED_AT: usize = 1000;
    let filter = Filter { limit: Some(LOOKED_AT), ..Filter::default() };
    let stamp = |record: &Record| (record.at.as_millisecond(), record.at.as_millisecond());
    let stamps: Vec<(i64, i64)> = read(dir, &filter)?.records.iter().rev().map(stamp).collect();
    Ok(clock::read(&stamps, now.as_millisecond(), days).doubt)
}

/// Writes what happened after that event; the last one.
async fn put_down(audit: &Arc<Audit>, bus: &Arc<Bus>, mut last: u64) -> u64 {
    loop {
        let events = bus.events.after(last, PAGE).await;
        let Some(newest) = events.last() else { return last };
        last = newest.seq;
        write(audit, events.iter().filter_map(record).collect()).await;
    }
}

async fn write(audit: &Arc<Audit>, records: Vec<NewRecord>) {
    if records.is_empty() {
        return;
    }
    let audit = audit.clone();
    let written = blocking(move || {
        for record in &records {
            match audit.append(record, Sync::Later) {
                // It keeps no other one off the record.
                Err(error @ (Error::TooLong { .. } | Error::Kind(_) | Error::Data(_))) => {
                    audit.append(&instead_of(record, &error), Sync::Later)?;
                }
                appended => drop(appended?),
            }
        }
        audit.flush()
    });
    if let Ok(Err(error)) = written.await {
        tracing::error!(%error, "the audit cannot be written");
    }
}

/// What stands in the place of a record that the log does not take.
fn instead_of(record: &NewRecord, error: &Error) -> NewRecord {
    let data = json!({ "instead_of": record.kind, "why": error.to_string() });
    NewRecord { kind: "audit.record_refused".to_owned(), actor: "daemon".to_owned(), data, ..record.clone() }
}

/// The record of an event that belongs into the audit and is not there before it takes effect.
fn record(event: &Event) -> Option<NewRecord> {
    let mut actor = "daemon";
    let wanted = match &event.body {
        Body::AskWithdrawn { what, gate, .. } => {
            actor = match gate {
                Some(Gate::Terminal) => "terminal",
                Some(Gate::Agent) => "agent",
                _ => actor,
            };
            what.waits()
        }
        Body::AskHalted { by, .. } => {
            actor = by;
            true
        }
        Body::AuthAgentRefused { .. } => {
            actor = "agent";
            true
        }
        // It is, with who signs in.
        Body::AuthSignedIn { .. } => false,
        Body::SessionCreated { .. }
        | Body::SessionStarted { .. }
        | Body::SessionStopRequested { .. }
        | Body::SessionEnded { .. }
        | Body::SessionRemoved {} => true,
        body => body.source() == Source::Auth,
    };
    let data = wanted.then(|| serde_json::to_value(&event.body).ok()).flatten()?;
    Some(NewRecord {
        kind: event.kind().to_owned(),
        actor: actor.to_owned(),
        session: event.session.map(|id| id.to_string()),
        data: data["data"].clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_record_that_is_too_long_keeps_no_other_off_the_log() {
        let dir = tempfile::tempdir().unwrap();
        let (audit, _) = Audit::open(dir.path()).unwrap();
        let audit = Arc::new(audit);
        let record = |kind: &str, text: String| NewRecord {
            kind: kind.to_owned(),
            actor: "agent".to_owned(),
            session: None,
            data: text.into(),
        };
        let long = record("auth.agent_refused", "\"".repeat(70_000));
        write(&audit, vec![record("a", "1".to_owned()), long, record("b", "2".to_owned())]).await;
        let records = read(dir.path(), &Filter::default()).unwrap().records;
        let kinds: Vec<&str> = records.iter().map(|record| record.kind.as_str()).collect();
        assert_eq!(kinds, ["b", "audit.record_refused", "a"], "newest first");
        assert_eq!(records[1].data["instead_of"], "auth.agent_refused");
    }

    #[test]
    fn a_clock_that_leaps_removes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (audit, _) = Audit::open(dir.path()).unwrap();
        let record = NewRecord {
            kind: "x".to_owned(),
            actor: "y".to_owned(),
            session: None,
            data: serde_json::Value::Null,
        };
        audit.append(&record, Sync::Before).unwrap();
        let now = Timestamp::now();
        let in_days = |days: i64| now.checked_add(SignedDuration::from_hours(24 * days)).unwrap();
        assert_eq!(doubt(dir.path(), now, 30).unwrap(), None);
        assert_eq!(doubt(dir.path(), in_days(5), 30).unwrap(), None);
        assert!(doubt(dir.path(), in_days(400), 30).unwrap().unwrap().contains("ahead"));
    }
}
