//! The way in through the web: set-up, sign-in, login sessions.
//!
//! A login has two secrets: a cookie, and [`SignedIn::secret`], which goes with every request in the
//! header [`SECRET_HEADER`], and with a WebSocket as its first message. Neither opens anything alone.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The request header that carries [`SignedIn::secret`].
pub const SECRET_HEADER: &str = "codepiper-secret";
/// Letters that a password has at least.
pub const SHORTEST_PASSWORD: usize = 10;
/// Bytes that a password has at most.
pub const LONGEST_PASSWORD: usize = 1024;

/// The id of a login: not a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(transparent)]
pub struct LoginId(pub Uuid);

impl std::fmt::Display for LoginId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for LoginId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self)
    }
}

/// `GET /api/auth`: what a page shows first. Anybody may ask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AuthStatus {
    pub stage: AuthStage,
    /// Who asks, while `stage` is `signed_in`.
    pub login: Option<Login>,
    /// While `stage` is `setup`: somebody began it; a second one takes it over.
    pub setup_under_way: bool,
    /// While `stage` is `closed`: why, and what to do.
    pub detail: Option<String>,
    /// Letters that a password has at least.
    pub shortest_password: u32,
    pub version: String,
    pub protocol: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum AuthStage {
    /// Nobody has set a password yet.
    Setup,
    SignedOut,
    SignedIn,
    /// What was set up cannot be read: nobody gets in before the owner has repaired it.
    Closed,
}

/// `POST /api/auth/setup`: the first step. Nothing is kept before the last one.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct BeginSetup {
    /// The one-time password that the daemon printed, or `codepiper auth bootstrap`.
    pub bootstrap: String,
    /// The password that people will sign in with.
    pub password: String,
    /// End the set-up that another browser began.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub take_over: bool,
}

/// The answer to [`BeginSetup`].
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SetupBegun {
    /// Names this set-up in the steps that follow. A secret; ends after half an hour.
    pub token: String,
    pub totp: TotpSecret,
}

/// What an authenticator needs.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TotpSecret {
    /// Base32, for typing.
    pub secret: String,
    /// `otpauth://totp/…`
    pub uri: String,
    /// The same as a QR code: an `<svg>` element, dark modules on a light ground.
    pub qr_svg: String,
}

/// `POST /api/auth/setup/totp` and `/api/auth/totp/confirm`: the first code of the new authenticator.
/// Both answer with [`RecoveryCodes`].
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ConfirmTotp {
    /// Of [`SetupBegun`] or [`TotpChange`].
    pub token: String,
    /// Six digits.
    pub code: String,
}

/// Each opens the door once, in the place of a code. They are shown this one time.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RecoveryCodes {
    pub codes: Vec<String>,
}

/// `POST /api/auth/setup/finish`: the recovery codes are kept. Answers with [`SignedIn`].
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct FinishSetup {
    pub token: String,
}

/// `POST /api/auth/sign-in`
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    pub password: String,
    /// Six digits, or a recovery code.
    pub code: String,
}

/// The answer to [`SignIn`] and [`FinishSetup`]; the cookies come with it.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SignedIn {
    /// Goes with every request: see [`SECRET_HEADER`].
    pub secret: String,
    pub login: Login,
    pub recovery_codes_left: u32,
}

/// One entry of `GET /api/auth/logins`. `DELETE /api/auth/logins/{id}` ends one,
/// `DELETE /api/auth/logins` all but the one that asks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Login {
    pub id: LoginId,
    /// The browser and its system, e.g. `Firefox on Linux`.
    pub device: String,
    /// Where the last request came from.
    pub address: Option<String>,
    pub created_at: Timestamp,
    /// When it was used last, to the minute.
    pub seen_at: Timestamp,
    /// How many WebSockets it has open.
    pub open: u32,
    /// It is the one that asks.
    pub current: bool,
}

/// `POST /api/auth/password`: ends all other logins.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    pub current: String,
    pub new: String,
}

/// `POST /api/auth/totp`, answered by [`TotpChange`]: the old authenticator counts until the new one is
/// confirmed. `POST /api/auth/recovery-codes`, answered by [`RecoveryCodes`]: the old ones are void.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct Reauthenticate {
    pub password: String,
    /// Six digits, or a recovery code.
    pub code: String,
}

/// An authenticator that is not confirmed yet.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TotpChange {
    /// Names the change in [`ConfirmTotp`]. A secret; ends after half an hour.
    pub token: String,
    pub totp: TotpSecret,
}

/// The answer to `POST /api/auth/bootstrap`, which only the owner may ask on the socket.
#[derive(Clone, Serialize, Deserialize)]
pub struct Bootstrap {
    /// The one-time password for [`BeginSetup`]; the one before is void.
    pub password: String,
}

/// `POST /api/auth/reset-password`: only the owner, on the socket. Ends all logins.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResetPassword {
    pub password: String,
}
