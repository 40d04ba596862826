//! What of a transcript was told before: every happening is an event once, however often the daemon is
//! killed and the file is read again.

use jiff::Timestamp;

use super::Happening;

/// Where the new begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// What ends at or before this offset was told.
    up_to: u64,
    /// So was, or is none of the session's own, what is older than this.
    since: Timestamp,
}

impl Told {
    /// Of a session that began at `since` and has told nothing of this conversation.
    pub fn nothing(since: Timestamp) -> Self {
        Self { up_to: 0, since }
    }

    /// Everything up to this offset, in a file that begins as it did then.
    pub fn up_to(offset: u64, since: Timestamp) -> Self {
        Self { up_to: offset, since }
    }

    /// The file is another one: only time can say what is new.
    pub fn until(last: Timestamp) -> Self {
        Self { up_to: 0, since: last.checked_add(std::time::Duration::from_millis(1)).unwrap_or(last) }
    }

    /// True for each happening once.
    pub fn take(&mut self, happening: &Happening) -> bool {
        let new = happening.offset > self.up_to && happening.at.is_none_or(|at| at >= self.since);
        self.up_to = self.up_to.max(happening.offset);
        new
    }
}
