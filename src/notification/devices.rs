//! The devices that are told, the server's key, and what was told: one small file.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use codepiper_protocol::wire::auth::LoginId;
use codepiper_protocol::wire::notification::{
    NotificationRules, NotifiedDevice, PushSubscription, SetDevice,
};
use codepiper_protocol::wire::problem::{Code, Next, Problem};
use hyper::http::Uri;
use hyper::http::uri::Scheme;
use serde::{Deserialize, Serialize};

use super::outgoing::Target;
use super::plan::Told;
use super::push::{Keys, ServerKey};
use crate::lock::lock;
use crate::small_file::{self, Broken, Synced, replace, write_synced};
use crate::tasks::blocking;

/// The version of the file's form.
const VERSION: u32 = 1;

/// A device that is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Device {
    pub id: LoginId,
    /// The browser and its system.
    pub name: String,
    /// Where it has the dashboard: `https://host`.
    pub origin: String,
    pub push: Option<PushSubscription>,
    pub rules: NotificationRules,
}

#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    version: u32,
    /// PKCS#8, in Base64.
    key: String,
    devices: Vec<Device>,
}

/// Asks that devices were told of, and that were open: a file of its own, which is not synced.
#[derive(Serialize, Deserialize)]
struct StoredTold {
    version: u32,
    told: Vec<Told>,
}

/// See the module.
pub struct Devices {
    path: PathBuf,
    stored: Arc<Mutex<Result<Stored, String>>>,
    told: Mutex<Vec<Told>>,
    /// Whoever changes it holds this until that is written.
    changing: tokio::sync::Mutex<()>,
}

impl Device {
    /// # Errors
    /// What cannot be used of it.
    pub fn new(id: LoginId, name: String, set: SetDevice, private_endpoints: bool) -> Result<Self, Problem> {
        let SetDevice { rules, origin, push } = set;
        let invalid = |detail: String| Problem::new(Code::Invalid, detail);
        if !is_origin(&origin) {
            return Err(invalid(format!(
                "invalid origin '{}'; use one like https://host",
                origin.escape_debug()
            )));
        }
        if let Some(push) = &push {
            let target = Target::parse(&push.endpoint)
                .map_err(|why| invalid(format!("invalid push endpoint: {why}")))?;
            if !target.is_https() && !private_endpoints {
                return Err(invalid("invalid push endpoint: it does not begin with https://".to_owned()));
            }
            Keys::parse(push).map_err(|why| invalid(format!("invalid push subscription: {why}")))?;
        }
        Ok(Self { id, name, origin, push, rules })
    }

    pub fn shown(self, current: Option<LoginId>) -> NotifiedDevice {
        let host = |push: &PushSubscription| {
            Target::parse(&push.endpoint).ok().map(|target| target.host().to_owned())
        };
        NotifiedDevice {
            id: self.id,
            current: Some(self.id) == current,
            push: self.push.as_ref().and_then(host),
            name: self.name,
            rules: self.rules,
        }
    }
}

fn is_origin(origin: &str) -> bool {
    let Ok(uri) = origin.parse::<Uri>() else { return false };
    let scheme = uri.scheme().is_some_and(|scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme));
    scheme
        && uri.authority().is_some()
        && uri.path() == "/"
        && uri.query().is_none()
        && !origin.ends_with('/')
}

fn told_beside(path: &Path) -> PathBuf {
    path.with_file_name("notifications-told.json")
}

