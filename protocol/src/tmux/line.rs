//! The grammar of one complete line, over bytes.
//!
//! ```text
//! guard        = ("%begin " | "%end " | "%error ") time SP number SP flags
//! output       = "%output " pane SP data
//! extended     = "%extended-output " pane SP age_ms *(SP reserved) " : " data
//! exit         = "%exit" [SP reason]
//! notification = see [`Notification`]
//! ```
//!
//! Whatever else comes is [`Line::Unknown`]: newer notifications, what a hook prints, what a login
//! shell says before tmux starts.

use memchr::memchr;
use nom::branch::alt;
use nom::bytes::complete::{tag, take_till1, take_until};
use nom::character::complete::{char, u32, u64};
use nom::combinator::{all_consuming, map, opt, rest, value};
use nom::sequence::{delimited, preceded, separated_pair};
use nom::{IResult, Parser};

use super::notification::{Layout, Link, Notification, SubscriptionChange};
use super::{Escaped, PaneId, RawText, TmuxSessionId, WindowId};

/// A line from tmux.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    Output { pane: PaneId, age_ms: Option<u64>, data: Escaped<'a> },
    Guard(GuardKind, Guard),
    Exit { reason: Option<&'a [u8]> },
    Notification(Notification),
    Unknown(&'a [u8]),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuardKind {
    Begin,
    End,
    Error,
}

/// The three numbers around the reply to a command; its begin and its end carry the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Unix time, seconds.
    pub time: u64,
    /// Counts the commands of the server, with gaps.
    pub number: u64,
    /// Bit 0: the command came over this connection.
    pub flags: u32,
}

impl<'a> Line<'a> {
    pub fn parse(line: &'a [u8]) -> Self {
        // Nearly all lines are output: they do not go through the alternatives below.
        if let Some(rest) = line.strip_prefix(b"%output ") {
            return output(rest).unwrap_or(Self::Unknown(line));
        }
        if let Some(rest) = line.strip_prefix(b"%extended-output ") {
            return extended_output(rest).map_or(Self::Unknown(line), |(_, output)| output);
        }
        if line.first() != Some(&b'%') {
            return Self::Unknown(line);
        }
        if let Some((kind, guard)) = guard(line) {
            return Self::Guard(kind, guard);
        }
        match all_consuming(other).parse_complete(line) {
            Ok((_, parsed)) => parsed,
            Err(_) => Self::Unknown(line),
        }
    }
}

/// Reads `%begin`, `%end` and `%error`: exactly the three numbers, since a reply may contain what
/// merely looks like one.
pub fn guard(line: &[u8]) -> Option<(GuardKind, Guard)> {
    let kind = alt((
        value(GuardKind::Begin, tag("%begin ")),
        value(GuardKind::End, tag("%end ")),
        value(GuardKind::Error, tag("%error ")),
    ));
    let numbers = (u64::<_, nom::error::Error<_>>, preceded(char(' '), u64), preceded(char(' '), u32));
    let (_, (kind, (time, number, flags))) = all_consuming((kind, numbers)).parse_complete(line).ok()?;
    Some((kind, Guard { time, number, flags }))
}

/// Reads `%exit`, with or without a reason.
pub fn exit(line: &[u8]) -> Option<Option<&[u8]>> {
    match line.strip_prefix(b"%exit")? {
        [] => Some(None),
        [b' ', reason @ ..] => Some(Some(reason)),
        _ => None,
    }
}

fn output(rest: &[u8]) -> Option<Line<'_>> {
    let space = memchr(b' ', rest)?;
    let pane = PaneId::parse(&rest[..space])?;
    Some(Line::Output { pane, age_ms: None, data: Escaped(&rest[space + 1..]) })
}

fn other(line: &[u8]) -> IResult<&[u8], Line<'_>> {
    if let Some(reason) = exit(line) {
        return Ok((&[], Line::Exit { reason }));
    }
    map(alt((of_panes, of_sessions, of_windows, texts)), Line::Notification).parse_complete(line)
}

fn extended_output(line: &[u8]) -> IResult<&[u8], Line<'_>> {
    let (line, (pane, age_ms)) = separated_pair(pane, char(' '), u64).parse_complete(line)?;
    // Fields that later versions may add stand before the colon.
    let (line, _reserved) = take_until(" : ").parse_complete(line)?;
    map(preceded(tag(" : "), rest), move |data| Line::Output {
        pane,
        age_ms: Some(age_ms),
        data: Escaped(data),
    })
    .parse_complete(line)
}

fn of_panes(line: &[u8]) -> IResult<&[u8], Notification> {
    alt((
        map(delimited(tag("%pause "), pane, more), |pane| Notification::Pause { pane }),
        map(delimited(tag("%continue "), pane, more), |pane| Notification::Continue { pane }),
        map(delimited(tag("%pane-mode-changed "), pane, more), |pane| Notification::PaneModeChanged { pane }),
        map(preceded(tag("%subscription-changed "), subscription), Notification::SubscriptionChanged),
    ))
    .parse_complete(line)
}

