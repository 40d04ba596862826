//! What is pushed to a device about a session arrives in order, and what came later takes the place of what could not be sent yet.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use codepiper_protocol::wire::auth::LoginId;
use tokio::sync::MutexGuard;

use crate::lock::lock;

type Key = (LoginId, String);

/// By device and the tag of its notifications.
#[derive(Default)]
pub struct Lanes(Mutex<HashMap<Key, Arc<Lane>>>);

#[derive(Default)]
struct Lane {
    newest: AtomicU64,
    posting: tokio::sync::Mutex<()>,
}

/// The turn of one notification in its lane.
pub struct Turn {
    lane: Arc<Lane>,
    number: u64,
    key: Key,
}

impl Lanes {
    /// From now on, those that came before do not count.
    pub fn enter(&self, device: LoginId, tag: &str) -> Turn {
        let key = (device, tag.to_owned());
        let lane = lock(&self.0).entry(key.clone()).or_default().clone();
        let number = lane.newest.fetch_add(1, Ordering::Relaxed) + 1;
        Turn { lane, number, key }
    }

    /// It has been sent, or never will be.
    pub fn leave(&self, turn: Turn) {
        let mut lanes = lock(&self.0);
        let Turn { lane, key, .. } = turn;
        drop(lane);
        if lanes.get(&key).is_some_and(|lane| Arc::strong_count(lane) == 1) {
            lanes.remove(&key);
        }
    }
}

impl Turn {
    /// Waits until nothing else is being sent there; `None` when something came later.
    pub async fn wait(&self) -> Option<MutexGuard<'_, ()>> {
        let posting = self.lane.posting.lock().await;
        (self.lane.newest.load(Ordering::Relaxed) == self.number).then_some(posting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_came_later_takes_the_place() {
        let lanes = Lanes::default();
        let device = LoginId(uuid::Uuid::nil());
        let first = lanes.enter(device, "a");
        let posting = first.wait().await.unwrap();
        let second = lanes.enter(device, "a");
        let other = lanes.enter(device, "b");
        assert!(other.wait().await.is_some(), "another session is another lane");
        let short = std::time::Duration::from_millis(20);
        assert!(tokio::time::timeout(short, second.wait()).await.is_err(), "one at a time");
        drop(posting);
        assert!(second.wait().await.is_some() && first.wait().await.is_none());
        [first, second, other].into_iter().for_each(|turn| lanes.leave(turn));
        assert!(lock(&lanes.0).is_empty());
    }
}
