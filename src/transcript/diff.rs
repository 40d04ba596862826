//! Edits as hunks.

use codepiper_protocol::wire::conversation::{Edit, Hunk};

/// A file's hunks, with its lines counted.
pub fn edit(path: &str, hunks: Vec<Hunk>) -> Edit {
    let count = |sign: char| {
        hunks.iter().flat_map(|hunk| &hunk.lines).filter(|line| line.starts_with(sign)).count() as u32
    };
    Edit { path: path.to_owned(), added: count('+'), removed: count('-'), hunks }
}

/// What differs between two texts, with three lines around it.
pub fn hunks(old: &str, new: &str) -> Vec<Hunk> {
    let mut found: Vec<Hunk> = Vec::new();
    let patch = git2::Patch::from_buffers(old.as_bytes(), None, new.as_bytes(), None, None);
    let Ok(patch) = patch else { return found };
    for index in 0..patch.num_hunks() {
        let Ok((hunk, count)) = patch.hunk(index) else { continue };
        let lines = (0..count).filter_map(|line| patch.line_in_hunk(index, line).ok());
        let lines = lines.filter(|line| [' ', '-', '+'].contains(&line.origin())).map(|line| {
            let text = String::from_utf8_lossy(line.content());
            format!("{}{}", line.origin(), text.trim_end_matches(['\n', '\r']))
        });
        found.push(Hunk {
            old_start: Some(hunk.old_start()),
            new_start: Some(hunk.new_start()),
            lines: lines.collect(),
        });
    }
    found
}

/// What differs between two pieces of a file: nobody knows at which line they stand.
pub fn unplaced(old: &str, new: &str) -> Vec<Hunk> {
    hunks(old, new).into_iter().map(|hunk| Hunk { old_start: None, new_start: None, ..hunk }).collect()
}

/// The hunks of a unified diff of one file.
pub fn unified(diff: &str) -> Vec<Hunk> {
    let mut found: Vec<Hunk> = Vec::new();
    for line in diff.lines() {
        if let Some(head) = line.strip_prefix("@@ -") {
            let number = |text: &str| text.split([',', ' ']).next()?.parse().ok();
            let (old, new) = head.split_once(" +").unwrap_or((head, ""));
            found.push(Hunk { old_start: number(old), new_start: number(new), lines: Vec::new() });
        } else if line.starts_with([' ', '-', '+'])
            && let Some(hunk) = found.last_mut()
        {
            hunk.lines.push(line.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_found() {
        let edit = edit("f", hunks("a\nb\nc\n", "a\nx\nc\nd"));
        assert_eq!((edit.added, edit.removed), (2, 1));
        assert_eq!(edit.hunks[0].lines, [" a", "-b", "+x", " c", "+d"]);
        assert_eq!(edit.hunks[0].old_start, Some(1));
        assert_eq!(hunks("same", "same"), []);
        assert_eq!(unplaced("", "one")[0].lines, ["+one"]);
    }
}
