//! Text and keys for a session. Whoever types holds the session's lock: nothing is interleaved.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use codepiper_protocol::event::Body;
use codepiper_protocol::key::Key;
use codepiper_protocol::tmux::{
    BufferName, Command, CommandLine, Facts, KeyBytes, PaneEnd, PaneFacts, PaneId, Reply, Target, Text,
};
use codepiper_protocol::wire::input::{IfBusy, MAX_TEXT, Receipt, Sent};
use codepiper_protocol::wire::problem::{Code, Next, Problem};
use codepiper_protocol::wire::session::Activity;
use uuid::Uuid;

use super::composer::{Composer, other_than_prompt};
use super::launch::{absolute, tmux_problem};
use super::{Session, Sessions, ended_problem, machine};
use crate::process;
use crate::tasks::blocking;
use crate::tmux::connection::{CommandError, Connection};
use crate::tmux::server;

/// Longer texts, and texts with NUL, go to tmux through a file.
const LONGEST_COMMAND_TEXT: usize = 16 * 1024;
/// A terminal that edits lines cuts them here (`N_TTY_BUF_SIZE` in n_tty.c).
const LONGEST_COOKED_LINE: usize = 4095;
const BACKSPACE: u8 = 0x7f;
/// So often an image is named to an agent.
const IMAGE_TRIES: u32 = 4;
/// The end of a program that tmux knows of already is known here in this time.
const END_LIMIT: Duration = Duration::from_secs(2);

