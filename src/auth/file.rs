//! What is kept of the way in: one small file.

use std::io;
use std::path::Path;

use codepiper_protocol::wire::auth::LoginId;
use codepiper_protocol::wire::problem::{Code, Problem};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::secret::Digest;
use super::totp;
use crate::small_file::{self, write_synced};

/// The version of the file's form.
const VERSION: u32 = 1;

#[derive(Clone, Serialize, Deserialize)]
pub struct Stored {
    version: u32,
    /// In the form of the Password Hashing Competition: algorithm, parameters, salt and hash.
    pub password: String,
    /// The authenticator's secret, base32.
    pub totp: String,
    /// The newest step whose code was accepted: it and those before are void.
    pub totp_step: u64,
    pub recovery: Vec<Digest>,
    pub logins: Vec<StoredLogin>,
    /// Browsers that have signed in once, the latest last.
    pub devices: Vec<Digest>,
    /// When the password and the authenticator became what they are.
    #[serde(default)]
    pub password_at: Option<Timestamp>,
    #[serde(default)]
    pub totp_at: Option<Timestamp>,
    /// The last sign-in.
    #[serde(default)]
    pub signed_in_at: Option<Timestamp>,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct StoredLogin {
    pub id: LoginId,
    pub cookie: Digest,
    pub secret: Digest,
    pub device: String,
    pub address: Option<String>,
    pub created_at: Timestamp,
    pub seen_at: Timestamp,
    /// The sign-in before this one, of any browser.
    #[serde(default)]
    pub previous: Option<Timestamp>,
}

impl Stored {
    pub fn new(
        password: String,
        totp: String,
        totp_step: u64,
        recovery: Vec<Digest>,
        now: Timestamp,
    ) -> Self {
        Self {
            version: VERSION,
            password,
            totp,
            totp_step,
            recovery,
            logins: vec![],
            devices: vec![],
            password_at: Some(now),
            totp_at: Some(now),
            signed_in_at: None,
        }
    }

    /// `None` when there is no file.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn load(path: &Path) -> Result<Option<Self>, String> {
        let Some(stored) = small_file::read::<Self>(path, VERSION)? else { return Ok(None) };
        if !totp::is_secret(&stored.totp) || argon2::PasswordHash::new(&stored.password).is_err() {
            return Err("the password or the authenticator secret is damaged".to_owned());
        }
        Ok(Some(stored))
    }

    pub fn save(&self, path: &Path) -> io::Result<()> {
        write_synced(path, &serde_json::to_vec_pretty(self)?)
    }

    /// Takes a code, six digits or a recovery code; true when it is right. It is void from then on.
    ///
    /// # Errors
    /// When it would be right, and the clock was ahead when another one was taken.
    pub fn take_code(&mut self, code: &str, now: Timestamp) -> Result<bool, Problem> {
        if let Some(step) = totp::step(&self.totp, code, now) {
            if let Some(detail) = self.code_from_the_future(now) {
                return Err(Problem::new(Code::WrongCredentials, detail));
            }
            let fresh = step > self.totp_step;
            self.totp_step = self.totp_step.max(step);
            return Ok(fresh);
        }
        let digest = Digest::of(&super::secret::typed(code));
        let before = self.recovery.len();
        self.recovery.retain(|kept| *kept != digest);
        Ok(self.recovery.len() < before)
    }

    /// Why every code is void: the newest one that was accepted is not due yet. A code that was seen could count again if
    /// it were just forgotten, so the owner decides.
    pub fn code_from_the_future(&self, now: Timestamp) -> Option<String> {
        let ahead = self.totp_step.checked_sub(totp::step_of(now))?;
        (ahead > 2 * u64::from(totp::SKEW)).then(|| {
            let until = totp::begin_of(self.totp_step);
            format!(
                "this machine's clock is behind, or was ahead when the last code was accepted; authenticator \
                 codes are refused until {until:.0}; set the clock, reset the password, or use a recovery code"
            )
        })
    }

    /// Codes of the steps after `now` count again.
    pub fn forget_codes_from_the_future(&mut self, now: Timestamp) {
        self.totp_step = self.totp_step.min(totp::step_of(now));
    }
}
