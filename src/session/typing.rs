//! Text and keys for a session. One types at a time, so nothing is interleaved.
//!
//! | module | what |
//! |--------|------|
//! | [`text`]    | one text is typed and submitted, and what became of it |
//! | [`keys`]    | keys, and what must reach a program that runs |
//! | [`dialog`]  | keys for a question on the screen |
//! | [`paste`]   | long and odd texts on their way to tmux |
//! | [`composer`] | what an agent's composer shows of a text that was typed |
//! | [`queue`]   | texts that wait until an agent has nothing to do |
//! | [`model`]   | another model for a running agent |
//! | [`images`]  | images for an agent |
//! | [`files`]   | other files that people give to a program |

mod composer;
mod dialog;
mod files;
pub(super) mod images;
mod keys;
mod model;
mod model_list;
mod paste;
mod queue;
mod text;

pub use queue::name_of;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use bytes::Bytes;
use codepiper_protocol::key::Key;
use codepiper_protocol::wire::input::{IfBusy, MAX_TEXT, Sent};
use codepiper_protocol::wire::problem::{Code, Problem};
use codepiper_protocol::wire::session::Activity;
use jiff::Timestamp;
use rustix::process::Signal;
use uuid::Uuid;

use crate::lock::lock;
use crate::provider::{Quit, ReadScreens};
use crate::session::cell::Session;
use crate::session::context::Context;
use crate::session::life::{Core, Life};
use crate::session::link::{Link, pane_for_input};
use crate::session::registry::Registry;
use crate::session::screen_source::ScreenSource;
use composer::{Composer, other_than_prompt};
pub(super) use dialog::no_longer_asked;

/// An agent that is known to say something when it starts says it within this time.
pub(super) const TELL_LIMIT: Duration = Duration::from_secs(20);

const HALTED: &str = "the agent was halted before the text was submitted";
const NOT_IDLE: &str = "the agent was no longer idle when the text was to be typed";

/// Who types into a session, and what was left standing.
#[derive(Default)]
pub struct TypingState {
    /// Whoever sends a text holds it until it is known what became of the text.
    sending: tokio::sync::Mutex<()>,
    /// Whoever types holds it.
    keyboard: tokio::sync::Mutex<()>,
    flags: Mutex<Flags>,
}

#[derive(Default)]
struct Flags {
    /// A text that waited is being sent.
    unqueued: bool,
    /// Somebody is about to send what waits, or waits for a draft to go.
    sends_queued: bool,
    /// What stands in the composer was sent without Enter: the next text goes on with it.
    drafted: bool,
    /// When somebody typed into it last.
    typed: Option<Instant>,
    /// How often the agent was halted.
    halts: u64,
    /// The last key was Escape. A shell waits for what follows, and takes both for one key.
    escaped: bool,
}

impl TypingState {
    /// A text that waited is being sent.
    pub fn is_unqueued(&self) -> bool {
        self.flags().unqueued
    }

    /// Whether somebody has typed into it through the daemon within this time.
    pub fn was_typed_into(&self, within: Duration) -> bool {
        self.flags().typed.is_some_and(|at| at.elapsed() < within)
    }

    fn is_typed_into(&self) {
        self.flags().typed = Some(Instant::now());
    }

    fn is_drafted(&self) -> bool {
        self.flags().drafted
    }

    fn set_drafted(&self, drafted: bool) {
        self.flags().drafted = drafted;
    }

    /// Texts that are on their way are not submitted.
    pub fn halt(&self) {
        self.flags().halts += 1;
    }

    fn halts(&self) -> u64 {
        self.flags().halts
    }

    /// # Errors
    /// The agent was halted since then.
    fn check_not_halted(&self, before: u64) -> Result<(), Problem> {
        match self.halts() == before {
            true => Ok(()),
            false => Err(Problem::new(Code::NotTaken, HALTED)),
        }
    }

    /// These bytes were typed.
    fn note_typed(&self, bytes: &[u8]) {
        self.flags().escaped = bytes.ends_with(b"\x1b");
    }

    /// Whether the last key was Escape; another one follows now.
    fn take_escape(&self) -> bool {
        std::mem::take(&mut self.flags().escaped)
    }

    fn flags(&self) -> MutexGuard<'_, Flags> {
        lock(&self.flags)
    }
}

/// See the module. Clones share it.
#[derive(Clone)]
pub struct Typing {
    context: Arc<Context>,
    registry: Registry,
    life: Life,
    link: Link,
    source: ScreenSource,
}

impl Typing {
    pub(super) fn new(core: Core, link: Link, source: ScreenSource) -> Self {
        let Core { context, registry, life } = core;
        Self { context, registry, life, link, source }
    }

    /// Types a text, any bytes, and presses Enter after it if asked.
    pub async fn send_text(&self, session: &Arc<Session>, text: Bytes, enter: bool) -> Result<Sent, Problem> {
        self.send(session, &[], text, enter, None, false).await
    }

