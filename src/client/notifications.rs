//! Which devices get notifications.

use codepiper_protocol::wire::auth::LoginId;
use codepiper_protocol::wire::notification::{Notifications, TestNotification};
use hyper::Method;

use super::{Client, Result, http};

impl Client {
    pub async fn notifications(&self) -> Result<Notifications> {
        self.read("/api/notifications").await
    }

    /// To everything that gets notifications.
    pub async fn test_notification(&self, request: &TestNotification) -> Result<()> {
        self.change(Method::POST, "/api/notifications/test", request).await
    }

    pub async fn remove_device(&self, device: LoginId) -> Result<()> {
        let path = format!("/api/notifications/devices/{device}");
        http::request(&self.socket, Method::DELETE, &path, None).await.map(drop)
    }
}
