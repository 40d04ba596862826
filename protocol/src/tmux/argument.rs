//! The arguments of commands: what exists here can be sent.

use std::fmt;
use std::str::FromStr;

use bytes::{BufMut, BytesMut};

use super::quote::{quote, quote_plain};
use super::{PaneId, TmuxSessionId, WindowId};

/// Any bytes but NUL, at which tmux would cut the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    /// `None` when the text contains NUL.
    pub fn new(text: &'a (impl AsRef<[u8]> + ?Sized)) -> Option<Self> {
        let text = text.as_ref();
        (!text.contains(&0)).then_some(Self(text))
    }

    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

/// A path that begins with `/`: it cannot be `-`, which would read the command stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbsolutePath<'a>(&'a [u8]);

impl<'a> AbsolutePath<'a> {
    /// `None` when the path is relative or contains NUL.
    pub fn new(path: &'a (impl AsRef<[u8]> + ?Sized)) -> Option<Self> {
        Text::new(path).filter(|text| text.0.first() == Some(&b'/')).map(|text| Self(text.0))
    }

    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

/// A program and its arguments. There is at least one: tmux gives a single word to a shell, and
/// executes two and more as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program<'a> {
    pub path: AbsolutePath<'a>,
    pub first: Text<'a>,
    pub rest: &'a [Text<'a>],
}

impl Program<'_> {
    pub(super) fn render(&self, out: &mut BytesMut) {
        quote(self.path.0, out);
        for word in std::iter::once(&self.first).chain(self.rest) {
            out.put_u8(b' ');
            quote(word.0, out);
        }
    }
}

/// The name of a session of tmux: 1 to 64 of `A-Za-z0-9_-`, not beginning with `-`. tmux rewrites or
/// interprets other characters in targets.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionName(String);

impl SessionName {
    /// The session that holds a link to every supervised window.
    pub fn hub() -> Self {
        Self("_hub".to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Debug, PartialEq, Eq)]
pub struct InvalidSessionName(String);

impl fmt::Display for InvalidSessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "'{}' cannot name a tmux session; use 1 to 64 of A-Z, a-z, 0-9, _ and -, not beginning with -",
            self.0
        )
    }
}

impl std::error::Error for InvalidSessionName {}

impl FromStr for SessionName {
    type Err = InvalidSessionName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if (1..=64).contains(&name.len()) && name.bytes().all(allowed) && !name.starts_with('-') {
            Ok(Self(name.to_owned()))
        } else {
            Err(InvalidSessionName(name.to_owned()))
        }
    }
}

impl fmt::Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// What a command acts on. Names are matched exactly (`=`), never by prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Pane(PaneId),
    Window(WindowId),
    Session(TmuxSessionId),
    /// `=NAME:`. Where a window or a pane is wanted: the current one of the session.
    Named(SessionName),
    /// `=NAME:{end}`: the window with the highest index.
    LastWindowOf(SessionName),
}

impl Target {
    pub(super) fn render(&self, out: &mut BytesMut) {
        match self {
            Self::Pane(pane) => quote_plain(pane, out),
            Self::Window(window) => quote_plain(window, out),
            Self::Session(session) => quote_plain(format_args!("\\{session}"), out),
            Self::Named(name) => quote_plain(format_args!("={name}:"), out),
            Self::LastWindowOf(name) => quote_plain(format_args!("={name}:{{end}}"), out),
        }
    }
}

impl From<PaneId> for Target {
    fn from(pane: PaneId) -> Self {
        Self::Pane(pane)
    }
}

impl From<WindowId> for Target {
    fn from(window: WindowId) -> Self {
        Self::Window(window)
    }
}

impl From<TmuxSessionId> for Target {
    fn from(session: TmuxSessionId) -> Self {
        Self::Session(session)
    }
}

impl From<SessionName> for Target {
    fn from(name: SessionName) -> Self {
        Self::Named(name)
    }
}

/// A paste buffer of ours: `cp-N`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferName(pub u64);

impl fmt::Display for BufferName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cp-{}", self.0)
    }
}

/// The name of a subscription: some of `a-z0-9_-`. tmux splits the request at `:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubscriptionName(&'static str);

impl SubscriptionName {
    /// Panics, at compile time for constants, when the name has other characters or none.
    pub const fn new(name: &'static str) -> Self {
        let bytes = name.as_bytes();
        assert!(!bytes.is_empty(), "the name is not empty");
        let mut index = 0;
        while index < bytes.len() {
            let valid = matches!(bytes[index], b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
            assert!(valid, "the name is some of a-z, 0-9, _ and -");
            index += 1;
        }
        Self(name)
    }

    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for SubscriptionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Some bytes for a pane, as many as one `send-keys -H` takes well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyBytes<'a>(&'a [u8]);

impl<'a> KeyBytes<'a> {
    /// tmux 3.3a takes 5,000 arguments and dies of 10,000 ("yacc stack overflow").
    pub const MAX: usize = 1000;
    pub const ENTER: KeyBytes<'static> = KeyBytes(b"\r");

    /// `None` when there are none, or more than [`KeyBytes::MAX`].
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        (1..=Self::MAX).contains(&bytes.len()).then_some(Self(bytes))
    }

    /// As many pieces as needed; none for no bytes.
    pub fn split(bytes: &'a [u8]) -> impl ExactSizeIterator<Item = Self> {
        bytes.chunks(Self::MAX).map(Self)
    }

    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

/// The name of an environment variable: `[A-Za-z_][A-Za-z0-9_]*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VariableName<'a>(&'a str);

impl<'a> VariableName<'a> {
    pub fn new(name: &'a str) -> Option<Self> {
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let valid = name.bytes().all(valid) && !name.starts_with(|c: char| c.is_ascii_digit());
        (valid && !name.is_empty()).then_some(Self(name))
    }

    pub fn as_str(self) -> &'a str {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_tmux_would_interpret_do_not_exist() {
        for good in ["_hub", "codepiper-1a2b3c4d", "a"] {
            assert_eq!(good.parse::<SessionName>().unwrap().as_str(), good);
        }
        for bad in ["", "a:b", "a.b", "-a", "é", "a b", "a\n", "#{x}", &"a".repeat(65)] {
            assert!(bad.parse::<SessionName>().is_err(), "{bad}");
        }
        for bad in ["", "1A", "A=B", "A B", "é"] {
            assert_eq!(VariableName::new(bad), None, "{bad}");
        }
    }

    #[test]
    fn texts_that_tmux_would_cut_or_misread_do_not_exist() {
        assert_eq!(Text::new("a\0b"), None);
        assert_eq!(AbsolutePath::new("-"), None);
        assert_eq!(AbsolutePath::new(""), None);
        assert_eq!(AbsolutePath::new("a/b"), None);
        assert!(AbsolutePath::new("/a b").is_some());
    }

    #[test]
    fn bytes_are_cut_into_pieces() {
        let lengths = |count| KeyBytes::split(&vec![0; count]).map(|piece| piece.0.len()).collect::<Vec<_>>();
        assert!(lengths(0).is_empty());
        assert_eq!(lengths(1000), [1000]);
        assert_eq!(lengths(2001), [1000, 1000, 1]);
        assert_eq!(KeyBytes::new(&[]), None);
        assert_eq!(KeyBytes::new(&[0; 1001]), None);
    }
}
