//! Changing what is needed to come in.

use codepiper_protocol::wire::auth::{Factors, LoginId, RecoveryCodes, TotpChange};
use codepiper_protocol::wire::problem::Problem;
use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    Auth, Guest, RECOVERY_CODES, STEP_LIMIT, check_password, expired, recovery_codes, secret, totp,
    wrong_first_code,
};

/// A new authenticator that is not confirmed yet.
pub(super) struct Change {
    token: String,
    totp: String,
    until: Instant,
}

impl Auth {
    /// What a sign-in needs, without the wrong attempts; and since when those count for this login. `None` before the
    /// set-up.
    pub fn factors(&self, login: Option<LoginId>) -> Option<(Factors, Option<Timestamp>)> {
        let state = self.state();
        let stored = state.stored()?;
        let own = login.and_then(|id| stored.logins.iter().find(|login| login.id == id));
        let since = own.map_or(stored.signed_in_at, |own| Some(own.previous.unwrap_or(own.created_at)));
        let factors = Factors {
            password_changed_at: stored.password_at,
            totp_added_at: stored.totp_at,
            recovery_codes_left: stored.recovery.len() as u32,
            recovery_codes: RECOVERY_CODES as u32,
            failed: vec![],
        };
        Some((factors, since))
    }

    /// A new password; all logins but `keep` end.
    pub async fn change_password(
        &self,
        current: &str,
        new: &str,
        guest: &Guest,
        keep: LoginId,
    ) -> Result<(), Problem> {
        check_password(new)?;
        let enter = async { Ok(Some(())) };
        self.attempt(guest, self.is_password(current), || true, || (), enter).await?;
        self.set_password(new, Some(keep), Timestamp::now()).await
    }

    /// A new password without the old one; all logins but `keep` end. The owner's (none is kept) also lets codes count
    /// again that a wrong clock made void.
    pub async fn set_password(
        &self,
        new: &str,
        keep: Option<LoginId>,
        now: Timestamp,
    ) -> Result<(), Problem> {
        check_password(new)?;
        self.must_be_set_up()?;
        let password = self.hash(new).await?;
        let changed = self.change_if(|stored| {
            stored.password.clone_from(&password);
            stored.password_at = Some(now);
            stored.logins.retain(|login| Some(login.id) == keep);
            if keep.is_none() {
                stored.forget_codes_from_the_future(now);
            }
            Ok(Some(()))
        });
        changed.await.map(drop)
    }

    /// Begins to replace the authenticator, for who knows the password and a code.
    pub async fn change_totp(
        &self,
        password: &str,
        code: &str,
        guest: &Guest,
        now: Timestamp,
    ) -> Result<TotpChange, Problem> {
        self.prove_again(password, code, guest, now).await?;
        self.new_totp()
    }

    /// Begins to replace the authenticator.
    pub fn new_totp(&self) -> Result<TotpChange, Problem> {
        self.must_be_set_up()?;
        let (token, totp) = (secret::token()?, totp::new_secret()?);
        let shown = totp::show(&totp, &self.0.account)?;
        let until = Instant::now() + STEP_LIMIT;
        self.state().change = Some(Change { token: token.clone(), totp, until });
        Ok(TotpChange { token, totp: shown })
    }

    /// The new authenticator works: the old one and its recovery codes are void, and all logins but
    /// `keep` end.
    pub async fn confirm_totp(
        &self,
        token: &str,
        code: &str,
        keep: Option<LoginId>,
        now: Timestamp,
    ) -> Result<RecoveryCodes, Problem> {
        let totp = {
            let state = self.state();
            let change =
                state.change.as_ref().filter(|change| change.token == token && change.until > Instant::now());
            change.ok_or_else(expired)?.totp.clone()
        };
        let step = totp::step(&totp, code, now).ok_or_else(wrong_first_code)?;
        let (codes, kept) = recovery_codes()?;
        let changed = self.change_if(|stored| {
            stored.totp.clone_from(&totp);
            stored.totp_step = step;
            stored.totp_at = Some(now);
            stored.recovery.clone_from(&kept);
            stored.logins.retain(|login| Some(login.id) == keep);
            Ok(Some(()))
        });
        changed.await?;
        self.state().change = None;
        Ok(codes)
    }

    /// New recovery codes; the old ones are void.
    pub async fn new_recovery_codes(
        &self,
        password: &str,
        code: &str,
        guest: &Guest,
        now: Timestamp,
    ) -> Result<RecoveryCodes, Problem> {
        self.prove_again(password, code, guest, now).await?;
        let (codes, kept) = recovery_codes()?;
        let changed = self.change_if(|stored| {
            stored.recovery.clone_from(&kept);
            Ok(Some(()))
        });
        changed.await?;
        Ok(codes)
    }

    async fn prove_again(
        &self,
        password: &str,
        code: &str,
        guest: &Guest,
        now: Timestamp,
    ) -> Result<(), Problem> {
        let enter = self.change_if(|stored| Ok(stored.take_code(code, now)?.then_some(())));
        self.attempt(guest, self.is_password(password), || self.is_code(code, now), || (), enter).await
    }
}
