//! Notifications: whoever is away is told of what needs a person. Every device's log is in the events: sent, shown,
//! suppressed and why.
//!
//! | module | what |
//! |--------|------|
//! | [`plan`]     | which asks are told of, and when |
//! | [`rules`]    | what a device wants to be told of |
//! | [`words`]    | a notification's title and text |
//! | [`devices`]  | the devices, and what was told, in one small file |
//! | [`deliver`]  | from an ask to each device |
//! | [`lanes`]    | what is pushed to a device about a session arrives in order |
//! | [`outlets`]  | the configured command, the webhook, attached terminals |
//! | [`push`]     | web push: encryption (RFC 8291), and who sends it (RFC 8292) |
//! | [`outgoing`] | HTTP requests to servers elsewhere |
//! | [`pages`]    | open dashboards |

mod deliver;
mod devices;
mod lanes;
mod outgoing;
mod outlets;
mod pages;
mod plan;
mod push;
mod rules;
mod words;

pub use outlets::Outlets;
pub use pages::Page;

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use codepiper_protocol::wire::ask::Ask;
use codepiper_protocol::wire::auth::LoginId;
use codepiper_protocol::wire::notification::{
    NotificationReceipt, Notifications, NotifiedDevice, ReceiptOutcome, SetDevice,
};
use codepiper_protocol::wire::problem::{Code, Problem};
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::auth::Auth;
use crate::config;
use crate::lock::lock;
use crate::session::Sessions;
use crate::small_file::Broken;
use crate::tasks::Tasks;
use deliver::Sent;
use devices::{Device, Devices};
use lanes::Lanes;
use pages::Pages;
use plan::{Plan, Step, Told};

/// Changes are looked at so often at most.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
/// So many notifications can still be reported as shown.
const MOST_RECEIPTS: usize = 1000;

/// Tells devices of asks. Clones share it.
#[derive(Clone)]
pub struct Notifier(Arc<Inner>);

struct Inner {
    sessions: Sessions,
    auth: Auth,
    tasks: Tasks,
    outlets: Outlets,
    devices: Devices,
    pages: Pages,
    /// Notifications that may be reported on, the latest last.
    receipts: Mutex<VecDeque<(String, Sent)>>,
    lanes: Lanes,
    told: Mutex<ToldNow>,
}

/// What is kept for the next daemon: asks that were told of, unless that is still on its way somewhere.
#[derive(Default)]
struct ToldNow {
    all: Vec<Told>,
    /// They are over, and that is still on its way somewhere.
    closing: Vec<Told>,
    /// By ask: to how many places.
    on_its_way: HashMap<String, u32>,
}

/// An ask is on its way to a place. When the daemon leaves before it has arrived, the next one tells of it again.
struct OnItsWay {
    notifier: Notifier,
    ask: String,
}

impl OnItsWay {
    /// It has arrived, or never will.
    async fn arrived(self) {
        {
            let mut told = lock(&self.notifier.0.told);
            if let Some(places) = told.on_its_way.get_mut(&self.ask) {
                *places -= 1;
            }
            told.on_its_way.retain(|_, places| *places > 0);
        }
        self.notifier.save_told().await;
    }
}

impl Notifier {
    /// Reads what is kept in this file, and tells devices from now on. The file has the server's key, too.
    ///
    /// # Errors
    /// What is configured cannot be used.
    pub fn start(
        path: PathBuf,
        config: &config::Notifications,
        sessions: &Sessions,
        auth: &Auth,
        tasks: &Tasks,
    ) -> anyhow::Result<Self> {
        let (outlets, devices) = (Outlets::new(config)?, Devices::open(path));
        let (sessions, auth, tasks) = (sessions.clone(), auth.clone(), tasks.clone());
        let (pages, receipts, lanes, told) = Default::default();
        let inner = Inner { sessions, auth, tasks, outlets, devices, pages, receipts, lanes, told };
        let notifier = Self(Arc::new(inner));
        notifier.0.tasks.spawn_until_shutdown(notifier.clone().follow());
        Ok(notifier)
    }

    /// The file, if it cannot be used.
    pub fn broken(&self) -> Option<Broken> {
        self.0.devices.broken()
    }

    /// Tells of what happens, for as long as the daemon runs.
    async fn follow(self) {
        let changed = Arc::new(Notify::new());
        self.0.sessions.registry.watch(&changed);
        let mut plan = Plan::new(self.0.devices.told(), Instant::now());
        loop {
            let (steps, next) = plan.look(&self.0.sessions.asks.open(), Instant::now(), Timestamp::now());
            for step in steps {
                self.take(step, &mut plan).await;
            }
            let due = async {
                match next {
                    Some(next) => tokio::time::sleep_until(next).await,
                    None => std::future::pending().await,
                }
            };
            let looked = Instant::now();
            tokio::select! {
                () = changed.notified() => tokio::time::sleep_until(looked + BETWEEN_LOOKS).await,
                () = due => {}
            }
        }
    }

    async fn take(&self, step: Step, plan: &mut Plan) {
        match step {
            Step::Tell(ask) => {
                let (devices, outlets) = self.tell(&ask);
                plan.told(&ask, devices, outlets);
            }
            Step::TooSoon { ask, snoozed } => return self.answered_soon(&ask, snoozed),
            Step::Over { told, snoozed } => self.over(&told, snoozed),
            Step::Back { over, open } => {
                plan.told(&open, over.devices.clone(), false);
                self.back(&over, &open, plan.devices_of(&open.id));
            }
        }
        self.keep_told(plan).await;
    }

