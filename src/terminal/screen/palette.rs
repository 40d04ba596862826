//! Colours that a program redefines (OSC 4, 10, 11, 12 and their resets).

use std::collections::BTreeMap;

/// Redefined colours, as the program wrote them: `rgb:RR/GG/BB` or `#RRGGBB`. Names and other notations
/// have no effect.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Palette {
    /// By the number of the command: 10 foreground, 11 background, 12 cursor.
    special: BTreeMap<u16, String>,
    indexed: BTreeMap<u8, String>,
}

impl Palette {
    /// `OSC 4`: pairs of a number and a colour.
    pub fn set_indexed(&mut self, pairs: &str) {
        let mut words = pairs.split(';');
        while let (Some(number), Some(color)) = (words.next(), words.next()) {
            let Ok(number) = number.parse() else { return };
            if is_color(color) {
                self.indexed.insert(number, color.to_owned());
            }
        }
    }

    /// `OSC 104`: the colours to reset, all when there is none.
    pub fn reset_indexed(&mut self, numbers: &str) {
        if numbers.is_empty() {
            self.indexed.clear();
        }
        for number in numbers.split(';').filter_map(|number| number.parse().ok()) {
            self.indexed.remove(&number);
        }
    }

    pub fn set_special(&mut self, command: u16, color: &str) {
        if is_color(color) {
            self.special.insert(command, color.to_owned());
        }
    }

    pub fn reset_special(&mut self, command: u16) {
        self.special.remove(&command);
    }

    /// Operating system commands that set what is set here.
    pub fn commands(&self) -> impl Iterator<Item = String> {
        let indexed = self.indexed.iter().map(|(number, color)| format!("4;{number};{color}"));
        indexed.chain(self.special.iter().map(|(command, color)| format!("{command};{color}")))
    }
}

fn is_color(text: &str) -> bool {
    let hex = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match (text.strip_prefix("rgb:"), text.strip_prefix('#')) {
        (Some(parts), _) => {
            let parts: Vec<_> = parts.split('/').collect();
            let digits = parts[0].len();
            let same = parts.iter().all(|part| hex(part) && part.len() == digits);
            parts.len() == 3 && same && matches!(digits, 2 | 4)
        }
        (_, Some(digits)) => hex(digits) && matches!(digits.len(), 6 | 12),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_kept_and_reset() {
        let mut palette = Palette::default();
        palette.set_indexed("1;rgb:ff/00/00;2;?;3;#00ff00;4;red;300;#000000");
        palette.set_special(11, "rgb:1111/2222/3333");
        palette.set_special(10, "rgb:1/2/3");
        let commands: Vec<_> = palette.commands().collect();
        assert_eq!(commands, ["4;1;rgb:ff/00/00", "4;3;#00ff00", "11;rgb:1111/2222/3333"]);
        palette.reset_indexed("3");
        palette.reset_special(11);
        assert_eq!(palette.commands().count(), 1);
        palette.reset_indexed("");
        assert_eq!(palette, Palette::default());
    }
}
