//! The ids that tmux gives out.
//!
//! They are unique for the life of one server and never reused in it; a new server begins again
//! at 0.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $sigil:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl $name {
            /// Reads the sigil and the number, and nothing else.
            pub fn parse(text: &[u8]) -> Option<Self> {
                match text {
                    [$sigil, digits @ ..] => number(digits).map(Self),
                    _ => None,
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", char::from($sigil), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidTmuxId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text.as_bytes()).ok_or_else(|| InvalidTmuxId(text.to_owned()))
            }
        }
    };
}

id!(
    /// A pane: `%N`.
    PaneId, b'%'
);
id!(
    /// A window: `@N`. It keeps its id in every session it is linked to.
    WindowId, b'@'
);
id!(
    /// A session of tmux: `$N`.
    TmuxSessionId, b'$'
);

#[derive(Debug, PartialEq, Eq)]
pub struct InvalidTmuxId(String);

impl fmt::Display for InvalidTmuxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is not a tmux id; ids look like %3 (pane), @3 (window), $3 (session)", self.0)
    }
}

impl std::error::Error for InvalidTmuxId {}

fn number(digits: &[u8]) -> Option<u32> {
    // `str::parse` would take a sign.
    if !digits.first()?.is_ascii_digit() {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips() {
        assert_eq!("%12".parse(), Ok(PaneId(12)));
        assert_eq!("@0".parse(), Ok(WindowId(0)));
        assert_eq!(TmuxSessionId(u32::MAX).to_string().parse(), Ok(TmuxSessionId(u32::MAX)));
        for bad in ["", "%", "1", "@1", "%+1", "%-1", "%1 ", "%4294967296"] {
            assert!(bad.parse::<PaneId>().is_err(), "{bad}");
        }
    }
}
