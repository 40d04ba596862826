//! The whole state as escape sequences for a fresh terminal of the same size, ours or xterm.js.
//!
//! Whatever is written here must mean the same to both. Not every state of tmux can be reached from a
//! fresh terminal: when the cursor stands below the scroll region in origin mode, where only a restored
//! cursor gets to, the keyframe may have to give up the saved cursor for it.

mod cursor;
mod look;

use std::fmt::Write as _;
use std::sync::Arc;

use super::cell::{Cell, Color, Link};
use super::model::{Charsets, Pen, default_tabs};
use super::modes::{KittyKeyboard, Modes, Mouse};
use super::width::Rules;
use super::{Grid, Model, Screen};

impl Screen {
    /// Escape sequences that bring a freshly reset terminal of the same size to this state. What is fed
    /// after them continues the stream exactly, wherever it was cut.
    pub fn keyframe(&self) -> Vec<u8> {
        let mut painter = Painter::new(&self.model);
        painter.mid_character = self.parser.is_mid_character();
        painter.paint();
        let mut bytes = painter.out.into_bytes();
        bytes.extend(self.parser.unfinished());
        bytes
    }

    /// A row's text with the sequences for its look, without blanks at the end. Empty when there is no
    /// such row.
    pub fn row_styled(&self, y: u16) -> String {
        let mut painter = Painter::new(&self.model);
        if usize::from(y) < self.model.rows {
            for cell in self.model.grid.row(y.into()).trimmed().iter().filter(|cell| !cell.glyph.is_tail()) {
                painter.cell(cell);
            }
            painter.look(Pen::default(), None);
        }
        painter.out
    }
}

/// A private command with which a keyframe begins, where columns are not counted as tmux 3.2 does: the first version that
/// counts so.
pub const RULES: u16 = 7502;

/// Writes for a terminal whose state it follows.
struct Painter<'a> {
    model: &'a Model,
    out: String,
    pen: Pen,
    link: Option<Arc<Link>>,
    /// `None` when it is not known.
    position: Option<(usize, usize)>,
    /// The first bytes of a character will follow.
    mid_character: bool,
}

/// Erasing takes about as many bytes as this many spaces.
const FEW_BLANKS: usize = 12;

impl<'a> Painter<'a> {
    fn new(model: &'a Model) -> Self {
        let size = model.cols * model.rows / 2;
        let out = String::with_capacity(size);
        Self { model, out, pen: Pen::default(), link: None, position: Some((0, 0)), mid_character: false }
    }

    fn paint(&mut self) {
        let model = self.model;
        if model.rules != Rules::default() {
            self.write(format_args!("\x1b]{RULES};{}\x1b\\", model.rules.name()));
        }
        self.titles();
        for command in model.palette.commands() {
            self.write(format_args!("\x1b]{command}\x1b\\"));
        }
        self.screens();
        self.tabs();
        self.saved_cursor();
        self.place_cursor();
        self.switches();
        self.charsets(model.charsets);
        self.look(model.pen, model.link.as_ref());
        self.print_again();
        if model.joiner {
            self.out.push('\u{200d}');
        }
    }

    fn titles(&mut self) {
        for title in &self.model.titles {
            self.write(format_args!("\x1b]2;{title}\x1b\\\x1b[22;0t"));
        }
        let title = &self.model.title;
        if !title.is_empty() || !self.model.titles.is_empty() {
            self.write(format_args!("\x1b]2;{title}\x1b\\"));
        }
    }

    /// Both grids, with what is remembered at the change from one to the other.
    fn screens(&mut self) {
        let model = self.model;
        let [main_keys, alternate_keys] = &model.modes.kitty;
        self.kitty(main_keys);
        if let Some(main) = &model.main {
            self.grid(main);
            if let Some((x, y)) = model.alternate_position {
                self.go_to(x, y);
                self.look(model.alternate_pen, None);
                self.out.push_str("\x1b[?1049h");
            } else {
                self.out.push_str("\x1b[?1047h");
            }
            if self.pen.bg != Color::DEFAULT {
                // xterm fills the alternate screen with the background, tmux does not.
                self.look(Pen::default(), None);
                self.out.push_str("\x1b[2J");
            }
            self.kitty(alternate_keys);
        } else {
            if *alternate_keys != KittyKeyboard::default() {
                self.out.push_str("\x1b[?1047h");
                self.kitty(alternate_keys);
                self.out.push_str("\x1b[?1047l");
            }
            if let Some((x, y)) = model.alternate_position {
                self.go_to(x, y);
                self.look(model.alternate_pen, None);
                self.out.push_str("\x1b[?1049h\x1b[?1049l");
            }
        }
        self.position = None;
        self.grid(&model.grid);
    }

