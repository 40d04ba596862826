//! What stands where a person would type.

use crate::provider;
use crate::terminal::screen::Screen;

/// The row of the cursor.
pub struct CursorLine {
    pub left: String,
    /// From the cursor on, without what is drawn faintly: that is proposed, nobody typed it.
    pub right: String,
}

impl CursorLine {
    pub fn of(screen: &Screen) -> Self {
        let cursor = screen.cursor();
        let right = screen.text_of(cursor.y, cursor.x.., true);
        let typed = screen.text_of(cursor.y, cursor.x + 1.., false);
        // Some draw the cursor themselves, on the first letter of what they propose.
        let proposed = typed.trim().is_empty() && right.trim().chars().count() > 1;
        let right = if proposed { String::new() } else { right.trim_end().to_owned() };
        Self { left: screen.text_of(cursor.y, ..cursor.x, true), right }
    }
}

/// How many images stand on the screen.
pub fn images(screen: &Screen, composer: provider::Composer) -> usize {
    let rows = (0..screen.size().rows()).map(|row| screen.row_text(row));
    rows.collect::<String>().matches(composer.image).count()
}

/// What stands in the composer, from its mark to the end of the cursor's row; rows that go on are indented. `None`
/// when the cursor is not in it, or its beginning is not shown.
pub fn draft(screen: &Screen, mark: &str) -> Option<String> {
    let cursor = screen.cursor();
    let line = CursorLine::of(screen);
    let mut text = line.left + &line.right;
    for y in (0..=cursor.y).rev() {
        if y < cursor.y {
            text = screen.row_text(y) + "\n" + &text;
        }
        if let Some(draft) = text.trim_start().strip_prefix(mark) {
            return Some(draft.trim().to_owned());
        }
        if !text.starts_with([' ', '\n']) && !text.is_empty() {
            return None;
        }
    }
    None
}
