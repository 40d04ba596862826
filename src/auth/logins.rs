//! Logins: what proves one, and when it ends.

use std::sync::Arc;

use codepiper_protocol::wire::auth::{Login, LoginId};
use codepiper_protocol::wire::problem::Problem;
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::file::{Stored, StoredLogin};
use super::secret::{self, Digest};
use super::{Auth, Guest, Kept, Opened};

/// A login that is not used ends after this time; every one after the other.
const IDLE_LIMIT: SignedDuration = SignedDuration::from_hours(30 * 24);
const LOGIN_LIMIT: SignedDuration = SignedDuration::from_hours(90 * 24);
/// `seen_at` is as exact as this, and written down when it is older than that.
const SEEN: SignedDuration = SignedDuration::from_mins(1);
const SEEN_WRITTEN: SignedDuration = SignedDuration::from_hours(12);
/// So many logins and known browsers are kept; the oldest go.
const MAX_LOGINS: usize = 100;
const MAX_DEVICES: usize = 100;
impl Auth {
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

    /// Those that are kept, whatever the clock says; `None` when that is not known.
    pub fn kept_logins(&self) -> Option<Vec<LoginId>> {
        let state = self.state();
        Some(state.stored()?.logins.iter().map(|login| login.id).collect())
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
}

impl Stored {
    pub(super) fn open_login(&mut self, guest: &Guest, now: Timestamp) -> Result<Opened, Problem> {
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
            previous: self.signed_in_at.replace(now),
        });
        let too_many = self.logins.len().saturating_sub(MAX_LOGINS);
        self.logins.drain(..too_many);
        let recovery_codes_left = self.recovery.len() as u32;
        Ok(Opened { id, cookie, secret, device, recovery_codes_left })
    }
}

impl StoredLogin {
    /// It was used not too long ago, and is not too old.
    pub(super) fn counts(&self, now: Timestamp) -> bool {
        now.duration_since(self.seen_at) < IDLE_LIMIT && now.duration_since(self.created_at) < LOGIN_LIMIT
    }
}
