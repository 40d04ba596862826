//! The way in through the web: a password and an authenticator, both needed, and what a browser keeps
//! that has signed in.
//!
//! | module  | what |
//! |---------|------|
//! | [`setup`]   | the first visit: from the one-time password to the first login |
//! | [`factors`] | changing the password, the authenticator, the recovery codes |
//! | [`file`]    | what is kept, in one small file |
//! | [`secret`]  | random words, and what is kept of them |
//! | [`totp`]    | the authenticator's codes |
//! | [`tries`]   | how often may be guessed |
//!
//! Nothing changes that is not written down before: a code that was accepted stays void after a crash.

mod factors;
mod file;
mod secret;
mod setup;
mod totp;
mod tries;

pub use secret::Digest;
pub use totp::qr_text;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use argon2::{Argon2, PasswordHash, PasswordHasher, PasswordVerifier};
use codepiper_protocol::wire::auth::{
    AuthStage, LONGEST_PASSWORD, Login, LoginId, RecoveryCodes, SHORTEST_PASSWORD,
};
use codepiper_protocol::wire::problem::{Code, Problem};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::lock::lock;
use crate::tasks::{Tasks, blocking};
use factors::Change;
use file::{Stored, StoredLogin};
use setup::Setup;
use tries::Tries;

/// A set-up or a change that nobody goes on with ends after this time.
const STEP_LIMIT: Duration = Duration::from_secs(30 * 60);
/// A login that is not used ends after this time; every one after the other.
const IDLE_LIMIT: SignedDuration = SignedDuration::from_hours(30 * 24);
const LOGIN_LIMIT: SignedDuration = SignedDuration::from_hours(90 * 24);
/// `seen_at` is as exact as this, and written down when it is older than that.
const SEEN: SignedDuration = SignedDuration::from_mins(1);
const SEEN_WRITTEN: SignedDuration = SignedDuration::from_hours(12);
/// So many logins and known browsers are kept; the oldest go.
const MAX_LOGINS: usize = 100;
const MAX_DEVICES: usize = 100;
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
    state: Mutex<State>,
}

struct State {
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
        let state = State {
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

    /// The login that a cookie names, unless it has ended. Alone, it opens nothing.
    pub fn of_cookie(&self, cookie: &str, now: Timestamp) -> Option<LoginId> {
        let digest = Digest::of(cookie);
        let state = self.state();
        let login = state.stored()?.logins.iter().find(|login| login.cookie == digest)?;
        login.counts(now).then_some(login.id)
    }

    /// Whether the secret is that login's. Notes that it was seen.
    pub fn proves(&self, id: LoginId, secret: &str, address: Option<String>, now: Timestamp) -> bool {
        let digest = Digest::of(secret);
        let mut state = self.state();
        let written = state.written;
        let Kept::Stored(stored) = &mut state.kept else { return false };
        let Some(login) = stored.logins.iter_mut().find(|login| login.id == id) else { return false };
        if login.secret != digest || !login.counts(now) {
            return false;
        }
        // A time from the future is a wrong clock's: the login counts from now on.
        let ahead = login.seen_at.max(login.created_at) > now + SEEN;
        if now.duration_since(login.seen_at) > SEEN || ahead {
            login.created_at = login.created_at.min(now);
            login.seen_at = now;
            login.address = address;
            if ahead || now.duration_since(written) > SEEN_WRITTEN {
                state.written = now;
                let auth = self.clone();
                self.0.tasks.spawn(async move { auth.change_if(|_| Ok(Some(()))).await });
            }
        }
        true
    }

    /// Cancelled when the login ends; `None` when it has. Held while a WebSocket is open.
    pub fn open(&self, id: LoginId) -> Option<Arc<CancellationToken>> {
        let mut state = self.state();
        state.stored()?.logins.iter().find(|login| login.id == id)?;
        Some(state.open.entry(id).or_default().clone())
    }

    /// The newest first.
    pub fn logins(&self, current: Option<LoginId>, now: Timestamp) -> Vec<Login> {
        let state = self.state();
        let Some(stored) = state.stored() else { return vec![] };
        let counting = stored.logins.iter().rev().filter(|login| login.counts(now));
        counting
            .map(|login| Login {
                id: login.id,
                device: login.device.clone(),
                address: login.address.clone(),
                created_at: login.created_at,
                seen_at: login.seen_at,
                open: state.open.get(&login.id).map_or(0, |open| Arc::strong_count(open) as u32 - 1),
                current: Some(login.id) == current,
            })
            .collect()
    }

    /// Ends the logins that fit; how many.
    pub async fn end_logins(&self, ends: impl Fn(LoginId) -> bool) -> Result<usize, Problem> {
        let ended = self
            .change_if(|stored| {
                let before = stored.logins.len();
                stored.logins.retain(|login| !ends(login.id));
                Ok(Some(before - stored.logins.len()))
            })
            .await?;
        Ok(ended.unwrap_or(0))
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

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0.state)
    }
}

