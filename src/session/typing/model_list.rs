//! An agent's list of models, as it stands on its screen.

use crate::provider::{Dialog, ModelList};
use crate::terminal::screen::Screen;

/// A row of the list: its number, what it is called, and the names for `--model`. Codex 0.171.0 numbers the first nine.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelRow {
    pub number: Option<u32>,
    pub label: String,
    pub names: Vec<String>,
}

impl ModelRow {
    pub fn is(&self, other: &ModelRow) -> bool {
        (self.number, &self.label) == (other.number, &other.label)
    }
}

/// The rows of that dialog, if it is open.
pub fn open_rows(screen: &Screen, dialog: Dialog) -> Option<Vec<String>> {
    let mut rows: Vec<String> = (0..screen.size().rows()).map(|y| screen.row_text(y)).collect();
    let top = rows.iter().rposition(|row| row.trim_start().starts_with(dialog.heading))?;
    let rows = rows.split_off(top);
    one_line(&rows).ends_with(dialog.end).then_some(rows)
}

pub fn is_open(screen: &Screen, dialog: Dialog) -> bool {
    open_rows(screen, dialog).is_some()
}

/// Whether it is open, and ends with that.
pub fn ends(screen: &Screen, dialog: Dialog, end: &'static str) -> bool {
    is_open(screen, Dialog { end, ..dialog })
}

/// Whether it is open, and has the key that keeps the choice to the session.
pub fn keeps(screen: &Screen, dialog: Dialog, list: ModelList) -> bool {
    list.keep_hints.iter().any(|hint| ends(screen, dialog, hint))
}

/// The row that the pointer stands at.
pub fn pointed(screen: &Screen, list: ModelList) -> Option<ModelRow> {
    let rows = open_rows(screen, list.list)?;
    (0..rows.len()).find_map(|y| row(&rows[y..], list))
}

/// `  ❯ 6. Opus ✔     Opus 4.8 · Best …`, and where there is no room, more of the description in the rows below.
pub fn row(rows: &[String], list: ModelList) -> Option<ModelRow> {
    let rest = rows[0].trim_start().strip_prefix(list.pointer)?.trim_start();
    let numbered = rest.split_once(". ").and_then(|(number, rest)| Some((number.parse().ok()?, rest.trim())));
    let (number, rest) = numbered.map_or((None, rest.trim()), |(number, rest)| (Some(number), rest));
    let (label, description) = match rest.split_once("  ") {
        Some(parts) => parts,
        None if number.is_some() => (rest, ""),
        None => return None,
    };
    let label = label.trim_end_matches(['✔', '✓', ' ']);
    let label = ["(current)", "(default)", "(recommended)"]
        .iter()
        .fold(label, |label, mark| label.trim_end_matches(mark).trim_end());
    let column = rows[0].chars().count() - description.trim_start().chars().count();
    let is_more = |row: &&String| row.chars().take_while(|letter| *letter == ' ').count() >= column;
    let more = rows[1..].iter().take_while(is_more).cloned();
    let description = one_line(&[vec![description.to_owned()], more.collect()].concat());
    Some(ModelRow { number, label: label.to_owned(), names: (list.names)(label, &description) })
}

/// The row that is meant: the one that is called so or kept as that, else the one that has that name as well, else the
/// only one whose names begin so. Otherwise those that fit.
pub fn find<'a>(rows: &'a [ModelRow], wanted: &str, vendor: &str) -> Result<&'a ModelRow, Vec<&'a ModelRow>> {
    let wanted = plain(wanted, vendor);
    let is = |name: &String| plain(name, vendor) == wanted;
    let begins = |name: &String| plain(name, vendor).starts_with(&wanted);
    let called = |row: &ModelRow| is(&row.label) || is(&row.names[0]);
    let named = |row: &ModelRow| row.names.iter().any(is);
    let may_be = |row: &ModelRow| begins(&row.label) || row.names.iter().any(begins);
    let fitting = |fits: &dyn Fn(&ModelRow) -> bool| rows.iter().filter(|row| fits(row)).collect::<Vec<_>>();
    let fit = [fitting(&called), fitting(&named), fitting(&may_be)].into_iter().find(|fit| !fit.is_empty());
    match fit.as_deref() {
        Some([row]) => Ok(row),
        _ => Err(fit.unwrap_or_default()),
    }
}

