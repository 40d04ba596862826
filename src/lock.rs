//! Locks that a panic does not poison: whoever panicked was reported, and everybody else goes on. And locks on files.

#![allow(clippy::disallowed_methods, reason = "these are what is used instead")]

use std::fs::File;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

/// Between two tries to lock a file: the kernel does not tell with a limit.
const RETRY: Duration = Duration::from_millis(20);

/// Waits for the lock.
#[inline]
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives the lock back until it is notified.
pub fn wait<'a, T>(condition: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condition.wait(guard).unwrap_or_else(PoisonError::into_inner)
}

/// The same for at most `limit`.
pub fn wait_for<'a, T>(condition: &Condvar, guard: MutexGuard<'a, T>, limit: Duration) -> MutexGuard<'a, T> {
    condition.wait_timeout(guard, limit).unwrap_or_else(PoisonError::into_inner).0
}

/// Locks a file against other processes. While another one has it, tries again as long as `waits` says so.
///
/// # Errors
/// [`Errno::EWOULDBLOCK`] when another process still has it.
pub fn lock_file(mut file: File, mut waits: impl FnMut() -> bool) -> Result<Flock<File>, Errno> {
    loop {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Err((back, Errno::EWOULDBLOCK)) if waits() => file = back,
            done => return done.map_err(|(_, errno)| errno),
        }
        std::thread::sleep(RETRY);
    }
}
