//! Characters, and what combines with them.

use super::Writer;
use crate::terminal::screen::Sink;
use crate::terminal::screen::cell::{Color, Glyph};
use crate::terminal::screen::modes::Modes;
use crate::terminal::screen::width::{EMOJI_STYLE, JOINER, Rules};

/// Bytes of UTF-8 of a character and what combines with it. The longest emoji has 35.
pub const MAX_CLUSTER: usize = 256;
/// tmux 3.6 and later print nothing for it.
const HANGUL_FILLER: char = '\u{3164}';

impl<S: Sink> Writer<'_, S> {
    pub fn print_ascii(&mut self, mut text: &[u8]) {
        let model = &mut *self.model;
        model.last = text.last().copied();
        model.joiner = false;
        model.begun = true;
        if model.charsets.draws_lines() || model.modes.insert || !model.modes.autowrap {
            for &byte in text {
                self.put(self.model.charsets.glyph(byte), 1);
            }
            return;
        }
        loop {
            let model = &mut *self.model;
            let room = model.cols - model.x;
            if text.len() <= room {
                model.grid.row_mut(model.y).put_ascii(model.x, text, model.style);
                model.x += text.len();
                return;
            }
            if room > 0 {
                model.grid.row_mut(model.y).put_ascii(model.x, &text[..room], model.style);
                text = &text[room..];
            }
            self.wrap();
        }
    }

    pub fn print_character(&mut self, character: char) {
        self.model.last = None;
        self.model.begun = true;
        let Some(width) = self.model.rules.width(character) else { return };
        if self.model.rules > Rules::Plain {
            if !self.join(character, width) {
                self.put(Glyph::char(character, width > 1), width);
            }
        } else if character == JOINER {
            self.model.joiner = true;
        } else if std::mem::take(&mut self.model.joiner) {
            self.combine(&[JOINER, character]);
        } else if width == 0 {
            self.combine(&[character]);
        } else {
            self.put(Glyph::char(character, width > 1), width);
        }
    }

    pub(super) fn put(&mut self, glyph: Glyph, width: usize) {
        let Modes { autowrap, insert, .. } = self.model.modes;
        let fits = self.model.x <= self.model.cols - width;
        if !autowrap && width > 1 && !fits && self.model.x != self.model.cols {
            return;
        }
        if insert {
            let model = &mut *self.model;
            model.grid.insert_cells(model.x, model.y, width, Color::DEFAULT);
        }
        if autowrap && !fits {
            self.wrap();
        }
        let model = &mut *self.model;
        if model.x > model.cols - width {
            return;
        }
        model.grid.row_mut(model.y).put(model.x, glyph, width, model.style);
        // Without autowrap the cursor stays in the last column, if the character leaves one.
        let end = model.cols - usize::from(!autowrap && model.cols > width);
        model.x = (model.x + width).min(end);
    }

    /// Adds characters to the one left of the cursor, or drops them.
    pub(super) fn combine(&mut self, characters: &[char]) {
        let model = &mut *self.model;
        let row = model.grid.row(model.y);
        let Some(x) = (0..model.x).rev().find(|&x| !row.cell(x).glyph.is_tail()) else { return };
        let glyph = row.cell(x).glyph;
        let mut text = match (glyph.as_char(), glyph.as_cluster()) {
            (Some(base), _) => base.to_string(),
            (_, Some(cluster)) => model.cluster(cluster).to_owned(),
            _ => return,
        };
        text.extend(characters);
        if text.len() > MAX_CLUSTER {
            return;
        }
        let number = model.number_cluster(&text);
        model.grid.row_mut(model.y).set_glyph(x, Glyph::cluster(number, glyph.is_wide()));
    }

    /// Adds a character to the cell left of the cursor, as tmux 3.4 and later do. False when it wants a cell of its own.
    pub(super) fn join(&mut self, character: char, width: usize) -> bool {
        let model = &mut *self.model;
        if character == HANGUL_FILLER && model.rules >= Rules::Bases {
            return true;
        }
        // It makes no sense alone, and is dropped where there is nothing to join.
        let dependent = width == 0;
        if character.is_ascii() || model.x == 0 {
            return dependent;
        }
        let row = model.grid.row(model.y);
        let back = if row.cell(model.x - 1).glyph.is_tail() && model.x > 1 { 2 } else { 1 };
        let glyph = row.cell(model.x - back).glyph;
        let (style, is_wide) = (row.cell(model.x - back).style, glyph.is_wide());
        if glyph.is_tail() || is_wide != (back == 2) {
            return dependent;
        }
        let mut text = match (glyph.as_char(), glyph.as_cluster()) {
            (Some(base), _) => base.to_string(),
            (_, Some(cluster)) => model.cluster(cluster).to_owned(),
            _ => return dependent,
        };
        let widens = match dependent {
            true => Some(character == EMOJI_STYLE),
            false => model.rules.joins(&text, character),
        };
        let Some(widens) = widens else { return false };
        let limit = if dependent { MAX_CLUSTER } else { model.rules.longest_cell() };
        if text.len() + character.len_utf8() > limit {
            return dependent;
        }
        text.push(character);
        let x = model.x - back;
        let number = model.number_cluster(&text);
        let row = model.grid.row_mut(model.y);
        if widens && !is_wide && model.x < model.cols {
            row.put(x, Glyph::cluster(number, true), 2, style);
            model.x += 1;
        } else {
            row.set_glyph(x, Glyph::cluster(number, is_wide));
        }
        true
    }

    pub(super) fn wrap(&mut self) {
        self.model.grid.marks_mut(self.model.y).wrapped = true;
        self.down_a_line(Color::DEFAULT);
        self.model.x = 0;
    }
}

/// What tmux keeps of a cluster: it passes over each character that does not fit any more.
pub fn kept_by_tmux(cluster: &str, rules: Rules) -> String {
    cluster.chars().fold(String::new(), |mut kept, character| {
        if kept.len() + character.len_utf8() <= rules.longest_cell() {
            kept.push(character);
        }
        kept
    })
}
