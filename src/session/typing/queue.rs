//! Texts that wait until an agent has nothing to do. They stand in the launch record: a daemon that is started again
//! sends them. Each is taken out before it is typed, so that none is sent twice.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use codepiper_protocol::event::Body;
use codepiper_protocol::wire::input::{IfBusy, MAX_QUEUED, Receipt, Sent};
use codepiper_protocol::wire::problem::{Code, Next, Problem};
use codepiper_protocol::wire::session::{Activity, WaitingFor};
use ring::digest::{SHA256, digest};
use uuid::Uuid;

use super::composer::Composer;
use super::{HALTED, NOT_IDLE, Typing};
use crate::session::cell::Session;
use crate::session::life::SAVE_RETRY;
use crate::session::life::record::{Life, Queued, Record};

/// What is left of the composer's last text has gone from the screen in this time.
const PAINT_LIMIT: Duration = Duration::from_secs(1);

/// What a session is busy with.
enum Busy {
    Working,
    Waiting,
    Limited,
    /// Others wait already.
    Queue,
    /// Somebody has begun to type: what is sent now would become a part of that.
    Draft,
    /// Something else stands where it is typed: a list, a dialog.
    Hidden,
}

impl Typing {
    /// What is to be done about a text for an agent: `None` when it can be typed.
    pub(super) async fn wait_your_turn(
        &self,
        session: &Arc<Session>,
        images: &[Uuid],
        text: &Bytes,
        if_busy: Option<IfBusy>,
        plain: bool,
    ) -> Result<Option<Sent>, Problem> {
        if if_busy == Some(IfBusy::Now) {
            return Ok(None);
        }
        let Some(busy) = self.busy(session).await else { return Ok(None) };
        let (what, default, when) = match busy {
            Busy::Working => ("is working", IfBusy::Queue, "once it is idle"),
            Busy::Waiting => ("is waiting for an answer", IfBusy::Refuse, "once it is idle"),
            Busy::Limited => ("has reached its usage limit", IfBusy::Refuse, "once it has reset"),
            Busy::Queue => ("has other texts queued", IfBusy::Queue, "once it is idle"),
            Busy::Draft => ("has a draft in its composer", IfBusy::Refuse, "once the draft is gone"),
            Busy::Hidden => ("does not show its composer", IfBusy::Refuse, "once it does"),
        };
        let provider = session.provider.name;
        match if_busy.unwrap_or(default) {
            IfBusy::Now => Ok(None),
            IfBusy::Refuse => {
                let next = Next::QueueOrType { session: session.id.short() };
                Err(Problem::new(Code::Busy, format!("{provider} {what}")).with_next(next))
            }
            IfBusy::Queue => {
                let queued = self.queue(session, images, text, plain).await?;
                let warning =
                    format!("{provider} {what}; the text will be sent {when} (number {queued} in the queue)");
                Ok(Some(Sent { cursor: session.cursor(), receipt: Receipt::Queued, warning: Some(warning) }))
            }
        }
    }

    async fn busy(&self, session: &Arc<Session>) -> Option<Busy> {
        if let Some(busy) = told_busy(session) {
            return Some(busy);
        }
        if session.turn() == Activity::Unknown {
            return None;
        }
        let mut composer = Composer::open(&self.source, session).await?;
        composer.painted().await;
        let empty = composer.until(|composer| !composer.holds_draft());
        match tokio::time::timeout(PAINT_LIMIT, empty).await {
            // It may have begun with something meanwhile.
            Ok(()) => told_busy(session),
            Err(_) if composer.is_shown() => Some(Busy::Draft),
            Err(_) => Some(Busy::Hidden),
        }
    }

    /// Keeps a text; how many wait now.
    async fn queue(
        &self,
        session: &Arc<Session>,
        images: &[Uuid],
        text: &Bytes,
        plain: bool,
    ) -> Result<u32, Problem> {
        let text = std::str::from_utf8(text)
            .map_err(|_| Problem::new(Code::Invalid, "a queued text must be UTF-8"))?;
        let queued = self.life.change(session, |Record { life: Life { queue, .. }, .. }| {
            if queue.len() >= MAX_QUEUED {
                let next = Next::DropQueued { session: session.id.short() };
                let detail = format!("the queue is full: {MAX_QUEUED} texts are waiting");
                return Err(Problem::new(Code::Busy, detail).with_next(next));
            }
            queue.push(Queued { text: text.to_owned(), images: images.to_vec(), plain });
            Ok(queue.len() as u32)
        });
        let queued = queued.await?;
        self.context.event(Some(session.id), Body::InputQueued { bytes: text.len() as u64, queued });
        // It may have become idle meanwhile.
        self.send_queued(session);
        Ok(queued)
    }

    /// Sends what waits longest, if its agent has nothing to do and nobody has begun to type.
    pub(in crate::session) fn send_queued(&self, session: &Arc<Session>) {
        {
            // Held while it is looked: who is about to send looks once more before it lets go.
            let mut flags = session.typing.flags();
            if flags.sends_queued || !may_send_queued(session) {
                return;
            }
            flags.sends_queued = true;
        }
        let (typing, session) = (self.clone(), session.clone());
        self.context.tasks.spawn(async move {
            if typing.until_no_draft(&session).await {
                typing.send_first(&session).await;
            } else {
                session.typing.flags().sends_queued = false;
            }
        });
    }

