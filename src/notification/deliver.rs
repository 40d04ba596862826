//! From an ask to each device.

use std::collections::HashSet;
use std::time::Duration;

use codepiper_protocol::SessionId;
use codepiper_protocol::event::Body;
use codepiper_protocol::visible::one_line;
use codepiper_protocol::wire::ask::{Ask, AskKind};
use codepiper_protocol::wire::auth::LoginId;
use codepiper_protocol::wire::notification::{Notification, PushSubscription};
use codepiper_protocol::wire::problem::{Code, Problem};
use jiff::Timestamp;
use serde_json::json;

use super::devices::Device;
use super::lanes::Turn;
use super::outgoing::{Target, post};
use super::plan::Told;
use super::push::{self, Urgency};
use super::{Notifier, rules, words};
use crate::auth::random_token;

/// A push service keeps it so long for a device that is away.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// A server that is busy is asked again after these times, or when it says.
const AGAIN: [Duration; 3] = [Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(120)];
const LONGEST_WAIT: Duration = Duration::from_secs(300);
const LONGEST_DELAY: u32 = 60;

/// A notification on its way: for the log.
#[derive(Clone)]
pub struct Sent {
    to: String,
    device: Option<LoginId>,
    session: Option<SessionId>,
    ask: String,
    title: String,
}

impl Sent {
    pub(super) fn title(&self) -> &str {
        &self.title
    }

    pub(super) fn sent(self) -> (Option<SessionId>, Body) {
        let Self { to, device, session, ask, title } = self;
        (session, Body::NotificationSent { to, device, ask, title })
    }

    pub fn shown(self) -> (Option<SessionId>, Body) {
        let Self { to, device, session, ask, title } = self;
        (session, Body::NotificationShown { to, device, ask, title })
    }

    pub fn suppressed(self, why: &str) -> (Option<SessionId>, Body) {
        let Self { to, device, session, ask, title } = self;
        (session, Body::NotificationSuppressed { to, device, ask, title, why: why.to_owned() })
    }

    pub(super) fn failed(self, why: &str) -> (Option<SessionId>, Body) {
        let Self { to, device, session, ask, title } = self;
        (session, Body::NotificationFailed { to, device, ask, title, why: why.to_owned() })
    }
}

/// Why a device was not pushed something.
enum NotPushed {
    Failed(String),
    NotWanted(&'static str),
}

/// What is told, wherever it goes.
#[derive(Clone)]
pub(super) struct Message {
    /// `None` for a test.
    pub(super) session: Option<SessionId>,
    pub(super) ask: String,
    pub(super) title: String,
    pub(super) body: String,
    pub(super) path: String,
    pub(super) urgency: Urgency,
    /// It only takes the place of another one.
    pub(super) closes: bool,
}

impl Message {
    pub(super) fn to(&self, name: &str, device: Option<LoginId>) -> Sent {
        let title =
            if self.body.is_empty() { self.title.clone() } else { format!("{}: {}", self.title, self.body) };
        let title = words::shortened(&title);
        Sent { to: name.to_owned(), device, session: self.session, ask: self.ask.clone(), title }
    }

    /// The same for all notifications of a session, in at most 32 letters of base64url (RFC 8030 §5.4).
    fn tag(&self) -> String {
        self.session.map_or_else(|| "test".to_owned(), |session| session.to_string().replace('-', ""))
    }
}

impl Notifier {
    /// Tells of an ask; which devices, and whether the command, the webhook and terminals.
    pub(super) fn tell(&self, ask: &Ask) -> (HashSet<LoginId>, bool) {
        let message = self.message_of(ask);
        let now = Timestamp::now();
        let mut told = HashSet::new();
        for device in self.devices() {
            let sent = message.to(&device.name, Some(device.id));
            match rules::against(&device.rules, ask, now) {
                Some(why) => self.record(sent.suppressed(&why)),
                None => {
                    told.insert(device.id);
                    self.send(device, message.clone());
                }
            }
        }
        let against = rules::against(&self.0.outlets.rules, ask, now);
        match &against {
            Some(why) => self.outlets().for_each(|name| self.record(message.to(name, None).suppressed(why))),
            None => {
                self.run(&message, Some(ask));
                self.call(&message, "open", Some(ask));
                self.show(&message, false);
            }
        }
        (told, against.is_none())
    }

    /// It was answered, or snoozed, before anybody was told.
    pub(super) fn answered_soon(&self, ask: &Ask, snoozed: bool) {
        let message = self.message_of(ask);
        let why = match snoozed {
            true => "snoozed".to_owned(),
            false => format!("over within 5 s: {}", self.how_it_ended(&ask.id, ask.session)),
        };
        for device in self.devices() {
            self.record(message.to(&device.name, Some(device.id)).suppressed(&why));
        }
        self.outlets().for_each(|name| self.record(message.to(name, None).suppressed(&why)));
    }

