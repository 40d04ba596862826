//! Text from tmux whose encoding nobody guarantees.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

/// A name, a title or a value as tmux sent it: usually UTF-8, but whoever set it could put any bytes
/// in.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct RawText(pub Bytes);

impl RawText {
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What is not UTF-8 becomes U+FFFD.
    pub fn lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

impl From<&[u8]> for RawText {
    fn from(text: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(text))
    }
}

impl PartialEq<str> for RawText {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl fmt::Debug for RawText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}