    /// The same with images that were kept for the session, before the text. A busy agent gets a text with Enter
    /// only as `if_busy` says, and with `plain` only what it certainly takes for a prompt.
    pub async fn send(
        &self,
        session: &Arc<Session>,
        images: &[Uuid],
        text: Bytes,
        enter: bool,
        if_busy: Option<IfBusy>,
        plain: bool,
    ) -> Result<Sent, Problem> {
        check_length(&text)?;
        if plain {
            self.check_prompt(session, &text, enter)?;
        }
        self.find_images(session.id, images)?;
        let halts = session.typing.halts();
        let _sending = session.typing.sending.lock().await;
        pane_for_input(session)?;
        if if_busy != Some(IfBusy::Now) {
            until_it_tells(session).await;
        }
        if enter
            && session.provider.prompts.composer.is_some()
            && let Some(sent) = self.wait_your_turn(session, images, &text, if_busy, plain).await?
        {
            return Ok(sent);
        }
        session.typing.check_not_halted(halts)?;
        self.type_text(session, images, text, enter, plain).await
    }

    /// Whether an agent takes a text for a prompt.
    ///
    /// # Errors
    /// It would be something else to it, or nobody knows.
    pub(super) fn check_prompt(&self, session: &Session, text: &[u8], enter: bool) -> Result<(), Problem> {
        let composer = session.provider.prompts.composer;
        let composer = composer.filter(|composer| enter && !composer.commands.is_empty());
        let composer = composer.ok_or_else(|| text::never_plain(session, enter))?;
        match other_than_prompt(composer, text) {
            Some(why) => Err(text::not_plain(session, &why)),
            None => Ok(()),
        }
    }

    /// The same at once, after whoever sends. Nothing was typed where the agent is not idle by then.
    async fn send_now(
        &self,
        session: &Arc<Session>,
        images: &[Uuid],
        text: Bytes,
        plain: bool,
    ) -> Result<Sent, Problem> {
        let halts = session.typing.halts();
        let _sending = session.typing.sending.lock().await;
        session.typing.check_not_halted(halts)?;
        if session.turn() != Activity::Idle {
            return Err(Problem::new(Code::NotTaken, NOT_IDLE));
        }
        self.type_text(session, images, text, true, plain).await
    }

    /// The agent has begun with something, or asks: nothing of a draft is left.
    pub(super) fn activity_changed(&self, session: &Arc<Session>, activity: Activity) {
        if matches!(activity, Activity::Working | Activity::Waiting) {
            session.typing.set_drafted(false);
        }
        if activity == Activity::Working
            && session.life.note(|record| std::mem::take(&mut record.life.queue_held))
        {
            self.registry.touch(session);
            self.life.save_soon(session);
        }
    }

    /// Asks the program to quit, the way its provider does.
    pub(super) fn quit(&self, session: &Arc<Session>) {
        match session.provider.quit {
            Quit::HangUp => self.link.signal(session, Signal::HUP),
            Quit::Keys { keys, pause } => {
                let (typing, session) = (self.clone(), session.clone());
                self.context.tasks.spawn_until_shutdown(async move {
                    typing.quit_by_keys(&session, keys, pause).await;
                });
            }
        }
    }

    async fn quit_by_keys(&self, session: &Arc<Session>, keys: &[&str], pause: Duration) {
        // One that was just started does not read yet.
        if let Some(mut composer) = Composer::open(&self.source, session).await {
            composer.ready(&self.link).await;
        }
        for key in keys {
            let Ok(key) = key.parse::<Key>() else { continue };
            // A program that has given the terminal back is about to end: there, Ctrl+C would be a signal.
            if !session.is_live() || self.link.edits_lines(session).await {
                return;
            }
            if self.press(session, &[key]).await.is_err() {
                return;
            }
            let _ = tokio::time::timeout(pause, session.until(|session| !session.is_live())).await;
        }
    }
}

/// Waits until a program that was just started tells its state, or asks something: a text that comes before
/// that may answer a question that nobody has seen. One without such questions is not waited for.
async fn until_it_tells(session: &Session) {
    if session.provider.reads_screens != ReadScreens::AtStart {
        return;
    }
    let since_launch = Timestamp::now().duration_since(session.life().record().life.launched_at);
    let rest = TELL_LIMIT.saturating_sub(since_launch.unsigned_abs());
    let told = session.until(|session| {
        let life = session.life();
        let machine = life.machine();
        !machine.status().is_live() || machine.tells_its_state() || machine.activity() != Activity::Unknown
    });
    // Without a word it gets what was sent all the same.
    let _ = tokio::time::timeout(rest, told).await;
}

fn check_length(text: &[u8]) -> Result<(), Problem> {
    if text.len() <= MAX_TEXT {
        return Ok(());
    }
    let detail = format!("the text has {} bytes; the limit is {MAX_TEXT}", text.len());
    Err(Problem::new(Code::TooLarge, detail))
}
