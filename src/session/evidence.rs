//! What proves the state of a session: hooks, reports, screens, and the files of its provider.
//!
//! | module | what |
//! |--------|------|
//! | [`reports`] | what a program reports in its output |
//! | [`status`]  | what programs say about themselves |
//! | [`foreground`] | what a shell does |
//! | [`printed`] | what shells print, for who shows the list of sessions |
//! | [`screens`] | what screens prove |
//! | [`dialogs`] | what is asked on the screen alone |
//! | [`state_files`] | what providers write about their state |
//! | [`transcripts`] | what providers write down of a conversation: read as it grows, told once |
//! | [`limit`]   | the usage limit that ended an agent's turn |
//! | [`mode`]    | which permission mode an agent is in |
//! | [`find`]    | which transcript is a session's, and where it changes |
//! | [`conversation`] | what was said, for who asks |
//! | [`payloads`] | how much of what hooks say is kept |

mod conversation;
mod dialogs;
mod find;
mod foreground;
mod limit;
mod mode;
mod payloads;
mod printed;
mod reports;
mod screens;
mod state_files;
mod status;
mod transcripts;

pub use limit::Limited;

use std::collections::HashSet;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use codepiper_protocol::SessionId;
use codepiper_protocol::event::{Body, Proof};
use codepiper_protocol::wire::meters::Meters;
use codepiper_protocol::wire::session::{Activity, EvidenceSource};
use jiff::Timestamp;
use tokio::sync::OwnedMutexGuard;

use crate::lock::lock;
use crate::provider::LeftRunning;
use crate::session::asks::Asks;
use crate::session::cell::Session;
use crate::session::context::Context;
use crate::session::files::{FileKind, Files, Wanted};
use crate::session::life::machine::Input;
use crate::session::life::{Core, Life};
use crate::session::program::Programs;
use crate::session::registry::Registry;
use crate::session::screen_source::ScreenSource;
use payloads::Payloads;
use transcripts::Followed;

/// What was read of a session.
#[derive(Default)]
pub struct EvidenceState {
    /// Its transcript. Whoever reads it holds it: what it tells is told once. A file may be slow, so it is waited for without a
    /// thread.
    followed: Arc<tokio::sync::Mutex<Followed>>,
    /// Somebody waits to read it; true when one of its files has changed.
    due: Mutex<Option<bool>>,
    seen: Mutex<Seen>,
    /// Counts the changes of its conversation.
    conversation: AtomicU64,
}

#[derive(Default)]
struct Seen {
    /// When the last hook fired that proved something.
    hooked_at: Option<Timestamp>,
    payloads: Payloads,
    /// When its hooks told of a prompt last.
    prompted: Option<Timestamp>,
    /// Its program was launched without a prompt, and nobody has asked it for anything since.
    unasked: bool,
    /// Its state file has told something since the program runs.
    has_state_file: bool,
    /// Its screen is looked at.
    screen_watched: bool,
    /// Somebody reads what its screen asks.
    dialog_read: bool,
    /// When it was told last which permission mode it is in, and whether somebody looks.
    mode_told: Option<Timestamp>,
    looks_at_mode: bool,
    reported: status::Reported,
    seat: foreground::Seat,
}

impl EvidenceState {
    /// Changes with every change of its conversation, or of one of a sub-agent.
    pub fn conversation_version(&self) -> u64 {
        self.conversation.load(Ordering::Relaxed)
    }

    /// Another program begins, with a prompt or without: what the one before it reported is forgotten.
    pub fn begin(&self, prompted: bool) {
        let mut seen = self.seen();
        seen.reported.table.clear();
        seen.unasked = !prompted;
    }

    fn hooked_at(&self) -> Option<Timestamp> {
        self.seen().hooked_at
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        lock(&self.seen)
    }

    async fn followed(&self) -> OwnedMutexGuard<Followed> {
        self.followed.clone().lock_owned().await
    }
}

/// See the module. Clones share it.
#[derive(Clone)]
pub struct Evidence {
    context: Arc<Context>,
    registry: Registry,
    life: Life,
    programs: Programs,
    source: ScreenSource,
    asks: Asks,
    files: Arc<Files>,
}

impl Evidence {
    pub(super) fn new(
        core: Core,
        programs: Programs,
        source: ScreenSource,
        asks: Asks,
        files: Arc<Files>,
    ) -> Self {
        let Core { context, registry, life } = core;
        Self { context, registry, life, programs, source, asks, files }
    }

