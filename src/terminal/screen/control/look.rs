//! SGR: what new characters look like.

use vte::Params;

use crate::terminal::screen::Sink;
use crate::terminal::screen::cell::{Attrs, Color};
use crate::terminal::screen::model::Pen;
use crate::terminal::screen::write::Writer;

impl<S: Sink> Writer<'_, S> {
    /// SGR.
    pub(super) fn set_look(&mut self, params: &Params) {
        let mut pen = self.model.pen;
        // Where the parameter stands, counted with and without parts.
        let (mut index, mut position) = (0, 0);
        let mut rest = params.iter();
        while let Some(param) = rest.next() {
            let start = index;
            index += param.len();
            position += 1;
            let &[code] = param else {
                self.set_look_by_parts(&mut pen, param, start);
                continue;
            };
            match code {
                38 | 48 | 58 => {
                    let ahead = params.iter().skip(position).enumerate();
                    let mut numbers = [None; 4];
                    for (slot, (offset, part)) in numbers.iter_mut().zip(ahead) {
                        let given = !matches!(part, [0]) || !self.omitted.has(index + offset);
                        *slot =
                            Some(if let (&[number], true) = (part, given) { i32::from(number) } else { -1 });
                    }
                    let taken = set_color(&mut pen, code, numbers);
                    for param in rest.by_ref().take(taken) {
                        index += param.len();
                        position += 1;
                    }
                }
                _ => set_attribute(&mut pen, code),
            }
        }
        self.set_pen(pen);
    }

    /// SGR with parts, such as `4:3` and `38:2::255:0:0`.
    pub(super) fn set_look_by_parts(&mut self, pen: &mut Pen, parts: &[u16], start: usize) {
        // tmux reads seven parts at most.
        if parts.len() > 7 {
            return;
        }
        let part = |index: usize| {
            let given = *parts.get(index)? != 0 || !self.omitted.has(start + index);
            given.then_some(i32::from(parts[index]))
        };
        match (part(0), part(1)) {
            (Some(4), Some(style @ 0..=5)) if parts.len() == 2 => pen.attrs.set_underline(style as u8),
            (Some(code @ (38 | 48 | 58)), Some(kind @ (2 | 5))) if parts.len() > 2 => {
                let first = if kind == 5 || parts.len() == 5 { 2 } else { 3 };
                let value = |index| part(first + index).unwrap_or(-1);
                let enough = kind == 5 || parts.len() >= first + 3;
                if enough {
                    set_color(pen, code as u16, [Some(kind), Some(value(0)), Some(value(1)), Some(value(2))]);
                }
            }
            _ => {}
        }
    }
}

/// Sets a colour from the parameters behind 38, 48 or 58, where -1 stands for one left out. Answers how
/// many of them it took.
fn set_color(pen: &mut Pen, code: u16, [kind, a, b, c]: [Option<i32>; 4]) -> usize {
    let byte = |value: Option<i32>| value.and_then(|value| u8::try_from(value).ok());
    let target = match code {
        38 => &mut pen.fg,
        48 => &mut pen.bg,
        _ => &mut pen.underline,
    };
    match kind {
        None => 0,
        Some(5) => {
            match byte(a) {
                Some(number) => *target = Color::indexed(number),
                None if code == 58 => {}
                None => *target = Color::DEFAULT,
            }
            2
        }
        Some(2) => match (byte(a), byte(b), byte(c)) {
            (Some(red), Some(green), Some(blue)) => {
                *target = Color::rgb(red, green, blue);
                4
            }
            _ => 1,
        },
        Some(_) => 1,
    }
}

fn set_attribute(pen: &mut Pen, code: u16) {
    match code {
        0 => *pen = Pen::default(),
        1 => pen.attrs.insert(Attrs::BOLD),
        2 => pen.attrs.insert(Attrs::DIM),
        3 => pen.attrs.insert(Attrs::ITALIC),
        4 => pen.attrs.set_underline(1),
        5 | 6 => pen.attrs.insert(Attrs::BLINK),
        7 => pen.attrs.insert(Attrs::REVERSE),
        8 => pen.attrs.insert(Attrs::HIDDEN),
        9 => pen.attrs.insert(Attrs::STRIKETHROUGH),
        21 => pen.attrs.set_underline(2),
        22 => {
            pen.attrs.remove(Attrs::BOLD);
            pen.attrs.remove(Attrs::DIM);
        }
        23 => pen.attrs.remove(Attrs::ITALIC),
        24 => pen.attrs.set_underline(0),
        25 => pen.attrs.remove(Attrs::BLINK),
        27 => pen.attrs.remove(Attrs::REVERSE),
        28 => pen.attrs.remove(Attrs::HIDDEN),
        29 => pen.attrs.remove(Attrs::STRIKETHROUGH),
        30..=37 => pen.fg = Color::basic(code as u8 - 30),
        39 => pen.fg = Color::DEFAULT,
        40..=47 => pen.bg = Color::basic(code as u8 - 40),
        49 => pen.bg = Color::DEFAULT,
        53 => pen.attrs.insert(Attrs::OVERLINE),
        55 => pen.attrs.remove(Attrs::OVERLINE),
        59 => pen.underline = Color::DEFAULT,
        90..=97 => pen.fg = Color::basic(code as u8 - 90 + 8),
        100..=107 => pen.bg = Color::basic(code as u8 - 100 + 8),
        _ => {}
    }
}
