//! The life of the sessions: every change of a session's state, and of its record, is made here.
//!
//! | module | what |
//! |--------|------|
//! | [`machine`] | the life of a session as a pure state machine |
//! | [`record`]  | the launch record on disk |
//! | [`operation`] | one operation at a time on a session |
//! | [`labels`]  | its name, tags, a pin, and that it is archived |
//! | [`saving`]  | the record is written before and after |

mod labels;
pub mod machine;
pub(super) mod operation;
pub(super) mod record;
mod saving;

pub(super) use saving::SAVE_RETRY;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard};

use codepiper_protocol::event::Body;
use codepiper_protocol::shim::Launch;
use codepiper_protocol::wire::problem::Problem;
use codepiper_protocol::wire::session::Status;
use jiff::Timestamp;

use crate::bus::to_millisecond;
use crate::journal::Mark;
use crate::lock::lock;
use crate::provider::Provider;
use crate::session::cell::Session;
use crate::session::context::Context;
use crate::session::registry::Registry;
use machine::{Input, Machine, Refusal};
use record::Record;

/// What is known of a session's life.
pub struct LifeState {
    present: Mutex<Present>,
    /// Whoever writes or removes the record holds it: an older state never replaces a newer one.
    saving: tokio::sync::Mutex<()>,
    /// What happened is not written down yet, and somebody tries to.
    unsaved: AtomicBool,
}

/// What a session is now, and what is written down of it.
pub struct Present {
    record: Record,
    machine: Machine,
    /// A name that is being written down.
    promised_name: Option<String>,
    timer: Option<tokio::task::AbortHandle>,
}

impl Present {
    pub fn record(&self) -> &Record {
        &self.record
    }

    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// It has the name, or is about to.
    pub fn takes_name(&self, name: &str) -> bool {
        [&self.record.life.name, &self.promised_name].into_iter().flatten().any(|taken| taken == name)
    }
}

impl LifeState {
    pub fn new(record: Record, provider: &Provider) -> Self {
        let life = &record.life;
        // What a live one did while the daemon was away is not known yet.
        let ended_at = life.state_since.unwrap_or(life.updated_at);
        let since = if life.status.is_live() { Timestamp::now() } else { ended_at };
        let writes_files = provider.state_file.is_some() || provider.conversations.is_some();
        let machine = Machine::new(life.status, life.exit, since)
            .with_reports_as_hooks(provider.reports_count_as_hooks)
            .with_files(writes_files)
            .with_before(life.known.clone().filter(|_| life.status.is_live()));
        let present = Mutex::new(Present { record, machine, promised_name: None, timer: None });
        Self { present, saving: tokio::sync::Mutex::default(), unsaved: AtomicBool::new(false) }
    }

    pub fn present(&self) -> MutexGuard<'_, Present> {
        lock(&self.present)
    }

    /// Notes in the record what has happened. Who calls sees to it that it is saved.
    pub fn note<T>(&self, note: impl FnOnce(&mut Record) -> T) -> T {
        note(&mut self.present().record)
    }
}

/// See the module. Clones share it.
#[derive(Clone)]
pub struct Life {
    context: Arc<Context>,
    registry: Registry,
}

impl Life {
    pub(super) fn new(context: Arc<Context>, registry: Registry) -> Self {
        Self { context, registry }
    }

    /// Tells the session's machine something, and does what it wants.
    pub(super) fn apply(&self, session: &Arc<Session>, input: Input) {
        let runs = matches!(input, Input::Executed { .. } | Input::Adopted { .. });
        let submitted = input == Input::Submitted;
        let actions = {
            let mut present = session.life();
            let actions = present.machine.handle(self.context.now(), input);
            self.set_timer(session, &mut present);
            actions
        };
        let Some(above) = self.context.above() else { return };
        for action in actions {
            above.perform(session, action);
        }
        if runs {
            above.runs(session);
        }
        if submitted {
            above.submitted(session);
        }
        self.registry.touch(session);
        above.changed(session);
    }

    /// A person interrupts the agent, and may want to say something first: what waits stays.
    pub(in crate::session) fn hold_queue(&self, session: &Arc<Session>) {
        let held = session.life.note(|record| {
            let life = &mut record.life;
            let holds = !life.queue.is_empty() && !std::mem::replace(&mut life.queue_held, true);
            life.queue_held = !life.queue.is_empty();
            holds.then_some(life.queue.len() as u32)
        });
        let Some(texts) = held else { return };
        self.context.event(Some(session.id), Body::InputHeld { texts });
        self.registry.touch(session);
        self.save_soon(session);
    }