impl Sessions {
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
            let composer =
                session.provider.prompts.composer.filter(|composer| enter && !composer.commands.is_empty());
            let composer = composer.ok_or_else(|| never_plain(session, enter))?;
            if let Some(why) = other_than_prompt(composer, &text) {
                return Err(not_plain(session, &why));
            }
        }
        self.find_images(session.id, images)?;
        let _sending = session.sending.lock().await;
        session.pane_for_input()?;
        if if_busy != Some(IfBusy::Now) {
            self.until_it_tells(session).await;
        }
        if enter
            && session.provider.prompts.composer.is_some()
            && let Some(sent) = self.wait_your_turn(session, images, &text, if_busy, plain).await?
        {
            return Ok(sent);
        }
        self.type_text(session, images, text, enter, plain).await
    }

    /// The same at once, after whoever sends.
    pub(super) async fn send_now(
        &self,
        session: &Arc<Session>,
        images: &[Uuid],
        text: Bytes,
        plain: bool,
    ) -> Result<Sent, Problem> {
        let _sending = session.sending.lock().await;
        self.type_text(session, images, text, true, plain).await
    }

    async fn type_text(
        &self,
        session: &Arc<Session>,
        images: &[Uuid],
        text: Bytes,
        enter: bool,
        plain: bool,
    ) -> Result<Sent, Problem> {
        let images = self.find_images(session.id, images)?;
        let connection = self.connected().await?;
        let typing = session.typing.lock().await;
        let pane = session.pane_for_input()?;
        let mut composer = self.composer(session).await;
        if let Some(composer) = &mut composer {
            composer.ready(self).await;
        }
        if plain {
            let why = match &mut composer {
                Some(_) if session.state().machine.activity() == Activity::Waiting => {
                    Some("it is waiting for an answer".into())
                }
                Some(composer) => composer.not_plain(&text),
                None => Some("its screen is unknown".into()),
            };
            if let Some(why) = why {
                return Err(not_plain(session, &why));
            }
        }
        let bracketed = self.wants_bracketed_paste(session).await;
        if bracketed && ends_a_paste(&text) {
            return Err(Problem::new(
                Code::Invalid,
                "the text contains the end-of-paste sequence (ESC [ 201 ~), after which the program would \
                 read the rest as keystrokes; remove it",
            ));
        }
        let warning = cut_warning(&connection, pane, &text).await;
        let cursor = session.cursor();
        for image in &images {
            let mention = (session.provider.prompts.mention_image)(image);
            let mut tries = 0;
            while !self.give_image(&connection, session, pane, &mention, bracketed, composer.as_mut()).await?
            {
                tries += 1;
                if tries == IMAGE_TRIES {
                    return Err(not_shown(session));
                }
            }
        }
        let text = match (images.is_empty(), &composer) {
            // What stands for an image is followed by one blank.
            (false, Some(composer)) if !text.is_empty() && !composer.ends_with_blank() => {
                Bytes::from([b" ", &text[..]].concat())
            }
            _ => text,
        };
        let length = text.len() as u64;
        let text = match &composer {
            Some(composer) if enter && composer.needs_blank(&text) => Bytes::from([&text[..], b" "].concat()),
            _ => text,
        };
        if let Some(composer) = &mut composer {
            composer.expect(&text);
        }
        if !text.is_empty() {
            self.paste(&connection, session, pane, &text, bracketed).await?;
        }
        let mut receipt = Receipt::Written;
        if enter {
            if let Some(composer) = &mut composer {
                match composer.shows_text().await {
                    Some(true) => receipt = Receipt::Echoed,
                    Some(false) => return Err(not_shown(session)),
                    None => {}
                }
            }
            if let Some(composer) = &mut composer {
                composer.before_enter();
            }
            self.apply(session, machine::Input::Submitted);
            for bytes in KeyBytes::split(b"\r") {
                let leave = CommandLine::new(&Command::LeaveMode(pane));
                // Before the program says what it does with it.
                let (sessions, id) = (self.clone(), session.id);
                let sent = move || sessions.event(Some(id), Body::InputSent { bytes: length, enter, cursor });
                self.act(&connection, session, pane, leave, &Command::SendBytes { pane, bytes }, sent)
                    .await?;
            }
        }
        session.state().drafted = !enter;
        // Others may press keys while it is looked what became of it.
        drop(typing);
        if !enter {
            self.event(Some(session.id), Body::InputSent { bytes: length, enter, cursor });
        }
        if enter && let Some(composer) = &mut composer {
            receipt = receipt.max(composer.follow_up().await);
            if receipt < Receipt::Submitted && composer.holds_text() {
                return Err(not_submitted(session));
            }
        }
        Ok(Sent { cursor, receipt, warning })
    }

    /// Presses keys, one after another.
    pub async fn send_keys(&self, session: &Arc<Session>, keys: &[Key]) -> Result<Sent, Problem> {
        let cursor = session.cursor();
        self.press(session, keys).await?;
        let bytes = keys.len() as u64;
        self.event(Some(session.id), Body::InputSent { bytes, enter: false, cursor });
        Ok(Sent { cursor, receipt: Receipt::Written, warning: None })
    }

    pub(super) async fn press(&self, session: &Arc<Session>, keys: &[Key]) -> Result<(), Problem> {
        let connection = self.connected().await?;
        let _typing = session.typing.lock().await;
        let pane = session.pane_for_input()?;
        session.state().drafted = false;
        let Some((last, first)) = keys.split_last() else { return Ok(()) };
        let mut line = CommandLine::new(&Command::LeaveMode(pane));
        for key in first {
            line = line.and(&Command::SendKey { pane, key: *key });
        }
        self.act(&connection, session, pane, line, &Command::SendKey { pane, key: *last }, || ()).await
    }

    /// Does what must reach a program that runs: one line, so that tmux itself sees whether it does. `done` is called when
    /// it has reached it, before anything that follows from it is known.
    async fn act(
        &self,
        connection: &Connection,
        session: &Session,
        pane: PaneId,
        before: CommandLine,
        command: &Command<'_>,
        done: impl FnOnce() + Send + 'static,
    ) -> Result<(), Problem> {
        let asked = before.replies();
        let line = before
            .and(&Command::Show { target: Some(Target::Pane(pane)), format: PaneEnd::FORMAT })
            .and(command);
        let reached = move |replies: &[Reply]| {
            replies.get(asked).is_some_and(runs) && replies.iter().all(|reply| reply.ok)
        };
        let see = move |replies: &[Reply]| {
            if reached(replies) {
                done();
            }
        };
        let refused = match connection.send_and_see(line, see).await {
            Ok(replies) if reached(&replies) => return Ok(()),
            Ok(_) => None,
            Err(error @ CommandError::Refused { .. }) => Some(error),
            Err(error) => return Err(tmux_problem(error)),
        };
        // tmux knows of the end first.
        let ended = session.until(|state| !state.machine.status().is_live());
        match (tokio::time::timeout(END_LIMIT, ended).await, refused) {
            (Err(_), Some(error)) => Err(tmux_problem(error)),
            _ => Err(ended_problem(session)),
        }
    }

    /// Whether the session's program leaves line editing, and what Ctrl+C means, to the terminal.
    pub(super) async fn edits_lines(&self, session: &Session) -> bool {
        match (self.connection(), session.pane_for_input()) {
            (Ok(connection), Ok(pane)) => edits_lines(&connection, pane).await,
            _ => false,
        }
    }

    /// Types bytes as they are: what a viewer's terminal sends for a key. The fastest way.
    pub async fn type_bytes(&self, session: &Arc<Session>, bytes: &[u8]) -> Result<(), Problem> {
        let connection = self.connected().await?;
        let _typing = session.typing.lock().await;
        let pane = session.pane_for_input()?;
        self.leave_mode(&connection, session, pane)?;
        if is_typed(bytes) {
            session.state().drafted = false;
        }
        self.type_bytes_into(&connection, pane, bytes)
    }

    pub(super) fn type_bytes_into(
        &self,
        connection: &Connection,
        pane: PaneId,
        bytes: &[u8],
    ) -> Result<(), Problem> {
        for bytes in KeyBytes::split(bytes) {
            connection.send_and_forget(&Command::SendBytes { pane, bytes }).map_err(tmux_problem)?;
        }
        Ok(())
    }

    /// A pane in copy mode would swallow keys.
    fn leave_mode(&self, connection: &Connection, session: &Session, pane: PaneId) -> Result<(), Problem> {
        let mut state = session.state();
        match &mut state.pane {
            Some(state) if state.in_mode => {
                state.in_mode = false;
                connection.send_and_forget(&Command::LeaveMode(pane)).map_err(tmux_problem)
            }
            _ => Ok(()),
        }
    }

    /// Names an image to the program; false when it took that for a text, which is taken back. One that has
    /// just been started may not know images yet.
    async fn give_image(
        &self,
        connection: &Connection,
        session: &Session,
        pane: PaneId,
        mention: &str,
        bracketed: bool,
        composer: Option<&mut Composer>,
    ) -> Result<bool, Problem> {
        let Some(composer) = composer else {
            self.paste(connection, session, pane, mention.as_bytes(), bracketed).await?;
            return Ok(true);
        };
        let before = composer.images();
        self.paste(connection, session, pane, mention.as_bytes(), bracketed).await?;
        let given = composer.shows_more_images(before).await;
        if !given {
            self.type_bytes_into(connection, pane, &vec![BACKSPACE; mention.chars().count()])?;
        }
        Ok(given)
    }

    /// One line: nothing comes between. Copy mode is left first: tmux asks its screen, not the program's, whether
    /// pastes are bracketed.
    pub(super) async fn paste(
        &self,
        connection: &Connection,
        session: &Session,
        pane: PaneId,
        text: &[u8],
        bracketed: bool,
    ) -> Result<(), Problem> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let name = BufferName(NUMBER.fetch_add(1, Ordering::Relaxed));
        let leave = CommandLine::new(&Command::LeaveMode(pane));
        let paste = Command::PasteBuffer { name, pane, bracketed, raw: connection.pastes_raw() };
        let pasted = match Text::new(text).filter(|text| text.as_bytes().len() <= LONGEST_COMMAND_TEXT) {
            Some(text) => {
                let line = leave.and(&Command::SetBuffer { name, text });
                self.act(connection, session, pane, line, &paste, || ()).await
            }
            None => {
                let file =
                    TextFile::write(self.0.places.run.join(format!("text-{name}")), text.to_vec()).await?;
                let load = Command::LoadBuffer { name, path: absolute(&file.path)? };
                self.act(connection, session, pane, leave.and(&load), &paste, || ()).await
            }
        };
        if pasted.is_err() {
            // Another session of this server may be shown what was not typed. It may not be there, which is the purpose.
            let _ = connection.send_and_forget(&Command::DeleteBuffer(name));
        }
        pasted
    }

    /// Asks the screen, which follows the program's modes.
    async fn wants_bracketed_paste(&self, session: &Session) -> bool {
        self.0.screens.modes(session.id).await.is_some_and(|modes| modes.bracketed_paste)
    }
}

