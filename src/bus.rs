//! Append, publish, subscribe from a cursor: output and events.
//!
//! Every session has one [`Log`]; who publishes appends to its ring and to the journal, and wakes the
//! watchers, or gives the output to those who have nothing else to read. A [`Reader`] is a position: it takes slices of the ring while it keeps up, reads the
//! journal when it fell behind the ring, and learns of a gap when it fell behind the journal too.
//! Nothing here waits for a reader.

mod events;
mod log;
mod ring;
mod watchers;

pub use events::{EventLog, to_millisecond};
pub use log::{Begun, DirectOutput, Log, Next, Reader, Slices};
pub use watchers::Watchers;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use codepiper_protocol::SessionId;

use crate::journal::{Journal, Position};
use crate::lock::lock;

/// Bytes of recent output kept for live readers, of one session.
const RING_PER_SESSION: usize = 256 * 1024;
/// And of all sessions.
const RING_TOTAL: usize = 8 * 1024 * 1024;

/// All logs, and the events.
pub struct Bus {
    journal: Arc<dyn Journal>,
    logs: Mutex<HashMap<SessionId, Arc<Log>>>,
    pub events: EventLog,
}

impl Bus {
    /// Reads the journal.
    pub fn new(journal: Arc<dyn Journal>) -> Self {
        let events = EventLog::open(journal.clone());
        Self { journal, logs: Mutex::default(), events }
    }

    /// Opens the log of a session; `epoch` and `end` say where it goes on.
    pub fn open(&self, session: SessionId, epoch: u32, end: Position) -> Arc<Log> {
        let mut logs = lock(&self.logs);
        let log = Arc::new(Log::new(session, self.journal.clone(), epoch, end));
        logs.insert(session, log.clone());
        let share = RING_PER_SESSION.min(RING_TOTAL / logs.len());
        for log in logs.values() {
            log.limit_ring(share);
        }
        log
    }

    /// Forgets a session and what it printed.
    pub fn remove(&self, session: SessionId) {
        lock(&self.logs).remove(&session);
        self.journal.remove(session);
    }

    pub fn journal(&self) -> &Arc<dyn Journal> {
        &self.journal
    }
}
