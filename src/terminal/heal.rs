//! What a pane printed while nobody listened, found by comparing the screen as it was known with what
//! tmux holds now.

use std::ops::Range;

use bytes::Bytes;

/// So many lines before the cursor's must be found again, where they exist, to know the place by them.
const OVERLAP: usize = 30;
/// When its history is full, tmux drops a tenth of it at once (`grid_collect_history` in grid.c): its
/// length then no longer counts the lines that went by.
const TRIMMED: u64 = 10;

/// The main screen as it was known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    pub cols: u16,
    /// Rows that had scrolled off, as tmux counts them, if that is known.
    pub history: Option<u64>,
    /// Down to the cursor's row.
    pub rows: Vec<KnownRow>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct KnownRow {
    /// Without blanks at the end.
    pub text: String,
    /// It goes on in the next row.
    pub wraps: bool,
}

/// What tmux holds: the end of its history, and its screen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Held {
    pub cols: u16,
    /// Rows of history.
    pub history: u64,
    /// Rows of history that it would hold.
    pub limit: u64,
    /// The rows of `rows` that are history.
    pub history_rows: usize,
    /// `capture-pane -p -N`: the last rows of history, then the screen down to its end.
    pub rows: Vec<Bytes>,
    /// `capture-pane -p -J` of the same rows: wrapped ones are joined.
    pub joined: Vec<Bytes>,
    /// The cursor's row on the screen.
    pub cursor_y: u16,
}

/// A line of text, and the rows it takes.
#[derive(Clone, Debug, PartialEq)]
struct Line {
    /// As indices of rows.
    rows: Range<usize>,
    /// Without blanks at the end.
    text: Vec<u8>,
}

/// The bytes that continue what was known, so that every line comes once. When the place cannot be found
/// there is a gap, of so many lines if that is known.
pub fn missing(known: &Known, held: &Held) -> Result<Vec<u8>, Option<u64>> {
    find(known, held).ok_or_else(|| count_missing(known, held))
}

fn find(known: &Known, held: &Held) -> Option<Vec<u8>> {
    let known_lines = join_known(&known.rows);
    let held_lines = join_held(held)?;
    let (last, before) = known_lines.split_last()?;
    let place = by_count(known, held, last, &held_lines).or_else(|| by_overlap(before, last, &held_lines))?;
    let mut bytes = held_lines[place].text.get(last.text.len()..).unwrap_or_default().to_vec();
    for line in &held_lines[place + 1..] {
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&line.text);
    }
    Some(bytes)
}

/// The rows by which the cursor went down, where rows can be counted.
fn count_missing(known: &Known, held: &Held) -> Option<u64> {
    let before = comparable(known, held)? + known.rows.len() as u64;
    (held.history + u64::from(held.cursor_y) + 1).checked_sub(before)
}

/// The rows of history that were known, if tmux has counted on from there.
fn comparable(known: &Known, held: &Held) -> Option<u64> {
    // Another width has other rows.
    let same = held.cols == known.cols && held.history < held.limit - held.limit / TRIMMED;
    known.history.filter(|history| same && held.history >= *history)
}

/// The line that stands where the cursor's line stood, counted from the pane's first row.
fn by_count(known: &Known, held: &Held, last: &Line, lines: &[Line]) -> Option<usize> {
    let history = comparable(known, held)?;
    let first = held.history.checked_sub(held.history_rows as u64)?;
    let row = (history + last.rows.start as u64).checked_sub(first)?;
    let place = lines.iter().position(|line| line.rows.start as u64 == row)?;
    lines[place].text.starts_with(&last.text).then_some(place)
}

/// The only place where the lines before the cursor's stand again.
fn by_overlap(before: &[Line], last: &Line, lines: &[Line]) -> Option<usize> {
    let before = &before[before.len().saturating_sub(OVERLAP)..];
    if before.iter().all(|line| line.text.is_empty()) {
        return None;
    }
    let fits = |place: &usize| {
        let Some(start) = place.checked_sub(before.len()) else { return false };
        lines[*place].text.starts_with(&last.text)
            && before.iter().zip(&lines[start..*place]).all(|(known, held)| known.text == held.text)
    };
    let mut places = (0..lines.len()).filter(fits);
    let place = places.next()?;
    places.next().is_none().then_some(place)
}

fn join_known(rows: &[KnownRow]) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut wrapped = false;
    for (index, row) in rows.iter().enumerate() {
        match lines.last_mut().filter(|_| wrapped) {
            Some(line) => {
                line.text.extend_from_slice(row.text.as_bytes());
                line.rows.end = index + 1;
            }
            None => lines.push(Line { rows: index..index + 1, text: row.text.clone().into() }),
        }
        wrapped = row.wraps;
    }
    lines
}

