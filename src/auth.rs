//! The way in through the web: a password and an authenticator, both needed, and what a browser keeps
//! that has signed in.
//!
//! | module  | what |
//! |---------|------|
//! | [`setup`]   | the first visit: from the one-time password to the first login |
//! | [`factors`] | changing the password, the authenticator, the recovery codes |
//! | [`logins`]  | what proves a login, and when it ends |
//! | [`file`]    | what is kept, in one small file |
//! | [`secret`]  | random words, and what is kept of them |
//! | [`totp`]    | the authenticator's codes |
//! | [`tries`]   | how often may be guessed |
//!
//! Nothing changes that is not written down before: a code that was accepted stays void after a crash.

mod factors;
mod file;
mod logins;
mod secret;
mod setup;
mod totp;
mod tries;

pub use secret::{Digest, token as random_token};
pub use totp::qr_text;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use argon2::{Argon2, PasswordHash, PasswordHasher, PasswordVerifier};
use codepiper_protocol::wire::auth::{
    AuthStage, LONGEST_PASSWORD, LoginId, RecoveryCodes, SHORTEST_PASSWORD,
};
use codepiper_protocol::wire::problem::{Code, Next, Problem};
use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::lock::lock;
use crate::tasks::{Tasks, blocking};
use factors::Change;
use file::Stored;
use setup::Setup;
use tries::Tries;

/// A set-up or a change that nobody goes on with ends after this time.
const STEP_LIMIT: Duration = Duration::from_secs(30 * 60);
/// Groups of 20 bits in a one-time password, and in a recovery code.
const BOOTSTRAP_GROUPS: usize = 5;
const RECOVERY_GROUPS: usize = 4;
const RECOVERY_CODES: usize = 10;

/// The way in. Clones share it.
#[derive(Clone)]
pub struct Auth(Arc<Inner>);

struct Inner {
    path: PathBuf,
    /// Whose authenticator it is: `user@host`.
    account: String,
    tasks: Tasks,
    tries: Tries,
    /// Told of every sign-in that was wrong.
    failed: Box<dyn Fn(&Guest) + Send + Sync>,
    /// A password is hashed at a time: each takes its share of memory.
    hashing: Arc<tokio::sync::Mutex<()>>,
    /// Whoever changes what is kept holds it until that is written.
    changing: tokio::sync::Mutex<()>,
    state: Mutex<AuthState>,
}

struct AuthState {
    kept: Kept,
    bootstrap: Option<Digest>,
    setup: Option<Setup>,
    change: Option<Change>,
    /// Cancelled when the login ends. Whoever serves it for longer than a request holds a clone.
    open: HashMap<LoginId, Arc<CancellationToken>>,
    /// When what is kept was written last.
    written: Timestamp,
}

#[derive(Clone)]
enum Kept {
    Nothing,
    Stored(Box<Stored>),
    Unreadable(String),
}

/// Who wants to come in.
#[derive(Clone, Debug, Default)]
pub struct Guest {
    /// The cookie of a browser that has signed in once.
    pub device: Option<String>,
    /// The browser and its system, for people.
    pub name: String,
    pub address: Option<String>,
}

/// What a browser is given when it has signed in.
pub struct Opened {
    pub id: LoginId,
    pub cookie: String,
    pub secret: String,
    /// A cookie for a browser that had none.
    pub device: Option<String>,
    pub recovery_codes_left: u32,
}

impl Auth {
    /// Reads what is kept. Damage closes the way in; it never opens it.
    /// `failed` is told of every sign-in that was wrong.
    pub fn load(
        path: PathBuf,
        account: String,
        tasks: Tasks,
        failed: impl Fn(&Guest) + Send + Sync + 'static,
    ) -> Self {
        let kept = match Stored::load(&path) {
            Ok(Some(stored)) => Kept::Stored(Box::new(stored)),
            Ok(None) => Kept::Nothing,
            Err(reason) => Kept::Unreadable(reason),
        };
        let state = AuthState {
            kept,
            bootstrap: None,
            setup: None,
            change: None,
            open: HashMap::new(),
            written: Timestamp::now(),
        };
        Self(Arc::new(Inner {
            tries: Tries::load(path.with_file_name("tries.json")),
            path,
            account,
            tasks,
            failed: Box::new(failed),
            hashing: Default::default(),
            changing: Default::default(),
            state: Mutex::new(state),
        }))
    }

