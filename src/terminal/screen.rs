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
//!
//! Known to differ from tmux 3.3a, beside what [`parse`] and [`width`] list:
//!
//! * Half of a wide character that loses its other half becomes blank. tmux leaves such halves in its
//!   grid, and its captures are then shifted.
//! * A cluster keeps up to [`MAX_CLUSTER`](write::MAX_CLUSTER) bytes; tmux keeps 21 and drops what does not fit.
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
mod modes;
mod palette;
pub mod parse;
mod table;
mod width;
mod write;

use std::collections::VecDeque;
use std::sync::Arc;

use codepiper_protocol::Size;

use self::cell::{Attrs, Cell, Color, Extra, Link, Style};
pub(super) use self::grid::{Grid, Row};
pub use self::modes::{Modes, Mouse};
use self::palette::Palette;
use self::parse::Parser;
use self::table::Table;
pub use self::width::Rules;
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

/// All that is known of a screen, without the parser.
#[derive(Clone)]
pub(super) struct Model {
    /// What is shown.
    pub grid: Grid,
    /// The main screen while the alternate one is shown.
    main: Option<Box<Grid>>,
    cols: usize,
    rows: usize,
    x: usize,
    pub y: usize,
    pen: Pen,
    link: Option<Arc<Link>>,
    /// `pen` and `link` as cells store them.
    style: Style,
    charsets: Charsets,
    saved: SavedCursor,
    /// Where the cursor was when the alternate screen was entered with 1049.
    alternate_position: Option<(usize, usize)>,
    /// The pen at that time. tmux remembers it of 47 and 1047 too, but restores it only with 1049.
    alternate_pen: Pen,
    /// First and last row of the scroll region.
    top: usize,
    bottom: usize,
    tabs: Vec<bool>,
    modes: Modes,
    /// What REP repeats: an ASCII character with nothing behind it yet.
    last: Option<u8>,
    /// A zero-width joiner waits for what it joins.
    joiner: bool,
    rules: Rules,
    /// Something was printed.
    begun: bool,
    title: String,
    titles: VecDeque<String>,
    palette: Palette,
    clusters: Table<Arc<str>>,
    extras: Table<Extra>,
    /// The main screen was resized while the alternate one was shown.
    main_resized: bool,
    stale: bool,
}

/// What new characters look like.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Pen {
    fg: Color,
    bg: Color,
    attrs: Attrs,
    underline: Color,
}

/// Which of G0 and G1 hold line drawing characters, and whether G1 is in use.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Charsets {
    g0: bool,
    g1: bool,
    shifted: bool,
}

/// DECSC.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct SavedCursor {
    x: usize,
    y: usize,
    pen: Pen,
    charsets: Charsets,
    origin: bool,
}

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

impl Model {
    fn new(size: Size) -> Self {
        let (cols, rows) = (size.cols().into(), size.rows().into());
        Self {
            grid: Grid::new(cols, rows),
            main: None,
            cols,
            rows,
            x: 0,
            y: 0,
            pen: Pen::default(),
            link: None,
            style: Style::default(),
            charsets: Charsets::default(),
            saved: SavedCursor::default(),
            alternate_position: None,
            alternate_pen: Pen::default(),
            top: 0,
            bottom: rows - 1,
            tabs: default_tabs(cols),
            modes: Modes::default(),
            last: None,
            joiner: false,
            rules: Rules::default(),
            begun: false,
            title: String::new(),
            titles: VecDeque::new(),
            palette: Palette::default(),
            clusters: Table::default(),
            extras: Table::default(),
            main_resized: false,
            stale: false,
        }
    }

    pub fn size(&self) -> Size {
        Size::new(self.cols as u16, self.rows as u16).unwrap_or(Size::DEFAULT)
    }

    pub fn is_alternate(&self) -> bool {
        self.main.is_some()
    }

    /// The main screen, shown or not.
    pub fn main_grid(&self) -> &Grid {
        self.main.as_deref().unwrap_or(&self.grid)
    }

    pub fn main_grid_mut(&mut self) -> &mut Grid {
        self.main.as_deref_mut().unwrap_or(&mut self.grid)
    }

    /// Appends what a row shows, blanks at its end included.
    pub fn append_text(&self, row: &Row, text: &mut String) {
        self.append_cells(row.cells().iter(), text);
    }