    /// Whether what waits may be sent now.
    async fn until_no_draft(&self, session: &Arc<Session>) -> bool {
        let no_draft = async {
            if let Some(mut composer) = Composer::open(&self.source, session).await {
                composer.until(|composer| !composer.holds_draft() || !may_send_queued(session)).await;
            }
        };
        let stays = self.context.tasks.shutdown.run_until_cancelled(no_draft).await.is_none();
        !stays && may_send_queued(session)
    }

    async fn send_first(&self, session: &Arc<Session>) {
        let taken = self.life.change(session, |record| {
            Ok((!record.life.queue.is_empty()).then(|| record.life.queue.remove(0)))
        });
        let queued = match taken.await {
            Ok(Some(queued)) => queued,
            Ok(None) => {
                session.typing.flags().sends_queued = false;
                return;
            }
            Err(problem) => {
                // It would be sent again by the next daemon: it waits until that can be written down.
                tracing::warn!(id = %session.id, %problem, "a queued text is not sent yet");
                let shutdown = &self.context.tasks.shutdown;
                shutdown.run_until_cancelled(tokio::time::sleep(SAVE_RETRY)).await;
                session.typing.flags().sends_queued = false;
                return self.send_queued(session);
            }
        };
        session.typing.flags().unqueued = true;
        let (bytes, name, again) = (queued.text.len(), name_of(&queued.text), queued.clone());
        let sent = self.send_now(session, &queued.images, queued.text.into(), queued.plain).await;
        {
            let mut flags = session.typing.flags();
            (flags.unqueued, flags.sends_queued) = (false, false);
        }
        let halted = sent.as_ref().is_err_and(|problem| problem.detail == HALTED);
        // Without tmux nobody knows how much of it was typed: a person decides.
        let held = halted || sent.as_ref().is_err_and(|problem| problem.code == Code::Tmux);
        let not_yet = session.is_live() && sent.as_ref().is_err_and(|problem| problem.detail == NOT_IDLE);
        if held || not_yet {
            session.life.note(|record| {
                record.life.queue.insert(0, again);
                record.life.queue_held |= held;
            });
            self.life.save_soon(session);
        } else if let Err(problem) = sent {
            tracing::warn!(id = %session.id, bytes, %problem, "a queued text was not sent");
            session.life.note(|record| note_dropped(record, [name]));
            let reason = problem.detail;
            self.context.event(Some(session.id), Body::InputDropped { texts: 1, reason });
        }
        self.registry.touch(session);
        self.send_queued(session);
    }

    /// Lets what waits go on after an interrupt; how many texts wait.
    pub async fn release_queue(&self, session: &Arc<Session>) -> Result<u32, Problem> {
        let release = self.life.change(session, |record| {
            record.life.queue_held = false;
            Ok(record.life.queue.len() as u32)
        });
        let texts = release.await?;
        self.send_queued(session);
        Ok(texts)
    }

    /// Forgets what waits.
    pub(in crate::session) fn drop_queue(&self, session: &Session, reason: &str) {
        let texts = session.life.note(empty);
        self.tell_dropped(session, texts, reason);
    }

    fn tell_dropped(&self, session: &Session, texts: u32, reason: &str) {
        if texts > 0 {
            self.context.event(Some(session.id), Body::InputDropped { texts, reason: reason.to_owned() });
        }
    }

    /// The same because somebody asked for it; how many texts that were.
    pub async fn drop_queued(&self, session: &Arc<Session>) -> Result<u32, Problem> {
        let texts = self.life.change(session, |record| Ok(empty(record))).await?;
        self.tell_dropped(session, texts, "on request");
        Ok(texts)
    }
}

/// What it is busy with by what it says itself.
fn told_busy(session: &Session) -> Option<Busy> {
    match session.turn() {
        Activity::Waiting if session.life().machine().waiting_for() == Some(WaitingFor::UsageLimit) => {
            Some(Busy::Limited)
        }
        Activity::Waiting => Some(Busy::Waiting),
        Activity::Working => Some(Busy::Working),
        Activity::Idle | Activity::Unknown => {
            // What is sent after an interrupt goes first.
            (queue_goes_on(session) || session.typing.is_unqueued()).then_some(Busy::Queue)
        }
    }
}

fn may_send_queued(session: &Session) -> bool {
    queue_goes_on(session) && session.turn() == Activity::Idle
}

/// Something waits, and nobody holds it.
fn queue_goes_on(session: &Session) -> bool {
    let life = session.life();
    let life = &life.record().life;
    !life.queue.is_empty() && !life.queue_held
}

impl Session {
    /// Texts that were dropped before the agent had them, by [`name_of`].
    pub fn dropped_texts(&self) -> Vec<String> {
        self.life().record().life.dropped.clone()
    }

    /// Whoever had them sent has taken note.
    pub fn forget_dropped(&self, texts: &[String]) {
        self.life.note(|record| record.life.dropped.retain(|name| !texts.contains(name)));
    }
}

/// The SHA-256 of a text.
pub fn name_of(text: &str) -> String {
    digest(&SHA256, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Forgets what waits; how many texts that were.
fn empty(record: &mut Record) -> u32 {
    let queue = std::mem::take(&mut record.life.queue);
    note_dropped(record, queue.iter().map(|queued| name_of(&queued.text)));
    queue.len() as u32
}

fn note_dropped(record: &mut Record, names: impl IntoIterator<Item = String>) {
    let dropped = &mut record.life.dropped;
    dropped.extend(names);
    dropped.drain(..dropped.len().saturating_sub(MAX_QUEUED));
}
