//! What the meanings of bytes do to the grid. Rules and their odd corners are those of tmux 3.3a
//! (`screen-write.c`), measured.

mod print;

pub use print::kept_by_tmux;

use super::cell::{Color, Glyph, Style};
use super::model::{Charsets, Pen, SavedCursor, default_tabs};
use super::modes::Modes;
use super::palette::Palette;
use super::parse::Omitted;
use super::{Grid, Model, Sink};

/// A model that is being fed.
pub struct Writer<'a, S> {
    pub model: &'a mut Model,
    pub sink: &'a mut S,
    pub omitted: Omitted,
}

impl<'a, S: Sink> Writer<'a, S> {
    pub fn new(model: &'a mut Model, sink: &'a mut S) -> Self {
        Self { model, sink, omitted: Omitted::default() }
    }

    pub fn line_feed(&mut self) {
        let model = &*self.model;
        if model.y == model.bottom || model.y + 1 < model.rows {
            self.goes_down_to(model.y + 1);
        }
        self.down_a_line(self.model.pen.bg);
    }

    fn down_a_line(&mut self, bg: Color) {
        if self.model.y == self.model.bottom {
            self.scroll_up(bg);
        } else if self.model.y + 1 < self.model.rows {
            self.model.y += 1;
        }
    }

    /// Scrolls the region up by a line, which the main screen gives to the scrollback whatever its place.
    pub fn scroll_up(&mut self, bg: Color) {
        let (top, bottom) = (self.model.top, self.model.bottom);
        if self.model.is_alternate() {
            self.model.grid.move_rows(top, top + 1, bottom - top, bg);
        } else {
            self.sink.scrolls_off(self.model, top);
            self.model.grid.scroll_up(top, bottom, bg);
        }
    }

    pub fn scroll_down(&mut self, bg: Color) {
        let (top, bottom) = (self.model.top, self.model.bottom);
        self.model.grid.move_rows(top + 1, top, bottom - top, bg);
    }

    pub fn reverse_line_feed(&mut self) {
        if self.model.y == self.model.top {
            self.scroll_down(self.model.pen.bg);
        } else {
            self.model.y = self.model.y.saturating_sub(1);
        }
    }

    pub fn backspace(&mut self) {
        let model = &mut *self.model;
        if model.x > 0 {
            model.x -= 1;
        } else if model.y > 0 && model.grid.row(model.y - 1).wrapped {
            model.y -= 1;
            model.x = model.cols - 1;
        }
    }

    pub fn tab(&mut self) {
        let model = &mut *self.model;
        if model.x + 1 < model.cols {
            let stop = (model.x + 1..model.cols).find(|&x| model.tabs[x]);
            model.x = stop.unwrap_or(model.cols - 1);
        }
    }

    pub fn back_tab(&mut self, count: usize) {
        let model = &mut *self.model;
        model.x = model.x.min(model.cols - 1);
        for _ in 0..count.min(model.cols) {
            model.x = (0..model.x).rev().find(|&x| model.tabs[x]).unwrap_or(0);
        }
    }

    pub fn up(&mut self, count: usize) {
        let model = &mut *self.model;
        let top = if model.y < model.top { 0 } else { model.top };
        model.y -= count.min(model.y - top);
        model.x = model.x.min(model.cols - 1);
    }

    pub fn down(&mut self, count: usize) {
        let model = &*self.model;
        let bottom = if model.y > model.bottom { model.rows - 1 } else { model.bottom };
        self.go_to_row(model.y + count.min(bottom - model.y));
        self.model.x = self.model.x.min(self.model.cols - 1);
    }

    pub fn left(&mut self, count: usize) {
        self.model.x -= count.min(self.model.x);
    }

    pub fn right(&mut self, count: usize) {
        let model = &mut *self.model;
        model.x = (model.x + count).min(model.cols - 1);
    }

    /// Goes to a place that is counted from the region's top in origin mode. `None` leaves a coordinate as
    /// it is, also behind the last column.
    pub fn go_to(&mut self, x: Option<usize>, y: Option<usize>) {
        let model = &mut *self.model;
        if let Some(x) = x {
            model.x = x.min(model.cols - 1);
        }
        if let Some(mut y) = y {
            if model.modes.origin {
                y = (model.top + y).min(model.bottom);
            }
            let y = y.min(model.rows - 1);
            self.go_to_row(y);
        }
    }

