//! Open dashboards: what they are told goes over their connections.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use codepiper_protocol::wire::auth::LoginId;
use codepiper_protocol::wire::notification::Notification;
use tokio::sync::Notify;

use crate::lock::lock;

/// A page that does not read has so many waiting.
const MOST: usize = 20;

#[derive(Clone, Default)]
pub struct Pages(Arc<Mutex<Open>>);

#[derive(Default)]
struct Open {
    next: u64,
    pages: HashMap<u64, Queue>,
}

struct Queue {
    device: LoginId,
    watcher: Arc<Notify>,
    waiting: Vec<(Notification, bool)>,
}

/// An open page. What it is told waits here until it is taken.
pub struct Page {
    pages: Pages,
    number: u64,
}

impl Pages {
    /// `watcher` is woken when there is something.
    pub fn open(&self, device: LoginId, watcher: Arc<Notify>) -> Page {
        let mut open = lock(&self.0);
        open.next += 1;
        let number = open.next;
        open.pages.insert(number, Queue { device, watcher, waiting: Vec::new() });
        Page { pages: self.clone(), number }
    }

    /// Tells the pages of that device, which agree on who shows it. False when none takes it.
    pub fn tell(&self, device: LoginId, notification: &Notification, pushed: bool) -> bool {
        let mut open = lock(&self.0);
        let mut taken = false;
        for queue in open.pages.values_mut().filter(|queue| queue.device == device) {
            if queue.waiting.len() < MOST {
                queue.waiting.push((notification.clone(), pushed));
                taken = true;
            }
            queue.watcher.notify_one();
        }
        taken
    }
}

impl Page {
    /// Notifications, and whether the push service has them, too.
    pub fn take(&self) -> Vec<(Notification, bool)> {
        let mut open = lock(&self.pages.0);
        open.pages.get_mut(&self.number).map(|queue| std::mem::take(&mut queue.waiting)).unwrap_or_default()
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        lock(&self.pages.0).pages.remove(&self.number);
    }
}