/// Whether the pane that a reply is about has a program that runs. Nothing is said of a pane that is gone.
fn runs(reply: &Reply) -> bool {
    reply.lines().next().and_then(PaneEnd::parse).is_some_and(|end| !end.dead)
}

/// Whether a person typed that, and not the terminal, which reports its focus and the mouse.
fn is_typed(bytes: &[u8]) -> bool {
    !matches!(bytes, [0x1b, b'[', b'I' | b'O' | b'M' | b'<', ..])
}

impl Session {
    pub(super) fn pane_for_input(&self) -> Result<PaneId, Problem> {
        let state = self.state();
        match &state.pane {
            Some(pane) if state.machine.status().is_live() => Ok(pane.id),
            _ if state.machine.status().is_live() => Err(Problem::new(
                Code::Tmux,
                format!("the pane of session {} was not found", self.id.short()),
            )
            .with_next(Next::RunChecks)),
            _ => {
                drop(state);
                Err(ended_problem(self))
            }
        }
    }
}

fn not_plain(session: &Session, why: &str) -> Problem {
    let provider = session.provider.name;
    let detail = format!("{provider} may not read the text as a prompt: {why}");
    Problem::new(Code::Invalid, detail).with_next(Next::TypeAnyway)
}

fn never_plain(session: &Session, enter: bool) -> Problem {
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

/// Whether the text holds the mark that ends a bracketed paste, with CSI as two characters, as U+009B, or as the byte of
/// text that is not UTF-8.
fn ends_a_paste(text: &[u8]) -> bool {
    let holds = |mark: &[u8]| memchr::memmem::find(text, mark).is_some();
    holds(b"\x1b[201~")
        || holds("\u{9b}201~".as_bytes())
        || (holds(b"\x9b201~") && std::str::from_utf8(text).is_err())
}

fn check_length(text: &[u8]) -> Result<(), Problem> {
    if text.len() <= MAX_TEXT {
        return Ok(());
    }
    let detail = format!("the text has {} bytes; the limit is {MAX_TEXT}", text.len());
    Err(Problem::new(Code::TooLarge, detail))
}

/// A program that leaves line editing to the terminal gets no line longer than the terminal's buffer.
async fn cut_warning(connection: &Connection, pane: PaneId, text: &[u8]) -> Option<String> {
    let longest = text.split(|byte| matches!(byte, b'\n' | b'\r')).map(<[u8]>::len).max()?;
    if longest <= LONGEST_COOKED_LINE {
        return None;
    }
    edits_lines(connection, pane).await.then(|| {
        format!("the terminal cuts lines at {LONGEST_COOKED_LINE} bytes; the longest line has {longest}")
    })
}

/// Whether the program leaves line editing to the terminal. False when nobody can tell.
async fn edits_lines(connection: &Connection, pane: PaneId) -> bool {
    let Ok(facts) = server::ask::<PaneFacts>(connection, Some(Target::Pane(pane))).await else {
        return false;
    };
    let tty = PathBuf::from(facts.tty.lossy().into_owned());
    blocking(move || process::edits_lines(&tty).unwrap_or(false)).await.unwrap_or(false)
}

/// A text on its way to tmux. 0600; gone with this value.
struct TextFile {
    path: PathBuf,
}

impl TextFile {
    async fn write(path: PathBuf, text: Vec<u8>) -> Result<Self, Problem> {
        let file = Self { path };
        let path = file.path.clone();
        let written = blocking(move || {
            let mut file =
                std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
            file.write_all(&text)
        });
        match written.await? {
            Ok(()) => Ok(file),
            Err(error) => {
                Err(Problem::new(Code::Internal, format!("cannot write {}: {error}", file.path.display())))
            }
        }
    }
}

impl Drop for TextFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "a text's file cannot be removed");
        }
    }
}
