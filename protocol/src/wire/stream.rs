//! The WebSocket at `/ws`.
//!
//! Text frames carry JSON: [`ClientMessage`] from the client, [`ServerMessage`] from the server. Binary frames
//! carry terminal data: a tag byte, then raw bytes.
//!
//! * From the server: the tag is the channel's number (0 to 127); the bytes are the session's output,
//!   and their offset is implied, since both sides count from the last cursor that was named. With the
//!   top bit set ([`KEYFRAME_BIT`]) the bytes are the keyframe that the text message just before it
//!   announced.
//! * From the client: the tag is the channel's number; the bytes are typed into the session.
//!
//! The client acknowledges what it has consumed; the server keeps at most [`WINDOW`] bytes
//! unacknowledged on the way.

use serde::{Deserialize, Serialize};

use super::notification::Notification;
use super::problem::Problem;
use super::session::{Exit, Printed, Session};
use crate::event::{self, Event};
use crate::{Cursor, SessionId, Size};

/// Set in the tag byte of a binary frame that holds a keyframe.
pub const KEYFRAME_BIT: u8 = 0x80;
/// The maximum number of open channels per connection.
pub const MAX_CHANNELS: usize = 128;
/// The maximum number of unacknowledged bytes per channel.
pub const WINDOW: u64 = 1024 * 1024;
/// A client sends `ack` at least once per this many consumed bytes.
pub const ACK_EVERY: u64 = WINDOW / 4;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientMessage {
    /// The first message of a browser; the server sends nothing before it.
    Authenticate {
        /// [`super::auth::SignedIn::secret`].
        secret: String,
    },
    /// Opens a channel. Answered with `subscribed`, or with `error` and the same `request`.
    Subscribe {
        /// Chosen by the client and returned in the answer.
        request: u32,
        /// An id, a unique id prefix, or a name.
        session: String,
        #[serde(default)]
        #[cfg_attr(test, ts(optional, as = "Option<Begin>"))]
        from: Begin,
        #[serde(default)]
        #[cfg_attr(test, ts(optional, as = "Option<Delivery>"))]
        delivery: Delivery,
        /// Also send the session's events with a greater `seq`, each at its position in the output, but
        /// none from before the output starts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        events: Option<u64>,
    },
    Unsubscribe {
        channel: u8,
    },
    /// Everything up to `offset` has been consumed.
    Ack {
        channel: u8,
        offset: u64,
    },
    /// While the channel (`latest`) is the session's only viewer, no terminal is attached and nobody holds the size, the
    /// session has this size; `null` ends that. The size is restored when it ends, and 5 s after the channel is closed.
    Fit {
        channel: u8,
        size: Option<Size>,
    },
    /// Events from now on, of one session or of all; with `after`, those with a greater `seq` that are
    /// stored.
    Events {
        #[serde(default)]
        #[cfg_attr(test, ts(optional))]
        session: Option<SessionId>,
        #[serde(default)]
        #[cfg_attr(test, ts(optional))]
        after: Option<u64>,
    },
    /// Changes of a session's conversation, or of none: see [`ServerMessage::ConversationChanged`].
    Conversation {
        session: Option<SessionId>,
    },
    /// Changes of the files and the repository of a session's directory, or of none: see [`ServerMessage::GitChanged`].
    Git {
        session: Option<SessionId>,
    },
    /// All sessions: answered with `sessions`, followed by every change, and by what shells print.
    Sessions {},
    /// Answered with `pong`, after everything that was sent before it was handled: what was typed was passed to the
    /// program's terminal, or refused with `error`.
    Ping {},
}

/// Where a subscription starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Begin {
    /// A keyframe of the current screen, then live output.
    #[default]
    Live,
    /// The oldest stored byte.
    Start,
    /// Right after the client's cursor. If the output cannot be continued there, a keyframe comes first.
    Cursor(Cursor),
    /// A position from which the last N lines can be rendered: a keyframe or the start.
    Lines(u32),
    /// A position from which everything since this time (ms since 1970) can be rendered.
    Since(i64),
}

/// What happens if the reader is slower than the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// It gets a keyframe of the current screen and continues from there.
    #[default]
    Latest,
    /// It gets every byte from the journal; output that is no longer stored is a `gap`.
    Every,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// The first message of every connection; a browser must authenticate before it.
    Hello {
        protocol: u32,
        version: String,
    },
    Subscribed {
        request: u32,
        channel: u8,
        /// The offset of the next output byte, unless a keyframe or gap comes first.
        cursor: Cursor,
        size: Size,
        session: Box<Session>,
    },
    /// The next binary frame of this channel, with [`KEYFRAME_BIT`], holds escape sequences that
    /// recreate the screen of a fresh terminal of this size at this cursor.
    Keyframe {
        channel: u8,
        cursor: Cursor,
        size: Size,
        reason: KeyframeReason,
    },
    /// Output that this reader will not get.
    Gap {
        channel: u8,
        cursor: Cursor,
        reason: GapReason,
        lost: Lost,
    },
    /// Everything stored when the subscription started has been sent.
    CaughtUp {
        channel: u8,
        cursor: Cursor,
    },
    /// The session has ended, and all of its output has been sent.
    Ended {
        channel: u8,
        cursor: Cursor,
        exit: Option<Exit>,
    },
    /// The session object changed.
    Session {
        channel: u8,
        session: Box<Session>,
    },
    Event {
        #[serde(serialize_with = "event::described")]
        #[cfg_attr(test, ts(as = "event::DescribedEvent"))]
        event: Event,
    },
    /// All sessions, oldest first.
    Sessions {
        sessions: Vec<Session>,
    },
    /// A session was created or changed.
    SessionChanged {
        session: Box<Session>,
    },
    SessionRemoved {
        id: SessionId,
    },
    /// A shell in the list printed something; sent for each one when the list begins, too.
    SessionPrinted {
        id: SessionId,
        printed: Printed,
    },
    /// The requested conversation, or one of its subagents', changed: read the changes.
    ConversationChanged {
        session: SessionId,
    },
    /// Files or the repository of the directory that was asked for changed; said once when its watch begins, too.
    GitChanged {
        session: SessionId,
        /// Not all of it is watched: it has too many directories, or the system allows no more watches.
        partial: bool,
    },
    /// For the device that this connection is of.
    Notification {
        notification: Notification,
        /// Its push service has it, too.
        pushed: bool,
    },
    Pong {},
    /// A request failed; without `request`, the connection will be closed.
    Error {
        request: Option<u32>,
        problem: Problem,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum KeyframeReason {
    /// The subscription starts here.
    Begin,
    /// The terminal was resized, or gave up on an unterminated control string: the output continues.
    Resize,
    /// The reader fell behind.
    Behind,
    /// The output before cannot be continued: the daemon was away, or output was lost.
    Discontinuity,
    /// The daemon was away; the output printed meanwhile was recovered from tmux and precedes this.
    Healed,
    /// A program was started in the session.
    Launch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// No longer stored.
    Evicted,
    /// Stored, but cannot be read at the moment: the disk is full, read-only or broken. `doctor` says why.
    Unreadable,
    /// The daemon was away while the program ran.
    DaemonAway,
    /// tmux discarded it because the daemon did not read for too long while a client was attached.
    Paused,
    /// The reader fell behind and requested only the latest output.
    Behind,
}

/// How much is missing in a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Lost {
    Bytes(u64),
    Lines(u64),
    /// Nothing, as far as is known; but readers may have seen bytes that were not stored when the daemon
    /// was killed, and that may be repeated.
    Nothing,
    Unknown,
}
