//! What programs tell of their state without hooks: by reports in their output, on their screens, in a file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use codepiper_protocol::wire::session::{Activity, WaitingFor};
use codepiper_protocol::wire::status::{BlockedKind, ProgramState, StatusRecord};
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
    fn report(&self, _report: &Report) -> Option<Meaning> {
        None
    }

    /// What its program status means (OSC 7501), `None` of it that there is none any more.
    fn status(&self, status: Option<&StatusRecord>) -> Option<Meaning> {
        Some(status_meaning(status))
    }

    /// What its screen means; `None` when it means nothing.
    fn screen(&self, _rows: &[String]) -> Option<Screened> {
        None
    }

    /// What its screen offers about a usage limit that it has reached.
    fn at_limit(&self, _rows: &[String]) -> Option<AtLimit> {
        None
    }

    /// The permission mode that its screen shows, and the words that do.
    fn shown_mode(&self, _rows: &[String]) -> Option<(&'static str, String)> {
        None
    }
}

/// What an agent shows when it has reached a usage limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtLimit {
    /// It goes on by itself.
    GoesOn,
    /// It asks what to do; this key leaves it at its prompt.
    Asks { leave: &'static str },
}

/// What a program status means where nothing else is known of its program.
pub fn status_meaning(status: Option<&StatusRecord>) -> Meaning {
    let Some(status) = status else { return (Activity::Unknown, None) };
    match status.state {
        ProgramState::Working => (Activity::Working, None),
        ProgramState::Idle | ProgramState::Done | ProgramState::Error => (Activity::Idle, None),
        ProgramState::Blocked => (
            Activity::Waiting,
            Some(match status.kind {
                Some(BlockedKind::Permission) => WaitingFor::Permission,
                Some(BlockedKind::Auth) => WaitingFor::SignIn,
                Some(BlockedKind::Question) | None => WaitingFor::Question,
            }),
        ),
    }
}

