//! How often may be guessed.
//!
//! A browser that has signed in once has a quota of its own. Everybody else waits for a turn: addresses take turns, and
//! a password is looked at every 250 ms. Who does not know the password delays only who waits behind them; who does know it
//! has one try at a code in a second, however many connections they have: what was tried before delays also the right
//! code. The first tries are looked at without a pause, so that people need not wait.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use codepiper_protocol::wire::problem::{Code, Problem};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until};

use super::secret::Digest;
use crate::lock::lock;
use crate::small_file::{self, write_synced};
use crate::tasks::blocking;

/// The version of the file's form.
const VERSION: u32 = 1;
/// A known browser has so many tries until it has to wait.
const FREE: u32 = 5;
/// The first time; it doubles up to the longest.
const WAIT: Duration = Duration::from_secs(30);
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);
/// A wrong try is answered after this time, which is its price and waits for nothing.
const REST: Duration = Duration::from_secs(1);
/// Passwords of strangers are looked at so often, and codes of those who know the password.
const PASSWORDS: Duration = Duration::from_millis(250);
const CODES: Duration = Duration::from_secs(1);
/// So many tries are looked at without a pause.
const BURST: u32 = 24;
/// So many wait for their turn; more are sent away for a while.
const WAITING: usize = 128;

pub struct Tries {
    path: PathBuf,
    known: Mutex<HashMap<Digest, Quota>>,
    turns: Arc<Mutex<Turns>>,
    codes: Mutex<Pace>,
    rest: Duration,
    /// Whoever writes the file holds it.
    writing: Arc<tokio::sync::Mutex<()>>,
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

/// One thing in `every`, after a burst: the time until which what was done is paid for.
struct Pace {
    every: Duration,
    paid_until: Option<Instant>,
}

impl Pace {
    /// When the next one may be done, which counts from now on.
    fn next(&mut self, now: Instant) -> Instant {
        let before = self.debt_until(now);
        self.paid_until = Some(before + self.every);
        before.checked_sub(self.every * BURST).map_or(now, |at| at.max(now))
    }

    /// When all that was done is paid for.
    fn debt_until(&self, now: Instant) -> Instant {
        self.paid_until.map_or(now, |until| until.max(now))
    }
}

/// Who waits, and who is next: the addresses take turns, and each has its own in order.
struct Turns {
    waiting: VecDeque<(Option<String>, VecDeque<oneshot::Sender<()>>)>,
    /// Somebody has the turn.
    taken: bool,
    pace: Pace,
}

/// The turn; given on with this value.
struct Turn(Arc<Mutex<Turns>>);

impl Turns {
    fn count(&self) -> usize {
        self.waiting.iter().map(|(_, of_one)| of_one.len()).sum()
    }

    /// A place behind others of the same address. Where all are taken, whoever has most of them loses the last.
    fn queue(&mut self, address: Option<String>) -> Result<oneshot::Receiver<()>, Problem> {
        let own = self.waiting.iter().position(|(other, _)| *other == address);
        if self.count() >= WAITING {
            let held = own.map_or(0, |own| self.waiting[own].1.len());
            let most = self.waiting.iter_mut().max_by_key(|(_, of_one)| of_one.len());
            match most.filter(|(_, of_one)| of_one.len() > held + 1) {
                Some((_, of_one)) => drop(of_one.pop_back()),
                None => return Err(too_many(REST * 5)),
            }
        }
        let (sender, turn) = oneshot::channel();
        match own {
            Some(own) => self.waiting[own].1.push_back(sender),
            None => self.waiting.push_back((address, VecDeque::from([sender]))),
        }
        Ok(turn)
    }

