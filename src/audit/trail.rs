//! What the daemon puts on record, and when: decisions, requests and changes before they take effect, what happens to
//! sessions and sign-ins soon after.
//!
//! While it cannot be written, it is tried again with everything that comes, and what happens meanwhile is counted.

mod follow;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use codepiper_protocol::wire::problem::{Code, Problem};

use super::inputs::Inputs;
use super::unrecorded::Unrecorded;
use super::{Audit, Error, NewRecord, Sync};
use crate::bus::Bus;
use crate::lock::lock;
use crate::tasks::Tasks;

/// What is written soon after is synced within this time.
const SOON: Duration = Duration::from_secs(1);

/// The audit of a daemon. Clones share it.
#[derive(Clone)]
pub struct Trail {
    inner: Arc<Inner>,
    /// What clients type.
    pub inputs: Inputs,
    /// So long records are kept, in days; `None`: for ever.
    max_days: Option<u32>,
}

struct Inner {
    dir: PathBuf,
    /// `None`: it could not be opened yet.
    audit: Mutex<Option<Arc<Audit>>>,
    missing: Mutex<Missing>,
}

/// What was found, and what is not there.
#[derive(Clone, Default)]
struct Missing {
    alarms: Vec<String>,
    /// What no record tells of yet.
    untold: Option<Unrecorded>,
    /// How much could not be recorded since the daemon was started.
    all: u64,
}

/// How the audit is.
pub struct Standing {
    /// Why nothing can be recorded now.
    pub failing: Option<String>,
    /// What was found when it was opened and no crash leaves.
    pub alarms: Vec<String>,
    /// How much could not be recorded since the daemon was started.
    pub missing: u64,
    /// So long records are kept, in days; `None`: for ever.
    pub max_days: Option<u32>,
}

impl Trail {
    /// Opens the log, says what was found, and puts on record what happens from now on. Locks its directory.
    /// Records are kept for `max_days`, or for ever.
    pub fn open(dir: &Path, bus: &Arc<Bus>, tasks: &Tasks, max_days: Option<u32>) -> Self {
        let inner = Inner { dir: dir.to_owned(), audit: Mutex::default(), missing: Mutex::default() };
        let trail = Self { inner: Arc::new(inner), inputs: Inputs::default(), max_days };
        if let Err(error) = trail.audit() {
            tracing::error!(%error, "the audit cannot be written: no rule allows anything, and nothing is started");
        }
        tasks.spawn(follow::follow(trail.clone(), bus.clone(), tasks.shutdown.clone()));
        trail
    }

    /// Puts something on record and on the disk. Blocks.
    ///
    /// # Errors
    /// It is not on record: it may not take effect.
    pub fn before(&self, record: &NewRecord) -> std::result::Result<(), Problem> {
        let failed = |error: String| Problem::new(Code::Internal, format!("cannot write the audit: {error}"));
        self.append(record, Sync::Before).map_err(|error| failed(error.to_string()))
    }

    /// The same of what takes effect all the same, such as that an agent is stopped: it is counted if it is not on record.
    ///
    /// # Errors
    /// It is not on record.
    pub fn note(&self, record: &NewRecord) -> std::result::Result<(), Problem> {
        self.before(record).inspect_err(|_| self.misses(&record.kind))
    }

    /// How it is. Blocks.
    pub fn standing(&self) -> Standing {
        let probe = self.inner.dir.join("audit.probe.new");
        let tried = self.audit().map_err(|error| error.to_string()).and_then(|_| {
            let written = std::fs::write(&probe, [0; 4096]);
            let _ = std::fs::remove_file(&probe);
            written.map_err(|error| error.to_string())
        });
        let Missing { alarms, all, .. } = lock(&self.inner.missing).clone();
        Standing { failing: tried.err(), alarms, missing: all, max_days: self.max_days }
    }

    /// The log, opened if it can be by now.
    fn audit(&self) -> super::Result<Arc<Audit>> {
        let mut open = lock(&self.inner.audit);
        if let Some(audit) = &*open {
            return Ok(audit.clone());
        }
        let (audit, found) = Audit::open(&self.inner.dir)?;
        for repaired in &found.repaired {
            tracing::info!(?repaired, "what a crash left in the audit was repaired");
        }
        for alarm in &found.alarms {
            tracing::error!(?alarm, "the audit was changed by somebody");
            lock(&self.inner.missing).alarms.push(alarm.to_string());
        }
        let audit = Arc::new(audit);
        *open = Some(audit.clone());
        Ok(audit)
    }

    /// Behind what could not be recorded before.
    fn append(&self, record: &NewRecord, sync: Sync) -> super::Result<()> {
        let audit = self.audit()?;
        let untold = lock(&self.inner.missing).untold.take();
        if let Some(untold) = untold
            && let Err(error) = audit.append_own(&untold.record(), Sync::Before)
        {
            self.is_untold(untold);
            return Err(error);
        }
        audit.append(record, sync).map(drop)
    }

    /// Something has taken effect that is not on record.
    fn misses(&self, kind: &str) {
        lock(&self.inner.missing).all += 1;
        self.is_untold(Unrecorded::one(kind));
    }

    fn is_untold(&self, unrecorded: Unrecorded) {
        match &mut lock(&self.inner.missing).untold {
            Some(untold) => untold.add(unrecorded),
            none => *none = Some(unrecorded),
        }
    }
}

/// Whether it may be recorded once the disk lets it.
fn passes(error: &Error) -> bool {
    matches!(error, Error::Disk { .. })
}
