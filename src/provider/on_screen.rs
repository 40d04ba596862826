//! What an agent asks on its screen alone, and the keys that answer it.

use codepiper_protocol::wire::ask::AskKind;
use unicode_width::UnicodeWidthStr;

/// Yes or no, as an agent asks it on its screen: all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnScreen {
    pub kind: AskKind,
    /// What stands there of it: the command and why the agent wants it, or the words of the dialog.
    pub text: String,
    /// The command that is to run, in as many rows as it takes there.
    pub command: Option<String>,
    /// How many cells a row of it has, if that is known: a row that ends before them ends a line.
    pub width: Option<usize>,
    /// The rows that ask, by their numbers, from 0. Where all of them are, it is asked.
    pub rows: Vec<(u16, String)>,
    pub allow: Press,
    pub deny: Press,
    /// It is asked even if no hook told of it. Otherwise its keys only answer what one told.
    pub by_itself: bool,
}

/// How keys give an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Press {
    /// These do at once.
    Keys(&'static [u8]),
    /// Enter does, once the pointer has moved so many choices down, or up where it is negative.
    Choose(isize),
}

impl Press {
    /// The next keys, and whether they are the answer.
    pub fn next(self) -> (&'static [u8], bool) {
        match self {
            Self::Keys(keys) => (keys, true),
            Self::Choose(0) => (b"\r", true),
            Self::Choose(down) if down > 0 => (b"\x1b[B", false),
            Self::Choose(_) => (b"\x1b[A", false),
        }
    }
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
        let Some(shown) = &self.command else { return false };
        let mut rows = shown.lines();
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

/// A dialog with a yes and a no in a list, each in one row. Measured words alone are known.
pub struct Known {
    /// How its first row begins.
    pub heading: &'static str,
    pub kind: AskKind,
    pub allow: &'static str,
    /// One of these.
    pub deny: &'static [&'static str],
    /// What else can be chosen, and is not by an answer.
    pub others: &'static [&'static str],
}

/// The dialog that is open, from its heading to the row with its keys; `None` where anything of it is not as it is known.
pub fn list_dialog(rows: &[String], pointer: char, footer: &[&str], known: &[Known]) -> Option<OnScreen> {
    let last = rows.iter().rposition(|row| !row.trim().is_empty())?;
    if !footer.contains(&rows[last].trim()) {
        return None;
    }
    let end = rows[..last].iter().rposition(|row| !row.trim().is_empty())?;
    let begin = rows[..end].iter().rposition(|row| row.trim().is_empty())? + 1;
    let pointed = |row: &str| row.trim().starts_with(pointer);
    let label = |row: &String| {
        let label = row.trim().trim_start_matches(pointer).trim();
        let numbered = label.split_once(". ").filter(|(number, _)| number.parse::<u8>().is_ok());
        numbered.map_or(label, |(_, label)| label).to_owned()
    };
    let labels: Vec<String> = rows[begin..=end].iter().map(label).collect();
    let mut marked = (begin..=end).filter(|at| pointed(&rows[*at]));
    let (Some(selected), None) = (marked.next(), marked.next()) else { return None };
    known.iter().find_map(|known| {
        let mut headings = (0..begin).filter(|at| rows[*at].trim().starts_with(known.heading));
        let (Some(heading), None) = (headings.next(), headings.next()) else { return None };
        let only = |wanted: &[&str]| {
            let mut fitting = (0..labels.len()).filter(|at| wanted.contains(&labels[*at].as_str()));
            fitting.next().filter(|_| fitting.next().is_none())
        };
        let (allow, deny) = (only(&[known.allow])?, only(known.deny)?);
        let is_known = |at: usize| at == allow || at == deny || known.others.contains(&labels[at].as_str());
        if !(0..labels.len()).all(is_known) {
            return None;
        }
        let text: Vec<&str> = rows[heading..begin].iter().map(|row| row.trim()).collect();
        let text = text.join("\n");
        let away = |choice: usize| Press::Choose((begin + choice) as isize - selected as isize);
        Some(OnScreen {
            kind: known.kind,
            text: format!("{}\n\nAllow: {}\nDeny: {}", text.trim(), labels[allow], labels[deny]),
            command: None,
            width: None,
            rows: asking_rows(rows, heading, last, |_| false)?,
            allow: away(allow),
            deny: away(deny),
            by_itself: true,
        })
    })
}

/// Reads it from the rows of a screen; `None` where it is not there whole.
pub type ReadDialog = fn(rows: &[String]) -> Option<OnScreen>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Providers;

    fn asked(text: &str) -> Option<OnScreen> {
        let rows: Vec<String> = text.lines().map(str::to_owned).collect();
        Providers::built_in().find("claude-code").unwrap().asks_on_screen.unwrap()(&rows)
    }

    /// Rows of Claude Code 2.1.197, and of 2.1.332.
    const TRUST: &str = "\
────────────────────
 Accessing workspace:

 /home/me/work

 Quick safety check: Is this a project you created or one you trust?

 Security guide

 ❯ 1. Yes, I trust this folder
   2. No, exit

 Enter to confirm · Esc to cancel
";

    #[test]
    fn the_pointer_has_so_far_to_go() {
        let trust = asked(TRUST).unwrap();
        assert_eq!(
            (trust.kind, trust.allow, trust.deny),
            (AskKind::Trust, Press::Choose(0), Press::Choose(1))
        );
        assert!(trust.text.starts_with("Accessing workspace:\n\n/home/me/work\n"), "{}", trust.text);
        assert!(trust.text.ends_with("\n\nAllow: Yes, I trust this folder\nDeny: No, exit"));
        let bare = TRUST
            .replace("❯ 1. Yes, I trust this folder", "❯ No, exit")
            .replace("2. No, exit", "Yes, I trust this folder");
        let bare = asked(&bare).unwrap();
        assert_eq!((bare.allow, bare.deny), (Press::Choose(1), Press::Choose(0)));
        assert_eq!(
            (Press::Choose(1).next(), Press::Choose(0).next()),
            ((&b"\x1b[B"[..], false), (&b"\r"[..], true))
        );
        let key = " Detected a custom API key in your environment\n\n ANTHROPIC_API_KEY: sk-ant-...key\n\n Do you want to use \
                   this API key?\n\n   1. Yes\n ❯ 2. No (recommended)\n\n Enter to confirm · Esc to cancel\n";
        assert_eq!(asked(key).unwrap().allow, Press::Choose(-1));
    }

    /// What could be another dialog is answered in the terminal alone.
    #[test]
    fn what_is_not_known_to_the_letter_is_no_dialog() {
        for (from, to) in [
            ("Accessing workspace:", "Accessing something:"),
            ("Yes, I trust this folder", "Yes, I trust all folders"),
            ("   2. No, exit\n", ""),
            ("   2. No, exit\n", "   2. No, exit\n   3. Yes, and more\n"),
            ("   2. No, exit\n", " ❯ 2. No, exit\n"),
            (" ❯ 1.", "   1."),
            ("Esc to cancel\n", "Esc to cancel\n❯ \n"),
            (" Security guide\n", " Accessing workspace:\n"),
            ("────────────────────\n", "   2. No, exit\n"),
        ] {
            assert!(TRUST.contains(from), "{from}");
            assert_eq!(asked(&TRUST.replace(from, to)), None, "{from} {to}");
        }
    }
}
