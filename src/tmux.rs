//! The tmux server and the one connection to it.
//!
//! | module | what |
//! |--------|------|
//! | [`connection`] | commands out, replies matched, output handed on |
//! | [`server`]     | starting the private server, its owner mark, its options and keys |

pub mod connection;
pub mod server;
