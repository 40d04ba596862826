//! The output as lines of text: what a terminal would have left in its scrollback. Lines are in order,
//! without escapes and trailing blanks, wrapped ones joined, an overwritten one in its last form.

mod carry;

use std::collections::VecDeque;
use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::mem::take;
use std::ops::Range;

use codepiper_protocol::Size;

use super::screen::{Grid, Model, Screen, Sink};

/// Turns raw output into lines.
///
/// It begins with looking back: a line comes when it has scrolled off, and an alternate screen that is
/// left leaves nothing, as in a scrollback. [`finish`](TextLines::finish) brings what is on the screen.
///
/// [`follow`](TextLines::follow) also brings what is on the screen, and from then on a line comes
/// when the cursor has left it downwards. A line that changes later comes again, unless it only became blank or
/// again what it was. An alternate screen comes once, in its last form, when it is left.
/// [`flush`](TextLines::flush) brings the line that the cursor is in, as far as it goes.
pub struct TextLines {
    screen: Screen,
    lines: Lines,
    /// The cursor went back to the beginning of its line, and then the screen was reloaded.
    returned: bool,
}

/// A line, or the beginning of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// All of it, also what came before.
    pub text: &'a str,
    /// Bytes of `text` that came before, as a line that was not complete.
    pub seen: usize,
    /// What came before as an incomplete line was overwritten and is not the beginning of this one.
    pub breaks: bool,
    /// Whether the cursor has left it.
    pub complete: bool,
}

/// How a keyframe continues what came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continues {
    /// Nothing is missing: it was resized, or what was missed was found.
    Wholly,
    /// A gap: what came before counts as known only when all of it stands there, up to its end.
    AfterGap,
    /// A gap: a line counts as known also when it stands where it stood.
    InPlaces,
}

/// A line longer than that comes in pieces.
const MAX_LINE: usize = 1024 * 1024;
/// Lines that a reload may bring back on the screen: at most its height, and a wide one brings many narrow
/// ones.
const REMEMBERED: usize = 2 * Size::MAX as usize;

impl Line<'_> {
    /// Appends what a plain stream needs: the part not seen before, and an end of line when it is complete.
    pub fn append_to(&self, out: &mut String) {
        if self.breaks {
            out.push('\n');
        }
        out.push_str(&self.text[self.seen..]);
        if self.complete {
            out.push('\n');
        }
    }
}

impl TextLines {
    pub fn new(size: Size) -> Self {
        Self { screen: Screen::new(size), lines: Lines::default(), returned: false }
    }

