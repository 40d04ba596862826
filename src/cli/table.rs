//! Lists for people: aligned columns, as wide as they need to be.

use anstyle::Style;
use codepiper_protocol::visible::visible;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::failure::Outcome;
use super::output;

const GAP: usize = 2;
/// A column that must give way keeps at least this width.
const NARROWEST: usize = 12;
const HEADING: Style = Style::new().bold();

pub(super) struct Table<const N: usize> {
    rows: Vec<[Cell; N]>,
    /// The column that is cut, at its beginning, when the terminal is too narrow.
    elastic: usize,
}

pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(super) fn styled(text: impl Into<String>, style: Style) -> Self {
        // Here already, since it is measured.
        Self { text: visible(&text.into()).into_owned(), style }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::styled(text, Style::new())
    }
}

impl<const N: usize> Table<N> {
    pub(super) fn new(headings: [&str; N], elastic: usize) -> Self {
        Self { rows: vec![headings.map(|heading| Cell::styled(heading, HEADING))], elastic }
    }

    pub(super) fn row(&mut self, cells: [Cell; N]) {
        self.rows.push(cells);
    }

    /// Without this column, if nothing stands in it.
    pub(super) fn without_empty(mut self, column: usize) -> Self {
        let (heading, rows) = self.rows.split_at_mut(1);
        if rows.iter().all(|row| row[column].text.is_empty()) {
            heading[0][column] = Cell::from("");
        }
        self
    }

    /// Prints it. Without a `width` nothing is cut.
    pub(super) fn print(self, width: Option<usize>) -> Outcome {
        self.lines(width).into_iter().try_for_each(output::styled_line)
    }

    /// The pieces of each line, in their styles.
    fn lines(mut self, width: Option<usize>) -> Vec<Vec<(Style, String)>> {
        let mut widths = [0; N];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.text.width().max(*width);
            }
        }
        let columns = widths.iter().filter(|width| **width > 0).count();
        let whole = widths.iter().sum::<usize>() + GAP * columns.saturating_sub(1);
        if let Some(over) = width.and_then(|width| whole.checked_sub(width)) {
            let elastic = &mut widths[self.elastic];
            *elastic = elastic.saturating_sub(over).max(NARROWEST.min(*elastic));
            for row in &mut self.rows {
                let cell = &mut row[self.elastic];
                cell.text = keep_end(&cell.text, *elastic);
            }
        }
        self.rows.iter().map(|row| line(row, &widths)).collect()
    }
}

fn line(row: &[Cell], widths: &[usize]) -> Vec<(Style, String)> {
    let mut line = Vec::new();
    for (index, (cell, width)) in row.iter().zip(widths).enumerate() {
        if *width == 0 {
            continue;
        }
        line.push((cell.style, cell.text.clone()));
        if index + 1 < row.len() {
            line.push((Style::new(), " ".repeat(width - cell.text.width() + GAP)));
        }
    }
    line
}

/// The end of a text says more than its beginning, in a path.
fn keep_end(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut room = width.saturating_sub(1);
    let mut start = text.len();
    for (index, char) in text.char_indices().rev() {
        let Some(left) = room.checked_sub(char.width().unwrap_or(0)) else { break };
        (room, start) = (left, index);
    }
    format!("…{}", &text[start..])
}

#[cfg(test)]
impl<const N: usize> Table<N> {
    /// The lines without their styles.
    pub(super) fn plain(self, width: Option<usize>) -> Vec<String> {
        let texts = |line: Vec<(Style, String)>| line.into_iter().map(|(_, text)| text).collect();
        self.lines(width).into_iter().map(texts).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(width: Option<usize>) -> Vec<String> {
        let mut table = Table::new(["ID", "DIRECTORY", "X"], 1);
        table.row(["a1".into(), "~/projects/日本/my-app".into(), "y\x1b[2J".into()]);
        table.row(["b".into(), "~".into(), "".into()]);
        table.plain(width)
    }

    #[test]
    fn columns_are_aligned_and_harmless() {
        assert_eq!(
            lines(None),
            [
                "ID  DIRECTORY               X",
                "a1  ~/projects/日本/my-app  y<U+001B>[2J",
                "b   ~                       ",
            ]
        );
    }

    #[test]
    fn a_narrow_terminal_cuts_one_column_at_its_beginning() {
        assert_eq!(lines(Some(35))[1], "a1  …ects/日本/my-app  y<U+001B>[2J");
        assert_eq!(lines(Some(1))[1], "a1  …日本/my-app  y<U+001B>[2J");
    }
}