    fn append_cells<'a>(&self, cells: impl Iterator<Item = &'a Cell>, text: &mut String) {
        for cell in cells {
            match (cell.glyph.as_char(), cell.glyph.as_cluster()) {
                _ if cell.glyph.is_tail() => {}
                (Some(character), _) => text.push(character),
                (_, Some(cluster)) => text.push_str(self.cluster(cluster)),
                _ => {}
            }
        }
    }

    fn cluster(&self, number: u32) -> &str {
        self.clusters.get(number).map_or(" ", |text| text)
    }

    fn extra(&self, number: u16) -> Option<&Extra> {
        self.extras.get(u32::from(number).checked_sub(1)?)
    }

    /// The number of a pen's rare parts, 0 when it has none.
    fn number_extra(&mut self, underline: Color, link: Option<Arc<Link>>) -> u16 {
        if underline == Color::DEFAULT && link.is_none() {
            return 0;
        }
        if self.extras.is_full() {
            self.sweep();
        }
        let number = self.extras.number(Extra { underline, link }) + 1;
        // More looks than that are not on any screen; the rare parts of further ones are dropped.
        u16::try_from(number).unwrap_or(0)
    }

    fn number_cluster(&mut self, text: &str) -> u32 {
        if self.clusters.is_full() {
            self.sweep();
        }
        self.clusters.number(text.into())
    }

    /// Forgets clusters and looks that no cell has any more.
    fn sweep(&mut self) {
        let mut clusters = vec![false; self.clusters.len()];
        let mut extras = vec![false; self.extras.len()];
        let grids = || std::iter::once(&self.grid).chain(self.main.as_deref());
        let cells = grids().flat_map(Grid::iter).flat_map(Row::cells);
        for cell in cells {
            if let Some(cluster) = cell.glyph.as_cluster() {
                clusters[cluster as usize] = true;
            }
            if cell.style.extra != 0 {
                extras[usize::from(cell.style.extra) - 1] = true;
            }
        }
        if self.style.extra != 0 {
            extras[usize::from(self.style.extra) - 1] = true;
        }
        let clusters = self.clusters.keep(&clusters);
        let extras = self.extras.keep(&extras);
        let renumber = |extra: &mut u16| {
            if *extra != 0 {
                *extra = extras[usize::from(*extra) - 1] as u16 + 1;
            }
        };
        renumber(&mut self.style.extra);
        let grids = std::iter::once(&mut self.grid).chain(self.main.as_deref_mut());
        for cell in grids.flat_map(Grid::cells_mut) {
            if let Some(cluster) = cell.glyph.as_cluster() {
                cell.glyph = cell::Glyph::cluster(clusters[cluster as usize], cell.glyph.is_wide());
            }
            renumber(&mut cell.style.extra);
        }
    }

    fn same_cell(&self, cell: &Cell, other: &Self, others: &Cell) -> bool {
        let clusters = (cell.glyph.as_cluster(), others.glyph.as_cluster());
        let same_glyph = match clusters {
            (Some(a), Some(b)) => {
                self.cluster(a) == other.cluster(b) && cell.glyph.is_wide() == others.glyph.is_wide()
            }
            _ => cell.glyph == others.glyph,
        };
        let (a, b) = (cell.style, others.style);
        same_glyph
            && (a.fg, a.bg, a.attrs) == (b.fg, b.bg, b.attrs)
            && self.extra(a.extra) == other.extra(b.extra)
    }

    fn same_grid(&self, grid: &Grid, other: &Self, others: &Grid) -> bool {
        grid.len() == others.len()
            && grid.iter().zip(others.iter()).all(|(row, others)| {
                let (cells, other_cells) = (row.trimmed(), others.trimmed());
                row.wrapped == others.wrapped
                    && cells.len() == other_cells.len()
                    && cells.iter().zip(other_cells).all(|(a, b)| self.same_cell(a, other, b))
            })
    }
}

impl PartialEq for Model {
    fn eq(&self, other: &Self) -> bool {
        let plain = |model: &Self| {
            let cursor = (model.cols, model.rows, model.x, model.y, model.top, model.bottom);
            // The alternate screen's pen is restored only together with the position.
            let alternate = model.alternate_position.map(|position| (position, model.alternate_pen));
            (
                cursor,
                model.pen,
                model.charsets,
                model.saved,
                alternate,
                model.last,
                (model.joiner, model.rules),
            )
        };
        plain(self) == plain(other)
            && self.link == other.link
            && self.tabs == other.tabs
            && self.modes == other.modes
            && self.title == other.title
            && self.titles == other.titles
            && self.palette == other.palette
            && self.same_grid(&self.grid, other, &other.grid)
            && match (&self.main, &other.main) {
                (Some(main), Some(others)) => self.same_grid(main, other, others),
                (main, others) => main.is_none() && others.is_none(),
            }
    }
}

fn default_tabs(cols: usize) -> Vec<bool> {
    (0..cols).map(|x| x > 0 && x % 8 == 0).collect()
}

#[cfg(test)]
mod tests;
