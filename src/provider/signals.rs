//! What programs tell of their state without hooks: by reports in their output, on their screens, in a file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use codepiper_protocol::wire::session::{Activity, WaitingFor};
use jiff::Timestamp;
use serde_json::Value;

use crate::terminal::reports::Report;

/// What a signal proves of a program's state.
pub type Meaning = (Activity, Option<WaitingFor>);

/// What a screen proves, and which part of it.
pub type Screened = (Activity, Option<WaitingFor>, String);

/// What the output of a program proves.
pub trait Signals: Send + Sync {
    /// What a report means; `None` when it means nothing.
    fn report(&self, report: &Report) -> Option<Meaning>;

    /// What its screen means; `None` when it means nothing.
    fn screen(&self, _rows: &[String]) -> Option<Screened> {
        None
    }
}

/// A file where a program writes about its own state.
#[derive(Clone, Copy)]
pub struct StateFile {
    /// Where the program with this process id does.
    pub path: fn(env: &BTreeMap<String, String>, pid: i32) -> PathBuf,
    /// What its content means; `None` when it means nothing.
    pub meaning: fn(&Value) -> Option<Meaning>,
    /// When it was written.
    pub written: fn(&Value) -> Option<Timestamp>,
}

/// When a provider's screens are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadScreens {
    Never,
    /// Until the program tells its state by itself: what it asks before that, only its screen tells.
    AtStart,
    Always,
}

/// The question that is open on an agent's screen before it has begun: a list to choose from, with a pointer
/// before its numbers, and below everything the keys that answer. Of its rows the one that is known says what is
/// asked, or else the one with the pointer.
pub(super) fn question(rows: &[String], pointer: char, known: &[&str]) -> Option<Screened> {
    let last = rows.iter().rfind(|row| !row.trim().is_empty())?.to_lowercase();
    if !(last.contains("enter") && last.contains("esc")) {
        return None;
    }
    let is_choice = |row: &&String| {
        let choice = row.trim().strip_prefix(pointer).map(str::trim_start).unwrap_or_default();
        choice.split_once(". ").is_some_and(|(number, _)| number.parse::<u8>().is_ok())
    };
    let chosen = rows.iter().find(is_choice)?;
    let row = rows.iter().find(|row| known.iter().any(|text| row.contains(text))).unwrap_or(chosen);
    let what = format!("its screen asks '{}'", row.trim().escape_debug());
    Some((Activity::Waiting, Some(WaitingFor::Question), what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Providers;

    /// Rows of the real agents' screens.
    #[test]
    fn a_question_before_the_start_is_seen_below_everything() {
        let rows = |text: &str| -> Vec<String> { text.lines().map(str::to_owned).collect() };
        let asked = |provider: &str, text: &str| {
            let asked = Providers::built_in().find(provider).unwrap().signals.screen(&rows(text));
            asked.map(|(activity, waiting_for, what)| {
                assert_eq!((activity, waiting_for), (Activity::Waiting, Some(WaitingFor::Question)));
                what
            })
        };
        let trust = " Accessing workspace:\n\n /home/me/work\n\n ❯ 1. Yes, I trust this folder\n   2. No, exit\n\n \
                     Enter to confirm · Esc to cancel\n\n";
        assert_eq!(asked("claude-code", trust).unwrap(), "its screen asks 'Accessing workspace:'");
        let review = "  Hooks need review\n  1 hook is new or changed.\n\n› 1. Review hooks\n  2. Trust all and continue\n\n  \
                      enter confirm · esc skip";
        assert_eq!(asked("codex", review).unwrap(), "its screen asks 'Hooks need review'");
        let other = "  Something new?\n› 2. Later\n  enter confirm · esc skip";
        assert_eq!(asked("codex", other).unwrap(), "its screen asks '› 2. Later'");
        // The same words in a conversation, and a composer with a draft that looks like a choice.
        assert_eq!(asked("claude-code", &format!("{trust}● done\n❯ \n  ? for shortcuts")), None);
        assert_eq!(asked("codex", "› 1. first\n\n  gpt · ~/work"), None);
        let new = "  Where should the new conversation run?\n\n\n› 1. Use current Git worktree  Keep using the current \
                   working directory\n  2. Create new Git worktree\n\n  enter select · esc back";
        assert_eq!(asked("codex", new).unwrap(), "its screen asks 'Where should the new conversation run?'");
        assert_eq!(asked("claude-code", ""), None);
    }
}
