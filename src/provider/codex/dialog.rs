//! What Codex asks before it begins, and whether a command may run or edits may be made: only its screen has it, and only
//! keys answer it. Measured with 0.169.0 and 0.171.0.

use codepiper_protocol::wire::ask::AskKind;

use crate::provider::{Known, OnScreen, Press, asking_rows, list_dialog};

/// What it asks before it begins.
const BEFORE: [Known; 2] = [
    Known {
        heading: "Folder access",
        kind: AskKind::Trust,
        allow: "Trust and continue",
        deny: &["Back to Agent Command Center", "Quit", "Exit"],
        others: &[],
    },
    Known {
        heading: "Hooks need review",
        kind: AskKind::Trust,
        allow: "Trust all and continue",
        deny: &["Continue without trusting (hooks won't run)"],
        others: &["Review hooks"],
    },
];
const BEFORE_KEYS: [&str; 2] = ["enter continue · esc back", "enter confirm · esc skip"];
const EDITS: &str = "Would you like to make the following edits?";
const QUESTION: &str = "Would you like to run the following command?";
const ALLOW: (&str, &str) = ("Yes, proceed", "(y)");
const DENY: (&str, &str) = ("No, ", "(esc)");
/// Of a command that is too long for the screen it shows the beginning, and this in the row below.
const CUT: &str = "[…";
/// How its dialogs begin. In one about a command there is no other.
const OTHERS: [&str; 2] = ["Would you like to ", "Do you want "];
/// Stands below a change.
const DETAILS: &str = "+ Show details";
/// What may stand above a command.
const ABOVE: [&str; 2] = ["Environment:", "Reason:"];

pub fn dialog(rows: &[String]) -> Option<OnScreen> {
    list_dialog(rows, '›', &BEFORE_KEYS, &BEFORE).or_else(|| permission(rows)).or_else(|| edits(rows))
}

/// The rows of a dialog: its question, its first choice, and its keys.
fn parts(rows: &[String], asks: &str) -> Option<(usize, usize, usize)> {
    let mut asked = rows.iter().enumerate().filter(|(_, row)| row.trim() == asks);
    let (Some((question, _)), None) = (asked.next(), asked.next()) else { return None };
    let footer = rows.iter().rposition(|row| !row.trim().is_empty())?;
    if !rows[footer].contains("enter to confirm") || !rows[footer].contains("esc to cancel") {
        return None;
    }
    let first = rows.iter().rposition(|row| choice(row).starts_with("1. "))?;
    let options = options(rows.get(first..footer)?);
    let has = |(begin, end): (&str, &str)| {
        options.iter().any(|option| option.starts_with(begin) && option.ends_with(end))
    };
    (has(ALLOW) && has(DENY)).then_some((question, first, footer))
}

/// `None` where it is not shown whole, or where something else on the screen looks like a part of it.
fn permission(rows: &[String]) -> Option<OnScreen> {
    let (question, first, footer) = parts(rows, QUESTION)?;
    let mut text: Vec<&str> = rows.get(question + 1..first)?.iter().map(|row| row.trim()).collect();
    // A blank row on either side.
    let (above, below) = (text.first()?.is_empty(), text.pop()?.is_empty());
    while text.first().is_some_and(|row| row.is_empty()) {
        text.remove(0);
    }
    let begins = command_row(&text)?;
    let has_other = text.iter().any(|row| OTHERS.iter().any(|begin| row.starts_with(begin)));
    if !above || !below || has_other || text.last()?.starts_with(CUT) {
        return None;
    }
    let command = text[begins..].join("\n").split_off(2);
    Some(OnScreen {
        kind: AskKind::Permission,
        text: text.join("\n"),
        command: Some(command),
        width: None,
        rows: asking_rows(rows, question, footer, |_| false)?,
        allow: Press::Keys(b"y"),
        deny: Press::Keys(b"\x1b"),
        by_itself: true,
    })
}

