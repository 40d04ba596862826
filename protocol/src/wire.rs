//! The daemon's API as types: JSON over HTTP under `/api`, one WebSocket at `/ws`.
//!
//! | module      | what |
//! |-------------|------|
//! | [`session`] | sessions: the object that every surface shows, and the requests about them |
//! | [`status`]  | what programs say about themselves |
//! | [`meters`]  | context, quota and cost, as agents tell them |
//! | [`input`]   | text, keys and images for a session, and their receipts |
//! | [`ask`]     | what sessions need from a person, and the answers |
//! | [`notification`] | what devices are told of, and how |
//! | [`stream`]  | the WebSocket: subscriptions, frames, acknowledgements |
//! | [`output`]  | older output, for who scrolls back |
//! | [`events`]  | which events are asked for |
//! | [`conversation`] | what person and agent said, by the provider's transcript |
//! | [`timeline`] | what a session's state was, over time |
//! | [`audit`]   | who decided and did what |
//! | [`auth`]    | the way in through the web: set-up, sign-in, logins |
//! | [`env_set`] | named secrets for the environment of sessions |
//! | [`directory`] | directories of the daemon's machine, for who types one |
//! | [`git`] | status, history and differences of a session's directory |
//! | [`review`] | comments on differences, for a session's agent |
//! | [`worktree`] | worktrees that are made for sessions |
//! | [`problem`] | every error, with its stable code and the exit code of the command line |
//! | [`daemon`]  | the daemon itself: status, providers, doctor |

pub mod ask;
pub mod audit;
pub mod auth;
pub mod conversation;
pub mod daemon;
pub mod directory;
pub mod env_set;
pub mod events;
pub mod git;
pub mod input;
pub mod meters;
pub mod notification;
pub mod output;
pub mod policy;
pub mod problem;
pub mod review;
pub mod saved_prompt;
pub mod session;
pub mod status;
pub mod stream;
pub mod timeline;
#[cfg(test)]
mod typescript;
pub mod worktree;

/// The number of this API. A client and a daemon with different numbers do not talk.
pub const PROTOCOL: u32 = 1;
/// The request header that carries [`PROTOCOL`]; requests without it are accepted.
pub const PROTOCOL_HEADER: &str = "codepiper-protocol";
