//! The conversations of an agent, and the files where it writes them down.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use codepiper_protocol::SessionId;
use jiff::Timestamp;

use super::LaunchRequest;
use crate::transcript::Dialect;

/// The conversations of an agent.
pub trait Conversations: Send + Sync {
    /// The agent's id of the conversation that a new session will have, where it can be chosen.
    fn choose(&self, _session: SessionId) -> Option<String> {
        None
    }

    /// Finds the conversation of a program that ran at that time, where it could not be chosen. Reads files. `taken` are
    /// conversations of other sessions.
    fn find(
        &self,
        _launch: &LaunchRequest,
        _ran: RangeInclusive<Timestamp>,
        _taken: &[String],
    ) -> Option<String> {
        None
    }

    /// Whether its programs begin other conversations that only files tell of.
    fn begin_in_files(&self) -> bool {
        false
    }

    /// The conversation of a program, by the files that it has open; `None` when they do not tell, or not yet. Reads
    /// files.
    fn of_files(&self, _open: &[PathBuf]) -> Option<String> {
        None
    }

    /// How its transcripts are written.
    fn dialect(&self) -> &'static Dialect;

    /// Where the transcript of a conversation is, or will be. Reads directories.
    fn transcript(&self, launch: &LaunchRequest, conversation: &str) -> Option<PathBuf>;

    /// The directory in or below which transcripts appear, for who does not know the conversation yet.
    fn transcripts(&self, env: &BTreeMap<String, String>) -> Option<PathBuf>;
}

/// The id of a conversation, from a hook. It becomes a part of a file's name, and one conversation has one id.
pub(super) fn conversation_id(text: &str) -> Option<String> {
    Some(text.parse::<uuid::Uuid>().ok()?.to_string())
}

#[cfg(test)]
mod tests;