    /// A provider's hook said something, in so many bytes.
    pub fn hook(&self, session: &Arc<Session>, at: Timestamp, payload: serde_json::Value, bytes: usize) {
        // The number of a delivery may be from a clock that was ahead.
        let at = at.min(Timestamp::now());
        let hooks = session.provider.hooks;
        if let Some(meters) = hooks.meters(&payload, at) {
            self.metered(session, meters);
            self.look_at_mode(session);
            return;
        }
        // That a turn is over the state file says later and better: when the answer is on the screen, and whatever other
        // hooks of that event made the agent do.
        let has_file = self.has_state_file(session);
        // Nor does one tool's use say that a question about another one was answered.
        let asks = self.asks.used(session, &payload);
        let later = |activity| activity == Activity::Idle || asks && activity == Activity::Working;
        let meaning = hooks.meaning(&payload).filter(|(activity, _)| !(has_file && later(*activity)));
        if let Some(words) = payload["last_assistant_message"].as_str() {
            self.asks.says(session, words);
        }
        let left = hooks.left_running(&payload);
        self.follow_conversation(session, hooks.conversation(&payload));
        let model = hooks.model(&payload);
        let mode = hooks.permission_mode(&payload);
        let payload = session.evidence.seen().payloads.kept(payload, bytes, Instant::now());
        let body = hooks.event(payload);
        if matches!(body, Body::HookPromptSubmitted(_)) {
            session.note_prompt();
            session.evidence.seen().prompted = Some(at);
        }
        if matches!(body, Body::HookInterrupted(_)) {
            self.life.hold_queue(session);
        }
        if let Some(model) = model {
            session.shown().says_model(model, at);
        }
        if meaning.is_some() {
            session.evidence.seen().hooked_at = Some(at);
        }
        let what = match body.as_hook() {
            Some(hook) => format!("the hook {}", hook.event),
            None => "a hook".to_owned(),
        };
        self.context.bus.events.append(at, Some(session.id), body);
        if let Some(mode) = mode {
            let proof = Proof { source: EvidenceSource::Hook, what: what.clone() };
            self.mode_told(session, &mode, at, proof);
            self.look_at_mode(session);
        }
        if let Some(LeftRunning { tasks, scheduled }) = left {
            let begins = matches!(meaning, Some((Activity::Working, _)));
            let what = what.clone();
            self.life.apply(session, Input::LeftRunning { tasks, scheduled, begins, what });
        }
        if let Some((activity, waiting_for)) = meaning {
            let source = EvidenceSource::Hook;
            self.life.apply(session, Input::Activity { source, activity, waiting_for, what });
        }
        // At the start its directory may not have been there.
        self.watch_state_file(session);
    }

    /// The agent says what it has used.
    fn metered(&self, session: &Arc<Session>, newer: Meters) {
        let changed = {
            let mut shown = session.shown();
            let mut meters = shown.meters.clone().unwrap_or_default();
            meters.update(newer);
            let changed = shown.meters.as_ref() != Some(&meters);
            shown.meters = Some(meters);
            changed
        };
        if changed {
            self.registry.touch(session);
            self.complete_limit(session);
        }
    }

    /// The program that runs says which version it is.
    fn version_told(&self, session: &Session, version: Option<String>) {
        if version.is_some() && std::mem::replace(&mut session.shown().version, version.clone()) != version {
            self.registry.touch(session);
        }
    }

    /// The conversation that is continued from now on: a program can begin another one.
    fn follow_conversation(&self, session: &Arc<Session>, conversation: Option<String>) {
        let known = session.life().record().life.conversation.clone();
        let Some(conversation) = conversation.filter(|found| known.as_ref() != Some(found)) else { return };
        if self.registry.take_conversation(session, conversation) {
            self.life.save_soon(session);
        }
    }

    /// The session's program was found running, or executed.
    pub(super) fn runs(&self, session: &Arc<Session>) {
        session.evidence.seen().has_state_file = false;
        self.watch_foreground(session);
        self.watch_spool(session);
        self.watch_state_file(session);
        self.look_at_transcript(session);
        self.look_at_mode(session);
    }

    /// Hooks that reach no daemon are told of in the moment they are spooled.
    fn watch_spool(&self, session: &Session) {
        let dir = self.context.spool_of(session.id);
        if !session.provider.agent || DirBuilder::new().recursive(true).mode(0o700).create(&dir).is_err() {
            return;
        }
        if self.files.watch(session.id, FileKind::Spool, &[(dir.clone(), Wanted::Begins(dir))]) {
            self.files.look(session.id, FileKind::Spool);
        }
    }

    /// Waits until hooks are spooled; whose they are.
    pub async fn spooled(&self) -> HashSet<SessionId> {
        self.files.changed(FileKind::Spool).await
    }

    /// Reads what the provider writes, whether a change was noticed or not.
    pub(super) fn look_at_files(&self, session: &Session) {
        for kind in [FileKind::Spool, FileKind::State, FileKind::Transcript] {
            self.files.look(session.id, kind);
        }
    }

    /// Its program has ended: its files are read for the last time.
    pub(super) fn ended(&self, session: &Arc<Session>) {
        self.end_status(session);
        session.shown().foreground = None;
        self.forget_state_file(session);
        self.files.watch(session.id, FileKind::Spool, &[]);
        self.look_at_transcript(session);
        self.forget_transcript(session);
    }
}