/// A file where a program writes about its own state.
#[derive(Clone, Copy)]
pub struct StateFile {
    /// Where the program with this process id does.
    pub path: fn(env: &BTreeMap<String, String>, pid: i32) -> PathBuf,
    /// What its content means for the turn; `None` when it means nothing.
    pub meaning: fn(&Value) -> Option<Meaning>,
    /// Where the conversation has gone that was in this terminal.
    pub moved_to: fn(&Value) -> Option<String>,
    /// Whether commands run behind the turn; `None` when it does not tell.
    pub left_running: fn(&Value) -> Option<bool>,
    /// The version of the program that writes it.
    pub version: fn(&Value) -> Option<String>,
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

/// The question that is open on an agent's screen: a list to choose from, with a pointer before one of its rows, and
/// below everything the keys that answer, or at least the one that leaves: there the choices have numbers, or follow the
/// known text at once. The first of the known texts that stands above the pointer says what is asked; where none is, only a
/// dialog with all its keys is one.
pub(super) fn question(rows: &[String], pointer: char, known: &[(&str, WaitingFor)]) -> Option<Screened> {
    let last = rows.iter().rfind(|row| !row.trim().is_empty())?.to_lowercase();
    let has_keys = last.contains("enter") && last.contains("esc");
    let leaves = has_keys || last.contains("esc to cancel") || last.contains("ctrl+g to edit");
    let pointed =
        |row: &String| row.trim().strip_prefix(pointer).map(|choice| choice.trim_start().to_owned());
    let at = rows.iter().rposition(|row| pointed(row).is_some_and(|choice| !choice.is_empty()))?;
    let is_numbered =
        pointed(&rows[at])?.split_once(". ").is_some_and(|(number, _)| number.parse::<u8>().is_ok());
    let found = known.iter().find_map(|(text, kind)| {
        let asked = rows[..at].iter().rposition(|row| row.contains(text))?;
        Some((asked, *kind))
    });
    let follows = |asked: usize| {
        let between = &rows[asked + 1..at];
        between.iter().all(|row| !row.trim().is_empty() && !row.starts_with('─'))
    };
    let (asked, kind) = match found {
        Some((asked, kind)) if has_keys || leaves && (is_numbered || follows(asked)) => (asked, kind),
        None if has_keys && is_numbered => (at, WaitingFor::Dialog),
        _ => return None,
    };
    let what = format!("its screen asks '{}'", rows[asked].trim().escape_debug());
    Some((Activity::Waiting, Some(kind), what))
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
                assert_eq!(activity, Activity::Waiting);
                (waiting_for.unwrap(), what)
            })
        };
        let asks = |kind: WaitingFor, what: &str| Some((kind, format!("its screen asks '{what}'")));
        let trust = " Accessing workspace:\n\n /home/me/work\n\n ❯ 1. Yes, I trust this folder\n   2. No, exit\n\n \
                     Enter to confirm · Esc to cancel\n\n";
        assert_eq!(asked("claude-code", trust), asks(WaitingFor::Trust, "Accessing workspace:"));
        // Since 2.1.332 without numbers.
        let trust_now = " Accessing workspace:\n\n /home/me/work\n\n Security guide\n\n ❯ No, exit\n   Yes, I trust this folder\n\n \
                         Enter to confirm · Esc to cancel\n";
        assert_eq!(asked("claude-code", trust_now), asks(WaitingFor::Trust, "Accessing workspace:"));
        let unchecked = " Auto mode can't check actions in this session, so this one needs your approval\n\n \
                         Do you want to proceed?\n ❯ No\n   Yes\n\n Esc to cancel · Tab to amend\n";
        assert_eq!(asked("claude-code", unchecked), asks(WaitingFor::Permission, "Do you want to proceed?"));
        let typed = " Do you want to know?\n───────────\n❯ No\n───────────\n  Esc to cancel\n";
        assert_eq!(asked("claude-code", typed), None, "a composer");
        let review = "  Hooks need review\n  1 hook is new or changed.\n\n› 1. Review hooks\n  2. Trust all and continue\n\n  \
                      enter confirm · esc skip";
        assert_eq!(asked("codex", review), asks(WaitingFor::Trust, "Hooks need review"));
        let other = "  Something new?\n› 2. Later\n  enter confirm · esc skip";
        assert_eq!(asked("codex", other), asks(WaitingFor::Dialog, "› 2. Later"));
        // In a conversation.
        let permission = "● Bash(touch one)\n  ⎿  Waiting…\n────\n Bash command\n\n   touch one\n\n Do you want to proceed?\n ❯ 1. \
                          Yes\n   2. No\n\n Esc to cancel · Tab to amend · ctrl+e to explain";
        assert_eq!(asked("claude-code", permission), asks(WaitingFor::Permission, "Do you want to proceed?"));
        let plan = " Claude has written up a plan and is ready to execute. Would you like to proceed?\n\n ❯ 1. Yes, and use auto \
                    mode\n   2. Yes, manually approve edits\n\n ctrl+g to edit in Vim · ~/.claude/plans/plan.md";
        let plan = asked("claude-code", plan).unwrap();
        assert!(plan.0 == WaitingFor::Plan && plan.1.contains("Would you like to proceed?"), "{plan:?}");
        // The same words in a conversation, and a composer with a draft that looks like a choice.
        assert_eq!(asked("claude-code", &format!("{trust}● done\n❯ \n  ? for shortcuts")), None);
        assert_eq!(asked("codex", "› 1. first\n\n  gpt · ~/work"), None);
        let new = "  Where should the new conversation run?\n\n\n› 1. Use current Git worktree  Keep using the current \
                   working directory\n  2. Create new Git worktree\n\n  enter select · esc back";
        assert_eq!(asked("codex", new), asks(WaitingFor::Dialog, "Where should the new conversation run?"));
        assert_eq!(asked("claude-code", ""), None);
    }
}
