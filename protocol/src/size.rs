//! The size of a terminal.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The size of a terminal in cells. tmux takes 1 to 10,000 each way (`WINDOW_MAXIMUM` in tmux.h);
/// we take 2 to 1,000, since a grid larger than that is a mistake and costs memory for every cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(try_from = "Unchecked")]
pub struct Size {
    cols: u16,
    rows: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    cols: u16,
    rows: u16,
}

impl TryFrom<Unchecked> for Size {
    type Error = InvalidSize;

    fn try_from(Unchecked { cols, rows }: Unchecked) -> Result<Self, Self::Error> {
        Size::new(cols, rows).ok_or_else(|| InvalidSize(format!("{cols}x{rows}")))
    }
}

impl Size {
    pub const MIN: u16 = 2;
    pub const MAX: u16 = 1000;
    pub const DEFAULT: Size = Size { cols: 120, rows: 32 };

    pub fn new(cols: u16, rows: u16) -> Option<Self> {
        let valid = Self::MIN..=Self::MAX;
        (valid.contains(&cols) && valid.contains(&rows)).then_some(Self { cols, rows })
    }

    pub fn cols(self) -> u16 {
        self.cols
    }

    pub fn rows(self) -> u16 {
        self.rows
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.cols, self.rows)
    }
}

#[derive(Debug, PartialEq, Eq)]
pub struct InvalidSize(String);

impl fmt::Display for InvalidSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "'{}' is not a terminal size; write COLSxROWS, each from {} to {}, for example 120x32",
            self.0,
            Size::MIN,
            Size::MAX
        )
    }
}

impl std::error::Error for InvalidSize {}

impl FromStr for Size {
    type Err = InvalidSize;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split_once(['x', 'X'])
            .and_then(|(cols, rows)| Size::new(cols.parse().ok()?, rows.parse().ok()?))
            .ok_or_else(|| InvalidSize(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sane_sizes_exist() {
        assert_eq!("120x32".parse(), Ok(Size::DEFAULT));
        for bad in ["", "120", "0x10", "1x10", "1001x10", "-3x4", "axb", "120x32x1"] {
            assert!(bad.parse::<Size>().is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<Size>(r#"{"cols":0,"rows":5}"#).is_err());
    }
}