fn subscription(line: &[u8]) -> IResult<&[u8], SubscriptionChange> {
    let (line, (name, session, window, index, pane)) = (
        word,
        preceded(char(' '), session),
        preceded(char(' '), or_dash(window)),
        preceded(char(' '), or_dash(u32)),
        preceded(char(' '), or_dash(pane)),
    )
        .parse_complete(line)?;
    let (line, _reserved) = take_until(" : ").parse_complete(line)?;
    map(preceded(tag(" : "), text), move |value| SubscriptionChange {
        name: name.clone(),
        session,
        window,
        index,
        pane,
        value,
    })
    .parse_complete(line)
}

fn of_sessions(line: &[u8]) -> IResult<&[u8], Notification> {
    alt((
        map(
            preceded(tag("%session-changed "), separated_pair(session, char(' '), text)),
            |(session, name)| Notification::SessionChanged { session, name },
        ),
        map(
            preceded(
                tag("%client-session-changed "),
                (word, preceded(char(' '), session), preceded(char(' '), text)),
            ),
            |(client, session, name)| Notification::ClientSessionChanged { client, session, name },
        ),
        map(
            preceded(tag("%session-renamed "), separated_pair(session, char(' '), text)),
            |(session, name)| Notification::SessionRenamed { session, name },
        ),
        value(Notification::SessionsChanged, (tag("%sessions-changed"), more)),
        map(
            delimited(tag("%session-window-changed "), separated_pair(session, char(' '), window), more),
            |(session, window)| Notification::SessionWindowChanged { session, window },
        ),
    ))
    .parse_complete(line)
}

fn of_windows(line: &[u8]) -> IResult<&[u8], Notification> {
    alt((
        map(preceded(tag("%layout-change "), layout_change), |(window, layout, visible, flags)| {
            Notification::LayoutChange { window, layout, visible, flags }
        }),
        map(
            delimited(tag("%window-pane-changed "), separated_pair(window, char(' '), pane), more),
            |(window, pane)| Notification::WindowPaneChanged { window, pane },
        ),
        map((link, delimited(tag("window-add "), window, more)), |(link, window)| Notification::WindowAdd {
            window,
            link,
        }),
        map((link, delimited(tag("window-close "), window, more)), |(link, window)| {
            Notification::WindowClose { window, link }
        }),
        map(
            (link, preceded(tag("window-renamed "), window), opt(preceded(char(' '), text))),
            |(link, window, name)| Notification::WindowRenamed {
                window,
                name: name.unwrap_or_default(),
                link,
            },
        ),
    ))
    .parse_complete(line)
}

/// The flags may be empty: then the line ends with a space.
fn layout_change(line: &[u8]) -> IResult<&[u8], (WindowId, Layout, Layout, RawText)> {
    let (line, window) = window(line)?;
    let (line, layout) = map(preceded(char(' '), word), Layout).parse_complete(line)?;
    let (line, visible) = map(preceded(char(' '), word), Layout).parse_complete(line)?;
    let (line, flags) = opt(preceded(char(' '), text)).parse_complete(line)?;
    Ok((line, (window, layout, visible, flags.unwrap_or_default())))
}

fn texts(line: &[u8]) -> IResult<&[u8], Notification> {
    alt((
        map(preceded(tag("%client-detached "), text), |client| Notification::ClientDetached { client }),
        map(preceded(tag("%config-error "), text), |text| Notification::ConfigError { text }),
        map(preceded(tag("%message "), text), |text| Notification::Message { text }),
        map(preceded(tag("%paste-buffer-changed "), text), |name| Notification::PasteBufferChanged { name }),
        map(preceded(tag("%paste-buffer-deleted "), text), |name| Notification::PasteBufferDeleted { name }),
    ))
    .parse_complete(line)
}

fn link(line: &[u8]) -> IResult<&[u8], Link> {
    alt((value(Link::Unlinked, tag("%unlinked-")), value(Link::Linked, tag("%")))).parse_complete(line)
}

/// Nothing, or fields that this version does not know.
fn more(line: &[u8]) -> IResult<&[u8], ()> {
    match line {
        [] | [b' ', ..] => Ok((&[], ())),
        _ => nom::combinator::fail().parse(line),
    }
}

fn pane(line: &[u8]) -> IResult<&[u8], PaneId> {
    map(preceded(char('%'), u32), PaneId).parse_complete(line)
}

fn window(line: &[u8]) -> IResult<&[u8], WindowId> {
    map(preceded(char('@'), u32), WindowId).parse_complete(line)
}

fn session(line: &[u8]) -> IResult<&[u8], TmuxSessionId> {
    map(preceded(char('$'), u32), TmuxSessionId).parse_complete(line)
}

fn or_dash<'a, T: Clone>(
    parser: impl Parser<&'a [u8], Output = T, Error = nom::error::Error<&'a [u8]>>,
) -> impl Parser<&'a [u8], Output = Option<T>, Error = nom::error::Error<&'a [u8]>> {
    alt((value(None, char('-')), map(parser, Some)))
}

/// Up to the next space.
fn word(line: &[u8]) -> IResult<&[u8], RawText> {
    map(take_till1(|byte| byte == b' '), RawText::from).parse_complete(line)
}

/// All the rest.
fn text(line: &[u8]) -> IResult<&[u8], RawText> {
    map(rest, RawText::from).parse_complete(line)
}

#[cfg(test)]
mod tests;