impl State {
    fn stored(&self) -> Option<&Stored> {
        match &self.kept {
            Kept::Stored(stored) => Some(stored),
            _ => None,
        }
    }
}

impl Stored {
    fn open_login(&mut self, guest: &Guest, now: Timestamp) -> Result<Opened, Problem> {
        let (cookie, secret) = (secret::token()?, secret::token()?);
        let known = guest.device.as_deref().map(Digest::of).filter(|device| self.devices.contains(device));
        let device = match known {
            Some(_) => None,
            None => Some(secret::token()?),
        };
        self.devices.extend(device.as_deref().map(Digest::of));
        let too_many = self.devices.len().saturating_sub(MAX_DEVICES);
        self.devices.drain(..too_many);
        let id = LoginId(uuid::Uuid::new_v4());
        // Those that have ended go when there are too many: by a clock that is ahead for a moment, all have.
        self.logins.push(StoredLogin {
            id,
            cookie: Digest::of(&cookie),
            secret: Digest::of(&secret),
            device: guest.name.clone(),
            address: guest.address.clone(),
            created_at: now,
            seen_at: now,
        });
        let too_many = self.logins.len().saturating_sub(MAX_LOGINS);
        self.logins.drain(..too_many);
        let recovery_codes_left = self.recovery.len() as u32;
        Ok(Opened { id, cookie, secret, device, recovery_codes_left })
    }
}

impl StoredLogin {
    /// It was used not too long ago, and is not too old.
    fn counts(&self, now: Timestamp) -> bool {
        now.duration_since(self.seen_at) < IDLE_LIMIT && now.duration_since(self.created_at) < LOGIN_LIMIT
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
        let detail = format!("the password has {letters} letters; take at least {SHORTEST_PASSWORD}");
        return Err(Problem::new(Code::Invalid, detail));
    }
    if password.len() > LONGEST_PASSWORD {
        let detail = format!("the password is longer than {LONGEST_PASSWORD} bytes");
        return Err(Problem::new(Code::Invalid, detail));
    }
    Ok(())
}

fn damage(path: &Path, reason: &str) -> String {
    format!(
        "{} cannot be read ({reason}), so nobody gets in through the web; restore the file, or remove it and \
         set up anew, then restart the daemon",
        path.display()
    )
}

fn closed(path: &Path, reason: &str) -> Problem {
    Problem::new(Code::WebClosed, damage(path, reason))
}

fn not_set_up() -> Problem {
    Problem::new(
        Code::NotSetUp,
        "the dashboard has no password yet; open it, with the one-time password of codepiper auth bootstrap",
    )
}

fn already_set_up() -> Problem {
    Problem::new(Code::AlreadySetUp, "the dashboard has a password already; sign in with it")
}

fn expired() -> Problem {
    Problem::new(Code::Expired, "this was begun too long ago, or elsewhere since; begin again")
}

fn wrong_first_code() -> Problem {
    Problem::new(
        Code::WrongCredentials,
        "the code is not the one of this authenticator; scan the QR code again, and look at the clock of its device",
    )
}

