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

    /// Tells one page of that device: the latest, which is the one that is looked at. False when none is open.
    pub fn tell(&self, device: LoginId, notification: &Notification, pushed: bool) -> bool {
        let mut open = lock(&self.0);
        let of_device = open.pages.iter_mut().filter(|(_, queue)| queue.device == device);
        let Some((_, queue)) = of_device.max_by_key(|(number, _)| **number) else { return false };
        if queue.waiting.len() < MOST {
            queue.waiting.push((notification.clone(), pushed));
        }
        queue.watcher.notify_one();
        true
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
