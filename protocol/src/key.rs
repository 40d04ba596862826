//! Keys as people type them after `codepiper keys`.

use std::fmt;
use std::str::FromStr;

/// One key press. Two spellings of the same key are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    ctrl: bool,
    alt: bool,
    shift: bool,
    base: Base,
}

/// How a key reaches a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stroke {
    /// These bytes, whatever the program's modes are.
    Bytes(Vec<u8>),
    /// tmux knows the key by this name, and which bytes the program's modes ask for.
    TmuxName(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Base {
    Char(char),
    Special(Special),
    /// F1 to F12.
    Function(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Special {
    Enter,
    Escape,
    Tab,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
    Backspace,
    Delete,
    Insert,
}

/// Keys, our names for them, and tmux's. The first of several names is the one shown.
const SPECIALS: &[(Special, &[&str], &str)] = &[
    (Special::Enter, &["enter", "return"], "Enter"),
    (Special::Escape, &["escape", "esc"], "Escape"),
    (Special::Tab, &["tab"], "Tab"),
    (Special::Up, &["up"], "Up"),
    (Special::Down, &["down"], "Down"),
    (Special::Left, &["left"], "Left"),
    (Special::Right, &["right"], "Right"),
    (Special::Home, &["home"], "Home"),
    (Special::End, &["end"], "End"),
    (Special::PageUp, &["pageup", "pgup"], "PPage"),
    (Special::PageDown, &["pagedown", "pgdn"], "NPage"),
    (Special::Backspace, &["backspace"], "BSpace"),
    (Special::Delete, &["delete", "del"], "DC"),
    (Special::Insert, &["insert", "ins"], "IC"),
];

impl Key {
    /// Whether the key exists only for programs that asked for extended keys (modifyOtherKeys or the
    /// kitty keyboard protocol), for example shift+enter. A plain terminal cannot say it.
    pub fn is_extended(self) -> bool {
        match self.base {
            Base::Char(c) => self.shift || self.ctrl && !has_control_character(c),
            Base::Special(Special::Enter | Special::Escape | Special::Backspace) => self.ctrl || self.shift,
            Base::Special(Special::Tab) => self.ctrl,
            Base::Special(_) | Base::Function(_) => false,
        }
    }

    pub fn stroke(self) -> Stroke {
        match self.base {
            // A name could mean more than the character: ";" ends a command.
            Base::Char(c) if !(self.ctrl || self.alt || self.shift) => {
                Stroke::Bytes(c.to_string().into_bytes())
            }
            // tmux 3.3a types the letters "S-Enter" when the program did not ask for extended keys.
            // An escape sequence that it does not know does less harm.
            _ if self.is_extended() => Stroke::Bytes(self.csi_u().into_bytes()),
            _ => Stroke::TmuxName(self.tmux_name()),
        }
    }

    /// The encoding of extended keys: `CSI code ; 1 + modifiers u`.
    fn csi_u(self) -> String {
        let code = match self.base {
            Base::Char(c) if self.shift => uppercase(c) as u32,
            Base::Char(c) => c as u32,
            Base::Special(Special::Enter) => 13,
            Base::Special(Special::Escape) => 27,
            Base::Special(Special::Tab) => 9,
            Base::Special(Special::Backspace) => 127,
            Base::Special(_) | Base::Function(_) => unreachable!("tmux has names for these"),
        };
        let modifiers = u8::from(self.shift) + 2 * u8::from(self.alt) + 4 * u8::from(self.ctrl);
        format!("\x1b[{code};{}u", 1 + modifiers)
    }

    fn tmux_name(self) -> String {
        let (shift, base) = match self.base {
            // "S-Tab" is another key for tmux, which plain terminals do not have.
            Base::Special(Special::Tab) if self.shift => (false, "BTab".to_owned()),
            Base::Special(special) => (self.shift, names(special).1.to_owned()),
            Base::Char(' ') => (self.shift, "Space".to_owned()),
            Base::Char(c) => (self.shift, c.to_string()),
            Base::Function(number) => (self.shift, format!("F{number}")),
        };
        modifiers([(self.ctrl, "C-"), (self.alt, "M-"), (shift, "S-")]) + &base
    }

    /// Spells what is the same key in one way: shift with a letter is the capital letter, and ctrl
    /// does not tell capital letters from others.
    fn folded(mut self) -> Self {
        if let Base::Char(c) = self.base {
            if self.ctrl {
                self.base = Base::Char(c.to_ascii_lowercase());
            } else if self.shift && uppercase(c) != c {
                self.shift = false;
                self.base = Base::Char(uppercase(c));
            }
        }
        self
    }
}

/// Lower case, modifiers first: `ctrl+shift+x`.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&modifiers([(self.ctrl, "ctrl+"), (self.alt, "alt+"), (self.shift, "shift+")]))?;
        match self.base {
            Base::Char(' ') => f.write_str("space"),
            Base::Char(c) => write!(f, "{c}"),
            Base::Special(special) => f.write_str(names(special).0),
            Base::Function(number) => write!(f, "f{number}"),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub struct InvalidKey(String);

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is not a key; keys are single characters, space", self.0)?;
        for (_, names, _) in SPECIALS {
            write!(f, ", {}", names[0])?;
        }
        write!(f, ", f1 to f12, and these after ctrl+, alt+ or shift+, for example ctrl+c")
    }
}

impl std::error::Error for InvalidKey {}

impl FromStr for Key {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidKey(text.to_owned());
        let (mut ctrl, mut alt, mut shift) = (false, false, false);
        let mut rest = text;
        // A '+' with nothing behind it is a key: "+", "ctrl++".
        while let Some((modifier, after)) = rest.split_once('+').filter(|(_, after)| !after.is_empty()) {
            let pressed = match modifier.to_ascii_lowercase().as_str() {
                "ctrl" | "control" => &mut ctrl,
                "alt" | "meta" => &mut alt,
                "shift" => &mut shift,
                _ => return Err(invalid()),
            };
            if std::mem::replace(pressed, true) {
                return Err(invalid());
            }
            rest = after;
        }
        let base = base(rest).ok_or_else(invalid)?;
        Ok(Self { ctrl, alt, shift, base }.folded())
    }
}

fn base(text: &str) -> Option<Base> {
    let mut chars = text.chars();
    if let (Some(c), None) = (chars.next(), chars.next()) {
        return (!c.is_control()).then_some(Base::Char(c));
    }
    let name = text.to_ascii_lowercase();
    if name == "space" {
        return Some(Base::Char(' '));
    }
    if let Some(number) = (1..=12).find(|number| name == format!("f{number}")) {
        return Some(Base::Function(number));
    }
    let known = SPECIALS.iter().find(|(_, names, _)| names.contains(&name.as_str()));
    known.map(|(special, ..)| Base::Special(*special))
}

/// Our name and tmux's.
fn names(special: Special) -> (&'static str, &'static str) {
    let known = SPECIALS.iter().find(|(known, ..)| *known == special);
    known.map(|(_, ours, tmux)| (ours[0], *tmux)).expect("every special key is in the table")
}

fn modifiers(pressed: [(bool, &str); 3]) -> String {
    pressed.iter().filter(|(on, _)| *on).map(|(_, name)| *name).collect()
}

/// Whether ctrl makes one of the 32 control characters (or DEL) of `c`, on plain terminals too.
fn has_control_character(c: char) -> bool {
    matches!(c, 'a'..='z' | ' ' | '@' | '[' | '\\' | ']' | '^' | '_' | '?')
}

/// `c` itself when its capital is not one character.
fn uppercase(c: char) -> char {
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(upper), None) => upper,
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    /// Compared with what a program in a pane of tmux 3.3a receives.
    #[test]
    fn keys_have_the_names_of_tmux() {
        for (text, name) in [
            ("ctrl+c", "C-c"),
            ("CTRL+C", "C-c"),
            ("ctrl+space", "C-Space"),
            ("ctrl+[", "C-["),
            ("ctrl+\\", "C-\\"),
            ("alt+x", "M-x"),
            ("alt+X", "M-X"),
            ("alt+shift+x", "M-X"),
            ("alt++", "M-+"),
            ("alt+é", "M-é"),
            ("alt+ctrl+x", "C-M-x"),
            ("enter", "Enter"),
            ("Return", "Enter"),
            ("alt+enter", "M-Enter"),
            ("esc", "Escape"),
            ("tab", "Tab"),
            ("shift+tab", "BTab"),
            ("alt+shift+tab", "M-BTab"),
            ("up", "Up"),
            ("ctrl+left", "C-Left"),
            ("ctrl+alt+shift+up", "C-M-S-Up"),
            ("pageup", "PPage"),
            ("PageDown", "NPage"),
            ("backspace", "BSpace"),
            ("alt+backspace", "M-BSpace"),
            ("delete", "DC"),
            ("insert", "IC"),
            ("f1", "F1"),
            ("shift+F12", "S-F12"),
        ] {
            assert_eq!(key(text).stroke(), Stroke::TmuxName(name.to_owned()), "{text}");
            assert!(!key(text).is_extended(), "{text}");
        }
    }

    #[test]
    fn characters_arrive_as_they_are() {
        for (text, bytes) in [
            ("a", "a"),
            ("A", "A"),
            (";", ";"),
            ("+", "+"),
            ("space", " "),
            (" ", " "),
            ("é", "é"),
            ("😀", "😀"),
        ] {
            assert_eq!(key(text).stroke(), Stroke::Bytes(bytes.as_bytes().to_vec()), "{text}");
        }
        assert_eq!(key("shift+a"), key("A"));
    }

    #[test]
    fn what_plain_terminals_cannot_say_is_encoded_here() {
        for (text, bytes) in [
            ("shift+enter", "\x1b[13;2u"),
            ("ctrl+enter", "\x1b[13;5u"),
            ("ctrl+shift+x", "\x1b[88;6u"),
            ("ctrl+tab", "\x1b[9;5u"),
            ("ctrl+shift+tab", "\x1b[9;6u"),
            ("ctrl+;", "\x1b[59;5u"),
            ("ctrl++", "\x1b[43;5u"),
            ("shift+space", "\x1b[32;2u"),
            ("ctrl+backspace", "\x1b[127;5u"),
        ] {
            assert!(key(text).is_extended(), "{text}");
            assert_eq!(key(text).stroke(), Stroke::Bytes(bytes.as_bytes().to_vec()), "{text}");
        }
    }

    #[test]
    fn text_form_round_trips() {
        for text in
            ["ctrl+alt+shift+up", "a", "A", "space", "shift+tab", "f12", "ctrl++", "pageup", "ctrl+shift+x"]
        {
            assert_eq!(key(text).to_string(), text);
        }
        assert_eq!(key("Control+Shift+X").to_string(), "ctrl+shift+x");
    }

    #[test]
    fn the_error_names_the_key_and_those_that_exist() {
        for bad in ["", "hello", "ctrl+", "ctrl+ctrl+c", "super+x", "f0", "f13", "f01", "\n", "+a", "é1"] {
            assert!(bad.parse::<Key>().is_err(), "{bad:?}");
        }
        let message = "ctrl+entre".parse::<Key>().unwrap_err().to_string();
        assert!(message.starts_with("'ctrl+entre' is not a key; "), "{message}");
        assert!(message.contains("enter") && message.contains("ctrl+c"), "{message}");
    }
}
