//! The address of a byte of a session's output.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A position in a session's output: `EPOCH:OFFSET`.
///
/// `offset` counts the bytes since the session began. `epoch` changes when continuity cannot be
/// proven, for example after a crash of the daemon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(test, derive(ts_rs::TS), ts(type = "string"))]
pub struct Cursor {
    pub epoch: u32,
    /// Bytes.
    pub offset: u64,
}

impl Cursor {
    pub fn new(epoch: u32, offset: u64) -> Self {
        Self { epoch, offset }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.offset)
    }
}

#[derive(Debug, PartialEq, Eq)]
pub struct InvalidCursor(String);

impl fmt::Display for InvalidCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is not a cursor; a cursor looks like 0:1234 (epoch:offset)", self.0)
    }
}

impl std::error::Error for InvalidCursor {}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidCursor(text.to_owned());
        let (epoch, offset) = text.split_once(':').ok_or_else(invalid)?;
        Ok(Self {
            epoch: epoch.parse().map_err(|_| invalid())?,
            offset: offset.parse().map_err(|_| invalid())?,
        })
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips() {
        let cursor = Cursor::new(3, 1234);
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for bad in ["", "3", "3:", ":4", "-1:2", "1:2:3", "a:b"] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad}");
        }
    }
}
