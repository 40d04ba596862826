//! What each control and each sequence means. Those that tmux 3.3a does not know have no effect, except
//! for what only viewers need.

mod look;

use std::sync::Arc;

use vte::{Params, Perform};

use super::Sink;
use super::cell::Link;
use super::keyframe::RULES;
use super::modes::Mouse;
use super::parse::{Actions, Omitted};
use super::width::Rules;
use super::write::{Part, Writer};

/// Bytes; longer titles are cut.
pub const MAX_TITLE: usize = 1024;
const MAX_TITLES: usize = 16;

impl<S: Sink> Actions for Writer<'_, S> {
    fn ascii(&mut self, text: &[u8]) {
        self.print_ascii(text);
    }

    fn high_byte(&mut self) {
        self.model.last = None;
    }

    fn string_begins(&mut self) {
        self.model.last = None;
    }

    fn command(&mut self, text: &[u8]) {
        let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, rest) = text.split_at(digits);
        let rest = rest.strip_prefix(b";").unwrap_or(rest);
        let number = std::str::from_utf8(number).ok().and_then(|number| number.parse::<u16>().ok());
        if let (Some(number), Ok(rest)) = (number, std::str::from_utf8(rest)) {
            self.operating_system_command(number, rest);
        }
    }

    fn omits(&mut self, omitted: Omitted) {
        self.omitted = omitted;
    }
}

impl<S: Sink> Perform for Writer<'_, S> {
    fn print(&mut self, character: char) {
        self.print_character(character);
    }

    fn execute(&mut self, byte: u8) {
        match byte {
            0x08 => self.backspace(),
            b'\t' => self.tab(),
            b'\n' | 0x0b | 0x0c => self.line_feed(),
            b'\r' => self.model.x = 0,
            0x0e => self.model.charsets.shifted = true,
            0x0f => self.model.charsets.shifted = false,
            _ => {}
        }
        self.model.last = None;
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], _ignore: bool, last: u8) {
        let charsets = &mut self.model.charsets;
        match (intermediates, last) {
            ([], b'7') => self.save_cursor(),
            ([], b'8') => self.restore_cursor(),
            ([], b'=') => self.model.modes.application_keypad = true,
            ([], b'>') => self.model.modes.application_keypad = false,
            ([], b'D') => self.line_feed(),
            ([], b'E') => {
                self.model.x = 0;
                self.line_feed();
            }
            ([], b'H') => self.set_tab(true),
            ([], b'M') => self.reverse_line_feed(),
            ([], b'\\') => {}
            ([], b'c') => self.reset(),
            (b"#", b'8') => self.fill_with_e(),
            (b"(", b'0') => charsets.g0 = true,
            (b"(", b'B') => charsets.g0 = false,
            (b")", b'0') => charsets.g1 = true,
            (b")", b'B') => charsets.g1 = false,
            // What is unknown does not end what REP repeats.
            _ => return,
        }
        self.model.last = None;
    }

    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, last: char) {
        if ignore {
            return;
        }
        let known = match intermediates {
            [] => self.control_sequence(params, last),
            b"?" => self.private_modes(params, last),
            _ => self.marked_sequence(params, intermediates, last),
        };
        if known {
            self.model.last = None;
        }
    }
}

