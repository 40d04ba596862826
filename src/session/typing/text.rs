//! One text is typed and submitted, and what became of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use codepiper_protocol::Cursor;
use codepiper_protocol::event::Body;
use codepiper_protocol::tmux::{Command, CommandLine, KeyBytes, PaneId};
use codepiper_protocol::wire::input::{Receipt, Sent};
use codepiper_protocol::wire::problem::{Code, Next, Problem};
use codepiper_protocol::wire::session::Activity;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use super::Typing;
use super::composer::{Composer, ENTER_LIMIT, SUBMIT_LIMIT};
use super::paste::{cut_warning, ends_a_paste};
use crate::session::cell::Session;
use crate::session::life::machine::Input;
use crate::session::link::{pane_for_input, tmux_problem};
use crate::session::screen_source::Follower;
use crate::tmux::connection::Connection;

const BACKSPACE: u8 = 0x7f;
const DELETE: &[u8] = b"\x1b[3~";
/// So many characters are taken back: an agent shows longer texts as one.
const MOST_TAKEN_BACK: usize = 4000;
/// So many bytes are typed at once: two pieces that are read as one are no paste of Claude Code either (above 800).
const PIECE: usize = 390;
/// An agent whose composer is not known has painted a text in this time, or shows something else for it.
const PAINT_LIMIT: Duration = Duration::from_secs(2);
/// As much of the end of a text as probably stands in one row.
const LAST_LETTERS: usize = 8;
/// So often an image is named to an agent.
const IMAGE_TRIES: u32 = 4;

/// Types one text into one pane.
struct Typist<'a> {
    typing: &'a Typing,
    connection: &'a Connection,
    session: &'a Arc<Session>,
    pane: PaneId,
    composer: Option<Composer>,
    /// Where an agent without one shows what was typed.
    screen: Option<Painted>,
    /// The program asked for pastes to be bracketed.
    bracketed: bool,
    /// So many characters were typed.
    typed: usize,
    /// How often the agent had been halted.
    halts: u64,
}

/// A screen on which the end of a text is to appear.
struct Painted {
    screen: Follower,
    letters: String,
    /// In so many rows it stood before.
    before: usize,
    /// And something was asked.
    asked: bool,
}

impl Typing {
    pub(super) async fn type_text(
        &self,
        session: &Arc<Session>,
        images: &[Uuid],
        text: Bytes,
        enter: bool,
        plain: bool,
    ) -> Result<Sent, Problem> {
        let images = self.find_images(session.id, images)?;
        let halts = session.typing.halts();
        let connection = self.link.connected().await?;
        let keyboard = session.typing.keyboard.lock().await;
        let pane = pane_for_input(session)?;
        session.typing.is_typed_into();
        let mut composer = Composer::open(&self.source, session).await;
        if let Some(composer) = &mut composer {
            composer.ready(&self.link).await;
        }
        session.typing.check_not_halted(halts)?;
        if plain {
            check_plain(session, composer.as_mut(), &text)?;
        }
        let bracketed = self.brackets(session, composer.is_some(), &text).await?;
        let warning = match &composer {
            Some(composer) if enter && composer.demotes(&text) => Some(demoted_warning(session)),
            _ => cut_warning(&connection, pane, &text).await,
        };
        let cursor = session.cursor();
        let connection = &connection;
        let reads = composer.is_none() && enter && session.provider.agent;
        let screen = if reads { Painted::before(self, session, &text).await } else { None };
        let mut typist =
            Typist { typing: self, connection, session, pane, composer, screen, bracketed, typed: 0, halts };
        self.end_escape(connection, session, pane).await?;
        typist.give_images(&images).await?;
        let bytes = typist.paste(text, !images.is_empty(), enter).await?;
        let sent = Body::InputSent { bytes, enter, cursor };
        let shown = if enter { typist.enter(sent.clone()).await? } else { Receipt::Written };
        session.typing.set_drafted(!enter);
        if let Some(composer) = typist.composer.as_mut().filter(|_| enter) {
            composer.lets_go().await;
        }
        // Others may press keys while it is looked what became of it.
        drop(keyboard);
        if !enter {
            self.context.event(Some(session.id), sent);
            return Ok(Sent { cursor, receipt: shown, warning });
        }
        typist.follow_up(shown, cursor, warning).await
    }
}

impl Typing {
    /// Whether a text is put between the brackets of a paste.
    async fn brackets(&self, session: &Session, composer: bool, text: &[u8]) -> Result<bool, Problem> {
        // Asks the screen, which follows the program's modes. Of a program with a composer tmux knows it better, and
        // without brackets the first letter might answer a dialog.
        let modes = self.context.screens.modes(session.id).await;
        // One line says the same without brackets, which a shell that has just read an Escape takes for letters.
        let asked = modes.is_some_and(|modes| modes.bracketed_paste);
        let bracketed = composer || asked && text.iter().any(u8::is_ascii_control);
        if bracketed && ends_a_paste(text) {
            return Err(Problem::new(
                Code::Invalid,
                "the text contains the end-of-paste sequence (ESC [ 201 ~), after which the program would \
                 read the rest as keystrokes; remove it",
            ));
        }
        Ok(bracketed)
    }
}

