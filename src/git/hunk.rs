//! The hunks of a file's difference: their names, and pages of their lines.

use codepiper_protocol::wire::git::{DiffHunk as Shown, DiffLine, MAX_DIFF_BYTES, MAX_LINE, MAX_LINES};
use git2::{DiffLineType, Oid, Patch};
use ring::digest;

use super::name::TreePath;
use super::words::Words;

/// A hunk with all its lines.
pub struct Hunk {
    pub name: String,
    pub old: Span,
    pub new: Span,
    pub lines: Vec<Line>,
}

/// Lines of one side.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// The number of the first line; when there are none, of the line before.
    pub start: u32,
    pub lines: u32,
}

impl Span {
    /// How many lines are before it.
    pub fn before(self) -> usize {
        (if self.lines == 0 { self.start } else { self.start.saturating_sub(1) }) as usize
    }
}

#[derive(Clone, Debug)]
pub struct Line {
    /// Its numbers, from 1. One that has no old number was added, one without a new one removed.
    pub old: Option<u32>,
    pub new: Option<u32>,
    /// With its line feed, if it has one.
    pub content: Vec<u8>,
}

/// All hunks.
pub fn all(patch: &Patch, path: &TreePath, old_id: Oid) -> Result<Vec<Hunk>, git2::Error> {
    (0..patch.num_hunks())
        .map(|number| {
            let (head, _) = patch.hunk(number)?;
            let old = Span { start: head.old_start(), lines: head.old_lines() };
            let new = Span { start: head.new_start(), lines: head.new_lines() };
            let mut lines = Vec::new();
            for_each_line(patch, number, |line| {
                lines.push(Line {
                    old: line.old_lineno(),
                    new: line.new_lineno(),
                    content: line.content().to_owned(),
                });
            })?;
            Ok(Hunk { name: name(patch, number, path, old_id)?, old, new, lines })
        })
        .collect()
}

/// Some lines of a file's hunks.
#[derive(Default)]
pub struct Page {
    pub hunks: Vec<Shown>,
    /// Lines of all hunks.
    pub lines: u32,
    pub next: Option<u32>,
}

/// The lines from a number on, counted over all hunks: as many as fit.
pub fn page(
    patch: &Patch,
    path: &TreePath,
    old_id: Oid,
    from: u32,
    limit: Option<u32>,
) -> Result<Page, git2::Error> {
    let limit = limit.unwrap_or(MAX_LINES).clamp(1, MAX_LINES);
    let (mut page, mut room) = (Page::default(), MAX_DIFF_BYTES);
    let mut words = Words::new();
    for number in 0..patch.num_hunks() {
        let (head, _) = patch.hunk(number)?;
        let first = page.lines;
        let mut lines = Vec::new();
        for_each_line(patch, number, |line| {
            let at = page.lines;
            page.lines += 1;
            let shown = (at >= from && page.next.is_none()).then(|| show(&line));
            let fits = shown.filter(|shown| at - from < limit && shown.text.len() <= room);
            if fits.is_none() && at >= from {
                page.next = page.next.or(Some(at));
            }
            let place = fits.as_ref().map(|_| lines.len());
            room -= fits.as_ref().map_or(0, |shown| shown.text.len());
            lines.extend(fits);
            words.line(&line, place, &mut lines);
        })?;
        let words_left_out = words.end(&mut lines);
        if lines.is_empty() {
            continue;
        }
        page.hunks.push(Shown {
            name: name(patch, number, path, old_id)?,
            old_start: head.old_start(),
            old_lines: head.old_lines(),
            new_start: head.new_start(),
            new_lines: head.new_lines(),
            heading: heading(head.header()),
            skipped: from.saturating_sub(first),
            words_left_out,
            lines,
        });
    }
    Ok(page)
}

/// Texts of lines, as many as fit in one answer.
pub fn texts<'l>(lines: impl Iterator<Item = &'l [u8]>, limit: Option<u32>) -> Vec<String> {
    let (mut room, limit) = (MAX_DIFF_BYTES, limit.unwrap_or(MAX_LINES).clamp(1, MAX_LINES));
    let fits = |text: &String| {
        let fits = room >= text.len();
        room -= text.len().min(room);
        fits
    };
    lines.take(limit as usize).map(|line| text(line).0).take_while(fits).collect()
}

fn show(line: &git2::DiffLine) -> DiffLine {
    let (text, bytes) = text(line.content());
    let no_newline = !line.content().ends_with(b"\n");
    DiffLine { old: line.old_lineno(), new: line.new_lineno(), text, words: vec![], bytes, no_newline }
}

/// A line without its line feed, and its length if it was cut.
pub fn text(line: &[u8]) -> (String, Option<u64>) {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    match line.len() > MAX_LINE {
        false => (String::from_utf8_lossy(line).into_owned(), None),
        true => {
            // Not in the middle of a letter.
            let whole = (MAX_LINE - 3..=MAX_LINE).rev().find(|end| line[*end] & 0xC0 != 0x80);
            let cut = String::from_utf8_lossy(&line[..whole.unwrap_or(MAX_LINE)]);
            (cut.into_owned(), Some(line.len() as u64))
        }
    }
}

fn heading(header: &[u8]) -> String {
    let header = String::from_utf8_lossy(header);
    header.splitn(3, "@@").nth(2).unwrap_or_default().trim().to_owned()
}

/// The lines of a hunk, without the remarks that a file has no line feed at its end.
fn for_each_line<'p>(
    patch: &'p Patch,
    hunk: usize,
    mut each: impl FnMut(git2::DiffLine<'p>),
) -> Result<(), git2::Error> {
    for number in 0..patch.num_lines_in_hunk(hunk)? {
        let line = patch.line_in_hunk(hunk, number)?;
        let kind = line.origin_value();
        if matches!(kind, DiffLineType::Context | DiffLineType::Addition | DiffLineType::Deletion) {
            each(line);
        }
    }
    Ok(())
}

/// Made of the path, the old content, the place and the lines.
fn name(patch: &Patch, hunk: usize, path: &TreePath, old_id: Oid) -> Result<String, git2::Error> {
    let (head, _) = patch.hunk(hunk)?;
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(path.as_bytes());
    hash.update(&[0]);
    hash.update(old_id.as_bytes());
    for number in [head.old_start(), head.old_lines(), head.new_start(), head.new_lines()] {
        hash.update(&number.to_le_bytes());
    }
    for_each_line(patch, hunk, |line| {
        hash.update(&[line.origin() as u8]);
        hash.update(&(line.content().len() as u64).to_le_bytes());
        hash.update(line.content());
    })?;
    Ok(hex(hash.finish().as_ref()))
}

/// 128 bits are enough for a name.
pub fn hex(hash: &[u8]) -> String {
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