    fn set_timer(&self, session: &Arc<Session>, present: &mut Present) {
        if let Some(timer) = present.timer.take() {
            timer.abort();
        }
        let Some(deadline) = present.machine.deadline() else { return };
        let (life, session) = (self.clone(), session.clone());
        let at = tokio::time::Instant::from_std(self.context.started + deadline);
        let timer = self.context.tasks.spawn_until_shutdown(async move {
            tokio::time::sleep_until(at).await;
            // The task may not abort itself in the middle of what it does.
            session.life().timer = None;
            life.apply(&session, Input::Deadline);
        });
        present.timer = Some(timer.abort_handle());
    }

    /// The program's turn to be launched has come. `meanwhile` runs before anything else is known of the session: what is
    /// still heard of the launch before is none of this one's.
    pub(super) fn launch<T>(
        &self,
        session: &Arc<Session>,
        launch: &Launch,
        server: Option<(i32, u64)>,
        prompted: bool,
        meanwhile: impl FnOnce(&Record) -> T,
    ) -> Result<T, Refusal> {
        let mut present = session.life();
        present.machine.launch(self.context.now(), prompted)?;
        self.set_timer(session, &mut present);
        present.record.life.nonce.clone_from(&launch.nonce);
        present.record.life.server = server;
        present.record.life.archived = false;
        present.record.life.launched_at = to_millisecond(Timestamp::now());
        Ok(meanwhile(&present.record))
    }

    /// Asks the program to quit, and makes it end if it does not. An ended session is fine.
    ///
    /// # Errors
    /// When it has ended and that cannot be written down.
    pub async fn stop(&self, session: &Arc<Session>, wait: bool) -> Result<(), Problem> {
        self.end(session, Input::StopRequested { quit_limit: session.provider.quit_limit }, wait).await
    }

    /// Ends the program now, and its tmux session with it. An ended session loses its tmux session.
    ///
    /// # Errors
    /// When it has ended and that cannot be written down.
    pub async fn kill(&self, session: &Arc<Session>, wait: bool) -> Result<(), Problem> {
        self.end(session, Input::KillRequested, wait).await
    }

    /// A launch that has not come to its program is called off. Should it run all the same, its end is requested again.
    async fn end(&self, session: &Arc<Session>, request: Input, wait: bool) -> Result<(), Problem> {
        loop {
            self.apply(session, request.clone());
            if !wait {
                return Ok(());
            }
            let done = |machine: &Machine| !machine.is_live_or_about_to();
            let decided = |session: &Session| {
                let present = session.life();
                done(&present.machine) || !present.machine.end_is_requested()
            };
            session.until(decided).await;
            if done(&session.life().machine) {
                return self.ended_and_saved(session).await;
            }
        }
    }

    /// Whoever was told of an end that was asked for may rely on it: after a power loss, too, the session is
    /// not one that ran.
    async fn ended_and_saved(&self, session: &Arc<Session>) -> Result<(), Problem> {
        self.save(session).await.map_err(|problem| {
            let id = session.id.short();
            let detail = format!(
                "session {id} has ended, but the daemon could not save that and is retrying: {}; until then, \
                 a restarted daemon may report it as crashed",
                problem.detail
            );
            Problem { detail, ..problem }
        })
    }

    /// The session's program has ended, and all that it printed was seen.
    pub(super) fn ended(&self, session: &Arc<Session>) {
        let exit = session.exit();
        {
            let mut present = session.life();
            if present.machine.status() == Status::Crashed {
                present.record.life.note_crash(to_millisecond(Timestamp::now()));
            }
        }
        session.log.mark(Timestamp::now().as_millisecond(), Mark::Ended { exit });
        let cursor = session.cursor();
        self.context.event(Some(session.id), Body::SessionEnded { exit, cursor });
        self.save_soon(session);
    }
}

/// What the parts above are made with.
#[derive(Clone)]
pub(super) struct Core {
    pub context: Arc<Context>,
    pub registry: Registry,
    pub life: Life,
}