impl Typist<'_> {
    async fn give_images(&mut self, images: &[PathBuf]) -> Result<(), Problem> {
        for image in images {
            let mention = (self.session.provider.prompts.mention_image)(image);
            let mut tries = 0;
            while !self.give_image(&mention).await? {
                tries += 1;
                if tries == IMAGE_TRIES {
                    return Err(not_shown(self.session, true));
                }
            }
        }
        Ok(())
    }

    /// Names an image to the program; false when it took that for a text, which is taken back. One that has
    /// just been started may not know images yet.
    async fn give_image(&mut self, mention: &str) -> Result<bool, Problem> {
        let before = self.composer.as_mut().map(Composer::images);
        self.paste_bytes(mention.as_bytes()).await?;
        let (Some(before), Some(composer)) = (before, &mut self.composer) else { return Ok(true) };
        let given = composer.shows_more_images(before).await;
        if !given {
            let taken_back = vec![BACKSPACE; mention.chars().count()];
            self.typing.type_bytes_into(self.connection, self.pane, &taken_back)?;
        }
        Ok(given)
    }

    /// Types the text; how long it is, without the blank that makes the composer submit it as it is.
    async fn paste(&mut self, text: Bytes, behind_images: bool, enter: bool) -> Result<u64, Problem> {
        let text = match &self.composer {
            // What stands for an image is followed by one blank.
            Some(composer) if behind_images && !text.is_empty() && !composer.ends_with_blank() => {
                Bytes::from([b" ", &text[..]].concat())
            }
            _ => text,
        };
        let length = text.len() as u64;
        let text = match &self.composer {
            Some(composer) if enter && composer.needs_blank(&text) => Bytes::from([&text[..], b" "].concat()),
            _ => text,
        };
        if let Some(composer) = &mut self.composer {
            composer.expect(&text);
        }
        if self.composer.as_ref().is_some_and(|composer| composer.is_typed(&text)) {
            self.type_in_pieces(&text).await?;
        } else if !text.is_empty() {
            self.paste_bytes(&text).await?;
        }
        self.typed = String::from_utf8_lossy(&text).chars().count();
        Ok(length)
    }

    /// As a person would: so much at once is no paste yet. The next piece waits until the agent has read this one. Typed
    /// letters could answer a dialog, so there is none.
    async fn type_in_pieces(&mut self, text: &[u8]) -> Result<(), Problem> {
        let text = String::from_utf8_lossy(text);
        let Some(composer) = &mut self.composer else { return Ok(()) };
        self.connection.send_and_forget(&Command::LeaveMode(self.pane)).map_err(tmux_problem)?;
        let mut rest = &*text;
        while !rest.is_empty() {
            if self.session.turn() == Activity::Waiting {
                return Err(not_shown(self.session, false));
            }
            let (text, left) = rest.split_at(rest.floor_char_boundary(PIECE));
            let piece = composer.piece(text);
            self.typing.type_bytes_into(self.connection, self.pane, text.as_bytes())?;
            self.typed += text.chars().count();
            if !composer.echoes(&piece).await {
                let taken_back = self.take_back().await;
                return Err(not_shown(self.session, taken_back));
            }
            rest = left;
        }
        Ok(())
    }

    async fn paste_bytes(&self, text: &[u8]) -> Result<(), Problem> {
        self.typing.paste(self.connection, self.session, self.pane, text, self.bracketed).await
    }

    /// Presses Enter once the text is shown.
    async fn enter(&mut self, sent: Body) -> Result<Receipt, Problem> {
        let mut receipt = Receipt::Written;
        if let Some(composer) = &mut self.composer {
            let shown = composer.shows_text().await;
            match shown {
                Some(true) => receipt = Receipt::Echoed,
                Some(false) => {
                    let taken_back = self.take_back().await;
                    return Err(not_shown(self.session, taken_back));
                }
                None => {}
            }
            composer.before_enter();
        } else if let Some(screen) = &mut self.screen {
            // Right behind a paste, Enter would be a line of it (Gemini CLI: within 40 ms).
            screen.appears().await;
            if !screen.asked && self.session.turn() == Activity::Waiting {
                return Err(not_shown(self.session, false));
            }
        }
        let (typing, session) = (self.typing, self.session);
        if let Err(halted) = session.typing.check_not_halted(self.halts) {
            self.take_back().await;
            return Err(halted);
        }
        typing.life.apply(session, Input::Submitted);
        // Before the program says what it does with it.
        let (context, id) = (typing.context.clone(), session.id);
        self.press_enter(move || context.event(Some(id), sent)).await?;
        Ok(receipt)
    }

    async fn press_enter(&self, done: impl FnOnce() + Send + 'static) -> Result<(), Problem> {
        let leave = CommandLine::new(&Command::LeaveMode(self.pane));
        let press = Command::SendBytes { pane: self.pane, bytes: KeyBytes::ENTER };
        self.typing.act(self.connection, self.session, self.pane, leave, &press, done).await.map(|_| ())
    }

    /// Takes back what was typed, where nothing else stands in the composer: it would be in the way of the next text.
    /// Whether it is gone.
    async fn take_back(&mut self) -> bool {
        let Some(composer) = self.composer.as_mut().filter(|composer| composer.was_empty()) else {
            return false;
        };
        composer.catch_up();
        if !composer.is_shown() {
            return false;
        }
        // An agent that refused it may have put its cursor before it.
        let letters = self.typed.min(MOST_TAKEN_BACK);
        let taken_back = [vec![BACKSPACE; letters], DELETE.repeat(letters)].concat();
        if self.typing.type_bytes_into(self.connection, self.pane, &taken_back).is_err() {
            return false;
        }
        composer.empties().await
    }

    /// What the agent makes of the text.
    async fn follow_up(
        mut self,
        shown: Receipt,
        cursor: Cursor,
        warning: Option<String>,
    ) -> Result<Sent, Problem> {
        let mut receipt = shown;
        if let Some(composer) = &mut self.composer {
            receipt = receipt.max(composer.follow_up(ENTER_LIMIT).await);
            if receipt < Receipt::Submitted {
                // Newer versions of Claude Code drop Enter once in a while (one in some hundreds, 2.1.332).
                let keyboard = self.session.typing.keyboard.lock().await;
                if composer.lost_enter() {
                    self.press_enter(|| ()).await?;
                }
                drop(keyboard);
            }
        }
        if let Some(composer) = &mut self.composer {
            if receipt < Receipt::Submitted {
                receipt = receipt.max(composer.follow_up(SUBMIT_LIMIT).await);
            }
            if receipt < Receipt::Submitted && composer.holds_text() {
                let taken_back = self.take_back().await;
                return Err(not_submitted(self.session, taken_back));
            }
        }
        Ok(Sent { cursor, receipt, warning })
    }
}