impl Devices {
    /// Reads the file. One that cannot be used is left as it is, and nobody is told.
    pub fn open(path: PathBuf) -> Self {
        let new = || {
            let key = ServerKey::generate().map_err(|problem| problem.detail)?;
            Ok(Stored { version: VERSION, key: key.stored(), devices: Vec::new() })
        };
        let stored =
            small_file::read::<Stored>(&path, VERSION).and_then(|stored| stored.map_or_else(new, Ok));
        let stored = stored.and_then(|stored| {
            ServerKey::parse(&stored.key).map(|_| stored).map_err(|_| "the key is damaged".to_owned())
        });
        if let Err(why) = &stored {
            tracing::error!(path = %path.display(), why, "nobody is notified");
        }
        let told = small_file::read::<StoredTold>(&told_beside(&path), VERSION).unwrap_or_else(|why| {
            tracing::warn!(why, "devices may be notified of something twice");
            None
        });
        let told = Mutex::new(told.map(|stored| stored.told).unwrap_or_default());
        Self { path, stored: Arc::new(Mutex::new(stored)), told, changing: tokio::sync::Mutex::default() }
    }

    pub fn broken(&self) -> Option<Broken> {
        lock(&self.stored).as_ref().err().map(|why| (self.path.clone(), why.clone()))
    }

    pub fn all(&self) -> Vec<Device> {
        lock(&self.stored).as_ref().map(|stored| stored.devices.clone()).unwrap_or_default()
    }

    pub fn told(&self) -> Vec<Told> {
        lock(&self.told).clone()
    }

    pub fn key(&self) -> Result<ServerKey, Problem> {
        let key =
            lock(&self.stored).as_ref().map(|stored| stored.key.clone()).map_err(|why| self.unusable(why))?;
        ServerKey::parse(&key).map_err(|_| self.unusable("the key is damaged"))
    }

    fn unusable(&self, why: &str) -> Problem {
        let detail = format!("cannot use {}: {why}", self.path.display());
        Problem::new(Code::Internal, detail).with_next(Next::RunChecks)
    }

    /// Adds it, in the place of what it was before.
    pub async fn put(&self, device: Device) -> Result<(), Problem> {
        self.change(|stored| {
            stored.devices.retain(|other| other.id != device.id);
            stored.devices.push(device);
        })
        .await
    }

    /// How many went.
    pub async fn remove(&self, which: impl Fn(&Device) -> bool) -> Result<usize, Problem> {
        let mut removed = 0;
        self.change(|stored| {
            let before = stored.devices.len();
            stored.devices.retain(|device| !which(device));
            removed = before - stored.devices.len();
        })
        .await?;
        Ok(removed)
    }

    /// After a power loss, a device may be told twice.
    pub async fn keep_told(&self, told: Vec<Told>) {
        let _changing = self.changing.lock().await;
        if *lock(&self.told) == told {
            return;
        }
        lock(&self.told).clone_from(&told);
        let path = told_beside(&self.path);
        let written = blocking(move || {
            let json = serde_json::to_vec(&StoredTold { version: VERSION, told })?;
            replace(&path, &json, Synced::No)
        });
        if let Ok(Err(error)) = written.await {
            tracing::warn!(%error, "which asks devices were told of is not kept");
        }
    }

    /// Writes the key that browsers subscribe with, if nothing was written yet.
    pub async fn keep_key(&self) -> Result<(), Problem> {
        if self.path.exists() { Ok(()) } else { self.change(|_| {}).await }
    }

    /// The disk first, then the memory.
    async fn change(&self, change: impl FnOnce(&mut Stored)) -> Result<(), Problem> {
        let _changing = self.changing.lock().await;
        let mut stored = lock(&self.stored).clone().map_err(|why| self.unusable(&why))?;
        change(&mut stored);
        let json = serde_json::to_vec_pretty(&stored).map_err(|error| self.unusable(&error.to_string()))?;
        let (path, kept) = (self.path.clone(), self.stored.clone());
        // It comes to its end, whoever waits.
        let written = blocking(move || {
            write_synced(&path, &json)?;
            *lock(&kept) = Ok(stored);
            Ok::<(), std::io::Error>(())
        });
        let cannot =
            |error| Problem::new(Code::Internal, format!("cannot write {}: {error}", self.path.display()));
        written.await?.map_err(cannot)
    }
}
