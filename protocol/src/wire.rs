//! The daemon's API as types: JSON over HTTP under `/api`, one WebSocket at `/ws`.
//!
//! | module      | what |
//! |-------------|------|
//! | [`session`] | sessions: the object that every surface shows, and the requests about them |
//! | [`input`]   | text and keys for a session, and their receipts |
//! | [`stream`]  | the WebSocket: subscriptions, frames, acknowledgements |
//! | [`events`]  | which events are asked for |
//! | [`problem`] | every error, with its stable code and the exit code of the command line |
//! | [`daemon`]  | the daemon itself: status, providers, doctor |

pub mod daemon;
pub mod events;
pub mod input;
pub mod problem;
pub mod session;
pub mod stream;

/// The number of this API. A client and a daemon with different numbers do not talk.
pub const PROTOCOL: u32 = 1;
/// The request header that carries [`PROTOCOL`]; requests without it are accepted.
pub const PROTOCOL_HEADER: &str = "codepiper-protocol";
