//! All integration tests, as one binary.

mod cli;
mod harness;
mod hooks;
mod input;
mod output;
mod shim;
mod terminal;
