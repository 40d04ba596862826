//! Who has a connection to the shims' socket. Any program of the user can connect there, and each connection takes
//! descriptors that the daemon needs for its owner.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::lock::lock;

/// Connections of one process. A shim has one at a time.
const OF_PROCESS: usize = 4;
/// Connections of all processes that are not known to be shims.
const STRANGERS: usize = 64;

/// All connections. Clones share them.
#[derive(Clone, Default)]
pub struct Visitors(Arc<Mutex<Present>>);

#[derive(Default)]
struct Present {
    strangers: usize,
    /// By process.
    connections: HashMap<i32, usize>,
}

/// A connection that was let in; gives its place back with this value.
pub struct Visit {
    pid: i32,
    stranger: bool,
    visitors: Visitors,
}

impl Visitors {
    /// Lets a process in, if there is a place for it. A shim always gets one.
    pub fn admit(&self, pid: i32, is_shim: impl FnOnce() -> bool) -> Option<Visit> {
        let stranger = !is_shim();
        let mut present = lock(&self.0);
        let held = present.connections.get(&pid).copied().unwrap_or_default();
        if held >= OF_PROCESS || stranger && present.strangers >= STRANGERS {
            return None;
        }
        present.connections.insert(pid, held + 1);
        present.strangers += usize::from(stranger);
        Some(Visit { pid, stranger, visitors: self.clone() })
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut present = lock(&self.visitors.0);
        present.strangers -= usize::from(self.stranger);
        if let Some(held) = present.connections.get_mut(&self.pid) {
            *held -= 1;
            if *held == 0 {
                present.connections.remove(&self.pid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shims_get_in_whatever_strangers_hold() {
        let visitors = Visitors::default();
        let of_one: Vec<Visit> = (0..9).filter_map(|_| visitors.admit(1, || false)).collect();
        assert_eq!(of_one.len(), OF_PROCESS);
        let of_others: Vec<Visit> = (2..999).filter_map(|pid| visitors.admit(pid, || false)).collect();
        assert_eq!(of_one.len() + of_others.len(), STRANGERS);
        let shims: Vec<Visit> = (1000..1999).filter_map(|pid| visitors.admit(pid, || true)).collect();
        assert_eq!(shims.len(), 999);
        assert!(visitors.admit(2, || false).is_none());
        drop(of_others);
        assert!(visitors.admit(2, || false).is_some());
        drop((of_one, shims));
        assert!(lock(&visitors.0).connections.is_empty());
    }
}