    /// What stands between a guest and the inside.
    pub fn stage(&self) -> AuthStage {
        match self.state().kept {
            Kept::Nothing => AuthStage::Setup,
            Kept::Stored(_) => AuthStage::SignedOut,
            Kept::Unreadable(_) => AuthStage::Closed,
        }
    }

    pub fn setup_under_way(&self) -> bool {
        self.state().setup.as_ref().is_some_and(|setup| setup.until > Instant::now())
    }

    /// Why every code of the authenticator is refused, if a wrong clock is the reason.
    pub fn code_from_the_future(&self, now: Timestamp) -> Option<String> {
        self.state().stored()?.code_from_the_future(now)
    }

    /// Why nobody gets in, and what to do; `None` when the file can be read.
    pub fn damage(&self) -> Option<String> {
        match &self.state().kept {
            Kept::Unreadable(reason) => Some(damage(&self.0.path, reason)),
            _ => None,
        }
    }

    pub async fn sign_in(
        &self,
        password: &str,
        code: &str,
        guest: &Guest,
        now: Timestamp,
    ) -> Result<Opened, Problem> {
        let enter = self.change_if(|stored| match stored.take_code(code, now)? {
            true => stored.open_login(guest, now).map(Some),
            false => Ok(None),
        });
        let wrong = || (self.0.failed)(guest);
        self.attempt(guest, self.is_password(password), || self.is_code(code, now), wrong, enter).await
    }

    fn must_be_set_up(&self) -> Result<(), Problem> {
        match &self.state().kept {
            Kept::Stored(_) => Ok(()),
            Kept::Nothing => Err(not_set_up()),
            Kept::Unreadable(reason) => Err(closed(&self.0.path, reason)),
        }
    }

    /// The browser, if it has signed in once.
    fn known_device(&self, guest: &Guest) -> Option<Digest> {
        let device = Digest::of(guest.device.as_deref()?);
        self.state().stored()?.devices.contains(&device).then_some(device)
    }

    /// Lets somebody try: `enter` is done for who knows the password and the code.
    async fn attempt<T>(
        &self,
        guest: &Guest,
        password: impl Future<Output = Result<bool, Problem>>,
        code: impl FnOnce() -> bool,
        wrong: impl FnOnce(),
        enter: impl Future<Output = Result<Option<T>, Problem>>,
    ) -> Result<T, Problem> {
        let tries = &self.0.tries;
        let Some(device) = self.known_device(guest) else {
            return tries.of_stranger(guest.address.clone(), password, code, wrong, enter).await;
        };
        tries.count(&device).await?;
        let entered = match password.await? && code() {
            true => enter.await?,
            false => None,
        };
        match entered {
            Some(entered) => {
                tries.forget(&device).await;
                Ok(entered)
            }
            None => {
                wrong();
                Err(tries.wrong(&device))
            }
        }
    }

    /// Whether the code is right. One that is void because of a wrong clock is: whoever takes it says so.
    fn is_code(&self, code: &str, now: Timestamp) -> bool {
        let stored = self.state().stored().cloned();
        stored.is_some_and(|mut stored| stored.take_code(code, now).unwrap_or(true))
    }

    async fn is_password(&self, password: &str) -> Result<bool, Problem> {
        self.must_be_set_up()?;
        let known = self.state().stored().map(|stored| stored.password.clone());
        let (Some(known), true) = (known, password.len() <= LONGEST_PASSWORD) else { return Ok(false) };
        let password = password.to_owned();
        let verify = move || match PasswordHash::new(&known) {
            Ok(known) => Argon2::default().verify_password(password.as_bytes(), &known).is_ok(),
            Err(_) => false,
        };
        self.one_at_a_time(verify).await
    }

