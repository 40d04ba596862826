//! Patterns for files that a program expands by itself: the `glob` of a search, a pathspec of git, `find -name`.
//!
//! Nearly every search runs over a file that a rule denies, so it is not enough that both fit it: the pattern has to
//! name it.

use super::pattern::{Part, Way};
use super::{Places, Resolved, segments};
use crate::policy::glob::{Case, Glob};

/// What a pattern may find, in lower case.
pub struct NamedPath(Vec<Part>);

impl NamedPath {
    /// The readings of a pattern below a directory.
    pub fn readings(pattern: &str, directory: &Resolved, places: &Places) -> Vec<Self> {
        let mut texts = vec![pattern.to_owned()];
        // For some programs `*` also runs over slashes.
        if pattern.split('/').any(|segment| segment != "**" && segment.contains('*')) {
            let crossing = |segment: &str| match segment {
                "**" | "*" => "**".to_owned(),
                segment => segment.replace('*', "*/**/*"),
            };
            texts.push(pattern.split('/').map(crossing).collect::<Vec<_>>().join("/"));
        }
        // A name alone is found in any directory.
        if !pattern.contains('/') {
            texts.push(format!("**/{pattern}"));
        }
        let part = |segment: &str| match segment {
            "**" => Part::Deep,
            segment => Part::Name(Glob::of_shell_word(segment)),
        };
        let below = |text: &String| {
            let path = places.as_written_from(directory, text).path.to_lowercase();
            Self(segments(&path).into_iter().map(part).collect())
        };
        texts.iter().map(below).collect()
    }
}

impl Way<'_> {
    /// Whether a pattern names a path that this one is about.
    pub fn is_named_by(&self, path: &NamedPath) -> bool {
        let prefix = segments(&self.prefix).into_iter().map(|name| Part::Name(Glob::literal(name)));
        let ours: Vec<Part> = prefix.chain(self.rest.iter().cloned()).collect();
        let (names, theirs) = (Names::new(&ours), &path.0);
        // Whether what begins at these two places can be the same, from the end.
        let mut below = vec![false; theirs.len() + 1];
        let mut line = below.clone();
        for one in (0..=ours.len()).rev() {
            for two in (0..=theirs.len()).rev() {
                let next = two < theirs.len() && line[two + 1];
                line[two] = match (ours.get(one), theirs.get(two)) {
                    (None, None) => true,
                    (Some(Part::Deep), _) => below[two] || next,
                    (Some(_), Some(Part::Deep)) => next || names.may_be_run_over(one) && below[two],
                    (None, Some(Part::Deep)) => next,
                    (Some(Part::Name(_)), Some(Part::Name(name))) => {
                        names.may_be(one, name) && below[two + 1]
                    }
                    _ => false,
                };
            }
            std::mem::swap(&mut below, &mut line);
        }
        below[0]
    }
}

/// The names of a pattern of ours.
struct Names<'p> {
    parts: &'p [Part],
    /// The last one that has letters.
    last: Option<usize>,
    /// It ends with a name without wildcards: that one is what it is about, in whatever directory.
    is_file: bool,
}

impl<'p> Names<'p> {
    fn new(parts: &'p [Part]) -> Self {
        let last = parts.iter().rposition(has_letters);
        let is_file = matches!(parts.last(), Some(Part::Name(name)) if name.as_text().is_some());
        Self { parts, last, is_file }
    }

    fn may_be_run_over(&self, at: usize) -> bool {
        !has_letters(&self.parts[at]) || self.is_file && self.last != Some(at)
    }

    fn may_be(&self, at: usize, name: &Glob) -> bool {
        match &self.parts[at] {
            Part::Name(own) if self.may_be_run_over(at) => own.overlaps(name, Case::Ignored),
            Part::Name(own) => own.is_named_by(name, Case::Ignored),
            Part::Deep => true,
        }
    }
}

fn has_letters(part: &Part) -> bool {
    let is_letter = |letter: char| letter.is_alphanumeric();
    matches!(part, Part::Name(name) if name.pieces().iter().any(|piece| piece.letter().is_some_and(is_letter)))
}
