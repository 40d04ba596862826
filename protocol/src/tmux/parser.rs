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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tmux::TmuxSessionId;

    /// The items of a whole stream, as text: items borrow from the parser.
    fn items(stream: &[u8]) -> Vec<String> {
        items_in_pieces([stream], MAX_LINE)
    }

    fn items_in_pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, limit: usize) -> Vec<String> {
        let mut items = Vec::new();
        let mut sink = |item: Item<'_>| items.push(format!("{item:?}"));
        let mut parser = Parser::with_limit(limit);
        for piece in pieces {
            parser.feed(piece, &mut sink);
        }
        parser.finish(&mut sink);
        items
    }

    fn only_reply(stream: &[u8]) -> Reply {
        let mut replies = Vec::new();
        Parser::new().feed(stream, &mut |item| match item {
            Item::Reply(reply) => replies.push(reply),
            other => panic!("{other:?}"),
        });
        assert_eq!(replies.len(), 1);
        replies.remove(0)
    }

    #[test]
    fn a_reply_has_the_lines_between_its_guards() {
        let reply = only_reply(b"%begin 17 5 1\n%0\n\n  two\xff\n%end 17 5 1\n");
        assert_eq!(reply.guard, Guard { time: 17, number: 5, flags: 1 });
        assert!(reply.ok && reply.from_client());
        assert_eq!(reply.lines().collect::<Vec<_>>(), [&b"%0"[..], b"", b"  two\xff"]);

        let reply = only_reply(b"%begin 17 5 0\n%end 17 5 0\n");
        assert!(!reply.from_client());
        assert_eq!(reply.lines().count(), 0);

        let reply = only_reply(b"%begin 17 5 1\nno such pane: %9\n%error 17 5 1\n");
        assert!(!reply.ok);
        assert_eq!(reply.message(), "no such pane: %9");
    }

    #[test]
    fn only_its_own_guard_ends_a_reply() {
        let screen = "%output %1 x\n%end 17 4 1\n%end 16 5 1\n%end 17 5 0\n%error\n%end 17 5 1 \n\
             %begin 17 6 1\n%end 17 6 1\n%exit\n%pause %1\n";
        let reply = only_reply(format!("%begin 17 5 1\n{screen}%end 17 5 1\n").as_bytes());
        assert_eq!(reply.body, screen);
    }

    #[test]
    fn notifications_in_a_reply_are_found_by_who_expects_them() {
        let reply = only_reply(b"%begin 17 5 1\n%continue %1\n%end 17 5 1\n");
        assert_eq!(reply.notifications().collect::<Vec<_>>(), [Notification::Continue { pane: PaneId(1) }]);
    }

    #[test]
    fn an_exit_in_a_reply_counts_when_it_is_the_last_line() {
        let exit = r#"Exit { reason: Some("server exited unexpectedly") }"#;
        assert_eq!(items(b"%exit server exited unexpectedly\n"), [exit]);
        assert_eq!(items(b"%begin 17 5 1\nbody\n%exit server exited unexpectedly\n"), [exit]);
        assert_eq!(items(b"%begin 17 5 1\n%exit server exited unexpectedly\nmore\n"), [""; 0]);
        assert_eq!(items(b"%begin 17 5 1\nbody\n"), [""; 0]);
    }

    #[test]
    fn what_surrounds_the_stream_of_a_pty_is_ignored() {
        assert_eq!(
            items(b"\x1bP1000p%sessions-changed\r\n%exit\r\n\x1b\\"),
            ["Notification(SessionsChanged)", "Exit { reason: None }"]
        );
    }

    #[test]
    fn unknown_lines_are_handed_on() {
        assert_eq!(items(b"Last login\n%end 1 2 3\nhalf a li").len(), 3);
        let mut items = Vec::new();
        Parser::new().feed(b"%new-thing 1\n%session-changed $2 a\n", &mut |item| match item {
            Item::Unknown(line) => items.push(String::from_utf8_lossy(line).into_owned()),
            Item::Notification(Notification::SessionChanged { session, .. }) => {
                assert_eq!(session, TmuxSessionId(2));
            }
            other => panic!("{other:?}"),
        });
        assert_eq!(items, ["%new-thing 1"]);
    }

    #[test]
    fn what_is_too_long_is_dropped_and_said() {
        let stream = |count| format!("%output %1 {}\n%sessions-changed\n", "x".repeat(count));
        let parse = |text: String| items_in_pieces([text.as_bytes()], 100);
        assert_eq!(parse(stream(101)), ["TooLong { bytes: 112 }", "Notification(SessionsChanged)"]);
        let reply = |lines| format!("%begin 1 2 1\n{}%end 1 2 1\n", "123456789\n".repeat(lines));
        assert_eq!(parse(reply(9)).len(), 1);
        assert!(parse(reply(11))[0].starts_with("TooLong"));
    }

    const PIECES: &[&str] = &[
        "%begin 17 5 1\n",
        "%end 17 5 1\n",
        "%error 17 5 1\n",
        "%begin 17 6 0\r\n",
        "%end 17 6 0\r\n",
        "%output %1 a\\033[0m\n",
        "%extended-output %1 5 : x\n",
        "%exit\n",
        "%pause %1\n",
        "%window-add @1\n",
        "\x1bP1000p",
        "\x1b\\",
        "text\n",
        "\n",
        "%",
        "long long long long line\n",
    ];

    proptest! {
        #[test]
        fn any_bytes_are_some_items(bytes: Vec<u8>) {
            items(&bytes);
        }

        #[test]
        fn pieces_do_not_matter(
            lines in prop::collection::vec(prop::sample::select(PIECES), 0..24),
            cuts in prop::collection::vec(0..200usize, 0..4),
        ) {
            let stream = lines.concat().into_bytes();
            let mut rest = &stream[..];
            let mut pieces = Vec::new();
            for cut in cuts {
                let (piece, after) = rest.split_at(cut.min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            pieces.push(rest);
            prop_assert_eq!(items_in_pieces(pieces, 24), items_in_pieces([&stream[..]], 24));
        }
    }
}