    async fn keep_told(&self, plan: &Plan) {
        lock(&self.0.told).all = plan.all_told();
        self.save_told().await;
    }

    async fn save_told(&self) {
        let told = {
            let mut told = lock(&self.0.told);
            let ToldNow { closing, on_its_way, .. } = &mut *told;
            closing.retain(|each| on_its_way.contains_key(&each.ask));
            let has_arrived = |each: &&Told| !told.on_its_way.contains_key(&each.ask);
            told.all.iter().filter(has_arrived).chain(&told.closing).cloned().collect()
        };
        self.0.devices.keep_told(told).await;
    }

    /// It is over: kept until that has arrived everywhere.
    fn closes(&self, told: &Told) {
        lock(&self.0.told).closing.push(told.clone());
    }

    fn on_its_way(&self, ask: &str) -> OnItsWay {
        *lock(&self.0.told).on_its_way.entry(ask.to_owned()).or_default() += 1;
        OnItsWay { notifier: self.clone(), ask: ask.to_owned() }
    }

    /// What there is, for this device.
    pub async fn list(&self, current: Option<LoginId>) -> Result<Notifications, Problem> {
        // Browsers subscribe with the key: it has to be there for good.
        self.0.devices.keep_key().await?;
        let mut devices: Vec<NotifiedDevice> =
            self.devices().into_iter().map(|device| device.shown(current)).collect();
        devices.sort_by_key(|device| !device.current);
        Ok(Notifications {
            push_key: self.0.devices.key()?.public(),
            devices,
            command: self.0.outlets.command.is_some(),
            webhook: self.0.outlets.webhook.as_ref().map(|webhook| webhook.host()),
            terminals: self.0.outlets.terminals,
        })
    }

    /// From now on this device is told.
    ///
    /// # Errors
    /// What it gave cannot be used, or cannot be kept.
    pub async fn set_device(&self, id: LoginId, set: SetDevice) -> Result<(), Problem> {
        rules::check(&set.rules)?;
        let name = self.names().remove(&id).unwrap_or_default();
        let device = Device::new(id, name, set, self.0.outlets.private_endpoints)?;
        self.0.devices.put(device).await
    }

    /// # Errors
    /// There is none of that id.
    pub async fn remove_device(&self, id: LoginId) -> Result<(), Problem> {
        match self.0.devices.remove(|device| device.id == id).await? {
            0 => Err(Problem::new(Code::NotFound, format!("device {id} gets no notifications"))),
            _ => Ok(()),
        }
    }

    /// An open dashboard of that device.
    pub fn page(&self, device: LoginId, watcher: Arc<Notify>) -> Page {
        self.0.pages.open(device, watcher)
    }

    /// A device says what became of a notification.
    ///
    /// # Errors
    /// It was not sent, or was reported on before.
    pub fn receipt(&self, report: &NotificationReceipt) -> Result<(), Problem> {
        let sent = {
            let mut receipts = lock(&self.0.receipts);
            let at = receipts.iter().position(|(receipt, _)| *receipt == report.receipt);
            at.and_then(|at| receipts.remove(at))
        };
        let Some((_, sent)) = sent else {
            return Err(Problem::new(Code::NotFound, "no notification has this receipt"));
        };
        let why = match report.outcome {
            ReceiptOutcome::Shown => None,
            ReceiptOutcome::Foreground => Some("the dashboard is in the foreground there"),
            ReceiptOutcome::Blocked => Some("the browser does not allow it"),
        };
        self.record(match why {
            None => sent.shown(),
            Some(why) => sent.suppressed(why),
        });
        Ok(())
    }

    /// Those that are signed in. Those whose login was ended are forgotten.
    fn devices(&self) -> Vec<Device> {
        let names = self.names();
        let all = self.0.devices.all();
        let ended: HashSet<LoginId> = match self.0.auth.kept_logins() {
            Some(kept) => all.iter().map(|device| device.id).filter(|id| !kept.contains(id)).collect(),
            None => HashSet::new(),
        };
        if !ended.is_empty() {
            let notifier = self.clone();
            self.0.tasks.spawn(async move {
                if let Err(problem) = notifier.0.devices.remove(|device| ended.contains(&device.id)).await {
                    tracing::warn!(%problem, "devices that were signed out are still kept");
                }
            });
        }
        all.into_iter().filter(|device| names.contains_key(&device.id)).collect()
    }

    /// The devices that are signed in.
    fn names(&self) -> HashMap<LoginId, String> {
        let logins = self.0.auth.logins(None, Timestamp::now());
        logins.into_iter().map(|login| (login.id, login.device)).collect()
    }

    fn remember(&self, receipt: String, sent: Sent) {
        let mut receipts = lock(&self.0.receipts);
        receipts.push_back((receipt, sent));
        if receipts.len() > MOST_RECEIPTS {
            receipts.pop_front();
        }
    }

    /// How many asks a person should see to.
    fn open_asks(&self) -> u32 {
        let now = Timestamp::now();
        self.0.sessions.asks.all().iter().filter(|ask: &&Ask| ask.is_due(now)).count() as u32
    }
}
