//! What Claude Code asks on its screen: what it asks before it begins, and whether a command may run, read where no hook waits for the answer: a sub-agent in the
//! background has asked, or the hook is gone. Measured with 2.1.332; 2.1.197 does not mark where the command ends.

use codepiper_protocol::wire::ask::AskKind;
use unicode_width::UnicodeWidthStr;

use crate::provider::{Known, OnScreen, Press, asking_rows, list_dialog};

/// It begins below a line, maybe with who asks behind it.
const HEADER: &str = "Bash command";
const QUESTION: &str = "Do you want to proceed?";
/// Stands for a command that is too long for the screen.
const CUT: &str = "(value cannot be shown in full";

/// What it asks before it begins. In 2.1.332 the choices have no numbers, and the pointer stands on the one that refuses.
const BEFORE: [Known; 3] = [
    Known {
        heading: "Accessing workspace:",
        kind: AskKind::Trust,
        allow: "Yes, I trust this folder",
        deny: &["No, exit"],
        others: &[],
    },
    Known {
        heading: "WARNING: Claude Code running in Bypass Permissions mode",
        kind: AskKind::Dialog,
        allow: "Yes, I accept",
        deny: &["No, exit"],
        others: &[],
    },
    Known {
        heading: "Detected a custom API key in your environment",
        kind: AskKind::Dialog,
        allow: "Yes",
        deny: &["No (recommended)", "No"],
        others: &[],
    },
];

pub fn dialog(rows: &[String]) -> Option<OnScreen> {
    list_dialog(rows, '❯', &["Enter to confirm · Esc to cancel"], &BEFORE).or_else(|| permission(rows))
}

/// `None` where it is not shown whole, or where something else on the screen looks like a part of it.
fn permission(rows: &[String]) -> Option<OnScreen> {
    let footer = rows.iter().rposition(|row| !row.trim().is_empty())?;
    let is_over = rows[footer].trim().starts_with("Esc to cancel");
    let question = only(rows, |row| row.trim() == QUESTION)?;
    let header = rows[..question].iter().rposition(|row| is_line(row, '─'))? + 1;
    // The agent's own text is indented.
    let mut marks = (0..rows.len()).filter(|at| is_line(&rows[*at], '╌'));
    let (Some(begin), Some(end), None) = (marks.next(), marks.next(), marks.next()) else { return None };
    let is_in_order = header < begin && begin + 1 < end && end + 1 == question && question < footer;
    let width = rows[header - 1].trim_end().width();
    let is_wide = [begin, end].iter().all(|mark| rows[*mark].trim_end().width() == width);
    if !is_over || !is_in_order || !is_wide || !rows[header].trim().starts_with(HEADER) {
        return None;
    }
    let command = &rows[begin + 1..end];
    let is_whole = command.iter().all(|row| is_text(row) && !row.trim().starts_with(CUT));
    if !is_whole
        || !rows[header..begin].iter().all(|row| is_text(row))
        || !takes_digits(&rows[question + 1..footer])
    {
        return None;
    }
    let command: Vec<&str> = command.iter().map(|row| row.trim()).collect();
    let about = rows[header..begin].iter().map(|row| row.trim());
    let text: Vec<&str> = about.chain(command.iter().copied()).collect();
    Some(OnScreen {
        kind: AskKind::Permission,
        text: text.join("\n"),
        command: Some(command.join("\n")),
        width: Some(width),
        // The marks are alike; nothing else can stand in their places while all other rows are in theirs.
        rows: asking_rows(rows, header, footer, |row| is_line(row, '╌'))?,
        allow: Press::Keys(b"1"),
        deny: Press::Keys(b"\x1b"),
        by_itself: false,
    })
}

/// The only row like that.
fn only(rows: &[String], is: impl Fn(&String) -> bool) -> Option<usize> {
    let at = rows.iter().position(&is)?;
    (!rows[at + 1..].iter().any(is)).then_some(at)
}

/// A row of text in the dialog.
fn is_text(row: &str) -> bool {
    row.starts_with(' ') && !row.trim().is_empty()
}

/// From the first column on.
fn is_line(row: &str, of: char) -> bool {
    let row = row.trim_end();
    row.chars().count() > 10 && row.chars().all(|letter| letter == of)
}

/// Whether the first choice is Yes, and the last one is No, each behind its number.
fn takes_digits(rows: &[String]) -> bool {
    let choices: Vec<&str> = rows
        .iter()
        .map(|row| row.trim_start().trim_start_matches('❯').trim())
        .filter(|row| row.split_once(". ").is_some_and(|(number, _)| number.parse::<u8>().is_ok()))
        .collect();
    let last = format!("{}. No", choices.len());
    choices.first() == Some(&"1. Yes") && choices.last().is_some_and(|choice| *choice == last)
}
