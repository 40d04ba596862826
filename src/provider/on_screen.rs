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
    /// It is asked even if no hook told of it. Otherwise its keys only answer what one told.
    pub by_itself: bool,
}

/// The rows from `begin` to `end`, but for blank ones and those left `out`, for [`OnScreen::rows`]. `None` if one stands above,
/// too: tmux finds the first row with a text.
pub fn asking_rows(
    rows: &[String],
    begin: usize,
    end: usize,
    out: impl Fn(&str) -> bool,
) -> Option<Vec<(u16, String)>> {
    let asking = (begin..=end).filter(|at| !rows[*at].trim().is_empty() && !out(&rows[*at]));
    let first = |at: usize| !rows[..at].iter().any(|above| above.trim() == rows[at].trim());
    asking.map(|at| first(at).then(|| Some((u16::try_from(at).ok()?, rows[at].clone())))?).collect()
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
