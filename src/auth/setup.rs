//! The first visit: a one-time password, a password, an authenticator, and the first login.

use codepiper_protocol::wire::auth::{RecoveryCodes, SetupBegun};
use codepiper_protocol::wire::problem::{Code, Problem};
use jiff::Timestamp;
use tokio::time::Instant;

use super::file::Stored;
use super::{
    Auth, AuthState, BOOTSTRAP_GROUPS, Digest, Guest, Kept, Opened, STEP_LIMIT, already_set_up,
    check_password, closed, expired, recovery_codes, secret, totp, wrong_first_code,
};

/// A set-up that is under way. Nothing of it is kept before its end.
pub(super) struct Setup {
    token: String,
    password: String,
    totp: String,
    /// The step of the code that confirmed the authenticator, and the recovery codes that were shown.
    confirmed: Option<(u64, Vec<Digest>)>,
    pub(super) until: Instant,
}

impl Auth {
    /// A new one-time password for the set-up; the one before is void.
    pub fn new_bootstrap(&self) -> Result<String, Problem> {
        let word = secret::word(BOOTSTRAP_GROUPS)?;
        let mut state = self.state();
        match &state.kept {
            Kept::Nothing => {}
            Kept::Stored(_) => return Err(already_set_up()),
            Kept::Unreadable(reason) => return Err(closed(&self.0.path, reason)),
        }
        state.bootstrap = Some(Digest::of(&secret::typed(&word)));
        Ok(word)
    }

    /// The first step of the set-up.
    pub async fn begin_setup(
        &self,
        bootstrap: &str,
        password: &str,
        take_over: bool,
    ) -> Result<SetupBegun, Problem> {
        let word = Digest::of(&secret::typed(bootstrap));
        let right = async { self.check_bootstrap(&word) };
        let enter = async { Ok(Some(())) };
        self.attempt(&Guest::default(), right, || true, || (), enter).await?;
        if self.setup_under_way() && !take_over {
            return Err(Problem::new(
                Code::SetupUnderWay,
                "setup is in progress in another browser; finish it there or take over",
            ));
        }
        check_password(password)?;
        let password = self.hash(password).await?;
        let (token, totp) = (secret::token()?, totp::new_secret()?);
        let shown = totp::show(&totp, &self.0.account)?;
        let until = Instant::now() + STEP_LIMIT;
        self.state().setup = Some(Setup { token: token.clone(), password, totp, confirmed: None, until });
        Ok(SetupBegun { token, totp: shown })
    }

    /// The second step: the authenticator works. The codes are shown this one time.
    pub fn confirm_setup(&self, token: &str, code: &str, now: Timestamp) -> Result<RecoveryCodes, Problem> {
        let mut state = self.state();
        let setup = state.setup(token)?;
        let step = totp::step(&setup.totp, code, now).ok_or_else(wrong_first_code)?;
        let (codes, kept) = recovery_codes()?;
        setup.confirmed = Some((step, kept));
        Ok(codes)
    }

    /// The last step: from now on the password and the authenticator count, and the guest is in.
    pub async fn finish_setup(&self, token: &str, guest: &Guest, now: Timestamp) -> Result<Opened, Problem> {
        let changing = self.0.changing.lock().await;
        let mut stored = {
            let mut state = self.state();
            match &state.kept {
                Kept::Nothing => {}
                Kept::Stored(_) => return Err(already_set_up()),
                Kept::Unreadable(reason) => return Err(closed(&self.0.path, reason)),
            }
            let setup = state.setup(token)?;
            let Some((step, recovery)) = setup.confirmed.clone() else {
                return Err(Problem::new(Code::Invalid, "the authenticator has not been confirmed yet"));
            };
            Stored::new(setup.password.clone(), setup.totp.clone(), step, recovery, now)
        };
        let opened = stored.open_login(guest, now)?;
        self.write(stored).await?;
        let mut state = self.state();
        (state.setup, state.bootstrap) = (None, None);
        drop((state, changing));
        Ok(opened)
    }

    fn check_bootstrap(&self, word: &Digest) -> Result<bool, Problem> {
        let state = self.state();
        match &state.kept {
            Kept::Nothing => Ok(state.bootstrap.as_ref() == Some(word)),
            Kept::Stored(_) => Err(already_set_up()),
            Kept::Unreadable(reason) => Err(closed(&self.0.path, reason)),
        }
    }
}

impl AuthState {
    fn setup(&mut self, token: &str) -> Result<&mut Setup, Problem> {
        let setup = self.setup.as_mut().filter(|setup| setup.token == token && setup.until > Instant::now());
        setup.ok_or_else(expired)
    }
}
