//! What came already stands on a reloaded screen too, and does not come again.

use std::iter::repeat_n;
use std::ops::Range;

use super::{Continues, Line, Listener, append_line, line_end, mark, used_rows};
use crate::terminal::screen::Model;

impl<F: FnMut(Line<'_>)> Listener<'_, F> {
    /// Finds the lines of the new screen among those that came and those that the old screen showed.
    pub(super) fn carry_over(&mut self, old: &Model, new: &mut Model, continues: Continues) {
        let before = lines_of(old, &self.lines.head);
        let lines = lines_of(new, "");
        self.lines.head.clear();
        let pending = |(rows, text): &&(Range<usize>, String)| {
            rows.clone().any(|y| old.main_grid().row(y).printed != mark(text))
        };
        let shown: Vec<&str> = before.iter().filter(pending).map(|(_, text)| text.as_str()).collect();
        // A higher screen may show lines that are older than all that is known.
        let older = if continues == Continues::Wholly { lines.len() } else { 0 };
        let came = older + self.lines.recent.len();
        let recent = self.lines.recent.iter().copied();
        let known: Vec<u64> =
            repeat_n(0, older).chain(recent).chain(shown.iter().map(|text| mark(text))).collect();
        let marks: Vec<u64> = lines.iter().map(|(_, text)| mark(text)).collect();
        let mut place = match continues {
            Continues::AfterGap => whole_place(&known, &marks),
            Continues::Wholly | Continues::InPlaces => best_place(&known, &marks),
        };
        let agrees = |index: usize| known.get(place + index) == Some(&marks[index]);
        let mut agreeing: Vec<bool> = (0..marks.len()).map(agrees).collect();
        if continues == Continues::Wholly {
            // Above a line that is known nothing is new.
            let last = agreeing.iter().rposition(|agrees| *agrees).map_or(0, |last| last + 1);
            agreeing[..last].fill(true);
            // All that is left may be the end of the last line.
            if let (0, Some((_, last)), [(_, end)]) = (last, before.last(), &lines[..])
                && !end.is_empty()
                && last.ends_with(end)
            {
                place -= 1;
                agreeing[0] = true;
            }
        }
        for text in shown.iter().take(place.saturating_sub(came)) {
            self.line(text);
        }
        // The first line may be the end of one that did not come yet, and whose beginning is above the screen.
        let whole = place.checked_sub(came).and_then(|index| shown.get(index));
        if let (Some(whole), Some((_, end))) = (whole, lines.first().filter(|(_, end)| !end.is_empty()))
            && let Some(beginning) = whole.strip_suffix(end.as_str())
        {
            self.lines.head.push_str(beginning);
        }
        for (index, (rows, _)) in lines.into_iter().enumerate() {
            if agreeing[index] && place + index < came {
                for y in rows {
                    let row = new.main_grid_mut().marks_mut(y);
                    (row.printed, row.changed) = (marks[index], false);
                }
            }
        }
        if self.lines.following && !new.is_alternate() {
            self.settle(new, 0, new.y);
        }
    }
}

/// The lines of the main screen, and the rows that each takes. The first one begins with `head`.
fn lines_of(model: &Model, head: &str) -> Vec<(Range<usize>, String)> {
    let grid = model.main_grid();
    let mut lines = Vec::new();
    let mut start = 0;
    while start < used_rows(grid) {
        let rows = start..line_end(grid, start);
        let mut text = if start == 0 { head.to_owned() } else { String::new() };
        append_line(model, grid, rows.clone(), &mut text);
        start = rows.end;
        lines.push((rows, text));
    }
    lines
}

/// Where in `known` the lines `marks` begin: where most of them agree, and of such places the last.
fn best_place(known: &[u64], marks: &[u64]) -> usize {
    let agree = |place: usize| known[place..].iter().zip(marks).filter(|(a, b)| a == b).count();
    let best = (0..known.len()).map(|place| (agree(place), place)).max();
    best.filter(|(agree, _)| *agree > 0).map_or(known.len(), |(_, place)| place)
}

/// Where in `known` the lines `marks` begin: where all that is known from there on agrees.
fn whole_place(known: &[u64], marks: &[u64]) -> usize {
    (0..known.len()).find(|&place| marks.starts_with(&known[place..])).unwrap_or(known.len())
}
