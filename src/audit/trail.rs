//! What the daemon puts on record, and when: decisions and changes of policies before they take effect, what happens to
//! sessions and sign-ins soon after.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use codepiper_protocol::event::{Body, Event, Source};
use codepiper_protocol::wire::problem::{Code, Problem};

use super::{Audit, NewRecord, Sync};
use crate::bus::Bus;
use crate::tasks::{Tasks, blocking};

/// What is written soon after is synced within this time.
const SOON: Duration = Duration::from_secs(1);
/// Events taken at once.
const PAGE: usize = 100;

/// The audit of a daemon; without one nothing is allowed by a rule. Clones share it.
#[derive(Clone)]
pub struct Trail(Result<Arc<Audit>, Arc<str>>);

impl Trail {
    /// Opens the log, says what was found, and puts on record what happens from now on. Locks its directory.
    pub fn open(dir: &Path, bus: &Arc<Bus>, tasks: &Tasks) -> Self {
        let opened = std::fs::create_dir_all(dir).map_err(|error| error.to_string());
        match opened.and_then(|()| Audit::open(dir).map_err(|error| error.to_string())) {
            Ok((audit, opened)) => {
                for repaired in &opened.repaired {
                    tracing::info!(?repaired, "what a crash left in the audit was repaired");
                }
                for alarm in &opened.alarms {
                    tracing::error!(?alarm, "the audit was changed by somebody");
                }
                let trail = Self(Ok(Arc::new(audit)));
                trail.follow(bus, tasks);
                trail
            }
            Err(error) => {
                tracing::error!(%error, "the audit cannot be written: no rule allows anything");
                Self(Err(error.into()))
            }
        }
    }

    /// Puts something on record and on the disk. Blocks.
    ///
    /// # Errors
    /// It is not on record: it may not take effect.
    pub fn before(&self, record: &NewRecord) -> Result<(), Problem> {
        let failed = |error: String| Problem::new(Code::Internal, format!("cannot write the audit: {error}"));
        let audit = self.0.as_ref().map_err(|why| failed(why.to_string()))?;
        audit.append(record, Sync::Before).map(drop).map_err(|error| failed(error.to_string()))
    }

    /// Puts on record what happens to sessions and sign-ins.
    fn follow(&self, bus: &Arc<Bus>, tasks: &Tasks) {
        let Ok(audit) = self.0.clone() else { return };
        let (bus, shutdown) = (bus.clone(), tasks.shutdown.clone());
        tasks.spawn(async move {
            let changed = Arc::new(tokio::sync::Notify::new());
            let mut last = bus.events.last();
            bus.events.watch(&changed);
            loop {
                // What happened until then is written, too.
                let leaves = shutdown.is_cancelled();
                last = put_down(&audit, &bus, last).await;
                if leaves || shutdown.run_until_cancelled(changed.notified()).await.is_none() {
                    put_down(&audit, &bus, last).await;
                    return;
                }
                // Those that come together share a sync.
                let _ = shutdown.run_until_cancelled(tokio::time::sleep(SOON / 4)).await;
            }
        });
    }
}

/// Writes what happened after that event; the last one.
async fn put_down(audit: &Arc<Audit>, bus: &Arc<Bus>, mut last: u64) -> u64 {
    loop {
        let events = bus.events.after(last, PAGE).await;
        let Some(newest) = events.last() else { return last };
        last = newest.seq;
        let records: Vec<NewRecord> = events.iter().filter_map(record).collect();
        if records.is_empty() {
            continue;
        }
        let audit = audit.clone();
        let written = blocking(move || {
            for record in &records {
                audit.append(record, Sync::Later)?;
            }
            audit.flush()
        });
        if let Ok(Err(error)) = written.await {
            tracing::error!(%error, "the audit cannot be written");
        }
    }
}

/// The record of an event that belongs into the audit and is not there before it takes effect.
fn record(event: &Event) -> Option<NewRecord> {
    let wanted = match &event.body {
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
        actor: "daemon".to_owned(),
        session: event.session.map(|id| id.to_string()),
        data: data["data"].clone(),
    })
}
