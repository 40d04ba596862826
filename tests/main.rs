//! All integration tests, as one binary.

mod agents;
mod billing;
mod callers;
mod cli;
mod daemons;
mod documentation;
mod harness;
mod hooks;
mod idle;
mod images;
mod input;
mod lifecycle;
mod loss;
mod output;
mod refusals;
mod rooms;
mod shim;
mod slow;
mod terminal;
mod waiting;
mod web;
