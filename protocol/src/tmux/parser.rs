//! Everything that comes from tmux, as items.
//!
//! # Reply blocks
//!
//! The reply to a command stands between `%begin` and `%end` or `%error` with the same three
//! numbers, and may contain any line: a captured screen can show a recording of this very protocol.
//! Therefore **nothing but the guard with equal numbers means anything inside a block**; every other
//! line is its body. Two things that tmux does write into a block stay readable:
//!
//! * `%pause` and `%continue`, which tmux before its notifications were deferred writes into the
//!   block of the `refresh-client -A` that caused them: that command prints nothing else, so whoever
//!   sent it finds them in the body of its reply ([`Reply::notifications`]).
//! * `%exit`, when the server dies inside a command: it is the last line before the end of the
//!   stream. A body line that looks like it can only be told apart by what follows, so it is reported
//!   by [`Parser::finish`], when nothing followed.

use bytes::{Bytes, BytesMut};

use super::line::{self, Guard, GuardKind, Line};
use super::{Escaped, Framed, Framer, MAX_LINE, Notification, PaneId};

/// A unit of what tmux sends.
#[derive(Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A program printed something.
    Output {
        pane: PaneId,
        /// How long tmux held the output back, when the client has `pause-after` set.
        age_ms: Option<u64>,
        data: Escaped<'a>,
    },
    Reply(Reply),
    Notification(Notification),
    /// The connection ends. Nothing follows.
    Exit {
        /// `None` after a detach, a `kill-session` and the like.
        reason: Option<String>,
    },
    /// To be counted and logged: hooks, newer versions and login shells put lines of their own here.
    Unknown(&'a [u8]),
    /// A line or a reply of at least this many bytes was dropped. What it said is unknown, so the
    /// connection has to be made anew.
    TooLong {
        bytes: u64,
    },
}

/// What a command answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub guard: Guard,
    /// False when the command failed; then the body is the message.
    pub ok: bool,
    /// Lines, each with an LF at its end.
    pub body: Bytes,
}

impl Reply {
    /// Whether the command came over this connection. Replies to the command that opened the
    /// connection, and to hooks, are not answers to anybody.
    pub fn from_client(&self) -> bool {
        self.guard.flags & 1 == 1
    }

    /// Without their line ends.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.body.split_inclusive(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\n").unwrap_or(line))
    }

    /// The body as a message for people.
    pub fn message(&self) -> String {
        String::from_utf8_lossy(&self.body).trim_end().to_owned()
    }

    /// The notifications in the body. Only for replies to `refresh-client -A`, see the
    /// [module](self).
    pub fn notifications(&self) -> impl Iterator<Item = Notification> {
        self.lines().filter_map(|line| match Line::parse(line) {
            Line::Notification(notification) => Some(notification),
            _ => None,
        })
    }
}

/// Bytes from tmux in, items out. Never fails: what it does not understand it hands on.
#[derive(Debug)]
pub struct Parser {
    framer: Framer,
    block: Block,
}

impl Parser {
    pub fn new() -> Self {
        Self::with_limit(MAX_LINE)
    }

    /// Takes lines and replies of at most `limit` bytes each.
    pub fn with_limit(limit: usize) -> Self {
        Self { framer: Framer::new(limit), block: Block { open: None, body: BytesMut::new(), limit } }
    }

    /// Hands every item that `bytes` completes to `sink`.
    pub fn feed(&mut self, bytes: &[u8], sink: &mut impl FnMut(Item<'_>)) {
        let Self { framer, block } = self;
        framer.feed(bytes, |framed| match framed {
            Framed::Line(line) => block.line(line, sink),
            Framed::TooLong { bytes } => sink(Item::TooLong { bytes }),
        });
    }

    /// The stream has ended.
    pub fn finish(self, sink: &mut impl FnMut(Item<'_>)) {
        if let Some(reason) = self.block.trailing_exit() {
            sink(exit_item(reason));
        }
        // `tmux -CC` ends with a string terminator, and no line end.
        let partial = self.framer.partial();
        if !partial.is_empty() && partial != b"\x1b\\" {
            sink(Item::Unknown(partial));
        }
    }
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

/// The reply that is being read.
#[derive(Debug)]
struct Block {
    open: Option<Guard>,
    body: BytesMut,
    limit: usize,
}

impl Block {
    fn line(&mut self, line: &[u8], sink: &mut impl FnMut(Item<'_>)) {
        match self.open {
            None => self.line_outside(line, sink),
            Some(open) => self.line_inside(open, line, sink),
        }
    }

    fn line_outside(&mut self, line: &[u8], sink: &mut impl FnMut(Item<'_>)) {
        // `tmux -CC` opens with a DCS.
        let line = line.strip_prefix(b"\x1bP1000p").unwrap_or(line);
        match Line::parse(line) {
            Line::Output { pane, age_ms, data } => sink(Item::Output { pane, age_ms, data }),
            Line::Guard(GuardKind::Begin, guard) => self.open = Some(guard),
            Line::Guard(..) => sink(Item::Unknown(line)),
            Line::Exit { reason } => sink(exit_item(reason)),
            Line::Notification(notification) => sink(Item::Notification(notification)),
            Line::Unknown(line) => sink(Item::Unknown(line)),
        }
    }

    fn line_inside(&mut self, open: Guard, line: &[u8], sink: &mut impl FnMut(Item<'_>)) {
        if line.starts_with(b"%e") {
            match line::guard(line) {
                Some((kind @ (GuardKind::End | GuardKind::Error), guard)) if guard == open => {
                    self.open = None;
                    let body = self.body.split().freeze();
                    return sink(Item::Reply(Reply { guard, ok: kind == GuardKind::End, body }));
                }
                _ => {}
            }
        }
        if self.body.len() + line.len() >= self.limit {
            sink(Item::TooLong { bytes: (self.body.len() + line.len()) as u64 });
            self.body = BytesMut::new();
        } else {
            self.body.extend_from_slice(line);
            self.body.extend_from_slice(b"\n");
        }
    }

    /// The last line of an open block, when it reads as `%exit`. Inner: the reason.
    fn trailing_exit(&self) -> Option<Option<&[u8]>> {
        self.open?;
        let lines = self.body.strip_suffix(b"\n")?;
        line::exit(lines.rsplit(|&byte| byte == b'\n').next()?)
    }
}

fn exit_item(reason: Option<&[u8]>) -> Item<'static> {
    Item::Exit { reason: reason.map(|reason| String::from_utf8_lossy(reason).into_owned()) }
}
