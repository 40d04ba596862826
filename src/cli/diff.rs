use anstyle::{AnsiColor, Style};
use clap::Args;
use codepiper_protocol::visible::count;
use codepiper_protocol::wire::git::{DiffFile, DiffLine, GitDiff, ReadDiff, ReadFile, Span, WholeFile};
use codepiper_protocol::wire::problem::Code;

use super::failure::{OF_SESSIONS, Outcome, exit_codes};
use super::{Context, git, output};
use crate::client::{Client, ClientError};

const FILE: Style = Style::new().bold();
const HUNK: Style = AnsiColor::Cyan.on_default();
const ADDED: Style = AnsiColor::Green.on_default();
const REMOVED: Style = AnsiColor::Red.on_default();

/// Show what changed in a session's directory
///
/// Untracked files count as new. Characters that a terminal cannot show are escaped, and lines of more than 4 KiB are
/// cut: the output is for reading, not a patch to apply.
#[derive(Args)]
#[command(after_help = exit_codes(OF_SESSIONS))]
pub(super) struct Diff {
    /// Session id, unique id prefix, or name
    #[arg(value_name = "ID")]
    session: String,
    /// Show which files changed, and by how many lines
    #[arg(long)]
    stat: bool,
    /// Show what is staged: the index compared with the last commit, or with --base
    #[arg(long)]
    staged: bool,
    /// What to compare with: `head` (the last commit), `index`, `merge-base` or `merge-base:BRANCH`, `start` (of the
    /// session), `seen` (since you marked it as seen), `turn` (since the last prompt; `turn~1` since the one before),
    /// or a branch, tag or commit; write a branch with one of these names in full, such as refs/heads/start [default:
    /// index, and head with --staged]
    #[arg(long, value_name = "BASE")]
    base: Option<String>,
    /// Print the changed files as one JSON object
    #[arg(long)]
    json: bool,
}

impl Diff {
    pub(super) fn run(self, context: Context) -> Outcome {
        let client = context.client()?;
        let (base, to) = if self.staged { ("head", "index") } else { ("index", "work") };
        let base = self.base.clone().unwrap_or_else(|| base.to_owned());
        let mut wanted =
            ReadDiff { base: Some(base.clone()), to: Some(to.to_owned()), from: None, limit: None };
        let mut found: GitDiff = context.block_on(client.git_diff(&self.session, &wanted))??;
        while let Some(next) = found.next {
            wanted.from = Some(next);
            let more = context.block_on(client.git_diff(&self.session, &wanted))??;
            found.files.extend(more.files);
            (found.next, found.uncounted) = (more.next, found.uncounted || more.uncounted);
        }
        if self.json {
            return output::json(&found);
        }
        if self.stat {
            return stat(&found);
        }
        found.files.iter().try_for_each(|file| self.show(&context, &client, file, &base, to))?;
        left_out(&found);
        Ok(())
    }

    fn show(&self, context: &Context, client: &Client, file: &DiffFile, base: &str, to: &str) -> Outcome {
        let old = file.old_path.as_ref().map(|old| format!("{old} → ")).unwrap_or_default();
        let modes = match (&file.old_mode, &file.new_mode) {
            (Some(old), Some(new)) if old != new => format!(", mode {old} → {new}"),
            _ => String::new(),
        };
        output::styled_line([(FILE, format!("{old}{} ({}{modes})", file.path, git::word(file.change)))])?;
        if file.path.ends_with('/') {
            return output::line("  a repository of its own");
        }
        let mut wanted = ReadFile {
            path: file.path.clone(),
            old_path: file.old_path.clone(),
            base: Some(base.to_owned()),
            to: Some(to.to_owned()),
            from: None,
            limit: None,
        };
        loop {
            let found = match context.block_on(client.git_file(&self.session, &wanted))? {
                // The agent goes on meanwhile.
                Err(ClientError::Problem(problem)) if problem.code == Code::NotFound => {
                    return output::line("  changed back meanwhile");
                }
                found => found?,
            };
            if let Some(why) = found.whole.and_then(why_no_lines) {
                output::line(format_args!("  {why}"))?;
            }
            for hunk in &found.hunks {
                if hunk.skipped == 0 {
                    let spans = format!(
                        "@@ -{},{} +{},{} @@ {}",
                        hunk.old_start, hunk.old_lines, hunk.new_start, hunk.new_lines, hunk.heading
                    );
                    output::styled_line([(HUNK, spans)])?;
                }
                hunk.lines.iter().try_for_each(line)?;
            }
            let Some(next) = found.next else { return Ok(()) };
            wanted.from = Some(next);
        }
    }
}

