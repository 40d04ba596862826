//! The journal of the daemon, and what it says of itself.

use std::sync::Arc;

use codepiper_protocol::event::Body;
use tokio::sync::mpsc;

use crate::config::Config;
use crate::journal::disk::{self, Disk};
use crate::paths::Paths;

/// `noticed` is told what it says of itself.
pub fn open(paths: &Paths, config: &Config, noticed: mpsc::Sender<disk::Notice>) -> Disk {
    let mut options = disk::Options {
        retention_bytes: config.journal.max_mib << 20,
        retention_days: config.journal.max_days,
        reserve_bytes: config.journal.reserve_mib << 20,
        ..disk::Options::new(paths.journal())
    };
    // More than the channel holds stands in the daemon's log only.
    options.probes.notice = Arc::new(move |notice| drop(noticed.try_send(notice)));
    let (disk, report) = Disk::open(options);
    match &report.unusable {
        Some(reason) => tracing::error!(reason, "cannot use the journal; output stays in memory"),
        None => tracing::info!(report.generations, report.bytes, report.sessions, "the journal is open"),
    }
    disk
}

/// A notice as an event.
pub fn event(notice: disk::Notice) -> Body {
    match notice {
        disk::Notice::Damaged(damage) => Body::JournalDamaged {
            generation: damage.generation,
            what: damage.what,
            kept: damage.kept.map(|path| path.display().to_string()),
            lost_bytes: damage.lost_bytes,
            lost_marks: damage.lost_marks,
        },
        disk::Notice::Paused => Body::JournalPaused {},
        disk::Notice::Resumed { dropped_bytes } => Body::JournalResumed { dropped_bytes },
        disk::Notice::WriterReplaced => Body::JournalWriterReplaced {},
        disk::Notice::Failed(what) => Body::JournalFailed { what },
    }
}
