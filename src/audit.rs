//! The audit: who decided and did what, in one append-only file that proves itself.
//!
//! `audit.jsonl` has one JSON object a line. Each record has a number (`seq`, from 1), the hash of the record before
//! (`prev`) and its own (`hash`): SHA-256 of its line as it stands there without `,"hash":"…"`, so that nothing has to be
//! put into a canonical form before it can be checked. `audit.head` beside it says which record was the last that was
//! synced; it is replaced after the file was synced, so an ordinary crash leaves it behind the file and never before it.
//! That is the difference between a crash and a tail that somebody cut.
//!
//! | part | what |
//! |------|------|
//! | `record` | a record, its line, its hash |
//! | `lines` | the lines of a file, forwards and backwards, in bounded memory |
//! | `chain` | does a line follow the one before? |
//! | `head` | the head file, and the anchor that people keep elsewhere |
//! | `log` | append, and one sync for all that wait |
//! | `opening` | what a crash left is repaired, what nobody should have done is recorded |
//! | `verify` | the whole file: which record is the first bad one |
//! | `read` | queries and export |
//! | `prune` | the start moves |
//! | `input` | many keys, one record |
//! | [`inputs`] | who types into which session |
//! | `words` | what a record says |
//! | `text` | what a record has of a long text |
//! | `unrecorded` | what could not be recorded, in sum |
//! | `steps` | where tests look and break things |
//! | [`trail`] | what the daemon puts on record, and when |
//!
//! Five kinds of records are the audit's own: `gap` names numbers that are missing, `alarm` what was found when the log was
//! opened, `prune` orders that the start is removed, `pruned` stands in the first line in the place of what was removed, and
//! `unrecorded` says what happened while nothing could be written.
//!
//! # What it cannot show
//!
//! Who may write both files can cut the tail and write a head that fits, make the whole chain anew, or remove both. Only an
//! [`Anchor`] that was kept where they cannot write shows that.

mod chain;
mod error;
mod head;
mod input;
pub mod inputs;
mod lines;
mod log;
mod opening;
mod prune;
mod read;
mod record;
mod steps;
mod text;
pub mod trail;
mod unrecorded;
mod verify;
mod words;

pub use chain::{Damage, Wrong};
pub use error::{Error, Result};
pub use head::{Anchor, NotAnAnchor, anchor};
pub use input::InputSummary;
pub use log::{Audit, Sync};
pub use opening::{Alarm, Opened, Repaired};
pub use prune::{KeepAfter, Pruned};
pub use read::{Exported, Filter, Order, Page, export, read};
pub use record::{Hash, MAX_ACTOR, MAX_DATA, MAX_KIND, MAX_SESSION, NewRecord, Record, Seq};
pub use text::{put_text, put_value};
pub use unrecorded::Unrecorded;
pub use verify::{AnchorSays, HeadSays, Recorded, Report, verify};
pub use words::describe;

use std::path::{Path, PathBuf};

fn log_path(dir: &Path) -> PathBuf {
    dir.join("audit.jsonl")
}

fn head_path(dir: &Path) -> PathBuf {
    dir.join("audit.head")
}

#[cfg(test)]
mod tests;
