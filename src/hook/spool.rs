//! Where hooks wait that reached no daemon: one file for each, named by its delivery.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use codepiper_protocol::hook::{MAX_PAYLOAD, delivery_time};
use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::Value;

use super::{Delivery, Intake, MOST_VALUES, count_values, time_of};
use crate::plain_file;
use crate::session::Session;
use crate::tasks::blocking;

/// A session's spool has at most so many hooks and bytes. Of more, the oldest are left out: the newest say what it does now.
const MOST_HOOKS: usize = 10_000;
const MOST_BYTES: u64 = 256 * 1024 * 1024;

/// A payload in the spool.
struct Spooled {
    payload: Vec<u8>,
    /// What it says, or why it is not taken.
    value: Result<Value, String>,
}

impl Intake {
    /// Takes what is spooled while the daemon runs: it may have been too busy, or the hook may not have found its program.
    pub async fn follow_spool(&self) {
        loop {
            let spooled = self.sessions.evidence.spooled().await;
            let whose = spooled.into_iter().filter_map(|id| self.sessions.registry.get(id));
            join_all(whose.map(|session| self.take_spool_in_turn(session))).await;
        }
    }

    /// Takes everything that was spooled while no daemon ran.
    pub async fn take_spool(&self) {
        for session in self.sessions.registry.all() {
            self.take_spool_in_turn(session).await;
        }
    }

    async fn take_spool_in_turn(&self, session: Arc<Session>) {
        let _turn = session.intake.lock().await;
        self.take_spool_of(&session).await;
    }

    pub(super) async fn take_spool_of(&self, session: &Arc<Session>) {
        let dir = self.sessions.spool_of(session.id);
        // While the daemon runs nothing is there, and an agent waits: no thread for that.
        if fs::read_dir(&dir).map_or(true, |mut entries| entries.next().is_none()) {
            return;
        }
        let listed = dir.clone();
        let Ok(deliveries) = blocking(move || list(&listed)).await else { return };
        for delivery in deliveries {
            let path = path_of(&dir, &delivery);
            let read = path.clone();
            // One at a time: together they may be larger than the memory.
            if let Ok(Some(spooled)) = blocking(move || read_spooled(&read)).await {
                self.take_spooled(session, &delivery, &path, spooled).await;
            }
        }
    }

    async fn take_spooled(&self, session: &Arc<Session>, delivery: &str, path: &Path, spooled: Spooled) {
        let Spooled { payload, value } = spooled;
        if matches!(self.look_up(delivery, &payload), Delivery::New) {
            match value {
                Ok(value) => {
                    let at = time_of(delivery).unwrap_or_else(Timestamp::now);
                    self.note_denial(session, &value).await;
                    self.sessions.evidence.hook(session, at, value, payload.len());
                }
                Err(why) => tracing::warn!(path = %path.display(), why, "a spooled hook is not taken"),
            }
        }
        if let Err(error) = fs::remove_file(path) {
            tracing::warn!(path = %path.display(), %error, "a spooled hook cannot be removed");
        }
    }
}

fn path_of(dir: &Path, delivery: &str) -> PathBuf {
    dir.join(format!("{delivery}.json"))
}

/// What lies in a spool directory, oldest first, and no more than may be there: the rest is removed. Files of others and
/// unfinished ones are left alone.
fn list(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut left_out = 0;
    let mut leave_out = |delivery: &str| {
        left_out += 1;
        let _ = fs::remove_file(path_of(dir, delivery));
    };
    let mut deliveries = BTreeSet::new();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let delivery = name.to_str().and_then(|name| name.strip_suffix(".json"));
        let Some(delivery) = delivery.filter(|delivery| delivery_time(delivery).is_some()) else { continue };
        deliveries.insert(delivery.to_owned());
        if deliveries.len() > MOST_HOOKS
            && let Some(oldest) = deliveries.pop_first()
        {
            leave_out(&oldest);
        }
    }
    let mut bytes = 0;
    let mut kept: Vec<String> = Vec::new();
    for delivery in deliveries.into_iter().rev() {
        let meta = fs::symlink_metadata(path_of(dir, &delivery));
        let Some(meta) = meta.ok().filter(|meta| meta.is_file() && meta.len() <= MAX_PAYLOAD as u64) else {
            continue;
        };
        bytes += meta.len();
        match bytes <= MOST_BYTES {
            true => kept.push(delivery),
            false => leave_out(&delivery),
        }
    }
    if left_out > 0 {
        tracing::warn!(dir = %dir.display(), left_out, "a spool has too many hooks: the oldest are left out");
    }
    kept.reverse();
    kept
}

/// `None` for what is no file any more, or has become too large.
fn read_spooled(path: &Path) -> Option<Spooled> {
    let file = plain_file::open_no_link(path).ok()?;
    let payload = plain_file::read_whole(&file, MAX_PAYLOAD as u64).ok()?;
    let value = match count_values(&payload) {
        values if values > MOST_VALUES => Err(format!("it has {values} values")),
        _ => serde_json::from_slice(&payload).map_err(|error| format!("it is not JSON: {error}")),
    };
    Some(Spooled { payload, value })
}

#[cfg(test)]
mod tests {
    use codepiper_protocol::hook::delivery;

    use super::*;

    fn put(dir: &Path, time: u128, payload: &str) -> PathBuf {
        let path = path_of(dir, &delivery(time, 1));
        fs::write(&path, payload).unwrap();
        path
    }

    fn times(dir: &Path) -> Vec<u128> {
        list(dir).iter().map(|delivery| delivery_time(delivery).unwrap()).collect()
    }

    #[test]
    fn a_spool_is_read_in_order_and_foreign_files_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        for time in [30_u128, 9, 200] {
            put(dir.path(), time, &time.to_string());
        }
        fs::write(dir.path().join("x.json"), "no").unwrap();
        fs::write(dir.path().join(format!("{}.new", delivery(1, 1))), "unfinished").unwrap();
        let read = |delivery: &String| read_spooled(&path_of(dir.path(), delivery)).unwrap().payload;
        let payloads: Vec<_> = list(dir.path()).iter().map(read).collect();
        assert_eq!(payloads, [&b"9"[..], b"30", b"200"]);
    }

    #[test]
    fn of_more_than_a_spool_may_have_the_oldest_are_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let most = MOST_HOOKS as u128;
        for time in 0..most + 2 {
            put(dir.path(), time + 1, "1");
        }
        let kept = times(dir.path());
        assert_eq!((kept.len(), kept[0], kept[MOST_HOOKS - 1]), (MOST_HOOKS, 3, most + 2));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), MOST_HOOKS);

        let dir = tempfile::tempdir().unwrap();
        for time in 1..=20 {
            let path = put(dir.path(), time, "");
            fs::File::options().write(true).open(path).unwrap().set_len(MAX_PAYLOAD as u64).unwrap();
        }
        assert_eq!(times(dir.path()), (5..=20).collect::<Vec<_>>());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 16);
    }

    /// It may become something else when it was looked at.
    #[test]
    fn what_is_no_payload_any_more_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = put(dir.path(), 1, "1");
        let link = put(dir.path(), 2, "");
        fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let fifo = path_of(dir.path(), &delivery(3, 1));
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let (done, ends) = std::sync::mpsc::channel();
        std::thread::spawn(move || done.send([path, link, fifo].map(|path| read_spooled(&path).is_some())));
        let read = ends.recv_timeout(std::time::Duration::from_secs(60)).expect("it waits");
        assert_eq!(read, [true, false, false]);
        assert_eq!(times(dir.path()), [1]);
    }
}
