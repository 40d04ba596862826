//! Access through the web: setup, sign-in, logins.
//!
//! A login has two secrets: a cookie, and [`SignedIn::secret`], which is sent with every request in the
//! header [`SECRET_HEADER`], and as the first message on a WebSocket. Neither is sufficient alone.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The request header that carries [`SignedIn::secret`].
pub const SECRET_HEADER: &str = "codepiper-secret";
/// The minimum length of a password, in characters.
pub const SHORTEST_PASSWORD: usize = 10;
/// The maximum length of a password, in bytes.
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
    /// The caller's login, while `stage` is `signed_in`.
    pub login: Option<Login>,
    /// While `stage` is `setup`: a setup is in progress in some browser; another one can take over.
    pub setup_under_way: bool,
    /// While `stage` is `closed`: the reason.
    pub detail: Option<String>,
    /// The minimum length of a password, in characters.
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
    /// The stored passwords cannot be read: nobody can sign in until the owner has repaired them.
    Closed,
}

/// `POST /api/auth/setup`: the first step. Nothing is saved before the last one.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
#[serde(deny_unknown_fields)]
pub struct BeginSetup {
    /// The one-time password printed by the daemon or by `codepiper auth bootstrap`.
    pub bootstrap: String,
    /// The password that people will sign in with.
    pub password: String,
    /// Take over from another browser.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub take_over: bool,
}

/// The answer to [`BeginSetup`].
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SetupBegun {
    /// Identifies this setup in the next steps. Secret; expires after 30 minutes.
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

/// Each can replace a code once. They are only shown here.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RecoveryCodes {
    pub codes: Vec<String>,
}

/// `POST /api/auth/setup/finish`: the user has saved the recovery codes. Answers with [`SignedIn`].
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
    /// Sent with every request: see [`SECRET_HEADER`].
    pub secret: String,
    pub login: Login,
    pub recovery_codes_left: u32,
}

/// One entry of `GET /api/auth/logins`. `DELETE /api/auth/logins/{id}` ends one,
/// `DELETE /api/auth/logins` all but the caller's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Login {
    pub id: LoginId,
    /// The browser and its system, e.g. `Firefox on Linux`.
    pub device: String,
    /// The address of the last request.
    pub address: Option<String>,
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub seen_at: Timestamp,
    /// The number of open WebSockets.
    pub open: u32,
    /// This is the caller's own login.
    pub current: bool,
}

/// `GET /api/auth/factors`: what a sign-in needs, and who did not have it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Factors {
    /// When the password was set; `null` if an older version set it.
    pub password_changed_at: Option<Timestamp>,
    /// When the authenticator was added; `null` if an older version did.
    pub totp_added_at: Option<Timestamp>,
    pub recovery_codes_left: u32,
    /// How many there were.
    pub recovery_codes: u32,
    /// Wrong attempts since the last sign-in before the caller's, the newest first, up to 100.
    pub failed: Vec<FailedSignIn>,
}

/// A wrong password or code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FailedSignIn {
    pub at: Timestamp,
    /// The browser and its system, as it says.
    pub device: String,
    pub address: Option<String>,
}

/// `POST /api/auth/password`: ends all other logins.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    pub current: String,
    pub new: String,
}

/// `POST /api/auth/totp`, answered with [`TotpChange`]: the old authenticator is valid until the new one is
/// confirmed. `POST /api/auth/recovery-codes`, answered with [`RecoveryCodes`]: the old codes become invalid.
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
    /// Identifies the change in [`ConfirmTotp`]. Secret; expires after 30 minutes.
    pub token: String,
    pub totp: TotpSecret,
}

/// The answer to `POST /api/auth/bootstrap`, which only the owner may use, on the socket.
#[derive(Clone, Serialize, Deserialize)]
pub struct Bootstrap {
    /// The one-time password for [`BeginSetup`]; the previous one becomes invalid.
    pub password: String,
}

/// `POST /api/auth/reset-password`: only the owner, on the socket. Ends all logins.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResetPassword {
    pub password: String,
}