    fn go_to_row(&mut self, y: usize) {
        if y > self.model.y {
            self.goes_down_to(y);
        }
        self.model.y = y;
    }

    fn goes_down_to(&mut self, y: usize) {
        if !self.model.is_alternate() {
            self.sink.goes_down_to(self.model, y);
        }
    }

    pub fn set_region(&mut self, top: usize, bottom: usize) {
        let model = &mut *self.model;
        let bottom = bottom.min(model.rows - 1);
        if top < bottom {
            (model.top, model.bottom) = (top, bottom);
            (model.x, model.y) = (0, 0);
        }
    }

    pub fn insert_characters(&mut self, count: usize) {
        let model = &mut *self.model;
        if model.x < model.cols {
            let count = count.min(model.cols - model.x);
            model.grid.insert_cells(model.x, model.y, count, model.pen.bg);
        }
    }

    pub fn delete_characters(&mut self, count: usize) {
        let model = &mut *self.model;
        if model.x < model.cols {
            model.grid.delete_cells(model.x, model.y, count, model.pen.bg);
        }
    }

    pub fn erase_characters(&mut self, count: usize) {
        let model = &mut *self.model;
        let count = count.min(model.cols - model.x);
        model.grid.clear(model.x, model.y, count, 1, model.pen.bg);
    }

    pub fn insert_lines(&mut self, count: usize) {
        let (end, in_region) = self.lines_end();
        let model = &mut *self.model;
        let count = count.min(end - model.y);
        let kept = end - model.y - count;
        model.grid.move_rows(end - kept, model.y, kept, model.pen.bg);
        if in_region {
            model.grid.clear_rows(model.y + kept, count as isize - kept as isize, model.pen.bg);
        }
    }

    pub fn delete_lines(&mut self, count: usize) {
        let (end, _) = self.lines_end();
        let model = &mut *self.model;
        let count = count.min(end - model.y);
        let kept = end - model.y - count;
        model.grid.move_rows(model.y, model.y + count, kept, model.pen.bg);
        model.grid.clear_rows(model.y + kept, count as isize - kept as isize, model.pen.bg);
    }

    /// The row behind the last one that lines inserted or deleted at the cursor move, and whether that is
    /// the end of the scroll region.
    fn lines_end(&self) -> (usize, bool) {
        let model = &*self.model;
        let in_region = (model.top..=model.bottom).contains(&model.y);
        (if in_region { model.bottom + 1 } else { model.rows }, in_region)
    }

    pub fn erase_line(&mut self, part: Part) {
        let model = &mut *self.model;
        let (start, end) = match part {
            Part::Before => (0, model.cols.min(model.x + 1)),
            Part::After => (model.x, model.cols),
            Part::All => (0, model.cols),
        };
        model.grid.clear(start, model.y, end - start, 1, model.pen.bg);
    }

    pub fn forget_history(&mut self) {
        self.sink.forgets_history();
    }

    pub fn erase_screen(&mut self, part: Part) {
        let at_home = (self.model.x, self.model.y) == (0, 0);
        let (rows, bg) = (self.model.rows, self.model.pen.bg);
        match part {
            Part::Before => {
                self.model.grid.clear_rows(0, self.model.y as isize, bg);
                self.erase_line(Part::Before);
            }
            Part::After if !at_home => {
                self.erase_line(Part::After);
                let below = self.model.y + 1;
                self.model.grid.clear_rows(below, (rows - below) as isize, bg);
            }
            _ => self.clear_screen(bg),
        }
    }

    /// Clears the screen. tmux gives what was on the main one to the scrollback.
    fn clear_screen(&mut self, bg: Color) {
        if !self.model.is_alternate() {
            let used = self.model.grid.iter().rposition(|row| !row.trimmed().is_empty());
            for y in 0..used.map_or(0, |last| last + 1) {
                self.sink.scrolls_off(self.model, y);
            }
            self.sink.cleared(self.model);
        }
        self.model.grid.clear_rows(0, self.model.rows as isize, bg);
        self.model.grid.forget_printed();
    }

    /// DECALN: the screen full of E.
    pub fn fill_with_e(&mut self) {
        let model = &mut *self.model;
        let line = vec![b'E'; model.cols];
        for y in 0..model.rows {
            model.grid.row_mut(y).put_ascii(0, &line, Style::default());
        }
        (model.x, model.y, model.top, model.bottom) = (0, 0, 0, model.rows - 1);
    }

