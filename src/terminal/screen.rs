//! The model of a terminal's screen: fed with every byte in order, it dumps itself as a keyframe.
//!
//! It does what tmux 3.3a does with the same bytes, because tmux is the terminal that the program talks
//! to; where a rule looks odd, it is tmux's. Columns are counted as the version does that runs ([`Rules`]). What tmux ignores and other terminals honour is kept when a
//! viewer needs it: hyperlinks, the kitty keyboard protocol, synchronized output, alternate scroll.
//!
//! | module       | what |
//! |--------------|------|
//! | [`parse`]    | cuts the stream into text, controls and sequences |
//! | [`control`]  | what each sequence means |
//! | [`write`]    | what each meaning does to the grid |
//! | [`grid`], [`cell`], [`table`] | rows of cells, and the rare things cells point to |
//! | [`width`]    | columns of a character |
//! | [`keyframe`] | the whole state as escape sequences |
//! | [`load`]     | the state that tmux tells |
//! | [`model`]    | the whole state |
//!
//! Known to differ from tmux 3.3a, beside what [`parse`] and [`width`] list:
//!
//! * Half of a wide character that loses its other half becomes blank. tmux leaves such halves in its
//!   grid, and its captures are then shifted.
//! * A cluster keeps up to [`MAX_CLUSTER`](write::print::MAX_CLUSTER) bytes; tmux keeps 21 and drops what does not fit.
//! * A zero-width joiner joins the next character also when the two arrive apart; in tmux that depends on
//!   how they were read.
//! * `ESC c` also resets the cursor's style, the keyboard protocol and other modes of which tmux tells
//!   nobody, as in other terminals.
//! * Titles are cut to [`MAX_TITLE`](control::MAX_TITLE) bytes and the stack of titles holds 16.

mod cell;
mod control;
mod grid;
mod keyframe;
mod load;
mod model;
mod modes;
mod palette;
pub mod parse;
mod table;
mod width;
mod write;

pub(super) use self::grid::Grid;
pub(super) use self::model::Model;
pub use self::modes::{Modes, Mouse};
pub use self::width::Rules;

use codepiper_protocol::Size;

use self::cell::Attrs;
use self::parse::Parser;
use self::write::Writer;

/// A terminal's screen without scrollback.
pub struct Screen {
    parser: Parser,
    model: Model,
}

/// Where the cursor stands. `x == cols` means that the last column was written and the next character
/// wraps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    pub x: u16,
    pub y: u16,
}

/// Hears of rows that will not change any more or may be complete. Costs nothing when unused.
pub(super) trait Sink {
    /// Row `y` of the main screen is about to scroll off the top.
    fn scrolls_off(&mut self, _model: &mut Model, _y: usize) {}
    /// The main screen was cleared; what scrolled off before has no continuation.
    fn cleared(&mut self, _model: &mut Model) {}
    /// What scrolled off the main screen is forgotten.
    fn forgets_history(&mut self) {}
    /// The cursor is about to go down to row `y` of the main screen, from one above it.
    fn goes_down_to(&mut self, _model: &mut Model, _y: usize) {}
    /// The alternate screen is about to be left.
    fn leaves_alternate(&mut self, _model: &mut Model) {}
}

impl Sink for () {}

impl Screen {
    pub fn new(size: Size) -> Self {
        Self { parser: Parser::default(), model: Model::new(size) }
    }

    /// One that counts columns as a version of tmux does.
    pub fn with_rules(size: Size, rules: Rules) -> Self {
        let mut screen = Self::new(size);
        screen.set_rules(rules);
        screen
    }

    /// One of the same size, which counts in the same way.
    pub fn blank(&self) -> Self {
        Self::with_rules(self.size(), self.model.rules)
    }

    pub fn set_rules(&mut self, rules: Rules) {
        self.model.rules = rules;
    }