/// What can be compared: without case and signs, without the vendor and without the day of an API's name.
pub fn plain(name: &str, vendor: &str) -> String {
    let name = name.to_lowercase();
    let is_day = |part: &str| part.len() == 8 && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts = name.split(|letter: char| !letter.is_alphanumeric()).filter(|part| !is_day(part));
    let plain: String = parts.collect();
    plain.strip_prefix(vendor).map(str::to_owned).unwrap_or(plain)
}

pub fn shows(screen: &Screen, text: &str) -> bool {
    let rows: Vec<String> = (0..screen.size().rows()).map(|y| screen.row_text(y)).collect();
    one_line(&rows).contains(text)
}

/// What the agent said last of what begins so: the rest of it. It stands in a paragraph of its own, behind a mark.
pub fn said(screen: &Screen, begin: &str) -> Option<String> {
    let mut rows: Vec<String> = (0..screen.size().rows()).map(|y| screen.row_text(y)).collect();
    let begins =
        |row: &String| row.trim_start_matches(|letter: char| !letter.is_alphanumeric()).starts_with(begin);
    let first = rows.iter().rposition(begins)?;
    let rows = rows.split_off(first);
    let end = rows.iter().position(String::is_empty).unwrap_or(rows.len());
    one_line(&rows[..end]).split_once(begin).map(|(_, rest)| rest.to_owned())
}