    /// An ask is over that devices were told of.
    pub(super) fn over(&self, told: &Told, snoozed: bool) {
        let how = match snoozed {
            true => "snoozed".to_owned(),
            false => self.how_it_ended(&told.ask, told.session),
        };
        let message = Message {
            session: Some(told.session),
            ask: told.ask.clone(),
            title: words::title(&self.name_of(told.session), told.kind),
            body: words::shortened(&format!("{}: {}", capitalized(&how), one_line(&told.title))),
            path: "/inbox".to_owned(),
            urgency: Urgency::Low,
            closes: true,
        };
        self.closes(told);
        for device in self.devices().into_iter().filter(|device| told.devices.contains(&device.id)) {
            self.send(device, message.clone());
        }
        if told.outlets {
            self.call(&message, "closed", None);
        }
    }

    /// An ask is over, and another one of its session takes its place where it was told of.
    pub(super) fn back(&self, over: &Told, open: &Ask, devices: HashSet<LoginId>) {
        let message = Message { urgency: Urgency::Low, closes: true, ..self.message_of(open) };
        for device in self.devices().into_iter().filter(|device| devices.contains(&device.id)) {
            self.send(device, message.clone());
        }
        if over.outlets {
            self.call(&Message { ask: over.ask.clone(), ..message }, "closed", None);
        }
    }

    /// A notification that means nothing, to the device that asks or to all.
    ///
    /// # Errors
    /// That device gets none, or the delay is too long.
    pub fn test(&self, to: Option<LoginId>, delay_seconds: u32) -> Result<(), Problem> {
        if delay_seconds > LONGEST_DELAY {
            let detail = format!("delay_seconds is {delay_seconds}; the limit is {LONGEST_DELAY}");
            return Err(Problem::new(Code::Invalid, detail));
        }
        let mut devices = self.devices();
        devices.retain(|device| to.is_none_or(|to| device.id == to));
        let outlets = if to.is_none() { self.outlets().count() } else { 0 };
        let terminals = self.has_terminals();
        if devices.is_empty() && outlets == 0 {
            let detail = match to {
                Some(_) => "this device gets no notifications; turn them on first",
                None => "nothing gets notifications; turn them on in the dashboard's settings",
            };
            return Err(Problem::new(Code::NotFound, detail));
        }
        let message = Message {
            session: None,
            ask: "test".to_owned(),
            title: "CodePiper".to_owned(),
            body: "Notifications work here.".to_owned(),
            path: "/settings/notifications".to_owned(),
            urgency: Urgency::High,
            closes: false,
        };
        let notifier = self.clone();
        self.0.tasks.spawn_until_shutdown(async move {
            tokio::time::sleep(Duration::from_secs(delay_seconds.into())).await;
            for device in devices {
                notifier.send(device, message.clone());
            }
            if to.is_none() {
                notifier.run(&message, None);
                notifier.call(&message, "test", None);
                notifier.show(&message, terminals);
            }
        });
        Ok(())
    }

    fn how_it_ended(&self, ask: &str, session: SessionId) -> String {
        let sessions = &self.0.sessions;
        sessions.asks.how_it_ended(ask).unwrap_or_else(|| match sessions.registry.get(session) {
            Some(_) => "no longer open".to_owned(),
            None => "the session was removed".to_owned(),
        })
    }

    fn message_of(&self, ask: &Ask) -> Message {
        let urgency = match ask.kind {
            kind if kind.waits() => Urgency::High,
            AskKind::Finished => Urgency::Low,
            _ => Urgency::Normal,
        };
        Message {
            session: Some(ask.session),
            ask: ask.id.clone(),
            title: words::title(&self.name_of(ask.session), ask.kind),
            body: words::body(ask),
            path: format!("/inbox?ask={}", ask.id),
            urgency,
            closes: false,
        }
    }

    fn name_of(&self, session: SessionId) -> String {
        let found = self.0.sessions.registry.get(session);
        let name = found.as_ref().and_then(|session| session.name());
        name.or_else(|| Some(format!("{} {}", found?.provider.label, session.short())))
            .unwrap_or_else(|| session.short().to_owned())
    }

