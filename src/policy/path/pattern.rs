//! Patterns over resolved paths: `./src/**`, `~/notes/*.md`, `/etc/**`.

use super::{Places, Resolved, segments};
use crate::policy::glob::{Case, Glob, overlap};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern {
    root: Root,
    /// The first names, up to the first wildcard, each behind a slash.
    literal: String,
    /// What follows them.
    rest: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Root {
    /// `./`
    Project,
    Home,
    Top,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Name(Glob),
    /// `**`: any number of directories.
    Deep,
}

/// Whether a pattern is meant for paths.
pub fn looks_like_path(pattern: &str) -> bool {
    pattern.starts_with("./") || pattern.starts_with('/') || pattern.starts_with("~/") || pattern == "~"
}

impl PathPattern {
    pub fn new(pattern: &str) -> Result<Self, String> {
        let (root, inside) = match pattern {
            _ if pattern.starts_with("./") => (Root::Project, &pattern[2..]),
            _ if pattern.starts_with("~/") || pattern == "~" => (Root::Home, pattern.get(2..).unwrap_or("")),
            _ if pattern.starts_with('/') => (Root::Top, &pattern[1..]),
            _ => {
                return Err(format!(
                    "'{pattern}' is not a path pattern; it has to begin with './', '~/' or '/'"
                ));
            }
        };
        let (mut literal, mut rest) = (String::new(), Vec::new());
        for segment in segments(inside) {
            let name = Glob::new(segment);
            match (segment, name.as_text()) {
                ("..", _) => {
                    return Err(format!("'{pattern}' contains '..'; write the directory that you mean"));
                }
                ("**", _) if rest.last() == Some(&Part::Deep) => {}
                ("**", _) => rest.push(Part::Deep),
                _ if segment.contains("**") => {
                    return Err(format!("'{pattern}': '**' has to stand alone between two slashes"));
                }
                (_, Some(text)) if rest.is_empty() => {
                    literal.push('/');
                    literal.push_str(text);
                }
                _ => rest.push(Part::Name(name)),
            }
        }
        Ok(Self { root, literal, rest })
    }

    /// Whether it certainly covers a path.
    pub fn allows(&self, path: &Resolved, places: &Places) -> bool {
        let base_is_proven = match self.root {
            // The home directory and what is above it is no project.
            Root::Project => {
                places.project.proven && below(&places.project.path, &places.home.path).is_none()
            }
            Root::Home => places.home.proven,
            Root::Top => true,
        };
        base_is_proven && self.covers(&self.written_from(&places.project, places), path)
    }

    /// Whether a directory lies in the one that a policy is for; its owner may have written it with links.
    pub fn covers_directory(&self, path: &Resolved, places: &Places) -> bool {
        self.allows(path, places)
            || self.covers(&places.resolve(&self.written_from(&places.project, places)).path, path)
    }

    fn covers(&self, prefix: &str, path: &Resolved) -> bool {
        let Some(below) = below(prefix, &path.path) else { return false };
        let names = segments(below);
        let fit = |one: usize, two: usize| match &self.rest[one] {
            Part::Name(name) => name.fits(names[two], Case::Exact),
            Part::Deep => false,
        };
        path.proven
            && overlap((self.rest.len(), names.len()), |at| self.rest[at] == Part::Deep, |_| false, fit)
    }

    /// Whether it may cover a path; the path may have the wildcards of a shell.
    pub fn denies(&self, path: &Resolved, places: &Places) -> bool {
        let path = PossiblePath::new(path, true);
        self.both_ways(places).iter().any(|way| way.may_fit(&path))
    }

    /// The pattern as it is written, and with the links of its first names followed. `./` is where the agent is, where
    /// the command runs, and where the session was started.
    pub fn both_ways(&self, places: &Places) -> Vec<Way<'_>> {
        let mut prefixes = Vec::new();
        for project in [&places.project, &places.cwd].into_iter().chain(&places.started) {
            let written = self.written_from(project, places);
            prefixes.push(places.resolve(&written).path);
            prefixes.push(written);
        }
        prefixes.sort();
        prefixes.dedup();
        let way =
            |prefix: String| Way { prefix: prefix.trim_end_matches('/').to_lowercase(), rest: &self.rest };
        prefixes.into_iter().map(way).collect()
    }

    /// The first names as a path.
    fn written_from(&self, project: &Resolved, places: &Places) -> String {
        let base = match self.root {
            Root::Project => project.path.trim_end_matches('/'),
            Root::Home => places.home.path.trim_end_matches('/'),
            Root::Top => "",
        };
        let path = format!("{base}{}", self.literal);
        if path.is_empty() { "/".to_owned() } else { path }
    }
}

/// What of a path lies below another one; nothing if it lies elsewhere.
pub fn below<'p>(prefix: &str, path: &'p str) -> Option<&'p str> {
    let rest = path.strip_prefix(prefix.trim_end_matches('/'))?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// One spelling of a pattern, in lower case.
pub struct Way<'p> {
    pub(super) prefix: String,
    pub(super) rest: &'p [Part],
}

/// A path that may have the wildcards of a shell, in lower case.
pub struct PossiblePath {
    path: String,
    parts: Vec<Part>,
    globs: bool,
}

impl PossiblePath {
    /// `globs`: whether its wildcards are any.
    pub fn new(path: &Resolved, globs: bool) -> Self {
        let globs = globs && path.path.contains(['*', '?', '[']);
        let path = path.path.to_lowercase();
        let part = |segment| match segment {
            "**" if globs => Part::Deep,
            segment if globs => Part::Name(Glob::of_shell_word(segment)),
            segment => Part::Name(Glob::literal(segment)),
        };
        let parts = segments(&path).into_iter().map(part).collect();
        Self { path, parts, globs }
    }
}

impl Way<'_> {
    pub fn may_fit(&self, path: &PossiblePath) -> bool {
        if path.globs {
            // Most differ in one of the first names.
            let first = self.prefix.split('/').skip(1).zip(&path.parts);
            for (name, part) in first.take_while(|(_, part)| **part != Part::Deep) {
                if matches!(part, Part::Name(glob) if !glob.fits(name, Case::Ignored)) {
                    return false;
                }
            }
            let names = segments(&self.prefix).into_iter().map(|name| Part::Name(Glob::literal(name)));
            let whole: Vec<Part> = names.chain(self.rest.iter().cloned()).collect();
            return may_meet(&whole, &path.parts);
        }
        let names = segments(&self.prefix).len();
        below(&self.prefix, &path.path).is_some()
            && may_meet(self.rest, &path.parts[names.min(path.parts.len())..])
    }
}

fn may_meet(pattern: &[Part], path: &[Part]) -> bool {
    let deep = |parts: &[Part], at: usize| parts[at] == Part::Deep;
    let fit = |one: usize, two: usize| match (&pattern[one], &path[two]) {
        (Part::Name(one), Part::Name(two)) => one.overlaps(two, Case::Ignored),
        _ => true,
    };
    overlap((pattern.len(), path.len()), |at| deep(pattern, at), |at| deep(path, at), fit)
}
