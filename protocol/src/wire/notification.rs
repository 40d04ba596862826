//! Notifications: what devices are told of, and how.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ask::AskKind;
use super::auth::LoginId;
use crate::SessionId;

/// `GET /api/notifications`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Notifications {
    /// The key that push subscriptions are made with (RFC 8292): base64url.
    pub push_key: String,
    /// Signed-in devices that want notifications.
    pub devices: Vec<NotifiedDevice>,
    /// Whether `notifications.command` is configured.
    pub command: bool,
    /// The host of `notifications.webhook`.
    pub webhook: Option<String>,
    /// Whether terminals that are attached get them (`notifications.terminals`).
    pub terminals: bool,
}

/// A signed-in device that wants notifications.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct NotifiedDevice {
    pub id: LoginId,
    /// The browser and its system.
    pub name: String,
    /// Whether it is the one that asks.
    pub current: bool,
    /// The host of its push service; `null`: it is told while the dashboard is open there.
    pub push: Option<String>,
    pub rules: NotificationRules,
}

/// Which asks a device is told of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct NotificationRules {
    pub kinds: Vec<AskKind>,
    /// Sessions that it is not told of.
    #[serde(default)]
    pub muted: Vec<SessionId>,
    pub quiet: Option<QuietHours>,
}

/// A time of day in which nothing is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct QuietHours {
    /// `22:00`
    pub from: String,
    /// `07:00`; before `from`, it is on the next day.
    pub to: String,
    /// An IANA name such as `Europe/Berlin`.
    pub time_zone: String,
}

/// `PUT /api/notifications/device`: the device that asks is told from now on; [`Notifications`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct SetDevice {
    pub rules: NotificationRules,
    /// `location.origin` of its dashboard.
    pub origin: String,
    /// Without one, it is told while the dashboard is open.
    pub push: Option<PushSubscription>,
}

/// Of the browser's push service (RFC 8030, RFC 8291).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct PushSubscription {
    pub endpoint: String,
    /// A point on the curve P-256, uncompressed: base64url.
    pub p256dh: String,
    /// 16 bytes: base64url.
    pub auth: String,
}

/// `POST /api/notifications/test`: the device that asks gets a notification; from the command line, all do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct TestNotification {
    /// At most 60.
    #[serde(default)]
    pub delay_seconds: u32,
}

/// `POST /api/notifications/receipts`: what became of a notification on its device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct NotificationReceipt {
    /// Of the notification: nobody else knows it.
    pub receipt: String,
    pub outcome: ReceiptOutcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ReceiptOutcome {
    Shown,
    /// The dashboard was in the foreground there.
    Foreground,
    /// The browser does not allow it.
    Blocked,
}

/// What a device is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Notification {
    /// One per session: a later one takes its place.
    pub tag: String,
    pub title: String,
    pub body: String,
    /// The page that a click opens: a path.
    pub path: String,
    /// It only takes the place of another one.
    pub silent: bool,
    /// How many asks are open.
    pub open: u32,
    pub at: Timestamp,
    /// To be sent back in a [`NotificationReceipt`].
    pub receipt: String,
}
