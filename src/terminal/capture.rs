//! What tmux tells of a pane's screen: at adoption, at a resize, after a pause.
//!
//! All of it must come from one command line, so that nothing is printed in between:
//! `capture-pane -p -e -N ; capture-pane -p -J ; capture-pane -p -e -N -a -q ; capture-pane -p -P -C ;
//! display-message -p FORMAT`, each with `-t` and the pane.

use std::str::FromStr;

use bytes::Bytes;
use codepiper_protocol::Size;

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
    pub facts: Facts,
}

/// Cursor and modes, from `display-message -p` with [`Facts::FORMAT`].
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
    pub title: String,
}

impl Capture {
    /// The pending bytes as the program printed them.
    pub(super) fn pending_bytes(&self) -> Vec<u8> {
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
    /// One line; the title stands last because it may hold spaces.
    pub const FORMAT: &'static str = "#{cursor_x} #{cursor_y} #{cursor_flag} #{insert_flag} #{wrap_flag} \
        #{origin_flag} #{keypad_flag} #{keypad_cursor_flag} #{scroll_region_upper} #{scroll_region_lower} \
        #{mouse_standard_flag} #{mouse_button_flag} #{mouse_all_flag} #{mouse_utf8_flag} #{mouse_sgr_flag} \
        #{alternate_on} #{alternate_saved_x} #{alternate_saved_y} #{pane_width} #{pane_height} \
        #{pane_tabs}, #{pane_title}";

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

/// The answer to [`Facts::FORMAT`] was something else.
#[derive(Debug, PartialEq, Eq)]
pub struct InvalidFacts(String);

impl std::fmt::Display for InvalidFacts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "tmux described a pane in an unknown way: '{}'", self.0)
    }
}

impl std::error::Error for InvalidFacts {}

impl FromStr for Facts {
    type Err = InvalidFacts;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        parse(line).ok_or_else(|| InvalidFacts(line.to_owned()))
    }
}

fn parse(line: &str) -> Option<Facts> {
    let mut words = line.splitn(22, ' ');
    let mut number = || words.next()?.parse::<u32>().ok();
    let mut coordinates = [0u32; 20];
    for coordinate in &mut coordinates {
        *coordinate = number()?;
    }
    let [x, y, visible, insert, wrap, origin, keypad, keypad_cursor, upper, lower, rest @ ..] = coordinates;
    let [standard, button, all, utf8, sgr, alternate, saved_x, saved_y, width, height] = rest;
    let cell = |n: u32| u16::try_from(n).ok();
    let tabs = words.next()?.split(',').filter(|stop| !stop.is_empty());
    Some(Facts {
        cursor_x: cell(x)?,
        cursor_y: cell(y)?,
        cursor_visible: visible != 0,
        insert: insert != 0,
        wrap: wrap != 0,
        origin: origin != 0,
        keypad: keypad != 0,
        keypad_cursor: keypad_cursor != 0,
        scroll_upper: cell(upper)?,
        scroll_lower: cell(lower)?,
        mouse_standard: standard != 0,
        mouse_button: button != 0,
        mouse_all: all != 0,
        mouse_utf8: utf8 != 0,
        mouse_sgr: sgr != 0,
        alternate_on: alternate != 0,
        // tmux prints UINT_MAX for "never".
        alternate_saved: cell(saved_x).zip(cell(saved_y)),
        width: cell(width)?,
        height: cell(height)?,
        tabs: tabs.map(|stop| stop.parse().ok()).collect::<Option<_>>()?,
        title: words.next().unwrap_or_default().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_parse_what_tmux_prints() {
        let line = "80 3 1 0 1 0 0 1 0 23 0 1 0 0 1 1 4294967295 4294967295 80 24 8,16,24, my title, long";
        let facts: Facts = line.parse().unwrap();
        assert_eq!((facts.cursor_x, facts.cursor_y), (80, 3));
        assert!(facts.cursor_visible && facts.wrap && facts.keypad_cursor && facts.alternate_on);
        assert_eq!(facts.alternate_saved, None);
        assert_eq!(facts.tabs, [8, 16, 24]);
        assert_eq!(facts.title, "my title, long");
        assert_eq!(facts.size(), Size::new(80, 24));
        assert!("80 3".parse::<Facts>().is_err());
        let no_tabs = "0 0 1 0 1 0 0 0 0 1 0 0 0 0 0 0 1 2 5 2 , ".parse::<Facts>().unwrap();
        assert_eq!((no_tabs.tabs, no_tabs.alternate_saved), (vec![], Some((1, 2))));
    }

    #[test]
    fn pending_bytes_are_unescaped() {
        let capture = Capture { pending: Bytes::from_static(br"\033[38;5\134x"), ..Capture::default() };
        assert_eq!(capture.pending_bytes(), b"\x1b[38;5\\x");
    }
}
