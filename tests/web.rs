//! The dashboard over TCP: what gets in, and what does not.

mod auth;
mod server;
mod sessions;
