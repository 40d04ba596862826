//! All that is known of a screen, but for what its parser is in the middle of.

use std::collections::VecDeque;
use std::sync::Arc;

use codepiper_protocol::Size;

use super::cell::{self, Attrs, Cell, Color, Extra, Link, Style};
use super::grid::{Grid, Row};
use super::modes::Modes;
use super::palette::Palette;
use super::table::Table;
use super::width::Rules;

/// All that is known of a screen, without the parser.
#[derive(Clone)]
pub(in crate::terminal) struct Model {
    /// What is shown.
    pub grid: Grid,
    /// The main screen while the alternate one is shown.
    pub(super) main: Option<Box<Grid>>,
    pub(super) cols: usize,
    pub(super) rows: usize,
    pub(super) x: usize,
    pub y: usize,
    pub(super) pen: Pen,
    pub(super) link: Option<Arc<Link>>,
    /// `pen` and `link` as cells store them.
    pub(super) style: Style,
    pub(super) charsets: Charsets,
    pub(super) saved: SavedCursor,
    /// Where the cursor was when the alternate screen was entered with 1049.
    pub(super) alternate_position: Option<(usize, usize)>,
    /// The pen at that time. tmux remembers it of 47 and 1047 too, but restores it only with 1049.
    pub(super) alternate_pen: Pen,
    /// First and last row of the scroll region.
    pub(super) top: usize,
    pub(super) bottom: usize,
    pub(super) tabs: Vec<bool>,
    pub(super) modes: Modes,
    /// What REP repeats: an ASCII character with nothing behind it yet.
    pub(super) last: Option<u8>,
    /// A zero-width joiner waits for what it joins.
    pub(super) joiner: bool,
    pub(super) rules: Rules,
    /// Something was printed.
    pub(super) begun: bool,
    pub(super) title: String,
    pub(super) titles: VecDeque<String>,
    pub(super) palette: Palette,
    pub(super) clusters: Table<Arc<str>>,
    pub(super) extras: Table<Extra>,
    /// The main screen was resized while the alternate one was shown.
    pub(super) main_resized: bool,
    pub(super) stale: bool,
}

/// What new characters look like.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Pen {
    pub(super) fg: Color,
    pub(super) bg: Color,
    pub(super) attrs: Attrs,
    pub(super) underline: Color,
}

/// Which of G0 and G1 hold line drawing characters, and whether G1 is in use.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Charsets {
    pub(super) g0: bool,
    pub(super) g1: bool,
    pub(super) shifted: bool,
}

/// DECSC.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct SavedCursor {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) pen: Pen,
    pub(super) charsets: Charsets,
    pub(super) origin: bool,
}

impl Model {
    pub(super) fn new(size: Size) -> Self {
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

    pub(super) fn append_cells<'a>(&self, cells: impl Iterator<Item = &'a Cell>, text: &mut String) {
        for cell in cells {
            match (cell.glyph.as_char(), cell.glyph.as_cluster()) {
                _ if cell.glyph.is_tail() => {}
                (Some(character), _) => text.push(character),
                (_, Some(cluster)) => text.push_str(self.cluster(cluster)),
                _ => {}
            }
        }
    }

    pub(super) fn cluster(&self, number: u32) -> &str {
        self.clusters.get(number).map_or(" ", |text| text)
    }

    pub(super) fn extra(&self, number: u16) -> Option<&Extra> {
        self.extras.get(u32::from(number).checked_sub(1)?)
    }

    /// The number of a pen's rare parts, 0 when it has none.
    pub(super) fn number_extra(&mut self, underline: Color, link: Option<Arc<Link>>) -> u16 {
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

    pub(super) fn number_cluster(&mut self, text: &str) -> u32 {
        if self.clusters.is_full() {
            self.sweep();
        }
        self.clusters.number(text.into())
    }

    /// Forgets clusters and looks that no cell has any more.
    pub(super) fn sweep(&mut self) {
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

    pub(super) fn same_cell(&self, cell: &Cell, other: &Self, others: &Cell) -> bool {
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

    pub(super) fn same_grid(&self, grid: &Grid, other: &Self, others: &Grid) -> bool {
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

pub(super) fn default_tabs(cols: usize) -> Vec<bool> {
    (0..cols).map(|x| x > 0 && x % 8 == 0).collect()
}