    async fn hash(&self, password: &str) -> Result<String, Problem> {
        let password = password.to_owned();
        let hash = move || Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string());
        self.one_at_a_time(hash).await?.map_err(internal)
    }

    /// Holds the turn until the work is done, whoever waits for it.
    async fn one_at_a_time<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let one = self.0.hashing.clone().lock_owned().await;
        let work = blocking(move || {
            let _one = one;
            work()
        });
        Ok(work.await?)
    }

    /// Changes what is kept, if `change` wants it; only what was written counts. Logins that are no
    /// longer there end.
    async fn change_if<T>(
        &self,
        change: impl FnOnce(&mut Stored) -> Result<Option<T>, Problem>,
    ) -> Result<Option<T>, Problem> {
        let _changing = self.0.changing.lock().await;
        let kept = self.state().kept.clone();
        let mut stored = match kept {
            Kept::Stored(stored) => stored,
            Kept::Nothing => return Err(not_set_up()),
            Kept::Unreadable(reason) => return Err(closed(&self.0.path, &reason)),
        };
        let Some(wanted) = change(&mut stored)? else { return Ok(None) };
        self.write(*stored).await?;
        Ok(Some(wanted))
    }

    async fn write(&self, stored: Stored) -> Result<(), Problem> {
        let (path, kept) = (self.0.path.clone(), stored.clone());
        blocking(move || stored.save(&path)).await?.map_err(|error| {
            Problem::new(Code::Internal, format!("cannot write {}: {error}", self.0.path.display()))
        })?;
        let mut state = self.state();
        state.open.retain(|id, open| {
            let stays = kept.logins.iter().any(|login| login.id == *id);
            if !stays {
                open.cancel();
            }
            stays
        });
        state.kept = Kept::Stored(Box::new(kept));
        state.written = Timestamp::now();
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, AuthState> {
        lock(&self.0.state)
    }
}

impl AuthState {
    fn stored(&self) -> Option<&Stored> {
        match &self.kept {
            Kept::Stored(stored) => Some(stored),
            _ => None,
        }
    }
}

fn recovery_codes() -> Result<(RecoveryCodes, Vec<Digest>), Problem> {
    let codes: Result<Vec<String>, Problem> =
        (0..RECOVERY_CODES).map(|_| secret::word(RECOVERY_GROUPS)).collect();
    let codes = codes?;
    let kept = codes.iter().map(|code| Digest::of(&secret::typed(code))).collect();
    Ok((RecoveryCodes { codes }, kept))
}

fn check_password(password: &str) -> Result<(), Problem> {
    let letters = password.chars().count();
    if letters < SHORTEST_PASSWORD {
        let detail = format!("the password has {letters} characters; use at least {SHORTEST_PASSWORD}");
        return Err(Problem::new(Code::Invalid, detail));
    }
    if password.len() > LONGEST_PASSWORD {
        let detail = format!("the password exceeds {LONGEST_PASSWORD} bytes");
        return Err(Problem::new(Code::Invalid, detail));
    }
    Ok(())
}

fn damage(path: &Path, reason: &str) -> String {
    format!(
        "cannot read {} ({reason}), so nobody can sign in; restore the file, or delete it and set up the \
         dashboard again, then restart the daemon",
        path.display()
    )
}

fn closed(path: &Path, reason: &str) -> Problem {
    Problem::new(Code::WebClosed, damage(path, reason))
}

fn not_set_up() -> Problem {
    Problem::new(Code::NotSetUp, "the dashboard has no password yet").with_next(Next::SetUpDashboard)
}

fn already_set_up() -> Problem {
    Problem::new(Code::AlreadySetUp, "the dashboard already has a password; sign in with it")
}

fn expired() -> Problem {
    Problem::new(Code::Expired, "this step expired or was started elsewhere; start over")
}

fn wrong_first_code() -> Problem {
    Problem::new(
        Code::WrongCredentials,
        "the code does not match this authenticator; scan the QR code again and check the clock of that device",
    )
}

fn internal(error: impl std::fmt::Display) -> Problem {
    Problem::new(Code::Internal, error.to_string())
}

#[cfg(test)]
mod tests;