    pub fn feed(&mut self, bytes: &[u8], on_line: &mut impl FnMut(Line<'_>)) {
        if take(&mut self.returned) && bytes.starts_with(b"\n") {
            // A resize came between `\r` and `\n`. A terminal goes on in the line, if that takes several rows now, or
            // beside its end if it takes fewer; for a reader the line has ended.
            let model = self.screen.model_mut();
            let rows = line_end(&model.grid, model.y) - 1 - model.y;
            self.screen.feed("\x1b[B".repeat(rows).as_bytes());
            self.screen.feed(b"\r");
        }
        self.screen.feed_with(bytes, &mut Listener { lines: &mut self.lines, on_line });
    }

    /// Continues from a keyframe, after a resize or a gap. What came before does not come again, and
    /// what the old screen showed and the new one does not comes now.
    pub fn load_keyframe(
        &mut self,
        size: Size,
        keyframe: &[u8],
        continues: Continues,
        on_line: &mut impl FnMut(Line<'_>),
    ) {
        let old = std::mem::replace(&mut self.screen, Screen::new(size));
        self.screen.feed(keyframe);
        let before = continues == Continues::Wholly && (self.returned || is_back_in_line(&old));
        self.returned = before || is_back_in_line(&self.screen);
        let mut listener = Listener { lines: &mut self.lines, on_line };
        listener.carry_over(old.model(), self.screen.model_mut(), continues);
    }

    /// Brings what is on the screen and begins to follow.
    pub fn follow(&mut self, on_line: &mut impl FnMut(Line<'_>)) {
        self.lines.following = true;
        let model = self.screen.model_mut();
        let mut listener = Listener { lines: &mut self.lines, on_line };
        if !model.is_alternate() {
            listener.settle(model, 0, model.y);
        }
        listener.rest(model);
    }

    /// Brings the line that the cursor is in, if it has news. Call it when the output has been quiet for a
    /// moment.
    pub fn flush(&mut self, on_line: &mut impl FnMut(Line<'_>)) {
        let model = self.screen.model_mut();
        if self.lines.following && !model.is_alternate() {
            Listener { lines: &mut self.lines, on_line }.cursor_line(model);
        }
    }

    /// Brings the beginning of a line whose end is still on the screen.
    pub fn end_head(&mut self, on_line: &mut impl FnMut(Line<'_>)) {
        Listener { lines: &mut self.lines, on_line }.end_head();
    }

    /// Brings everything on the screen that did not come yet: the main screen, then the alternate one if
    /// that is shown. The last line is incomplete when the cursor is in it.
    pub fn finish(&mut self, on_line: &mut impl FnMut(Line<'_>)) {
        let model = self.screen.model_mut();
        let mut listener = Listener { lines: &mut self.lines, on_line };
        listener.rest(model);
        if model.is_alternate() {
            listener.alternate(model);
        }
    }
}

/// What came so far.
#[derive(Default)]
struct Lines {
    following: bool,
    /// The beginning of a line whose end is still on the screen.
    head: String,
    /// The incomplete line that came last.
    open: Option<String>,
    /// Marks of the last lines, for finding them on a reloaded screen.
    recent: VecDeque<u64>,
    text: String,
}

struct Listener<'a, F> {
    lines: &'a mut Lines,
    on_line: &'a mut F,
}

impl<F: FnMut(Line<'_>)> Sink for Listener<'_, F> {
    fn scrolls_off(&mut self, model: &mut Model, y: usize) {
        let row = model.grid.row(y);
        let (wrapped, printed) = (row.wrapped, row.printed);
        if printed != 0 && !row.changed && self.lines.head.is_empty() {
            return;
        }
        let mut head = take(&mut self.lines.head);
        let alone = head.is_empty() && !wrapped;
        model.append_text(row, &mut head);
        if wrapped && head.len() < MAX_LINE {
            self.lines.head = head;
            return;
        }
        trim(&mut head);
        if !(alone && printed == mark(&head)) {
            self.line(&head);
        }
        head.clear();
        self.lines.head = head;
    }

    fn cleared(&mut self, _: &mut Model) {
        self.end_head();
    }

    fn goes_down_to(&mut self, model: &mut Model, y: usize) {
        if self.lines.following {
            let from = model.grid.take_changed().min(model.y);
            self.settle(model, from, y);
        }
    }

    fn leaves_alternate(&mut self, model: &mut Model) {
        if self.lines.following {
            self.alternate(model);
        }
    }
}

impl<F: FnMut(Line<'_>)> Listener<'_, F> {
    /// Brings lines of the main screen between two rows that have news. A line that goes on in row `to` waits.
    fn settle(&mut self, model: &mut Model, from: usize, to: usize) {
        let grid = &model.grid;
        let mut start = (0..from).rev().take_while(|&y| grid.row(y).wrapped).last().unwrap_or(from);
        while start < to {
            let end = line_end(&model.grid, start);
            if end > to {
                model.grid.keep_changed(start);
                return;
            }
            self.settle_line(model, start..end);
            start = end;
        }
    }

    fn settle_line(&mut self, model: &mut Model, rows: Range<usize>) {
        let has_news = |y: usize| model.main_grid().row(y).changed || model.main_grid().row(y).printed == 0;
        if !rows.clone().any(has_news) {
            return;
        }
        let mut text = take(&mut self.lines.text);
        text.clear();
        append_line(model, model.main_grid(), rows.clone(), &mut text);
        let mark = mark(&text);
        let came = |y: usize| model.main_grid().row(y).printed;
        let same = rows.clone().all(|y| came(y) == mark);
        let became_blank = text.is_empty() && rows.clone().any(|y| came(y) != 0);
        for y in rows {
            let row = model.main_grid_mut().marks_mut(y);
            (row.printed, row.changed) = (mark, false);
        }
        if !self.lines.head.is_empty() {
            let mut whole = take(&mut self.lines.head);
            whole.push_str(&text);
            self.line(&whole);
        } else if !same && !became_blank {
            self.line(&text);
        }
        self.lines.text = text;
    }

    /// Brings the rest of the main screen.
    fn rest(&mut self, model: &mut Model) {
        let cursor = if model.is_alternate() { None } else { Some(model.y) };
        let used = used_rows(model.main_grid());
        let mut start = 0;
        while start < used.max(cursor.unwrap_or(0)) {
            let rows = start..line_end(model.main_grid(), start);
            start = rows.end;
            if cursor.is_some_and(|y| rows.contains(&y)) && used <= rows.end {
                return self.cursor_line(model);
            }
            self.settle_line(model, rows);
        }
    }

    fn cursor_line(&mut self, model: &Model) {
        let grid = &model.grid;
        let start = (0..model.y).rev().take_while(|&y| grid.row(y).wrapped).last().unwrap_or(model.y);
        let mut text = self.lines.head.clone();
        append_line(model, grid, start..line_end(grid, start), &mut text);
        let complete = grid.row(start).printed == mark(&text);
        if complete || self.lines.open.as_deref().unwrap_or_default() == text {
            return;
        }
        self.bring(&text, false);
        self.lines.open = Some(text);
    }

    /// Brings what the alternate screen shows.
    fn alternate(&mut self, model: &Model) {
        let mut start = 0;
        let mut text = String::new();
        while start < used_rows(&model.grid) {
            let end = line_end(&model.grid, start);
            text.clear();
            append_line(model, &model.grid, start..end, &mut text);
            self.line(&text);
            start = end;
        }
    }

    fn end_head(&mut self) {
        if !self.lines.head.is_empty() {
            let mut head = take(&mut self.lines.head);
            trim(&mut head);
            self.line(&head);
        }
    }

    fn line(&mut self, text: &str) {
        self.bring(text, true);
        self.lines.open = None;
        self.lines.remember(mark(text));
    }

    fn bring(&mut self, text: &str, complete: bool) {
        let open = self.lines.open.as_deref();
        let continues = open.is_none_or(|open| text.starts_with(open));
        let seen = if continues { open.map_or(0, str::len) } else { 0 };
        (self.on_line)(Line { text, seen, breaks: !continues, complete });
    }
}

impl Lines {
    fn remember(&mut self, mark: u64) {
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(mark);
    }
}

/// Whether the cursor is in the first column of a row with text.
fn is_back_in_line(screen: &Screen) -> bool {
    let cursor = screen.cursor();
    cursor.x == 0 && !screen.is_alternate() && !screen.row_text(cursor.y).is_empty()
}

/// The row behind the line that begins in row `start`.
fn line_end(grid: &Grid, start: usize) -> usize {
    (start..grid.len() - 1).find(|&y| !grid.row(y).wrapped).map_or(grid.len(), |last| last + 1)
}

/// Rows up to the last one with a character.
fn used_rows(grid: &Grid) -> usize {
    grid.iter().rposition(|row| row.cells().iter().any(|cell| !cell.is_erased())).map_or(0, |last| last + 1)
}

fn append_line(model: &Model, grid: &Grid, rows: Range<usize>, text: &mut String) {
    rows.for_each(|y| model.append_text(grid.row(y), text));
    trim(text);
}

fn trim(text: &mut String) {
    text.truncate(text.trim_end_matches(' ').len());
}

/// Stands for a line; never 0.
fn mark(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(text.as_bytes());
    hasher.finish().max(1)
}

#[cfg(test)]
mod tests;