fn internal(error: impl std::fmt::Display) -> Problem {
    Problem::new(Code::Internal, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &str = "correct horse";

    fn later(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    /// The code of an authenticator with this secret.
    fn code(secret: &str, at: Timestamp) -> String {
        let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
        let totp = totp_rs::Builder::new().with_secret(secret).with_account_name("x").build().unwrap();
        totp.generate(at.as_second() as u64).to_string()
    }

    fn guest() -> Guest {
        Guest { device: None, name: "Firefox on Linux".into(), address: Some("127.0.0.1".into()) }
    }

    struct Bed {
        dir: tempfile::TempDir,
        auth: Auth,
        totp: String,
        codes: Vec<String>,
        first: Opened,
    }

    /// Set up at second 0.
    async fn bed() -> Bed {
        let dir = tempfile::tempdir().unwrap();
        let auth = Auth::load(dir.path().join("auth.json"), "me@host".into(), Tasks::default(), |_| ());
        let bootstrap = auth.new_bootstrap().unwrap();
        let begun = auth.begin_setup(&bootstrap.to_uppercase(), PASSWORD, false).await.unwrap();
        let totp = begun.totp.secret;
        let codes = auth.confirm_setup(&begun.token, &code(&totp, later(0)), later(0)).unwrap().codes;
        let first = auth.finish_setup(&begun.token, &guest(), later(0)).await.unwrap();
        Bed { dir, auth, totp, codes, first }
    }

    impl Bed {
        fn again(&self) -> Auth {
            Auth::load(self.dir.path().join("auth.json"), "me@host".into(), Tasks::default(), |_| ())
        }
    }

    fn code_of<T>(result: Result<T, Problem>) -> Code {
        result.err().expect("a problem").code
    }

    #[tokio::test]
    async fn both_are_needed_and_a_code_counts_once_even_after_a_restart() {
        let bed = bed().await;
        let guest = Guest { device: bed.first.device.clone(), ..guest() };
        let at = later(60);
        let right = code(&bed.totp, at);
        let wrong = if right == "000000" { "000001" } else { "000000" };
        for (password, code) in
            [("wrong password", right.as_str()), (PASSWORD, wrong), ("", ""), (PASSWORD, "")]
        {
            assert_eq!(code_of(bed.auth.sign_in(password, code, &guest, at).await), Code::WrongCredentials);
        }
        bed.auth.sign_in(PASSWORD, &right, &guest, at).await.unwrap();
        assert_eq!(code_of(bed.auth.sign_in(PASSWORD, &right, &guest, at).await), Code::WrongCredentials);
        let again = bed.again();
        assert_eq!(code_of(again.sign_in(PASSWORD, &right, &guest, at).await), Code::WrongCredentials);
        // An older step is void, too.
        let older = code(&bed.totp, later(30));
        assert_eq!(code_of(again.sign_in(PASSWORD, &older, &guest, at).await), Code::WrongCredentials);
        again.sign_in(PASSWORD, &code(&bed.totp, later(90)), &guest, later(90)).await.unwrap();
    }

    #[tokio::test]
    async fn a_clock_that_was_ahead_voids_codes_until_the_owner_says_otherwise() {
        let bed = bed().await;
        let guest = Guest { device: bed.first.device.clone(), ..guest() };
        let year = later(365 * 24 * 3600);
        let ahead = bed.auth.sign_in(PASSWORD, &code(&bed.totp, year), &guest, year).await.unwrap();
        // The other login is as old as that clock says, and lives on by the right one.
        let proves = |login: &Opened, at| bed.auth.proves(login.id, &login.secret, None, at);
        assert!(!proves(&bed.first, year) && proves(&bed.first, later(60)));
        let refused = bed.auth.sign_in(PASSWORD, &code(&bed.totp, later(60)), &guest, later(60)).await;
        let problem = refused.err().expect("a problem");
        assert_eq!(problem.code, Code::WrongCredentials);
        assert!(problem.detail.contains("clock") && problem.detail.contains("2028"), "{}", problem.detail);
        assert_eq!(bed.auth.code_from_the_future(later(60)), Some(problem.detail));
        // Who does not know the password is told nothing of it.
        let other = bed.auth.sign_in("wrong password", &code(&bed.totp, later(60)), &guest, later(60)).await;
        assert!(!other.err().expect("a problem").detail.contains("clock"));
        bed.auth.sign_in(PASSWORD, &bed.codes[0], &guest, later(61)).await.unwrap();
        // What was opened by the wrong clock lives no longer for it.
        assert!(proves(&ahead, later(62)));
        assert!(!proves(&ahead, later(31 * 24 * 3600)));
        bed.auth.set_password(PASSWORD, None, later(90)).await.unwrap();
        assert_eq!(bed.auth.code_from_the_future(later(90)), None);
        let void = bed.auth.sign_in(PASSWORD, &code(&bed.totp, later(90)), &guest, later(90)).await;
        assert_eq!(code_of(void), Code::WrongCredentials);
        bed.auth.sign_in(PASSWORD, &code(&bed.totp, later(120)), &guest, later(120)).await.unwrap();
    }

    #[tokio::test]
    async fn a_recovery_code_opens_once() {
        let bed = bed().await;
        assert_eq!(bed.codes.len(), 10);
        let typed = bed.codes[3].replace('-', " ").to_uppercase();
        let opened = bed.auth.sign_in(PASSWORD, &typed, &guest(), later(1)).await.unwrap();
        assert_eq!(opened.recovery_codes_left, 9);
        let guest = Guest { device: opened.device, ..guest() };
        assert_eq!(
            code_of(bed.auth.sign_in(PASSWORD, &typed, &guest, later(1)).await),
            Code::WrongCredentials
        );
        let file = std::fs::read_to_string(bed.dir.path().join("auth.json")).unwrap();
        for secret in [PASSWORD, &bed.codes[0], &secret::typed(&bed.codes[0]), &opened.secret, &opened.cookie]
        {
            assert!(!file.contains(secret), "{secret}");
        }
    }

    #[tokio::test]
    async fn the_set_up_is_one_time() {
        let dir = tempfile::tempdir().unwrap();
        let auth = Auth::load(dir.path().join("auth.json"), "me@host".into(), Tasks::default(), |_| ());
        assert_eq!(auth.stage(), AuthStage::Setup);
        assert_eq!(code_of(auth.begin_setup("", PASSWORD, false).await), Code::WrongCredentials);
        let void = auth.new_bootstrap().unwrap();
        let word = auth.new_bootstrap().unwrap();
        assert_eq!(code_of(auth.begin_setup(&void, PASSWORD, false).await), Code::WrongCredentials);
        assert_eq!(code_of(auth.begin_setup(&word, "too short", false).await), Code::Invalid);
        let first = auth.begin_setup(&word, PASSWORD, false).await.unwrap();
        assert_eq!(code_of(auth.begin_setup(&word, PASSWORD, false).await), Code::SetupUnderWay);
        let second = auth.begin_setup(&word, PASSWORD, true).await.unwrap();
        let now = later(0);
        let first_code = code(&first.totp.secret, now);
        assert_eq!(code_of(auth.confirm_setup(&first.token, &first_code, now)), Code::Expired);
        assert_eq!(code_of(auth.finish_setup(&second.token, &guest(), now).await), Code::Invalid);
        auth.confirm_setup(&second.token, &code(&second.totp.secret, now), now).unwrap();
        assert_eq!(
            Auth::load(dir.path().join("auth.json"), String::new(), Tasks::default(), |_| ()).stage(),
            AuthStage::Setup
        );
        auth.finish_setup(&second.token, &guest(), now).await.unwrap();
        assert_eq!(auth.stage(), AuthStage::SignedOut);
        assert_eq!(code_of(auth.begin_setup(&word, PASSWORD, true).await), Code::AlreadySetUp);
        assert_eq!(code_of(auth.new_bootstrap()), Code::AlreadySetUp);
    }

    #[tokio::test]
    async fn a_login_needs_both_its_secrets_and_ends_with_what_is_open() {
        let bed = bed().await;
        let other = bed.auth.sign_in(PASSWORD, &bed.codes[0], &guest(), later(1)).await.unwrap();
        let Opened { id, cookie, secret, .. } = &bed.first;
        let proves = |auth: &Auth, id, secret: &str, at| auth.proves(id, secret, None, at);
        assert_eq!(bed.auth.of_cookie(cookie, later(2)), Some(*id));
        assert_eq!(bed.auth.of_cookie(secret, later(2)), None);
        assert!(proves(&bed.auth, *id, secret, later(2)));
        for wrong in ["", cookie, &other.secret] {
            assert!(!proves(&bed.auth, *id, wrong, later(2)), "{wrong}");
        }
        let open = bed.auth.open(*id).unwrap();
        let logins = bed.auth.logins(Some(*id), later(2));
        let seen: Vec<_> = logins.iter().map(|login| (login.id, login.open, login.current)).collect();
        assert_eq!(seen, [(other.id, 0, false), (*id, 1, true)]);
        assert_eq!(bed.auth.end_logins(|ended| ended == *id).await.unwrap(), 1);
        assert!(open.is_cancelled());
        for auth in [&bed.auth, &bed.again()] {
            assert_eq!(auth.of_cookie(cookie, later(2)), None);
            assert!(!proves(auth, *id, secret, later(2)) && proves(auth, other.id, &other.secret, later(2)));
            assert!(auth.open(*id).is_none());
        }
        let month_later = later(31 * 24 * 3600);
        assert!(!proves(&bed.auth, other.id, &other.secret, month_later), "nobody used it for a month");
    }

    #[tokio::test]
    async fn changing_a_factor_asks_for_the_present_one_and_ends_the_other_logins() {
        let bed = bed().await;
        let auth = &bed.auth;
        let device = Guest { device: bed.first.device.clone(), ..guest() };
        let other = auth.sign_in(PASSWORD, &bed.codes[0], &device, later(1)).await.unwrap();
        let new = "another password";
        let changed = auth.change_password("wrong password", new, &device, bed.first.id).await;
        assert_eq!(code_of(changed), Code::WrongCredentials);
        auth.change_password(PASSWORD, new, &device, bed.first.id).await.unwrap();
        assert!(auth.open(other.id).is_none() && auth.open(bed.first.id).is_some());
        assert_eq!(
            code_of(auth.change_totp(new, "000000", &device, later(60)).await),
            Code::WrongCredentials
        );
        let change = auth.change_totp(new, &code(&bed.totp, later(60)), &device, later(60)).await.unwrap();
        let at = later(120);
        let old_code = code(&bed.totp, at);
        let keep = Some(bed.first.id);
        assert_eq!(
            code_of(auth.confirm_totp(&change.token, &old_code, keep, at).await),
            Code::WrongCredentials
        );
        let codes = auth.confirm_totp(&change.token, &code(&change.totp.secret, at), keep, at).await.unwrap();
        assert_eq!(code_of(auth.sign_in(new, &bed.codes[1], &device, at).await), Code::WrongCredentials);
        auth.sign_in(new, &codes.codes[0], &device, at).await.unwrap();
        let newest = auth.new_recovery_codes(new, &codes.codes[1], &device, at).await.unwrap();
        assert_eq!(code_of(auth.sign_in(new, &codes.codes[2], &device, at).await), Code::WrongCredentials);
        auth.sign_in(new, &newest.codes[0], &device, at).await.unwrap();
    }

    #[tokio::test]
    async fn damage_closes_and_never_opens() {
        let bed = bed().await;
        let path = bed.dir.path().join("auth.json");
        let good = std::fs::read_to_string(&path).unwrap();
        let cut = &good[..good.len() / 2];
        for bad in [
            "",
            "{}",
            cut,
            &good.replace("$argon2id", "argon2id"),
            &good.replace("\"version\": 1", "\"version\": 9"),
        ] {
            std::fs::write(&path, bad).unwrap();
            let auth = bed.again();
            assert_eq!(auth.stage(), AuthStage::Closed, "{bad}");
            assert!(auth.damage().unwrap().contains("auth.json"));
            assert_eq!(code_of(auth.new_bootstrap()), Code::WebClosed);
            assert_eq!(
                code_of(auth.sign_in(PASSWORD, &bed.codes[0], &guest(), later(1)).await),
                Code::WebClosed
            );
            assert_eq!(code_of(auth.set_password(PASSWORD, None, later(1)).await), Code::WebClosed);
            assert_eq!(auth.of_cookie(&bed.first.cookie, later(1)), None);
        }
    }
}