impl Painted {
    /// `None` when the screen is not known.
    async fn before(typing: &Typing, session: &Arc<Session>, text: &[u8]) -> Option<Self> {
        let mut screen = typing.source.follow(session).await?;
        let text = String::from_utf8_lossy(text);
        let word = text.split_whitespace().next_back().unwrap_or_default();
        let skipped = word.chars().count().saturating_sub(LAST_LETTERS);
        screen.catch_up();
        let letters = word.chars().skip(skipped).collect();
        let asked = session.turn() == Activity::Waiting;
        let painted = Self { screen, letters, before: 0, asked };
        Some(Self { before: painted.rows(), ..painted })
    }

    fn rows(&self) -> usize {
        self.screen.rows().iter().filter(|row| row.contains(&self.letters)).count()
    }

    /// Waits until the text is there, for a while, and then until nothing changes.
    async fn appears(&mut self) {
        let end = Instant::now() + PAINT_LIMIT;
        let shows = |painted: &Self| painted.letters.is_empty() || painted.rows() > painted.before;
        while !shows(self) && timeout_at(end, self.screen.changed()).await.is_ok() {
            self.screen.catch_up();
        }
        self.screen.settles().await;
    }
}

/// # Errors
/// When the text may become something else than a prompt.
fn check_plain(session: &Session, composer: Option<&mut Composer>, text: &[u8]) -> Result<(), Problem> {
    let why = match composer {
        Some(_) if session.turn() == Activity::Waiting => Some("it is waiting for an answer".into()),
        Some(composer) => composer.not_plain(text),
        None => Some("its screen is unknown".into()),
    };
    why.map_or(Ok(()), |why| Err(not_plain(session, &why)))
}

pub(super) fn not_plain(session: &Session, why: &str) -> Problem {
    let provider = session.provider.name;
    let detail = format!("{provider} may not read the text as a prompt: {why}");
    Problem::new(Code::Invalid, detail).with_next(Next::TypeAnyway)
}

pub(super) fn never_plain(session: &Session, enter: bool) -> Problem {
    let provider = session.provider.name;
    let detail = match enter {
        false => "only a text followed by Enter can become a prompt".to_owned(),
        true => format!("{provider} has no prompts"),
    };
    Problem::new(Code::Invalid, detail).with_next(Next::TypeAnyway)
}

fn demoted_warning(session: &Session) -> String {
    let provider = session.provider.name;
    format!(
        "{provider} passes a text of this length, or with tabs, to its model as pasted content, not as your words"
    )
}

fn not_shown(session: &Session, taken_back: bool) -> Problem {
    let (provider, session) = (session.provider.name, session.id.short());
    let removed = if taken_back { " and it was removed again" } else { "" };
    let detail =
        format!("the text was typed, but {provider} does not show it, so Enter was not pressed{removed}");
    Problem::new(Code::NotTaken, detail).with_next(Next::Answer { session })
}

fn not_submitted(session: &Session, taken_back: bool) -> Problem {
    let (provider, session) = (session.provider.name, session.id.short());
    let detail = match taken_back {
        true => format!("{provider} did not take the text when Enter was pressed, so it was removed again"),
        false => format!(
            "the text was typed and Enter was pressed, but the text is still in {provider}'s composer"
        ),
    };
    Problem::new(Code::NotTaken, detail).with_next(Next::Answer { session })
}
