//! One text is typed and submitted, and what became of it.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use codepiper_protocol::Cursor;
use codepiper_protocol::event::Body;
use codepiper_protocol::tmux::{Command, CommandLine, KeyBytes, PaneId};
use codepiper_protocol::wire::input::{Receipt, Sent};
use codepiper_protocol::wire::problem::{Code, Next, Problem};
use codepiper_protocol::wire::session::Activity;
use uuid::Uuid;

use super::Typing;
use super::composer::Composer;
use super::paste::{cut_warning, ends_a_paste};
use crate::session::cell::Session;
use crate::session::life::machine::Input;
use crate::session::link::pane_for_input;
use crate::tmux::connection::Connection;

const BACKSPACE: u8 = 0x7f;
/// So often an image is named to an agent.
const IMAGE_TRIES: u32 = 4;

/// Types one text into one pane.
struct Typist<'a> {
    typing: &'a Typing,
    connection: &'a Connection,
    session: &'a Arc<Session>,
    pane: PaneId,
    composer: Option<Composer>,
    /// The program asked for pastes to be bracketed.
    bracketed: bool,
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
        let connection = self.link.connected().await?;
        let keyboard = session.typing.keyboard.lock().await;
        let pane = pane_for_input(session)?;
        let mut composer = Composer::open(&self.source, session).await;
        if let Some(composer) = &mut composer {
            composer.ready(&self.link).await;
        }
        if plain {
            check_plain(session, composer.as_mut(), &text)?;
        }
        // Asks the screen, which follows the program's modes.
        let modes = self.context.screens.modes(session.id).await;
        let bracketed = modes.is_some_and(|modes| modes.bracketed_paste);
        if bracketed && ends_a_paste(&text) {
            return Err(Problem::new(
                Code::Invalid,
                "the text contains the end-of-paste sequence (ESC [ 201 ~), after which the program would \
                 read the rest as keystrokes; remove it",
            ));
        }
        let warning = cut_warning(&connection, pane, &text).await;
        let cursor = session.cursor();
        let connection = &connection;
        let mut typist = Typist { typing: self, connection, session, pane, composer, bracketed };
        typist.give_images(&images).await?;
        let bytes = typist.paste(text, !images.is_empty(), enter).await?;
        let sent = Body::InputSent { bytes, enter, cursor };
        let shown = if enter { typist.enter(sent.clone()).await? } else { Receipt::Written };
        session.typing.set_drafted(!enter);
        // Others may press keys while it is looked what became of it.
        drop(keyboard);
        if !enter {
            self.context.event(Some(session.id), sent);
            return Ok(Sent { cursor, receipt: shown, warning });
        }
        typist.follow_up(shown, cursor, warning).await
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
                    return Err(not_shown(self.session));
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
        if !text.is_empty() {
            self.paste_bytes(&text).await?;
        }
        Ok(length)
    }

    async fn paste_bytes(&self, text: &[u8]) -> Result<(), Problem> {
        self.typing.paste(self.connection, self.session, self.pane, text, self.bracketed).await
    }

    /// Presses Enter once the text is shown.
    async fn enter(&mut self, sent: Body) -> Result<Receipt, Problem> {
        let mut receipt = Receipt::Written;
        if let Some(composer) = &mut self.composer {
            match composer.shows_text().await {
                Some(true) => receipt = Receipt::Echoed,
                Some(false) => return Err(not_shown(self.session)),
                None => {}
            }
            composer.before_enter();
        }
        let (typing, session, pane) = (self.typing, self.session, self.pane);
        typing.life.apply(session, Input::Submitted);
        for bytes in KeyBytes::split(b"\r") {
            let leave = CommandLine::new(&Command::LeaveMode(pane));
            // Before the program says what it does with it.
            let (context, id, sent) = (typing.context.clone(), session.id, sent.clone());
            let sent = move || context.event(Some(id), sent);
            let press = Command::SendBytes { pane, bytes };
            typing.act(self.connection, session, pane, leave, &press, sent).await?;
        }
        Ok(receipt)
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
            receipt = receipt.max(composer.follow_up().await);
            if receipt < Receipt::Submitted && composer.holds_text() {
                return Err(not_submitted(self.session));
            }
        }
        Ok(Sent { cursor, receipt, warning })
    }
}

/// # Errors
/// When the text may become something else than a prompt.
fn check_plain(session: &Session, composer: Option<&mut Composer>, text: &[u8]) -> Result<(), Problem> {
    let why = match composer {
        Some(_) if session.activity() == Activity::Waiting => Some("it is waiting for an answer".into()),
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

fn not_shown(session: &Session) -> Problem {
    let (provider, session) = (session.provider.name, session.id.short());
    let detail = format!("the text was typed, but {provider} does not show it, so Enter was not pressed");
    Problem::new(Code::NotTaken, detail).with_next(Next::Answer { session })
}

fn not_submitted(session: &Session) -> Problem {
    let (provider, session) = (session.provider.name, session.id.short());
    let detail =
        format!("the text was typed and Enter was pressed, but the text is still in {provider}'s composer");
    Problem::new(Code::NotTaken, detail).with_next(Next::Answer { session })
}
