//! Long and odd texts on their way to tmux.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use codepiper_protocol::tmux::{BufferName, Command, CommandLine, PaneId, Text};
use codepiper_protocol::wire::problem::{Code, Problem};

use super::Typing;
use crate::session::cell::Session;
use crate::session::link::{absolute, edits_lines};
use crate::tasks::blocking;
use crate::tmux::connection::Connection;

/// Longer texts, and texts with NUL, go to tmux through a file.
const LONGEST_COMMAND_TEXT: usize = 16 * 1024;
/// A terminal that edits lines cuts them here (`N_TTY_BUF_SIZE` in n_tty.c).
const LONGEST_COOKED_LINE: usize = 4095;

impl Typing {
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
                    TextFile::write(self.context.places.run.join(format!("text-{name}")), text.to_vec())
                        .await?;
                let load = Command::LoadBuffer { name, path: absolute(&file.path)? };
                self.act(connection, session, pane, leave.and(&load), &paste, || ()).await
            }
        };
        if pasted.is_err() {
            // Another session of this server may be shown what was not typed. It may not be there, which is the purpose.
            let _ = connection.send_and_forget(&Command::DeleteBuffer(name));
        }
        pasted.map(|_| ())
    }
}

/// Whether the text holds the mark that ends a bracketed paste, with CSI as two characters, as U+009B, or as the byte of
/// text that is not UTF-8.
pub(super) fn ends_a_paste(text: &[u8]) -> bool {
    let holds = |mark: &[u8]| memchr::memmem::find(text, mark).is_some();
    holds(b"\x1b[201~")
        || holds("\u{9b}201~".as_bytes())
        || (holds(b"\x9b201~") && std::str::from_utf8(text).is_err())
}

/// A program that leaves line editing to the terminal gets no line longer than the terminal's buffer.
pub(super) async fn cut_warning(connection: &Connection, pane: PaneId, text: &[u8]) -> Option<String> {
    let longest = text.split(|byte| matches!(byte, b'\n' | b'\r')).map(<[u8]>::len).max()?;
    if longest <= LONGEST_COOKED_LINE {
        return None;
    }
    edits_lines(connection, pane).await.then(|| {
        format!("the terminal cuts lines at {LONGEST_COOKED_LINE} bytes; the longest line has {longest}")
    })
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