    fn kitty(&mut self, keys: &KittyKeyboard) {
        let mut flags = keys.stack.iter().chain([&keys.flags]);
        if let Some(first) = flags.next().filter(|&&first| first != 0) {
            self.write(format_args!("\x1b[={first}u"));
        }
        for flags in flags {
            self.write(format_args!("\x1b[>{flags}u"));
        }
    }

    fn grid(&mut self, grid: &Grid) {
        let fillers = self.wrap_marks(grid);
        for (y, row) in grid.iter().enumerate() {
            let last = row.cells().len().max(if fillers.is_empty() { 0 } else { grid.cols() });
            let mut x = 0;
            while x < last {
                let cell = row.cell(x);
                let run = (x..last).take_while(|&x| row.cell(x) == cell).count();
                if cell == Cell::BLANK {
                    for x in x..x + run {
                        if fillers.contains(&(x, y)) {
                            self.erase(x, y, 1, Color::DEFAULT);
                        }
                    }
                } else if cell.is_erased() && run > FEW_BLANKS {
                    // In two parts, because erasing a whole row takes its wrap mark away.
                    let part = run.div_ceil(2);
                    self.erase(x, y, part, cell.style.bg);
                    self.erase(x + part, y, run - part, cell.style.bg);
                } else if !cell.glyph.is_tail() {
                    for x in (x..x + run).step_by(if cell.glyph.is_wide() { 2 } else { 1 }) {
                        self.go_to(x, y);
                        self.cell(&cell);
                    }
                }
                x += run;
            }
            let wraps = row.wrapped && y + 1 < grid.len() && wraps_when_printed(grid, y);
            if !wraps && self.position == Some((0, y + 1)) {
                // It is there only for a character that shall wrap.
                self.position = None;
            }
        }
    }

    /// Marks the rows that wrap where printing them will not, and answers where it left something to erase.
    fn wrap_marks(&mut self, grid: &Grid) -> Vec<(usize, usize)> {
        let (cols, rows) = (grid.cols(), grid.len());
        let mut fillers = Vec::new();
        if rows > 2 && grid.row(rows - 1).wrapped {
            // The bottom row has no row to wrap into: its mark comes from above.
            self.wrap_filler(cols, rows - 2);
            self.out.push_str("\x1b[T");
            self.position = None;
            fillers.push((cols - 1, rows - 1));
        }
        for y in (0..rows - 1).filter(|&y| grid.row(y).wrapped && !wraps_when_printed(grid, y)) {
            self.wrap_filler(cols, y);
            fillers.extend([(cols - 1, y), (0, y + 1)]);
        }
        fillers
    }

    fn wrap_filler(&mut self, cols: usize, y: usize) {
        self.look(Pen::default(), None);
        self.go_to(cols - 1, y);
        self.out.push_str("xx");
        self.position = Some((1, y + 1));
    }

    fn erase(&mut self, x: usize, y: usize, count: usize, bg: Color) {
        if count > 0 {
            self.go_to(x, y);
            self.look(Pen { bg, ..Pen::default() }, None);
            self.write(format_args!("\x1b[{count}X"));
        }
    }

    /// Prints a cell where the cursor is.
    fn cell(&mut self, cell: &Cell) {
        let model = self.model;
        let extra = model.extra(cell.style.extra);
        let underline = extra.map_or(Color::DEFAULT, |extra| extra.underline);
        let pen = Pen { fg: cell.style.fg, bg: cell.style.bg, attrs: cell.style.attrs, underline };
        self.look(pen, extra.and_then(|extra| extra.link.as_ref()));
        if let Some(character) = cell.glyph.as_char() {
            self.out.push(character);
            let width = if cell.glyph.is_wide() { 2 } else { 1 };
            // At the end of a row the next character wraps, which is right where it is relied upon.
            self.position =
                self.position.map(|(x, y)| if x + width < model.cols { (x + width, y) } else { (0, y + 1) });
        } else if let Some(cluster) = cell.glyph.as_cluster() {
            self.out.push_str(model.cluster(cluster));
            // Terminals disagree on the width of clusters.
            self.position = None;
        }
    }

    fn tabs(&mut self) {
        let model = self.model;
        if model.tabs == default_tabs(model.cols) {
            return;
        }
        self.out.push_str("\x1b[3g");
        for x in (0..model.cols).filter(|&x| model.tabs[x]) {
            self.go_to(x, 0);
            self.out.push_str("\x1bH");
        }
    }

