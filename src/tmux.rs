//! The tmux server and the one connection to it.
//!
//! | module | what |
//! |--------|------|
//! | [`connection`] | commands out, replies matched, output handed on |
//! | [`find`]       | the server at a socket: found again, looked at, and the program that talks to it |
//! | [`server`]     | starting the private server, its owner mark, its options and keys |

pub mod connection;
pub mod find;
pub mod server;
