//! What an agent asks on its screen alone, and the keys that answer it.

use unicode_width::UnicodeWidthStr;

/// Whether a command may run, as an agent asks it on its screen: all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnScreen {
    /// What stands there of it: the command, and why the agent wants it.
    pub text: String,
    /// The command, in as many rows as it takes there.
    pub command: String,
    /// How many cells a row of it has, if that is known: a row that ends before them ends a line.
    pub width: Option<usize>,
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
    /// Whether it asks about this command: white space counts, but for that at the ends of rows. Each line of the command
    /// begins in a row of its own, and goes on in the next row only where the row is full.
    pub fn is_about(&self, command: &str) -> bool {
        let mut rows = self.command.lines();
        let are_there = command.trim().lines().all(|line| {
            let mut rest = line.trim();
            loop {
                let Some(row) = rows.next() else { return false };
                let Some(left) = rest.strip_prefix(row.trim()) else { return false };
                if left.trim().is_empty() {
                    return true;
                }
                if !self.is_full(row, left) {
                    return false;
                }
                rest = left.trim_start();
            }
        });
        are_there && rows.next().is_none()
    }

    /// Whether what comes next had no room in this row.
    fn is_full(&self, row: &str, next: &str) -> bool {
        /// Blanks beside the text, and one between words.
        const AROUND: usize = 5;
        let Some(width) = self.width else { return true };
        let word =
            if next.starts_with(' ') { next.split_whitespace().next().unwrap_or_default() } else { "" };
        row.trim().width() + word.width() + AROUND >= width
    }

    /// Whether it is the same, maybe with the pointer before another option. In other rows it may be another command.
    pub fn is_same(&self, other: &Self) -> bool {
        let rows = |text: &str| text.lines().map(|row| row.trim().to_owned()).collect::<Vec<_>>();
        rows(&self.text) == rows(&other.text)
    }
}

/// Reads it from the rows of a screen; `None` where it is not there whole.
pub type ReadDialog = fn(rows: &[String]) -> Option<OnScreen>;
