//! What tmux tells of a pane's screen: at adoption, at a resize, after a pause.
//!
//! All of it must come from one command line, so that nothing is printed in between.
//!
//! tmux does not tell everything: a captured row ends with the last cell that was written, so the
//! background of cells behind it that were only erased is lost, and half of a character of several bytes is not
//! pending.

use bytes::Bytes;
use codepiper_protocol::Size;
use codepiper_protocol::tmux::ScreenFacts;

/// A pane's screen, for [`Screen::load`](super::screen::Screen::load).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Capture {
    /// `capture-pane -p -e -N`: the rows of what is shown, as they came. The attributes at the end of
    /// a row go on in the next.
    pub lines: Vec<Bytes>,
    /// `capture-pane -p -J`: the same rows without escapes, wrapped ones joined. Tells which rows wrap
    /// into the next; without it none does.
    pub joined_lines: Option<Vec<Bytes>>,
    /// `capture-pane -p -e -N -a -q`: the rows of the main screen while the alternate one is shown.
    pub saved_lines: Option<Vec<Bytes>>,
    /// `capture-pane -p -P -C`: the unfinished escape sequence, with `\ooo` for control bytes.
    pub pending: Bytes,
    /// Rows in tmux's history.
    pub history: u64,
    pub facts: Facts,
}

/// Cursor and modes, see [`ScreenFacts`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// 0 is the first column; `width` means that the next character wraps.
    pub cursor_x: u16,
    pub cursor_y: u16,
    pub cursor_visible: bool,
    pub insert: bool,
    pub wrap: bool,
    pub origin: bool,
    pub keypad: bool,
    pub keypad_cursor: bool,
    pub scroll_upper: u16,
    pub scroll_lower: u16,
    pub mouse_standard: bool,
    pub mouse_button: bool,
    pub mouse_all: bool,
    pub mouse_utf8: bool,
    pub mouse_sgr: bool,
    pub alternate_on: bool,
    /// Where the cursor goes when the alternate screen is left, when that was ever entered with 1049.
    pub alternate_saved: Option<(u16, u16)>,
    pub width: u16,
    pub height: u16,
    /// Columns with a tab stop.
    pub tabs: Vec<u16>,
    /// Empty when tmux was not asked: the model then keeps the one it has.
    pub title: String,
}

impl Capture {
    /// The pending bytes as the program printed them.
    pub(crate) fn pending_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.pending.len());
        let mut rest = &self.pending[..];
        while let Some((&byte, tail)) = rest.split_first() {
            match tail {
                [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..] if byte == b'\\' => {
                    bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                    rest = tail;
                }
                _ => {
                    bytes.push(byte);
                    rest = tail;
                }
            }
        }
        bytes
    }
}

impl Facts {
    /// The facts of a blank screen.
    pub fn new(size: Size) -> Self {
        Self {
            cursor_x: 0,
            cursor_y: 0,
            cursor_visible: true,
            insert: false,
            wrap: true,
            origin: false,
            keypad: false,
            keypad_cursor: false,
            scroll_upper: 0,
            scroll_lower: size.rows() - 1,
            mouse_standard: false,
            mouse_button: false,
            mouse_all: false,
            mouse_utf8: false,
            mouse_sgr: false,
            alternate_on: false,
            alternate_saved: None,
            width: size.cols(),
            height: size.rows(),
            tabs: (8..size.cols()).step_by(8).collect(),
            title: String::new(),
        }
    }

    /// The pane's size, when it is one that we take.
    pub fn size(&self) -> Option<Size> {
        Size::new(self.width, self.height)
    }
}

impl Default for Facts {
    fn default() -> Self {
        Self::new(Size::DEFAULT)
    }
}

impl From<ScreenFacts> for Facts {
    fn from(facts: ScreenFacts) -> Self {
        Self {
            cursor_x: facts.cursor_x,
            cursor_y: facts.cursor_y,
            cursor_visible: facts.cursor_visible,
            insert: facts.insert,
            wrap: facts.wrap,
            origin: facts.origin,
            keypad: facts.keypad,
            keypad_cursor: facts.cursor_keys,
            scroll_upper: facts.scroll_upper,
            scroll_lower: facts.scroll_lower,
            mouse_standard: facts.mouse_standard,
            mouse_button: facts.mouse_button,
            mouse_all: facts.mouse_all,
            mouse_utf8: facts.mouse_utf8,
            mouse_sgr: facts.mouse_sgr,
            alternate_on: facts.alternate_on,
            // tmux writes UINT_MAX for never.
            alternate_saved: u16::try_from(facts.saved_x).ok().zip(u16::try_from(facts.saved_y).ok()),
            width: facts.cols,
            height: facts.rows,
            tabs: facts.tabs.0,
            title: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pending_bytes_are_unescaped() {
        let capture = Capture { pending: Bytes::from_static(br"\033[38;5\134x"), ..Capture::default() };
        assert_eq!(capture.pending_bytes(), b"\x1b[38;5\\x");
    }
}