/// Rows as one, with one blank between words.
pub fn one_line(rows: &[String]) -> String {
    rows.iter().flat_map(|row| row.split_whitespace()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use codepiper_protocol::Size;

    use super::*;
    use crate::provider::Providers;

    fn list(provider: &str) -> ModelList {
        Providers::built_in().find(provider).unwrap().models.unwrap().list.unwrap()
    }

    fn rows(provider: &str, lines: &[&str]) -> Vec<ModelRow> {
        lines.iter().map(|line| row(&[(*line).to_owned()], list(provider)).unwrap()).collect()
    }

    fn screen(lines: &[&str]) -> Screen {
        let mut screen = Screen::new(Size::new(110, 30).unwrap());
        screen.feed(lines.join("\r\n").as_bytes());
        screen
    }

    const CLAUDE: [&str; 6] = [
        "  ❯ 1. Default (recommended)  Use the default model (currently Opus 4.8 (1M context)) · $5/$25 per Mtok",
        "  ❯ 2. Opus                   Opus 4.8 with 1M context · Best for everyday, complex tasks",
        "  ❯ 3. Sonnet                 Sonnet 5 · Efficient for routine tasks · $3/$15 per Mtok",
        "  ❯ 4. Sonnet 5 (1M context)  Sonnet 5 for long sessions · $3/$15 per Mtok",
        "  ❯ 5. Haiku                  Haiku 4.5 · Fastest for quick answers · $1/$5 per Mtok",
        "  ❯ 6. Opus 4.8 ✔             Best for everyday, complex tasks (claude-opus-4-8)",
    ];
    const CODEX: [&str; 4] = [
        "› 3. GPT-6-Sol          Previous generation",
        "› 5. GPT-5.6-Sol        Older generation workhorse model.",
        "› 6. GPT-6.1 Terra      GPT-6.1 Terra Codex model.",
        "› 9. GPT-5.5 (current)  Legacy coding model.",
    ];

    #[test]
    fn the_row_that_is_meant_is_found() {
        let (claude, codex) = (rows("claude-code", &CLAUDE), rows("codex", &CODEX));
        for (rows, wanted, number, name) in [
            (&claude[..], "sonnet", 3, "sonnet"),
            (&claude, "Opus", 2, "opus[1m]"),
            (&claude, "claude-opus-4-8[1m]", 2, "opus[1m]"),
            (&claude, "claude-opus-4-8", 6, "claude-opus-4-8"),
            (&claude[..5], "claude-opus-4-8", 2, "opus[1m]"),
            (&claude, "claude-haiku-4-5", 5, "haiku"),
            (&claude, "claude-haiku-4-5-20251001", 5, "haiku"),
            (&claude, "claude-sonnet-5", 3, "sonnet"),
            (&claude, "Sonnet 5 (1M context)", 4, "claude-sonnet-5[1m]"),
            (&claude, "sonnet[1m]", 4, "claude-sonnet-5[1m]"),
            (&claude, "def", 1, "default"),
            (&codex, "gpt-5.5", 9, "gpt-5.5"),
            (&codex, "GPT-6-s", 3, "gpt-6-sol"),
            (&codex, "gpt-6.1-terra", 6, "gpt-6.1-terra"),
        ] {
            let row = find(rows, wanted, "claude").unwrap();
            assert_eq!((row.number, row.names[0].as_str()), (Some(number), name), "{wanted}");
        }
        let fit = |rows, wanted| -> Vec<u32> {
            find(rows, wanted, "claude").unwrap_err().iter().filter_map(|row| row.number).collect()
        };
        assert!(fit(&claude, "gpt").is_empty());
        assert_eq!(fit(&codex, "gpt-5"), [5, 9]);
        assert_eq!(fit(&codex, "gpt-6"), [3, 6]);
        assert_eq!(row(&["❯ Press up to edit queued messages".to_owned()], list("claude-code")), None);
        let unnumbered = &self::rows("codex", &["›     GPT-5.5 (current)  Legacy coding model."])[0];
        assert_eq!((unnumbered.number, unnumbered.label.as_str()), (None, "GPT-5.5"));
    }

    #[test]
    fn a_description_goes_on_in_the_rows_below() {
        let narrow = ["  ❯ 2. Opus     Opus 4.8", "                with 1M", "    3. Sonnet   Sonnet 5"];
        let row = row(&narrow.map(str::to_owned), list("claude-code")).unwrap();
        assert_eq!(row.names, ["opus[1m]", "claude-opus-4-8[1m]"]);
    }

    /// Whatever was said before, only what is asked at the bottom counts.
    #[test]
    fn a_conversation_is_no_list() {
        let said = [
            "❯ Select model",
            "Switch model?",
            "  ❯ 1. Yes",
            "  2. No, go back",
            "  s session · esc back",
            "",
        ];
        let footer = ["──────", "❯ ", "──────", "  ? for shortcuts"];
        let open = [
            "  Select model",
            "  ❯ 3. Sonnet  Sonnet 5",
            "",
            "  Enter to set as default · s to use this session",
            "  only · Esc to cancel",
        ];
        let asks = ["  Switch model?", "", "  ❯ 1. Yes, switch to Sonnet 5", "    2. No, go back", ""];
        let claude = list("claude-code");
        let question = claude.questions[0];
        for (lines, number, is_asked) in [
            ([&said[..], &footer].concat(), None, false),
            ([&said[..], &open].concat(), Some(3), false),
            ([&said[..], &open, &said, &asks].concat(), None, true),
        ] {
            let screen = screen(&lines);
            assert_eq!(pointed(&screen, claude).and_then(|row| row.number), number, "{lines:?}");
            assert_eq!(is_open(&screen, question), is_asked, "{lines:?}");
            assert_eq!(keeps(&screen, claude.list, claude), number.is_some(), "{lines:?}");
        }
    }

    #[test]
    fn the_last_word_of_the_agent_counts() {
        let screen = screen(&[
            "• Model changed to gpt-5.5 medium for this session only",
            "",
            "› Model changed to nothing",
            "",
            "• Model changed to gpt-6-sol medium for this",
            "session only",
            "",
            "› Ask Codex to do anything",
        ]);
        let said = said(&screen, "Model changed to ");
        assert_eq!(said.as_deref(), Some("gpt-6-sol medium for this session only"));
    }
}