    /// To one device: by its push service, or to the dashboard that is open there.
    fn send(&self, device: Device, message: Message) {
        let sent = message.to(&device.name, Some(device.id));
        let receipt = random_token().unwrap_or_default();
        let notification = Notification {
            tag: message.tag(),
            title: message.title.clone(),
            body: message.body.clone(),
            path: message.path.clone(),
            silent: message.closes,
            open: self.open_asks(),
            at: Timestamp::now(),
            receipt: receipt.clone(),
        };
        if !message.closes {
            self.remember(receipt, sent.clone());
        }
        let open = self.0.pages.tell(device.id, &notification, device.push.is_some());
        let Some(push) = device.push.clone() else {
            match (message.closes, open) {
                (true, _) => {}
                (false, true) => self.record(sent.sent()),
                (false, false) => {
                    self.record(sent.suppressed("no dashboard that is open there takes it, and push is off"))
                }
            }
            return;
        };
        let (notifier, way) = (self.clone(), self.on_its_way(&message.ask));
        let turn = self.0.lanes.enter(device.id, &notification.tag);
        self.0.tasks.spawn_until_shutdown(async move {
            let pushed = notifier.push(&device, &push, &message, &notification, &turn).await;
            notifier.0.lanes.leave(turn);
            match pushed {
                _ if message.closes => {}
                Ok(()) => notifier.record(sent.sent()),
                Err(NotPushed::Failed(why)) => notifier.record(sent.failed(&why)),
                Err(NotPushed::NotWanted(why)) => notifier.record(sent.suppressed(why)),
            }
            way.arrived().await;
        });
    }

    async fn push(
        &self,
        device: &Device,
        subscription: &PushSubscription,
        message: &Message,
        notification: &Notification,
        turn: &Turn,
    ) -> Result<(), NotPushed> {
        let failed = NotPushed::Failed;
        let target = Target::parse(&subscription.endpoint).map_err(failed)?;
        let key = self.0.devices.key().map_err(|problem| failed(problem.detail))?;
        let text = payload(notification, &device.origin);
        let contact = self.0.outlets.contact(&device.origin);
        let mut again = AGAIN.iter();
        loop {
            let later = "a later notification took its place";
            let posting = turn.wait().await.ok_or(NotPushed::NotWanted(later))?;
            let topic = notification.tag.as_str();
            let request =
                push::request(&key, subscription, &contact, topic, message.urgency, KEPT, text.as_bytes());
            let request = request.map_err(failed)?;
            let answer =
                post(&target, &request.headers, request.body, self.0.outlets.private_endpoints).await;
            drop(posting);
            let (why, wait) = match answer {
                Ok(answer) if answer.status.is_success() => return Ok(()),
                Ok(answer) => {
                    let why = self.refused(device, answer.status.as_u16()).await;
                    (why.map_err(failed)?, answer.retry_after)
                }
                Err(failure) if failure.lasting => return Err(failed(failure.why)),
                Err(failure) => (failure.why, None),
            };
            let Some(next) = again.next() else { return Err(failed(why)) };
            tokio::time::sleep(wait.unwrap_or(*next).min(LONGEST_WAIT)).await;
            self.is_still_wanted(device, message)?;
        }
    }

    /// What a push service means that did not take it: why it may take it later.
    ///
    /// # Errors
    /// It never will.
    async fn refused(&self, device: &Device, status: u16) -> Result<String, String> {
        match status {
            404 | 410 => {
                // It may have another one by now.
                let same = |other: &Device| other.id == device.id && other.push == device.push;
                let _ = self.0.devices.remove(same).await;
                Err("the browser has ended its subscription".to_owned())
            }
            429 | 500.. => Ok(format!("the push service answered {status}")),
            401 | 403 => Err(format!(
                "the push service answered {status}; turn notifications off and on again on that device"
            )),
            _ => Err(format!("the push service answered {status}")),
        }
    }

    /// Whether it is, after a while.
    fn is_still_wanted(&self, device: &Device, message: &Message) -> Result<(), NotPushed> {
        let same = |other: &Device| other.id == device.id && other.push == device.push;
        if !self.devices().iter().any(same) {
            return Err(NotPushed::NotWanted("the device wants none any more"));
        }
        let now = Timestamp::now();
        let open = || self.0.sessions.asks.open().iter().any(|ask| ask.id == message.ask && ask.is_due(now));
        match message.closes || message.session.is_none() || open() {
            true => Ok(()),
            false => Err(NotPushed::NotWanted("no longer open")),
        }
    }

    pub(super) fn record(&self, (session, body): (Option<SessionId>, Body)) {
        self.0.sessions.event(session, body);
    }
}

/// What a browser is pushed: declarative web push (the member `web_push`), with our own for the service worker.
fn payload(notification: &Notification, origin: &str) -> String {
    let Notification { tag, title, body, path, silent, open, .. } = notification;
    json!({
        "web_push": 8030,
        "notification": {
            "title": title, "body": body, "tag": tag, "silent": silent, "navigate": format!("{origin}{path}"),
        },
        "app_badge": open.to_string(),
        // The service worker may show it another way, and says what became of it.
        "mutable": true,
        "codepiper": notification,
    })
    .to_string()
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
