//! All integration tests, as one binary.

mod agents;
mod cli;
mod daemons;
mod harness;
mod hooks;
mod input;
mod lifecycle;
mod loss;
mod output;
mod shim;
mod terminal;
