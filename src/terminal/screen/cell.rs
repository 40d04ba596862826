//! What one place of the grid shows.

use std::sync::Arc;

/// A colour: the terminal's own, one of the 16 basic ones, one of the palette of 256, or RGB. Basic
/// and palette colours stay apart because bold may brighten only the basic ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Color(u32);

/// Attributes of a character, and the style of its underline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Attrs(u16);

/// A character's look. `extra` is an index into the screen's table of rare things; 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    pub fg: Color,
    pub bg: Color,
    pub attrs: Attrs,
    pub extra: u16,
}

/// Rare parts of a look: the colour of the underline and the hyperlink.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Extra {
    pub underline: Color,
    pub link: Option<Arc<Link>>,
}

/// A hyperlink (OSC 8).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Link {
    /// `key=value` pairs as printed, mostly `id=…`.
    pub params: String,
    pub uri: String,
}

/// What a cell holds: a character, a cluster (a character with marks that combine with it), or the
/// right half of a wide character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glyph(u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    pub glyph: Glyph,
    pub style: Style,
}

/// What a [`Color`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColorKind {
    Default,
    /// 0 to 15.
    Basic(u8),
    Indexed(u8),
    Rgb(u8, u8, u8),
}

impl Color {
    pub const DEFAULT: Self = Self(0);

    /// 0 to 15; 8 to 15 are the bright ones.
    pub fn basic(number: u8) -> Self {
        Self(1 << 24 | u32::from(number))
    }

    pub fn indexed(number: u8) -> Self {
        Self(2 << 24 | u32::from(number))
    }

    pub fn rgb(red: u8, green: u8, blue: u8) -> Self {
        Self(u32::from_be_bytes([3, red, green, blue]))
    }

    pub fn kind(self) -> ColorKind {
        match self.0.to_be_bytes() {
            [1, _, _, number] => ColorKind::Basic(number),
            [2, _, _, number] => ColorKind::Indexed(number),
            [3, red, green, blue] => ColorKind::Rgb(red, green, blue),
            _ => ColorKind::Default,
        }
    }
}

impl Attrs {
    pub const BOLD: Self = Self(1);
    pub const DIM: Self = Self(1 << 1);
    pub const ITALIC: Self = Self(1 << 2);
    pub const BLINK: Self = Self(1 << 3);
    pub const REVERSE: Self = Self(1 << 4);
    pub const HIDDEN: Self = Self(1 << 5);
    pub const STRIKETHROUGH: Self = Self(1 << 6);
    pub const OVERLINE: Self = Self(1 << 7);
    const UNDERLINE_SHIFT: u32 = 8;
    const UNDERLINE: Self = Self(7 << Self::UNDERLINE_SHIFT);

    pub fn has(self, attrs: Self) -> bool {
        self.0 & attrs.0 == attrs.0
    }

    pub fn insert(&mut self, attrs: Self) {
        self.0 |= attrs.0;
    }

    pub fn remove(&mut self, attrs: Self) {
        self.0 &= !attrs.0;
    }

    /// 0 none, 1 single, 2 double, 3 curly, 4 dotted, 5 dashed: as in SGR `4:n`.
    pub fn underline(self) -> u8 {
        ((self.0 & Self::UNDERLINE.0) >> Self::UNDERLINE_SHIFT) as u8
    }

    pub fn set_underline(&mut self, style: u8) {
        self.remove(Self::UNDERLINE);
        self.0 |= u16::from(style) << Self::UNDERLINE_SHIFT;
    }
}

impl Glyph {
    const CLUSTER: u32 = 1 << 31;
    const WIDE: u32 = 1 << 30;
    const VALUE: u32 = Self::WIDE - 1;

    pub const BLANK: Self = Self(b' ' as u32);
    /// The right half of a wide character.
    pub const TAIL: Self = Self(0);

    pub fn ascii(byte: u8) -> Self {
        Self(u32::from(byte))
    }

    pub fn char(character: char, wide: bool) -> Self {
        Self(u32::from(character) | if wide { Self::WIDE } else { 0 })
    }

    pub fn cluster(index: u32, wide: bool) -> Self {
        Self(Self::CLUSTER | index | if wide { Self::WIDE } else { 0 })
    }

    pub fn is_wide(self) -> bool {
        self.0 & Self::WIDE != 0
    }

    pub fn is_tail(self) -> bool {
        self == Self::TAIL
    }

    pub fn as_char(self) -> Option<char> {
        if self.0 & Self::CLUSTER == 0 { char::from_u32(self.0 & Self::VALUE) } else { None }
    }

    pub fn as_cluster(self) -> Option<u32> {
        (self.0 & Self::CLUSTER != 0).then_some(self.0 & Self::VALUE)
    }
}

impl Cell {
    pub const BLANK: Self = Self::erased(Color::DEFAULT);
    pub const TAIL: Self = Self { glyph: Glyph::TAIL, ..Self::BLANK };

    /// A cell that was erased while the background was `bg`.
    pub const fn erased(bg: Color) -> Self {
        let style = Style { fg: Color::DEFAULT, bg, attrs: Attrs(0), extra: 0 };
        Self { glyph: Glyph::BLANK, style }
    }

    /// Nothing but a background.
    pub fn is_erased(&self) -> bool {
        *self == Self::erased(self.style.bg)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_stays_small() {
        assert_eq!(size_of::<Cell>(), 16);
    }

    #[test]
    fn glyphs_say_what_they_are() {
        assert_eq!(Glyph::char('世', true).as_char(), Some('世'));
        assert!(Glyph::char('世', true).is_wide());
        assert_eq!(Glyph::cluster(7, true).as_cluster(), Some(7));
        assert_eq!(Glyph::cluster(7, false).as_char(), None);
        assert!(Glyph::TAIL.is_tail() && !Glyph::BLANK.is_tail());
    }
}
