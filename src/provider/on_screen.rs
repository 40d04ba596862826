//! What an agent asks on its screen alone, and the keys that answer it.

/// Whether a command may run, as an agent asks it on its screen: all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnScreen {
    /// What stands there of it: the command, and why the agent wants it.
    pub text: String,
    /// The command, in as many rows as it takes there.
    pub command: String,
    /// The rows that ask. Where all of them are, it is asked.
    pub rows: Vec<String>,
    pub allow: &'static [u8],
    pub deny: &'static [u8],
}

impl OnScreen {
    /// Whether it asks about this command. Where rows end is no part of it.
    pub fn is_about(&self, command: &str) -> bool {
        let letters = |text: &str| text.split_whitespace().collect::<String>();
        letters(&self.command) == letters(command)
    }
}

/// Reads it from the rows of a screen; `None` where it is not there whole.
pub type ReadDialog = fn(rows: &[String]) -> Option<OnScreen>;
