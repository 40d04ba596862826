//! The state that tmux tells, see [`Capture`].

use codepiper_protocol::Size;

use super::super::capture::{Capture, Facts};
use super::cell::Color;
use super::model::Pen;
use super::modes::Mouse;
use super::{Grid, Model, Screen};

impl Screen {
    /// Replaces the grid, the cursor and the modes that tmux tells of. What it does not tell stays: the
    /// pen, the saved cursor, charsets, bracketed paste, focus, keyboard protocols, the cursor's style.
    pub fn load(&mut self, size: Size, capture: &Capture) {
        let resized = size != self.size();
        let facts = &capture.facts;
        let mut main = facts.alternate_on.then(|| match &capture.saved_lines {
            Some(lines) => self.grid_of(size, lines, None),
            None => self.known_main(size),
        });
        let grid = self.grid_of(size, &capture.lines, capture.joined_lines.as_deref());
        let model = &mut self.model;
        model.main_resized = main.is_some() && (model.main_resized || resized);
        model.stale = false;
        (model.cols, model.rows) = (size.cols().into(), size.rows().into());
        model.grid = grid;
        model.main = main.take().map(Box::new);
        model.set_facts(facts);
        self.parser.forget_sequence();
        self.feed(&capture.pending_bytes());
    }

    /// The main screen as it was, when tmux did not say.
    fn known_main(&self, size: Size) -> Grid {
        let known = self.model.main.as_deref().unwrap_or(&self.model.grid);
        known.clone().resized(size.cols().into(), size.rows().into())
    }

    /// Reads captured rows. Clusters and looks keep their numbers, since the model's tables are used.
    fn grid_of(&mut self, size: Size, lines: &[bytes::Bytes], joined: Option<&[bytes::Bytes]>) -> Grid {
        let (cols, rows) = (usize::from(size.cols()), usize::from(size.rows()));
        let mut reader = Screen::with_rules(size, self.model.rules);
        // A row may be too long where tmux holds half of a wide character: the rest goes to the row below,
        // which is then cleared.
        reader.model.rows += 1;
        reader.model.grid = Grid::new(cols, rows + 1);
        std::mem::swap(&mut reader.model.clusters, &mut self.model.clusters);
        std::mem::swap(&mut reader.model.extras, &mut self.model.extras);
        // Captured rows use SO and SI around line drawing characters.
        reader.feed(b"\x1b)0");
        for (y, line) in lines.iter().take(rows).enumerate() {
            reader.feed(format!("\x1b[{}H", y + 1).as_bytes());
            reader.model.grid.clear_rows(y, 1, Color::DEFAULT);
            reader.feed(&with_overline(line));
        }
        let mut model = reader.model;
        model.rows = rows;
        model.grid = model.grid.resized(cols, rows);
        (0..rows).for_each(|y| model.grid.marks_mut(y).wrapped = false);
        if let Some(joined) = joined {
            model.mark_wraps(joined);
        }
        std::mem::swap(&mut model.clusters, &mut self.model.clusters);
        std::mem::swap(&mut model.extras, &mut self.model.extras);
        model.grid
    }
}

impl Model {
    fn set_facts(&mut self, facts: &Facts) {
        let (last_col, last_row) = (self.cols - 1, self.rows - 1);
        self.x = usize::from(facts.cursor_x).min(self.cols);
        self.y = usize::from(facts.cursor_y).min(last_row);
        self.bottom = usize::from(facts.scroll_lower).clamp(1, last_row);
        self.top = usize::from(facts.scroll_upper).min(self.bottom - 1);
        self.tabs = (0..self.cols).map(|x| facts.tabs.contains(&(x as u16))).collect();
        self.alternate_position =
            facts.alternate_saved.map(|(x, y)| (usize::from(x).min(last_col), usize::from(y).min(last_row)));
        if self.alternate_position.is_none() {
            self.alternate_pen = Pen::default();
        }
        self.saved.x = self.saved.x.min(last_col);
        self.saved.y = self.saved.y.min(last_row);
        self.last = None;
        if !facts.title.is_empty() {
            self.title.clone_from(&facts.title);
        }
        let modes = &mut self.modes;
        modes.cursor_visible = facts.cursor_visible;
        modes.insert = facts.insert;
        modes.autowrap = facts.wrap;
        modes.origin = facts.origin;
        modes.application_keypad = facts.keypad;
        modes.application_cursor = facts.keypad_cursor;
        modes.mouse_utf8 = facts.mouse_utf8;
        modes.mouse_sgr = facts.mouse_sgr;
        modes.mouse = match (facts.mouse_all, facts.mouse_button, facts.mouse_standard) {
            (true, ..) => Mouse::Motion,
            (_, true, _) => Mouse::Drag,
            (.., true) => Mouse::Buttons,
            _ => Mouse::Off,
        };
    }

    /// Marks the rows that go on in the next: a joined line has as many characters as its rows together.
    /// (Not the same ones: line drawing characters are captured as ASCII there.)
    fn mark_wraps(&mut self, joined: &[bytes::Bytes]) {
        let mut lines = joined.iter().map(|line| String::from_utf8_lossy(line).chars().count());
        let mut rest = 0;
        for y in 0..self.rows {
            if rest == 0 {
                rest = lines.next().unwrap_or(0);
            }
            let mut text = String::new();
            self.append_text(self.grid.row(y), &mut text);
            rest = rest.saturating_sub(text.chars().count());
            self.grid.marks_mut(y).wrapped = rest > 0 && y + 1 < self.rows;
        }
    }
}

/// tmux writes the code 53 (overlined) as `5:3`.
fn with_overline(line: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(line.len());
    let mut in_sequence = false;
    for (index, &byte) in line.iter().enumerate() {
        in_sequence = byte == 0x1b || in_sequence && !byte.is_ascii_alphabetic();
        let overline =
            in_sequence && byte == b':' && line[..index].ends_with(b"5") && line[index..].starts_with(b":3");
        if !overline {
            bytes.push(byte);
        }
    }
    bytes
}