/// Finds which rows each joined line takes, up to the cursor's line.
fn join_held(held: &Held) -> Option<Vec<Line>> {
    let cursor = held.history_rows + usize::from(held.cursor_y);
    let mut lines = Vec::new();
    let mut row = 0;
    for joined in &held.joined {
        if row > cursor {
            break;
        }
        let start = row;
        let mut length = 0;
        // An empty line takes a row too.
        while row == start || (length < joined.len() && row < held.rows.len()) {
            length += held.rows.get(row)?.len();
            row += 1;
        }
        lines.push(Line { rows: start..row, text: trimmed(joined).to_vec() });
    }
    Some(lines)
}

fn trimmed(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(history: u64, rows: &[&str]) -> Known {
        let row = |text: &&str| KnownRow {
            text: text.trim_end_matches('>').to_owned(),
            wraps: text.ends_with('>'),
        };
        Known { cols: 80, history: Some(history), rows: rows.iter().map(row).collect() }
    }

    /// Rows that end with `>` wrap.
    fn held(history: u64, history_rows: usize, rows: &[&str], cursor_y: u16) -> Held {
        let mut joined: Vec<String> = Vec::new();
        let mut wrapped = false;
        for row in rows {
            let text = row.trim_end_matches('>');
            match joined.last_mut().filter(|_| wrapped) {
                Some(line) => line.push_str(text),
                None => joined.push(text.to_owned()),
            }
            wrapped = row.ends_with('>');
        }
        let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        Held {
            cols: 80,
            history,
            limit: 1000,
            history_rows,
            rows: rows.iter().map(|row| bytes(row.trim_end_matches('>'))).collect(),
            joined: joined.iter().map(|line| bytes(line)).collect(),
            cursor_y,
        }
    }

    fn text(known: &Known, held: &Held) -> Option<String> {
        missing(known, held).ok().map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn nothing_is_missing_when_nothing_was_printed() {
        let rows = ["one", "two", "$"];
        assert_eq!(text(&known(5, &rows), &held(5, 0, &rows, 2)), Some(String::new()));
    }

    #[test]
    fn lines_and_the_rest_of_a_line_come_once() {
        let old = known(5, &["one", "two", "thr"]);
        let new = held(7, 3, &["zero", "one", "two", "three", "four", "five"], 2);
        assert_eq!(text(&old, &new), Some("ee\r\nfour\r\nfive".into()));
    }

    #[test]
    fn counting_finds_the_place_among_equal_lines() {
        let old = known(100, &["x", "x", ""]);
        let new = held(104, 10, &["x"; 12], 1);
        // Rows 102 to 105 are new: the cursor's empty line became the first of them.
        assert_eq!(text(&old, &new), Some("x\r\nx\r\nx\r\nx".into()));
    }

    #[test]
    fn another_width_is_searched_for_the_last_lines() {
        let old = known(100, &["a", "b", ""]);
        let new = Held { cols: 100, ..held(104, 4, &["x", "x", "x", "x", "a", "b", "c", ""], 3) };
        assert_eq!(text(&old, &new), Some("c\r\n".into()));
    }

    #[test]
    fn a_full_history_is_searched_for_the_last_lines() {
        let old = known(5000, &["a", "b", ""]);
        let new = held(950, 3, &["a", "b", "c", "d", ""], 1);
        assert_eq!(text(&old, &new), Some("c\r\nd\r\n".into()));
        let twice = held(950, 4, &["a", "b", "a", "b", "c", ""], 1);
        assert_eq!(text(&old, &twice), None, "two places fit");
        assert_eq!(text(&old, &held(950, 2, &["x", "y", "z", ""], 1)), None, "no place fits");
    }

    #[test]
    fn wrapped_rows_are_one_line() {
        let old = known(0, &["aaaa>", "aaaa>", "aa", "bb"]);
        let new = held(2, 2, &["aaaa>", "aaaa>", "aa", "bbbb>", "cc", ""], 3);
        assert_eq!(text(&old, &new), Some("bbcc\r\n".into()));
    }

    #[test]
    fn what_was_overwritten_is_a_gap() {
        let old = known(0, &["one", "progress 10 %"]);
        assert_eq!(missing(&old, &held(0, 0, &["one", "done"], 1)), Err(Some(0)));
        assert_eq!(missing(&old, &held(3, 3, &["a", "b", "c", "d", "done"], 1)), Err(Some(3)));
        assert_eq!(missing(&old, &held(950, 1, &["c", "d", "done"], 1)), Err(None), "its history was full");
    }
}