    /// Takes the next bytes, cut anywhere.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.feed_with(bytes, &mut ());
    }

    pub(super) fn feed_with(&mut self, bytes: &[u8], sink: &mut impl Sink) {
        self.parser.advance(bytes, &mut Writer::new(&mut self.model, sink));
    }

    pub fn size(&self) -> Size {
        self.model.size()
    }

    pub fn cursor(&self) -> Position {
        Position { x: self.model.x as u16, y: self.model.y as u16 }
    }

    /// First and last row of the scroll region.
    pub fn region(&self) -> (u16, u16) {
        (self.model.top as u16, self.model.bottom as u16)
    }

    pub fn title(&self) -> &str {
        &self.model.title
    }

    pub fn is_alternate(&self) -> bool {
        self.model.is_alternate()
    }

    pub fn modes(&self) -> &Modes {
        &self.model.modes
    }

    /// The last row with text. Where a shell prompts, the one above the prompt, if there is any.
    pub fn last_line(&self, prompts: bool) -> String {
        let rows = self.size().rows();
        let mut prompt = if prompts { self.cursor().y.min(rows) } else { rows };
        // What is typed may go on over several rows.
        while prompts && prompt > 0 && self.row_wraps(prompt - 1) {
            prompt -= 1;
        }
        let texts = (0..prompt).rev().chain(prompt..rows).map(|row| self.row_text(row));
        texts.into_iter().find(|text| !text.trim().is_empty()).unwrap_or_default()
    }

    /// A row's text without blanks at the end. Empty when there is no such row.
    pub fn row_text(&self, y: u16) -> String {
        let mut text = String::new();
        if usize::from(y) < self.model.rows {
            self.model.append_text(self.model.grid.row(y.into()), &mut text);
            text.truncate(text.trim_end_matches(' ').len());
        }
        text
    }

    /// The same as tmux holds it, which keeps a part of a long cluster.
    pub fn row_text_in_tmux(&self, y: u16) -> String {
        let text = self.row_text(y);
        if text.is_ascii() {
            return text;
        }
        let mut text = String::new();
        for cell in self.model.grid.row(y.into()).cells() {
            match cell.glyph.as_cluster() {
                Some(cluster) => {
                    text.push_str(&write::kept_by_tmux(self.model.cluster(cluster), self.model.rules))
                }
                None => self.model.append_cells(std::iter::once(cell), &mut text),
            }
        }
        text.truncate(text.trim_end_matches(' ').len());
        text
    }

    /// Forgets the control string that is not ended, with no effect: what follows is shown.
    pub fn end_string(&mut self) {
        self.parser.forget_sequence();
    }

    /// What those columns of a row show, with or without what is drawn faintly (SGR 2).
    pub fn text_of(&self, y: u16, columns: impl std::ops::RangeBounds<u16>, faint: bool) -> String {
        let mut text = String::new();
        if usize::from(y) < self.model.rows {
            let cells = self.model.grid.row(y.into()).cells();
            let those = (0..)
                .zip(cells)
                .filter(|(x, cell)| columns.contains(x) && (faint || !cell.style.attrs.has(Attrs::DIM)));
            self.model.append_cells(those.map(|(_, cell)| cell), &mut text);
        }
        text
    }

    /// Whether the row's text goes on in the next row.
    pub fn row_wraps(&self, y: u16) -> bool {
        usize::from(y) < self.model.rows && self.model.grid.row(y.into()).wrapped
    }

    /// After a resize on the alternate screen tmux reflows the main one when it comes back. The model
    /// cannot; then this is true until the next [`load`](Screen::load), and it is time for one.
    pub fn wants_capture(&self) -> bool {
        self.model.stale
    }

    pub(super) fn model(&self) -> &Model {
        &self.model
    }

    pub(super) fn model_mut(&mut self) -> &mut Model {
        &mut self.model
    }
}

impl PartialEq for Screen {
    /// Equal screens look and behave the same, whatever comes next.
    fn eq(&self, other: &Self) -> bool {
        self.parser == other.parser && self.model == other.model
    }
}

impl std::fmt::Debug for Screen {
    /// The rows, and a keyframe for all the rest.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rows: Vec<_> = (0..self.model.rows as u16).map(|y| self.row_text(y)).collect();
        let keyframe = self.keyframe().escape_ascii().to_string();
        f.debug_struct("Screen")
            .field("rows", &rows)
            .field("cursor", &self.cursor())
            .field("keyframe", &keyframe)
            .finish()
    }
}

#[cfg(test)]
mod tests;
