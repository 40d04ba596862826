//! The WebSocket at `/ws`.
//!
//! Text frames carry JSON: [`ClientMessage`] one way, [`ServerMessage`] the other. Binary frames
//! carry terminals: one tag byte, then raw bytes.
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

use super::problem::Problem;
use super::session::{Exit, Session};
use crate::event::Event;
use crate::{Cursor, SessionId, Size};

/// Set in the tag byte of a binary frame that holds a keyframe.
pub const KEYFRAME_BIT: u8 = 0x80;
/// Channels a connection may have open at once.
pub const MAX_CHANNELS: usize = 128;
/// Unacknowledged bytes a channel may have on the way.
pub const WINDOW: u64 = 1024 * 1024;
/// A client acknowledges at least this often, in consumed bytes.
pub const ACK_EVERY: u64 = WINDOW / 4;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientMessage {
    /// The first message of a browser: nothing is said to it before.
    Authenticate {
        /// [`super::auth::SignedIn::secret`].
        secret: String,
    },
    /// Opens a channel. Answered by `subscribed` or, with the same `request`, by `error`.
    Subscribe {
        /// Chosen by the client; comes back in the answer.
        request: u32,
        /// An id, a unique prefix of one, or a name.
        session: String,
        #[serde(default)]
        #[cfg_attr(test, ts(optional, as = "Option<Begin>"))]
        from: Begin,
        #[serde(default)]
        #[cfg_attr(test, ts(optional, as = "Option<Delivery>"))]
        delivery: Delivery,
        /// The session's events too, each at its place in the output: those with a greater `seq`, and
        /// none from before the output begins.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        events: Option<u64>,
    },
    Unsubscribe {
        channel: u8,
    },
    /// Everything up to `offset` was consumed.
    Ack {
        channel: u8,
        offset: u64,
    },
    /// Events from now on, of one session or of all; or, with `after`, from the first event whose
    /// `seq` is greater, as far as they are kept.
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
    /// All sessions: answered by `sessions`, then told of every change.
    Sessions {},
    /// Answered by `pong`: does anybody still listen?
    Ping {},
}

/// Where a subscription begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Begin {
    /// A keyframe of now, then live.
    #[default]
    Live,
    /// The oldest byte that is kept.
    Start,
    /// Right after what the client has. If that cannot be continued, a keyframe comes first.
    Cursor(Cursor),
    /// A place from which the last so many lines can be rendered: a keyframe or the start.
    Lines(u32),
    /// A place from which everything since this time (ms since 1970) can be rendered.
    Since(i64),
}

/// What happens when the reader is slower than the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// It gets a keyframe of now and goes on from there.
    #[default]
    Latest,
    /// It gets every byte, from the journal; what even that no longer holds is a `gap`.
    Every,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// The first message of every connection; a browser has to say who it is before.
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
    /// Output that this reader does not get.
    Gap {
        channel: u8,
        cursor: Cursor,
        reason: GapReason,
        lost: Lost,
    },
    /// Everything that was kept when the subscription began has been sent.
    CaughtUp {
        channel: u8,
        cursor: Cursor,
    },
    /// The session ended, and all its output up to here was sent.
    Ended {
        channel: u8,
        cursor: Cursor,
        exit: Option<Exit>,
    },
    /// The session's object changed.
    Session {
        channel: u8,
        session: Box<Session>,
    },
    Event {
        event: Event,
    },
    /// All sessions, oldest first.
    Sessions {
        sessions: Vec<Session>,
    },
    /// One of them began or changed.
    SessionChanged {
        session: Box<Session>,
    },
    SessionRemoved {
        id: SessionId,
    },
    /// The conversation that was asked for changed, or one of its sub-agents': read what changed since.
    ConversationChanged {
        session: SessionId,
    },
    Pong {},
    /// A request failed, or (without `request`) the connection will be closed.
    Error {
        request: Option<u32>,
        problem: Problem,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum KeyframeReason {
    /// The subscription begins here.
    Begin,
    /// The terminal was resized, or gave up on a control string that was not ended: what it shows goes on.
    Resize,
    /// The reader fell behind.
    Behind,
    /// What was printed before cannot be continued: the daemon was away, or output was lost.
    Discontinuity,
    /// Nobody listened for a while; what was printed then was found in tmux and stands before this.
    Healed,
    /// A program was started in the session.
    Launch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// Older than what is kept.
    Evicted,
    /// It is kept, and cannot be read at the moment: the disk is full, read-only or broken. `doctor` says why.
    Unreadable,
    /// The daemon was away while the program ran.
    DaemonAway,
    /// tmux discarded it, since we did not read for too long while a person was attached.
    Paused,
    /// The reader fell behind and asked for the latest only.
    Behind,
}

/// How much is missing in a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Lost {
    Bytes(u64),
    Lines(u64),
    /// Nothing, as far as is known: but readers may have seen bytes that were not stored when the daemon
    /// was killed, and which may come again.
    Nothing,
    Unknown,
}
