//! Rows of cells, and what moves and clears them, the way tmux does it.

use std::collections::VecDeque;

use super::cell::{Cell, Color, Glyph, Style};

/// The rows that are shown. Nothing is kept of a row that scrolls off.
#[derive(Clone, Debug)]
pub struct Grid {
    rows: VecDeque<Row>,
    cols: usize,
    /// No row above this one was changed since the last [`Grid::take_changed`].
    changed_from: usize,
}

/// A row is as long as what was written to it; the rest is blank.
#[derive(Clone, Debug, Default)]
pub struct Row {
    cells: Vec<Cell>,
    /// The text goes on in the row below.
    pub wrapped: bool,
    /// Written to since the text renderer saw it.
    pub changed: bool,
    /// The text renderer's note on what it printed of this row; 0 when it printed nothing.
    pub printed: u64,
}

/// Rows grow by so many cells.
const STEP: usize = 32;

impl Grid {
    pub fn new(cols: usize, rows: usize) -> Self {
        Self { rows: (0..rows).map(|_| Row::default()).collect(), cols, changed_from: rows }
    }

    pub fn cols(&self) -> usize {
        self.cols
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn row(&self, y: usize) -> &Row {
        &self.rows[y]
    }

    /// A row whose cells are about to change.
    pub fn row_mut(&mut self, y: usize) -> &mut Row {
        self.changed_from = self.changed_from.min(y);
        let row = &mut self.rows[y];
        row.changed = true;
        row
    }

    /// A row whose cells stay as they are.
    pub fn marks_mut(&mut self, y: usize) -> &mut Row {
        &mut self.rows[y]
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Row> + ExactSizeIterator {
        self.rows.iter()
    }

    pub fn cells_mut(&mut self) -> impl Iterator<Item = &mut Cell> {
        self.rows.iter_mut().flat_map(|row| &mut row.cells)
    }

    /// The first row that may have changed since the last call.
    pub fn take_changed(&mut self) -> usize {
        std::mem::replace(&mut self.changed_from, self.rows.len())
    }

    /// Rows from `y` on are to be looked at once more.
    pub fn keep_changed(&mut self, y: usize) {
        self.changed_from = self.changed_from.min(y);
    }

    /// Moves rows `top..=bottom` up by one. The top one is lost.
    pub fn scroll_up(&mut self, top: usize, bottom: usize, bg: Color) {
        self.changed_from = self.changed_from.saturating_sub(1).max(top).min(self.changed_from);
        if top == 0 && bottom + 1 == self.rows.len() {
            self.rows.rotate_left(1);
        } else {
            self.rows.make_contiguous()[top..=bottom].rotate_left(1);
        }
        let cols = self.cols;
        self.rows[bottom].empty(cols, bg);
    }

    /// Moves `count` rows from `source` to `target`; the rows they leave become empty. Rows above
    /// the two places lose the mark that they wrap into the next.
    pub fn move_rows(&mut self, target: usize, source: usize, count: usize, bg: Color) {
        if count == 0 || source == target {
            return;
        }
        self.changed_from = self.changed_from.min(source).min(target);
        self.unwrap_above(target);
        let rows = self.rows.make_contiguous();
        let swap = |i: usize, rows: &mut [Row]| rows.swap(target + i, source + i);
        if target < source {
            (0..count).for_each(|i| swap(i, rows));
        } else {
            (0..count).rev().for_each(|i| swap(i, rows));
        }
        let kept = target..target + count;
        for row in (source..source + count).filter(|row| !kept.contains(row)) {
            rows[row].empty(self.cols, bg);
        }
        if !kept.contains(&source) {
            self.unwrap_above(source);
        }
    }

    /// Erases a box. A box of whole rows also forgets which of them wrap.
    pub fn clear(&mut self, x: usize, y: usize, width: usize, height: usize, bg: Color) {
        if width == 0 || height == 0 {
            return;
        }
        if x == 0 && width == self.cols {
            return self.clear_rows(y, height as isize, bg);
        }
        for y in y..y + height {
            self.row_mut(y).erase(x, x + width, bg);
        }
    }

    /// Empties rows. With a negative `count` only the row above `y` forgets that it wraps: tmux's
    /// unsigned arithmetic does so when lines are inserted or deleted in the upper half of a region.
    pub fn clear_rows(&mut self, y: usize, count: isize, bg: Color) {
        if count == 0 {
            return;
        }
        for y in y..y + count.max(0) as usize {
            let cols = self.cols;
            let row = self.row_mut(y);
            // The row stays in its place: what was printed of it counts.
            let printed = row.printed;
            row.empty(cols, bg);
            (row.printed, row.changed) = (printed, true);
        }
        self.unwrap_above(y);
    }

    /// Forgets what was printed of the rows.
    pub fn forget_printed(&mut self) {
        self.rows.iter_mut().for_each(|row| row.printed = 0);
    }

    /// Makes room for `count` cells. With more cells than half of what is left of the row, tmux
    /// leaves those in between as they are.
    pub fn insert_cells(&mut self, x: usize, y: usize, count: usize, bg: Color) {
        let cols = self.cols;
        if x + 1 >= cols {
            if x < cols {
                self.clear(x, y, 1, 1, bg);
            }
            return;
        }
        let kept = cols.saturating_sub(x + count);
        if kept == 0 {
            return;
        }
        let row = self.row_mut(y);
        row.grow(cols);
        row.cells.copy_within(x..x + kept, x + count);
        row.cells[x..x + kept.min(count)].fill(Cell::erased(bg));
        row.mend(bg);
    }

    pub fn delete_cells(&mut self, x: usize, y: usize, count: usize, bg: Color) {
        let cols = self.cols;
        if x + count >= cols {
            return self.clear(x, y, cols - x, 1, bg);
        }
        let row = self.row_mut(y);
        row.grow(cols);
        row.cells.copy_within(x + count.., x);
        row.cells[cols - count..].fill(Cell::erased(bg));
        row.mend(bg);
    }

    /// The rows of another grid, cut or filled up to this size.
    pub fn resized(mut self, cols: usize, rows: usize) -> Self {
        self.rows.resize_with(rows, Row::default);
        for row in &mut self.rows {
            row.cells.truncate(cols);
            row.mend(Color::DEFAULT);
        }
        Self { rows: self.rows, cols, changed_from: 0 }
    }

    fn unwrap_above(&mut self, y: usize) {
        if let Some(above) = y.checked_sub(1) {
            self.rows[above].wrapped = false;
        }
    }
}

impl Row {
    /// The cells up to the last one written; there may be blank ones at the end.
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// The cells without blank ones at the end.
    pub fn trimmed(&self) -> &[Cell] {
        let end = self.cells.iter().rposition(|cell| *cell != Cell::BLANK).map_or(0, |last| last + 1);
        &self.cells[..end]
    }

    pub fn cell(&self, x: usize) -> Cell {
        self.cells.get(x).copied().unwrap_or(Cell::BLANK)
    }

    pub fn put_ascii(&mut self, x: usize, text: &[u8], style: Style) {
        let end = x + text.len();
        self.part(x, end);
        self.reserve(end);
        if self.cells.len() < x {
            self.cells.resize(x, Cell::BLANK);
        }
        let cell = |&byte: &u8| Cell { glyph: Glyph::ascii(byte), style };
        let over = (self.cells.len() - x).min(text.len());
        for (old, byte) in self.cells[x..].iter_mut().zip(&text[..over]) {
            *old = cell(byte);
        }
        self.cells.extend(text[over..].iter().map(cell));
    }

    /// Writes one character of `width` cells.
    pub fn put(&mut self, x: usize, glyph: Glyph, width: usize, style: Style) {
        let end = x + width;
        self.part(x, end);
        self.grow(end);
        self.cells[x] = Cell { glyph, style };
        self.cells[x + 1..end].fill(Cell::TAIL);
    }

    pub fn set_glyph(&mut self, x: usize, glyph: Glyph) {
        self.grow(x + 1);
        self.cells[x].glyph = glyph;
    }

    /// Makes the row as long as a screen whose background is `bg`, or empty.
    fn empty(&mut self, cols: usize, bg: Color) {
        self.cells.clear();
        if bg != Color::DEFAULT {
            self.reserve(cols);
            self.cells.resize(cols, Cell::erased(bg));
        }
        self.wrapped = false;
        self.changed = false;
        self.printed = 0;
    }

    fn erase(&mut self, start: usize, end: usize, bg: Color) {
        let blank = Cell::erased(bg);
        if self.cell(start).glyph.is_tail() {
            self.cells[start - 1] = blank;
        }
        if self.cell(end).glyph.is_tail() {
            self.cells[end] = blank;
        }
        if bg == Color::DEFAULT && end >= self.cells.len() {
            self.cells.truncate(start);
        } else {
            self.grow(end);
            self.cells[start..end].fill(blank);
        }
    }

    /// Blanks the other halves of wide characters that lose one to a write to `start..end`.
    fn part(&mut self, start: usize, end: usize) {
        if self.cell(start).glyph.is_tail() {
            self.cells[start - 1] = Cell::BLANK;
        }
        if self.cell(end).glyph.is_tail() {
            self.cells[end] = Cell::BLANK;
        }
    }

    /// Blanks halves of wide characters that stand alone.
    fn mend(&mut self, bg: Color) {
        for x in 0..self.cells.len() {
            let glyph = self.cells[x].glyph;
            let alone = if glyph.is_tail() {
                x == 0 || !self.cells[x - 1].glyph.is_wide()
            } else {
                glyph.is_wide() && !self.cell(x + 1).glyph.is_tail()
            };
            if alone {
                self.cells[x] = Cell::erased(bg);
            }
        }
    }

    fn grow(&mut self, length: usize) {
        if self.cells.len() < length {
            self.reserve(length);
            self.cells.resize(length, Cell::BLANK);
        }
    }

    fn reserve(&mut self, length: usize) {
        if self.cells.capacity() < length {
            self.cells.reserve_exact(length.next_multiple_of(STEP) - self.cells.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(rows: &[&str]) -> Grid {
        let mut grid = Grid::new(rows[0].len(), rows.len());
        for (y, text) in rows.iter().enumerate() {
            grid.row_mut(y).put_ascii(0, text.as_bytes(), Style::default());
        }
        grid
    }

    fn text(grid: &Grid) -> Vec<String> {
        let char = |x, row: &Row| row.cell(x).glyph.as_char().unwrap();
        grid.iter().map(|row| (0..grid.cols()).map(|x| char(x, row)).collect()).collect()
    }

    #[test]
    fn rows_move_both_ways() {
        let mut lines = grid(&["a", "b", "c", "d", "e"]);
        lines.move_rows(0, 2, 3, Color::DEFAULT);
        assert_eq!(text(&lines), ["c", "d", "e", " ", " "]);
        lines.move_rows(2, 0, 3, Color::DEFAULT);
        assert_eq!(text(&lines), [" ", " ", "c", "d", "e"]);
        lines.scroll_up(1, 3, Color::DEFAULT);
        assert_eq!(text(&lines), [" ", "c", "d", " ", "e"]);
    }

    #[test]
    fn inserting_more_than_fits_leaves_the_middle_as_it_is() {
        let mut line = grid(&["abcdefghij"]);
        line.insert_cells(4, 0, 5, Color::DEFAULT);
        assert_eq!(text(&line), ["abcd fghie"]);
        line.insert_cells(4, 0, 6, Color::DEFAULT);
        assert_eq!(text(&line), ["abcd fghie"]);
        line.insert_cells(0, 0, 2, Color::DEFAULT);
        assert_eq!(text(&line), ["  abcd fgh"]);
    }

    #[test]
    fn half_a_wide_character_becomes_blank() {
        let mut line = Grid::new(6, 1);
        line.row_mut(0).put(0, Glyph::char('世', true), 2, Style::default());
        line.row_mut(0).put(2, Glyph::char('界', true), 2, Style::default());
        line.row_mut(0).put_ascii(1, b"xx", Style::default());
        assert_eq!(text(&line), [" xx   "]);
    }
}
