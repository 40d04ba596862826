//! What its titles and its screens say.

use codepiper_protocol::wire::session::{Activity, WaitingFor};

use super::super::signals::question;
use super::super::{AtLimit, Meaning, Screened, Signals};
use super::ClaudeCode;
use crate::terminal::reports::Report;

impl Signals for ClaudeCode {
    /// The title alternates between these while it works: the first two since 2.1.228, `>` for screen readers. At rest it
    /// shows `✳` or `*`, but it does so too while a permission prompt is open: that proves nothing.
    fn report(&self, report: &Report) -> Option<Meaning> {
        let Report::Title(title) = report else { return None };
        let mut title = title.chars();
        match (title.next(), title.next()) {
            (Some('◐' | '◑' | '⠂' | '⠐' | '>'), Some(' ')) => Some((Activity::Working, None)),
            _ => Some((Activity::Unknown, None)),
        }
    }

    fn screen(&self, rows: &[String]) -> Option<Screened> {
        const KNOWN: &[(&str, WaitingFor)] = &[
            ("Accessing workspace:", WaitingFor::Trust),
            ("Detected a custom API key", WaitingFor::Dialog),
            ("Bypass Permissions mode", WaitingFor::Dialog),
            ("Would you like to proceed?", WaitingFor::Plan),
            ("Do you want to ", WaitingFor::Permission),
        ];
        question(rows, '❯', KNOWN)
    }

    fn at_limit(&self, rows: &[String]) -> Option<AtLimit> {
        let has = |text: &str| rows.iter().any(|row| row.contains(text));
        let own = below_the_composer(rows).unwrap_or_default();
        let counts = |row: &String| row.starts_with("Continuing ") && row.contains("to cancel");
        if own.iter().any(counts) {
            return Some(AtLimit::GoesOn);
        }
        let (_, _, asked) = question(rows, '❯', &[("What do you want to do?", WaitingFor::UsageLimit)])?;
        let asks = asked.contains("What do you want to do?") && has("Stop and wait for limit to reset");
        asks.then_some(AtLimit::Asks { leave: "escape" })
    }

    /// Below the composer. 2.1.197 has no words for the mode that 2.1.332 calls manual.
    fn shown_mode(&self, rows: &[String]) -> Option<(&'static str, String)> {
        const MODES: &[(&str, &str)] = &[
            ("⏸ manual mode on", "default"),
            ("⏵⏵ accept edits on", "acceptEdits"),
            ("⏸ plan mode on", "plan"),
            ("⏵⏵ auto mode on", "auto"),
            ("⏵⏵ bypass permissions on", "bypassPermissions"),
            ("⏵⏵ don't ask on", "dontAsk"),
        ];
        let footer = below_the_composer(rows)?;
        let found = footer.iter().find_map(|row| {
            let (shown, mode) = MODES.iter().find(|(shown, _)| row.starts_with(shown))?;
            Some((*mode, format!("its screen says '{shown}'")))
        });
        let plain = || footer.iter().all(|row| ["", "? for shortcuts"].contains(&row.as_str()));
        found.or_else(|| plain().then(|| ("default", "its screen shows no other mode".to_owned())))
    }
}

/// What stands below the line under its composer, without blanks on the left; `None` when it shows none.
fn below_the_composer(rows: &[String]) -> Option<Vec<String>> {
    const MARGIN: usize = 10;
    const GAP: &str = "   ";
    let is_line =
        |row: &&String| row.chars().count() > 10 && row.trim_end().chars().all(|letter| letter == '─');
    let at = rows.iter().rposition(|row| is_line(&row))?;
    let top = rows[..at].iter().rposition(|row| row.starts_with("──"))?;
    let has_prompt = rows[top + 1..at].iter().any(|row| row.starts_with('❯'));
    // The margin may hold a no-break space; what stands to the right is something else.
    let text = |row: &String| {
        let text = row.trim_start_matches([' ', '\u{a0}']);
        let is_right = row.chars().count() - text.chars().count() > MARGIN;
        if is_right {
            String::new()
        } else {
            text.split(GAP).next().unwrap_or_default().trim_end().to_owned()
        }
    };
    has_prompt.then(|| rows[at + 1..].iter().map(text).collect())
}