/// An edit, with the change that stands above the question: `None` where not all of its lines do, or it is about several files.
fn edits(rows: &[String]) -> Option<OnScreen> {
    let (question, first, footer) = parts(rows, EDITS)?;
    let header = rows[..question].iter().rposition(|row| row.starts_with("• "))?;
    let (path, added, removed) = change(&rows[header])?;
    let is_line = |row: &&String| !row.trim().is_empty() && row.trim() != DETAILS;
    let lines = rows[header + 1..question].iter().take_while(is_line).count();
    let lines = &rows[header + 1..header + 1 + lines];
    let with = |sign: char| lines.iter().filter(|row| sign_of(row) == Some(sign)).count();
    let mut below = rows[header + 1 + lines.len()..question].iter();
    if with('+') != added || with('-') != removed || below.any(|row| is_line(&row)) {
        return None;
    }
    let about: Vec<&str> = rows.get(question + 1..first)?.iter().map(|row| row.trim()).collect();
    let has_other = about.iter().any(|row| OTHERS.iter().any(|begin| row.starts_with(begin)));
    let mut places = about.iter().filter_map(|row| row.strip_prefix("Destination: "));
    let is_there = places.next().is_some_and(|place| place == path || place.ends_with(&format!("/{path}")));
    if has_other || !is_there || places.next().is_some() {
        return None;
    }
    let header_row = rows[header].trim_start_matches("• ").trim_end();
    let lines = lines.iter().map(|row| row.trim_end());
    let text: Vec<&str> = [header_row].into_iter().chain(lines).chain([""]).chain(about).collect();
    Some(OnScreen {
        kind: AskKind::Permission,
        text: text.join("\n").trim().to_owned(),
        command: None,
        width: None,
        rows: asking_rows(rows, header, footer, |row| row.trim() == DETAILS)?,
        allow: Press::Keys(b"y"),
        deny: Press::Keys(b"\x1b"),
        by_itself: true,
    })
}

/// Which file, and how many of its lines are added and removed, as in `• Edited src/main.rs (+2 -1)`.
fn change(header: &str) -> Option<(&str, usize, usize)> {
    let (what, counts) = header.trim_end().strip_suffix(')')?.rsplit_once(" (+")?;
    let (added, removed) = counts.split_once(" -")?;
    let path = ["Added ", "Edited ", "Deleted "]
        .iter()
        .find_map(|word| what.strip_prefix("• ")?.strip_prefix(word))?;
    Some((path, added.parse().ok()?, removed.parse().ok()?))
}

/// What becomes of a line that is shown with its number, as in `   12 +text`.
fn sign_of(row: &str) -> Option<char> {
    let text = row.trim_start().trim_start_matches(|letter: char| letter.is_ascii_digit());
    let sign = text.strip_prefix(' ')?.chars().next()?;
    let numbered = row.trim_start().starts_with(|letter: char| letter.is_ascii_digit());
    Some(sign).filter(|sign| numbered && "+-".contains(*sign))
}

/// Where the command begins; `None` where that is not certain: the agent writes the reason above it.
fn command_row(text: &[&str]) -> Option<usize> {
    let begins_block = |at: usize| at == 0 || text[at - 1].is_empty();
    let mut blocks = (0..text.len()).filter(|at| begins_block(*at) && !text[*at].is_empty());
    let begins = blocks.find(|at| !ABOVE.iter().any(|known| text[*at].starts_with(known)))?;
    let is_only = !blocks.any(|at| text[at].starts_with("$ "));
    (text[begins].starts_with("$ ") && is_only).then_some(begins)
}

/// Without the pointer before the one that Enter would choose.
fn choice(row: &str) -> &str {
    row.trim_start().trim_start_matches('›').trim()
}

/// What can be chosen, without its number. Those that do not fit one row go on in the next.
fn options(rows: &[String]) -> Vec<String> {
    let mut options: Vec<String> = Vec::new();
    for row in rows.iter().map(|row| choice(row)).filter(|row| !row.is_empty()) {
        let numbered = row.split_once(". ").filter(|(number, _)| number.parse::<u8>().is_ok());
        match (numbered, options.last_mut()) {
            (Some((_, option)), _) => options.push(option.to_owned()),
            (None, Some(before)) => *before = format!("{before} {row}"),
            (None, None) => {}
        }
    }
    options
}
