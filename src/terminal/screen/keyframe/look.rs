//! What new characters look like.

use std::sync::Arc;

use super::Painter;
use crate::terminal::screen::cell::{Attrs, Color, ColorKind, Link};
use crate::terminal::screen::model::Pen;

impl Painter<'_> {
    /// Makes new characters look like this.
    pub(super) fn look(&mut self, pen: Pen, link: Option<&Arc<Link>>) {
        if pen != self.pen {
            self.out.push_str("\x1b[");
            if pen != Pen::default() {
                self.out.push('0');
                self.attributes(pen.attrs);
                self.color(pen.fg, 30);
                self.color(pen.bg, 40);
                self.color(pen.underline, 50);
            }
            self.out.push('m');
            self.pen = pen;
        }
        if link != self.link.as_ref() {
            match link {
                Some(link) => self.write(format_args!("\x1b]8;{};{}\x1b\\", link.params, link.uri)),
                None => self.out.push_str("\x1b]8;;\x1b\\"),
            }
            self.link = link.cloned();
        }
    }

    pub(super) fn attributes(&mut self, attrs: Attrs) {
        for (attr, code) in [
            (Attrs::BOLD, 1),
            (Attrs::DIM, 2),
            (Attrs::ITALIC, 3),
            (Attrs::BLINK, 5),
            (Attrs::REVERSE, 7),
            (Attrs::HIDDEN, 8),
            (Attrs::STRIKETHROUGH, 9),
            (Attrs::OVERLINE, 53),
        ] {
            if attrs.has(attr) {
                self.write(format_args!(";{code}"));
            }
        }
        match attrs.underline() {
            0 => {}
            1 => self.out.push_str(";4"),
            style => self.write(format_args!(";4:{style}")),
        }
    }

    /// `base` is 30, 40 or 50.
    pub(super) fn color(&mut self, color: Color, base: u16) {
        match color.kind() {
            ColorKind::Default => {}
            ColorKind::Basic(number @ 0..=7) => self.write(format_args!(";{}", base + u16::from(number))),
            ColorKind::Basic(number) => self.write(format_args!(";{}", base + 52 + u16::from(number))),
            ColorKind::Indexed(number) => self.write(format_args!(";{};5;{number}", base + 8)),
            ColorKind::Rgb(red, green, blue) => {
                self.write(format_args!(";{};2;{red};{green};{blue}", base + 8));
            }
        }
    }
}
