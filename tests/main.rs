//! All integration tests, as one binary.

mod agents;
mod billing;
mod callers;
mod cli;
mod conversations;
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
mod reboot;
mod records;
mod refusals;
mod remembers;
mod rooms;
mod shim;
mod slow;
mod terminal;
mod upgrade;
mod waiting;
mod web;
