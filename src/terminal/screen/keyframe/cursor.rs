//! Where the cursor goes.

use super::{Painter, last_glyph};
use crate::terminal::screen::model::{Charsets, Pen, SavedCursor};

impl Painter<'_> {
    pub(super) fn saved_cursor(&mut self) {
        let SavedCursor { x, y, pen, charsets, origin } = self.model.saved;
        // xterm.js has one place for this and for what 1049 saves.
        let overwritten = self.model.alternate_position.is_some() && !self.model.is_alternate();
        if self.model.saved == SavedCursor::default() && !overwritten {
            return;
        }
        self.charsets(charsets);
        self.look(pen, None);
        if origin {
            // It takes the cursor home.
            self.out.push_str("\x1b[?6h");
        }
        self.position = None;
        self.go_to(x, y);
        self.out.push_str("\x1b7");
        if origin {
            self.out.push_str("\x1b[?6l");
        }
        self.position = None;
        self.out.push_str(match charsets {
            Charsets { shifted: true, .. } => "\x0f\x1b(B\x1b)B",
            Charsets { g0: false, g1: false, .. } => "",
            _ => "\x1b(B\x1b)B",
        });
    }

    /// Sets the scroll region and origin mode and puts the cursor where it is, all of which move it. Or
    /// where it was before the character that will be printed once more.
    pub(super) fn place_cursor(&mut self) {
        let model = self.model;
        let region = format!("\x1b[{};{}r", model.top + 1, model.bottom + 1);
        let (again, behind) = (self.printed_last(), model.x == model.cols);
        let (x, y) = (again.or(behind.then(|| last_glyph(model))).unwrap_or(model.x), model.y);
        if model.modes.origin {
            self.place_in_origin_mode(&region, x, y);
            self.position = Some((x, y));
        } else {
            if (model.top, model.bottom) != (0, model.rows - 1) {
                self.out.push_str(&region);
            }
            self.position = None;
            self.go_to(x, y);
        }
        if behind && again.is_none() {
            let cell = model.grid.row(y).cell(x);
            self.cell(&cell);
            if model.last.is_none() {
                // A control ends what REP repeats; this one changes nothing.
                self.out.push('\x0f');
            }
        }
    }

    pub(super) fn place_in_origin_mode(&mut self, region: &str, x: usize, y: usize) {
        let model = self.model;
        let (top, bottom) = (model.top, model.bottom);
        if (top..=bottom).contains(&y) {
            self.write(format_args!("{region}\x1b[?6h\x1b[{};{}H", y - top + 1, x + 1));
            return;
        }
        self.out.push_str("\x1b[?6h");
        if y < top {
            // A new region takes the cursor to the first row, whatever the mode.
            self.out.push_str(region);
            self.vertically(0, y);
            self.right(x);
            return;
        }
        let below = |y: usize| (y > bottom).then_some(y);
        let alternate = model.alternate_position.filter(|_| !model.is_alternate());
        if let Some(from) = below(model.saved.y).filter(|_| model.saved.origin) {
            self.write(format_args!("{region}\x1b8"));
            self.vertically(from, y);
        } else if let Some(from) = alternate.and_then(|(_, y)| below(y)) {
            self.write(format_args!("{region}\x1b[?1049l"));
            self.vertically(from, y);
        } else {
            self.write(format_args!("\x1b[{}d\x1b7{region}\x1b8", y + 1));
        }
        self.right(x);
        // The restored look is not followed here.
        self.out.push_str("\x1b(B\x1b)B\x0f\x1b[m");
        self.pen = Pen::default();
    }

    pub(super) fn vertically(&mut self, from: usize, to: usize) {
        match to.abs_diff(from) {
            0 => {}
            rows => self.write(format_args!("\x1b[{rows}{}", if to > from { 'B' } else { 'A' })),
        }
    }

    /// Only the way for a cursor outside of the region: xterm.js goes astray there in origin mode.
    pub(super) fn right(&mut self, x: usize) {
        self.out.push('\r');
        if x > 0 {
            self.write(format_args!("\x1b[{x}C"));
        }
    }
}
