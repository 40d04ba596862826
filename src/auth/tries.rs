//! How often may be guessed.
//!
//! A browser that has signed in once has a quota of its own. Everybody else shares a queue that serves
//! one at a time and rests after each wrong try: it delays and never locks, and whoever fills it does not
//! hold up a browser that is known.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use codepiper_protocol::wire::problem::{Code, Problem};
use tokio::time::{Instant, sleep};

use super::secret::Digest;

/// A known browser has so many tries until it has to wait.
const FREE: u32 = 5;
/// The first time; it doubles up to the longest.
const WAIT: Duration = Duration::from_secs(30);
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);
/// After a wrong try, the queue rests.
const REST: Duration = Duration::from_secs(1);
/// So many wait in the queue; more are sent away for a while.
const QUEUE: usize = 64;

pub struct Tries {
    known: Mutex<HashMap<Digest, Quota>>,
    queue: tokio::sync::Mutex<()>,
    waiting: AtomicUsize,
    rest: Duration,
}

/// The tries of one known browser.
#[derive(Default)]
struct Quota {
    /// Not known to be right: wrong ones, and those that are being looked at. Many at once are many.
    counted: u32,
    not_before: Option<Instant>,
}

impl Quota {
    /// One more try; or how long one has to wait for it.
    fn count(&mut self, now: Instant) -> Result<(), Duration> {
        if let Some(not_before) = self.not_before.filter(|not_before| *not_before > now) {
            return Err(not_before - now);
        }
        self.counted += 1;
        if self.counted >= FREE {
            let doubled = WAIT.saturating_mul(1 << (self.counted - FREE).min(10));
            self.not_before = Some(now + doubled.min(LONGEST_WAIT));
        }
        Ok(())
    }

    fn left(&self) -> u32 {
        FREE.saturating_sub(self.counted)
    }
}

impl Default for Tries {
    fn default() -> Self {
        Self::resting(REST)
    }
}

impl Tries {
    fn resting(rest: Duration) -> Self {
        Self { known: Mutex::default(), queue: Default::default(), waiting: AtomicUsize::new(0), rest }
    }

    /// Lets `attempt` find out whether somebody knows the secret; `None` means no. `device` is a browser
    /// that has signed in once.
    pub async fn attempt<T>(
        &self,
        device: Option<Digest>,
        attempt: impl Future<Output = Result<Option<T>, Problem>>,
    ) -> Result<T, Problem> {
        match device {
            Some(device) => self.of_known(device, attempt).await,
            None => self.of_anybody(attempt).await,
        }
    }

    async fn of_known<T>(
        &self,
        device: Digest,
        attempt: impl Future<Output = Result<Option<T>, Problem>>,
    ) -> Result<T, Problem> {
        self.known().entry(device.clone()).or_default().count(Instant::now()).map_err(too_many)?;
        match attempt.await? {
            Some(right) => {
                self.known().remove(&device);
                Ok(right)
            }
            None => {
                let left = self.known().get(&device).map(Quota::left);
                Err(Problem { tries_left: left, ..wrong_credentials() })
            }
        }
    }

    async fn of_anybody<T>(
        &self,
        attempt: impl Future<Output = Result<Option<T>, Problem>>,
    ) -> Result<T, Problem> {
        let place = Place::take(&self.waiting)?;
        let turn = self.queue.lock().await;
        drop(place);
        let right = attempt.await?;
        if right.is_none() {
            sleep(self.rest).await;
        }
        drop(turn);
        right.ok_or_else(wrong_credentials)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Digest, Quota>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue; given back with this value.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Result<Self, Problem> {
        let place = Self(waiting);
        match waiting.fetch_add(1, Ordering::Relaxed) {
            before if before < QUEUE => Ok(place),
            _ => Err(too_many(REST * 5)),
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn wrong_credentials() -> Problem {
    Problem::new(Code::WrongCredentials, "the password or the code is wrong, or the code was used already")
}

fn too_many(wait: Duration) -> Problem {
    let seconds = wait.as_secs().max(1);
    Problem {
        retry_after: u32::try_from(seconds).ok(),
        ..Problem::new(Code::TooManyTries, format!("too many tries from here; again in {seconds} s"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_known_browser_waits_after_five_tries_and_longer_each_time() {
        let mut quota = Quota::default();
        let begin = Instant::now();
        for left in [4, 3, 2, 1, 0] {
            quota.count(begin).unwrap();
            assert_eq!(quota.left(), left);
        }
        assert_eq!(quota.count(begin), Err(WAIT));
        quota.count(begin + WAIT).unwrap();
        assert_eq!(quota.count(begin + WAIT), Err(2 * WAIT));
        let mut now = begin + WAIT;
        for _ in 0..30 {
            now += LONGEST_WAIT;
            quota.count(now).unwrap();
        }
        assert_eq!(quota.count(now), Err(LONGEST_WAIT));
    }

    #[tokio::test]
    async fn a_right_try_forgets_the_wrong_ones_of_that_browser() {
        let tries = Tries::default();
        let device = |name| Some(Digest::of(name));
        for _ in 0..3 {
            for _ in 0..4 {
                tries.attempt::<()>(device("a"), async { Ok(None) }).await.unwrap_err();
            }
            tries.attempt(device("a"), async { Ok(Some(())) }).await.unwrap();
        }
        for _ in 0..5 {
            tries.attempt::<()>(device("a"), async { Ok(None) }).await.unwrap_err();
        }
        let refused = tries.attempt(device("a"), async { Ok(Some(())) }).await.unwrap_err();
        assert_eq!((refused.code, refused.retry_after.is_some()), (Code::TooManyTries, true));
        tries.attempt(device("b"), async { Ok(Some(())) }).await.unwrap();
        tries.attempt(None, async { Ok(Some(())) }).await.unwrap();
    }

    #[tokio::test]
    async fn a_crowd_delays_and_does_not_lock_and_a_known_browser_passes_it() {
        let rest = Duration::from_millis(1);
        let tries = Arc::new(Tries::resting(rest));
        let begin = Instant::now();
        let guess = |tries: Arc<Tries>| async move { tries.attempt::<()>(None, async { Ok(None) }).await };
        let crowd: Vec<_> = (0..200).map(|_| tokio::spawn(guess(tries.clone()))).collect();
        tokio::task::yield_now().await;
        tries.attempt(Some(Digest::of("a")), async { Ok(Some(())) }).await.unwrap();
        let mut sent_away = 0;
        for guess in crowd {
            let problem = guess.await.unwrap().unwrap_err();
            sent_away += usize::from(problem.code == Code::TooManyTries);
        }
        assert_eq!(sent_away, 200 - QUEUE - 1, "one is served, so many wait");
        assert!(begin.elapsed() >= rest * QUEUE as u32, "one after the other");
        tries.attempt(None, async { Ok(Some("in")) }).await.unwrap();
    }
}
