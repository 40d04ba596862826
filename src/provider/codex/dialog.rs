//! The dialog in which Codex asks whether a command may run: only its screen has it, and only keys answer it. Measured with
//! 0.169.0 and 0.171.0.

use crate::provider::{OnScreen, asking_rows};

const QUESTION: &str = "Would you like to run the following command?";
const ALLOW: (&str, &str) = ("Yes, proceed", "(y)");
const DENY: (&str, &str) = ("No, ", "(esc)");
/// Of a command that is too long for the screen it shows the beginning, and this in the row below.
const CUT: &str = "[…";
/// How its dialogs begin. In one about a command there is no other.
const OTHERS: [&str; 2] = ["Would you like to ", "Do you want "];
/// What may stand above a command.
const ABOVE: [&str; 2] = ["Environment:", "Reason:"];

/// `None` where it is not shown whole, or where something else on the screen looks like a part of it.
pub fn dialog(rows: &[String]) -> Option<OnScreen> {
    let mut asked = rows.iter().enumerate().filter(|(_, row)| row.trim() == QUESTION);
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
    if !has(ALLOW) || !has(DENY) {
        return None;
    }
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
        text: text.join("\n"),
        command,
        width: None,
        rows: asking_rows(rows, question, footer, |_| false)?,
        allow: b"y",
        deny: b"\x1b",
        by_itself: true,
    })
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