pub(super) fn why_no_lines(whole: WholeFile) -> Option<&'static str> {
    match whole {
        WholeFile::Binary => Some("binary"),
        WholeFile::TooLarge => Some("larger than 64 MiB"),
        WholeFile::Submodule => Some("a submodule"),
        WholeFile::Conflicted => Some("conflicted"),
        WholeFile::Symlink | WholeFile::Filter => None,
    }
}

fn line(line: &DiffLine) -> Outcome {
    let (style, sign) = match (line.old, line.new) {
        (Some(_), Some(_)) => (Style::new(), ' '),
        (Some(_), None) => (REMOVED, '-'),
        (None, _) => (ADDED, '+'),
    };
    let cut = line.bytes.map(|bytes| format!(" … ({bytes} bytes)")).unwrap_or_default();
    let mut pieces = vec![(style, sign.to_string())];
    pieces.extend(
        by_words(&line.text, &line.words)
            .map(|(text, changed)| (if changed { style.invert() } else { style }, text.to_owned())),
    );
    pieces.extend((!cut.is_empty()).then_some((style, cut)));
    output::styled_line(pieces)?;
    if line.no_newline { output::line("\\ No newline at end of file") } else { Ok(()) }
}

/// The text in pieces, and whether each is a word that changed.
fn by_words<'t>(text: &'t str, words: &'t [Span]) -> impl Iterator<Item = (&'t str, bool)> {
    let edges = words.iter().flatten().map(|unit| place_of(text, *unit));
    let starts = std::iter::once(0).chain(edges.clone());
    let pieces = starts.zip(edges.chain(std::iter::once(text.len())));
    let pieces = pieces
        .enumerate()
        .map(|(number, (from, to))| (text.get(from..to).unwrap_or_default(), number % 2 == 1));
    pieces.filter(|(text, _)| !text.is_empty())
}

/// Where a UTF-16 code unit is in a text, in bytes.
fn place_of(text: &str, unit: u32) -> usize {
    let mut units = 0;
    let found = text.char_indices().find(|(_, letter)| {
        let is_there = units >= unit;
        units += letter.len_utf16() as u32;
        is_there
    });
    found.map_or(text.len(), |(place, _)| place)
}

fn stat(found: &GitDiff) -> Outcome {
    let number =
        |sign: char, count: Option<u32>| count.map_or("?".to_owned(), |count| format!("{sign}{count}"));
    for file in &found.files {
        let pieces = [
            (ADDED, format!("{:>7}", number('+', file.added))),
            (REMOVED, format!("{:>7}", number('-', file.removed))),
            (Style::new(), format!("  {}{}", file.path, if file.binary { " (binary)" } else { "" })),
        ];
        output::styled_line(pieces)?;
    }
    let sum = |count: fn(&DiffFile) -> Option<u32>| found.files.iter().filter_map(count).sum::<u32>();
    let (added, removed) = (sum(|file| file.added), sum(|file| file.removed));
    let (files, lines) = (count(found.total, "file"), count(added, "line"));
    output::line(format_args!("{files} changed, {lines} added, {removed} removed"))?;
    if found.uncounted {
        output::say("some files were not counted: that would take too long");
    }
    left_out(found);
    Ok(())
}

fn left_out(found: &GitDiff) {
    if !found.left_out.is_empty() {
        output::say(format_args!(
            "too large to be recorded, compared by size and time: {}",
            found.left_out.join(", ")
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_at_its_words() {
        let pieces = |text, words: &'static [Span]| by_words(text, words).collect::<Vec<_>>();
        assert_eq!(pieces("a bc", &[]), [("a bc", false)]);
        assert_eq!(pieces("a bc d", &[[2, 4]]), [("a ", false), ("bc", true), (" d", false)]);
        assert_eq!(
            pieces("👩 é x", &[[0, 2], [3, 4]]),
            [("👩", true), (" ", false), ("é", true), (" x", false)]
        );
        assert_eq!(pieces("ab", &[[1, 9]]), [("a", false), ("b", true)]);
        assert_eq!(pieces("", &[]), []);
    }
}
