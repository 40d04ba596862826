//! What happens is put on record soon after, and old records are removed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use codepiper_protocol::event::{Body, Event, Source};
use codepiper_protocol::wire::ask::Gate;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{SOON, Trail, passes};
use crate::audit::{Filter, KeepAfter, NewRecord, Record, Result, Sync, read};
use crate::bus::Bus;
use crate::journal::disk::clock;
use crate::tasks::blocking;

/// Events taken at once.
const PAGE: usize = 100;
/// Old records are looked for so often, when something is recorded.
const BETWEEN_PRUNES: Duration = Duration::from_secs(24 * 3600);
/// So long after a failure it is tried again, whether something happens or not.
const RETRY: Duration = Duration::from_secs(30);

/// Puts on record what happens to sessions and sign-ins, and what is typed; removes what is too old.
pub(super) async fn follow(trail: Trail, bus: Arc<Bus>, shutdown: CancellationToken) {
    let changed = Arc::new(Notify::new());
    let mut last = bus.events.last();
    let mut pruned: Option<Instant> = None;
    bus.events.watch(&changed);
    loop {
        // What happened until then is written, too.
        let leaves = shutdown.is_cancelled();
        let behind = !put_down(&trail, &bus, &mut last).await;
        write_inputs(&trail, leaves).await;
        if leaves {
            return;
        }
        if let Some(days) = trail.max_days.filter(|_| pruned.is_none_or(|at| at.elapsed() >= BETWEEN_PRUNES))
        {
            pruned = Some(Instant::now());
            prune(&trail, days).await;
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = trail.inputs.due() => {}
            () = tokio::time::sleep(RETRY), if behind => {}
            // Those that come together share a sync.
            () = changed.notified() => {
                let _ = shutdown.run_until_cancelled(tokio::time::sleep(SOON / 4)).await;
            }
        }
    }
}

/// Removes records that are older than that, unless the clock has just leapt.
async fn prune(trail: &Trail, days: u32) {
    let trail = trail.clone();
    let now = Timestamp::now();
    let pruned = blocking(move || {
        let audit = trail.audit()?;
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

/// Writes what happened after `last`, which moves on. False: the rest cannot be written now.
async fn put_down(trail: &Trail, bus: &Arc<Bus>, last: &mut u64) -> bool {
    loop {
        let events = bus.events.after(*last, PAGE).await;
        let Some(newest) = events.last().map(|event| event.seq) else { return true };
        let records: Vec<(u64, NewRecord)> =
            events.iter().filter_map(|event| Some((event.seq, record(event)?))).collect();
        if !records.is_empty() {
            let trail = trail.clone();
            match blocking(move || write(&trail, &records)).await {
                Ok(Some(failed)) => {
                    *last = failed - 1;
                    return false;
                }
                Ok(None) => {}
                Err(_) => return false,
            }
        }
        *last = newest;
    }
}

/// The number of the first one that the disk did not take.
fn write(trail: &Trail, records: &[(u64, NewRecord)]) -> Option<u64> {
    let mut failed = None;
    for (number, record) in records {
        match trail.append(record, Sync::Later) {
            Ok(()) => {}
            Err(error) if passes(&error) => {
                tracing::error!(%error, "the audit cannot be written");
                failed = Some(*number);
                break;
            }
            Err(error) => {
                tracing::error!(%error, kind = record.kind, "an event is not in the audit");
                trail.misses(&record.kind);
            }
        }
    }
    flush(trail);
    failed
}

/// What is lost of it the log says itself.
fn flush(trail: &Trail) {
    if let Ok(audit) = trail.audit()
        && let Err(error) = audit.flush()
    {
        tracing::error!(%error, "the audit cannot be written");
    }
}

/// What was typed; `all`: whatever there is. It is not tried again: it goes on meanwhile.
async fn write_inputs(trail: &Trail, all: bool) {
    let records = trail.inputs.take(all);
    if records.is_empty() {
        return;
    }
    let trail = trail.clone();
    let written = blocking(move || {
        for record in &records {
            if let Err(error) = trail.append(record, Sync::Later) {
                tracing::error!(%error, "what was typed is not in the audit");
                trail.misses(&record.kind);
            }
        }
        flush(&trail);
    });
    let _ = written.await;
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
        | Body::SessionRemoved {}
        | Body::TerminalClientAttached { .. }
        | Body::TerminalClientDetached { .. } => true,
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
    use crate::audit::Audit;

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