impl<S: Sink> Writer<'_, S> {
    fn control_sequence(&mut self, params: &Params, last: char) -> bool {
        let number = |index: usize| number(params, index);
        // A parameter that consists of parts makes these sequences void.
        let count = number(0).map(|count| count.unwrap_or(0).max(1));
        match (last, count) {
            ('@', Some(count)) => self.insert_characters(count),
            ('A', Some(count)) => self.up(count),
            ('B', Some(count)) => self.down(count),
            ('C', Some(count)) => self.right(count),
            ('D', Some(count)) => self.left(count),
            ('E', Some(count)) => {
                self.model.x = 0;
                self.down(count);
            }
            ('F', Some(count)) => {
                self.model.x = 0;
                self.up(count);
            }
            ('G' | '`', Some(column)) => self.go_to(Some(column - 1), None),
            ('H' | 'f', Some(row)) => {
                if let Some(column) = number(1) {
                    self.go_to(Some(column.unwrap_or(0).max(1) - 1), Some(row - 1));
                }
            }
            ('J', _) => match number(0) {
                Some(None | Some(0)) => self.erase_screen(Part::After),
                Some(Some(1)) => self.erase_screen(Part::Before),
                Some(Some(2)) => self.erase_screen(Part::All),
                Some(Some(3)) => self.forget_history(),
                _ => {}
            },
            ('K', _) => match number(0) {
                Some(None | Some(0)) => self.erase_line(Part::After),
                Some(Some(1)) => self.erase_line(Part::Before),
                Some(Some(2)) => self.erase_line(Part::All),
                _ => {}
            },
            ('L', Some(count)) => self.insert_lines(count),
            ('M', Some(count)) => self.delete_lines(count),
            ('P', Some(count)) => self.delete_characters(count),
            ('S', Some(count)) => {
                let height = self.model.bottom + 1 - self.model.top;
                (0..count.min(height)).for_each(|_| self.scroll_up(self.model.pen.bg));
            }
            ('T', Some(count)) => {
                let height = self.model.bottom + 1 - self.model.top;
                (0..count.min(height)).for_each(|_| self.scroll_down(self.model.pen.bg));
            }
            ('X', Some(count)) => self.erase_characters(count),
            ('Z', Some(count)) => self.back_tab(count),
            ('b', Some(count)) => self.repeat(count),
            ('d', Some(row)) => self.go_to(None, Some(row - 1)),
            ('g', _) => match number(0) {
                Some(None | Some(0)) => self.set_tab(false),
                Some(Some(3)) => self.model.tabs.fill(false),
                _ => {}
            },
            ('h' | 'l', _) => {
                for mode in params.iter().filter(|mode| **mode == [4]) {
                    self.model.modes.insert = (mode, last) == (&[4], 'h');
                }
            }
            ('m', _) => self.set_look(params),
            ('r', Some(top)) => self.region(params, top),
            ('s', _) => self.save_cursor(),
            ('t', _) => self.titles(params),
            ('u', _) => self.restore_cursor(),
            ('c' | 'n', _) => {}
            _ => return "@ABCDEFGHLMPSTXZ`bdfr".contains(last),
        }
        true
    }

    fn region(&mut self, params: &Params, top: usize) {
        let rows = self.model.rows;
        let bottom = match number(params, 1) {
            Some(Some(0)) if !self.omitted.has(1) => 1,
            Some(Some(0) | None) => rows,
            Some(Some(bottom)) => bottom,
            None => return,
        };
        self.set_region(top - 1, bottom - 1);
    }

    /// `CSI … t`: the stack of titles.
    fn titles(&mut self, params: &Params) {
        let given = |index| number(params, index).flatten().filter(|_| !self.omitted.has(index));
        let mut index = 0;
        let mut operations = Vec::new();
        while let Some(operation) = given(index) {
            match operation {
                3 | 4 | 8 if given(index + 1).is_some() => index += 2,
                9 | 10 => index += 1,
                22 | 23 => {
                    index += 1;
                    if matches!(given(index), Some(0 | 2)) {
                        operations.push(operation);
                    }
                }
                _ => {}
            }
            if given(index).is_none() {
                break;
            }
            index += 1;
        }
        for operation in operations {
            let model = &mut *self.model;
            if operation == 22 {
                if model.titles.len() == MAX_TITLES {
                    model.titles.pop_front();
                }
                model.titles.push_back(model.title.clone());
            } else if let Some(title) = model.titles.pop_back() {
                model.title = title;
            }
        }
    }

    /// Sequences with a mark before or behind their parameters.
    fn marked_sequence(&mut self, params: &Params, marks: &[u8], last: char) -> bool {
        let first = number(params, 0).flatten().unwrap_or(0);
        let alternate = usize::from(self.model.is_alternate());
        let modes = &mut self.model.modes;
        match (marks, last) {
            (b" ", 'q') => {
                if let style @ 0..=6 = first {
                    modes.cursor_style = style as u8;
                    modes.cursor_blink = None;
                }
            }
            (b">", 'm') => {
                let level = number(params, 1).flatten().unwrap_or(0);
                match (first, level) {
                    (0, _) => modes.modify_other_keys = 0,
                    (4, level @ 0..=3) => modes.modify_other_keys = level as u8,
                    _ => {}
                }
            }
            (b">", 'n') => {
                if first == 4 {
                    modes.modify_other_keys = 0;
                }
            }
            (b">", 'c' | 'q') => {}
            // tmux does not know the kitty keyboard protocol; it must not end what REP repeats.
            (b">", 'u') => {
                modes.kitty[alternate].push(first as u8);
                return false;
            }
            (b"<", 'u') => {
                modes.kitty[alternate].pop(first.max(1));
                return false;
            }
            (b"=", 'u') => {
                let how = number(params, 1).flatten().unwrap_or(1);
                modes.kitty[alternate].set(first as u8, how as u16);
                return false;
            }
            _ => return false,
        }
        true
    }

    fn private_modes(&mut self, params: &Params, last: char) -> bool {
        if !matches!(last, 'h' | 'l') {
            return false;
        }
        for mode in params {
            if let [mode] = mode {
                self.private_mode(*mode, last == 'h');
            }
        }
        true
    }

    fn private_mode(&mut self, mode: u16, on: bool) {
        let modes = &mut self.model.modes;
        match mode {
            1 => modes.application_cursor = on,
            3 => self.change_columns(),
            6 => {
                modes.origin = on;
                self.go_to(Some(0), Some(0));
            }
            7 => modes.autowrap = on,
            12 => modes.cursor_blink = Some(on),
            25 => modes.cursor_visible = on,
            47 | 1047 if on => self.enter_alternate(false),
            47 | 1047 => self.leave_alternate(false),
            1049 if on => self.enter_alternate(true),
            1049 => self.leave_alternate(true),
            1000 if on => modes.mouse = Mouse::Buttons,
            1002 if on => modes.mouse = Mouse::Drag,
            1003 if on => modes.mouse = Mouse::Motion,
            1000..=1003 if !on => modes.mouse = Mouse::Off,
            1004 => modes.focus = on,
            1005 => modes.mouse_utf8 = on,
            1006 => modes.mouse_sgr = on,
            1007 => modes.alternate_scroll = Some(on),
            2004 => modes.bracketed_paste = on,
            2026 => modes.synchronized_output = on,
            _ => {}
        }
    }

    fn operating_system_command(&mut self, number: u16, text: &str) {
        let model = &mut *self.model;
        match number {
            0 | 2 if text.chars().all(|character| model.rules.width(character).is_some()) => {
                model.title = text[..text.floor_char_boundary(MAX_TITLE)].to_owned();
            }
            4 => model.palette.set_indexed(text),
            // Only a keyframe begins with it; a program comes later.
            RULES if !model.begun => model.rules = Rules::named(text).unwrap_or(model.rules),
            8 => {
                if let Some((params, uri)) = text.split_once(';') {
                    let link = Link { params: params.to_owned(), uri: uri.to_owned() };
                    model.link = (!uri.is_empty()).then(|| Arc::new(link));
                    self.set_pen(self.model.pen);
                }
            }
            10..=12 => model.palette.set_special(number, text),
            104 => model.palette.reset_indexed(text),
            110..=112 => model.palette.reset_special(number - 100),
            _ => {}
        }
    }
}

/// A parameter: `None` when it consists of parts, `Some(None)` when there is none.
fn number(params: &Params, index: usize) -> Option<Option<usize>> {
    match params.iter().nth(index) {
        None => Some(None),
        Some(&[number]) => Some(Some(number.into())),
        Some(_) => None,
    }
}
