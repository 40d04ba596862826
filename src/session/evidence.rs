//! What proves the state of a session: hooks, reports, screens, and the files of its provider.
//!
//! | module | what |
//! |--------|------|
//! | [`reports`] | what a program reports in its output |
//! | [`screens`] | what screens prove |
//! | [`state_files`] | what providers write about their state |
//! | [`transcripts`] | what providers write down of a conversation: read as it grows, told once |
//! | [`find`]    | which transcript is a session's, and where it changes |
//! | [`conversation`] | what was said, for who asks |

mod conversation;
mod find;
mod reports;
mod screens;
mod state_files;
mod transcripts;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use codepiper_protocol::event::Body;
use codepiper_protocol::wire::session::EvidenceSource;
use jiff::Timestamp;

use crate::lock::lock;
use crate::session::cell::Session;
use crate::session::context::Context;
use crate::session::files::{FileKind, Files};
use crate::session::life::machine::Input;
use crate::session::life::{Core, Life};
use crate::session::program::Programs;
use crate::session::registry::Registry;
use crate::session::screen_source::ScreenSource;
use transcripts::Followed;

/// What was read of a session.
#[derive(Default)]
pub struct EvidenceState {
    /// Its transcript. Whoever reads it holds it: what it tells is told once.
    followed: Mutex<Followed>,
    seen: Mutex<Seen>,
    /// Counts the changes of its conversation.
    conversation: AtomicU64,
}

#[derive(Default)]
struct Seen {
    /// When the last hook fired that proved something.
    hooked_at: Option<Timestamp>,
    /// Its screen is looked at.
    screen_watched: bool,
}

impl EvidenceState {
    /// Changes with every change of its conversation, or of one of a sub-agent.
    pub fn conversation_version(&self) -> u64 {
        self.conversation.load(Ordering::Relaxed)
    }

    fn hooked_at(&self) -> Option<Timestamp> {
        self.seen().hooked_at
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        lock(&self.seen)
    }

    fn followed(&self) -> MutexGuard<'_, Followed> {
        lock(&self.followed)
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
    files: Arc<Files>,
}

impl Evidence {
    pub(super) fn new(core: Core, programs: Programs, source: ScreenSource, files: Arc<Files>) -> Self {
        let Core { context, registry, life } = core;
        Self { context, registry, life, programs, source, files }
    }

    /// A provider's hook said something.
    pub fn hook(&self, session: &Arc<Session>, at: Timestamp, payload: serde_json::Value) {
        let hooks = session.provider.hooks;
        let meaning = hooks.meaning(&payload);
        self.follow_conversation(session, hooks.conversation(&payload));
        let model = hooks.model(&payload);
        let body = hooks.event(payload);
        if matches!(body, Body::HookPromptSubmitted(_)) {
            session.note_prompt();
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
        if let Some((activity, waiting_for)) = meaning {
            let source = EvidenceSource::Hook;
            self.life.apply(session, Input::Activity { source, activity, waiting_for, what });
        }
        // At the start its directory may not have been there.
        self.watch_state_file(session);
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
        self.watch_state_file(session);
        self.look_at_transcript(session);
    }

    /// Reads what the provider writes, whether a change was noticed or not.
    pub(super) fn look_at_files(&self, session: &Session) {
        self.files.look(session.id, FileKind::State);
        self.files.look(session.id, FileKind::Transcript);
    }

    /// Its program has ended: its files are read for the last time.
    pub(super) fn ended(&self, session: &Arc<Session>) {
        self.forget_state_file(session);
        self.look_at_transcript(session);
        self.forget_transcript(session);
    }
}
