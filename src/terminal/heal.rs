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
    let place = match known.history.filter(|_| known.cols == held.cols) {
        // Where rows can be counted nothing else counts: the same lines may have been printed again.
        Some(history) if held.counts() => by_count(history, held, before, last, &held_lines)?,
        history => by_overlap(history, held, before, last, &held_lines)?,
    };
    let mut bytes = held_lines[place].text.get(last.text.len()..).unwrap_or_default().to_vec();
    for line in &held_lines[place + 1..] {
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&line.text);
    }
    Some(bytes)
}

/// The rows by which the cursor went down, where rows can be counted.
fn count_missing(known: &Known, held: &Held) -> Option<u64> {
    // Another width has other rows.
    let history = known.history.filter(|_| known.cols == held.cols && held.counts())?;
    held.rows_down_to_cursor().checked_sub(history + known.rows.len() as u64)
}

/// Whether a history of so many rows still begins with the first row that scrolled off, unless it was cleared.
pub fn counts(history: u64, limit: u64) -> bool {
    history < limit - limit / TRIMMED
}

impl Held {
    fn counts(&self) -> bool {
        counts(self.history, self.limit)
    }

    fn rows_down_to_cursor(&self) -> u64 {
        self.history + u64::from(self.cursor_y) + 1
    }

    /// The number of the first row, counted from the first one of the history.
    fn first(&self) -> Option<u64> {
        self.history.checked_sub(self.history_rows as u64)
    }
}

/// The line that stands where the cursor's line stood, counted from the pane's first row, if the lines
/// before it are still the same.
fn by_count(history: u64, held: &Held, before: &[Line], last: &Line, lines: &[Line]) -> Option<usize> {
    let first = held.first()?;
    let place_of = |line: &Line| {
        let row = (history + line.rows.start as u64).checked_sub(first)?;
        lines.iter().position(|held| held.rows.start as u64 == row)
    };
    // A cursor that went up has cleared the history, or written over what was known.
    let went_down = history + last.rows.start as u64 <= held.rows_down_to_cursor();
    let place = place_of(last).filter(|_| went_down)?;
    let same = before.iter().all(|line| place_of(line).is_none_or(|place| lines[place].text == line.text));
    (same && lines[place].text.starts_with(&last.text)).then_some(place)
}

/// The only place in the whole history where the lines before the cursor's stand again. tmux has dropped rows so many
/// at a time: so their number is still known but for a multiple of that, if it was known.
fn by_overlap(
    history: Option<u64>,
    held: &Held,
    before: &[Line],
    last: &Line,
    lines: &[Line],
) -> Option<usize> {
    let before = &before[before.len().saturating_sub(OVERLAP)..];
    if held.first()? > 0 || before.iter().all(|line| line.text.is_empty()) {
        return None;
    }
    let dropped = held.limit / TRIMMED;
    let row = history.map(|history| (history + last.rows.start as u64) % dropped);
    let fits = |place: &usize| {
        let Some(start) = place.checked_sub(before.len()) else { return false };
        let line = &lines[*place];
        row.is_none_or(|row| line.rows.start as u64 % dropped == row)
            && line.text.starts_with(&last.text)
            && before.iter().zip(&lines[start..*place]).all(|(known, held)| match known.rows.start {
                // It may have begun above the screen that was known.
                0 => held.text.ends_with(&known.text),
                _ => known.text == held.text,
            })
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
    fn rows_are_counted_through_another_height() {
        let old = known(5, &["a", "b", ""]);
        let taller = held(2, 2, &["0", "1", "2", "3", "4", "a", "b", "c", ""], 6);
        assert_eq!(text(&old, &taller), Some("c\r\n".into()));
        let shorter = held(7, 3, &["4", "a", "b", "c", ""], 1);
        assert_eq!(text(&old, &shorter), Some("c\r\n".into()));
    }

    #[test]
    fn lines_that_were_printed_again_are_not_taken_for_the_known_ones() {
        let old = known(100, &["a", "b", ""]);
        // Row 102 was behind them and is not among the rows that were searched.
        assert_eq!(text(&old, &held(200, 4, &["x", "a", "b", "c", ""], 0)), None);
        // The history was cleared, and they came once more.
        assert_eq!(text(&old, &held(1, 1, &["a", "b", "c", ""], 2)), None);
        // It is full: row 100 may be row 0 by now, or row 900, but not row 899.
        let full = |at: usize| {
            let mut rows = vec!["x"; 960];
            rows.splice(at..at + 3, ["a", "b", "c"]);
            held(950, 950, &rows, 9)
        };
        assert_eq!(text(&old, &full(899)), None);
        assert_eq!(text(&old, &full(900)).map(|text| text.lines().count()), Some(58));
    }

    #[test]
    fn another_width_is_searched_for_the_last_lines() {
        let old = known(100, &["a", "b", ""]);
        let new = Held { cols: 100, ..held(104, 104, &["x"; 104], 3) };
        let lines = |rows: [&str; 4]| {
            let mut new = new.clone();
            new.rows.extend(rows.iter().map(|row| Bytes::copy_from_slice(row.as_bytes())));
            new.joined = new.rows.clone();
            new
        };
        assert_eq!(text(&old, &lines(["a", "b", "c", ""])), Some("c\r\n".into()));
        let part = Held { history_rows: 100, ..lines(["a", "b", "c", ""]) };
        assert_eq!(text(&old, &part), None, "they may stand above those rows, too");
    }

    #[test]
    fn a_full_history_is_searched_for_the_last_lines() {
        // Row 4948 is row 948 now.
        let old = known(4946, &["a", "b", ""]);
        let full = |end: [&str; 5]| held(950, 950, &[&["x"; 946][..], &end[..]].concat(), 0);
        assert_eq!(text(&old, &full(["a", "b", "c", "d", ""])), Some("c\r\nd\r\n".into()));
        assert_eq!(text(&old, &full(["x", "y", "z", "d", ""])), None, "no place fits");
        let same = known(4946, &["x", "x", ""]);
        assert_eq!(text(&same, &full(["x", "x", "x", "x", "x"])), None, "several places fit");
    }

    #[test]
    fn a_line_that_begins_above_the_known_screen_is_found_by_its_end() {
        let old = known(4946, &["b", "c", "d", ""]);
        let rows = ["aaaa>", "b", "c", "d", "e", ""];
        let full = |rows: &[&str]| held(950, 950, &[&["x"; 945][..], rows].concat(), 0);
        assert_eq!(text(&old, &full(&rows)), Some("e\r\n".into()));
        assert_eq!(text(&old, &full(&["aaaa>", "x", "c", "d", "e", ""])), None, "no place fits");
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