    fn switches(&mut self) {
        let modes = &self.model.modes;
        let fresh = Modes::default();
        let mut switch = |number: u16, on: bool, before: bool| {
            if on != before {
                self.write(format_args!("\x1b[?{number}{}", if on { 'h' } else { 'l' }));
            }
        };
        switch(1, modes.application_cursor, fresh.application_cursor);
        switch(7, modes.autowrap, fresh.autowrap);
        switch(25, modes.cursor_visible, fresh.cursor_visible);
        switch(1004, modes.focus, fresh.focus);
        switch(1005, modes.mouse_utf8, fresh.mouse_utf8);
        switch(1006, modes.mouse_sgr, fresh.mouse_sgr);
        switch(2004, modes.bracketed_paste, fresh.bracketed_paste);
        switch(2026, modes.synchronized_output, fresh.synchronized_output);
        match modes.mouse {
            Mouse::Off => {}
            Mouse::Buttons => switch(1000, true, false),
            Mouse::Drag => switch(1002, true, false),
            Mouse::Motion => switch(1003, true, false),
        }
        if let Some(on) = modes.alternate_scroll {
            switch(1007, on, !on);
        }
        if modes.insert {
            self.out.push_str("\x1b[4h");
        }
        if modes.application_keypad {
            self.out.push_str("\x1b=");
        }
        if modes.modify_other_keys != 0 {
            self.write(format_args!("\x1b[>4;{}m", modes.modify_other_keys));
        }
        if modes.cursor_style != 0 {
            self.write(format_args!("\x1b[{} q", modes.cursor_style));
        }
        if let Some(on) = modes.cursor_blink {
            self.out.push_str(if on { "\x1b[?12h" } else { "\x1b[?12l" });
        }
    }

    fn charsets(&mut self, charsets: Charsets) {
        if charsets.g0 {
            self.out.push_str("\x1b(0");
        }
        if charsets.g1 {
            self.out.push_str("\x1b)0");
        }
        if charsets.shifted {
            self.out.push('\x0e');
        }
    }

    /// The column of the character that was printed last, if nothing came after it. Printed once more at
    /// the very end, it can be repeated (REP, which any sequence ends) and joined: xterm.js joins a mark
    /// only to what it has just printed.
    fn printed_last(&self) -> Option<usize> {
        let model = self.model;
        let row = model.grid.row(model.y);
        match model.last {
            Some(_) if model.modes.autowrap => model.x.checked_sub(1),
            // Dropped behind the last column.
            Some(_) if model.x == model.cols => None,
            Some(byte) => {
                let cell = row.cell(model.x);
                let here = cell.style == model.style && cell.glyph == model.charsets.glyph(byte);
                if here && model.x + 1 == model.cols { Some(model.x) } else { model.x.checked_sub(1) }
            }
            None => {
                let x = (0..model.x).rev().find(|&x| !row.cell(x).glyph.is_tail())?;
                let cell = row.cell(x);
                let byte = cell.glyph.as_char().filter(char::is_ascii).map(|character| character as u8);
                let ends_here = x + if cell.glyph.is_wide() { 2 } else { 1 } == model.x;
                // A cluster may begin with an ASCII character.
                let mapped = model.charsets.draws_lines() && cell.glyph.as_cluster().is_some();
                let plain = model.modes.autowrap && !mapped;
                let may_be = ends_here && cell.style == model.style && plain;
                // REP must not repeat it, and half a character ends that.
                let same =
                    byte.is_none_or(|byte| self.mid_character && model.charsets.glyph(byte) == cell.glyph);
                (may_be && same).then_some(x)
            }
        }
    }

    fn print_again(&mut self) {
        let model = self.model;
        match (model.last, self.printed_last()) {
            (Some(byte), again) => {
                if again.is_some() && model.modes.insert {
                    self.out.push_str("\x1b[P");
                }
                self.out.push(byte.into());
            }
            (None, Some(x)) => {
                let cell = model.grid.row(model.y).cell(x);
                if model.modes.insert {
                    self.write(format_args!("\x1b[{}P", model.x - x));
                }
                self.cell(&cell);
            }
            (None, None) => {}
        }
    }

    fn go_to(&mut self, x: usize, y: usize) {
        match self.position {
            Some(position) if position == (x, y) => {}
            Some((_, at)) if at == y => self.write(format_args!("\x1b[{}G", x + 1)),
            _ if x == 0 => self.write(format_args!("\x1b[{}H", y + 1)),
            _ => self.write(format_args!("\x1b[{};{}H", y + 1, x + 1)),
        }
        self.position = Some((x, y));
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = self.out.write_fmt(text);
    }
}

/// Whether printing row `y` to its end and then the next row marks `y` as wrapped.
fn wraps_when_printed(grid: &Grid, y: usize) -> bool {
    let end = grid.row(y).cell(grid.cols() - 1);
    let next = grid.row(y + 1).cell(0);
    let printed = |cell: &Cell| !cell.is_erased() && cell.glyph.as_cluster().is_none();
    let wide_cluster = end.glyph.is_tail() && grid.row(y).cell(grid.cols() - 2).glyph.as_cluster().is_some();
    printed(&end) && !wide_cluster && !next.is_erased()
}

/// The column of the last character of the cursor's row.
fn last_glyph(model: &Model) -> usize {
    let last = model.cols - 1;
    if model.grid.row(model.y).cell(last).glyph.is_tail() { last - 1 } else { last }
}
