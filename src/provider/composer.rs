//! How a program takes what a person writes.

use std::path::Path;

/// How a program takes prompts.
#[derive(Clone, Copy)]
pub struct Prompts {
    /// How a first one reaches it.
    pub delivery: PromptDelivery,
    /// Where they are written, if there is such a place.
    pub composer: Option<Composer>,
    /// What is typed for an image that lies in a file.
    pub mention_image: fn(&Path) -> String,
}

/// How a first prompt reaches the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromptDelivery {
    /// As an argument of [`Launcher::start`](super::Launcher::start).
    Argument,
    /// Typed into the terminal once the program runs.
    Typed,
}

/// Where an agent's prompts are written. It takes a text as a bracketed paste and shows it; Enter before
/// that would become a part of the text, or would answer a dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Composer {
    /// What stands left of the cursor when it is empty.
    pub mark: &'static str,
    /// How what stands for a long text or an image begins.
    pub placeholders: &'static [&'static str],
    /// How what stands for an image begins.
    pub image: &'static str,
    /// How begins what it shows behind the cursor while it is empty, where that is not drawn faintly.
    pub hints: &'static [&'static str],
    /// Enter completes a last word that begins so, and continues a text that ends so, instead of sending it. With a
    /// blank behind them it does not; blanks at the end are not sent.
    pub completes: &'static [char],
    pub continues: &'static [char],
    /// From so many lines or bytes on it tells its model that a paste is not the person's own words: such a text is typed.
    pub demotes: Option<Demotes>,
    /// What a text begins with, and what it consists of, that may be something else than a prompt: a command of the agent,
    /// of a shell, a note, a file.
    pub commands: &'static [char],
    pub command_words: &'static [&'static str],
}

/// See [`Composer::demotes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demotes {
    pub lines: usize,
    pub bytes: usize,
    /// Words that are typed open a list when they begin so; what is pasted does not.
    pub completes: &'static [char],
}

impl Demotes {
    fn takes(&self, text: &[u8]) -> bool {
        text.len() >= self.bytes || memchr::memchr_iter(b'\n', text).count() + 1 >= self.lines
    }
}

impl Composer {
    /// Whether the text is to be typed instead of pasted. Of what is pasted, tabs and the like are text; typed, they are
    /// keys. It takes long to type very long texts.
    pub fn is_typed(&self, text: &[u8]) -> bool {
        const LONGEST: usize = 16 * 1024;
        let Some(demotes) = self.demotes else { return false };
        let has_keys = text.iter().any(|byte| byte.is_ascii_control() && *byte != b'\n');
        demotes.takes(text) && !has_keys && text.len() <= LONGEST && std::str::from_utf8(text).is_ok()
    }

    /// Whether the text will reach the model as something else than the person's words.
    pub fn is_demoted(&self, text: &[u8]) -> bool {
        self.demotes.is_some_and(|demotes| demotes.takes(text)) && !self.is_typed(text)
    }

    /// Whether the text needs a blank at its end to be sent as it is.
    pub fn needs_blank(&self, text: &[u8]) -> bool {
        let text = String::from_utf8_lossy(text);
        let last = text.rsplit(char::is_whitespace).next().unwrap_or_default();
        let typed = self.demotes.filter(|_| self.is_typed(text.as_bytes()));
        last.starts_with(self.completes)
            || text.ends_with(self.continues)
            || typed.is_some_and(|typed| last.starts_with(typed.completes))
    }
}

/// A path as it is: agents make an image of one that is pasted.
pub fn paste_path(path: &Path) -> String {
    path.display().to_string()
}

/// A path as a command's argument, for the shell that it is typed into.
pub fn quote_path(path: &Path) -> String {
    format!("'{}' ", path.display().to_string().replace('\'', "'\\''"))
}