    /// Gives the turn to the next one.
    fn give_on(&mut self) {
        self.taken = false;
        while let Some((address, mut of_one)) = self.waiting.pop_front() {
            let next = of_one.pop_front();
            if !of_one.is_empty() {
                self.waiting.push_back((address, of_one));
            }
            if next.is_some_and(|next| next.send(()).is_ok()) {
                self.taken = true;
                return;
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        lock(&self.0).give_on();
    }
}

/// What outlives the daemon.
#[derive(Default, Serialize, Deserialize)]
struct File {
    version: u32,
    /// Until when the tries at codes are paid for.
    codes_until: Option<Timestamp>,
    known: Vec<StoredQuota>,
}

#[derive(Serialize, Deserialize)]
struct StoredQuota {
    device: Digest,
    counted: u32,
    not_before: Option<Timestamp>,
}

impl Tries {
    /// Goes on with what is written in the file. One that cannot be read is as none: it only delays.
    pub fn load(path: PathBuf) -> Self {
        Self::paced(path, PASSWORDS, CODES, REST)
    }

    fn paced(path: PathBuf, passwords: Duration, codes: Duration, rest: Duration) -> Self {
        let file: File = small_file::read(&path, VERSION)
            .unwrap_or_else(|reason| {
                tracing::warn!(path = %path.display(), reason, "earlier sign-in attempts were forgotten");
                None
            })
            .unwrap_or_default();
        let known = file.known.into_iter().map(|StoredQuota { device, counted, not_before }| {
            (device, Quota { counted, not_before: not_before.and_then(|at| instant(at, LONGEST_WAIT)) })
        });
        let codes_until = file.codes_until.and_then(|at| instant(at, codes * WAITING as u32));
        let pace = |every, paid_until| Pace { every, paid_until };
        let turns = Turns { waiting: VecDeque::new(), taken: false, pace: pace(passwords, None) };
        Self {
            path,
            known: Mutex::new(known.collect()),
            turns: Arc::new(Mutex::new(turns)),
            codes: Mutex::new(pace(codes, codes_until)),
            rest,
            writing: Arc::default(),
        }
    }

    /// A known browser's try counts before it is looked at, also after a crash.
    ///
    /// # Errors
    /// It has to wait.
    pub async fn count(&self, device: &Digest) -> Result<(), Problem> {
        lock(&self.known).entry(device.clone()).or_default().count(Instant::now()).map_err(too_many)?;
        self.write().await;
        Ok(())
    }

    /// The known browser knew the secret.
    pub async fn forget(&self, device: &Digest) {
        lock(&self.known).remove(device);
        self.write().await;
    }

    /// What is answered to a wrong try of a known browser.
    pub fn wrong(&self, device: &Digest) -> Problem {
        let left = lock(&self.known).get(device).map(Quota::left);
        Problem { tries_left: left, ..wrong_credentials() }
    }

    /// Waits for a stranger's turn, and holds it while `look` looks at what they know: first at the password, and if
    /// that is right, at `code`. A wrong try is told to `wrong` at once, and answered later. A right code is taken by
    /// `enter`, when what was tried before is paid for.
    pub async fn of_stranger<T>(
        &self,
        address: Option<String>,
        password: impl Future<Output = Result<bool, Problem>>,
        code: impl FnOnce() -> bool,
        wrong: impl FnOnce(),
        enter: impl Future<Output = Result<Option<T>, Problem>>,
    ) -> Result<T, Problem> {
        let turn = self.turn(address).await?;
        if !password.await? {
            drop(turn);
            return Err(self.refuse(wrong).await);
        }
        let (debt, at) = {
            let (mut codes, now) = (lock(&self.codes), Instant::now());
            let debt = codes.debt_until(now);
            if debt - now > codes.every * WAITING as u32 {
                return Err(too_many(REST * 5));
            }
            (debt, codes.next(now))
        };
        // The turn is not held meanwhile: who knows no password does not wait for those who do.
        drop(turn);
        sleep_until(at).await;
        if !code() {
            self.write().await;
            return Err(self.refuse(wrong).await);
        }
        sleep_until(debt).await;
        match enter.await? {
            Some(entered) => {
                // A right one costs nothing.
                let mut codes = lock(&self.codes);
                codes.paid_until = codes.paid_until.and_then(|until| until.checked_sub(codes.every));
                Ok(entered)
            }
            None => Err(self.refuse(wrong).await),
        }
    }

    async fn refuse(&self, wrong: impl FnOnce()) -> Problem {
        wrong();
        sleep(self.rest).await;
        wrong_credentials()
    }

    async fn turn(&self, address: Option<String>) -> Result<Turn, Problem> {
        let queued = {
            let mut turns = lock(&self.turns);
            match turns.taken {
                true => Some(turns.queue(address)?),
                false => {
                    turns.taken = true;
                    None
                }
            }
        };
        if let Some(queued) = queued {
            // Somebody else took the place.
            queued.await.map_err(|_| too_many(REST * 5))?;
        }
        let turn = Turn(self.turns.clone());
        let at = lock(&self.turns).pace.next(Instant::now());
        sleep_until(at).await;
        Ok(turn)
    }

    /// Where it cannot be written the tries still count until the daemon ends.
    async fn write(&self) {
        let _writing = self.writing.lock().await;
        let (file, path) = (self.file(), self.path.clone());
        let written = blocking(move || save(&file, &path)).await;
        if let Ok(Err(error)) = written {
            tracing::warn!(path = %self.path.display(), %error, "sign-in attempts were not saved");
        }
    }

    fn file(&self) -> File {
        let now = Instant::now();
        let stored = |(device, quota): (&Digest, &Quota)| StoredQuota {
            device: device.clone(),
            counted: quota.counted,
            not_before: quota.not_before.filter(|at| *at > now).map(timestamp),
        };
        File {
            version: VERSION,
            codes_until: lock(&self.codes).paid_until.filter(|at| *at > now).map(timestamp),
            known: lock(&self.known).iter().map(stored).collect(),
        }
    }
}

fn save(file: &File, path: &Path) -> std::io::Result<()> {
    write_synced(path, &serde_json::to_vec(file)?)
}

fn timestamp(at: Instant) -> Timestamp {
    let left = SignedDuration::try_from(at.saturating_duration_since(Instant::now())).unwrap_or_default();
    Timestamp::now().checked_add(left).unwrap_or_else(|_| Timestamp::now())
}

/// A clock that jumped makes nobody wait longer than `longest`.
fn instant(at: Timestamp, longest: Duration) -> Option<Instant> {
    let left = Duration::try_from(at.duration_since(Timestamp::now())).ok()?;
    Some(Instant::now() + left.min(longest))
}

fn wrong_credentials() -> Problem {
    Problem::new(Code::WrongCredentials, "wrong password or code, or the code was already used")
}

fn too_many(wait: Duration) -> Problem {
    let seconds = wait.as_secs().max(1);
    Problem {
        retry_after: u32::try_from(seconds).ok(),
        ..Problem::new(Code::TooManyTries, format!("too many attempts; try again in {seconds} s"))
    }
}

#[cfg(test)]
mod tests;
