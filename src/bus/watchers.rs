//! Who is told that there is something new.

use std::sync::{Arc, Weak};

use tokio::sync::Notify;

/// A list of watchers, with something kept for each. Who is gone is forgotten.
#[derive(Default)]
pub struct Watchers<T = ()>(Vec<Watcher<T>>);

struct Watcher<T> {
    notify: Weak<Notify>,
    kept: T,
}

impl<T: Default> Watchers<T> {
    /// Adds a watcher, once.
    pub fn add(&mut self, watcher: &Arc<Notify>) {
        self.0.retain(|other| other.notify.strong_count() > 0);
        if self.get(watcher).is_none() {
            self.0.push(Watcher { notify: Arc::downgrade(watcher), kept: T::default() });
        }
    }
}

impl<T> Watchers<T> {
    /// What is kept for a watcher.
    pub fn get(&mut self, watcher: &Arc<Notify>) -> Option<&mut T> {
        let known = self.0.iter_mut().find(|other| other.notify.as_ptr() == Arc::as_ptr(watcher));
        known.map(|watcher| &mut watcher.kept)
    }

    /// Wakes all.
    pub fn wake(&mut self) {
        self.wake_unless(|_| false);
    }

    /// Wakes all but those who are told in another way: `tell` returns true for them.
    pub fn wake_unless(&mut self, mut tell: impl FnMut(&mut T) -> bool) {
        self.0.retain_mut(|watcher| tell(&mut watcher.kept) || watcher.wake());
    }
}

impl<T> Watcher<T> {
    /// False when nobody watches any more.
    fn wake(&self) -> bool {
        let watcher = self.notify.upgrade();
        if let Some(watcher) = &watcher {
            watcher.notify_one();
        }
        watcher.is_some()
    }
}