    /// DECCOLM, both ways.
    pub fn change_columns(&mut self) {
        self.go_to(Some(0), Some(0));
        self.clear_screen(self.model.pen.bg);
    }

    pub fn save_cursor(&mut self) {
        let model = &mut *self.model;
        model.saved = SavedCursor {
            // Restoring goes to the last column at most.
            x: model.x.min(model.cols - 1),
            y: model.y,
            pen: model.pen,
            charsets: model.charsets,
            origin: model.modes.origin,
        };
    }

    pub fn restore_cursor(&mut self) {
        let saved = self.model.saved;
        self.model.charsets = saved.charsets;
        self.model.modes.origin = saved.origin;
        self.set_pen(saved.pen);
        self.model.x = saved.x.min(self.model.cols - 1);
        self.go_to_row(saved.y.min(self.model.rows - 1));
    }

    pub fn enter_alternate(&mut self, save_cursor: bool) {
        let model = &mut *self.model;
        if model.is_alternate() {
            return;
        }
        let main = std::mem::replace(&mut model.grid, Grid::new(model.cols, model.rows));
        model.main = Some(Box::new(main));
        model.alternate_pen = model.pen;
        if save_cursor {
            // Restoring goes to the last column at most.
            model.alternate_position = Some((model.x.min(model.cols - 1), model.y));
        }
    }

    pub fn leave_alternate(&mut self, restore_cursor: bool) {
        if self.model.is_alternate() {
            self.sink.leaves_alternate(self.model);
        }
        let model = &mut *self.model;
        if let Some(main) = model.main.take() {
            model.grid = *main;
            model.stale |= std::mem::take(&mut model.main_resized);
        }
        if let Some((x, y)) = model.alternate_position.filter(|_| restore_cursor) {
            (model.x, model.y) = (x, y.min(model.rows - 1));
            self.set_pen(self.model.alternate_pen);
        }
        self.model.x = self.model.x.min(self.model.cols - 1);
    }

    /// RIS. tmux stays on the alternate screen.
    pub fn reset(&mut self) {
        let model = &mut *self.model;
        model.saved = SavedCursor { origin: model.saved.origin, ..SavedCursor::default() };
        model.charsets = Charsets::default();
        model.link = None;
        model.modes = Modes::default();
        model.palette = Palette::default();
        model.tabs = default_tabs(model.cols);
        (model.top, model.bottom) = (0, model.rows - 1);
        self.set_pen(Pen::default());
        self.clear_screen(Color::DEFAULT);
        (self.model.x, self.model.y) = (0, 0);
    }

    pub fn set_pen(&mut self, pen: Pen) {
        let model = &mut *self.model;
        model.pen = pen;
        (model.style.fg, model.style.bg, model.style.attrs) = (pen.fg, pen.bg, pen.attrs);
        model.style.extra = 0;
        if pen.underline != Color::DEFAULT || model.link.is_some() {
            model.style.extra = model.number_extra(pen.underline, model.link.clone());
        }
    }

    pub fn repeat(&mut self, count: usize) {
        let Some(byte) = self.model.last else { return };
        for _ in 0..count.min(self.model.cols - self.model.x) {
            self.print_ascii(&[byte]);
        }
    }

    pub fn set_tab(&mut self, on: bool) {
        let model = &mut *self.model;
        if let Some(stop) = model.tabs.get_mut(model.x) {
            *stop = on;
        }
    }
}

/// Which part of a line or of the screen, seen from the cursor, which belongs to it.
#[derive(Clone, Copy, PartialEq)]
pub enum Part {
    After,
    Before,
    All,
}

impl Charsets {
    pub fn draws_lines(self) -> bool {
        if self.shifted { self.g1 } else { self.g0 }
    }

    pub fn glyph(self, byte: u8) -> Glyph {
        // DEC Special Graphics, from 0x60 on.
        const LINES: [char; 31] = [
            '◆', '▒', '␉', '␌', '␍', '␊', '°', '±', '␤', '␋', '┘', '┐', '┌', '└', '┼', '⎺', '⎻', '─', '⎼',
            '⎽', '├', '┤', '┴', '┬', '│', '≤', '≥', 'π', '≠', '£', '·',
        ];
        match LINES.get(usize::from(byte.wrapping_sub(b'`'))) {
            Some(&character) if self.draws_lines() => Glyph::char(character, false),
            _ => Glyph::ascii(byte),
        }
    }
}
