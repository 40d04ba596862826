//! What an agent asks on its screen alone, and the keys that answer it.

/// Whether a command may run, as an agent asks it on its screen: all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnScreen {
    /// What stands there of it: the command, and why the agent wants it.
    pub text: String,
    /// The command, in as many rows as it takes there.
    pub command: String,
    /// The rows that ask, by their numbers, from 0. Where all of them are, it is asked.
    pub rows: Vec<(u16, String)>,
    pub allow: &'static [u8],
    pub deny: &'static [u8],
}

impl OnScreen {
    /// Whether it asks about this command: white space counts, but for that at the ends of rows.
    pub fn is_about(&self, command: &str) -> bool {
        let rest =
            self.command.lines().try_fold(command, |rest, row| rest.trim_start().strip_prefix(row.trim()));
        rest.is_some_and(|rest| rest.trim().is_empty())
    }

    /// Whether it is the same, maybe in rows of another length or with the pointer before another option.
    pub fn is_same(&self, other: &Self) -> bool {
        let flat = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        flat(&self.text) == flat(&other.text)
    }
}

/// Reads it from the rows of a screen; `None` where it is not there whole.
pub type ReadDialog = fn(rows: &[String]) -> Option<OnScreen>;
