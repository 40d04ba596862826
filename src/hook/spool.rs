//! Where hooks wait that reached no daemon: one file for each, named by its delivery.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use codepiper_protocol::hook::{MAX_PAYLOAD, delivery_time};
use jiff::Timestamp;

use super::{Delivery, Intake, MOST_VALUES, count_values, time_of};
use crate::session::Session;
use crate::tasks::blocking;

/// A payload in the spool.
struct Spooled {
    path: PathBuf,
    delivery: String,
    payload: Vec<u8>,
}

impl Intake {
    /// Takes what is spooled while the daemon runs: it may have been too busy, or the hook may not have found its program.
    pub async fn follow_spool(&self) {
        loop {
            for id in self.sessions.evidence.spooled().await {
                if let Some(session) = self.sessions.registry.get(id) {
                    let _turn = self.turn.lock().await;
                    self.take_spool_of(&session).await;
                }
            }
        }
    }

    /// Takes everything that was spooled while no daemon ran.
    pub async fn take_spool(&self) {
        let _turn = self.turn.lock().await;
        for session in self.sessions.registry.all() {
            self.take_spool_of(&session).await;
        }
    }

    pub(super) async fn take_spool_of(&self, session: &Arc<Session>) {
        let dir = self.sessions.spool_of(session.id);
        // While the daemon runs nothing is there, and an agent waits: no thread for that.
        if fs::read_dir(&dir).map_or(true, |mut entries| entries.next().is_none()) {
            return;
        }
        let Ok(spooled) = blocking(move || read_spool(&dir)).await else { return };
        for Spooled { path, delivery, payload } in spooled {
            if matches!(self.look_up(&delivery, &payload), Delivery::New) {
                if count_values(&payload) > MOST_VALUES {
                    tracing::warn!(path = %path.display(), "a spooled hook has too many values");
                    let _ = fs::remove_file(&path);
                    continue;
                }
                match serde_json::from_slice(&payload) {
                    Ok(value) => {
                        let at = time_of(&delivery).unwrap_or_else(Timestamp::now);
                        self.note_denial(session, &value).await;
                        self.sessions.evidence.hook(session, at, value, payload.len());
                    }
                    Err(error) => {
                        tracing::warn!(path = %path.display(), %error, "a spooled hook is not JSON")
                    }
                }
            }
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(path = %path.display(), %error, "a spooled hook cannot be removed");
            }
        }
    }
}

/// What lies in a spool directory, oldest first. Files of others and unfinished ones are left alone.
fn read_spool(dir: &Path) -> Vec<Spooled> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut spooled: Vec<Spooled> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let delivery = path.file_name()?.to_str()?.strip_suffix(".json")?.to_owned();
            delivery_time(&delivery)?;
            let meta = fs::symlink_metadata(&path).ok()?;
            if !meta.is_file() || meta.len() > MAX_PAYLOAD as u64 {
                return None;
            }
            Some(Spooled { payload: fs::read(&path).ok()?, path, delivery })
        })
        .collect();
    spooled.sort_by(|one, other| one.delivery.cmp(&other.delivery));
    spooled
}

#[cfg(test)]
mod tests {
    use codepiper_protocol::hook::delivery;

    use super::*;

    #[test]
    fn a_spool_is_read_in_order_and_foreign_files_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        for time in [30_u128, 9, 200] {
            fs::write(dir.path().join(format!("{}.json", delivery(time, 1))), time.to_string()).unwrap();
        }
        fs::write(dir.path().join("x.json"), "no").unwrap();
        fs::write(dir.path().join(format!("{}.new", delivery(1, 1))), "unfinished").unwrap();
        let payloads: Vec<_> = read_spool(dir.path()).into_iter().map(|spooled| spooled.payload).collect();
        assert_eq!(payloads, [&b"9"[..], b"30", b"200"]);
    }
}
